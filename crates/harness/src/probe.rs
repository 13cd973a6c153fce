//! Does one element of a statement match a request? The evaluator itself is asked.
//!
//! A probe is a resource policy of one Deny statement that holds nothing but the element: the
//! decision is an explicit deny exactly if the element matches, whoever asks. So coverage and
//! mutants see elements as the evaluator sees them, without a second matcher.

use tollgate_policy::{
    Condition, Documents, Effect, Outcome, PatternElement, PolicyDocument, PolicySets, PolicyType,
    Position, PrincipalElement, PrincipalPattern, Request, Span, Spanned, Statement, Version,
    authorize,
};

/// One element of a statement, compiled by itself.
#[derive(Debug)]
pub(crate) struct Probe(PolicySets);

impl Probe {
    /// Asks of `Action` or `NotAction`.
    pub(crate) fn action(version: Version, action: &PatternElement) -> Option<Probe> {
        Probe::new(version, Statement { action: action.clone(), ..blank() })
    }

    /// Asks of `Resource` or `NotResource`.
    pub(crate) fn resource(version: Version, resource: &PatternElement) -> Option<Probe> {
        Probe::new(version, Statement { resource: Some(resource.clone()), ..blank() })
    }

    /// Asks of `Principal` or `NotPrincipal`.
    pub(crate) fn principal(version: Version, principal: &PrincipalElement) -> Option<Probe> {
        Probe::new(version, Statement { principal: Some(principal.clone()), ..blank() })
    }

    /// Asks of one line of the condition block.
    pub(crate) fn condition(version: Version, condition: &Condition) -> Option<Probe> {
        Probe::new(version, Statement { conditions: vec![condition.clone()], ..blank() })
    }

    fn new(version: Version, statement: Statement) -> Option<Probe> {
        let text = document_json(Some(version), &[statement]);
        let document = PolicyDocument::parse(&text, PolicyType::Resource).ok()?;
        let documents = Documents { resource: Some(document), ..Documents::default() };
        Some(Probe(documents.compile()))
    }

    /// Whether the element matches; `None` if that depends on unknown context.
    pub(crate) fn matches(&self, request: &Request<'_>) -> Option<bool> {
        match authorize(&self.0.borrow(), request).outcome {
            Outcome::ExplicitDeny => Some(true),
            Outcome::Indeterminate => None,
            Outcome::Allowed | Outcome::ImplicitDeny => Some(false),
        }
    }
}

/// A document of these statements, as JSON.
pub(crate) fn document_json(version: Option<Version>, statements: &[Statement]) -> String {
    let mut document = serde_json::json!({ "Statement": statements });
    if let (Some(version), serde_json::Value::Object(fields)) = (version, &mut document) {
        fields.insert("Version".to_owned(), serde_json::json!(version));
    }
    document.to_string()
}

/// A Deny of everything to everyone.
fn blank() -> Statement {
    let everyone =
        PrincipalElement { negated: false, principals: vec![unplaced(PrincipalPattern::Everyone)] };
    Statement {
        sid: None,
        effect: unplaced(Effect::Deny),
        principal: Some(everyone),
        action: anything(),
        resource: Some(anything()),
        conditions: Vec::new(),
        span: Span::default(),
        position: Position { line: 1, column: 1 },
    }
}

/// `*`
fn anything() -> PatternElement {
    PatternElement { negated: false, patterns: vec![unplaced("*".to_owned())] }
}

/// A value that stands in no text.
pub(crate) fn unplaced<T>(value: T) -> Spanned<T> {
    Spanned { value, span: Span::default() }
}
