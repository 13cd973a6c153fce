//! The canonical query: decoded, encoded again, sorted. Also where presigned parameters are found.

use std::{borrow::Cow, ops::Range};

use memchr::memchr;

use crate::{
    Refusal,
    class::Class,
    encode::{decode, encode, malformed_escape, split},
};

/// The parameter that holds the signature and is therefore not signed.
pub(crate) const SIGNATURE: &str = "X-Amz-Signature";
/// The parameter whose value must not be printed.
pub(crate) const SECURITY_TOKEN: &str = "X-Amz-Security-Token";
/// The parameters that make a request a presigned one. Any of them beside an `Authorization` header
/// is a second mechanism.
pub(crate) const PRESIGNED: [&str; 7] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    SECURITY_TOKEN,
    SIGNATURE,
];

/// A name and a value, both encoded. Their order is the order of the canonical query.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Pair<'a> {
    name: Cow<'a, [u8]>,
    value: Cow<'a, [u8]>,
}

/// The parameters of a query, encoded and sorted.
pub(crate) struct CanonicalQuery<'a>(Vec<Pair<'a>>);

impl<'a> CanonicalQuery<'a> {
    /// Splits on `&`, then on the first `=`. An empty piece is no parameter: AWS's own signer and most
    /// others leave it out, and so does whoever reads the query.
    pub(crate) fn parse(raw: &'a [u8]) -> Result<Self, Refusal> {
        if let Some(position) = malformed_escape(raw) {
            return Err(Refusal::MalformedQuery { position });
        }
        let pieces = split(raw, b'&').filter(|piece| !piece.is_empty());
        let mut pairs: Vec<Pair<'a>> = pieces.map(Pair::parse).collect();
        pairs.sort_unstable();
        Ok(Self(pairs))
    }

    /// Whether any of the presigned parameters is there.
    pub(crate) fn is_presigned(&self) -> bool {
        self.0.iter().any(|pair| PRESIGNED.iter().any(|name| pair.is_named(name)))
    }

    /// The decoded value of a parameter that may not be repeated.
    pub(crate) fn single(&self, name: &'static str) -> Result<Option<Vec<u8>>, Refusal> {
        let mut values = self.0.iter().filter(|pair| pair.is_named(name)).map(|pair| &pair.value);
        let first = values.next();
        match values.next() {
            Some(_) => Err(Refusal::Repeated { name }),
            None => Ok(first.map(|value| decode(value).into_owned())),
        }
    }

    /// Appends the canonical query without its signature, and tells where session tokens lie.
    pub(crate) fn write(&self, text: &mut Vec<u8>) -> Vec<Range<usize>> {
        let mut secrets = Vec::new();
        let signed = self.0.iter().filter(|pair| !pair.is_named(SIGNATURE));
        for (position, pair) in signed.enumerate() {
            if position > 0 {
                text.push(b'&');
            }
            text.extend_from_slice(&pair.name);
            text.push(b'=');
            let start = text.len();
            text.extend_from_slice(&pair.value);
            if pair.is_named(SECURITY_TOKEN) {
                secrets.push(start..text.len());
            }
        }
        secrets
    }
}

impl<'a> Pair<'a> {
    fn parse(piece: &'a [u8]) -> Self {
        let equals = memchr(b'=', piece).unwrap_or(piece.len());
        let (name, rest) = piece.split_at_checked(equals).unwrap_or((piece, b""));
        let value = rest.get(1..).unwrap_or_default();
        Self { name: encode_again(name), value: encode_again(value) }
    }

    fn is_named(&self, name: &str) -> bool {
        *self.name == *name.as_bytes()
    }
}

/// Decodes and encodes. Text that this does not change is borrowed.
fn encode_again(raw: &[u8]) -> Cow<'_, [u8]> {
    match Class::UNRESERVED.has(raw) {
        true => raw.into(),
        false => encode(&decode(raw)).into_owned().into_bytes().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &str, expected: &str) {
        let mut text = Vec::new();
        CanonicalQuery::parse(raw.as_bytes()).expect("a query").write(&mut text);
        assert_eq!(String::from_utf8_lossy(&text), expected, "`{raw}`");
    }

    #[test]
    fn names_are_sorted_as_encoded_then_values() {
        check("b=2&a=2&a=1", "a=1&a=2&b=2");
        check("Param-3=1&Param=2&%E1%88%B4=3", "%E1%88%B4=3&Param=2&Param-3=1");
        check("a=%7E&a=%2F&a=A", "a=%2F&a=A&a=~");
        check("a%3D=1&a=2", "a=2&a%3D=1");
    }

    #[test]
    fn a_missing_value_is_an_empty_one() {
        check("a", "a=");
        check("a=", "a=");
        check("", "");
        check("a=b=c", "a=b%3Dc");
    }

    #[test]
    fn an_empty_piece_is_no_parameter_and_an_empty_name_is_one() {
        check("&a=1&&b=2&", "a=1&b=2");
        check("=&a=1", "=&a=1");
        check("=1", "=1");
    }

    #[test]
    fn a_plus_is_a_plus_and_not_a_space() {
        check("q=a+b", "q=a%2Bb");
        check("q=a%20b", "q=a%20b");
        check("q=a%2bb", "q=a%2Bb");
    }

    #[test]
    fn the_signature_is_left_out_however_it_is_spelt() {
        check("a=1&X-Amz-Signature=ff&z=1", "a=1&z=1");
        check("%58-Amz-Signature=ff", "");
        check("x-amz-signature=ff", "x-amz-signature=ff");
    }

    #[test]
    fn a_repeated_parameter_is_refused_however_it_is_spelt() {
        let query = CanonicalQuery::parse(b"X-Amz-Date=1&X-Amz-D%61te=2").expect("a query");
        assert_eq!(query.single("X-Amz-Date"), Err(Refusal::Repeated { name: "X-Amz-Date" }));
    }

    #[test]
    fn a_malformed_escape_is_refused_with_its_position() {
        let refusal = CanonicalQuery::parse(b"a=1&b=%zz").err();
        assert_eq!(refusal, Some(Refusal::MalformedQuery { position: 6 }));
    }
}
