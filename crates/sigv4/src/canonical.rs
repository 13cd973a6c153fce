//! The canonical request: the one text that client and server must agree on.
//!
//! It comes in two pieces. [`CanonicalHead`] is everything that the head of a request decides;
//! [`CanonicalRequest`] adds the payload line, which may have to wait for the body.

use std::borrow::Cow;
use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::{
    Refusal, RequestHead,
    class::Class,
    encode::{Hex, encode_path, has_odd_segment, hex},
    head::{Header, Marked},
    present::SignedHeaders,
    query::CanonicalQuery,
};

/// Signed headers whose values are not shown to anyone.
const SECRET_HEADERS: [&[u8]; 4] =
    [b"authorization", b"cookie", b"proxy-authorization", b"x-amz-security-token"];
/// What is shown instead.
const REDACTED: &[u8] = b"<redacted>";

/// A canonical request up to, but without, its payload line.
pub(crate) struct CanonicalHead {
    text: Vec<u8>,
    /// Where secret values lie in `text`, in order.
    secrets: Vec<Range<usize>>,
}

/// A canonical request. It has no `Debug`, because a session token is part of it.
pub(crate) struct CanonicalRequest(CanonicalHead);

impl CanonicalHead {
    /// Writes the canonical head of a request; `signed` are the names of the headers that are marked
    /// as signed.
    pub(crate) fn new(
        head: &RequestHead<'_>,
        headers: &Marked<'_>,
        query: &CanonicalQuery<'_>,
        signed: &SignedHeaders,
    ) -> Result<Self, Refusal> {
        Self::with_uri(&canonical_uri(head.path), head, headers, query, signed)
    }

    /// The same for a path that has been made canonical already.
    pub(crate) fn with_uri(
        uri: &str,
        head: &RequestHead<'_>,
        headers: &Marked<'_>,
        query: &CanonicalQuery<'_>,
        signed: &SignedHeaders,
    ) -> Result<Self, Refusal> {
        if !is_token(head.method) {
            return Err(Refusal::MalformedMethod);
        }
        let mut text = Vec::with_capacity(512);
        line(&mut text, head.method);
        line(&mut text, uri.as_bytes());
        let mut secrets = query.write(&mut text);
        text.push(b'\n');
        for repeats in headers.signed() {
            secrets.extend(write_header(&mut text, repeats)?);
        }
        text.push(b'\n');
        line(&mut text, signed.as_str().as_bytes());
        Ok(Self { text, secrets })
    }

    /// Completes the request with `payload`, the hash of the body or what stands for it.
    pub(crate) fn with_payload(mut self, payload: &[u8]) -> CanonicalRequest {
        self.text.extend_from_slice(payload);
        CanonicalRequest(self)
    }
}

impl CanonicalRequest {
    /// The SHA-256 of the request in hexadecimal, as the string to sign wants it.
    pub(crate) fn hash(&self) -> Hex {
        hex(&Sha256::digest(&self.0.text).into())
    }

    /// The request as it may be shown: secret values are replaced, bytes that are no text too.
    pub(crate) fn redacted(&self) -> String {
        let mut shown = Vec::with_capacity(self.0.text.len());
        let mut end = 0;
        for secret in &self.0.secrets {
            shown.extend_from_slice(self.0.text.get(end..secret.start).unwrap_or_default());
            shown.extend_from_slice(REDACTED);
            end = secret.end;
        }
        shown.extend_from_slice(self.0.text.get(end..).unwrap_or_default());
        String::from_utf8_lossy(&shown).into_owned()
    }

    #[cfg(test)]
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.text).into_owned()
    }
}

/// The canonical form of a raw path: dot segments and empty ones removed, then every segment
/// encoded once more, so that `%20` becomes `%2520`.
///
/// AWS takes the raw path of every service but S3 in this form only. To accept the path encoded once
/// as well would let the signature of `/a%20b` hold for `/a%2520b`.
pub(crate) fn canonical_uri(path: &[u8]) -> Cow<'_, str> {
    // Most paths are canonical, and need no copy.
    let is_canonical =
        path.starts_with(b"/") && Class::ENCODED_PATH.has(path) && !has_odd_segment(path);
    match str::from_utf8(path) {
        Ok(text) if is_canonical => text.into(),
        _ => encode_path(&normalized(path)).into_owned().into(),
    }
}

/// RFC 3986 §5.2.4, with empty segments removed too.
fn normalized(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    for segment in path.split(|byte| *byte == b'/') {
        match segment {
            b"" | b"." => {}
            b".." => drop(kept.pop()),
            _ => kept.push(segment),
        }
    }
    let mut text = vec![b'/'];
    text.extend_from_slice(&kept.join(&b'/'));
    if !kept.is_empty() && names_a_folder(path) {
        text.push(b'/');
    }
    text
}

/// Whether a path ends in a slash once its last dot segment is resolved.
fn names_a_folder(path: &[u8]) -> bool {
    [&b"/"[..], b"/.", b"/.."].iter().any(|end| path.ends_with(end))
}

