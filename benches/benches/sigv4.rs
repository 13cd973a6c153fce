//! What a signature costs a request: verified, refused, and a path judged.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use tollgate_sigv4::{
    HeaderPair, KeyAnswer, KeyClaim, KeyLookup, PathRule, PayloadHash, RequestHead, RequestTarget,
    SecretKey, SessionToken, SignedPayload, Signer, Transport, Verifier,
};

struct OneKey(SecretKey);

impl KeyLookup for OneKey {
    type Identity = ();

    fn find(&self, _: &KeyClaim<'_>) -> KeyAnswer<()> {
        KeyAnswer::Found { secret: self.0.clone(), identity: () }
    }
}

/// A request as an SDK sends it: a temporary key, seven headers, a query of three, 1 KiB of body.
struct Workload {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    keys: OneKey,
    now: Timestamp,
}

const PATH: &[u8] = b"/repos/octo-org/hello-world/issues/1347/comments";
const QUERY: &[u8] = b"per_page=100&page=2&since=2026-11-21T22%3A14%3A00Z";

impl Workload {
    fn new() -> Self {
        let secret = SecretKey::new("a secret as long as those that AWS gives");
        let mut headers = [
            ("host", "abc123.execute-api.eu-west-1.amazonaws.com"),
            ("content-type", "application/json"),
            ("content-length", "1024"),
            ("accept", "application/vnd.github+json"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        let now = Timestamp::from_second(1_795_299_240).unwrap_or(Timestamp::UNIX_EPOCH);
        let body = vec![b'x'; 1024];
        let signer = Signer {
            access_key_id: "ASIAEXAMPLEEXAMPLE12".into(),
            secret: secret.clone(),
            session_token: Some(SessionToken::new("FwoGZXIvYXdzEJr".repeat(24))),
            region: "eu-west-1".into(),
            service: "execute-api".into(),
        };
        let payload = SignedPayload::Hashed(PayloadHash::of(&body));
        let added = signer.sign(&head(&pairs(&headers)), payload, now).unwrap_or_default();
        headers.extend(added.into_iter().map(|(name, value)| (name.to_owned(), value)));
        Self { headers, body, keys: OneKey(secret), now }
    }
}

fn pairs(headers: &[(String, String)]) -> Vec<HeaderPair<'_>> {
    headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect()
}

fn head<'a>(headers: &'a [HeaderPair<'a>]) -> RequestHead<'a> {
    RequestHead { method: b"POST", path: PATH, query: QUERY, headers, transport: Transport::Tls }
}

fn verify(criterion: &mut Criterion) {
    let workload = Workload::new();
    let headers = pairs(&workload.headers);
    let (head, verifier) = (head(&headers), Verifier::new("eu-west-1"));
    let body = PayloadHash::of(&workload.body);
    let verify = |body: &PayloadHash| verifier.verify(&head, body, &workload.keys, workload.now);
    assert!(verify(&body).is_ok(), "the workload is signed");

    let mut group = criterion.benchmark_group("sigv4");
    group.bench_function("verify/1KiB-body", |bencher| {
        bencher.iter(|| verify(&PayloadHash::of(black_box(&workload.body))));
    });
    group.bench_function("verify/hash-given", |bencher| {
        bencher.iter(|| verify(black_box(&body)));
    });
    let another = PayloadHash::of(b"another body");
    group.bench_function("refuse/mismatch", |bencher| {
        bencher.iter_batched(
            || another,
            |body| verify(&body).map_err(|refusal| refusal.body()),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("path/accept", |bencher| {
        let target = RequestTarget::origin(PATH);
        bencher.iter(|| PathRule::default().accept(black_box(&target)));
    });
    group.finish();
}

/// A signature that is wrong in one digit only, the first of them or the last, takes as long to be
/// refused: what differs between these two is noise.
fn guess(criterion: &mut Criterion) {
    let workload = Workload::new();
    let verifier = Verifier::new("eu-west-1");
    let body = PayloadHash::of(&workload.body);
    let mut group = criterion.benchmark_group("sigv4");
    for (name, place) in [("first", 0), ("middle", 32), ("last", 63)] {
        let mut guessed = workload.headers.clone();
        let authorization = guessed.iter_mut().find(|(name, _)| name == "authorization");
        if let Some((_, value)) = authorization {
            let place = value.len() - 64 + place;
            let other = if value[place..].starts_with('0') { "1" } else { "0" };
            value.replace_range(place..=place, other);
        }
        let headers = pairs(&guessed);
        let head = head(&headers);
        let verify = || verifier.verify(&head, black_box(&body), &workload.keys, workload.now);
        assert!(verify().is_err(), "one digit is wrong");
        group.bench_function(format!("guess/wrong-in-the-{name}-digit"), |bencher| {
            bencher.iter(verify);
        });
    }
    group.finish();
}

criterion_group!(benches, verify, guess);
criterion_main!(benches);
