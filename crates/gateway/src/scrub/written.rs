//! The ways in which encoders write a text: each character as it is or escaped, in one way here and
//! in another there, as each encoder pleases.
//!
//! | | `/` and `&` |
//! |---|---|
//! | URLs | `%2F`, `%2f`, and a space also as `+` |
//! | JSON, JavaScript | `\/`, `\u0026`, `\x26` |
//! | HTML, XML | `&amp;`, `&#47;`, `&#x2F;` |
//!
//! What is escaped may be escaped once more, as HTML in JSON is, `\u0026amp;`, or HTML in a URL,
//! `%26amp%3B`; and that again.

use super::tree::Tree;

/// What a text has of a form at its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Reach {
    /// How many bytes a whole one takes, at most.
    pub(super) whole: Option<usize>,
    /// Whether the text ends before it is known whether this is one.
    pub(super) is_open: bool,
}

/// How far `text` is one of the forms, however it is written. Where a character can be read in two
/// ways, as itself and as the start of an escape, both are followed; where ways meet again, they are
/// one, so that no text has more ways than bytes.
pub(super) fn reach(forms: &Tree, text: &[u8]) -> Reach {
    let mut reach = Reach::default();
    let (mut ways, mut next) = (Vec::new(), Vec::new());
    reach.step(forms, text, Way { node: Tree::ROOT, at: 0 }, &mut ways);
    while !ways.is_empty() {
        for way in ways.drain(..) {
            reach.step(forms, text, way, &mut next);
        }
        next.sort_unstable();
        next.dedup();
        std::mem::swap(&mut ways, &mut next);
    }
    reach
}

/// What the text up to `at` was read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    node: usize,
    at: usize,
}

impl Reach {
    /// One character more.
    fn step(&mut self, forms: &Tree, text: &[u8], way: Way, next: &mut Vec<Way>) {
        let rest = text.get(way.at..).unwrap_or_default();
        self.is_open |= readings(rest, |char, length| {
            let Some(node) = forms.next(way.node, char) else { return };
            let at = way.at + length;
            if forms.is_end(node) {
                self.whole = self.whole.max(Some(at));
            }
            if forms.goes_on(node) {
                next.push(Way { node, at });
            }
        });
    }
}

/// The longest escape: of a character of two units in JSON.
const ESCAPE_BYTES_MAX: usize = 12;

/// What escapes begin with.
pub(super) const ESCAPES: [u8; 3] = [b'%', b'\\', b'&'];

/// Whether an escape may begin with these two bytes.
pub(super) fn may_be_escape(first: u8, second: u8) -> bool {
    match first {
        b'%' => second.is_ascii_hexdigit(),
        b'\\' => second.is_ascii_punctuation() || b"uUxt".contains(&second),
        b'&' => second == b'#' || ENTITIES.iter().any(|(name, _)| name.first() == Some(&second)),
        _ => false,
    }
}

/// Tells every way to read the character that a text begins with, and how many bytes it takes: as it
/// is, a `+` also as a space, and escaped once, twice or three times. Whether the text may be too
/// short to tell.
fn readings(text: &[u8], mut tell: impl FnMut(char, usize)) -> bool {
    match text.first() {
        None => return true,
        Some(b'+') => {
            tell('+', 1);
            tell(' ', 1);
        }
        Some(byte) if byte.is_ascii() => {
            tell(char::from(*byte), 1);
            return ESCAPES.contains(byte) && escaped(text, tell);
        }
        Some(_) => match first_char(text) {
            Ok(char) => tell(char, char.len_utf8()),
            Err(is_cut) => return is_cut,
        },
    }
    false
}

/// The character that a text of UTF-8 begins with, or whether it is cut.
fn first_char(text: &[u8]) -> Result<char, bool> {
    let start = text.get(..4).unwrap_or(text);
    let valid = std::str::from_utf8(start).or_else(|error| {
        let valid = start.get(..error.valid_up_to()).unwrap_or_default();
        std::str::from_utf8(valid).ok().filter(|it| !it.is_empty()).ok_or(error)
    });
    match valid.map(|text| text.chars().next()) {
        Ok(char) => char.ok_or(true),
        Err(error) => Err(error.error_len().is_none()),
    }
}

/// The same of a character that is escaped.
fn escaped(text: &[u8], mut tell: impl FnMut(char, usize)) -> bool {
    let Some((char, length)) = escape(text) else { return text.len() < ESCAPE_BYTES_MAX };
    tell(char, length);
    begins_escape(char) && escaped_again(text, length, &mut tell)
}

/// The same of one whose escape means the start of another one. The other characters of that may be
/// escaped as well.
fn escaped_again(text: &[u8], mut before: usize, tell: &mut dyn FnMut(char, usize)) -> bool {
    let start = text.get(..3 * ESCAPE_BYTES_MAX).unwrap_or(text);
    for times in 2..=3 {
        match unescaped(start, times) {
            None => return start.len() == text.len(),
            // It is no escape.
            Some((_, length)) if length == before => return false,
            Some((char, length)) => {
                tell(char, length);
                if !begins_escape(char) {
                    return false;
                }
                before = length;
            }
        }
    }
    false
}

