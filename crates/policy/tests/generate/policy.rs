//! Policies about a question's request.

use serde_json::{Map, Value as Json, json};
use tollgate_policy::{PolicyDocument, PolicyType};

use super::Choices;
use super::question::{KEYS, Question};

const ACTIONS: [&str; 14] = [
    "*",
    "execute-api:Invoke",
    "execute-api:*",
    "s3:*",
    "kms:*",
    "sts:*",
    "sts:AssumeRole",
    "exec*:Inv*",
    "EXECUTE-API:invoke",
    "s3:GetObjec?",
    "?ms:Decrypt",
    "*:*",
    "sts:?agSession",
    "iam:Get*",
];

const PRINCIPALS: [&str; 12] = [
    "*",
    "111122223333",
    "arn:aws:iam::111122223333:user/ana",
    "arn:aws:iam::111122223333:role/reader",
    "arn:aws:sts::111122223333:assumed-role/reader/run-1",
    "arn:aws:sts::111122223333:federated-user/visitor",
    "444455556666",
    "arn:aws:iam::444455556666:role/x/reader",
    "arn:aws:iam::111122223333:root",
    "AIDACKCEVSQ6C2EXAMPLE",
    "arn:aws-cn:iam::111122223333:role/reader",
    "arn:aws:iam::444455556666:user/bo",
];

/// Pieces of string values and of the sixth part of resources.
const PIECES: [&str; 16] = [
    "a",
    "*",
    "?",
    "b",
    "${app:a}",
    "${aws:username}",
    "${app:b, 'a'}",
    "red",
    ":",
    "é",
    "${*}",
    "${?}",
    "${aws:PrincipalTag/team}",
    "A",
    "ana",
    "/",
];

/// Resources that are not written out.
const SHORT: [&str; 6] = [
    "arn:aws:execute-api:*",
    "arn:aws:execute-api",
    "arn:*:execute-api:eu-west-?",
    "arn:aws:execute-api:${app:a}:*1*:a*",
    "arn:aws:execute-api:eu-west-1:${aws:PrincipalAccount}",
    "arn:aws:execute-api:${app:b, 'eu-west-1'}*:*",
];

/// A document that is valid for its type.
pub(crate) fn document(
    choices: &mut Choices<'_>,
    question: &Question,
    policy_type: PolicyType,
) -> Json {
    let statements = choices.some(1, 4, |choices| statement(choices, question, policy_type));
    let mut document = json!({ "Statement": statements });
    match choices.below(8) {
        6 => document["Version"] = json!("2008-10-17"),
        7 => {}
        _ => document["Version"] = json!("2012-10-17"),
    }
    // what is a variable in one version may be an error in its place in the other
    match PolicyDocument::parse(&document.to_string(), policy_type) {
        Ok(_) => document,
        Err(_) => json!({ "Version": "2012-10-17", "Statement": statements }),
    }
}

/// A statement that is valid in documents of version 2012-10-17 of the type.
pub(crate) fn statement(
    choices: &mut Choices<'_>,
    question: &Question,
    policy_type: PolicyType,
) -> Json {
    let mut statement = Map::new();
    let effect = if choices.rarely(5) { "Deny" } else { "Allow" };
    statement.insert("Effect".to_owned(), json!(effect));
    match policy_type {
        PolicyType::ResourceControl => {
            statement.insert("Principal".to_owned(), json!("*"));
        }
        PolicyType::Resource | PolicyType::RoleTrust | PolicyType::VpcEndpoint => {
            let name = if choices.rarely(6) { "NotPrincipal" } else { "Principal" };
            statement.insert(name.to_owned(), principal(choices));
        }
        _ => {}
    }
    let name = if choices.rarely(6) { "NotAction" } else { "Action" };
    statement.insert(name.to_owned(), list(choices, |choices| json!(action(choices, question))));
    if policy_type != PolicyType::RoleTrust {
        let name = if choices.rarely(6) { "NotResource" } else { "Resource" };
        let pattern = |choices: &mut Choices<'_>| json!(resource(choices, question, policy_type));
        statement.insert(name.to_owned(), list(choices, pattern));
    }
    let conditions = condition_block(choices, question);
    if !conditions.is_empty() {
        statement.insert("Condition".to_owned(), Json::Object(conditions));
    }
    Json::Object(statement)
}

/// A scalar, or a list that may be empty.
fn list(choices: &mut Choices<'_>, mut make: impl FnMut(&mut Choices<'_>) -> Json) -> Json {
    match choices.below(8) {
        0..=3 => make(choices),
        4..=6 => Json::Array(choices.some(1, 4, make)),
        _ => Json::Array(choices.some(0, 2, make)),
    }
}

