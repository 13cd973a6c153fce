//! A second computation of the example's numbers: plain Rust over the lines' JSON. It shares no
//! code with the analyzer, decides by hand-written rules instead of policies, and keeps every
//! value instead of a histogram.

mod advice;
mod cache;
mod forecast;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The example's requests, counted the simple way.
pub(crate) struct Independent {
    lines: u64,
    blank: u64,
    damaged: u64,
    requests: Vec<Value>,
}

impl Independent {
    /// Reads the lines of all files, in two of which quotation marks were not escaped.
    pub(crate) fn count(texts: &[Vec<u8>]) -> Independent {
        let mut counted = Independent { lines: 0, blank: 0, damaged: 0, requests: Vec::new() };
        for line in
            texts.iter().flat_map(|text| text.strip_suffix(b"\n").unwrap().split(|&b| b == b'\n'))
        {
            counted.lines += 1;
            let text = String::from_utf8_lossy(line);
            let text = text.replace("python-\"requests\"/", "python-\\\"requests\\\"/");
            match serde_json::from_str(&text) {
                Ok(request) => counted.requests.push(request),
                Err(_) if line.is_empty() => counted.blank += 1,
                Err(_) => counted.damaged += 1,
            }
        }
        counted
    }

    pub(crate) fn check_lines(&self, lines: &Value) {
        let number = |name: &str| lines[name].as_u64().unwrap();
        assert_eq!(number("total"), self.lines);
        assert_eq!(number("parsed"), self.requests.len() as u64 - 2);
        assert_eq!(number("recovered"), 2);
        assert_eq!((number("quarantined"), number("blank")), (self.damaged, self.blank));
        assert_eq!(number("control"), 0);
    }

    pub(crate) fn check_usage(&self, usage: &Value) {
        assert_eq!(usage["requests"], self.requests.len());
        let times: Vec<u64> = self.requests.iter().map(time).collect();
        assert_eq!(millis(&usage["first"]), *times.iter().min().unwrap());
        assert_eq!(millis(&usage["last"]), *times.iter().max().unwrap());
        assert_eq!(counts(&usage["callers"], "caller"), self.by(caller));
        self.check_principals(usage["principals"].as_array().unwrap());
        assert_eq!(counts(&usage["statuses"], "status"), self.by(|r| text(r, "status").to_owned()));
        self.check_series(usage);
        self.check_routes(usage["routes"].as_array().unwrap());
    }

    fn check_principals(&self, principals: &[Value]) {
        let mut expected: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
        for request in &self.requests {
            expected.entry(role(request)).or_default().push(request);
        }
        assert_eq!(principals.len(), expected.len());
        for reported in principals {
            let name = reported["principal"].as_str().unwrap();
            let requests = expected.get(name).expect(name);
            check_counts(reported, requests, name);
            let callers: BTreeSet<String> =
                requests.iter().map(|request| caller(request)).collect();
            let sessions = name.contains(":role/").then_some(callers.len() as u64);
            assert_eq!(reported["sessions"].as_u64(), sessions, "{name}");
        }
    }

    fn check_series(&self, usage: &Value) {
        let width = usage["intervalSeconds"].as_u64().unwrap() * 1000;
        for (name, statuses) in [
            ("requests", 0..=999),
            ("clientErrors", 400..=499),
            ("throttled", 429..=429),
            ("failed", 500..=999),
        ] {
            let mut expected: BTreeMap<u64, u64> = BTreeMap::new();
            for request in &self.requests {
                let status: u16 = text(request, "status").parse().unwrap();
                let start = time(request) / width * width;
                *expected.entry(start).or_default() += u64::from(statuses.contains(&status));
            }
            let points = usage["series"].as_array().unwrap().iter();
            let told = points.map(|point| (millis(&point["start"]), point[name].as_u64().unwrap()));
            assert_eq!(told.collect::<BTreeMap<_, _>>(), expected, "{name}");
        }
    }

    fn check_routes(&self, routes: &[Value]) {
        let mut latencies: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for request in &self.requests {
            let latency = text(request, "responseLatency").parse().unwrap();
            latencies.entry(route(request)).or_default().push(latency);
        }
        assert_eq!(routes.len(), latencies.len());
        for reported in routes {
            let name = format!(
                "{} {}",
                reported["method"].as_str().unwrap(),
                reported["route"].as_str().unwrap()
            );
            let latencies = latencies.get(&name).expect(&name);
            assert_eq!(reported["requests"], latencies.len(), "{name}");
            check_percentiles(reported, latencies.clone(), &name);
        }
    }

