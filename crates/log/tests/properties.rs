//! Laws that hold for any input.
mod common;

use std::sync::atomic::{AtomicUsize, Ordering};

use common::table;
use proptest::collection::vec;
use proptest::prelude::*;
use tollgate_log::{
    Decoder, Field, Input, LineAccount, MemoryLimit, NameMap, Overrides, Plan, Projection,
    ScanOptions, Template, scan, scan_into,
};

/// Decodes bytes in chunks of these lengths.
fn decode(bytes: &[u8], chunks: &[usize], overrides: &Overrides) -> (String, LineAccount) {
    let plan = Plan::sniff(bytes, true, &NameMap::default(), overrides);
    let mut decoder = Decoder::new("log", Projection::all()).planned(&plan);
    let mut rows = String::new();
    let mut rest = bytes;
    let mut lengths = chunks.iter().cycle();
    while !rest.is_empty() {
        let len = lengths.next().copied().unwrap_or(rest.len()).clamp(1, rest.len());
        let (chunk, tail) = rest.split_at(len);
        decoder.push(chunk).iter().for_each(|batch| rows += &table(batch));
        rest = tail;
    }
    decoder.finish().iter().for_each(|batch| rows += &table(batch));
    (rows, decoder.account())
}

/// Pieces that logs are made of, whole and broken.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known = proptest::sample::select(vec![
        &b"{\"status\":\"200\",\"path\":\"/a\"}\n"[..],
        b"{\"status\":\"200\",\"path\":\"/a\\\"b\"}\n",
        b"{\"path\":\"/x\",\"status\":403}",
        b"{\"status\":\"200\",\"path\":\"/\"a\"}\n",
        b"{\"messageType\":\"DATA_MESSAGE\",\"logEvents\":[{\"id\":\"1\",\"timestamp\":5,\"message\":\"{\\\"status\\\":1}\"}]}",
        b"{\"events\":[",
        b"]}",
        b"2025-11-21T04:40:00Z ",
        b"2025-11-21T04:40:00+00:00 stream ",
        b"(id-1) Extended Request Id: x\n",
        b"(id-1) Method completed with status: 200\n",
        b"10.0.0.1 - - [21/Nov/2025:04:40:00 +0000] \"GET /x HTTP/1.1\" 200 1 a b\n",
        b"@timestamp,@message\n",
        b"a,\"b\"\"c\n\",d\n",
        b"\r\n",
        b"\n",
        b"\x1b[32m",
        b"\xff\xfe",
    ]);
    prop_oneof![4 => known.prop_map(<[u8]>::to_vec), 1 => vec(any::<u8>(), 0..20)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_chunks_decode_as_the_whole(
        pieces in vec(piece(), 0..30),
        chunks in vec(1usize..50, 1..8),
    ) {
        let bytes = pieces.concat();
        let whole = decode(&bytes, &[bytes.len().max(1)], &Overrides::default());
        prop_assert_eq!(decode(&bytes, &chunks, &Overrides::default()), whole);
    }

    #[test]
    fn no_line_is_lost(lines in vec("[^\n]{0,40}", 1..40)) {
        let bytes = lines.join("\n") + "\n";
        let overrides = Overrides {
            envelope: Some(tollgate_log::Envelope::Lines),
            ..Overrides::default()
        };
        let (_, account) = decode(bytes.as_bytes(), &[7], &overrides);
        prop_assert_eq!(account.total(), lines.len() as u64);
    }

    #[test]
    fn a_template_reads_what_its_regex_reads(
        literals in vec(r#"[ -~&&[^$"{}]]{1,4}"#, 2..6),
        values in vec("[a-z ,;|]{0,6}", 6),
        junk in proptest::option::of("[ -~]{0,12}"),
    ) {
        let variables = ["httpMethod", "path", "stage", "identity.user", "protocol"];
        let mut format = literals.first().unwrap().clone();
        let mut regex = format!("(?s)^{}", regex_escape(&format));
        let mut line = format.clone();
        for ((name, literal), value) in variables.iter().zip(literals.iter().skip(1)).zip(&values) {
            // A word that goes on would be read as part of the variable.
            let literal = format!("|{literal}");
            format += &format!("$context.{name}{literal}");
            regex += &format!("(.*?){}", regex_escape(&literal));
            line += &format!("{value}{literal}");
        }
        let line = junk.unwrap_or(line);
        let regex = regex::Regex::new(&format!("{regex}$")).unwrap();
        let expected: Option<Vec<String>> = regex.captures(&line).map(|found| {
            found.iter().skip(1).map(|group| group.unwrap().as_str().to_owned()).collect()
        });
        let template = Template::parse(&format, &NameMap::default()).unwrap();
        let found = template.values(&line);
        let found: Option<Vec<String>> =
            found.map(|values| values.into_iter().map(str::to_owned).collect());
        prop_assert_eq!(found, expected, "`{}` of `{}`", line, format);
    }

    #[test]
    fn a_learned_template_reads_as_json_does(
        keys in vec("[a-zA-Z]{1,8}", 1..6),
        values in vec(r#"[ -~&&[^"\\]]{0,10}"#, 6),
    ) {
        let mut keys = keys;
        keys.sort();
        keys.dedup();
        let members: Vec<_> =
            keys.iter().zip(&values).map(|(key, value)| format!("\"{key}\":\"{value}\"")).collect();
        let line = format!("{{{}}}", members.join(","));
        let template = Template::learn(&line, &NameMap::default()).unwrap();
        let found = template.values(&line).unwrap();
        let json: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&line).unwrap();
        for (name, value) in template.variables().zip(found) {
            prop_assert_eq!(json.get(name).and_then(|v| v.as_str()), Some(value));
        }
    }
}

fn regex_escape(text: &str) -> String {
    regex::escape(text)
}

#[test]
fn two_files_and_two_workers_find_what_one_finds() {
    let folder = tempfile::tempdir().unwrap();
    let mut inputs = Vec::new();
    for file in 0..3 {
        let path = folder.path().join(format!("{file}.log"));
        let lines: String = (0..40_000)
            .map(|at| format!("{{\"status\":{},\"path\":\"/{at}\"}}\n", 200 + at % 7))
            .collect();
        std::fs::write(&path, lines).unwrap();
        inputs.push(Input::File(path));
    }
    let sum = |threads, memory| {
        let options = ScanOptions {
            threads,
            memory,
            block_bytes: 5000,
            ..ScanOptions::new(Projection::of([Field::Status]))
        };
        let scanned = scan(
            &inputs,
            &options,
            || 0u64,
            |sum, batch| {
                let statuses = batch.statuses(Field::Status).unwrap();
                *sum += statuses.values().iter().map(|&status| u64::from(status)).sum::<u64>();
            },
        );
        let workers = scanned.accumulators.len();
        (workers, scanned.accumulators.iter().sum::<u64>(), scanned.account)
    };
    let alone = sum(1, None);
    assert_eq!((alone.0, alone.2.parsed), (1, 120_000));
    let (workers, statuses, account) = sum(3, None);
    assert_eq!((workers, statuses, account), (3, alone.1, alone.2));
    // One begins, another joins it, and one of the two leaves what there is to read to the other.
    let memory = MemoryLimit { bytes: 1000, resident: short_after_a_while };
    let (workers, statuses, account) = sum(3, Some(memory));
    assert_eq!((workers, statuses, account), (2, alone.1, alone.2));
}

#[test]
fn a_worker_that_joins_begins_with_what_another_has_learned() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    std::fs::write(&path, "{\"status\":200}\n".repeat(200_000)).unwrap();
    let memory = MemoryLimit { bytes: 1000, resident: || Some(10) };
    let options = ScanOptions {
        threads: 2,
        memory: Some(memory),
        ..ScanOptions::new(Projection::of([Field::Status]))
    };
    // How many rows each had read, and how many the one that it was made of.
    let scanned = scan_into(
        &[Input::File(path)],
        &options,
        |other: Option<&(usize, usize)>| (0, other.map_or(0, |(rows, _)| *rows)),
        |(rows, _), batch| *rows += batch.records.num_rows(),
        |worker| worker,
    );
    let (mut rows, mut before) = (0, Vec::new());
    for (read, learned) in scanned.accumulators {
        rows += read;
        before.push(learned);
    }
    before.sort_unstable();
    assert_eq!((rows, before.len(), before[0]), (200_000, 2, 0));
    assert!(before[1] > 0);
}

/// Takes little at first, and from the time when a second worker has begun more than there is.
fn short_after_a_while() -> Option<usize> {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let asked = ASKED.fetch_add(1, Ordering::Relaxed);
    Some(if asked < 7 { 10 } else { 2000 })
}
