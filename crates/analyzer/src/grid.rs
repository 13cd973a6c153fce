//! A table of pairs of numbers by two numbers, both of which are given from 0.

use crate::intern::slot;

/// In the place of a number: there is none.
pub(crate) const NONE: u32 = u32::MAX;

/// Pairs of numbers by row and column, up to a total length of rows. What is asked for every call lies
/// here: a pair takes little more than its own bytes, and is found without hashing.
#[derive(Default)]
pub(crate) struct Grid<const ROOM: usize> {
    rows: Vec<Vec<[u32; 2]>>,
    taken: usize,
}

impl<const ROOM: usize> Grid<ROOM> {
    /// The pair at a place; `None` where none was put, or two times [`NONE`].
    #[inline]
    pub(crate) fn get(&self, row: u32, column: u32) -> Option<[u32; 2]> {
        let pair = *self.rows.get(row as usize)?.get(column as usize)?;
        (pair != [NONE; 2]).then_some(pair)
    }

    /// Puts a pair at a place, if there is room.
    pub(crate) fn put(&mut self, row: u32, column: u32, pair: [u32; 2]) {
        let (row, column) = (slot(&mut self.rows, row), column as usize);
        let missing = (column + 1).saturating_sub(row.len());
        if self.taken + missing > ROOM {
            return;
        }
        self.taken += missing;
        if missing > 0 {
            row.resize(column + 1, [NONE; 2]);
        }
        if let Some(place) = row.get_mut(column) {
            *place = pair;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_found_and_nothing_else() {
        let mut grid = Grid::<100>::default();
        grid.put(3, 5, [7, NONE]);
        grid.put(3, 2, [8, 9]);
        assert_eq!(grid.get(3, 5), Some([7, NONE]));
        assert_eq!(grid.get(3, 2), Some([8, 9]));
        for (row, column) in [(3, 4), (3, 6), (2, 5), (4, 0)] {
            assert_eq!(grid.get(row, column), None);
        }
        grid.put(3, 5, [1, 1]);
        assert_eq!(grid.get(3, 5), Some([1, 1]));
    }

    #[test]
    fn what_there_is_no_room_for_is_not_kept() {
        let mut grid = Grid::<6>::default();
        grid.put(0, 6, [1, 1]);
        assert_eq!(grid.get(0, 6), None);
        grid.put(0, 3, [1, 1]);
        grid.put(1, 2, [1, 1]);
        assert_eq!((grid.get(0, 3), grid.get(1, 2)), (Some([1, 1]), None));
    }
}
