//! Any text, read as any type of policy: no panic, limits hold, every finding lies inside the text,
//! and what parses prints to a document that reads back equal.
//!
//! The first byte of an input chooses the type, the rest is the text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_policy::{
    Diagnostic, Limits, Parser, PolicyDocument, PolicyErrors, PolicySet, PolicyType, Position,
};

fuzz_target!(|input: &[u8]| {
    let Some((choice, text)) = input.split_first() else { return };
    let Ok(source) = std::str::from_utf8(text) else { return };
    let types = PolicyType::ALL;
    let policy_type = types[usize::from(*choice) % types.len()];
    check(source, policy_type);
    check(source, PolicyType::guess(source));
});

fn check(source: &str, policy_type: PolicyType) {
    let limits = Limits { max_bytes: 4_096, max_depth: 12 };
    match Parser::new(policy_type).limits(limits).parse(source) {
        Ok(document) => {
            assert!(source.len() <= limits.max_bytes);
            check_findings(&document.lint(), source);
            check_round_trip(&document);
            for statement in document.statements() {
                assert_eq!(statement.position, document.position(statement.span));
            }
            let _ = PolicySet::compile([document]);
        }
        Err(errors) => {
            assert!((1..=PolicyErrors::CAPACITY).contains(&errors.errors().len()));
            check_findings(errors.errors(), source);
        }
    }
}

fn check_findings(findings: &[Diagnostic], source: &str) {
    for finding in findings {
        assert!(source.get(finding.span.range()).is_some(), "{finding} lies outside");
        let start = finding.span.start as usize;
        assert_eq!(finding.position, Position::of(source, start), "{finding}");
        assert!(finding.message.len() < 1_000, "{finding}");
        let pointer = &finding.pointer;
        assert!(pointer.is_empty() || pointer.starts_with('/'), "{finding}");
        if let Some(related) = &finding.related {
            assert!(source.get(related.span.range()).is_some(), "{finding}");
        }
    }
    assert!(findings.is_sorted_by_key(|finding| finding.span.start));
}

fn check_round_trip(document: &PolicyDocument) {
    let printed = document.to_json();
    let read = PolicyDocument::parse(&printed, document.policy_type());
    assert_eq!(read.as_ref(), Ok(document), "{printed}");
    assert_eq!(PolicyDocument::parse(&printed, document.policy_type()).map(|it| it.to_json()), Ok(printed));
}
