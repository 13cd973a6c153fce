//! Decodes logs to the columns of the full report and prints the account of
//! lines: what the figures of speed and memory are measured with.
//!
//! `cargo run --release -p tollgate-log --example decode -- [--threads N] INPUT…`
#![expect(clippy::print_stdout, reason = "this is the edge")]

use tollgate_log::{Field, Input, Projection, ScanOptions, scan};

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

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut options = ScanOptions::new(Projection::of(REPORT));
    let mut inputs = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--threads" {
            options.threads = arguments.next().ok_or("`--threads` needs a number")?.parse()?;
        } else {
            inputs.extend(Input::expand(&argument)?);
        }
    }
    let scanned = scan(&inputs, &options, || 0, |rows, batch| *rows += batch.records.num_rows());
    println!("{:#?}", scanned.account);
    println!("{} rows", scanned.accumulators.iter().sum::<usize>());
    for line in scanned.quarantine.samples() {
        println!("{} at {}: {} `{}`", line.file, line.offset, line.reason, line.sample);
    }
    Ok(())
}
