//! A test, a row of a test, or an exception from a test.

use super::attachment::attachment;
use super::setting::{account_id, context};
use crate::file::{
    Axis, By, Case, Expectation, RequestFields, Rows, first_repeated, layer_named, repeated,
};
use crate::place::{Located, did_you_mean};
use crate::read::{Fields, Reader, items};
use crate::yaml::{Kind, Node};

/// The fields of a test.
const TEST: [&str; 11] = [
    "name",
    "principal",
    "request",
    "context",
    "unknown",
    "expect",
    "by",
    "skip",
    "except",
    "rows",
    "policies",
];
/// The fields of a row.
const ROW: [&str; 9] =
    ["name", "principal", "request", "context", "unknown", "expect", "by", "skip", "policies"];
/// The fields of an exception: which cells, and what of them.
const EXCEPTION: [&str; 6] = ["principal", "request", "context", "expect", "by", "skip"];
/// The fields of a request.
const REQUEST: [&str; 7] =
    ["action", "resource", "resourceAccount", "api", "stage", "method", "path"];
/// The fields of `by`, where it is a mapping.
const BY: [&str; 3] = ["layer", "policy", "statement"];

/// Reads the tests of a file.
pub(super) fn tests(reader: &mut Reader<'_>, node: &Node) -> Vec<Case> {
    let Kind::List(nodes) = &node.kind else {
        reader.expected(node, "a list of tests");
        return Vec::new();
    };
    let tests: Vec<Case> = nodes.iter().filter_map(|node| test(reader, node)).collect();
    let mut names: Vec<&Located<String>> = Vec::new();
    for name in tests.iter().filter_map(|test| test.name.as_ref()) {
        if let Some(first) = names.iter().find(|earlier| earlier.value == name.value) {
            let help = format!("the other is in line {}", first.place.position().line);
            reader.advise(name.place.span, format!("two tests named `{}`", name.value), help);
        }
        names.push(name);
    }
    tests
}

fn test(reader: &mut Reader<'_>, node: &Node) -> Option<Case> {
    let fields = reader.fields(node, "a test", &TEST)?;
    let mut test = case(reader, node, fields);
    if test.name.is_none() && fields.value("name").is_none() {
        reader.complain(node.span, "a test without `name`");
    }
    test.rows = fields.value("rows").and_then(|node| rows(reader, node));
    test.except = fields.value("except").map_or(Vec::new(), |node| exceptions(reader, node));
    Some(test)
}

fn rows(reader: &mut Reader<'_>, node: &Node) -> Option<Rows> {
    match &node.kind {
        Kind::List(nodes) => {
            let rows = nodes.iter().filter_map(|node| row(reader, node)).collect();
            Some(Rows::Inline(rows))
        }
        _ => {
            reader.text(node, "the path of a CSV or JSONL file, or a list of rows").map(Rows::File)
        }
    }
}

/// Reads a row: of a list in the test file, or a line of a JSONL file.
pub(crate) fn row(reader: &mut Reader<'_>, node: &Node) -> Option<Case> {
    let fields = reader.fields(node, "a row", &ROW)?;
    Some(case(reader, node, fields))
}

fn exceptions(reader: &mut Reader<'_>, node: &Node) -> Vec<Case> {
    items(node).iter().filter_map(|node| exception(reader, node)).collect()
}

fn exception(reader: &mut Reader<'_>, node: &Node) -> Option<Case> {
    let fields = reader.fields(node, "an exception", &EXCEPTION)?;
    if fields.value("expect").is_none() && fields.value("skip").is_none() {
        let help =
            "say with `expect` how these cells are decided, or with `skip` why not to run them";
        reader.advise(node.span, "an exception without `expect` or `skip`", help);
    }
    Some(case(reader, node, fields))
}

fn case(reader: &mut Reader<'_>, node: &Node, fields: Fields<'_>) -> Case {
    Case {
        place: reader.place(node.span),
        name: fields.text(reader, "name"),
        policies: fields.value("policies").and_then(|node| attachment(reader, node)),
        principal: fields.value("principal").and_then(|node| axis(reader, node, "a principal")),
        request: fields
            .value("request")
            .map_or_else(Default::default, |node| request(reader, node)),
        context: fields.value("context").map_or(Vec::new(), |node| context(reader, node)),
        unknown: fields
            .value("unknown")
            .map_or(Vec::new(), |node| reader.texts(node, "the name of a condition key")),
        expect: fields.text(reader, "expect").and_then(|text| expectation(reader, &text)),
        by: fields.value("by").map_or(Vec::new(), |node| {
            items(node).iter().filter_map(|node| by(reader, node)).collect()
        }),
        skip: fields.text(reader, "skip").and_then(|text| reason(reader, text)),
        except: Vec::new(),
        rows: None,
    }
}

