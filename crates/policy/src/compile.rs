//! From documents to a set that answers questions: whatever can be thought out beforehand is.
//!
//! Statements are filed by the service of their actions, then by the literal text that their
//! resource patterns begin with. A request looks in one drawer, so that most statements of a large
//! set cost nothing.

use std::num::NonZeroU64;

use smallvec::SmallVec;

use crate::document::{Effect, PolicyDocument};
use crate::key::hash_lower_case;
use crate::pattern::Rest;
use crate::prefix_index::PrefixIndex;
use crate::request::{Action, Request};
use crate::statement::{CompiledStatement, ResourcePattern, Resources};
use crate::translate::KnownActions;

/// The compiled policies of one layer: immutable, `Send + Sync`, shared through an `Arc`.
#[derive(Debug)]
pub struct PolicySet {
    documents: Box<[PolicyDocument]>,
    statements: Box<[CompiledStatement]>,
    /// Ordered by hash.
    services: Box<[Service]>,
    /// Statements whose actions may be of any service, or of too many to file under each.
    any_service: Option<Drawer>,
}

/// The statements with actions of one service. Services whose names share a hash share the drawer:
/// the action itself is compared later.
#[derive(Debug)]
struct Service {
    hash: u64,
    candidates: Drawer,
}

/// A statement that can match a resource, by one of its resource patterns or by all of the element.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) statement: u32,
    pub(crate) remainder: Remainder,
    /// Of the statement.
    pub(crate) effect: Effect,
    /// The hash of the one action that the statement names, without wildcards; `None` where more
    /// must be looked at.
    pub(crate) only_action: Option<NonZeroU64>,
}

/// What of a resource is still to be looked at, once it has the literal text under which a candidate
/// is filed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Remainder {
    /// The pattern is that text: nothing may follow.
    Nothing,
    /// The pattern ends with a `*` after that text: anything may follow.
    Anything,
    /// One of the statement's resource patterns, by its index, says what may follow.
    Pattern(u32),
    /// All of the statement's element is to be evaluated.
    Element,
}

impl Remainder {
    fn of(pattern: &ResourcePattern, index: u32) -> Remainder {
        match pattern {
            ResourcePattern::Any => Remainder::Anything,
            ResourcePattern::OwnApi(_) => Remainder::Pattern(index),
            ResourcePattern::Arn(pattern) => match pattern.rest() {
                Rest::Nothing => Remainder::Nothing,
                Rest::Anything => Remainder::Anything,
                Rest::Ending(_) | Rest::Tokens { .. } => Remainder::Pattern(index),
            },
        }
    }

    /// Whether it is ruled out by what follows the literal text.
    #[inline]
    pub(crate) fn excludes(self, rest: &[u8]) -> bool {
        matches!(self, Remainder::Nothing) && !rest.is_empty()
    }
}

impl Candidate {
    /// Whether the statement cannot be about the action: most that are filed under its service
    /// and the resource's prefix are about another one.
    #[inline]
    pub(crate) fn is_about_another(&self, action: &Action<'_>) -> bool {
        self.only_action != action.hash && self.only_action.is_some()
    }
}

/// Candidates, by the literal text that their resource patterns begin with.
pub(crate) type Drawer = PrefixIndex<Candidate>;

/// Filed under more services than this, a statement is cheaper to try for every request.
const SERVICES_PER_STATEMENT: usize = 8;

