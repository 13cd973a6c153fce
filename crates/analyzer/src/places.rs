//! Where calls go: an API and its stage, which are the same from row to row.

use hashbrown::HashMap;
use tollgate_policy::{Head, write_request_arn};
use tollgate_store::{Account, ApiEntry};

use crate::call::{self, Call};
use crate::intern::{OTHER_NUMBER, slot};
use crate::rows::Row;
use crate::short::after;

/// The most places that are remembered, and the most routes of all; calls of others are looked at one
/// by one.
const PLACES_MAX: u16 = 1_000;
const HEADS_MAX: usize = 20_000;

/// APIs and stages, each looked up once.
#[derive(Clone)]
pub(crate) struct Places<'a> {
    /// The account, and the one that it is compared with.
    accounts: [Option<&'a Account>; 2],
    places: Vec<Place<'a>>,
    known: HashMap<Name, u16>,
    variants: HashMap<Variant, u16>,
    /// The place of the last row: the next row's is likely to be the same.
    latest: u16,
    heads: Vec<Beginning>,
    /// By place and the number of a route: the head of its calls.
    known_heads: HashMap<(u16, u32), usize>,
    /// By the number of a route: the place that it was called at last, and the head there.
    latest_heads: Vec<Option<(u16, usize)>>,
}

/// What the ARNs of a route's calls begin with.
#[derive(Clone)]
struct Beginning {
    /// Without the first slash, the route up to its first parameter.
    literal: Box<str>,
    /// What comes before the path, and that literal.
    whole: Head,
    /// What comes before the path: for paths that the route does not tell.
    bare: Head,
}

/// What rows say of a place: the API's id and the stage.
type Name = (Option<Box<str>>, Option<Box<str>>);

/// A place whose calls some routes authorize otherwise, and in which of the two accounts.
type Variant = (u16, [bool; 2]);

/// An API and its stage, as far as rows and accounts tell.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    /// The API's entry in the account, and in the one that it is compared with.
    pub(crate) apis: [Option<&'a ApiEntry>; 2],
    /// The number of the place; `None` for one that is not remembered, or whose calls have another
    /// ARN in each account.
    pub(crate) place: Option<u16>,
}

#[derive(Clone)]
struct Place<'a> {
    name: Name,
    target: Target<'a>,
}

impl Target<'_> {
    /// Whether it depends on the call how it is authorized.
    #[inline]
    pub(crate) fn is_mixed(&self) -> bool {
        self.apis.iter().flatten().any(|api| api.is_mixed())
    }
}

