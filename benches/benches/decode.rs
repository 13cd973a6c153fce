//! What a byte of access log costs: decoded to the columns of the full report, one worker.
//!
//! Throughput counts unpacked bytes, whatever the container.

use std::io::Write as _;
use std::path::PathBuf;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tollgate_benches::log::{access_log, report};
use tollgate_log::{Decoder, Input, Projection, ScanOptions, scan};

const BYTES: usize = 32 << 20;

/// The log, packed in each way, as files.
fn files(folder: &std::path::Path, log: &[u8]) -> std::io::Result<Vec<(&'static str, PathBuf)>> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(log)?;
    let packed =
        [("plain", log.to_vec()), ("gzip", gzip.finish()?), ("zstd", zstd::encode_all(log, 3)?)];
    let mut files = Vec::new();
    for (name, bytes) in packed {
        let path = folder.join(name);
        std::fs::write(&path, bytes)?;
        files.push((name, path));
    }
    Ok(files)
}

fn decode(criterion: &mut Criterion) {
    let log = access_log(BYTES);
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Bytes(log.len() as u64)).sample_size(10);
    let options = ScanOptions { threads: 1, ..ScanOptions::new(report()) };
    let Ok(folder) = tempfile::tempdir() else { return };
    for (name, path) in files(folder.path(), log.as_bytes()).unwrap_or_default() {
        let inputs = [Input::File(path)];
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                scan(&inputs, &options, || 0, |rows, batch| *rows += batch.records.num_rows())
            });
        });
    }
    for (name, projection) in [
        ("pushed", report()),
        ("pushed, no column", Projection::NONE),
        ("pushed, every column", Projection::all()),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut decoder = Decoder::new("log", projection);
                log.as_bytes().chunks(512 << 10).for_each(|chunk| drop(decoder.push(chunk)));
                decoder.finish();
                decoder.account()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
