//! JSON that is safe to look at: what cannot be seen is escaped, which changes no value.

use std::io::{self, Write};
use std::str;

use serde::Serialize;

use crate::text::seen_json;

/// Writes a document, in lines.
///
/// JSON itself escapes control characters up to U+001F. The others, and what has no width or turns
/// what follows, steer and deceive terminals just as well.
///
/// # Errors
///
/// It cannot be written.
pub fn write(document: &impl Serialize, to: &mut dyn Write) -> io::Result<()> {
    let mut to = Seen(to);
    serde_json::to_writer_pretty(&mut to, document)?;
    to.write_all(b"\n")
}

/// Escapes what is not seen of the JSON that is written to it, which comes in whole characters.
struct Seen<'w>(&'w mut dyn Write);

impl Write for Seen<'_> {
    fn write(&mut self, json: &[u8]) -> io::Result<usize> {
        let is_plain = json.iter().all(|byte| byte.is_ascii() && *byte != b'\x7f');
        match str::from_utf8(json) {
            Ok(json) if !is_plain => self.0.write_all(seen_json(json).as_bytes())?,
            _ => self.0.write_all(json)?,
        }
        Ok(json.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::is_unseen;

    #[test]
    fn what_is_not_seen_is_escaped_and_stays_the_same() {
        let unseen = ('\0'..='\u{a0}').chain(['\u{ad}', '\u{2028}', '\u{202e}', '\u{e0041}', 'é']);
        let texts = unseen.map(|unseen| format!("\u{feff}ana{unseen}\\u{{202e}}"));
        let document = serde_json::Value::from(texts.collect::<Vec<_>>());
        let mut written = Vec::new();
        write(&document, &mut written).unwrap();
        let written = String::from_utf8(written).unwrap();
        assert!(written.lines().all(|line| !line.contains(is_unseen)), "{written:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap(), document);
    }
}
