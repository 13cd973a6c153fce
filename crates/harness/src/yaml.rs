//! Text → tree: YAML 1.2 (and so JSON) with the place of every node.
//!
//! Scalars are kept as they were written, so that an account id stays the text it is; only the
//! reader of a field knows what its value should be. Anchors and aliases work; a tag says nothing
//! that a field's reader does not know better and is an error; so are two equal keys of a mapping.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span as YamlSpan};
use tollgate_policy::Span;

use crate::place::{Place, Problem, SourceFile};

/// How deep lists and mappings may nest.
const DEPTH_MAX: usize = 64;
/// How many nodes a document may have, those that aliases repeat counted each time.
const NODES_MAX: usize = 4_000_000;

/// A node of the tree.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// Where it stands, from its first to its last byte.
    pub(crate) span: Span,
    /// What it is.
    pub(crate) kind: Kind,
}

/// The three kinds of nodes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// A scalar's text, raw. `plain` if it was written without quotes.
    Scalar { text: String, plain: bool },
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order written; no key twice.
    Map(Vec<Field>),
}

/// A key of a mapping and its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) name_span: Span,
    pub(crate) value: Node,
}

impl Node {
    /// What to call it in a message.
    pub(crate) fn describe(&self) -> String {
        match &self.kind {
            _ if self.is_null() => "nothing".to_owned(),
            Kind::Scalar { text, .. } => format!("`{text}`"),
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "a mapping".to_owned(),
        }
    }

    /// Whether it is the null of YAML's core schema: empty, `~` or `null`, unquoted.
    pub(crate) fn is_null(&self) -> bool {
        let null = |text: &str| matches!(text, "" | "~" | "null" | "Null" | "NULL");
        matches!(&self.kind, Kind::Scalar { text, plain: true } if null(text))
    }
}

/// Reads one document. `offset` is where `text` starts in the source, for a line of a larger file.
///
/// # Errors
/// Text that is not YAML, more than one document, a repeated key, a tag, an alias to nothing, and
/// documents too deep or too large.
pub(crate) fn parse(source: &Arc<SourceFile>, text: &str, offset: usize) -> Result<Node, Problem> {
    let mut tree = Tree::new(source, text, offset);
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| tree.scan_error(&error))?;
        tree.take(event, span)?;
    }
    tree.root
        .ok_or_else(|| Problem::at(Place::new(source, Span::new(offset, offset)), "empty file"))
}

/// A collection that is being read.
struct Open {
    start: usize,
    anchor: usize,
    kind: OpenKind,
}

enum OpenKind {
    List(Vec<Node>),
    Map { fields: Vec<Field>, key: Option<(String, Span)> },
}

/// The tree as far as it has been read.
struct Tree<'s> {
    source: &'s Arc<SourceFile>,
    offset: usize,
    /// Byte offsets of all characters, unless each is one byte: the parser counts characters.
    bytes: Option<Vec<usize>>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    root: Option<Node>,
}

