//! Requests as bytes, and the answers to them.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use jiff::{SignedDuration, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tollgate_sigv4::{
    PayloadHash, RequestHead, SecretKey, SessionToken, SignError, SignedPayload, Signer, Transport,
};

/// Whoever attacks: a key of the identity file.
pub(crate) struct Caller(Signer);

impl Caller {
    fn new(access_key_id: &str, secret: &str, token: Option<&str>) -> Caller {
        Caller(Signer {
            access_key_id: access_key_id.to_owned(),
            secret: SecretKey::new(secret),
            session_token: token.map(SessionToken::new),
            region: "us-east-1".to_owned(),
            service: "execute-api".to_owned(),
        })
    }

    pub(crate) fn ana() -> Caller {
        Caller::named("ana")
    }

    /// Holders of keys of the identity file, and some who would like to be.
    pub(crate) fn named(name: &str) -> Caller {
        let (id, secret) = ("ASIAEXAMPLEWORKER001", "an-example-key-of-one-session");
        let token = "an-example-token-of-one-session";
        match name {
            "ana" => Caller::new("AKIAEXAMPLEANA000001", "an-example-key-of-ana", None),
            "ana-with-another-key" => Caller::new("AKIAEXAMPLEANA000001", secret, None),
            "bob" => Caller::new("AKIAEXAMPLEBOB000001", "an-example-key-of-bob", None),
            "nobody" => Caller::new("AKIAEXAMPLENOBODY001", "an-example-key-of-nobody", None),
            "session" => Caller::new(id, secret, Some(token)),
            "session-without-its-token" => Caller::new(id, secret, None),
            "session-with-the-token-of-another" => {
                Caller::new(id, secret, Some("an-example-token-of-another-session"))
            }
            "another-session" => Caller::new(
                "ASIAEXAMPLEWORKER002",
                "an-example-key-of-another-session",
                Some("an-example-token-of-another-session"),
            ),
            "session-that-is-over" => Caller::new(
                "ASIAEXAMPLEWORKER003",
                "an-example-key-of-a-session-that-is-over",
                Some("an-example-token-of-a-session-that-is-over"),
            ),
            "unlisted-session" => Caller::new(
                "ASIAEXAMPLEUNLISTED1",
                "an-example-key-of-an-unlisted-session",
                Some("an-example-token-of-an-unlisted-session"),
            ),
            "another-unlisted-session" => Caller::new(
                "ASIAEXAMPLEUNLISTED2",
                "an-example-key-of-another-unlisted-session",
                Some("an-example-token-of-another-unlisted-session"),
            ),
            other => panic!("nobody is called `{other}`"),
        }
    }
}

/// What is signed.
pub(crate) struct Signing<'s> {
    pub(crate) method: &'s str,
    pub(crate) target: &'s str,
    pub(crate) host: &'s str,
    pub(crate) body: &'s [u8],
    /// How long ago.
    pub(crate) age_s: i64,
}

impl Signing<'_> {
    /// The lines of the head that the signature adds.
    pub(crate) fn headers(&self, caller: &Caller) -> Vec<String> {
        let payload = SignedPayload::Hashed(PayloadHash::of(self.body));
        let added = self.with_head(|head, at| caller.0.sign(head, payload, at));
        added.into_iter().map(|(name, value)| format!("{name}: {value}")).collect()
    }

    /// The target with the signature in its query, which holds for so long.
    pub(crate) fn presigned(&self, caller: &Caller, expires_s: u32) -> String {
        let body = PayloadHash::of(self.body);
        let added = self.with_head(|head, at| caller.0.presign(head, &body, expires_s, at));
        let separator = if self.target.contains('?') { '&' } else { '?' };
        format!("{}{separator}{added}", self.target)
    }

    fn with_head<T>(
        &self,
        sign: impl FnOnce(&RequestHead<'_>, Timestamp) -> Result<T, SignError>,
    ) -> T {
        let (path, query) = self.target.split_once('?').unwrap_or((self.target, ""));
        let head = RequestHead {
            method: self.method.as_bytes(),
            path: path.as_bytes(),
            query: query.as_bytes(),
            headers: &[(b"host", self.host.as_bytes())],
            transport: Transport::Plain,
        };
        let at = Timestamp::now() - SignedDuration::from_secs(self.age_s);
        sign(&head, at).unwrap_or_else(|error| panic!("cannot sign {}: {error}", self.target))
    }
}

