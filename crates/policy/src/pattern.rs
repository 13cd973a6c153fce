//! Patterns: `*` is any run of characters, `?` exactly one, and a variable is the literal text of
//! its value.
//!
//! A pattern is classified once, when a policy is compiled: after the literal text that it begins
//! with, the common shapes are a comparison or none. The others are a row of tokens. Matching walks
//! the row with at most two points to come back to, so it takes O(pattern × value) steps at worst
//! and never recurses: a hostile policy cannot make it slower.
//!
//! Source: IAM User Guide, `reference_policies_elements_resource`, `reference_policies_variables`.

use crate::lookup::{Facts, Found, KeyName};
use crate::template::{self, Template, Variables};

/// A compiled pattern.
#[derive(Debug)]
pub(crate) struct Pattern {
    /// The literal text that it begins with.
    head: Box<str>,
    rest: Rest,
}

/// What follows the literal text that a pattern begins with, from cheapest to most general.
#[derive(Debug)]
pub(crate) enum Rest {
    /// Nothing: `s3:GetObject`.
    Nothing,
    /// One `*`: `s3:Get*`.
    Anything,
    /// A `*`, and a literal text to end with: `s3:*Object`.
    Ending(Box<str>),
    /// Anything else, walked.
    Tokens { tokens: Box<[Token]>, has_variables: bool },
}

/// A piece of a pattern.
#[derive(Debug)]
pub(crate) enum Token {
    /// Text that stands for itself.
    Literal(Box<str>),
    /// `*`.
    AnyRun(Reach),
    /// `?`.
    AnyOne(Reach),
    /// `${key}` or `${key, 'default'}`.
    Variable(Variable),
}

/// Whether a wildcard may take a colon. In ARNs only the first five colons delimit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Any character.
    Free,
    /// Any character but a colon.
    InPart,
}

/// A policy variable.
#[derive(Debug)]
pub(crate) struct Variable {
    pub(crate) key: KeyName,
    pub(crate) default: Option<Box<str>>,
}

/// Whether the variables of a pattern have values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// Each has one.
    Resolved,
    /// Some variable's key is absent or multivalued, and has no default: matches nothing.
    Unresolved,
    /// None is unresolved, but some variable's key is unknown.
    Unknown,
}

impl Pattern {
    pub(crate) fn new(tokens: impl IntoIterator<Item = Token>) -> Pattern {
        let mut tokens: Vec<Token> = tokens.into_iter().collect();
        let head = match tokens.first_mut() {
            Some(Token::Literal(literal)) => std::mem::take(literal),
            _ => Box::default(),
        };
        if !head.is_empty() {
            tokens.remove(0);
        }
        Pattern { head, rest: Rest::new(tokens) }
    }

    /// A pattern with `*` and `?` and without variables: `${` is literal.
    pub(crate) fn parse(text: &str) -> Pattern {
        let template = Template::parse(text, Variables::Literal).unwrap_or_default();
        Pattern::new(template.tokens.into_iter().filter_map(|token| match token {
            template::Token::Literal(literal) => Some(Token::Literal(literal.into())),
            template::Token::AnyRun => Some(Token::AnyRun(Reach::Free)),
            template::Token::AnyOne => Some(Token::AnyOne(Reach::Free)),
            template::Token::Variable { .. } => None,
        }))
    }

    /// The literal text that the pattern begins with.
    pub(crate) fn literal_prefix(&self) -> &str {
        &self.head
    }

    /// The text that the pattern is, if it has neither wildcards nor variables.
    pub(crate) fn as_literal(&self) -> Option<&str> {
        matches!(self.rest, Rest::Nothing).then_some(&*self.head)
    }

    /// What follows that.
    pub(crate) fn rest(&self) -> &Rest {
        &self.rest
    }

