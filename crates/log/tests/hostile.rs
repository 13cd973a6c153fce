//! Whatever the input, memory stays bounded and each line is accounted for, however the input is
//! split.

use tollgate_log::{Decoder, LineAccount, Projection};

const MIB: usize = 1 << 20;

/// The longest event that is kept together.
const EVENT_BYTES_MAX: usize = 16 * MIB;

/// What decoding may hold at a time: a few events of the greatest length.
const HELD_BYTES_MAX: u64 = 128 << 20;

/// Decodes what `parts` yield, in chunks. Returns the account, and the most bytes that were held.
fn decode(parts: impl Iterator<Item = Vec<u8>>, chunk: usize) -> (LineAccount, u64) {
    let mut account = LineAccount::default();
    let held = allocation_counter::measure(|| {
        let mut decoder = Decoder::new("hostile", Projection::all());
        for part in parts {
            part.chunks(chunk).for_each(|chunk| drop(decoder.push(chunk)));
        }
        drop(decoder.finish());
        account = decoder.account();
    });
    (account, held.bytes_max)
}

/// Decodes a head, then as many of the same part, whole and in small chunks: the account is the
/// same, and memory is bounded.
#[track_caller]
fn check(head: &str, part: &str, count: usize, expected: LineAccount) {
    let part = part.as_bytes();
    let times = (MIB / part.len().max(1)).max(1);
    let parts = || {
        let more = (0..count / times).map(move |_| part.repeat(times));
        std::iter::once(head.as_bytes().to_vec()).chain(more)
    };
    for chunk in [MIB, MIB / 3] {
        let (account, held) = decode(parts(), chunk);
        let LineAccount { parsed, recovered, quarantined, control, blank, .. } = account;
        let told = (parsed, recovered, quarantined, control, blank);
        let LineAccount { parsed, recovered, quarantined, control, blank, .. } = expected;
        assert_eq!(told, (parsed, recovered, quarantined, control, blank), "in chunks of {chunk}");
        assert!(held < HELD_BYTES_MAX, "{} MiB were held", held >> 20);
    }
}

const fn quarantined(quarantined: u64) -> LineAccount {
    LineAccount {
        parsed: 0,
        recovered: 0,
        quarantined,
        control: 0,
        blank: 0,
        records: 0,
        suspect: 0,
        incomplete: 0,
        duplicates: 0,
        unreadable_values: 0,
    }
}

#[test]
fn a_line_without_end_is_one_line() {
    let line = "{\"status\":200,\"path\":\"/a\"}\n";
    let expected = LineAccount { parsed: 1, ..quarantined(1) };
    check(
        &format!("{line}{{\"status\":200,\"path\":\""),
        "aaaaaaaa",
        2 * EVENT_BYTES_MAX / 8,
        expected,
    );
}

#[test]
fn an_event_without_end_is_one_event() {
    let line = "2025-11-21T04:40:00.000Z {\"status\":200}\n";
    let expected = LineAccount { parsed: 1, ..quarantined(1) };
    let start = format!("{line}2025-11-21T04:40:00.000Z {{\"status\":");
    let parts = EVENT_BYTES_MAX / 8 * 5 / 4;
    check(&start, "aaaaaaaa", parts, expected);
    check(&start, "aaaaaaa\n", parts, expected);
}

#[test]
fn a_document_without_end_is_bounded() {
    let start = "{\"events\":[{\"message\":\"{\\\"status\\\":200}\"},{\"message\":\"";
    let parts = EVENT_BYTES_MAX / 8 * 5 / 4;
    // The element, and what is left when it was given up.
    check(start, "aaaaaaaa", parts, LineAccount { parsed: 1, ..quarantined(2) });
    let open = "{\"events\":[{\"message\":\"{\\\"status\\\":200}\"},";
    check(open, "[[[[[[[[", parts, LineAccount { parsed: 1, ..quarantined(2) });
}

#[test]
fn a_row_without_end_is_bounded() {
    let start = "@timestamp,@message\n2025-11-21 04:40:00.000,\"";
    let parts = EVENT_BYTES_MAX / 8 * 5 / 4;
    check(start, "aaaaaaaa", parts, LineAccount { control: 1, ..quarantined(2) });
}

#[test]
fn a_template_may_have_thousands_of_fields() {
    let fields: Vec<String> = (0..3000).map(|at| format!("\"field{at}\":\"{at}\"")).collect();
    let line = format!("{{\"status\":\"200\",{}}}\n", fields.join(","));
    let parsed = 8 * MIB / line.len() / (MIB / line.len()) * (MIB / line.len());
    check("", &line, parsed, LineAccount { parsed: parsed as u64, ..quarantined(0) });
}

#[test]
fn keys_that_never_come_again_are_forgotten() {
    let line = |at| format!("{{\"status\":200,\"key{at}\":\"{at}\"}}\n");
    let parts = (0..100).map(|part| (0..500).map(|at| line(part * 500 + at)).collect::<String>());
    let (account, held) = decode(parts.map(String::into_bytes), MIB);
    assert_eq!(account.parsed, 50_000);
    assert!(held < HELD_BYTES_MAX, "{} MiB were held", held >> 20);
}

#[test]
fn requests_that_never_end_are_reported_and_let_go() {
    let header = "x".repeat(4000);
    let requests = 30_000;
    let lines = (0..requests).map(|at| {
        format!("(id-{at}) Extended Request Id: a\n(id-{at}) X-ray Tracing ID : {header}\n").into()
    });
    let (account, held) = decode(lines, MIB);
    assert_eq!((account.incomplete, account.records), (requests, requests));
    assert_eq!(account.total(), 2 * requests);
    assert!(held < 2 * HELD_BYTES_MAX, "{} MiB were held", held >> 20);
}
