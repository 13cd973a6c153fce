//! What was decided of each class of calls.

use crate::grid::Grid;
use crate::replay::Decided;

/// Calls that no version can tell apart: two small numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Class {
    /// The policies bound to the caller at the API, the action, and the circumstances.
    pub(crate) situation: u32,
    /// What these policies see of the resource, or why the log does not tell it.
    pub(crate) resource: u32,
}

/// The most classes that there is room for.
const ROOM: usize = 1 << 19;

/// The numbers of verdicts by class: situations are few, and each sees few resources.
#[derive(Clone, Default)]
pub(crate) struct Decisions(Grid<Decided, ROOM>);

impl Decisions {
    /// What was decided of a class, if anything.
    #[inline]
    pub(crate) fn get(&self, class: Class) -> Option<Decided> {
        self.0.value(self.0.number(class.situation, class.resource)?)
    }

    /// Remembers what was decided, if there is room.
    pub(crate) fn insert(&mut self, class: Class, decided: Decided) {
        self.0.put(class.situation, class.resource, decided);
    }
}
