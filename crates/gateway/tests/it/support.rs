//! A gateway on loopback with an upstream that remembers, and a caller that signs.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tollgate_gateway::{
    AccessLog, Admin, Bound, Extension, Gateway, Lines, Rules, Service, Sink, Snapshot,
    Surroundings,
};
use tollgate_store::Files;

/// A request that the upstream saw.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
}

type Answering = dyn Fn(&Seen) -> Response<Bytes> + Send + Sync;

/// An upstream that remembers every request.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Upstream {
    pub(crate) async fn start(
        answering: impl Fn(&Seen) -> Response<Bytes> + Send + Sync + 'static,
    ) -> Upstream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (all, answering) = (Arc::clone(&seen), Arc::new(answering) as Arc<Answering>);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (all, answering) = (Arc::clone(&all), Arc::clone(&answering));
                tokio::spawn(async move {
                    let service = service_fn(move |request: Request<Incoming>| {
                        let (all, answering) = (Arc::clone(&all), Arc::clone(&answering));
                        async move {
                            let (parts, body) = request.into_parts();
                            body.collect().await?;
                            let seen = Seen {
                                method: parts.method,
                                target: parts.uri.to_string(),
                                headers: parts.headers,
                            };
                            all.lock().unwrap().push(seen.clone());
                            Ok::<_, hyper::Error>(answering(&seen).map(Full::new))
                        }
                    });
                    let io = TokioIo::new(stream);
                    let _ = Builder::new(TokioExecutor::new()).serve_connection(io, service).await;
                });
            }
        });
        Upstream { address, seen }
    }

    /// What it saw so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

/// A sink that keeps lines in memory.
#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<Vec<u8>>>);

impl Sink for Memory {
    fn write(&mut self, lines: &Lines) -> std::io::Result<u64> {
        self.0.lock().unwrap().extend_from_slice(lines.as_bytes());
        Ok(0)
    }
}

impl Memory {
    pub(crate) fn lines(&self) -> Vec<serde_json::Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// A gateway that runs.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) log: Memory,
    admin: SocketAddr,
    gateway: Arc<Gateway>,
    surroundings: Surroundings,
    stop: Option<oneshot::Sender<()>>,
    served: tokio::task::JoinHandle<bool>,
    folder: tempfile::TempDir,
}

pub(crate) const SECRET: &str = "ghp_vanilla-strawberry";

/// A second caller, whose key has no token.
const ANA: &str = r#"
[[key]]
accessKeyId     = "AKIAEXAMPLEANA000001"
secretAccessKey = "another-key-of-this-example"
principal       = "arn:aws:iam::123456789012:user/ana"
"#;

/// The article's policy and more: what the tests need beside their manifest.
pub(crate) fn write_files(folder: &Path) {
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/gateway");
    for name in ["policies/issues-reader.json", "identities.toml"] {
        std::fs::create_dir_all(folder.join("policies")).unwrap();
        std::fs::copy(fixture.join(name), folder.join(name)).unwrap();
    }
    let identities =
        format!("{}{ANA}", std::fs::read_to_string(folder.join("identities.toml")).unwrap());
    write("identities.toml", &identities);
    write("secret", SECRET);
    write(
        "policies/narrow.json",
        r#"{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Resource": "arn:aws:execute-api:*:*:*/narrow",
            "Action": "execute-api:InvalidateCache"}}"#,
    );
    write(
        "policies/all.json",
        r#"{"Version": "2012-10-17", "Statement": {"Sid": "Everything", "Effect": "Allow",
            "Action": "execute-api:*", "Resource": "*"}}"#,
    );
    #[cfg(unix)]
    for name in ["secret", "identities.toml"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(folder.join(name), mode).unwrap();
    }
}

