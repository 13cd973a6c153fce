//! What one pattern extends over, and whether that is part of what another does.

use crate::pattern::{Reach, Token};
use crate::template::Variables;
use crate::translate::{resource_tokens, text_tokens};

/// Patterns whose lengths multiply to more than this are not compared: the answer is the careful one.
const STEPS_MAX: usize = 4_000_000;

/// What a pattern of an `Action` or `Resource` matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// The resource `*`: also what is not an ARN.
    Everything,
    /// An action, or an ARN.
    Text(Vec<Item>),
    /// `execute-api:/stage/METHOD/path`, without its head.
    OwnApi(Vec<Item>),
}

/// One character's worth of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    Char(char),
    /// `?`
    One(Reach),
    /// `*`
    Run(Reach),
    /// A variable: its key in lower case, and its default.
    Variable(String, Option<String>),
}

impl Extent {
    /// The extent of a resource pattern. `variables` says whether its document has any.
    pub fn of_resource(text: &str, variables: Variables) -> Extent {
        Extent(match text.strip_prefix("execute-api:/") {
            _ if text == "*" => Kind::Everything,
            Some(path) => Kind::OwnApi(items(text_tokens(path, variables))),
            None => Kind::Text(items(resource_tokens(text, variables))),
        })
    }

    /// The extent of an action pattern, whatever the case of its letters.
    pub fn of_action(text: &str) -> Extent {
        match text {
            "*" => Extent(Kind::Everything),
            _ => {
                let text = text.to_ascii_lowercase();
                Extent(Kind::Text(items(text_tokens(&text, Variables::Literal))))
            }
        }
    }

    /// Whether it is all there is.
    pub fn is_everything(&self) -> bool {
        self.0 == Kind::Everything
    }

    /// Whether this pattern matches whatever the other one matches. `false` is no proof of the
    /// contrary.
    ///
    /// ```
    /// use tollgate_policy::{Extent, Variables};
    ///
    /// let extent = |text| Extent::of_resource(text, Variables::Substituted);
    /// assert!(extent("arn:aws:s3:::a/*").covers(&extent("arn:aws:s3:::a/${aws:username}/?x*")));
    /// assert!(!extent("arn:aws:s3:::a/*/x").covers(&extent("arn:aws:s3:::a/*")));
    /// ```
    pub fn covers(&self, other: &Extent) -> bool {
        match (&self.0, &other.0) {
            (Kind::Everything, _) => true,
            (Kind::Text(own), Kind::Text(others)) | (Kind::OwnApi(own), Kind::OwnApi(others)) => {
                includes(own, others)
            }
            _ => false,
        }
    }

    /// Whether something may match both patterns. `false` is a proof that nothing does.
    ///
    /// ```
    /// use tollgate_policy::{Extent, Variables};
    ///
    /// let extent = |text| Extent::of_resource(text, Variables::Substituted);
    /// assert!(extent("arn:aws:s3:::a/*/c").meets(&extent("arn:aws:s3:::*/b/c")));
    /// assert!(!extent("arn:aws:s3:::a/*").meets(&extent("arn:aws:s3:::b/*")));
    /// ```
    pub fn meets(&self, other: &Extent) -> bool {
        match (&self.0, &other.0) {
            (Kind::Text(own), Kind::Text(others)) | (Kind::OwnApi(own), Kind::OwnApi(others)) => {
                intersects(own, others)
            }
            _ => true,
        }
    }
}

/// The items of a pattern. In a row of wildcards of the same reach, every `?` comes first and one
/// `*` is as good as many.
fn items(tokens: Vec<Token>) -> Vec<Item> {
    let mut items = Vec::new();
    for token in tokens {
        match token {
            Token::Literal(text) => items.extend(text.chars().map(Item::Char)),
            Token::Variable(variable) => items.push(Item::Variable(
                variable.key.as_str().to_ascii_lowercase(),
                variable.default.map(String::from),
            )),
            Token::AnyOne(reach) => {
                let runs = items.iter().rev().take_while(|item| **item == Item::Run(reach)).count();
                items.insert(items.len() - runs, Item::One(reach));
            }
            Token::AnyRun(reach) if items.last() == Some(&Item::Run(reach)) => {}
            Token::AnyRun(reach) => items.push(Item::Run(reach)),
        }
    }
    items
}

