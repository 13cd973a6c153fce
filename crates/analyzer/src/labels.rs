//! Numbers for what groups of calls are called by: their resource and their action.

use crate::bindings::INVOKE;
use crate::call::Call;
use crate::intern::{Interner, OTHER_NUMBER, slot};
use crate::replay::write_resource;

/// The most resources, and the most actions, that are told apart.
pub(crate) const LABELS_MAX: usize = 20_000;

/// Numbers for what groups are called by.
#[derive(Clone)]
pub(crate) struct Labels {
    resources: Interner,
    actions: Interner,
    /// That of requests whose log names none.
    invoke: u32,
    /// By the number of a route: the place whose resource was asked for last, and its number.
    by_route: Vec<Option<(u16, u32)>>,
}

impl Default for Labels {
    fn default() -> Labels {
        let (resources, mut actions) = (Interner::new(LABELS_MAX), Interner::new(LABELS_MAX));
        let invoke = actions.number(INVOKE);
        Labels { resources, actions, invoke, by_route: Vec::new() }
    }
}

impl Labels {
    /// The number of the ARN of a call with its route in the place of the path.
    #[inline]
    pub(crate) fn resource(&mut self, call: &Call<'_, '_>) -> u32 {
        let told = call.row.resource().is_some() && call.row.path().is_none();
        let Some(place) = call.target.place.filter(|_| !told && call.route_number != OTHER_NUMBER)
        else {
            return self.resources.number(&template(call));
        };
        let latest = slot(&mut self.by_route, call.route_number);
        match *latest {
            Some((known, number)) if known == place => number,
            _ => {
                let number = self.resources.number(&template(call));
                *latest = Some((place, number));
                number
            }
        }
    }

    /// The text of a resource's number.
    pub(crate) fn resource_text(&self, number: u32) -> &str {
        self.resources.text(number)
    }

    /// The number of a call's action.
    #[inline]
    pub(crate) fn action(&mut self, call: &Call<'_, '_>) -> u32 {
        match call.row.action() {
            Some(action) => self.actions.number(action),
            None => self.invoke,
        }
    }

    /// The text of an action's number.
    pub(crate) fn action_text(&self, number: u32) -> &str {
        self.actions.text(number)
    }
}

/// The ARN of a call with its route in the place of the path.
fn template(call: &Call<'_, '_>) -> String {
    let mut arn = String::new();
    match write_resource(&mut arn, call.row, call.api(), call.method, Some(call.route)) {
        Ok(()) => arn,
        Err(_) => format!("{} {}", call.method, call.route),
    }
}
