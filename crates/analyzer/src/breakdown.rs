//! Usage by any values that calls have, one or several together: by role, by upstream and status.

use std::collections::BTreeMap;
use std::fmt;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use tollgate_store::suggestion;

use crate::answers::Answers;
use crate::bounded::{self, Counted};
use crate::call::Call;
use crate::dimension::Dimension;
use crate::groups::Merge;
use crate::histogram::Histogram;
use crate::intern::{Interner, OTHER, OTHER_NUMBER, slot};
use crate::series::Measure;
use crate::time::Span;
use crate::usage::latency;

/// The most groups of a breakdown that are told apart; calls beyond them are counted under
/// `(other)`.
pub(crate) const GROUPS_MAX: usize = 4_000;

/// Whether the group of these values is of several that are counted together.
pub(crate) fn is_folded(values: &[String]) -> bool {
    values.iter().any(|value| value == OTHER)
}

/// What calls are grouped by: up to four values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Grouping(Vec<Dimension>);

impl Grouping {
    /// The most values of one grouping.
    pub const DIMENSIONS_MAX: usize = 4;

    /// Reads names with commas between them: `role`, `upstream,status`.
    ///
    /// # Errors
    /// A name that is none, one that occurs twice, or too many.
    pub fn parse(text: &str) -> Result<Grouping, String> {
        let mut dimensions = Vec::new();
        for name in text.split(',').map(str::trim) {
            let known = Dimension::ALL.into_iter().find(|known| known.as_str() == name);
            let dimension = known.ok_or_else(|| {
                let names = Dimension::ALL.map(Dimension::as_str);
                let meant = suggestion(name, names).map(|meant| format!("; {meant}"));
                let (names, meant) = (names.join("`, `"), meant.unwrap_or_default());
                format!("expected one of `{names}`, found `{name}`{meant}")
            })?;
            if dimensions.contains(&dimension) {
                return Err(format!("`{name}` occurs twice"));
            }
            dimensions.push(dimension);
        }
        match dimensions.len() {
            0..=Grouping::DIMENSIONS_MAX => Ok(Grouping(dimensions)),
            more => Err(format!("expected at most {} names, found {more}", Self::DIMENSIONS_MAX)),
        }
    }

    /// By one value.
    pub fn by(dimension: Dimension) -> Grouping {
        Grouping(vec![dimension])
    }

    /// What is grouped by, in order.
    pub fn dimensions(&self) -> &[Dimension] {
        &self.0
    }
}

impl fmt::Display for Grouping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|dimension| dimension.as_str()).collect();
        f.write_str(&names.join(","))
    }
}

/// Usage by group. Merges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Breakdown {
    /// What it is by.
    pub by: Grouping,
    /// The groups in order: a value for each of `by`, and what was used.
    pub groups: Vec<(Vec<String>, GroupUse)>,
}

/// What the calls of one group used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupUse {
    /// Requests, and how they were answered.
    pub answers: Answers,
    /// When the first and the last were.
    pub span: Span,
    /// Latencies in milliseconds: `responseLatency`, else `integrationLatency`.
    pub latency: Histogram,
}

impl GroupUse {
    fn add(&mut self, status: Option<u16>, time: Option<i64>, latency: Option<u64>) {
        self.answers.add(status);
        self.span.merge(Span::at(time));
        if let Some(latency) = latency {
            self.latency.add(latency);
        }
    }
}

impl Merge for GroupUse {
    fn merge(&mut self, other: GroupUse) {
        self.answers = self.answers.with(other.answers);
        self.span.merge(other.span);
        self.latency.merge(&other.latency);
    }
}

impl Counted for GroupUse {
    fn requests(&self) -> u64 {
        self.answers.requests
    }
}

impl Breakdown {
    /// Adds what another worker, file or machine counted by the same.
    pub fn merge(&mut self, other: Breakdown) {
        let mut all: BTreeMap<Vec<String>, GroupUse> =
            std::mem::take(&mut self.groups).into_iter().collect();
        let rest = vec![OTHER.to_owned(); self.by.dimensions().len()];
        bounded::merge(&mut all, other.groups, GROUPS_MAX, &rest);
        self.groups = all.into_iter().collect();
    }

