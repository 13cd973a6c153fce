//! Sessions from beginning to end: what is answered, what the gateway makes of their tokens, what the
//! log says.

use std::sync::Arc;

use http::Request;
use tollgate_gateway::{Caller, FactValue};
use tollgate_sigv4::{ErrorType, KeyAnswer, KeyClaim, SessionToken};

use crate::support::{Signs, World, arrived, at, element, text, write_private};

const WEB: &str = "Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::123456789012:role/web&RoleSessionName=s1&DurationSeconds=900";
const IDENTITY: &str = "Action=GetCallerIdentity&Version=2011-06-15";

/// What the gateway makes of a key and its token.
fn found(world: &World, id: &str, token: &str, seconds: i64) -> KeyAnswer<Arc<Caller>> {
    let token = SessionToken::new(token);
    let claim = KeyClaim { access_key_id: id, session_token: Some(&token), now: at(seconds) };
    world.issuer.session_keys(world.issuer.plan()).find(&claim)
}

#[track_caller]
fn check_refused(answer: KeyAnswer<Arc<Caller>>, kind: ErrorType, words: &str) {
    let KeyAnswer::Refused(refusal) = answer else { panic!("expected `{words}`: {answer:?}") };
    assert_eq!(refusal.error_type, kind, "{}", refusal.detail);
    assert!(refusal.detail.contains(words), "expected `{words}`: {}", refusal.detail);
}

#[tokio::test]
async fn a_session_is_known_to_the_gateway_with_all_that_limits_it() {
    let world = World::new(|manifest| manifest);
    let policy = "&Policy=%7B%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22*%22%2C%22Resource%22%3A%22*%22%7D%7D";
    let session = world.begin(&Signs::ana(), &format!("{WEB}{policy}")).await;
    let token = session.token.unwrap();
    let KeyAnswer::Found { secret, identity } = found(&world, &session.access_key_id, &token, 1)
    else {
        panic!("the session is not known")
    };
    assert!(!format!("{secret:?}").contains(&session.secret));
    assert_eq!(identity.arn, "arn:aws:sts::123456789012:assumed-role/web/s1");
    assert_eq!(identity.user_id.as_deref(), Some("AROAEXAMPLEWEB000001:s1"));
    assert_eq!(identity.expires, Some(at(900)));
    assert!(identity.session_policy.is_some());
    let issued = identity.facts.iter().find(|fact| fact.key == "aws:TokenIssueTime").unwrap();
    assert!(matches!(issued.value, FactValue::Time(time) if time == at(0)));
    let event = world.event();
    assert_eq!((event.action, event.status), (Some("AssumeRole"), 200));
    assert_eq!(event.caller.as_deref(), Some("arn:aws:iam::123456789012:user/ana"));
    assert_eq!(event.role.as_deref(), Some("arn:aws:iam::123456789012:role/web"));
    let line = serde_json::to_string(&event).unwrap();
    assert!(!line.contains(&token) && !line.contains(&session.secret), "{line}");
}

/// The token with another letter. Not with another last one, which has bits that stand for nothing
/// and must be zero.
fn altered(token: &str) -> String {
    let (before, letters) = token.split_at(token.len() - 2);
    let other = if letters.starts_with('A') { 'B' } else { 'A' };
    format!("{before}{other}{}", &letters[1..])
}

