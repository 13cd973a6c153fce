//! What must not be: `--fail-on denied>0`, `429>=10`, `p99>2s`, `newly-denied`.

use std::collections::BTreeSet;

use tollgate_analyzer::text::{count, in_a_line, number};
use tollgate_analyzer::{Histogram, Report, RouteReport, milliseconds};
use tollgate_store::suggestion;

use crate::exit::Exit;
use crate::world::World;

/// What must not be.
#[derive(clap::Args)]
pub(crate) struct Bounds {
    /// Fail if a bound is exceeded, and say on standard error by what: `denied>0`, `disagreeing`,
    /// `undetermined`, `quarantined`, `429>=10`, `p99>2s` (of any route) with exit code 3;
    /// `newly-denied`, `newly-allowed` with 1. Where one of the last two may be exceeded, because
    /// decisions of calls are missing or depend on keys that the log does not tell, the exit code is 4;
    /// such calls count as `undetermined`, and as `denied` only if the log says that they were refused.
    /// Latencies above 255 ms are told to 0.4 %, and exceed a bound if they do however they are off.
    #[arg(long, value_name = "BOUND", value_parser = Threshold::parse)]
    fail_on: Vec<Threshold>,
}

impl Bounds {
    /// The first bound on what is only measured with an option that was not `given`, in words.
    pub(crate) fn lacking(&self, given: impl Fn(&str) -> bool) -> Option<String> {
        self.fail_on.iter().find_map(|threshold| {
            let option = threshold.needs().filter(|option| !given(option))?;
            Some(format!("`--fail-on {}` needs `--{option}`", threshold.text))
        })
    }

    /// How a run with this report ends: what was measured of a part leaves the whole undecided. Says
    /// each bound that is exceeded.
    pub(crate) fn judge(&self, report: &Report, world: &World) -> Exit {
        let judged = self.fail_on.iter().fold(Exit::Ok, |exit, threshold| {
            let (found, how) = match threshold {
                _ if threshold.is_exceeded(report) => {
                    (threshold.measure.in_words(report), threshold.exit())
                }
                _ if threshold.may_be_exceeded(report) => {
                    (threshold.measure.left_open(report), Exit::Undecided)
                }
                _ => return exit,
            };
            world.complain(&format!("--fail-on {}: {found}", threshold.text));
            exit.worse(how)
        });
        self.say_empty(report, world);
        if report.interrupted { Exit::Undecided } else { judged }
    }

    /// Says that there was nothing to judge, where requests were read and none of them counts.
    fn say_empty(&self, report: &Report, world: &World) {
        if !self.fail_on.is_empty() && report.usage.requests == 0 && report.left_out > 0 {
            let left_out = count(report.left_out, "request");
            world.complain(&format!(
                "--fail-on: nothing to judge, all of {left_out} are left out by `--filter`, `--since` or \
                 `--until`"
            ));
        }
    }
}

/// A bound that a report may exceed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Threshold {
    /// As it was typed.
    text: String,
    measure: Measure,
    /// The least value that is too much.
    too_much: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Measure {
    Denied,
    Disagreeing,
    Undetermined,
    Quarantined,
    NewlyDenied,
    NewlyAllowed,
    P50,
    P95,
    P99,
    Status(u16),
}

const MEASURES: [(&str, Measure); 9] = [
    ("denied", Measure::Denied),
    ("disagreeing", Measure::Disagreeing),
    ("undetermined", Measure::Undetermined),
    ("quarantined", Measure::Quarantined),
    ("newly-denied", Measure::NewlyDenied),
    ("newly-allowed", Measure::NewlyAllowed),
    ("p50", Measure::P50),
    ("p95", Measure::P95),
    ("p99", Measure::P99),
];

impl Threshold {
    /// Reads a bound: a measure, `>` or `>=`, and a number; `>0` unless given. Latencies may have
    /// the unit `ms` or `s`, `1.5s`, and are milliseconds without.
    fn parse(text: &str) -> Result<Threshold, String> {
        let end = text.find('>').unwrap_or(text.len());
        let (name, bound) = text.split_at(end);
        let measure = Measure::parse(name.trim())?;
        let too_much = match (bound.strip_prefix(">="), bound.strip_prefix('>')) {
            (Some(number), _) => measure.number(number.trim())?,
            (None, Some(number)) => measure.number(number.trim())?.saturating_add(1),
            (None, None) => 1,
        };
        Ok(Threshold { text: text.to_owned(), measure, too_much })
    }

    /// The option without which there is nothing to measure.
    fn needs(&self) -> Option<&'static str> {
        match self.measure {
            Measure::NewlyDenied | Measure::NewlyAllowed => Some("against"),
            Measure::Denied | Measure::Disagreeing | Measure::Undetermined => Some("account"),
            _ => None,
        }
    }

    fn is_exceeded(&self, report: &Report) -> bool {
        self.measure.of(report) >= self.too_much
    }

    /// Whether it may be exceeded, once it is known how the calls are decided that are open.
    fn may_be_exceeded(&self, report: &Report) -> bool {
        let open = self.measure.open(report);
        open > 0 && self.measure.of(report) + open >= self.too_much
    }

    /// How a run ends that exceeds it: with findings for what a policy change changes, with an
    /// unmet threshold for what was measured.
    fn exit(&self) -> Exit {
        match self.measure {
            Measure::NewlyDenied | Measure::NewlyAllowed => Exit::Findings,
            _ => Exit::Threshold,
        }
    }
}