    /// Adds breakdowns to those by the same; others are taken as they are.
    pub(crate) fn merge_all(held: &mut Vec<Breakdown>, more: Vec<Breakdown>) {
        for breakdown in more {
            match held.iter_mut().find(|known| known.by == breakdown.by) {
                Some(known) => known.merge(breakdown),
                None => held.push(breakdown),
            }
        }
    }
}

/// The calls of one worker, while they are grouped.
pub(crate) struct BreakdownTally {
    by: Grouping,
    /// The keys of each dimension.
    keys: Vec<Interner>,
    /// The number of each combination of keys, where there are several.
    combinations: HashMap<Combination, u32>,
    /// What was used, by the number of the combination; of a single dimension, of the key.
    used: Vec<GroupUse>,
    buffer: String,
}

type Combination = [u32; Grouping::DIMENSIONS_MAX];

impl BreakdownTally {
    pub(crate) fn new(by: Grouping) -> BreakdownTally {
        let keys = by.dimensions().iter().map(|_| Interner::new(GROUPS_MAX)).collect();
        // The combination of all that is folded has a number from the start, so that it is always known.
        let combinations = HashMap::from([(Combination::default(), OTHER_NUMBER)]);
        BreakdownTally { by, keys, combinations, used: Vec::new(), buffer: String::new() }
    }

    #[inline]
    pub(crate) fn add(&mut self, call: &Call<'_, '_>) {
        let mut combination = Combination::default();
        let dimensions = self.by.dimensions().iter().zip(&mut self.keys);
        for ((dimension, keys), number) in dimensions.zip(&mut combination) {
            *number = keys.number(dimension.key(call, &mut self.buffer));
        }
        let number = match *self.keys {
            [_] => combination.first().copied().unwrap_or(OTHER_NUMBER),
            _ => self.combination(combination),
        };
        let (status, time) = (call.status, call.time);
        slot(&mut self.used, number).add(status, time, latency(call.row));
    }

    fn combination(&mut self, combination: Combination) -> u32 {
        if let Some(&known) = self.combinations.get(&combination) {
            return known;
        }
        let next = self.combinations.len();
        match u32::try_from(next) {
            Ok(number) if next < GROUPS_MAX => {
                self.combinations.insert(combination, number);
                number
            }
            _ => self.combination(Combination::default()),
        }
    }

    /// What was counted, in words.
    pub(crate) fn finish(self) -> Breakdown {
        let used = (0..).zip(self.used).filter(|(_, used)| used.requests() > 0);
        let groups = match *self.keys {
            [_] => used.map(|(number, used)| ([number, 0, 0, 0], used)).collect(),
            _ => {
                let numbers = self.combinations.into_iter();
                let by_number: HashMap<u32, Combination> =
                    numbers.map(|(combination, number)| (number, combination)).collect();
                let named = |(number, used)| Some((*by_number.get(&number)?, used));
                used.filter_map(named).collect::<Vec<_>>()
            }
        };
        let dimensions = || self.by.dimensions().iter().zip(&self.keys);
        let value = |((dimension, keys), number): ((&Dimension, &Interner), u32)| match number {
            OTHER_NUMBER => OTHER.to_owned(),
            _ => dimension.value(keys.text(number)).into_owned(),
        };
        let in_words = |(combination, used): (Combination, GroupUse)| {
            (dimensions().zip(combination).map(value).collect(), used)
        };
        let groups = groups.into_iter().map(in_words).collect();
        let mut breakdown = Breakdown { by: self.by.clone(), groups: Vec::new() };
        // Merging sorts, and joins the groups whose keys differ and whose values do not.
        breakdown.merge(Breakdown { by: self.by.clone(), groups });
        breakdown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grouping_is_written_as_it_is_read() {
        for text in ["role", "upstream,status", "caller,route,status,network"] {
            assert_eq!(Grouping::parse(text).map(|by| by.to_string()), Ok(text.to_owned()));
        }
    }

    #[track_caller]
    fn check_error(text: &str, expected: &str) {
        let error = Grouping::parse(text).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn errors_say_what_was_expected() {
        check_error("", "expected one of `caller`, `role`, `session`");
        check_error("roles", "`agent`, `error`, found `roles`; did you mean `role`?");
        check_error("role,role", "`role` occurs twice");
        check_error("role,route,status,agent,api", "expected at most 4 names, found 5");
    }
}
