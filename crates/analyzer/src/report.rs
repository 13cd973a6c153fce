//! The report: what was gathered, in the order and words that people and programs get.
//!
//! Serialized, it is the JSON document that `fixtures/schemas/analyze.schema.json` describes. Each
//! section has a file of its own.

mod advice;
mod breakdowns;
mod cache;
mod changes;
mod comparison;
mod denied;
mod folded;
mod forecast;
mod heat;
mod length;
mod limits;
mod lines;
mod timeline;
mod unexplained;
mod usage;
mod windows;

use serde::Serialize;
use tollgate_log::{LineAccount, QuarantinedLine};

use crate::gather::Gathered;
use crate::outcomes::GroupKey;
use crate::partial::Partial;
use crate::previous::Period;
use crate::remedy::Remedy;
use crate::text::period;
use crate::time::rfc3339;

pub use advice::{AdviceReport, BucketReport, SlowReport};
pub use breakdowns::{BreakdownReport, GroupReport};
pub use cache::{CacheReport, CacheRouteReport, SavedReport};
pub use changes::{ChangeReport, ChangesReport};
pub use comparison::{
    ComparisonReport, DifferenceReport, LimitDifference, NamedDifference, PeriodReport,
    RouteDifference,
};
pub use denied::{AgreementReport, DeniedReport, ReasonCount};
pub use forecast::{ForecastReport, TrendReport};
pub use heat::{HeatReport, WEEKDAYS};
pub use limits::{HeadroomReport, LevelReport, LimitReport};
pub use lines::Lines;
pub(crate) use lines::place_and_reason;
pub use timeline::{CellReport, TimelineReport};
pub use unexplained::UnexplainedReport;
pub use usage::{
    AnswersReport, CallerReport, PointReport, PrincipalReport, RouteReport, StatusReport,
    UsageReport, UseReport,
};
pub use windows::WindowReport;

/// The most points of a series in a report.
const POINTS: usize = 200;

/// Which percentiles of latencies lists tell.
const PERCENTS: [f64; 3] = [50.0, 95.0, 99.0];

/// What the reports for people say of one that was interrupted.
pub(crate) const INTERRUPTED: &str =
    "Interrupted: reading was ended early, and this is the report of a part of the logs.";

/// A report. It borrows from what was gathered, of which there may be much.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report<'g> {
    /// The version of this document's form.
    pub version: u8,
    /// Whether reading was ended before all was read, so that the report is of a part.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
    /// Which requests count, and what was assumed of them, if anything was asked: as options of the
    /// command line, `--filter status = 200`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<String>,
    /// What is not of the same in all runs that were merged, or cannot be told of them together: a sentence
    /// for each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub merged: Vec<String>,
    /// What of what was asked came to nothing, or is not of the same in what is compared with: a sentence
    /// for each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// What became of the lines that were read.
    pub lines: Lines,
    /// What is told less finely than it could be, because there was too much of it, or drawn wider,
    /// because of a few times far from all others: a sentence for each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub folded: Vec<String>,
    /// Requests that were read and left out: outside of the window, or not wanted by the filter.
    pub left_out: u64,
    /// Of these, requests without a time, which are within no window.
    #[serde(skip_serializing_if = "is_zero")]
    pub left_out_without_time: u64,
    /// Usage.
    pub usage: UsageReport<'g>,
    /// Usage by whatever was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub breakdowns: Vec<BreakdownReport>,
    /// Rate limits, the nearest to exhaustion first.
    pub rate_limits: Vec<LimitReport<'g>>,
    /// What a cache would have saved.
    pub cache: CacheReport,
    /// What is otherwise than in another period. Only where asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<ComparisonReport>,
    /// Denied calls, the most frequent first. Only with an account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denied: Option<Vec<DeniedReport<'g>>>,
    /// What would allow the most frequent denials. Only with an account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedies: Option<Vec<Remedy>>,
    /// Calls that were allowed, and that no current policy explains. Only with an account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unexplained: Option<Vec<UnexplainedReport<'g>>>,
    /// How log and replay compare. Only with an account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreement: Option<AgreementReport<'g>>,
    /// Callers that the account does not know, and so nothing of their own policies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown_principals: Option<Vec<CallerCount<'g>>>,
    /// What the account changes in comparison with another. Only with one to compare with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<ChangesReport>,
    /// Requests by time, caller, route, status and denied group at once. Only where asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeline: Option<TimelineReport>,
}

/// A caller and how often it called.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CallerCount<'g> {
    /// Who.
    pub caller: &'g str,
    /// Requests.
    pub requests: u64,
}

/// Whether there is nothing of what JSON tells only where there is some.
pub(crate) fn is_zero<T: Default + PartialEq>(number: &T) -> bool {
    *number == T::default()
}

