//! The AWS signing test suite, at every stage: canonical request, string to sign, signature, verdict.
//!
//! The suite is read from the sources of `aws-sigv4`, wherever cargo keeps them. Half of its paths are
//! signed without normalisation, as S3 wants it: their stages are checked too, and where the two forms
//! differ the verifier must refuse them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    KeyAnswer, KeyClaim, KeyLookup, Mechanism, PayloadHash, Refusal, RequestHead, SecretKey,
    SessionToken, SignedPayload, Signer, Transport, Verifier,
    canonical::{CanonicalHead, canonical_uri},
    encode::encode_path,
    head::HeaderIndex,
    present::Presented,
    query::CanonicalQuery,
    signature::StringToSign,
};

#[derive(Deserialize)]
struct Context {
    credentials: Credentials,
    expiration_in_seconds: u32,
    normalize: bool,
    region: String,
    service: String,
    sign_body: bool,
    timestamp: Timestamp,
    #[serde(default)]
    omit_session_token: bool,
}

#[derive(Clone, Deserialize)]
struct Credentials {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
}

impl KeyLookup for Credentials {
    type Identity = ();

    fn find(&self, claim: &KeyClaim<'_>) -> KeyAnswer<()> {
        assert_eq!(claim.access_key_id, self.access_key_id);
        KeyAnswer::Found { secret: SecretKey::new(&*self.secret_access_key), identity: () }
    }
}

/// A signed request of the suite.
struct Request {
    method: String,
    path: Vec<u8>,
    query: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
}

impl Request {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        // An indented line continues the one before.
        let unfolded = head.trim_end().replace("\n  ", " ");
        let mut lines = unfolded.lines();
        let first = lines.next().expect("a request line").trim_end_matches(" HTTP/1.1");
        let (method, target) = first.split_once(' ').expect("a method and a target");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = lines.map(|line| line.split_once(':').expect("a header"));
        Self {
            method: method.into(),
            path: path.into(),
            query: query.into(),
            headers: headers.map(|(name, value)| (name.into(), value.into())).collect(),
            body: body.into(),
        }
    }

    fn check<T>(&self, check: impl FnOnce(&RequestHead<'_>) -> T) -> T {
        let headers: Vec<(&[u8], &[u8])> =
            self.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        check(&RequestHead {
            method: self.method.as_bytes(),
            path: &self.path,
            query: &self.query,
            headers: &headers,
            transport: Transport::Plain,
        })
    }

    /// The request before it was signed.
    fn unsigned(mut self) -> Self {
        let added = ["authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"];
        self.headers.retain(|(name, _)| {
            !added.iter().any(|added| name.eq_ignore_ascii_case(added.as_bytes()))
        });
        self.query = retain_parameters(&self.query, |name| !name.starts_with(b"X-Amz-"));
        self
    }
}

fn retain_parameters(query: &[u8], keep: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let pieces = query.split(|byte| *byte == b'&').filter(|piece| keep(piece));
    pieces.collect::<Vec<_>>().join(&b'&')
}

struct Case {
    folder: PathBuf,
    context: Context,
    mechanism: Mechanism,
}

impl Case {
    fn text(&self, name: &str) -> String {
        let form = match self.mechanism {
            Mechanism::Header => "header",
            Mechanism::Presigned => "query",
        };
        read(&self.folder.join(format!("{form}-{name}.txt")))
    }

    fn request(&self) -> Request {
        Request::parse(&self.text("signed-request"))
    }

    fn verifier(&self) -> Verifier {
        Verifier::new(&*self.context.region)
            .service(&*self.context.service)
            .presigned_lifetime_s_max(self.context.expiration_in_seconds)
    }

