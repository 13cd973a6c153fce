//! What was decided of each class of calls.

use crate::intern::slot;
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
const ROOM_MAX: usize = 1 << 19;

/// In the place of a verdict's number: there is none.
const NONE: u32 = u32::MAX;

/// The numbers of verdicts by class. Situations are few, and each sees few resources, numbered from 0:
/// so they lie side by side and take little more than their own bytes.
#[derive(Default)]
pub(crate) struct Decisions {
    /// By situation, by resource.
    known: Vec<Vec<[u32; 2]>>,
    room: usize,
}

impl Decisions {
    /// What was decided of a class, if anything.
    #[inline]
    pub(crate) fn get(&self, class: Class) -> Option<Decided> {
        let of_situation = self.known.get(class.situation as usize)?;
        match *of_situation.get(class.resource as usize)? {
            [NONE, NONE] => None,
            both => Some(both.map(|number| (number != NONE).then_some(number))),
        }
    }

    /// Remembers what was decided, if there is room.
    pub(crate) fn insert(&mut self, class: Class, decided: Decided) {
        let of_situation = slot(&mut self.known, class.situation);
        let missing = (class.resource as usize + 1).saturating_sub(of_situation.len());
        if self.room + missing > ROOM_MAX {
            return;
        }
        self.room += missing;
        if missing > 0 {
            of_situation.resize(class.resource as usize + 1, [NONE; 2]);
        }
        if let Some(place) = of_situation.get_mut(class.resource as usize) {
            *place = decided.map(|number| number.unwrap_or(NONE));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_found_and_nothing_else() {
        let class = |situation, resource| Class { situation, resource };
        let mut decisions = Decisions::default();
        decisions.insert(class(3, 5), [Some(7), None]);
        decisions.insert(class(3, 2), [Some(8), Some(9)]);
        assert_eq!(decisions.get(class(3, 5)), Some([Some(7), None]));
        assert_eq!(decisions.get(class(3, 2)), Some([Some(8), Some(9)]));
        for other in [class(3, 4), class(3, 6), class(2, 5), class(4, 0)] {
            assert_eq!(decisions.get(other), None);
        }
    }

    #[test]
    fn what_there_is_no_room_for_is_not_remembered() {
        let mut decisions = Decisions::default();
        let far = Class { situation: 0, resource: ROOM_MAX as u32 };
        decisions.insert(far, [Some(1), None]);
        assert_eq!(decisions.get(far), None);
    }
}
