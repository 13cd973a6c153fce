//! What unpacks to far more than its size is read in bounded memory, and each line is accounted
//! for.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::{Compression, write::GzEncoder};
use tollgate_log::{Input, LineAccount, Projection, ScanOptions, scan};

const MIB: usize = 1 << 20;

/// How far bombs of short events unpack, and those of one long event: further than may be held.
const UNPACKED_BYTES: usize = 10 * MIB;
const LONG_BYTES: usize = 20 * MIB;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    STANDARD.encode(bytes).into()
}

/// Scans a file with one worker, whose memory is measured.
#[track_caller]
fn check(name: &str, bytes: &[u8], expected: LineAccount, held_mib_max: u64) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    assert!(bytes.len() < MIB, "{name} is no bomb");
    let mut account = LineAccount::default();
    let options = ScanOptions { threads: 1, ..ScanOptions::new(Projection::all()) };
    let inputs = [Input::File(file.path().to_owned())];
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let held = pool.install(|| {
        allocation_counter::measure(|| {
            account = scan(&inputs, &options, || (), |(), _| ()).account;
        })
    });
    assert_eq!(account, expected, "{name}");
    assert!(held.bytes_max < held_mib_max << 20, "{name}: {} MiB", held.bytes_max >> 20);
}

fn parsed(count: usize) -> LineAccount {
    LineAccount { parsed: count as u64, records: count as u64, ..LineAccount::default() }
}

#[test]
fn lines_and_documents_are_not_held() {
    let path = "a".repeat(8000);
    let line = format!("{{\"status\":200,\"path\":\"/{path}\"}}\n");
    let count = UNPACKED_BYTES / line.len();
    let lines = line.repeat(count);
    check("gzip", &gzip(lines.as_bytes()), parsed(count), 8);
    check("gzip in gzip", &gzip(&gzip(lines.as_bytes())), parsed(count), 8);
    let layers = gzip(&base64(&zstd(lines.as_bytes())));
    check("zstd in base64 in gzip", &layers, parsed(count), 8);
    let message = format!("{{\\\"status\\\":200,\\\"path\\\":\\\"/{path}\\\"}}");
    let document = format!("{{\"logEvents\":[{{\"timestamp\":1,\"message\":\"{message}\"}}]}}");
    let count = UNPACKED_BYTES / document.len();
    check("glued documents", &zstd(document.repeat(count).as_bytes()), parsed(count), 8);
}

#[test]
fn what_has_no_end_is_a_few_events() {
    for byte in [b'\0', b'['] {
        let expected = LineAccount { quarantined: 1, ..LineAccount::default() };
        let bytes = vec![byte; LONG_BYTES];
        check(&char::from(byte).escape_default().to_string(), &zstd(&bytes), expected, 56);
    }
    let expected = LineAccount { blank: UNPACKED_BYTES as u64, ..LineAccount::default() };
    check("newlines", &zstd(&vec![b'\n'; UNPACKED_BYTES]), expected, 8);
}

#[test]
fn bombs_in_a_document_are_not_all_unpacked_at_once() {
    let path = "a".repeat(MIB);
    let message = format!("{{\\\"status\\\":200,\\\"path\\\":\\\"{path}\\\"}}");
    let document = format!("{{\"logEvents\":[{{\"message\":\"{message}\"}}]}}");
    let data = STANDARD.encode(gzip(document.as_bytes()));
    let record = format!("{{\"kinesis\":{{\"data\":\"{data}\"}}}}");
    let records = LONG_BYTES / MIB;
    let all = format!("{{\"Records\":[{}]}}", vec![record; records].join(","));
    check("records", all.as_bytes(), parsed(records), 18);
}
