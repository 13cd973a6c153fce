//! What holds for every request: we agree with AWS's own signer, and no byte can be changed.

#![cfg(test)]

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
        sign,
    },
    sign::v4,
};
use jiff::Timestamp;
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};
use std::time::{Duration, SystemTime};
use tollgate_sigv4::{
    HeadVerdict, HeaderPair, KeyAnswer, KeyClaim, KeyLookup, PathReason, PathRule, PayloadHash,
    PayloadHasher, Refusal, RequestHead, RequestTarget, SecretKey, SessionToken, SignedPayload,
    Signer, Transport, Verified, Verifier,
};

const REGION: &str = "eu-west-1";
const SERVICE: &str = "execute-api";
const SECRET: &str = "the secret that signs in these tests";

/// One key, whatever token comes with it: so that the signature alone must refuse another token.
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

/// A request before or after it is signed.
#[derive(Clone, Debug)]
struct Request {
    method: Vec<u8>,
    path: Vec<u8>,
    query: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
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

    fn verify(&self, verifier: &Verifier, now: Timestamp) -> Result<Verified<()>, Refusal> {
        let body = PayloadHash::of(&self.body);
        self.with_head(|head| verifier.verify(head, &body, &OneKey, now))
    }

    fn add_header(&mut self, name: &str, value: &str) {
        self.headers.push((name.into(), value.into()));
    }

    fn add_parameters(&mut self, parameters: &str) {
        if !self.query.is_empty() {
            self.query.push(b'&');
        }
        self.query.extend_from_slice(parameters.as_bytes());
    }
}

/// How a request is signed.
#[derive(Clone, Copy, Debug)]
struct Style {
    presigned: bool,
    declared: bool,
    temporary: bool,
}

const TOKEN: &str = "FwoGZXIvYXdz/token+of==";

fn signer(style: Style) -> Signer {
    Signer {
        access_key_id: "AKIDEXAMPLE".into(),
        secret: SecretKey::new(SECRET),
        session_token: style.temporary.then(|| SessionToken::new(TOKEN)),
        region: REGION.into(),
        service: SERVICE.into(),
    }
}

fn sign_with_ours(request: &mut Request, style: Style, at: Timestamp) {
    let body = PayloadHash::of(&request.body);
    if style.presigned {
        let parameters = request.with_head(|head| signer(style).presign(head, &body, 300, at));
        request.add_parameters(&parameters.expect("a signature"));
        return;
    }
    let payload =
        if style.declared { SignedPayload::Declared(body) } else { SignedPayload::Hashed(body) };
    let added = request.with_head(|head| signer(style).sign(head, payload, at));
    for (name, value) in added.expect("a signature") {
        request.add_header(name, &value);
    }
}

fn sign_with_aws(request: &mut Request, style: Style, at: Timestamp) {
    let token = style.temporary.then(|| TOKEN.to_owned());
    let identity = Credentials::new("AKIDEXAMPLE", SECRET, token, None, "test").into();
    let mut settings = SigningSettings::default();
    settings.excluded_headers = None;
    if style.presigned {
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_secs(300));
    } else if style.declared {
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(REGION)
        .name(SERVICE)
        .time(SystemTime::from(at))
        .settings(settings)
        .build()
        .expect("parameters")
        .into();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    let uri = format!("https://example.com{}?{}", text(&request.path), text(&request.query));
    let headers: Vec<(String, String)> =
        request.headers.iter().map(|(name, value)| (text(name), text(value))).collect();
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let method = text(&request.method);
    let body = request.body.clone();
    let signable = SignableRequest::new(&method, uri, headers, SignableBody::Bytes(&body));
    let (instructions, _) =
        sign(signable.expect("a request"), &params).expect("a signature").into_parts();
    let (headers, parameters) = instructions.into_parts();
    for header in headers {
        request.add_header(header.name(), header.value());
    }
    for (name, value) in parameters {
        let value = percent_encode(value.as_bytes());
        request.add_parameters(&format!("{name}={value}"));
    }
}

