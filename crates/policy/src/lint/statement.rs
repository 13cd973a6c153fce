//! Elements that say nothing, or more than their author thinks.

use crate::code::Code;
use crate::document::{Effect, PatternElement, Statement};
use crate::json::{Member, Node, Shape};
use crate::parse::quote;
use crate::span::{Span, Spanned};
use crate::template::{Template, Variables};

use super::Linter;

pub(super) fn lint(linter: &mut Linter<'_>, statement: &Statement, pointer: &str) {
    lint_empty(linter, statement, pointer);
    if let Some(principal) = &statement.principal
        && principal.negated
        && statement.effect.value == Effect::Allow
    {
        linter.report(
            Code::NotPrincipalAllow,
            statement.effect.span,
            format!("{pointer}/NotPrincipal"),
            "`NotPrincipal` with `Allow` grants to everyone else, anonymous callers included"
                .to_owned(),
            "name whom to grant to in `Principal`",
        );
    }
    lint_actions(linter, &statement.action, pointer);
    if let Some(resource) = &statement.resource {
        let pointer = format!("{pointer}/{}", resource_name(resource));
        for pattern in &resource.patterns {
            lint_shape(linter, pattern, &pointer);
            lint_variables(linter, pattern, &pointer);
        }
    }
    for condition in
        statement.conditions.iter().filter(|it| it.operator.value.test.family().takes_variables())
    {
        let pointer = format!("{pointer}/Condition/{}", condition.operator.value);
        for value in &condition.values {
            lint_variables(linter, value, &pointer);
        }
    }
}

pub(super) fn resource_name(element: &PatternElement) -> &'static str {
    if element.negated { "NotResource" } else { "Resource" }
}

fn lint_actions(linter: &mut Linter<'_>, element: &PatternElement, pointer: &str) {
    let name = if element.negated { "NotAction" } else { "Action" };
    for action in element.patterns.iter().filter(|it| it.value.contains(char::is_whitespace)) {
        let meant: String = action.value.split_whitespace().collect();
        linter.report(
            Code::WhiteSpaceInAction,
            action.span,
            format!("{pointer}/{name}"),
            format!("{} holds white space and matches nothing", quote(&action.value)),
            format!("write {}", quote(&meant)),
        );
    }
}

/// Finds what the document no longer shows: lists, operators and conditions without content.
fn lint_empty(linter: &mut Linter<'_>, statement: &Statement, pointer: &str) {
    let source = linter.document.source();
    let Some(text) = source.get(statement.span.range()) else { return };
    let members = Node::root(text).and_then(|node| node.members()).unwrap_or_default();
    let start = statement.span.start;
    let place = |span: Span| Span { start: span.start + start, end: span.end + start };
    for Member { key, value, .. } in &members {
        let pointer = format!("{pointer}/{key}");
        match key.as_ref() {
            "Condition" => lint_empty_condition(linter, value, &place, &pointer),
            "Principal" | "NotPrincipal" if value.shape() == Shape::Object => {
                let types = value.members().unwrap_or_default();
                let lists: Vec<_> = types.iter().filter(|it| is_empty(&it.value)).collect();
                if types.len() == lists.len() {
                    report_empty(linter, place(value.span()), &pointer, key);
                }
            }
            _ if is_empty(value) => report_empty(linter, place(value.span()), &pointer, key),
            _ => {}
        }
    }
}

fn is_empty(node: &Node<'_>) -> bool {
    node.shape() == Shape::Array && node.elements().is_ok_and(|elements| elements.is_empty())
}

fn report_empty(linter: &mut Linter<'_>, span: Span, pointer: &str, element: &str) {
    linter.report(
        Code::EmptyList,
        span,
        pointer.to_owned(),
        format!("`{element}` is empty: the statement has no effect"),
        "name something, or remove the statement",
    );
}

