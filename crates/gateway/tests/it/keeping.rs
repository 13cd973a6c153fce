//! Answers that are kept, and limits that are learned.

use bytes::Bytes;
use http::{HeaderValue, Request, Response};

use crate::support::{Answer, Running, Seen, Upstream, manifest};

const CREDENTIAL: &str = "secret = { file = \"secret\" }";

/// Answers with a number of its own each time, and the headers that the path asks for.
async fn counting(headers: &'static [(&'static str, &'static str)]) -> Upstream {
    let count = std::sync::atomic::AtomicUsize::new(0);
    Upstream::start(move |_: &Seen| {
        let number = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let mut response = Response::builder().status(200);
        for (name, value) in headers {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            response = response.header(*name, value);
        }
        response.body(Bytes::from(number.to_string())).unwrap()
    })
    .await
}

/// A method, a path, and headers.
type Call<'c> = (&'c str, &'c str, &'c [(&'c str, &'c str)]);

/// Makes the calls, and expects these numbers in the answers, and these words in the log.
async fn check(
    cache: &str,
    headers: &'static [(&'static str, &'static str)],
    calls: &[Call<'_>],
    expected: &[(&str, &str)],
) -> Vec<Answer> {
    let upstream = counting(headers).await;
    let route = format!("cache = {cache}");
    let url = format!("http://{}", upstream.address);
    let running = Running::start(&manifest(&url, &route, CREDENTIAL)).await;
    let mut answers = Vec::new();
    for (method, path, headers) in calls {
        let request = running.signed(method, path, headers, "");
        answers.push(running.send(request).await);
        // One after the other: an answer is kept when its last byte has passed.
        running.log(answers.len()).await;
    }
    let log = running.log(calls.len()).await;
    let told: Vec<(&str, &str)> = answers
        .iter()
        .zip(&log)
        .map(|(answer, line)| (answer.body.as_str(), line["cacheStatus"].as_str().unwrap()))
        .collect();
    assert_eq!(told, expected, "{cache} {headers:?}");
    answers
}

#[tokio::test]
async fn a_second_call_is_answered_from_the_cache() {
    let get = ("GET", "/prod/a?x=1", &[][..]);
    check("{}", &[], &[get, get], &[("0", "miss"), ("0", "hit")]).await;
    let other = ("GET", "/prod/a?x=2", &[][..]);
    check("{}", &[], &[get, other], &[("0", "miss"), ("1", "miss")]).await;
    check("{ parameters = [\"y\"] }", &[], &[get, other], &[("0", "miss"), ("0", "hit")]).await;
    let post = ("POST", "/prod/a?x=1", &[][..]);
    check("{}", &[], &[post, post], &[("0", "-"), ("1", "-")]).await;
}

#[tokio::test]
async fn an_answer_from_the_cache_is_dated_as_it_was() {
    let get = ("GET", "/prod/a", &[][..]);
    let hour_old = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1);
    let hour_old =
        jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&hour_old).unwrap();
    let headers = vec![("cache-control", "max-age=7200"), ("date", &*hour_old.leak())].leak();
    let answers = check("{}", headers, &[get, get], &[("0", "miss"), ("0", "hit")]).await;
    assert_eq!(answers[1].header("date"), answers[0].header("date"));
    assert!(answers[1].header("date").ends_with(" GMT"), "{answers:?}");
}

#[tokio::test]
async fn what_must_not_be_kept_is_not() {
    let get = ("GET", "/prod/a", &[][..]);
    let never = [("0", "miss"), ("1", "miss")];
    check("{}", &[("cache-control", "no-store")], &[get, get], &never).await;
    check("{}", &[("cache-control", "private, max-age=60")], &[get, get], &never).await;
    check("{}", &[("set-cookie", "a=b")], &[get, get], &never).await;
    check("{}", &[("vary", "*")], &[get, get], &never).await;
    // What cannot be read may say so.
    check("{}", &[("cache-control", "no-store, é")], &[get, get], &never).await;
    check("{}", &[("vary", "é, *")], &[get, get], &never).await;
    check("{ ttlS = 0 }", &[], &[get, get], &[("0", "-"), ("1", "-")]).await;
    check("{ entryBytesMax = 0 }", &[], &[get, get], &never).await;
}

