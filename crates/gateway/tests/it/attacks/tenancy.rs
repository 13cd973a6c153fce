//! One caller in the place of another, and an upstream in the place of one that must not be reached.

use std::path::Path;

use bytes::Bytes;
use http::Response;
use tollgate_gateway::Snapshot;
use tollgate_store::Files;

use super::{Attacked, raw};
use crate::support::{Upstream, surroundings};

/// The status of a request to an upstream that is declared so; 0 if the gateway does not start.
async fn status_of(upstream: &Upstream, host: &str, network: &str) -> u16 {
    let url = format!("http://{host}:{}", upstream.address.port());
    let change = |manifest: String| {
        let manifest = manifest.replace(&format!("http://{}", upstream.address), &url);
        manifest.replace("\"loopback\"", &format!("\"{network}\""))
    };
    let manifest = std::fs::read_to_string(super::fixtures().join("tollgate.toml")).unwrap();
    let manifest = change(manifest.replace("{upstream}", &upstream.address.to_string()));
    let path = super::fixtures().join("none.toml");
    let is_read = Snapshot::read(&One(manifest), &path, &surroundings(), None);
    if is_read.is_err_and(|problems| problems.to_string().contains("expected a URL")) {
        return 0;
    }
    let gateway = super::start_gateway(&upstream.address.to_string(), change).await;
    let request = raw::signed_get(&gateway.address.to_string(), "/prod/data/x");
    let answer = raw::talk(gateway.address, &request).await.remove(0);
    assert!(!answer.body.contains("127.0.0.1"), "the caller learns where it is: {answer:?}");
    answer.status
}

/// The files of the fixtures, with this manifest.
struct One(String);

impl tollgate_store::Source for One {
    fn read(&self, path: &Path) -> std::io::Result<String> {
        match path.ends_with("none.toml") {
            true => Ok(self.0.clone()),
            false => Files.read(path),
        }
    }
}

/// This machine has many names, and none of them is public.
#[tokio::test]
async fn this_machine_in_every_notation() {
    let upstream = Upstream::start(|_| Response::new(Bytes::new())).await;
    assert_eq!(status_of(&upstream, "127.0.0.1", "loopback").await, 200);
    let seen = upstream.seen().len();
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "0.0.0.0",
        "0",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
    ] {
        let status = status_of(&upstream, host, "public").await;
        assert!(matches!(status, 0 | 502), "{host}: {status}");
    }
    assert_eq!(upstream.seen().len(), seen);
}

/// Where clouds keep credentials is nobody's upstream, whatever network is declared.
#[tokio::test]
async fn metadata_services() {
    let upstream = Upstream::start(|_| Response::new(Bytes::new())).await;
    for host in [
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "[::ffff:169.254.169.254]",
        "100.100.100.200",
        "[fd00:ec2::254]",
        "[fe80::1]",
    ] {
        for network in ["public", "private", "loopback"] {
            let status = status_of(&upstream, host, network).await;
            assert!(matches!(status, 0 | 502), "{host} as {network}: {status}");
        }
    }
    assert!(upstream.seen().is_empty());
}

/// Whoever may open sessions of a role could name each one anew, whether the account lists the role
/// or a policy of the API alone allows it.
#[tokio::test]
async fn a_new_session_name_is_no_new_limit() {
    let attacked = Attacked::start_with(
        |_| Response::new(Bytes::new()),
        |manifest| {
            manifest
                .replace(
                    "stages = [\"prod\"]",
                    "stages = [\"prod\"]\nresourcePolicy = \"policies/api.json\"",
                )
                .replacen(
                    "path       = \"/{proxy+}\"",
                    "path       = \"/{proxy+}\"\n\
                     throttle = { rate = 0.001, burst = 1, by = \"principal\" }",
                    1,
                )
        },
    )
    .await;
    let mut statuses = Vec::new();
    for name in
        ["session", "another-session", "ana", "unlisted-session", "another-unlisted-session"]
    {
        let (caller, close) = (raw::Caller::named(name), ["connection: close"]);
        let request = raw::signed(&caller, &attacked.host(), "GET", "/prod/data/x", b"", &close);
        statuses.push(raw::talk(attacked.gateway.address, &request).await[0].status);
    }
    assert_eq!(statuses, [200, 429, 200, 200, 429]);
    assert_eq!(attacked.upstream.seen().len(), 3);
    attacked.settle().await;
}

