//! What is printed reads back: parse → print → parse is the identity, on any document.

use proptest::prelude::*;
use serde_json::{Value, json};
use tollgate_policy::{PolicyDocument, PolicyType};

/// An element that may be missing.
fn maybe(strategy: impl Strategy<Value = Value>) -> impl Strategy<Value = Option<Value>> {
    prop::option::of(strategy)
}

/// A scalar, or a list of none to three.
fn one_or_many(element: impl Strategy<Value = Value> + Clone) -> impl Strategy<Value = Value> {
    prop_oneof![element.clone(), prop::collection::vec(element, 0..4).prop_map(Value::from)]
}

fn object(entries: Vec<(&str, Option<Value>)>) -> Value {
    let present = entries.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(present.collect())
}

fn text(pattern: &'static str) -> impl Strategy<Value = Value> + Clone {
    pattern.prop_map(Value::from)
}

fn action() -> impl Strategy<Value = Value> {
    one_or_many(text("\\*|[a-zA-Z*?-]{1,4}:[^:\\s\\p{Cc}${]{1,4}"))
}

fn resource() -> impl Strategy<Value = Value> {
    one_or_many(text(
        "\\*|arn:(aws|\\*|aws-cn):s3(:|::[a0-9*?]{0,3}:(\\$\\{a:b\\}|\\$\\{c, 'd'\\}|[^$]){0,4})?",
    ))
}

fn principal() -> impl Strategy<Value = Value> {
    let aws = one_or_many(text(
        "\\*|111122223333|arn:aws:iam::111122223333:(root|user/a|role/b/c)|AIDA[A-Z0-9]{16}",
    ));
    let service = one_or_many(text("[a-z]{1,5}\\.amazonaws\\.com"));
    let other = one_or_many(text("[^${*?]{1,5}"));
    let types = (maybe(aws), maybe(service), maybe(other)).prop_map(|(aws, service, other)| {
        object(vec![
            ("AWS", aws),
            ("Service", service),
            ("Federated", other.clone()),
            ("CanonicalUser", other),
        ])
    });
    prop_oneof![Just(json!("*")), types]
}

fn keys(value: impl Strategy<Value = Value> + Clone) -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[a-z]{1,3}:[a-z\"\\\\é/~]{1,3}", one_or_many(value), 0..3)
        .prop_map(|keys| Value::Object(keys.into_iter().collect()))
}

fn conditions() -> impl Strategy<Value = Value> {
    let number =
        prop_oneof![any::<i64>().prop_map(Value::from), text("-?[0-9]{1,5}(\\.[0-9]{1,5})?")];
    let blocks = (
        maybe(keys(text("[^$]{0,6}|\\$\\{aws:username\\}"))),
        maybe(keys(number)),
        maybe(keys(prop_oneof![any::<bool>().prop_map(Value::from), text("true|False")])),
        maybe(keys(text("20[0-9]{2}(-0[1-9])?|[0-9]{9}"))),
        maybe(keys(text("10\\.[0-9]\\.0\\.0/[1-9]|::1"))),
        maybe(keys(text("\\*|arn:aws:[a-z]{2}:::[^$]{0,4}"))),
    );
    blocks.prop_map(|(string, number, truth, date, address, arn)| {
        object(vec![
            ("ForAnyValue:StringNotLikeIfExists", string.clone()),
            ("StringEquals", string),
            ("NumericLessThan", number),
            ("Bool", truth.clone()),
            ("Null", truth),
            ("DateGreaterThanEqualsIfExists", date),
            ("NotIpAddress", address),
            ("ForAllValues:ArnNotLike", arn),
        ])
    })
}

fn either(negated: bool, name: &'static str, negated_name: &'static str) -> &'static str {
    if negated { negated_name } else { name }
}

fn statement() -> impl Strategy<Value = Value> {
    let elements = (
        maybe(text("[A-Za-z0-9]{6,12}")),
        any::<[bool; 4]>(),
        principal(),
        action(),
        resource(),
        maybe(conditions()),
    );
    elements.prop_map(
        |(
            sid,
            [deny, not_principal, not_action, not_resource],
            principal,
            action,
            resource,
            conditions,
        )| {
            object(vec![
                ("Sid", sid),
                ("Effect", Some(Value::from(either(deny, "Allow", "Deny")))),
                (either(not_principal, "Principal", "NotPrincipal"), Some(principal)),
                (either(not_action, "Action", "NotAction"), Some(action)),
                (either(not_resource, "Resource", "NotResource"), Some(resource)),
                ("Condition", conditions),
            ])
        },
    )
}

fn document() -> impl Strategy<Value = Value> {
    let statements =
        prop_oneof![statement(), prop::collection::vec(statement(), 0..4).prop_map(Value::from)];
    let version = maybe(text("2012-10-17|2008-10-17"));
    (version, maybe(text("\\PC{0,8}")), statements).prop_map(|(version, id, statements)| {
        object(vec![("Version", version), ("Id", id), ("Statement", Some(statements))])
    })
}

proptest! {
    #[test]
    fn parse_print_parse_is_the_identity(value in document(), pretty: bool) {
        let source = if pretty { format!("{value:#}") } else { value.to_string() };
        match PolicyDocument::parse(&source, PolicyType::Resource) {
            Ok(document) => {
                let printed = document.to_json();
                let read = PolicyDocument::parse(&printed, PolicyType::Resource);
                prop_assert_eq!(read.as_ref(), Ok(&document), "{}", printed);
                prop_assert_eq!(read.unwrap().to_json(), printed);
            }
            // Two random Sids, or two random keys that differ in case, may be equal.
            Err(errors) => prop_assert!(errors.to_string().contains("twice"), "{}\n{}", errors, source),
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(source in "[{}\\[\\]\":,\\\\ $a1'\u{e9}\n]{0,60}|\\PC{0,40}") {
        for policy_type in PolicyType::ALL {
            if let Err(errors) = PolicyDocument::parse(&source, policy_type) {
                for error in errors.errors() {
                    prop_assert!(source.get(error.span.range()).is_some());
                }
            }
        }
    }
}
