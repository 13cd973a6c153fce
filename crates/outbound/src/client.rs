//! HTTP/1.1 with limits: TLS unless the other side is this machine, one deadline for everything, a
//! largest answer, no redirects.

use std::error::Error;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use zeroize::Zeroizing;

use crate::error::CallError;

/// The largest answer. What is called from here answers with far less.
const ANSWER_MAX: usize = 1024 * 1024;

/// How long a connection is kept for the next call.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// Makes calls, and keeps connections for the next.
#[derive(Clone)]
pub struct Client {
    inner: hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    deadline: Duration,
}

/// A whole answer. Its body is wiped when it is dropped.
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Zeroizing<Vec<u8>>,
}

/// To whom a call may go without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlainHttp {
    /// To this machine: `localhost` and the loopback addresses.
    Loopback,
    /// Also to the link-local addresses at which platforms hand out credentials.
    Metadata,
    /// To anyone, who may then be someone else. For development in containers.
    DangerAnywhere,
}

impl Client {
    /// A client that trusts the system's certificate authorities, or those that `SSL_CERT_FILE`
    /// names. Each call has `deadline` from the first byte to the last.
    ///
    /// # Errors
    /// No authority could be read.
    pub fn with_native_roots(deadline: Duration) -> Result<Client, CallError> {
        Client::new(native_roots()?, deadline)
    }

    /// A client that trusts the authorities of a PEM file, and no others.
    ///
    /// # Errors
    /// There is no certificate in the text.
    pub fn with_roots_in_pem(pem: &[u8], deadline: Duration) -> Result<Client, CallError> {
        Client::new(roots_in_pem(pem)?, deadline)
    }

    /// A client that trusts these authorities.
    ///
    /// # Errors
    /// The cryptographic library does not offer what TLS needs.
    pub fn new(roots: RootCertStore, deadline: Duration) -> Result<Client, CallError> {
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| CallError::misconfigured(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(deadline));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let inner = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_MAX)
            .build(connector);
        Ok(Client { inner, deadline })
    }

    /// Makes one call.
    ///
    /// # Errors
    /// The address must not be called without TLS, the other side cannot be reached, does not
    /// answer in time, or answers with more than 1 MiB. Every status is an answer.
    pub async fn call(
        &self,
        request: Request<Bytes>,
        plain: PlainHttp,
    ) -> Result<Answer, CallError> {
        plain.check(request.uri())?;
        let called = place(request.uri());
        tokio::time::timeout(self.deadline, self.exchange(request.map(Full::new)))
            .await
            .unwrap_or_else(|_| {
                let seconds = self.deadline.as_secs_f32();
                Err(CallError::unavailable(format!("no answer within {seconds} s")))
            })
            .map_err(|error| error.of(format_args!("`{called}`")))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, CallError> {
        let response = self.inner.request(request).await.map_err(|error| unreachable(&error))?;
        let (parts, body) = response.into_parts();
        let body = gather(body).await?;
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }
}

/// The system's certificate authorities, or those that `SSL_CERT_FILE` names.
///
/// # Errors
/// None could be read.
pub fn native_roots() -> Result<RootCertStore, CallError> {
    let loaded = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(loaded.certs);
    if roots.is_empty() {
        let why = loaded.errors.first().map_or("there are none".to_owned(), ToString::to_string);
        let message = format!("no certificate authority of the system can be read: {why}");
        return Err(CallError::misconfigured(message));
    }
    Ok(roots)
}

/// The authorities of a PEM text.
///
/// # Errors
/// There is no certificate in it.
pub fn roots_in_pem(pem: &[u8]) -> Result<RootCertStore, CallError> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem).flatten().collect();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates);
    if roots.is_empty() {
        return Err(CallError::misconfigured("expected certificates in PEM, found none"));
    }
    Ok(roots)
}

/// The whole body, in one place that can be wiped.
async fn gather(mut body: Incoming) -> Result<Zeroizing<Vec<u8>>, CallError> {
    let mut whole = Zeroizing::new(Vec::with_capacity(16 * 1024));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| unreachable(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > ANSWER_MAX {
            return Err(CallError::unavailable("the answer is longer than 1 MiB"));
        }
        if whole.capacity() - whole.len() < data.len() {
            // A vector that grows by itself leaves its contents behind.
            let mut larger = Zeroizing::new(Vec::with_capacity(2 * (whole.len() + data.len())));
            larger.extend_from_slice(&whole);
            whole = larger;
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole)
}

impl PlainHttp {
    /// Whether this address may be called.
    ///
    /// # Errors
    /// It is neither `https` nor an `http` address that these rules allow.
    pub fn check(self, uri: &Uri) -> Result<(), CallError> {
        let host = uri.host().unwrap_or_default();
        let allowed = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => self.allows(host),
            _ => false,
        };
        if allowed && !host.is_empty() {
            return Ok(());
        }
        let message = format!("expected an `https` address, found `{}`", place(uri));
        Err(CallError::misconfigured(message))
    }

    fn allows(self, host: &str) -> bool {
        let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
        let is_loopback =
            host == "localhost" || address.is_some_and(|address| address.is_loopback());
        match self {
            PlainHttp::Loopback => is_loopback,
            PlainHttp::Metadata => is_loopback || address.is_some_and(hands_out_credentials),
            PlainHttp::DangerAnywhere => true,
        }
    }
}

