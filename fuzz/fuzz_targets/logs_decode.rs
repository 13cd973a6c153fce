//! Any bytes decode without a panic, to the same rows and account however they are split, and no
//! line of a plain log is lost.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_log::{Decoder, Envelope, LineAccount, NameMap, Overrides, Plan, Projection};

// The first byte says in what chunks the rest is read.
fuzz_target!(|input: &[u8]| {
    let Some((&chunk, bytes)) = input.split_first() else { return };
    let plan = Plan::sniff(bytes, true, &NameMap::default(), &Overrides::default());
    let whole = decode(bytes, bytes.len(), &plan);
    assert_eq!(decode(bytes, usize::from(chunk), &plan), whole);
    if plan.envelope == Envelope::Lines {
        let lines = bytes.split_inclusive(|&c| c == b'\n').count() as u64;
        assert_eq!(whole.1.total(), lines);
    }
});

/// Rows of each batch together, and the account.
fn decode(bytes: &[u8], chunk: usize, plan: &Plan) -> (usize, LineAccount) {
    let mut decoder = Decoder::new("fuzz", Projection::all()).planned(plan);
    let mut rows = 0;
    for part in bytes.chunks(chunk.max(1)) {
        rows += decoder.push(part).iter().map(|batch| batch.num_rows()).sum::<usize>();
    }
    rows += decoder.finish().iter().map(|batch| batch.num_rows()).sum::<usize>();
    assert_eq!(decoder.account().records, rows as u64);
    (rows, decoder.account())
}
