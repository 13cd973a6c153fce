//! The keys of a manifest, and the values under them. Also of one that is no TOML, since that is what a
//! message is about: what stands where it makes no sense is debris, to the end of its line.

use std::ops::Range;

use toml_parser::Source;
use toml_parser::lexer::{Token, TokenKind};

/// A part of a manifest that is no punctuation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece<'t> {
    pub(super) kind: PieceKind,
    /// The keys that it stands under, from the table's first on.
    pub(super) path: Vec<&'t str>,
    pub(super) span: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PieceKind {
    /// Of a value; those of tables are left out.
    Key,
    /// A text with its quotes, a number, a truth.
    Value,
    Comment,
    Debris,
}

/// All of them, in order.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut reader = Reader {
        text,
        tokens: Source::new(text).lex().into_vec(),
        at: 0,
        path: Vec::new(),
        table: 0,
        open: Vec::new(),
        expected: Expected::Key,
        pieces: Vec::new(),
    };
    while let Some(token) = reader.token(reader.at) {
        reader.step(token.kind());
    }
    reader.pieces
}

struct Reader<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    at: usize,
    path: Vec<&'t str>,
    /// How many keys of the path are the table's.
    table: usize,
    open: Vec<Open>,
    expected: Expected,
    pieces: Vec<Piece<'t>>,
}

/// A bracket that was opened.
#[derive(Clone, Copy)]
struct Open {
    is_list: bool,
    /// How many keys it stands under.
    keys: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Key,
    Value,
    /// A comma, or the end of what is open.
    End,
}

impl<'t> Reader<'t> {
    fn token(&self, at: usize) -> Option<Token> {
        self.tokens.get(at).copied()
    }

    fn kind(&self, at: usize) -> TokenKind {
        self.token(at).map_or(TokenKind::Eof, |token| token.kind())
    }

    fn written(&self, token: Token) -> &'t str {
        self.text.get(token.span().start()..token.span().end()).unwrap_or_default()
    }

    fn step(&mut self, kind: TokenKind) {
        let is_list = self.open.last().map(|open| open.is_list);
        match (kind, self.expected) {
            (TokenKind::Whitespace | TokenKind::Eof, _) => self.at += 1,
            (TokenKind::Newline, _) => self.line_ends(),
            (TokenKind::Comment, _) => self.take(PieceKind::Comment, self.at + 1),
            (TokenKind::LeftSquareBracket, _) if self.is_table() => self.table_begins(),
            (TokenKind::LeftSquareBracket, Expected::Value) => self.opens(true, Expected::Value),
            (TokenKind::LeftCurlyBracket, Expected::Value) => self.opens(false, Expected::Key),
            (TokenKind::RightSquareBracket, Expected::Value | Expected::End)
                if is_list == Some(true) =>
            {
                self.closes();
            }
            (TokenKind::RightCurlyBracket, Expected::Key | Expected::End)
                if is_list == Some(false) =>
            {
                self.closes();
            }
            (TokenKind::Comma, Expected::End) if is_list.is_some() => self.another(),
            (_, Expected::Key) => self.key(),
            (_, Expected::Value) if is_scalar(kind) => self.value(kind),
            _ => self.debris(),
        }
    }

    fn line_ends(&mut self) {
        self.at += 1;
        if self.open.is_empty() {
            self.path.truncate(self.table);
            self.expected = Expected::Key;
        }
    }

    fn opens(&mut self, is_list: bool, expected: Expected) {
        self.open.push(Open { is_list, keys: self.path.len() });
        self.expected = expected;
        self.at += 1;
    }

    fn closes(&mut self) {
        if let Some(open) = self.open.pop() {
            self.path.truncate(open.keys);
        }
        self.expected = Expected::End;
        self.at += 1;
    }

    fn another(&mut self) {
        if let Some(open) = self.open.last() {
            self.path.truncate(open.keys);
            self.expected = if open.is_list { Expected::Value } else { Expected::Key };
        }
        self.at += 1;
    }

    /// `a.b =`, or debris.
    fn key(&mut self) {
        match self.keys(self.at) {
            Some((keys, next)) if self.kind(next) == TokenKind::Equals => {
                while self.at < next {
                    match self.kind(self.at) {
                        TokenKind::Whitespace | TokenKind::Dot => self.at += 1,
                        _ => self.take(PieceKind::Key, self.at + 1),
                    }
                }
                self.path.extend(keys);
                self.expected = Expected::Value;
                self.at = next + 1;
            }
            _ => self.debris(),
        }
    }

    /// Keys with dots between them from a token on, and the token behind them.
    fn keys(&self, mut at: usize) -> Option<(Vec<&'t str>, usize)> {
        let mut keys = Vec::new();
        loop {
            at = self.behind_blank(at);
            let token = self.token(at)?;
            let is_key = matches!(
                token.kind(),
                TokenKind::Atom | TokenKind::BasicString | TokenKind::LiteralString
            );
            keys.push(is_key.then(|| self.written(token).trim_matches(['"', '\'']))?);
            at = self.behind_blank(at + 1);
            if self.kind(at) != TokenKind::Dot {
                return Some((keys, at));
            }
            at += 1;
        }
    }

    fn behind_blank(&self, at: usize) -> usize {
        if self.kind(at) == TokenKind::Whitespace { at + 1 } else { at }
    }

    /// Whether a line begins here that begins a table: any line with a bracket, or where something
    /// is still open, one that can be nothing else.
    fn is_table(&self) -> bool {
        let before = self.at.checked_sub(1).map(|at| self.kind(at));
        let before = match before {
            Some(TokenKind::Whitespace) => self.at.checked_sub(2).map(|at| self.kind(at)),
            before => before,
        };
        if !matches!(before, None | Some(TokenKind::Newline)) {
            return false;
        }
        let bare = |key: &&str| {
            key.starts_with(|char: char| char.is_ascii_alphabetic())
                && !["true", "false"].contains(key)
        };
        let quoted =
            |at| matches!(self.kind(at), TokenKind::BasicString | TokenKind::LiteralString);
        self.open.is_empty()
            || self
                .table_at(self.at)
                .is_some_and(|(keys, end)| keys.iter().all(bare) && !(self.at..end).any(quoted))
    }

    /// The keys of `[a.b]` or `[[a.b]]`, and the token behind it.
    fn table_at(&self, at: usize) -> Option<(Vec<&'t str>, usize)> {
        let is_double = self.kind(at + 1) == TokenKind::LeftSquareBracket;
        let depth = if is_double { 2 } else { 1 };
        let (keys, end) = self.keys(at + depth)?;
        let closed = (end..end + depth).all(|at| self.kind(at) == TokenKind::RightSquareBracket);
        closed.then_some((keys, end + depth))
    }

    /// What stands under a table that cannot be read stands under no key that is known.
    fn table_begins(&mut self) {
        let (keys, end) = self.table_at(self.at).unwrap_or((vec![""], self.at));
        self.open.clear();
        self.table = keys.len();
        self.path = keys;
        self.expected = Expected::End;
        self.at = end;
        if self.kind(end) == TokenKind::LeftSquareBracket {
            self.debris();
        }
    }

    fn value(&mut self, kind: TokenKind) {
        let mut end = self.at + 1;
        while kind == TokenKind::Atom && matches!(self.kind(end), TokenKind::Atom | TokenKind::Dot)
        {
            end += 1;
        }
        self.expected = Expected::End;
        self.take(PieceKind::Value, end);
    }

    fn debris(&mut self) {
        let mut end = self.at + 1;
        while !matches!(self.kind(end), TokenKind::Newline | TokenKind::Eof) {
            end += 1;
        }
        self.take(PieceKind::Debris, end);
    }

    /// The tokens up to `end` as one piece.
    fn take(&mut self, kind: PieceKind, end: usize) {
        let (first, last) = (self.token(self.at), self.token(end - 1));
        if let (Some(first), Some(last)) = (first, last) {
            let span = first.span().start()..last.span().end();
            self.pieces.push(Piece { kind, path: self.path.clone(), span });
        }
        self.at = end;
    }
}

