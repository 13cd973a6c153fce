//! Denied calls in groups: the first of a group explains it, however the log is divided.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::json;
use tollgate_analyzer::{Analysis, Gathered};
use tollgate_log::{Input, ScanOptions};
use tollgate_store::Account;

/// An account whose one role may read nothing but a note.
fn account() -> Account {
    account_with(&json!({
        "Effect": "Allow", "Action": "execute-api:Invoke",
        "Resource": "arn:aws:execute-api:us-east-1:123456789012:api1/prod/GET/note",
    }))
}

/// An account whose one role has one statement.
fn account_with(statement: &serde_json::Value) -> Account {
    let manifest = r#"
        account = "123456789012"
        region = "us-east-1"
        [[principal]]
        arn = "arn:aws:iam::123456789012:role/reader"
        policies = ["policy.json"]
        [[api]]
        id = "api1"
        stages = ["prod"]
    "#;
    let policy = json!({ "Version": "2012-10-17", "Statement": statement });
    let files: BTreeMap<PathBuf, String> = BTreeMap::from([
        ("tollgate.toml".into(), manifest.to_owned()),
        ("policy.json".into(), policy.to_string()),
    ]);
    Account::read(&files, "tollgate.toml".as_ref()).unwrap()
}

/// When a pet was asked for, and which.
type Asked = (Option<u8>, u8);

fn gathered(account: &Account, calls: &[Asked]) -> Gathered {
    gathered_of("arn:aws:sts::123456789012:assumed-role/reader/s", account, calls)
}

fn gathered_of(caller: &str, account: &Account, calls: &[Asked]) -> Gathered {
    let line = |(time, pet): &Asked| {
        let mut line = json!({
            "httpMethod": "GET", "path": format!("/pets/{pet}"), "resourcePath": "/pets/{id}",
            "stage": "prod", "apiId": "api1", "status": "200",
            "userArn": caller,
        });
        if let Some(time) = time {
            let fields = line.as_object_mut().unwrap();
            fields.insert(
                "requestTimeEpoch".to_owned(),
                (1_773_100_800_000 + i64::from(*time)).into(),
            );
        }
        format!("{line}\n")
    };
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), calls.iter().map(line).collect::<String>()).unwrap();
    let analysis = Analysis { account: Some(account), ..Analysis::default() };
    let input = Input::File(file.path().to_owned());
    analysis.scan(&[input], &ScanOptions::new(analysis.projection())).0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn the_first_call_explains_a_group(
        calls in prop::collection::vec((prop::option::weighted(0.9, 0..20_u8), 0..4_u8), 2..20),
        cut in 0..20_usize,
    ) {
        let account = account();
        let (one, other) = calls.split_at(cut.min(calls.len()));
        let mut merged = gathered(&account, one);
        merged.merge(gathered(&account, other));
        let (_, pet) = calls.iter().min_by_key(|(time, pet)| (time.is_none(), *time, *pet)).unwrap();
        let first = format!("arn:aws:execute-api:us-east-1:123456789012:api1/prod/GET/pets/{pet}");
        for gathered in [gathered(&account, &calls), merged] {
            let [(_, group)] = &gathered.outcomes.unwrap().groups[..] else { panic!("one group") };
            prop_assert_eq!(&group.example.0, &first);
            prop_assert_eq!(group.nearest.as_ref().unwrap().value.as_deref(), Some(&*first));
            let same = calls.iter().all(|(_, other)| other == pet);
            prop_assert_eq!(group.only_resource.as_ref(), same.then_some(&first));
            prop_assert_eq!(group.requests, calls.len() as u64);
        }
    }
}

#[test]
fn calls_that_cannot_be_compared_tell_which_keys_would_settle_them() {
    let account = account_with(&json!({
        "Effect": "Allow", "Action": "execute-api:Invoke",
        "Resource": "arn:aws:execute-api:us-east-1:123456789012:api1/prod/GET/pets/*",
        "Condition": {
            "Bool": { "aws:MultiFactorAuthPresent": "true" },
            "StringEquals": { "aws:PrincipalTag/team": "blue" },
        },
    }));
    let outcomes = gathered(&account, &[(Some(1), 1), (Some(2), 2)]).outcomes.unwrap();
    let reason = "the decision depends on keys the log does not tell: \
                  aws:MultiFactorAuthPresent, aws:PrincipalTag/team";
    assert_eq!(outcomes.undetermined, BTreeMap::from([(reason.to_owned(), 2)]));
}

#[test]
fn a_caller_without_an_arn_is_not_taken_for_an_unsigned_call() {
    let account = account_with(&json!({
        "Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*",
    }));
    let calls = [(Some(1), 1), (Some(2), 2)];
    let of = |caller: &str| gathered_of(caller, &account, &calls).outcomes.unwrap();
    let outcomes = of("AIDACKCEVSQ6C2EXAMPLE");
    let reason = "the log does not tell the ARN of the caller";
    assert_eq!(outcomes.undetermined, BTreeMap::from([(reason.to_owned(), 2)]));
    assert_eq!((outcomes.groups, outcomes.disagreeing), (Vec::new(), 0));
    // `-` stands for no caller: nobody signed.
    let outcomes = of("-");
    assert_eq!((outcomes.undetermined.len(), outcomes.disagreeing), (0, 2));
    assert_eq!(outcomes.groups[0].0.decision.as_deref(), Some("implicitDeny"));
}
