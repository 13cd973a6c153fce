//! Sessions for tokens of an identity provider, whose keys are published, rotated and lost.

use crate::support::{World, at, element, ready};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use secrecy::SecretString;
use serde_json::{Value, json};
use tollgate_sts::{Claims, Fault, FaultCode, KeySet, Provider, Providers};

const ISSUER: &str = "https://issuer.example/tenant";
const SUBJECT: &str = "repo:octo/hello:ref:refs/heads/main";

/// A provider's two keys.
struct Issuer {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Issuer {
    fn new() -> Issuer {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let ec = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Issuer {
            rsa: RsaKeyPair::from_pkcs8(include_bytes!("../../../../fixtures/sts/test-issuer.pk8"))
                .unwrap(),
            ec: EcdsaKeyPair::from_pkcs8(algorithm, ec.as_ref(), &random).unwrap(),
        }
    }

    fn jwks(&self) -> String {
        let rsa = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(self.rsa.public());
        let (n, e) = (encode(rsa.n), encode(rsa.e));
        let point = self.ec.public_key().as_ref();
        json!({ "keys": [
            { "kty": "oct", "k": "AAAA" },
            { "kty": "RSA", "kid": "r1", "use": "sig", "alg": "RS256", "n": n, "e": e },
            { "kty": "RSA", "kid": "enc", "use": "enc", "n": n, "e": e },
            { "kty": "EC", "kid": "e1", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..]) },
        ] })
        .to_string()
    }

    fn sign(&self, alg: &str, kid: &str, claims: &Value) -> String {
        let header = json!({ "alg": alg, "kid": kid, "typ": "JWT" });
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let random = SystemRandom::new();
        let signature = match kid {
            "e1" => self.ec.sign(&random, signed.as_bytes()).unwrap().as_ref().to_vec(),
            _ => {
                let mut signature = vec![0; self.rsa.public().modulus_len()];
                self.rsa
                    .sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature)
                    .unwrap();
                signature
            }
        };
        format!("{signed}.{}", encode(signature))
    }
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": SUBJECT, "aud": "tollgate",
        "iat": at(-10).as_second(), "nbf": at(-10).as_second(), "exp": at(300).as_second(),
    })
}

/// A world in which the provider publishes its keys.
fn world(issuer: &Issuer) -> World {
    let provider =
        Provider { issuer: ISSUER.into(), audiences: vec!["tollgate".into()], keys: None };
    let world = World::new(Providers::new(vec![provider]));
    let configuration = json!({ "issuer": ISSUER, "jwks_uri": "https://keys.example/jwks" });
    world.web.put(
        &format!("{ISSUER}/.well-known/openid-configuration"),
        200,
        &configuration.to_string(),
    );
    world.web.put("https://keys.example/jwks", 200, &issuer.jwks());
    world
}

fn verify(world: &World, token: &str, seconds: i64) -> Result<Claims, Fault> {
    let token = SecretString::from(token);
    ready(world.providers.verify(&token, at(seconds), &world.web))
}

#[track_caller]
fn check_refused(world: &World, token: &str, code: FaultCode, message: &str) {
    let fault = verify(world, token, 0).unwrap_err();
    assert_eq!((fault.code, fault.message.as_str()), (code, message));
}

fn with(change: &[(&str, Value)]) -> Value {
    let mut claims = claims();
    for (name, value) in change {
        claims[*name] = value.clone();
    }
    claims
}

#[test]
fn both_algorithms_are_verified_with_published_keys() {
    let issuer = Issuer::new();
    let world = world(&issuer);
    for (alg, kid) in [("RS256", "r1"), ("ES256", "e1")] {
        let claims = verify(&world, &issuer.sign(alg, kid, &claims()), 0).unwrap();
        assert_eq!((claims.subject.as_str(), claims.audience.as_str()), (SUBJECT, "tollgate"));
    }
    assert_eq!(world.web.asked.lock().unwrap().len(), 2, "fetched once, discovery and keys");
}

