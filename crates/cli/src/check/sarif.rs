//! The report as SARIF 2.1.0, which code scanning and editors read.
//!
//! Source: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.

use serde_json::{Value, json};
use tollgate_policy::{Code, Diagnostic, Position, Severity, Span};

use super::report::{Checked, Report};

pub(super) fn print(report: &Report) -> String {
    let results = report.files.iter().flat_map(|file| {
        file.findings.iter().map(move |finding| result(file, finding)).chain(omitted(file))
    });
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "tollgate",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": Code::ALL.iter().map(|code| rule(*code)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results.collect::<Vec<_>>(),
        }],
    });
    format!("{document:#}\n")
}

fn rule(code: Code) -> Value {
    json!({
        "id": code.as_str(),
        "shortDescription": {"text": code.title()},
        "fullDescription": {"text": code.explanation()},
        "defaultConfiguration": {"level": code.severity().as_str()},
    })
}

fn result(file: &Checked, finding: &Diagnostic) -> Value {
    let text = match finding.help() {
        Some(help) => format!("{}: {help}", finding.message),
        None => finding.message.clone(),
    };
    let related = finding.related.as_ref().map(|related| {
        let mut location = location(file, related.span, related.position);
        if let Some(location) = location.as_object_mut() {
            location.insert("message".to_owned(), json!({"text": related.message}));
        }
        location
    });
    json!({
        "ruleId": finding.code.as_str(),
        "ruleIndex": Code::ALL.iter().position(|code| *code == finding.code),
        "level": finding.severity().as_str(),
        "message": {"text": text},
        "locations": [location(file, finding.span, finding.position)],
        "relatedLocations": related.into_iter().collect::<Vec<_>>(),
    })
}

/// Errors that were counted and not kept are one result more.
fn omitted(file: &Checked) -> Option<Value> {
    (file.more_errors > 0).then(|| {
        json!({
            "level": Severity::Error.as_str(),
            "message": {"text": format!("{} more errors in this file", file.more_errors)},
            "locations": [location(file, Span::default(), Position { line: 1, column: 1 })],
        })
    })
}

fn location(file: &Checked, span: Span, position: Position) -> Value {
    json!({"physicalLocation": {
        "artifactLocation": {"uri": uri(&file.name)},
        "region": {
            "startLine": position.line,
            "startColumn": position.column,
            "byteOffset": span.start,
            "byteLength": span.end - span.start,
        },
    }})
}

/// A path as a URI reference: bytes other than letters, digits and `-._~/` are escaped.
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uri_references() {
        assert_eq!(uri("policies/a b%é.json"), "policies/a%20b%25%C3%A9.json");
    }
}
