//! What the tests see of the policies.

mod gap;
mod html;
mod lcov;
mod measure;
mod show;

use std::sync::Arc;

use tollgate_policy::{Effect, PolicyType};

pub use self::gap::Gap;
use crate::place::{Place, SourceFile};
use crate::run::Run;

/// What the tests of a run see of the policies that it was decided by.
///
/// A statement has three marks: it *matched* some request, it was *decisive* for some decision, and
/// it was a *near miss* (all of its elements but one matched). A pattern or condition value has
/// two: it was seen to match and seen not to, each time in a request for which it mattered: one
/// that the elements before it (principal, then action, then resource) match.
///
/// The percentage counts, of every statement, *matched* and *decisive*, and of every pattern and
/// value *true* and *false*; a pattern that matches everything cannot be seen false and need not
/// be. A near miss is shown and not counted: a statement that allows everything has none.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// The policies, by file.
    pub policies: Vec<PolicyCoverage>,
    /// What no test decides, with the request that would.
    pub gaps: Vec<Gap>,
}

/// What the tests see of one policy, as one type of policy.
#[derive(Clone, Debug)]
pub struct PolicyCoverage {
    /// Its file.
    pub source: Arc<SourceFile>,
    /// What it is attached as.
    pub policy_type: PolicyType,
    /// Its statements, in order.
    pub statements: Vec<StatementCoverage>,
}

/// What the tests see of one statement.
#[derive(Clone, Debug)]
pub struct StatementCoverage {
    /// Its Sid, or its number in the document.
    pub name: String,
    /// Allow or Deny.
    pub effect: Effect,
    /// Where it stands.
    pub place: Place,
    /// How many requests it matched.
    pub matched: usize,
    /// How many decisions it was decisive for. A statement of a layer that only limits is decisive
    /// where it lets an allowed request pass.
    pub decisive: usize,
    /// How many requests all of its elements but one matched.
    pub near_misses: usize,
    /// Its patterns and values, in order.
    pub parts: Vec<PartCoverage>,
}

/// What the tests see of one pattern or condition value.
#[derive(Clone, Debug)]
pub struct PartCoverage {
    /// The element: `Action`, `NotResource`, `StringLike aws:UserAgent`.
    pub element: String,
    /// The pattern or value.
    pub text: String,
    /// Where it stands.
    pub place: Place,
    /// How often it matched.
    pub seen_true: usize,
    /// How often it did not.
    pub seen_false: usize,
    /// Whether it matches every request there is.
    pub constant: bool,
}

/// How much of what should be seen is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// What is.
    pub seen: usize,
    /// What should be.
    pub of: usize,
}

impl Seen {
    /// As a percentage; of nothing, everything is seen.
    pub fn percent(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "counts of marks, far below 2^52")]
        let (seen, of) = (self.seen as f64, self.of as f64);
        if self.of == 0 { 100.0 } else { 100.0 * seen / of }
    }

    fn add(&mut self, seen: bool) {
        self.of += 1;
        self.seen += usize::from(seen);
    }

    fn sum(all: impl IntoIterator<Item = Seen>) -> Seen {
        let add = |a: Seen, b: Seen| Seen { seen: a.seen + b.seen, of: a.of + b.of };
        all.into_iter().fold(Seen::default(), add)
    }
}

impl PartCoverage {
    /// Its two marks, or its one.
    pub fn seen(&self) -> Seen {
        let mut seen = Seen::default();
        seen.add(self.seen_true > 0);
        if !self.constant {
            seen.add(self.seen_false > 0);
        }
        seen
    }
}

impl StatementCoverage {
    /// Its marks and those of its parts.
    pub fn seen(&self) -> Seen {
        let mut own = Seen::default();
        own.add(self.matched > 0);
        own.add(self.decisive > 0);
        Seen::sum(self.parts.iter().map(PartCoverage::seen).chain([own]))
    }
}

impl Coverage {
    /// Measures what a run saw.
    pub fn measure(run: &Run<'_>) -> Coverage {
        let mut coverage = measure::measure(run);
        coverage.gaps = gap::gaps(run, &coverage);
        coverage
    }

    /// All marks.
    pub fn seen(&self) -> Seen {
        Seen::sum(self.policies.iter().map(PolicyCoverage::seen))
    }

    /// The coverage as text for people.
    pub fn text(&self) -> String {
        show::text(self)
    }

    /// The coverage as a JSON value.
    pub fn json(&self) -> serde_json::Value {
        show::json(self)
    }

    /// The coverage as an `lcov` trace file: statements are lines, and parts are branches.
    pub fn lcov(&self) -> String {
        lcov::render(self)
    }

    /// The coverage as one HTML page, which needs no other file.
    pub fn html(&self) -> String {
        html::render(self)
    }
}

impl PolicyCoverage {
    /// All marks.
    pub fn seen(&self) -> Seen {
        Seen::sum(self.statements.iter().map(StatementCoverage::seen))
    }
}
