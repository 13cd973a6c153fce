//! One field of a secret that is a JSON object.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::value::RawValue;
use tollgate_literals::told;
use zeroize::Zeroizing;

use super::SourceError;

/// The text of a field. The object is not copied on the way.
pub(super) fn field_of(
    json: &str,
    field: &str,
    place: impl fmt::Display,
) -> Result<Zeroizing<String>, SourceError> {
    let shown = told(field);
    // An error of serde could repeat a part of the secret.
    let fields: BTreeMap<&str, &RawValue> = serde_json::from_str(json).map_err(|_| {
        let why = format!("expected a JSON object with the field `{shown}`, found something else");
        SourceError::unfit(&place, why)
    })?;
    let value = fields.get(field).ok_or_else(|| {
        let names: Vec<String> = fields.keys().map(|name| format!("`{name}`")).collect();
        let names = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        SourceError::missing(format!("{place}: no field `{shown}`, only {names}"))
    })?;
    serde_json::from_str(value.get())
        .map_err(|_| SourceError::unfit(&place, format!("field `{shown}` is not a text")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expected: Result<&str, &str>) {
        let actual = field_of(json, "token", "here");
        let actual = actual.as_ref().map(|text| text.as_str()).map_err(ToString::to_string);
        assert_eq!(actual, expected.map_err(str::to_owned));
    }

    #[test]
    fn a_field_is_a_text() {
        check(r#"{"user": "ana", "token": "van\u0069lla"}"#, Ok("vanilla"));
        check(r#"{"token": 7}"#, Err("here: field `token` is not a text"));
        check(r#"{"token": null}"#, Err("here: field `token` is not a text"));
    }

    #[test]
    fn a_field_that_is_not_there_lists_the_others() {
        check(r#"{"user": "ana", "tok": "x"}"#, Err("here: no field `token`, only `tok`, `user`"));
        check("{}", Err("here: no field `token`, only nothing"));
    }

    #[test]
    fn a_secret_that_is_no_object_is_not_repeated() {
        let message = "here: expected a JSON object with the field `token`, found something else";
        for json in ["vanilla", "\"vanilla\"", "{\"vanilla\"", ""] {
            check(json, Err(message));
        }
    }
}
