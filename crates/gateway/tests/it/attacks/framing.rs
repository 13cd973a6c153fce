//! Requests whose end two servers could see at different places.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{Attacked, attacks, raw};

attacks! { "framing.toml":
    content_length_and_transfer_encoding,
    transfer_encoding_and_content_length,
    transfer_encodings,
    content_lengths,
    line_feeds_alone,
    folded_headers,
    headers_that_are_none,
    chunks,
    trailers,
    upgrades,
    versions,
    bodies_of_refused_requests,
    pipelines,
}

/// A refusal before the body has been read: whenever the rest of it arrives, and whatever it looks
/// like, it is no request. What follows it is one, unless the gateway has closed the connection.
#[tokio::test]
async fn early_answers() {
    let limit = "[gateway]\nlimits = { bodyBytesMax = 64 }";
    let attacked = Attacked::start_with(
        |_| http::Response::new(bytes::Bytes::new()),
        |manifest| manifest.replace("[gateway]", limit),
    )
    .await;
    let (host, ana) = (attacked.host(), raw::Caller::ana());
    let hidden = raw::signed_get(&host, "/prod/data/hidden");
    let next = raw::signed_get(&host, "/prod/data/next");
    let post = |path: &str, lines: &[&str]| raw::signed(&ana, &host, "POST", path, &hidden, lines);
    let another_hash = format!("x-amz-content-sha256: {}", "0".repeat(64));
    let refused = [
        (post("/prod/data/x", &[]), 413),
        (post("/prod/data/x", &[&another_hash]), 413),
        (post("/nowhere/data/x", &[]), 403),
        (post("/prod/data/x", &["x-http-method-override: GET"]), 400),
    ];
    for (request, status) in refused {
        let head = request.len() - hidden.len();
        for (first, pause_ms) in [(request.len(), 0), (head, 0), (head, 50), (head + 9, 50)] {
            let mut stream = TcpStream::connect(attacked.gateway.address).await.unwrap();
            let (first, rest) = request.split_at(first);
            stream.write_all(first).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(pause_ms)).await;
            // The gateway may have closed the connection; who still sends may not see its answer.
            let _ = stream.write_all(&[rest, &next].concat()).await;
            let bytes = raw::read_to_end(&mut stream).await;
            let statuses: Vec<u16> = raw::answers(&bytes).iter().map(|it| it.status).collect();
            let all = [status, 200];
            assert!(all.starts_with(&statuses), "expected {all:?}, found {statuses:?}");
        }
    }
    assert!(attacked.upstream.seen().iter().all(|seen| seen.target == "/data/next"));
    attacked.settle().await;
}
