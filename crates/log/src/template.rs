//! A log's template, compiled: literals and variables in order.
//!
//! API Gateway writes an access log by filling `$context` variables into a
//! fixed text. A [`Template`] is that text, whether given ([`Template::parse`])
//! or learned from a line ([`Template::learn`]). Reading a line is then a
//! search for one byte per variable and a comparison per literal.

pub(crate) mod fit;
pub(crate) mod keys;
mod learn;
pub(crate) mod located;
pub(crate) mod recover;
mod settings;
mod variables;

use std::fmt;

use crate::names::{NameMap, Target};
use crate::schema::Field;
use crate::told::ApiStage;

pub use settings::SettingsError;

/// What stands before the name of a variable.
pub(crate) const VARIABLE: &str = "$context.";

/// What the text around the variables is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// A JSON object: a line may also be read as JSON, in any order of keys.
    Json,
    /// Any other text: common log format, CSV, XML, a custom template.
    Text,
}

/// A variable and the text after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// `identity.sourceIp`, or the key of a learned template.
    pub(crate) name: String,
    pub(crate) target: Option<Target>,
    /// The text up to the next variable or the end; empty only at the end.
    pub(crate) literal: String,
}

/// The text of a log line with its variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pub(crate) syntax: Syntax,
    pub(crate) head: String,
    pub(crate) parts: Vec<Part>,
    /// Whose lines these are.
    pub(crate) api_stage: ApiStage,
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateError {
    /// It has no `$context.…` variable.
    NoVariable,
    /// Two variables with nothing between them cannot be told apart.
    Adjacent {
        /// The variable before.
        first: String,
        /// The variable after.
        second: String,
        /// Bytes from the start of the template to the second variable.
        offset: usize,
    },
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TemplateError::NoVariable => {
                write!(f, "expected a log format with `$context.` variables, found none")
            }
            TemplateError::Adjacent { first, second, offset } => write!(
                f,
                "expected text between `$context.{first}` and `$context.{second}` at offset \
                 {offset}: their values cannot be told apart"
            ),
        }
    }
}

impl std::error::Error for TemplateError {}

impl Template {
    /// Compiles the `format` of an API's access log settings.
    ///
    /// # Errors
    /// If it has no variables, or two with nothing between them.
    ///
    /// ```
    /// use tollgate_log::{NameMap, Template};
    ///
    /// let format = r#"$context.identity.sourceIp "$context.httpMethod $context.path" $context.status"#;
    /// let template = Template::parse(format, &NameMap::default())?;
    /// assert_eq!(template.variables().collect::<Vec<_>>(), ["identity.sourceIp", "httpMethod", "path", "status"]);
    /// # Ok::<(), tollgate_log::TemplateError>(())
    /// ```
    pub fn parse(format: &str, names: &NameMap) -> Result<Template, TemplateError> {
        let format = format.trim_end_matches(['\n', '\r']);
        let mut pieces = format.split(VARIABLE);
        let head = pieces.next().unwrap_or_default().to_owned();
        let mut parts: Vec<Part> = Vec::new();
        let mut offset = head.len();
        for piece in pieces {
            let end = variable_end(piece);
            let (name, literal) = piece.split_at_checked(end).unwrap_or((piece, ""));
            if let Some(before) = parts.last().filter(|before| before.literal.is_empty()) {
                let first = before.name.clone();
                return Err(TemplateError::Adjacent { first, second: name.to_owned(), offset });
            }
            let target = names.target(name);
            parts.push(Part { name: name.to_owned(), target, literal: literal.to_owned() });
            offset += VARIABLE.len() + piece.len();
        }
        if parts.is_empty() {
            return Err(TemplateError::NoVariable);
        }
        let syntax = if is_json(&head, &parts) { Syntax::Json } else { Syntax::Text };
        let api_stage = ApiStage::default();
        Ok(Template { syntax, head, parts, api_stage }.with_best_sources())
    }

    /// This template for the lines of one API, which they do not say.
    #[must_use]
    pub fn of(self, api_stage: ApiStage) -> Template {
        Template { api_stage, ..self }
    }

    /// What the text around the variables is.
    pub fn syntax(&self) -> Syntax {
        self.syntax
    }