impl PolicySet {
    /// Compiles the documents of one layer. Cannot fail: what a document may hold was settled when
    /// it was parsed.
    pub fn compile(documents: impl IntoIterator<Item = PolicyDocument>) -> PolicySet {
        let documents: Box<[PolicyDocument]> = documents.into_iter().collect();
        let mut known = KnownActions::default();
        let statements: Box<[CompiledStatement]> = (0..)
            .zip(&documents)
            .flat_map(|(policy, document)| {
                CompiledStatement::compile_all(policy, document, &mut known)
            })
            .collect();
        let mut drawers = Drawers::default();
        for (index, statement) in (0..).zip(&statements) {
            drawers.file(index, statement);
        }
        let Drawers { mut services, any_service } = drawers;
        services.sort_by_key(|(hash, _)| *hash);
        let services = services
            .chunk_by(|(left, _), (right, _)| left == right)
            .filter_map(|drawer| {
                let hash = drawer.first()?.0;
                let entries = drawer.iter().map(|(_, entry)| entry.clone());
                Some(Service { hash, candidates: PrefixIndex::new(entries) })
            })
            .collect();
        let any_service = (!any_service.is_empty()).then(|| PrefixIndex::new(any_service));
        PolicySet { documents, statements, services, any_service }
    }

    /// The documents, in the order in which [`StatementId::policy`](crate::StatementId::policy)
    /// counts them.
    pub fn documents(&self) -> &[PolicyDocument] {
        &self.documents
    }

    /// Whether some resource pattern has variables, so that what it matches depends on the context.
    pub fn has_resource_variables(&self) -> bool {
        let patterns = self.statements.iter().flat_map(|each| each.resources.patterns());
        patterns.into_iter().any(ResourcePattern::has_variables)
    }

    pub(crate) fn statements(&self) -> &[CompiledStatement] {
        &self.statements
    }

    /// Where the statements are filed that may be about the request's action.
    #[inline]
    pub(crate) fn drawers(&self, request: &Request<'_>) -> [Option<&Drawer>; 2] {
        let hash = request.action.service_hash;
        let service = self.services.binary_search_by_key(&hash, |service| service.hash).ok();
        let service = service.and_then(|found| self.services.get(found));
        [self.any_service.as_ref(), service.map(|service| &service.candidates)]
    }
}

type Entry = (String, Candidate);

/// Where statements are filed while a set is compiled.
#[derive(Default)]
struct Drawers {
    services: Vec<(u64, Entry)>,
    any_service: Vec<Entry>,
}

impl Drawers {
    fn file(&mut self, index: u32, statement: &CompiledStatement) {
        let entries = entries(index, statement);
        match services(statement) {
            None => self.any_service.extend(entries),
            Some(hashes) => {
                let entries: Vec<Entry> = entries.collect();
                for hash in hashes {
                    self.services.extend(entries.iter().map(|entry| (hash, entry.clone())));
                }
            }
        }
    }
}

/// Where the resource patterns of a statement are filed.
fn entries(index: u32, statement: &CompiledStatement) -> impl Iterator<Item = Entry> {
    let resources = &statement.resources;
    let only_action = statement.actions.only_name().map(str::as_bytes).map(hash_lower_case);
    let only_action = only_action.and_then(NonZeroU64::new);
    let candidate = move |remainder| Candidate {
        statement: index,
        remainder,
        effect: statement.effect,
        only_action,
    };
    let patterns: &[ResourcePattern] = match resources {
        Resources::Only(patterns) => patterns,
        Resources::Own | Resources::AllBut(_) => &[],
    };
    let whole = match resources {
        Resources::Only(_) => None,
        Resources::Own | Resources::AllBut(_) => {
            Some((String::new(), candidate(Remainder::Element)))
        }
    };
    let each = (0..).zip(patterns).map(move |(index, pattern)| {
        (pattern.literal_prefix().to_owned(), candidate(Remainder::of(pattern, index)))
    });
    whole.into_iter().chain(each)
}

/// The hashes of the services that a statement's actions name; `None` for any service.
fn services(statement: &CompiledStatement) -> Option<SmallVec<[u64; SERVICES_PER_STATEMENT]>> {
    if statement.actions.negated {
        return None;
    }
    let mut hashes = SmallVec::new();
    for pattern in &statement.actions.patterns {
        let (service, _) = pattern.literal_prefix().split_once(':')?;
        let hash = hash_lower_case(service.as_bytes());
        if hashes.contains(&hash) {
            continue;
        }
        if hashes.len() == SERVICES_PER_STATEMENT {
            return None;
        }
        hashes.push(hash);
    }
    Some(hashes)
}
