//! The ids of requests, which callers are told and lines of the access log begin with.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use uuid::{Builder, Uuid};

/// Makes the ids of requests: no two alike, and none to be guessed from another.
#[derive(Debug, Default)]
pub(crate) struct RequestIds {
    counter: AtomicU64,
    /// Keyed at random, once for the process.
    hashers: [RandomState; 3],
}

/// The ids of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestId {
    /// A random UUID, as it is written.
    id: [u8; 36],
    /// What API Gateway calls the extended request id: eight bytes in base64.
    extended: [u8; 12],
}

/// Headers by which a caller is told the ids of its request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const EXTENDED_REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-apigw-id");

impl RequestIds {
    pub(crate) fn next(&self) -> RequestId {
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        let [high, low, other] = self.hashers.each_ref().map(|hasher| hasher.hash_one(number));
        let random = Uuid::from_u64_pair(high, low).into_bytes();
        let mut extended = *b"AAAAAAAAAAA=";
        // Eight bytes are twelve characters.
        let _ = STANDARD.encode_slice(other.to_be_bytes(), &mut extended);
        let mut id = [0; 36];
        Builder::from_random_bytes(random).into_uuid().hyphenated().encode_lower(&mut id);
        RequestId { id, extended }
    }
}

impl RequestId {
    /// The id.
    pub(crate) fn id(&self) -> &[u8; 36] {
        &self.id
    }

    /// The same.
    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.id).unwrap_or_default()
    }

    /// The extended id.
    pub(crate) fn extended(&self) -> &str {
        str::from_utf8(&self.extended).unwrap_or_default()
    }

    /// Tells the caller both.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        for (name, id) in [(REQUEST_ID, &self.id[..]), (EXTENDED_REQUEST_ID, &self.extended)] {
            if let Ok(id) = HeaderValue::from_bytes(id) {
                headers.insert(name, id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Variant;

    #[test]
    fn an_id_has_the_form_of_a_random_uuid_and_is_another_each_time() {
        let ids = RequestIds::default();
        let (first, second) = (ids.next(), ids.next());
        let id: Uuid = first.text().parse().unwrap();
        assert_eq!((id.get_version_num(), id.get_variant()), (4, Variant::RFC4122));
        assert_eq!(id.to_string(), first.text());
        let extended = first.extended();
        assert!(extended.len() == 12 && extended.ends_with('='), "{extended}");
        assert!(first.id != second.id && first.extended != second.extended);
    }
}
