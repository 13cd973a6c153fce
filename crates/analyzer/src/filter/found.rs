//! Comparisons of a filter that no call satisfied: what they were written with may be misspelt.
//!
//! A comparison is looked at call by call until one has what it compares with, and from then on no more.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tollgate_store::{Account, distance};

use super::{Field, Filter, Node, Operand, Operator, callers, hint};
use crate::dimension::UNTOLD;
use crate::intern::Interner;
use crate::rows::Row;
use crate::text::quoted;

/// The most values that are told of what calls have instead.
const VALUES: usize = 3;

/// The longest value that is told, in bytes.
const VALUE_BYTES_MAX: usize = 200;

/// The most values that are known to have been looked at.
const KNOWN_MAX: usize = 5_000;

/// By how each comparison is written: what calls have instead, or nothing once one has that. Merges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Found(BTreeMap<String, Option<Instead>>);

/// What calls have that a comparison was looked for in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Instead {
    /// Whether there was any call.
    looked: bool,
    /// Whether values are kept.
    tells: bool,
    /// The nearest values, with how far each is; those that are not near come in their own order, and one
    /// more than is told shows that there are others.
    values: BTreeSet<(u32, String)>,
}

/// How far a value is that is not near.
const FAR: u32 = u32::MAX;

impl Instead {
    fn merge(&mut self, other: Instead) {
        self.looked |= other.looked;
        self.tells |= other.tells;
        self.values.extend(other.values);
        while self.values.len() > VALUES + 1 {
            self.values.pop_last();
        }
    }

    /// Adds a value, unless it is farther than all that are told.
    fn add(&mut self, value: &str, distance: u32) {
        let is_full = self.values.len() > VALUES;
        let farthest = self.values.last().filter(|_| is_full);
        if farthest.is_none_or(|(far, last)| (distance, value) < (*far, last)) {
            self.merge(Instead {
                values: BTreeSet::from([(distance, value.to_owned())]),
                ..Instead::default()
            });
        }
    }

    /// The near values: those alone that are nearly the same, if there are some.
    fn near(&self) -> impl Iterator<Item = &(u32, String)> {
        let nearest = self.values.first().map_or(FAR, |(distance, _)| *distance);
        let farthest = if nearest == 0 { 0 } else { FAR - 1 };
        self.values.iter().take_while(move |(distance, _)| *distance <= farthest)
    }

    fn in_words(&self) -> String {
        let all = |values: &mut dyn Iterator<Item = &(u32, String)>| -> Vec<String> {
            values.take(VALUES).map(|(_, value)| quoted(value)).collect()
        };
        let near = all(&mut self.near()).join(" or ");
        let values = all(&mut self.values.iter()).join(", ");
        match self.values.len() {
            _ if !near.is_empty() => format!(": did you mean {near}?"),
            0 if self.tells => ": the log does not tell it.".to_owned(),
            0 => ".".to_owned(),
            1..=VALUES => format!(": calls have {values}."),
            _ => format!(": calls have {values} and others."),
        }
    }
}

impl Found {
    /// Adds what another worker, file or machine found.
    pub(crate) fn merge(&mut self, other: Found) {
        for (comparison, instead) in other.0 {
            match (self.0.get_mut(&comparison), instead) {
                (None, instead) => {
                    self.0.insert(comparison, instead);
                }
                (Some(Some(held)), Some(instead)) => held.merge(instead),
                (Some(held), _) => *held = None,
            }
        }
    }

    /// Whether nothing was looked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A sentence for each comparison that no call satisfies, or more calls than its words may seem to say.
    pub(crate) fn sentences(&self) -> impl Iterator<Item = String> {
        let met = self.0.iter().filter(|(_, instead)| instead.is_none());
        self.unmet().chain(met.filter_map(|(comparison, _)| hint::of_sessions(comparison)))
    }

    fn unmet(&self) -> impl Iterator<Item = String> {
        let unmet = self.0.iter().filter_map(|(it, instead)| Some((it, instead.as_ref()?)));
        unmet.filter(|(_, instead)| instead.looked).map(|(comparison, instead)| {
            let is_near = instead.near().next().is_some();
            let hint = hint::of(comparison).filter(|_| !is_near).unwrap_or_default();
            format!(
                "No call that was looked at satisfies {} of `--filter`{}{hint}",
                quoted(comparison),
                instead.in_words()
            )
        })
    }
}

/// Looks for what a filter compares with, for one worker.
pub(crate) struct Watch {
    open: Vec<Open>,
    found: Found,
}

/// A comparison that no call has satisfied yet.
struct Open {
    comparison: Node,
    /// What is wanted, if values are told instead.
    wanted: Option<String>,
    /// The values that were looked at.
    known: Interner,
    instead: Instead,
}

impl Watch {
    /// For the comparisons of a filter.
    pub(crate) fn new(filter: &Filter) -> Watch {
        let mut watch = Watch { open: Vec::new(), found: Found::default() };
        filter.0.each_comparison(&mut |comparison| watch.open.push(Open::new(comparison)));
        watch
    }

