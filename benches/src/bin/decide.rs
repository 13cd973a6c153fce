//! Decides a workload and prints what a decision costs, and what compiling its policies does.
//!
//! ```text
//! decide [ROUNDS]            the built-in workloads
//! TOLLGATE_WORKLOADS=DIR decide [ROUNDS]
//! ```
//!
//! A workload folder holds `policies.json` (a list of `{"name", "policy"}`, all attached as identity
//! policies), `requests.jsonl` (`principal`, `action`, `resource`, `context`) and `expected.txt` (`A`
//! allowed, `D` explicit deny, `N` implicit deny, one a line); `DIR` holds such folders.
//!
//! Wall-clock time moves with the load of the machine; instructions do not:
//!
//! ```text
//! valgrind --tool=callgrind --toggle-collect='*decide_all*' target/release/decide 1
//! ```
//!
//! counts those of all decisions, which the tool divides by the number it prints.

#![expect(clippy::print_stdout, reason = "what it prints is its result")]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{env, fs};

use serde::Deserialize;
use serde_json::value::RawValue;
use tollgate_benches::evaluator::{self, Prepared, RawRequest, Workload};
use tollgate_policy::{Outcome, Policies, Request, authorize};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let rounds: u32 = arguments.next().map_or(Ok(200), |rounds| rounds.parse())?;
    let only = arguments.next();
    #[expect(clippy::disallowed_methods, reason = "this is the edge")]
    let folder = env::var_os("TOLLGATE_WORKLOADS");
    let workloads = match folder {
        Some(folder) => read_all(Path::new(&folder))?,
        None => evaluator::all().into_iter().map(|workload| (workload, None)).collect(),
    };
    println!(
        "{:<10} {:>9} {:>12} {:>12} {:>9} {:>12}",
        "workload", "decisions", "at hand ns", "built ns", "kB", "compiled ms"
    );
    for (workload, expected) in workloads {
        if only.as_ref().is_none_or(|only| *only == workload.name) {
            measure(&workload, expected.as_deref(), rounds)?;
        }
    }
    Ok(())
}

fn measure(workload: &Workload, expected: Option<&str>, rounds: u32) -> Result<(), Box<dyn Error>> {
    let sets = workload.compile()?;
    let policies = sets.borrow();
    let prepared: Vec<Prepared<'_>> =
        workload.requests.iter().filter_map(RawRequest::prepare).collect();
    let requests: Vec<Request<'_>> = prepared.iter().map(|request| request.build()).collect();
    if let Some(expected) = expected {
        check(&policies, &requests, expected)
            .map_err(|error| format!("{}: {error}", workload.name))?;
    }
    let at_hand = best_of(rounds, || decide_all(&policies, &requests));
    let built = best_of(rounds, || build_and_decide_all(&policies, &prepared));
    let compiled = best_of(rounds.div_ceil(10), || workload.compile().is_ok());
    let each = |time: Duration| time.as_secs_f64() * 1e9 / requests.len() as f64;
    println!(
        "{:<10} {:>9} {:>12.0} {:>12.0} {:>9.0} {:>12.2}",
        workload.name,
        requests.len(),
        each(at_hand),
        each(built),
        workload.policies.iter().map(String::len).sum::<usize>() as f64 / 1e3,
        compiled.as_secs_f64() * 1e3
    );
    Ok(())
}

/// The shortest of all rounds: what the machine takes when nothing disturbs it.
fn best_of<T>(rounds: u32, mut round: impl FnMut() -> T) -> Duration {
    #[expect(clippy::disallowed_methods, reason = "this measures")]
    let time = |round: &mut dyn FnMut() -> T| {
        let start = Instant::now();
        std::hint::black_box(round());
        start.elapsed()
    };
    (0..rounds).map(|_| time(&mut round)).min().unwrap_or_default()
}

/// Decides everything; gives the number of allowed requests, so that nothing is optimized away.
#[inline(never)]
fn decide_all(policies: &Policies<'_>, requests: &[Request<'_>]) -> usize {
    let allowed = |request: &&Request<'_>| authorize(policies, request).outcome == Outcome::Allowed;
    requests.iter().filter(allowed).count()
}

#[inline(never)]
fn build_and_decide_all<'a>(policies: &Policies<'_>, requests: &'a [Prepared<'a>]) -> usize {
    let Some(mut request) = requests.first().map(Prepared::build) else { return 0 };
    let mut allowed = 0;
    for prepared in requests {
        prepared.build_in(&mut request);
        allowed += usize::from(authorize(policies, &request).outcome == Outcome::Allowed);
    }
    allowed
}

fn check(policies: &Policies<'_>, requests: &[Request<'_>], expected: &str) -> Result<(), String> {
    let expected: Vec<&str> = expected.lines().collect();
    if expected.len() != requests.len() {
        return Err(format!("{} requests, {} expectations", requests.len(), expected.len()));
    }
    for (number, (request, expected)) in (1..).zip(requests.iter().zip(expected)) {
        let decided = match authorize(policies, request).outcome {
            Outcome::Allowed => "A",
            Outcome::ExplicitDeny => "D",
            Outcome::ImplicitDeny => "N",
            Outcome::Indeterminate => "?",
        };
        if decided != expected {
            return Err(format!("request {number}: expected {expected}, decided {decided}"));
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct NamedPolicy<'a> {
    #[serde(borrow)]
    policy: &'a RawValue,
}

#[derive(Deserialize)]
struct JsonRequest {
    principal: String,
    action: String,
    resource: String,
    context: BTreeMap<String, OneOrMany>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// A workload and what is expected of it, if that is known.
type Expected = (Workload, Option<String>);

fn read_all(folder: &Path) -> Result<Vec<Expected>, Box<dyn Error>> {
    let mut workloads = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.join("policies.json").exists() {
            workloads.push((read(&path)?, Some(fs::read_to_string(path.join("expected.txt"))?)));
        }
    }
    workloads.sort_by(|(left, _), (right, _)| left.name.cmp(&right.name));
    Ok(workloads)
}

fn read(folder: &Path) -> Result<Workload, Box<dyn Error>> {
    let text = fs::read_to_string(folder.join("policies.json"))?;
    let policies: Vec<NamedPolicy<'_>> = serde_json::from_str(&text)?;
    let requests = fs::read_to_string(folder.join("requests.jsonl"))?;
    let requests =
        requests.lines().map(|line| Ok(serde_json::from_str::<JsonRequest>(line)?.into()));
    Ok(Workload {
        name: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        policies: policies.into_iter().map(|policy| policy.policy.get().to_owned()).collect(),
        requests: requests.collect::<Result<_, Box<dyn Error>>>()?,
    })
}

impl From<JsonRequest> for RawRequest {
    fn from(request: JsonRequest) -> RawRequest {
        let values = |values| match values {
            OneOrMany::One(text) => vec![Cow::Owned(text)],
            OneOrMany::Many(texts) => texts.into_iter().map(Cow::Owned).collect(),
        };
        let context = request.context.into_iter();
        RawRequest {
            principal: request.principal,
            action: request.action,
            resource: request.resource,
            context: context.map(|(name, texts)| (name, values(texts))).collect(),
        }
    }
}
