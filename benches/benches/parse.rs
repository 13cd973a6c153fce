//! Reading policy documents: ordinary ones, and ones of a mebibyte made to hurt.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tollgate_policy::{PolicyDocument, PolicyType};

const MEBIBYTE: usize = 1 << 20;

/// A document around `repeated`, as close to `length` as whole repetitions come.
fn filled(length: usize, before: &str, repeated: &str, after: &str) -> String {
    let times = length.saturating_sub(before.len() + after.len()) / repeated.len();
    format!("{before}{}{after}", repeated.repeat(times))
}

/// A policy of 135 kB: about 500 statements with variables and conditions.
fn ordinary() -> String {
    let statement = r#",
        {
            "Effect": "Allow",
            "Action": ["execute-api:Invoke", "s3:Get*"],
            "Resource": "arn:aws:execute-api:eu-west-1:111122223333:a1b2c3/prod/GET/${aws:username}/*",
            "Condition": {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "2001:db8::/32"]}}
        }"#;
    let first = r#"{"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Action": "*", "Resource": "*"}"#;
    filled(135_000, first, statement, "]}")
}

fn hostile() -> Vec<(&'static str, String)> {
    let statement = r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#;
    let resource = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::"#;
    let one_mebibyte =
        |before: &str, repeated: &str, after: &str| filled(MEBIBYTE, before, repeated, after);
    let statements = format!("{{\"Statement\":[{statement}");
    vec![
        ("brackets", "[".repeat(MEBIBYTE)),
        ("deepest", format!("{}{}", "[".repeat(31), "[],".repeat(MEBIBYTE / 3 - 31))),
        ("empty-statements", one_mebibyte("{\"Statement\":[{}", ",{}", "]}")),
        ("small-statements", one_mebibyte(&statements, &format!(",{statement}"), "]}")),
        ("stars", one_mebibyte(resource, "*a", "\"}}")),
        ("variables", one_mebibyte(resource, "${a:b}", "\"}}")),
        ("escapes", one_mebibyte(resource, "\\u002a", "\"}}")),
        ("repeated-names", one_mebibyte("{\"Statement\":[]", ",\"a\":1", "}")),
    ]
}

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    group.measurement_time(Duration::from_secs(2)).sample_size(20);
    for (name, source) in [("ordinary", ordinary())].into_iter().chain(hostile()) {
        group.throughput(Throughput::Bytes(source.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| PolicyDocument::parse(black_box(&source), PolicyType::Identity));
        });
    }
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