#[test]
fn the_role_trusts_issuer_audience_and_subject() {
    let issuer = Issuer::new();
    let world = world(&issuer);
    let form = |token: &str| {
        format!(
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleSessionName=ci\
         &RoleArn=arn:aws:iam::123456789012:role/deployer&WebIdentityToken={token}"
        )
    };
    let reply = world.send(None, &form(&issuer.sign("ES256", "e1", &claims())));
    assert_eq!(reply.record.fault, None);
    let body = &reply.answer.body;
    assert_eq!(element(body, "SubjectFromWebIdentityToken"), SUBJECT);
    assert_eq!(element(body, "Audience"), "tollgate");
    let provider = "arn:aws:iam::123456789012:oidc-provider/issuer.example/tenant";
    assert_eq!(element(body, "Provider"), provider);
    assert_eq!(reply.record.session.unwrap().provider.as_deref(), Some(provider));

    let other = with(&[("sub", json!("repo:octo/hello:ref:refs/heads/evil"))]);
    let reply = world.send(None, &form(&issuer.sign("ES256", "e1", &other)));
    let fault = reply.record.fault.unwrap();
    assert_eq!(
        (fault.code, fault.message.as_str()),
        (FaultCode::AccessDenied, "Not authorized to perform sts:AssumeRoleWithWebIdentity")
    );
}

#[test]
fn claims_that_do_not_hold_are_refused_in_awss_words() {
    let issuer = Issuer::new();
    let world = world(&issuer);
    let sign = |claims: &Value| issuer.sign("ES256", "e1", claims);
    let now = at(0).as_second();
    check_refused(
        &world,
        &sign(&with(&[("exp", json!(now))])),
        FaultCode::ExpiredWebIdentity,
        &format!(
            "Token expired: current date/time {now} must be before the expiration date/time {now}"
        ),
    );
    check_refused(
        &world,
        &sign(&with(&[("nbf", json!(now + 301))])),
        FaultCode::InvalidIdentityToken,
        &format!(
            "Token not yet valid: it begins at {} and it is {now} here, so the clocks disagree",
            now + 301
        ),
    );
    check_refused(
        &world,
        &sign(&with(&[("aud", json!(["other"]))])),
        FaultCode::InvalidIdentityToken,
        "Incorrect token audience",
    );
    check_refused(
        &world,
        &sign(&with(&[("azp", json!("other"))])),
        FaultCode::InvalidIdentityToken,
        "Incorrect token audience",
    );
    check_refused(
        &world,
        &sign(&with(&[("iss", json!("https://evil.example"))])),
        FaultCode::InvalidIdentityToken,
        "No OpenIDConnect provider found in your account for https://evil.example",
    );
}

#[test]
fn a_token_cannot_choose_how_it_is_verified() {
    let issuer = Issuer::new();
    let world = world(&issuer);
    for alg in ["none", "HS256", "RS384"] {
        let message = format!(
            "The ID Token is signed with '{alg}', expected RS256 or ES256 and no critical extensions"
        );
        check_refused(
            &world,
            &issuer.sign(alg, "r1", &claims()),
            FaultCode::InvalidIdentityToken,
            &message,
        );
    }
    let unknown = "Couldn't retrieve verification key from your identity provider: it publishes no \
                   key of the token's id and algorithm";
    // A key of the other kind, one for encryption, and one that there is not.
    for (alg, kid) in [("RS256", "e1"), ("RS256", "enc"), ("ES256", "x9")] {
        check_refused(
            &world,
            &issuer.sign(alg, kid, &claims()),
            FaultCode::InvalidIdentityToken,
            unknown,
        );
    }
    let token = issuer.sign("ES256", "e1", &claims());
    let (signed, _) = token.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", encode([7; 64]));
    check_refused(
        &world,
        &forged,
        FaultCode::InvalidIdentityToken,
        "The ID Token's signature is not that of its issuer",
    );
}

