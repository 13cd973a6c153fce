//! Whatever arrives has a verdict, and without the secret the verdict is a refusal.
#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use tollgate_sigv4::{
    HeaderPair, KeyAnswer, KeyClaim, KeyLookup, PayloadHash, RequestHead, SecretKey, Transport,
    UnsignedPayload, Verifier,
};

/// Every key exists, so that nothing but the signature can be wrong with it.
struct EveryKey;

impl KeyLookup for EveryKey {
    type Identity = ();

    fn find(&self, _: &KeyClaim<'_>) -> KeyAnswer<()> {
        KeyAnswer::Found { secret: SecretKey::new("a secret that no input holds"), identity: () }
    }
}

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    method: &'a [u8],
    path: &'a [u8],
    query: &'a [u8],
    headers: Vec<Header<'a>>,
    body: &'a [u8],
}

/// Most headers are well formed, so that the search begins where the first checks end.
#[derive(Arbitrary, Debug)]
enum Header<'a> {
    Any(&'a [u8], &'a [u8]),
    Host(&'a [u8]),
    Date,
    Token(&'a [u8]),
    ContentSha256(Payload),
    Authorization { signed: Vec<u8>, signature: [u8; 32] },
    RawAuthorization(&'a [u8]),
}

#[derive(Arbitrary, Debug)]
enum Payload {
    Empty,
    Unsigned,
    Hash([u8; 32]),
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Header<'_> {
    fn pair(&self) -> (Vec<u8>, Vec<u8>) {
        let (name, value) = match self {
            Self::Any(name, value) => (*name, value.to_vec()),
            Self::Host(value) => (&b"host"[..], value.to_vec()),
            Self::Date => (&b"x-amz-date"[..], b"20261121T221400Z".to_vec()),
            Self::Token(value) => (&b"x-amz-security-token"[..], value.to_vec()),
            Self::ContentSha256(payload) => (&b"x-amz-content-sha256"[..], payload.line()),
            Self::RawAuthorization(value) => (&b"authorization"[..], value.to_vec()),
            Self::Authorization { signed, signature } => {
                let head = b"AWS4-HMAC-SHA256 Credential=AKID/20261121/eu-west-1/execute-api/\
                             aws4_request, SignedHeaders=";
                let tail = format!(", Signature={}", hex(signature));
                (&b"authorization"[..], [head, signed.as_slice(), tail.as_bytes()].concat())
            }
        };
        (name.to_vec(), value)
    }
}

impl Payload {
    fn line(&self) -> Vec<u8> {
        match self {
            Self::Empty => Vec::new(),
            Self::Unsigned => b"UNSIGNED-PAYLOAD".to_vec(),
            Self::Hash(hash) => hex(hash).into_bytes(),
        }
    }
}

fuzz_target!(|input: Input<'_>| {
    let pairs: Vec<(Vec<u8>, Vec<u8>)> = input.headers.iter().map(Header::pair).collect();
    let headers: Vec<HeaderPair<'_>> =
        pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
    let head = RequestHead {
        method: input.method,
        path: input.path,
        query: input.query,
        headers: &headers,
        transport: Transport::Tls,
    };
    let now: Timestamp = "2026-11-21T22:14:00Z".parse().expect("a time");
    let verifier =
        Verifier::new("eu-west-1").unsigned_payload(UnsignedPayload::DangerAcceptOverTls);
    let refusal = verifier
        .verify(&head, &PayloadHash::of(input.body), &EveryKey, now)
        .expect_err("accepted without the secret");
    assert!(matches!(refusal.status(), 400 | 403));
    assert!(!refusal.body().is_empty() && !refusal.to_string().contains('\n'));
});
