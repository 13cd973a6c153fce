//! `tollgate test --record`: yesterday's traffic becomes tomorrow's test.

use std::collections::BTreeMap;
use std::path::Path;

use tollgate_analyzer::Observer;
use tollgate_harness::{Call, Recorder};
use tollgate_log::{Input, ScanOptions};
use tollgate_store::Account;

use super::usage;
use crate::account;
use crate::diagnose::Problem;
use crate::exit::{Exit, Outcome};
use crate::logs::told_by;
use crate::progress;
use crate::world::World;

/// What one worker has seen.
struct Worker<'a> {
    observer: Observer<'a>,
    recorder: Recorder<'a>,
}

/// Prints a test file of the calls in logs, as the account's policies decide them now.
pub(super) fn record(logs: &[String], manifest: &Path, world: &World) -> Outcome {
    let account = account::read(manifest)?;
    let mut inputs = Vec::new();
    for log in logs {
        inputs.extend(Input::expand(log).map_err(|error| Problem::new(error.to_string()))?);
    }
    let mut options = told_by(manifest, Observer::projection())?;
    let bar = progress::watch(&inputs, &mut options, world);
    let (recorder, left_out) = observe(&account, &inputs, &options);
    bar.finish();
    for (reason, rows) in left_out {
        world.complain(&format!("{rows} calls left out: {reason}"));
    }
    if recorder.calls() == 0 {
        return Err(usage(&format!("no calls to record in `{}`", logs.join("`, `"))));
    }
    world.write(None, recorder.finish(&manifest.display().to_string()).as_bytes())?;
    Ok(Exit::Ok)
}

fn observe<'a>(
    account: &'a Account,
    inputs: &[Input],
    options: &ScanOptions,
) -> (Recorder<'a>, BTreeMap<&'static str, u64>) {
    let worker = || Worker { observer: Observer::new(account), recorder: Recorder::new(account) };
    let scanned = tollgate_log::scan(inputs, options, worker, |worker, batch| {
        let Worker { observer, recorder } = worker;
        observer.observe(batch, |request, api| recorder.observe(&Call::of(request), api));
    });
    let (mut all, mut left_out) = (Recorder::new(account), BTreeMap::new());
    for Worker { observer, recorder } in scanned.accumulators {
        all.merge(recorder);
        for (reason, rows) in observer.left_out() {
            *left_out.entry(reason).or_default() += rows;
        }
    }
    (all, left_out)
}
