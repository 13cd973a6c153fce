//! How a filter is read.
//!
//! ```text
//! filter     = either { "or" either }
//! either     = one { "and" one }
//! one        = "not" one | "(" filter ")" | comparison
//! comparison = field operator value
//! field      = "status" | "latency" | "caller" | "method" | "route" | "path" | "ip" | "agent"
//!            | "upstream" | "credential" | "api" | "stage" | "error"
//! operator   = "=" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "!~"
//! value      = number | text in double quotes
//! ```

use std::fmt;

use super::{Field, Node, Operand, Operator};

/// Filters nest at most this deep.
const DEPTH_MAX: usize = 32;

const FIELDS: [(&str, Field); 13] = [
    ("status", Field::Status),
    ("latency", Field::Latency),
    ("caller", Field::Caller),
    ("method", Field::Method),
    ("route", Field::Route),
    ("path", Field::Path),
    ("ip", Field::Ip),
    ("agent", Field::Agent),
    ("upstream", Field::Upstream),
    ("credential", Field::Credential),
    ("api", Field::Api),
    ("stage", Field::Stage),
    ("error", Field::Error),
];

/// Longer operators first: `<=` before `<`.
const OPERATORS: [(&str, Operator); 8] = [
    ("!=", Operator::NotEqual),
    ("!~", Operator::ContainsNot),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("~", Operator::Contains),
];

/// Why a text is no filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// Where, in characters from 1.
    pub column: usize,
    /// What was expected there.
    pub expected: String,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {} at column {}", self.expected, self.column)
    }
}

impl std::error::Error for FilterError {}

/// Reads a filter.
pub(super) fn parse(text: &str) -> Result<Node, FilterError> {
    let mut parser = Parser { text, rest: text, depth: 0 };
    let node = parser.either()?;
    match parser.peek() {
        "" => Ok(node),
        _ => Err(parser.expected("`and`, `or` or the end")),
    }
}

struct Parser<'t> {
    text: &'t str,
    rest: &'t str,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn either(&mut self) -> Result<Node, FilterError> {
        let mut nodes = vec![self.all()?];
        while self.word("or") {
            nodes.push(self.all()?);
        }
        Ok(Node::Any(nodes))
    }

    fn all(&mut self) -> Result<Node, FilterError> {
        let mut nodes = vec![self.one()?];
        while self.word("and") {
            nodes.push(self.one()?);
        }
        Ok(Node::All(nodes))
    }

    fn one(&mut self) -> Result<Node, FilterError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.expected("a filter that nests less deeply"));
        }
        let node = if self.word("not") {
            Node::Not(Box::new(self.one()?))
        } else if self.symbol("(") {
            let node = self.either()?;
            if !self.symbol(")") {
                return Err(self.expected("`)`"));
            }
            node
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(node)
    }

    fn comparison(&mut self) -> Result<Node, FilterError> {
        let known = FIELDS.into_iter().find(|(name, _)| self.word(name));
        let Some((_, field)) = known else {
            let names: Vec<String> = FIELDS.iter().map(|(name, _)| format!("`{name}`")).collect();
            return Err(self.expected(&format!("one of the fields {}", names.join(", "))));
        };
        let fits = |operator: Operator| match field.is_number() {
            true => operator.is_for_numbers(),
            false => operator.is_for_text(),
        };
        let before = self.rest;
        let known = OPERATORS.into_iter().find(|(symbol, _)| self.symbol(symbol));
        let Some((_, operator)) = known.filter(|(_, operator)| fits(*operator)) else {
            self.rest = before;
            return Err(self.expected(match field.is_number() {
                true => "one of `=` `!=` `<` `<=` `>` `>=`",
                false => "one of `=` `!=` `~` `!~`",
            }));
        };
        let value = if field.is_number() { self.number()? } else { self.quoted()? };
        Ok(Node::Compare(field, operator, value))
    }

    fn number(&mut self) -> Result<Operand, FilterError> {
        let rest = self.peek();
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        match rest.get(..digits).and_then(|digits| digits.parse().ok()) {
            Some(number) => {
                self.rest = rest.get(digits..).unwrap_or_default();
                Ok(Operand::Number(number))
            }
            None => Err(self.expected("a whole number")),
        }
    }

    fn quoted(&mut self) -> Result<Operand, FilterError> {
        let inside = self.peek().strip_prefix('"').and_then(|rest| rest.split_once('"'));
        match inside {
            Some((text, rest)) => {
                self.rest = rest;
                Ok(Operand::Text(text.to_owned()))
            }
            None => Err(self.expected("text in double quotes")),
        }
    }

    /// Takes a word, if it comes next and ends there.
    fn word(&mut self, word: &str) -> bool {
        let Some(rest) = self.peek().strip_prefix(word) else { return false };
        if rest.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return false;
        }
        self.rest = rest;
        true
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        match self.peek().strip_prefix(symbol) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn peek(&self) -> &'t str {
        self.rest.trim_start()
    }

    fn expected(&self, what: &str) -> FilterError {
        let offset = self.text.len() - self.peek().len();
        let column = self.text.get(..offset).map_or(0, |before| before.chars().count()) + 1;
        FilterError { column, expected: what.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Filter;
    use super::*;

    #[track_caller]
    fn check_error(text: &str, expected: &str) {
        assert_eq!(Filter::parse(text).unwrap_err().to_string(), expected, "{text}");
    }

    #[test]
    fn errors_say_where_and_what() {
        check_error("", &format!("{} at column 1", fields()));
        check_error("state = 5", &format!("{} at column 1", fields()));
        check_error("status = \"5\"", "expected a whole number at column 10");
        check_error("status ~ 5", "expected one of `=` `!=` `<` `<=` `>` `>=` at column 8");
        check_error("caller < \"a\"", "expected one of `=` `!=` `~` `!~` at column 8");
        check_error("caller = ana", "expected text in double quotes at column 10");
        check_error("(status = 5", "expected `)` at column 12");
        check_error("status = 5 status", "expected `and`, `or` or the end at column 12");
    }

    fn fields() -> String {
        let names: Vec<String> = FIELDS.iter().map(|(name, _)| format!("`{name}`")).collect();
        format!("expected one of the fields {}", names.join(", "))
    }

    #[test]
    fn and_binds_more_tightly_than_or() {
        let bare = Filter::parse("status=1 or status=2 and status=3");
        let grouped = Filter::parse("status=1 or (status=2 and status=3)");
        let Ok(Filter(Node::Any(nodes))) = bare else { panic!("{bare:?}") };
        assert_eq!(nodes.len(), 2);
        assert!(grouped.is_ok());
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = format!("{}status=1{}", "(".repeat(500), ")".repeat(500));
        assert!(Filter::parse(&deep).is_err());
    }
}
