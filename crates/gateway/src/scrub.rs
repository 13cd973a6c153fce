//! Keeping secrets out of answers: in every form in which one could be reflected.
//!
//! What is found is overwritten with as many asterisks, so that an answer keeps the length that its
//! head declares.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use bytes::{Bytes, BytesMut};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Body, Frame, SizeHint};
use percent_encoding::{
    NON_ALPHANUMERIC, percent_decode, percent_encode_byte, utf8_percent_encode,
};

use crate::body::BodyError;
use crate::credential::RESERVED;

/// What is written over a secret.
const MASK: u8 = b'*';
/// The shortest form that is looked for; anything shorter is found everywhere.
const FORM_BYTES_MIN: usize = 4;

/// Finds the forms of secrets. Cloning shares.
#[derive(Clone)]
pub(crate) struct Scrubber(Arc<Forms>);

struct Forms {
    automaton: Option<AhoCorasick>,
    /// The forms in lower case, as names of headers have them.
    in_names: Option<AhoCorasick>,
    shortest: usize,
    longest: usize,
}

/// Collects what to look for.
#[derive(Default)]
pub(crate) struct ScrubberBuilder(Vec<Vec<u8>>);

impl ScrubberBuilder {
    /// Adds a secret in all of its forms: as it is, percent-encoded, as JSON writes it, in
    /// hexadecimal, and in base64 at each of the three places that it can begin at.
    pub(crate) fn add(&mut self, secret: &str) {
        let bytes = secret.as_bytes();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let percent = |set| utf8_percent_encode(secret, set).to_string();
        let all: String = bytes.iter().map(|byte| percent_encode_byte(*byte)).collect();
        let percent = [percent(NON_ALPHANUMERIC), percent(RESERVED), all];
        let json = serde_json::Value::from(secret).to_string();
        let mut forms = vec![
            secret.to_owned(),
            secret.replace(' ', "+"),
            json.trim_matches('"').to_owned(),
            hex.to_ascii_uppercase(),
            hex,
        ];
        forms.extend(percent.iter().map(|form| lower_case_escapes(form)));
        forms.extend(percent);
        for offset in 0..3 {
            forms.extend([base64_at(bytes, offset, false), base64_at(bytes, offset, true)]);
        }
        let long_enough = forms.into_iter().filter(|form| form.len() >= FORM_BYTES_MIN);
        self.0.extend(long_enough.map(String::into_bytes));
        self.0.sort_unstable();
        self.0.dedup();
    }

    pub(crate) fn build(self) -> Scrubber {
        let lower_case: Vec<_> = self.0.iter().map(|form| form.to_ascii_lowercase()).collect();
        let lengths = || self.0.iter().map(Vec::len);
        Scrubber(Arc::new(Forms {
            shortest: lengths().min().unwrap_or(usize::MAX),
            longest: lengths().max().unwrap_or_default(),
            automaton: automaton(&self.0),
            in_names: automaton(&lower_case),
        }))
    }
}

/// What finds these forms; nothing if there are none.
fn automaton(forms: &[Vec<u8>]) -> Option<AhoCorasick> {
    let build = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(forms);
    build.ok().filter(|_| !forms.is_empty())
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

/// A percent-encoded text with its hexadecimal digits in lower case, and its letters as they are.
fn lower_case_escapes(text: &str) -> String {
    let mut pieces = text.split('%');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| {
        let (digits, rest) = piece.split_at_checked(2).unwrap_or((piece, ""));
        text + "%" + &digits.to_ascii_lowercase() + rest
    })
}

impl Scrubber {
    pub(crate) fn builder() -> ScrubberBuilder {
        ScrubberBuilder::default()
    }

    /// Whether any form of a secret is in these bytes.
    fn finds(&self, bytes: &[u8]) -> bool {
        self.0.automaton.as_ref().is_some_and(|automaton| automaton.is_match(bytes))
    }

    /// Overwrites what is found.
    pub(crate) fn mask(&self, bytes: &mut [u8]) {
        let Some(automaton) = &self.0.automaton else { return };
        let found: Vec<_> = automaton.find_iter(&*bytes).map(|found| found.range()).collect();
        for range in found {
            if let Some(found) = bytes.get_mut(range) {
                found.fill(MASK);
            }
        }
    }

    /// Whether the name of a header holds any form of a secret. Most are too short for one.
    fn finds_in_name(&self, name: &HeaderName) -> bool {
        let Forms { in_names, shortest, .. } = &*self.0;
        name.as_str().len() >= *shortest
            && in_names.as_ref().is_some_and(|automaton| automaton.is_match(name.as_str()))
    }

    /// Overwrites what is found in the values of headers, and removes those whose names have it.
    pub(crate) fn mask_headers(&self, headers: &mut HeaderMap) {
        let telling: Vec<HeaderName> =
            headers.keys().filter(|name| self.finds_in_name(name)).cloned().collect();
        for name in telling {
            headers.remove(name);
        }
        headers.values_mut().for_each(|value| self.mask_value(value));
    }

    /// Overwrites what is found in the value of a header. One that has a secret only once its escapes
    /// are decoded is overwritten whole: a part of its characters may be escaped, and others not, in
    /// more ways than can be looked for.
    fn mask_value(&self, value: &mut HeaderValue) {
        let is_escaped = value.as_bytes().contains(&b'%');
        if value.len() < self.0.shortest || !(is_escaped || self.finds(value.as_bytes())) {
            return;
        }
        let mut bytes = value.as_bytes().to_vec();
        self.mask(&mut bytes);
        let decoded: Vec<u8> = percent_decode(&bytes).collect();
        let masked = match is_escaped && self.finds(&decoded) {
            true => None,
            false => HeaderValue::from_bytes(&bytes).ok(),
        };
        *value = masked.unwrap_or(HeaderValue::from_static("*"));
    }
}

