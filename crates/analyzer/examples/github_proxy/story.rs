//! The two days as files: compressed and plain, with five lines damaged on the way.

use crate::actors::{self, START};
use crate::gateway::Gateway;

const HOUR: u64 = 3_600_000;

/// The files of the example and what each holds before compression.
pub(crate) fn files() -> [(&'static str, Vec<u8>); 3] {
    let mut gateway = Gateway::new();
    let mut files = [
        ("2026-03-10.jsonl.gz", Vec::new()),
        ("2026-03-11-night.jsonl.gz", Vec::new()),
        ("2026-03-11.jsonl", Vec::new()),
    ];
    for call in actors::calls() {
        let index = match call.at - START {
            at if at < 24 * HOUR => 0,
            at if at < 36 * HOUR => 1,
            _ => 2,
        };
        files[index].1.push(gateway.serve(&call));
    }
    files.map(|(name, mut lines)| {
        damage(name, &mut lines);
        (name, join(&lines))
    })
}

fn join(lines: &[String]) -> Vec<u8> {
    let mut text = Vec::new();
    for line in lines {
        // U+FFFD stands for a byte that is not text.
        for piece in line.split_inclusive('\u{fffd}') {
            let whole = piece.strip_suffix('\u{fffd}');
            text.extend_from_slice(whole.unwrap_or(piece).as_bytes());
            text.extend(whole.map(|_| 0xff));
        }
        text.push(b'\n');
    }
    text
}

/// Two lines were cut off when a disk was full, one was overwritten, and two hold a quotation mark
/// that API Gateway did not escape before 2024. One empty line is no damage.
fn damage(name: &str, lines: &mut Vec<String>) {
    match name {
        "2026-03-10.jsonl.gz" => {
            cut(lines, 611);
            lines[1204] = "\0\u{1}\u{fffd}\u{fffd}garbage\u{fffd}".to_owned();
        }
        "2026-03-11.jsonl" => {
            cut(lines, 97);
            for index in [140, 141] {
                lines[index] = lines[index].replace("python-requests/", "python-\"requests\"/");
            }
            lines.insert(200, String::new());
        }
        _ => {}
    }
}

fn cut(lines: &mut [String], index: usize) {
    let half = lines[index].len() / 2;
    lines[index].truncate(half);
}
