//! The bridge from AWS: what may be sent to AWS on a caller's behalf, and what AWS's answer is worth.

use jiff::Timestamp;
use tollgate_sigv4::{PayloadHash, RequestHead, SecretKey, SessionToken, Signer, Transport};
use tollgate_sts::{AwsIdentity, BridgeRules, Durations, Fetched, Origin, SERVER_ID_HEADER, Used};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_299_240 + seconds).unwrap()
}

fn rules() -> BridgeRules {
    BridgeRules {
        server_id: "gateway.example.com".into(),
        accounts: vec!["210987654321".into()],
        hosts: vec!["127.0.0.1:4443".into()],
    }
}

/// What a caller presigns.
struct Handed {
    host: &'static str,
    query: &'static str,
    server_id: Option<&'static str>,
    expires_s: u32,
}

const HANDED: Handed = Handed {
    host: "sts.eu-west-1.amazonaws.com",
    query: "Action=GetCallerIdentity&Version=2011-06-15",
    server_id: Some("gateway.example.com"),
    expires_s: 900,
};

impl Handed {
    fn url(&self) -> String {
        let signer = Signer {
            access_key_id: "ASIAEXAMPLE".into(),
            secret: SecretKey::new("known to AWS alone"),
            session_token: Some(SessionToken::new("IQoJb3JpZ2luX2VjE/x==")),
            region: "eu-west-1".into(),
            service: "sts".into(),
        };
        let mut headers = vec![(&b"host"[..], self.host.as_bytes())];
        headers.extend(self.server_id.map(|id| (SERVER_ID_HEADER.as_bytes(), id.as_bytes())));
        let head = RequestHead {
            method: b"GET",
            path: b"/",
            query: self.query.as_bytes(),
            headers: &headers,
            transport: Transport::Tls,
        };
        let added = signer.presign(&head, &PayloadHash::of(b""), self.expires_s, at(0)).unwrap();
        format!("https://{}/?{}&{added}", self.host, self.query)
    }
}

fn refusal(url: &str, server_id: &str, seconds: i64) -> String {
    match rules().check(url, server_id, at(seconds)) {
        Ok(_) => "accepted".into(),
        Err(fault) => fault.message,
    }
}

#[track_caller]
fn check(url: &str, expected: &str) {
    let head = "The presigned GetCallerIdentity is not accepted: expected ";
    assert_eq!(refusal(url, "gateway.example.com", 0), format!("{head}{expected}"), "{url}");
}

#[test]
fn a_presigned_request_is_sent_once_as_it_was_signed() {
    let (rules, used, url) = (rules(), Used::default(), HANDED.url());
    let accept = || rules.check(&url, "gateway.example.com", at(0)).unwrap();
    let outgoing = accept().outgoing(&used, at(0)).unwrap();
    assert_eq!(outgoing.url, url);
    assert_eq!(outgoing.headers, [(SERVER_ID_HEADER.to_owned(), "gateway.example.com".to_owned())]);
    let again = accept().outgoing(&used, at(1)).map(|_| ()).unwrap_err();
    assert_eq!(
        again.message,
        "The presigned GetCallerIdentity is not accepted: expected a request that was not used before"
    );
}

#[test]
fn only_sts_is_asked() {
    let expected = "a host of AWS STS, such as `sts.eu-west-1.amazonaws.com`";
    for host in [
        "evil.example",
        "sts.amazonaws.com.evil.example",
        "evil.sts.amazonaws.com",
        "sts.evil/x.amazonaws.com",
        "sts.a.b-c.amazonaws.com",
        "sts.eu-west-1.amazonaws.com:444",
        "sts.eu-west-1.amazonaws.com.",
        "STS.eu-west-1.amazonaws.com",
        "user@sts.eu-west-1.amazonaws.com",
        "127.0.0.1:4444",
        "sts..amazonaws.com",
    ] {
        let url = HANDED.url().replacen(HANDED.host, host, 1);
        check(&url, expected);
    }
    for host in [
        "sts.amazonaws.com",
        "sts.us-gov-west-1.amazonaws.com",
        "sts.cn-north-1.amazonaws.com.cn",
        "127.0.0.1:4443",
    ] {
        let url = HANDED.url().replacen(HANDED.host, host, 1);
        assert_eq!(refusal(&url, "gateway.example.com", 0), "accepted", "{host}");
    }
}

#[test]
fn only_tls_and_only_the_root_path() {
    let url = HANDED.url();
    check(&url.replacen("https", "http", 1), "an `https` URL");
    check(&url.replacen("/?", "/x?", 1), "the path `/` and a query");
    check(&url.replacen("/?", "?", 1), "the path `/` and a query");
    check(
        &url.replacen("/?", "//?", 1),
        "a host of AWS STS, such as `sts.eu-west-1.amazonaws.com`",
    );
    check(&format!("{url}#x"), "a URL of printable ASCII without `#`, at most 16 KiB");
    check(&format!("{url}&X-Amz-Date= "), "a URL of printable ASCII without `#`, at most 16 KiB");
}

