//! What runs read. Days of one log that are gathered one by one read all of it each time: merged, its lines
//! count as often.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tollgate_log::Source;

use crate::text::{count, quoted};

/// An input, as far as runs can tell it from others: its name, and how much of it was read. Nothing of what it
/// holds is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    name: String,
    lines: u64,
    /// Bytes before, which an earlier run with the same state had read.
    passed_bytes: u64,
}

/// The most inputs that are kept: the first by name, whatever was merged with what.
const INPUTS_MAX: usize = 10_000;

/// How many runs have read each input.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(Input, u64)>", into = "Vec<(Input, u64)>")]
pub(crate) struct Sources(BTreeMap<Input, u64>);

impl From<Vec<(Input, u64)>> for Sources {
    fn from(inputs: Vec<(Input, u64)>) -> Sources {
        Sources(inputs.into_iter().collect())
    }
}

impl From<Sources> for Vec<(Input, u64)> {
    fn from(sources: Sources) -> Self {
        sources.0.into_iter().collect()
    }
}

/// Standard input is another in each run.
const STANDARD_INPUT: &str = "-";

impl Sources {
    /// What one run read.
    pub(crate) fn of(sources: &[Source]) -> Sources {
        let input = |source: &Source| Input {
            name: source.name.to_string(),
            lines: source.account.total(),
            passed_bytes: source.passed_bytes,
        };
        let inputs = sources.iter().filter(|source| &*source.name != STANDARD_INPUT).map(input);
        let inputs = inputs.filter(|input| input.lines > 0).map(|input| (input, 1));
        let mut all = Sources(inputs.collect());
        all.keep_within();
        all
    }

    fn keep_within(&mut self) {
        while self.0.len() > INPUTS_MAX {
            self.0.pop_last();
        }
    }

    /// Adds what other runs read.
    pub(crate) fn merge(&mut self, other: Sources) {
        for (input, runs) in other.0 {
            *self.0.entry(input).or_default() += runs;
        }
        self.keep_within();
    }

    /// That some counts may be of the same lines more than once.
    pub(crate) fn sentence(&self) -> Option<String> {
        let mut again = self.0.iter().filter(|(_, runs)| **runs > 1);
        let (first, runs) = again.next()?;
        let others = match again.count() as u64 {
            0 => String::new(),
            others => format!(", and {} likewise", count(others, "other input")),
        };
        Some(format!(
            "{runs} of the merged runs read {} of an input called {}{others}: if that is the same, what \
             these runs count of it adds up, as lines, requests that were left out, and requests that more \
             than one of them asked for.",
            count(first.lines, "line"),
            quoted(&first.name),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(inputs: &[(&str, u64, u64)]) -> Sources {
        let input = |&(name, lines, passed_bytes): &(&str, u64, u64)| {
            (Input { name: name.to_owned(), lines, passed_bytes }, 1)
        };
        Sources(inputs.iter().map(input).collect())
    }

    #[test]
    fn an_input_that_was_read_twice_is_told_by_its_name_and_lines() {
        let check =
            |one: &[(&str, u64, u64)], other: &[(&str, u64, u64)], expected: Option<&str>| {
                let mut both = run(one);
                both.merge(run(other));
                let said = both.sentence();
                assert_eq!(said.as_ref().map(|said| said.split(':').next().unwrap()), expected);
            };
        let day = [("a.log", 5, 0), ("b.log", 1, 0)];
        check(&day, &[], None);
        check(&day, &[("a.log", 6, 0)], None);
        // An hour later, with a state: as many lines as before, but others.
        check(&day, &[("a.log", 5, 300)], None);
        let one = "2 of the merged runs read 5 lines of an input called `a.log`";
        check(&day, &[("a.log", 5, 0)], Some(one));
        let two = format!("{one}, and 1 other input likewise");
        check(&day, &day, Some(&two));
    }

    #[test]
    fn of_many_the_first_are_kept_and_counted_right() {
        let names: Vec<String> = (0..2 * INPUTS_MAX).map(|it| format!("{it:06}.log")).collect();
        let input = |name: &String| (Input { name: name.clone(), lines: 1, passed_bytes: 0 }, 1);
        let mut even = Sources(names.iter().step_by(2).map(input).collect());
        even.merge(Sources(names.iter().map(input).collect()));
        let kept: Vec<(&str, u64)> =
            even.0.iter().map(|(input, runs)| (input.name.as_str(), *runs)).collect();
        let expected = names[..INPUTS_MAX].iter().enumerate();
        let expected = expected.map(|(at, name)| (name.as_str(), 2 - (at % 2) as u64));
        assert_eq!(kept, expected.collect::<Vec<_>>());
    }
}
