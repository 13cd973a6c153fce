//! Patterns with policy variables, taken apart: literal text, wildcards, and `${…}`.
//!
//! Source: IAM User Guide, `reference_policies_variables`.

/// A pattern as tokens, in order. Adjacent literal text is one token, and no literal is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Template {
    /// What the pattern is made of.
    pub tokens: Vec<Token>,
}

/// One piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Token {
    /// Text that stands for itself, `${*}`, `${?}` and `${$}` resolved.
    Literal(String),
    /// `*`: any run of characters, also none.
    AnyRun,
    /// `?`: exactly one character.
    AnyOne,
    /// `${key}` or `${key, 'default'}`: the value of a condition key, taken literally.
    Variable {
        /// The key's name as written; names are case-insensitive.
        key: String,
        /// What stands there when the key is absent; taken literally too.
        default: Option<String>,
    },
}

/// What `${…}` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variables {
    /// A policy variable: the document's version is 2012-10-17 and its place allows variables.
    Substituted,
    /// Ordinary text: the document's version is 2008-10-17.
    Literal,
}

/// A `${…}` that is not a policy variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// Offset of its `$` in the pattern, in bytes.
    pub offset: usize,
    /// What is wrong with it.
    pub kind: TemplateErrorKind,
}

/// What is wrong with a `${…}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateErrorKind {
    /// No `}` follows.
    Unclosed,
    /// `${}`.
    Empty,
    /// The key holds a character that no key has (a quote, a brace, a wildcard).
    Key,
    /// What follows the comma is not a text in single quotes and then `}`.
    Default,
}

impl Template {
    /// Takes a pattern apart.
    ///
    /// # Errors
    ///
    /// The first `${…}` that is no variable, if `variables` are substituted.
    ///
    /// ```
    /// use tollgate_policy::{Template, Token, Variables};
    ///
    /// let template = Template::parse("pets/${aws:username}/*", Variables::Substituted).unwrap();
    /// assert_eq!(template.tokens.len(), 4);
    /// assert_eq!(template.tokens[3], Token::AnyRun);
    /// ```
    pub fn parse(text: &str, variables: Variables) -> Result<Template, TemplateError> {
        let mut template = Template::default();
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            if variables == Variables::Substituted && rest.starts_with("${") {
                let offset = text.len() - rest.len();
                let (token, after) =
                    variable(rest).map_err(|kind| TemplateError { offset, kind })?;
                template.push(token);
                rest = after;
                continue;
            }
            let plain = match next {
                '*' | '?' => {
                    template.push(if next == '*' { Token::AnyRun } else { Token::AnyOne });
                    1
                }
                '$' => {
                    template.push_literal("$");
                    1
                }
                _ => {
                    let end = rest.find(['*', '?', '$']).unwrap_or(rest.len());
                    template.push_literal(rest.get(..end).unwrap_or(rest));
                    end
                }
            };
            rest = rest.get(plain..).unwrap_or("");
        }
        Ok(template)
    }

    /// Whether variables stand in a pattern, without taking it apart.
    ///
    /// # Errors
    ///
    /// The same as those of [`Template::parse`].
    pub fn has_variables(text: &str, variables: Variables) -> Result<bool, TemplateError> {
        let mut found = false;
        let mut rest = text;
        while variables == Variables::Substituted
            && let Some(at) = rest.find("${")
        {
            let (token, after) = variable(rest.get(at..).unwrap_or(""))
                .map_err(|kind| TemplateError { offset: text.len() - rest.len() + at, kind })?;
            found |= matches!(token, Token::Variable { .. });
            rest = after;
        }
        Ok(found)
    }

    /// The same pattern where `*` and `?` stand for themselves, as in `StringEquals`.
    #[must_use]
    pub fn without_wildcards(self) -> Template {
        let mut template = Template::default();
        for token in self.tokens {
            template.push(match token {
                Token::AnyRun => Token::Literal("*".to_owned()),
                Token::AnyOne => Token::Literal("?".to_owned()),
                other => other,
            });
        }
        template
    }

    /// The same pattern for an ARN, complete: one with fewer than six parts means any value of the
    /// parts that are missing.
    ///
    /// Source: IAM User Guide, `reference_identifiers`, of identity policies ("AWS automatically
    /// completes the ARN by adding wildcard characters (*) to all missing fields"). Here every type
    /// of policy is read so **(our choice)**.
    #[must_use]
    pub fn completed_arn(mut self) -> Template {
        if self.is_short_arn() {
            self.push_literal(":");
            self.push(Token::AnyRun);
        }
        self
    }

    /// Whether parts of an ARN are missing. Where a `*` ends the region or the account, none are: it
    /// runs on over colons.
    pub(crate) fn is_short_arn(&self) -> bool {
        let mut colons = 0;
        let mut rest = self.tokens.iter().peekable();
        while let Some(token) = rest.next() {
            match token {
                Token::Literal(text) => colons += text.matches(':').count(),
                Token::AnyRun if colons >= 3 && ends_part(rest.peek().copied()) => return false,
                Token::AnyRun | Token::AnyOne | Token::Variable { .. } => {}
            }
            if colons >= 5 {
                return false;
            }
        }
        true
    }

    /// Whether parts of an ARN are missing, or a `*` within it stands for them: nothing may follow its
    /// end then.
    pub(crate) fn lacks_colons(&self) -> bool {
        let colons = self.tokens.iter().map(|token| match token {
            Token::Literal(text) => text.matches(':').count(),
            Token::AnyRun | Token::AnyOne | Token::Variable { .. } => 0,
        });
        colons.sum::<usize>() < 5
            && (self.is_short_arn() || self.tokens.last() != Some(&Token::AnyRun))
    }

    /// The key of the first variable that stands before so many colons of the pattern's own text.
    pub(crate) fn variable_before_colon(&self, number: usize) -> Option<&str> {
        let mut colons = 0;
        for token in &self.tokens {
            match token {
                Token::Literal(text) => colons += text.matches(':').count(),
                Token::Variable { key, .. } if colons < number => return Some(key),
                Token::Variable { .. } | Token::AnyRun | Token::AnyOne => {}
            }
        }
        None
    }

    /// The keys of its variables, in order.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().filter_map(|token| match token {
            Token::Variable { key, .. } => Some(key.as_str()),
            _ => None,
        })
    }

    fn push(&mut self, token: Token) {
        match token {
            Token::Literal(text) => self.push_literal(&text),
            other => self.tokens.push(other),
        }
    }

    fn push_literal(&mut self, text: &str) {
        match self.tokens.last_mut() {
            Some(Token::Literal(literal)) => literal.push_str(text),
            _ => self.tokens.push(Token::Literal(text.to_owned())),
        }
    }
}

