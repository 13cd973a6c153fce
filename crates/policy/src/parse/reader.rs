//! The reader's notebook: the document's version, and every error found so far.

use std::ops::Range;

use crate::code::Code;
use crate::document::{PolicyType, Version};
use crate::error::{Diagnostic, PolicyErrors, Related};
use crate::json::{Defect, Member, Node, Shape, repeated};
use crate::lines::Lines;
use crate::parse::path::Path;
use crate::parse::suggest::closest;
use crate::span::{Span, Spanned};
use crate::template::Variables;

/// Reads one document and takes note of what is wrong with it; never stops at the first error.
pub(super) struct Reader<'a> {
    pub(super) policy_type: PolicyType,
    pub(super) version: Option<Version>,
    pub(super) lines: Lines<'a>,
    errors: Vec<Diagnostic>,
    more: usize,
}

/// An error without its place. Boxed, so that checks which return one stay cheap to call.
pub(super) struct Problem(Box<Details>);

struct Details {
    code: Code,
    message: String,
    expected: Option<String>,
    suggestion: Option<String>,
    related: Option<(Span, String)>,
    /// Which bytes of a string's text it is about, if not all.
    within: Option<Range<usize>>,
}

impl Problem {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Problem {
        Problem(Box::new(Details {
            code,
            message: message.into(),
            expected: None,
            suggestion: None,
            related: None,
            within: None,
        }))
    }

    pub(super) fn expected(mut self, expected: impl Into<String>) -> Problem {
        self.0.expected = Some(expected.into());
        self
    }

    pub(super) fn suggest(mut self, suggestion: impl Into<String>) -> Problem {
        self.0.suggestion = Some(suggestion.into());
        self
    }

    /// Suggests the candidate closest to `found`, if one is close.
    pub(super) fn did_you_mean(mut self, found: &str, candidates: &[&str]) -> Problem {
        let close = closest(found, candidates.iter().copied());
        self.0.suggestion = close.map(|name| format!("did you mean `{name}`?"));
        self
    }

    pub(super) fn within(mut self, bytes: Range<usize>) -> Problem {
        self.0.within = Some(bytes);
        self
    }

    pub(super) fn related(mut self, span: Span, message: &str) -> Problem {
        self.0.related = Some((span, message.to_owned()));
        self
    }
}

/// Input in back-ticks, shortened if it is long.
pub(crate) fn quote(text: &str) -> String {
    const CHARACTERS_MAX: usize = 100;
    match text.char_indices().nth(CHARACTERS_MAX) {
        None if text.is_empty() => "`\"\"`".to_owned(),
        None => format!("`{text}`"),
        Some((end, _)) => format!("`{}…`", text.get(..end).unwrap_or("")),
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a str, policy_type: PolicyType) -> Reader<'a> {
        Reader {
            policy_type,
            version: None,
            lines: Lines::new(source),
            errors: Vec::new(),
            more: 0,
        }
    }

    /// What `${…}` means in this document, where variables may stand.
    pub(super) fn variables(&self) -> Variables {
        match self.version {
            Some(Version::V2012) => Variables::Substituted,
            Some(Version::V2008) | None => Variables::Literal,
        }
    }

    /// Takes note of an error. The problem is only described if there is room for it.
    pub(super) fn report(
        &mut self,
        span: Span,
        path: &Path<'_>,
        problem: impl FnOnce() -> Problem,
    ) {
        if self.errors.len() >= PolicyErrors::CAPACITY {
            self.more += 1;
            return;
        }
        let problem = *problem().0;
        let related = problem.related.map(|(span, message)| Related {
            message,
            span,
            position: self.lines.position(span),
        });
        self.errors.push(Diagnostic {
            code: problem.code,
            message: problem.message,
            expected: problem.expected,
            suggestion: problem.suggestion,
            span,
            position: self.lines.position(span),
            pointer: path.pointer(),
            related,
        });
    }

    /// Takes note of an error in the text of a string: in the bytes that it is about, if the
    /// string is written without escapes.
    pub(super) fn report_text(
        &mut self,
        node: &Node<'_>,
        text: &str,
        path: &Path<'_>,
        problem: Problem,
    ) {
        let whole = node.span();
        let span = match problem.0.within.clone() {
            Some(bytes) if node.text().len() == text.len() + 2 => {
                let start = whole.start as usize + 1;
                Span::new(start + bytes.start, start + bytes.end)
            }
            _ => whole,
        };
        self.report(span, path, || problem);
    }

    fn report_defect(&mut self, defect: Defect, path: &Path<'_>) {
        self.report(defect.span, path, || {
            Problem::new(Code::JsonSyntax, format!("not JSON: {}", defect.message))
        });
    }

    fn report_shape(&mut self, node: &Node<'_>, path: &Path<'_>, what: &str, expected: &str) {
        let found = node.shape();
        self.report(node.span(), path, || {
            let problem = Problem::new(Code::WrongType, format!("{what} is {}", found.phrase()))
                .expected(expected);
            match found {
                Shape::Number if expected.starts_with("a string") => {
                    problem.suggest(format!("write `\"{}\"`", node.text()))
                }
                _ => problem,
            }
        });
    }

    /// The members of an object, with repeated names reported and left out.
    pub(super) fn members(
        &mut self,
        node: &Node<'a>,
        path: &Path<'_>,
        what: &str,
        expected: &str,
    ) -> Option<Vec<Member<'a>>> {
        if node.shape() != Shape::Object {
            self.report_shape(node, path, what, expected);
            return None;
        }
        let mut members = match node.members() {
            Ok(members) => members,
            Err(defect) => {
                self.report_defect(defect, path);
                return None;
            }
        };
        let mut starts = Vec::new();
        for (member, first) in repeated(&members) {
            starts.push(member.key_span.start);
            self.report(member.key_span, path, || {
                Problem::new(
                    Code::DuplicateKey,
                    format!("{} stands twice in one object", quote(&member.key)),
                )
                .expected("each name once: which value holds would depend on the reader")
                .related(first, "it first stands here")
            });
        }
        members.retain(|member| starts.binary_search(&member.key_span.start).is_err());
        Some(members)
    }

    /// Calls `item` for each element of a list, or for the one value that stands for a list.
    pub(super) fn each(
        &mut self,
        node: &Node<'a>,
        path: &Path<'_>,
        mut item: impl FnMut(&mut Self, &Node<'a>, &Path<'_>),
    ) {
        if node.shape() != Shape::Array {
            return item(self, node, path);
        }
        match node.elements() {
            Ok(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    item(self, element, &path.index(index));
                }
            }
            Err(defect) => self.report_defect(defect, path),
        }
    }

    /// A string with its place.
    pub(super) fn string(
        &mut self,
        node: &Node<'a>,
        path: &Path<'_>,
        what: &str,
        expected: &str,
    ) -> Option<Spanned<String>> {
        if node.shape() != Shape::String {
            self.report_shape(node, path, what, expected);
            return None;
        }
        match node.string() {
            Ok(text) => Some(Spanned { value: text.into_owned(), span: node.span() }),
            Err(defect) => {
                self.report_defect(defect, path);
                None
            }
        }
    }

    /// The document, if nothing was wrong with it; else everything that was.
    pub(super) fn finish<T>(mut self, document: Option<T>) -> Result<T, PolicyErrors> {
        match document {
            Some(document) if self.errors.is_empty() => Ok(document),
            _ => {
                self.errors.sort_by_key(|error| error.span.start);
                Err(PolicyErrors { errors: self.errors, more: self.more })
            }
        }
    }
}
