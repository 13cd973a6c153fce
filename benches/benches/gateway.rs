//! What the gateway does with a signed request before it forwards it: framing, route, signature and
//! body, path, decision. Without network; the body has 1 KiB.
//!
//! The caller has a static key, a session, or a session with a policy of its own. A session's token
//! is opened with its first request, and judged with every one.

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use http::Request;
use http_body_util::Full;
use jiff::Timestamp;
use tollgate_gateway::{Arrival, Guard, Identities, Keys};
use tollgate_issuer::{Issuer, Plan, Purpose};
use tollgate_sigv4::{
    HeaderPair, KeyClaim, KeyLookup, PayloadHash, RequestHead, SecretKey, SessionToken,
    SignedPayload, Signer, Transport,
};
use tollgate_store::{Account, Files, ManifestFile};
use tollgate_sts::{Entropy, Grant, Issued, KeyRing, MasterKey, Origin};

type Failure = Box<dyn Error>;

const HOST: &str = "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com";
const PATH: &str = "/prod/databases/app";
const BODY: &[u8] = &[b'x'; 1024];
const MASTER_KEY: [u8; 32] = [0x5a; 32];
const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/prod/POST/databases/*"}]}"#;

/// Writes a file that only we can read.
fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, text)?;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o600))?)
}

/// The account of `fixtures/credentials`, in which the role `web` also has a static key.
fn guard(folder: &Path) -> Result<(Guard, Keys), Failure> {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/credentials");
    fs::create_dir(folder.join("policies"))?;
    for name in ["policies/web.json", "policies/trust.json", "policies/ana.json", "jwks.json"] {
        fs::copy(fixture.join(name), folder.join(name))?;
    }
    for name in ["tollgate.toml", "revoked.toml"] {
        fs::copy(fixture.join(name), folder.join(name))?;
    }
    write_private(&folder.join("master.key"), &"5a".repeat(32))?;
    write_private(
        &folder.join("identities.toml"),
        "[[key]]\naccessKeyId = \"AKIAEXAMPLEWEB000001\"\nsecretAccessKey = \"a-key-of-the-bench\"\n\
         principal = \"arn:aws:sts::123456789012:assumed-role/web/static\"\n",
    )?;
    let file = ManifestFile::read(&Files, &folder.join("tollgate.toml"))?;
    let plan = Plan::read(&file, Arc::new(Account::of(&Files, &file)?), Purpose::Check);
    let plan = plan.map_err(|problems| format!("{problems:?}"))?.ok_or("no `[sts]`")?;
    let plan = Arc::new(plan);
    let issuer = Issuer::new(Arc::clone(&plan), Arc::new(|_| ()));
    let sessions = Keys::new(vec![issuer.session_keys(plan)]);
    let identities = Arc::new(Identities::read(&folder.join("identities.toml"))?);
    let keys = Keys::new(vec![identities, Arc::new(sessions.clone())]);
    let guard = Guard::new(Account::of(&Files, &file)?, &file, keys);
    Ok((guard.map_err(|problems| format!("{problems:?}"))?, sessions))
}

fn session(policy: Option<&str>, now: Timestamp) -> Issued {
    let grant = Grant {
        origin: Origin::AssumedRole,
        principal: "arn:aws:sts::123456789012:assumed-role/web/s1".into(),
        user_id: "AROAEXAMPLEWEB000001:s1".into(),
        role: Some("arn:aws:iam::123456789012:role/web".into()),
        policy: policy.map(str::to_owned),
        policy_arns: Vec::new(),
        tags: Vec::new(),
        source_identity: None,
        provider: None,
        duration_s: 3600,
    };
    KeyRing::new(MasterKey::new(&MASTER_KEY), Vec::new()).seal(
        grant,
        now,
        &Entropy([7; Entropy::BYTES]),
    )
}

/// A request as a stock client signs it.
fn signed(
    key: &str,
    secret: &str,
    token: Option<&SessionToken>,
    now: Timestamp,
) -> Result<Request<Full<Bytes>>, Failure> {
    let signer = Signer {
        access_key_id: key.to_owned(),
        secret: SecretKey::new(secret),
        session_token: token.cloned(),
        region: "us-east-1".into(),
        service: "execute-api".into(),
    };
    let own = [("host", HOST), ("user-agent", "Boto3/1.40"), ("content-length", "1024")];
    let pairs = own.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let headers: [HeaderPair<'_>; 3] = pairs;
    let head = RequestHead {
        method: b"POST",
        path: PATH.as_bytes(),
        query: b"",
        headers: &headers,
        transport: Transport::Tls,
    };
    let payload = SignedPayload::Hashed(PayloadHash::of(BODY));
    let mut request = Request::post(PATH);
    let added = signer.sign(&head, payload, now).map_err(|error| error.to_string())?;
    for (name, value) in own {
        request = request.header(name, value);
    }
    for (name, value) in added {
        request = request.header(name, value);
    }
    Ok(request.body(Full::new(Bytes::from_static(BODY)))?)
}

fn requests(criterion: &mut Criterion) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let (guard, sessions) = guard(folder.path())?;
    let now = Timestamp::from_second(1_795_299_240)?;
    let arrival = Arrival { peer: [127, 0, 0, 1].into(), transport: Transport::Tls, at: now };
    let (plain, limited) = (session(None, now), session(Some(POLICY), now));
    let of = |issued: &Issued| {
        let credentials = &issued.credentials;
        let id = &credentials.access_key_id;
        signed(id, credentials.expose_secret(), Some(&credentials.token), now)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let mut group = criterion.benchmark_group("gateway");
    for (name, request) in [
        ("static-key", signed("AKIAEXAMPLEWEB000001", "a-key-of-the-bench", None, now)?),
        ("session", of(&plain)?),
        ("session-with-policy", of(&limited)?),
    ] {
        let admit = |request| runtime.block_on(guard.admit(request, arrival));
        admit(request.clone()).map_err(|refusal| refusal.explanation())?;
        group.bench_function(format!("admit/{name}"), |bencher| {
            bencher.iter(|| admit(black_box(request.clone())).is_ok());
        });
    }
    for (name, issued) in [("plain", &plain), ("with-policy", &limited)] {
        let credentials = &issued.credentials;
        let (access_key_id, token) = (credentials.access_key_id.as_str(), &credentials.token);
        let claim = KeyClaim { access_key_id, session_token: Some(token), now };
        group.bench_function(format!("token/{name}"), |bencher| {
            bencher.iter(|| sessions.find(black_box(&claim)));
        });
    }
    group.finish();
    Ok(())
}

#[expect(clippy::expect_used, reason = "a bench fails by saying why")]
fn all(criterion: &mut Criterion) {
    requests(criterion).expect("the bench can be prepared");
}

criterion_group!(benches, all);
criterion_main!(benches);
