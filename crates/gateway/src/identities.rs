//! The identity file: access keys for local development, and fixed temporary credentials.
//!
//! ```toml
//! [[key]]
//! accessKeyId     = "AKIAEXAMPLE000000001"
//! secretAccessKey = "…"
//! principal       = "arn:aws:iam::123456789012:user/ana"
//!
//! [[key]]
//! accessKeyId     = "ASIAEXAMPLE000000002"
//! secretAccessKey = "…"
//! sessionToken    = "…"
//! principal       = "arn:aws:sts::123456789012:assumed-role/issues-reader/web-1"
//! expires         = "2026-12-31T00:00:00Z"
//! sessionPolicy   = "policies/today.json"
//! tags            = { team = "web" }
//! sourceIdentity  = "ana"
//! ```
//!
//! It is the one file of ours that holds secrets, so it is refused unless its owner alone can read
//! it. What is wrong with it is said without repeating any of it but names of fields.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use hashbrown::HashMap;
use jiff::Timestamp;
use serde::Deserialize;
use tollgate_policy::{PolicyDocument, PolicySet, PolicyType, Principal};
use tollgate_sigv4::{KeyAnswer, KeyClaim, KeyLookup, SecretKey, SessionToken};
use tollgate_store::{ManifestFile, Problem};
use zeroize::Zeroizing;

use crate::caller::{Caller, Fact, FactValue};

/// The keys of an identity file.
#[derive(Debug, Default)]
pub struct Identities(HashMap<String, Held>);

/// A key, and who holds it.
#[derive(Debug)]
struct Held {
    secret: SecretKey,
    token: Option<SessionToken>,
    caller: Arc<Caller>,
}

/// An identity file as written. No `Debug`: it holds secrets.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    #[serde(default, rename = "key")]
    keys: Vec<KeyDecl>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct KeyDecl {
    access_key_id: String,
    secret_access_key: Zeroizing<String>,
    session_token: Option<Zeroizing<String>>,
    principal: String,
    user_id: Option<String>,
    expires: Option<Timestamp>,
    session_policy: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    source_identity: Option<String>,
    multi_factor: Option<bool>,
}

impl Identities {
    /// Reads the identity file that a manifest's `[gateway]` names; `None` if it names none.
    ///
    /// # Errors
    /// As [`Identities::read`], at the place of its name.
    pub fn of(file: &ManifestFile) -> Result<Option<Identities>, Problem> {
        let gateway = file.manifest.gateway.as_ref();
        let Some(name) = gateway.and_then(|gateway| gateway.identities.as_ref()) else {
            return Ok(None);
        };
        let path = file.folder.join(name.get_ref());
        let wrong = |error| file.problem(name.span(), format!("`{}` {error}", path.display()));
        Identities::read(&path).map(Some).map_err(wrong)
    }

    /// Reads an identity file.
    ///
    /// # Errors
    /// It cannot be read, others can read it too, or it is not what it should be.
    pub fn read(path: &Path) -> Result<Identities, String> {
        let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
        check_mode(&std::fs::metadata(path).map_err(unreadable)?)?;
        let text = Zeroizing::new(std::fs::read_to_string(path).map_err(unreadable)?);
        let folder = path.parent().unwrap_or(Path::new(""));
        Identities::parse(&text, &|name| std::fs::read_to_string(folder.join(name)))
    }

    /// The same of its text; `read` gives the text of a session policy's file.
    fn parse(
        text: &str,
        read: &dyn Fn(&str) -> std::io::Result<String>,
    ) -> Result<Identities, String> {
        let file: File = toml::from_str(text).map_err(|error| {
            // The parser's own words could show a value; the place is enough to find it.
            let start = error.span().map_or(0, |span| span.start);
            let line = text.get(..start).map_or(1, |before| before.split('\n').count());
            let is_ours = ["unknown field", "missing field"];
            match error.message() {
                known if is_ours.iter().any(|head| known.starts_with(head)) => {
                    format!("line {line}: {}", known.replace('\n', ", "))
                }
                _ => format!("line {line}: not the TOML of an identity file"),
            }
        })?;
        let mut keys = HashMap::new();
        for decl in file.keys {
            let id = decl.access_key_id.clone();
            let held = Held::new(decl, read).map_err(|problem| format!("key `{id}`: {problem}"))?;
            if keys.insert(id.clone(), held).is_some() {
                return Err(format!("key `{id}` is listed twice"));
            }
        }
        Ok(Identities(keys))
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Who holds keys, for a check that the account knows them.
    pub fn principals(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(id, held)| (id.as_str(), held.caller.arn.as_str()))
    }
}

impl Held {
    fn new(decl: KeyDecl, read: &dyn Fn(&str) -> std::io::Result<String>) -> Result<Held, String> {
        if Principal::parse(&decl.principal).is_none() {
            return Err(format!("expected the ARN of a principal, found `{}`", decl.principal));
        }
        if decl.access_key_id.starts_with("ASIA") && decl.session_token.is_none() {
            return Err("a temporary key needs its `sessionToken`".to_owned());
        }
        let session_policy = decl.session_policy.map(|file| session_policy(&file, read));
        let tags = decl.tags.into_iter();
        let text = |name: &str, text| Fact { key: name.to_owned(), value: FactValue::Text(text) };
        let mut facts: Vec<Fact> =
            tags.map(|(name, value)| text(&format!("aws:PrincipalTag/{name}"), value)).collect();
        facts.extend(decl.source_identity.map(|name| text("aws:SourceIdentity", name)));
        facts.extend(decl.multi_factor.map(|present| Fact {
            key: "aws:MultiFactorAuthPresent".to_owned(),
            value: FactValue::Bool(present),
        }));
        Ok(Held {
            secret: SecretKey::new(decl.secret_access_key.as_str()),
            token: decl.session_token.map(|token| SessionToken::new(token.as_str())),
            caller: Arc::new(Caller {
                arn: decl.principal,
                user_id: decl.user_id,
                issuer: None,
                session_policy: session_policy.transpose()?,
                facts,
                expires: decl.expires,
            }),
        })
    }
}