impl Item {
    /// Whether whatever `other` stands for, this item stands for too: alone, or for a `*` as a part
    /// of what it takes.
    fn takes(&self, other: &Item) -> bool {
        let within = |reach: &Reach, inner: &Reach| *reach == Reach::Free || inner == reach;
        match (self, other) {
            (Item::Run(reach) | Item::One(reach), Item::Char(char)) => {
                *reach == Reach::Free || *char != ':'
            }
            (Item::Run(reach) | Item::One(reach), Item::One(inner)) => within(reach, inner),
            (Item::Run(reach), Item::Run(inner)) => within(reach, inner),
            // The value of a variable may hold a colon.
            (Item::Run(reach), Item::Variable(..)) => *reach == Reach::Free,
            (Item::Char(_) | Item::Variable(..), _) => self == other,
            (Item::One(_), Item::Run(_) | Item::Variable(..)) => false,
        }
    }
}

/// What is left of two patterns without the characters that both begin and end with; nothing if these
/// differ, so that no text matches both.
fn trimmed<'i>(left: &'i [Item], right: &'i [Item]) -> Option<(&'i [Item], &'i [Item])> {
    let (mut left, mut right) = (left, right);
    while let ([Item::Char(own), left_rest @ ..], [Item::Char(other), right_rest @ ..]) =
        (left, right)
    {
        if own != other {
            return None;
        }
        (left, right) = (left_rest, right_rest);
    }
    while let ([left_rest @ .., Item::Char(own)], [right_rest @ .., Item::Char(other)]) =
        (left, right)
    {
        if own != other {
            return None;
        }
        (left, right) = (left_rest, right_rest);
    }
    Some((left, right))
}

/// Whether each item of `inner` can be given to items of `outer`, in order, so that all are used up:
/// then so can every text that `inner` matches.
fn includes(outer: &[Item], inner: &[Item]) -> bool {
    let Some((outer, inner)) = trimmed(outer, inner) else { return false };
    if outer.len().saturating_mul(inner.len()) > STEPS_MAX {
        return outer == inner;
    }
    // Where in `outer` one can be; a `*` may also take nothing.
    let mut places = vec![false; outer.len() + 1];
    let enter = |places: &mut Vec<bool>, mut at: usize| {
        loop {
            if let Some(place) = places.get_mut(at) {
                *place = true;
            }
            match outer.get(at) {
                Some(Item::Run(_)) => at += 1,
                _ => break,
            }
        }
    };
    enter(&mut places, 0);
    for item in inner {
        let mut next = vec![false; outer.len() + 1];
        let here = outer.iter().enumerate().zip(&places).filter(|(_, reached)| **reached);
        for ((at, candidate), _) in here.filter(|((_, candidate), _)| candidate.takes(item)) {
            enter(&mut next, if matches!(candidate, Item::Run(_)) { at } else { at + 1 });
        }
        places = next;
    }
    places.last() == Some(&true)
}

/// Whether some text may match both. A variable may have any value, and a wildcard any reach.
fn intersects(left: &[Item], right: &[Item]) -> bool {
    let Some((left, right)) = trimmed(left, right) else { return false };
    if left.len().saturating_mul(right.len()) > STEPS_MAX {
        return true;
    }
    let is_run = |item: Option<&Item>| matches!(item, Some(Item::Run(_) | Item::Variable(..)));
    // For each place in `left`, the places in `right` that one can be at together with it.
    let mut row = vec![false; right.len() + 1];
    let mut below = vec![false; right.len() + 1];
    if let Some(start) = row.first_mut() {
        *start = true;
    }
    for at in 0..=left.len() {
        let own = left.get(at);
        for other_at in 0..=right.len() {
            if row.get(other_at) != Some(&true) {
                continue;
            }
            let other = right.get(other_at);
            let step_right = is_run(other) || is_run(own) && other.is_some();
            let step_left = is_run(own) || is_run(other) && own.is_some();
            mark(&mut row, other_at + 1, step_right);
            mark(&mut below, other_at, step_left);
            mark(&mut below, other_at + 1, share_a_character(own, other));
        }
        if at < left.len() {
            row = std::mem::replace(&mut below, vec![false; right.len() + 1]);
        }
    }
    row.last() == Some(&true)
}

fn mark(places: &mut [bool], at: usize, reached: bool) {
    if let (Some(place), true) = (places.get_mut(at), reached) {
        *place = true;
    }
}