#[tokio::test]
async fn what_is_kept_has_all_lines_of_its_headers() {
    let get = ("GET", "/prod/a", &[][..]);
    let links = &[("link", "<a>"), ("link", "<b>")][..];
    let answers = check("{}", links, &[get, get], &[("0", "miss"), ("0", "hit")]).await;
    for answer in answers {
        assert_eq!(answer.headers.get_all("link").iter().collect::<Vec<_>>(), ["<a>", "<b>"]);
    }
}

#[tokio::test]
async fn requests_are_alike_in_all_lines_of_a_header() {
    let german = ("GET", "/prod/a", &[("cookie", "a=1"), ("cookie", "lang=de")][..]);
    let french = ("GET", "/prod/a", &[("cookie", "a=1"), ("cookie", "lang=fr")][..]);
    let expected = [("0", "miss"), ("0", "hit"), ("1", "miss")];
    check("{}", &[("vary", "cookie")], &[german, german, french], &expected).await;
    let german = ("GET", "/prod/a", &[("accept-language", "en"), ("accept-language", "de")][..]);
    let french = ("GET", "/prod/a", &[("accept-language", "en"), ("accept-language", "fr")][..]);
    check("{}", &[("vary", "accept-language")], &[german, german, french], &expected).await;
}

#[tokio::test]
async fn an_answer_is_for_requests_that_are_alike() {
    let german = ("GET", "/prod/a", &[("accept-language", "de")][..]);
    let french = ("GET", "/prod/a", &[("accept-language", "fr")][..]);
    let varies = &[("vary", "accept-language")][..];
    check("{}", varies, &[german, german, french], &[("0", "miss"), ("0", "hit"), ("1", "miss")])
        .await;
    let by = "{ headers = [\"accept-language\"] }";
    let expected = [("0", "miss"), ("1", "miss"), ("0", "hit")];
    check(by, &[], &[german, french, german], &expected).await;
}

#[tokio::test]
async fn a_caller_that_may_has_an_answer_renewed() {
    let get = ("GET", "/prod/a", &[][..]);
    let fresh = ("GET", "/prod/a", &[("cache-control", "max-age=0")][..]);
    let expected = [("0", "miss"), ("1", "miss"), ("1", "hit")];
    check("{}", &[], &[get, fresh, get], &expected).await;
    // This principal may invoke, and not invalidate.
    let (get, fresh) = (("GET", "/prod/narrow", get.2), ("GET", "/prod/narrow", fresh.2));
    let answers = check("{}", &[], &[get, fresh], &[("0", "miss"), ("0", "hit")]).await;
    assert!(answers[1].header("warning").starts_with("199 Cache-control"), "{answers:?}");
}

#[tokio::test]
async fn callers_have_caches_of_their_own_unless_they_share() {
    for (cache, expected) in [("{}", "1"), ("{ shared = true }", "0")] {
        let upstream = counting(&[]).await;
        let url = format!("http://{}", upstream.address);
        let route = format!("cache = {cache}");
        let running = Running::start(&manifest(&url, &route, CREDENTIAL)).await;
        assert_eq!(running.call("GET", "/prod/a").await.body, "0");
        running.log(1).await;
        assert_eq!(running.call_as_ana("GET", "/prod/a").await.body, expected);
    }
}

#[tokio::test]
async fn a_decision_is_made_for_what_is_kept_too() {
    let upstream = counting(&[]).await;
    let url = format!("http://{}", upstream.address);
    let manifest = manifest(&url, "cache = { shared = true }", CREDENTIAL);
    let running = Running::start(&manifest).await;
    assert_eq!(running.call("GET", "/prod/a").await.body, "0");
    running.log(1).await;
    running.write("policies/all.json", "{\"Version\": \"2012-10-17\", \"Statement\": []}");
    running.reload().await.unwrap();
    assert_eq!(running.call("GET", "/prod/a").await.status, 403);
}

#[tokio::test]
async fn requests_are_held_back_while_nothing_is_left() {
    let headers = &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "600")][..];
    let upstream = counting(headers).await;
    let url = format!("http://{}", upstream.address);
    let running = Running::start(&manifest(&url, "learnQuota = true", CREDENTIAL)).await;
    assert_eq!(running.call("GET", "/prod/a").await.status, 200);
    let held = running.call("GET", "/prod/a").await;
    assert_eq!(held.status, 429);
    assert_eq!(held.body, "{\"message\":\"Too Many Requests\"}");
    let wait: u32 = held.header("retry-after").parse().unwrap();
    assert!((590..=600).contains(&wait), "{wait}");
    assert_eq!(upstream.seen().len(), 1);
    // What is left is remembered over a reload.
    running.reload().await.unwrap();
    running.call("GET", "/prod/a").await;
    let count = upstream.seen().len();
    assert!(count <= 2, "{count}");
}

