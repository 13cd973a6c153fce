//! What a request presents: the parts of its signature, found in the header or in the query.
//!
//! Rules 1 and 2. Nothing is judged yet but the form.

use std::borrow::Cow;
use std::fmt;

use memchr::memchr;

use crate::{
    Refusal, SessionToken,
    class::Class,
    encode::{decode_hex, split},
    head::{HeaderIndex, Marked},
    query::{CanonicalQuery, SECURITY_TOKEN, SIGNATURE},
    time::SigningTime,
};

/// The one algorithm.
pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The last element of every credential scope.
pub(crate) const TERMINATOR: &str = "aws4_request";
/// A week, the longest that `X-Amz-Expires` may say.
const EXPIRES_S_MAX: u32 = 604_800;

/// Where the signature of a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// In the `Authorization` header.
    Header,
    /// In the query: a presigned URL.
    Presigned,
}

/// What a signing key is good for: one day, one region, one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope<'a> {
    /// `YYYYMMDD`, UTC.
    pub date: &'a str,
    /// For example `eu-west-1`.
    pub region: &'a str,
    /// For example `execute-api`.
    pub service: &'a str,
}

impl fmt::Display for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{TERMINATOR}", self.date, self.region, self.service)
    }
}

/// The parts of a signature, well formed and not yet judged.
pub(crate) struct Presented {
    pub(crate) mechanism: Mechanism,
    pub(crate) credential: Credential,
    pub(crate) signed_headers: SignedHeaders,
    pub(crate) signature: [u8; 32],
    pub(crate) time: SigningTime,
    /// How long a presigned request asks to be valid.
    pub(crate) expires_s: Option<u32>,
    pub(crate) session_token: Option<SessionToken>,
}

/// `KEY/YYYYMMDD/region/service/terminator`: one text, and where its elements end.
#[derive(Clone)]
pub(crate) struct Credential {
    text: String,
    ends: [usize; 4],
}

/// The names of the signed headers as `SignedHeaders` lists them: in lower case, sorted, each once,
/// with semicolons between.
#[derive(Clone, Debug)]
pub(crate) struct SignedHeaders(String);

/// The three parts that both mechanisms have.
struct Parts<'a> {
    credential: Cow<'a, [u8]>,
    signed_headers: Cow<'a, [u8]>,
    signature: Cow<'a, [u8]>,
}

impl Presented {
    /// Finds the one mechanism of a request.
    pub(crate) fn find(headers: &HeaderIndex<'_>, query: &CanonicalQuery) -> Result<Self, Refusal> {
        match (headers.single("authorization")?, query.is_presigned()) {
            (None, false) => Err(Refusal::MissingAuthenticationToken),
            (Some(_), true) => Err(Refusal::TwoMechanisms),
            (Some(authorization), false) => Self::in_header(authorization, headers),
            (None, true) => Self::in_query(query, headers),
        }
    }

    fn in_header(authorization: &[u8], headers: &HeaderIndex<'_>) -> Result<Self, Refusal> {
        let parts = Parts::in_header(authorization)?;
        let time = match headers.single("x-amz-date")? {
            Some(date) => SigningTime::parse_basic(date),
            None => {
                let date = headers.single("date")?.ok_or(Refusal::MissingDate)?;
                SigningTime::parse_date_header(date)
            }
        };
        let session_token = headers.single("x-amz-security-token")?.map(<[u8]>::to_vec);
        parts.presented(
            Mechanism::Header,
            time.ok_or(Refusal::MalformedDate)?,
            None,
            token(session_token, "x-amz-security-token")?,
        )
    }

    fn in_query(query: &CanonicalQuery<'_>, headers: &HeaderIndex<'_>) -> Result<Self, Refusal> {
        for name in ["x-amz-date", "x-amz-security-token"] {
            // The query has these already.
            if headers.values(name).next().is_some() {
                return Err(Refusal::Repeated { name });
            }
        }
        let required = |name| {
            let missing = Refusal::MissingPart { mechanism: Mechanism::Presigned, name };
            query.single(name)?.ok_or(missing)
        };
        if required("X-Amz-Algorithm")? != ALGORITHM.as_bytes() {
            return Err(Refusal::UnsupportedAlgorithm);
        }
        let parts = Parts {
            credential: required("X-Amz-Credential")?.into(),
            signed_headers: required("X-Amz-SignedHeaders")?.into(),
            signature: required(SIGNATURE)?.into(),
        };
        let time = SigningTime::parse_basic(&required("X-Amz-Date")?);
        let expires = parse_expires(&required("X-Amz-Expires")?);
        parts.presented(
            Mechanism::Presigned,
            time.ok_or(Refusal::MalformedDate)?,
            Some(expires.ok_or(Refusal::MalformedExpires)?),
            token(query.single(SECURITY_TOKEN)?, SECURITY_TOKEN)?,
        )
    }
}

impl<'a> Parts<'a> {
    /// Reads `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`, in any order.
    fn in_header(authorization: &'a [u8]) -> Result<Self, Refusal> {
        let parameters = authorization
            .strip_prefix(ALGORITHM.as_bytes())
            .filter(|rest| rest.is_empty() || rest.starts_with(b" "))
            .ok_or(Refusal::UnsupportedAlgorithm)?;
        let mut found = [("Credential", None), ("SignedHeaders", None), ("Signature", None)];
        if !trim_spaces(parameters).is_empty() {
            for (index, part) in split(parameters, b',').enumerate() {
                let (name, value) = key_value(trim_spaces(part))
                    .ok_or(Refusal::MalformedPart { position: index + 1 })?;
                place(&mut found, name, value)?;
            }
        }
        let [credential, signed_headers, signature] = found.map(|(name, value)| {
            value
                .map(Cow::Borrowed)
                .ok_or(Refusal::MissingPart { mechanism: Mechanism::Header, name })
        });
        Ok(Self { credential: credential?, signed_headers: signed_headers?, signature: signature? })
    }