/// What a caller writes is one value of one line, however it is written.
#[tokio::test]
async fn lines_of_the_log() {
    let attacked = Attacked::start().await;
    let host = attacked.host();
    let agent = "a\",\"status\":\"200\",\"userArn\":\"arn:aws:iam::1:root\"}{\"b\\u000a\t\u{1b}[2J";
    let target = "/prod/data/%22%7D%7B%22status%22:%22201";
    let lines = [format!("user-agent: {agent}"), "x-amzn-requestid: mine".to_owned()];
    let lines: Vec<&str> = lines.iter().map(String::as_str).chain(["connection: close"]).collect();
    let request = raw::signed(&raw::Caller::ana(), &host, "GET", target, b"", &lines);
    let answer = raw::talk(attacked.gateway.address, &request).await.remove(0);
    // A control character in a header is refused by itself; a tab is not one there.
    assert_eq!(answer.status, 400);
    let lines =
        [format!("user-agent: {}", agent.replace('\u{1b}', "")), "connection: close".into()];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let request = raw::signed(&raw::Caller::ana(), &host, "GET", target, b"", &lines);
    let answer = raw::talk(attacked.gateway.address, &request).await.remove(0);
    assert_eq!(answer.status, 200);
    let log = attacked.gateway.log(1).await;
    assert_eq!(log.len(), 1);
    let fields = log[0].as_object().unwrap();
    assert_eq!(fields["userAgent"], agent.replace('\u{1b}', ""));
    assert_eq!(fields["userArn"], "arn:aws:iam::123456789012:user/ana");
    assert_eq!(fields["path"], target);
    assert_ne!(fields["requestId"], "mine");
    attacked.settle().await;
}

/// A header that is no text of ASCII is one all the same, to policies as to the log.
#[tokio::test]
async fn headers_that_policies_ask_for() {
    let attacked = Attacked::start().await;
    let no_robots = r#"[{"Effect": "Deny", "Action": "*", "Resource": "*",
        "Condition": {"StringLike": {"aws:UserAgent": "*robot*"}}},"#;
    let policy = attacked.gateway.read("policies/data.json");
    let policy = policy.replacen("[\n    {", &format!("{no_robots}{{"), 1);
    attacked.gateway.write("policies/data.json", &policy);
    attacked.gateway.reload().await.unwrap();
    let call = async |agent: &[u8]| {
        let request = raw::signed_get(&attacked.host(), "/prod/data/x");
        let head = request.strip_suffix(b"\r\n").unwrap();
        let request = [head, b"user-agent: ", agent, b"\r\n\r\n"].concat();
        raw::talk(attacked.gateway.address, &request).await[0].status
    };
    assert_eq!(call(b"person").await, 200);
    for agent in [b"robot".as_slice(), "robot é".as_bytes(), b"robot \xe9"] {
        assert_eq!(call(agent).await, 403, "{agent:?}");
    }
    attacked.settle().await;
}

/// A limit that cannot be one never takes the place of one that holds.
#[tokio::test]
async fn a_limiter_that_fails() {
    let route = "path       = \"/{proxy+}\"";
    let limit = |rate: &str| format!("{route}\nthrottle = {{ rate = {rate}, burst = 1 }}");
    let attacked = Attacked::start_with(
        |_| Response::new(Bytes::new()),
        |manifest| manifest.replacen(route, &limit("0.001"), 1),
    )
    .await;
    let request = raw::signed_get(&attacked.host(), "/prod/data/x");
    let status = async || raw::talk(attacked.gateway.address, &request).await[0].status;
    assert_eq!((status().await, status().await), (200, 429));
    let manifest = attacked.gateway.read("tollgate.toml");
    for rate in ["0", "-1.0", "nan", "inf", "1e400"] {
        attacked.gateway.write("tollgate.toml", &manifest.replace(&limit("0.001"), &limit(rate)));
        assert!(attacked.gateway.reload().await.is_err(), "{rate}");
        assert_eq!(status().await, 429, "{rate}");
    }
    assert_eq!(attacked.upstream.seen().len(), 1);
    attacked.settle().await;
}