/// A request of ana's that ends its connection.
pub(crate) fn signed_get(host: &str, target: &str) -> Vec<u8> {
    signed(&Caller::ana(), host, "GET", target, b"", &["connection: close"])
}

/// A connection of HTTP/2, which has to be polled.
pub(crate) async fn http2(
    address: SocketAddr,
) -> (
    http2::SendRequest<Full<Bytes>>,
    http2::Connection<TokioIo<TcpStream>, Full<Bytes>, TokioExecutor>,
) {
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    http2::handshake(TokioExecutor::new(), stream).await.unwrap()
}

/// A request of ana's by HTTP/2.
pub(crate) fn http2_get(host: &str, target: &str) -> Request<Full<Bytes>> {
    let signing = Signing { method: "GET", target, host, body: b"", age_s: 0 };
    let mut request = Request::get(format!("http://{host}{target}"));
    for line in signing.headers(&Caller::ana()) {
        let (name, value) = line.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    request.body(Full::default()).unwrap()
}

/// A request with these lines in its head.
pub(crate) fn signed(
    caller: &Caller,
    host: &str,
    method: &str,
    target: &str,
    body: &[u8],
    lines: &[&str],
) -> Vec<u8> {
    let signing = Signing { method, target, host, body, age_s: 0 };
    let mut head = vec![format!("{method} {target} HTTP/1.1"), format!("host: {host}")];
    head.extend(signing.headers(caller));
    head.extend(lines.iter().map(|line| (*line).to_owned()));
    if !body.is_empty() {
        head.push(format!("content-length: {}", body.len()));
    }
    [head.join("\r\n").as_bytes(), b"\r\n\r\n", body].concat()
}

/// An answer, as far as it is looked at.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The value of a header, in lower case.
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(other, _)| *other == name).map_or("-", |(_, value)| value)
    }

    /// The type of the error, in lower case.
    pub(crate) fn error(&self) -> &str {
        self.header("x-amzn-errortype")
    }
}

/// How long an attack may take. None does, unless something hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Sends these bytes, and reads all answers until the connection is closed.
pub(crate) async fn talk(address: SocketAddr, request: &[u8]) -> Vec<Answer> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // Whoever refuses early may close before everything is sent.
    let _ = stream.write_all(request).await;
    answers(&read_to_end(&mut stream).await)
}

/// Reads up to the end of a head; whether there was one.
pub(crate) async fn read_head(stream: &mut TcpStream) -> bool {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => bytes.push(byte),
            Err(_) => return false,
        }
    }
    true
}

/// Everything that arrives until the other end closes the connection, in whatever way.
pub(crate) async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    if read.is_err() {
        panic!("the connection stays open after {:?}", String::from_utf8_lossy(&bytes));
    }
    bytes
}

/// The answers in these bytes.
pub(crate) fn answers(mut bytes: &[u8]) -> Vec<Answer> {
    let mut answers = Vec::new();
    while let Some((answer, rest)) = next_answer(bytes) {
        answers.push(answer);
        bytes = rest;
    }
    assert_eq!(bytes, b"", "what is no answer: {:?}", String::from_utf8_lossy(bytes));
    answers
}

fn next_answer(bytes: &[u8]) -> Option<(Answer, &[u8])> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let (head, rest) = bytes.split_at(end);
    let head = String::from_utf8(head.to_vec()).unwrap().to_ascii_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length = length.map(|length| length.parse().unwrap()).or_else(|| {
        let last = b"\r\n0\r\n\r\n";
        head.contains("transfer-encoding: chunked").then_some(())?;
        Some(rest.windows(last.len()).position(|window| window == last)? + last.len())
    });
    // An answer without a length ends with its connection.
    let length = length.unwrap_or(rest.len());
    let (body, rest) = rest.split_at_checked(length)?;
    Some((Answer { status, head, body: String::from_utf8_lossy(body).into_owned() }, rest))
}

/// Kind, flags and stream of the next frame of HTTP/2; `None` once the connection is closed.
pub(crate) async fn next_frame(stream: &mut TcpStream) -> Option<(u8, u8, u32)> {
    let read = async {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).await.ok()?;
        Some((head[3], head[4], u32::from_be_bytes([head[5], head[6], head[7], head[8]])))
    };
    let frame = tokio::time::timeout(PATIENCE, read).await;
    frame.unwrap_or_else(|_| panic!("nothing more arrives"))
}
