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
//! value      = number [ "." digits ] [ "ms" | "s" ] | text in double quotes | "-"
//! ```
//!
//! Fractions and units are those of latencies. `-` is what a row does not have, of any field. It may have
//! quotes, and so may numbers.

use std::fmt;

use tollgate_store::suggestion;

use super::{Field, Node, Operand, Operator};
use crate::call::UNKNOWN_ROUTE;
use crate::dimension::UNTOLD;
use crate::time::milliseconds;

/// Filters nest at most this deep.
const DEPTH_MAX: usize = 32;

pub(super) const FIELDS: [(&str, Field); 13] = [
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
pub(super) const OPERATORS: [(&str, Operator); 8] = [
    ("!=", Operator::NotEqual),
    ("!~", Operator::ContainsNot),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("~", Operator::Contains),
];

/// What others write for it.
const MEANT: [(&str, &str); 10] = [
    ("&&", "and"),
    ("&", "and"),
    ("||", "or"),
    ("|", "or"),
    ("!", "not"),
    ("==", "="),
    ("=~", "~"),
    ("<>", "!="),
    ("=>", ">="),
    ("=<", "<="),
];

/// Why a text is no filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// Where, in characters from 1.
    pub column: usize,
    /// What was expected there.
    pub expected: String,
    /// What may have been meant, if that is known.
    pub help: Option<String>,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {} at column {}", self.expected, self.column)?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, "; {help}"))
    }
}

impl std::error::Error for FilterError {}

/// Reads a filter.
pub(super) fn parse(text: &str) -> Result<Node, FilterError> {
    let mut parser = Parser { text, rest: text, depth: 0 };
    let node = parser.either()?;
    match parser.peek() {
        "" => Ok(node),
        _ => Err(parser.expected_word("`and`, `or` or the end", &["and", "or"])),
    }
}

