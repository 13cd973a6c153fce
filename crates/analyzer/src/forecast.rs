//! When a limit will be reached: a robust trend times a profile of the hours, with an interval.
//!
//! What is used in a step of time is modelled as *level × profile*. The profile is the median share
//! of each hour of the week (from three weeks on) or of the day (from two days on). The level is a
//! line through the days' totals by Theil and Sen: the median of the slopes of all pairs of days
//! (P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau", 1968), so that a day
//! that was out of the ordinary does not bend it; its interval is that of the same paper. With fewer
//! than five whole days there is no trend, only a level.
//!
//! The interval covers about eight cases in ten. It is made of the tenth and the ninetieth percentile
//! of what past steps differed from the model, in units of the square root of what was expected, and
//! at least as wide as chance alone makes it (Poisson). Differences of one day tend to go the same
//! way, so a sum of steps is taken to be high or low in all of them at once: the interval is rather
//! too wide than too narrow.

/// A day in milliseconds.
const DAY: i64 = 86_400_000;

/// The standard normal distribution exceeds this in one case of ten.
const TENTH: f64 = 1.281_551_565_545;

/// Whole days from which on there is a trend.
const TREND_DAYS: usize = 5;

/// What was used in equal steps of time, from `start` on. A day has a whole number of steps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct History<'a> {
    /// Where the first step starts, UTC milliseconds.
    pub(crate) start: i64,
    /// The width of a step, milliseconds.
    pub(crate) step: i64,
    /// What was used in each; 0 where nothing was.
    pub(crate) values: &'a [f64],
}

/// Which hours are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Profile {
    /// The 168 hours of the week.
    HourOfWeek,
    /// The 24 hours of the day: the log is shorter than three weeks.
    HourOfDay,
    /// None: the log is shorter than two days.
    None,
}

/// What is expected, or an end of its interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// Less is used in about one case of ten.
    Low,
    /// The middle.
    Expected,
    /// More is used in about one case of ten.
    High,
}

/// A line by days: what a day uses in all.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Line {
    /// At `pivot`.
    level: f64,
    /// More a day, every day: low, middle, high.
    slopes: Option<[f64; 3]>,
    /// Days after the start at which all three are the same.
    pivot: f64,
}

/// What is expected of the steps to come.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    start: i64,
    step: i64,
    profile: Profile,
    /// By phase: the share of a step in its day, times the number of steps of a day.
    shares: Vec<f64>,
    line: Line,
    /// How far steps lie from what was expected, in square roots of it: low, 0, high.
    spread: [f64; 3],
}

impl Model {
    /// Fits the model. `None` for a history of fewer than three steps or without any use.
    pub(crate) fn fit(history: History<'_>) -> Option<Model> {
        if history.values.len() < 3 || history.values.iter().all(|&value| value == 0.0) {
            return None;
        }
        let days = history.values.len() as i64 * history.step / DAY;
        let (profile, phases) = match days {
            21.. => (Profile::HourOfWeek, 7 * DAY / history.step),
            2.. => (Profile::HourOfDay, DAY / history.step),
            _ => (Profile::None, 1),
        };
        let phases = usize::try_from(phases).unwrap_or(1).max(1);
        let mut model = Model {
            start: history.start,
            step: history.step,
            profile,
            shares: vec![1.0; phases],
            line: level(history, phases),
            spread: [-TENTH, 0.0, TENTH],
        };
        model.shares = model.fit_shares(history);
        model.spread = model.fit_spread(history);
        Some(model)
    }

    /// The width of a step, milliseconds.
    pub(crate) fn step(&self) -> i64 {
        self.step
    }

    /// Which hours are told apart.
    pub(crate) fn profile(&self) -> Profile {
        self.profile
    }

    /// What is used more every day: low, middle, high. `None` without a trend.
    pub(crate) fn trend(&self) -> Option<[f64; 3]> {
        self.line.slopes
    }

    /// What the step that starts at a moment will use.
    pub(crate) fn at(&self, start: i64, path: Path) -> f64 {
        let index = path as usize;
        let share = self.shares.get(self.phase(start)).copied().unwrap_or(1.0);
        let expected = (self.level_at(start, path) * share).max(0.0);
        let spread = self.spread.get(index).copied().unwrap_or_default();
        (expected + spread * (expected + 1.0).sqrt() * f64::from(expected > 0.0)).max(0.0)
    }

