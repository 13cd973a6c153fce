//! Which changes of the policies the tests notice.

mod condition;
pub(crate) mod diff;
mod judge;
mod operator;
mod pattern;
mod show;

use std::collections::BTreeMap;

use tollgate_policy::Outcome;

use self::diff::Changed;
use crate::place::Place;
use crate::run::Run;

/// What became of the mutants of a run's policies.
///
/// Every policy is changed in one place at a time, and the tests that it applies to are judged
/// again. A mutant is *killed* by the first test that then fails. One that no test fails for is
/// compared with the original on every request of the tests and on generated ones around the
/// changed statement: if some request is decided otherwise, the mutant *survived*, and that request
/// is the test that is missing; if none is, it is set aside as an *equivalent candidate* and does
/// not count. The score is killed ÷ (killed + survived).
///
/// # The operators
///
/// | operator | what it does |
/// |---|---|
/// | `delete-statement` | leaves a statement out |
/// | `flip-effect` | `Allow` ↔ `Deny` |
/// | `delete-principal` | leaves out one of several principals |
/// | `widen-principal` | a principal → `*` |
/// | `delete-pattern` | leaves out one of several actions or resources |
/// | `widen-pattern` | an action → `service:*`; a resource's last part → `*`; either → `*` |
/// | `narrow-pattern` | a wildcard → a fixed text |
/// | `negate-element` | `Action` ↔ `NotAction`, `Resource` ↔ `NotResource` |
/// | `delete-condition` | leaves out one key of one operator |
/// | `delete-value` | leaves out one of several values |
/// | `widen-value` | a value of `StringLike` or an ARN operator → `*` |
/// | `negate-operator` | `StringEquals` ↔ `StringNotEquals` and so on |
/// | `loosen-operator` | `StringEquals` → `StringLike`, → `StringEqualsIgnoreCase`; `<` ↔ `≤`, `>` ↔ `≥` |
/// | `if-exists` | adds `IfExists`, or takes it away |
/// | `quantifier` | `ForAllValues` ↔ `ForAnyValue` |
/// | `boundary` | a CIDR one bit wider or narrower, a number ± 1, an instant ± 1 s, a boolean inverted |
/// | `variable` | a policy variable → `*` |
/// | `drop-layer` | takes away the boundary, the session policy, or one level of control policies |
#[derive(Clone, Debug, Default)]
pub struct Mutation {
    /// By operator: how many were killed, and of how many that count.
    pub operators: BTreeMap<&'static str, (usize, usize)>,
    /// Mutants that no test notices, though some request tells them from the original.
    pub survivors: Vec<Survivor>,
    /// Mutants that no request tried tells from the original.
    pub equivalent: Vec<Mutant>,
}

/// One change of one policy.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// The operator's name.
    pub operator: &'static str,
    /// What was changed: `` `Allow` → `Deny` ``.
    pub change: String,
    /// Where.
    pub place: Place,
}

/// A mutant that no test notices, and the test that would.
#[derive(Clone, Debug)]
pub struct Survivor {
    /// The mutant.
    pub mutant: Mutant,
    /// How the policies decide the missing test.
    pub original: Outcome,
    /// How the mutant decides it.
    pub mutated: Outcome,
    /// The test file that the missing test belongs to.
    pub file: String,
    /// The missing test, ready to be pasted.
    pub test: String,
}

impl Mutation {
    /// Makes and judges the mutants of all policies that a run was decided by; with `changed`, only
    /// those in changed lines. Tests that fail already notice nothing.
    pub fn test(run: &Run<'_>, changed: Option<&Changed>) -> Mutation {
        judge::judge(run, changed)
    }

    /// How many mutants were killed, and of how many that count.
    pub fn counts(&self) -> (usize, usize) {
        self.operators.values().fold((0, 0), |sum, counts| (sum.0 + counts.0, sum.1 + counts.1))
    }

    /// Killed ÷ (killed + survived) as a percentage; 100 where there is nothing to kill.
    pub fn score(&self) -> f64 {
        let (killed, of) = self.counts();
        #[expect(clippy::cast_precision_loss, reason = "counts of mutants, far below 2^52")]
        let (killed_f, of_f) = (killed as f64, of as f64);
        if of == 0 { 100.0 } else { 100.0 * killed_f / of_f }
    }

    /// The result as text for people.
    pub fn text(&self) -> String {
        show::text(self)
    }

    /// The result as a JSON value.
    pub fn json(&self) -> serde_json::Value {
        show::json(self)
    }
}
