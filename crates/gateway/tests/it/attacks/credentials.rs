//! The secret: what a caller puts in its place, and ways in which it could come back.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use bytes::Bytes;
use http::Response;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Attacked, attacks, fixtures, raw, start_gateway};
use crate::support::{SECRET, surroundings};
use tollgate_gateway::Snapshot;
use tollgate_store::Files;

attacks! { "credentials.toml":
    headers_of_the_caller,
    variants_of_what_is_injected,
    headers_that_are_nominated,
    parameters_of_the_caller,
    unsigned_routes,
}

/// The secret as an upstream could write it.
fn forms() -> Vec<String> {
    let hex: String = SECRET.bytes().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = SECRET.bytes().map(|byte| format!("%{byte:02X}")).collect();
    vec![
        SECRET.to_owned(),
        format!("token {SECRET}"),
        hex.to_uppercase(),
        hex,
        STANDARD.encode(SECRET),
        STANDARD.encode(format!("a{SECRET}z")),
        URL_SAFE.encode(format!("ab{SECRET}")),
        SECRET.replace('-', "%2D").replace('_', "%5F"),
        SECRET.replace('-', "%2d").replace('_', "%5f"),
        percent.to_lowercase(),
        percent,
    ]
}

/// Forms that only a header is searched for.
fn forms_in_headers() -> Vec<String> {
    let some = [SECRET.replace('-', "%2D"), SECRET.replace('g', "%67").replace('_', "%5f")];
    forms().into_iter().chain(some).collect()
}

/// Whatever form comes back in a header, it is not passed on.
#[tokio::test]
async fn reflections_in_headers() {
    let reflect = |seen: &crate::support::Seen| {
        let form = forms_in_headers().swap_remove(seen.target["/data/".len()..].parse().unwrap());
        Response::builder()
            .header("x-reflected", format!("<{form}>"))
            .header("www-authenticate", format!("Basic realm=\"{form}\""))
            .body(Bytes::new())
            .unwrap()
    };
    let attacked = Attacked::start_with(reflect, |it| it).await;
    for (index, form) in forms_in_headers().iter().enumerate() {
        let request = raw::signed_get(&attacked.host(), &format!("/prod/data/{index}"));
        let answer = raw::talk(attacked.gateway.address, &request).await.remove(0);
        assert_eq!(answer.status, 200);
        // Heads are compared in lower case.
        assert!(!answer.head.contains(&form.to_ascii_lowercase()), "{form}: {}", answer.head);
        assert!(answer.header("x-reflected").contains('*'), "{form}: {}", answer.head);
    }
    attacked.settle().await;
}

/// Nor in a body, on a route that asks for it.
#[tokio::test]
async fn reflections_in_bodies() {
    let reflect = |_: &crate::support::Seen| {
        let all = forms().join("\n");
        Response::new(Bytes::from(format!("<{all}>")))
    };
    let attacked = Attacked::start_with(reflect, |it| it).await;
    let request = raw::signed_get(&attacked.host(), "/prod/data/scrubbed/x");
    let answer = raw::talk(attacked.gateway.address, &request).await.remove(0);
    assert_eq!(answer.status, 200);
    for form in forms() {
        assert!(!answer.body.contains(&form), "{form}: {}", answer.body);
    }
    attacked.settle().await;
}

/// An upstream that answers every request with these bytes, and then closes the connection.
async fn answering(bytes: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(bytes.as_bytes()).await.unwrap();
        }
    });
    address
}

