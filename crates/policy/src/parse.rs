//! From text to a policy document, or to everything that is wrong with it.
//!
//! ```text
//! text ─json─▶ places ─▶ document ─▶ statement ─▶ principal, patterns, conditions
//! ```
//!
//! The reader goes on after an error, so that an author sees all of them at once. It is safe on
//! hostile text: length and depth are limited before anything is built, nothing recurses, and the
//! work is linear in the length.

mod condition;
mod guess;
mod path;
mod pattern;
mod principal;
mod reader;
mod statement;
mod suggest;

use std::sync::Arc;

use crate::code::Code;
use crate::document::{PolicyDocument, PolicyType, Statement, Version};
use crate::error::PolicyErrors;
use crate::json::{self, Defect, Member, Node, Shape};
use crate::span::{Span, Spanned};

use path::Path;
use reader::{Problem, Reader};

pub(crate) use reader::quote;

/// How large a document may be. Limits against hostile text, far above AWS's own quotas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of text.
    pub max_bytes: usize,
    /// The most objects and lists within one another.
    pub max_depth: usize,
}

impl Default for Limits {
    /// 1 MiB, 32 levels.
    fn default() -> Limits {
        Limits { max_bytes: 1 << 20, max_depth: 32 }
    }
}

/// Reads policy documents of one type.
///
/// ```
/// use tollgate_policy::{Limits, Parser, PolicyType};
///
/// let parser = Parser::new(PolicyType::Identity).limits(Limits { max_bytes: 6_144, max_depth: 8 });
/// let source = r#"{"Statement": {"Effect": "allow", "Action": "s3:*", "Resource": "*"}}"#;
/// let errors = parser.parse(source).unwrap_err();
/// assert_eq!(errors.first().message, "unknown effect `allow`");
/// assert_eq!(errors.first().position.to_string(), "1:26");
/// assert_eq!(errors.first().suggestion.as_deref(), Some("did you mean `Allow`?"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Parser {
    policy_type: PolicyType,
    limits: Limits,
}

impl Parser {
    /// A parser with the default limits.
    pub fn new(policy_type: PolicyType) -> Parser {
        Parser { policy_type, limits: Limits::default() }
    }

    /// Sets other limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Parser {
        self.limits = limits;
        self
    }

    /// Reads a document.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the text.
    pub fn parse(&self, source: &str) -> Result<PolicyDocument, PolicyErrors> {
        let Limits { max_bytes, max_depth } = self.limits;
        if source.len() > max_bytes {
            return self.refuse("", Span::new(0, 0), || {
                let message = format!("the document has {} bytes", source.len());
                Problem::new(Code::TooLong, message).expected(format!("at most {max_bytes}"))
            });
        }
        if let Some(span) = json::too_deep(source, max_depth) {
            return self.refuse(source, span, || {
                let message = format!("the document is nested more than {max_depth} levels deep");
                Problem::new(Code::TooDeep, message)
            });
        }
        let mut reader = Reader::new(source, self.policy_type);
        let document = match Node::root(source) {
            Ok(root) => reader.document(&root, source),
            Err(defect) => {
                reader.report_syntax(source, defect);
                None
            }
        };
        reader.finish(document)
    }

    /// Refuses a text for one reason, before it is read.
    fn refuse<T>(
        &self,
        source: &str,
        span: Span,
        problem: impl FnOnce() -> Problem,
    ) -> Result<T, PolicyErrors> {
        let mut reader = Reader::new(source, self.policy_type);
        reader.report(span, &Path::ROOT, problem);
        reader.finish(None)
    }
}

impl PolicyDocument {
    /// Reads a document with the default limits; see [`Parser`] for others.
    ///
    /// ```
    /// use tollgate_policy::{PolicyDocument, PolicyType};
    ///
    /// let source = r#"{
    ///     "Version": "2012-10-17",
    ///     "Statement": {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
    /// }"#;
    /// let document = PolicyDocument::parse(source, PolicyType::Identity)?;
    /// assert_eq!(document.statements()[0].position.to_string(), "3:18");
    /// # Ok::<(), tollgate_policy::PolicyErrors>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the text, each with its place, what was expected, and a
    /// suggestion where there is one.
    pub fn parse(source: &str, policy_type: PolicyType) -> Result<PolicyDocument, PolicyErrors> {
        Parser::new(policy_type).parse(source)
    }
}

const ELEMENTS: [&str; 3] = ["Version", "Id", "Statement"];

impl<'a> Reader<'a> {
    fn document(&mut self, root: &Node<'a>, source: &str) -> Option<PolicyDocument> {
        let path = Path::ROOT;
        let members =
            self.members(root, &path, "the document", "an object with the element `Statement`")?;
        self.report_unknown(&members, &path, "a policy document", &ELEMENTS);
        let element = |name: &str| members.iter().find(|member| member.key == name);
        // The version says what `${` means in everything else.
        self.version = element("Version").and_then(|member| self.version_element(&member.value));
        let id = element("Id")
            .and_then(|member| self.string(&member.value, &path.name("Id"), "`Id`", "a string"));
        let statements = match element("Statement") {
            Some(member) => self.statements(&member.value),
            None => {
                self.report(opening(root), &path, || {
                    Problem::new(Code::MissingStatement, "the document has no `Statement`")
                        .expected("the element `Statement`: a statement, or a list of them")
                });
                return None;
            }
        };
        Some(PolicyDocument {
            policy_type: self.policy_type,
            version: self.version,
            id,
            statements,
            source: Arc::from(source),
        })
    }

