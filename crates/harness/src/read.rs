//! Tree → values: the few steps that every field's reader is made of.
//!
//! Readers go on after a problem, so that one run of the tool shows all of them.

use std::sync::Arc;

use tollgate_policy::Span;

use crate::place::{Located, Place, Problem, SourceFile, did_you_mean};
use crate::yaml::{Field, Kind, Node};

/// Reads the nodes of one source and gathers what is wrong with them.
pub(crate) struct Reader<'s> {
    pub(crate) source: &'s Arc<SourceFile>,
    pub(crate) problems: Vec<Problem>,
}

impl<'s> Reader<'s> {
    pub(crate) fn new(source: &'s Arc<SourceFile>) -> Reader<'s> {
        Reader { source, problems: Vec::new() }
    }

    pub(crate) fn place(&self, span: Span) -> Place {
        Place::new(self.source, span)
    }

    pub(crate) fn located<T>(&self, span: Span, value: T) -> Located<T> {
        Located { value, place: self.place(span) }
    }

    /// Notes a problem.
    pub(crate) fn complain(&mut self, span: Span, message: impl Into<String>) {
        self.problems.push(Problem::at(self.place(span), message));
    }

    /// Notes a problem, and what to do about it.
    pub(crate) fn advise(
        &mut self,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.problems.push(Problem::at(self.place(span), message).help(help));
    }

    /// Notes that something else was expected than was found.
    pub(crate) fn expected(&mut self, node: &Node, what: &str) {
        self.complain(node.span, format!("expected {what}, found {}", node.describe()));
    }

    /// The fields of a mapping, if all of them are `known`. `what` names the mapping.
    pub(crate) fn fields<'n>(
        &mut self,
        node: &'n Node,
        what: &str,
        known: &[&str],
    ) -> Option<Fields<'n>> {
        let fields = self.map(node, what)?;
        for field in fields.iter().filter(|field| !known.contains(&field.name.as_str())) {
            let message = format!("unknown field `{}` of {what}", field.name);
            let help = did_you_mean(&field.name, known.iter().copied())
                .unwrap_or_else(|| format!("known fields: `{}`", known.join("`, `")));
            self.advise(field.name_span, message, help);
        }
        Some(Fields(fields))
    }

    /// The entries of a mapping with names of the author's choice.
    pub(crate) fn map<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [Field]> {
        match &node.kind {
            Kind::Map(fields) => Some(fields),
            _ => {
                self.expected(node, &format!("{what}: a mapping"));
                None
            }
        }
    }

    /// A scalar's text; an unquoted null is none.
    pub(crate) fn text(&mut self, node: &Node, what: &str) -> Option<Located<String>> {
        match &node.kind {
            Kind::Scalar { text, .. } if !node.is_null() => {
                Some(self.located(node.span, text.clone()))
            }
            _ => {
                self.expected(node, what);
                None
            }
        }
    }

    /// One text, or a list of them.
    pub(crate) fn texts(&mut self, node: &Node, what: &str) -> Vec<Located<String>> {
        items(node).iter().filter_map(|item| self.text(item, what)).collect()
    }
}

/// The items of a list; anything else is a list of itself.
pub(crate) fn items(node: &Node) -> &[Node] {
    match &node.kind {
        Kind::List(items) => items,
        _ => std::slice::from_ref(node),
    }
}

/// The fields of a mapping whose names are known.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'n>(&'n [Field]);

impl<'n> Fields<'n> {
    /// The value of a field.
    pub(crate) fn value(&self, name: &str) -> Option<&'n Node> {
        self.0.iter().find(|field| field.name == name).map(|field| &field.value)
    }

    /// The text of a field.
    pub(crate) fn text(&self, reader: &mut Reader<'_>, name: &str) -> Option<Located<String>> {
        let node = self.value(name)?;
        reader.text(node, &format!("a text for `{name}`"))
    }
}