impl Measure {
    fn parse(name: &str) -> Result<Measure, String> {
        let status = || name.parse().ok().filter(|status| (100..600).contains(status));
        let known = MEASURES.into_iter().find(|(known, _)| *known == name);
        known.map(|(_, measure)| measure).or_else(|| Some(Measure::Status(status()?))).ok_or_else(
            || {
                let names: Vec<&str> = MEASURES.iter().map(|(name, _)| *name).collect();
                let meant =
                    suggestion(name, names.iter().copied()).map(|meant| format!("; {meant}"));
                let (names, meant) = (names.join(", "), meant.unwrap_or_default());
                format!("expected {names} or a status such as `429`, found `{name}`{meant}")
            },
        )
    }

    fn is_latency(self) -> bool {
        matches!(self, Measure::P50 | Measure::P95 | Measure::P99)
    }

    fn number(self, text: &str) -> Result<u64, String> {
        let (digits, unit) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
            (Some(digits), _) => (digits, 1),
            (None, Some(digits)) => (digits, 1000),
            (None, None) => (text, 1),
        };
        if self.is_latency() {
            let example = "a number of milliseconds such as `10`, `10ms` or `1.5s`";
            let number = milliseconds(digits.trim(), unit);
            return number.ok_or_else(|| format!("expected {example}, found `{text}`"));
        }
        let number = text.trim().parse().ok();
        number.ok_or_else(|| format!("expected a whole number such as `10`, found `{text}`"))
    }

    /// Its value in a report, of a latency the least that it can be; 0 for what the report has not
    /// measured.
    fn of(self, report: &Report) -> u64 {
        let agreement = report.agreement.as_ref();
        let changes = report.changes.as_ref();
        match self {
            Measure::Denied => report.denied.iter().flatten().map(|group| group.requests).sum(),
            Measure::Disagreeing => agreement.map_or(0, |agreement| agreement.disagreeing),
            Measure::Undetermined => agreement.map_or(0, |agreement| agreement.undetermined),
            Measure::Quarantined => report.lines.account.quarantined,
            Measure::NewlyDenied => changes.map_or(0, |changes| changes.newly_denied),
            Measure::NewlyAllowed => changes.map_or(0, |changes| changes.newly_allowed),
            Measure::P50 | Measure::P95 | Measure::P99 => {
                self.slowest(report).map_or(0, |(latency, _)| Histogram::least(latency))
            }
            Measure::Status(status) => {
                let counted = report.usage.statuses.iter().find(|each| each.status == status);
                counted.map_or(0, |each| each.requests)
            }
        }
    }

    /// How much of it is open: calls that may be among those measured, as a decision is missing or
    /// depends on unknown keys. If not one call could be compared, no gate is passed.
    fn open(self, report: &Report) -> u64 {
        let Some(changes) = &report.changes else { return 0 };
        let open = match self {
            Measure::NewlyDenied => changes.perhaps_denied,
            Measure::NewlyAllowed => changes.perhaps_allowed,
            _ => return 0,
        };
        if open == 0 && changes.is_void() { changes.undecided } else { open }
    }

    /// How much of it is open, and why.
    fn left_open(self, report: &Report) -> String {
        let groups = report.changes.iter().flat_map(|changes| &changes.groups);
        let sides = groups.flat_map(|group| [&group.before, &group.after]);
        let depends = sides.clone().flat_map(|side| &side.depends_on);
        let mut why: BTreeSet<String> = sides.filter_map(|side| side.undecided.clone()).collect();
        why.extend(depends.map(|key| format!("it depends on {key}")));
        if why.is_empty() {
            let reasons = report.changes.iter().flat_map(|changes| &changes.reasons);
            why.extend(reasons.map(|reason| reason.reason.clone()));
        }
        let why: Vec<String> = why.into_iter().collect();
        format!("{} may be: {}", count(self.open(report), "request"), why.join("; "))
    }

    /// The route with the greatest value of a percentile, and that value in milliseconds.
    fn slowest<'r>(self, report: &'r Report<'_>) -> Option<(u64, &'r RouteReport)> {
        let latency = |route: &RouteReport| match self {
            Measure::P50 => route.p50_ms,
            Measure::P95 => route.p95_ms,
            Measure::P99 => route.p99_ms,
            _ => None,
        };
        let measured = report.usage.routes.iter();
        let measured = measured.filter_map(|route| Some((latency(route)?, route)));
        measured.max_by_key(|(latency, _)| *latency)
    }

    /// Its value in a report with its unit, and for percentiles the route.
    fn in_words(self, report: &Report) -> String {
        match (self.slowest(report), self) {
            (Some((latency, route)), _) => {
                let route = format!("{} {}", route.method, route.route);
                format!("{} ms at {}", number(latency), in_a_line(&route))
            }
            (None, Measure::Quarantined) => count(self.of(report), "line"),
            (None, _) => count(self.of(report), "request"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, measure: Measure, too_much: u64) {
        let expected = Threshold { text: text.to_owned(), measure, too_much };
        assert_eq!(Threshold::parse(text), Ok(expected), "{text}");
    }

    #[test]
    fn a_bound_says_what_is_too_much() {
        check("denied>0", Measure::Denied, 1);
        check("429 >= 10", Measure::Status(429), 10);
        check("p99>2s", Measure::P99, 2001);
        check("p50>=30ms", Measure::P50, 30);
        check("p99>1.5s", Measure::P99, 1501);
        check("newly-denied", Measure::NewlyDenied, 1);
    }

    #[test]
    fn other_text_is_no_bound() {
        for text in [
            "",
            "denied>",
            "denied>x",
            "denied>2s",
            "700>0",
            "p98>1",
            "denied<5",
            "p99>1.5",
            "p99>.5s",
            "429>1.0",
        ] {
            assert!(Threshold::parse(text).is_err(), "{text}");
        }
    }
}