    /// What a step of average share uses at a moment.
    fn level_at(&self, start: i64, path: Path) -> f64 {
        let days = (start - self.start) as f64 / DAY as f64 - self.line.pivot;
        let slope = self.line.slopes.and_then(|slopes| slopes.get(path as usize).copied());
        (self.line.level + slope.unwrap_or_default() * days) * self.step as f64 / DAY as f64
    }

    /// The phase of a moment: steps since the week, or the day, began. The epoch began on a Thursday.
    fn phase(&self, start: i64) -> usize {
        let phase = start.div_euclid(self.step).rem_euclid(self.shares.len() as i64);
        usize::try_from(phase).unwrap_or_default()
    }

    fn steps<'h>(&self, history: History<'h>) -> impl Iterator<Item = (i64, f64)> + use<'h> {
        let History { start, step, values } = history;
        (0..).zip(values).map(move |(index, &value)| (start + index * step, value))
    }

    /// The median share of each phase.
    fn fit_shares(&self, history: History<'_>) -> Vec<f64> {
        let mut shares = vec![Vec::new(); self.shares.len()];
        for (start, value) in self.steps(history) {
            let level = self.level_at(start, Path::Expected);
            if let Some(of_phase) = shares.get_mut(self.phase(start)).filter(|_| level > 0.0) {
                of_phase.push(value / level);
            }
        }
        shares.into_iter().map(|mut shares| median(&mut shares).unwrap_or_default()).collect()
    }

    /// How far the steps lie from the model. Few repetitions of a phase lie nearer to their own
    /// median than the next one will: by the factor that holds for means.
    fn fit_spread(&self, history: History<'_>) -> [f64; 3] {
        let repeated = (history.values.len() / self.shares.len()).max(2) as f64;
        let widened = ((repeated + 1.0) / (repeated - 1.0)).sqrt();
        let differ = |(start, value): (i64, f64)| {
            let share = self.shares.get(self.phase(start)).copied().unwrap_or_default();
            let expected = self.level_at(start, Path::Expected) * share;
            (expected > 0.0).then(|| (value - expected) / (expected + 1.0).sqrt())
        };
        let mut differences: Vec<f64> = self.steps(history).filter_map(differ).collect();
        let low = quantile(&mut differences, 0.1).unwrap_or_default() * widened;
        let high = quantile(&mut differences, 0.9).unwrap_or_default() * widened;
        [low.min(-TENTH), 0.0, high.max(TENTH)]
    }
}

/// The line through the days' totals. Totals are compared without the weekday's part in them, where
/// the profile knows weekdays.
fn level(history: History<'_>, phases: usize) -> Line {
    let a_day = usize::try_from(DAY / history.step).unwrap_or(1).max(1);
    let totals: Vec<f64> = history.values.chunks_exact(a_day).map(|day| day.iter().sum()).collect();
    let totals = if phases > a_day { without_weekdays(&totals) } else { totals };
    let mean = history.values.iter().sum::<f64>() / history.values.len() as f64;
    let flat = |level| Line { level, slopes: None, pivot: 0.0 };
    let line = match totals.len() {
        0 | 1 => flat(0.0),
        2..TREND_DAYS => flat(median(&mut totals.clone()).unwrap_or_default()),
        days => trend(&totals, days),
    };
    // Of less than two days, and of days of which most are empty, the mean says more.
    if line.level > 0.0 { line } else { flat(mean * a_day as f64) }
}

/// Totals divided by what their weekday usually has, in units of what a day usually has.
fn without_weekdays(totals: &[f64]) -> Vec<f64> {
    let usual = median(&mut totals.to_vec()).filter(|usual| *usual > 0.0).unwrap_or(1.0);
    let factor = |weekday: usize| {
        let mut of_weekday: Vec<f64> = totals.iter().skip(weekday).step_by(7).copied().collect();
        median(&mut of_weekday).filter(|total| *total > 0.0).map_or(1.0, |total| total / usual)
    };
    let factors: Vec<f64> = (0..7).map(factor).collect();
    totals.iter().zip(factors.iter().cycle()).map(|(total, factor)| total / factor).collect()
}

