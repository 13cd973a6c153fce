//! The head of a request, as it arrived: borrowed bytes, nothing decoded.
//!
//! A signature is over the raw wire bytes, so this is all the verifier is ever given. Headers are
//! found through an index that is sorted once: a request with thousands of headers, each named in
//! `SignedHeaders`, costs n·log n and not n².

use std::borrow::Cow;

use crate::Refusal;

/// A header as it arrived: its name in any case, and its value.
pub type HeaderPair<'a> = (&'a [u8], &'a [u8]);

/// The head of a request as raw bytes.
///
/// It has no `Debug`, because its headers may hold a session token.
#[derive(Clone, Copy)]
pub struct RequestHead<'a> {
    /// The method, in the case it arrived in.
    pub method: &'a [u8],
    /// The path as on the request line: everything before the first `?`, still encoded.
    pub path: &'a [u8],
    /// The query as on the request line: everything after the first `?`, still encoded, empty when
    /// there is none.
    pub query: &'a [u8],
    /// The headers in order of arrival. HTTP/2 puts the host into `:authority`: give it as `host`.
    pub headers: &'a [HeaderPair<'a>],
    /// How the request arrived; an unsigned payload is never accepted in clear text.
    pub transport: Transport,
}

/// How a request arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Inside TLS, ended by this process or by one it trusts.
    Tls,
    /// In clear text.
    Plain,
}

/// The headers of a request, sorted by lower-case name, repeats in order of arrival.
pub(crate) struct HeaderIndex<'a>(Vec<(Cow<'a, [u8]>, &'a [u8])>);

impl<'a> HeaderIndex<'a> {
    pub(crate) fn new(headers: &[HeaderPair<'a>]) -> Self {
        let lower = |(name, value): &HeaderPair<'a>| (lower_case(name), *value);
        let mut sorted: Vec<(Cow<'a, [u8]>, &'a [u8])> = headers.iter().map(lower).collect();
        // INVARIANT: the sort is stable; repeats are joined in order of arrival.
        sorted.sort_by(|(left, _), (right, _)| left.cmp(right));
        Self(sorted)
    }

    /// The values of the header `name` (given in lower case), in order of arrival.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let start = self.0.partition_point(|(other, _)| **other < *name.as_bytes());
        self.0
            .iter()
            .skip(start)
            .take_while(move |(other, _)| **other == *name.as_bytes())
            .map(|(_, value)| *value)
    }

    /// The one value of a header that may not be repeated.
    pub(crate) fn single(&self, name: &'static str) -> Result<Option<&'a [u8]>, Refusal> {
        let mut values = self.values(name);
        let first = values.next();
        match values.next() {
            Some(_) => Err(Refusal::Repeated { name }),
            None => Ok(first.map(<[u8]>::trim_ascii)),
        }
    }

    /// The names received, in lower case, sorted, as often as they were received.
    pub(crate) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|(name, _)| &**name)
    }
}

/// HTTP/2 and most HTTP libraries give names in lower case already.
fn lower_case(name: &[u8]) -> Cow<'_, [u8]> {
    if name.iter().any(u8::is_ascii_uppercase) {
        name.to_ascii_lowercase().into()
    } else {
        name.into()
    }
}
