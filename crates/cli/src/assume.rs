//! Assumptions as people type them: `--assume KEY=VALUE`.

use std::net::IpAddr;

use tollgate_analyzer::{Assumption, referenced_keys, variables};
use tollgate_policy::{
    ArnParts, Condition, Decimal, Family, Key, PolicyDocument, PolicySet, Statement, parse_bool,
    parse_instant,
};
use tollgate_store::{Account, suggestion};

use crate::diagnose::Problem;
use crate::world::World;

/// Reads `KEY=VALUE`.
pub(crate) fn parse(text: &str) -> Result<Assumption, String> {
    match text.split_once('=') {
        Some((key, value)) if key.contains(':') => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected a condition key and its value, `aws:PrincipalTag/team=blue`".to_owned()),
    }
}

/// Refuses two values for one key and values that no condition can read, and says which keys no policy of
/// these accounts refers to.
pub(crate) fn check<'a>(
    assumed: &[Assumption],
    accounts: impl IntoIterator<Item = &'a Account>,
    world: &World,
) -> miette::Result<()> {
    if let Some(key) = twice(assumed) {
        return Err(Problem::new(format!("`{key}` is assumed twice")).into());
    }
    let accounts: Vec<&Account> = accounts.into_iter().collect();
    for (key, value) in assumed {
        if let Some((expected, _)) = unreadable(&accounts, key, value) {
            let message = format!("--assume {key}: no condition on this key can read `{value}`");
            let help = Some(format!("expected {expected}"));
            return Err(Problem { help, ..Problem::new(message) }.into());
        }
    }
    let known: Vec<&str> = accounts.into_iter().flat_map(referenced_keys).collect();
    for (key, _) in assumed {
        if !known.iter().any(|known| Key::new(known) == Key::new(key)) {
            let meant = suggestion(key, known.iter().copied());
            let meant = meant.map_or_else(String::new, |meant| format!("; {meant}"));
            world.complain(&format!("--assume {key}: no policy refers to this key{meant}"));
        }
    }
    Ok(())
}

/// What a family of operators reads, in words, and whether a text is such a value.
type Reads = (&'static str, fn(&str) -> bool);

fn reads(family: Family) -> Option<Reads> {
    Some(match family {
        Family::Bool => ("`true` or `false`", |text| parse_bool(text).is_some()),
        Family::Numeric => ("a number", |text| Decimal::parse(text).is_some()),
        Family::Date => ("a moment, `2026-03-10T09:00:00Z`", |text| parse_instant(text).is_some()),
        Family::IpAddress => ("an IP address", |text| text.parse::<IpAddr>().is_ok()),
        Family::Arn => ("an ARN", |text| ArnParts::split(text).is_some()),
        Family::String | Family::Binary | Family::Null => return None,
    })
}

/// What is expected of a key's value, if no condition on the key can read this one. A key that is compared
/// as text too, or that a variable names, may have any.
fn unreadable(accounts: &[&Account], key: &str, value: &str) -> Option<Reads> {
    let sets = accounts.iter().flat_map(|account| account.policy_sets());
    let statements: Vec<&Statement> =
        sets.flat_map(PolicySet::documents).flat_map(PolicyDocument::statements).collect();
    let key = Key::new(key);
    let names = |statement: &&Statement| {
        let resources = statement.resource.iter().flat_map(|element| &element.patterns);
        let values = statement.conditions.iter().flat_map(|condition| &condition.values);
        let texts = resources.chain(values).map(|text| &*text.value);
        texts.flat_map(variables).any(|name| Key::new(name) == key)
    };
    if statements.iter().any(names) {
        return None;
    }
    let conditions = statements.iter().flat_map(|statement| &statement.conditions);
    let on_key = |it: &&Condition| Key::new(&it.key.value) == key;
    let families = conditions.filter(on_key).map(|it| it.operator.value.test.family());
    // `Null` does not look at the value.
    let mut all = families.filter(|family| *family != Family::Null).map(reads);
    let first = all.next()??;
    let read = first.1(value) || all.any(|reads| reads.is_none_or(|(_, reads)| reads(value)));
    (!read).then_some(first)
}

/// The first key that there was before, in whatever case.
fn twice(assumed: &[Assumption]) -> Option<&str> {
    let again = assumed.iter().enumerate().find(|(place, (key, _))| {
        let mut before = assumed.iter().take(*place);
        before.any(|(before, _)| Key::new(before) == Key::new(key))
    });
    again.map(|(_, (key, _))| key.as_str())
}
