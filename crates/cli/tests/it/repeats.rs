//! Repeated reads: which are the same, and how well what a cache saves of them is known.

use serde_json::json as value;

use crate::support::{json, run, tollgate};

fn analyze(format: &str, log: &str) -> std::process::Output {
    run(&mut tollgate(&["analyze", "--format", format, "-"]), log.as_bytes())
}

fn read(second: u64, api: &str, stage: &str, path: &str) -> String {
    let line = value!({
        "requestTimeEpoch": 1_772_409_600_000 + second * 1000, "apiId": api, "stage": stage,
        "httpMethod": "GET", "path": path, "resourcePath": "/{id}", "status": "200",
        "userArn": "arn:aws:iam::123456789012:user/ana",
    });
    format!("{line}\n")
}

#[test]
fn reads_of_another_api_or_stage_are_other_reads() {
    let saved = |places: &[[&str; 2]]| {
        let lines = (0..).zip(places).map(|(at, [api, stage])| read(at, api, stage, "/health"));
        let report = json(&analyze("json", &lines.collect::<String>()));
        report["cache"]["saved"][3]["shared"].clone()
    };
    assert_eq!(saved(&[["orders", "prod"], ["billing", "prod"]]), 0);
    assert_eq!(saved(&[["orders", "prod"], ["orders", "dev"]]), 0);
    assert_eq!(saved(&[["orders", "prod"], ["billing", "dev"], ["orders", "prod"]]), 1);
}
