//! When a limit will be reached, in the report.

use serde::Serialize;

use super::windows::Windows;
use crate::forecast::{Ahead, History, Model, Path, Profile, Standing, ahead};
use crate::limits::LimitUse;
use crate::time::{Span, rfc3339};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// How long ago is still of late.
const LATELY: i64 = HOUR;

/// How far back is looked for what is usual: what was longer ago says little of what is to come, and
/// what a line of the log says of its time may be anything.
const PAST_MAX: i64 = 366 * DAY;

/// How far ahead a forecast looks at most.
const AHEAD_MAX: i64 = 28 * DAY;

/// When a limit will be reached. The moments hold in about eight cases of ten.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ForecastReport {
    /// From when on: the last request of the log, RFC 3339.
    pub from: String,
    /// Until when it looks ahead: as long as the log is, at most four weeks; of a log shorter than two
    /// days to the end of the present window.
    pub until: String,
    /// When the limit is expected to be reached; `None` if it is not by then.
    pub reached: Option<String>,
    /// The earliest.
    pub earliest: Option<String>,
    /// The latest; `None` if it may as well not be reached.
    pub latest: Option<String>,
    /// The most that one window is expected to use.
    pub most_used: u64,
    /// The most that one may use.
    pub most_used_at_most: u64,
    /// Which hours are told apart.
    pub profile: Profile,
    /// What is used more every day, for logs of five days and more.
    pub trend_per_day: Option<TrendReport>,
}

/// A trend with its interval.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TrendReport {
    /// At least.
    pub low: f64,
    /// Expected.
    pub expected: f64,
    /// At most.
    pub high: f64,
}

/// What is known of what is used.
struct Known {
    /// How it went lately: for the present window.
    lately: Option<Model>,
    /// What hours of the day or the week use: for the windows after that.
    usually: Option<Model>,
}

impl ForecastReport {
    /// `None` where the log does not tell enough: the limit, its window, or what was used.
    pub(super) fn new(used: &LimitUse, windows: &Windows, span: Span, cost: f64) -> Option<Self> {
        let (_, limit) = used.limit?;
        let (first, now, window) = (span.first()?, span.last()?, windows.length?);
        let standing = standing(used, now, limit, window);
        let known = Known {
            lately: lately(used, first, now, cost).filter(|model| window >= 3 * model.step()),
            usually: usually(used, windows, (first, now), cost),
        };
        let until = match &known.usually {
            Some(_) => now + (now - first).clamp(window.max(HOUR), AHEAD_MAX.max(window)),
            None => known.lately.as_ref().map(|_| standing.ends)?,
        };
        let paths = [Path::Low, Path::Expected, Path::High];
        let ahead = paths.map(|path| known.ahead(standing, path, until));
        Some(known.in_words(now, until, ahead))
    }
}

impl Known {
    /// Goes through the present window at the rate of late, then through those to come.
    fn ahead(&self, standing: Standing, path: Path, until: i64) -> Ahead {
        let of_late = |model| ahead(model, standing, path, until.min(standing.ends));
        match (self.lately.as_ref().map(of_late), &self.usually) {
            (Some(present), None) => present,
            (Some(present), Some(_)) if present.reached.is_some() => present,
            (Some(present), Some(usual)) => {
                let Standing { limit, ends, window, .. } = standing;
                let next = Standing { now: ends, left: limit, ends: ends + window, limit, window };
                let later = ahead(usual, next, path, until);
                Ahead { most: later.most.max(present.most), ..later }
            }
            (None, Some(usual)) => ahead(usual, standing, path, until),
            (None, None) => Ahead::default(),
        }
    }

    fn in_words(&self, now: i64, until: i64, [low, expected, high]: [Ahead; 3]) -> ForecastReport {
        let moment = |ahead: Ahead| ahead.reached.map(to_the_minute);
        let tenth = |value: f64| (value * 10.0).round() / 10.0;
        let usually = self.usually.as_ref();
        ForecastReport {
            from: rfc3339(now),
            until: to_the_minute(until),
            reached: moment(expected),
            earliest: moment(high),
            latest: moment(low),
            most_used: expected.most.round() as u64,
            most_used_at_most: high.most.round() as u64,
            profile: usually.map_or(Profile::None, Model::profile),
            trend_per_day: usually.and_then(Model::trend).map(|[low, expected, high]| {
                TrendReport { low: tenth(low), expected: tenth(expected), high: tenth(high) }
            }),
        }
    }
}

