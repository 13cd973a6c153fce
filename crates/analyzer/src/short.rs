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

/// A number that tells most texts apart by its first bits, made of their lengths, the bytes behind the
/// middle and the last: much of what texts of one kind begin with is the same, unless they are short.
#[inline]
pub(crate) fn swift_mark(text: &str) -> u32 {
    let bytes = text.as_bytes();
    // In the ARN of a session, the name of its role.
    let middle = bytes.get(bytes.len() * 2 / 3..).and_then(<[u8]>::first_chunk);
    let middle = middle.or(bytes.first_chunk()).map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let last = bytes.last_chunk().map_or_else(|| word(bytes), |bytes| u64::from_le_bytes(*bytes));
    let mixed = last ^ middle.wrapping_mul(0xd6e8_feb8_6659_fd93) ^ bytes.len() as u64;
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> u32::BITS) as u32
}

/// A text that is shorter than a word, in one.
fn word(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |word, byte| word << u8::BITS | u64::from(*byte))
}

/// Whether two byte strings are the same.
#[inline]
pub(crate) fn same_bytes(one: &[u8], other: &[u8]) -> bool {
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
    use std::collections::BTreeSet;

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

    #[test]
    fn texts_that_differ_where_texts_do_have_other_marks() {
        let session = |of: &str| format!("arn:aws:sts::123456789012:assumed-role/{of}");
        let sessions =
            ["ci-runner/actions", "ci-reader/actions", "ci-runner/session-1"].map(session);
        let short = ["", "a", "200", "404", "/pets/1", "/pets/2", "/v1/pets/{id}", "/v2/pets/{id}"];
        let texts = sessions.iter().map(String::as_str).chain(short);
        let marks: BTreeSet<u32> = texts.map(swift_mark).collect();
        assert_eq!(marks.len(), sessions.len() + short.len());
    }

    proptest! {
        #[test]
        fn texts_are_compared_as_they_are(one in "[aé]{0,12}", other in "[aé]{0,12}") {
            prop_assert_eq!(same(&one, &other), one == other);
            prop_assert_eq!(after(&one, &other), one.strip_prefix(other.as_str()));
        }
    }
}