    /// The variables in the pattern.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.rest.tokens().iter().filter_map(|token| match token {
            Token::Variable(variable) => Some(variable),
            _ => None,
        })
    }

    /// Whether every variable has a value.
    #[inline(always)]
    pub(crate) fn resolution(&self, facts: Facts<'_, '_>) -> Resolution {
        match self.rest {
            Rest::Tokens { has_variables: true, .. } => self.resolve_all(facts),
            _ => Resolution::Resolved,
        }
    }

    fn resolve_all(&self, facts: Facts<'_, '_>) -> Resolution {
        let mut all = Resolution::Resolved;
        for variable in self.variables() {
            match (facts.find(&variable.key), &variable.default) {
                (Found::One(_), _) | (Found::Absent | Found::Many(_), Some(_)) => {}
                (Found::Unknown, _) => all = Resolution::Unknown,
                (Found::Absent | Found::Many(_), None) => return Resolution::Unresolved,
            }
        }
        all
    }

    /// Whether the pattern matches `value`, in which no part confines a wildcard of
    /// [`Reach::Free`]. A variable whose key is unknown takes any run of characters.
    #[inline]
    pub(crate) fn matches(&self, value: &str, facts: Facts<'_, '_>) -> bool {
        self.matches_bytes(value.as_bytes(), facts)
    }

    /// The same, for the bytes of a text.
    #[inline]
    pub(crate) fn matches_bytes(&self, value: &[u8], facts: Facts<'_, '_>) -> bool {
        self.matches_parts(value, usize::MAX, facts)
    }

    /// The same, for an ARN whose sixth part begins at byte `last_part`: from there on wildcards of
    /// [`Reach::InPart`] take colons too.
    #[inline]
    pub(crate) fn matches_arn(&self, arn: &str, last_part: usize, facts: Facts<'_, '_>) -> bool {
        self.matches_parts(arn.as_bytes(), last_part, facts)
    }

    #[inline]
    fn matches_parts(&self, value: &[u8], last_part: usize, facts: Facts<'_, '_>) -> bool {
        let head = self.head.as_bytes();
        match &self.rest {
            Rest::Nothing => value == head,
            rest => value.strip_prefix(head).is_some_and(|value| {
                rest.matches(value, last_part.saturating_sub(head.len()), facts)
            }),
        }
    }

    /// The same as [`Pattern::matches`] for a value that is known to begin with the pattern's
    /// literal prefix.
    #[inline]
    pub(crate) fn matches_after_prefix(&self, value: &str, facts: Facts<'_, '_>) -> bool {
        let rest = value.as_bytes().get(self.head.len()..);
        rest.is_some_and(|rest| self.rest.matches(rest, usize::MAX, facts))
    }

    /// Whether the pattern, which has no wildcards, and `value` are equal after lower-casing both,
    /// one character for one: `ß` is not `ss`.
    pub(crate) fn equals_caseless(&self, value: &str, facts: Facts<'_, '_>) -> bool {
        let mut value = value.chars().map(lower_case);
        let mut takes =
            |text: &str| text.chars().map(lower_case).all(|wanted| value.next() == Some(wanted));
        if !takes(&self.head) {
            return false;
        }
        let all_equal = match &self.rest {
            Rest::Nothing => true,
            Rest::Anything | Rest::Ending(_) => false,
            Rest::Tokens { tokens, .. } => tokens.iter().all(|token| match token {
                Token::Literal(literal) => takes(literal),
                Token::Variable(variable) => match (facts.find(&variable.key), &variable.default) {
                    (Found::One(text), _) => text.with_text(&mut takes),
                    (_, Some(default)) => takes(default),
                    (_, None) => false,
                },
                Token::AnyRun(_) | Token::AnyOne(_) => false,
            }),
        };
        all_equal && value.next().is_none()
    }
}

impl Rest {
    fn new(tokens: Vec<Token>) -> Rest {
        match tokens.as_slice() {
            [] => Rest::Nothing,
            [Token::AnyRun(Reach::Free)] => Rest::Anything,
            [Token::AnyRun(Reach::Free), Token::Literal(ending)] => Rest::Ending(ending.clone()),
            _ => {
                let has_variables = tokens.iter().any(|token| matches!(token, Token::Variable(_)));
                Rest::Tokens { tokens: tokens.into(), has_variables }
            }
        }
    }

    fn tokens(&self) -> &[Token] {
        match self {
            Rest::Nothing | Rest::Anything | Rest::Ending(_) => &[],
            Rest::Tokens { tokens, .. } => tokens,
        }
    }

    /// Whether the rest of the pattern matches the rest of a value.
    #[inline]
    fn matches(&self, value: &[u8], last_part: usize, facts: Facts<'_, '_>) -> bool {
        match self {
            Rest::Nothing => value.is_empty(),
            Rest::Anything => true,
            Rest::Ending(ending) => value.ends_with(ending.as_bytes()),
            Rest::Tokens { tokens, .. } => walk(tokens, value, last_part, facts),
        }
    }
}

/// A character in lower case. Only of `İ` that would be two, of which the first is the simple one.
fn lower_case(char: char) -> char {
    char.to_lowercase().next().unwrap_or(char)
}

/// What a token of text takes of the rest of a value.
enum Take {
    /// The rest does not begin with it.
    Nothing,
    /// So many bytes.
    Bytes(usize),
    /// Any run of characters: the text is not known.
    AnyRun,
}

impl Take {
    fn bytes_if(taken: bool, length: usize) -> Take {
        if taken { Take::Bytes(length) } else { Take::Nothing }
    }
}

