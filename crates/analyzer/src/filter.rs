//! Which rows count: a little language, `status >= 400 and caller ~ "release"`.
//!
//! `~` means "contains". A field that the row does not have satisfies no comparison, except that `!=` and
//! `!~` hold: it is not that. Reports print it as `-`, and it is equal to that. Callers may be written as
//! reports print them, `user/ana` or `role/web` for all sessions of a role, and routes, too, `GET /users`,
//! of which `~` finds parts. Latencies are milliseconds unless a unit follows, `latency > 1.5s`: the
//! response's, or the integration's where that is not told.

mod callers;
mod found;
mod hint;
mod parse;
mod write;

use std::borrow::Cow;
use std::cmp::Ordering;

use tollgate_log::Projection;
use tollgate_store::{Account, ApiEntry};

use crate::call::{self, Configured, Forwarded};
use crate::dimension::UNTOLD;
use crate::rows::Row;

pub use found::Found;
pub(crate) use found::Watch;
pub use parse::FilterError;

/// A filter, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(Node);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Any(Vec<Node>),
    All(Vec<Node>),
    Not(Box<Node>),
    Compare(Field, Operator, Operand),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Status,
    Latency,
    Caller,
    Method,
    Route,
    /// The method and the route, as reports print them: `GET /users`. It is written `route`, too.
    Call,
    Path,
    Ip,
    Agent,
    Upstream,
    Credential,
    Api,
    Stage,
    Error,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
    ContainsNot,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Operand {
    Number(u64),
    Text(String),
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// The first place at which the text is not one, and what was expected there.
    pub fn parse(text: &str) -> Result<Filter, FilterError> {
        parse::parse(text).map(Filter)
    }

    /// The columns that it alone may look at.
    pub(crate) fn columns(&self) -> Projection {
        let mut columns = Projection::NONE;
        self.0.each_field(&mut |field| columns = columns.union(field.columns()));
        columns
    }

    /// Whether a row counts. The account may know the callers that a log names by unique ids alone.
    pub(crate) fn matches(&self, row: Row<'_, '_>, account: Option<&Account>) -> bool {
        self.0.holds(row, account)
    }
}

impl Node {
    fn each_field(&self, each: &mut impl FnMut(Field)) {
        match self {
            Node::Any(nodes) | Node::All(nodes) => nodes.iter().for_each(|it| it.each_field(each)),
            Node::Not(node) => node.each_field(each),
            Node::Compare(field, ..) => each(*field),
        }
    }

    fn holds(&self, row: Row<'_, '_>, account: Option<&Account>) -> bool {
        match self {
            Node::Any(nodes) => nodes.iter().any(|node| node.holds(row, account)),
            Node::All(nodes) => nodes.iter().all(|node| node.holds(row, account)),
            Node::Not(node) => !node.holds(row, account),
            Node::Compare(field, operator, Operand::Number(number)) => {
                operator.holds_for_number(field.number(row), *number)
            }
            Node::Compare(field, operator, Operand::Text(text)) => {
                let found = field.text(row, account);
                operator.holds_for_text(found.as_deref(), text, *field)
            }
        }
    }
}

impl Field {
    /// The column that it is, if nothing else is made of that.
    fn columns(self) -> Projection {
        match self {
            Field::Ip => Projection::of([tollgate_log::Field::SourceIp]),
            Field::Agent => Projection::of([tollgate_log::Field::UserAgent]),
            _ => Projection::NONE,
        }
    }

    fn is_number(self) -> bool {
        matches!(self, Field::Status | Field::Latency)
    }

    fn number(self, row: Row<'_, '_>) -> Option<u64> {
        match self {
            Field::Status => row.status().map(u64::from),
            _ => row.response_latency().or_else(|| row.integration_latency()),
        }
    }