/// A body that is scrubbed while it streams by. What could be the beginning of a secret waits for
/// the bytes behind it.
pub(crate) struct Scrubbed<B> {
    body: B,
    scrubber: Scrubber,
    held: BytesMut,
    is_over: bool,
}

impl<B> Scrubbed<B> {
    pub(crate) fn new(body: B, scrubber: Scrubber) -> Scrubbed<B> {
        Scrubbed { body, scrubber, held: BytesMut::new(), is_over: false }
    }

    /// What can be passed on: all but as many bytes as a secret that has just begun may have.
    fn release(&mut self) -> Option<Bytes> {
        self.scrubber.mask(&mut self.held);
        let keep = match self.is_over {
            true => 0,
            false => self.scrubber.0.longest.saturating_sub(1).min(self.held.len()),
        };
        let ready = self.held.split_to(self.held.len() - keep);
        (!ready.is_empty()).then(|| ready.freeze())
    }
}

impl<B> Body for Scrubbed<B>
where
    B: Body<Data = Bytes, Error = BodyError> + Unpin,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        while !self.is_over {
            let frame = ready!(Pin::new(&mut self.body).poll_frame(context)).transpose()?;
            match frame.map(Frame::into_data) {
                Some(Ok(data)) => self.held.extend_from_slice(&data),
                Some(Err(_)) => continue,
                None => self.is_over = true,
            }
            if let Some(ready) = self.release() {
                return Poll::Ready(Some(Ok(Frame::data(ready))));
            }
        }
        Poll::Ready(None)
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::new();
        let held = u64::try_from(self.held.len()).unwrap_or_default();
        if let Some(exact) = self.body.size_hint().exact() {
            hint.set_exact(exact + held);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;
    use http_body_util::{BodyExt, StreamBody};
    use proptest::prelude::*;

    fn scrubber(secret: &str) -> Scrubber {
        let mut builder = Scrubber::builder();
        builder.add(secret);
        builder.build()
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut bytes = text.as_bytes().to_vec();
        scrubber("straw berry/7").mask(&mut bytes);
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn a_secret_is_masked_in_every_form() {
        check("token straw berry/7!", "token *************!");
        check("a=straw%20berry%2F7&b", "a=*****************&b");
        check("a=straw%20berry%2f7&b", "a=*****************&b");
        check("a=straw+berry/7", "a=*************");
        check("7374726177206265727279 2f37", "7374726177206265727279 2f37");
        check("73747261772062657272792f37", "**************************");
        check("73747261772062657272792F37", "**************************");
        check("strawberry", "strawberry");
        check("a=%73%74%72%61%77%20%62%65%72%72%79%2f%37", &format!("a={}", "*".repeat(39)));
    }

    #[test]
    fn escapes_are_found_beside_letters_of_either_case() {
        let mut bytes = b"Straw%2fBerry-7".to_vec();
        scrubber("Straw/Berry-7").mask(&mut bytes);
        assert_eq!(bytes, b"*".repeat(15));
    }

    #[test]
    fn a_header_with_an_escape_here_and_there_is_masked_whole() {
        let mut headers = HeaderMap::new();
        headers.insert("location", HeaderValue::from_static("/?a=straw%20b%65rry/7"));
        headers.insert("etag", HeaderValue::from_static("100%25 straw"));
        headers.insert("link", HeaderValue::from_static("straw berry/7, straw%20b%65rry/7"));
        scrubber("straw berry/7").mask_headers(&mut headers);
        assert_eq!(headers["location"], "*");
        assert_eq!(headers["etag"], "100%25 straw");
        assert_eq!(headers["link"], "*");
    }

    proptest! {
        #[test]
        fn base64_is_found_whatever_stands_around(
            before in proptest::collection::vec(any::<u8>(), 0..7),
            after in proptest::collection::vec(any::<u8>(), 0..7),
            secret in "[a-zA-Z0-9]{8,20}",
        ) {
            let encoded = STANDARD.encode([&before[..], secret.as_bytes(), &after].concat());
            let mut bytes = encoded.clone().into_bytes();
            scrubber(&secret).mask(&mut bytes);
            prop_assert_ne!(bytes, encoded.into_bytes());
        }

        #[test]
        fn a_stream_is_scrubbed_however_it_is_cut(
            text in "(a|b|straw|straw berry/7|berry|/7| ){0,20}",
            cuts in proptest::collection::vec(0usize..60, 0..6),
        ) {
            let mut whole = text.clone().into_bytes();
            let scrubber = scrubber("straw berry/7");
            scrubber.mask(&mut whole);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<Result<Frame<Bytes>, BodyError>> = cuts
                .windows(2)
                .map(|cut| Ok(Frame::data(Bytes::copy_from_slice(&text.as_bytes()[cut[0]..cut[1]]))))
                .collect();
            let body = StreamBody::new(futures_util::stream::iter(pieces));
            let scrubbed = Scrubbed::new(body, scrubber);
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let collected = runtime.block_on(scrubbed.collect()).unwrap().to_bytes();
            prop_assert_eq!(collected, Bytes::from(whole));
        }
    }
}
