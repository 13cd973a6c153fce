//! What policies see of a resource.

use crate::grid::Grid;

/// What some bindings see of a resource.
#[derive(Clone, Copy)]
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
#[derive(Default)]
pub(crate) struct Looks(Grid<ROOM>);

impl Looks {
    /// What bindings see of a class, if it was asked before.
    #[inline]
    pub(crate) fn get(&self, bindings: u32, class: u32) -> Option<Look> {
        let [resource, start] = self.0.get(bindings, class)?;
        Some(Look { resource, start })
    }

    /// Remembers what they see, if there is room.
    pub(crate) fn insert(&mut self, bindings: u32, class: u32, look: Look) {
        self.0.put(bindings, class, [look.resource, look.start]);
    }
}
