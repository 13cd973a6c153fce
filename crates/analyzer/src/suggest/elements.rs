//! From what was called to the elements of a policy: each a statement of one resource, narrower than
//! the present one that it stands for.

use std::collections::{BTreeMap, BTreeSet};

use tollgate_policy::{Effect, PatternElement, Position, Scope, Span, Statement, Version};
use tollgate_store::Account;

use super::grants::{Grant, Grants, Present, nowhere};
use super::observe::{Observed, Place};
use super::shape::{self, Shape};
use super::shown::Apart;
use super::values::{Branch, Use, Values};

/// How many values are listed before a parameter becomes `*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Of a parameter that a route names.
    pub named: usize,
}

impl Bounds {
    /// The bound where `*` would reach further than the route does: `*` takes slashes, too. Also that
    /// of a segment which no route names a parameter.
    pub fn wide(self) -> usize {
        self.named.saturating_mul(4)
    }
}

/// Why an element is as wide as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Basis {
    /// It is what was called.
    Calls,
    /// Parameters had more values than are listed, or the log does not tell them.
    Parameters,
    /// It is the pattern of the present statement: nothing narrower could be shown to be within it.
    Present,
    /// No call of the log can show whether it is used.
    Hidden,
}

/// An Allow statement of one action and one resource, or of what no call of the log can show.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    /// The present statement that it is within.
    pub(crate) present: usize,
    /// The method that was called, if it is a call of an API.
    pub(crate) method: Option<String>,
    pub(crate) statement: Statement,
    pub(crate) uses: Use,
    pub(crate) basis: Basis,
    /// Other routes that a `*` of it reaches, and that the principal did not call.
    pub(crate) reaches: Vec<String>,
}

/// The elements that one principal needs, none of which covers another.
pub(crate) fn elements(
    account: &Account,
    observed: &Observed,
    principal: usize,
    grants: &Grants<'_>,
    apart: &[Option<Apart>],
    bounds: Bounds,
) -> Vec<Element> {
    let own = || observed.places.iter().filter(|(place, _)| place.principal == principal);
    let mut elements = hidden(apart);
    for (place, paths) in by_evidence(own(), bounds) {
        let called = own().map(|(place, _)| &place.shape);
        let maker = Maker { account, observed, grants, place: &place, called: called.collect() };
        maker.make(&paths, bounds, &mut elements);
    }
    without_covered(elements)
}

/// What no call of the log can show, as it is.
fn hidden(apart: &[Option<Apart>]) -> Vec<Element> {
    let all = apart.iter().enumerate();
    let all = all.flat_map(|(index, apart)| apart.iter().map(move |apart| (index, apart)));
    all.flat_map(|(present, apart)| {
        apart.hidden.iter().map(move |statement| Element {
            present,
            method: None,
            statement: statement.clone(),
            uses: Use::default(),
            basis: Basis::Hidden,
            reaches: Vec::new(),
        })
    })
    .collect()
}

/// The places of known routes as they are; guessed routes of one length as one, so that a segment
/// with many values is found to be a parameter.
fn by_evidence<'o>(
    places: impl Iterator<Item = (&'o Place, &'o Values)>,
    bounds: Bounds,
) -> Vec<(Place, Paths)> {
    let mut guessed: BTreeMap<(Place, usize), Values> = BTreeMap::new();
    let mut all = Vec::new();
    for (place, values) in places {
        let Shape::Guess(head, template) = &place.shape else {
            all.push((place.clone(), Paths::Route(values.clone())));
            continue;
        };
        for (branch, uses) in values.bounded(bounds.named).branches() {
            let segments = shape::fill(template, &branch);
            let shape = Shape::Guess(head.clone(), String::new());
            let key = (Place { shape, ..place.clone() }, segments.len());
            let values = segments.iter().map(Option::as_deref);
            guessed.entry(key).or_default().add(values, uses, bounds.wide());
        }
    }
    all.extend(guessed.into_iter().map(|((place, _), values)| (place, Paths::Guess(values))));
    all
}

/// The paths that were called in one place.
enum Paths {
    /// By the values of the route's parameters.
    Route(Values),
    /// By all segments.
    Guess(Values),
}

