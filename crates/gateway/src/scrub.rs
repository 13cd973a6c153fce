//! Keeping secrets out of answers: in every form in which one could be reflected.
//!
//! What is found is overwritten with as many asterisks, so that an answer keeps the length that its
//! head declares.

mod forms;
mod starts;
mod tree;
mod written;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Body, Frame, SizeHint};

use self::forms::{Forms, Found, forms};
use crate::body::BodyError;

/// What is written over a secret.
const MASK: u8 = b'*';

/// Finds the forms of secrets. Cloning shares.
#[derive(Clone)]
pub struct Scrubber(Arc<Wanted>);

struct Wanted {
    forms: Forms,
    /// The forms in lower case, as names of headers have them.
    in_names: Forms,
}

/// Collects what to look for.
#[derive(Default)]
pub struct ScrubberBuilder(Vec<String>);

impl ScrubberBuilder {
    /// Adds a secret in all of its forms: as it is, in hexadecimal, and in base64 at each of the three
    /// places that it can begin at; each also with escapes of URLs, JSON or HTML in it.
    pub fn add(&mut self, secret: &str) {
        self.0.extend(forms(secret));
    }

    /// What finds all that was added.
    pub fn build(self) -> Scrubber {
        let in_names = Forms::new(self.0.iter().map(|form| form.to_ascii_lowercase()));
        Scrubber(Arc::new(Wanted { forms: Forms::new(self.0), in_names }))
    }
}

impl Scrubber {
    /// One that looks for nothing yet.
    pub fn builder() -> ScrubberBuilder {
        ScrubberBuilder::default()
    }

    /// Overwrites what is found in a whole text.
    pub fn mask(&self, bytes: &mut [u8]) {
        self.mask_as_far(bytes, true);
    }

    /// Overwrites what is found, up to where the beginning of a secret may stand whose end has not
    /// come yet; nothing comes any more if `is_over`. How far that is.
    fn mask_as_far(&self, bytes: &mut [u8], is_over: bool) -> usize {
        let mut from = 0;
        while let Some(found) = self.0.forms.find(bytes, from, is_over) {
            match found {
                Found::Open(start) => return start,
                Found::Whole(start, end) => {
                    bytes.get_mut(start..end).unwrap_or_default().fill(MASK);
                    from = end;
                }
            }
        }
        bytes.len()
    }

    /// Whether the name of a header holds any form of a secret. Most are too short for one.
    fn finds_in_name(&self, name: &HeaderName) -> bool {
        let forms = &self.0.in_names;
        name.as_str().len() >= forms.shortest
            && forms.find(name.as_str().as_bytes(), 0, true).is_some()
    }

    /// Overwrites what is found in the values of headers, and removes those whose names have it.
    pub fn mask_headers(&self, headers: &mut HeaderMap) {
        let telling: Vec<HeaderName> =
            headers.keys().filter(|name| self.finds_in_name(name)).cloned().collect();
        for name in telling {
            headers.remove(name);
        }
        headers.values_mut().for_each(|value| self.mask_value(value));
    }

    /// Overwrites what is found in the value of a header.
    fn mask_value(&self, value: &mut HeaderValue) {
        let forms = &self.0.forms;
        if value.len() < forms.shortest || forms.find(value.as_bytes(), 0, true).is_none() {
            return;
        }
        let mut bytes = value.as_bytes().to_vec();
        self.mask(&mut bytes);
        *value = HeaderValue::from_bytes(&bytes).unwrap_or(HeaderValue::from_static("*"));
    }
}

/// Nothing of it is shown: it is made of secrets.
impl fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scrubber(<redacted>)")
    }
}

/// The same before it is built.
impl fmt::Debug for ScrubberBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScrubberBuilder(<redacted>)")
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

    /// What can be passed on: all up to a secret that may just have begun.
    fn release(&mut self) -> Option<Bytes> {
        let end = self.scrubber.mask_as_far(&mut self.held, self.is_over);
        let ready = self.held.split_to(end);
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
    use base64::Engine;
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
    fn every_encoder_s_way_to_write_a_key_is_masked() {
        let key = "SEKRIT/ab+cd&ef/g <h>\"'==";
        for written in [
            r#"SEKRIT\/ab+cd&ef\/g <h>\"'=="#,
            r#"SEKRIT/ab+cd\u0026ef/g \u003ch\u003e\"'=="#,
            r#"SEKRIT\u002Fab\u002bcd\u0026ef\u002fg\u0020\u003Ch\u003E\u0022\u0027\u003D\u003d"#,
            "SEKRIT/ab+cd&amp;ef/g &lt;h&gt;&quot;&#x27;==",
            "SEKRIT/ab+cd&amp;ef/g &lt;h&gt;&#34;&#39;==",
            "SEKRIT/ab%2Bcd%26ef/g%20%3Ch%3E%22%27%3D%3D",
            "SEKRIT%2fab%2bcd%26ef%2fg+%3ch%3e%22%27%3d%3d",
            "U0VLUklUL2FiK2NkJmVmL2cgPGg%2BIic9P",
        ] {
            let mut bytes = format!("x {written}").into_bytes();
            scrubber(key).mask(&mut bytes);
            assert_eq!(bytes, format!("x {}", "*".repeat(written.len())).into_bytes(), "{written}");
        }
    }

    #[test]
    fn escapes_are_found_beside_letters_of_either_case() {
        let mut bytes = b"Straw%2fBerry-7".to_vec();
        scrubber("Straw/Berry-7").mask(&mut bytes);
        assert_eq!(bytes, b"*".repeat(15));
    }

    #[test]
    fn a_header_with_an_escape_here_and_there_is_masked() {
        let mut headers = HeaderMap::new();
        headers.insert("location", HeaderValue::from_static("/?a=straw%20b%65rry/7"));
        headers.insert("etag", HeaderValue::from_static("100%25 straw"));
        headers.insert("link", HeaderValue::from_static("straw berry/7, straw%20b%65rry/7"));
        scrubber("straw berry/7").mask_headers(&mut headers);
        assert_eq!(headers["location"], format!("/?a={}", "*".repeat(17)));
        assert_eq!(headers["etag"], "100%25 straw");
        assert_eq!(headers["link"], format!("{}, {}", "*".repeat(13), "*".repeat(17)));
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
            text in "(a|b|straw|straw berry/7|berry|/7| |%20|%2F7|\\\\/7|&#x2f;7|&|%|\\\\|\\+berry){0,20}",
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
