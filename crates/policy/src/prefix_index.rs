//! A radix trie over literal prefixes: which patterns can match a text at all.
//!
//! Most resource patterns begin with a long literal text that most requests do not begin with. The
//! trie finds, in one walk along the request's resource, every pattern whose literal prefix the
//! resource has; only those are looked at. That is why the cost of a decision hardly grows with the
//! number of statements.

use std::collections::VecDeque;

/// Values filed under literal prefixes.
#[derive(Debug)]
pub(crate) struct PrefixIndex<T> {
    /// Breadth first from the root, so that siblings lie side by side, ordered by first byte.
    nodes: Box<[Node<T>]>,
    /// The first byte of each node's label, apart from the nodes: a search among many siblings stays
    /// within one line of the cache.
    first_bytes: Box<[u8]>,
}

#[derive(Debug)]
struct Node<T> {
    /// What the node's prefix has beyond its parent's.
    label: Box<[u8]>,
    values: Box<[T]>,
    children: Children,
}

/// Which nodes are a node's children. Small, since a large set's index is more than the caches hold;
/// memory ends long before a set has four billion prefixes.
#[derive(Clone, Copy, Debug)]
struct Children {
    first: u32,
    end: u32,
}

impl<T> PrefixIndex<T> {
    /// Files each value under its prefix. Values of one prefix keep their order.
    pub(crate) fn new(entries: impl IntoIterator<Item = (String, T)>) -> PrefixIndex<T> {
        let mut entries: Vec<(String, T)> = entries.into_iter().collect();
        entries.sort_by(|(left, _), (right, _)| left.as_bytes().cmp(right.as_bytes()));
        let (prefixes, values): (Vec<String>, Vec<T>) = entries.into_iter().unzip();
        let prefixes: Vec<&[u8]> = prefixes.iter().map(String::as_bytes).collect();
        let nodes = build(&prefixes, values);
        let first_byte = |node: &Node<T>| node.label.first().copied().unwrap_or_default();
        PrefixIndex { first_bytes: nodes.iter().map(first_byte).collect(), nodes: nodes.into() }
    }

    /// Calls `look_at` with the values of every prefix that `text` has, and what follows the prefix;
    /// those of shorter prefixes first.
    #[inline]
    pub(crate) fn walk<'i>(&'i self, text: &[u8], mut look_at: impl FnMut(&'i [T], &[u8])) {
        let Some(mut node) = self.nodes.first() else { return };
        let mut rest = text;
        loop {
            look_at(&node.values, rest);
            let Some((child, after)) = self.child(node.children, rest) else { return };
            (node, rest) = (child, after);
        }
    }

    /// The child whose label `rest` begins with, and what follows the label.
    #[inline]
    fn child<'i, 't>(
        &'i self,
        children: Children,
        rest: &'t [u8],
    ) -> Option<(&'i Node<T>, &'t [u8])> {
        let first = children.first as usize;
        let child = match children.end - children.first {
            0 => return None,
            1 => first,
            _ => {
                let several = self.first_bytes.get(first..children.end as usize)?;
                first + several.binary_search(rest.first()?).ok()?
            }
        };
        let child = self.nodes.get(child)?;
        Some((child, rest.strip_prefix(&*child.label)?))
    }
}

/// Lays out the nodes for sorted prefixes and their values, breadth first. No recursion: a hostile
/// policy has prefixes that nest deep.
fn build<T>(prefixes: &[&[u8]], values: Vec<T>) -> Vec<Node<T>> {
    let position = |of: usize| u32::try_from(of).unwrap_or(u32::MAX);
    let mut values: Vec<Option<T>> = values.into_iter().map(Some).collect();
    let mut nodes: Vec<Node<T>> = Vec::new();
    let mut open = VecDeque::from([(0..prefixes.len(), 0, &[][..])]);
    while let Some((range, depth, label)) = open.pop_front() {
        let group = prefixes.get(range.clone()).unwrap_or_default();
        let ending_here = group.iter().take_while(|prefix| prefix.len() == depth).count();
        let first_child = nodes.len() + 1 + open.len();
        let mut start = range.start + ending_here;
        let here = values.get_mut(range.start..start).unwrap_or_default();
        let here = here.iter_mut().filter_map(Option::take).collect();
        for siblings in group
            .get(ending_here..)
            .unwrap_or_default()
            .chunk_by(|left, right| left.get(depth) == right.get(depth))
        {
            let label = shared_label(siblings, depth);
            let end = start + siblings.len();
            open.push_back((start..end, depth + label.len(), label));
            start = end;
        }
        let children =
            Children { first: position(first_child), end: position(nodes.len() + 1 + open.len()) };
        nodes.push(Node { label: label.into(), values: here, children });
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
        index.walk(text.as_bytes(), |values, rest| {
            assert!(text.as_bytes().ends_with(rest));
            found.extend(values);
        });
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
