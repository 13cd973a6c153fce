//! Fields that no manifest has, and those that were meant.

use std::borrow::Cow;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::problem::nearest;

/// An unknown field, of which serde says ``unknown field `x`, expected one of `a`, `b` ``.
pub(super) struct UnknownField<'m> {
    at: Range<usize>,
    /// What is wrong, without what was expected.
    pub(super) message: &'m str,
    expected: &'m str,
    /// The known field with nearly the same name.
    meant: Option<&'m str>,
}

impl<'m> UnknownField<'m> {
    /// What a message is about, if it is that.
    pub(super) fn of(
        message: &'m str,
        at: Option<Range<usize>>,
        text: &str,
    ) -> Option<UnknownField<'m>> {
        let (message, expected) = message
            .split_once(", expected ")
            .filter(|(head, _)| head.starts_with("unknown field"))?;
        let at = at?;
        let written = text.get(at.clone()).unwrap_or_default();
        let candidates = expected.split('`').skip(1).step_by(2);
        let meant = nearest(written.trim_matches('"'), candidates);
        Some(UnknownField { at, message, expected, meant })
    }

    /// What was meant, or what is possible.
    pub(super) fn help(&self) -> String {
        match self.meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("expected {}", self.expected),
        }
    }

    /// Calls the field as was meant, unless there is one that is called so; else takes it away. Tells whether
    /// it was there.
    pub(super) fn mend(&self, table: &mut DeTable<'_>) -> bool {
        let Some(key) = table.keys().find(|key| key.span() == self.at).cloned() else {
            return table.iter_mut().any(|(_, value)| self.mend_in(value.get_mut()));
        };
        let value = table.remove(&key);
        let meant = self.meant.filter(|meant| !table.contains_key(*meant));
        if let (Some(meant), Some(value)) = (meant, value) {
            table.insert(Spanned::new(self.at.clone(), Cow::Owned(meant.to_owned())), value);
        }
        true
    }

    fn mend_in(&self, value: &mut DeValue<'_>) -> bool {
        match value {
            DeValue::Table(table) => self.mend(table),
            DeValue::Array(list) => list.iter_mut().any(|it| self.mend_in(it.get_mut())),
            _ => false,
        }
    }
}
