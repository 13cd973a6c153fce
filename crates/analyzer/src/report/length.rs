//! How long the windows of a limit are, concluded from when they end.

use crate::limits::LimitUse;

/// How long windows usually are, milliseconds: from a second to a week.
const USUAL: [i64; 11] = [
    1_000,
    10_000,
    60_000,
    300_000,
    600_000,
    900_000,
    1_800_000,
    3_600_000,
    10_800_000,
    86_400_000,
    604_800_000,
];

/// Shorter windows are not taken for granted: it may be that the upstream tells of something else.
const SURE_MIN: i64 = 10_000;

/// So many windows are many.
const MANY: usize = 10;

/// How long windows are, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Length {
    /// At least.
    pub(crate) least: i64,
    /// What they are taken to be; `None` where that would be a guess.
    pub(crate) likely: Option<i64>,
    /// Whether they are known to be just that.
    pub(crate) is_known: bool,
}

impl Length {
    pub(crate) fn known(length: i64) -> Length {
        Length { least: length, likely: Some(length), is_known: true }
    }

    /// A window is at least as long as the longest time from an answer to its end, and at most as long
    /// as the shortest from one end to the next. What is usual and lies between is known to be its
    /// length if it is one, and an answer came in the first half of a window. Of several it is likely the
    /// shortest if use begins a window, as GitHub's does, else the longest.
    ///
    /// Some tell when all will be there again instead of when a window ends, as OpenAI does: a moment
    /// that moves with each call, and says nothing but the least.
    pub(crate) fn concluded(used: &LimitUse) -> Option<Length> {
        let reach = used.reach.filter(|reach| *reach > 0)?;
        let shortest = USUAL.into_iter().find(|usual| usual + slack(*usual) >= reach);
        let shortest = shortest.unwrap_or(reach);
        let unknown = |likely| Length { least: shortest, likely, is_known: false };
        let is_reached = shortest - reach <= slack(shortest) && shortest >= SURE_MIN;
        let ends = Ends::of(used, reach);
        if shortest < 2 * used.windows.interval_ms() {
            let likely = Some(shortest).filter(|_| shortest >= SURE_MIN);
            return Some(Length { is_known: is_reached && ends.count >= MANY, ..unknown(likely) });
        }
        let never_new = ends.count >= MANY && reach * 4 < shortest;
        if ends.are_moving || never_new {
            return Some(unknown(None));
        }
        let Some(apart) = ends.apart else { return Some(unknown(Some(shortest))) };
        let most = apart + used.windows.interval_ms() + slack(apart);
        if most < reach {
            return Some(unknown(None));
        }
        let between: Vec<i64> =
            USUAL.into_iter().filter(|usual| (shortest..=most).contains(usual)).collect();
        Some(match *between {
            [] => Length { is_known: reach * 2 >= apart, ..Length::known(apart) },
            [only] => Length { is_known: reach * 2 >= only, ..Length::known(only) },
            [.., longest] if ends.count > 2 && !is_reached => unknown(Some(longest)),
            _ => unknown(Some(shortest)),
        })
    }
}

/// By so much lengths are off: moments are told in whole seconds, and clocks differ.
fn slack(length: i64) -> i64 {
    (length / 100).max(1_000)
}

/// When windows end, where what ends at nearly the same moment is one.
struct Ends {
    count: usize,
    /// The shortest time from one to the next.
    apart: Option<i64>,
    /// Whether what would be one goes on for longer than moments are off.
    are_moving: bool,
}

impl Ends {
    fn of(used: &LimitUse, reach: i64) -> Ends {
        let ends: Vec<i64> = used.windows.iter().map(|(ends, _)| ends).collect();
        let near: Vec<&[i64]> = ends.chunk_by(|one, next| (next - one) * 2 < reach).collect();
        let firsts: Vec<i64> = near.iter().filter_map(|ends| ends.first().copied()).collect();
        let lasts: Vec<i64> = near.iter().filter_map(|ends| ends.last().copied()).collect();
        let mut spans = firsts.iter().zip(&lasts).map(|(first, last)| last - first);
        Ends {
            count: near.len(),
            are_moving: spans.any(|span| span * 2 > reach),
            // Of what is told as seconds to wait, the latest is the most exact.
            apart: shortest_step(&firsts).max(shortest_step(&lasts)),
        }
    }
}

fn shortest_step(moments: &[i64]) -> Option<i64> {
    moments.iter().zip(moments.iter().skip(1)).map(|(one, next)| next - one).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::WindowUse;

    /// Seconds: the longest time to an end, when windows end, and how long they are at least, likely, for
    /// sure.
    #[track_caller]
    fn check(reach: i64, ends: impl IntoIterator<Item = i64>, expected: (i64, Option<i64>, bool)) {
        let mut used = LimitUse { reach: Some(reach * 1_000), ..LimitUse::default() };
        let window =
            WindowUse { requests: 1, refused: 0, used: 1, lowest: Some(9), limit: Some(10) };
        ends.into_iter().for_each(|end| used.windows.add(end * 1_000, window));
        let Length { least, likely, is_known } = Length::concluded(&used).unwrap();
        let found = (least / 1_000, likely.map(|likely| likely / 1_000), is_known);
        assert_eq!(found, expected, "{reach}");
    }

    fn every(seconds: i64, count: i64) -> impl Iterator<Item = i64> {
        (1..=count).map(move |number| number * seconds)
    }

    #[test]
    fn a_row_of_windows_tells_how_long_they_are() {
        check(3_599, every(3_600, 3), (3_600, Some(3_600), true));
        // Only the second half of each is seen, clocks differ, ends are told as seconds to wait.
        check(2_100, every(3_600, 3), (3_600, Some(3_600), true));
        check(3_605, every(3_600, 3), (3_600, Some(3_600), true));
        let off = every(3_600, 3).flat_map(|end| [end - 2, end, end + 1]);
        check(3_600, off, (3_600, Some(3_600), true));
        check(1_199, every(1_200, 3), (1_200, Some(1_200), true));
    }

    #[test]
    fn a_single_window_tells_the_least() {
        check(2_150, [3_600], (3_600, Some(3_600), false));
    }

    #[test]
    fn of_windows_far_apart_either_the_least_or_all_between_is_likely() {
        // Use begins a window once a day; or calls come nine minutes before each hour.
        check(3_600, every(86_400, 5), (3_600, Some(3_600), false));
        check(540, every(3_600, 5), (600, Some(3_600), false));
    }

    #[test]
    fn moments_that_move_with_each_call_tell_the_least() {
        check(3_000, every(60, 100), (3_600, None, false));
        check(1, every(60, 100), (1, None, false));
    }
}
