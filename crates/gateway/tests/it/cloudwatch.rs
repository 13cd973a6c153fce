//! The access log in CloudWatch Logs, which moto fakes on the wire.

use std::collections::BTreeMap;
use std::sync::Arc;

use tollgate_gateway::{AccessLog, CloudWatchSink, Environment};
use tollgate_services::{Moto, Python};
use tollgate_store::CloudWatchLogDecl;

const KEYS: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "chocolate"),
    ("AWS_REGION", "eu-west-1"),
];

/// Does something with AWS's own client, and gives what it prints.
#[track_caller]
fn administer(python: &Python, url: &str, script: &str) -> String {
    let script = format!(
        "import boto3, json\nlogs = boto3.client('logs', 'eu-west-1', endpoint_url='{url}')\n{script}"
    );
    let output = python.command().args(["-c", &script]).envs(KEYS).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn sink(url: &str, group: &str) -> CloudWatchSink {
    let mut variables = BTreeMap::from(KEYS.map(|(name, value)| (name, value.to_owned())));
    variables.insert("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", url.to_owned());
    let environment: Environment = Arc::new(move |name: &str| variables.get(name).cloned());
    let text = format!("group = \"{group}\"\nstream = \"host-1\"");
    let decl: CloudWatchLogDecl = toml::from_str(&text).unwrap();
    CloudWatchSink::open(&decl, &environment, Arc::new(jiff::Timestamp::now)).unwrap()
}

fn take(log: &AccessLog, path: &str, after_ms: i64) {
    let time = jiff::Timestamp::now() + jiff::SignedDuration::from_millis(after_ms);
    log.take(time, format!("{{\"path\":\"{path}\"}}\n").as_bytes());
}

#[test]
fn lines_are_put_in_order_into_a_stream_that_is_made() {
    let Some(python) = Python::with(&["boto3"]) else { return };
    let Some(moto) = Moto::shared() else { return };
    administer(&python, moto.url(), "logs.create_log_group(logGroupName='/ordered')");
    let log = AccessLog::new(vec![Box::new(sink(moto.url(), "/ordered"))], 64);
    // Lines are taken when requests end; events are sorted by when they began.
    take(&log, "/second", 0);
    take(&log, "/first", -1000);
    log.close();
    assert_eq!(log.lost(), 0);
    let script = "for event in logs.get_log_events(logGroupName='/ordered', \
                  logStreamName='host-1', startFromHead=True)['events']:\n\
                  \x20   print(json.loads(event['message'])['path'])";
    assert_eq!(administer(&python, moto.url(), script), "/first\n/second\n");
}

#[test]
fn lines_that_are_not_taken_are_counted() {
    if Python::with(&["boto3"]).is_none() {
        return;
    }
    let Some(moto) = Moto::shared() else { return };
    let log = AccessLog::new(vec![Box::new(sink(moto.url(), "/nowhere"))], 64);
    take(&log, "/lost", 0);
    take(&log, "/lost", 0);
    log.close();
    assert_eq!(log.lost(), 2);
}
