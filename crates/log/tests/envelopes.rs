//! Every format decodes to the same rows in every envelope that CloudWatch Logs and its clients
//! put around it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

mod common;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use arrow::array::{Array, RecordBatch};
use arrow::compute::{concat_batches, filter, is_not_null};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::{logs, overrides};
use flate2::{Compression, read::GzEncoder};
use serde_json::{Value, json};
use tollgate_log::{Field, Input, LineAccount, Projection, ScanOptions, scan};

/// When every event reached CloudWatch Logs: 2025-11-21T04:40:07Z, in milliseconds.
const INGESTED: i64 = 1_763_700_007_000;

/// Puts an envelope around events.
type Wrap = fn(&[String]) -> String;

/// The envelopes that quote messages or begin their lines.
const ENVELOPES: [(&str, Wrap); 14] = [
    ("S3 export", |events| each(events, |event| format!("2025-11-21T04:40:07.000Z {event}\n"))),
    ("subscription", |events| subscription(events)),
    ("Firehose, glued", |events| each(events, |event| subscription(&[event.to_owned()]))),
    ("Lambda, awslogs", |events| json!({"awslogs": {"data": packed(events)}}).to_string()),
    ("Lambda, Kinesis", |events| {
        json!({"Records": [{"kinesis": {"data": packed(events)}}]}).to_string()
    }),
    ("get-log-events, a page each", |events| {
        each(events, |event| pretty(&json!({"events": [listed(event)], "nextForwardToken": "f/1"})))
    }),
    ("filter-log-events", |events| {
        let event = |event: &String| {
            let mut event = listed(event);
            event["logStreamName"] = "2025/11/21/[$LATEST]ab".into();
            event
        };
        let events: Vec<Value> = events.iter().map(event).collect();
        json!({"events": events, "searchedLogStreams": []}).to_string()
    }),
    ("--query events", |events| {
        pretty(&Value::Array(events.iter().map(|event| listed(event)).collect()))
    }),
    ("tail, detailed", |events| {
        each(events, |event| {
            format!("2025-11-21T04:40:07.000000+00:00 2025/11/21/[$LATEST]ab {event}\n")
        })
    }),
    ("tail, coloured", |events| {
        each(events, |event| {
            let stamp = "\x1b[32m2025-11-21T04:40:07.000000+00:00\x1b[0m";
            format!("{stamp} \x1b[36mstream\x1b[0m {event}\n")
        })
    }),
    ("tail, short", |events| each(events, |event| format!("2025-11-21T04:40:07 {event}\n"))),
    ("tail, json", |events| {
        each(events, |event| {
            let message = match serde_json::from_str::<Value>(event) {
                Ok(message) => format!("\n{}", pretty(&message)),
                Err(_) => event.to_owned(),
            };
            format!("2025-11-21T04:40:07.000000+00:00 stream {message}\n")
        })
    }),
    ("Insights", |events| {
        let cell = |field: &str, value: &str| json!({"field": field, "value": value});
        let row = |event: &String| {
            json!([
                cell("@timestamp", "2025-11-21 04:40:07.000"),
                cell("@message", event),
                cell("@ptr", "Cl")
            ])
        };
        let rows: Vec<Value> = events.iter().map(row).collect();
        json!({"results": rows, "statistics": {"recordsMatched": 1.0}, "status": "Complete"})
            .to_string()
    }),
    (INSIGHTS_CSV, |events| {
        let row =
            |event: &str| format!("2025-11-21 04:40:07.000,\"{}\"\r\n", event.replace('"', "\"\""));
        format!("@timestamp,@message\r\n{}", each(events, row))
    }),
];

/// The envelope that begins with a line of its own.
const INSIGHTS_CSV: &str = "Insights, CSV";

fn each(events: &[String], wrap: impl Fn(&str) -> String) -> String {
    events.iter().map(|event| wrap(event)).collect()
}

fn listed(event: &str) -> Value {
    json!({"timestamp": INGESTED, "message": event, "ingestionTime": INGESTED + 9})
}

fn subscription(events: &[String]) -> String {
    let event = |event: &String| json!({"id": "3459", "timestamp": INGESTED, "message": event});
    let events: Vec<Value> = events.iter().map(event).collect();
    json!({
        "messageType": "DATA_MESSAGE", "owner": "999988887777", "logGroup": "/api",
        "logStream": "s", "subscriptionFilters": ["ship"], "logEvents": events,
    })
    .to_string()
}