/// A manifest whose one route leads to `url`, with more settings of the route and the credential.
pub(crate) fn manifest(url: &str, route: &str, credential: &str) -> String {
    format!(
        r#"account = "123456789012"
region  = "us-east-1"

[[principal]]
arn      = "arn:aws:iam::123456789012:role/issues-reader"
policies = ["policies/all.json", "policies/narrow.json"]

[[principal]]
arn      = "arn:aws:iam::123456789012:user/ana"
policies = ["policies/all.json"]

[[api]]
id     = "a1b2c3d4e5"
stages = ["prod"]

[[api.route]]
path       = "/{{proxy+}}"
upstream   = "third"
credential = "third-party"
{route}

[[upstream]]
name    = "third"
url     = "{url}"
network = "loopback"

[[credential]]
name     = "third-party"
upstream = "third"
{credential}

[gateway]
listen     = ["127.0.0.1:0"]
admin      = "127.0.0.1:0"
identities = "identities.toml"
"#
    )
}

pub(crate) fn surroundings() -> Surroundings {
    let variables = HashMap::from([("GITHUB_TOKEN", SECRET)]);
    Surroundings {
        clock: Arc::new(jiff::Timestamp::now),
        environment: Arc::new(move |name| variables.get(name).map(|value| (*value).to_owned())),
        observer: Arc::new(|_, _| {}),
        rules: Rules::default(),
        extend: Arc::new(|_| Ok(Extension::default())),
    }
}

impl Running {
    /// Starts a gateway with this manifest, in a folder with the files of [`write_files`].
    pub(crate) async fn start(manifest: &str) -> Running {
        Running::start_with(manifest, Rules::default()).await
    }

    /// The same, with secrets kept as fresh as these rules say.
    pub(crate) async fn start_with(manifest: &str, rules: Rules) -> Running {
        Running::begin(manifest, &[], Surroundings { rules, ..surroundings() }).await
    }

    /// The same, with more files.
    pub(crate) async fn start_in(manifest: &str, files: &[(&str, &str)]) -> Running {
        Running::begin(manifest, files, surroundings()).await
    }

    /// Does not start: what is wrong with the manifest, or with its secrets.
    pub(crate) async fn refused(manifest: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        write_files(folder.path());
        let path = folder.path().join("tollgate.toml");
        std::fs::write(&path, manifest).unwrap();
        match Snapshot::read(&Files, &path, &surroundings(), None) {
            Err(problems) => problems.to_string(),
            Ok(snapshot) => snapshot.read_secrets().await.unwrap_err().to_string(),
        }
    }

    /// The same, with another world around it.
    pub(crate) async fn start_around(manifest: &str, surroundings: Surroundings) -> Running {
        Running::begin(manifest, &[], surroundings).await
    }

