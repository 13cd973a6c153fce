//! Condition keys that are put together for a decision: the names and values that a context borrows.

use std::borrow::Cow;

use tollgate_policy::{Key, Request, Value};

/// Names and values of condition keys. Of two values of one key, the later counts.
#[derive(Debug, Default)]
pub(crate) struct ContextKeys {
    texts: Vec<(String, String)>,
    sets: Vec<(String, Vec<Cow<'static, str>>)>,
    values: Vec<(&'static str, Value<'static>)>,
}

impl ContextKeys {
    pub(crate) fn text(&mut self, name: impl Into<String>, value: &str) {
        self.texts.push((name.into(), value.to_owned()));
    }

    pub(crate) fn set(
        &mut self,
        name: impl Into<String>,
        values: impl IntoIterator<Item = String>,
    ) {
        self.sets.push((name.into(), values.into_iter().map(Cow::Owned).collect()));
    }

    pub(crate) fn value(&mut self, name: &'static str, value: Value<'static>) {
        self.values.push((name, value));
    }

    /// Adds all of them to a request.
    pub(crate) fn add_to<'a>(&'a self, request: &mut Request<'a>) {
        for (name, value) in &self.values {
            request.context.set(Key::new(name), *value);
        }
        for (name, value) in &self.texts {
            request.context.set(Key::new(name), value.as_str());
        }
        for (name, values) in &self.sets {
            request.context.set(Key::new(name), values.as_slice());
        }
    }
}
