//! The values that the parameters of a route were seen with, in a tree: a level for each parameter.
//!
//! A branch that has more values than the bound becomes one, for any value. Which branches do does
//! not depend on the order in which values come, nor on who saw them: the tree of a log is the same
//! however the log is divided.

use std::collections::BTreeMap;

use crate::time::Span;

/// How often something was seen, and when first and last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) requests: u64,
    pub(crate) span: Span,
}

impl Use {
    pub(crate) fn once(time: Option<i64>) -> Use {
        Use { requests: 1, span: Span::at(time) }
    }

    pub(crate) fn merge(&mut self, other: Use) {
        self.requests += other.requests;
        self.span.merge(other.span);
    }
}

/// A tree of values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Values {
    uses: Use,
    next: Next,
}

/// What follows a value.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Next {
    Few(BTreeMap<Box<str>, Values>),
    Any(Box<Values>),
}

impl Default for Next {
    fn default() -> Next {
        Next::Few(BTreeMap::new())
    }
}

/// A path through the tree: a value a level, `None` for any.
pub(crate) type Branch = Vec<Option<Box<str>>>;

impl Values {
    /// Adds values that were seen together; `None` stands for any value. At most `bound` values are
    /// told apart in a branch.
    pub(crate) fn add<'v>(
        &mut self,
        mut values: impl Iterator<Item = Option<&'v str>>,
        uses: Use,
        bound: usize,
    ) {
        self.uses.merge(uses);
        let Some(value) = values.next() else { return };
        match value {
            None => self.forget(bound),
            Some(value) => self.make_room(value, bound),
        }
        match &mut self.next {
            Next::Few(few) => few.entry(value.unwrap_or_default().into()).or_default(),
            Next::Any(any) => any,
        }
        .add(values, uses, bound);
    }

    /// Adds what another tree of the same bound holds.
    pub(crate) fn merge(&mut self, other: Values, bound: usize) {
        self.uses.merge(other.uses);
        match other.next {
            Next::Any(more) => {
                self.forget(bound);
                if let Next::Any(any) = &mut self.next {
                    any.merge(*more, bound);
                }
            }
            Next::Few(few) => {
                for (value, more) in few {
                    self.make_room(&value, bound);
                    match &mut self.next {
                        Next::Few(few) => few.entry(value).or_default().merge(more, bound),
                        Next::Any(any) => any.merge(more, bound),
                    }
                }
            }
        }
    }

    /// The same with a smaller bound.
    pub(crate) fn bounded(&self, bound: usize) -> Values {
        let mut smaller = Values::default();
        smaller.merge(self.clone(), bound);
        smaller
    }

    /// Every path to a leaf, with its uses, in order.
    pub(crate) fn branches(&self) -> Vec<(Branch, Use)> {
        let mut found = Vec::new();
        self.collect(&mut Vec::new(), &mut found);
        found
    }

    fn collect(&self, path: &mut Branch, found: &mut Vec<(Branch, Use)>) {
        let mut follow = |value: Option<Box<str>>, next: &Values| {
            path.push(value);
            next.collect(path, found);
            path.pop();
        };
        match &self.next {
            Next::Few(few) if few.is_empty() => found.push((path.clone(), self.uses)),
            Next::Few(few) => {
                few.iter().for_each(|(value, next)| follow(Some(value.clone()), next))
            }
            Next::Any(any) => follow(None, any),
        }
    }

    /// Stops telling values apart, if this one would be one too many.
    fn make_room(&mut self, value: &str, bound: usize) {
        if let Next::Few(few) = &self.next
            && few.len() >= bound
            && !few.contains_key(value)
        {
            self.forget(bound);
        }
    }

    /// Stops telling values apart.
    fn forget(&mut self, bound: usize) {
        if let Next::Few(few) = &mut self.next {
            let mut any = Values::default();
            for next in std::mem::take(few).into_values() {
                any.merge(next, bound);
            }
            self.next = Next::Any(Box::new(any));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tree(rows: &[Vec<&str>], bound: usize) -> Values {
        let mut tree = Values::default();
        for (time, row) in (0..).zip(rows) {
            tree.add(row.iter().map(|value| Some(*value)), Use::once(Some(time)), bound);
        }
        tree
    }

    #[track_caller]
    fn check(rows: &[&str], bound: usize, expected: &[&str]) {
        let rows: Vec<Vec<&str>> = rows.iter().map(|row| row.split('/').collect()).collect();
        let shown = |(branch, uses): (Branch, Use)| {
            let values: Vec<&str> =
                branch.iter().map(|value| value.as_deref().unwrap_or("*")).collect();
            format!("{} {}", values.join("/"), uses.requests)
        };
        let found: Vec<String> = tree(&rows, bound).branches().into_iter().map(shown).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn few_values_are_told_apart_and_counted() {
        check(&["a/x", "b/y", "a/x"], 2, &["a/x 2", "b/y 1"]);
    }

    #[test]
    fn more_values_than_the_bound_are_any() {
        check(&["a/1", "a/2", "a/3", "b/1"], 2, &["a/* 3", "b/1 1"]);
        check(&["a/x", "b/x", "c/y"], 2, &["*/x 2", "*/y 1"]);
        check(&["a/1", "b/2", "c/3"], 2, &["*/* 3"]);
    }

    #[test]
    fn without_parameters_there_is_one_branch() {
        let mut tree = Values::default();
        tree.add(std::iter::empty(), Use::once(None), 5);
        assert_eq!(tree.branches(), [(vec![], Use::once(None))]);
    }

    #[test]
    fn any_value_is_any_whatever_else_comes() {
        let mut tree = Values::default();
        tree.add([Some("a"), None].into_iter(), Use::once(None), 5);
        tree.add([Some("a"), Some("x")].into_iter(), Use::once(None), 5);
        assert_eq!(tree.branches().len(), 1);
        assert_eq!(tree.branches()[0].0, [Some("a".into()), None]);
    }

    proptest! {
        #[test]
        fn neither_order_nor_division_matters(
            rows in prop::collection::vec(prop::collection::vec("[a-e]", 3), 0..40),
            cut in 0..40usize,
            bound in 1..4usize,
        ) {
            let rows: Vec<Vec<&str>> =
                rows.iter().map(|row| row.iter().map(String::as_str).collect()).collect();
            let whole = tree(&rows, bound);
            let shape = |tree: &Values| -> Vec<(Branch, u64)> {
                tree.branches().into_iter().map(|(path, uses)| (path, uses.requests)).collect()
            };
            let backwards: Vec<_> = rows.iter().rev().cloned().collect();
            prop_assert_eq!(shape(&tree(&backwards, bound)), shape(&whole));
            let (one, two) = rows.split_at(cut.min(rows.len()));
            let mut merged = tree(one, bound);
            merged.merge(tree(two, bound), bound);
            prop_assert_eq!(shape(&merged), shape(&whole));
            prop_assert_eq!(shape(&tree(&rows, 9).bounded(bound)), shape(&whole));
        }
    }
}