    /// What reports show, which the account may tell where the row does not.
    fn text<'a>(self, row: Row<'_, 'a>, account: Option<&'a Account>) -> Option<Cow<'a, str>> {
        let api = || account.and_then(|account| call::api(account, row));
        let told = match self {
            Field::Caller => return Some(call::caller(row, account)),
            Field::Route => return Some(route(row, api())),
            Field::Call => {
                let method = call::method(row).unwrap_or(UNTOLD);
                return Some([method, " ", &route(row, api())].concat().into());
            }
            Field::Upstream => forwarded(row, api()).upstream,
            Field::Credential => forwarded(row, api()).credential,
            Field::Method => call::method(row),
            Field::Path => call::path(row, api()),
            Field::Ip => row.source_ip(),
            Field::Agent => row.user_agent(),
            Field::Api => row.api_id(),
            Field::Stage => row.stage(),
            Field::Error => row.error_type(),
            Field::Status | Field::Latency => {
                return self.number(row).map(|number| number.to_string().into());
            }
        };
        told.map(Cow::Borrowed)
    }

    /// Whether a value is called so, or a part of it is.
    fn contains(self, value: &str, wanted: &str) -> bool {
        value.contains(wanted) || self == Field::Caller && callers::is_called(value, wanted)
    }

    /// Whether a value is called so.
    fn is(self, value: &str, wanted: &str) -> bool {
        match self {
            Field::Caller if wanted == UNTOLD => value == call::ANONYMOUS,
            Field::Caller => callers::is_called(value, wanted),
            Field::Route if wanted == UNTOLD => value == call::UNKNOWN_ROUTE,
            _ => value == wanted,
        }
    }
}

/// The route that a call is counted under, without the method.
fn route<'a>(row: Row<'_, 'a>, api: Option<&'a ApiEntry>) -> Cow<'a, str> {
    let configured = call::configured_route(row).map(Configured::of);
    let method = call::method(row).unwrap_or("-");
    match call::route(configured, api, method, call::path(row, api)) {
        Ok(route) => Cow::Borrowed(route),
        Err(path) => Cow::Owned(call::generalise(path).collect()),
    }
}

fn forwarded<'a>(row: Row<'_, 'a>, api: Option<&'a ApiEntry>) -> Forwarded<'a> {
    call::forwarded(row, api, call::method(row).unwrap_or("-"), call::path(row, api))
}

impl Operator {
    fn is_for_text(self) -> bool {
        use Operator::{Contains, ContainsNot, Equal, NotEqual};
        matches!(self, Equal | NotEqual | Contains | ContainsNot)
    }

    fn is_for_numbers(self) -> bool {
        !matches!(self, Operator::Contains | Operator::ContainsNot)
    }

    fn holds_for_number(self, found: Option<u64>, wanted: u64) -> bool {
        let Some(order) = found.map(|found| found.cmp(&wanted)) else {
            return self == Operator::NotEqual;
        };
        match self {
            Operator::Equal => order == Ordering::Equal,
            Operator::NotEqual => order != Ordering::Equal,
            Operator::Less => order == Ordering::Less,
            Operator::LessOrEqual => order != Ordering::Greater,
            Operator::Greater => order == Ordering::Greater,
            Operator::GreaterOrEqual => order != Ordering::Less,
            Operator::Contains | Operator::ContainsNot => false,
        }
    }

    fn holds_for_text(self, found: Option<&str>, wanted: &str, field: Field) -> bool {
        let contains = || found.is_some_and(|found| field.contains(found, wanted));
        let is = || found.map_or(wanted == UNTOLD, |found| field.is(found, wanted));
        match self {
            Operator::Equal => is(),
            Operator::NotEqual => !is(),
            Operator::Contains => contains(),
            _ => !contains(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_row_does_not_have_is_not_anything() {
        let holds =
            |operator: Operator, wanted| operator.holds_for_text(None, wanted, Field::Stage);
        assert!(!holds(Operator::Equal, ""));
        assert!(holds(Operator::NotEqual, "x"));
        assert!(holds(Operator::Equal, "-"));
        assert!(!holds(Operator::NotEqual, "-"));
        assert!(!holds(Operator::Contains, "-"));
        assert!(Field::Caller.is("anonymous", "-") && !Field::Caller.is("user/ana", "-"));
        assert!(Field::Route.is("(unknown)", "-") && !Field::Route.is("/users", "-"));
        assert!(!Operator::Less.holds_for_number(None, 5));
        assert!(Operator::NotEqual.holds_for_number(None, 5));
    }
}
