//! Texts that a pattern matches, and texts that it just does not.

use crate::call::{Call, Given};

/// Texts that a pattern with `*` and `?` matches, the most ordinary first.
pub(super) fn inside(pattern: &str) -> Vec<String> {
    if !pattern.contains(['*', '?']) {
        return vec![pattern.to_owned()];
    }
    let fill = |star: &str| pattern.replace('*', star).replace('?', "x");
    // An ARN's account and region are never empty in a request, its path may be.
    let mut texts = vec![arn(pattern, "x"), arn(pattern, "x/y"), fill("x"), fill("")];
    texts.dedup();
    texts
}

/// Fills the wildcards of an ARN's first five parts with what such a part may be.
fn arn(pattern: &str, path: &str) -> String {
    if pattern == "*" {
        return format!("arn:aws:execute-api:us-east-1:111122223333:api/prod/GET/{path}");
    }
    let ordinary = ["arn", "aws", "execute-api", "us-east-1", "111122223333"];
    let mut parts: Vec<String> = pattern.splitn(6, ':').map(str::to_owned).collect();
    for (part, ordinary) in parts.iter_mut().zip(ordinary) {
        if part.contains(['*', '?']) {
            ordinary.clone_into(part);
        }
    }
    parts.join(":").replace('*', path).replace('?', "x")
}

/// Texts that differ from what a pattern matches in one place: each literal run changed.
pub(super) fn outside(pattern: &str) -> Vec<String> {
    let ordinary = inside(pattern).into_iter().next().unwrap_or_default();
    let mut texts = vec![format!("{ordinary}-other"), ordinary.to_ascii_uppercase()];
    if let Some((head, _)) = ordinary.rsplit_once('/') {
        texts.push(format!("{head}/other"));
        texts.push(head.to_owned());
    }
    if let Some((head, last)) = ordinary.rsplit_once(':') {
        texts.push(format!("{head}:other-{last}"));
    }
    let methods = ["GET", "POST", "PUT", "DELETE"];
    for method in methods {
        let other = if method == "DELETE" { "GET" } else { "DELETE" };
        texts.push(ordinary.replace(&format!("/{method}/"), &format!("/{other}/")));
    }
    for (index, _) in ordinary.match_indices('/') {
        let (head, tail) = ordinary.split_at(index);
        texts.push(format!("{head}-other{tail}"));
    }
    texts.retain(|text| *text != ordinary);
    texts
}

/// A pattern with its policy variables replaced by the request's values.
pub(super) fn resolve(call: &Call, pattern: &str) -> String {
    let mut resolved = String::new();
    let mut rest = pattern;
    while let Some((before, variable, after)) = next_variable(rest) {
        resolved.push_str(before);
        resolved.push_str(&lookup(call, variable));
        rest = after;
    }
    resolved + rest
}

fn next_variable(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("${")?;
    let (variable, after) = rest.split_once('}')?;
    Some((before, variable, after))
}

fn lookup(call: &Call, variable: &str) -> String {
    let (key, default) = variable.split_once(',').unwrap_or((variable, ""));
    let from_principal = || match key.trim().to_ascii_lowercase().as_str() {
        "aws:username" => call.principal.rsplit('/').next().map(str::to_owned),
        "aws:principalaccount" => {
            tollgate_policy::ArnParts::split(&call.principal).map(|arn| arn.account.to_owned())
        }
        _ => None,
    };
    match call.given(key.trim()) {
        Some(Given::One(value)) => value.to_string(),
        _ => from_principal().unwrap_or_else(|| default.trim().trim_matches('\'').to_owned()),
    }
}
