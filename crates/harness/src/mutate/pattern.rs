//! Mutants of actions and resources.

use tollgate_policy::{PatternElement, Span, Statement};

use super::operator::{Edit, without};

/// Which of the two pattern elements.
#[derive(Clone, Copy)]
enum Which {
    Action,
    Resource,
}

impl Which {
    fn name(self) -> &'static str {
        match self {
            Which::Action => "Action",
            Which::Resource => "Resource",
        }
    }

    fn of(self, statement: &mut Statement) -> Option<&mut PatternElement> {
        match self {
            Which::Action => Some(&mut statement.action),
            Which::Resource => statement.resource.as_mut(),
        }
    }
}

/// All single changes of a statement's actions and resources.
pub(super) fn edits(statement: &Statement) -> Vec<Edit> {
    let mut edits = element(statement, Which::Action, &statement.action);
    let resource = statement.resource.iter();
    edits.extend(resource.flat_map(|patterns| element(statement, Which::Resource, patterns)));
    edits
}

fn element(statement: &Statement, which: Which, patterns: &PatternElement) -> Vec<Edit> {
    let mut edits = vec![negate(statement, which, patterns)];
    for (index, pattern) in patterns.patterns.iter().enumerate() {
        let (text, span) = (pattern.value.as_str(), pattern.span);
        if patterns.patterns.len() > 1 {
            let shorter = without(&patterns.patterns, index);
            edits.push(Edit::of(
                statement,
                "delete-pattern",
                format!("`{text}` left out"),
                span,
                |changed| {
                    if let Some(element) = which.of(changed) {
                        element.patterns = shorter;
                    }
                },
            ));
        }
        let mut replace = |operator, with: String| {
            if with != text {
                edits.push(replaced(statement, which, (index, text, span), operator, with));
            }
        };
        for wider in widened(which, text) {
            replace("widen-pattern", wider);
        }
        for narrower in narrowed(text) {
            replace("narrow-pattern", narrower);
        }
        if let Some(open) = without_variable(text) {
            replace("variable", open);
        }
    }
    edits
}

fn negate(statement: &Statement, which: Which, patterns: &PatternElement) -> Edit {
    let name = which.name();
    let change = match patterns.negated {
        false => format!("`{name}` → `Not{name}`"),
        true => format!("`Not{name}` → `{name}`"),
    };
    let span = patterns.patterns.first().map_or(statement.span, |pattern| pattern.span);
    Edit::of(statement, "negate-element", change, span, |changed| {
        if let Some(element) = which.of(changed) {
            element.negated = !element.negated;
        }
    })
}

fn replaced(
    statement: &Statement,
    which: Which,
    (index, text, span): (usize, &str, Span),
    operator: &'static str,
    with: String,
) -> Edit {
    Edit::of(statement, operator, format!("`{text}` → `{with}`"), span, |changed| {
        let pattern = which.of(changed).and_then(|element| element.patterns.get_mut(index));
        if let Some(pattern) = pattern {
            pattern.value = with;
        }
    })
}

/// Patterns that match more. What already ends in `*` is widened one part further up.
fn widened(which: Which, pattern: &str) -> Vec<String> {
    if pattern == "*" {
        return Vec::new();
    }
    let mut wider = match (which, pattern.split_once(':')) {
        (Which::Action, Some((service, _))) => vec![format!("{service}:*")],
        _ => {
            let stem = pattern.trim_end_matches('*').trim_end_matches('/');
            stem.rsplit_once('/').map(|(head, _)| format!("{head}/*")).into_iter().collect()
        }
    };
    wider.push("*".to_owned());
    wider
}

/// Patterns that match less: each wildcard fixed in turn.
fn narrowed(pattern: &str) -> Vec<String> {
    let fixed = |(index, wildcard): (usize, &str)| {
        let (head, tail) = pattern.split_at(index);
        format!("{head}fixed{}", tail.strip_prefix(wildcard).unwrap_or(tail))
    };
    pattern
        .match_indices(['*', '?'])
        .filter(|(index, _)| !is_escaped(pattern, *index))
        .map(fixed)
        .collect()
}

/// Whether a wildcard is the literal character of `${*}` or `${?}`.
fn is_escaped(pattern: &str, index: usize) -> bool {
    pattern.get(..index).is_some_and(|head| head.ends_with("${"))
}

/// The pattern with its first policy variable open to everything.
pub(super) fn without_variable(pattern: &str) -> Option<String> {
    let (before, rest) = pattern.split_once("${")?;
    let (name, after) = rest.split_once('}')?;
    (!matches!(name, "*" | "?" | "$")).then(|| format!("{before}*{after}"))
}
