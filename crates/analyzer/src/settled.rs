//! What assumptions settled: one of a key that no decision depends on, or that the log tells wherever one
//! does, changes nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tollgate_policy::{Circumstances, Key, Request, authorize};
use tollgate_store::{Account, suggestion};

use crate::assumption::{Assumption, Suppose};
use crate::bindings::Binding;
use crate::context::referenced_keys;
use crate::text::quoted;

/// What came of an assumption, from the least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Effect {
    /// No policy refers to its key.
    #[default]
    Unknown,
    /// No decision depends on its key.
    Unasked,
    /// Some do, and all of them find its value told.
    Told,
    /// Some depend on what is assumed.
    Settled,
}

/// By how each assumption is written, without its value: what came of it, and which key may have been
/// meant. Merges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Settled(BTreeMap<String, (Effect, Option<String>)>);

impl Settled {
    /// What is known of assumptions before anything is decided.
    pub(crate) fn of<'a>(
        assumed: &[Assumption],
        accounts: impl Iterator<Item = &'a Account>,
    ) -> Settled {
        let known: Vec<&str> = accounts.flat_map(referenced_keys).collect();
        let effect = |key: &str| match known.iter().any(|it| Key::new(it) == Key::new(key)) {
            true => (Effect::Unasked, None),
            false => (Effect::Unknown, suggestion(key, known.iter().copied())),
        };
        Settled(assumed.iter().map(|it| (it.option(), effect(&it.key))).collect())
    }

    /// Adds what another worker, file or machine found.
    pub(crate) fn merge(&mut self, other: Settled) {
        for (assumption, effect) in other.0 {
            let held = self.0.entry(assumption).or_default();
            *held = std::mem::take(held).max(effect);
        }
    }

    /// Whether nothing was assumed.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A sentence for each assumption that settled nothing.
    pub(crate) fn sentences(&self) -> impl Iterator<Item = String> {
        self.0.iter().filter_map(|(assumption, (effect, meant))| {
            let why = match effect {
                Effect::Unknown => "no policy refers to this key",
                Effect::Unasked => "no decision depends on this key",
                Effect::Told => {
                    "wherever a decision depends on this key, the log or the account tells it"
                }
                Effect::Settled => return None,
            };
            let end = meant.as_ref().map_or(".".to_owned(), |meant| format!("; {meant}"));
            Some(format!("{} settles nothing: {why}{end}", quoted(assumption)))
        })
    }
}

/// Notes what assumptions settle, for one worker and one account.
#[derive(Clone)]
pub(crate) struct Settling<'a> {
    assumed: &'a [Assumption],
    effects: Vec<Effect>,
}

impl<'a> Settling<'a> {
    pub(crate) fn new(assumed: &'a [Assumption]) -> Settling<'a> {
        Settling { assumed, effects: vec![Effect::Unasked; assumed.len()] }
    }

    /// Whether there is anything left to be found.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.effects.iter().any(|effect| *effect != Effect::Settled)
    }

    /// Notes what decides a request in which something is supposed.
    pub(crate) fn note<'r>(
        &mut self,
        binding: &Binding<'_>,
        request: impl Fn(Suppose) -> Request<'r>,
    ) {
        for (suppose, effect) in
            [(Suppose::Told, Effect::Settled), (Suppose::Nothing, Effect::Told)]
        {
            let decision = authorize(binding.policies(), &request(suppose));
            for (assumption, held) in self.assumed.iter().zip(&mut self.effects) {
                let same = |key: &String| Key::new(key) == Key::new(&assumption.key);
                if decision.depends_on.iter().any(same) {
                    *held = effect.max(*held);
                }
            }
        }
    }

    /// What came of the assumptions that something came of.
    pub(crate) fn finish(&self) -> Settled {
        let all = self.assumed.iter().zip(&self.effects);
        let all = all.filter(|(_, effect)| **effect > Effect::Unasked);
        Settled(all.map(|(it, effect)| (it.option(), (*effect, None))).collect())
    }
}

/// What policies see of a request without what is assumed: calls that differ in that may be settled
/// otherwise.
pub(crate) fn without<'r>(
    binding: &Binding<'_>,
    request: impl Fn(Suppose) -> Request<'r>,
) -> [Circumstances; 2] {
    [Suppose::Told, Suppose::Nothing]
        .map(|suppose| Circumstances::of(binding.policies(), &request(suppose)))
}
