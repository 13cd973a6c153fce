//! Checks of parameters, which go on after a violation, so that a caller learns of all of them.
//!
//! Violations are worded as AWS's services word them, with the parameter's name in camel case.

use secrecy::SecretString;

use crate::action::shown;
use crate::query::Query;
use crate::{Fault, FaultCode};

/// What a text must be like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text {
    /// Fewest characters.
    pub(crate) min: usize,
    /// Most characters.
    pub(crate) max: usize,
    /// Which.
    pub(crate) alphabet: Alphabet,
}

/// Which characters a text may have.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Alphabet {
    /// Any.
    Any,
    /// Of a session's name or source identity.
    Name,
    /// Of an external id.
    ExternalId,
    /// Of a tag's key or value.
    Tag,
}

impl Text {
    /// Any text of so many characters.
    pub(crate) const fn any(min: usize, max: usize) -> Text {
        Text { min, max, alphabet: Alphabet::Any }
    }
}

impl Alphabet {
    /// The regular expression that AWS's reference gives.
    fn pattern(self) -> &'static str {
        match self {
            Alphabet::Any => r"[\u0009\u000A\u000D\u0020-\u00FF]+",
            Alphabet::Name => r"[\w+=,.@-]*",
            Alphabet::ExternalId => r"[\w+=,.@:\/-]*",
            Alphabet::Tag => r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+",
        }
    }

    fn has(self, c: char) -> bool {
        let is_word = c.is_ascii_alphanumeric() || c == '_';
        match self {
            Alphabet::Any => true,
            Alphabet::Name => is_word || "+=,.@-".contains(c),
            Alphabet::ExternalId => is_word || "+=,.@:/-".contains(c),
            // Marks belong to the letters before them.
            Alphabet::Tag => c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c),
        }
    }
}

/// Parameters being read, and what is wrong with them so far.
pub(crate) struct Checks {
    query: Query,
    violations: Vec<String>,
}

impl Checks {
    pub(crate) fn new(query: Query) -> Checks {
        Checks { query, violations: Vec::new() }
    }

    /// A parameter that must be there; empty where it is not.
    pub(crate) fn required(&mut self, name: &str, text: Text) -> String {
        let value = self.query.take(name);
        self.member(&camel_case(name), value, text)
    }

    /// A parameter that must be there and is not shown.
    pub(crate) fn secret(&mut self, name: &str, text: Text) -> SecretString {
        let value = self.query.take(name);
        let name = camel_case(name);
        match &value {
            None => self.violate("null", &name, "Member must not be null"),
            Some(value) => self.check("<redacted>", &name, value, text),
        }
        SecretString::from(value.unwrap_or_default())
    }

    /// A parameter that may be there.
    pub(crate) fn optional(&mut self, name: &str, text: Text) -> Option<String> {
        let value = self.query.take(name)?;
        Some(self.member(&camel_case(name), Some(value), text))
    }

    /// A whole number that may be there.
    pub(crate) fn number(&mut self, name: &str, min: u32, max: u32) -> Option<u32> {
        let value = self.query.take(name)?;
        let (name, shown) = (camel_case(name), quoted(&value));
        match value.parse::<u32>() {
            Ok(number) if number < min => {
                let rule = format!("Member must have value greater than or equal to {min}");
                self.violate(&shown, &name, &rule);
            }
            Ok(number) if number > max => {
                let rule = format!("Member must have value less than or equal to {max}");
                self.violate(&shown, &name, &rule);
            }
            Ok(number) => return Some(number),
            Err(_) => self.violate(&shown, &name, "Member must be a whole number"),
        }
        None
    }

    /// A list of texts.
    pub(crate) fn list(&mut self, name: &str, max: usize, text: Text) -> Vec<String> {
        let values = self.query.take_list(name);
        let name = camel_case(name);
        self.check_length(&name, values.len(), max);
        let member = format!("{name}.member");
        values.into_iter().map(|value| self.member(&member, Some(value), text)).collect()
    }

    /// A list of records, read by `read`.
    pub(crate) fn records<const N: usize, T>(
        &mut self,
        name: &str,
        fields: [&str; N],
        max: usize,
        mut read: impl FnMut(&mut Checks, [Option<String>; N]) -> T,
    ) -> Vec<T> {
        let records = self.query.take_records(name, fields);
        self.check_length(&camel_case(name), records.len(), max);
        records.into_iter().map(|record| read(self, record)).collect()
    }

    /// One value, by the name that violations give it.
    pub(crate) fn member(&mut self, name: &str, value: Option<String>, text: Text) -> String {
        match &value {
            None => self.violate("null", name, "Member must not be null"),
            Some(value) => self.check(&quoted(value), name, value, text),
        }
        value.unwrap_or_default()
    }

    fn check(&mut self, shown: &str, name: &str, value: &str, text: Text) {
        let length = value.chars().count();
        if !value.chars().all(|c| text.alphabet.has(c)) {
            let pattern = text.alphabet.pattern();
            let rule = format!("Member must satisfy regular expression pattern: {pattern}");
            self.violate(shown, name, &rule);
        }
        if length < text.min {
            let rule = format!("Member must have length greater than or equal to {}", text.min);
            self.violate(shown, name, &rule);
        }
        if length > text.max {
            let rule = format!("Member must have length less than or equal to {}", text.max);
            self.violate(shown, name, &rule);
        }
    }

    fn check_length(&mut self, name: &str, length: usize, max: usize) {
        if length > max {
            let rule = format!("Member must have length less than or equal to {max}");
            self.violate("'[…]'", name, &rule);
        }
    }

    fn violate(&mut self, shown: &str, name: &str, rule: &str) {
        self.violations
            .push(format!("Value {shown} at '{name}' failed to satisfy constraint: {rule}"));
    }

    /// Every parameter was read, and every check held.
    pub(crate) fn finish(self) -> Result<(), Fault> {
        self.query.finish()?;
        let count = self.violations.len();
        if count == 0 {
            return Ok(());
        }
        let errors = if count == 1 { "error" } else { "errors" };
        let message =
            format!("{count} validation {errors} detected: {}", self.violations.join("; "));
        Err(Fault::new(FaultCode::ValidationError, message))
    }
}

fn quoted(value: &str) -> String {
    format!("'{}'", shown(value))
}

fn camel_case(name: &str) -> String {
    let mut characters = name.chars();
    let first = characters.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}