/// Nor in what nobody looks at: the phrase behind the status, the names of headers, and the headers
/// behind a body, which HTTP/2 passes on unasked.
#[tokio::test]
async fn reflections_beside_headers_and_bodies() {
    let hex: String = SECRET.bytes().map(|byte| format!("{byte:02X}")).collect();
    let upstream = answering(format!(
        "HTTP/1.1 200 {SECRET}\r\nx-{SECRET}: 1\r\nX-{hex}: 1\r\nx-other: 1\r\n\
         trailer: x-behind, x-{SECRET}\r\ntransfer-encoding: chunked\r\n\r\n\
         2\r\nab\r\n0\r\nx-behind: {SECRET}\r\nx-{SECRET}: 1\r\n\r\n"
    ))
    .await;
    let gateway = start_gateway(&upstream, |it| it).await;
    let host = gateway.address.to_string();
    let ana = raw::Caller::ana();
    let lines = ["te: trailers", "connection: te, close"];
    let request = raw::signed(&ana, &host, "GET", "/prod/data/x", b"", &lines);
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    stream.write_all(&request).await.unwrap();
    let answer = raw::read_to_end(&mut stream).await.to_ascii_lowercase();
    let answer = String::from_utf8(answer).unwrap();
    for text in [SECRET, &hex.to_ascii_lowercase(), "x-behind"] {
        assert!(!answer.contains(text), "{text}: {answer}");
    }
    assert!(answer.contains("x-other: 1") && answer.contains("ab"), "{answer}");

    let (mut sender, connection) = raw::http2(gateway.address).await;
    tokio::spawn(connection);
    let mut request = raw::http2_get(&host, "/prod/data/x");
    request.headers_mut().insert("te", "trailers".parse().unwrap());
    let (head, body) = sender.send_request(request).await.unwrap().into_parts();
    assert_eq!(head.headers["x-other"], "1");
    assert!(!format!("{:?}", head.headers).contains(SECRET), "{:?}", head.headers);
    let body = body.collect().await.unwrap();
    assert_eq!(body.trailers(), None);
    assert_eq!(body.to_bytes(), "ab");
}

/// A redirect is the caller's to follow, and tells it nothing.
#[tokio::test]
async fn redirects() {
    let redirect = |seen: &crate::support::Seen| {
        let location = format!("http://{}{}&again", "127.0.0.1:9", seen.target);
        Response::builder().status(302).header("location", location).body(Bytes::new()).unwrap()
    };
    let attacked = Attacked::start_with(redirect, |it| it).await;
    let request = raw::signed_get(&attacked.host(), "/prod/data/query/x?a=b");
    let answer = raw::talk(attacked.gateway.address, &request).await.remove(0);
    assert_eq!(answer.status, 302);
    let stars = "*".repeat(SECRET.len());
    let expected = format!("http://127.0.0.1:9/data/query/x?a=b&key={stars}&again");
    assert_eq!(answer.header("location"), expected);
    assert_eq!(attacked.upstream.seen().len(), 1);
    attacked.settle().await;
}

/// An upstream that cannot be reached, whose URL would hold the secret.
#[tokio::test]
async fn errors() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    drop(nobody);
    let gateway = start_gateway(&address, |manifest| {
        manifest
            .replace("header = { name = \"x-api-key\" }", "basic = { username = \"u\" }")
            .replace(&format!("http://{address}"), &format!("http://{address}/{{secret}}"))
            .replace(
                "header = { name = \"authorization\", format = \"token {secret}\" }",
                "path = {}",
            )
            .replace("inject   = { path = {} }", "inject   = \"path\"")
    })
    .await;
    for target in ["/prod/data/x", "/prod/data/query/x", "/prod/data/key/x"] {
        let request = raw::signed_get(&gateway.address.to_string(), target);
        let answer = raw::talk(gateway.address, &request).await.remove(0);
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (502, "{\"message\":\"Internal server error\"}")
        );
    }
    let log = serde_json::to_string(&gateway.log(3).await).unwrap();
    for form in forms() {
        assert!(!log.contains(&form), "{log}");
    }
}

/// A secret with the end of a line in it would be a header of its own.
#[tokio::test]
async fn line_ends_in_a_secret() {
    for secret in ["evil\r\nx-evil: 1", "evil\nx", "evil\rx", "evil\0x"] {
        let folder = tempfile::tempdir().unwrap();
        let manifest = std::fs::read_to_string(fixtures().join("tollgate.toml")).unwrap();
        let manifest = manifest.replace("{upstream}", "127.0.0.1:9").replace("identities = ", "# ");
        let path = folder.path().join("tollgate.toml");
        std::fs::write(&path, manifest).unwrap();
        std::fs::create_dir(folder.path().join("policies")).unwrap();
        let policy = "policies/data.json";
        std::fs::copy(fixtures().join(policy), folder.path().join(policy)).unwrap();
        let mut surroundings = surroundings();
        surroundings.environment = std::sync::Arc::new(move |_| Some(secret.to_owned()));
        let snapshot = Snapshot::read(&Files, &path, &surroundings, None).unwrap();
        let refused = snapshot.read_secrets().await.unwrap_err().to_string();
        assert!(refused.contains("credential `token`"), "{refused}");
        assert!(!refused.contains("evil"), "{refused}");
    }
}
