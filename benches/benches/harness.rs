//! Ten thousand tests: read and multiplied out, and decided. To reach: under 100 ms to decide; 30 to
//! 39 ms on two busy cores.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tollgate_harness::{Selection, Suite, run};

const POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Sid": "Read", "Effect": "Allow", "Action": "execute-api:Invoke",
     "Resource": "arn:aws:execute-api:eu-west-1:111122223333:a1b2c3/prod/GET/teams/${aws:PrincipalTag/team}/*"},
    {"Sid": "Inside", "Effect": "Deny", "Action": "*", "Resource": "*",
     "Condition": {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}]}"#;

/// 10 tests of 10 methods and stages by 50 paths by 2 addresses: 10,000 cells.
fn files() -> BTreeMap<PathBuf, String> {
    let mut test = String::from(
        "policies: { identity: p.json, permissionsBoundary: p.json, serviceControl: [[p.json]] }\n\
         principals: { dev: { arn: \"arn:aws:iam::111122223333:role/dev\", tags: { team: a } } }\n\
         tests:\n",
    );
    let paths: Vec<String> = (0..50).map(|number| format!("/teams/a/{number}")).collect();
    for number in 0..10 {
        let _ = writeln!(
            test,
            "  - name: test {number}\n    principal: dev\n    \
             request: {{ stage: prod, method: [GET, PUT, POST, PATCH, HEAD, A, B, C, D, E], path: [{}] }}\n    \
             context: {{ aws:SourceIp: [10.0.0.5, 192.0.2.1] }}\n    expect: deny\n    \
             except: [{{ request: {{ method: GET }}, context: {{ aws:SourceIp: 10.0.0.5 }}, expect: allow, by: Read }}]",
            paths.join(", ")
        );
    }
    BTreeMap::from([
        (PathBuf::from("t.test.yaml"), test),
        (PathBuf::from("p.json"), POLICY.to_owned()),
    ])
}

fn harness(criterion: &mut Criterion) {
    let (files, paths) = (files(), ["t.test.yaml".to_owned()]);
    let Ok(suite) = Suite::load(&files, &paths) else { return };
    let selection = Selection::default();
    let counts = run(&suite, &selection).counts();
    assert_eq!((counts.passed, counts.failed), (10_000, 0), "the bench measures passing tests");
    let mut group = criterion.benchmark_group("harness");
    group.throughput(Throughput::Elements(10_000));
    group.sample_size(20);
    group.bench_function("run", |bencher| bencher.iter(|| run(&suite, &selection).counts()));
    group.bench_function("load", |bencher| bencher.iter(|| Suite::load(&files, &paths).is_ok()));
    group.finish();
}

criterion_group!(benches, harness);
criterion_main!(benches);