/// Whether a part of an ARN ends before what comes next.
pub(crate) fn ends_part(next: Option<&Token>) -> bool {
    match next {
        None => true,
        Some(Token::Literal(text)) => text.starts_with(':'),
        Some(_) => false,
    }
}

/// Reads the `${…}` at the start of `text`; gives what it is and what follows it.
fn variable(text: &str) -> Result<(Token, &str), TemplateErrorKind> {
    let inside = text.strip_prefix("${").unwrap_or(text);
    let end = inside.find(['}', ',']).ok_or(TemplateErrorKind::Unclosed)?;
    let key = inside.get(..end).unwrap_or("").trim();
    let after = inside.get(end..).unwrap_or("");
    if let Some(rest) = after.strip_prefix('}') {
        return Ok((closed_variable(key)?, rest));
    }
    let key = checked_key(key)?;
    let (default, rest) = default_text(after).ok_or(TemplateErrorKind::Default)?;
    Ok((Token::Variable { key, default: Some(default.to_owned()) }, rest))
}

fn closed_variable(key: &str) -> Result<Token, TemplateErrorKind> {
    Ok(match key {
        "*" | "?" | "$" => Token::Literal(key.to_owned()),
        _ => Token::Variable { key: checked_key(key)?, default: None },
    })
}

fn checked_key(key: &str) -> Result<String, TemplateErrorKind> {
    match key {
        "" => Err(TemplateErrorKind::Empty),
        _ if key.contains(['$', '{', '\'', '"', '*', '?']) => Err(TemplateErrorKind::Key),
        _ => Ok(key.to_owned()),
    }
}

