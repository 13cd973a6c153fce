//! A host that stands for a stage: what the gateway decided, the analyzer decides of its log.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use serde_json::Value;

use super::process::{Running, folder, tollgate};

const HOST: &str = "issues.example.com";

const POLICY: &str = r#"{
  "Version": "2012-10-17",
  "Statement": {
    "Effect": "Allow",
    "Principal": "*",
    "Action": "execute-api:Invoke",
    "Resource": "execute-api:/prod/GET/prod/x"
  }
}"#;

/// An upstream that is content with every request, a connection each.
fn content() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
    url
}

/// The status of a request without a signature.
fn get(address: &str, host: &str, path: &str) -> u16 {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

/// The folder of a gateway whose API is open to what the policy allows, by its own name and by another.
fn open_to_policy(upstream: &str, route: &str) -> tempfile::TempDir {
    let folder = folder(upstream);
    fs::write(folder.path().join("policies/open.json"), POLICY).unwrap();
    let path = folder.path().join("tollgate.toml");
    let more = format!(
        "stages = [\"prod\"]\nauthorization = \"NONE\"\nresourcePolicy = \"policies/open.json\"\n\
         hosts = {{ \"{HOST}\" = \"prod\" }}"
    );
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replace("stages = [\"prod\"]", &more).replace("/{proxy+}", route);
    fs::write(path, text).unwrap();
    folder
}

fn analyzed(folder: &Path) -> Value {
    let command = ["analyze", "--account", "tollgate.toml", "access.jsonl", "--format", "json"];
    let output = tollgate(folder, &command).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_path_that_begins_like_the_stage_is_replayed_as_it_was_decided() {
    for route in ["/{proxy+}", "/{kind}/{id}"] {
        let folder = open_to_policy(&content(), route);
        let running = Running::start(folder.path());
        let own = running.address.clone();
        let asked = [(HOST, "/prod/x"), (HOST, "/other/x"), (&own, "/prod/prod/x")];
        assert_eq!(asked.map(|(host, path)| get(&own, host, path)), [200, 403, 200]);
        assert_eq!(running.stop(), Some(0));
        let report = analyzed(folder.path());
        assert_eq!(report["agreement"]["agreeing"], 3, "{report:#}");
        let [denied] = &report["denied"].as_array().unwrap()[..] else { panic!("{report:#}") };
        let resource = denied["resource"].as_str().unwrap();
        assert!(resource.ends_with(":a1b2c3d4e5/prod/GET/other/x"), "{resource}");
    }
}
