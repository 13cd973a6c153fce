//! Callers by name: briefly, and never two of a table by the same.

use std::collections::BTreeSet;

use hashbrown::HashMap;

use super::printable::in_a_line;
use super::style::{count, short_caller};
use crate::dimension::role_key;

/// The callers that one table names.
pub(crate) struct ShortNames<'c> {
    /// By their short name: all of those that would be called the same.
    alike: HashMap<&'c str, BTreeSet<&'c str>>,
}

impl<'c> ShortNames<'c> {
    /// Those of a table, in any order and each as often as it comes.
    pub(crate) fn of(callers: impl IntoIterator<Item = &'c str>) -> ShortNames<'c> {
        let mut first: HashMap<&str, &str> = HashMap::new();
        let mut alike: HashMap<&str, BTreeSet<&str>> = HashMap::new();
        for caller in callers {
            let short = short_caller(caller);
            let known = *first.entry(short).or_insert(caller);
            if known != caller {
                alike.entry(short).or_insert_with(|| BTreeSet::from([known])).insert(caller);
            }
        }
        ShortNames { alike }
    }

    /// A caller without what all ARNs share; with its account where another would be called the same,
    /// and in full where that has the same account.
    pub(crate) fn name(&self, caller: &str) -> String {
        let (short, own) = (short_caller(caller), account(caller));
        let Some(alike) = self.alike.get(short) else { return in_a_line(short) };
        match alike.iter().filter(|other| account(other) == own).count() {
            0 | 1 if own.is_empty() => in_a_line(short),
            0 | 1 => in_a_line(&format!("{short} ({own})")),
            _ => in_a_line(caller),
        }
    }
}

/// The callers of a list in which sessions of a role may be shown as one.
pub(crate) struct Names<'c> {
    callers: ShortNames<'c>,
    roles: ShortNames<'c>,
}

impl<'c> Names<'c> {
    /// Those of a table, in any order and each as often as it comes.
    pub(crate) fn of(callers: impl Iterator<Item = &'c str> + Clone) -> Names<'c> {
        let roles = ShortNames::of(callers.clone().map(role_key));
        Names { callers: ShortNames::of(callers), roles }
    }

    /// A caller, or sessions of a role: `deploy (3 sessions)`.
    pub(crate) fn who(&self, callers: &BTreeSet<&str>) -> String {
        match callers.first() {
            None => String::new(),
            Some(only) if callers.len() == 1 => self.callers.name(only),
            Some(first) => {
                let sessions = count(callers.len() as u64, "session");
                format!("{} ({sessions})", self.roles.name(role_key(first)))
            }
        }
    }
}

/// The account of an ARN; nothing of anything else.
fn account(caller: &str) -> &str {
    caller.split(':').nth(4).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_callers_have_the_same_name() {
        let all = [
            "arn:aws:sts::111111111111:assumed-role/web/s-1",
            "arn:aws:sts::222222222222:assumed-role/web/s-1",
            "web/s-1",
            "arn:aws:iam::111111111111:user/ana",
            "arn:aws-cn:iam::111111111111:user/ana",
            "arn:aws:iam::111111111111:user/ben",
            "anonymous",
        ];
        let callers = ShortNames::of(all.into_iter().chain(["anonymous"]));
        let names = all.map(|caller| callers.name(caller));
        assert_eq!(
            names,
            [
                "web/s-1 (111111111111)",
                "web/s-1 (222222222222)",
                "web/s-1",
                "arn:aws:iam::111111111111:user/ana",
                "arn:aws-cn:iam::111111111111:user/ana",
                "user/ben",
                "anonymous",
            ]
        );
    }
}