    /// Every stage gives the suite's text.
    fn check_stages(&self) {
        let mut request = self.request();
        if self.context.omit_session_token {
            request.query = retain_parameters(&request.query, |name| {
                !name.starts_with(b"X-Amz-Security-Token")
            });
        }
        let body = PayloadHash::of(&request.body).to_hex();
        request.check(|head| {
            let headers = HeaderIndex::new(head.headers);
            let query = CanonicalQuery::parse(head.query).expect("a query");
            let presented = Presented::find(&headers, &query).expect("a signature");
            let signed = &presented.signed_headers;
            let (headers, _) = headers.signed_by(signed.names());
            let uri = self.uri(head.path);
            let canonical = CanonicalHead::with_uri(&uri, head, &headers, &query, signed);
            let canonical = canonical.expect("a canonical request").with_payload(body.as_bytes());
            assert_eq!(canonical.text(), self.text("canonical-request"), "{:?}", self.folder);

            let credential = &presented.credential;
            let time = presented.time.text();
            let string = StringToSign::new(time, credential.scope_text(), &canonical);
            assert_eq!(string.to_text(), self.text("string-to-sign"), "{:?}", self.folder);

            let secret = SecretKey::new(&*self.context.credentials.secret_access_key);
            let signature = secret.signing_key(credential.scope()).sign(&string);
            assert_eq!(signature.to_hex(), self.text("signature"), "{:?}", self.folder);
            assert!(signature.matches(&presented.signature), "{:?}", self.folder);
        });
    }

    /// The path in the form that the case was signed with.
    fn uri(&self, path: &[u8]) -> String {
        if self.context.normalize {
            canonical_uri(path).into_owned()
        } else {
            encode_path(path).into_owned()
        }
    }

    fn is_signed_as_we_want(&self, path: &[u8]) -> bool {
        self.uri(path) == canonical_uri(path)
    }

    /// The verifier accepts what is signed as it wants, and nothing else.
    fn check_verdict(&self) {
        let request = self.request();
        let body = PayloadHash::of(&request.body);
        let keys = &self.context.credentials;
        let verdict = request.check(|head| {
            self.verifier().verify(head, &body, keys, self.context.timestamp).map(drop)
        });
        match (self.context.omit_session_token, self.mechanism, verdict) {
            (true, Mechanism::Header, verdict) => assert_eq!(verdict, Err(Refusal::TokenNotSigned)),
            (true, Mechanism::Presigned, Err(Refusal::SignatureMismatch(_))) => {}
            (false, _, Ok(())) if self.is_signed_as_we_want(&request.path) => {}
            (false, _, Err(Refusal::SignatureMismatch(_)))
                if !self.is_signed_as_we_want(&request.path) => {}
            (_, _, verdict) => panic!("{:?} gives {verdict:?}", self.folder),
        }
    }

    /// Our signer signs as the suite does.
    fn check_signer(&self) {
        let request = self.request().unsigned();
        if !self.is_signed_as_we_want(&request.path) {
            return;
        }
        let Context { credentials, omit_session_token, .. } = &self.context;
        let signer = Signer {
            access_key_id: credentials.access_key_id.clone(),
            secret: SecretKey::new(&*credentials.secret_access_key),
            session_token: credentials
                .token
                .as_deref()
                .filter(|_| !omit_session_token)
                .map(SessionToken::new),
            region: self.context.region.clone(),
            service: self.context.service.clone(),
        };
        let body = PayloadHash::of(&request.body);
        let signature = request.check(|head| self.sign(&signer, head, body));
        assert!(signature.ends_with(&self.text("signature")), "{:?}", self.folder);
    }

    fn sign(&self, signer: &Signer, head: &RequestHead<'_>, body: PayloadHash) -> String {
        let at = self.context.timestamp;
        let payload =
            if self.context.sign_body { SignedPayload::Declared } else { SignedPayload::Hashed };
        match self.mechanism {
            Mechanism::Header => {
                let added = signer.sign(head, payload(body), at).expect("a signature");
                added.last().expect("an authorization").1.clone()
            }
            Mechanism::Presigned => signer
                .presign(head, &body, self.context.expiration_in_seconds, at)
                .expect("a signature"),
        }
    }
}

fn read(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    text.replace("\r\n", "\n")
}

/// The folder of the suite, as cargo knows it; whatever registry, mirror or vendored copy it is in.
fn suite() -> Result<PathBuf, String> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        manifest_path: PathBuf,
    }
    let output = Command::new(env!("CARGO"))
        // What only other platforms need was not downloaded.
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", "host-tuple"])
        .args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")])
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    let package = metadata.packages.into_iter().find(|package| package.name == "aws-sigv4");
    let package = package.ok_or("cargo knows no package aws-sigv4")?;
    let folder = package.manifest_path.with_file_name("aws-signing-test-suite").join("v4");
    if folder.is_dir() { Ok(folder) } else { Err(format!("there is no folder {folder:?}")) }
}

