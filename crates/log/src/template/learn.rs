//! Learning a template from a line of a JSON log.

use super::{Part, Syntax, Template, VARIABLE};
use crate::names::NameMap;
use crate::told::ApiStage;

impl Template {
    /// Reads the template off a line that is a JSON object: every scalar is a
    /// variable, named by its key (`identity.sourceIp` if nested).
    ///
    /// Returns nothing if the line is not JSON, holds arrays, a key twice, or a key with the text
    /// `$context.`.
    ///
    /// ```
    /// use tollgate_log::{Field, NameMap, Template};
    ///
    /// let line = r#"{"ip":"10.0.0.1","status":200}"#;
    /// let template = Template::learn(line, &NameMap::default()).expect("it is flat JSON");
    /// assert!(template.fields().eq([Field::SourceIp, Field::Status]));
    /// ```
    pub fn learn(line: &str, names: &NameMap) -> Option<Template> {
        let line = line.trim_ascii();
        let mut learner =
            Learner { line, at: 0, since: 0, path: Vec::new(), names, parts: Vec::new() };
        serde_json::from_str::<serde::de::IgnoredAny>(line).ok()?;
        let mut head = None;
        learner.object(&mut head)?;
        let tail = line.get(learner.since..)?.to_owned();
        learner.parts.last_mut()?.literal = tail;
        let Learner { parts, .. } = learner;
        let mut keys: Vec<_> = parts.iter().map(|part| &part.name).collect();
        keys.sort_unstable();
        if keys.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
            return None;
        }
        let head = head?;
        // Text that reads as a variable could not be told from one in the template's own text.
        let is_ambiguous =
            |part: &Part| part.literal.contains(VARIABLE) || part.name.contains(VARIABLE);
        if head.contains(VARIABLE) || parts.iter().any(is_ambiguous) {
            return None;
        }
        let (syntax, api_stage) = (Syntax::Json, ApiStage::default());
        Some(Template { syntax, head, parts, api_stage }.with_best_sources())
    }
}

/// A walk over a line that is known to be valid JSON.
struct Learner<'a> {
    line: &'a str,
    at: usize,
    /// Where the literal before the next variable begins.
    since: usize,
    path: Vec<&'a str>,
    names: &'a NameMap,
    parts: Vec<Part>,
}

impl<'a> Learner<'a> {
    fn object(&mut self, head: &mut Option<String>) -> Option<()> {
        self.expect('{')?;
        if self.peek()? == '}' {
            return self.expect('}');
        }
        loop {
            self.skip_space();
            let (from, to) = self.string()?;
            self.path.push(self.line.get(from..to)?);
            self.expect(':')?;
            self.value(head)?;
            self.path.pop();
            match self.peek()? {
                ',' => self.expect(',')?,
                _ => return self.expect('}'),
            }
        }
    }

    fn value(&mut self, head: &mut Option<String>) -> Option<()> {
        match self.peek()? {
            '{' => self.object(head),
            '[' => None,
            '"' => {
                let (from, to) = self.string()?;
                self.variable(from, to, head)
            }
            _ => {
                let from = self.at;
                let rest = self.line.get(from..)?;
                let end = rest.find(|c: char| matches!(c, ',' | '}') || c.is_whitespace())?;
                self.at = from + end;
                self.variable(from, from + end, head)
            }
        }
    }

    /// Notes that `from..to` is a value.
    fn variable(&mut self, from: usize, to: usize, head: &mut Option<String>) -> Option<()> {
        let literal = self.line.get(self.since..from)?.to_owned();
        match self.parts.last_mut() {
            Some(before) => before.literal = literal,
            None => *head = Some(literal),
        }
        let name = self.path.join(".");
        let target = self.names.target(&name);
        self.parts.push(Part { name, target, literal: String::new() });
        self.since = to;
        Some(())
    }

    /// The inside of a string.
    fn string(&mut self) -> Option<(usize, usize)> {
        self.expect('"')?;
        let from = self.at;
        let bytes = self.line.as_bytes();
        loop {
            match bytes.get(self.at)? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        let to = self.at;
        self.expect('"')?;
        Some((from, to))
    }

    fn peek(&mut self) -> Option<char> {
        self.skip_space();
        self.line.get(self.at..)?.chars().next()
    }

    fn expect(&mut self, c: char) -> Option<()> {
        (self.peek()? == c).then(|| self.at += c.len_utf8())
    }

    fn skip_space(&mut self) {
        let rest = self.line.get(self.at..).unwrap_or_default();
        self.at += rest.len() - rest.trim_start().len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: &str) {
        let template = Template::learn(line, &NameMap::default());
        assert_eq!(template.map(|t| t.to_string()).unwrap_or_default(), expected, "`{line}`");
    }

    #[test]
    fn every_scalar_is_a_variable() {
        check(
            r#"{"ip": "1.2.3.4","n":12 , "t":true}"#,
            r#"{"ip": "$context.ip","n":$context.n , "t":$context.t}"#,
        );
        check(
            r#"{"identity":{"sourceIp":"x"},"empty":{},"status":"-"}"#,
            r#"{"identity":{"sourceIp":"$context.identity.sourceIp"},"empty":{},"status":"$context.status"}"#,
        );
        check(r#"{"a":"say \"hi\"","b":1}"#, r#"{"a":"$context.a","b":$context.b}"#);
    }

    #[test]
    fn what_cannot_be_learned() {
        check(r#"{"a":[1]}"#, "");
        check(r#"{"a":1,"a":2}"#, "");
        check(r#"{"a$context.b$context.c":1}"#, "");
        check(r#"{"$context":{"b":1}}"#, "");
        check(r#"{"$context.a":{},"b":1}"#, "");
        check("{}", "");
        check("not JSON", "");
    }
}
