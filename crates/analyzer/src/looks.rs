//! What policies see of a resource.

use crate::grid::Grid;
use crate::intern::slot;
use crate::replay::Decided;

/// What some bindings see of a resource.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Look {
    /// The number of all that they see alike.
    pub(crate) resource: u32,
    /// The first step towards the situation, for calls that invoke an API, if the bindings do not see
    /// callers. Where they do, it is another with the same keys.
    pub(crate) start: u32,
}

/// The most classes of resources that there is room for, counted for all bindings.
const ROOM: usize = 1 << 19;

/// What bindings see of classes of resources: logs ask for most of both.
#[derive(Clone, Default)]
pub(crate) struct Looks {
    seen: Grid<Look, ROOM>,
    /// By the number of a look: how calls are decided of which nothing else matters.
    decided: Vec<Option<Decided>>,
}

impl Looks {
    /// The number of what bindings see of a class, if it was asked before.
    #[inline]
    pub(crate) fn number(&self, bindings: u32, class: u32) -> Option<u32> {
        self.seen.number(bindings, class)
    }

    /// What they see.
    #[inline]
    pub(crate) fn get(&self, number: u32) -> Option<Look> {
        self.seen.value(number)
    }

    /// Remembers what they see, if there is room, and gives its number.
    pub(crate) fn insert(&mut self, bindings: u32, class: u32, look: Look) -> Option<u32> {
        self.seen.put(bindings, class, look)
    }

    /// How calls are decided that invoke an API and of which nothing but this look matters, if one was.
    #[inline]
    pub(crate) fn decided(&self, number: u32) -> Option<Decided> {
        *self.decided.get(number as usize)?
    }

    /// Remembers how they are.
    pub(crate) fn decide(&mut self, number: u32, decided: Decided) {
        *slot(&mut self.decided, number) = Some(decided);
    }
}
