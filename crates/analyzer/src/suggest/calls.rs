//! The calls of a log that count, each with the request that was decided.

use std::collections::BTreeMap;

use tollgate_log::Batch;
use tollgate_policy::{Decision, Request, authorize};
use tollgate_store::{Account, ApiEntry, Subject};

use super::shown::{Asked, is_of_api};
use crate::assumption::Assumption;
use crate::bindings::{Bindings, INVOKE};
use crate::call;
use crate::callers::CALLERS_MAX;
use crate::filter::{Filter, Found, Watch};
use crate::gather::Window;
use crate::intern::{Interner, OTHER_NUMBER, slot};
use crate::replay::write_resource;
use crate::rows::{Columns, Row};
use crate::settled::{Settled, Settling};
use crate::time::Span;
use crate::verdict::Logged;

/// The most actions, and services, that are told apart.
const ACTIONS_MAX: usize = 10_000;

/// Which calls count, and what decides them.
#[derive(Clone, Copy)]
pub(crate) struct Calls<'a> {
    pub(crate) account: &'a Account,
    pub(crate) assumed: &'a [Assumption],
    pub(crate) window: Window,
    pub(crate) filter: Option<&'a Filter>,
}

/// A call by someone the account knows.
pub(crate) struct Seen<'q, 'r, 'a> {
    pub(crate) row: Row<'r, 'r>,
    pub(crate) subject: &'a Subject,
    pub(crate) api: Option<&'a ApiEntry>,
    /// The number of what decides the caller's calls of the API, for this worker.
    pub(crate) binding: usize,
    pub(crate) logged: Logged,
    pub(crate) method: &'r str,
    pub(crate) path: Option<&'r str>,
    /// The request; without a resource if the log does not tell it.
    pub(crate) request: &'q Request<'r>,
    /// The present decision, or why the log does not tell enough for it.
    pub(crate) decided: Result<&'q Decision, &'static str>,
}

/// What was read, whoever called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Calls that count.
    pub(crate) requests: u64,
    /// Calls that do not: outside of the window, or filtered out.
    pub(crate) left_out: u64,
    /// Of these, calls without a time, which are within no window.
    pub(crate) left_out_without_time: u64,
    /// When the first and the last of those that count were.
    pub(crate) span: Span,
    /// What was found of what the filter compares with.
    pub(crate) found: Found,
    /// What assumptions settled.
    pub(crate) settled: Settled,
    /// Calls by callers whom the account does not know.
    pub(crate) unknown_callers: u64,
    /// What all of them asked for.
    pub(crate) asked: Asked,
    /// Calls of each principal of the account.
    pub(crate) by_principal: BTreeMap<String, u64>,
}

impl Counted {
    pub(crate) fn merge(&mut self, other: Counted) {
        self.requests += other.requests;
        self.left_out += other.left_out;
        self.left_out_without_time += other.left_out_without_time;
        self.span.merge(other.span);
        self.found.merge(other.found);
        self.settled.merge(other.settled);
        self.unknown_callers += other.unknown_callers;
        self.asked.merge(other.asked);
        for (principal, requests) in other.by_principal {
            *self.by_principal.entry(principal).or_default() += requests;
        }
    }
}