/// One value, or a list of values to try.
fn axis(reader: &mut Reader<'_>, node: &Node, what: &str) -> Option<Axis> {
    let values = reader.texts(node, what);
    let listed = matches!(node.kind, Kind::List(_));
    if listed && values.is_empty() {
        reader.advise(
            node.span,
            "an empty list makes no test",
            format!("give {what}, or remove the field"),
        );
    }
    if let Some(value) = first_repeated(&values) {
        reader.problems.push(repeated(value.place.clone(), &value.value));
    }
    (!values.is_empty()).then_some(Axis { values, listed })
}

fn request(reader: &mut Reader<'_>, node: &Node) -> RequestFields {
    let mut request = RequestFields::default();
    let Some(fields) = reader.fields(node, "`request`", &REQUEST) else { return request };
    for name in REQUEST {
        let read =
            fields.value(name).and_then(|node| axis(reader, node, &format!("a text for `{name}`")));
        if let Some(axis) = request.axis_mut(name) {
            *axis = read;
        }
    }
    check_request(reader, node, &request);
    request
}

/// A request is one for a resource or one for a path.
fn check_request(reader: &mut Reader<'_>, node: &Node, request: &RequestFields) {
    let for_path = request.path.is_some() || request.method.is_some();
    if request.resource.is_some() && for_path {
        let help = "either `action` and `resource`, or `method` and `path`";
        reader.advise(node.span, "a request for both a resource and a path", help);
    }
    for account in request.resource_account.iter().flat_map(|axis| &axis.values) {
        account_id(reader, account);
    }
    for action in request.action.iter().flat_map(|axis| &axis.values) {
        let named = action
            .value
            .split_once(':')
            .is_some_and(|(service, name)| !service.is_empty() && !name.is_empty());
        if !named || action.value.contains(['*', '?']) {
            let message = format!("expected an action, found `{}`", action.value);
            reader.advise(
                action.place.span,
                message,
                "a request has one action, such as `execute-api:Invoke`",
            );
        }
    }
}

/// Reads `allow`, `deny` and so on.
pub(crate) fn expectation(
    reader: &mut Reader<'_>,
    text: &Located<String>,
) -> Option<Located<Expectation>> {
    let names = Expectation::NAMES;
    if let Some((_, expected)) = names.iter().find(|(name, _)| *name == text.value) {
        return Some(reader.located(text.place.span, *expected));
    }
    let message = format!("unknown expectation `{}`", text.value);
    let help =
        did_you_mean(&text.value, names.iter().map(|(name, _)| *name)).unwrap_or_else(|| {
            "expected `allow`, `deny`, `implicit-deny`, `explicit-deny` or `indeterminate`"
                .to_owned()
        });
    reader.advise(text.place.span, message, help);
    None
}

fn reason(reader: &mut Reader<'_>, text: Located<String>) -> Option<Located<String>> {
    if matches!(text.value.trim(), "" | "true" | "yes") {
        let message = format!("expected the reason for skipping, found `{}`", text.value);
        reader.advise(text.place.span, message, "say what must happen before this test can run");
        return None;
    }
    Some(text)
}

fn by(reader: &mut Reader<'_>, node: &Node) -> Option<By> {
    let place = reader.place(node.span);
    if matches!(node.kind, Kind::Scalar { .. }) {
        let statement = reader.text(node, "the Sid or number of a statement")?.value;
        return Some(By { layer: None, policy: None, statement, place });
    }
    let fields = reader.fields(node, "`by`", &BY)?;
    let Some(statement) = fields.text(reader, "statement") else {
        reader.complain(node.span, "`by` without `statement`");
        return None;
    };
    let layer = fields.text(reader, "layer").and_then(|text| layer(reader, &text));
    let policy = fields.text(reader, "policy").map(|text| text.value);
    Some(By { layer, policy, statement: statement.value, place })
}

fn layer(reader: &mut Reader<'_>, text: &Located<String>) -> Option<tollgate_policy::PolicyType> {
    let found = layer_named(&text.value);
    if found.is_none() {
        let names = tollgate_policy::PolicyType::ALL.map(|layer| layer.as_str());
        let help = did_you_mean(&text.value, names)
            .unwrap_or_else(|| format!("known layers: `{}`", names.join("`, `")));
        reader.advise(text.place.span, format!("unknown layer `{}`", text.value), help);
    }
    found
}
