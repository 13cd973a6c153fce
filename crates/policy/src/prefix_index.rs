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
    /// The labels of all nodes, end to end.
    labels: Box<[u8]>,
    /// The root is the first; the children of a node lie side by side, ordered by first byte.
    nodes: Box<[Node]>,
    /// The values of all nodes, end to end.
    values: Box<[T]>,
}

#[derive(Clone, Debug)]
struct Node {
    /// The label's first byte, beside the search that needs it.
    first: u8,
    label: Range<usize>,
    children: Range<usize>,
    values: Range<usize>,
}

impl<T> PrefixIndex<T> {
    /// Files each value under its prefix. Values of one prefix keep their order.
    pub(crate) fn new(entries: impl IntoIterator<Item = (String, T)>) -> PrefixIndex<T> {
        let mut entries: Vec<(String, T)> = entries.into_iter().collect();
        entries.sort_by(|(left, _), (right, _)| left.as_bytes().cmp(right.as_bytes()));
        let (prefixes, values): (Vec<String>, Vec<T>) = entries.into_iter().unzip();
        let prefixes: Vec<&[u8]> = prefixes.iter().map(String::as_bytes).collect();
        let (labels, nodes) = build(&prefixes);
        PrefixIndex { labels: labels.into(), nodes: nodes.into(), values: values.into() }
    }

    /// Calls `visit` with every value whose prefix `text` has, and the length of that prefix.
    #[inline]
    pub(crate) fn walk(&self, text: &[u8], mut visit: impl FnMut(usize, &T)) {
        let mut node = self.nodes.first();
        let mut depth = 0;
        while let Some(here) = node {
            for value in self.values.get(here.values.clone()).unwrap_or_default() {
                visit(depth, value);
            }
            let Some(rest) = text.get(depth..) else { return };
            node = self.child(here, rest);
            depth += node.map_or(0, |child| child.label.len());
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The child whose label `rest` begins with.
    #[inline]
    fn child(&self, node: &Node, rest: &[u8]) -> Option<&Node> {
        let first = rest.first()?;
        let children = self.nodes.get(node.children.clone())?;
        let child = match children {
            [] => return None,
            [only] => only,
            several => {
                let found = several.binary_search_by_key(first, |child| child.first).ok()?;
                several.get(found)?
            }
        };
        let label = self.labels.get(child.label.clone())?;
        rest.starts_with(label).then_some(child)
    }
}

/// Lays out the nodes for sorted prefixes, breadth first, so that siblings lie side by side.
fn build(prefixes: &[&[u8]]) -> (Vec<u8>, Vec<Node>) {
    let mut labels = Vec::new();
    let mut nodes = vec![Node { first: 0, label: 0..0, children: 0..0, values: 0..0 }];
    let mut open = VecDeque::from([(0, 0..prefixes.len(), 0)]);
    while let Some((index, range, depth)) = open.pop_front() {
        let group = prefixes.get(range.clone()).unwrap_or_default();
        let ending_here = group.iter().take_while(|prefix| prefix.len() == depth).count();
        let first_child = nodes.len();
        let mut start = range.start + ending_here;
        for siblings in group
            .get(ending_here..)
            .unwrap_or_default()
            .chunk_by(|left, right| left.get(depth) == right.get(depth))
        {
            let label = shared_label(siblings, depth);
            let (end, label_start) = (start + siblings.len(), labels.len());
            labels.extend_from_slice(label);
            open.push_back((nodes.len(), start..end, depth + label.len()));
            nodes.push(Node {
                first: label.first().copied().unwrap_or_default(),
                label: label_start..labels.len(),
                children: 0..0,
                values: 0..0,
            });
            start = end;
        }
        let children = first_child..nodes.len();
        if let Some(node) = nodes.get_mut(index) {
            node.children = children;
            node.values = range.start..range.start + ending_here;
        }
    }
    (labels, nodes)
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

    fn found(index: &PrefixIndex<usize>, text: &str) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        index.walk(text.as_bytes(), |length, value| found.push((length, *value)));
        found
    }

    #[test]
    fn every_prefix_of_the_text_is_found_shortest_first() {
        let prefixes = ["arn:b", "", "arn:", "arn:bc", "arn:c", "arn:b"];
        let index = PrefixIndex::new(prefixes.iter().enumerate().map(|(i, p)| (p.to_string(), i)));
        assert_eq!(found(&index, "arn:bd"), [(0, 1), (4, 2), (5, 0), (5, 5)]);
        assert_eq!(found(&index, "ar"), [(0, 1)]);
        assert_eq!(found(&index, ""), [(0, 1)]);
    }

    #[test]
    fn an_empty_index_finds_nothing() {
        assert_eq!(found(&PrefixIndex::new([]), "x"), []);
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
            prop_assert_eq!(found(&index, &text), expected);
        }
    }
}