/// Reads calls, for one worker.
pub(crate) struct Reader<'a> {
    calls: Calls<'a>,
    watch: Option<Watch>,
    settling: Settling<'a>,
    bindings: Bindings<'a>,
    callers: Interner,
    /// By the number of a caller: the API that it called last, and the binding there.
    latest: Vec<Option<(Option<&'a ApiEntry>, usize)>>,
    arn: String,
    /// Calls by binding, until they are counted by principal.
    by_binding: Vec<u64>,
    counted: Counted,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(calls: Calls<'a>) -> Reader<'a> {
        let bindings = Bindings::new(calls.account, calls.assumed);
        Reader {
            calls,
            watch: calls.filter.map(Watch::new),
            settling: Settling::new(calls.assumed),
            bindings,
            callers: Interner::new(CALLERS_MAX),
            latest: Vec::new(),
            arn: String::new(),
            by_binding: Vec::new(),
            counted: Counted::default(),
        }
    }

    /// What was read.
    pub(crate) fn counted(self) -> Counted {
        let mut counted = self.counted;
        counted.found = self.watch.map(Watch::finish).unwrap_or_default();
        counted.settled = self.settling.finish();
        for (number, requests) in self.by_binding.into_iter().enumerate() {
            let binding = self.bindings.get(number);
            let subject = binding.and_then(|binding| binding.applicable.subject());
            if let Some(subject) = subject.filter(|_| requests > 0) {
                *counted.by_principal.entry(subject.arn().to_owned()).or_default() += requests;
            }
        }
        counted
    }

    /// The number of what decides a caller's calls of an API.
    fn bind(&mut self, caller: &str, api: Option<&'a ApiEntry>) -> usize {
        let number = self.callers.number(caller);
        if number == OTHER_NUMBER {
            return self.bindings.bind(caller, api);
        }
        let latest = slot(&mut self.latest, number);
        match *latest {
            Some((known, binding)) if same(known, api) => binding,
            _ => {
                let binding = self.bindings.bind(caller, api);
                *latest = Some((api, binding));
                binding
            }
        }
    }

    /// Hands over the calls of a batch.
    pub(crate) fn read(&mut self, batch: &Batch<'_>, mut take: impl FnMut(&Seen<'_, '_, 'a>)) {
        for row in Columns::of(batch).rows() {
            let account = Some(self.calls.account);
            let is_within = self.calls.window.contains(row.time());
            if let Some(watch) = self.watch.as_mut().filter(|_| is_within) {
                watch.look(row, account);
            }
            if is_within && self.calls.filter.is_none_or(|it| it.matches(row, account)) {
                self.read_row(row, &mut take);
            } else {
                self.counted.left_out += 1;
                let is_within = row.time().is_some() || self.calls.window.contains(None);
                self.counted.left_out_without_time += u64::from(!is_within);
            }
        }
    }

    fn read_row(&mut self, row: Row<'_, '_>, take: &mut impl FnMut(&Seen<'_, '_, 'a>)) {
        self.counted.requests += 1;
        self.counted.span.merge(Span::at(row.time()));
        let logged = Logged::of(row);
        let action = row.action().unwrap_or(INVOKE);
        // Of other services, a refusal may name the action otherwise than a call that passed.
        if logged != Logged::Refused || is_of_api(action) {
            let named = row.resource().filter(|_| row.path().is_none());
            self.counted.asked.add(action, named, ACTIONS_MAX);
        }
        let account = self.calls.account;
        let api = call::api(account, row);
        let (caller, path) = (call::caller(row, Some(account)), call::path(row, api));
        let method = call::method(row).unwrap_or("-");
        let api = api.map(|api| call::called(api, row, method, path));
        let number = self.bind(&caller, api);
        let Some(binding) = self.bindings.get(number) else { return };
        let Some(subject) = binding.applicable.subject() else {
            self.counted.unknown_callers += 1;
            return;
        };
        *slot(&mut self.by_binding, u32::try_from(number).unwrap_or(u32::MAX)) += 1;
        let told = write_resource(&mut self.arn, row, api, method, path);
        if told.is_err() {
            self.arn.clear();
        }
        if told.is_ok() && self.settling.is_open() && binding.keys().are_assumed() {
            self.settling
                .note(binding, |suppose| binding.request_if(suppose, row, &caller, api, &self.arn));
        }
        let request = &binding.request(row, &caller, api, &self.arn);
        let decision = told.map(|()| authorize(binding.policies(), request));
        let decided = decision.as_ref().map_err(|why| *why);
        take(&Seen { row, subject, api, binding: number, logged, method, path, request, decided });
    }
}

/// Whether both are the same entry of an account.
fn same(one: Option<&ApiEntry>, other: Option<&ApiEntry>) -> bool {
    one.map(std::ptr::from_ref) == other.map(std::ptr::from_ref)
}