impl<'g> Report<'g> {
    /// Puts the report together.
    pub fn new(
        gathered: &'g Gathered,
        lines: LineAccount,
        samples: &[QuarantinedLine],
    ) -> Report<'g> {
        let outcomes = gathered.outcomes.as_ref();
        let denied =
            outcomes.map(|outcomes| denied::groups(outcomes, |key, _| denied::is_denied(key)));
        let keys: Vec<&GroupKey> = denied.iter().flatten().map(|(key, _)| *key).collect();
        let comparison =
            Period::both(gathered).map(|[before, now]| ComparisonReport::new(before, now));
        Report {
            version: 1,
            interrupted: false,
            asked: Vec::new(),
            merged: Vec::new(),
            remarks: gathered.found.sentences().chain(gathered.settled.sentences()).collect(),
            lines: Lines::new(lines, samples),
            folded: folded::sentences(gathered),
            left_out: gathered.left_out,
            left_out_without_time: gathered.left_out_without_time,
            usage: UsageReport::new(&gathered.usage),
            breakdowns: gathered.breakdowns.iter().map(BreakdownReport::new).collect(),
            rate_limits: limits::reports(&gathered.limits, gathered.usage.span),
            cache: CacheReport::new(&gathered.repeats),
            comparison,
            timeline: gathered.timeline.as_ref().map(|lived| TimelineReport::new(lived, &keys)),
            denied: denied.map(denied::in_words),
            remedies: None,
            unexplained: outcomes.map(UnexplainedReport::all),
            agreement: outcomes.map(AgreementReport::new),
            unknown_principals: outcomes.map(|outcomes| {
                let unknown = outcomes.unknown_principals.iter();
                by_requests(unknown.map(|(caller, requests)| (&**caller, *requests)))
            }),
            changes: gathered.changes.as_ref().map(ChangesReport::new),
        }
    }

    /// What whoever reads any part of the report has to know.
    pub fn notes(&self) -> impl Iterator<Item = String> {
        let interrupted = self.interrupted.then(|| INTERRUPTED.to_owned());
        let unreadable = self.lines.unreadable().map(|unreadable| unreadable.sentence());
        let sentences = [&self.merged, &self.remarks, &self.folded].into_iter().flatten().cloned();
        interrupted.into_iter().chain(unreadable).chain(sentences)
    }

    /// The same in comparison with another run. `now` is what the report is of.
    #[must_use]
    pub fn compared(self, now: &Partial, before: &Partial) -> Report<'g> {
        let differs = now.runs.compared(&before.runs);
        let [before, now] = [before, now].map(|run| Period::of(&run.gathered, run.runs.window()));
        let overlap = before.overlap(now).map(|bounds| {
            let [from, until] = <[i64; 2]>::from(bounds).map(rfc3339);
            let both = period(Some(&from), Some(&until));
            format!("The periods that are compared overlap: {both} is of both.")
        });
        let remarks = self.remarks.into_iter().chain(differs).chain(overlap).collect();
        Report { comparison: Some(ComparisonReport::new(before, now)), remarks, ..self }
    }

    /// The same with at most `top` entries in each list that has no bound of its own.
    #[must_use]
    pub fn top(mut self, top: usize) -> Report<'g> {
        self.usage.principals.truncate(top);
        self.usage.callers.truncate(top);
        self.usage.routes.truncate(top);
        self.breakdowns.iter_mut().for_each(|breakdown| breakdown.groups.truncate(top));
        self.rate_limits.truncate(top);
        for limit in &mut self.rate_limits {
            limit.callers.truncate(top);
            limit.principals.truncate(top);
        }
        self.cache.routes.truncate(top);
        self.comparison.iter_mut().for_each(|comparison| comparison.truncate(top));
        self.denied.iter_mut().for_each(|denied| denied.truncate(top));
        self.remedies.iter_mut().for_each(|remedies| remedies.truncate(top));
        self.unexplained.iter_mut().for_each(|groups| groups.truncate(top));
        self.agreement.iter_mut().for_each(|agreement| agreement.disagreements.truncate(top));
        self.unknown_principals.iter_mut().for_each(|callers| callers.truncate(top));
        self.changes.iter_mut().for_each(|changes| changes.truncate(top));
        self
    }
}

/// Callers by how often they called, the most first.
fn by_requests<'a>(callers: impl Iterator<Item = (&'a str, u64)>) -> Vec<CallerCount<'a>> {
    let counts = callers.map(|(caller, requests)| CallerCount { caller, requests });
    let mut counts: Vec<CallerCount<'a>> = counts.collect();
    counts.sort_by_key(|count| std::cmp::Reverse(count.requests));
    counts
}
