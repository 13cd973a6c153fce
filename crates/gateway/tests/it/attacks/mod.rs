//! Attacks: requests that are signed well and mean ill, over raw sockets.
//!
//! What an attack sends, how it is answered and what the upstream sees of it is a case of a table in
//! `fixtures/attacks`; the cases of one attack are one test. Whatever happens, the upstream sees as
//! many requests as were authorized.

mod cache;
mod credentials;
mod framing;
mod http2;
mod path;
pub(crate) mod raw;
mod resources;
mod signatures;
mod tenancy;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::Response;
use serde::Deserialize;
use serde_json::Value;

use crate::support::{Running, SECRET, Seen, Upstream};
use raw::{Caller, Signing};

/// Tests that run the cases of a table, one for each attack, and one that none is left out.
macro_rules! attacks {
    ($table:literal: $($name:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $name() {
                crate::attacks::run($table, stringify!($name)).await;
            }
        )+

        #[test]
        fn every_attack_of_the_table_has_a_test() {
            crate::attacks::check_names($table, &[$(stringify!($name)),+]);
        }
    };
}
pub(crate) use attacks;

/// A table of attacks.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(rename = "case")]
    cases: Vec<Case>,
}

/// What is sent, and what is to come of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// The test that it belongs to.
    attack: String,
    #[serde(default = "get")]
    method: String,
    target: String,
    #[serde(default = "http_11")]
    version: String,
    /// The `Host`; the gateway's address unless given.
    host: Option<String>,
    /// Lines of the head, as they are sent.
    #[serde(default)]
    headers: Vec<String>,
    /// What follows the head.
    #[serde(default)]
    body: String,
    /// The target that is signed; the one that is sent unless given.
    signed: Option<String>,
    /// The body that is signed; the one that is sent unless given.
    signed_body: Option<String>,
    /// Whose key signs; nobody's if it is `unsigned`.
    #[serde(default = "ana")]
    caller: String,
    /// How long ago it was signed.
    #[serde(default)]
    age_s: i64,
    /// Signed in the query, for so long.
    presign_s: Option<u32>,
    /// What is changed after it was signed.
    #[serde(default)]
    replace: Vec<[String; 2]>,
    /// Whether the caller keeps the connection open.
    #[serde(default)]
    keep_alive: bool,
    /// The status of each answer, until the gateway closes the connection.
    status: Statuses,
    /// The type of the error.
    error: Option<String>,
    /// What the upstream sees: method and target of each request.
    #[serde(default)]
    upstream: Vec<String>,
    /// What is in the headers that the upstream sees.
    #[serde(default)]
    seen: Vec<String>,
    /// What is in none of the headers that the upstream sees.
    #[serde(default)]
    unseen: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Statuses {
    One(u16),
    Each(Vec<u16>),
}

fn get() -> String {
    "GET".to_owned()
}

fn ana() -> String {
    "ana".to_owned()
}

fn http_11() -> String {
    "HTTP/1.1".to_owned()
}

impl Statuses {
    fn as_slice(&self) -> &[u16] {
        match self {
            Statuses::One(status) => std::slice::from_ref(status),
            Statuses::Each(statuses) => statuses,
        }
    }
}

impl Case {
    /// The bytes that are sent.
    fn request(&self, gateway: &str) -> Vec<u8> {
        let fill = |text: &str| text.replace("{host}", gateway);
        let host = fill(self.host.as_deref().unwrap_or("{host}"));
        let (target, signed) = (fill(&self.target), self.signed.as_deref().map(fill));
        let signing = Signing {
            method: &self.method,
            target: signed.as_deref().unwrap_or(&target),
            host: &host,
            body: self.signed_body.as_deref().unwrap_or(&self.body).as_bytes(),
            age_s: self.age_s,
        };
        let (target, auth) = match (self.presign_s, self.caller.as_str()) {
            (_, "unsigned") => (target.clone(), Vec::new()),
            (Some(expires_s), name) => {
                (signing.presigned(&Caller::named(name), expires_s), Vec::new())
            }
            (None, name) => (target.clone(), signing.headers(&Caller::named(name))),
        };
        let mut lines = vec![format!("{} {target} {}", self.method, self.version)];
        lines.push(format!("host: {host}"));
        lines.extend(auth);
        lines.extend(self.headers.iter().map(|line| fill(line)));
        if !self.keep_alive {
            lines.push("connection: close".to_owned());
        }
        let mut request = format!("{}\r\n\r\n{}", lines.join("\r\n"), fill(&self.body));
        for [from, to] in &self.replace {
            assert!(request.contains(from), "`{from}` is not in {request}");
            request = request.replace(from, to);
        }
        request.into_bytes()
    }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/attacks")
}

fn table(name: &str) -> Table {
    toml::from_str(&std::fs::read_to_string(fixtures().join(name)).unwrap()).unwrap()
}

/// The gateway that is attacked, and the upstream behind it.
pub(crate) struct Attacked {
    pub(crate) gateway: Running,
    pub(crate) upstream: Upstream,
}

impl Attacked {
    /// Both, the upstream answering every request with 200.
    pub(crate) async fn start() -> Attacked {
        Attacked::start_with(|_| Response::new(Bytes::from_static(b"seen")), |manifest| manifest)
            .await
    }

