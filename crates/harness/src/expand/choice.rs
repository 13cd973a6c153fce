//! One value of every list: what a cell is made of, and what it is called.

use std::fmt::Write;

use crate::file::{Axis, Case, ContextFields, Known, RequestFields};
use crate::place::Located;

/// The lists whose values are combined.
pub(super) struct Dimensions<'a> {
    principal: (&'a Located<String>, bool),
    request: Vec<(&'static str, &'a Axis)>,
    context: Vec<&'a ContextFields>,
}

impl<'a> Dimensions<'a> {
    pub(super) fn new(
        principal: (&'a Located<String>, bool),
        request: &'a RequestFields,
        context: &[&'a ContextFields],
    ) -> Dimensions<'a> {
        let request =
            request.axes().into_iter().filter_map(|(name, axis)| Some((name, axis?))).collect();
        Dimensions { principal, request, context: context.to_vec() }
    }

    /// How many values each list has, the slowest first.
    fn sizes(&self) -> impl Iterator<Item = usize> {
        let request = self.request.iter().map(|(_, axis)| axis.values.len());
        request.chain(self.context.iter().map(|field| field.values.len()))
    }

    /// How many cells the lists make.
    pub(super) fn count(&self) -> usize {
        self.sizes().fold(1, usize::saturating_mul)
    }

    /// All choices: the last list varies fastest.
    pub(super) fn choices(&self) -> impl Iterator<Item = Choice<'_>> {
        (0..self.count()).map(|number| self.choice(number))
    }

    /// The digits of `number`, each to the base of its list's length.
    fn choice(&self, number: usize) -> Choice<'_> {
        let mut rest = number;
        let mut stride = self.count();
        let mut digit = |size: usize| {
            stride /= size.max(1);
            let digit = rest / stride.max(1);
            rest -= digit * stride;
            digit
        };
        let mut choice =
            Choice { principal: self.principal, request: Vec::new(), context: Vec::new() };
        for (name, axis) in &self.request {
            let value = axis.values.get(digit(axis.values.len()));
            choice.request.extend(value.map(|value| (*name, value, axis.listed)));
        }
        for field in &self.context {
            let value = field.values.get(digit(field.values.len()));
            choice.context.extend(value.map(|value| (*field, &value.value)));
        }
        choice
    }
}

/// One value of every list.
pub(super) struct Choice<'a> {
    principal: (&'a Located<String>, bool),
    request: Vec<(&'static str, &'a Located<String>, bool)>,
    context: Vec<(&'a ContextFields, &'a Known)>,
}

impl<'a> Choice<'a> {
    /// The values chosen for the request's fields.
    pub(super) fn request(&self) -> impl Iterator<Item = (&'static str, &'a Located<String>)> {
        self.request.iter().map(|(name, value, _)| (*name, *value))
    }

    /// The values chosen for context keys.
    pub(super) fn context(&self) -> impl Iterator<Item = (&'a str, &'a Known)> {
        self.context.iter().map(|(field, known)| (field.key.value.as_str(), *known))
    }

    /// The id of the cell: that of its case, and the values that were listed.
    pub(super) fn id(&self, case: &str) -> String {
        let mut id = case.to_owned();
        let mut separator = if case.is_empty() { "" } else { "::" };
        let mut add = |name: &str, value: &str| {
            let _ = write!(id, "{separator}{name}={value}");
            separator = ", ";
        };
        if let (name, true) = self.principal {
            add("principal", &name.value);
        }
        for (name, value, _) in self.request.iter().filter(|(.., listed)| *listed) {
            add(name, &value.value);
        }
        for (field, known) in self.context.iter().filter(|(field, _)| field.listed) {
            add(&field.key.value, &show(known));
        }
        id
    }

    /// Whether an exception is about this cell: every value that it names is the one chosen.
    pub(super) fn is_among(&self, exception: &Case) -> bool {
        let names = |axis: &Axis, value: &str| axis.values.iter().any(|named| named.value == value);
        let principal = exception.principal.as_ref();
        let request = exception.request.axes().into_iter().all(|(name, axis)| {
            let chosen = self.request.iter().find(|(known, ..)| *known == name);
            axis.is_none_or(|axis| chosen.is_some_and(|(_, value, _)| names(axis, &value.value)))
        });
        let context = exception.context.iter().all(|field| {
            let same = |name: &str| field.key.value.eq_ignore_ascii_case(name);
            let chosen = self.context.iter().find(|(known, _)| same(&known.key.value));
            chosen.is_some_and(|(_, known)| field.values.iter().any(|named| named.value == **known))
        });
        principal.is_none_or(|axis| names(axis, &self.principal.0.value)) && request && context
    }
}

pub(super) fn show(known: &Known) -> String {
    match known {
        Known::Absent => "absent".to_owned(),
        Known::Values(values) if values.len() == 1 => values.concat(),
        Known::Values(values) => format!("[{}]", values.join(" ")),
    }
}
