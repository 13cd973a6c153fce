//! How a filter is written: as it could have been typed, whatever spaces and brackets it was typed with.

use std::fmt::{self, Display, Formatter};

use super::parse::{FIELDS, OPERATORS};
use super::{Field, Filter, Node, Operand};

impl Display for Filter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Display for Node {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Node::Any(nodes) => joined(f, nodes, " or ", |node| matches!(node, Node::Any(_))),
            Node::All(nodes) => joined(f, nodes, " and ", Node::has_parts),
            Node::Not(node) if node.has_parts() => write!(f, "not ({node})"),
            Node::Not(node) => write!(f, "not {node}"),
            Node::Compare(field, operator, operand) => {
                let field = if *field == Field::Call { &Field::Route } else { field };
                let field = FIELDS.into_iter().find(|(_, known)| known == field);
                let operator = OPERATORS.into_iter().find(|(_, known)| known == operator);
                let [field, operator] =
                    [field.map(|(name, _)| name), operator.map(|(symbol, _)| symbol)];
                write!(f, "{} {} ", field.unwrap_or_default(), operator.unwrap_or_default())?;
                match operand {
                    Operand::Number(number) => write!(f, "{number}"),
                    Operand::Text(text) => write!(f, "\"{text}\""),
                }
            }
        }
    }
}

impl Node {
    fn has_parts(&self) -> bool {
        matches!(self, Node::Any(_) | Node::All(_))
    }
}

/// Writes nodes with a word between them, and brackets around some.
fn joined(
    f: &mut Formatter<'_>,
    nodes: &[Node],
    word: &str,
    in_brackets: impl Fn(&Node) -> bool,
) -> fmt::Result {
    for (at, node) in nodes.iter().enumerate() {
        f.write_str(if at == 0 { "" } else { word })?;
        match in_brackets(node) {
            true => write!(f, "({node})")?,
            false => node.fmt(f)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(typed: &str, written: &str) {
        let filter = Filter::parse(typed).unwrap();
        assert_eq!(filter.to_string(), written);
        assert_eq!(Filter::parse(written), Ok(filter));
    }

    #[test]
    fn a_filter_is_written_so_that_it_is_read_as_the_same() {
        check("status=200", "status = 200");
        check("latency>2s", "latency > 2000");
        check("caller!~\"a b\"", "caller !~ \"a b\"");
        check("status>=400 and(ip=\"::1\")", "status >= 400 and ip = \"::1\"");
        check("status=1 or status=2 and status=3", "status = 1 or status = 2 and status = 3");
        check("(status=1 or status=2)and status=3", "(status = 1 or status = 2) and status = 3");
        check("status=- or error!=-", "status = \"-\" or error != \"-\"");
        check("not(status=1 and status=2)", "not (status = 1 and status = 2)");
        check("not not status=1", "not not status = 1");
        check("route!=\"GET /users\"", "route != \"GET /users\"");
        check("route~\"/users\"", "route ~ \"/users\"");
        check("(status=1 or status=2) or status=3", "(status = 1 or status = 2) or status = 3");
        check("status=1 and (status=2 and status=3)", "status = 1 and (status = 2 and status = 3)");
    }
}
