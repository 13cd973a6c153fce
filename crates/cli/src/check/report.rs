//! What was found, file by file, before it is printed in one form or another.

use std::sync::Arc;

use tollgate_policy::{Diagnostic, PolicyDocument, PolicyType, Severity};

use super::subject::{KnownFrom, Subject};

/// Everything that was found.
pub(super) struct Report {
    pub(super) files: Vec<Checked>,
    pub(super) errors: usize,
    pub(super) warnings: usize,
    pub(super) notes: usize,
}

/// What was found in one file.
pub(super) struct Checked {
    pub(super) name: String,
    pub(super) source: Arc<str>,
    pub(super) policy_type: PolicyType,
    pub(super) known_from: KnownFrom,
    /// Errors, or else lints, in document order.
    pub(super) findings: Vec<Diagnostic>,
    /// Errors that were counted and not kept.
    pub(super) more_errors: usize,
}

impl Report {
    pub(super) fn of(subjects: Vec<Subject>) -> Report {
        let files: Vec<Checked> = subjects.into_iter().map(Checked::of).collect();
        let count = |severity| files.iter().map(|file| file.count(severity)).sum();
        Report {
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            notes: count(Severity::Note),
            files,
        }
    }
}

impl Checked {
    fn of(subject: Subject) -> Checked {
        let Subject { name, source, policy_type, known_from } = subject;
        let (findings, more_errors) = match PolicyDocument::parse(&source, policy_type) {
            Ok(document) => (document.lint(), 0),
            Err(errors) => (errors.errors().to_vec(), errors.more()),
        };
        Checked { name, source, policy_type, known_from, findings, more_errors }
    }

    pub(super) fn count(&self, severity: Severity) -> usize {
        let kept = self.findings.iter().filter(|finding| finding.severity() == severity).count();
        kept + if severity == Severity::Error { self.more_errors } else { 0 }
    }
}