impl<'a> Places<'a> {
    pub(crate) fn new(account: Option<&'a Account>, against: Option<&'a Account>) -> Places<'a> {
        let accounts = [account, against];
        Places {
            accounts,
            places: Vec::new(),
            known: HashMap::new(),
            variants: HashMap::new(),
            latest: 0,
            heads: Vec::new(),
            known_heads: HashMap::new(),
            latest_heads: Vec::new(),
        }
    }

    /// Where a row's call went.
    pub(crate) fn target(&mut self, row: Row<'_, '_>) -> Target<'a> {
        let name = (row.api_id(), row.stage());
        if let Some(place) = self.places.get(usize::from(self.latest))
            && (place.name.0.as_deref(), place.name.1.as_deref()) == name
        {
            return place.target;
        }
        self.look_up(row)
    }

    /// Where a row's call went, as the call's route authorizes; `target` is where the row's calls go.
    #[inline]
    pub(crate) fn of_call(
        &mut self,
        target: Target<'a>,
        row: Row<'_, '_>,
        method: &str,
        path: Option<&str>,
    ) -> Target<'a> {
        if !target.is_mixed() {
            return target;
        }
        let called = |api| call::called(api, row, method, path);
        let apis = target.apis.map(|api| api.map(called));
        let mut otherwise = [false; 2];
        for ((differs, as_row), as_call) in otherwise.iter_mut().zip(target.apis).zip(apis) {
            *differs = as_row.map(std::ptr::from_ref) != as_call.map(std::ptr::from_ref);
        }
        match target.place {
            Some(place) if otherwise != [false; 2] => self.variant((place, otherwise), apis),
            place => Target { apis, place },
        }
    }

    fn variant(&mut self, variant: Variant, apis: [Option<&'a ApiEntry>; 2]) -> Target<'a> {
        if let Some(&known) = self.variants.get(&variant) {
            return Target { apis, place: Some(known) };
        }
        let next = u16::try_from(self.places.len()).ok().filter(|next| *next < PLACES_MAX);
        let target = Target { apis, place: next };
        if let Some(number) = next {
            // By its name the place itself is found.
            self.places.push(Place { name: (None, None), target });
            self.variants.insert(variant, number);
        }
        target
    }

    fn look_up(&mut self, row: Row<'_, '_>) -> Target<'a> {
        let name: Name = (row.api_id().map(Box::from), row.stage().map(Box::from));
        if let Some(&known) = self.known.get(&name)
            && let Some(place) = self.places.get(usize::from(known))
        {
            self.latest = known;
            return place.target;
        }
        let apis = self.accounts.map(|account| account.and_then(|account| call::api(account, row)));
        let Some(number) = u16::try_from(self.places.len()).ok().filter(|next| *next < PLACES_MAX)
        else {
            return Target { apis, place: None };
        };
        let target = Target { apis, place: Some(number).filter(|_| self.are_alike(apis, row)) };
        self.places.push(Place { name: name.clone(), target });
        self.known.insert(name, number);
        self.latest = number;
        target
    }

    /// Whether the ARNs of calls are the same in both accounts.
    fn are_alike(&self, [api, against]: [Option<&'a ApiEntry>; 2], row: Row<'_, '_>) -> bool {
        let [_, account] = self.accounts;
        let is_same = |api: &ApiEntry, against: &ApiEntry| {
            api.api() == against.api() && call::stage(api, row) == call::stage(against, row)
        };
        match (api, against) {
            (Some(api), Some(against)) => is_same(api, against),
            _ => account.is_none() || api.is_none() && against.is_none(),
        }
    }

    /// What the ARNs of a route's calls begin with, as far as it is the same for all of them, and the
    /// rest of this one; `None` where the API is not known, or too many routes are.
    #[inline(always)]
    pub(crate) fn head<'p>(
        &mut self,
        call: &Call<'_, 'a>,
        path: &'p str,
    ) -> Option<(&mut Head, &'p str)> {
        let place = call.target.place.filter(|_| call.route_number != OTHER_NUMBER)?;
        let index = match *slot(&mut self.latest_heads, call.route_number) {
            Some((known, index)) if known == place => index,
            _ => self.look_up_head(call, place)?,
        };
        let beginning = self.heads.get_mut(index)?;
        let path = path.strip_prefix('/').unwrap_or(path);
        match after(path, &beginning.literal) {
            Some(tail) => Some((&mut beginning.whole, tail)),
            None => Some((&mut beginning.bare, path)),
        }
    }

    #[cold]
    fn look_up_head(&mut self, call: &Call<'_, 'a>, place: u16) -> Option<usize> {
        let key = (place, call.route_number);
        let index = match self.known_heads.get(&key) {
            Some(&known) => known,
            None if self.heads.len() >= HEADS_MAX => return None,
            None => {
                let (api, index) = (call.api()?, self.heads.len());
                let mut arn = String::new();
                let stage = call::stage(api, call.row)?;
                write_request_arn(&mut arn, &api.api(), stage, call.method, "");
                self.heads.push(Beginning::new(arn, call.route));
                self.known_heads.insert(key, index);
                index
            }
        };
        *slot(&mut self.latest_heads, call.route_number) = Some((place, index));
        Some(index)
    }
}

impl Beginning {
    fn new(arn: String, route: &str) -> Beginning {
        let path = route.strip_prefix('/').unwrap_or(route);
        let literal = path.split('{').next().unwrap_or_default();
        let whole = Head::new([&*arn, literal].concat());
        Beginning { literal: literal.into(), whole, bare: Head::new(arn) }
    }
}