    /// The variables in order, without `$context.`.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(|part| part.name.as_str())
    }

    /// Those of the variables that neither API Gateway has nor a name of one's own stands for.
    ///
    /// ```
    /// use tollgate_log::{NameMap, Template};
    ///
    /// let format = "$context.path $context.stauts";
    /// let template = Template::parse(format, &NameMap::default())?;
    /// assert_eq!(template.unknown_variables().collect::<Vec<_>>(), ["stauts"]);
    /// # Ok::<(), tollgate_log::TemplateError>(())
    /// ```
    pub fn unknown_variables(&self) -> impl Iterator<Item = &str> {
        let untold = self.parts.iter().filter(|part| part.target.is_none());
        untold.map(|part| part.name.as_str()).filter(|name| !variables::is_known(name))
    }

    /// The values of a line that fits the template, one for each variable. A `null` of JSON is no
    /// value, and empty here.
    ///
    /// ```
    /// use tollgate_log::{NameMap, Template};
    ///
    /// let template = Template::parse("$context.httpMethod $context.path", &NameMap::default())?;
    /// assert_eq!(template.values("GET /pets"), Some(vec!["GET", "/pets"]));
    /// assert_eq!(template.values("GET"), None);
    /// # Ok::<(), tollgate_log::TemplateError>(())
    /// ```
    pub fn values<'a>(&self, line: &'a str) -> Option<Vec<&'a str>> {
        fit::values(self, line)
    }

    /// The columns that a line of this template fills.
    pub fn fields(&self) -> impl Iterator<Item = Field> {
        self.parts.iter().filter_map(|part| part.target).map(|target| target.field)
    }

    /// Whether both have the same literals, whatever their variables are called.
    pub(crate) fn has_text_of(&self, other: &Template) -> bool {
        let own = self.parts.iter().map(|part| &part.literal);
        self.head == other.head && own.eq(other.parts.iter().map(|part| &part.literal))
    }

    /// Leaves each column to the best of the variables that could fill it.
    fn with_best_sources(mut self) -> Template {
        let targets: Vec<_> = self.parts.iter().map(|part| part.target).collect();
        for (at, part) in self.parts.iter_mut().enumerate() {
            let Some(own) = part.target else { continue };
            let better = targets.iter().enumerate().any(|(other, target)| {
                target.is_some_and(|target| {
                    target.field == own.field && (target.rank, other) < (own.rank, at)
                })
            });
            if better {
                part.target = None;
            }
        }
        self
    }
}

/// Where the name of a variable ends: names are words joined by single dots.
fn variable_end(text: &str) -> usize {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let mut end = 0;
    for (at, c) in text.char_indices() {
        let inner_dot = c == '.' && text.get(at + 1..).is_some_and(|rest| rest.starts_with(word));
        if !(word(c) || inner_dot) {
            break;
        }
        end = at + c.len_utf8();
    }
    end
}

/// Whether the template is a JSON object once its variables are filled.
fn is_json(head: &str, parts: &[Part]) -> bool {
    let mut filled = head.to_owned();
    for part in parts {
        filled.push('0');
        filled.push_str(&part.literal);
    }
    head.trim_start().starts_with('{')
        && serde_json::from_str::<serde::de::IgnoredAny>(&filled).is_ok()
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.head)?;
        for part in &self.parts {
            write!(f, "{VARIABLE}{}{}", part.name, part.literal)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(format: &str, syntax: Syntax, variables: &[&str]) {
        let template = Template::parse(format, &NameMap::default()).unwrap();
        assert_eq!(template.syntax(), syntax);
        assert_eq!(template.variables().collect::<Vec<_>>(), variables);
        assert_eq!(template.to_string(), format);
    }

    #[test]
    fn variables_end_where_their_names_end() {
        check("$context.status.", Syntax::Text, &["status"]);
        check(
            "$context.authorizer.claims.sub|$context.path",
            Syntax::Text,
            &["authorizer.claims.sub", "path"],
        );
        check(
            r#"{"a":"$context.status","b":$context.requestTimeEpoch}"#,
            Syntax::Json,
            &["status", "requestTimeEpoch"],
        );
        check("<r id=\"$context.requestId\"/>", Syntax::Text, &["requestId"]);
    }

    #[test]
    fn null_is_no_value_unless_it_is_quoted() {
        let format = r#"{"a":"$context.status","b":$context.requestTimeEpoch}"#;
        let template = Template::parse(format, &NameMap::default()).unwrap();
        let values = template.values(r#"{"a":"null","b":null}"#);
        assert_eq!(values, Some(vec!["null", ""]));
    }

    #[test]
    fn a_value_without_quotes_is_no_text_list_or_object() {
        let format = r#"{"a":$context.requestTimeEpoch,"b":"$context.status"}"#;
        let template = Template::parse(format, &NameMap::default()).unwrap();
        assert_eq!(template.values(r#"{"a":12,"b":"200"}"#), Some(vec!["12", "200"]));
        assert_eq!(template.values(r#"{"a":,"b":"200"}"#), Some(vec!["", "200"]));
        for other in [r#""1""#, "[1]", r#"{"b":1}"#, r#"1,"b":"2","c":1"#, r#"1"#] {
            let line = format!(r#"{{"a":{other},"b":"200","c":""}}"#);
            assert_eq!(template.values(&line), None, "{line}");
        }
    }

    #[test]
    fn a_template_without_variables_is_an_error() {
        let error = Template::parse("hello", &NameMap::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected a log format with `$context.` variables, found none"
        );
    }

    #[test]
    fn adjacent_variables_are_an_error() {
        let error =
            Template::parse("a $context.httpMethod$context.path", &NameMap::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected text between `$context.httpMethod` and `$context.path` at offset 21: their \
             values cannot be told apart"
        );
    }

    #[test]
    fn the_better_of_two_sources_fills_the_column() {
        let format = "$context.requestTime $context.requestTimeEpoch";
        let template = Template::parse(format, &NameMap::default()).unwrap();
        let filled: Vec<_> = template.parts.iter().map(|part| part.target.is_some()).collect();
        assert_eq!(filled, [false, true]);
    }
}
