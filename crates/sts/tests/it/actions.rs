//! What is asked of the service, and what it answers: refusals from `fixtures/sts/refused.toml`.

use crate::support::{Signs, World, at, element};
use serde::Deserialize;
use tollgate_sts::{FaultCode, Operation, Origin, Providers};

const READER: &str = "Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::123456789012:role/team/reader&RoleSessionName=s1";
const TAGGED: &str = "Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::123456789012:role/tagged&RoleSessionName=s2";
const TEAM: &str = "&Tags.member.1.Key=team&Tags.member.1.Value=web";

fn world() -> World {
    World::new(Providers::default())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    caller: Option<String>,
    form: String,
    code: String,
    message: String,
    log: Option<String>,
}

#[test]
fn malformed_and_forbidden_requests_get_awss_answers() {
    #[derive(Deserialize)]
    struct Cases {
        case: Vec<Case>,
    }
    let cases = include_str!("../../../../fixtures/sts/refused.toml");
    let cases: Cases = toml::from_str(cases).unwrap();
    let world = world();
    let (ana, bob) = (Signs::user("ana"), Signs::user("bob"));
    let session = world.begin(Some(&ana), READER);
    let stranger = Signs::user("mallory");
    for case in cases.case {
        let signs = match case.caller.as_deref() {
            None | Some("ana") => Some(&ana),
            Some("bob") => Some(&bob),
            Some("session") => Some(&session),
            Some("stranger") => Some(&stranger),
            Some("nobody") => None,
            Some(other) => panic!("nobody is called `{other}`"),
        };
        let reply = world.send(signs, &case.form);
        let fault = reply.record.fault.unwrap_or_else(|| panic!("`{}` is answered", case.name));
        assert_eq!(
            (fault.code.name(), fault.message.as_str()),
            (&*case.code, &*case.message),
            "{}",
            case.name
        );
        assert_eq!(reply.answer.status, fault.code.status());
        assert_eq!(element(&reply.answer.body, "Code"), case.code);
        if let Some(log) = case.log {
            let actual = fault.to_string();
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
            assert_eq!(actual.replace(folder, ""), log, "{}", case.name);
        }
    }
}

#[test]
fn a_role_is_assumed_and_its_session_says_who_it_is() {
    let world = world();
    let reply = world.send(Some(&Signs::user("ana")), READER);
    let body = &reply.answer.body;
    assert!(body.starts_with(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>"
    ));
    assert_eq!(element(body, "Arn"), "arn:aws:sts::123456789012:assumed-role/reader/s1");
    assert_eq!(element(body, "AssumedRoleId"), "AROAEXAMPLEREADER001:s1");
    assert_eq!(element(body, "Expiration"), "2026-11-21T23:14:00Z");
    assert_eq!(element(body, "RequestId"), "r-1");
    let session = reply.record.session.unwrap();
    assert_eq!(session.origin, Origin::AssumedRole);
    assert_eq!(reply.record.operation, Some(Operation::AssumeRole));

    let session = world.begin(Some(&Signs::user("ana")), READER);
    let form = "Action=GetCallerIdentity&Version=2011-06-15";
    let identity = world.send(Some(&session), form).answer.body;
    assert_eq!(element(&identity, "Arn"), "arn:aws:sts::123456789012:assumed-role/reader/s1");
    assert_eq!(element(&identity, "UserId"), "AROAEXAMPLEREADER001:s1");
    assert_eq!(element(&identity, "Account"), "123456789012");
}

#[test]
fn an_external_id_and_a_session_name_are_what_the_trust_policy_asks_for() {
    let form = "Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::123456789012:role/partner\
                &RoleSessionName=ana-1&ExternalId=open:sesame/1";
    let reply = world().send(Some(&Signs::user("ana")), form);
    assert_eq!(reply.record.fault, None);
}

