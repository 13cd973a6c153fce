//! Wildcards (section 2) and policy variables (section 4).

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::context::{Known, lookup};
use super::truth::Truth;
use crate::document::Version;
use crate::request::Request;

/// One position of a pattern.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token {
    /// This character and no other.
    Char(char),
    /// `?`: exactly one character, a colon only if `colons`.
    One { colons: bool },
    /// `*`: any run of characters, of colons only if `colons`.
    Run { colons: bool },
}

/// A pattern with its variables put in.
pub(super) struct Pattern {
    pub(super) tokens: Vec<Token>,
    /// A variable has no value and no default.
    pub(super) unresolved: bool,
    /// The variables whose keys are unknown; each stands in `tokens` as a run of anything.
    pub(super) unknown: Vec<String>,
}

impl Pattern {
    /// Reads a pattern. Section 4: variables exist in "Version 2012-10-17 only", and "substituted
    /// text is literal".
    pub(super) fn read(text: &str, version: Version, request: &Request<'_>) -> Pattern {
        Pattern::read_by(text, version, request, |own, _| free(own))
    }

    /// Reads a pattern; `token` says what a character of its own text means before what follows it.
    fn read_by(
        text: &str,
        version: Version,
        request: &Request<'_>,
        mut token: impl FnMut(char, &str) -> Token,
    ) -> Pattern {
        let mut pattern = Pattern { tokens: vec![], unresolved: false, unknown: vec![] };
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            match rest.strip_prefix("${").filter(|_| version == Version::V2012) {
                Some(inner) => rest = pattern.put_variable(inner, request),
                None => {
                    rest = rest.get(next.len_utf8()..).unwrap_or_default();
                    pattern.tokens.push(token(next, rest));
                }
            }
        }
        pattern
    }

    /// `inner` begins after `${`; returns what follows the closing brace.
    fn put_variable<'t>(&mut self, inner: &'t str, request: &Request<'_>) -> &'t str {
        let (name, default, rest) = split_variable(inner);
        // "`${*}`, `${?}`, `${$}` are those literal characters"
        if ["*", "?", "$"].contains(&name) {
            self.put_text(name);
            return rest;
        }
        match lookup(request, name) {
            Known::Unknown => {
                self.unknown.push(name.to_ascii_lowercase());
                self.tokens.push(Token::Run { colons: true });
            }
            Known::Values(values) => match (values.as_slice(), default) {
                ([value], _) => self.put_text(value),
                // absent, or several: "Multivalued keys cannot be variables."
                (_, Some(default)) => self.put_text(default),
                (_, None) => self.unresolved = true,
            },
        }
        rest
    }

    fn put_text(&mut self, text: &str) {
        self.tokens.extend(text.chars().map(Token::Char));
    }

    /// The tokens with `*` and `?` taken literally, for operators without wildcards.
    pub(super) fn literal(text: &str, version: Version, request: &Request<'_>) -> Pattern {
        let mut pattern = Pattern::read(text, version, request);
        // a run that stands for an unknown variable is not a `*`, but then the text is not looked at
        for token in &mut pattern.tokens {
            match token {
                Token::Run { .. } => *token = Token::Char('*'),
                Token::One { .. } => *token = Token::Char('?'),
                Token::Char(_) => {}
            }
        }
        pattern
    }

    /// Reads a pattern for a resource. Section 2: "A `*` that is the last character of one of the
    /// first five parts may run on over colons; any other `*` or `?` stays inside its part (our
    /// choice)." The parts are those of the pattern's own text, whatever its variables hold.
    ///
    /// IAM User Guide, `reference_identifiers`: an incomplete ARN is completed by "adding wildcard
    /// characters (*) to all missing fields"; where a `*` runs on, nothing is missing.
    pub(super) fn read_resource(text: &str, version: Version, request: &Request<'_>) -> Pattern {
        let (mut part, mut runs_on) = (1, false);
        let mut pattern = Pattern::read_by(text, version, request, |own, after| {
            let ends_part = after.is_empty() || after.starts_with(':');
            match own {
                '*' => {
                    runs_on |= ends_part && part > 3;
                    Token::Run { colons: ends_part || part > 5 }
                }
                '?' => Token::One { colons: part > 5 },
                other => {
                    part += usize::from(other == ':');
                    Token::Char(other)
                }
            }
        });
        if part < 6 && !runs_on && text != "*" {
            pattern.tokens.extend([Token::Char(':'), Token::Run { colons: true }]);
        }
        pattern
    }

    /// Section 3, String: "simple lower-casing: ß is not ss".
    pub(super) fn lower_case(mut self) -> Pattern {
        for token in &mut self.tokens {
            if let Token::Char(char) = token {
                *char = simple_lower_case(*char);
            }
        }
        self
    }

    /// The verdict of a test on the pattern, if its variables allow one. Section 4: an unresolved
    /// variable matches nothing; section 7: an unknown one may or may not.
    pub(super) fn test(&self, matches: impl FnOnce(&[Token]) -> bool) -> Truth {
        match self {
            Pattern { unresolved: true, .. } => Truth::False,
            Pattern { unknown, .. } if !unknown.is_empty() => Truth::Unknown,
            Pattern { tokens, .. } => Truth::from(matches(tokens)),
        }
    }
}