fn lint_empty_condition(
    linter: &mut Linter<'_>,
    condition: &Node<'_>,
    place: &impl Fn(Span) -> Span,
    pointer: &str,
) {
    let blocks = condition.members().unwrap_or_default();
    if blocks.is_empty() {
        linter.report(
            Code::EmptyCondition,
            place(condition.span()),
            pointer.to_owned(),
            "`Condition` is empty and always true".to_owned(),
            "remove it",
        );
    }
    for block in blocks {
        let pointer = format!("{pointer}/{}", block.key);
        let keys = block.value.members().unwrap_or_default();
        if keys.is_empty() {
            let message = format!("{} has no keys and is always true", quote(&block.key));
            linter.report(
                Code::EmptyCondition,
                place(block.value.span()),
                pointer.clone(),
                message,
                "remove it",
            );
        }
        for key in keys.iter().filter(|key| is_empty(&key.value)) {
            let message = format!("{} is compared with no values", quote(&key.key));
            let always = if block.key.contains("Not") { "true" } else { "false" };
            linter.report(
                Code::EmptyList,
                place(key.value.span()),
                pointer.clone(),
                message,
                format!(
                    "name a value: without one `{}` is {always} for every request that has the key",
                    block.key
                ),
            );
        }
    }
}

/// Patterns that match nothing, or more than they show, because of the shape of their beginning.
fn lint_shape(linter: &mut Linter<'_>, pattern: &Spanned<String>, pointer: &str) {
    let text = pattern.value.as_str();
    let head = text.splitn(3, ':').take(2).map(str::len).sum::<usize>() + 1;
    let head = text.get(..head).unwrap_or(text);
    if text.contains(':')
        && !text.starts_with("execute-api:/")
        && head.bytes().any(|byte| byte.is_ascii_uppercase())
    {
        linter.report(
            Code::UpperCaseArn,
            pattern.span,
            pointer.to_owned(),
            format!("{} matches nothing: ARNs begin in lower case", quote(text)),
            format!("write `{}` for {}", head.to_ascii_lowercase(), quote(head)),
        );
    }
    if text == "*" || text.starts_with("execute-api:/") {
        return;
    }
    let Ok(template) = Template::parse(text, linter.variables()) else { return };
    if template.lacks_colons() {
        let stands_for = match template.is_short_arn() {
            true => format!("it stands for {}", quote(&format!("{text}:*"))),
            false => {
                "a `*` stands for the missing ones where it is, and nothing may follow".to_owned()
            }
        };
        linter.report(
            Code::ShortArn,
            pattern.span,
            pointer.to_owned(),
            format!("{} has fewer than the six parts of an ARN", quote(text)),
            format!("{stands_for}: write all six parts"),
        );
    }
    if let Some(key) = template.variable_before_colon(5) {
        linter.report(
            Code::VariableBeforeResource,
            pattern.span,
            pointer.to_owned(),
            format!("{} stands before the fifth colon", quote(&format!("${{{key}}}"))),
            "compare `aws:ResourceAccount` or `aws:RequestedRegion` in a condition",
        );
    }
}

/// Variables that stand for themselves, or for nothing.
fn lint_variables(linter: &mut Linter<'_>, text: &Spanned<String>, pointer: &str) {
    let Ok(template) = Template::parse(&text.value, Variables::Substituted) else { return };
    let Some(key) = template.variables().next() else { return };
    let (code, message, suggestion) = match linter.variables() {
        Variables::Literal => (
            Code::VariableWithoutVersion,
            format!(
                "{} is literal text in a document of version 2008-10-17",
                quote(&format!("${{{key}}}"))
            ),
            "write `\"Version\": \"2012-10-17\"`",
        ),
        Variables::Substituted if template.variables().any(|key| key.contains("::")) => (
            Code::UnresolvedReference,
            format!("{} holds a reference that was not resolved", quote(&text.value)),
            "check the document after its template was rendered",
        ),
        Variables::Substituted => return,
    };
    linter.report(code, text.span, pointer.to_owned(), message, suggestion);
}
