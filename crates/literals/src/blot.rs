//! A text to be shown, in which no credential can be read.

use std::ops::Range;

use crate::literals;

/// A text whose credentials are blotted out: lines and columns are as before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blotted {
    /// The text, with a `*` for each character of a credential beyond its kind's prefix.
    pub text: String,
    /// Bytes of the original that were blotted out, each with the bytes that take their place.
    moved: Vec<(Range<usize>, Range<usize>)>,
}

impl Blotted {
    /// Blots out everything that looks like a credential, and what stands at `also`.
    pub fn new(text: &str, also: impl IntoIterator<Item = Range<usize>>) -> Blotted {
        let found = literals(text).into_iter().map(|literal| {
            let start = literal.span.start + literal.prefix.len();
            start.min(literal.span.end)..literal.span.end
        });
        let mut spans: Vec<Range<usize>> = found.chain(also).collect();
        spans.sort_by_key(|span| span.start);
        let mut blotted = Blotted { text: String::with_capacity(text.len()), moved: Vec::new() };
        let mut end = 0;
        for span in spans {
            let span = span.start.max(end)..span.end.max(end);
            let (Some(before), Some(secret)) = (text.get(end..span.start), text.get(span.clone()))
            else {
                continue;
            };
            blotted.text.push_str(before);
            let start = blotted.text.len();
            // Line breaks stay: a private key has many.
            let stars = secret.chars().map(|char| if char == '\n' { char } else { '*' });
            blotted.text.extend(stars);
            end = span.end;
            blotted.moved.push((span, start..blotted.text.len()));
        }
        blotted.text.push_str(text.get(end..).unwrap_or_default());
        blotted
    }

    /// Where a place of the original is now.
    pub fn place(&self, original: &Range<usize>) -> Range<usize> {
        self.offset(original.start)..self.offset(original.end)
    }

    fn offset(&self, original: usize) -> usize {
        let before = self.moved.partition_point(|(span, _)| span.end <= original);
        let inside = self.moved.get(before).filter(|(span, _)| span.start < original);
        if let Some((_, now)) = inside {
            return now.end;
        }
        match before.checked_sub(1).and_then(|last| self.moved.get(last)) {
            None => original,
            Some((span, now)) => now.end + (original - span.end),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, also: Option<Range<usize>>, expected: &str) {
        assert_eq!(Blotted::new(text, also).text, expected);
    }

    #[test]
    fn a_credential_is_stars_and_all_else_is_as_it_was() {
        check("a = \"b\"\n", None, "a = \"b\"\n");
        check("token = \"vanilla\" # c\n", None, "token = \"*******\" # c\n");
        let rest = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6";
        let stars = "*".repeat(rest.len());
        check(&format!("h: 'token ghp_{rest}'"), None, &format!("h: 'token ghp_{stars}'"));
    }

    #[test]
    fn what_is_pointed_at_is_blotted_too() {
        check("secret = 12345\n", Some(9..14), "secret = *****\n");
        check("a\nbc\nd", Some(0..6), "*\n**\n*");
        check("token = \"vanilla\"", Some(8..17), "token = *********");
    }

    #[test]
    fn columns_count_characters_and_places_follow() {
        let text = "token = \"é🦀é\" # here";
        let blotted = Blotted::new(text, []);
        assert_eq!(blotted.text, "token = \"***\" # here");
        let place = blotted.place(&(text.find("here").unwrap()..text.len()));
        assert_eq!(&blotted.text[place], "here");
        let value = 9..text.find("\" #").unwrap();
        assert_eq!(&blotted.text[blotted.place(&value)], "***");
        assert_eq!(blotted.place(&(0..5)), 0..5);
    }

    proptest::proptest! {
        #[test]
        fn every_text_keeps_its_lines_and_their_lengths(
            text in "[ -~é🦀\\n]{0,80}(token = \"[ -~é]{1,9}\"\\n)?[ -~é]{0,9}",
        ) {
            let shape = |text: &str| {
                text.split('\n').map(|line| line.chars().count()).collect::<Vec<_>>()
            };
            proptest::prop_assert_eq!(shape(&Blotted::new(&text, []).text), shape(&text));
        }
    }
}
