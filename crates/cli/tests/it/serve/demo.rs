//! The article's demonstration: a policy and clients as they are, and no token with the client.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tollgate_services::{Node, Python};

use super::process::{Running, TOKEN, fixture, folder, github, tollgate};

const DENIED: &str = "403 {\"Message\":\"User: \
    arn:aws:sts::123456789012:assumed-role/issues-reader/web-1 is not authorized to perform: \
    execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/prod/\
    POST/repos/PokaInc/test-github-api/issues\"}";

const ISSUES: &str =
    "200 [{\"number\": 1, \"title\": \"Secrets in source code\", \"state\": \"open\"}]";

/// Reads issues and tries to write one, with a client that knows nothing of the token.
#[track_caller]
pub(crate) fn check(running: &Running, client: impl Fn() -> Command) {
    for (method, expected) in [("GET", ISSUES), ("POST", DENIED)] {
        let output = client().args([method, &running.address]).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(said.trim_end(), expected, "{errors}");
        assert!(!format!("{said}{errors}").contains(TOKEN));
    }
}

/// The lines of the access log, once the process has written them all.
fn log(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("access.jsonl")).unwrap();
    assert!(!text.contains(TOKEN));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn analyze(folder: &Path, more: &[&str]) -> String {
    let command = ["analyze", "--account", "tollgate.toml", "access.jsonl"];
    let output = tollgate(folder, &[&command[..], more].concat()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs the demonstration with one client.
fn demonstrate(client: impl Fn() -> Command) {
    let modules = ["requests", "aws_requests_auth", "botocore", "requests_aws4auth"];
    let Some(python) = Python::with(&modules) else { return };
    let upstream = github(&python);
    let folder = folder(&upstream.url);
    let folder = folder.path();
    let running = Running::start(folder);
    check(&running, client);
    for page in ["/healthz", "/readyz", "/metrics", "/config"] {
        let (status, text) = running.page(page);
        assert_eq!(status, 200, "{page}: {text}");
        assert!(!text.contains(TOKEN));
    }
    assert!(!running.said().contains(TOKEN));
    check_no_core_dumps(&running);
    assert!(running.said().contains("ReadIssues"), "the operator is told which statement");
    assert_eq!(running.stop(), Some(0));

    let lines = log(folder);
    let told: Vec<_> = lines.iter().map(|line| (&line["httpMethod"], &line["status"])).collect();
    assert_eq!(
        told,
        [("GET", "200"), ("POST", "403")]
            .map(|(a, b)| (a.into(), b.into()))
            .iter()
            .map(|(a, b): &(Value, Value)| (a, b))
            .collect::<Vec<_>>()
    );

    let report: Value = serde_json::from_str(&analyze(folder, &["--format", "json"])).unwrap();
    assert_eq!(report["lines"]["parsed"], 2);
    assert_eq!(report["usage"]["requests"], 2);
    assert_eq!(report["agreement"]["agreeing"], 2, "{report:#}");
    let [denied] = &report["denied"].as_array().unwrap()[..] else { panic!("{report:#}") };
    assert_eq!(denied["decision"], "implicitDeny");
    assert_eq!(denied["nearest"]["sid"], "ReadIssues");
    assert_eq!(denied["nearest"]["element"], "Resource");
    let text = analyze(folder, &[]);
    assert!(text.contains("nearest  policies/issues-reader.json"), "{text}");
}

/// A process that holds secrets leaves no image of its memory behind, however it ends.
fn check_no_core_dumps(running: &Running) {
    if cfg!(target_os = "linux") {
        let limits = fs::read_to_string(format!("/proc/{}/limits", running.id())).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        let words: Vec<&str> = core.split_whitespace().skip(4).collect();
        assert_eq!(words, ["0", "0", "bytes"], "{limits}");
    }
}

pub(crate) fn python(script: &'static str) -> impl Fn() -> Command {
    move || {
        let mut command = Python::with(&["requests"]).unwrap().command();
        command.arg(fixture("clients").join(script));
        command
    }
}

#[test]
fn the_articles_own_client_is_served_unchanged() {
    demonstrate(python("aws_requests_auth_client.py"));
}

#[test]
fn so_is_botocore() {
    demonstrate(python("botocore_client.py"));
}

#[test]
fn so_is_requests_aws4auth() {
    demonstrate(python("requests_aws4auth_client.py"));
}

#[test]
fn so_is_aws4_of_node() {
    let Some(node) = Node::with(&["aws4"]) else { return };
    demonstrate(|| {
        let mut command = node.command();
        command.arg(fixture("clients").join("aws4_client.js"));
        command
    });
}

#[test]
fn so_is_curl() {
    if Command::new("curl").arg("--version").output().is_err() {
        return tollgate_services::skip("curl");
    }
    demonstrate(|| {
        let mut command = Command::new("sh");
        command.arg(fixture("clients").join("curl_client.sh"));
        command
    });
}
