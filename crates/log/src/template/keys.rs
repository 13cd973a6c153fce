//! What the keys of a JSON template stand for.

use super::{Syntax, Template};
use crate::names::{NameMap, Target};

/// What a variable is filled with to be found again: no text of a template is likely to be it.
const MARK: &str = "8230475610";

/// The keys that a JSON template gives its variables, and the column that each stands for.
///
/// A line that does not fit the template is read as JSON, by its keys, and
/// `{"who":"$context.identity.userArn"}` says what `who` is.
pub(crate) fn keys<'a>(
    template: &'a Template,
    names: &'a NameMap,
) -> impl Iterator<Item = (String, Option<Target>)> + 'a {
    let filled = filled(template);
    let learned = match template.syntax {
        Syntax::Json => Template::learn(&filled, names),
        Syntax::Text => None,
    };
    let values = learned.as_ref().and_then(|learned| learned.values(&filled)).unwrap_or_default();
    let marks: Vec<Option<usize>> =
        values.iter().map(|value| value.strip_prefix(MARK)?.parse().ok()).collect();
    let parts = learned.map(|learned| learned.parts).unwrap_or_default();
    parts.into_iter().zip(marks).filter_map(move |(key, mark)| {
        let variable = template.parts.get(mark?)?;
        Some((key.name, names.target(&variable.name)))
    })
}

/// Whether a line has the keys of a JSON template, in whatever order.
pub(crate) fn has_keys(template: &Template, line: &str) -> bool {
    let names = NameMap::default();
    let keys = |line: &str| {
        let mut keys: Vec<_> =
            Template::learn(line, &names)?.parts.into_iter().map(|part| part.name).collect();
        keys.sort_unstable();
        Some(keys)
    };
    keys(line).is_some_and(|own| Some(own) == keys(&filled(template)))
}

/// A line of the template, whose values are marked with their numbers.
fn filled(template: &Template) -> String {
    let mut filled = template.head.clone();
    for (at, part) in template.parts.iter().enumerate() {
        filled.push_str(&format!("{MARK}{at}"));
        filled.push_str(&part.literal);
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Field;

    #[track_caller]
    fn check(format: &str, expected: &[(&str, Option<Field>)]) {
        let names = NameMap::default();
        let template = Template::parse(format, &names).unwrap();
        let found: Vec<_> = keys(&template, &names).collect();
        let found: Vec<_> = found
            .iter()
            .map(|(key, target)| (key.as_str(), target.map(|target| target.field)))
            .collect();
        assert_eq!(found, expected, "`{format}`");
    }

    #[test]
    fn a_key_stands_for_its_variable_whatever_it_is_called() {
        check(
            r#"{"who":"$context.identity.userArn", "v": 2, "a":{"status":$context.integrationStatus},"error":"$context.waf.error"}"#,
            &[
                ("who", Some(Field::UserArn)),
                ("a.status", Some(Field::IntegrationStatus)),
                ("error", None),
            ],
        );
        check(r#"{"both":"$context.httpMethod $context.path"}"#, &[]);
        check("$context.status", &[]);
    }
}
