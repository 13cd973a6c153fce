//! Where calls go: an API and its stage, which are the same from row to row.

use hashbrown::HashMap;
use tollgate_policy::{Head, write_request_arn};
use tollgate_store::{Account, ApiEntry};

use crate::call;
use crate::rows::Row;

/// The most places that are remembered, and the most methods of each; calls of others are looked at
/// one by one.
const PLACES_MAX: usize = 1_000;
const METHODS_MAX: usize = 32;

/// APIs and stages, each looked up once.
pub(crate) struct Places<'a> {
    /// The account, and the one that it is compared with.
    accounts: [Option<&'a Account>; 2],
    places: Vec<Place<'a>>,
    known: HashMap<Name, usize>,
    /// The place of the last row: the next row's is likely to be the same.
    latest: usize,
}

/// What rows say of a place: the API's id and the stage.
type Name = (Option<Box<str>>, Option<Box<str>>);

/// An API and its stage, as far as rows and accounts tell.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    /// The API's entry in the account, and in the one that it is compared with.
    pub(crate) apis: [Option<&'a ApiEntry>; 2],
    /// The number of the place; `None` for one that is not remembered.
    pub(crate) place: Option<usize>,
}

struct Place<'a> {
    name: Name,
    target: Target<'a>,
    methods: Vec<(Box<str>, Head)>,
}

impl<'a> Places<'a> {
    pub(crate) fn new(account: Option<&'a Account>, against: Option<&'a Account>) -> Places<'a> {
        let accounts = [account, against];
        Places { accounts, places: Vec::new(), known: HashMap::new(), latest: 0 }
    }

    /// Where a row's call went.
    pub(crate) fn target(&mut self, row: Row<'_, '_>) -> Target<'a> {
        let name = (row.api_id(), row.stage());
        if let Some(place) = self.places.get(self.latest)
            && (place.name.0.as_deref(), place.name.1.as_deref()) == name
        {
            return place.target;
        }
        self.look_up(row)
    }

    fn look_up(&mut self, row: Row<'_, '_>) -> Target<'a> {
        let name: Name = (row.api_id().map(Box::from), row.stage().map(Box::from));
        if let Some(&known) = self.known.get(&name)
            && let Some(place) = self.places.get(known)
        {
            self.latest = known;
            return place.target;
        }
        let apis = self.accounts.map(|account| account.and_then(|account| call::api(account, row)));
        let number = self.places.len();
        if number >= PLACES_MAX {
            return Target { apis, place: None };
        }
        let target = Target { apis, place: Some(number) };
        self.places.push(Place { name: name.clone(), target, methods: Vec::new() });
        self.known.insert(name, number);
        self.latest = number;
        target
    }

    /// What the ARNs of a method's calls begin with, up to the path without its slash; `None` where
    /// the API is not known, or the place or method not remembered.
    pub(crate) fn head(
        &mut self,
        target: Target<'a>,
        row: Row<'_, '_>,
        method: &str,
    ) -> Option<&mut Head> {
        let [api, _] = target.apis;
        let api = api?;
        let place = self.places.get_mut(target.place?)?;
        let known = place.methods.iter().position(|(name, _)| **name == *method);
        let index = match known {
            Some(known) => known,
            None if place.methods.len() >= METHODS_MAX => return None,
            None => {
                let mut arn = String::new();
                write_request_arn(&mut arn, &api.api(), call::stage(api, row)?, method, "");
                place.methods.push((method.into(), Head::new(arn)));
                place.methods.len() - 1
            }
        };
        place.methods.get_mut(index).map(|(_, head)| head)
    }
}
