//! Usage by whatever was asked for, in the report.

use serde::Serialize;

use super::PERCENTS;
use super::usage::UseReport;
use crate::breakdown::{Breakdown, GroupUse, is_folded};

/// Usage by one or several values that calls have.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BreakdownReport {
    /// What it is by: `role`, `status`.
    pub by: Vec<&'static str>,
    /// How many groups are told apart, however many are listed.
    pub group_count: usize,
    /// How many beside them are of several that are counted together, if there are more: `(other)` is among
    /// their values.
    #[serde(skip_serializing_if = "crate::report::is_zero")]
    pub folded_count: usize,
    /// The groups, the busiest first.
    pub groups: Vec<GroupReport>,
}

/// What the calls of one group used.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupReport {
    /// A value for each of `by`.
    pub values: Vec<String>,
    /// How much, and when.
    #[serde(flatten)]
    pub used: UseReport,
    /// Half of the requests took at most this long, milliseconds; off by at most 0.4 %.
    pub p50_ms: Option<u64>,
    /// 95 in a hundred did.
    pub p95_ms: Option<u64>,
    /// 99 in a hundred did.
    pub p99_ms: Option<u64>,
}

impl BreakdownReport {
    pub(super) fn new(breakdown: &Breakdown) -> BreakdownReport {
        let groups = breakdown.groups.iter();
        let mut groups: Vec<GroupReport> =
            groups.map(|(values, used)| GroupReport::new(values, used)).collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.used.requests));
        let folded_count = breakdown.groups.iter().filter(|(values, _)| is_folded(values)).count();
        let by = breakdown.by.dimensions().iter();
        BreakdownReport {
            by: by.map(|dimension| dimension.as_str()).collect(),
            group_count: groups.len() - folded_count,
            folded_count,
            groups,
        }
    }
}

impl GroupReport {
    fn new(values: &[String], used: &GroupUse) -> GroupReport {
        let [p50_ms, p95_ms, p99_ms] = used.latency.percentiles(PERCENTS);
        GroupReport {
            values: values.to_vec(),
            used: UseReport::new(used.answers, used.span),
            p50_ms,
            p95_ms,
            p99_ms,
        }
    }
}
