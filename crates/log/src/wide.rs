//! Sixteen bytes at a time: most values of a log are shorter, and to call a search or a comparison
//! costs more than to look at so many here.

use memchr::memchr;

/// Bytes that are looked at in one step.
pub(crate) const WIDE: usize = 16;

/// Steps before a search is left to [`memchr`].
const STEPS: usize = 6;

/// The sixteen bytes from a position on, if there are as many.
#[inline]
pub(crate) fn wide(text: &[u8], at: usize) -> Option<u128> {
    Some(u128::from_le_bytes(*text.get(at..)?.first_chunk()?))
}

/// Where a byte first occurs. It may be found beyond `end`, but is not searched for much longer
/// there.
#[inline(always)]
pub(crate) fn find(byte: u8, text: &[u8], end: usize) -> Option<usize> {
    let mut rest = text;
    for _ in 0..STEPS {
        let Some((bytes, after)) = rest.split_first_chunk::<WIDE>() else { break };
        // All at once; a search that ends early would look at one byte after the other.
        if bytes.iter().fold(false, |found, other| found | (*other == byte)) {
            let at = text.len() - rest.len();
            return Some(at + position(u128::from_le_bytes(*bytes), byte));
        }
        rest = after;
    }
    find_far(byte, text, text.len() - rest.len(), end)
}

fn find_far(byte: u8, text: &[u8], from: usize, end: usize) -> Option<usize> {
    memchr(byte, text.get(from..end.min(text.len()))?).map(|found| from + found)
}

/// The first of sixteen bytes that is `byte`, which one of them is.
#[inline]
fn position(wide: u128, byte: u8) -> usize {
    let (first, second) = (wide as u64, (wide >> 64) as u64);
    match zeros(first ^ (LOW * u64::from(byte))) {
        0 => 8 + zeros(second ^ (LOW * u64::from(byte))).trailing_zeros() as usize / 8,
        found => found.trailing_zeros() as usize / 8,
    }
}

const LOW: u64 = u64::from_le_bytes([0x01; 8]);
const HIGH: u64 = u64::from_le_bytes([0x80; 8]);

/// The lowest bit that is set is in the first byte that is zero.
#[inline]
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(LOW) & !word & HIGH
}

/// Whether one of the bytes, without their bits of `but`, is `byte`.
#[inline]
pub(crate) fn has(wide: u128, byte: u8, but: u8) -> bool {
    let word = |word: u64| zeros((word & !(LOW * u64::from(but))) ^ (LOW * u64::from(byte)));
    word(wide as u64) | word((wide >> 64) as u64) != 0
}

/// Bytes that are compared at once.
pub(crate) const AT_ONCE: usize = 32;

/// A text that others are compared with.
#[derive(Debug, Clone)]
pub(crate) struct Literal {
    text: Box<[u8]>,
    /// What the text begins with as words, and which of their bits there are.
    words: [u64; AT_ONCE / 8],
    masks: [u64; AT_ONCE / 8],
}

impl Literal {
    pub(crate) fn new(text: &str) -> Literal {
        let text = text.as_bytes();
        let (mut bytes, mut masks) = ([0; AT_ONCE], [0; AT_ONCE]);
        for ((to, mask), from) in bytes.iter_mut().zip(&mut masks).zip(text) {
            *to = *from;
            *mask = u8::MAX;
        }
        let [words, masks] = [words(&bytes), words(&masks)];
        Literal { text: text.into(), words, masks }
    }

    #[inline]
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether all of it is compared at once.
    pub(crate) fn is_short(&self) -> bool {
        self.len() <= AT_ONCE
    }

    /// Whether it stands at a position of a text.
    #[inline]
    pub(crate) fn stands(&self, text: &[u8], at: usize) -> bool {
        self.is_short() && self.stands_at_once(text, at)
            || text.get(at..).is_some_and(|rest| rest.starts_with(&self.text))
    }

    /// Whether the first bytes of it, up to as many as are compared at once, stand at a position of a
    /// text. Nearer to the end of the text than so many bytes they do not.
    #[inline(always)]
    pub(crate) fn stands_at_once(&self, text: &[u8], at: usize) -> bool {
        let bytes = text.get(at..at + AT_ONCE).and_then(|bytes| bytes.first_chunk());
        let Some(bytes) = bytes else { return false };
        let ([a, b, c, d], [e, f, g, h]) = (words(bytes), &self.words);
        let [i, j, k, l] = &self.masks;
        (a ^ e) & i | (b ^ f) & j | (c ^ g) & k | (d ^ h) & l == 0
    }
}

/// The words that bytes are.
#[inline(always)]
pub(crate) fn words(bytes: &[u8; AT_ONCE]) -> [u64; AT_ONCE / 8] {
    let (bytes, _) = bytes.as_chunks();
    let [a, b, c, d] = bytes else { return [0; 4] };
    [u64::from_le_bytes(*a), u64::from_le_bytes(*b), u64::from_le_bytes(*c), u64::from_le_bytes(*d)]
}

