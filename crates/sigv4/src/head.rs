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

/// A header as the index has it.
pub(crate) struct Header<'a> {
    /// In lower case.
    pub(crate) name: Cow<'a, [u8]>,
    pub(crate) value: &'a [u8],
    is_signed: bool,
}

/// The headers of a request, sorted by lower-case name, repeats in order of arrival.
pub(crate) struct HeaderIndex<'a>(Vec<Header<'a>>);

/// The same, once it is known which of them are signed.
pub(crate) struct Marked<'a>(Vec<Header<'a>>);

impl<'a> HeaderIndex<'a> {
    pub(crate) fn new(headers: &[HeaderPair<'a>]) -> Self {
        let lower = |(name, value): &HeaderPair<'a>| Header {
            name: lower_case(name),
            value,
            is_signed: false,
        };
        let mut sorted: Vec<Header<'a>> = headers.iter().map(lower).collect();
        // INVARIANT: the sort is stable; repeats are joined in order of arrival.
        sorted.sort_by(|left, right| left.name.cmp(&right.name));
        Self(sorted)
    }

    /// The values of the header `name` (given in lower case), in order of arrival.
    ///
    /// Most names have another length, so that looking at all of them is faster than a search.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let headers = self.0.iter().filter(move |header| *header.name == *name.as_bytes());
        headers.map(|header| header.value)
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

    /// Marks the headers of these names, which ascend, as signed. Also gives the first name that
    /// none of them has.
    pub(crate) fn signed_by<'n>(
        mut self,
        names: impl Iterator<Item = &'n [u8]>,
    ) -> (Marked<'a>, Option<&'n [u8]>) {
        let (mut headers, mut absent) = (self.0.iter_mut().peekable(), None);
        for name in names {
            let mut is_absent = true;
            while let Some(header) = headers.next_if(|header| *header.name <= *name) {
                header.is_signed = *header.name == *name;
                is_absent &= !header.is_signed;
            }
            if is_absent {
                absent = absent.or(Some(name));
            }
        }
        (Marked(self.0), absent)
    }

    /// Marks all headers as signed.
    pub(crate) fn all_signed(mut self) -> Marked<'a> {
        self.0.iter_mut().for_each(|header| header.is_signed = true);
        Marked(self.0)
    }
}

impl<'a> Marked<'a> {
    /// The signed headers, each with its repeats.
    pub(crate) fn signed(&self) -> impl Iterator<Item = &[Header<'a>]> {
        let names = self.0.chunk_by(|left, right| left.name == right.name);
        names.filter(|repeats| repeats.iter().all(|header| header.is_signed))
    }

    /// The names of headers that are not signed.
    pub(crate) fn unsigned(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().filter(|header| !header.is_signed).map(|header| &*header.name)
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
