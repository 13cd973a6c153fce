//! Scanning in order: decoded in parallel, handed over as the logs are.

use std::sync::Arc;

use rayon::prelude::*;

use crate::account::{LineAccount, Quarantine};
use crate::decode::{BlockDecoder, Decoded};
use crate::dedup::Seen;
use crate::input::Input;
use crate::reading::{Reading, Source, Work};
use crate::scan::{Batch, ScanOptions};
use crate::sniff::Plan;
use crate::state::ScanState;

/// Blocks that are decoded together, for each worker.
const BLOCKS_PER_WORKER: usize = 2;

/// What was found in all inputs.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) account: LineAccount,
    pub(crate) quarantine: Quarantine,
    pub(crate) sources: Vec<Source>,
    pub(crate) state: Option<ScanState>,
}

/// Decodes inputs one after another and hands their batches over in order.
///
/// # Errors
/// Whatever `visit` returns ends the scan.
pub(crate) fn scan_in_order<E>(
    inputs: &[Input],
    options: &ScanOptions,
    mut visit: impl FnMut(&Batch<'_>) -> Result<(), E>,
) -> Result<Found, E> {
    let mut found = Found { quarantine: options.quarantine(), ..Found::default() };
    let seen = options.seen();
    let workers = if options.threads == 0 { rayon::current_num_threads() } else { options.threads };
    for input in inputs {
        let mut reading = Reading::open(input, options, seen.as_ref(), &mut found.quarantine);
        let name = Arc::clone(&reading.source.name);
        let mut account = LineAccount::default();
        loop {
            let work: Vec<Work> =
                std::iter::from_fn(|| reading.work(Vec::new(), &mut found.quarantine))
                    .take(workers * BLOCKS_PER_WORKER)
                    .collect();
            if work.is_empty() {
                break;
            }
            let plan = reading.source.plan.clone().unwrap_or_default();
            for (decoded, quarantine) in decode(work, &plan, &name, options, seen.as_ref()) {
                account += decoded.account;
                found.quarantine.merge(quarantine);
                if decoded.records.num_rows() > 0 {
                    let (records, projection) = (&decoded.records, options.projection);
                    visit(&Batch { records, file: &name, projection })?;
                }
            }
        }
        reading.source.account += account;
        found.account += reading.source.account;
        found.sources.push(reading.source);
    }
    found.state = options.next_state(&found.sources, seen.as_ref());
    Ok(found)
}

/// Decodes some blocks of one input, which keep their order.
fn decode(
    work: Vec<Work>,
    plan: &Plan,
    file: &Arc<str>,
    options: &ScanOptions,
    seen: Option<&Seen>,
) -> Vec<(Decoded, Quarantine)> {
    let new = || {
        let ScanOptions { names, projection, .. } = options;
        BlockDecoder::new(Arc::clone(file), plan, names, *projection, seen.cloned())
    };
    // What was seen before depends on the order, so there a worker does it all.
    let each = |decoder: &mut BlockDecoder, work| {
        let mut quarantine = options.quarantine();
        let decoded = match work {
            Work::Decoded(decoded) => decoded,
            Work::Rows(records) => Decoded::rows(records),
            Work::Block(block) => decoder.decode(block, &mut quarantine),
        };
        (decoded, quarantine)
    };
    if seen.is_some() {
        let mut decoder = new();
        return work.into_iter().map(|work| each(&mut decoder, work)).collect();
    }
    work.into_par_iter().map_init(new, each).collect()
}
