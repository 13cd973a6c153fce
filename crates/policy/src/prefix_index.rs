//! A radix trie over literal prefixes: which patterns can match a text at all.
//!
//! Most resource patterns begin with a long literal text that most requests do not begin with. The
//! trie finds, in one walk along the request's resource, every pattern whose literal prefix the
//! resource has; only those are looked at. That is why the cost of a decision hardly grows with the
//! number of statements.

use std::collections::VecDeque;
use std::ops::Range;

/// Values filed under literal prefixes.
#[derive(Debug)]
pub(crate) struct PrefixIndex<T> {
    /// The root is the first; the children of a node lie side by side, ordered by first byte.
    nodes: Box<[Node<T>]>,
}

#[derive(Debug)]
struct Node<T> {
    /// The label's first byte, beside the search that needs it.
    first: u8,
    /// What the node's prefix has beyond its parent's.
    label: Box<[u8]>,
    values: Box<[T]>,
    children: Range<usize>,
}

impl<T> PrefixIndex<T> {
    /// Files each value under its prefix. Values of one prefix keep their order.
    pub(crate) fn new(entries: impl IntoIterator<Item = (String, T)>) -> PrefixIndex<T> {
        let mut entries: Vec<(String, T)> = entries.into_iter().collect();
        entries.sort_by(|(left, _), (right, _)| left.as_bytes().cmp(right.as_bytes()));
        let (prefixes, values): (Vec<String>, Vec<T>) = entries.into_iter().unzip();
        let prefixes: Vec<&[u8]> = prefixes.iter().map(String::as_bytes).collect();
        PrefixIndex { nodes: build(&prefixes, values).into() }
    }

    /// Calls `look_at` with the values of every prefix that `text` has, those of shorter prefixes
    /// first.
    #[inline]
    pub(crate) fn walk<'i>(&'i self, text: &[u8], mut look_at: impl FnMut(&'i [T])) {
        let Some(mut node) = self.nodes.first() else { return };
        let mut rest = text;
        loop {
            look_at(&node.values);
            let Some((child, after)) = self.child(node, rest) else { return };
            (node, rest) = (child, after);
        }
    }

    /// The child whose label `rest` begins with, and what follows the label.
    #[inline]
    fn child<'i, 't>(&'i self, node: &Node<T>, rest: &'t [u8]) -> Option<(&'i Node<T>, &'t [u8])> {
        let child = match self.nodes.get(node.children.clone())? {
            [] => return None,
            [only] => only,
            several => {
                let first = rest.first()?;
                let found = several.binary_search_by_key(first, |child| child.first).ok()?;
                several.get(found)?
            }
        };
        Some((child, rest.strip_prefix(&*child.label)?))
    }
}

/// Lays out the nodes for sorted prefixes and their values, breadth first, so that siblings lie side
/// by side. No recursion: a hostile policy has prefixes that nest deep.
fn build<T>(prefixes: &[&[u8]], values: Vec<T>) -> Vec<Node<T>> {
    let mut values: Vec<Option<T>> = values.into_iter().map(Some).collect();
    let node = |label: &[u8]| Node {
        first: label.first().copied().unwrap_or_default(),
        label: label.into(),
        values: Box::default(),
        children: 0..0,
    };
    let mut nodes = vec![node(&[])];
    let mut open = VecDeque::from([(0, 0..prefixes.len(), 0)]);
    while let Some((index, range, depth)) = open.pop_front() {
        let group = prefixes.get(range.clone()).unwrap_or_default();
        let ending_here = group.iter().take_while(|prefix| prefix.len() == depth).count();
        let first_child = nodes.len();
        let below = range.start + ending_here;
        let mut start = below;
        for siblings in group
            .get(ending_here..)
            .unwrap_or_default()
            .chunk_by(|left, right| left.get(depth) == right.get(depth))
        {
            let label = shared_label(siblings, depth);
            let end = start + siblings.len();
            open.push_back((nodes.len(), start..end, depth + label.len()));
            nodes.push(node(label));
            start = end;
        }
        let children = first_child..nodes.len();
        if let Some(node) = nodes.get_mut(index) {
            let here = values.get_mut(range.start..below).unwrap_or_default();
            node.values = here.iter_mut().filter_map(Option::take).collect();
            node.children = children;
        }
    }
    nodes
}

/// What all of a sorted group have in common after `depth` bytes: what its first and last have.
fn shared_label<'a>(sorted: &[&'a [u8]], depth: usize) -> &'a [u8] {
    let after = |prefix: Option<&&'a [u8]>| prefix.and_then(|prefix| prefix.get(depth..));
    let (first, last) = (after(sorted.first()).unwrap_or(&[]), after(sorted.last()).unwrap_or(&[]));
    let shared = first.iter().zip(last).take_while(|(left, right)| left == right).count();
    first.get(..shared).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(index: &PrefixIndex<usize>, text: &str) -> Vec<usize> {
        let mut found = Vec::new();
        index.walk(text.as_bytes(), |values| found.extend(values));
        found
    }

    #[test]
    fn every_prefix_of_the_text_is_found_shortest_first() {
        let prefixes = ["arn:b", "", "arn:", "arn:bc", "arn:c", "arn:b"];
        let index = PrefixIndex::new(prefixes.iter().enumerate().map(|(i, p)| (p.to_string(), i)));
        assert_eq!(found(&index, "arn:bd"), [1, 2, 0, 5]);
        assert_eq!(found(&index, "ar"), [1]);
        assert_eq!(found(&index, ""), [1]);
    }

    #[test]
    fn an_empty_index_finds_nothing() {
        assert!(found(&PrefixIndex::new([]), "x").is_empty());
    }

    proptest! {
        #[test]
        fn finds_what_a_scan_finds(
            prefixes in prop::collection::vec("[abé]{0,5}", 0..20),
            text in "[abé]{0,7}",
        ) {
            let filed = prefixes.iter().enumerate().map(|(i, p)| (p.clone(), i));
            let index = PrefixIndex::new(filed);
            let mut expected: Vec<(usize, usize)> = prefixes
                .iter()
                .enumerate()
                .filter(|(_, prefix)| text.starts_with(prefix.as_str()))
                .map(|(i, prefix)| (prefix.len(), i))
                .collect();
            expected.sort();
            let expected: Vec<usize> = expected.into_iter().map(|(_, value)| value).collect();
            prop_assert_eq!(found(&index, &text), expected);
        }
    }
}