fn take_text(token: &Token, rest: &[u8], facts: Facts<'_, '_>) -> Take {
    let take = |text: &str| Take::bytes_if(rest.starts_with(text.as_bytes()), text.len());
    match token {
        Token::Literal(literal) => take(literal),
        Token::Variable(variable) => match (facts.find(&variable.key), &variable.default) {
            (Found::One(value), _) => value.with_text(take),
            (Found::Unknown, _) => Take::AnyRun,
            (_, Some(default)) => take(default),
            (_, None) => Take::Nothing,
        },
        Token::AnyRun(_) | Token::AnyOne(_) => Take::Nothing,
    }
}

/// Where in the rest of a value, at the earliest, a literal may begin.
fn find(literal: &str, rest: &[u8]) -> Option<usize> {
    match literal.as_bytes() {
        [] => Some(0),
        [first, ..] => memchr::memchr(*first, rest),
    }
}

/// Where a `*` began to take: the token after it, and how far it has taken.
#[derive(Clone, Copy)]
struct Star {
    next_token: usize,
    position: usize,
}

/// Matches a row of tokens.
///
/// Going back to a `*` before the last one never helps: whatever it could give up, the last one can
/// take. A `*` confined to its part of an ARN cannot take a colon, though, so beside the last
/// confined one the last free one is kept; moving that one begins the parts after it anew.
// Kept out of line: it would burden the shapes that need no walk with its registers.
#[inline(never)]
fn walk(tokens: &[Token], value: &[u8], last_part: usize, facts: Facts<'_, '_>) -> bool {
    let (mut token, mut position) = (0, 0);
    let mut free: Option<Star> = None;
    let mut confined: Option<Star> = None;
    // Where the text after a `*` may begin, at the earliest.
    let resume = |star: Star| -> Option<Star> {
        let rest = value.get(star.position..)?;
        let skip = match tokens.get(star.next_token) {
            Some(Token::Literal(literal)) => find(literal, rest)?,
            _ => 0,
        };
        Some(Star { position: star.position + skip, ..star })
    };
    loop {
        let rest = value.get(position..).unwrap_or_default();
        let takes_colons = |reach: &Reach| *reach == Reach::Free || position >= last_part;
        let take = match tokens.get(token) {
            None if rest.is_empty() => return true,
            None => Take::Nothing,
            Some(Token::AnyRun(reach)) if takes_colons(reach) => Take::AnyRun,
            Some(Token::AnyRun(_)) => {
                confined = Some(Star { next_token: token + 1, position });
                Take::Bytes(0)
            }
            Some(Token::AnyOne(reach)) => take_character(rest, takes_colons(reach)),
            Some(text) => take_text(text, rest, facts),
        };
        let star = match take {
            Take::Bytes(length) => {
                token += 1;
                position += length;
                continue;
            }
            // What ends with a `*` takes all the rest.
            Take::AnyRun if token + 1 == tokens.len() => return true,
            Take::AnyRun => {
                confined = None;
                Some(Star { next_token: token + 1, position })
            }
            Take::Nothing => match confined {
                Some(star) if value.get(star.position).is_some_and(|byte| *byte != b':') => {
                    let star = Star { position: star.position + 1, ..star };
                    confined = Some(star);
                    (token, position) = (star.next_token, star.position);
                    continue;
                }
                _ => {
                    confined = None;
                    free.map(|star| Star { position: star.position + 1, ..star })
                }
            },
        };
        free = star.and_then(resume);
        let Some(star) = free else { return false };
        (token, position) = (star.next_token, star.position);
    }
}

