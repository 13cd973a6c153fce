//! Rows, taken apart into calls: some at a time, one column after the other, so that what a column
//! is looked up in is at hand.

use std::ops::Range;

use tollgate_store::Account;

use crate::call::{self, Call};
use crate::intern::{Interner, slot};
use crate::places::{Places, Target};
use crate::routes::{Route, Routes, Told};
use crate::rows::{Labels, Row};
use crate::services::Services;

/// The most callers that are told apart.
pub(crate) const CALLERS_MAX: usize = 50_000;

/// The most routes that are told apart; each has a histogram.
pub(crate) const ROUTES_MAX: usize = 5_000;

/// How many rows are taken apart, and then counted, at a time.
pub(crate) const CHUNK: usize = 64;

/// What gives the names that calls have in common their numbers.
pub(crate) struct Naming<'a> {
    pub(crate) places: Places<'a>,
    pub(crate) callers: Interner,
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
    route: Route<'r>,
    route_number: u32,
    service: u32,
}

/// Calls along a route with the same labels: all that is said of where they went.
struct Kind<'a> {
    labels: Labels,
    target: Target<'a>,
    route_number: u32,
    service: u32,
}

/// The most long labels that are told apart.
const LABELS_MAX: usize = 1_000;

/// The most kinds of calls that are remembered of a route.
const KINDS_MAX: usize = 16;

impl<'a> Naming<'a> {
    /// For calls that this account, and the one that it is compared with, say something of.
    pub(crate) fn new(account: Option<&'a Account>, against: Option<&'a Account>) -> Naming<'a> {
        Naming {
            places: Places::new(account, against),
            callers: Interner::new(CALLERS_MAX),
            routes: Routes::new(ROUTES_MAX),
            services: Services::default(),
            long_labels: Interner::new(LABELS_MAX),
            kinds: Vec::new(),
        }
    }

    /// Takes rows apart. Routes that had to be guessed are written to `guesses`.
    pub(crate) fn calls<'r>(
        &mut self,
        rows: &[Row<'r, 'r>],
        guesses: &'r mut String,
    ) -> Vec<Call<'r, 'a>>
    where
        'a: 'r,
    {
        guesses.clear();
        let along: Vec<_> = rows.iter().map(|row| self.along(*row, guesses)).collect();
        let callers = self.callers(rows);
        let guesses = &*guesses;
        let guess = |range: Range<usize>| guesses.get(range).unwrap_or_default();
        let rows = rows.iter().zip(along).zip(callers);
        rows.map(|((&row, along), (caller, caller_number))| {
            let Along { target, method, path, route, route_number, service } = along;
            let [api, _] = target.apis;
            let route = match route {
                Route::Known(route) => route,
                Route::Guessed(range) => guess(range),
            };
            Call {
                row,
                time: row.time(),
                status: row.status(),
                caller,
                caller_number,
                target,
                api,
                method,
                path,
                route,
                route_number,
                service,
            }
        })
        .collect()
    }

    #[inline]
    fn along<'r>(&mut self, row: Row<'r, 'r>, guesses: &mut String) -> Along<'r, 'a>
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
            let path = call::path_along(row, Some(configured));
            let (method, route) = (call::method(row).unwrap_or("-"), Route::Known(configured.text));
            return Along { target, method, path, route, route_number, service };
        }
        let along = self.look_along(row, told, guesses);
        if let Some((_, number, labels)) = of_kind {
            self.remember(number, labels, &along);
        }
        along
    }

    fn look_along<'r>(
        &mut self,
        row: Row<'r, 'r>,
        told: Option<Told<'r>>,
        guesses: &mut String,
    ) -> Along<'r, 'a>
    where
        'a: 'r,
    {
        let target = self.places.target(row);
        let [api, _] = target.apis;
        let method = call::method(row).unwrap_or("-");
        let path = call::path_along(row, told.map(|told| told.configured));
        let (route, route_number) = self.routes.route(told, api, (method, path), guesses);
        let service = self.services.number(call::forwarded(row, api, method, path));
        Along { target, method, path, route, route_number, service }
    }

    /// Remembers where calls with these labels go, if nothing else of them matters for that: not what
    /// their path is.
    fn remember(&mut self, route: u32, labels: Labels, along: &Along<'_, 'a>) {
        let Along { target, route_number, service, .. } = *along;
        let [api, _] = target.apis;
        if !labels.tell_method() || !labels.tell_upstream() && api.is_some() {
            return;
        }
        let kinds = slot(&mut self.kinds, route);
        if kinds.len() < KINDS_MAX {
            kinds.push(Kind { labels, target, route_number, service });
        }
    }

    /// The callers of rows, and their numbers: in steps, so that no row's caller is waited for.
    fn callers<'r>(&mut self, rows: &[Row<'r, 'r>]) -> Vec<(&'r str, u32)> {
        let hashed = |row: &Row<'r, 'r>| {
            let caller = call::caller(*row);
            (caller, self.callers.hash(caller))
        };
        let hashed: Vec<_> = rows.iter().map(hashed).collect();
        let likely: Vec<_> = hashed.iter().map(|(_, hash)| self.callers.likely(*hash)).collect();
        let numbered = hashed.into_iter().zip(likely).map(|((caller, hash), likely)| {
            (caller, self.callers.number_likely(caller, hash, likely))
        });
        numbered.collect()
    }
}
