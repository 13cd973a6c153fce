//! Where in a text a form may begin: all but a few places of it are passed by with one look.

use super::written::{ESCAPES, may_be_escape};

/// Where forms may begin, by the first three bytes there.
pub(super) struct Starts {
    /// First and second byte.
    first: Pairs,
    /// Second and third byte.
    second: Pairs,
    is_empty: bool,
}

impl Starts {
    pub(super) fn of(forms: &[Vec<char>]) -> Starts {
        let mut starts =
            Starts { first: Pairs::none(), second: Pairs::none(), is_empty: forms.is_empty() };
        for escape in ESCAPES {
            for byte in (0..=u8::MAX).filter(|byte| may_be_escape(escape, *byte)) {
                starts.first.add(escape, byte);
                starts.second.add(escape, byte);
            }
        }
        for form in forms {
            let mut ways = form.iter().take(3).flat_map(|char| bytes(*char));
            if let [Some(one), Some(two), Some(three)] = [ways.next(), ways.next(), ways.next()] {
                starts.first.add_all(&one, &two);
                starts.second.add_all(&two, &three);
            }
        }
        starts
    }

    /// The first place in a text at which a form may begin.
    pub(super) fn next(&self, text: &[u8]) -> Option<usize> {
        let begins = |bytes: &[u8]| match *bytes {
            [one, two, three] => {
                self.first.has(one, two) && (ESCAPES.contains(&one) || self.second.has(two, three))
            }
            _ => true,
        };
        let found = text.windows(3).position(begins);
        // Of the last two bytes, it is not known what follows.
        found
            .or_else(|| text.len().checked_sub(2).or((text.len() == 1).then_some(0)))
            .filter(|_| !self.is_empty)
    }
}

/// The bytes of a character in a text, each with what may stand in its place: an escape where the
/// character begins.
fn bytes(char: char) -> Vec<Vec<u8>> {
    let mut buffer = [0; 4];
    let written = char.encode_utf8(&mut buffer).bytes();
    let mut bytes: Vec<Vec<u8>> = written.map(|byte| vec![byte]).collect();
    if let Some(first) = bytes.first_mut() {
        first.extend(ESCAPES);
        first.extend((char == ' ').then_some(b'+'));
    }
    bytes
}

/// A set of pairs of bytes.
struct Pairs(Box<[u64; 1024]>);

impl Pairs {
    fn none() -> Pairs {
        Pairs(Box::new([0; 1024]))
    }

    fn add(&mut self, one: u8, two: u8) {
        let (word, bit) = Pairs::place(one, two);
        if let Some(word) = self.0.get_mut(word) {
            *word |= bit;
        }
    }

    fn add_all(&mut self, ones: &[u8], twos: &[u8]) {
        for one in ones {
            twos.iter().for_each(|two| self.add(*one, *two));
        }
    }

    #[inline]
    fn has(&self, one: u8, two: u8) -> bool {
        let (word, bit) = Pairs::place(one, two);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    #[inline]
    fn place(one: u8, two: u8) -> (usize, u64) {
        let number = u16::from_be_bytes([one, two]);
        (usize::from(number >> 6), 1 << (number & 63))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tree::Tree;
    use super::super::written::reach;
    use super::*;

    proptest! {
        #[test]
        fn no_place_is_passed_by_at_which_a_form_begins(
            form in prop::collection::vec(prop::sample::select(&['a', 'b', ' ', '&', '%', '\\', 'é', '🦀'][..]), 1..3),
            text in "(a|b| |\\+|é|🦀|%|\\\\|&|%61|%20|%26|%c3%a9|%F0%9f%a6%80|\\\\u0061|\\\\ud83e\\\\udd80|\\\\b|&#98;|&amp;|%25){0,9}",
        ) {
            let forms = [[&form[..], &['a', 'b', 'a']].concat()];
            let (tree, starts) = (Tree::of(&forms), Starts::of(&forms));
            let text = format!("{text}ab&#97;");
            for at in (0..text.len()).filter(|at| reach(&tree, &text.as_bytes()[*at..]).whole.is_some()) {
                prop_assert_eq!(starts.next(&text.as_bytes()[at..]), Some(0), "{} at {}", text, at);
            }
        }
    }
}
