//! What no test decides, and a request that would: found by trying.

use tollgate_policy::{Effect, Outcome, authorize};

use super::measure::by_bundle;
use super::measure::parts::{Element, elements};
use super::{Coverage, StatementCoverage};
use crate::bundle::{Bundle, Citation};
use crate::call::Call;
use crate::expand::Cell;
use crate::file::Expectation;
use crate::place::Place;
use crate::propose::{self, addressed, matching};
use crate::run::Run;
use crate::write::Draft;

/// Something of a policy that no test sees.
#[derive(Clone, Debug)]
pub struct Gap {
    /// What is not seen: ``statement `ReadIssues` is never decisive``.
    pub message: String,
    /// Where it stands.
    pub place: Place,
    /// A test that would see it, ready to be pasted into the test file named first; `None` if no
    /// request was found that would.
    pub test: Option<(String, String)>,
}

/// The mark that is missing.
#[derive(Clone, Copy, PartialEq)]
enum Mark {
    Matched,
    Decisive,
    Part { index: usize, seen: bool },
}

/// All gaps of a measured coverage, each with a request if one is found.
pub(super) fn gaps(run: &Run<'_>, coverage: &Coverage) -> Vec<Gap> {
    let groups = by_bundle(run);
    let mut gaps = Vec::new();
    for policy in &coverage.policies {
        for statement in &policy.statements {
            let missing = missing(statement);
            if missing.is_empty() {
                continue;
            }
            let stands = |citation: &Citation<'_>| {
                citation.policy.policy_type() == policy.policy_type
                    && citation.place().source.name == statement.place.source.name
                    && citation.statement.position == statement.place.position()
            };
            let searches: Vec<Search<'_>> = groups
                .iter()
                .filter_map(|(bundle, verdicts)| {
                    let cells = verdicts.iter().map(|verdict| verdict.cell);
                    Search::new(bundle, propose::seeds(cells), &stands)
                })
                .collect();
            gaps.extend(missing.into_iter().map(|mark| gap(statement, mark, &searches)));
        }
    }
    gaps
}

fn missing(statement: &StatementCoverage) -> Vec<Mark> {
    let mut missing = Vec::new();
    if statement.matched == 0 {
        missing.push(Mark::Matched);
    } else if statement.decisive == 0 {
        missing.push(Mark::Decisive);
    }
    for (index, part) in statement.parts.iter().enumerate() {
        // A statement that never matched says so once, not for each of its parts.
        if part.seen_true == 0 && (statement.matched > 0 || statement.parts.len() > 1) {
            missing.push(Mark::Part { index, seen: true });
        }
        if part.seen_false == 0 && !part.constant {
            missing.push(Mark::Part { index, seen: false });
        }
    }
    missing
}

fn gap(statement: &StatementCoverage, mark: Mark, searches: &[Search<'_>]) -> Gap {
    let (message, place) = match mark {
        Mark::Matched => {
            (format!("statement `{}` matches no request", statement.name), &statement.place)
        }
        Mark::Decisive => {
            (format!("statement `{}` is never decisive", statement.name), &statement.place)
        }
        Mark::Part { index, seen } => match statement.parts.get(index) {
            Some(part) => {
                (format!("{} `{}` is never seen {seen}", part.element, part.text), &part.place)
            }
            None => (String::new(), &statement.place),
        },
    };
    let found = searches.iter().find_map(|search| Some((search, search.find(mark)?)));
    let test = found.map(|(search, (cell, call))| {
        search.draft(cell, &call, &format!("{}: {message}", short(place)))
    });
    Gap { message, place: place.clone(), test }
}

/// A search for requests that show something of one statement, among policies that hold it.
struct Search<'a> {
    bundle: &'a Bundle,
    seeds: Vec<&'a Cell>,
    citation: Citation<'a>,
    elements: Vec<Element>,
}

impl<'a> Search<'a> {
    fn new(
        bundle: &'a Bundle,
        seeds: Vec<&'a Cell>,
        stands: &dyn Fn(&Citation<'_>) -> bool,
    ) -> Option<Search<'a>> {
        let mut citations = bundle.policies().iter().flat_map(|policy| {
            let statements = 0..policy.document.statements().len();
            statements.filter_map(|index| bundle.cite(policy.statement_id(index)))
        });
        let citation = citations.find(|citation| stands(citation))?;
        Some(Search { bundle, seeds, citation, elements: elements(&citation) })
    }

    /// A request that sets the mark, and the cell that it was made from.
    fn find(&self, mark: Mark) -> Option<(&'a Cell, Call)> {
        let statement = self.citation.statement;
        let version = self.citation.policy.document.version();
        self.seeds.iter().find_map(|cell| {
            let full = matching(&cell.call, statement, version);
            let partial = addressed(&cell.call, statement, version);
            let variations = |call: &Call| propose::variations(call, statement).collect::<Vec<_>>();
            let calls =
                std::iter::once(full.clone()).chain(variations(&full)).chain(variations(&partial));
            let may_change = propose::takes_any_principal(self.bundle);
            let mut calls =
                calls.filter(|call| may_change || call.principal == cell.call.principal);
            calls.find(|call| self.shows(call, mark)).map(|call| (*cell, call))
        })
    }

    fn shows(&self, call: &Call, mark: Mark) -> bool {
        let request = call.request();
        let matches = |element: &Element| element.matches(&request);
        match mark {
            Mark::Matched => self.elements.iter().all(matches),
            Mark::Decisive => {
                let decision = authorize(&self.bundle.layers(), &request);
                let allows = self.citation.statement.effect.value == Effect::Allow;
                let named = decision.determined_by.iter().any(|id| id == self.citation.id);
                let passes = allows && decision.outcome == Outcome::Allowed;
                self.elements.iter().all(matches) && (named || (passes && limits(&self.citation)))
            }
            Mark::Part { index, seen } => {
                let mut before = 0;
                for element in &self.elements {
                    if let Some(part) =
                        element.parts.get(index - before.min(index)).filter(|_| index >= before)
                    {
                        return part.probe.matches(&request) == Some(seen);
                    }
                    if !element.is_condition && !matches(element) {
                        return false;
                    }
                    before += element.parts.len();
                }
                false
            }
        }
    }

    fn draft(&self, cell: &Cell, call: &Call, message: &str) -> (String, String) {
        let outcome = authorize(&self.bundle.layers(), &call.request()).outcome;
        let same = call.principal == cell.call.principal;
        let draft = Draft {
            name: message,
            principal: if same { &cell.principal } else { &call.principal },
            call,
            expected: Expectation::exactly(outcome),
            inherited: if same { &cell.inherited } else { &[] },
        };
        (cell.file().to_owned(), draft.yaml())
    }
}

/// A place without the folders of its file.
fn short(place: &Place) -> String {
    let file = place.file().rsplit('/').next().unwrap_or_default();
    format!("{file}:{}", place.position())
}

fn limits(citation: &Citation<'_>) -> bool {
    use tollgate_policy::PolicyType::{Identity, Resource, RoleTrust};
    !matches!(citation.policy.policy_type(), Identity | Resource | RoleTrust)
}
