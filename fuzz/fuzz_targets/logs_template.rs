//! A template that compiles prints as it was given, and what it reads from a line, put back between
//! its literals, is the line. JSON's `null` is read as no value.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_log::{NameMap, Template};

// The first line is a format or a document that holds one, the rest is a line of the log.
fuzz_target!(|input: &str| {
    let (format, line) = input.split_once('\n').unwrap_or((input, ""));
    let names = NameMap::default();
    for template in Template::parse(format, &names).into_iter().chain(Template::learn(line, &names)) {
        let printed = template.to_string();
        assert_eq!(Template::parse(&printed, &names).map(|again| again.to_string()).as_ref(), Ok(&printed));
        if let Some(values) = template.values(line) {
            assert_eq!(fill(&printed, &template, &values, line), line, "{printed}");
        }
    }
    // Whatever the document is, it is read to its end or refused.
    let _ = Template::find(format, &names);
});

/// A template with its variables replaced by values; no value is `null` where `original` has that.
fn fill(printed: &str, template: &Template, values: &[&str], original: &str) -> String {
    let mut rest = printed;
    let mut line = String::new();
    for (name, value) in template.variables().zip(values) {
        let variable = format!("$context.{name}");
        let (literal, after) = rest.split_once(&variable).unwrap_or((rest, ""));
        line += literal;
        let is_null = value.is_empty()
            && original.get(line.len()..).is_some_and(|rest| rest.starts_with("null"));
        line += if is_null { "null" } else { value };
        rest = after;
    }
    line + rest
}
