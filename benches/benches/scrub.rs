//! How fast the gateway looks for secrets in the body of an answer, `scrubBody`: 1 MiB of JSON without
//! one, as it comes from an API; the same within a text of JSON; and encoded as in a URL, where every
//! third byte begins an escape.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tollgate_gateway::Scrubber;

const BYTES: usize = 1024 * 1024;

/// A generator that gives the same numbers in every run (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// A list of issues, cut off in the middle of one.
fn json() -> String {
    let (mut text, mut numbers) = (String::from("["), Numbers(1));
    while text.len() < BYTES {
        let (id, sha) = (numbers.next(), numbers.next());
        let issue = format!(
            "{{\"id\":{id},\"title\":\"Secrets in source code & what to do\",\"url\":\"https://api.example.com/\
             repos/acme/site/issues/{id}?page=1&per_page=100\",\"body\":\"He said \\\"no\\\":\\n 100% of it, a+b, \
             and the quick brown fox jumps over the lazy dog.\\n\",\"sha\":\"{sha:016x}{id:016x}\",\"labels\":\
             [\"bug\",\"wontfix\"],\"state\":\"open\"}},"
        );
        text.push_str(&issue);
    }
    text.truncate(BYTES);
    text
}

fn percent_encoded(text: &str) -> String {
    let written = |byte: u8| match byte.is_ascii_alphanumeric() {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    let mut encoded: String = text.bytes().map(written).collect();
    encoded.truncate(BYTES);
    encoded
}

/// What finds so many keys of 40 letters and digits.
fn scrubber(secrets: usize) -> Scrubber {
    const SIGNS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let (mut numbers, mut builder) = (Numbers(2), Scrubber::builder());
    for _ in 0..secrets {
        let places = (0..40).map(|_| usize::try_from(numbers.next() % 62).unwrap_or_default());
        let signs = places.filter_map(|place| SIGNS.get(place).copied().map(char::from));
        builder.add(&signs.collect::<String>());
    }
    builder.build()
}

fn bodies(criterion: &mut Criterion) {
    let json = json();
    let mut within = serde_json::Value::from(json.as_str()).to_string();
    within.truncate(BYTES);
    let mut group = criterion.benchmark_group("scrub");
    let encoded = percent_encoded(&json);
    for (name, body) in [("json", json), ("json-in-json", within), ("percent-encoded", encoded)] {
        let mut body = body.into_bytes();
        group.throughput(Throughput::Bytes(u64::try_from(body.len()).unwrap_or_default()));
        for secrets in [1, 10, 50] {
            let scrubber = scrubber(secrets);
            group.bench_function(format!("{name}/{secrets}"), |bencher| {
                bencher.iter(|| scrubber.mask(black_box(&mut body)));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, bodies);
criterion_main!(benches);