fn action(choices: &mut Choices<'_>, question: &Question) -> &'static str {
    match choices.below(4) {
        0 => "*",
        1 => question.action,
        _ => choices.pick(&ACTIONS),
    }
}

fn principal(choices: &mut Choices<'_>) -> Json {
    match choices.below(10) {
        0..=2 => json!("*"),
        3 => json!({ "Service": "lambda.amazonaws.com" }),
        4 => {
            json!({ "Federated": ["accounts.google.com", "arn:aws:iam::111122223333:saml-provider/corp"] })
        }
        _ => json!({ "AWS": list(choices, |choices| json!(choices.pick(&PRINCIPALS))) }),
    }
}

/// A pattern made from the requested resource, or `*` where the result would not be one.
fn resource(choices: &mut Choices<'_>, question: &Question, policy_type: PolicyType) -> String {
    let pattern = match choices.below(10) {
        0..=3 => "*".to_owned(),
        4 if policy_type == PolicyType::Resource => format!("execute-api:/{}", pieces(choices)),
        5 => choices.pick(&SHORT).to_owned(),
        _ => blurred(choices, question.resource),
    };
    let probe = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": pattern,
    }});
    match PolicyDocument::parse(&probe.to_string(), PolicyType::Resource) {
        Ok(_) => pattern,
        Err(_) => "*".to_owned(),
    }
}

/// The text with pieces of it replaced.
fn blurred(choices: &mut Choices<'_>, text: &str) -> String {
    let mut characters: Vec<String> = text.chars().map(|character| character.to_string()).collect();
    for _ in 0..choices.below(4) {
        let from = choices.below(characters.len() + 1);
        let to = (from + choices.below(12)).min(characters.len());
        let piece = if choices.rarely(2) { choices.pick(&PIECES) } else { "*" };
        characters.splice(from..to, [piece.to_owned()]);
    }
    if choices.rarely(4) {
        characters.truncate(choices.below(characters.len() + 1));
        characters.push("*".to_owned());
    }
    characters.concat()
}

fn pieces(choices: &mut Choices<'_>) -> String {
    choices.some(0, 5, |choices| choices.pick(&PIECES)).concat()
}

fn condition_block(choices: &mut Choices<'_>, question: &Question) -> Map<String, Json> {
    let mut block = Map::new();
    for _ in 0..choices.pick(&[0, 0, 0, 1, 1, 1, 2, 3]) {
        let (name, values) = operator(choices);
        let keys = block.entry(name).or_insert_with(|| json!({}));
        keys[key(choices, question)] = values;
    }
    block
}

/// A condition key, half of the time one that is unknown.
fn key<'q>(choices: &mut Choices<'_>, question: &'q Question) -> &'q str {
    let unknown: Vec<&str> = question.unknown_keys().collect();
    if unknown.is_empty() || choices.rarely(2) {
        choices.pick(&KEYS)
    } else {
        choices.pick(&unknown)
    }
}

/// An operator with values that it can read.
fn operator(choices: &mut Choices<'_>) -> (String, Json) {
    let (names, values): (&[&str], fn(&mut Choices<'_>) -> Json) = match choices.below(8) {
        0 | 1 => (
            &[
                "StringEquals",
                "StringNotEquals",
                "StringEqualsIgnoreCase",
                "StringNotEqualsIgnoreCase",
            ],
            |choices| json!(pieces(choices)),
        ),
        2 => (&["StringLike", "StringNotLike"], |choices| json!(pieces(choices))),
        3 => (
            &[
                "NumericEquals",
                "NumericNotEquals",
                "NumericLessThan",
                "NumericLessThanEquals",
                "NumericGreaterThan",
                "NumericGreaterThanEquals",
            ],
            |choices| json!(choices.pick(&["1", "10", "1.00", "-1", "0.5", "9007199254740993"])),
        ),
        4 => (
            &[
                "DateEquals",
                "DateNotEquals",
                "DateLessThan",
                "DateLessThanEquals",
                "DateGreaterThan",
                "DateGreaterThanEquals",
            ],
            |choices| {
                json!(choices.pick(&[
                    "2026-01-01",
                    "1767225600",
                    "2026",
                    "1970-01-01T00:00:01Z",
                    "2026-01-01T02:00:00+02:00"
                ]))
            },
        ),
        5 => match choices.below(3) {
            0 => (&["Bool"], |choices| json!(choices.pick(&["true", "false", "TRUE", "${app:a}"]))),
            1 => (&["Null"], |choices| json!(choices.pick(&["true", "false"]))),
            _ => (&["BinaryEquals"], |choices| json!(choices.pick(&["AQI=", "", "YQ=="]))),
        },
        6 => (&["IpAddress", "NotIpAddress"], |choices| {
            json!(choices.pick(&[
                "10.0.0.0/8",
                "0.0.0.0/0",
                "::/0",
                "10.0.0.1",
                "10.0.0.0/31",
                "::/127"
            ]))
        }),
        _ => (&["ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike"], arn),
    };
    let name = choices.pick(names);
    let prefix = choices.pick(&["", "", "ForAllValues:", "ForAnyValue:"]);
    let suffix = if name != "Null" && choices.rarely(4) { "IfExists" } else { "" };
    (format!("{prefix}{name}{suffix}"), list(choices, values))
}

fn arn(choices: &mut Choices<'_>) -> Json {
    if choices.rarely(8) {
        return json!("*");
    }
    let mut parts = vec!["arn"];
    for part in [["aws", "*", "a?s"], ["sns", "*", "i*"], ["", "*", "e?"], ["1", "*", "${app:a}"]] {
        parts.push(choices.pick(&part));
    }
    json!(format!("{}:{}", parts.join(":"), pieces(choices)))
}
