//! What we sign verifies; once changed, it verifies only if it means the same.
#![no_main]

use std::collections::BTreeMap;

use jiff::Timestamp;
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use tollgate_sigv4::{
    HeaderPair, KeyAnswer, KeyClaim, KeyLookup, PayloadHash, RequestHead, SecretKey, SessionToken,
    SignedPayload, Signer, Transport, Verifier,
};

const SECRET: &str = "the secret that signs";

/// One key, with any token: a signature does not bind the key id, but it must bind the token.
struct OneKey;

impl KeyLookup for OneKey {
    type Identity = ();

    fn find(&self, claim: &KeyClaim<'_>) -> KeyAnswer<()> {
        match claim.access_key_id {
            "AKIDEXAMPLE" => KeyAnswer::Found { secret: SecretKey::new(SECRET), identity: () },
            _ => KeyAnswer::Unknown,
        }
    }
}

#[derive(Arbitrary, Clone, Debug)]
struct Request {
    method: Vec<u8>,
    path: Vec<u8>,
    query: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
}

#[derive(Arbitrary, Debug)]
struct Input {
    request: Request,
    presigned: bool,
    declared: bool,
    token: Option<String>,
    place: Place,
    index: usize,
    byte: u8,
}

#[derive(Arbitrary, Debug)]
enum Place {
    Method,
    Path,
    Query,
    Header(usize),
    Body,
}

impl Request {
    fn with_head<T>(&self, check: impl FnOnce(&RequestHead<'_>) -> T) -> T {
        let headers: Vec<HeaderPair<'_>> =
            self.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        check(&RequestHead {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &headers,
            transport: Transport::Plain,
        })
    }

    fn is_accepted(&self, now: Timestamp) -> bool {
        let body = PayloadHash::of(&self.body);
        let verifier = Verifier::new("eu-west-1");
        self.with_head(|head| verifier.verify(head, &body, &OneKey, now).is_ok())
    }

    /// Signs, unless the request cannot be signed.
    fn sign(mut self, input: &Input, now: Timestamp) -> Option<Self> {
        let signer = Signer {
            access_key_id: "AKIDEXAMPLE".into(),
            secret: SecretKey::new(SECRET),
            session_token: input.token.as_deref().map(SessionToken::new),
            region: "eu-west-1".into(),
            service: "execute-api".into(),
        };
        let body = PayloadHash::of(&self.body);
        if input.presigned {
            let added = self.with_head(|head| signer.presign(head, &body, 300, now)).ok()?;
            let own = std::mem::take(&mut self.query);
            let pieces = [own.as_slice(), added.as_bytes()];
            let pieces: Vec<&[u8]> = pieces.into_iter().filter(|text| !text.is_empty()).collect();
            self.query = pieces.join(&b'&');
        } else {
            let payload = match input.declared {
                true => SignedPayload::Declared(body),
                false => SignedPayload::Hashed(body),
            };
            let added = self.with_head(|head| signer.sign(head, payload, now)).ok()?;
            let added = added.into_iter().map(|(name, value)| (name.into(), value.into()));
            self.headers.extend(added);
        }
        Some(self)
    }

    fn change(&mut self, input: &Input) {
        let bytes = match input.place {
            Place::Method => &mut self.method,
            Place::Path => &mut self.path,
            Place::Query => &mut self.query,
            Place::Body => &mut self.body,
            Place::Header(which) => {
                let count = self.headers.len();
                &mut self.headers[which % count].1
            }
        };
        if !bytes.is_empty() {
            let index = input.index % bytes.len();
            bytes[index] = input.byte;
        }
    }
}

/// What a request says, read as naively as can be.
#[derive(Debug, PartialEq)]
struct Meaning {
    method: Vec<u8>,
    path: (Vec<Vec<u8>>, bool),
    query: Vec<(Vec<u8>, Vec<u8>)>,
    headers: BTreeMap<Vec<u8>, Vec<Vec<u8>>>,
    body: Vec<u8>,
}

impl Meaning {
    fn of(request: &Request) -> Self {
        let mut headers = BTreeMap::<_, Vec<_>>::new();
        for (name, value) in &request.headers {
            headers.entry(name.to_ascii_lowercase()).or_default().push(words(value));
        }
        // A value with a comma and two values read the same.
        let joined = headers.into_iter().map(|(name, values)| (name, vec![values.join(&b',')]));
        Self {
            method: request.method.clone(),
            path: segments(&request.path),
            query: parameters(&request.query),
            headers: joined.collect(),
            body: request.body.clone(),
        }
    }
}

fn words(value: &[u8]) -> Vec<u8> {
    let words = value.trim_ascii().split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(&b' ')
}

fn segments(path: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let mut is_folder = false;
    for segment in path.split(|byte| *byte == b'/') {
        is_folder = matches!(segment, b"" | b"." | b"..");
        match segment {
            b"" | b"." => {}
            b".." => drop(kept.pop()),
            _ => kept.push(segment.to_vec()),
        }
    }
    let is_folder = is_folder && !kept.is_empty();
    (kept, is_folder)
}

fn parameters(query: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut pairs = Vec::new();
    for piece in query.split(|byte| *byte == b'&').filter(|piece| !piece.is_empty()) {
        let equals = piece.iter().position(|byte| *byte == b'=').unwrap_or(piece.len());
        let value = piece.get(equals + 1..).unwrap_or_default();
        pairs.push((unescape(&piece[..equals]), unescape(value)));
    }
    pairs.sort();
    pairs
}

fn unescape(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).and_then(|digits| str::from_utf8(digits).ok());
        let value = digits
            .filter(|digits| *first == b'%' && !digits.starts_with('+'))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(value.unwrap_or(*first));
        rest = if value.is_some() { &tail[2..] } else { tail };
    }
    bytes
}

fuzz_target!(|input: Input| {
    let now: Timestamp = "2026-11-21T22:14:00Z".parse().expect("a time");
    let mut request = input.request.clone();
    request.headers.push((b"host".to_vec(), b"example.com".to_vec()));
    let Some(signed) = request.sign(&input, now) else { return };

    assert!(signed.is_accepted(now), "refused as signed: {signed:?}");

    let mut changed = signed.clone();
    changed.change(&input);
    if changed.is_accepted(now) {
        assert_eq!(Meaning::of(&changed), Meaning::of(&signed));
    }
});