/// Theil's and Sen's line through equally spaced totals, with Sen's interval of its slope.
fn trend(totals: &[f64], days: usize) -> Line {
    let mut slopes: Vec<f64> = Vec::new();
    for (from, one) in totals.iter().enumerate() {
        let later = (1..).zip(totals.iter().skip(from + 1));
        slopes.extend(later.map(|(apart, other)| (other - one) / f64::from(apart)));
    }
    slopes.sort_unstable_by(f64::total_cmp);
    let middle = median(&mut slopes).unwrap_or_default();
    let (count, pairs) = (days as f64, slopes.len() as f64);
    let apart = TENTH * (count * (count - 1.0) * (2.0 * count + 5.0) / 18.0).sqrt();
    let ranked = |rank: f64| {
        let last = slopes.len().saturating_sub(1);
        slopes.get((rank.max(0.0) as usize).min(last)).copied().unwrap_or(middle)
    };
    let low = ranked(((pairs - apart) / 2.0).round() - 1.0);
    let high = ranked(((pairs + apart) / 2.0).round());
    // The middle of the days, half a day after the middle total's start.
    let pivot = count / 2.0;
    let along = |(day, total): (usize, &f64)| total - middle * (day as f64 + 0.5 - pivot);
    let mut levels: Vec<f64> = totals.iter().enumerate().map(along).collect();
    let level = median(&mut levels).unwrap_or_default();
    Line { level, slopes: Some([low, middle, high]), pivot }
}

/// The median; of an even number of values, the mean of the middle two.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        _ if values.is_empty() => None,
        0 => Some(f64::midpoint(*values.get(middle - 1)?, *values.get(middle)?)),
        _ => values.get(middle).copied(),
    }
}

/// The value that a share of the values do not exceed: nearest rank.
fn quantile(values: &mut [f64], share: f64) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let rank = (share * values.len() as f64).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied()
}

/// How a limit stands when the forecast begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    /// When it begins, UTC milliseconds.
    pub(crate) now: i64,
    /// What every window allows.
    pub(crate) limit: f64,
    /// What is left now.
    pub(crate) left: f64,
    /// When the present window ends; later ones follow without a gap.
    pub(crate) ends: i64,
    /// How long a window is, milliseconds.
    pub(crate) window: i64,
}

/// What the windows to come are expected to use.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Ahead {
    /// When the limit is reached.
    pub(crate) reached: Option<i64>,
    /// The most that a window uses, until then or until the end.
    pub(crate) most: f64,
}

/// Walks through the windows until one has nothing left, or until a moment. Within a step, use is
/// even.
///
/// A window shorter than a step is not followed through: of those, the model is of the most that one
/// window of each step uses, so the limit is reached in the first step in which that is the limit.
pub(crate) fn ahead(model: &Model, standing: Standing, path: Path, until: i64) -> Ahead {
    if standing.window < model.step {
        return peaks(model, standing, path, until);
    }
    let Standing { mut now, limit, mut left, mut ends, window } = standing;
    if left <= 0.0 && now < ends {
        return Ahead { reached: Some(now), most: limit };
    }
    let mut ahead = Ahead { reached: None, most: limit - left };
    while now < until {
        if now >= ends {
            (left, ends) = (limit, ends + window * (1 + (now - ends) / window));
        }
        let step = now - now.rem_euclid(model.step);
        let end = (step + model.step).min(ends).min(until);
        let rate = model.at(step, path) / model.step as f64;
        let used = rate * (end - now) as f64;
        if used >= left && rate > 0.0 {
            return Ahead { reached: Some(now + (left / rate).round() as i64), most: limit };
        }
        left -= used;
        ahead.most = ahead.most.max(limit - left);
        now = end;
    }
    ahead
}