    /// Looks at a call.
    pub(crate) fn look(&mut self, row: Row<'_, '_>, account: Option<&Account>) {
        let found = &mut self.found.0;
        self.open.retain_mut(|open| {
            let is_met = open.comparison.holds(row, account);
            match is_met {
                true => drop(found.insert(open.comparison.to_string(), None)),
                false => open.add(row, account),
            }
            !is_met
        });
    }

    /// What was found.
    pub(crate) fn finish(self) -> Found {
        let mut found = self.found;
        let open = self.open.into_iter();
        let open = open.map(|open| (open.comparison.to_string(), Some(open.instead)));
        found.merge(Found(open.collect()));
        found
    }
}

impl Open {
    fn new(comparison: Node) -> Open {
        let wanted = comparison.wanted();
        let instead = Instead { tells: wanted.is_some(), ..Instead::default() };
        Open { comparison, wanted, known: Interner::new(KNOWN_MAX), instead }
    }

    fn add(&mut self, row: Row<'_, '_>, account: Option<&Account>) {
        self.instead.looked = true;
        let Some(wanted) = &self.wanted else { return };
        let Node::Compare(field, _, operand) = &self.comparison else { return };
        let Some(value) = field.text(row, account) else { return };
        if value.len() > VALUE_BYTES_MAX || self.known.known(&value).is_some() {
            return;
        }
        self.known.number(&value);
        let (near, value) = match (field, operand) {
            (Field::Caller, _) => callers::nearest_name(&value, wanted),
            (_, Operand::Number(_)) => (None, value),
            _ => (distance(wanted, &value), value),
        };
        let near = near.and_then(|distance| u32::try_from(distance).ok());
        self.instead.add(&value, near.unwrap_or(FAR));
    }
}

impl Node {
    /// Calls `each` with every comparison, in the form that something is what it is compared with. What a
    /// row does not have is not misspelt.
    fn each_comparison(&self, each: &mut impl FnMut(Node)) {
        match self {
            Node::Any(nodes) | Node::All(nodes) => {
                nodes.iter().for_each(|it| it.each_comparison(each));
            }
            Node::Not(node) => node.each_comparison(each),
            Node::Compare(.., Operator::Equal | Operator::NotEqual, Operand::Text(text))
                if text == UNTOLD => {}
            Node::Compare(field, operator, operand) => {
                let operator = match operator {
                    Operator::NotEqual => Operator::Equal,
                    Operator::ContainsNot => Operator::Contains,
                    other => *other,
                };
                each(Node::Compare(*field, operator, operand.clone()));
            }
        }
    }

    /// What a comparison wants, if there are so few values of that in a log that some may be told.
    fn wanted(&self) -> Option<String> {
        match self {
            Node::Compare(Field::Latency | Field::Path | Field::Ip | Field::Agent, ..) => None,
            Node::Compare(.., Operand::Text(text)) => Some(text.clone()),
            Node::Compare(.., Operand::Number(number)) => Some(number.to_string()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What one worker found of a comparison.
    fn found(values: &[(u32, &str)], is_met: bool) -> Found {
        let mut instead = Instead { looked: !values.is_empty(), tells: true, ..Instead::default() };
        values.iter().for_each(|(distance, value)| instead.add(value, *distance));
        let instead = if is_met { None } else { Some(instead) };
        Found(BTreeMap::from([("stage = \"x\"".to_owned(), instead)]))
    }

    fn sentences(found: &Found) -> Vec<String> {
        found.sentences().collect()
    }

    #[test]
    fn it_is_said_what_calls_have_instead() {
        let check = |values: &[(u32, &str)], expected: &str| {
            let said = format!(
                "No call that was looked at satisfies `stage = \"x\"` of `--filter`{expected}"
            );
            assert_eq!(sentences(&found(values, false)), [said]);
        };
        check(&[(FAR, "b"), (FAR, "a")], ": calls have `a`, `b`.");
        check(
            &[(FAR, "d"), (FAR, "b"), (FAR, "a"), (FAR, "c")],
            ": calls have `a`, `b`, `c` and others.",
        );
        check(&[(FAR, "a"), (2, "y"), (1, "z")], ": did you mean `z` or `y`?");
        check(&[(FAR, "a"), (2, "y"), (0, "X")], ": did you mean `X`?");
        check(&[(FAR, "a\n`b`")], ": calls have `a\\n'b'`.");
        let mut untold = found(&[], false);
        assert!(sentences(&untold).is_empty(), "no call was looked at");
        untold.merge(found(&[(FAR, "a")], true));
        assert!(sentences(&untold).is_empty(), "one was found");
    }

    proptest! {
        #[test]
        fn workers_find_together_what_one_would(
            values in prop::collection::vec((0..3_u32, "[a-d]"), 0..20),
            at in 0..20_usize,
            met in any::<[bool; 2]>(),
        ) {
            let values: Vec<(u32, &str)> = values.iter().map(|(far, it)| (*far, &**it)).collect();
            let (one, other) = values.split_at(at.min(values.len()));
            let whole = found(&values, met.contains(&true));
            let [one, other] = [(one, met[0]), (other, met[1])].map(|(part, met)| found(part, met));
            let mut both = [one.clone(), other.clone()];
            both[0].merge(other);
            both[1].merge(one);
            prop_assert_eq!(&both[0], &whole);
            prop_assert_eq!(&both[1], &whole);
        }
    }
}
