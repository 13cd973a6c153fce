//! An issuer of the account of `fixtures/credentials`, and callers who sign.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use jiff::Timestamp;
use tollgate_issuer::{Arrived, Event, Issuer, Plan, Purpose};
use tollgate_sigv4::{
    HeaderPair, PayloadHash, RequestHead, SecretKey, SessionToken, SignedPayload, Signer, Transport,
};
use tollgate_store::{Account, Files, ManifestFile, Problem};

/// 2026-11-21T22:14:00Z
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_299_240 + seconds).unwrap()
}

pub(crate) fn write_private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// A folder with a copy of the fixture, its keys, and a manifest in which `change` has been made.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new(change: impl FnOnce(String) -> String) -> Folder {
        let folder = tempfile::tempdir().unwrap();
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/credentials");
        std::fs::create_dir(folder.path().join("policies")).unwrap();
        for name in ["policies/web.json", "policies/trust.json", "policies/ana.json", "jwks.json"] {
            std::fs::copy(fixture.join(name), folder.path().join(name)).unwrap();
        }
        let read = |name: &str| std::fs::read_to_string(fixture.join(name)).unwrap();
        write_private(&folder.path().join("identities.toml"), &read("identities.toml"));
        write_private(&folder.path().join("master.key"), &"5a".repeat(32));
        std::fs::write(folder.path().join("revoked.toml"), read("revoked.toml")).unwrap();
        // Sessions last as long as they do where nobody says otherwise.
        let manifest = read("tollgate.toml").replace("durationS    = 20\n", "");
        std::fs::write(folder.path().join("tollgate.toml"), change(manifest)).unwrap();
        Folder(folder)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn manifest(&self) -> ManifestFile {
        ManifestFile::read(&Files, &self.path("tollgate.toml")).unwrap()
    }

    pub(crate) fn plan(&self) -> Result<Plan, Vec<Problem>> {
        let file = self.manifest();
        let account = Account::of(&Files, &file).unwrap_or_else(|problems| panic!("{problems}"));
        let plan = Plan::read(&file, Arc::new(account), Purpose::Serve);
        plan.map(Option::unwrap).map_err(|problems| problems.into_iter().collect())
    }
}

/// An issuer, and what it said.
pub(crate) struct World {
    pub(crate) folder: Folder,
    pub(crate) issuer: Arc<Issuer>,
    events: Arc<Mutex<Vec<Event>>>,
}

/// Credentials of a caller.
#[derive(Clone)]
pub(crate) struct Signs {
    pub(crate) access_key_id: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
}

impl Signs {
    pub(crate) fn ana() -> Signs {
        Signs {
            access_key_id: "AKIAEXAMPLEANA000001".into(),
            secret: "an-example-key-of-ana-that-opens-this-example-only".into(),
            token: None,
        }
    }
}

impl World {
    pub(crate) fn new(change: impl FnOnce(String) -> String) -> World {
        let folder = Folder::new(change);
        let plan = folder.plan().unwrap_or_else(|problems| panic!("{problems:?}"));
        let events = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&events);
        let observer = move |event: &Event| told.lock().unwrap().push(event.clone());
        let issuer = Issuer::new(Arc::new(plan), Arc::new(observer));
        World { folder, issuer, events }
    }

    /// What was said last.
    pub(crate) fn event(&self) -> Event {
        self.events.lock().unwrap().last().cloned().unwrap()
    }

    /// Sends a form, signed at `now` by whoever signs.
    pub(crate) async fn send(
        &self,
        signs: Option<&Signs>,
        form: &str,
        now: Timestamp,
    ) -> Response<Bytes> {
        let mut request = Request::post("/").header("host", "127.0.0.1:8091");
        if let Some(signs) = signs {
            let signer = Signer {
                access_key_id: signs.access_key_id.clone(),
                secret: SecretKey::new(signs.secret.clone()),
                session_token: signs.token.clone().map(SessionToken::new),
                region: "us-east-1".into(),
                service: "sts".into(),
            };
            let headers: [HeaderPair<'_>; 1] = [(b"host", b"127.0.0.1:8091")];
            let head = RequestHead {
                method: b"POST",
                path: b"/",
                query: b"",
                headers: &headers,
                transport: Transport::Plain,
            };
            let payload = SignedPayload::Hashed(PayloadHash::of(form.as_bytes()));
            for (name, value) in signer.sign(&head, payload, now).unwrap() {
                request = request.header(name, HeaderValue::from_str(&value).unwrap());
            }
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        self.issuer.answer_sts(arrived(head, form, now)).await
    }

    /// The credentials of a session that the service begins.
    pub(crate) async fn begin(&self, signs: &Signs, form: &str) -> Signs {
        let response = self.send(Some(signs), form, at(0)).await;
        let body = text(&response);
        assert_eq!(response.status(), 200, "{body}");
        Signs {
            access_key_id: element(&body, "AccessKeyId"),
            secret: element(&body, "SecretAccessKey"),
            token: Some(element(&body, "SessionToken")),
        }
    }
}

pub(crate) fn arrived(head: http::request::Parts, body: &str, now: Timestamp) -> Arrived {
    Arrived {
        head,
        body: Bytes::copy_from_slice(body.as_bytes()),
        peer: "127.0.0.1".parse().unwrap(),
        transport: Transport::Plain,
        at: now,
    }
}

pub(crate) fn text(response: &Response<Bytes>) -> String {
    String::from_utf8(response.body().to_vec()).unwrap()
}

/// The text of the first element of a name.
#[track_caller]
pub(crate) fn element(body: &str, name: &str) -> String {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let (_, rest) = body.split_once(&open).unwrap_or_else(|| panic!("no {name} in {body}"));
    rest.split_once(&close).unwrap().0.to_owned()
}