impl Paths {
    /// The segments of the paths, with so many values of a parameter told apart.
    fn segments(&self, shape: &Shape, bound: usize) -> Vec<(Branch, Use)> {
        let (Paths::Route(values) | Paths::Guess(values)) = self;
        match (self, shape) {
            (Paths::Route(_), Shape::Route(_, template)) => {
                let filled = |(branch, uses)| (shape::fill(template, &branch), uses);
                values.bounded(bound).branches().into_iter().map(filled).collect()
            }
            _ => values.branches(),
        }
    }
}

/// Makes the elements of one place.
struct Maker<'m> {
    account: &'m Account,
    observed: &'m Observed,
    grants: &'m Grants<'m>,
    place: &'m Place,
    /// What the principal called anywhere.
    called: Vec<&'m Shape>,
}

impl Maker<'_> {
    fn make(&self, paths: &Paths, bounds: Bounds, elements: &mut Vec<Element>) {
        let Some(grant) = self.grants.list.get(self.place.grant) else { return };
        let Some(present) = self.grants.statements.get(grant.statement) else { return };
        let few = self.of_paths(paths, bounds.named, *grant, present);
        let reached = |list: &[Element]| list.iter().map(|it| it.reaches.len()).sum::<usize>();
        let kept = |list: &[Element]| list.iter().filter(|it| it.basis == Basis::Present).count();
        // More values, if that keeps a `*` out of where nobody went, or within what is allowed now.
        let chosen = match (reached(&few), kept(&few)) {
            (0, 0) => few,
            (reach, keep) => {
                let many = self.of_paths(paths, bounds.wide(), *grant, present);
                if (reached(&many), kept(&many)) < (reach, keep) { many } else { few }
            }
        };
        elements.extend(chosen);
    }

    fn of_paths(
        &self,
        paths: &Paths,
        bound: usize,
        grant: Grant,
        present: &Present<'_>,
    ) -> Vec<Element> {
        let all = paths.segments(&self.place.shape, bound);
        all.into_iter()
            .map(|(segments, uses)| self.element(&segments, uses, grant, present))
            .collect()
    }

    /// The element of a path, if the present statement is found to cover it; else that statement's
    /// own pattern.
    fn element(
        &self,
        segments: &Branch,
        uses: Use,
        grant: Grant,
        present: &Present<'_>,
    ) -> Element {
        let is_exact = segments.iter().all(Option::is_some);
        let narrow = match &self.place.shape {
            Shape::Route(head, _) | Shape::Guess(head, _) => Some(shape::pattern(head, segments)),
            Shape::Whole => segments.first().cloned().flatten().map(|it| shape::literal(&it)),
            Shape::Other => None,
        };
        if let Some(pattern) = narrow {
            let resource = PatternElement { negated: false, patterns: vec![nowhere(pattern)] };
            let statement = self.statement(present, resource);
            if present.scope.covers(&Scope::of(&statement, Version::V2012)) {
                let reaches = if is_exact { Vec::new() } else { self.reaches(segments) };
                let basis = if is_exact { Basis::Calls } else { Basis::Parameters };
                return self.finish(grant, statement, uses, basis, reaches);
            }
        }
        let own = grant.resource(&self.grants.statements);
        let resource = modern(own.unwrap_or_else(nothing), present.version);
        self.finish(grant, self.statement(present, resource), uses, Basis::Present, Vec::new())
    }

    fn finish(
        &self,
        grant: Grant,
        statement: Statement,
        uses: Use,
        basis: Basis,
        reaches: Vec<String>,
    ) -> Element {
        let method = self.place.shape.method().map(str::to_owned);
        Element { present: grant.statement, method, statement, uses, basis, reaches }
    }

    /// An Allow of this resource under the present conditions.
    fn statement(&self, present: &Present<'_>, resource: PatternElement) -> Statement {
        let action = match &self.place.action {
            Some(action) => {
                PatternElement { negated: false, patterns: vec![nowhere(action.clone())] }
            }
            None => present.statement.action.clone(),
        };
        Statement { action, resource: Some(resource), ..modern_statement(present) }
    }

    /// The routes of the API and method, called by anyone or declared, which the pattern of these
    /// segments matches as well and the principal did not call.
    fn reaches(&self, segments: &Branch) -> Vec<String> {
        let (Some(head), Some(method)) = (self.place.shape.head(), self.place.shape.method())
        else {
            return Vec::new();
        };
        let id = head.splitn(6, ':').nth(5).and_then(|rest| rest.split('/').next());
        let declared = id.and_then(|id| self.account.api(id)).map_or(&[][..], |api| api.routes());
        let takes =
            |methods: &[String]| methods.is_empty() || methods.iter().any(|it| it == method);
        let declared = declared
            .iter()
            .filter(|route| takes(&route.methods))
            .map(|route| route.template.as_str());
        let observed = self.observed.routes.iter();
        let observed = observed.filter(|(api, of, _)| Some(api.as_str()) == id && of == method);
        let known: BTreeSet<&str> =
            declared.chain(observed.map(|(_, _, template)| template.as_str())).collect();
        let is_called = |template: &str| {
            self.called.iter().any(|shape| match shape {
                Shape::Route(of, called) => of == head && called == template,
                _ => false,
            })
        };
        let is_reached = |template: &&str| shape::reaches(segments, template);
        let reached = known.into_iter().filter(|template| !is_called(template)).filter(is_reached);
        reached.map(|template| format!("{method} {template}")).collect()
    }
}