/// One character for one, so that of `İ` an `i` remains, without its dot.
pub(super) fn simple_lower_case(char: char) -> char {
    char.to_lowercase().next().unwrap_or(char)
}

/// Splits `key, 'default'}rest` or `key}rest` into its three parts.
fn split_variable(inner: &str) -> (&str, Option<&str>, &str) {
    let end = inner.find(['}', ',']).unwrap_or(inner.len());
    let (name, tail) = inner.split_at(end);
    let quoted = tail.strip_prefix(',').and_then(|tail| tail.trim_start().strip_prefix('\''));
    match quoted.and_then(|quoted| quoted.split_once('\'')) {
        Some((default, tail)) => {
            let rest = tail.split_once('}').map_or("", |(_, rest)| rest);
            (name.trim(), Some(default), rest)
        }
        None => (name.trim(), None, tail.strip_prefix('}').unwrap_or_default()),
    }
}

/// Section 2: "`*` is any run of characters, also empty; `?` is exactly one character (a Unicode
/// scalar, not a byte). Nothing else is special."
///
/// Follows, token by token, all the places of the text that the pattern so far can have reached.
pub(super) fn glob(pattern: &[Token], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let mut places = BTreeSet::from([0]);
    for token in pattern {
        places = places.into_iter().flat_map(|place| step(*token, &text, place)).collect();
    }
    places.contains(&text.len())
}

/// The places that a token can lead to from a place.
fn step(token: Token, text: &[char], place: usize) -> RangeInclusive<usize> {
    let rest = text.get(place..).unwrap_or_default();
    let longest = match token {
        Token::Char(char) => return exactly_one(place, rest.first() == Some(&char)),
        Token::One { colons } => {
            return exactly_one(place, rest.first().is_some_and(|char| colons || *char != ':'));
        }
        Token::Run { colons } => rest.iter().take_while(|char| colons || **char != ':').count(),
    };
    place..=place + longest
}

#[expect(clippy::reversed_empty_ranges, reason = "no place at all is what is meant")]
fn exactly_one(place: usize, matches: bool) -> RangeInclusive<usize> {
    if matches { place + 1..=place + 1 } else { 1..=0 }
}

/// Section 2, Action: "service prefix and name are case-insensitive."
pub(super) fn action_matches(pattern: &str, action: &str) -> bool {
    let tokens: Vec<Token> = pattern.to_ascii_lowercase().chars().map(free).collect();
    glob(&tokens, &action.to_ascii_lowercase())
}

/// What a character means where wildcards take any character.
fn free(own: char) -> Token {
    match own {
        '*' => Token::Run { colons: true },
        '?' => Token::One { colons: true },
        other => Token::Char(other),
    }
}

/// Section 3: Arn operators match "six parts separately, part six being all the rest". A pattern
/// that is nothing but `*` matches every ARN.
pub(super) fn arn_matches(pattern: &[Token], arn: &str) -> bool {
    if pattern == [Token::Run { colons: true }] {
        return true;
    }
    let mut parts: Vec<&[Token]> = pattern.splitn(6, |token| *token == Token::Char(':')).collect();
    let texts: Vec<&str> = arn.splitn(6, ':').collect();
    parts.len() == 6
        && texts.len() == 6
        && parts.drain(..).zip(texts).all(|(part, text)| glob(part, text))
}
