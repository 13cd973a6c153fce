//! The smallest readable policy that allows what was observed.
//!
//! ```text
//! rows ─calls─▶ Seen ─observe─▶ Observed ─elements─▶ Element ─compose─▶ Composed ─prove─▶ Suggestions
//!              grants ──┘       (merges)     values, shape                  rows ──┘
//! ```
//!
//! Each call that the present policies allow is put down to the resource pattern of one Allow
//! statement. What it asked for becomes an element within that statement: the same conditions, the
//! action that was called, and the route with the values of its parameters, or `*` where there were
//! many. What no call of the log can show, since calls of other services are logged elsewhere, is kept.
//! Nothing outside of the present policies can be granted, since an element that is not shown to be
//! covered gives way to the present pattern. Whoever holds [`Suggestions`] holds the proof: the log was
//! replayed with them.

mod along;
mod calls;
mod compose;
mod elements;
mod files;
mod grants;
mod observe;
mod prove;
mod remarks;
mod report;
mod shape;
mod shown;
mod values;

use std::sync::{Mutex, PoisonError};

use tollgate_log::{Input, Projection, ScanOptions};
use tollgate_store::{Account, Subject, WhatIf};

pub use self::elements::Bounds;
pub use self::files::file_names;
pub use self::prove::Unproven;
pub(crate) use self::report::NOT_IN_LOGS;
pub use self::report::{
    Calls, Observation, Policy, Replaced, ResourceNote, Seen, StatementNote, Suggestion,
    Suggestions, Unused, UnusedPattern,
};
pub(crate) use self::shape::literal;

use self::compose::Composed;
use self::files::Names;
use self::grants::Grants;
use self::observe::{Chosen, Observed, Watcher};
use self::prove::{Again, Prover, Replayed};
use self::report::Facts;
use self::shown::Shown;
use crate::asked::Asked;
use crate::assumption::Assumption;
use crate::filter::Filter;
use crate::gather::{Analysis, Read, Window};
use crate::rows::projection;
use crate::settled::Settled;

/// What to suggest policies for.
#[derive(Clone, Copy, Debug)]
pub struct Suggest<'a> {
    /// The account whose policies are in force.
    pub account: &'a Account,
    /// Its principals that want policies.
    pub principals: &'a [&'a Subject],
    /// Whether these are all, so that those that called nothing are told.
    pub all: bool,
    /// Values of context keys to assume where the log does not tell them.
    pub assumed: &'a [Assumption],
    /// Which rows count.
    pub window: Window,
    /// Which of these count.
    pub filter: Option<&'a Filter>,
    /// How many values are listed.
    pub bounds: Bounds,
}

impl<'a> Suggest<'a> {
    /// The columns that must be decoded.
    pub fn projection() -> Projection {
        projection()
    }

    /// Reads the inputs, puts the policies together, and reads the inputs once more to prove them.
    /// Standard input can be read only once: give a file instead.
    ///
    /// # Errors
    /// The suggestion could not be proven.
    pub fn run(
        &self,
        inputs: &[Input],
        options: &ScanOptions,
    ) -> Result<(Suggestions, Read), Unproven> {
        let grants = self.principals.iter().map(|subject| Grants::of(self.account, subject));
        let chosen = Chosen::new(grants.collect(), self.bounds.wide());
        let (observed, read) = self.observe(&chosen, inputs, options);
        let composed = self.compose(&chosen, &observed)?;
        let again = ScanOptions { quarantine: None, ..options.clone() };
        let replayed = self.prove(&chosen, &composed, inputs, &again);
        let replayed = replayed.judge(observed.counted.requests)?;
        let mut suggestions = self.report(&chosen, &observed, composed, &replayed);
        suggestions.observation.asked = self.asked(read.dedup);
        let mut settled = Settled::of(self.assumed, [self.account].into_iter());
        settled.merge(observed.counted.settled);
        suggestions.observation.remarks.extend(settled.sentences());
        Ok((suggestions, read))
    }

    /// Which calls count, and what is assumed of them, as options.
    fn asked(&self, dedup: bool) -> Vec<String> {
        let Suggest { assumed, window, filter, .. } = *self;
        let analysis = Analysis { assumed, window, filter, ..Analysis::default() };
        Asked::of(&analysis, dedup).options_within(window)
    }