    fn version_element(&mut self, node: &Node<'a>) -> Option<Version> {
        let path = Path::ROOT.name("Version");
        let Spanned { value, span } =
            self.string(node, &path, "`Version`", "`\"2012-10-17\"` or `\"2008-10-17\"`")?;
        match value.as_str() {
            "2012-10-17" => Some(Version::V2012),
            "2008-10-17" => Some(Version::V2008),
            _ => {
                self.report(span, &path, || {
                    Problem::new(Code::UnknownVersion, format!("unknown version {}", quote(&value)))
                        .expected(
                            "`2012-10-17` or `2008-10-17`, the versions of the policy language",
                        )
                        .did_you_mean(&value, &["2012-10-17", "2008-10-17"])
                });
                None
            }
        }
    }

    fn statements(&mut self, node: &Node<'a>) -> Vec<Statement> {
        let path = Path::ROOT.name("Statement");
        let mut statements = Vec::new();
        self.each(node, &path, |reader, node, path| {
            statements.extend(reader.statement(node, path));
        });
        self.report_repeated_sids(&statements);
        statements
    }

    /// Reports the members that no element of `what` is called like.
    fn report_unknown(
        &mut self,
        members: &[Member<'_>],
        path: &Path<'_>,
        what: &str,
        elements: &[&str],
    ) {
        for member in members.iter().filter(|member| !elements.contains(&member.key.as_ref())) {
            self.report(member.key_span, &path.name(&member.key), || {
                let listed: Vec<_> = elements.iter().map(|name| format!("`{name}`")).collect();
                Problem::new(
                    Code::UnknownElement,
                    format!("unknown element {}", quote(&member.key)),
                )
                .expected(format!("an element of {what}: {}", listed.join(", ")))
                .did_you_mean(&member.key, elements)
            });
        }
    }

    fn report_syntax(&mut self, source: &str, defect: Defect) {
        let at = defect.span.start as usize;
        let (before, rest) = source.split_at_checked(at).unwrap_or((source, ""));
        let after_comma = before.trim_end().ends_with(',');
        let problem = |message: &str| Problem::new(Code::JsonSyntax, message);
        let not_json = || problem(&format!("not JSON: {}", defect.message));
        self.report(defect.span, &Path::ROOT, || match rest.chars().next() {
            _ if source.trim().is_empty() => {
                problem("the document is empty").expected("an object with the element `Statement`")
            }
            None => not_json().expected("more text: a bracket or a quote is not closed"),
            Some('}' | ']') if after_comma => {
                problem("not JSON: trailing comma").suggest("remove the comma before it")
            }
            Some('\'' | '‘' | '’' | '“' | '”') => {
                not_json().suggest("write strings in double quotes")
            }
            Some('/' | '#') => not_json().suggest("remove the comment: JSON has none"),
            Some(_) => not_json(),
        });
    }
}

/// The bracket that begins a container, to point at when something in it is missing.
fn opening(node: &Node<'_>) -> Span {
    let Span { start, end } = node.span();
    let width = u32::from(matches!(node.shape(), Shape::Object | Shape::Array));
    Span { start, end: if width == 1 { start + width } else { end } }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every document prints to one that reads back equal.
    #[track_caller]
    fn check(source: &str, policy_type: PolicyType) {
        let document = PolicyDocument::parse(source, policy_type).unwrap();
        let printed = document.to_json();
        assert_eq!(
            PolicyDocument::parse(&printed, policy_type).as_ref(),
            Ok(&document),
            "{printed}"
        );
    }

    #[test]
    fn what_is_printed_reads_back() {
        let statement = r#""Effect": "Deny", "NotAction": ["a:b", "c:*"], "NotResource": "arn:aws:s3:::b/${aws:username}""#;
        check(
            &format!(r#"{{"Version": "2012-10-17", "Id": "x", "Statement": [{{{statement}}}]}}"#),
            PolicyType::Identity,
        );
        check(
            r#"{"Statement": {"Sid": "a b", "Effect": "Allow", "Action": [], "Resource": [],
                "Principal": {"Service": "a.amazonaws.com", "AWS": ["*", "arn:aws:iam::111122223333:root", "AROAEXAMPLEEXAMPLE"],
                    "Federated": [], "CanonicalUser": "c"},
                "Condition": {"Bool": {"a:b": true, "a:c": ["false", true]}, "Null": {}, "NumericEquals": {"a:b": [1, 2.50]}}}}"#,
            PolicyType::Resource,
        );
        check(r#"{"Statement": []}"#, PolicyType::Identity);
        check(
            r#"{"Statement": {"Effect": "Allow", "NotPrincipal": {}, "Action": "sts:AssumeRole"}}"#,
            PolicyType::RoleTrust,
        );
    }
}