/// The addresses of instance metadata, of the container agents of ECS and EKS, in both families.
fn hands_out_credentials(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            matches!(address.octets(), [169, 254, 169, 254] | [169, 254, 170, 2 | 23])
        }
        IpAddr::V6(address) => {
            matches!(address.segments(), [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254 | 0x23])
        }
    }
}

/// An address without its query, which may hold what nobody should read.
fn place(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or_default();
    let authority = uri.authority().map_or("", |authority| {
        // Without user and password, if somebody wrote them.
        authority.as_str().rsplit('@').next().unwrap_or_default()
    });
    format!("{scheme}://{authority}{}", uri.path())
}

/// The innermost reason, which is the one that says something: `Connection refused`.
fn unreachable(error: &dyn Error) -> CallError {
    let mut reason = error;
    while let Some(inner) = reason.source() {
        reason = inner;
    }
    CallError::unavailable(reason.to_string())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[track_caller]
    fn check(plain: PlainHttp, address: &str, expected: Result<(), &str>) {
        let actual = plain.check(&address.parse().unwrap()).map_err(|error| error.message);
        assert_eq!(actual, expected.map_err(str::to_owned), "{address}");
    }

    #[test]
    fn tls_is_asked_of_every_other_machine() {
        for plain in [PlainHttp::Loopback, PlainHttp::Metadata, PlainHttp::DangerAnywhere] {
            check(plain, "https://vault.example/v1", Ok(()));
            check(plain, "http://127.0.0.1:8200/v1", Ok(()));
            check(plain, "http://[::1]:8200/v1", Ok(()));
            check(plain, "http://localhost:8200", Ok(()));
            check(
                plain,
                "ftp://localhost/",
                Err("expected an `https` address, found `ftp://localhost/`"),
            );
            check(plain, "/v1", Err("expected an `https` address, found `:///v1`"));
        }
        check(PlainHttp::DangerAnywhere, "http://vault:8200/", Ok(()));
        let refused = Err("expected an `https` address, found `http://vault:8200/v1`");
        check(PlainHttp::Loopback, "http://vault:8200/v1", refused);
        check(PlainHttp::Metadata, "http://vault:8200/v1", refused);
    }

    #[test]
    fn metadata_is_asked_at_its_own_addresses_alone() {
        for address in [
            "169.254.169.254",
            "169.254.170.2",
            "169.254.170.23",
            "[fd00:ec2::254]",
            "[fd00:ec2::23]",
        ] {
            let uri: Uri = format!("http://{address}/").parse().unwrap();
            assert_eq!(PlainHttp::Metadata.check(&uri), Ok(()), "{address}");
            assert!(PlainHttp::Loopback.check(&uri).is_err(), "{address}");
        }
        let elsewhere: Uri = "http://169.254.1.1/".parse().unwrap();
        assert!(PlainHttp::Metadata.check(&elsewhere).is_err());
    }

    #[test]
    fn a_place_shows_no_password_and_no_query() {
        check(
            PlainHttp::Loopback,
            "http://ana:vanilla@vault:8200/v1?token=vanilla",
            Err("expected an `https` address, found `http://vault:8200/v1`"),
        );
    }

    /// Calls a server that answers with these bytes and closes.
    async fn answered(bytes: Vec<u8>, deadline: Duration) -> Result<Answer, CallError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(&bytes).await;
            if bytes.is_empty() {
                std::future::pending::<()>().await;
            }
        });
        let client = Client::new(RootCertStore::empty(), deadline).unwrap();
        let request = Request::get(format!("http://127.0.0.1:{port}/here?secret=vanilla"));
        let request = request.body(Bytes::new()).unwrap();
        client.call(request, PlainHttp::Loopback).await.map_err(|error| {
            let message = error.message.replace(&port.to_string(), "PORT");
            CallError { message, ..error }
        })
    }

    const PATIENT: Duration = Duration::from_secs(20);

    fn failed(answer: Result<Answer, CallError>) -> String {
        answer.err().unwrap().message
    }

    #[tokio::test]
    async fn an_answer_comes_whole() {
        let body = vec![b'x'; 100_000];
        let head =
            format!("HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: {}\r\n\r\n", body.len());
        let answer = answered([head.as_bytes(), &body].concat(), PATIENT).await.unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (StatusCode::FOUND, body.as_slice()));
    }

    #[tokio::test]
    async fn a_call_ends_at_its_deadline() {
        let message = failed(answered(Vec::new(), Duration::from_millis(50)).await);
        assert_eq!(message, "`http://127.0.0.1:PORT/here`: no answer within 0.05 s");
    }

    #[tokio::test]
    async fn an_endless_answer_is_cut() {
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 9000000\r\n\r\n";
        let message =
            failed(answered([head.as_slice(), &vec![b'x'; 2_000_000]].concat(), PATIENT).await);
        assert_eq!(message, "`http://127.0.0.1:PORT/here`: the answer is longer than 1 MiB");
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_is_a_failure() {
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nvanil";
        let message = failed(answered(head.to_vec(), PATIENT).await);
        assert!(!message.contains("vanil"), "{message}");
    }

    #[tokio::test]
    async fn nobody_there_is_said() {
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let client = Client::new(RootCertStore::empty(), PATIENT).unwrap();
        let request = Request::get(format!("http://127.0.0.1:{port}/")).body(Bytes::new()).unwrap();
        let error = client.call(request, PlainHttp::Loopback).await.err().unwrap();
        assert_eq!(
            error.message,
            format!("`http://127.0.0.1:{port}/`: Connection refused (os error 111)")
        );
    }
}
