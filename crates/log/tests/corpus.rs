//! What fuzzers started from and found: any bytes decode to the same rows and account however they
//! are split. The same is asked of many more inputs by `fuzz/fuzz_targets/logs_decode.rs`.

use std::fs;
use std::path::Path;

use tollgate_log::{Decoder, LineAccount, NameMap, Overrides, Plan, Projection};

fn decode(bytes: &[u8], chunk: usize, plan: &Plan) -> (usize, LineAccount) {
    let mut decoder = Decoder::new("corpus", Projection::all()).planned(plan);
    let mut batches: Vec<_> =
        bytes.chunks(chunk.max(1)).flat_map(|part| decoder.push(part)).collect();
    batches.extend(decoder.finish());
    (batches.iter().map(|batch| batch.num_rows()).sum(), decoder.account())
}

#[test]
fn the_corpus_decodes_alike_however_it_is_split() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/logs_decode");
    for file in fs::read_dir(corpus).unwrap() {
        let path = file.unwrap().path();
        let input = fs::read(&path).unwrap();
        let Some((&first, bytes)) = input.split_first() else { continue };
        let plan = Plan::sniff(bytes, true, &NameMap::default(), &Overrides::default());
        let whole = decode(bytes, bytes.len(), &plan);
        for chunk in [first.into(), 1, 13] {
            assert_eq!(decode(bytes, chunk, &plan), whole, "{} by {chunk}", path.display());
        }
    }
}