/// The suite, or the news that it is not here; where nothing may be skipped, that is a failure.
fn suite_or_skip() -> Option<PathBuf> {
    let suite = suite();
    if let Err(why) = &suite {
        #[expect(clippy::disallowed_methods, reason = "a test's edge is the test")]
        let required = std::env::var_os("TOLLGATE_REQUIRE_SERVICES").is_some_and(|on| on == "1");
        assert!(!required, "the AWS signing test suite was not found: {why}");
        println!("skipped: the AWS signing test suite was not found: {why}");
    }
    suite.ok()
}

fn cases(suite: &Path) -> Vec<Case> {
    let folders =
        fs::read_dir(suite).expect("the suite").map(|entry| entry.expect("a case").path());
    let with_context = folders.filter(|folder| folder.join("context.json").is_file());
    let both = |folder: PathBuf| {
        [Mechanism::Header, Mechanism::Presigned].map(|mechanism| Case {
            context: serde_json::from_str(&read(&folder.join("context.json"))).expect("a context"),
            folder: folder.clone(),
            mechanism,
        })
    };
    with_context.flat_map(both).collect()
}

#[test]
fn the_suite_holds_at_every_stage() {
    let Some(suite) = suite_or_skip() else { return };
    let cases = cases(&suite);
    assert_eq!(cases.len(), 2 * 38, "cases with a context, in both forms");
    for case in &cases {
        case.check_stages();
        case.check_verdict();
        case.check_signer();
    }
}

/// The two cases without a context: both are about paths that are encoded twice. `date` is that of the
/// canonical request; one signed request has another.
#[track_caller]
fn check_double_encoding(suite: &Path, name: &str, date: &str) {
    let mut request = Request::parse(&read(&suite.join(name).join("header-signed-request.txt")));
    for (name, value) in &mut request.headers {
        if name.eq_ignore_ascii_case(b"x-amz-date") {
            *value = date.into();
        }
    }
    request.check(|head| {
        let headers = HeaderIndex::new(head.headers);
        let query = CanonicalQuery::parse(head.query).expect("a query");
        let presented = Presented::find(&headers, &query).expect("a signature");
        let signed = &presented.signed_headers;
        let (headers, _) = headers.signed_by(signed.names());
        let canonical = CanonicalHead::new(head, &headers, &query, signed).expect("a head");
        let canonical = canonical.with_payload(PayloadHash::of(b"").digits().as_bytes());
        let expected = read(&suite.join(name).join("header-canonical-request.txt"));
        assert_eq!(canonical.text(), expected.trim_end());

        let file = suite.join(name).join("header-string-to-sign.txt");
        if file.is_file() {
            let string = StringToSign::new(date, presented.credential.scope_text(), &canonical);
            assert_eq!(string.to_text(), read(&file).trim_end());
        }
    });
}

#[test]
fn paths_are_encoded_twice() {
    let Some(suite) = suite_or_skip() else { return };
    check_double_encoding(&suite, "double-url-encode", "20210511T154045Z");
    check_double_encoding(&suite, "double-encode-path", "20210511T154045Z");
}

#[test]
fn a_path_that_the_suite_encodes_twice_is_verified() {
    let Some(suite) = suite_or_skip() else { return };
    let text = read(&suite.join("double-encode-path/header-signed-request.txt"));
    let request = Request::parse(&text);
    // The public key pair of the suite's own runner.
    let keys = Credentials {
        access_key_id: "ANOTREAL".into(),
        secret_access_key: "notrealrnrELgWzOk3IfjzDKtFBhDby".into(),
        token: None,
    };
    let at = "2015-08-30T12:36:00Z".parse().expect("a time");
    let verifier = Verifier::new("us-east-1").service("service");
    let verdict =
        request.check(|head| verifier.verify(head, &PayloadHash::of(b""), &keys, at).map(drop));
    assert_eq!(verdict, Ok(()));
}