/// What the last hour used, in steps of five minutes or of the log's own intervals.
fn lately(used: &LimitUse, first: i64, now: i64, cost: f64) -> Option<Model> {
    let step = used.series.interval_ms().max(HOUR / 12);
    let steps = Steps::within(first.max(now - LATELY), now, step)?;
    Model::fit(History { start: steps.start, step, values: &used_in(used, steps, cost) })
}

/// What hours of the day or of the week use, of logs of two days and more. Of windows shorter than
/// an hour, what the heaviest of each hour uses.
fn usually(
    used: &LimitUse,
    windows: &Windows,
    (first, now): (i64, i64),
    cost: f64,
) -> Option<Model> {
    let window = windows.length?;
    let step = used.series.interval_ms().max(HOUR);
    let steps = Steps::within(first.max(now.saturating_sub(PAST_MAX)), now, step)?;
    let values = match window < step {
        true => heaviest(windows, window, steps),
        false => used_in(used, steps, cost),
    };
    let model = Model::fit(History { start: steps.start, step, values: &values })?;
    (model.profile() != Profile::None).then_some(model)
}

/// A forecast is not more exact than that.
fn to_the_minute(at: i64) -> String {
    rfc3339(at - at.rem_euclid(60_000))
}

/// How the limit stands at the end of the log. A window that ended before that is a full one now.
fn standing(used: &LimitUse, now: i64, limit: u64, window: i64) -> Standing {
    let latest = used.latest.filter(|latest| latest.reset.is_some_and(|reset| reset > now));
    let past = used.latest.and_then(|latest| latest.reset).unwrap_or(now);
    let missed = (now - past).div_euclid(window) + 1;
    let ends = latest.and_then(|latest| latest.reset).unwrap_or(past + missed * window);
    let left = latest.map_or(limit, |latest| latest.left);
    Standing { now, limit: limit as f64, left: left as f64, ends, window }
}

/// The steps of a log, but for those at its ends of which it has less than nine tenths.
#[derive(Clone, Copy)]
struct Steps {
    start: i64,
    step: i64,
    count: usize,
}

impl Steps {
    fn within(first: i64, last: i64, step: i64) -> Option<Steps> {
        let missing = |part: i64| part * 10 > step;
        let begun = first.rem_euclid(step);
        let start = first - begun + if missing(begun) { step } else { 0 };
        let rest = step - last.rem_euclid(step);
        let end = last + rest - if missing(rest) { step } else { 0 };
        let count = usize::try_from((end - start) / step).ok()?;
        Some(Steps { start, step, count })
    }

    fn fill(self, values: impl Iterator<Item = (i64, f64)>, join: fn(f64, f64) -> f64) -> Vec<f64> {
        let mut filled = vec![0.0; self.count];
        for (at, value) in values {
            let index = usize::try_from((at - self.start).div_euclid(self.step)).ok();
            if let Some(held) = index.and_then(|index| filled.get_mut(index)) {
                *held = join(*held, value);
            }
        }
        filled
    }
}

/// What each step used.
fn used_in(used: &LimitUse, steps: Steps, cost: f64) -> Vec<f64> {
    let levels = used.series.iter();
    steps.fill(levels.map(|(at, level)| (at, level.requests as f64 * cost)), |a, b| a + b)
}

