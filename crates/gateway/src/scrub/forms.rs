//! What is looked for: a secret and its encodings, each however it is written.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::starts::Starts;
use super::tree::Tree;
use super::written::{Reach, reach};

/// The shortest form that is looked for; anything shorter is found everywhere.
const FORM_CHARS_MIN: usize = 4;

/// The forms of secrets.
pub(super) struct Forms {
    tree: Tree,
    starts: Starts,
    /// How many characters the shortest has: as many bytes at least.
    pub(super) shortest: usize,
}

/// Something that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A form of a secret: where it begins, and where it ends.
    Whole(usize, usize),
    /// The text ends with what may be the beginning of one.
    Open(usize),
}

impl Forms {
    /// Those that are long enough to be looked for.
    pub(super) fn new(forms: impl IntoIterator<Item = String>) -> Forms {
        let chars = forms.into_iter().map(|form| form.chars().collect::<Vec<char>>());
        let all: Vec<_> = chars.filter(|form| form.len() >= FORM_CHARS_MIN).collect();
        let shortest = all.iter().map(Vec::len).min().unwrap_or(usize::MAX);
        Forms { tree: Tree::of(&all), starts: Starts::of(&all), shortest }
    }

    /// The first form at `from` or behind it, and of those that begin there the longest. With
    /// `is_over`, nothing follows the text.
    pub(super) fn find(&self, text: &[u8], mut from: usize, is_over: bool) -> Option<Found> {
        while let Some(offset) = self.starts.next(text.get(from..)?) {
            let start = from + offset;
            match reach(&self.tree, text.get(start..)?) {
                Reach { is_open: true, .. } if !is_over => return Some(Found::Open(start)),
                Reach { whole: Some(length), .. } => {
                    return Some(Found::Whole(start, start + length));
                }
                _ => from = start + 1,
            }
        }
        None
    }
}

/// A secret as it is, in hexadecimal, and in base64 at each of the three places that it can begin at.
pub(super) fn forms(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![secret.to_owned(), hex.to_ascii_uppercase(), hex];
    for offset in 0..3 {
        forms.extend([base64_at(bytes, offset, false), base64_at(bytes, offset, true)]);
    }
    forms
}

/// The characters of base64 that the secret alone decides when it begins `offset` bytes into a group
/// of three.
fn base64_at(secret: &[u8], offset: usize, url_safe: bool) -> String {
    let padded = [vec![0; offset].as_slice(), secret].concat();
    let engine = if url_safe { &URL_SAFE_NO_PAD } else { &STANDARD_NO_PAD };
    let text = engine.encode(&padded);
    let start = [0, 2, 3].get(offset).copied().unwrap_or_default();
    // The last character of an incomplete group depends on what follows.
    let end = padded.len() / 3 * 4 + [0, 1, 2].get(padded.len() % 3).copied().unwrap_or_default();
    text.get(start..end).unwrap_or_default().to_owned()
}
