//! Log formats out of the files that configure them.
//!
//! `aws apigateway get-stage` and `apigatewayv2 get-stage` print
//! `accessLogSettings`, CloudFormation and SAM templates have
//! `AccessLogSetting(s)`; both hold a `format`. JSON is read as the YAML that
//! it is, so one walk serves all.

use std::fmt;

use saphyr_parser::{Event, Parser};

use super::{Template, TemplateError};
use crate::names::NameMap;

/// How deep a document may nest.
const DEPTH_MAX: usize = 64;

/// Why no template could be taken from a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingsError {
    /// It is neither JSON nor YAML.
    Syntax {
        /// What is wrong with it.
        message: String,
    },
    /// It has no access log settings with a format.
    NoFormat,
    /// A format is put together from what is known only when it is deployed.
    Dynamic,
    /// A format is no template.
    Template {
        /// The format.
        format: String,
        /// What is wrong with it.
        error: TemplateError,
    },
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SettingsError::Syntax { message } => write!(f, "expected JSON or YAML: {message}"),
            SettingsError::NoFormat => write!(
                f,
                "expected `accessLogSettings` with a `format`, as `get-stage`, CloudFormation and \
                 SAM have them, found none"
            ),
            SettingsError::Dynamic => write!(
                f,
                "expected the log format as text, found one that is put together when deployed; \
                 take it from `get-stage` instead"
            ),
            SettingsError::Template { format, error } => write!(f, "{error}, in `{format}`"),
        }
    }
}

impl std::error::Error for SettingsError {}

impl Template {
    /// Takes the templates out of a document: the JSON of `aws apigateway
    /// get-stage`, `get-stages` and their `apigatewayv2` siblings, or a
    /// CloudFormation, SAM or OpenAPI file in JSON or YAML.
    ///
    /// # Errors
    /// If there is none, or one that cannot be compiled.
    ///
    /// ```
    /// use tollgate_log::{NameMap, Template};
    ///
    /// let stage = r#"{"stageName":"prod","accessLogSettings":{"format":"$context.status $context.path"}}"#;
    /// let templates = Template::find(stage, &NameMap::default())?;
    /// assert_eq!(templates[0].to_string(), "$context.status $context.path");
    /// # Ok::<(), tollgate_log::SettingsError>(())
    /// ```
    pub fn find(document: &str, names: &NameMap) -> Result<Vec<Template>, SettingsError> {
        let mut formats = Vec::new();
        for root in parse(document)? {
            search(&root, &mut formats)?;
        }
        let mut templates: Vec<Template> = Vec::new();
        for format in formats {
            let template = Template::parse(&format, names)
                .map_err(|error| SettingsError::Template { format, error })?;
            if !templates.contains(&template) {
                templates.push(template);
            }
        }
        if templates.is_empty() { Err(SettingsError::NoFormat) } else { Ok(templates) }
    }
}

/// A node of a document, as far as it matters here.
enum Node {
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
    /// An alias, whose target is found where it stands.
    Alias,
}

/// Looks for access log settings anywhere in a node.
fn search(node: &Node, formats: &mut Vec<String>) -> Result<(), SettingsError> {
    match node {
        Node::Text(_) | Node::Alias => Ok(()),
        Node::List(items) => items.iter().try_for_each(|item| search(item, formats)),
        Node::Map(members) => members.iter().try_for_each(|(key, value)| {
            let settings = ["accesslogsetting", "accesslogsettings"];
            if settings.contains(&key.to_ascii_lowercase().as_str())
                && let Some(format) = member(value, "format")
            {
                formats.push(text(format)?);
            }
            search(value, formats)
        }),
    }
}

fn member<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    let Node::Map(members) = node else { return None };
    members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// The text of a format, which `Sub` and `Join` may wrap.
fn text(node: &Node) -> Result<String, SettingsError> {
    match node {
        Node::Text(text) => Ok(text.clone()),
        Node::Map(members) => match members.as_slice() {
            [(name, value)] if name == "Fn::Sub" || name == "Fn::Join" => text(value),
            _ => Err(SettingsError::Dynamic),
        },
        Node::List(items) => match items.as_slice() {
            [Node::Text(separator), Node::List(parts)] => {
                let parts = parts.iter().map(text).collect::<Result<Vec<_>, _>>()?;
                Ok(parts.join(separator))
            }
            [Node::Text(text), Node::Map(_)] => Ok(text.clone()),
            _ => Err(SettingsError::Dynamic),
        },
        Node::Alias => Err(SettingsError::Dynamic),
    }
}

