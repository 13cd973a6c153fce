//! Assumptions as people type them: `--assume KEY=VALUE`, `--assume-absent KEY`.

use std::borrow::Cow;
use std::net::IpAddr;

use tollgate_analyzer::{Assumption, variables};
use tollgate_policy::{
    ArnParts, Condition, Decimal, Family, Key, PolicyDocument, PolicySet, Statement, parse_bool,
    parse_instant,
};
use tollgate_store::Account;

use crate::diagnose::Problem;

/// What is assumed where the log does not tell.
#[derive(clap::Args)]
pub(crate) struct Assume {
    /// The value of a condition key that the log does not tell, such as
    /// `aws:MultiFactorAuthPresent=true`; may be repeated: for one key, such as `aws:TagKeys`, a set of
    /// values. Calls that depend on it are then decided, and what they needed is suggested under the same
    /// condition.
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse)]
    assume: Vec<(String, String)>,
    /// A condition key that requests lack where the log does not tell it; may be repeated.
    #[arg(long, value_name = "KEY", value_parser = parse_key)]
    assume_absent: Vec<String>,
}

/// Reads `KEY=VALUE`.
fn parse(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if key.contains(':') => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected a condition key and its value, `aws:PrincipalTag/team=blue`".to_owned()),
    }
}

/// Reads `KEY`.
fn parse_key(text: &str) -> Result<String, String> {
    match text.contains(':') && !text.contains('=') {
        true => Ok(text.to_owned()),
        false => {
            Err("expected a condition key without a value, `aws:PrincipalTag/team`".to_owned())
        }
    }
}

impl Assume {
    /// An option of these that is given.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let values = (!self.assume.is_empty()).then_some("--assume");
        values.or_else(|| (!self.assume_absent.is_empty()).then_some("--assume-absent"))
    }

    /// What is assumed of each key. Refuses values that no condition can read, and several of a key that has
    /// one.
    pub(crate) fn read<'a>(
        &self,
        accounts: impl IntoIterator<Item = &'a Account>,
    ) -> miette::Result<Vec<Assumption>> {
        let accounts: Vec<&Account> = accounts.into_iter().collect();
        let assumed = self.by_key();
        for (key, values) in assumed.iter().map(|it| (&it.key, &it.values)) {
            check_count(&accounts, key, values.len())?;
            let on_key = |absent: &&String| Key::new(absent) == Key::new(key);
            if let Some(absent) =
                self.assume_absent.iter().find(on_key).filter(|_| !values.is_empty())
            {
                let message = format!("`{absent}` is assumed to have a value, and to be absent");
                return Err(Problem::new(message).into());
            }
            values.iter().try_for_each(|value| check_value(&accounts, key, value))?;
        }
        Ok(assumed)
    }

    /// Each key once, with its values in the order given.
    fn by_key(&self) -> Vec<Assumption> {
        let values = self.assume.iter().map(|(key, value)| (key, Some(value)));
        let absent = self.assume_absent.iter().map(|key| (key, None));
        let mut assumed: Vec<Assumption> = Vec::new();
        for (key, value) in values.chain(absent) {
            let value = value.map(|value| Cow::Owned(value.clone()));
            match assumed.iter_mut().find(|known| Key::new(&known.key) == Key::new(key)) {
                Some(known) => known.values.extend(value),
                None => assumed
                    .push(Assumption { key: key.clone(), values: value.into_iter().collect() }),
            }
        }
        assumed
    }
}

/// Refuses several values of a key that conditions compare as one: no such condition would hold.
fn check_count(accounts: &[&Account], key: &str, values: usize) -> miette::Result<()> {
    let mut quantified = conditions(accounts, key).map(|it| it.operator.value.quantifier.is_some());
    let some = quantified.next();
    if values < 2 || some.is_none_or(|first| first || quantified.any(|is| is)) {
        return Ok(());
    }
    let help = "only a condition with `ForAllValues:` or `ForAnyValue:` compares several values";
    let message = format!("`{key}` is assumed twice");
    Err(Problem { help: Some(help.to_owned()), ..Problem::new(message) }.into())
}

/// Refuses a value that no condition can read.
fn check_value(accounts: &[&Account], key: &str, value: &str) -> miette::Result<()> {
    let Some((expected, _)) = unreadable(accounts, key, value) else { return Ok(()) };
    let message = format!("--assume {key}: no condition on this key can read `{value}`");
    let help = Some(format!("expected {expected}"));
    Err(Problem { help, ..Problem::new(message) }.into())
}

/// The conditions on a key.
fn conditions<'a>(accounts: &[&'a Account], key: &str) -> impl Iterator<Item = &'a Condition> {
    let on_key = move |it: &&Condition| Key::new(&it.key.value) == Key::new(key);
    statements(accounts).flat_map(|statement| &statement.conditions).filter(on_key)
}

fn statements<'a>(accounts: &[&'a Account]) -> impl Iterator<Item = &'a Statement> {
    let sets = accounts.iter().flat_map(|account| account.policy_sets());
    sets.flat_map(PolicySet::documents).flat_map(PolicyDocument::statements)
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
    let name = key;
    let key = Key::new(name);
    let names = |statement: &Statement| {
        let resources = statement.resource.iter().flat_map(|element| &element.patterns);
        let values = statement.conditions.iter().flat_map(|condition| &condition.values);
        let texts = resources.chain(values).map(|text| &*text.value);
        texts.flat_map(variables).any(|name| Key::new(name) == key)
    };
    if statements(accounts).any(names) {
        return None;
    }
    let families = conditions(accounts, name).map(|it| it.operator.value.test.family());
    // `Null` does not look at the value.
    let mut all = families.filter(|family| *family != Family::Null).map(reads);
    let first = all.next()??;
    let read = first.1(value) || all.any(|reads| reads.is_none_or(|(_, reads)| reads(value)));
    (!read).then_some(first)
}