/// What the heaviest window of each step used. A window is of the step that its middle lies in: when it
/// ends is not known exactly.
fn heaviest(windows: &Windows, window: i64, steps: Steps) -> Vec<f64> {
    let middle = |ends: i64| ends + (windows.interval - window) / 2;
    let uses = windows.all.iter();
    steps.fill(uses.map(|(ends, used)| (middle(*ends), used.used as f64)), f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{Latest, Level, WindowUse};

    const MINUTE: i64 = 60_000;
    /// In the morning.
    const NINE: i64 = 1_773_133_200_000;

    /// A limit of 5,000 in one hour, of which so many are used in each minute from nine until now.
    fn used(minutes: i64, each: impl Fn(i64) -> u64) -> (LimitUse, Span) {
        let mut used =
            LimitUse { limit: Some((NINE, 5000)), window: Some(3600), ..LimitUse::default() };
        let (mut left, mut hour) = (5000_u64, 0);
        for minute in 0..minutes {
            let at = NINE + minute * MINUTE;
            if minute / 60 != hour {
                (left, hour) = (5000, minute / 60);
            }
            left = left.saturating_sub(each(minute));
            let requests = each(minute);
            used.series.add(at, Level { requests, lowest: Some(left) });
            let reset = NINE + (hour + 1) * HOUR;
            used.windows.add(
                reset,
                WindowUse {
                    requests,
                    refused: 0,
                    used: 5000 - left,
                    lowest: Some(left),
                    limit: Some(5000),
                },
            );
            used.latest = Some(Latest { at, left, reset: Some(reset) });
        }
        let mut span = Span::at(Some(NINE));
        span.merge(Span::at(Some(NINE + minutes * MINUTE)));
        (used, span)
    }

    fn forecast(used: &LimitUse, span: Span) -> ForecastReport {
        ForecastReport::new(used, &Windows::of(used), span, 1.0).unwrap()
    }

    #[test]
    fn a_short_log_tells_of_the_present_window() {
        // 100 a minute: after 90 minutes 2,000 are left, for 20 more minutes.
        let (used, span) = used(90, |_| 100);
        let forecast = forecast(&used, span);
        assert_eq!(forecast.profile, Profile::None);
        assert_eq!(forecast.until, "2026-03-10T11:00:00Z");
        assert_eq!(forecast.reached.as_deref(), Some("2026-03-10T10:50:00Z"));
        let (earliest, latest) = (forecast.earliest.unwrap(), forecast.latest.unwrap());
        assert!(&*earliest < "2026-03-10T10:50" && &*earliest > "2026-03-10T10:47", "{earliest}");
        assert!(&*latest > "2026-03-10T10:50" && &*latest < "2026-03-10T10:53", "{latest}");
    }

    #[test]
    fn a_slow_morning_reaches_nothing() {
        let (used, span) = used(90, |_| 50);
        let forecast = forecast(&used, span);
        assert_eq!((forecast.reached, forecast.earliest), (None, None));
        assert_eq!(forecast.most_used, 3000);
    }

    #[test]
    fn what_happens_now_counts_more_than_what_is_usual() {
        // Three quiet days, and then a rush.
        let rush = 3 * 24 * 60 + 30;
        let (used, span) = used(rush + 15, |minute| if minute < rush { 10 } else { 200 });
        let forecast = forecast(&used, span);
        assert_eq!(forecast.profile, Profile::HourOfDay);
        let earliest = forecast.earliest.unwrap();
        assert!(&*earliest < "2026-03-13T10:00", "{earliest}");
    }

    #[test]
    fn a_time_that_is_wrong_makes_the_past_no_longer() {
        let three_days = 3 * 24 * 60;
        let (used, span) = used(three_days, |_| 50);
        let (first, now) = (NINE - 360 * DAY, NINE + three_days * MINUTE);
        let mut longer = span;
        longer.merge(Span::at(Some(first)));
        let steps = usually(&used, &Windows::of(&used), (first, now), 1.0).unwrap();
        let mut longest = span;
        longest.merge(Span::at(Some(-62_000_000_000_000)));
        assert_eq!(forecast(&used, longest).profile, Profile::HourOfWeek);
        assert_eq!(forecast(&used, longer).profile, Profile::HourOfWeek);
        assert_eq!(steps.profile(), Profile::HourOfWeek);
    }

    #[test]
    fn without_a_limit_or_a_time_there_is_no_forecast() {
        let (used, span) = used(90, |_| 100);
        let windows = Windows::of(&used);
        let untold = LimitUse { limit: None, ..used.clone() };
        assert!(ForecastReport::new(&untold, &windows, span, 1.0).is_none());
        assert!(ForecastReport::new(&used, &windows, Span::default(), 1.0).is_none());
    }
}
