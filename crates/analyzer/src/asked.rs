//! What a run was asked, as far as what it gathered depends on it: runs that were asked differently have
//! nothing in common to be told of both.

use serde::{Deserialize, Serialize};
use tollgate_policy::{AuthorizationType, PolicySet, Principal};
use tollgate_store::{Account, ApiEntry};

use crate::assumption::Assumption;
use crate::breakdown::Grouping;
use crate::cache::Identity;
use crate::digits::Digits;
use crate::filter::Filter;
use crate::gather::{Analysis, Window};
use crate::time::rfc3339;

/// What a run was asked. Numbers are fingerprints: the same of the same, in every run.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Asked {
    /// The policies that calls were replayed against, and what they are attached to.
    account: Option<Fingerprint>,
    /// Those that were compared with.
    against: Option<Fingerprint>,
    /// What was assumed, in order: as options of the command line, for a key may have a `=` in it.
    assumed: Vec<String>,
    /// Which rows count, as it could have been typed.
    filter: Option<String>,
    /// Rows before this do not count, UTC milliseconds.
    since: Option<i64>,
    /// Rows at this moment or later do not count.
    until: Option<i64>,
    /// What usage was grouped by, in order.
    group_by: Vec<Grouping>,
    /// Whether rows that were read before do not count.
    dedup: bool,
}

/// A number of something that is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Fingerprint(Digits);

impl Fingerprint {
    /// That of texts in their order.
    fn of<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Fingerprint {
        let all = Identity::of("");
        let all = texts.into_iter().fold(all, |all, text| all.and(Identity::of(text.as_ref())));
        Fingerprint(Digits(all.number()))
    }

    /// That of an account: of whom it knows and of what applies to each, and of its APIs likewise.
    fn of_account(account: &Account) -> Fingerprint {
        let sources = |sets: &mut dyn Iterator<Item = &PolicySet>| -> Vec<String> {
            let documents = sets.flat_map(|set| set.documents());
            documents.map(|document| document.source().to_owned()).collect()
        };
        let subjects = account.subjects().iter().flat_map(|subject| {
            let principal = Principal::parse(subject.arn()).unwrap_or(Principal::ANONYMOUS);
            let policies = account.policies_for(&principal, None).policies();
            let tags = subject.tags().unwrap_or_default().iter();
            let tags = tags.map(|tag| format!("{}={}", tag.name(), tag.value()));
            let known = std::iter::once(subject.arn().to_owned()).chain(tags);
            known.chain(sources(&mut policies.sets())).collect::<Vec<_>>()
        });
        let apis = account.apis().iter().flat_map(|entry| {
            let policies = account.policies_for(&Principal::ANONYMOUS, Some(entry)).policies();
            let known = std::iter::once(entry.api().id.to_owned()).chain(unsigned(entry));
            known.chain(sources(&mut policies.sets())).collect::<Vec<_>>()
        });
        Fingerprint::of(std::iter::once(account.id().to_owned()).chain(subjects).chain(apis))
    }
}

/// The option by which a key is assumed to be absent.
const ABSENT: &str = "--assume-absent";

/// Each value that is assumed of a key, or that it is absent.
fn each_assumed(assumption: &Assumption) -> Vec<String> {
    let Assumption { key, values } = assumption;
    match values.is_empty() {
        true => vec![format!("{ABSENT} {key}")],
        false => values.iter().map(|value| format!("--assume {key}={value}")).collect(),
    }
}

/// Where an API is called by whoever wants to: nothing of one that all callers sign for.
fn unsigned(api: &ApiEntry) -> Option<String> {
    let none = |authorization| authorization == AuthorizationType::None;
    let routes = api.routes().iter().map(|it| {
        format!(" {}{}: {}", it.template.as_str(), it.methods.concat(), none(it.authorization))
    });
    let is_one = none(api.authorization()) || api.is_mixed();
    is_one.then(|| format!("{}{}", none(api.authorization()), routes.collect::<String>()))
}

impl Asked {
    /// What an analysis asks, and whether duplicates are left out.
    pub fn of(analysis: &Analysis<'_>, dedup: bool) -> Asked {
        let mut assumed: Vec<String> = analysis.assumed.iter().flat_map(each_assumed).collect();
        assumed.sort_unstable();
        let mut group_by = analysis.group_by.to_vec();
        group_by.sort_unstable();
        Asked {
            account: analysis.account.map(Fingerprint::of_account),
            against: analysis.against.map(Fingerprint::of_account),
            assumed,
            filter: analysis.filter.map(Filter::to_string),
            since: analysis.window.since,
            until: analysis.window.until,
            group_by,
            dedup,
        }
    }

    /// The account, and the one that it was compared with.
    pub(crate) fn accounts(&self) -> [Option<Fingerprint>; 2] {
        [self.account, self.against]
    }

    /// Whether duplicates were left out.
    pub(crate) fn is_dedup(&self) -> bool {
        self.dedup
    }

    /// Whether calls were replayed against another account than this one.
    pub fn had_another(&self, account: &Account) -> bool {
        self.account.as_ref().is_some_and(|had| *had != Fingerprint::of_account(account))
    }

    /// Which requests count in this window, and what was assumed of them: as options of the command line.
    pub(crate) fn options_within(&self, window: Window) -> Vec<String> {
        let moment = |option: &str, at: i64| format!("{option} {}", rfc3339(at));
        let since = window.since.map(|since| moment("--since", since));
        let until = window.until.map(|until| moment("--until", until));
        let filter = self.filter.iter().map(|filter| format!("--filter {filter}"));
        let assumed = self.assumed.iter().cloned();
        let dedup = self.dedup.then(|| "--dedup".to_owned());
        since.into_iter().chain(until).chain(filter).chain(assumed).chain(dedup).collect()
    }