fn percent_encode(bytes: &[u8]) -> String {
    let encode = |byte: &u8| match byte {
        b'-' | b'_' | b'.' | b'~' => char::from(*byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(*byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    bytes.iter().map(encode).collect()
}

fn style() -> impl Strategy<Value = Style> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    flags.prop_map(|(presigned, declared, temporary)| Style { presigned, declared, temporary })
}

/// Whole seconds within this century: signatures know no fractions.
fn time() -> impl Strategy<Value = Timestamp> {
    let seconds = 946_684_800_i64..4_102_444_800;
    seconds.prop_map(|second| Timestamp::from_second(second).expect("a time"))
}

/// A path segment or half of a parameter as a client encodes it, dot segments and raw delimiters too.
/// It is UTF-8 once decoded: AWS's signer cannot sign anything else.
fn encoded() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9._~-]{1,8}",
        "[a-zA-Z:@!$'()*,]{1,8}",
        any::<String>().prop_map(|text| percent_encode(text.as_bytes())),
        "[a-c]{0,2}%[0-7][0-9A-Fa-f]",
    ]
}

fn path() -> impl Strategy<Value = String> {
    vec(encoded(), 0..5).prop_map(|segments| format!("/{}", segments.join("/")))
}

fn query() -> impl Strategy<Value = String> {
    let pair = prop_oneof![
        encoded(),
        (encoded(), encoded()).prop_map(|(name, value)| format!("{name}={value}")),
    ];
    vec(pair, 0..5).prop_map(|pairs| pairs.join("&"))
}

/// Values without white space at their ends, with runs of it inside.
fn header() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    ("[Xx]-[A-Za-z]{1,6}", "([!-~]{1,4}[ ]{0,3}){0,3}[!-~]")
        .prop_map(|(name, value)| (name.into_bytes(), value.into_bytes()))
}