/// A subscription as Lambda receives it: base64 of gzip.
fn packed(events: &[String]) -> String {
    let mut gzip = Vec::new();
    GzEncoder::new(subscription(events).as_bytes(), Compression::fast())
        .read_to_end(&mut gzip)
        .unwrap();
    STANDARD.encode(gzip)
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

/// The events of a log of bare lines: a line each, but for lines of an execution log that continue
/// the one before.
fn events(text: &str, execution: bool) -> Vec<String> {
    let mut events: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match events.last_mut() {
            Some(before) if execution && !line.starts_with(['(', 'F']) => {
                before.push('\n');
                before.push_str(line);
            }
            _ => events.push(line.to_owned()),
        }
    }
    events
}

fn decode(path: &Path, log: &Path) -> (RecordBatch, LineAccount) {
    let schema = Projection::all().schema();
    let batches = Mutex::new(Vec::new());
    let options = ScanOptions {
        overrides: overrides(log),
        threads: 1,
        ..ScanOptions::new(Projection::all())
    };
    let scanned = scan(
        &[Input::File(path.to_owned())],
        &options,
        || (),
        |(), batch| {
            batches.lock().unwrap().push(batch.records.clone());
        },
    );
    let batches = batches.into_inner().unwrap();
    (concat_batches(&schema, &batches).unwrap(), scanned.account)
}

/// The rows are the same, but for what only the envelope knows: ids, the account, and the time of
/// records that have none.
#[track_caller]
fn check_rows(found: &RecordBatch, bare: &RecordBatch, case: &str) {
    assert_eq!(found.num_rows(), bare.num_rows(), "rows of {case}");
    for (at, field) in Field::ALL.iter().enumerate() {
        let (found, bare) = (found.column(at), bare.column(at));
        if matches!(field, Field::EventId | Field::AccountId | Field::Time) {
            let own = is_not_null(bare).unwrap();
            let (found, bare) = (filter(found, &own).unwrap(), filter(bare, &own).unwrap());
            assert_eq!(&found, &bare, "{} of {case}", field.name());
        } else {
            assert_eq!(found, bare, "{} of {case}", field.name());
        }
        if *field == Field::Time {
            assert_eq!(found.null_count(), 0, "times of {case}");
        }
    }
}

/// The logs whose lines are events as they are.
fn bare_logs() -> Vec<PathBuf> {
    let skipped = ["damaged.jsonl", "access-rest-crlf.jsonl", "access-rest-no-last-newline.jsonl"];
    let is_bare = |log: &PathBuf| {
        let name = log.file_name().unwrap().to_string_lossy();
        let starts = ["access-", "custom", "execution.txt", "execution-test", "execution-failures"];
        let lines = starts.iter().any(|start| name.starts_with(start)) || name.ends_with(".jsonl");
        lines && !skipped.contains(&&*name)
    };
    logs().into_iter().filter(is_bare).collect()
}

#[test]
fn each_format_decodes_alike_in_each_envelope() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let logs = bare_logs();
    assert!(logs.len() >= 20, "{logs:?}");
    for log in logs {
        let name = log.file_name().unwrap().to_string_lossy();
        let execution = name.starts_with("execution");
        let events = events(&std::fs::read_to_string(&log).unwrap(), execution);
        let (bare, lines) = decode(&log, &log);
        for (envelope, wrap) in ENVELOPES {
            let case = format!("{name} in {envelope}");
            std::fs::write(&path, wrap(&events)).unwrap();
            let (found, account) = decode(&path, &log);
            check_rows(&found, &bare, &case);
            let LineAccount { recovered, quarantined, suspect, incomplete, .. } = lines;
            let same = (recovered, quarantined, suspect, incomplete);
            let LineAccount { recovered, quarantined, suspect, incomplete, .. } = account;
            assert_eq!((recovered, quarantined, suspect, incomplete), same, "{case}");
            let header = u64::from(envelope == INSIGHTS_CSV);
            assert_eq!(account.total(), events.len() as u64 + header, "{case}");
        }
    }
}