    /// The same without what others were asked, too: of these options, as the command line calls them.
    pub(crate) fn options_of(&self, differing: &[&str]) -> Vec<String> {
        let by_number = |option: &str, number: Option<Fingerprint>| {
            number
                .map(|Fingerprint(Digits(number))| format!("{option} number {:08x}", number >> 32))
        };
        let accounts = [("--account", self.account), ("--against", self.against)];
        let accounts = accounts.into_iter().filter_map(|(option, of)| by_number(option, of));
        let group_by = self.group_by.iter().map(|by| format!("--group-by {by}"));
        let all = accounts.chain(self.options_within(self.window())).chain(group_by);
        let differs = |option: &String| {
            let name = option.split(' ').next().unwrap_or_default();
            differing.contains(&name) || name == ABSENT && differing.contains(&"--assume")
        };
        all.filter(differs).collect()
    }

    /// Which rows count, as it could have been typed.
    pub(crate) fn filter(&self) -> Option<&str> {
        self.filter.as_deref()
    }

    /// Which rows count, as far as time tells.
    pub(crate) fn window(&self) -> Window {
        Window { since: self.since, until: self.until }
    }

    /// What some of these were asked differently than the first, but for when, as the options of the
    /// command line are called.
    pub(crate) fn differences<'a>(mut all: impl Iterator<Item = &'a Asked>) -> Vec<&'static str> {
        let Some(first) = all.next() else { return Vec::new() };
        let mut options = [
            ("--account", true),
            ("--against", true),
            ("--assume", true),
            ("--filter", true),
            ("--group-by", true),
            ("--dedup", true),
        ];
        for other in all {
            let same = [
                first.account == other.account,
                first.against == other.against,
                first.assumed == other.assumed,
                first.filter == other.filter,
                first.group_by == other.group_by,
                first.dedup == other.dedup,
            ];
            options.iter_mut().zip(same).for_each(|((_, all), same)| *all &= same);
        }
        options.into_iter().filter(|(_, same)| !same).map(|(option, _)| option).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::*;

    fn account(attached: &str, resource: &str) -> Account {
        let manifest = format!(
            "account = \"123456789012\"\nregion = \"us-east-1\"\n\
             [[principal]]\narn = \"arn:aws:iam::123456789012:role/one\"\npolicies = [\"{attached}\"]\n\
             [[api]]\nid = \"api1\"\nstages = [\"prod\"]\n"
        );
        let policy = |resource: &str| {
            serde_json::json!({ "Version": "2012-10-17", "Statement": {
                "Effect": "Allow", "Action": "execute-api:Invoke", "Resource": resource,
            }})
            .to_string()
        };
        let files: BTreeMap<PathBuf, String> = BTreeMap::from([
            ("tollgate.toml".into(), manifest),
            ("a.json".into(), policy("*")),
            ("b.json".into(), policy(resource)),
        ]);
        Account::read(&files, "tollgate.toml".as_ref()).unwrap()
    }

    #[test]
    fn runs_differ_in_what_they_were_asked() {
        let resource = "arn:aws:execute-api:*:*:api1/*";
        let [one, same, attached, text] = [
            account("b.json", resource),
            account("b.json", resource),
            account("a.json", resource),
            account("b.json", "arn:aws:execute-api:*:*:api1/prod/*"),
        ];
        let filter = Filter::parse("status = 200").unwrap();
        let respaced = Filter::parse("status=200").unwrap();
        let by = [Grouping::parse("role").unwrap(), Grouping::parse("caller").unwrap()];
        let turned = [by[1].clone(), by[0].clone()];
        let assumed = [Assumption { key: "a".to_owned(), values: vec!["b".into()] }];
        let with = |account| Analysis { account: Some(account), ..Analysis::default() };
        let first = Analysis {
            filter: Some(&filter),
            group_by: &by,
            assumed: &assumed,
            against: Some(&text),
            ..with(&one)
        };
        let check = |other: Analysis<'_>, expected: &[&str]| {
            let asked = [first, other].map(|analysis| Asked::of(&analysis, false));
            assert_eq!(Asked::differences(asked.iter()), expected);
        };
        check(
            Analysis { account: Some(&same), filter: Some(&respaced), group_by: &turned, ..first },
            &[],
        );
        check(Analysis { account: Some(&attached), ..first }, &["--account"]);
        check(
            Analysis { account: Some(&text), against: None, ..first },
            &["--account", "--against"],
        );
        check(with(&one), &["--against", "--assume", "--filter", "--group-by"]);
        check(Analysis { window: Window { since: Some(0), until: None }, ..first }, &[]);
    }

    #[test]
    fn what_was_asked_is_said_as_it_could_have_been_typed() {
        let filter = Filter::parse("latency>1s").unwrap();
        let assumed =
            [("b", vec!["d", "c"]), ("a", vec!["b"]), ("c=d", vec![])].map(|(key, values)| {
                let values = values.into_iter().map(Cow::Borrowed).collect();
                Assumption { key: key.into(), values }
            });
        let window = Window { since: Some(0), until: Some(86_400_000) };
        let analysis = Analysis { filter: Some(&filter), assumed: &assumed, ..Analysis::default() };
        let options = [
            "--since 1970-01-01T00:00:00Z",
            "--until 1970-01-02T00:00:00Z",
            "--filter latency > 1000",
            "--assume a=b",
            "--assume b=c",
            "--assume b=d",
            "--assume-absent c=d",
            "--dedup",
        ];
        assert_eq!(Asked::of(&analysis, true).options_within(window), options);
    }
}