fn begins_escape(char: char) -> bool {
    u8::try_from(char).is_ok_and(|byte| ESCAPES.contains(&byte))
}

/// What a text begins with once it has been unescaped so many times, and how many bytes that takes;
/// `None` if the text is too short to tell.
fn unescaped(text: &[u8], times: u8) -> Option<(char, usize)> {
    if times == 1 {
        let is_cut = || text.len() < ESCAPE_BYTES_MAX && may_begin_escape(text);
        return escape(text)
            .or_else(|| text.first().filter(|_| !is_cut()).map(|byte| (char::from(*byte), 1)));
    }
    let (mut first, mut at) = (None, 0);
    let mut written = [0; ESCAPE_BYTES_MAX];
    for length in 1..=ESCAPE_BYTES_MAX {
        let (char, taken) = unescaped(text.get(at..)?, times - 1)?;
        at += taken;
        first = first.or(Some((char, at)));
        let Ok(byte) = u8::try_from(char) else { break };
        if let Some(last) = written.get_mut(length - 1) {
            *last = byte;
        }
        let written = written.get(..length)?;
        if let Some((char, _)) = escape(written) {
            return Some((char, at));
        }
        if !may_begin_escape(written) {
            break;
        }
    }
    first
}

/// Whether an escape may begin with this.
fn may_begin_escape(text: &[u8]) -> bool {
    match *text {
        [first, second, ..] => may_be_escape(first, second),
        [first] => ESCAPES.contains(&first),
        [] => false,
    }
}

/// The character that an escape at the start of a text means, and how many bytes the escape takes.
#[inline]
fn escape(text: &[u8]) -> Option<(char, usize)> {
    match text.first()? {
        b'%' => percent(text),
        b'\\' => backslash(text),
        b'&' => entity(text),
        _ => None,
    }
}

/// As many bytes as the first of them says, each as `%` and two digits.
#[inline]
fn percent(text: &[u8]) -> Option<(char, usize)> {
    let byte = |written: &[u8]| match *written {
        [b'%', high, low, ..] => Some(16 * hex_digit(high)? + hex_digit(low)?),
        _ => None,
    };
    let first = byte(text)?;
    let length = match first {
        0..0x80 => return Some((char::from(first), 3)),
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        _ => 4,
    };
    let mut bytes = [0; 4];
    let bytes = bytes.get_mut(..length)?;
    for (at, written) in bytes.iter_mut().zip(text.chunks(3)) {
        *at = byte(written)?;
    }
    Some((std::str::from_utf8(bytes).ok()?.chars().next()?, 3 * length))
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
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
    let all = Some(digits).filter(|digits| digits.len() == length && length > 0)?;
    all.iter().try_fold(0u32, |number, digit| {
        number.checked_mul(radix)?.checked_add(char::from(*digit).to_digit(radix)?)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(secret: &str, text: &str, whole: Option<usize>, is_open: bool) {
        let secret: Vec<char> = secret.chars().collect();
        let text = if is_open { text.to_owned() } else { format!("{text}............") };
        assert_eq!(
            reach(&Tree::of(&[secret]), text.as_bytes()),
            Reach { whole, is_open },
            "{text}"
        );
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
    fn all_of_an_escape_may_be_escaped() {
        for text in [
            "a%25C3%25a9&b",
            "a%2525C3%2525A9%2526b",
            "a\\u00e9%26amp%3Bb",
            "a\\\\u00e9&amp;amp;b",
            "a%26%23xE9%3B\\u0026amp\\u003bb",
        ] {
            check("aé&b", text, Some(text.len()), false);
        }
        check("🦀", "\\\\ud83e\\\\udd80", Some(14), false);
        check("🦀", "\\\\\\\\ud83e\\\\\\\\udd80", Some(18), false);
        check("🦀", "%2525F0%25259f%2525a6%252580", Some(28), false);
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
        assert_eq!(
            reach(&Tree::of(&[secret]), text.as_bytes()),
            Reach { whole: Some(90), is_open: true }
        );
    }

    proptest! {
        #[test]
        fn every_mixture_of_encoders_is_read(
            written in prop::collection::vec((prop::sample::select(&['a', 'Z', '/', '&', '%', '\\', '"', ' ', '+', 'é', '🦀', ';', '#'][..]), 0usize..7), 1..20),
            again in prop::option::of(0usize..5),
        ) {
            let secret: Vec<char> = written.iter().map(|(char, _)| *char).collect();
            let text: String = written.iter().map(|(char, way)| write(*char, *way)).collect();
            let text = again.map_or(text.clone(), |way| write_specials(&text, way));
            let secret = Tree::of(&[secret]);
            let found = reach(&secret, text.as_bytes());
            prop_assert!(found.whole.is_some_and(|whole| whole >= text.len()), "{text}");
            for cut in 0..text.len() {
                prop_assert!(reach(&secret, &text.as_bytes()[..cut]).is_open, "{text} at {cut}");
            }
        }
    }

    /// A text as an encoder writes it that leaves letters and digits as they are.
    fn write_specials(text: &str, way: usize) -> String {
        let written = |char: char| match char.is_ascii_alphanumeric() {
            true => char.to_string(),
            false => write(char, way),
        };
        text.chars().map(written).collect()
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