    /// Groups by role and status, by network, and by agent and method.
    pub(crate) fn check_breakdowns(&self, breakdowns: &[Value]) {
        let by: Vec<String> = breakdowns.iter().map(|each| each["by"].to_string()).collect();
        assert_eq!(by, [r#"["role","status"]"#, r#"["network"]"#, r#"["agent","method"]"#]);
        let keys: [fn(&Value) -> Vec<String>; 3] = [
            |request| vec![role(request), text(request, "status").to_owned()],
            |request| vec![network(request)],
            |request| vec![agent(request), text(request, "httpMethod").to_owned()],
        ];
        for (breakdown, key) in breakdowns.iter().zip(keys) {
            self.check_breakdown(breakdown["groups"].as_array().unwrap(), key);
            assert_eq!(breakdown["groupCount"], breakdown["groups"].as_array().unwrap().len());
        }
    }

    fn check_breakdown(&self, groups: &[Value], key: impl Fn(&Value) -> Vec<String>) {
        let mut expected: BTreeMap<Vec<String>, Vec<&Value>> = BTreeMap::new();
        for request in &self.requests {
            expected.entry(key(request)).or_default().push(request);
        }
        assert_eq!(groups.len(), expected.len());
        for group in groups {
            let values = group["values"].as_array().unwrap().iter();
            let values: Vec<String> =
                values.map(|value| value.as_str().unwrap().to_owned()).collect();
            let requests = expected.get(&values).expect("a group that occurs");
            check_counts(group, requests, &values.join(" "));
            let latency = |request: &&Value| text(request, "responseLatency").parse().unwrap();
            check_percentiles(group, requests.iter().map(latency).collect(), &values.join(" "));
        }
    }

    pub(crate) fn check_limits(&self, limits: &[Value]) {
        let told = self.requests.iter().filter(|request| text(request, "rlLimit") != "-");
        let mut groups: BTreeMap<[&str; 3], Vec<&Value>> = BTreeMap::new();
        for request in told {
            let key = ["upstream", "credential", "rlResource"].map(|name| text(request, name));
            groups.entry(key).or_default().push(request);
        }
        assert_eq!(limits.len(), groups.len());
        for limit in limits {
            let key =
                ["upstream", "credential", "bucket"].map(|name| limit[name].as_str().unwrap());
            check_limit(limit, &groups[&key]);
            check_windows(limit, &groups[&key]);
            forecast::check(limit, &groups[&key], &self.requests);
            advice::check(limit, &groups[&key]);
        }
    }

    pub(crate) fn check_cache(&self, cache: &Value) {
        cache::check(cache, &self.requests);
    }

    /// Two days that are a Tuesday and a Wednesday.
    pub(crate) fn check_heat(&self, heat: &[Value]) {
        let mut expected: BTreeMap<(String, u64), u64> = BTreeMap::new();
        for request in &self.requests {
            let hours = time(request) / 3_600_000;
            let day = ["Tuesday", "Wednesday"][usize::try_from(hours / 24 % 2).unwrap()];
            *expected.entry((day.to_owned(), hours % 24)).or_default() += 1;
        }
        assert_eq!((heat.len(), expected.len()), (168, 48));
        for entry in heat {
            let day = entry["weekday"].as_str().unwrap().to_owned();
            let found = expected.get(&(day, entry["hour"].as_u64().unwrap()));
            assert_eq!(entry["hours"].as_u64(), Some(u64::from(found.is_some())), "{entry}");
            assert_eq!(requests(entry), found.copied().unwrap_or_default(), "{entry}");
        }
    }

    pub(crate) fn check_denied(&self, denied: &[Value]) {
        let mut expected: BTreeMap<(String, String, String), u64> = BTreeMap::new();
        for request in &self.requests {
            let decision = decision(request);
            let refused = text(request, "errorType") == "ACCESS_DENIED";
            if refused || decision.ends_with("Deny") {
                let key =
                    (caller(request), decision.to_owned(), text(request, "status").to_owned());
                *expected.entry(key).or_default() += 1;
            }
        }
        let mut found = BTreeMap::new();
        for group in denied {
            let text = |name: &str| group[name].as_str().unwrap().to_owned();
            let key = (text("caller"), text("decision"), group["loggedStatus"].to_string());
            *found.entry(key).or_default() += requests(group);
        }
        assert_eq!(found, expected);
    }

    pub(crate) fn check_agreement(&self, agreement: &Value) {
        let (mut agreeing, mut disagreeing, mut undetermined) = (0_u64, 0_u64, 0_u64);
        for request in &self.requests {
            let refused = text(request, "errorType") == "ACCESS_DENIED";
            match (decision(request), refused) {
                ("indeterminate", _) => undetermined += 1,
                _ if text(request, "errorType") == "MISSING_AUTHENTICATION_TOKEN" => {
                    undetermined += 1
                }
                ("allowed", false) | ("explicitDeny" | "implicitDeny", true) => agreeing += 1,
                _ => disagreeing += 1,
            }
        }
        assert_eq!(agreement["agreeing"], agreeing);
        assert_eq!(agreement["disagreeing"], disagreeing);
        assert_eq!(agreement["undetermined"], undetermined);
    }

    fn by(&self, key: impl Fn(&Value) -> String) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for request in &self.requests {
            *counts.entry(key(request)).or_default() += 1;
        }
        counts
    }
}

/// Percentiles by the nearest rank, off by at most a hundredth.
fn check_percentiles(reported: &Value, mut latencies: Vec<u64>, name: &str) {
    latencies.sort_unstable();
    for (field, percent) in [("p50Ms", 50), ("p95Ms", 95), ("p99Ms", 99)] {
        let rank = (latencies.len() * percent).div_ceil(100).max(1);
        let (exact, found) = (latencies[rank - 1], reported[field].as_u64().unwrap());
        assert!(found.abs_diff(exact) * 100 <= exact, "{name} {field}: {found} for {exact}");
    }
}

fn check_limit(limit: &Value, requests: &[&Value]) {
    let number = |request: &Value, name: &str| text(request, name).parse::<u64>().ok();
    let left = requests.iter().filter_map(|request| number(request, "rlRemaining"));
    assert_eq!(limit["requests"], requests.len());
    assert_eq!(limit["lowestRemaining"].as_u64(), left.min());
    assert_eq!(limit["limit"].as_u64(), number(requests[0], "rlLimit"));
    let refused = requests.iter().filter(|request| text(request, "retryAfter") != "-").count();
    assert_eq!(limit["throttled"], refused);
    let resets: BTreeSet<&str> = requests.iter().map(|request| text(request, "rlReset")).collect();
    assert_eq!(limit["resets"], resets.len() - 1);
    let mut callers = BTreeMap::new();
    for request in requests {
        *callers.entry(caller(request)).or_default() += 1;
    }
    assert_eq!(counts(&limit["callers"], "caller"), callers);
}

/// Windows by when they end, and what they had left.
fn check_windows(limit: &Value, requests: &[&Value]) {
    let mut windows: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for request in requests {
        let left = text(request, "rlRemaining").parse().unwrap();
        windows.entry(text(request, "rlReset").parse().unwrap()).or_default().push(left);
    }
    let limit_told = limit["limit"].as_u64().unwrap();
    let found = limit["windows"].as_array().unwrap();
    assert_eq!(found.len(), windows.len());
    for (window, (ends, left)) in found.iter().zip(&windows) {
        let lowest = left.iter().min().unwrap();
        assert_eq!(millis(&window["ends"]), ends * 1000);
        assert_eq!(window["requests"], left.len());
        assert_eq!(window["lowestRemaining"], *lowest);
        assert_eq!(window["used"], limit_told - lowest);
    }
    let mut lowest: Vec<u64> = windows.values().map(|left| *left.iter().min().unwrap()).collect();
    lowest.sort_unstable();
    let headroom = &limit["headroom"];
    assert_eq!(headroom["windows"], lowest.len());
    let median = headroom["median"].as_u64().unwrap();
    let at_least = lowest.iter().filter(|left| **left >= median).count();
    assert!(lowest.contains(&median) && at_least * 2 >= lowest.len());
    assert!(lowest.iter().filter(|left| **left > median).count() * 2 < lowest.len());
    let little = lowest.iter().filter(|left| **left * 10 < limit_told).count();
    assert_eq!(headroom["little"], little);
    let seconds = if limit["bucket"] == "search" { 60.0 } else { 3600.0 };
    assert_eq!(limit["windowSeconds"], seconds);
}

/// The policies of the example in words of one syllable.
fn decision(request: &Value) -> &'static str {
    let (method, path, ip) = (text(request, "httpMethod"), path(request), text(request, "ip"));
    if !ip.starts_with("10.20.") && !ip.starts_with("198.51.100.") {
        return "explicitDeny";
    }
    let in_repos = path.starts_with("/repos/PokaInc/");
    let last_two = path.rsplit('/').take(2).collect::<Vec<_>>();
    let allowed = match text(request, "userArn").split('/').nth(1).unwrap_or_default() {
        "issues-reader" => (method, path) == ("GET", "/repos/PokaInc/test-github-api/issues"),
        "release-bot" if method == "DELETE" => return "explicitDeny",
        "release-bot" => {
            let publishes = last_two == ["refs", "git"] || last_two[0] == "releases";
            in_repos && (method == "GET" || method == "POST" && publishes)
        }
        "analytics" => {
            let known = path.ends_with("/commits") || ["issues", "pulls"].contains(&last_two[1]);
            method == "GET" && (path == "/search/issues" || in_repos && known)
        }
        "ana" if method == "PATCH" && in_repos => return "indeterminate",
        "ana" => method == "GET",
        _ => false,
    };
    if allowed { "allowed" } else { "implicitDeny" }
}

