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

/// A header's name in lower case, and its value.
pub(crate) type Header<'a> = (Cow<'a, [u8]>, &'a [u8]);

/// The headers of a request, sorted by lower-case name, repeats in order of arrival.
pub(crate) struct HeaderIndex<'a>(Vec<Header<'a>>);

/// The headers that have not been asked for yet.
pub(crate) struct InOrder<'i, 'a>(&'i [Header<'a>]);

impl<'a> HeaderIndex<'a> {
    pub(crate) fn new(headers: &[HeaderPair<'a>]) -> Self {
        let lower = |(name, value): &HeaderPair<'a>| (lower_case(name), *value);
        let mut sorted: Vec<Header<'a>> = headers.iter().map(lower).collect();
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

    /// The headers, for whoever asks in the order of their names.
    pub(crate) fn in_order(&self) -> InOrder<'_, 'a> {
        InOrder(&self.0)
    }

    /// The names received, in lower case, sorted, as often as they were received.
    pub(crate) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|(name, _)| &**name)
    }
}

impl<'i, 'a> InOrder<'i, 'a> {
    /// The headers named before `name` (in lower case), and not asked for. The names of one walk
    /// ascend.
    pub(crate) fn skip_to(&mut self, name: &[u8]) -> &'i [Header<'a>] {
        self.split_off(|other| other < name)
    }

    /// The headers named `name`, in order of arrival.
    pub(crate) fn next_of(&mut self, name: &[u8]) -> &'i [Header<'a>] {
        self.skip_to(name);
        self.split_off(|other| other == name)
    }

    /// What was not asked for.
    pub(crate) fn rest(self) -> &'i [Header<'a>] {
        self.0
    }

    fn split_off(&mut self, belongs: impl Fn(&[u8]) -> bool) -> &'i [Header<'a>] {
        let length = self.0.iter().take_while(|(name, _)| belongs(name)).count();
        let (found, rest) = self.0.split_at_checked(length).unwrap_or((self.0, &[]));
        self.0 = rest;
        found
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