/// Writes `name:value,value` of a header and its repeats, and tells where the value lies if it is
/// secret.
fn write_header(
    text: &mut Vec<u8>,
    repeats: &[Header<'_>],
) -> Result<Option<Range<usize>>, Refusal> {
    let Some(Header { name, .. }) = repeats.first() else { return Ok(None) };
    text.extend_from_slice(name);
    text.push(b':');
    let start = text.len();
    for (position, Header { value, .. }) in repeats.iter().enumerate() {
        if position > 0 {
            text.push(b',');
        }
        if is_graphic(value) {
            // Tokens are long and have no spaces.
            text.extend_from_slice(value);
        } else if is_header_value(value) {
            write_collapsed(text, value);
        } else {
            let name = String::from_utf8_lossy(name).into_owned();
            return Err(Refusal::MalformedHeader { name });
        }
    }
    let value = start..text.len();
    text.push(b'\n');
    Ok(SECRET_HEADERS.contains(&&**name).then_some(value))
}

/// Writes a header value trimmed, with each run of spaces made one.
fn write_collapsed(text: &mut Vec<u8>, value: &[u8]) {
    let value = value.trim_ascii();
    let words = value.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    for (position, word) in words.enumerate() {
        if position > 0 {
            text.push(b' ');
        }
        text.extend_from_slice(word);
    }
}

fn line(text: &mut Vec<u8>, bytes: &[u8]) {
    text.extend_from_slice(bytes);
    text.push(b'\n');
}

/// Whether a value is free of control characters, and of spaces.
fn is_graphic(value: &[u8]) -> bool {
    // Every byte is looked at, so that the compiler can look at many at once.
    value.iter().fold(true, |all, byte| all & (*byte > b' ') & (*byte != 0x7f))
}

/// Whether a value is free of control characters. A line feed would let one header pass for two.
fn is_header_value(value: &[u8]) -> bool {
    !value.iter().fold(false, |found, byte| found | (byte.is_ascii_control() & (*byte != b'\t')))
}

/// RFC 9110 §5.6.2: whether this may be a method or a header's name.
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && Class::TOKEN.has(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Transport, head::HeaderIndex};

    #[track_caller]
    fn check_uri(path: &str, expected: &str) {
        assert_eq!(canonical_uri(path.as_bytes()), expected, "`{path}`");
    }

    #[test]
    fn a_path_is_normalised_and_encoded_once_more() {
        check_uri("", "/");
        check_uri("/", "/");
        check_uri("/a b", "/a%20b");
        check_uri("/a%20b", "/a%2520b");
        check_uri("/a%2520b", "/a%252520b");
        check_uri("/a//b/./c/../d", "/a/b/d");
        check_uri("/a/", "/a/");
        check_uri("/a/.", "/a/");
        check_uri("/a/b/..", "/a/");
        check_uri("/a/..", "/");
        check_uri("/../a", "/a");
        check_uri("/a..", "/a..");
        check_uri("/%2e%2e/a", "/%252e%252e/a");
        check_uri("/-._~:@", "/-._~%3A%40");
    }

    #[track_caller]
    fn check_header(values: &[&str], expected: &str) {
        let pairs: Vec<(&[u8], &[u8])> =
            values.iter().map(|value| (&b"My-Header"[..], value.as_bytes())).collect();
        let mut text = Vec::new();
        let marked = HeaderIndex::new(&pairs).all_signed();
        let repeats = marked.signed().next().expect("a header");
        write_header(&mut text, repeats).expect("a value");
        assert_eq!(String::from_utf8_lossy(&text), format!("my-header:{expected}\n"));
    }

    #[test]
    fn values_are_trimmed_collapsed_and_joined_in_order_of_arrival() {
        check_header(&["  a   b  "], "a b");
        check_header(&["b", "a", "b"], "b,a,b");
        check_header(&["\"a   b\""], "\"a b\"");
        check_header(&["a\tb\t\t"], "a\tb");
        check_header(&["", "a"], ",a");
        check_header(&["Case"], "Case");
    }

    #[test]
    fn secrets_are_redacted_wherever_they_are() {
        let headers: Vec<(&[u8], &[u8])> = vec![
            (b"Host", b"example.com"),
            (b"Cookie", b"id=chocolate"),
            (b"X-Amz-Security-Token", b"strawberry"),
        ];
        let head = RequestHead {
            method: b"GET",
            path: b"/",
            query: b"X-Amz-Security-Token=vanilla&z=1",
            headers: &headers,
            transport: Transport::Plain,
        };
        let marked = HeaderIndex::new(&headers).all_signed();
        let signed = SignedHeaders::all(&marked);
        let query = CanonicalQuery::parse(head.query).expect("a query");
        let canonical = CanonicalHead::new(&head, &marked, &query, &signed)
            .expect("a canonical request")
            .with_payload(b"hash");
        assert_eq!(
            canonical.redacted(),
            "GET\n/\nX-Amz-Security-Token=<redacted>&z=1\ncookie:<redacted>\nhost:example.com\n\
             x-amz-security-token:<redacted>\n\ncookie;host;x-amz-security-token\nhash"
        );
        assert!(canonical.text().contains("strawberry"));
    }

    #[test]
    fn a_line_feed_cannot_make_one_header_two() {
        let pairs: Vec<(&[u8], &[u8])> = vec![(b"a", b"1\nb:2")];
        let marked = HeaderIndex::new(&pairs).all_signed();
        let repeats = marked.signed().next().expect("a header");
        let refusal = write_header(&mut Vec::new(), repeats).err();
        assert_eq!(refusal, Some(Refusal::MalformedHeader { name: "a".to_owned() }));
    }
}