impl<'s> Tree<'s> {
    fn new(source: &'s Arc<SourceFile>, text: &str, offset: usize) -> Tree<'s> {
        let bytes = (!text.is_ascii()).then(|| text.char_indices().map(|(byte, _)| byte).collect());
        Tree {
            source,
            offset,
            bytes,
            open: Vec::new(),
            anchors: HashMap::new(),
            nodes: 0,
            root: None,
        }
    }

    /// The byte in the source at which a marker stands.
    fn byte(&self, marker: Marker) -> usize {
        let within = match &self.bytes {
            None => marker.index(),
            Some(bytes) => bytes.get(marker.index()).copied().unwrap_or(self.source.text.len()),
        };
        (self.offset + within).min(self.source.text.len())
    }

    fn problem(&self, span: Span, message: impl Into<String>) -> Problem {
        Problem::at(Place::new(self.source, span), message)
    }

    fn scan_error(&self, error: &ScanError) -> Problem {
        let at = self.byte(*error.marker());
        self.problem(Span::new(at, at), format!("not YAML: {}", error.info()))
    }

    fn take(&mut self, event: Event<'_>, span: YamlSpan) -> Result<(), Problem> {
        let start = self.byte(span.start);
        let whole = Span::new(start, self.byte(span.end));
        match event {
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => Err(self
                .problem(whole, "a tag has no meaning here")
                .help("remove it; every value is read as its field asks for")),
            Event::Scalar(text, style, anchor, None) => {
                let plain = style == ScalarStyle::Plain;
                let kind = Kind::Scalar { text: text.into_owned(), plain };
                self.close(anchor, Node { span: whole, kind })
            }
            Event::Alias(anchor) => self.repeat(anchor, whole),
            Event::SequenceStart(anchor, None) => {
                self.enter(start, anchor, OpenKind::List(Vec::new()))
            }
            Event::MappingStart(anchor, None) => {
                self.enter(start, anchor, OpenKind::Map { fields: Vec::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => self.leave(whole),
        }
    }

    fn enter(&mut self, start: usize, anchor: usize, kind: OpenKind) -> Result<(), Problem> {
        if self.open.len() == DEPTH_MAX {
            let message = format!("nested deeper than {DEPTH_MAX} levels");
            return Err(self.problem(Span::new(start, start), message));
        }
        self.open.push(Open { start, anchor, kind });
        Ok(())
    }

    fn leave(&mut self, end: Span) -> Result<(), Problem> {
        let Some(Open { start, anchor, kind }) = self.open.pop() else { return Ok(()) };
        let kind = match kind {
            OpenKind::List(items) => Kind::List(items),
            OpenKind::Map { fields, .. } => Kind::Map(fields),
        };
        self.close(anchor, Node { span: Span::new(start, end.end as usize), kind })
    }

    fn repeat(&mut self, anchor: usize, span: Span) -> Result<(), Problem> {
        match self.anchors.get(&anchor).cloned() {
            Some(node) => {
                self.nodes += size(&node);
                self.close(0, node)
            }
            None => Err(self.problem(span, "this alias repeats what is not complete yet")),
        }
    }

    /// A node is complete: it goes to where it belongs.
    fn close(&mut self, anchor: usize, node: Node) -> Result<(), Problem> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(self.problem(node.span, format!("more than {NODES_MAX} values")));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let source = self.source;
        match self.open.last_mut().map(|open| &mut open.kind) {
            None if self.root.is_some() => Err(self
                .problem(node.span, "a second document")
                .help("put it in a file of its own")),
            None => {
                self.root = Some(node);
                Ok(())
            }
            Some(OpenKind::List(items)) => {
                items.push(node);
                Ok(())
            }
            Some(OpenKind::Map { fields, key }) => add_to_map(source, fields, key, node),
        }
    }
}

/// How many nodes there are from this one down.
fn size(node: &Node) -> usize {
    match &node.kind {
        Kind::Scalar { .. } => 1,
        Kind::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Kind::Map(fields) => 1 + fields.iter().map(|field| size(&field.value)).sum::<usize>(),
    }
}

fn add_to_map(
    source: &Arc<SourceFile>,
    fields: &mut Vec<Field>,
    key: &mut Option<(String, Span)>,
    node: Node,
) -> Result<(), Problem> {
    let place = |span| Place::new(source, span);
    if let Some((name, name_span)) = key.take() {
        fields.push(Field { name, name_span, value: node });
        return Ok(());
    }
    let Kind::Scalar { text, .. } = node.kind else {
        return Err(Problem::at(place(node.span), "the name of a field is a text"));
    };
    if let Some(first) = fields.iter().find(|field| field.name == text) {
        let line = place(first.name_span).position().line;
        return Err(Problem::at(place(node.span), format!("`{text}` is given twice"))
            .help(format!("it was first given in line {line}; keep one of the two")));
    }
    *key = Some((text, node.span));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Node, String> {
        let source = SourceFile::new("t.yaml", text);
        parse(&source, text, 0).map_err(|problem| problem.to_string())
    }

    /// The tree in a notation of its own: quotes around quoted scalars, `@` and the text of a span.
    fn show(node: &Node) -> String {
        match &node.kind {
            Kind::Scalar { text, plain: true } => text.clone(),
            Kind::Scalar { text, plain: false } => format!("{text:?}"),
            Kind::List(items) => {
                format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" "))
            }
            Kind::Map(fields) => {
                let field = |field: &Field| format!("{}={}", field.name, show(&field.value));
                format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(" "))
            }
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(read(text).as_ref().map(show).as_deref(), Ok(expected), "{text}");
    }

    #[track_caller]
    fn check_problem(text: &str, expected: &str) {
        assert_eq!(read(text), Err(expected.to_owned()), "{text}");
    }

    #[test]
    fn scalars_are_kept_as_written() {
        check("a: 012345678901\nb: 1e3\nc: yes\nd: '5'\n", "{a=012345678901 b=1e3 c=yes d=\"5\"}");
    }

    #[test]
    fn json_is_yaml() {
        check(r#"{"a": ["b", 1, {"c": null}]}"#, r#"{a=["b" 1 {c=null}]}"#);
    }

    #[test]
    fn aliases_repeat_their_anchor() {
        check("a: &x [1, 2]\nb: *x\n", "{a=[1 2] b=[1 2]}");
    }

    #[test]
    fn a_key_stands_once() {
        check_problem(
            "a: 1\nb:\n  c: 1\n  c: 2\n",
            "t.yaml:4:3: `c` is given twice\n  help: it was first given in line 3; keep one of the two",
        );
    }

    #[test]
    fn what_has_no_meaning_is_an_error() {
        check_problem(
            "a: !!str 5\n",
            "t.yaml:1:4: a tag has no meaning here\n  help: remove it; every value is read as its field asks for",
        );
        check_problem(
            "a: 1\n---\nb: 2\n",
            "t.yaml:3:1: a second document\n  help: put it in a file of its own",
        );
        check_problem("", "t.yaml:1:1: empty file");
        check_problem("[a]: 1\n", "t.yaml:1:1: the name of a field is a text");
        assert!(read("a: [1, 2\nb: 3").unwrap_err().contains("not YAML"));
        assert!(read(&"[".repeat(100)).unwrap_err().contains("nested deeper than 64 levels"));
    }

    #[test]
    fn aliases_cannot_blow_up() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let repeated = vec![format!("*a{}", level - 1); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{repeated}]\n"));
        }
        assert!(read(&text).unwrap_err().contains("more than 4000000 values"));
    }

    #[test]
    fn spans_count_bytes_where_the_parser_counts_characters() {
        let text = "é: [ü, {\"x\": 'ß'}]\nz: ok";
        let source = SourceFile::new("t", text);
        let Kind::Map(fields) = parse(&source, text, 0).unwrap().kind else { panic!() };
        let texts: Vec<&str> = fields.iter().map(|field| &text[field.value.span.range()]).collect();
        assert_eq!(texts, ["[ü, {\"x\": 'ß'}]", "ok"]);
    }
}
