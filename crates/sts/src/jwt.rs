//! From a web identity token to claims: signed by one of an identity provider's keys, not yet judged.
//!
//! Two algorithms, each bound to its kind of key, and `ring` to verify them. The libraries that read
//! tokens bring a dozen algorithms, and read the clock themselves.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::claims::RawClaims;
use crate::{Fault, FaultCode};

/// The most keys of a provider that are looked at.
const KEYS_MAX: usize = 100;

/// A token taken apart. Nothing in it may be trusted.
pub struct Jwt {
    header: Header,
    /// What the signature is over.
    signed: String,
    signature: Vec<u8>,
    claims: RawClaims,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that a reader must understand. We understand none.
    crit: Option<serde_json::Value>,
}

/// The public keys of an identity provider: its JWKS document.
#[derive(Debug, Default)]
pub struct KeySet(Vec<PublicKey>);

#[derive(Debug)]
struct PublicKey {
    id: Option<String>,
    material: Material,
}

#[derive(Debug)]
enum Material {
    /// RS256.
    Rsa { n: Vec<u8>, e: Vec<u8> },
    /// ES256: an uncompressed point.
    P256(Vec<u8>),
}

/// What came of comparing a token with a key set.
pub(crate) enum Signed {
    /// One of the keys signed it.
    Yes(RawClaims),
    /// No key of this id is there: the provider may have new ones.
    KeyUnknown(Jwt),
}

impl Jwt {
    /// Takes a token apart.
    ///
    /// # Errors
    /// [`FaultCode::InvalidIdentityToken`] for what is no JWT, or one signed in a way that is not
    /// accepted.
    pub fn parse(token: &str) -> Result<Jwt, Fault> {
        let no_jwt = || {
            invalid(
                "The ID Token provided is not a valid JWT. (You may see this error if you sent an \
                 Access Token)",
            )
        };
        let (signed, signature) = token.rsplit_once('.').ok_or_else(no_jwt)?;
        let (header, claims) = signed.split_once('.').ok_or_else(no_jwt)?;
        let header: Header = json(header).ok_or_else(no_jwt)?;
        if !matches!(header.alg.as_str(), "RS256" | "ES256") || header.crit.is_some() {
            let alg = crate::action::shown(&header.alg);
            return Err(invalid(format!(
                "The ID Token is signed with '{alg}', expected RS256 or ES256 and no critical \
                 extensions"
            )));
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| no_jwt())?;
        let claims = json(claims).ok_or_else(no_jwt)?;
        Ok(Jwt { header, signed: signed.to_owned(), signature, claims })
    }

    /// Who says to have issued it: which provider's keys to look for.
    pub fn issuer(&self) -> &str {
        &self.claims.iss
    }

    /// Compares the signature with the keys of its issuer.
    pub(crate) fn verify(self, keys: &KeySet) -> Result<Signed, Fault> {
        let mut named = keys.0.iter().filter(|key| self.may_be_of(key)).peekable();
        if named.peek().is_none() {
            return Ok(Signed::KeyUnknown(self));
        }
        if named.any(|key| key.material.verifies(self.signed.as_bytes(), &self.signature)) {
            return Ok(Signed::Yes(self.claims));
        }
        Err(invalid("The ID Token's signature is not that of its issuer"))
    }

    /// A key is for one algorithm, whatever the token says.
    fn may_be_of(&self, key: &PublicKey) -> bool {
        let is_named = self.header.kid.is_none() || self.header.kid == key.id;
        is_named && self.header.alg == key.material.algorithm()
    }
}

fn json<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

pub(crate) fn invalid(message: impl Into<String>) -> Fault {
    Fault::new(FaultCode::InvalidIdentityToken, message)
}

impl Material {
    fn algorithm(&self) -> &'static str {
        match self {
            Material::Rsa { .. } => "RS256",
            Material::P256(_) => "ES256",
        }
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Material::Rsa { n, e } => RsaPublicKeyComponents { n, e }
                .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                .is_ok(),
            Material::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                .verify(message, signature)
                .is_ok(),
        }
    }
}

/// A key as a JWKS document has it.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    r#use: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads a JWKS document (RFC 7517). Keys for other purposes and algorithms are left aside, and
    /// so is a member of the list that is no key at all: providers publish both.
    ///
    /// # Errors
    /// When the text is no JWKS document, in words for the operator.
    pub fn parse(text: &[u8]) -> Result<KeySet, String> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<serde_json::Value>,
        }
        let document: Document = serde_json::from_slice(text)
            .map_err(|error| format!("expected a JWKS document with `keys`: {error}"))?;
        let keys = document.keys.into_iter().take(KEYS_MAX);
        let keys = keys.filter_map(|key| serde_json::from_value::<Jwk>(key).ok()?.public_key());
        Ok(KeySet(keys.collect()))
    }

    /// How many keys can verify a token.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no key can.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Jwk {
    fn public_key(self) -> Option<PublicKey> {
        let decode = |part: &Option<String>| URL_SAFE_NO_PAD.decode(part.as_deref()?).ok();
        let material = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => Material::Rsa { n: decode(&self.n)?, e: decode(&self.e)? },
            ("EC", Some("P-256")) => {
                Material::P256([vec![4], decode(&self.x)?, decode(&self.y)?].concat())
            }
            _ => return None,
        };
        let is_for_signing = self.r#use.is_none_or(|purpose| purpose == "sig");
        let is_for_algorithm = self.alg.is_none_or(|alg| alg == material.algorithm());
        (is_for_signing && is_for_algorithm).then_some(PublicKey { id: self.kid, material })
    }
}