/// Two routes with one credential, each caller by one of them: the third party sees one rate.
#[tokio::test]
async fn a_credential_has_one_limit_for_all_routes_and_callers() {
    let upstream = counting(&[]).await;
    let url = format!("http://{}", upstream.address);
    let other = "[[api.route]]\npath = \"/b/{proxy+}\"\nupstream = \"third\"\n\
                 credential = \"third-party\"";
    let limited = format!("{CREDENTIAL}\nthrottle = {{ rate = 0.001, burst = 2 }}");
    let running = Running::start(&manifest(&url, other, &limited)).await;
    assert_eq!(running.call("GET", "/prod/a").await.status, 200);
    assert_eq!(running.call_as_ana("GET", "/prod/b/c").await.status, 200);
    let held = running.call("GET", "/prod/b/c").await;
    assert_eq!((held.status, held.body.as_str()), (429, "{\"message\":\"Too Many Requests\"}"));
    let wait: u32 = held.header("retry-after").parse().unwrap();
    assert!((990..=1000).contains(&wait), "{wait}");
    // What was taken stays taken over a reload.
    running.reload().await.unwrap();
    assert_eq!(running.call_as_ana("GET", "/prod/a").await.status, 429);
    assert_eq!(upstream.seen().len(), 2);
    let lines = running.log(4).await;
    assert!(lines[2..].iter().all(|line| line["errorType"] == "THROTTLED"), "{lines:#?}");
}

#[tokio::test]
async fn nothing_is_kept_for_longer_than_an_hour() {
    let refused =
        Running::refused(&manifest("http://127.0.0.1:9", "cache = { ttlS = 3601 }", CREDENTIAL))
            .await;
    assert!(refused.contains("expected at most 3600 seconds, found 3601"), "{refused}");
    let long = &[("cache-control", "max-age=7200"), ("age", "3600")][..];
    let get = ("GET", "/prod/a", &[][..]);
    check("{}", long, &[get, get], &[("0", "miss"), ("0", "hit")]).await;
    let old = &[("cache-control", "max-age=7200"), ("age", "7200")][..];
    check("{}", old, &[get, get], &[("0", "miss"), ("1", "miss")]).await;
}

#[tokio::test]
async fn what_is_counted_is_on_a_page_without_any_secret() {
    let upstream = counting(&[]).await;
    let url = format!("http://{}", upstream.address);
    let running = Running::start(&manifest(&url, "cache = {}", CREDENTIAL)).await;
    for method in ["GET", "GET", "BREW"] {
        running.call(method, "/prod/a").await;
    }
    let unsigned = format!("http://{}/prod/a", running.address);
    running.send(Request::get(unsigned).body(Bytes::new()).unwrap()).await;
    running.log(4).await;
    let metrics = running.page("/metrics").await.body;
    let of = |name: &str, method: &str, value: u32| {
        let labels = format!("api=\"a1b2c3d4e5\",stage=\"prod\",method=\"{method}\"");
        format!("apigateway_{name}{{{labels},resource=\"/{{proxy+}}\"}} {value}\n")
    };
    for expected in [
        of("Count_total", "GET", 3),
        of("Count_total", "OTHER", 1),
        of("4XXError_total", "GET", 1),
        of("5XXError_total", "GET", 0),
        of("Latency_count", "GET", 3),
        of("IntegrationLatency_count", "GET", 1),
        of("CacheHitCount_total", "GET", 1),
        of("CacheMissCount_total", "GET", 1),
        "tollgate_log_lines_lost 0".to_owned(),
        "tollgate_secret_usable_seconds{credential=\"third-party\"} 3".to_owned(),
    ] {
        assert!(metrics.contains(&expected), "`{expected}` in\n{metrics}");
    }
    let config = running.page("/config").await.body;
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    assert_eq!(config["credentials"][0]["secret"]["source"], "file");
    assert!(!format!("{metrics}{config}").contains(crate::support::SECRET));
}
