//! What is looked for: a secret and its encodings, each however it is written.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::written::{Reach, reach};

/// The shortest form that is looked for; anything shorter is found everywhere.
const FORM_CHARS_MIN: usize = 4;

/// What a character may begin with when it is escaped, and a space when it is not.
const ESCAPES: [u8; 4] = [b'%', b'\\', b'&', b'+'];

/// The forms of secrets.
pub(super) struct Forms {
    all: Vec<Vec<char>>,
    /// By the byte that a text begins with: the forms that it may be the start of.
    beginning: Vec<Vec<usize>>,
    /// How many bytes the shortest takes.
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
    /// In order and each once, those that are long enough to be looked for.
    pub(super) fn new(forms: impl IntoIterator<Item = String>) -> Forms {
        let chars = forms.into_iter().map(|form| form.chars().collect::<Vec<char>>());
        let mut all: Vec<_> = chars.filter(|form| form.len() >= FORM_CHARS_MIN).collect();
        all.sort_unstable();
        all.dedup();
        let mut beginning = vec![Vec::new(); 256];
        for (index, form) in all.iter().enumerate() {
            let first =
                form.first().map(|char| char.encode_utf8(&mut [0; 4]).as_bytes().first().copied());
            let mut bytes: Vec<u8> = ESCAPES.into_iter().chain(first.flatten()).collect();
            bytes.sort_unstable();
            bytes.dedup();
            for byte in bytes {
                if let Some(forms) = beginning.get_mut(usize::from(byte)) {
                    forms.push(index);
                }
            }
        }
        let shortest = all.iter().map(Vec::len).min().unwrap_or(usize::MAX);
        Forms { all, beginning, shortest }
    }

    /// The first form at `from` or behind it, and of those that begin there the longest. With
    /// `is_over`, nothing follows the text.
    pub(super) fn find(&self, text: &[u8], from: usize, is_over: bool) -> Option<Found> {
        let rest = text.get(from..)?;
        rest.iter().enumerate().find_map(|(offset, byte)| {
            let forms = self.beginning.get(usize::from(*byte))?;
            let text = rest.get(offset..).filter(|_| !forms.is_empty())?;
            let forms = forms.iter().filter_map(|index| self.all.get(*index));
            let here = forms.map(|form| reach(form, text)).fold(Reach::default(), |all, it| {
                Reach { whole: all.whole.max(it.whole), is_open: all.is_open || it.is_open }
            });
            let start = from + offset;
            match here {
                Reach { is_open: true, .. } if !is_over => Some(Found::Open(start)),
                Reach { whole: Some(length), .. } => Some(Found::Whole(start, start + length)),
                _ => None,
            }
        })
    }

    /// The same forms in lower case, as names of headers have them.
    pub(super) fn in_lower_case(&self) -> Forms {
        let lower = |form: &Vec<char>| form.iter().map(char::to_ascii_lowercase).collect();
        Forms::new(self.all.iter().map(lower))
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