/// `METHOD route`, by the shape of GitHub's paths.
fn route(request: &Value) -> String {
    let segments: Vec<&str> = path(request).split('/').skip(1).collect();
    let rest = match segments[..] {
        ["repos", _, _] => String::new(),
        ["repos", _, _, "commits", _] => "/commits/{ref}".to_owned(),
        ["repos", _, _, "git", "refs", _, ..] => "/git/refs/{ref+}".to_owned(),
        ["repos", _, _, "labels", _] => "/labels/{label}".to_owned(),
        ["repos", _, _, kind, number] if number.parse::<u32>().is_ok() => {
            format!("/{kind}/{{number}}")
        }
        ["repos", _, _, ref rest @ ..] => format!("/{}", rest.join("/")),
        _ => return format!("{} {}", text(request, "httpMethod"), path(request)),
    };
    format!("{} /repos/{{owner}}/{{repo}}{rest}", text(request, "httpMethod"))
}

fn text<'v>(request: &'v Value, name: &str) -> &'v str {
    request[name].as_str().expect(name)
}

fn path(request: &Value) -> &str {
    text(request, "path").strip_prefix("/prod").unwrap()
}

fn time(request: &Value) -> u64 {
    request["requestTimeEpoch"].as_u64().unwrap()
}

fn caller(request: &Value) -> String {
    match text(request, "userArn") {
        "-" => "anonymous".to_owned(),
        arn => arn.to_owned(),
    }
}

