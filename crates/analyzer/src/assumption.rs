//! What is assumed of context keys where the log does not tell.

use std::borrow::Cow;

use tollgate_policy::Value;

/// What to assume of a context key where the log does not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assumption {
    /// The name of the key.
    pub key: String,
    /// Its values: several of a key that has a set of them, none of one that is absent.
    pub values: Vec<Cow<'static, str>>,
}

impl Assumption {
    /// The option that says it, without the value.
    pub(crate) fn option(&self) -> String {
        let option = if self.values.is_empty() { "--assume-absent" } else { "--assume" };
        format!("{option} {}", self.key)
    }

    /// What is taken for the value of the key.
    pub(crate) fn value(&self) -> Value<'_> {
        match &*self.values {
            [] => Value::Absent,
            [value] => Value::Text(value),
            values => Value::Set(values),
        }
    }
}

/// What is supposed of keys that something is assumed of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Suppose {
    /// What is assumed, where it is not told.
    Assumed,
    /// What is told.
    Told,
    /// Nothing, even where it is told.
    Nothing,
}
