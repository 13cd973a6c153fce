//! A table by two numbers, both of which are given from 0.

use std::hash::Hash;

use hashbrown::HashMap;

use crate::intern::slot;

/// In the place of a number: there is none.
const NONE: u32 = u32::MAX;

/// Values by row and column, up to a total length of rows. What is asked for every call lies here: a
/// value is found without hashing, and as few of them differ, a place takes no more than the number of
/// its own.
#[derive(Clone)]
pub(crate) struct Grid<T, const ROOM: usize> {
    rows: Vec<Vec<u32>>,
    taken: usize,
    /// By number.
    values: Vec<T>,
    numbers: HashMap<T, u32>,
}

impl<T, const ROOM: usize> Default for Grid<T, ROOM> {
    fn default() -> Self {
        Grid { rows: Vec::new(), taken: 0, values: Vec::new(), numbers: HashMap::new() }
    }
}

impl<T: Copy + Eq + Hash, const ROOM: usize> Grid<T, ROOM> {
    /// The number of the value at a place.
    #[inline]
    pub(crate) fn number(&self, row: u32, column: u32) -> Option<u32> {
        let number = *self.rows.get(row as usize)?.get(column as usize)?;
        (number != NONE).then_some(number)
    }

    /// The value with a number.
    #[inline]
    pub(crate) fn value(&self, number: u32) -> Option<T> {
        self.values.get(number as usize).copied()
    }

    /// Puts a value at a place, if there is room, and gives its number.
    pub(crate) fn put(&mut self, row: u32, column: u32, value: T) -> Option<u32> {
        let (row, column) = (slot(&mut self.rows, row), column as usize);
        let missing = (column + 1).saturating_sub(row.len());
        if self.taken + missing > ROOM {
            return None;
        }
        self.taken += missing;
        if missing > 0 {
            row.resize(column + 1, NONE);
        }
        let place = row.get_mut(column)?;
        let next = u32::try_from(self.values.len()).ok().filter(|next| *next != NONE)?;
        *place = *self.numbers.entry(value).or_insert(next);
        if *place == next {
            self.values.push(value);
        }
        Some(*place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at<const ROOM: usize>(grid: &Grid<char, ROOM>, row: u32, column: u32) -> Option<char> {
        grid.value(grid.number(row, column)?)
    }

    #[test]
    fn what_is_put_is_found_and_nothing_else() {
        let mut grid = Grid::<char, 100>::default();
        let numbers = [(3, 5, 'a'), (3, 2, 'b'), (7, 0, 'a')]
            .map(|(row, column, value)| grid.put(row, column, value));
        assert_eq!(numbers, [Some(0), Some(1), Some(0)]);
        assert_eq!(
            [(3, 5), (3, 2), (7, 0)].map(|(row, column)| at(&grid, row, column)),
            [Some('a'), Some('b'), Some('a')]
        );
        for (row, column) in [(3, 4), (3, 6), (2, 5), (8, 0)] {
            assert_eq!(at(&grid, row, column), None);
        }
        grid.put(3, 5, 'c');
        assert_eq!((at(&grid, 3, 5), at(&grid, 7, 0)), (Some('c'), Some('a')));
    }

    #[test]
    fn what_there_is_no_room_for_is_not_kept() {
        let mut grid = Grid::<char, 6>::default();
        assert_eq!((grid.put(0, 6, 'a'), at(&grid, 0, 6)), (None, None));
        grid.put(0, 3, 'a');
        grid.put(1, 2, 'a');
        assert_eq!((at(&grid, 0, 3), at(&grid, 1, 2)), (Some('a'), None));
    }
}