#[test]
fn transitive_tags_and_source_identity_go_on_to_the_next_session() {
    let world = world();
    let form = format!("{TAGGED}{TEAM}&TransitiveTagKeys.member.1=team&SourceIdentity=ana");
    let first = world.begin(Some(&Signs::user("ana")), &form);
    let second = world.send(Some(&first), TAGGED).record.session.unwrap();
    assert_eq!((second.tags.len(), second.source_identity.as_deref()), (1, Some("ana")));
    assert!(second.tags[0].is_transitive);
    for (change, code) in
        [(TEAM, FaultCode::InvalidParameterValue), ("&SourceIdentity=bob", FaultCode::AccessDenied)]
    {
        let reply = world.send(Some(&first), &format!("{TAGGED}{change}"));
        assert_eq!(reply.record.fault.unwrap().code, code, "{change}");
    }

    let reader = world.begin(Some(&Signs::user("ana")), READER);
    let reply = world.send(Some(&reader), TAGGED);
    let session = reply.record.session.unwrap();
    assert_eq!((session.origin, session.tags.len()), (Origin::ChainedRole, 0));
    let seconds = session.expires_at.as_second() - session.issued_at.as_second();
    assert_eq!(seconds, 3600);
}

#[test]
fn tags_are_principal_tags_of_the_session() {
    let world = world();
    let reply = world.send(Some(&Signs::user("ana")), &format!("{TAGGED}{TEAM}"));
    let session = reply.record.session.unwrap();
    assert_eq!(session.tag_keys(), ["aws:PrincipalTag/team"]);
    assert_eq!(element(&reply.answer.body, "PackedPolicySize"), "1");
}

#[test]
fn policies_and_tags_that_would_not_fit_into_a_header_are_refused() {
    let tags: String = (1..=20)
        .map(|n| format!("&Tags.member.{n}.Key=k{n}&Tags.member.{n}.Value={}", "v".repeat(256)))
        .collect();
    let reply = world().send(Some(&Signs::user("ana")), &format!("{READER}{tags}"));
    let fault = reply.record.fault.unwrap();
    assert_eq!(
        (fault.code, fault.message.as_str()),
        (
            FaultCode::PackedPolicyTooLarge,
            "Packed policy consumes 127% of allotted space, please use smaller policy."
        )
    );
}

#[test]
fn a_session_policy_limits_what_the_session_may_do() {
    let world = world();
    let policy = "&Policy=%7B%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22s3:*%22\
                  %2C%22Resource%22%3A%22*%22%7D%7D";
    let limited = world.begin(Some(&Signs::user("ana")), &format!("{READER}{policy}"));
    let reply = world.send(Some(&limited), TAGGED);
    assert_eq!(reply.record.fault.unwrap().code, FaultCode::AccessDenied);
    let free = world.begin(Some(&Signs::user("ana")), READER);
    assert_eq!(world.send(Some(&free), TAGGED).record.fault, None);
}

#[test]
fn a_user_gets_a_session_of_its_own() {
    let world = world();
    let form = "Action=GetSessionToken&Version=2011-06-15&DurationSeconds=900";
    let session = world.begin(Some(&Signs::user("ana")), form);
    assert!(session.access_key_id.starts_with("ASIA"));
    let identity = world.send(Some(&session), "Action=GetCallerIdentity&Version=2011-06-15");
    assert_eq!(element(&identity.answer.body, "Arn"), "arn:aws:iam::123456789012:user/ana");
    let late = world.send_from(
        Some(&session),
        "eu-west-1",
        "Action=GetCallerIdentity&Version=2011-06-15",
        at(900),
    );
    let fault = late.record.fault.unwrap();
    assert_eq!(fault.code, FaultCode::ExpiredToken);
    assert_eq!(
        fault.to_string(),
        "ExpiredToken: the session expired at 2026-11-21T22:29:00Z, and it is 2026-11-21T22:29:00Z"
    );
}

#[test]
fn another_region_is_named() {
    let ana = Signs::user("ana");
    let form = "Action=GetCallerIdentity&Version=2011-06-15";
    let fault = world().send_from(Some(&ana), "us-east-1", form, at(0)).record.fault.unwrap();
    assert_eq!(
        (fault.code, fault.message.as_str()),
        (
            FaultCode::RegionDisabled,
            "STS is not activated in the region 'us-east-1' here, sign for 'eu-west-1'"
        )
    );
}