    async fn begin(manifest: &str, files: &[(&str, &str)], surroundings: Surroundings) -> Running {
        let folder = tempfile::tempdir().unwrap();
        write_files(folder.path());
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            // One of them may be a private key.
            #[cfg(unix)]
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
                .unwrap();
        }
        let path = folder.path().join("tollgate.toml");
        std::fs::write(&path, manifest).unwrap();
        let snapshot = Snapshot::read(&Files, &path, &surroundings, None)
            .unwrap_or_else(|problems| panic!("{problems}"));
        snapshot.read_secrets().await.unwrap_or_else(|problems| panic!("{problems}"));
        let bound = Bound::to(&snapshot.gateway).await.unwrap();
        let address = bound.addresses()[0];
        let admin = bound.admin_address().unwrap_or(address);
        let log = Memory::default();
        let access_log = AccessLog::new(vec![Box::new(log.clone())], 1024);
        let gateway = Gateway::new(snapshot, access_log, Arc::new(jiff::Timestamp::now));
        let (stop, stopped) = oneshot::channel();
        let limits = gateway.snapshot().gateway.limits.clone();
        let mut service = Service::new(limits, Arc::clone(gateway.clock())).unwrap();
        service.listen(bound.listeners, Arc::clone(&gateway));
        service.listen(bound.admin, Admin::of(Arc::clone(&gateway)));
        let served = tokio::spawn(service.run(async {
            let _ = stopped.await;
        }));
        Running { address, admin, gateway, surroundings, log, stop: Some(stop), served, folder }
    }

    /// Changes a file of its folder.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        let is_new = !path.exists();
        std::fs::write(&path, text).unwrap();
        #[cfg(unix)]
        if is_new {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
    }

    /// The text of a file of its folder.
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// Removes a file of its folder.
    pub(crate) fn remove(&self, name: &str) {
        std::fs::remove_file(self.folder.path().join(name)).unwrap();
    }

    /// Has it read its configuration anew.
    pub(crate) async fn reload(&self) -> Result<(), tollgate_store::Problems> {
        let path = self.folder.path().join("tollgate.toml");
        self.gateway.reload(&Files, &path, &self.surroundings).await
    }

    /// A page for operators.
    pub(crate) async fn page(&self, path: &str) -> Answer {
        let uri = format!("http://{}{path}", self.admin);
        self.send(Request::get(uri).body(Bytes::new()).unwrap()).await
    }

    /// A request of the second caller, signed.
    pub(crate) async fn call_as_ana(&self, method: &str, path: &str) -> Answer {
        let key = Credentials::new(
            "AKIAEXAMPLEANA000001",
            "another-key-of-this-example",
            None,
            None,
            "test",
        );
        self.send(signed_by(key, self.address, method, path, &[], "")).await
    }

    /// Asks it to stop, and waits until it has. Whether every request came to its end.
    pub(crate) async fn stop(mut self) -> bool {
        let _ = self.stop.take().unwrap().send(());
        self.served.await.unwrap()
    }

    /// The lines of the access log, once there are `count` of them.
    pub(crate) async fn log(&self, count: usize) -> Vec<serde_json::Value> {
        self.log_when(|lines| lines.len() >= count).await
    }

    /// The lines of the access log, once they are what is waited for.
    pub(crate) async fn log_when(
        &self,
        are_there: impl Fn(&[serde_json::Value]) -> bool,
    ) -> Vec<serde_json::Value> {
        let mut lines = Vec::new();
        for _ in 0..500 {
            lines = self.log.lines();
            if are_there(&lines) {
                return lines;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("the log is not what is waited for: {lines:#?}");
    }

    pub(crate) async fn send(&self, request: Request<Bytes>) -> Answer {
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let response = client.request(request.map(Full::new)).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    /// A request of the caller of the identity file, signed.
    pub(crate) async fn call(&self, method: &str, path: &str) -> Answer {
        self.send(self.signed(method, path, &[], "")).await
    }

    pub(crate) fn signed(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &'static str,
    ) -> Request<Bytes> {
        signed(self.address, method, path, headers, body)
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("-", |value| value.to_str().unwrap())
    }
}

/// A request to `address`, signed by `aws-sigv4` with the credentials of the identity file.
pub(crate) fn signed(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &'static str,
) -> Request<Bytes> {
    let key = Credentials::new(
        "ASIAEXAMPLEISSUES001",
        "an-example-key-that-opens-this-example-only",
        Some("an-example-session-token".to_owned()),
        None,
        "test",
    );
    signed_by(key, address, method, path, headers, body)
}

fn signed_by(
    key: Credentials,
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &'static str,
) -> Request<Bytes> {
    let identity = key.into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("execute-api")
        .time(SystemTime::from(jiff::Timestamp::now()))
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let uri = format!("http://{address}{path}");
    let body = Bytes::from_static(body.as_bytes());
    let mut builder =
        Request::builder().method(method).uri(&uri).header("host", address.to_string());
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    let mut request = builder.body(body.clone()).unwrap();
    let (instructions, _) = {
        let pairs =
            request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
        let signable =
            SignableRequest::new(method, &uri, pairs, SignableBody::Bytes(&body)).unwrap();
        sign(signable, &params).unwrap().into_parts()
    };
    instructions.apply_to_request_http1x(&mut request);
    request
}
