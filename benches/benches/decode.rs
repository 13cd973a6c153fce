//! What a byte of access log costs: decoded to the columns of the full report, one worker.
//!
//! The log is made here, of the shape that an IAM-authorized proxy writes: 22 values a line, some
//! 600 bytes, few lines alike. Throughput counts unpacked bytes, whatever the container.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tollgate_log::{Decoder, Field, Input, Projection, ScanOptions, scan};

const BYTES: usize = 32 << 20;

/// The columns that the full report needs.
const REPORT: [Field; 20] = [
    Field::Time,
    Field::Stage,
    Field::ApiId,
    Field::Method,
    Field::ResourcePath,
    Field::Path,
    Field::Status,
    Field::ResponseLatency,
    Field::IntegrationLatency,
    Field::IntegrationStatus,
    Field::UserArn,
    Field::SourceIp,
    Field::UserAgent,
    Field::ErrorMessage,
    Field::ErrorType,
    Field::Upstream,
    Field::RateLimit,
    Field::RateRemaining,
    Field::RateReset,
    Field::RetryAfter,
];

/// Pseudo-random numbers, the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

fn log() -> String {
    let mut random = Random(1);
    let mut log = String::with_capacity(BYTES + 1024);
    let mut ms = 1_763_700_000_000;
    while log.len() < BYTES {
        ms += random.below(23);
        let (role, session, repository) = (random.below(120), random.below(40), random.below(512));
        let (id, ip, remaining) = (random.below(u64::MAX), random.below(254), random.below(15_000));
        let (latency, length) = (random.below(900), random.below(9000));
        let clock = (ms / 1000) % 60;
        // Writing to a string cannot fail.
        let _ = writeln!(
            log,
            "{{\"requestId\":\"{id:016x}-4fff-a000-000000000000\",\"stage\":\"prod\",\
             \"ip\":\"10.0.0.{ip}\",\
             \"userArn\":\"arn:aws:sts::123456789012:assumed-role/role-{role}/session-{session}\",\
             \"userAgent\":\"python-requests/2.31.0\",\
             \"requestTime\":\"21/Nov/2025:04:40:{clock:02} +0000\",\"requestTimeEpoch\":{ms},\
             \"httpMethod\":\"GET\",\"resourcePath\":\"/github/repos/{{owner}}/{{repo}}/issues\",\
             \"path\":\"/github/repos/acme/repo-{repository}/issues\",\"status\":\"200\",\
             \"responseLength\":\"{length}\",\"responseLatency\":\"{latency}\",\
             \"integrationLatency\":\"{latency}\",\"integrationStatus\":\"200\",\
             \"errorMessage\":\"-\",\"errorType\":\"-\",\"upstream\":\"github\",\
             \"rlLimit\":\"15000\",\"rlRemaining\":\"{remaining}\",\"rlReset\":\"1763703600\",\
             \"retryAfter\":\"-\"}}"
        );
    }
    log
}

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
    let log = log();
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Bytes(log.len() as u64)).sample_size(10);
    let options = ScanOptions { threads: 1, ..ScanOptions::new(Projection::of(REPORT)) };
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
        ("pushed", Projection::of(REPORT)),
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
