//! Forms as a tree of their characters: those that begin alike are followed together.

/// The tree of some forms.
pub(super) struct Tree(Vec<Node>);

/// A place in it: what all forms below begin with.
#[derive(Default)]
struct Node {
    /// In order of the characters.
    next: Vec<(char, usize)>,
    is_end: bool,
}

impl Tree {
    /// Where every form begins.
    pub(super) const ROOT: usize = 0;

    pub(super) fn of(forms: &[Vec<char>]) -> Tree {
        let mut tree = Tree(vec![Node::default()]);
        for form in forms {
            let end = form.iter().fold(Tree::ROOT, |node, char| tree.grow(node, *char));
            if let Some(node) = tree.0.get_mut(end) {
                node.is_end = true;
            }
        }
        tree
    }

    fn grow(&mut self, node: usize, char: char) -> usize {
        let new = self.0.len();
        let Some(Node { next, .. }) = self.0.get_mut(node) else { return node };
        match next.binary_search_by_key(&char, |(char, _)| *char) {
            Ok(at) => next.get(at).map_or(node, |(_, node)| *node),
            Err(at) => {
                next.insert(at, (char, new));
                self.0.push(Node::default());
                new
            }
        }
    }

    /// Where a character leads to.
    pub(super) fn next(&self, node: usize, char: char) -> Option<usize> {
        let next = &self.0.get(node)?.next;
        let at = next.binary_search_by_key(&char, |(char, _)| *char).ok()?;
        next.get(at).map(|(_, node)| *node)
    }

    /// Whether a form ends here.
    pub(super) fn is_end(&self, node: usize) -> bool {
        self.0.get(node).is_some_and(|node| node.is_end)
    }

    /// Whether a form goes on from here.
    pub(super) fn goes_on(&self, node: usize) -> bool {
        self.0.get(node).is_some_and(|node| !node.next.is_empty())
    }
}