#[tokio::test]
async fn a_token_that_does_not_hold_says_why() {
    let world = World::new(|manifest| manifest);
    let session = world.begin(&Signs::ana(), WEB).await;
    let (id, token) = (session.access_key_id.as_str(), session.token.clone().unwrap());
    check_refused(found(&world, id, &token, 900), ErrorType::ExpiredToken, "expired at");
    let other = ErrorType::UnrecognizedClient;
    check_refused(found(&world, "ASIAOTHER", &token, 1), other, "belongs to the access key");
    check_refused(found(&world, id, &altered(&token), 1), other, "is not what");
    check_refused(found(&world, id, &token, -301), other, "clocks disagree");
    check_refused(found(&world, id, "IQoJb3JpZ2lu", 1), other, "begins with `tgs1_`");
    // Each is a line of the STS's log too.
    let late = world.send(Some(&session), IDENTITY, at(900)).await;
    assert_eq!(
        (late.status().as_u16(), element(&text(&late), "Code")),
        (403, "ExpiredToken".into())
    );
    let event = world.event();
    assert_eq!(event.error_code, Some("ExpiredToken"));
    assert!(event.error.unwrap().starts_with("the session expired at 2026-11-21T22:29:00Z"));
}

#[tokio::test]
async fn a_clock_that_is_off_is_named_to_caller_and_operator() {
    let world = World::new(|manifest| manifest);
    let response = world.send(Some(&Signs::ana()), IDENTITY, at(0)).await;
    assert_eq!(response.status(), 200);
    // Signed an hour ago, by the caller's clock.
    let mut request = Request::post("/").header("host", "127.0.0.1:8091");
    let headers = [(&b"host"[..], &b"127.0.0.1:8091"[..])];
    let signer = tollgate_sigv4::Signer {
        access_key_id: Signs::ana().access_key_id,
        secret: tollgate_sigv4::SecretKey::new(Signs::ana().secret),
        session_token: None,
        region: "us-east-1".into(),
        service: "sts".into(),
    };
    let head = tollgate_sigv4::RequestHead {
        method: b"POST",
        path: b"/",
        query: b"",
        headers: &headers,
        transport: tollgate_sigv4::Transport::Plain,
    };
    let body = tollgate_sigv4::PayloadHash::of(IDENTITY.as_bytes());
    let signed = signer.sign(&head, tollgate_sigv4::SignedPayload::Hashed(body), at(-3600));
    for (name, value) in signed.unwrap() {
        request = request.header(name, value);
    }
    let (head, ()) = request.body(()).unwrap().into_parts();
    let response = world.issuer.answer_sts(arrived(head, IDENTITY, at(0))).await;
    let body = text(&response);
    assert_eq!(element(&body, "Code"), "SignatureDoesNotMatch");
    assert!(element(&body, "Message").contains("20261121T211400Z"), "{body}");
}

#[tokio::test]
async fn what_is_revoked_ends_at_once_and_comes_back_with_no_mistake_in_the_file() {
    let world = World::new(|manifest| manifest);
    let session = world.begin(&Signs::ana(), WEB).await;
    let (id, token) = (session.access_key_id.as_str(), session.token.clone().unwrap());
    let file = world.folder.path("revoked.toml");
    let revoke = |text: &str| {
        std::fs::write(&file, text).unwrap();
        world.issuer.read_revocations()
    };
    assert_eq!(revoke(&format!("accessKeys = [\"{id}\"]\n")), Ok(Some(1)));
    check_refused(found(&world, id, &token, 1), ErrorType::UnrecognizedClient, "is revoked");
    assert!(revoke("accessKeys = 7\n").unwrap_err().contains("revoked.toml`, line 1"));
    check_refused(found(&world, id, &token, 1), ErrorType::UnrecognizedClient, "is revoked");
    let role = "arn:aws:iam::123456789012:role/web";
    let before = format!("[issuedBefore]\n\"{role}\" = \"2026-11-21T22:14:01Z\"\n");
    assert_eq!(revoke(&before), Ok(Some(1)));
    check_refused(found(&world, id, &token, 1), ErrorType::UnrecognizedClient, role);
    assert_eq!(revoke(""), Ok(Some(0)));
    assert!(matches!(found(&world, id, &token, 1), KeyAnswer::Found { .. }));
}

/// A source of keys that stays, as the gateway's does between two reloads: it knows a session from
/// its first request on.
struct Staying(Arc<tollgate_gateway::KeySource>);