fn is_scalar(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Atom
            | TokenKind::BasicString
            | TokenKind::LiteralString
            | TokenKind::MlBasicString
            | TokenKind::MlLiteralString
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let shown = |piece: Piece<'_>| {
            let written = &text[piece.span.clone()];
            match piece.kind {
                PieceKind::Value => format!("{}: {written}", piece.path.join(".")),
                PieceKind::Comment | PieceKind::Key => written.to_owned(),
                PieceKind::Debris => format!("{} ? {written}", piece.path.join(".")),
            }
        };
        let found = pieces(text).into_iter().filter(|piece| piece.kind != PieceKind::Key);
        let found: Vec<String> = found.map(shown).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn values_stand_under_their_keys() {
        check(
            "a = 1.5 # one\n[[b.c]]\nd.e = \"x\"\nf = { g = true, h = ['y', [2]], } \ni = 'z'\n[j]\nk=1",
            &[
                "a: 1.5",
                "# one",
                "b.c.d.e: \"x\"",
                "b.c.f.g: true",
                "b.c.f.h: 'y'",
                "b.c.f.h: 2",
                "b.c.i: 'z'",
                "j.k: 1",
            ],
        );
        check("a = [\n  ['x'],\n  [\"y\"],\n]\nb = 1\n", &["a: 'x'", "a: \"y\"", "b: 1"]);
    }

    #[test]
    fn what_makes_no_sense_is_debris_to_the_end_of_its_line() {
        check("a = b=c # d\ne = 1", &["a: b", "a ? =c # d", "e: 1"]);
        check("a = \"x\"y\nz\n'w'", &["a: \"x\"", "a ? y", " ? z", " ? 'w'"]);
        check("a = \"x\nb = 'y\n", &["a: \"x", "b: 'y"]);
        check("a: x\n= y\n", &[" ? a: x", " ? = y"]);
        check("[a]]\nb = 1", &["a ? ]", "a.b: 1"]);
        check("[a b]\nc = 1", &[" ? [a b]", ".c: 1"]);
        check("a = { b }\n[c]\nd = 1", &["a ? b }", "c.d: 1"]);
    }

    #[test]
    fn a_table_begins_whatever_is_still_open() {
        check("a = [\n[[b]]\nc = 1", &["b.c: 1"]);
        check("a = { b = 1\n[c]\nd = 1", &["a.b: 1", "c.d: 1"]);
        check("a = \"\"\"x\n[c]\nd = 1", &["a: \"\"\"x\n[c]\nd = 1"]);
    }
}