/// A list or mapping that is being read; a mapping with the key that waits.
enum Open {
    List(Vec<Node>),
    Map(Vec<(String, Node)>, Option<String>),
}

/// Reads the documents of a YAML stream.
fn parse(document: &str) -> Result<Vec<Node>, SettingsError> {
    let syntax = |message: String| SettingsError::Syntax { message };
    let mut open: Vec<Open> = Vec::new();
    let mut roots = Vec::new();
    for event in Parser::new_from_str(document) {
        let (event, _) = event.map_err(|error| syntax(error.to_string()))?;
        let node = match event {
            Event::Scalar(text, ..) => Node::Text(text.into_owned()),
            Event::Alias(_) => Node::Alias,
            Event::SequenceStart(..) | Event::MappingStart(..) if open.len() == DEPTH_MAX => {
                return Err(syntax(format!("it nests deeper than {DEPTH_MAX} levels")));
            }
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                continue;
            }
            Event::MappingStart(..) => {
                open.push(Open::Map(Vec::new(), None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(items)) => Node::List(items),
                Some(Open::Map(members, _)) => Node::Map(members),
                None => continue,
            },
            _ => continue,
        };
        place(node, &mut open, &mut roots);
    }
    Ok(roots)
}

/// Puts a node where it belongs.
fn place(node: Node, open: &mut [Open], roots: &mut Vec<Node>) {
    match open.last_mut() {
        None => roots.push(node),
        Some(Open::List(items)) => items.push(node),
        Some(Open::Map(members, key)) => match (key.take(), node) {
            (Some(key), value) => members.push((key, value)),
            (None, Node::Text(text)) => *key = Some(text),
            (None, _) => *key = Some(String::new()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(document: &str, expected: Result<&[&str], &str>) {
        let found = Template::find(document, &NameMap::default());
        let found = found.map(|templates| templates.iter().map(Template::to_string).collect());
        let expected: Result<Vec<String>, String> = expected
            .map(|formats| formats.iter().map(|&f| f.to_owned()).collect())
            .map_err(str::to_owned);
        assert_eq!(found.map_err(|error: SettingsError| error.to_string()), expected);
    }

    #[test]
    fn stages_of_both_kinds() {
        check(
            r#"{"stageName":"prod","accessLogSettings":{"format":"{\"s\":\"$context.status\"}","destinationArn":"arn:…"}}"#,
            Ok(&[r#"{"s":"$context.status"}"#]),
        );
        check(
            r#"{"Items":[{"StageName":"$default","AccessLogSettings":{"Format":"$context.status $context.routeKey"}},{"AccessLogSettings":{"Format":"$context.path"}}]}"#,
            Ok(&["$context.status $context.routeKey", "$context.path"]),
        );
    }

    #[test]
    fn cloudformation_and_sam() {
        check(
            "Resources:\n  Api:\n    Type: AWS::Serverless::Api\n    Properties:\n      AccessLogSetting:\n        DestinationArn: !GetAtt Logs.Arn\n        Format: '{\"ip\":\"$context.identity.sourceIp\"}'\n",
            Ok(&[r#"{"ip":"$context.identity.sourceIp"}"#]),
        );
        check(
            "Stage:\n  AccessLogSettings:\n    Format: !Sub \"${Name} $context.path\"\n",
            Ok(&["${Name} $context.path"]),
        );
        check(
            "Stage:\n  AccessLogSettings:\n    Format: !Join [' ', [$context.status, $context.path]]\n",
            Ok(&["$context.status $context.path"]),
        );
        check(
            r#"{"AccessLogSettings":{"Format":{"Fn::Join":["",["{\"s\":\"","$context.status","\"}"]]}}}"#,
            Ok(&[r#"{"s":"$context.status"}"#]),
        );
        check(
            "Stage:\n  AccessLogSettings:\n    Format: >-\n      $context.status\n      $context.path\n",
            Ok(&["$context.status $context.path"]),
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        check(
            "{}",
            Err("expected `accessLogSettings` with a `format`, as `get-stage`, CloudFormation \
                 and SAM have them, found none"),
        );
        check(
            "AccessLogSettings: {Format: {Ref: Format}}",
            Err("expected the log format as text, found one that is put together when deployed; \
                 take it from `get-stage` instead"),
        );
        check(
            "AccessLogSettings: {Format: hello}",
            Err("expected a log format with `$context.` variables, found none, in `hello`"),
        );
        let deep = "[".repeat(100);
        check(&deep, Err("expected JSON or YAML: it nests deeper than 64 levels"));
    }
}
