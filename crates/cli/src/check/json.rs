//! The report as one JSON document: `fixtures/schemas/check.schema.json`.

use serde_json::{Value, json};
use tollgate_policy::{Diagnostic, Related, Severity, Span};

use super::report::{Checked, Report};

pub(super) fn print(report: &Report) -> String {
    let document = json!({
        "version": 1,
        "errors": report.errors,
        "warnings": report.warnings,
        "notes": report.notes,
        "files": report.files.iter().map(file).collect::<Vec<_>>(),
    });
    format!("{document:#}\n")
}

fn file(file: &Checked) -> Value {
    json!({
        "path": file.name,
        "policyType": file.policy_type.as_str(),
        "policyTypeFrom": file.known_from.as_str(),
        "errors": file.count(Severity::Error),
        "warnings": file.count(Severity::Warning),
        "notes": file.count(Severity::Note),
        "findings": file.findings.iter().map(finding).collect::<Vec<_>>(),
        "omitted": file.more_errors,
    })
}

fn finding(finding: &Diagnostic) -> Value {
    json!({
        "code": finding.code.as_str(),
        "severity": finding.severity().as_str(),
        "message": finding.message,
        "expected": finding.expected,
        "suggestion": finding.suggestion,
        "line": finding.position.line,
        "column": finding.position.column,
        "bytes": bytes(finding.span),
        "pointer": finding.pointer,
        "related": finding.related.as_ref().map(related),
    })
}

fn related(related: &Related) -> Value {
    json!({
        "message": related.message,
        "line": related.position.line,
        "column": related.position.column,
        "bytes": bytes(related.span),
    })
}

fn bytes(span: Span) -> [u32; 2] {
    [span.start, span.end]
}
