//! Sessions at the gateway's own socket: what holds is let through, what does not is refused there.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tollgate_gateway::{
    AccessLog, Bound, Extension, Gateway, Internal, InternalAnswer, InternalCall, Refusal, Rules,
    Service, Snapshot, Surroundings,
};
use tollgate_sigv4::{
    HeaderPair, PayloadHash, RequestHead, SecretKey, SessionToken, SignedPayload, Signer, Transport,
};
use tollgate_store::Files;

use crate::support::{Signs, World, at};

const WEB: &str = "Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::123456789012:role/web&RoleSessionName=s1&DurationSeconds=900";
const ISSUES: &str = "/prod/repos/PokaInc/test-github-api/issues";

/// Stands where the broker's service would.
struct Nobody;

impl Internal for Nobody {
    fn answer(&self, _: InternalCall) -> InternalAnswer<'_> {
        Box::pin(std::future::ready(Err(Refusal::NoRoute)))
    }
}

/// An upstream that answers one request a connection, whatever it is.
async fn upstream() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    url
}

/// A gateway whose callers' sessions are those of an issuer, and whose clock is told the time.
struct Gate {
    world: World,
    address: std::net::SocketAddr,
    seconds: Arc<AtomicI64>,
}

impl Gate {
    async fn start() -> Gate {
        let url = upstream().await;
        let world = World::new(|manifest| {
            manifest.replace("http://127.0.0.1:8081", &url).replace("127.0.0.1:8080", "127.0.0.1:0")
        });
        let keys = world.issuer.session_keys(world.issuer.plan());
        let seconds = Arc::new(AtomicI64::new(1));
        let told = Arc::clone(&seconds);
        let surroundings = Surroundings {
            clock: Arc::new(move || at(told.load(Ordering::Relaxed))),
            environment: Arc::new(|_| Some("vanilla".to_owned())),
            observer: Arc::new(|_, _| {}),
            rules: Rules::default(),
            extend: Arc::new(move |_| {
                let service: Arc<dyn Internal> = Arc::new(Nobody);
                let services = [("app".to_owned(), service)].into();
                Ok(Extension { keys: vec![Arc::clone(&keys)], services })
            }),
        };
        let path = world.folder.path("tollgate.toml");
        let snapshot = Snapshot::read(&Files, &path, &surroundings, None)
            .unwrap_or_else(|problems| panic!("{problems}"));
        snapshot.read_secrets().await.unwrap();
        let bound = Bound::to(&snapshot.gateway).await.unwrap();
        let address = bound.addresses().pop().unwrap();
        let limits = snapshot.gateway.limits.clone();
        let log = AccessLog::new(Vec::new(), 1);
        let gateway = Gateway::new(snapshot, log, Arc::clone(&surroundings.clock));
        let mut service = Service::new(limits, surroundings.clock).unwrap();
        service.listen(bound.listeners, gateway);
        tokio::spawn(service.run(std::future::pending()));
        Gate { world, address, seconds }
    }

    /// The status and type of the answer to a request that `signs` signs after so many seconds.
    async fn answer(&self, signs: &Signs, seconds: i64) -> (u16, String) {
        self.seconds.store(seconds, Ordering::Relaxed);
        let host = self.address.to_string();
        let headers: [HeaderPair<'_>; 1] = [(b"host", host.as_bytes())];
        let head = RequestHead {
            method: b"GET",
            path: ISSUES.as_bytes(),
            query: b"",
            headers: &headers,
            transport: Transport::Plain,
        };
        let signer = Signer {
            access_key_id: signs.access_key_id.clone(),
            secret: SecretKey::new(signs.secret.clone()),
            session_token: signs.token.clone().map(SessionToken::new),
            region: "us-east-1".into(),
            service: "execute-api".into(),
        };
        let payload = SignedPayload::Hashed(PayloadHash::of(b""));
        let mut text = format!("GET {ISSUES} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
        for (name, value) in signer.sign(&head, payload, at(seconds)).unwrap() {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(format!("{text}\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let kind = answer.lines().find_map(|line| line.strip_prefix("x-amzn-errortype: "));
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, kind.unwrap_or("-").to_owned())
    }

    fn revoke(&self, text: &str) {
        std::fs::write(self.world.folder.path("revoked.toml"), text).unwrap();
        self.world.issuer.read_revocations().unwrap();
    }
}

fn let_through() -> (u16, String) {
    (200, "-".to_owned())
}

fn refused(kind: &str) -> (u16, String) {
    (403, kind.to_owned())
}

#[tokio::test]
async fn revoked_tokens() {
    let gate = Gate::start().await;
    let session = gate.world.begin(&Signs::ana(), WEB).await;
    let other = gate.world.begin(&Signs::ana(), WEB).await;
    assert_eq!(gate.answer(&session, 1).await, let_through());
    assert_eq!(gate.answer(&other, 1).await, let_through());
    // One of them, by its key; it was let through a moment ago.
    gate.revoke(&format!("accessKeys = [\"{}\"]\n", session.access_key_id));
    assert_eq!(gate.answer(&session, 2).await, refused("UnrecognizedClientException"));
    assert_eq!(gate.answer(&other, 2).await, let_through());
    // Both, by when they began.
    gate.revoke(
        "[issuedBefore]\n\"arn:aws:iam::123456789012:role/web\" = \"2026-11-21T22:14:01Z\"\n",
    );
    assert_eq!(gate.answer(&other, 3).await, refused("UnrecognizedClientException"));
}

#[tokio::test]
async fn tokens_that_do_not_hold() {
    let gate = Gate::start().await;
    let session = gate.world.begin(&Signs::ana(), WEB).await;
    let other = gate.world.begin(&Signs::ana(), WEB).await;
    assert_eq!(gate.answer(&session, 899).await, let_through());
    assert_eq!(gate.answer(&session, 900).await, refused("ExpiredTokenException"));
    // A token of another session, and a secret of another one.
    let mixed = Signs { token: other.token.clone(), ..session.clone() };
    assert_eq!(gate.answer(&mixed, 1).await, refused("UnrecognizedClientException"));
    let mixed = Signs { secret: other.secret.clone(), ..session.clone() };
    assert_eq!(gate.answer(&mixed, 1).await, refused("InvalidSignatureException"));
    let mut altered = session.clone();
    altered.token = altered.token.map(|token| token.replacen("tgs1_", "tgs1_A", 1));
    assert_eq!(gate.answer(&altered, 1).await, refused("UnrecognizedClientException"));
    assert_eq!(gate.answer(&session, 2).await, let_through());
}