    fn calls(&self) -> calls::Calls<'a> {
        let Suggest { account, assumed, window, filter, .. } = *self;
        calls::Calls { account, assumed, window, filter }
    }

    fn observe(
        &self,
        chosen: &Chosen<'a>,
        inputs: &[Input],
        options: &ScanOptions,
    ) -> (Observed, Read) {
        let worker = |_: Option<&_>| Watcher::new(self.calls(), chosen);
        let all: Mutex<Observed> = Mutex::default();
        let end = |watcher: Watcher<'_, '_>| {
            let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
            all.merge(watcher.finish(), chosen.bound);
        };
        let scanned = tollgate_log::scan_into(inputs, options, worker, Watcher::watch, end);
        let tollgate_log::Scanned { account, quarantine, sources, state, .. } = scanned;
        let observed = all.into_inner().unwrap_or_else(PoisonError::into_inner);
        let dedup = options.leaves_out_duplicates();
        (observed, Read { account, quarantine, sources, state, dedup })
    }

    /// The policies of each principal, within what is granted now.
    fn compose(&self, chosen: &Chosen<'a>, observed: &Observed) -> Result<Vec<Composed>, Unproven> {
        let shown = Shown::new(&observed.counted.asked);
        let mut all = Vec::new();
        for (index, grants) in chosen.grants.iter().enumerate() {
            let apart = grants.apart(&shown);
            let elements =
                elements::elements(self.account, observed, index, grants, &apart, self.bounds);
            let composed = compose::compose(elements, grants).map_err(Unproven::Unreadable)?;
            prove::is_within(&composed.documents, grants)?;
            all.push(composed);
        }
        Ok(all)
    }

    fn prove(
        &self,
        chosen: &Chosen<'a>,
        composed: &[Composed],
        inputs: &[Input],
        options: &ScanOptions,
    ) -> Replayed {
        let what_if = |(grants, composed): (&Grants<'_>, &Composed)| WhatIf {
            principal: grants.subject.arn().to_owned(),
            policies: composed
                .documents
                .iter()
                .map(|document| ("suggestion".to_owned(), document.clone()))
                .collect(),
        };
        let changes: Vec<WhatIf> = chosen.grants.iter().zip(composed).map(what_if).collect();
        let suggested = self.account.what_if(&changes);
        let worker = |_: Option<&_>| Prover::new(self.calls(), chosen, &suggested);
        let end = Prover::finish;
        let scanned = tollgate_log::scan_into(inputs, options, worker, Prover::check, end);
        let mut replayed = Replayed::default();
        for prover in scanned.accumulators {
            replayed.merge(prover);
        }
        replayed
    }

    fn report(
        &self,
        chosen: &Chosen<'a>,
        observed: &Observed,
        composed: Vec<Composed>,
        replayed: &[Again],
    ) -> Suggestions {
        let shown = Shown::new(&observed.counted.asked);
        let mut principals = Vec::new();
        let nothing = observe::PrincipalUse::default();
        let holders = report::holders(self.account);
        let files = file_names(self.principals);
        let mut given = Names::of(&files);
        let all = chosen.grants.iter().zip(composed).zip(files);
        for (index, ((grants, composed), name)) in all.enumerate() {
            let facts = Facts {
                account: self.account,
                holders: &holders,
                grants,
                apart: &grants.apart(&shown),
                used: observed.principals.get(index).unwrap_or(&nothing),
                names: given.numbered(name, composed.documents.len()),
                replayed: replayed.get(index).copied().unwrap_or_default(),
            };
            principals.push(Suggestion::new(composed, &facts));
        }
        let called =
            |subject: &&&Subject| !observed.counted.by_principal.contains_key(subject.arn());
        let unused = self.principals.iter().filter(|_| self.all).filter(called);
        Suggestions {
            version: 1,
            account: self.account.id().to_owned(),
            observation: Observation::new(observed),
            unused_principals: unused.map(|subject| subject.arn().to_owned()).collect(),
            principals,
        }
    }
}
