//! What may help where no call satisfies a comparison, and nothing of what calls have is near.

use super::{Field, Filter, Node, Operand, Operator, callers};
use crate::text::quoted;

/// A sentence after a blank, for a comparison as it could have been typed.
pub(super) fn of(comparison: &str) -> Option<String> {
    let Filter(node) = Filter::parse(comparison).ok()?;
    let Node::Compare(field, operator, Operand::Text(text)) = &node else { return None };
    let hint = match (field, operator) {
        (Field::Route, _) => of_route(text)?,
        (Field::Call, _) => of_route(text.split_once(' ').map_or(&**text, |(_, route)| route))?,
        (Field::Path, Operator::Equal) => {
            "A path is told without its stage; `~` finds parts of one.".to_owned()
        }
        (Field::Agent, Operator::Equal) => {
            format!("An agent is told in full; {}", part(*field, text))
        }
        (Field::Ip, _) if text.contains('/') => {
            format!("It is an address and no network; {}", part(*field, start(text)))
        }
        _ => return None,
    };
    Some(format!(" {hint}"))
}

/// A sentence for a comparison with some sessions of a role, which is one with all of them.
pub(super) fn of_sessions(comparison: &str) -> Option<String> {
    let Filter(node) = Filter::parse(comparison).ok()?;
    let Node::Compare(Field::Caller, Operator::Equal, Operand::Text(name)) = node else {
        return None;
    };
    let role = format!("role/{}", callers::all_sessions(&name)?);
    let [comparison, role] = [comparison, &role].map(quoted);
    Some(format!("{comparison} of `--filter` is all sessions of the role, as {role} is."))
}

/// What is written as a route and may be a path.
fn of_route(route: &str) -> Option<String> {
    if !route.starts_with('/') || route.contains('{') {
        return None;
    }
    let longest = route.split('*').max_by_key(|piece| piece.len()).unwrap_or_default();
    Some(match route.contains('*') {
        true => format!("A `*` stands for itself; {}", part(Field::Path, longest)),
        false => format!("What was called along a route is {}.", compared("path", "=", route)),
    })
}

/// That `~` finds a part.
fn part(field: Field, text: &str) -> String {
    let field = match field {
        Field::Agent => "agent",
        Field::Ip => "ip",
        _ => "path",
    };
    format!("`~` finds parts: {}.", compared(field, "~", text))
}

fn compared(field: &str, operator: &str, text: &str) -> String {
    quoted(&format!("{field} {operator} \"{text}\""))
}

/// How all addresses of a network begin, as far as whole parts of them are the same.
fn start(network: &str) -> &str {
    let (address, bits) = network.split_once('/').unwrap_or((network, ""));
    let same = bits.parse::<usize>().unwrap_or_default() / 8;
    let ends = address.match_indices('.').map(|(at, _)| at + 1).take(same);
    let start = ends.last().and_then(|end| address.get(..end));
    start.or(address.strip_suffix(':')).unwrap_or(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(comparison: &str, expected: Option<&str>) {
        let expected = expected.map(|hint| format!(" {hint}"));
        assert_eq!(of(comparison), expected, "{comparison}");
    }

    #[test]
    fn what_is_no_route_may_be_a_path() {
        check(
            "route = \"GET /repos/acme/site\"",
            Some("What was called along a route is `path = \"/repos/acme/site\"`."),
        );
        check(
            "route = \"GET /repos/*/issues/*\"",
            Some("A `*` stands for itself; `~` finds parts: `path ~ \"/issues/\"`."),
        );
        check(
            "route ~ \"/repos/*\"",
            Some("A `*` stands for itself; `~` finds parts: `path ~ \"/repos/\"`."),
        );
        check("route = \"GET /repos/{owner}\"", None);
        check(
            "route ~ \"GET /repos/acme\"",
            Some("What was called along a route is `path = \"/repos/acme\"`."),
        );
        check("route = \"GET\"", None);
        check("caller = \"ana\"", None);
    }

    #[test]
    fn some_sessions_of_a_role_are_all_of_them() {
        let said = "`caller = \"web (2 sessions)\"` of `--filter` is all sessions of the role, as `role/web` \
                    is.";
        assert_eq!(of_sessions("caller = \"web (2 sessions)\"").as_deref(), Some(said));
        assert_eq!(of_sessions("caller = \"web (123456789012)\""), None);
        assert_eq!(of_sessions("agent = \"web (2 sessions)\""), None);
    }

    #[test]
    fn what_is_told_in_full_is_found_by_a_part() {
        check(
            "path = \"/prod/users\"",
            Some("A path is told without its stage; `~` finds parts of one."),
        );
        check(
            "agent = \"Mozilla\"",
            Some("An agent is told in full; `~` finds parts: `agent ~ \"Mozilla\"`."),
        );
        let network = "It is an address and no network; `~` finds parts: `ip ~ \"10.20.\"`.";
        check("ip = \"10.20.0.0/16\"", Some(network));
        check("ip ~ \"10.20.30.0/20\"", Some(network));
        let network = network.replace("10.20.", "2001:db8:");
        check("ip = \"2001:db8::/32\"", Some(&network));
        check("agent ~ \"Mozilla\"", None);
        check("ip = \"10.20.0.1\"", None);
    }
}
