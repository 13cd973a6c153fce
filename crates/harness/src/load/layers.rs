//! Attachments → layers: policy files are read and parsed once, and sets of them compiled once.

use std::collections::HashMap;
use std::sync::Arc;

use tollgate_policy::{AuthorizationType, PolicyDocument, PolicyType, Span};
use tollgate_store::Source as Files;

use super::{beside, read, unreadable};
use crate::bundle::{AttachedPolicy, Bundle, layer_of};
use crate::file::{Attachment, DocumentRef, LayerFields};
use crate::place::{Place, Problem, SourceFile};

/// A document and where it was read.
#[derive(Clone, Debug)]
pub(super) struct Parsed {
    pub(super) source: Arc<SourceFile>,
    pub(super) document: Arc<PolicyDocument>,
}

/// The layers of a cell before they are compiled.
#[derive(Clone, Debug, Default)]
pub(super) struct Resolved {
    /// Levels by layer, in the order of [`PolicyType::ALL`]; a role's trust policy stands in the
    /// place of a resource's policy.
    pub(super) levels: Vec<(PolicyType, Vec<Vec<Parsed>>)>,
    pub(super) authorization_type: AuthorizationType,
}

impl Resolved {
    /// All documents.
    pub(super) fn documents(&self) -> impl Iterator<Item = &PolicyDocument> {
        self.levels.iter().flat_map(|(_, levels)| levels).flatten().map(|parsed| &*parsed.document)
    }

    /// Replaces a layer.
    pub(super) fn set(&mut self, layer: PolicyType, levels: Vec<Vec<Parsed>>) {
        self.levels.retain(|(held, _)| layer_of(*held) != layer_of(layer));
        self.levels.push((layer, levels));
        self.levels.sort_by_key(|(layer, _)| *layer);
    }
}

/// Policies that have been read, and sets of them that have been compiled.
pub(super) struct Layers<'f> {
    files: &'f dyn Files,
    parsed: HashMap<(String, u32, PolicyType), Result<Parsed, Vec<Problem>>>,
    compiled: HashMap<BundleKey, Arc<Bundle>>,
}

/// Two cells with equal keys have the same policies in force: documents are told apart by where
/// they are kept in memory, for as long as `Layers` holds them.
#[derive(PartialEq, Eq, Hash)]
struct BundleKey {
    levels: Vec<(PolicyType, Vec<Vec<usize>>)>,
    authorization_type: AuthorizationType,
}

impl<'f> Layers<'f> {
    pub(super) fn new(files: &'f dyn Files) -> Layers<'f> {
        Layers { files, parsed: HashMap::new(), compiled: HashMap::new() }
    }

    /// The layers in force: those of the account, replaced by what attachments give, the later the
    /// stronger.
    pub(super) fn resolve(
        &mut self,
        base: Option<Resolved>,
        attachments: &[&Attachment],
    ) -> Result<Resolved, Vec<Problem>> {
        let mut resolved = base.unwrap_or_default();
        let mut problems = Vec::new();
        for attachment in attachments {
            if let Some(authorization_type) = attachment.authorization_type {
                resolved.authorization_type = authorization_type;
            }
            for layer in &attachment.layers {
                match self.layer(layer) {
                    Ok(levels) => resolved.set(layer.policy_type, levels),
                    Err(found) => problems.extend(found),
                }
            }
        }
        if problems.is_empty() { Ok(resolved) } else { Err(problems) }
    }

    fn layer(&mut self, layer: &LayerFields) -> Result<Vec<Vec<Parsed>>, Vec<Problem>> {
        let mut level = |documents: &Vec<DocumentRef>| {
            documents.iter().map(|named| self.document(named, layer.policy_type)).collect()
        };
        layer.levels.iter().map(&mut level).collect()
    }

    fn document(&mut self, named: &DocumentRef, layer: PolicyType) -> Result<Parsed, Vec<Problem>> {
        let key = match named {
            DocumentRef::File(path) => (beside(&path.place.source.name, &path.value), 0, layer),
            DocumentRef::Inline(place) => (place.file().to_owned(), place.span.start + 1, layer),
        };
        if let Some(parsed) = self.parsed.get(&key) {
            return parsed.clone();
        }
        let parsed = match named {
            DocumentRef::Inline(place) => parse(&inline(place), layer),
            DocumentRef::File(path) => match read(self.files, &key.0) {
                Ok(source) => parse(&source, layer),
                Err(reason) => Err(vec![unreadable(path, &reason)]),
            },
        };
        self.parsed.entry(key).or_insert(parsed).clone()
    }

    /// Compiles the layers, unless the same were compiled before.
    pub(super) fn compile(&mut self, resolved: Resolved) -> Arc<Bundle> {
        let address = |parsed: &Parsed| Arc::as_ptr(&parsed.document).addr();
        let level = |level: &Vec<Parsed>| level.iter().map(address).collect();
        let layer = |(layer, levels): &(PolicyType, Vec<Vec<Parsed>>)| {
            (*layer, levels.iter().map(level).collect())
        };
        let key = BundleKey {
            levels: resolved.levels.iter().map(layer).collect(),
            authorization_type: resolved.authorization_type,
        };
        let bundle = self.compiled.entry(key).or_insert_with(|| Arc::new(bundle(resolved)));
        Arc::clone(bundle)
    }
}

fn bundle(resolved: Resolved) -> Bundle {
    let count = |layer| {
        let found = resolved.levels.iter().find(|(held, _)| *held == layer);
        number(found.map_or(0, |(_, levels)| levels.len()))
    };
    let levels = [count(PolicyType::ServiceControl), count(PolicyType::ResourceControl)];
    let mut policies = Vec::new();
    for (level, parsed) in resolved.levels.iter().flat_map(|(_, levels)| levels.iter().enumerate())
    {
        for (index, Parsed { source, document }) in parsed.iter().enumerate() {
            policies.push(AttachedPolicy {
                source: Arc::clone(source),
                level: number(level),
                index: u32::from(number(index)),
                document: Arc::clone(document),
            });
        }
    }
    Bundle::new(policies, levels, resolved.authorization_type)
}

fn number(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

/// Reads a policy; every error becomes a problem with its place.
pub(super) fn parse(source: &Arc<SourceFile>, layer: PolicyType) -> Result<Parsed, Vec<Problem>> {
    match PolicyDocument::parse(&source.text, layer) {
        Ok(document) => Ok(Parsed { source: Arc::clone(source), document: Arc::new(document) }),
        Err(errors) => Err(problems(source, &errors)),
    }
}

fn problems(source: &Arc<SourceFile>, errors: &tollgate_policy::PolicyErrors) -> Vec<Problem> {
    let problem = |error: &tollgate_policy::Diagnostic| Problem {
        message: error.message.clone(),
        help: error.help(),
        place: Some(Place::new(source, error.span)),
    };
    let mut problems: Vec<Problem> = errors.errors().iter().map(problem).collect();
    if errors.more() > 0 {
        let message = format!("and {} more errors in this policy", errors.more());
        problems.push(Problem::at(Place::new(source, Span::default()), message));
    }
    problems
}

/// A policy within a test file as a source of its own, in which it stands at the same line and
/// column.
fn inline(place: &Place) -> Arc<SourceFile> {
    let at = place.position();
    let lines = "\n".repeat(at.line.saturating_sub(1) as usize);
    let columns = " ".repeat(at.column.saturating_sub(1) as usize);
    SourceFile::new(place.file(), format!("{lines}{columns}{}", place.text()))
}