fn role(request: &Value) -> String {
    let caller = caller(request);
    match caller.split('/').collect::<Vec<_>>()[..] {
        [of, role, _] if of.ends_with(":assumed-role") => {
            format!("arn:aws:iam::123456789012:role/{role}")
        }
        _ => caller,
    }
}

fn network(request: &Value) -> String {
    let numbers: Vec<&str> = text(request, "ip").split('.').collect();
    format!("{}.{}.{}.0/24", numbers[0], numbers[1], numbers[2])
}

/// The product that the user agent names first, which none of the example's browsers does.
fn agent(request: &Value) -> String {
    text(request, "userAgent").split('/').next().unwrap().to_owned()
}

fn requests(entry: &Value) -> u64 {
    entry["requests"].as_u64().unwrap()
}

fn millis(moment: &Value) -> u64 {
    let moment: jiff::Timestamp = moment.as_str().unwrap().parse().unwrap();
    moment.as_millisecond().try_into().unwrap()
}

/// A list of `{name, requests}` as a map.
/// How many there were of some requests, how they were answered, and when.
fn check_counts(reported: &Value, requests: &[&Value], name: &str) {
    let with = |statuses: &[&str]| {
        let of = |request: &&&Value| statuses.contains(&text(request, "status"));
        requests.iter().filter(of).count()
    };
    assert_eq!(reported["requests"], requests.len(), "{name}");
    assert_eq!(reported["refused"], with(&["401", "403"]), "{name}");
    assert_eq!(reported["throttled"], with(&["429"]), "{name}");
    assert_eq!(reported["failed"], with(&["500", "502", "504"]), "{name}");
    let times = requests.iter().map(|request| time(request));
    assert_eq!(millis(&reported["first"]), times.clone().min().unwrap(), "{name}");
    assert_eq!(millis(&reported["last"]), times.max().unwrap(), "{name}");
}

fn counts(list: &Value, name: &str) -> BTreeMap<String, u64> {
    let key = |entry: &Value| entry[name].to_string().trim_matches('"').to_owned();
    list.as_array().unwrap().iter().map(|entry| (key(entry), requests(entry))).collect()
}
