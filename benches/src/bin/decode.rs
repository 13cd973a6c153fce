//! Decodes logs to the columns of the full report and prints the account of lines: what the figures
//! of speed and memory are measured with.
//!
//! ```text
//! decode [--threads N] [--block-bytes N] INPUT…
//! ```
//!
//! Wall-clock time moves with the load of the machine; CPU seconds less, and instructions hardly:
//!
//! ```text
//! perf stat -e user_time,system_time target/release/decode --threads 1 access.jsonl
//! valgrind --tool=callgrind target/release/decode --threads 1 access.jsonl
//! ```

#![expect(clippy::print_stdout, reason = "what it prints is its result")]

use std::error::Error;

use tollgate_benches::log::report;
use tollgate_log::{Input, ScanOptions, scan};

fn main() -> Result<(), Box<dyn Error>> {
    let mut options = ScanOptions::new(report());
    let mut inputs = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number =
            || arguments.next().ok_or("expected a number")?.parse().map_err(Box::<dyn Error>::from);
        match argument.as_str() {
            "--threads" => options.threads = number()?,
            "--block-bytes" => options.block_bytes = number()?,
            _ => inputs.extend(Input::expand(&argument)?),
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