/// The number of up to seven decimal digits that a word begins with; no digits are 0. Nothing if it
/// is none of these.
#[inline(always)]
pub(crate) fn digits(word: u64, len: usize) -> Option<u64> {
    // What follows is shifted out, and zeros stand before the digits.
    let digits = (len < 8).then(|| (word ^ ZEROS) << 8 << (56 - 8 * len))?;
    (!are_others(digits)).then(|| number(digits))
}

/// The number of up to sixteen decimal digits that stand at the end of these bytes; no digits are 0.
#[inline(always)]
pub(crate) fn many_digits(bytes: u128, len: usize) -> Option<u64> {
    let [first, second] = *TAILS.get(len)?;
    let a = (bytes as u64 ^ ZEROS) & first;
    let b = ((bytes >> 64) as u64 ^ ZEROS) & second;
    (!(are_others(a) | are_others(b))).then(|| number(a) * 100_000_000 + number(b))
}

const ZEROS: u64 = u64::from_le_bytes([b'0'; 8]);

/// The last bytes of two words, of none and more.
const TAILS: [[u64; 2]; WIDE + 1] = {
    let mut tails = [[0; 2]; WIDE + 1];
    let mut len = 1;
    while len <= WIDE {
        let tail = u128::MAX << (128 - 8 * len);
        #[expect(clippy::indexing_slicing, reason = "evaluated when this is compiled")]
        {
            tails[len] = [tail as u64, (tail >> 64) as u64];
        }
        len += 1;
    }
    tails
};

/// Whether one of the bytes of a word is no digit; they are zero for `0`.
#[inline]
fn are_others(digits: u64) -> bool {
    const UP_TO_NINE: u64 = u64::from_le_bytes([0x7F - 9; 8]);
    (digits | digits.wrapping_add(UP_TO_NINE)) & HIGH != 0
}

/// The number that eight digits are, the last byte for the last of them.
#[inline]
fn number(digits: u64) -> u64 {
    // Neighbours are added in pairs: digits, then hundreds, then ten thousands.
    let pairs = digits.wrapping_mul(10 << 8 | 1) >> 8 & 0x00FF_00FF_00FF_00FF;
    let fours = pairs.wrapping_mul(100 << 16 | 1) >> 16 & 0x0000_FFFF_0000_FFFF;
    fours.wrapping_mul(10_000 << 32 | 1) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_found_where_it_first_occurs() {
        for len in 0..140 {
            for at in 0..len {
                let mut text = vec![b'!'; len];
                text.iter_mut().skip(at).step_by(3).for_each(|c| *c = b'"');
                assert_eq!(find(b'"', &text, len), Some(at), "{len} bytes");
                assert_eq!(find(b'#', &text, len), None, "{len} bytes");
                assert_eq!(find(b'"', &text[at..], len - at), Some(0), "{len} bytes");
            }
        }
        let all: Vec<u8> = (0..=255).collect();
        for byte in 0..=255u8 {
            assert_eq!(find(byte, &all, 256), Some(usize::from(byte)));
        }
    }

    #[test]
    fn a_literal_stands_where_its_bytes_do() {
        let text: String = ('a'..='z').chain('A'..='Z').cycle().take(120).collect();
        for len in 0..50 {
            for at in 0..text.len() - len {
                let literal = Literal::new(&text[at..at + len]);
                assert!(literal.stands(text.as_bytes(), at), "{len} at {at}");
                for changed in at..at + len {
                    let mut other = text.clone().into_bytes();
                    other[changed] = b'-';
                    assert!(!literal.stands(&other, at), "{len} at {at}");
                }
                assert!(literal.stands(&text.as_bytes()[..at + len], at));
                let short = &text.as_bytes()[..(at + len).saturating_sub(1)];
                assert!(len == 0 || !literal.stands(short, at));
            }
        }
        assert!(!Literal::new("").stands(b"abc", 4));
    }

    #[test]
    fn digits_are_read_as_they_stand() {
        for number in [0, 7, 42, 999, 123_456_789, 1_763_700_000_123, 9_999_999_999_999_999_u64] {
            let text = format!("\"latency\":\"0000{number}}}-------");
            let (end, len) = (text.len() - 8, number.to_string().len());
            for len in len..=(len + 4).min(16) {
                let check = |text: &[u8], expected: Option<u64>| {
                    let word = u64::from_le_bytes(*text[end - len..].first_chunk().unwrap());
                    let bytes = u128::from_le_bytes(*text[..end].last_chunk().unwrap());
                    assert_eq!(many_digits(bytes, len), expected);
                    assert_eq!(digits(word, len), expected.filter(|_| len < 8));
                };
                check(text.as_bytes(), Some(number));
                for at in end - len..end {
                    for other in [b'/', b':', b' ', b'.', b'-', 0xB0] {
                        let mut text = text.clone().into_bytes();
                        text[at] = other;
                        check(&text, None);
                    }
                }
            }
        }
        assert_eq!((digits(u64::MAX, 0), many_digits(u128::MAX, 0)), (Some(0), Some(0)));
        assert_eq!((digits(ZEROS, 8), many_digits(0, 17)), (None, None));
    }
}
