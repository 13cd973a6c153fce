//! Policies, account, API, time, principals and context: what applies to all tests of a file.

use jiff::Timestamp;
use tollgate_policy::Principal;

use super::attachment::attachment;
use crate::file::{
    ApiFields, ContextFields, Known, PrincipalFields, Setting, first_repeated, repeated,
};
use crate::place::Located;
use crate::read::{Fields, Reader, items};
use crate::yaml::{Field, Kind, Node};

/// The fields of a setting.
pub(super) const FIELDS: [&str; 6] = ["policies", "account", "api", "now", "principals", "context"];
/// The fields of `api`.
const API: [&str; 5] = ["partition", "region", "account", "id", "stage"];
/// The fields of a principal.
const PRINCIPAL: [&str; 6] = ["arn", "tags", "userId", "issuedBy", "context", "policies"];

/// Reads the fields of a setting.
pub(super) fn setting(reader: &mut Reader<'_>, fields: Fields<'_>) -> Setting {
    Setting {
        policies: fields.value("policies").and_then(|node| attachment(reader, node)),
        account: fields.text(reader, "account"),
        api: fields.value("api").and_then(|node| api(reader, node)),
        now: fields.text(reader, "now").and_then(|text| instant(reader, &text)),
        principals: fields.value("principals").map_or(Vec::new(), |node| principals(reader, node)),
        context: fields.value("context").map_or(Vec::new(), |node| context(reader, node)),
    }
}

fn api(reader: &mut Reader<'_>, node: &Node) -> Option<ApiFields> {
    let fields = reader.fields(node, "`api`", &API)?;
    let account = fields.text(reader, "account");
    if let Some(account) = &account {
        account_id(reader, account);
    }
    Some(ApiFields {
        partition: fields.text(reader, "partition"),
        region: fields.text(reader, "region"),
        account,
        id: fields.text(reader, "id"),
        stage: fields.text(reader, "stage"),
    })
}

/// Notes a problem unless the text is an account's id.
pub(super) fn account_id(reader: &mut Reader<'_>, text: &Located<String>) {
    let id = &text.value;
    if id.len() != 12 || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        let message = format!("expected an account id of twelve digits, found `{id}`");
        reader.complain(text.place.span, message);
    }
}

fn instant(reader: &mut Reader<'_>, text: &Located<String>) -> Option<Located<Timestamp>> {
    match text.value.parse::<Timestamp>() {
        Ok(instant) => Some(reader.located(text.place.span, instant)),
        Err(_) => {
            reader.advise(
                text.place.span,
                format!("expected an instant, found `{}`", text.value),
                "write it as `2026-01-01T00:00:00Z`",
            );
            None
        }
    }
}

fn principals(reader: &mut Reader<'_>, node: &Node) -> Vec<PrincipalFields> {
    let named = reader.map(node, "`principals`").unwrap_or_default();
    named.iter().filter_map(|field| principal(reader, field)).collect()
}

fn principal(reader: &mut Reader<'_>, field: &Field) -> Option<PrincipalFields> {
    let name = reader.located(field.name_span, field.name.clone());
    if matches!(field.value.kind, Kind::Scalar { .. }) {
        let arn = reader.text(&field.value, "a principal's ARN")?;
        check_principal(reader, &arn);
        return Some(PrincipalFields {
            name,
            arn,
            tags: Vec::new(),
            user_id: None,
            issued_by: None,
            context: Vec::new(),
            policies: None,
        });
    }
    let fields = reader.fields(&field.value, "a principal", &PRINCIPAL)?;
    let Some(arn) = fields.text(reader, "arn") else {
        let message = format!("principal `{}` has no `arn`", field.name);
        reader.complain(field.name_span, message);
        return None;
    };
    check_principal(reader, &arn);
    Some(PrincipalFields {
        name,
        arn,
        tags: fields.value("tags").map_or(Vec::new(), |node| tags(reader, node)),
        user_id: fields.text(reader, "userId"),
        issued_by: fields.text(reader, "issuedBy"),
        context: fields.value("context").map_or(Vec::new(), |node| context(reader, node)),
        policies: fields.value("policies").and_then(|node| attachment(reader, node)),
    })
}

fn check_principal(reader: &mut Reader<'_>, text: &Located<String>) {
    if Principal::parse(&text.value).is_none() {
        reader.advise(
            text.place.span,
            format!("expected a principal, found `{}`", text.value),
            "an ARN such as `arn:aws:iam::111122223333:role/dev`, a service, or `anonymous`",
        );
    }
}

fn tags(reader: &mut Reader<'_>, node: &Node) -> Vec<(Located<String>, Located<String>)> {
    let fields = reader.map(node, "`tags`").unwrap_or_default();
    let tag = |field: &Field| {
        let value = reader.text(&field.value, "a tag's value")?;
        Some((reader.located(field.name_span, field.name.clone()), value))
    };
    fields.iter().filter_map(tag).collect()
}

/// Context keys, each with a value or a list of values to try. A value that is itself a list gives
/// the key several values at once; a null says that the key is absent.
pub(super) fn context(reader: &mut Reader<'_>, node: &Node) -> Vec<ContextFields> {
    let fields = reader.map(node, "`context`").unwrap_or_default();
    check_keys(reader, fields);
    fields.iter().map(|field| context_key(reader, field)).collect()
}

/// Names of condition keys do not depend on case, so two that differ in nothing else are one.
fn check_keys(reader: &mut Reader<'_>, fields: &[Field]) {
    for (index, field) in fields.iter().enumerate() {
        let same = |other: &&Field| other.name.eq_ignore_ascii_case(&field.name);
        if let Some(other) = fields.iter().take(index).find(same) {
            let message = format!("`{}` and `{}` are one key", other.name, field.name);
            reader.advise(field.name_span, message, "names of condition keys ignore case");
        }
    }
}

fn context_key(reader: &mut Reader<'_>, field: &Field) -> ContextFields {
    let values: Vec<Located<Known>> =
        items(&field.value).iter().filter_map(|node| known(reader, node)).collect();
    let listed = matches!(field.value.kind, Kind::List(_));
    if values.is_empty() && listed {
        let message = format!("an empty list tries no value of `{}`", field.name);
        reader.advise(field.value.span, message, "write `[[]]` for a key with an empty set");
    }
    if let Some(value) = first_repeated(&values) {
        reader.problems.push(repeated(value.place.clone(), value.place.text()));
    }
    ContextFields { key: reader.located(field.name_span, field.name.clone()), values, listed }
}

fn known(reader: &mut Reader<'_>, node: &Node) -> Option<Located<Known>> {
    let known = match &node.kind {
        _ if node.is_null() => Known::Absent,
        Kind::List(_) => {
            let texts = reader.texts(node, "a value of a condition key");
            Known::Values(texts.into_iter().map(|text| text.value).collect())
        }
        _ => Known::Values(vec![reader.text(node, "a value of a condition key")?.value]),
    };
    Some(reader.located(node.span, known))
}
