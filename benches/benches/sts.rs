//! What a session costs: its token sealed, and opened and judged with every request.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use tollgate_sts::{Entropy, Grant, KeyRing, MasterKey, Origin, Revocations, SessionTag};

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/prod/GET/repos/octo-org/*"}]}"#;

/// A role's session with two tags, and with a session policy where `policy` has one.
fn grant(policy: Option<&str>) -> Grant {
    let tag = |key: &str, value: &str| SessionTag {
        key: key.into(),
        value: value.into(),
        is_transitive: false,
    };
    Grant {
        origin: Origin::AssumedRole,
        principal: "arn:aws:sts::123456789012:assumed-role/issues-reader/web-1".into(),
        user_id: "AROAEXAMPLEREADER001:web-1".into(),
        role: Some("arn:aws:iam::123456789012:role/team/issues-reader".into()),
        policy: policy.map(str::to_owned),
        policy_arns: Vec::new(),
        tags: vec![tag("team", "web"), tag("cost-center", "17")],
        source_identity: Some("ana".into()),
        provider: None,
        duration_s: 3600,
    }
}

fn tokens(criterion: &mut Criterion) {
    let keys = KeyRing::new(MasterKey::new(&[1; 32]), vec![MasterKey::new(&[2; 32])]);
    let now = Timestamp::from_second(1_795_299_240).unwrap_or(Timestamp::UNIX_EPOCH);
    let mut revocations = Revocations::default();
    revocations.issued_before("arn:aws:iam::123456789012:role/team/issues-reader", now);
    let entropy = Entropy([7; Entropy::BYTES]);
    let mut group = criterion.benchmark_group("sts");
    for (name, policy) in [("plain", None), ("with-policy", Some(POLICY))] {
        let issued = keys.seal(grant(policy), now, &entropy);
        let (token, id) = (issued.credentials.token.expose(), &issued.session.access_key_id);
        let verify = |token: &str| {
            keys.open(token).and_then(|opened| opened.judge(id, now, 300, &revocations))
        };
        assert!(verify(token).is_ok(), "the session holds");
        group.bench_function(format!("open/{name}"), |bencher| {
            bencher.iter(|| verify(black_box(token)));
        });
    }
    group.bench_function("seal/plain", |bencher| {
        bencher.iter(|| keys.seal(grant(None), now, black_box(&entropy)));
    });
    group.finish();
}

criterion_group!(benches, tokens);
criterion_main!(benches);
