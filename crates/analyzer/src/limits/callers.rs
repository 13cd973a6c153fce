//! Requests of a limit by caller, in order of their names.
//!
//! The limits of a log have much the same callers, and many of them: so a worker puts the names in order
//! once, and its limits share them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use crate::callers::CallerNumbers;
use crate::detail::Detail;
use crate::names::at;
use crate::ordered::merged;

/// Requests by caller, in order of their names. Written as a map.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "BTreeMap<String, u64>")]
pub struct Callers(Vec<(Arc<str>, u64)>);

impl Callers {
    /// Callers by their names, told apart as finely as `detail` says, and no more.
    pub(super) fn of<'a>(counted: impl Iterator<Item = (&'a str, u64)>, detail: Detail) -> Callers {
        let mut told: BTreeMap<Cow<'a, str>, u64> = BTreeMap::new();
        for (caller, requests) in counted {
            *told.entry(detail.caller(caller)).or_default() += requests;
        }
        Callers(told.into_iter().map(|(caller, requests)| (caller.into(), requests)).collect())
    }

    /// Callers and their requests.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, u64)> {
        self.0.iter().map(|(caller, requests)| (&**caller, *requests))
    }

    /// Adds those of another.
    pub(super) fn merge(&mut self, other: Callers) {
        self.0 = merged(std::mem::take(&mut self.0), other.0, |held, more| *held += more);
    }

    /// The same, told apart as finely as `detail` says, and no more.
    pub(super) fn at(self, detail: Detail) -> Callers {
        if detail.is_full() { self } else { Callers::of(self.iter(), detail) }
    }
}

impl From<BTreeMap<String, u64>> for Callers {
    fn from(callers: BTreeMap<String, u64>) -> Callers {
        Callers(callers.into_iter().map(|(caller, requests)| (caller.into(), requests)).collect())
    }
}

impl Serialize for Callers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// The names of a worker's callers.
pub(super) struct CallerNames {
    /// In order, each once.
    names: Vec<Arc<str>>,
    /// By the number of a caller: the place of its name.
    places: Vec<u32>,
}

impl CallerNames {
    /// The names of these numbers, which `callers` gave.
    pub(super) fn of(numbers: impl Iterator<Item = u32>, callers: &CallerNumbers) -> CallerNames {
        let mut numbers: Vec<u32> = numbers.collect();
        numbers.sort_unstable();
        numbers.dedup();
        let mut places = vec![0; numbers.last().map_or(0, |last| *last as usize + 1)];
        let named = numbers.into_iter().map(|number| (callers.text(number), number));
        let mut named: Vec<(&str, u32)> = named.collect();
        named.sort_unstable();
        let mut names: Vec<Arc<str>> = Vec::with_capacity(named.len());
        for (name, number) in named {
            if names.last().is_none_or(|last| **last != *name) {
                names.push(name.into());
            }
            if let Some(place) = places.get_mut(number as usize) {
                *place = u32::try_from(names.len() - 1).unwrap_or(u32::MAX);
            }
        }
        CallerNames { names, places }
    }

    /// Requests by the numbers of callers, in words.
    pub(super) fn tell(&self, counted: impl Iterator<Item = (u32, u64)>) -> Callers {
        let mut requests = vec![0; self.names.len()];
        for (number, more) in counted {
            if let Some(sum) = requests.get_mut(at(&self.places, number) as usize) {
                *sum += more;
            }
        }
        let told = self.names.iter().zip(requests).filter(|(_, requests)| *requests > 0);
        Callers(told.map(|(name, requests)| (name.clone(), requests)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn callers<const N: usize>(counted: [(&str, u64); N]) -> Callers {
        BTreeMap::from(counted.map(|(caller, requests)| (caller.to_owned(), requests))).into()
    }

    #[test]
    fn callers_are_told_in_order_whatever_their_numbers() {
        let mut numbered = CallerNumbers::new();
        // The last is not told apart, and called as another is.
        let long = "z".repeat(3_000);
        let numbers = ["d", "(other)", "a", &long].map(|name| numbered.number(name));
        let twice = numbers.into_iter().chain(numbers);
        let names = CallerNames::of(twice.clone(), &numbered);
        let told = names.tell(twice.map(|number| (number, 2)));
        assert_eq!(told, callers([("(other)", 8), ("a", 4), ("d", 4)]));
        assert_eq!(names.tell([(numbers[0], 1)].into_iter()), callers([("d", 1)]));
    }

    #[test]
    fn callers_are_told_less_finely() {
        let role = "arn:aws:sts::123456789012:assumed-role/deploy";
        let sessions = [format!("{role}/ci-1"), format!("{role}/ci-7")];
        let told = callers([(&sessions[0], 2), ("ana", 5), (&sessions[1], 1)]);
        assert_eq!(told.clone().at(Detail::Sessions), told);
        let by_role = callers([(&format!("{role}/*"), 3), ("ana", 5)]);
        assert_eq!(told.clone().at(Detail::Roles), by_role);
        assert_eq!(told.at(Detail::Calls), callers([("(other)", 8)]));
    }

    #[test]
    fn callers_are_written_as_a_map() {
        let (told, written) = (callers([("b", 2), ("a", 1)]), r#"{"a":1,"b":2}"#);
        assert_eq!(serde_json::to_string(&told).unwrap(), written);
        assert_eq!(serde_json::from_str::<Callers>(written).unwrap(), told);
    }
}
