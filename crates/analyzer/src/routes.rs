//! The routes of calls: what is told of each is found out once.

use bumpalo::{Bump, collections::String as BumpString};
use tollgate_store::ApiEntry;

use crate::call::{self, Configured};
use crate::intern::{Interner, OTHER_NUMBER, slot};
use crate::rows::Row;

/// The most methods of a route that are remembered.
const METHODS_MAX: usize = 16;

/// Of so many routes that are told apart, all but one may be guessed from paths: so whoever tries any
/// paths leaves room for the routes that an API has.
const GUESSED_OF: usize = 10;

/// The route that a row tells, `/pets/{id}`, with what is known of it.
#[derive(Clone, Copy)]
pub(crate) struct Told<'r> {
    /// Its number; `(other)` for one of too many.
    number: u32,
    pub(crate) configured: Configured<'r>,
}

impl Told<'_> {
    /// Its number, if all calls of a method along it are counted under one route.
    #[inline]
    pub(crate) fn number(&self) -> Option<u32> {
        let is_one = self.number != OTHER_NUMBER && !self.configured.is_greedy();
        is_one.then_some(self.number)
    }
}

/// Numbers for methods and routes.
#[derive(Clone)]
pub(crate) struct Routes {
    /// `GET /pets/{id}`, by which calls are counted.
    names: Interner,
    /// `/pets/{id}`, as rows tell it.
    told: Interner,
    shapes: Vec<Option<call::Shape>>,
    /// By the number of what was told: the numbers of its routes by method.
    known: Vec<Vec<(Box<str>, u32)>>,
    /// How many more may be guessed.
    guesses_left: usize,
    name: String,
}

impl Routes {
    /// Of at most `capacity` routes each has a number of its own.
    pub(crate) fn new(capacity: usize) -> Routes {
        Routes {
            names: Interner::new(capacity),
            told: Interner::new(capacity),
            shapes: Vec::new(),
            known: Vec::new(),
            guesses_left: capacity - capacity / GUESSED_OF,
            name: String::new(),
        }
    }

    /// What a row tells of its route.
    #[inline]
    pub(crate) fn told<'r>(&mut self, row: Row<'_, 'r>) -> Option<Told<'r>> {
        let text = call::configured_route(row)?;
        let number = self.told.number(text);
        if number == OTHER_NUMBER {
            return Some(Told { number, configured: Configured::of(text) });
        }
        let shape = *slot(&mut self.shapes, number).get_or_insert_with(|| call::Shape::of(text));
        Some(Told { number, configured: Configured { text, shape } })
    }

    /// The route that a call is counted under, and the number of it with its method. `bump` is for one
    /// that has to be guessed.
    #[inline]
    pub(crate) fn route<'t>(
        &mut self,
        told: Option<Told<'t>>,
        api: Option<&'t ApiEntry>,
        (method, path): (&str, Option<&'t str>),
        bump: &'t Bump,
    ) -> (&'t str, u32) {
        let Some(Told { number, configured }) = told.filter(|told| !told.configured.is_greedy())
        else {
            let configured = told.map(|told| told.configured);
            return self.unconfigured(call::route(configured, api, method, path), method, bump);
        };
        let route = configured.text;
        if number == OTHER_NUMBER {
            return (route, self.numbered(method, route));
        }
        let known = slot(&mut self.known, number);
        if let Some((_, number)) = known.iter().find(|(name, _)| **name == *method) {
            return (route, *number);
        }
        let of_both = self.numbered(method, route);
        let known = slot(&mut self.known, number);
        if known.len() < METHODS_MAX {
            known.push((method.into(), of_both));
        }
        (route, of_both)
    }

    fn unconfigured<'t>(
        &mut self,
        route: Result<&'t str, &str>,
        method: &str,
        bump: &'t Bump,
    ) -> (&'t str, u32) {
        let path = match route {
            Ok(route) => return (route, self.numbered(method, route)),
            Err(path) => path,
        };
        // Most guesses are no longer; what a text grows out of stays in the arena.
        let mut guess = BumpString::with_capacity_in(path.len(), bump);
        guess.extend(call::generalise(path));
        let guess = guess.into_bump_str();
        (guess, self.guessed(method, guess))
    }

    fn guessed(&mut self, method: &str, route: &str) -> u32 {
        self.name.clear();
        self.name.extend([method, " ", route]);
        if let Some(known) = self.names.known(&self.name) {
            return known;
        }
        match self.guesses_left.checked_sub(1) {
            Some(left) => {
                self.guesses_left = left;
                self.names.number(&self.name)
            }
            None => OTHER_NUMBER,
        }
    }

    fn numbered(&mut self, method: &str, route: &str) -> u32 {
        self.name.clear();
        self.name.extend([method, " ", route]);
        self.names.number(&self.name)
    }

    /// The names of routes, with their methods, by number.
    pub(crate) fn names(&self) -> &Interner {
        &self.names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_paths_leave_room_for_routes_that_are_told() {
        let (mut routes, bump) = (Routes::new(20), Bump::new());
        let mut guess = |path: &str| routes.route(None, None, ("GET", Some(path)), &bump).1;
        let guessed: Vec<u32> = ('a'..='z').map(|at| guess(&format!("/{at}.php"))).collect();
        assert_eq!(guessed.iter().filter(|number| **number != OTHER_NUMBER).count(), 18);
        // Those that have a number keep it.
        assert_eq!([guess("/a.php"), guess("/z.php")], [guessed[0], OTHER_NUMBER]);
        for (number, text) in [(1, "/pets"), (2, "/pets/{id}")] {
            let told = Told { number, configured: Configured::of(text) };
            let (_, number) = routes.route(Some(told), None, ("GET", None), &bump);
            assert_eq!(routes.names().text(number), format!("GET {text}"));
        }
    }
}