struct Parser<'t> {
    text: &'t str,
    rest: &'t str,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn either(&mut self) -> Result<Node, FilterError> {
        self.joined("or", Self::all, Node::Any)
    }

    fn all(&mut self) -> Result<Node, FilterError> {
        self.joined("and", Self::one, Node::All)
    }

    /// Parts with a word between them; a single one is that itself.
    fn joined(
        &mut self,
        word: &str,
        part: fn(&mut Self) -> Result<Node, FilterError>,
        join: fn(Vec<Node>) -> Node,
    ) -> Result<Node, FilterError> {
        let first = part(self)?;
        let mut others = Vec::new();
        while self.word(word) {
            others.push(part(self)?);
        }
        if others.is_empty() {
            return Ok(first);
        }
        Ok(join([vec![first], others].concat()))
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
        let Some((_, field)) = known else { return Err(self.expected_field()) };
        let operator = self.operator(field)?;
        let value = match (operator, field.is_number()) {
            (Operator::Equal | Operator::NotEqual, _) if self.untold() => {
                Operand::Text(UNTOLD.into())
            }
            (_, true) => self.number_or_quoted(field)?,
            (_, false) => self.quoted()?,
        };
        let field = if is_call(field, operator, &value) { Field::Call } else { field };
        Ok(Node::Compare(field, operator, value))
    }

    fn operator(&mut self, field: Field) -> Result<Operator, FilterError> {
        let fits = |operator: Operator| match field.is_number() {
            true => operator.is_for_numbers(),
            false => operator.is_for_text(),
        };
        let meant = meant(self.run());
        let before = self.rest;
        let known = OPERATORS.into_iter().find(|(symbol, _)| self.symbol(symbol));
        if let Some((_, operator)) = known.filter(|(_, it)| fits(*it) && meant.is_none()) {
            return Ok(operator);
        }
        self.rest = before;
        Err(match field.is_number() {
            true => self.expected_one_of(&["=", "!=", "<", "<=", ">", ">="]),
            false => self.expected_one_of(&["=", "!=", "~", "!~"]),
        })
    }

    /// Takes what stands for what a row does not have, with its quotes if it has some.
    fn untold(&mut self) -> bool {
        self.symbol("\"-\"") || self.word(UNTOLD)
    }

    fn number_or_quoted(&mut self, field: Field) -> Result<Operand, FilterError> {
        let is_quoted = self.symbol("\"");
        let number = self.number(field)?;
        match !is_quoted || self.symbol("\"") {
            true => Ok(number),
            false => Err(self.expected("the end of the quotes")),
        }
    }

    fn number(&mut self, field: Field) -> Result<Operand, FilterError> {
        let start = self.peek();
        let is_latency = field == Field::Latency;
        let of_number = |c: char| c.is_ascii_digit() || is_latency && c == '.';
        let after = start.trim_start_matches(of_number);
        let number = start.strip_suffix(after).unwrap_or_default();
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        if whole.is_empty() || part.is_empty() || part.contains('.') || after.starts_with('.') {
            return Err(self.expected(if is_latency { "a number" } else { "a whole number" }));
        }
        self.rest = after;
        let read = match is_latency {
            true => milliseconds(number, self.unit()?),
            false => number.parse().ok(),
        };
        read.map(Operand::Number).ok_or_else(|| {
            self.rest = start;
            self.expected(match number.contains('.') {
                true => "a whole number of milliseconds",
                false => "a smaller number",
            })
        })
    }

    /// Takes the unit of a latency, and tells its milliseconds.
    fn unit(&mut self) -> Result<u64, FilterError> {
        if self.word("ms") {
            Ok(1)
        } else if self.word("s") {
            Ok(1000)
        } else if self.rest.starts_with(char::is_alphabetic) {
            Err(self.expected("`ms` or `s`"))
        } else {
            Ok(1)
        }
    }

    fn quoted(&mut self) -> Result<Operand, FilterError> {
        let Some(inside) = self.peek().strip_prefix('"') else {
            return Err(self.expected("text in double quotes"));
        };
        let Some((text, rest)) = inside.split_once('"') else {
            let help = "it begins there and has no end: put a `\"` after it";
            let error = self.expected("text in double quotes");
            return Err(FilterError { help: Some(help.to_owned()), ..error });
        };
        self.rest = rest;
        Ok(Operand::Text(text.to_owned()))
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

    /// The word or the run of symbols that comes next.
    fn run(&self) -> &'t str {
        let rest = self.peek();
        let symbol = |c: char| "&|!=<>~".contains(c);
        let after = match rest.starts_with(symbol) {
            true => rest.trim_start_matches(symbol),
            false => rest.trim_start_matches(char::is_alphanumeric),
        };
        rest.strip_suffix(after).unwrap_or_default()
    }

    fn expected(&self, what: &str) -> FilterError {
        let offset = self.text.len() - self.peek().len();
        let column = self.text.get(..offset).map_or(0, |before| before.chars().count()) + 1;
        FilterError { column, expected: what.to_owned(), help: None }
    }

    fn expected_field(&self) -> FilterError {
        let fields = FIELDS.map(|(name, _)| name);
        let what = format!("one of the fields `{}`", fields.join("`, `"));
        self.expected_word(&what, &[&fields[..], &["not"]].concat())
    }

    /// Suggests the word that is nearest, or meant by the symbols.
    fn expected_word(&self, what: &str, words: &[&str]) -> FilterError {
        let help = self.help(words).or_else(|| suggestion(self.run(), words.iter().copied()));
        FilterError { help, ..self.expected(what) }
    }

    fn expected_one_of(&self, symbols: &[&str]) -> FilterError {
        let what = format!("one of `{}`", symbols.join("` `"));
        FilterError { help: self.help(symbols), ..self.expected(&what) }
    }

    /// What others write so, if it is possible here.
    fn help(&self, possible: &[&str]) -> Option<String> {
        let meant = meant(self.run()).filter(|meant| possible.contains(meant))?;
        Some(format!("did you mean `{meant}`?"))
    }
}

/// Whether a route is compared as reports print it, with its method: `GET /users`, or a part that begins
/// there.
fn is_call(field: Field, operator: Operator, value: &Operand) -> bool {
    let Operand::Text(text) = value else { return false };
    let (method, route) = text.split_once(' ').unwrap_or((text, ""));
    let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_method = method == UNTOLD || !method.is_empty() && is_word(method);
    let is_part = matches!(operator, Operator::Contains | Operator::ContainsNot);
    let is_route = is_part || route == UNKNOWN_ROUTE || route.starts_with(['/', '$']);
    field == Field::Route && is_method && is_route
}