    /// Both, the upstream answering so, and the manifest changed so.
    pub(crate) async fn start_with(
        answering: impl Fn(&Seen) -> Response<Bytes> + Send + Sync + 'static,
        change: impl Fn(String) -> String,
    ) -> Attacked {
        let upstream = Upstream::start(answering).await;
        let gateway = start_gateway(&upstream.address.to_string(), change).await;
        Attacked { gateway, upstream }
    }

    /// The gateway's address.
    pub(crate) fn host(&self) -> String {
        self.gateway.address.to_string()
    }

    /// That the upstream saw the requests that the log says were authorized, but for those that were
    /// answered by what is kept, and those that were held back.
    pub(crate) async fn settle(self) {
        let mut seen: Vec<String> = self.upstream.seen().iter().map(asked).collect();
        seen.sort();
        let allowed = |lines: &[Value]| {
            let is_kept = |line: &&Value| line["cacheStatus"] == "hit";
            // By a limit, or because its signature was used before.
            let is_held_back = |line: &&Value| {
                line["errorType"] == "THROTTLED" || line["errorType"] == "INVALID_SIGNATURE"
            };
            let allowed = lines.iter().filter(|line| line["decision"] == "allowed");
            let forwarded = allowed.filter(|line| !is_kept(line) && !is_held_back(line));
            let mut forwarded: Vec<String> = forwarded.map(logged).collect();
            forwarded.sort();
            forwarded
        };
        let lines = self.gateway.log_when(|lines| allowed(lines).len() >= seen.len()).await;
        let text = serde_json::to_string(&lines).unwrap();
        let secrets = [SECRET, "an-example-key", "an-example-token"];
        assert_eq!(secrets.iter().find(|secret| text.contains(**secret)), None, "{text}");
        assert_eq!(allowed(&lines), seen, "requests authorized = requests seen upstream");
        for denied in lines.iter().filter(|line| line["errorType"] == "ACCESS_DENIED") {
            let resource = format!("/prod/{}", logged(denied).replacen(" /", "/", 1));
            let message = denied["errorMessage"].as_str().unwrap();
            let message = message.trim_end_matches(" with an explicit deny");
            assert!(message.ends_with(&resource), "the log tells what was decided: {denied}");
        }
        assert!(self.gateway.stop().await);
    }
}

/// Method and path of a request that the upstream saw.
fn asked(seen: &Seen) -> String {
    let path = seen.target.split('?').next().unwrap();
    format!("{} {path}", seen.method)
}

/// Method and path, without the stage, of a line of the access log.
fn logged(line: &Value) -> String {
    let path = line["path"].as_str().unwrap();
    format!("{} {}", line["httpMethod"].as_str().unwrap(), path.trim_start_matches("/prod"))
}

/// A gateway in front of whatever listens at `upstream`.
pub(crate) async fn start_gateway(upstream: &str, change: impl Fn(String) -> String) -> Running {
    let text = |name| std::fs::read_to_string(fixtures().join(name)).unwrap();
    let manifest = change(text("tollgate.toml").replace("{upstream}", upstream));
    let files = ["identities.toml", "policies/api.json", "policies/data.json"]
        .map(|name| (name, text(name)));
    let files: Vec<(&str, &str)> =
        files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    Running::start_in(&manifest, &files).await
}

/// Makes the attacks of this name, and says what came of each that should not have.
async fn run(file: &str, attack: &str) {
    let attacked = Attacked::start().await;
    let mut wrong = Vec::new();
    for case in table(file).cases.iter().filter(|case| case.attack == attack) {
        if let Err(what) = make(case, &attacked).await {
            wrong.push(format!("{} {} {:?}: {what}", case.method, case.target, case.headers));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    attacked.settle().await;
}

async fn make(case: &Case, attacked: &Attacked) -> Result<(), String> {
    let before = attacked.upstream.seen().len();
    let request = case.request(&attacked.host());
    let answers = raw::talk(attacked.gateway.address, &request).await;
    let tells =
        |answer: &raw::Answer| [&answer.head, &answer.body].iter().any(|it| it.contains(SECRET));
    if let Some(answer) = answers.iter().find(|answer| tells(answer)) {
        return Err(format!("the answer tells the secret: {answer:?}"));
    }
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    if statuses != case.status.as_slice() {
        return Err(format!("expected {:?}, found {answers:?}", case.status.as_slice()));
    }
    if let Some(error) = &case.error
        && !answers.iter().any(|answer| answer.error() == error.to_ascii_lowercase())
    {
        return Err(format!("expected {error}, found {answers:?}"));
    }
    let seen = attacked.upstream.seen().split_off(before);
    let requests: Vec<String> =
        seen.iter().map(|seen| format!("{} {}", seen.method, seen.target)).collect();
    if requests != case.upstream {
        return Err(format!("the upstream saw {requests:?}"));
    }
    let all = headers(&seen);
    if let Some(text) = case.seen.iter().find(|text| !all.contains(text.as_str())) {
        return Err(format!("the upstream did not see `{text}`: {all}"));
    }
    match case.unseen.iter().find(|text| all.contains(text.as_str())) {
        Some(text) => Err(format!("the upstream saw `{text}`: {all}")),
        None => Ok(()),
    }
}

fn headers(seen: &[Seen]) -> String {
    let lines = seen.iter().flat_map(|seen| &seen.headers);
    lines.map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap())).collect()
}

fn check_names(file: &str, tests: &[&str]) {
    let mut names: Vec<String> = table(file).cases.into_iter().map(|case| case.attack).collect();
    names.dedup();
    assert_eq!(names, tests, "the attacks of {file}, in order");
}
