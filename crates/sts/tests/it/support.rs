//! The service with the account of `fixtures/sts`, callers who sign, and a web that answers.

use std::collections::BTreeMap;
use std::path::Path;
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use jiff::Timestamp;
use tollgate_sigv4::{
    HeaderPair, KeyAnswer, KeyClaim, KeyLookup, PayloadHash, RequestHead, SecretKey, SessionToken,
    SignedPayload, Signer, Transport, Verifier,
};
use tollgate_store::{Account, Files};
use tollgate_sts::{
    Authority, Call, Caller, Durations, Entropy, Fetch, FetchFault, Fetched, Fetching, KeyRing,
    MasterKey, Outgoing, Providers, Reply, Revocations, Service, SessionKeys, StsRequest, Ticket,
};

/// 2026-11-21T22:14:00Z
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_299_240 + seconds).unwrap()
}

/// A future that never has to wait.
pub(crate) fn ready<F: Future>(future: F) -> F::Output {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("waits"),
    }
}

/// Documents by their URLs, and what was asked for.
#[derive(Default)]
pub(crate) struct Web {
    pub(crate) documents: Mutex<BTreeMap<String, Fetched>>,
    pub(crate) asked: Mutex<Vec<String>>,
}

impl Web {
    pub(crate) fn put(&self, url: &str, status: u16, body: &str) {
        let document = Fetched { status, body: body.as_bytes().to_vec() };
        self.documents.lock().unwrap().insert(url.to_owned(), document);
    }
}

impl Fetch for Web {
    fn get(&self, request: Outgoing) -> Fetching<'_> {
        self.asked.lock().unwrap().push(request.url.clone());
        let found = self.documents.lock().unwrap().get(&request.url).cloned();
        Box::pin(std::future::ready(found.ok_or_else(|| FetchFault("no route to host".into()))))
    }
}

/// The service, and the keys of its callers.
pub(crate) struct World {
    pub(crate) account: Account,
    pub(crate) keys: KeyRing,
    pub(crate) providers: Providers,
    pub(crate) web: Web,
    verifier: Verifier,
}

/// Credentials of a caller.
#[derive(Clone)]
pub(crate) struct Signs {
    pub(crate) access_key_id: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
}

impl Signs {
    pub(crate) fn user(name: &str) -> Signs {
        Signs {
            access_key_id: format!("AKIA{name}"),
            secret: format!("secret of {name}"),
            token: None,
        }
    }
}

struct Lookup<'a>(&'a World);

impl KeyLookup for Lookup<'_> {
    type Identity = Caller;

    fn find(&self, claim: &KeyClaim<'_>) -> KeyAnswer<Caller> {
        let World { account, keys, .. } = self.0;
        let name = claim.access_key_id.strip_prefix("AKIA");
        let user = |subject: &&tollgate_store::Subject| {
            name.is_some_and(|name| subject.arn().ends_with(&format!(":user/{name}")))
        };
        if let (Some(name), Some(subject)) = (name, account.subjects().iter().find(user)) {
            let secret = SecretKey::new(Signs::user(name).secret);
            return KeyAnswer::Found { secret, identity: Caller::of_user(subject) };
        }
        let revocations = Revocations::default();
        match (SessionKeys { keys, revocations: &revocations, clock_skew_s: 60 }).find(claim) {
            KeyAnswer::Found { secret, identity } => {
                KeyAnswer::Found { secret, identity: Caller::of_session(identity) }
            }
            KeyAnswer::Unknown => KeyAnswer::Unknown,
            KeyAnswer::Expired => KeyAnswer::Expired,
            KeyAnswer::Refused(refusal) => KeyAnswer::Refused(refusal),
        }
    }
}

impl World {
    pub(crate) fn new(providers: Providers) -> World {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/sts/tollgate.toml");
        World {
            account: Account::read(&Files, &path).unwrap_or_else(|problems| panic!("{problems}")),
            keys: KeyRing::new(MasterKey::new(&[1; 32]), Vec::new()),
            providers,
            web: Web::default(),
            verifier: Verifier::new("eu-west-1").service("sts"),
        }
    }

    pub(crate) fn authority(&self) -> Authority<'_> {
        Authority { account: &self.account, durations: Durations::default() }
    }

    /// Sends a form, signed at `now` for `region` by whoever signs.
    pub(crate) fn send_from(
        &self,
        signs: Option<&Signs>,
        region: &str,
        form: &str,
        now: Timestamp,
    ) -> Reply {
        let mut headers: Vec<(String, String)> = vec![("host".into(), "127.0.0.1:8081".into())];
        if let Some(signs) = signs {
            let signer = Signer {
                access_key_id: signs.access_key_id.clone(),
                secret: SecretKey::new(signs.secret.clone()),
                session_token: signs.token.clone().map(SessionToken::new),
                region: region.to_owned(),
                service: "sts".into(),
            };
            let pairs = pairs(&headers);
            let payload = SignedPayload::Hashed(PayloadHash::of(form.as_bytes()));
            let added = signer.sign(&head(&pairs), payload, now).unwrap();
            headers.extend(added.into_iter().map(|(name, value)| (name.to_owned(), value)));
        }
        let pairs = pairs(&headers);
        let service = Service {
            authority: self.authority(),
            keys: &self.keys,
            providers: &self.providers,
            verifier: &self.verifier,
        };
        let request = StsRequest { head: head(&pairs), body: form.as_bytes() };
        let call = Call { now, source_ip: None, is_secure: true, user_agent: None };
        let ticket = Ticket { request_id: "r-1".into(), entropy: Entropy([3; Entropy::BYTES]) };
        ready(service.answer(request, &call, &Lookup(self), &self.web, &ticket))
    }

    pub(crate) fn send(&self, signs: Option<&Signs>, form: &str) -> Reply {
        self.send_from(signs, "eu-west-1", form, at(0))
    }

    /// The credentials that an answer holds.
    pub(crate) fn begin(&self, signs: Option<&Signs>, form: &str) -> Signs {
        let reply = self.send(signs, form);
        assert_eq!(reply.answer.status, 200, "{:?}", reply.record.fault);
        let body = &reply.answer.body;
        Signs {
            access_key_id: element(body, "AccessKeyId").to_owned(),
            secret: element(body, "SecretAccessKey").to_owned(),
            token: Some(element(body, "SessionToken").to_owned()),
        }
    }
}

/// The text of the first element of a name.
#[track_caller]
pub(crate) fn element<'a>(body: &'a str, name: &str) -> &'a str {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let (_, rest) = body.split_once(&open).unwrap_or_else(|| panic!("no {name} in {body}"));
    rest.split_once(&close).unwrap().0
}

fn pairs(headers: &[(String, String)]) -> Vec<HeaderPair<'_>> {
    headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect()
}

fn head<'a>(headers: &'a [HeaderPair<'a>]) -> RequestHead<'a> {
    RequestHead { method: b"POST", path: b"/", query: b"", headers, transport: Transport::Plain }
}
