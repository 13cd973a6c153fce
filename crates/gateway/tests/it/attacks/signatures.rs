//! Signatures that were made for another request, by somebody else, or at another time.

use super::{Attacked, attacks, raw};

attacks! { "signatures.toml":
    times,
    swapped_parts,
    unsigned_headers_of_amazon,
    signed_headers,
    two_mechanisms,
    scopes,
    session_tokens,
    encodings_that_collide,
    presigned,
}

/// Where no route asks for a memory of what was signed, a request holds for as long as the clocks
/// may differ. Each time it is decided anew, and each time it has its line.
#[tokio::test]
async fn replays() {
    let attacked = Attacked::start().await;
    let request = raw::signed_get(&attacked.host(), "/prod/data/x");
    for _ in 0..3 {
        assert_eq!(raw::talk(attacked.gateway.address, &request).await[0].status, 200);
    }
    assert_eq!(attacked.upstream.seen().len(), 3);
    attacked.settle().await;
}

/// Where a route asks for it, a signature is good for one request: one after the other, at the same
/// time, in the query, and after a reload.
#[tokio::test]
async fn replays_where_each_counts_once() {
    let attacked = Attacked::start().await;
    let (address, host, ana) = (attacked.gateway.address, attacked.host(), raw::Caller::ana());
    let status = async |request: &[u8]| raw::talk(address, request).await[0].status;
    let request = raw::signed_get(&host, "/prod/data/once/x");
    assert_eq!(status(&request).await, 200);
    let again = raw::talk(address, &request).await.remove(0);
    assert_eq!((again.status, again.error()), (403, "invalidsignatureexception"));
    attacked.gateway.reload().await.unwrap();
    assert_eq!(status(&request).await, 403);

    let post = raw::signed(&ana, &host, "POST", "/prod/data/once/x", b"a", &["connection: close"]);
    let copies: Vec<_> = (0..8)
        .map(|_| {
            let post = post.clone();
            tokio::spawn(async move { raw::talk(address, &post).await[0].status })
        })
        .collect();
    let mut statuses = Vec::new();
    for copy in copies {
        statuses.push(copy.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 403, 403, 403, 403, 403, 403, 403]);

    let signing = raw::Signing {
        method: "GET",
        target: "/prod/data/once/y",
        host: &host,
        body: b"",
        age_s: 0,
    };
    let target = signing.presigned(&ana, 60);
    let presigned = format!("GET {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    assert_eq!(status(presigned.as_bytes()).await, 200);
    assert_eq!(status(presigned.as_bytes()).await, 403);

    // A request that is refused uses nothing up.
    let deny = raw::signed_get(&host, "/prod/data/secret");
    assert_eq!((status(&deny).await, status(&deny).await), (403, 403));
    assert_eq!(attacked.upstream.seen().len(), 3);
    attacked.settle().await;
}

/// Every byte of what is signed counts.
#[tokio::test]
async fn a_changed_byte() {
    let attacked = Attacked::start().await;
    let request = raw::signed_get(&attacked.host(), "/prod/data/xyz?a=b");
    let text = String::from_utf8(request.clone()).unwrap();
    let signature = text.find("Signature=").unwrap() + "Signature=".len();
    let date = text.find("x-amz-date: ").unwrap() + "x-amz-date: 20".len();
    let path = text.find("xyz").unwrap();
    let places = (signature..signature + 64).step_by(7).chain([date, path, path + 4, path + 6]);
    for place in places {
        let mut changed = request.clone();
        changed[place] = if changed[place] == b'1' { b'2' } else { b'1' };
        let answers = raw::talk(attacked.gateway.address, &changed).await;
        assert_eq!(answers[0].status, 403, "{}", String::from_utf8_lossy(&changed));
    }
    assert!(attacked.upstream.seen().is_empty());
    attacked.settle().await;
}

/// Whoever guesses learns nothing from the answer: wherever a signature is wrong, it is the same to
/// the byte. That it takes the same time is what `subtle` is for, which compares all of it; the
/// verifier has no other comparison, because a signature has no `PartialEq`.
#[tokio::test]
async fn timing() {
    let attacked = Attacked::start().await;
    let request = raw::signed_get(&attacked.host(), "/prod/data/x");
    let text = String::from_utf8(request.clone()).unwrap();
    let signature = text.find("Signature=").unwrap() + "Signature=".len();
    let mut answers = std::collections::BTreeSet::new();
    for place in signature..signature + 64 {
        let mut changed = request.clone();
        changed[place] = if changed[place] == b'1' { b'2' } else { b'1' };
        let answer = raw::talk(attacked.gateway.address, &changed).await.remove(0);
        assert_eq!(answer.status, 403);
        answers.insert(answer.body);
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(attacked.upstream.seen().is_empty());
    attacked.settle().await;
}
