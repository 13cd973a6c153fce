//! The whole analysis: a log is read, every request is replayed, and the report put together.
//!
//! 200 MB are generated for it, or as many bytes as `TOLLGATE_BENCH_BYTES` says.

use std::env;
use std::fs::File;
use std::hint::black_box;
use std::io::BufWriter;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tollgate_analyzer::{Analysis, Report};
use tollgate_benches::traffic;
use tollgate_log::{Input, ScanOptions};
use tollgate_store::Account;

const BYTES: u64 = 200_000_000;

#[expect(clippy::disallowed_methods, reason = "a bench is its own edge")]
fn bytes() -> u64 {
    env::var("TOLLGATE_BENCH_BYTES").ok().and_then(|text| text.parse().ok()).unwrap_or(BYTES)
}

#[expect(clippy::expect_used, reason = "a bench that cannot be set up has nothing to measure")]
fn analyze(criterion: &mut Criterion) {
    let path = env::temp_dir().join("tollgate-bench.jsonl");
    let file = File::create(&path).expect("the temporary folder takes a file");
    traffic::write_log(&mut BufWriter::new(file), bytes()).expect("the temporary folder has room");
    let size = path.metadata().expect("it was just written").len();
    let account = Account::read(&traffic::account(), Path::new("tollgate.toml"))
        .expect("the generated account is valid");
    let inputs = [Input::File(path.clone())];
    let mut group = criterion.benchmark_group("analyze");
    group.throughput(Throughput::Bytes(size)).sample_size(10);
    for (name, account) in [("usage", None), ("replay", Some(&account))] {
        for threads in [1, 0] {
            let analysis = Analysis { account, ..Analysis::default() };
            let mut options = ScanOptions::new(analysis.projection());
            options.threads = threads;
            let workers = if threads == 1 { "one worker" } else { "all cores" };
            group.bench_function(format!("{name}/{workers}"), |bencher| {
                bencher.iter(|| {
                    let (gathered, read) = analysis.scan(black_box(&inputs), &options);
                    black_box(Report::new(&gathered, read.account, read.quarantine.samples()));
                });
            });
        }
    }
    group.finish();
    // What is left behind in the temporary folder is the system's to remove.
    let _ = std::fs::remove_file(path);
}

criterion_group!(benches, analyze);
criterion_main!(benches);