fn meant(written: &str) -> Option<&'static str> {
    MEANT.iter().find(|(others, _)| *others == written).map(|(_, ours)| *ours)
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
        check_error("state = 5", &format!("{} at column 1; did you mean `stage`?", fields()));
        check_error("colour = 5", &format!("{} at column 1", fields()));
        check_error("status = \"Forbidden\"", "expected a whole number at column 11");
        check_error("status = \"403 or status = 5", "expected the end of the quotes at column 15");
        check_error("status ~ 5", "expected one of `=` `!=` `<` `<=` `>` `>=` at column 8");
        check_error("caller < \"a\"", "expected one of `=` `!=` `~` `!~` at column 8");
        check_error("caller = ana", "expected text in double quotes at column 10");
        let open = "expected text in double quotes at column 10; it begins there and has no end: put a \
                    `\"` after it";
        check_error("caller = \"ana or status=5", open);
        check_error("(status = 5", "expected `)` at column 12");
        check_error("status = 5 status", "expected `and`, `or` or the end at column 12");
    }

    #[test]
    fn errors_say_what_was_meant() {
        let boundary = "expected `and`, `or` or the end at column 10; did you mean";
        check_error("status=5 AND status=6", &format!("{boundary} `and`?"));
        check_error("status=5 Or status=6", &format!("{boundary} `or`?"));
        check_error("status=5 && status=6", &format!("{boundary} `and`?"));
        check_error("status=5 || status=6", &format!("{boundary} `or`?"));
        let numbers = "expected one of `=` `!=` `<` `<=` `>` `>=` at column 7; did you mean";
        check_error("status==5", &format!("{numbers} `=`?"));
        check_error("status<>5", &format!("{numbers} `!=`?"));
        check_error("status=>5", &format!("{numbers} `>=`?"));
        check_error("status=~5", numbers.strip_suffix("; did you mean").unwrap());
        let texts = "expected one of `=` `!=` `~` `!~` at column 8; did you mean";
        check_error("caller == \"ana\"", &format!("{texts} `=`?"));
        check_error("caller =~ \"ana\"", &format!("{texts} `~`?"));
        let field = |column| format!("{} at column {column}; did you mean", fields());
        check_error("STATUS = 5", &format!("{} `status`?", field(1)));
        check_error("status=5 or stauts=6", &format!("{} `status`?", field(13)));
        check_error("methd = \"GET\"", &format!("{} `method`?", field(1)));
        check_error("NOT status=5", &format!("{} `not`?", field(1)));
        check_error("!(status=5)", &format!("{} `not`?", field(1)));
    }

    #[track_caller]
    fn check_number(text: &str, expected: u64) {
        let first = match parse(text).unwrap() {
            Node::All(nodes) => nodes[0].clone(),
            node => node,
        };
        let Node::Compare(.., Operand::Number(number)) = first else { panic!("{text}") };
        assert_eq!(number, expected, "{text}");
    }

    #[test]
    fn numbers_may_have_quotes() {
        check_number("status=\"403\"", 403);
        check_number("status >= \" 400 \" and latency>2", 400);
        check_number("latency > \"15\"", 15);
    }

    #[test]
    fn latencies_may_have_units() {
        check_number("latency>2", 2);
        check_number("latency>2ms", 2);
        check_number("latency>2s", 2000);
        check_number("latency>1.5s", 1500);
        check_number("latency>1.0250 s", 1025);
        check_number("latency>1.0ms", 1);
        check_number("latency > 2 s and status=5", 2000);
        check_number("latency>2s and(status=5)", 2000);
        check_number("latency > \"1.5 s\" and status=5", 1500);
        check_error("latency>2m", "expected `ms` or `s` at column 10");
        check_error("latency>2sec", "expected `ms` or `s` at column 10");
        check_error("latency>2..5s", "expected a number at column 9");
        check_error("latency>2.s", "expected a number at column 9");
        check_error("latency>.5s", "expected a number at column 9");
        check_error("status>2.5", "expected a whole number at column 8");
        for fraction in ["1.5ms", "1.5", "0.0001s"] {
            let expected = "expected a whole number of milliseconds at column 9";
            check_error(&format!("latency>{fraction}"), expected);
        }
        check_error(&format!("latency>{}s", u64::MAX), "expected a smaller number at column 9");
        check_error("status>2s", "expected `and`, `or` or the end at column 9");
    }

    fn fields() -> String {
        let names: Vec<String> = FIELDS.iter().map(|(name, _)| format!("`{name}`")).collect();
        format!("expected one of the fields {}", names.join(", "))
    }

    #[test]
    fn and_binds_more_tightly_than_or() {
        let bare = parse("status=1 or status=2 and status=3");
        assert_eq!(bare, parse("status=1 or (status=2 and status=3)"));
        assert_ne!(bare, parse("(status=1 or status=2) and status=3"));
    }

    #[test]
    fn what_a_row_does_not_have_is_a_dash_of_any_field() {
        for (name, field) in FIELDS {
            let absent = Node::Compare(field, Operator::Equal, Operand::Text(UNTOLD.to_owned()));
            for text in ["=-", " = - ", "=\"-\""] {
                assert_eq!(parse(&format!("{name}{text}")), Ok(absent.clone()), "{name}{text}");
            }
        }
        assert!(parse("not (status != - and error = -)").is_ok());
        check_error("status > -", "expected a whole number at column 10");
        check_error("latency = -5", "expected a number at column 11");
        check_error("error ~ -", "expected text in double quotes at column 9");
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = format!("{}status=1{}", "(".repeat(500), ")".repeat(500));
        assert!(Filter::parse(&deep).is_err());
    }
}