fn session_policy(
    file: &str,
    read: &dyn Fn(&str) -> std::io::Result<String>,
) -> Result<Arc<PolicySet>, String> {
    let text = read(file).map_err(|error| format!("cannot read `{file}`: {error}"))?;
    let document = PolicyDocument::parse(&text, PolicyType::Session)
        .map_err(|errors| format!("`{file}`: {errors}"))?;
    Ok(Arc::new(PolicySet::compile(vec![document])))
}

impl KeyLookup for Identities {
    type Identity = Arc<Caller>;

    fn find(&self, claim: &KeyClaim<'_>) -> KeyAnswer<Arc<Caller>> {
        let Some(held) = self.0.get(claim.access_key_id) else { return KeyAnswer::Unknown };
        let same_token = match (&held.token, claim.session_token) {
            (None, None) => true,
            (Some(held), Some(claimed)) => held.is_same(claimed),
            _ => false,
        };
        match held.caller.expires {
            _ if !same_token => KeyAnswer::Unknown,
            Some(expires) if expires <= claim.now => KeyAnswer::Expired,
            _ => {
                KeyAnswer::Found { secret: held.secret.clone(), identity: Arc::clone(&held.caller) }
            }
        }
    }
}

#[cfg(unix)]
fn check_mode(metadata: &std::fs::Metadata) -> Result<(), String> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
    match mode & 0o077 {
        0 => Ok(()),
        _ => Err(format!("expected mode 0600, found 0{mode:o}: it holds secrets")),
    }
}

#[cfg(not(unix))]
fn check_mode(_: &std::fs::Metadata) -> Result<(), String> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANA: &str = "[[key]]\naccessKeyId = \"AKIA1\"\nsecretAccessKey = \"vanilla\"\n\
                       principal = \"arn:aws:iam::111122223333:user/ana\"\n";

    fn parse(text: &str) -> Result<Identities, String> {
        Identities::parse(text, &|_| Ok(r#"{"Statement": {}}"#.to_owned()))
    }

    #[track_caller]
    fn check_refused(text: &str, expected: &str) {
        let problem = parse(text).map(|_| ()).unwrap_err();
        assert_eq!(problem, expected);
        assert!(!problem.contains("vanilla"), "{problem}");
    }

    fn claim<'a>(id: &'a str, token: Option<&'a SessionToken>) -> KeyClaim<'a> {
        KeyClaim { access_key_id: id, session_token: token, now: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_secret() {
        check_refused(&format!("{ANA}{ANA}"), "key `AKIA1` is listed twice");
        check_refused(
            &format!("{ANA}secret = \"vanilla\"\n"),
            "line 5: unknown field `secret`, expected one of `accessKeyId`, `secretAccessKey`, `sessionToken`, `principal`, `userId`, `expires`, `sessionPolicy`, `tags`, `sourceIdentity`, `multiFactor`",
        );
        check_refused(
            "[[key]]\nsecretAccessKey = vanilla\n",
            "line 2: not the TOML of an identity file",
        );
        check_refused(
            &ANA.replace("AKIA1", "ASIA1"),
            "key `ASIA1`: a temporary key needs its `sessionToken`",
        );
        check_refused(
            &ANA.replace("arn:aws:iam::111122223333:user/ana", "ana"),
            "key `AKIA1`: expected the ARN of a principal, found `ana`",
        );
        let with_policy = format!("{ANA}sessionPolicy = \"p.json\"\n");
        assert!(
            parse(&with_policy).map(|_| ()).unwrap_err().starts_with("key `AKIA1`: `p.json`: ")
        );
    }

    #[test]
    fn a_key_goes_with_its_token_and_no_other() {
        let text =
            format!("{ANA}sessionToken = \"strawberry\"\nexpires = \"1970-01-01T00:00:01Z\"\n");
        let identities = parse(&text).unwrap();
        let (right, wrong) = (SessionToken::new("strawberry"), SessionToken::new("lemon"));
        let find = |token| identities.find(&claim("AKIA1", token));
        assert!(matches!(find(Some(&right)), KeyAnswer::Found { .. }));
        assert!(matches!(find(Some(&wrong)), KeyAnswer::Unknown));
        assert!(matches!(find(None), KeyAnswer::Unknown));
        let late = Timestamp::from_second(1).unwrap();
        let answer = identities.find(&KeyClaim { now: late, ..claim("AKIA1", Some(&right)) });
        assert!(matches!(answer, KeyAnswer::Expired));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identities.toml");
        std::fs::write(&path, ANA).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let problem = Identities::read(&path).map(|_| ()).unwrap_err();
        assert_eq!(problem, "expected mode 0600, found 0640: it holds secrets");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(Identities::read(&path).unwrap().len(), 1);
    }
}
