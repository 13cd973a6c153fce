//! Comparing texts that are mostly short: to call for a comparison costs more than to make it here.

/// The longest text, in bytes, that is compared here.
const SHORT_MAX: usize = 32;

/// Whether two texts are the same.
#[inline]
pub(crate) fn same(one: &str, other: &str) -> bool {
    same_bytes(one.as_bytes(), other.as_bytes())
}

/// What follows in a text after what it begins with.
#[inline]
pub(crate) fn after<'t>(text: &'t str, beginning: &str) -> Option<&'t str> {
    let begins = text.as_bytes().get(..beginning.len())?;
    // Where the same bytes end, a character does.
    if same_bytes(begins, beginning.as_bytes()) { text.get(beginning.len()..) } else { None }
}

/// A number that tells a few texts apart, made of their lengths, the bytes in the middle and the last:
/// much of what texts of one kind begin with is the same.
#[inline]
pub(crate) fn swift_mark(text: &str) -> u8 {
    let bytes = text.as_bytes();
    let middle = bytes.get(bytes.len() / 2..).and_then(<[u8]>::first_chunk);
    let [middle, last] = [middle, bytes.last_chunk()]
        .map(|bytes| bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes)));
    let mixed = last ^ middle.wrapping_mul(0xd6e8_feb8_6659_fd93) ^ bytes.len() as u64;
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - u8::BITS)) as u8
}

#[inline]
fn same_bytes(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() || one.len() > SHORT_MAX {
        return one == other;
    }
    // Two pieces that overlap, or meet, hold all bytes.
    match one.len() {
        16.. => ends::<16>(one) == ends(other),
        8.. => ends::<8>(one) == ends(other),
        4.. => ends::<4>(one) == ends(other),
        2.. => ends::<2>(one) == ends(other),
        _ => one.first() == other.first(),
    }
}

/// The first and the last bytes of a text.
#[inline]
fn ends<const N: usize>(text: &[u8]) -> (Option<&[u8; N]>, Option<&[u8; N]>) {
    (text.first_chunk(), text.last_chunk())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_difference_anywhere_is_seen() {
        for len in 0..40 {
            let text = "aé".repeat(20).chars().take(len).collect::<String>();
            assert!(same(&text, &text.clone()));
            for (at, c) in text.char_indices() {
                let changed = format!("{}x{}", &text[..at], &text[at + c.len_utf8()..]);
                assert!(!same(&text, &changed), "{text} {changed}");
                assert!(!same(&text, &text[..at]));
            }
        }
    }

    proptest! {
        #[test]
        fn texts_are_compared_as_they_are(one in "[aé]{0,12}", other in "[aé]{0,12}") {
            prop_assert_eq!(same(&one, &other), one == other);
            prop_assert_eq!(after(&one, &other), one.strip_prefix(other.as_str()));
        }
    }
}