#[test]
fn a_provider_may_rotate_its_keys_and_may_be_away_for_a_day() {
    let (first, second) = (Issuer::new(), Issuer::new());
    let world = world(&first);
    let long = with(&[("exp", json!(at(1_000_000).as_second()))]);
    assert!(verify(&world, &first.sign("ES256", "e1", &long), 0).is_ok());
    // The new key has another id; it is fetched when the first token of it comes, a minute later.
    let rotated = second.jwks().replace("\"e1\"", "\"e2\"");
    world.web.put("https://keys.example/jwks", 200, &rotated);
    let token =
        second.sign("ES256", "e1", &long).split('.').skip(1).map(str::to_owned).collect::<Vec<_>>();
    let header = encode(json!({ "alg": "ES256", "kid": "e2" }).to_string());
    let signed = format!("{header}.{}", token[0]);
    let signature = second.ec.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
    let token = format!("{signed}.{}", encode(signature));
    assert_eq!(verify(&world, &token, 59).unwrap_err().code, FaultCode::InvalidIdentityToken);
    assert!(verify(&world, &token, 60).is_ok());

    world.web.documents.lock().unwrap().clear();
    assert!(verify(&world, &token, 4000).is_ok(), "the last keys serve");
    let fault = verify(&world, &token, 100_000).unwrap_err();
    assert_eq!(
        fault.to_string(),
        format!(
            "IDPCommunicationError: cannot fetch `{ISSUER}/.well-known/openid-configuration`: no \
             route to host"
        )
    );
    let asked = world.web.asked.lock().unwrap().len();
    assert!(verify(&world, &token, 100_010).is_err());
    assert_eq!(world.web.asked.lock().unwrap().len(), asked, "it is not asked again at once");
}

#[test]
fn a_provider_speaks_for_itself_alone_and_inside_tls() {
    let issuer = Issuer::new();
    let check = |configuration: Value, expected: &str| {
        let world = world(&issuer);
        let url = format!("{ISSUER}/.well-known/openid-configuration");
        world.web.put(&url, 200, &configuration.to_string());
        let fault = verify(&world, &issuer.sign("ES256", "e1", &claims()), 0).unwrap_err();
        assert!(fault.to_string().contains(expected), "{fault}");
    };
    check(
        json!({ "issuer": "https://evil.example", "jwks_uri": "https://x" }),
        "speaks for `https://evil.example`",
    );
    check(
        json!({ "issuer": ISSUER, "jwks_uri": "http://keys.example/jwks" }),
        "is neither `https` nor on this machine",
    );
    check(json!({ "issuer": ISSUER }), "is no OpenID configuration: missing field `jwks_uri`");
}

#[test]
fn tags_and_source_identity_come_from_the_token() {
    let issuer = Issuer::new();
    let world = world(&issuer);
    let claims = with(&[
        (
            "https://aws.amazon.com/tags",
            json!({ "principal_tags": { "team": ["web"], "cost": "17" }, "transitive_tag_keys": ["team"] }),
        ),
        ("https://aws.amazon.com/source_identity", json!("ana")),
    ]);
    let claims = verify(&world, &issuer.sign("RS256", "r1", &claims), 0).unwrap();
    let tags: Vec<_> = claims
        .tags
        .iter()
        .map(|tag| (tag.key.as_str(), tag.value.as_str(), tag.is_transitive))
        .collect();
    assert_eq!(tags, [("cost", "17", false), ("team", "web", true)]);
    assert_eq!(claims.source_identity.as_deref(), Some("ana"));
}

#[test]
fn a_key_document_of_another_kind_is_refused() {
    assert!(KeySet::parse(b"{}").unwrap_err().starts_with("expected a JWKS document with `keys`"));
    assert!(KeySet::parse(br#"{"keys": [{"kty": "RSA"}, 7]}"#).unwrap().is_empty());
}