fn request() -> impl Strategy<Value = Request> {
    let method = select(vec!["GET", "POST", "PUT", "DELETE", "PATCH", "PROPFIND"]);
    let body = vec(any::<u8>(), 0..64);
    (method, path(), query(), vec(header(), 0..4), body).prop_map(
        |(method, path, query, mut headers, body)| {
            headers.push((b"Host".to_vec(), b"example.com".to_vec()));
            let (method, path, query) = (method.into(), path.into(), query.into());
            Request { method, path, query, headers, body }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_aws_signs_we_verify(mut request in request(), style in style(), at in time()) {
        sign_with_aws(&mut request, style, at);
        let verdict = request.verify(&Verifier::new(REGION), at);
        prop_assert!(verdict.is_ok(), "{}", verdict.unwrap_err().message());
    }

    #[test]
    fn what_we_sign_we_verify(mut request in request(), style in style(), at in time()) {
        sign_with_ours(&mut request, style, at);
        let verdict = request.verify(&Verifier::new(REGION), at);
        prop_assert!(verdict.is_ok(), "{}", verdict.unwrap_err().message());
    }

    #[test]
    fn we_sign_as_aws_does(request in request(), style in style(), at in time()) {
        let (mut ours, mut theirs) = (request.clone(), request);
        sign_with_ours(&mut ours, style, at);
        sign_with_aws(&mut theirs, style, at);
        prop_assert_eq!(signature(&ours, style), signature(&theirs, style));
    }
}

/// The signature of a signed request.
fn signature(request: &Request, style: Style) -> String {
    let text = if style.presigned {
        let pieces = request.query.split(|byte| *byte == b'&');
        pieces.filter(|piece| piece.starts_with(b"X-Amz-Signature=")).collect::<Vec<_>>().concat()
    } else {
        let headers = request.headers.iter();
        headers
            .filter(|(name, _)| name == b"authorization")
            .map(|(_, value)| &**value)
            .collect::<Vec<_>>()
            .concat()
    };
    let text = String::from_utf8(text).expect("text");
    text.rsplit('=').next().expect("a signature").to_owned()
}

/// A byte of a signed request, to be changed.
#[derive(Clone, Copy, Debug)]
enum Place {
    Method,
    Path,
    Query,
    Body,
    Header,
}

/// Changes one byte of the place, or says that there is none.
fn change(request: &mut Request, place: Place, which: Index, index: Index, xor: u8) -> bool {
    let bytes = match place {
        Place::Method => &mut request.method,
        Place::Path => &mut request.path,
        Place::Query => &mut request.query,
        Place::Body => &mut request.body,
        Place::Header => {
            let which = which.index(request.headers.len());
            &mut request.headers[which].1
        }
    };
    if bytes.is_empty() {
        return false;
    }
    let index = index.index(bytes.len());
    bytes[index] ^= xor;
    true
}

/// Escapes that differ in the case of their digits are the same escape.
fn upper_case_escapes(query: &[u8]) -> Vec<u8> {
    let mut upper = query.to_vec();
    for start in (0..query.len()).filter(|start| query[*start] == b'%') {
        let end = query.len().min(start + 3);
        upper[start..end].make_ascii_uppercase();
    }
    upper
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    /// Every header here is signed; date, scope, token and signature are in headers or in the query.
    #[test]
    fn no_byte_can_be_changed(
        original in request(),
        style in style(),
        at in time(),
        place in select(vec![
            Place::Method, Place::Path, Place::Query, Place::Query, Place::Body, Place::Header,
            Place::Header,
        ]),
        which in any::<Index>(),
        index in any::<Index>(),
        xor in 1_u8..,
    ) {
        let mut original = original;
        sign_with_ours(&mut original, style, at);
        let mut changed = original.clone();
        prop_assume!(change(&mut changed, place, which, index, xor));
        prop_assume!(upper_case_escapes(&changed.query) != upper_case_escapes(&original.query)
            || !matches!(place, Place::Query));

        // Whatever the clock says: a changed date must not hold even when there is no hurry.
        let verifier =
            Verifier::new(REGION).clock_skew_s(u32::MAX).presigned_lifetime_s_max(u32::MAX);
        prop_assert!(original.verify(&verifier, at).is_ok());
        match changed.verify(&verifier, at) {
            Err(_) => {}
            // Paths that mean the same are signed the same. The path rule accepts one of them at most.
            Ok(_) => {
                prop_assert!(matches!(place, Place::Path));
                let accept = |request: &Request| {
                    PathRule::default().accept(&RequestTarget::origin(&request.path)).is_ok()
                };
                prop_assert!(!accept(&changed), "{original:?} became {changed:?}");
            }
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_head_can_be_verified_before_the_body(
        mut request in request(),
        style in style(),
        at in time(),
        cut in any::<Index>(),
    ) {
        sign_with_ours(&mut request, style, at);
        let verifier = Verifier::new(REGION);
        let verdict = request.with_head(|head| verifier.verify_head(head, &OneKey, at));
        let Ok(HeadVerdict::AwaitingBody(pending)) = verdict else {
            return Err(TestCaseError::fail("expected to wait for the body"));
        };
        let (first, second) = request.body.split_at(cut.index(request.body.len() + 1));
        let mut hasher = PayloadHasher::new();
        hasher.update(first);
        hasher.update(second);
        prop_assert!(pending.finish(&hasher.finish()).is_ok());
    }

    #[test]
    fn a_declared_hash_lets_a_wrong_signature_fail_at_the_head(
        mut request in request(),
        at in time(),
    ) {
        let style = Style { presigned: false, declared: true, temporary: false };
        sign_with_ours(&mut request, style, at);
        request.path.push(b'x');
        let verdict =
            request.with_head(|head| Verifier::new(REGION).verify_head(head, &OneKey, at));
        prop_assert!(matches!(verdict, Err(Refusal::SignatureMismatch(_))));
    }

    #[test]
    fn the_right_signature_is_never_told(mut request in request(), style in style(), at in time()) {
        sign_with_ours(&mut request, style, at);
        let right = signature(&request, style);
        let wrong = if right.starts_with('0') { "1" } else { "0" }.to_owned() + &right[1..];
        let replace = |bytes: &mut Vec<u8>| {
            let text = String::from_utf8(bytes.clone()).expect("text");
            *bytes = text.replace(&right, &wrong).into_bytes();
        };
        replace(&mut request.query);
        request.headers.iter_mut().for_each(|(_, value)| replace(value));
        let refusal = request.verify(&Verifier::new(REGION), at).expect_err("a refusal");
        let told = format!("{} {refusal} {refusal:?}", refusal.body());
        prop_assert!(matches!(refusal, Refusal::SignatureMismatch(_)));
        prop_assert!(!told.contains(&right) && !told.contains(SECRET) && !told.contains(TOKEN));
        prop_assert!(!told.contains(&percent_encode(TOKEN.as_bytes())));
    }

    #[test]
    fn a_path_is_accepted_once_and_for_all(path in "(/|[a-z]|%[0-9A-F]{2}|[.;:%\\\\]){0,12}") {
        let accept = |path: &str| PathRule::default().accept(&RequestTarget::origin(path.as_bytes()));
        if let Ok(accepted) = accept(&format!("/{path}")) {
            let again = accept(accepted.as_str());
            prop_assert_eq!(again.as_ref(), Ok(&accepted));
            let decoded = accepted.as_str().replace("%2E", ".");
            prop_assert!(!decoded.split('/').any(|segment| segment == "." || segment == ".."));
            prop_assert!(!decoded.contains("//") && !decoded.contains('\\'));
        }
    }

    #[test]
    fn any_bytes_have_a_verdict_on_their_path(path in vec(any::<u8>(), 0..64)) {
        for encoded_slash in [false, true] {
            let rule = PathRule { encoded_slash, semicolon: encoded_slash };
            if let Err(refusal) = rule.accept(&RequestTarget::origin(&path)) {
                prop_assert!(refusal.position <= path.len());
            }
        }
    }

    #[test]
    fn any_bytes_have_a_verdict(
        method in vec(any::<u8>(), 0..8),
        path in vec(any::<u8>(), 0..32),
        query in prop_oneof![vec(any::<u8>(), 0..64), "(X-Amz-[A-Z][a-z]{1,9}=[!-~]{0,9}&?){0,9}".prop_map(String::into_bytes)],
        headers in vec((hostile_name(), vec(any::<u8>(), 0..40)), 0..8),
        at in time(),
    ) {
        let request = Request { method, path, query, headers, body: Vec::new() };
        prop_assert!(request.verify(&Verifier::new(REGION), at).is_err());
    }
}

fn hostile_name() -> impl Strategy<Value = Vec<u8>> {
    let known = ["Authorization", "X-Amz-Date", "Host", "x-amz-content-sha256", "x-amz-x"];
    prop_oneof![
        select(known.to_vec()).prop_map(|name| name.as_bytes().to_vec()),
        vec(any::<u8>(), 0..12),
    ]
}

#[test]
fn a_path_of_four_kib_is_accepted_and_a_byte_more_is_not() {
    let accept = |length: usize| {
        let path = format!("/{}", "a".repeat(length - 1));
        PathRule::default().accept(&RequestTarget::origin(path.as_bytes()))
    };
    assert!(accept(4096).is_ok());
    let refusal = accept(4097).expect_err("a refusal");
    assert_eq!((refusal.reason, refusal.position), (PathReason::TooLong, 4096));
}

/// An unknown key is treated like a known one until everything has been computed: also when that has
/// to wait for the body.
#[test]
fn an_unknown_key_is_told_no_sooner_than_a_known_one() {
    let mut request = Request {
        method: b"POST".to_vec(),
        path: b"/".to_vec(),
        query: Vec::new(),
        headers: vec![(b"host".to_vec(), b"example.com".to_vec())],
        body: b"body".to_vec(),
    };
    let (at, body) = (Timestamp::UNIX_EPOCH, PayloadHash::of(b"body"));
    let style = Style { presigned: false, declared: false, temporary: false };
    let unknown = Signer { access_key_id: "AKIDNOBODY".into(), ..signer(style) };
    let added = request.with_head(|head| unknown.sign(head, SignedPayload::Hashed(body), at));
    for (name, value) in added.expect("a signature") {
        request.add_header(name, &value);
    }
    let verdict = request.with_head(|head| Verifier::new(REGION).verify_head(head, &OneKey, at));
    let Ok(HeadVerdict::AwaitingBody(pending)) = verdict else {
        panic!("expected to wait for the body, found {verdict:?}");
    };
    assert_eq!(pending.finish(&body).map(drop), Err(Refusal::UnrecognizedClient));
}

/// Thousands of names in `SignedHeaders` cost no more than sorting them.
#[test]
fn ten_thousand_signed_headers_are_verified() {
    let mut request = Request {
        method: b"GET".to_vec(),
        path: b"/".to_vec(),
        query: Vec::new(),
        headers: vec![(b"host".to_vec(), b"example.com".to_vec())],
        body: Vec::new(),
    };
    for number in 0..10_000 {
        request.add_header(&format!("x-{number}"), "1");
    }
    let at = Timestamp::UNIX_EPOCH;
    sign_with_ours(&mut request, Style { presigned: false, declared: false, temporary: false }, at);
    assert!(request.verify(&Verifier::new(REGION), at).is_ok());
}