fn share_a_character(left: Option<&Item>, right: Option<&Item>) -> bool {
    match (left, right) {
        (Some(Item::Char(left)), Some(Item::Char(right))) => left == right,
        (Some(Item::One(_)), Some(Item::Char(_) | Item::One(_)))
        | (Some(Item::Char(_)), Some(Item::One(_))) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(outer: &str, inner: &str, expected: bool) {
        let extent = |text: &str| Extent::of_resource(text, Variables::Substituted);
        let (own, other) = (extent(outer), extent(inner));
        assert_eq!(own.covers(&other), expected, "`{outer}` covers `{inner}`");
        assert!(!expected || own.meets(&other), "`{outer}` meets `{inner}`");
    }

    fn s3(path: &str) -> String {
        format!("arn:aws:s3:::{path}")
    }

    #[track_caller]
    fn check_path(outer: &str, inner: &str, expected: bool) {
        check(&s3(outer), &s3(inner), expected);
    }

    #[test]
    fn a_pattern_covers_itself_and_what_its_wildcards_take() {
        check_path("a/*", "a/*", true);
        check_path("a/*", "a/b/*/c?", true);
        check_path("a/*", "a/", true);
        check_path("a?", "a", false);
        check_path("a?", "a*", false);
        check_path("a/*/b", "a/*", false);
        check_path("*a*", "b*aa*", true);
        check("*", "*", true);
        check("*", "arn:aws:s3:::a", true);
        check("arn:aws:s3:::*", "*", false);
    }

    #[test]
    fn the_order_in_a_row_of_wildcards_does_not_matter() {
        check_path("a*?", "a?*", true);
        check_path("a?**", "a*?", true);
        check_path("a*?", "a*", false);
        check_path("a*", "a**", true);
    }

    #[test]
    fn a_confined_wildcard_takes_no_colon() {
        check("arn:aws:s3:*", "arn:aws:s3:::a", true);
        check("arn:aws:sqs", "arn:aws:sqs:eu:1:q", true);
        check("arn:aws:sqs:eu*1:1:q", "arn:aws:sqs:eu-1:1:q", true);
        check("arn:aws:sqs:e*u:1:q", "arn:aws:sqs:e:u:1:q", false);
        check("arn:aws:sqs:e*1:1:*", "arn:aws:sqs:e*:1:q", false);
    }

    #[test]
    fn a_variable_is_covered_by_itself_and_by_a_star() {
        check_path("a/${aws:username}/*", "a/${aws:UserName}/b", true);
        check_path("a/${aws:username}", "a/ana", false);
        check_path("a/ana", "a/${aws:username}", false);
        check_path("a/*", "a/${aws:username, 'x'}", true);
        check_path("a/?", "a/${aws:username}", false);
        check_path("${k:a, 'x'}", "${k:a, 'y'}", false);
        check_path("${k:a, 'x'}", "${k:a}", false);
    }

    #[test]
    fn a_short_form_is_compared_with_short_forms() {
        check("execute-api:/*", "execute-api:/prod/GET/x", true);
        check("execute-api:/*", "arn:aws:execute-api:a:b:c/prod/GET/x", false);
    }

    #[test]
    fn actions_have_no_case() {
        let covers = |outer, inner| Extent::of_action(outer).covers(&Extent::of_action(inner));
        assert!(covers("execute-api:*", "Execute-Api:Invoke"));
        assert!(covers("*", "s3:*") && !covers("s3:*", "*") && !covers("s3:Get*", "s3:*"));
    }

    #[test]
    fn patterns_that_share_nothing_do_not_meet() {
        let extent = |path: &str| Extent::of_resource(&s3(path), Variables::Substituted);
        let meets = |left: &str, right: &str| {
            assert_eq!(extent(left).meets(&extent(right)), extent(right).meets(&extent(left)));
            extent(left).meets(&extent(right))
        };
        assert!(meets("a*c", "ab*") && meets("*/x/*", "a/*/b") && meets("${k:a}", "b"));
        assert!(!meets("a*c", "ab*d") && !meets("a?", "a") && !meets("a/*", "b/*"));
        assert!(!meets("", "a") && meets("", "*") && !meets("?*", ""));
    }

    #[test]
    fn patterns_of_absurd_length_are_compared_with_care() {
        let long = s3(&"a*".repeat(3_000));
        check(&long, &long, true);
        check(&s3("*"), &long, true);
        check(&long, &s3(&"a?".repeat(3_000)), false);
    }
}
