//! Policies inside of other JSON: unpacked, with the way back to where each byte stands in the file.
//!
//! AWS packs a policy in four ways: as an object (the command line, for IAM), as a string of JSON, as
//! a string of URL-encoded JSON (SDKs, for IAM; RFC 3986, so `+` is a plus sign), and as a string of
//! JSON with its quotes and slashes escaped once more (API Gateway). Unpacking carries the place of
//! each byte along, so that an error in a policy is shown where it stands in the file.

use std::ops::Range;

/// A policy's text, and where it stands in the file that it was taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Embedded {
    pub(crate) text: String,
    pub(crate) map: OffsetMap,
    /// Whether the text stands in the file as it is.
    pub(crate) is_verbatim: bool,
}

/// Where the bytes of an unpacked text stand in the file: runs that begin at `.0` in the text and at
/// `.1` in the file, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OffsetMap(Vec<(usize, usize)>);

/// Why a text cannot be unpacked, and where in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) span: Range<usize>,
    pub(crate) message: String,
}

/// A byte and where its cause stands in the file.
type Placed = (usize, u8);

impl Embedded {
    /// Unpacks the JSON value `raw`, which begins at `start` in the file.
    ///
    /// # Errors
    /// The value is neither an object nor a string, or an escape in it is broken.
    pub(crate) fn unpack(raw: &str, start: usize) -> Result<Embedded, Broken> {
        if raw.starts_with('{') {
            let map = OffsetMap(vec![(0, start)]);
            return Ok(Embedded { text: raw.to_owned(), map, is_verbatim: true });
        }
        let Some(inner) = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')) else {
            let message = format!("expected a policy document, found `{raw}`");
            return Err(Broken { span: start..start + raw.len(), message });
        };
        let placed: Vec<Placed> = (start + 1..).zip(inner.bytes()).collect();
        let mut bytes = unescape(&placed)?;
        if is_url_encoded(&bytes) {
            bytes = percent_decode(&bytes)?;
        }
        if is_escaped_again(&bytes) {
            bytes = unescape(&bytes)?;
        }
        Embedded::collect(&bytes, start + raw.len() - 1)
    }

    /// Text and map of unpacked bytes; `end` is where the text ends in the file.
    fn collect(bytes: &[Placed], end: usize) -> Result<Embedded, Broken> {
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for (own, (outer, _)) in bytes.iter().enumerate() {
            if runs.last().is_none_or(|run| run.1 + (own - run.0) != *outer) {
                runs.push((own, *outer));
            }
        }
        runs.push((bytes.len(), end));
        let map = OffsetMap(runs);
        match String::from_utf8(bytes.iter().map(|(_, byte)| *byte).collect()) {
            Ok(text) => Ok(Embedded { text, map, is_verbatim: false }),
            Err(error) => {
                let at = map.outer(error.utf8_error().valid_up_to());
                Err(Broken { span: at..at + 1, message: "the policy is not UTF-8".to_owned() })
            }
        }
    }
}

impl OffsetMap {
    /// Where the byte at `own` of the text stands in the file.
    pub(crate) fn outer(&self, own: usize) -> usize {
        let after = self.0.partition_point(|(start, _)| *start <= own);
        let run = after.checked_sub(1).and_then(|last| self.0.get(last));
        run.map_or(0, |(start, outer)| outer + (own - start))
    }

    /// Where a run of bytes of the text stands in the file.
    pub(crate) fn span(&self, own: Range<usize>) -> Range<usize> {
        self.outer(own.start)..self.outer(own.end)
    }
}

/// The first byte that is no space, and what follows it.
fn first_but_space(bytes: &[Placed]) -> Option<(u8, &[Placed])> {
    let start = bytes.iter().position(|(_, byte)| !byte.is_ascii_whitespace())?;
    let ((_, byte), rest) = bytes.get(start..)?.split_first()?;
    Some((*byte, rest))
}

/// JSON begins with a brace; its URL-encoded form with `%7B`, or with an encoded space.
fn is_url_encoded(bytes: &[Placed]) -> bool {
    matches!(first_but_space(bytes), Some((b'%', _)))
}

/// The first name of an object begins with a quote, unless that is escaped: `{\"`, `{\n  \"`.
fn is_escaped_again(bytes: &[Placed]) -> bool {
    match first_but_space(bytes) {
        Some((b'\\', _)) => true,
        Some((b'{', inside)) => matches!(first_but_space(inside), Some((b'\\', _))),
        _ => false,
    }
}

fn unescape(bytes: &[Placed]) -> Result<Vec<Placed>, Broken> {
    let mut unescaped = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&(at, byte), tail)) = rest.split_first() {
        if byte != b'\\' {
            unescaped.push((at, byte));
            rest = tail;
            continue;
        }
        let (escape, tail) = rest.split_at(escape_length(rest).min(rest.len()));
        let text: String = escape.iter().map(|(_, byte)| char::from(*byte)).collect();
        let meant: String = serde_json::from_str(&format!("\"{text}\"")).map_err(|_| {
            let end = escape.last().map_or(at, |(last, _)| *last) + 1;
            Broken { span: at..end, message: format!("broken escape `{text}`") }
        })?;
        unescaped.extend(meant.bytes().map(|byte| (at, byte)));
        rest = tail;
    }
    Ok(unescaped)
}

/// `\n` takes two bytes, `\u00e9` six, and a surrogate pair `\ud83d\ude00` twelve.
fn escape_length(bytes: &[Placed]) -> usize {
    let byte = |index: usize| bytes.get(index).map(|(_, byte)| byte.to_ascii_lowercase());
    match (byte(1), byte(2), byte(3)) {
        (Some(b'u'), Some(b'd'), Some(b'8' | b'9' | b'a' | b'b')) => 12,
        (Some(b'u'), _, _) => 6,
        _ => 2,
    }
}

fn percent_decode(bytes: &[Placed]) -> Result<Vec<Placed>, Broken> {
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&(at, byte), tail)) = rest.split_first() {
        rest = tail;
        if byte != b'%' {
            decoded.push((at, byte));
            continue;
        }
        let digit = |index: usize| char::from(tail.get(index)?.1).to_digit(16);
        let value =
            digit(0).zip(digit(1)).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        let Some(value) = value else {
            let message = "broken URL encoding: expected two hexadecimal digits after `%`";
            return Err(Broken { span: at..at + 1, message: message.to_owned() });
        };
        decoded.push((at, value));
        rest = tail.get(2..).unwrap_or_default();
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests;
