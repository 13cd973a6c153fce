//! The ways in which encoders write a text: each character as it is or escaped, in one way here and
//! in another there, as each encoder pleases.
//!
//! | | `/` and `&` |
//! |---|---|
//! | URLs | `%2F`, `%2f`, and a space also as `+` |
//! | JSON, JavaScript | `\/`, `\u0026`, `\x26` |
//! | HTML, XML | `&amp;`, `&#47;`, `&#x2F;` |
//!
//! What is escaped may be escaped once more, as HTML in JSON is: `\u0026amp;`.

/// What a text has of a secret at its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reach {
    /// How many bytes a whole one takes, at most.
    pub(super) whole: Option<usize>,
    /// Whether the text ends before it is known whether this is one.
    pub(super) is_open: bool,
}

/// How far `text` is `secret`, however it is written. Where a character can be read in two ways, as
/// itself and as the start of an escape, both are followed; where ways meet again, they are one, so
/// that no text has more ways than bytes.
pub(super) fn reach(secret: &[char], text: &[u8]) -> Reach {
    let (mut places, mut next, mut is_open) = (vec![0], Vec::new(), false);
    for char in secret {
        for at in places.drain(..) {
            let rest = text.get(at..).unwrap_or_default();
            let [once, twice, thrice] = escaped(*char, rest);
            for end in [plain(*char, rest), once, twice, thrice] {
                match end {
                    End::After(length) => next.push(at + length),
                    End::Open => is_open = true,
                    End::Other => {}
                }
            }
        }
        next.sort_unstable();
        next.dedup();
        std::mem::swap(&mut places, &mut next);
        if places.is_empty() {
            break;
        }
    }
    Reach { whole: places.last().copied(), is_open }
}

/// Where a character that a text begins with ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    After(usize),
    /// The text is too short to tell.
    Open,
    /// It begins with something else.
    Other,
}

/// The longest escape: of a character of two units in JSON.
const ESCAPE_BYTES_MAX: usize = 12;

/// A character as it is; a space as `+`, too.
fn plain(char: char, text: &[u8]) -> End {
    let mut buffer = [0; 4];
    let written = char.encode_utf8(&mut buffer).as_bytes();
    match text {
        [b'+', ..] if char == ' ' => End::After(1),
        text if text.starts_with(written) => End::After(written.len()),
        text if written.starts_with(text) => End::Open,
        _ => End::Other,
    }
}

/// A character that is escaped once, twice or three times.
fn escaped(char: char, text: &[u8]) -> [End; 3] {
    let mut ends = [End::Other; 3];
    let (mut outer, mut before) = (Vec::new(), 0);
    for end in &mut ends {
        let inner = if outer.is_empty() { text } else { outer.as_slice() };
        let found = match inner.first() {
            Some(b'%') => percent(char, inner),
            Some(b'\\') => backslash(inner),
            Some(b'&') => entity(inner),
            _ => break,
        };
        let Some((found, length)) = found else {
            let is_cut = inner.len() < ESCAPE_BYTES_MAX;
            *end = if is_cut { End::Open } else { End::Other };
            break;
        };
        if found == char {
            *end = End::After(before + length);
        }
        // What it means may be the start of another escape.
        let Some(first) = u8::try_from(found).ok().filter(|byte| b"%\\&".contains(byte)) else {
            break;
        };
        let rest = text.get(before + length..).unwrap_or_default();
        before += length - 1;
        outer = [&[first], rest.get(..ESCAPE_BYTES_MAX).unwrap_or(rest)].concat();
    }
    ends
}

/// As many bytes as the character has, each as `%` and two digits.
fn percent(char: char, text: &[u8]) -> Option<(char, usize)> {
    let length = char.len_utf8();
    let mut bytes = [0; 4];
    let bytes = bytes.get_mut(..length)?;
    for (byte, written) in bytes.iter_mut().zip(text.chunks(3)) {
        *byte = match written {
            [b'%', digits @ ..] => u8::try_from(number(digits, 16, 2)?).ok()?,
            _ => return None,
        };
    }
    let found = std::str::from_utf8(bytes).ok()?.chars().next()?;
    Some((found, 3 * length))
}

/// `\/`, `\u0026`, `\ud83e\udd80`, `\x26`, `\t`.
fn backslash(text: &[u8]) -> Option<(char, usize)> {
    let unit = |at: usize| match text.get(at..at + 6)? {
        [b'\\', b'u' | b'U', digits @ ..] => u16::try_from(number(digits, 16, 4)?).ok(),
        _ => None,
    };
    match *text.get(1)? {
        b'u' | b'U' => {
            let first = unit(0)?;
            match char::from_u32(first.into()) {
                Some(char) => Some((char, 6)),
                None => Some((char::decode_utf16([first, unit(6)?]).next()?.ok()?, 12)),
            }
        }
        b'x' => Some((char::from_u32(number(text.get(2..4)?, 16, 2)?)?, 4)),
        b't' => Some(('\t', 2)),
        byte => byte.is_ascii_punctuation().then_some((char::from(byte), 2)),
    }
}