/// Reads `, 'text'}`; gives the text and what follows.
fn default_text(text: &str) -> Option<(&str, &str)> {
    let quoted = text.strip_prefix(',')?.trim_start().strip_prefix('\'')?;
    let (default, rest) = quoted.split_once('\'')?;
    Some((default, rest.trim_start().strip_prefix('}')?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Token::{AnyOne, AnyRun};

    fn literal(text: &str) -> Token {
        Token::Literal(text.to_owned())
    }

    fn variable(key: &str, default: Option<&str>) -> Token {
        Token::Variable { key: key.to_owned(), default: default.map(str::to_owned) }
    }

    #[track_caller]
    fn check(text: &str, expected: &[Token]) {
        let template = Template::parse(text, Variables::Substituted).unwrap();
        assert_eq!(template.tokens, expected, "{text}");
        let found = template.variables().next().is_some();
        assert_eq!(Template::has_variables(text, Variables::Substituted), Ok(found), "{text}");
    }

    #[track_caller]
    fn check_error(text: &str, offset: usize, kind: TemplateErrorKind) {
        let expected = TemplateError { offset, kind };
        assert_eq!(Template::parse(text, Variables::Substituted), Err(expected), "{text}");
        assert_eq!(Template::has_variables(text, Variables::Substituted), Err(expected), "{text}");
    }

    #[test]
    fn literals_and_wildcards() {
        check("", &[]);
        check("a*b?", &[literal("a"), AnyRun, literal("b"), AnyOne]);
        check("$default/{id}", &[literal("$default/{id}")]);
        check("a$", &[literal("a$")]);
    }

    #[test]
    fn variables_with_and_without_default() {
        check("${aws:username}", &[variable("aws:username", None)]);
        check(
            "x/${ aws:PrincipalTag/cost center , 'a}b' }/y",
            &[literal("x/"), variable("aws:PrincipalTag/cost center", Some("a}b")), literal("/y")],
        );
        check("${k:x, ''}", &[variable("k:x", Some(""))]);
    }

    #[test]
    fn escapes_are_literal_text() {
        check("a${*}${?}${$}b*", &[literal("a*?$b"), AnyRun]);
        check("${$}{x}", &[literal("${x}")]);
    }

    #[test]
    fn what_is_no_variable_is_an_error_with_its_place() {
        check_error("ab${", 2, TemplateErrorKind::Unclosed);
        check_error("ab${aws:username", 2, TemplateErrorKind::Unclosed);
        check_error("${}", 0, TemplateErrorKind::Empty);
        check_error("${ }", 0, TemplateErrorKind::Empty);
        check_error("${,'x'}", 0, TemplateErrorKind::Empty);
        check_error("${a${b}}", 0, TemplateErrorKind::Key);
        check_error("${a*}", 0, TemplateErrorKind::Key);
        check_error("${a, b}", 0, TemplateErrorKind::Default);
        check_error("${a, 'b}", 0, TemplateErrorKind::Default);
        check_error("${a, 'b' c}", 0, TemplateErrorKind::Default);
    }

    #[test]
    fn in_a_2008_document_nothing_is_a_variable() {
        let template = Template::parse("${aws:username}*", Variables::Literal).unwrap();
        assert_eq!(template.tokens, [literal("${aws:username}"), AnyRun]);
    }

    #[test]
    fn an_arn_is_completed_unless_a_star_runs_on() {
        let is_short =
            |text: &str| Template::parse(text, Variables::Substituted).unwrap().is_short_arn();
        for short in ["arn:aws:sqs", "arn:*:s3", "arn:aws:s3::${a:b:c:d}", "arn:aws:s3:eu-?"] {
            assert!(is_short(short), "{short}");
        }
        for whole in ["arn:aws:s3:*", "arn:aws:s3:*:b", "arn:aws:s3:::b", "arn:aws:s3:${a}:${b}:c"]
        {
            assert!(!is_short(whole), "{whole}");
        }
        let sqs = Template::parse("arn:aws:sqs", Variables::Literal).unwrap().completed_arn();
        assert_eq!(sqs.tokens, [literal("arn:aws:sqs:"), AnyRun]);
    }

    #[test]
    fn without_wildcards_the_stars_are_text() {
        let template = Template::parse("a*?${*}", Variables::Substituted).unwrap();
        assert_eq!(template.without_wildcards().tokens, [literal("a*?*")]);
    }
}