fn peaks(model: &Model, standing: Standing, path: Path, until: i64) -> Ahead {
    let first = standing.now - standing.now.rem_euclid(model.step) + model.step;
    let mut ahead = Ahead::default();
    let mut start = first;
    while start < until {
        let most = model.at(start, path);
        if most >= standing.limit {
            return Ahead { reached: Some(start), most: standing.limit };
        }
        ahead.most = ahead.most.max(most);
        start += model.step;
    }
    ahead
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = 3_600_000;
    /// A Monday.
    const START: i64 = 1_773_014_400_000;

    fn history(values: &[f64]) -> History<'_> {
        History { start: START, step: HOUR, values }
    }

    /// What a busy office does: little at night, half on Saturdays and Sundays.
    fn office(hour: usize) -> f64 {
        let (day, hour) = (hour / 24 % 7, hour % 24);
        let by_day = if day >= 5 { 0.5 } else { 1.2 };
        let by_hour = if (8..18).contains(&hour) { 2.0 } else { 4.0 / 14.0 };
        by_day * by_hour
    }

    #[track_caller]
    fn check_near(found: f64, expected: f64, share: f64) {
        assert!((found - expected).abs() <= share * expected.abs(), "{found} for {expected}");
    }

    /// The expected values are of a script that shares nothing with this file.
    #[test]
    fn the_line_is_that_of_theil_and_sen() {
        let totals =
            [412.0, 455.0, 430.0, 498.0, 1900.0, 521.0, 560.0, 541.0, 604.0, 12.0, 633.0, 660.0];
        let line = trend(&totals, totals.len());
        let [low, middle, high] = line.slopes.unwrap();
        check_near(low, 16.5, 1e-9);
        check_near(middle, 20.833333333333336, 1e-9);
        check_near(high, 22.545454545454547, 1e-9);
        check_near(line.level, 542.3333333333333, 1e-9);
    }

    #[test]
    fn a_week_that_grows_is_continued() {
        // 2 % of the first day more every day, for seven weeks.
        let grows = |hour: usize| 100.0 * (1.0 + 0.02 * hour as f64 / 24.0) * office(hour);
        let values: Vec<f64> = (0..7 * 168).map(grows).collect();
        let model = Model::fit(history(&values)).unwrap();
        assert_eq!(model.profile(), Profile::HourOfWeek);
        for hour in (7 * 168..9 * 168).step_by(5) {
            let at = START + hour as i64 * HOUR;
            check_near(model.at(at, Path::Expected), grows(hour), 0.04);
            assert!(model.at(at, Path::Low) < model.at(at, Path::Expected));
            assert!(model.at(at, Path::Expected) < model.at(at, Path::High));
        }
    }

    #[test]
    fn days_out_of_the_ordinary_do_not_bend_it() {
        let usual: Vec<f64> = (0..28 * 24).map(|hour| 100.0 * office(hour)).collect();
        let mut values = usual.clone();
        for (at, value) in values.iter_mut().enumerate() {
            match at / 24 {
                9 => *value *= 12.0,
                17 => *value = 0.0,
                _ => {}
            }
        }
        let model = Model::fit(history(&values)).unwrap();
        for hour in 0..168 {
            let at = START + (28 * 24 + hour as i64) * HOUR;
            check_near(model.at(at, Path::Expected), 100.0 * office(hour), 0.02);
        }
    }

    #[test]
    fn a_short_log_has_hours_of_the_day_or_none() {
        let values: Vec<f64> = (0..50).map(office).collect();
        assert_eq!(Model::fit(history(&values)).unwrap().profile(), Profile::HourOfDay);
        assert_eq!(Model::fit(history(&values)).unwrap().trend(), None);
        assert_eq!(Model::fit(history(&values[..40])).unwrap().profile(), Profile::None);
        assert!(Model::fit(history(&values[..2])).is_none());
        assert!(Model::fit(history(&[0.0; 60])).is_none());
    }

    /// Minute after minute, as a person would.
    fn by_minutes(model: &Model, standing: Standing, path: Path, until: i64) -> Option<i64> {
        let Standing { now, limit, mut left, mut ends, window } = standing;
        let mut at = now;
        while at < until {
            if at >= ends {
                left = limit;
                ends += window;
            }
            left -= model.at(at - at % HOUR, path) / 60.0;
            at += 60_000;
            if left <= 0.0 {
                return Some(at);
            }
        }
        None
    }

    proptest! {
        #[test]
        fn windows_are_walked_as_by_minutes(
            use_ in 20..200_u32,
            limit in 50..4_000_u32,
            left in 0.01..1.0_f64,
            begun in 1..60_i64,
            window in prop::sample::select(vec![60_i64, 90, 180, 1440]),
        ) {
            let values: Vec<f64> = (0..240).map(|hour| f64::from(use_) * office(hour)).collect();
            let model = Model::fit(history(&values)).unwrap();
            let now = START + 240 * HOUR + 11 * 60_000;
            let limit = f64::from(limit);
            let (ends, window) = (now + begun * 60_000, window * 60_000);
            let standing = Standing { now, limit, left: limit * left, ends, window };
            for path in [Path::Low, Path::Expected, Path::High] {
                let until = now + 100 * HOUR;
                // Where a window uses just what it may, it is left to rounding whether it is reached.
                let of_nearly = |share: f64| {
                    let [limit, left] = [limit, standing.left].map(|it| it * share);
                    by_minutes(&model, Standing { limit, left, ..standing }, path, until)
                };
                let [less, more] = [1.0 - 1e-9, 1.0 + 1e-9].map(of_nearly);
                prop_assume!(less.is_some() == more.is_some());
                let found = ahead(&model, standing, path, until);
                let expected = by_minutes(&model, standing, path, until);
                match (found.reached, expected) {
                    (Some(found), Some(expected)) => prop_assert!((0..=60_000).contains(&(expected - found))),
                    (found, expected) => prop_assert_eq!(found, expected),
                }
                prop_assert_eq!(found.most >= limit, found.reached.is_some());
            }
        }
    }

    #[test]
    fn what_is_used_up_is_reached_whatever_comes() {
        // Nothing is used in most steps: none is expected in the next.
        let values: Vec<f64> = (0..12).map(|at| if at == 10 { 100.0 } else { 0.0 }).collect();
        let model = Model::fit(history(&values)).unwrap();
        let (now, limit) = (START + 12 * HOUR, 100.0);
        let standing = Standing { now, limit, left: 0.0, ends: now + 60_000, window: HOUR };
        let found = ahead(&model, standing, Path::Expected, now + HOUR);
        assert_eq!(found, Ahead { reached: Some(now), most: limit });
    }

    #[test]
    fn short_windows_are_reached_in_the_hour_whose_heaviest_one_is() {
        // The heaviest minute of each hour: 30 at two in the morning, else 3.
        let values: Vec<f64> =
            (0..96).map(|hour| if hour % 24 == 2 { 30.0 } else { 3.0 }).collect();
        let model = Model::fit(history(&values)).unwrap();
        let now = START + 96 * HOUR + 5;
        let standing = Standing { now, limit: 30.0, left: 30.0, ends: now, window: 60_000 };
        let until = now + 48 * HOUR;
        let found = ahead(&model, standing, Path::Expected, until);
        assert_eq!(found, Ahead { reached: Some(START + 98 * HOUR), most: 30.0 });
        let of_40 = ahead(&model, Standing { limit: 40.0, ..standing }, Path::Expected, until);
        assert_eq!(of_40, Ahead { reached: None, most: 30.0 });
    }

    /// Numbers as even as they look: SplitMix64.
    struct Random(u64);

    impl Random {
        fn even(&mut self) -> f64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
        }

        /// About normal: the sum of twelve, less six.
        fn normal(&mut self) -> f64 {
            (0..12).map(|_| self.even()).sum::<f64>() - 6.0
        }
    }

    /// Days are busy or not as a whole, hours vary by chance, and all grow. A daily limit is reached
    /// some days later; the interval must hold that moment in at least eight cases of ten, and be
    /// worth something.
    #[test]
    fn the_interval_holds_what_comes() {
        let (mut held, mut wide) = (0, Vec::new());
        for seed in 0..200 {
            let mut random = Random(seed);
            let mut values = Vec::new();
            for day in 0..60 {
                let busy = 1.0 + 0.06 * random.normal();
                for hour in 0..24 {
                    let expected = 200.0
                        * (1.0 + 0.02 * f64::from(day))
                        * office(day as usize * 24 + hour)
                        * busy;
                    values.push((expected + random.normal() * expected.sqrt()).max(0.0).round());
                }
            }
            let seen = 30 * 24;
            let model = Model::fit(history(&values[..seen])).unwrap();
            let now = START + seen as i64 * HOUR;
            let limit = 8_600.0;
            let standing = Standing { now, limit, left: limit, ends: now + DAY, window: DAY };
            let until = now + 30 * DAY;
            let [low, expected, high] = [Path::Low, Path::Expected, Path::High]
                .map(|path| ahead(&model, standing, path, until).reached);
            let truth = (30..60).find_map(|day| {
                let mut left = limit;
                (0..24).find_map(|hour| {
                    left -= values[day * 24 + hour];
                    (left <= 0.0).then_some(START + (day * 24 + hour) as i64 * HOUR)
                })
            });
            let (Some(high), Some(truth)) = (high, truth) else { continue };
            held += u32::from(high <= truth + HOUR && low.is_none_or(|low| truth <= low));
            wide.push((low.unwrap_or(until) - high) as f64 / DAY as f64);
            assert!(expected.is_none_or(|expected| high <= expected));
        }
        let typical = median(&mut wide).unwrap();
        assert!(
            wide.len() >= 190 && held * 10 >= wide.len() as u32 * 8,
            "{held} of {}",
            wide.len()
        );
        assert!(typical < 22.0, "an interval of {typical} days says nothing");
    }
}
