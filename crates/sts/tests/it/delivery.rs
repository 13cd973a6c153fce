//! The endpoints that hand credentials to processes of this machine, and what they refuse.

use jiff::Timestamp;
use tollgate_sts::{
    AuthorizationToken, CONTAINER_PATH, Delivery, DeliveryRequest, Metadata, container,
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_299_240 + seconds).unwrap()
}

fn get(path: &str) -> DeliveryRequest<'_> {
    DeliveryRequest {
        method: "GET",
        path,
        peer: "127.0.0.1".parse().unwrap(),
        host: Some("127.0.0.1:8082"),
        is_forwarded: false,
        authorization: None,
        metadata_token: None,
        metadata_token_ttl: None,
    }
}

/// The status and text of an answer; 0 for credentials.
fn outcome(delivery: Delivery) -> (u16, String) {
    match delivery {
        Delivery::Credentials => (0, String::new()),
        Delivery::Answer(answer) => (answer.status, answer.body),
    }
}

fn metadata() -> Metadata {
    Metadata::new(&[5; 32], "reader", "eu-west-1")
}

fn token(metadata: &Metadata, ttl: &str) -> (u16, String) {
    let request = DeliveryRequest {
        method: "PUT",
        metadata_token_ttl: Some(ttl),
        ..get("/latest/api/token")
    };
    outcome(metadata.serve(&request, at(0)))
}

#[test]
fn a_container_shows_its_token() {
    let secret = AuthorizationToken::new("the token of the file");
    let ask = |authorization, method: &'static str, path: &'static str| {
        let request = DeliveryRequest { authorization, method, ..get(path) };
        outcome(container(&request, &secret)).0
    };
    assert_eq!(ask(Some("the token of the file"), "GET", CONTAINER_PATH), 0);
    assert_eq!(ask(Some("the token of the fill"), "GET", CONTAINER_PATH), 401);
    assert_eq!(ask(None, "GET", CONTAINER_PATH), 401);
    assert_eq!(ask(Some("the token of the file"), "POST", CONTAINER_PATH), 405);
    assert_eq!(ask(Some("the token of the file"), "GET", "/"), 404);
}

#[test]
fn only_processes_of_this_machine_are_answered() {
    let secret = AuthorizationToken::new("t");
    let known = || DeliveryRequest { authorization: Some("t"), ..get(CONTAINER_PATH) };
    let ask = |request: DeliveryRequest<'_>| {
        let metadata = outcome(metadata().serve(&request, at(0))).0;
        (outcome(container(&request, &secret)).0, metadata)
    };
    for peer in ["10.0.0.1", "192.168.1.2", "2001:db8::1", "::ffff:8.8.8.8"] {
        assert_eq!(ask(DeliveryRequest { peer: peer.parse().unwrap(), ..known() }), (403, 403));
    }
    for peer in ["127.0.0.2", "169.254.1.1", "::1", "fe80::1", "::ffff:127.0.0.1"] {
        assert_eq!(ask(DeliveryRequest { peer: peer.parse().unwrap(), ..known() }), (0, 401));
    }
    assert_eq!(ask(DeliveryRequest { is_forwarded: true, ..known() }), (403, 403));
    // A name that leads to this machine may be anybody's: DNS rebinding.
    for host in [None, Some("evil.example:8082"), Some("127.0.0.1.evil.example"), Some("10.0.0.1")]
    {
        assert_eq!(ask(DeliveryRequest { host, ..known() }), (403, 403), "{host:?}");
    }
    for host in ["localhost:8082", "[::1]:8082", "169.254.169.254", "127.0.0.1"] {
        assert_eq!(ask(DeliveryRequest { host: Some(host), ..known() }).0, 0, "{host}");
    }
}

#[test]
fn metadata_is_for_those_who_asked_for_a_token_first() {
    let metadata = metadata();
    let (status, token) = token(&metadata, "60");
    assert_eq!(status, 200);
    let ask = |path: &'static str, token: Option<&str>, seconds| {
        let request = DeliveryRequest { metadata_token: token, ..get(path) };
        outcome(metadata.serve(&request, at(seconds)))
    };
    let role = "/latest/meta-data/iam/security-credentials/";
    assert_eq!(ask(role, Some(&token), 59), (200, "reader".into()));
    assert_eq!(ask("/latest/meta-data/iam/security-credentials/reader", Some(&token), 0).0, 0);
    assert_eq!(ask("/latest/meta-data/iam/security-credentials/other", Some(&token), 0).0, 404);
    assert_eq!(
        ask("/latest/meta-data/placement/region", Some(&token), 0),
        (200, "eu-west-1".into())
    );
    assert_eq!(ask(role, Some(&token), 60).0, 401, "expired");
    assert_eq!(
        ask(role, None, 0),
        (401, "version 1 of the metadata service is off: `PUT /latest/api/token` first".into())
    );
    let others = Metadata::new(&[6; 32], "reader", "eu-west-1");
    let request = DeliveryRequest { metadata_token: Some(&token), ..get(role) };
    assert_eq!(outcome(others.serve(&request, at(0))).0, 401, "another process's token");
    assert_eq!(ask(role, Some("AAAA"), 0).0, 401);
}

#[test]
fn a_metadata_token_holds_for_one_second_to_six_hours() {
    let status = |ttl| token(&metadata(), ttl).0;
    assert_eq!([status("1"), status("21600")], [200, 200]);
    assert_eq!([status("0"), status("21601"), status("x"), status("")], [400; 4]);
}
