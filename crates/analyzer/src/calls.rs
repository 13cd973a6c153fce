//! Rows, taken apart into calls: some at a time, one column after the other, so that what a column
//! is looked up in is at hand.

use std::borrow::Cow;

use bumpalo::Bump;
use tollgate_store::Account;

use crate::call::{self, Call};
use crate::callers::CallerNumbers;
use crate::intern::{Interner, slot};
use crate::places::{Places, Target};
use crate::routes::{Routes, Told};
use crate::rows::{Labels, Row};
use crate::services::Services;
use crate::short::swift_mark;

/// The most routes that are told apart; each has a histogram.
pub(crate) const ROUTES_MAX: usize = 5_000;

/// How many rows are taken apart, and then counted, at a time.
pub(crate) const CHUNK: usize = 64;

/// What gives the names that calls have in common their numbers.
#[derive(Clone)]
pub(crate) struct Naming<'a> {
    pub(crate) account: Option<&'a Account>,
    pub(crate) places: Places<'a>,
    pub(crate) callers: CallerNumbers,
    pub(crate) routes: Routes,
    services: Services,
    long_labels: Interner,
    /// By the number of a route that was told.
    kinds: Vec<Vec<Kind<'a>>>,
}

/// What a row says of where its call went.
struct Along<'r, 'a> {
    target: Target<'a>,
    method: &'r str,
    path: Option<&'r str>,
    /// Without the method.
    route: &'r str,
    route_number: u32,
    service: u32,
}

/// Calls along a route with the same labels: all that is said of where they went.
#[derive(Clone)]
struct Kind<'a> {
    labels: Labels,
    target: Target<'a>,
    route_number: u32,
    service: u32,
}

/// The most long labels that are told apart.
const LABELS_MAX: usize = 1_000;

/// The most kinds of calls that are remembered of a route.
const KINDS_MAX: usize = 8;

impl<'a> Naming<'a> {
    /// For calls that this account, and the one that it is compared with, say something of.
    pub(crate) fn new(account: Option<&'a Account>, against: Option<&'a Account>) -> Naming<'a> {
        Naming {
            account,
            places: Places::new(account, against),
            callers: CallerNumbers::new(),
            routes: Routes::new(ROUTES_MAX),
            services: Services::default(),
            long_labels: Interner::new(LABELS_MAX),
            kinds: Vec::new(),
        }
    }

    /// Takes rows apart.
    pub(crate) fn calls<'r>(&mut self, rows: &[Row<'r, 'r>], bump: &'r Bump) -> &'r [Call<'r, 'a>]
    where
        'a: 'r,
    {
        let callers = self.callers(rows, bump);
        let calls = rows.iter().zip(callers).map(|(&row, &(caller, caller_number))| {
            let Along { target, method, path, route, route_number, service } =
                self.along(row, bump);
            Call {
                row,
                time: row.time(),
                status: row.status(),
                caller,
                caller_number,
                target,
                method,
                path,
                route,
                route_number,
                service,
            }
        });
        bump.alloc_slice_fill_iter(calls)
    }

    #[inline]
    fn along<'r>(&mut self, row: Row<'r, 'r>, bump: &'r Bump) -> Along<'r, 'a>
    where
        'a: 'r,
    {
        let told = self.routes.told(row);
        let long = &mut self.long_labels;
        let of_kind = told.and_then(|told| Some((told, told.number()?, row.labels(long)?)));
        if let Some((Told { configured, .. }, number, labels)) = of_kind
            && let Some(kinds) = self.kinds.get(number as usize)
            && let Some(kind) = kinds.iter().find(|kind| kind.labels.are(&labels))
        {
            let Kind { target, route_number, service, .. } = *kind;
            let [api, _] = target.apis;
            let path = call::path_along(row, Some(configured), api);
            let (method, route) = (call::method(row).unwrap_or("-"), configured.text);
            return Along { target, method, path, route, route_number, service };
        }
        let along = self.look_along(row, told, bump);
        if let Some((_, number, labels)) = of_kind {
            self.remember(number, labels, &along);
        }
        along
    }

    fn look_along<'r>(
        &mut self,
        row: Row<'r, 'r>,
        told: Option<Told<'r>>,
        bump: &'r Bump,
    ) -> Along<'r, 'a>
    where
        'a: 'r,
    {
        let method = call::method(row).unwrap_or("-");
        let target = self.places.target(row);
        let [api, _] = target.apis;
        let path = call::path_along(row, told.map(|told| told.configured), api);
        let target = self.places.of_call(target, row, method, path);
        let (route, route_number) = self.routes.route(told, api, (method, path), bump);
        let service = self.services.number(call::forwarded(row, api, method, path));
        Along { target, method, path, route, route_number, service }
    }

    /// Remembers where calls with these labels go, if nothing else of them matters for that: not what
    /// their path is.
    fn remember(&mut self, route: u32, labels: Labels, along: &Along<'_, 'a>) {
        let Along { target, route_number, service, .. } = *along;
        let [api, _] = target.apis;
        let is_told = labels.tell_method() && (labels.tell_upstream() || api.is_none());
        if !is_told || target.is_mixed() {
            return;
        }
        let kinds = slot(&mut self.kinds, route);
        if kinds.len() < KINDS_MAX {
            kinds.push(Kind { labels, target, route_number, service });
        }
    }

    /// The callers of rows, and their numbers: in steps, so that no row's caller is waited for.
    fn callers<'r>(&mut self, rows: &[Row<'r, 'r>], bump: &'r Bump) -> &'r [(&'r str, u32)]
    where
        'a: 'r,
    {
        let account = self.account;
        let marked = |row: &Row<'r, 'r>| {
            let caller: &'r str = match call::caller(*row, account) {
                Cow::Borrowed(caller) => caller,
                Cow::Owned(caller) => bump.alloc_str(&caller),
            };
            (caller, swift_mark(caller))
        };
        let marked = bump.alloc_slice_fill_iter(rows.iter().map(marked));
        let likely = marked.iter().map(|(_, mark)| self.callers.likely(*mark));
        let likely = bump.alloc_slice_fill_iter(likely);
        let numbered = marked.iter().zip(likely).map(|(&(caller, mark), likely)| {
            (caller, self.callers.number_likely(caller, mark, *likely))
        });
        bump.alloc_slice_fill_iter(numbered)
    }
}
