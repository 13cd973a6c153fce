//! What is legal in a policy, and almost never meant.
//!
//! Each rule is a [`Code`] with its explanation. A lint never changes a decision, and a document
//! with findings is a valid one.

mod api;
mod condition;
mod quota;
mod statement;

pub use quota::MANAGED_POLICY_CHARACTERS;

use crate::code::Code;
use crate::document::PolicyDocument;
use crate::error::Diagnostic;
use crate::json::{Node, Shape};
use crate::lines::Lines;
use crate::span::Span;
use crate::template::Variables;

impl PolicyDocument {
    /// Looks for what is legal and almost never meant: findings in document order.
    ///
    /// ```
    /// use tollgate_policy::{Code, PolicyDocument, PolicyType};
    ///
    /// let source = r#"{"Version": "2012-10-17", "Statement": {
    ///     "Effect": "Allow", "Action": "execute-api:Invoke",
    ///     "Resource": "arn:aws:execute-api:eu-west-1:111122223333:a1b2c3/*/GET/pets"}}"#;
    /// let document = PolicyDocument::parse(source, PolicyType::Identity)?;
    /// let findings = document.lint();
    /// assert_eq!(findings[0].code, Code::StageWildcard);
    /// assert_eq!(findings[0].position.to_string(), "3:17");
    /// # Ok::<(), tollgate_policy::PolicyErrors>(())
    /// ```
    pub fn lint(&self) -> Vec<Diagnostic> {
        let mut linter = Linter::new(self);
        quota::lint(&mut linter);
        linter.lint_document();
        for (index, statement) in self.statements().iter().enumerate() {
            let pointer = linter.pointer(index);
            statement::lint(&mut linter, statement, &pointer);
            api::lint(&mut linter, statement, &pointer);
            condition::lint(&mut linter, statement, &pointer);
        }
        linter.findings.sort_by_key(|finding| (finding.span.start, finding.code));
        linter.findings
    }
}

/// A document under inspection, and what was found in it.
struct Linter<'d> {
    document: &'d PolicyDocument,
    lines: Lines<'d>,
    /// Whether `Statement` is written as a list, so that pointers count.
    is_list: bool,
    findings: Vec<Diagnostic>,
}

impl<'d> Linter<'d> {
    fn new(document: &'d PolicyDocument) -> Linter<'d> {
        let statements = Node::root(document.source()).and_then(|root| {
            let members = root.members()?;
            Ok(members.into_iter().find(|member| member.key == "Statement"))
        });
        let is_list = |shape| shape == Shape::Array;
        Linter {
            document,
            lines: Lines::new(document.source()),
            is_list: statements
                .is_ok_and(|found| found.is_some_and(|it| is_list(it.value.shape()))),
            findings: Vec::new(),
        }
    }

    /// What `${…}` means in the document, where variables may stand.
    fn variables(&self) -> Variables {
        self.document.version().variables()
    }

    /// The JSON pointer to a statement.
    fn pointer(&self, index: usize) -> String {
        if self.is_list { format!("/Statement/{index}") } else { "/Statement".to_owned() }
    }

    fn report(
        &mut self,
        code: Code,
        span: Span,
        pointer: String,
        message: String,
        suggestion: impl Into<String>,
    ) {
        self.findings.push(Diagnostic {
            code,
            message,
            expected: None,
            suggestion: Some(suggestion.into()),
            span,
            position: self.lines.position(span),
            pointer,
            related: None,
        });
    }

    fn lint_document(&mut self) {
        use crate::document::PolicyType::{Resource, ResourceControl, RoleTrust, VpcEndpoint};
        let attached_to_resource = matches!(
            self.document.policy_type(),
            Resource | ResourceControl | RoleTrust | VpcEndpoint
        );
        if let Some(id) = self.document.id().filter(|_| !attached_to_resource) {
            let message = format!("`Id` in {}", self.document.policy_type().with_article());
            self.report(Code::IdInIdentityPolicy, id.span, "/Id".to_owned(), message, "remove it");
        }
        if self.document.statements().is_empty() {
            let message = "the document has no statements".to_owned();
            self.report(
                Code::EmptyList,
                Span::new(0, 0),
                "/Statement".to_owned(),
                message,
                "add a statement, or do not attach it",
            );
        }
    }
}
