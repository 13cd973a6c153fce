//! Rows, taken apart into calls: some at a time, one column after the other, so that what a column
//! is looked up in is at hand.

use std::ops::Range;

use tollgate_store::ApiEntry;

use crate::call::{self, Call};
use crate::intern::Interner;
use crate::places::{Places, Target};
use crate::routes::{Route, Routes};
use crate::rows::Row;
use crate::services::Services;

/// How many rows are taken apart, and then counted, at a time.
pub(crate) const CHUNK: usize = 64;

/// What gives the names that calls have in common their numbers.
pub(crate) struct Naming<'a> {
    pub(crate) places: Places<'a>,
    pub(crate) callers: Interner,
    pub(crate) routes: Routes,
    pub(crate) services: Services,
}

/// What a row says of where its call went.
struct Along<'r, 'a> {
    target: Target<'a>,
    method: &'r str,
    path: Option<&'r str>,
    route: Route<'r>,
    route_number: u32,
}

impl<'a> Naming<'a> {
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
        let services = &mut self.services;
        let guesses = &*guesses;
        let guess = |range: Range<usize>| guesses.get(range).unwrap_or_default();
        let rows = rows.iter().zip(along).zip(callers);
        rows.map(|((&row, along), (caller, caller_number))| {
            let Along { target, method, path, route, route_number } = along;
            let [api, _] = target.apis;
            let (upstream, credential) = upstream(row, api, method, path);
            let service = services.number(route_number, (upstream, credential));
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
                upstream,
                credential,
                service,
            }
        })
        .collect()
    }

    fn along<'r>(&mut self, row: Row<'r, 'r>, guesses: &mut String) -> Along<'r, 'a>
    where
        'a: 'r,
    {
        let target = self.places.target(row);
        let [api, _] = target.apis;
        let method = call::method(row).unwrap_or("-");
        let told = self.routes.told(row);
        let path = call::path_along(row, told.map(|told| told.configured));
        let (route, route_number) = self.routes.route(told, api, (method, path), guesses);
        Along { target, method, path, route, route_number }
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

/// The third party and the credential of a call: what the row says, else what the account says of
/// the route.
fn upstream<'r>(
    row: Row<'r, 'r>,
    api: Option<&'r ApiEntry>,
    method: &str,
    path: Option<&str>,
) -> (Option<&'r str>, Option<&'r str>) {
    let told = (row.upstream(), row.credential());
    let (None, Some(api), Some(path)) = (told.0, api, path) else { return told };
    let Some(known) = api.route(method, path) else { return told };
    let first = known.credentials.first().map(String::as_str);
    (known.upstream.as_deref(), told.1.or(first))
}
