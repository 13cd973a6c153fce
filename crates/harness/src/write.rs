//! Requests → tests as text, ready to be pasted into a test file.

use std::fmt::Write;
use std::sync::Arc;

use crate::call::{Call, Given};
use crate::file::Expectation;

/// A test to write down.
#[derive(Clone, Debug)]
pub(crate) struct Draft<'a> {
    pub(crate) name: &'a str,
    /// What the file calls the principal; its ARN will do.
    pub(crate) principal: &'a str,
    pub(crate) call: &'a Call,
    pub(crate) expected: Expectation,
    /// Context keys that the file's setting or principal already give alike.
    pub(crate) inherited: &'a [(Arc<str>, Given)],
}

impl Draft<'_> {
    /// The test as an item of the list `tests`.
    pub(crate) fn yaml(&self) -> String {
        let Draft { name, principal, call, expected, inherited } = self;
        let mut text = String::new();
        let _ = writeln!(text, "  - name: {}", scalar(name));
        let _ = writeln!(text, "    principal: {}", scalar(principal));
        for field in request_fields(call, inherited) {
            let _ = writeln!(text, "    {field}");
        }
        let _ = writeln!(text, "    expect: {}", expected.as_str());
        text
    }
}

/// `request`, `context` and `unknown` of a call, as far as there is something to say that is not
/// inherited.
pub(crate) fn request_fields(call: &Call, inherited: &[(Arc<str>, Given)]) -> Vec<String> {
    let mut request =
        format!("action: {}, resource: {}", scalar(&call.action), scalar(&call.resource));
    if let Some(account) = &call.resource_account {
        let _ = write!(request, ", resourceAccount: {}", scalar(account));
    }
    let (mut context, mut unknown) = (Vec::new(), Vec::new());
    for (key, given) in call.context.iter().filter(|given| !inherited.contains(given)) {
        match given {
            Given::Unknown => unknown.push(scalar(key)),
            Given::Absent => context.push(format!("{}: ~", scalar(key))),
            Given::One(value) => context.push(format!("{}: {}", scalar(key), scalar(value))),
            Given::Set(values) => {
                let values: Vec<String> = values.iter().map(|value| scalar(value)).collect();
                context.push(format!("{}: [[{}]]", scalar(key), values.join(", ")));
            }
        }
    }
    let mut fields = vec![format!("request: {{ {request} }}")];
    if !context.is_empty() {
        fields.push(format!("context: {{ {} }}", context.join(", ")));
    }
    if !unknown.is_empty() {
        fields.push(format!("unknown: [{}]", unknown.join(", ")));
    }
    fields
}

/// Which drafts have been shown, so that none is shown twice under two names.
#[derive(Debug, Default)]
pub(crate) struct Shown(std::collections::BTreeSet<String>);

impl Shown {
    /// Whether a test for a file has not been shown yet, whatever its name.
    pub(crate) fn is_new(&mut self, file: &str, test: &str) -> bool {
        let body = test.split_once('\n').map_or("", |(_, body)| body);
        self.0.insert(format!("{file}\n{body}"))
    }
}

/// A scalar of YAML: plain where that is safe within `{}` and `[]`, else double-quoted as in JSON.
pub(crate) fn scalar(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_./$ ".contains(c);
    let word = |c: char| c.is_ascii_alphabetic() || c == '/';
    let reserved = ["true", "false", "null", "yes", "no", "on", "off"];
    let plain = text.starts_with(word)
        && text.chars().all(safe)
        && !text.ends_with(' ')
        && !reserved.contains(&text.to_ascii_lowercase().as_str());
    if plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}