fn nothing() -> PatternElement {
    PatternElement { negated: false, patterns: Vec::new() }
}

/// A present statement for a document of version 2012-10-17, without its place and name.
pub(crate) fn modern_statement(present: &Present<'_>) -> Statement {
    let mut statement = present.statement.clone();
    statement.sid = None;
    statement.span = Span::default();
    statement.position = Position { line: 1, column: 1 };
    statement.resource = statement.resource.map(|resource| modern(resource, present.version));
    for condition in &mut statement.conditions {
        if condition.operator.value.test.family().takes_variables() {
            let values = condition.values.iter_mut();
            values.for_each(|value| value.value = modern_text(&value.value, present.version));
        }
    }
    statement
}

fn modern(mut element: PatternElement, version: Version) -> PatternElement {
    for pattern in &mut element.patterns {
        pattern.value = modern_text(&pattern.value, version);
    }
    element
}

/// In a document of version 2008-10-17, `${` is text.
fn modern_text(text: &str, version: Version) -> String {
    match version {
        Version::V2008 => text.replace("${", "${$}{"),
        Version::V2012 => text.to_owned(),
    }
}

/// Leaves out elements that another one covers, which takes over their uses.
fn without_covered(elements: Vec<Element>) -> Vec<Element> {
    let scopes: Vec<Scope<'_>> =
        elements.iter().map(|element| Scope::of(&element.statement, Version::V2012)).collect();
    let mut owner: Vec<usize> = (0..elements.len()).collect();
    for (index, scope) in scopes.iter().enumerate() {
        let covers = |(other, by): &(usize, &Scope<'_>)| {
            *other != index && by.covers(scope) && (!scope.covers(by) || *other < index)
        };
        if let (Some((by, _)), Some(own)) =
            (scopes.iter().enumerate().find(covers), owner.get_mut(index))
        {
            *own = by;
        }
    }
    drop(scopes);
    let mut uses = vec![Use::default(); elements.len()];
    for (index, element) in elements.iter().enumerate() {
        let last = follow(&owner, index);
        if let Some(sum) = uses.get_mut(last) {
            sum.merge(element.uses);
        }
    }
    let kept = elements.into_iter().zip(uses).enumerate();
    kept.filter(|(index, _)| owner.get(*index) == Some(index))
        .map(|(_, (element, uses))| Element { uses, ..element })
        .collect()
}

/// The element that covers one in the end. Covering is transitive, and ends at the first of equals.
fn follow(owner: &[usize], mut index: usize) -> usize {
    for _ in 0..owner.len() {
        match owner.get(index) {
            Some(next) if *next != index => index = *next,
            _ => break,
        }
    }
    index
}

/// The Deny statements in force. All of them stay: a Deny also limits what other policies grant.
pub(crate) fn denies<'g>(grants: &'g Grants<'_>) -> impl Iterator<Item = (usize, Statement)> + 'g {
    let all = grants.statements.iter().enumerate();
    let denies = all.filter(|(_, present)| present.statement.effect.value == Effect::Deny);
    denies.map(|(index, present)| (index, modern_statement(present)))
}
