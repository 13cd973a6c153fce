//! Answers that are kept: for whom, and of which requests.

use bytes::Bytes;
use http::Response;

use super::{Attacked, attacks, raw};

attacks! { "cache.toml":
    answers_of_other_callers,
    answers_for_nobody,
    poison_in_a_body,
    poison_in_a_parameter,
    poison_in_a_head,
    keys_that_collide,
}

/// What was allowed when it was kept may be denied now.
#[tokio::test]
async fn a_deny_that_comes_later() {
    let attacked = Attacked::start().await;
    let request = raw::signed_get(&attacked.host(), "/prod/data/own/x");
    let status = async || raw::talk(attacked.gateway.address, &request).await[0].status;
    assert_eq!((status().await, status().await), (200, 200));
    assert_eq!(attacked.upstream.seen().len(), 1, "the second answer is a kept one");
    let policy = attacked.gateway.read("policies/data.json");
    attacked.gateway.write("policies/data.json", &policy.replace("/data/secret*", "/data/own*"));
    attacked.gateway.reload().await.unwrap();
    assert_eq!(status().await, 403);
    attacked.gateway.write("policies/data.json", &policy);
    attacked.gateway.reload().await.unwrap();
    assert_eq!(status().await, 200);
    assert_eq!(attacked.upstream.seen().len(), 1);
    attacked.settle().await;
}

/// What an upstream gives one caller alone, it says so; and nothing of it is kept for another.
#[tokio::test]
async fn answers_that_are_personal() {
    for (name, value) in [
        ("set-cookie", "session=ana"),
        ("cache-control", "private"),
        ("cache-control", "no-store"),
        ("cache-control", "max-age=60, No-Store"),
        ("vary", "*"),
    ] {
        let answer =
            move |_: &_| Response::builder().header(name, value).body(Bytes::new()).unwrap();
        let attacked = Attacked::start_with(answer, |it| it).await;
        for caller in ["ana", "session"] {
            let (caller, close) = (raw::Caller::named(caller), ["connection: close"]);
            let target = "/prod/data/shared/x";
            let request = raw::signed(&caller, &attacked.host(), "GET", target, b"", &close);
            assert_eq!(raw::talk(attacked.gateway.address, &request).await[0].status, 200);
        }
        assert_eq!(attacked.upstream.seen().len(), 2, "{name}: {value}");
        attacked.settle().await;
    }
}