    fn presented(
        self,
        mechanism: Mechanism,
        time: SigningTime,
        expires_s: Option<u32>,
        session_token: Option<SessionToken>,
    ) -> Result<Presented, Refusal> {
        Ok(Presented {
            mechanism,
            credential: Credential::parse(&self.credential)?,
            signed_headers: SignedHeaders::parse(&self.signed_headers)?,
            signature: decode_hex(&self.signature).ok_or(Refusal::MalformedSignature)?,
            time,
            expires_s,
            session_token,
        })
    }
}

impl SignedHeaders {
    /// Names in lower case, strictly ascending: that makes them sorted and each one unique.
    fn parse(list: &[u8]) -> Result<Self, Refusal> {
        let text = str::from_utf8(list).map_err(|_| Refusal::NotText { name: "SignedHeaders" })?;
        // No name comes after an empty one that stands for none, so no name is empty.
        let mut before: &[u8] = b"";
        for name in list.split(|byte| *byte == b';') {
            if name <= before || !Class::LOWER_CASE_TOKEN.has(name) {
                return Err(Refusal::MalformedSignedHeaders);
            }
            before = name;
        }
        Ok(Self(text.to_owned()))
    }

    /// Those that are marked as signed.
    pub(crate) fn all(headers: &Marked<'_>) -> Self {
        let names = headers.signed().filter_map(|repeats| repeats.first());
        let names: Vec<&[u8]> = names.map(|header| &*header.name).collect();
        Self(String::from_utf8_lossy(&names.join(&b';')).into_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The names, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.0.as_bytes().split(|byte| *byte == b';')
    }
}

impl Credential {
    fn parse(credential: &[u8]) -> Result<Self, Refusal> {
        let text =
            str::from_utf8(credential).map_err(|_| Refusal::NotText { name: "Credential" })?;
        let mut slashes = text.bytes().enumerate().filter(|(_, byte)| *byte == b'/');
        let mut next = || slashes.next().map(|(position, _)| position);
        let (Some(key), Some(date), Some(region), Some(service), None) =
            (next(), next(), next(), next(), next())
        else {
            return Err(Refusal::MalformedCredential { elements: text.split('/').count() });
        };
        let credential = Self { text: text.to_owned(), ends: [key, date, region, service] };
        match is_access_key_id(credential.access_key_id()) {
            true => Ok(credential),
            false => Err(Refusal::MalformedAccessKeyId),
        }
    }

    pub(crate) fn access_key_id(&self) -> &str {
        let [key, ..] = self.ends;
        self.text.get(..key).unwrap_or_default()
    }

    /// The credential scope as it is written: all but the key.
    pub(crate) fn scope_text(&self) -> &str {
        let [key, ..] = self.ends;
        self.text.get(key + 1..).unwrap_or_default()
    }

    pub(crate) fn scope(&self) -> Scope<'_> {
        let [key, date, region, service] = self.ends;
        let between = |start, end| self.text.get(start + 1..end).unwrap_or_default();
        Scope {
            date: between(key, date),
            region: between(date, region),
            service: between(region, service),
        }
    }

    pub(crate) fn terminator(&self) -> &str {
        let [.., service] = self.ends;
        self.text.get(service + 1..).unwrap_or_default()
    }
}

/// Puts a part of the `Authorization` header in its place.
fn place<'a>(
    found: &mut [(&'static str, Option<&'a [u8]>); 3],
    name: &[u8],
    value: &'a [u8],
) -> Result<(), Refusal> {
    let (name, place) = found
        .iter_mut()
        .find(|(known, _)| known.as_bytes() == name)
        .map(|(known, place)| (*known, place))
        .ok_or_else(|| Refusal::UnknownPart { name: String::from_utf8_lossy(name).into_owned() })?;
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Refusal::RepeatedPart { name }),
    }
}

/// Spaces stand between the parts; other white space does not.
fn trim_spaces(mut part: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] | [rest @ .., b' '] = part {
        part = rest;
    }
    part
}

fn key_value(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, rest) = part.split_at_checked(memchr(b'=', part)?)?;
    Some((name, rest.get(1..)?))
}

/// A whole number from 1 to a week, in digits alone.
fn parse_expires(text: &[u8]) -> Option<u32> {
    let digits = str::from_utf8(text).ok().filter(|text| !text.starts_with('+'))?;
    digits.parse().ok().filter(|seconds| (1..=EXPIRES_S_MAX).contains(seconds))
}

/// A session token; an empty one is none.
fn token(bytes: Option<Vec<u8>>, name: &'static str) -> Result<Option<SessionToken>, Refusal> {
    let text = bytes.map(String::from_utf8).transpose();
    let text = text.map_err(|_| Refusal::NotText { name })?;
    Ok(text.filter(|text| !text.is_empty()).map(SessionToken::new))
}

/// AWS's own form: letters, digits and underscores, 128 at most.
fn is_access_key_id(key: &str) -> bool {
    (1..=128).contains(&key.len()) && Class::WORD.has(key.as_bytes())
}