impl Staying {
    fn of(world: &World) -> Staying {
        Staying(world.issuer.session_keys(world.issuer.plan()))
    }

    fn find(&self, id: &str, token: &str, seconds: i64) -> KeyAnswer<Arc<Caller>> {
        let token = SessionToken::new(token);
        self.0.find(&KeyClaim { access_key_id: id, session_token: Some(&token), now: at(seconds) })
    }

    #[track_caller]
    fn caller(&self, id: &str, token: &str, seconds: i64) -> Arc<Caller> {
        match self.find(id, token, seconds) {
            KeyAnswer::Found { identity, .. } => identity,
            other => panic!("the session is not known: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_known_session_is_opened_once_and_judged_each_time() {
    let world = World::new(|manifest| manifest);
    let session = world.begin(&Signs::ana(), WEB).await;
    let (id, token) = (session.access_key_id.as_str(), session.token.clone().unwrap());
    let keys = Staying::of(&world);
    let first = keys.caller(id, &token, 1);
    assert!(Arc::ptr_eq(&first, &keys.caller(id, &token, 2)), "it was opened twice");
    let other = ErrorType::UnrecognizedClient;
    check_refused(keys.find("ASIAOTHER", &token, 3), other, "belongs to the access key");
    check_refused(keys.find(id, &token, -301), other, "clocks disagree");
    check_refused(keys.find(id, &token, 900), ErrorType::ExpiredToken, "expired at");
    check_refused(keys.find(id, &altered(&token), 4), other, "is not what");
    assert!(matches!(keys.find("AKIAOTHER", &token, 4), KeyAnswer::Unknown));
    assert!(Arc::ptr_eq(&first, &keys.caller(id, &token, 5)));
}

#[tokio::test]
async fn what_is_revoked_ends_at_once_although_it_is_known() {
    let world = World::new(|manifest| manifest);
    let session = world.begin(&Signs::ana(), WEB).await;
    let (id, token) = (session.access_key_id.as_str(), session.token.clone().unwrap());
    let keys = Staying::of(&world);
    keys.caller(id, &token, 1);
    let before =
        "[issuedBefore]\n\"arn:aws:iam::123456789012:role/web\" = \"2026-11-21T22:14:01Z\"\n";
    for revoked in [&*format!("accessKeys = [\"{id}\"]\n"), before] {
        std::fs::write(world.folder.path("revoked.toml"), revoked).unwrap();
        world.issuer.read_revocations().unwrap();
        check_refused(keys.find(id, &token, 2), ErrorType::UnrecognizedClient, "revoked");
        std::fs::write(world.folder.path("revoked.toml"), "").unwrap();
        world.issuer.read_revocations().unwrap();
        keys.caller(id, &token, 3);
    }
}

#[tokio::test]
async fn a_plan_knows_nothing_of_what_another_plans_keys_opened() {
    let world = World::new(|manifest| manifest);
    let session = world.begin(&Signs::ana(), WEB).await;
    let (id, token) = (session.access_key_id.as_str(), session.token.clone().unwrap());
    Staying::of(&world).caller(id, &token, 1);
    write_private(&world.folder.path("master.key"), &"6b".repeat(32));
    world.issuer.replace(Arc::new(world.folder.plan().unwrap()));
    let refused = Staying::of(&world).find(id, &token, 2);
    check_refused(refused, ErrorType::UnrecognizedClient, "not held here");
}

#[tokio::test]
async fn master_keys_rotate_with_overlap_and_a_lost_one_ends_its_sessions() {
    let world = World::new(|manifest| manifest);
    let session = world.begin(&Signs::ana(), WEB).await;
    let (id, token) = (session.access_key_id.as_str(), session.token.clone().unwrap());
    write_private(&world.folder.path("next.key"), &"6b".repeat(32));
    let manifest = std::fs::read_to_string(world.folder.path("tollgate.toml")).unwrap();
    let with_keys = |keys: &str| {
        let text =
            manifest.replace("masterKeys   = [\"master.key\"]", &format!("masterKeys = {keys}"));
        std::fs::write(world.folder.path("tollgate.toml"), text).unwrap();
        world.issuer.replace(Arc::new(world.folder.plan().unwrap()));
    };
    with_keys("[\"next.key\", \"master.key\"]");
    assert!(matches!(found(&world, id, &token, 1), KeyAnswer::Found { .. }));
    let newer = world.begin(&Signs::ana(), WEB).await;
    with_keys("[\"next.key\"]");
    check_refused(found(&world, id, &token, 1), ErrorType::UnrecognizedClient, "not held here");
    let newer_token = newer.token.unwrap();
    assert!(matches!(
        found(&world, &newer.access_key_id, &newer_token, 1),
        KeyAnswer::Found { .. }
    ));
}

#[tokio::test]
async fn a_session_that_is_written_in_the_identity_file_begins_no_other() {
    let world = World::new(|manifest| manifest);
    let file = world.folder.path("identities.toml");
    let fixed = "[[key]]\naccessKeyId = \"AKIAFIXED\"\nsecretAccessKey = \"vanilla\"\n\
                 principal = \"arn:aws:sts::123456789012:assumed-role/web/x\"\n";
    write_private(&file, fixed);
    world.issuer.replace(Arc::new(world.folder.plan().unwrap()));
    let signs = Signs { access_key_id: "AKIAFIXED".into(), secret: "vanilla".into(), token: None };
    let response = world.send(Some(&signs), WEB, at(0)).await;
    assert_eq!(element(&text(&response), "Code"), "InvalidClientTokenId");
    assert!(world.event().error.unwrap().contains("signs for the gateway only"));
}

fn get(path: &str, headers: &[(&str, &str)]) -> tollgate_issuer::Arrived {
    let mut request = Request::get(path).header("host", "127.0.0.1:8092");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    arrived(request.body(()).unwrap().into_parts().0, "", at(0))
}

#[test]
fn a_container_gets_its_session_with_its_token_and_nobody_else_does() {
    let world = World::new(|manifest| manifest);
    let token = std::fs::read_to_string(world.folder.path("web.token")).unwrap();
    let answer =
        world.issuer.answer_container(0, &get("/credentials", &[("authorization", &token)]));
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let document: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(document["Expiration"], "2026-11-21T23:14:00Z");
    let session = world.event().session.unwrap();
    assert_eq!(session.principal, "arn:aws:sts::123456789012:assumed-role/web/web-1");
    for (headers, status) in [
        (&[][..], 401),
        (&[("authorization", "guess")], 401),
        (&[("authorization", token.as_str()), ("x-forwarded-for", "10.0.0.1")], 403),
    ] {
        let answer = world.issuer.answer_container(0, &get("/credentials", headers));
        assert_eq!(answer.status(), status, "{headers:?}");
        assert!(world.event().error.is_some());
    }
}

#[test]
fn an_instance_asks_in_two_steps() {
    let world = World::new(|manifest| manifest);
    let path = "/latest/meta-data/iam/security-credentials/";
    assert_eq!(world.issuer.answer_metadata(&get(path, &[])).status(), 401);
    let mut put = get("/latest/api/token", &[("x-aws-ec2-metadata-token-ttl-seconds", "60")]);
    put.head.method = http::Method::PUT;
    let token = text(&world.issuer.answer_metadata(&put));
    let headers = [("x-aws-ec2-metadata-token", token.as_str())];
    assert_eq!(text(&world.issuer.answer_metadata(&get(path, &headers))), "web");
    let answer = world.issuer.answer_metadata(&get(&format!("{path}web"), &headers));
    let document: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!((&document["Code"], &document["Type"]), (&"Success".into(), &"AWS-HMAC".into()));
}
