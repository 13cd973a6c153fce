//! Rows: cases that each complete the test that they belong to.

use std::borrow::Cow;
use std::fmt::Write;

use super::Resolve;
use crate::file::{Case, Rows};
use crate::place::Problem;

/// The rows of a test; `None` if it has none to have.
pub(super) fn rows<'a>(
    test: &'a Case,
    resolve: &mut dyn Resolve,
) -> Result<Option<Cow<'a, [Case]>>, Vec<Problem>> {
    let (rows, place) = match &test.rows {
        None => return Ok(None),
        Some(Rows::Inline(rows)) => (Cow::Borrowed(rows.as_slice()), &test.place),
        Some(Rows::File(path)) => (Cow::Owned(resolve.rows(path)?), &path.place),
    };
    if rows.is_empty() {
        return Err(vec![Problem::at(place.clone(), "no rows, so this test tests nothing")]);
    }
    Ok(Some(rows))
}

/// The test as its row completes it: what the row says replaces what the test says.
pub(super) fn merge(test: &Case, row: &Case) -> Case {
    let mut merged = Case { rows: None, except: Vec::new(), ..test.clone() };
    merged.place = row.place.clone();
    replace(&mut merged.policies, &row.policies);
    replace(&mut merged.principal, &row.principal);
    replace(&mut merged.expect, &row.expect);
    replace(&mut merged.skip, &row.skip);
    for (name, axis) in row.request.axes() {
        if let (Some(field), Some(axis)) = (merged.request.axis_mut(name), axis) {
            *field = Some(axis.clone());
        }
    }
    for field in &row.context {
        merged.context.retain(|held| !held.key.value.eq_ignore_ascii_case(&field.key.value));
        merged.context.push(field.clone());
    }
    merged.unknown.extend(row.unknown.iter().cloned());
    if !row.by.is_empty() {
        merged.by.clone_from(&row.by);
    }
    merged
}

fn replace<T: Clone>(field: &mut Option<T>, replacement: &Option<T>) {
    if replacement.is_some() {
        field.clone_from(replacement);
    }
}

/// What a row is called: by its name, else by the values that it gives.
pub(super) fn id(test: &str, row: &Case) -> String {
    if let Some(name) = &row.name {
        return format!("{test}::{}", name.value);
    }
    let mut id = test.to_owned();
    let mut separator = "::";
    let mut add = |name: &str, value: &str| {
        let _ = write!(id, "{separator}{name}={value}");
        separator = ", ";
    };
    let given = |(name, axis)| {
        Some((name, Option::filter(axis, |axis: &&crate::file::Axis| !axis.listed)?))
    };
    let principal = ("principal", row.principal.as_ref());
    for (name, axis) in std::iter::once(principal).chain(row.request.axes()).filter_map(given) {
        for value in &axis.values {
            add(name, &value.value);
        }
    }
    for field in row.context.iter().filter(|field| !field.listed) {
        for value in &field.values {
            add(&field.key.value, &super::choice::show(&value.value));
        }
    }
    id
}