/// Takes one character, whole; nothing at the end or inside a character.
fn take_character(rest: &[u8], colons: bool) -> Take {
    match rest.first() {
        Some(b':') if !colons => Take::Nothing,
        None | Some(0x80..=0xbf) => Take::Nothing,
        Some(0x00..=0x7f) => Take::Bytes(1),
        Some(0xc0..=0xdf) => Take::Bytes(2),
        Some(0xe0..=0xef) => Take::Bytes(3),
        Some(0xf0..=0xff) => Take::Bytes(4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::principal::Principal;
    use crate::request::Request;
    use proptest::prelude::*;

    /// Nothing is asked of the request by patterns without variables.
    fn matches(tokens: Vec<Token>, value: &str, last_part: usize) -> bool {
        let request = Request::new(Principal::ANONYMOUS, "a:b", "*");
        let facts = Facts { request: &request, principal: &Principal::ANONYMOUS };
        Pattern::new(tokens).matches_arn(value, last_part, facts)
    }

    /// Tokens of a text; `reach` for the wildcards before the fifth colon of the pattern.
    fn tokens(text: &str, reach: Reach) -> Vec<Token> {
        let mut colons = 0;
        let mut tokens = Vec::new();
        for character in text.chars() {
            let reach = if colons < 5 { reach } else { Reach::Free };
            colons += usize::from(character == ':');
            tokens.push(match character {
                '*' => Token::AnyRun(reach),
                '?' => Token::AnyOne(reach),
                other => Token::Literal(other.to_string().into()),
            });
        }
        tokens
    }

    #[track_caller]
    fn check(pattern: &str, value: &str, expected: bool) {
        let actual = matches(tokens(pattern, Reach::Free), value, usize::MAX);
        assert_eq!(actual, expected, "`{pattern}` against `{value}`");
    }

    #[test]
    fn star_takes_any_run_also_none() {
        check("a*c", "ac", true);
        check("a*c", "abbc", true);
        check("a*c", "abbcd", false);
        check("*", "", true);
        check("**a*", "bab", true);
        check("*ab*ab", "abab", true);
        check("*ab*ab", "ab", false);
    }

    #[test]
    fn question_mark_takes_one_character_not_one_byte() {
        check("a?c", "aéc", true);
        check("a?c", "ac", false);
        check("?", "", false);
        check("*?", "é", true);
        check("?*?", "é", false);
        check("??", "𝄞", false);
    }

    #[test]
    fn nothing_else_is_special() {
        check("a.c", "abc", false);
        check("[ab]", "a", false);
        check("\\*", "\\x", true);
        check("{a}", "{a}", true);
    }

    #[test]
    fn a_confined_wildcard_does_not_take_a_colon_before_the_last_part() {
        let check = |pattern: &str, value: &str, expected: bool| {
            let last_part = value.match_indices(':').nth(4).map_or(value.len(), |(at, _)| at + 1);
            let actual = matches(tokens(pattern, Reach::InPart), value, last_part);
            assert_eq!(actual, expected, "`{pattern}` against `{value}`");
        };
        check("arn:*:s3:::b", "arn:aws:s3:::b", true);
        check("arn:aws:s3:*:b", "arn:aws:s3:::b", false);
        check("arn:aws:s3:?::b", "arn:aws:s3::::b", false);
        check("arn:aws:sns:*:1:a*", "arn:aws:sns:eu:1:a:b:c", true);
        check("arn:aws:sns:*-1:1:a?b", "arn:aws:sns:eu-1-1:1:a:b", true);
        check("arn:aws:sns:*1:1:x*", "arn:aws:sns:1:1:1:xy", false);
    }

    #[test]
    fn a_hostile_pattern_is_no_exponential_search() {
        let value = "a".repeat(5_000);
        check(&"*a".repeat(2_000), &value, true);
        check(&format!("{}b", "*a".repeat(2_000)), &value, false);
    }

    /// By definition: a token takes what it may, and the rest matches the rest.
    fn matches_by_definition(pattern: &[char], value: &[char]) -> bool {
        match (pattern, value) {
            ([], value) => value.is_empty(),
            (['*', rest @ ..], value) => {
                (0..=value.len()).any(|taken| matches_by_definition(rest, &value[taken..]))
            }
            (['?', rest @ ..], [_, after @ ..]) => matches_by_definition(rest, after),
            ([one, rest @ ..], [first, after @ ..]) => {
                one == first && matches_by_definition(rest, after)
            }
            (_, []) => false,
        }
    }

    proptest! {
        #[test]
        fn matches_what_the_definition_matches(pattern in "[abé*?]{0,8}", value in "[abé]{0,10}") {
            let chars = |text: &str| text.chars().collect::<Vec<char>>();
            let expected = matches_by_definition(&chars(&pattern), &chars(&value));
            prop_assert_eq!(matches(tokens(&pattern, Reach::Free), &value, usize::MAX), expected);
        }

        /// An ARN matches when its parts do, each by itself.
        #[test]
        fn parts_of_an_arn_match_separately(
            pattern in prop::collection::vec("[ab*?]{0,3}", 6),
            value in prop::collection::vec("[ab]{0,4}", 5),
            rest in "[ab:]{0,4}",
        ) {
            let chars = |text: &str| text.chars().collect::<Vec<char>>();
            let parts = value.iter().chain([&rest]);
            let expected = pattern
                .iter()
                .zip(parts)
                .all(|(pattern, part)| matches_by_definition(&chars(pattern), &chars(part)));
            let text = format!("{}:{rest}", value.join(":"));
            let last_part = text.len() - rest.len();
            let tokens = tokens(&pattern.join(":"), Reach::InPart);
            prop_assert_eq!(matches(tokens, &text, last_part), expected);
        }
    }
}