#[test]
fn nothing_but_get_caller_identity_is_asked() {
    let with = |query| Handed { query, ..HANDED }.url();
    check(&with("Action=AssumeRole&Version=2011-06-15"), "`GetCallerIdentity` as `Action`");
    check(&with("Version=2011-06-15"), "the parameter `Action`");
    check(&with("Action=GetCallerIdentity&Version=2010-01-01"), "`2011-06-15` as `Version`");
    check(
        &with("Action=GetCallerIdentity&Version=2011-06-15&RoleArn=x"),
        "no parameters but those of a presigned GetCallerIdentity",
    );
    check(
        &with("Action=GetCallerIdentity&Version=2011-06-15&Action=AssumeRole"),
        "the parameter `Action` once",
    );
    check(
        &with("action=GetCallerIdentity&Version=2011-06-15"),
        "no parameters but those of a presigned GetCallerIdentity",
    );
}

#[test]
fn the_server_id_is_signed_and_it_is_ours() {
    let unsigned = Handed { server_id: None, ..HANDED }.url();
    check(&unsigned, "exactly `host` and `x-tollgate-server-id` to be signed headers");
    let others = Handed { server_id: Some("other.example.com"), ..HANDED }.url();
    let expected = "The presigned GetCallerIdentity is not accepted: expected this gateway's server \
                    id to be signed";
    assert_eq!(refusal(&others, "other.example.com", 0), expected);
}

#[test]
fn a_presigned_request_holds_for_a_quarter_of_an_hour_at_most() {
    check(&Handed { expires_s: 901, ..HANDED }.url(), "1 to 900 seconds as `X-Amz-Expires`");
    let url = HANDED.url();
    let refused = |seconds| refusal(&url, "gateway.example.com", seconds);
    assert_eq!(refused(900), "accepted");
    assert!(refused(901).ends_with("expected a request that has not expired"));
    assert_eq!(refused(-300), "accepted");
    assert!(refused(-301).ends_with(
        "it says 2026-11-21T22:14:00Z and it is 2026-11-21T22:08:59Z here, so the clocks disagree"
    ));
}

fn answer(status: u16, arn: &str, account: &str) -> Fetched {
    let body = format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  \
         <GetCallerIdentityResult>\n    <Arn>{arn}</Arn>\n    <UserId>AROAEXAMPLE:i-1</UserId>\n    \
         <Account>{account}</Account>\n  </GetCallerIdentityResult>\n  <ResponseMetadata>\n    \
         <RequestId>1</RequestId>\n  </ResponseMetadata>\n</GetCallerIdentityResponse>\n"
    );
    Fetched { status, body: body.into_bytes() }
}

const ARN: &str = "arn:aws:sts::210987654321:assumed-role/reader/i-1";

#[test]
fn the_session_is_of_the_caller_that_aws_names_in_its_own_account() {
    let identity = rules().identify(&answer(200, ARN, "210987654321")).unwrap();
    assert_eq!(identity, AwsIdentity { arn: ARN.into(), user_id: "AROAEXAMPLE:i-1".into() });
    let grant = identity.grant(Durations::default());
    assert_eq!((grant.origin, grant.principal.as_str()), (Origin::Bridged, ARN));
    assert_eq!(grant.role.as_deref(), Some("arn:aws:iam::210987654321:role/reader"));
}

#[test]
fn a_role_of_the_same_name_in_another_account_is_another() {
    let other = "arn:aws:sts::999999999999:assumed-role/reader/i-1";
    let fault = rules().identify(&answer(200, other, "999999999999")).unwrap_err();
    assert_eq!(
        fault.message,
        format!("User: {other} is of account 999999999999, which may not come here")
    );
    // An answer that contradicts itself is none.
    let fault = rules().identify(&answer(200, other, "210987654321")).unwrap_err();
    assert_eq!(fault.message, "AWS STS answered with something that is no caller identity");
}

#[test]
fn a_redirect_a_refusal_and_other_documents_are_no_answers() {
    for status in [302, 403, 500] {
        let fault = rules().identify(&answer(status, ARN, "210987654321")).unwrap_err();
        assert_eq!(fault.message, format!("AWS STS answered with status {status}"));
    }
    let twice = format!("{ARN}</Arn><Arn>{ARN}");
    for body in [
        "",
        "<html/>",
        "{\"Arn\": 1}",
        &String::from_utf8(answer(200, &twice, "210987654321").body).unwrap(),
    ] {
        let fetched = Fetched { status: 200, body: body.as_bytes().to_vec() };
        let fault = rules().identify(&fetched).unwrap_err();
        assert_eq!(fault.message, "AWS STS answered with something that is no caller identity");
    }
}