/// The entities that encoders write for characters that a key may have.
const ENTITIES: [(&[u8], char); 5] =
    [(b"amp", '&'), (b"lt", '<'), (b"gt", '>'), (b"quot", '"'), (b"apos", '\'')];

/// `&amp;`, `&#38;`, `&#x26;`.
fn entity(text: &[u8]) -> Option<(char, usize)> {
    let end = text.iter().take(ESCAPE_BYTES_MAX).position(|byte| *byte == b';')?;
    let char = match text.get(1..end)? {
        [b'#', b'x' | b'X', digits @ ..] => char::from_u32(number(digits, 16, digits.len())?)?,
        [b'#', digits @ ..] => char::from_u32(number(digits, 10, digits.len())?)?,
        name => ENTITIES.iter().find(|(known, _)| *known == name)?.1,
    };
    Some((char, end + 1))
}

/// A number of exactly so many digits, at least one.
fn number(digits: &[u8], radix: u32, length: usize) -> Option<u32> {
    let are_digits = digits.iter().all(|byte| char::from(*byte).is_digit(radix));
    let text = std::str::from_utf8(digits).ok().filter(|_| are_digits && digits.len() == length)?;
    u32::from_str_radix(text, radix).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(secret: &str, text: &str, whole: Option<usize>, is_open: bool) {
        let secret: Vec<char> = secret.chars().collect();
        let text = if is_open { text.to_owned() } else { format!("{text}............") };
        assert_eq!(reach(&secret, text.as_bytes()), Reach { whole, is_open }, "{text}");
    }

    #[test]
    fn each_character_is_read_in_every_way() {
        for text in
            ["a/&é b", "a%2f&%c3%A9+b", "\\u0061\\/\\u0026\\u00e9 b", "a&#47;&amp;&#xE9;%20b"]
        {
            check("a/&é b", text, Some(text.len()), false);
        }
        check("🦀", "\\ud83E\\uDD80", Some(12), false);
        check("🦀", "%F0%9f%a6%80", Some(12), false);
        check("'\"<>", "&#x27;&#34;\\u003c&gt;", Some(21), false);
        check("a/&b", "a%252F\\u0026amp;b", Some(17), false);
        check("a/&b", "a\\\\\\/&amp;#38;b", Some(15), false);
        check("a/b", "a%2Fc", None, false);
        check("a/b", "a\\.b", None, false);
        check("ab", "a%zzb12345678", None, false);
    }

    #[test]
    fn a_secret_that_looks_like_an_escape_is_found_too() {
        check("&amp;x", "&amp;x", Some(6), false);
        check("&amp;x", "&amp;amp;x", Some(10), false);
        check("100%25\\", "100%25\\", Some(7), false);
        check("100%25\\", "100%2525\\\\", Some(10), false);
    }

    #[test]
    fn a_text_that_ends_too_early_leaves_it_open() {
        for text in ["", "a", "a%", "a%2", "a%2F", "a\\", "a\\u00", "a&", "a&#4"] {
            check("a/b", text, None, true);
        }
        check("a", "a", Some(1), false);
    }

    #[test]
    fn ways_that_meet_are_followed_once() {
        let (secret, text) = ("\\".repeat(60), "\\".repeat(90));
        let secret: Vec<char> = secret.chars().collect();
        assert_eq!(reach(&secret, text.as_bytes()), Reach { whole: Some(90), is_open: true });
    }

    proptest! {
        #[test]
        fn every_mixture_of_encoders_is_read(
            written in prop::collection::vec((prop::sample::select(&['a', 'Z', '/', '&', '%', '\\', '"', ' ', '+', 'é', '🦀', ';', '#'][..]), 0usize..7), 1..20),
        ) {
            let secret: Vec<char> = written.iter().map(|(char, _)| *char).collect();
            let text: String = written.iter().map(|(char, way)| write(*char, *way)).collect();
            let found = reach(&secret, text.as_bytes());
            prop_assert!(found.whole.is_some_and(|whole| whole >= text.len()), "{text}");
            for cut in 0..text.len() {
                prop_assert!(reach(&secret, &text.as_bytes()[..cut]).is_open, "{text} at {cut}");
            }
        }
    }

    fn write(char: char, way: usize) -> String {
        let mut units = [0; 2];
        match way {
            0 => char.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect(),
            1 => char.to_string().bytes().map(|byte| format!("%{byte:02x}")).collect(),
            2 => {
                char.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect()
            }
            3 => format!("&#{};", u32::from(char)),
            4 => format!("&#x{:X};", u32::from(char)),
            5 if char.is_ascii_punctuation() => format!("\\{char}"),
            _ => char.to_string(),
        }
    }
}
