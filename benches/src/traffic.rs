//! A log of any size, and the account that it belongs to: 120 roles with some 3,000 sessions call
//! 14 routes of six upstreams, and 1,320 resource patterns decide, 240 of them with a `*` in the middle.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;

const ACCOUNT: &str = "123456789012";
const TEAMS: [&str; 12] = [
    "ci", "deploy", "web", "batch", "data", "ml", "billing", "search", "audit", "ops", "mobile",
    "partner",
];
const KINDS: [&str; 10] =
    ["runner", "agent", "writer", "reader", "sync", "worker", "cron", "admin", "bot", "gateway"];
const ROUTES: [(&str, &str, &str); 14] = [
    ("github", "GET", "/github/repos/{owner}/{repo}"),
    ("github", "GET", "/github/repos/{owner}/{repo}/issues"),
    ("github", "POST", "/github/repos/{owner}/{repo}/issues"),
    ("github", "PATCH", "/github/repos/{owner}/{repo}/pulls/{number}"),
    ("github", "DELETE", "/github/repos/{owner}/{repo}"),
    ("slack", "POST", "/slack/chat.postMessage"),
    ("slack", "GET", "/slack/users.info"),
    ("stripe", "GET", "/stripe/v1/customers/{customer}"),
    ("stripe", "POST", "/stripe/v1/refunds"),
    ("openai", "POST", "/openai/v1/chat/completions"),
    ("orders", "GET", "/orders/{orderId}"),
    ("orders", "DELETE", "/orders/{orderId}"),
    ("users", "GET", "/users/{userId}"),
    ("users", "PATCH", "/users/{userId}"),
];
const METHODS: [&str; 5] = ["GET", "POST", "PATCH", "PUT", "DELETE"];
const OWNERS: [&str; 4] = ["acme", "globex", "initech", "umbrella"];
/// 2026-03-10T00:00:00Z.
const START_MS: u64 = 1_773_100_800_000;

/// SplitMix64: the same numbers everywhere.
struct Random(u64);

impl Random {
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, most: u64) -> u64 {
        self.number() % most.max(1)
    }

    fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        let index = self.below(list.len() as u64);
        list.get(usize::try_from(index).ok()?)
    }
}

fn roles() -> impl Iterator<Item = String> {
    TEAMS.iter().flat_map(|team| KINDS.iter().map(move |kind| format!("{team}-{kind}")))
}

/// Writes about `bytes` of log, one request a line.
///
/// # Errors
/// Those of `out`.
pub fn write_log(out: &mut impl Write, bytes: u64) -> io::Result<()> {
    let mut random = Random(1);
    let mut sessions = Vec::new();
    for role in roles() {
        for _ in 0..8 + random.number() % 33 {
            let name = format!("{:06x}", random.number() & 0xff_ffff);
            sessions.push(format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name}"));
        }
    }
    let (mut written, mut now) = (0, START_MS);
    while written < bytes {
        now += random.number() % 23;
        if let Some(caller) = random.pick(&sessions) {
            let line = usual(&mut random, caller, now).to_string();
            out.write_all(line.as_bytes())?;
            written += line.len() as u64;
        }
    }
    out.flush()
}

/// Writes about `bytes` of a log that is to fill every table of whoever counts it: nearly each line has a
/// caller, a route, a limit, an address and a moment of its own, and some have values of any size.
///
/// # Errors
/// Those of `out`.
pub fn write_crowded_log(out: &mut impl Write, bytes: u64) -> io::Result<()> {
    let mut random = Random(1);
    let mut written = 0;
    while written < bytes {
        let line = crowded(&mut random).to_string();
        out.write_all(line.as_bytes())?;
        written += line.len() as u64;
    }
    out.flush()
}

/// A line of the log.
struct Line {
    id: [u64; 2],
    ip: [u64; 4],
    caller: String,
    agent: String,
    now: u64,
    method: &'static str,
    route: String,
    path: String,
    status: u64,
    length: u64,
    latency: u64,
    upstream: String,
    /// What the answer tells of it: how much, what is left, when it ends.
    limit: Option<[u64; 3]>,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Line { id: [a, b], ip: [w, x, y, z], caller, agent, now, method, route, .. } = self;
        let Line { path, status, length, latency, upstream, limit, .. } = self;
        let is_refused = *status == 403;
        let (error, kind) = match is_refused {
            true => ("User is not authorized to access this resource", "ACCESS_DENIED"),
            false => ("-", "-"),
        };
        let answer = if is_refused { "-".to_owned() } else { status.to_string() };
        let [limit, left, reset] = match limit {
            Some(told) => told.map(|told| told.to_string()),
            None => ["-"; 3].map(str::to_owned),
        };
        writeln!(
            f,
            "{{\"requestId\":\"{a:016x}-{b:016x}\",\"stage\":\"prod\",\"ip\":\"{w}.{x}.{y}.{z}\",\"userArn\":\"{caller}\",\
             \"userAgent\":\"{agent}\",\"requestTimeEpoch\":{now},\
             \"httpMethod\":\"{method}\",\"resourcePath\":\"{route}\",\"path\":\"{path}\",\"status\":\"{status}\",\
             \"responseLength\":\"{length}\",\"responseLatency\":\"{latency}\",\"integrationLatency\":\"{latency}\",\
             \"integrationStatus\":\"{answer}\",\"errorMessage\":\"{error}\",\"errorType\":\"{kind}\",\
             \"upstream\":\"{upstream}\",\"rlLimit\":\"{limit}\",\"rlRemaining\":\"{left}\",\"rlReset\":\"{reset}\",\
             \"retryAfter\":\"-\"}}"
        )
    }
}

fn usual(random: &mut Random, caller: &str, now: u64) -> Line {
    let (upstream, method, route) = random.pick(&ROUTES).copied().unwrap_or(("github", "GET", "/"));
    let (a, b) = (random.number(), random.number());
    let path = route
        .replace("{owner}", OWNERS.get(a as usize & 3).unwrap_or(&""))
        .replace("{repo}", &format!("repo-{}", a >> 8 & 511))
        .replace("{number}", &(a >> 20 & 4095).to_string())
        .replace("{customer}", &format!("cus_{:07x}", a >> 20 & 0xfff_ffff))
        .replace("{orderId}", &(100_000 + (a >> 20 & 0xf_ffff)).to_string())
        .replace("{userId}", &format!("u-{}", a >> 24 & 0xffff));
    let is_refused = method != "GET" && b & 15 == 0;
    let reset = now / 1000 / 3600 * 3600 + 3600;
    Line {
        id: [a, b],
        ip: [10, b >> 8 & 63, b >> 16 & 255, 1 + (b >> 24 & 127)],
        caller: caller.to_owned(),
        agent: "aws-sdk-go-v2/1.30.3 os/linux lang/go#1.22".to_owned(),
        now,
        method,
        route: route.to_owned(),
        path,
        status: if is_refused { 403 } else { 200 },
        length: 120 + (b >> 12 & 8191),
        latency: 8 + b % 90 + 1_500_000 / (1 + (b >> 20 & 0xffff)).max(600),
        upstream: upstream.to_owned(),
        limit: (!is_refused).then_some([15_000, a >> 40 & 0x3fff, reset]),
    }
}

fn crowded(random: &mut Random) -> Line {
    // Now and then a text is long.
    let long = if random.below(50) == 0 { random.below(1_900) } else { 0 };
    let tail = "x".repeat(long as usize);
    let stranger = random.below(1_000_000_000_000);
    let accounts = [123_456_789_012, 210_987_654_321, stranger];
    let account = random.pick(&accounts).copied().unwrap_or_default();
    let (role, session) = (random.below(60_000), random.below(1_000_000_000));
    let (route, part) = (random.below(30_000), random.below(9));
    let now = START_MS + random.below(370 * 24 * 3_600_000);
    let stray = 100 + random.below(500);
    let statuses = [200, 200, 201, 403, 403, 429, 500, stray];
    Line {
        id: [random.number(), random.number()],
        ip: [0; 4].map(|_| random.below(256)),
        caller: format!("arn:aws:sts::{account:012}:assumed-role/role-{role}{tail}/s{session}"),
        agent: format!("agent-{}/1", random.below(1_000_000)),
        now,
        method: random.pick(&METHODS).copied().unwrap_or_default(),
        route: format!("/r{route}/{{id}}/x{part}"),
        path: format!("/r{route}/{}{tail}/x{part}", random.below(1_000_000)),
        status: random.pick(&statuses).copied().unwrap_or_default(),
        length: random.below(1_000_000),
        latency: u64::MAX >> random.below(64),
        upstream: format!("upstream-{}", random.below(400)),
        limit: Some([1 + random.below(100_000), random.below(10_000), now / 1000 + 3600]),
    }
}

/// The account's manifest and policies, by path.
pub fn account() -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    let mut manifest = format!("account = \"{ACCOUNT}\"\nregion = \"us-east-1\"\n");
    for (number, role) in roles().enumerate() {
        manifest.push_str(&format!(
            "[[principal]]\narn = \"arn:aws:iam::{ACCOUNT}:role/{role}\"\npolicies = [\"{role}.json\"]\n"
        ));
        files.insert(format!("{role}.json").into(), policy(&role, number));
    }
    manifest.push_str("[[api]]\nid = \"a1b2c3d4e5\"\nstages = [\"prod\"]\n");
    files.insert("tollgate.toml".into(), manifest);
    files
}

/// Reads are allowed; writes to the four owners' repositories, and all of the rest from inside; and
/// whatever a role has for its own.
fn policy(role: &str, number: usize) -> String {
    let api = format!("arn:aws:execute-api:us-east-1:{ACCOUNT}:a1b2c3d4e5/prod");
    let owner = OWNERS.get(role.len() & 3).unwrap_or(&"");
    format!(
        r#"{{"Version":"2012-10-17","Statement":[
  {{"Sid":"Read","Effect":"Allow","Action":"execute-api:Invoke","Resource":"{api}/GET/*"}},
  {{"Sid":"Write","Effect":"Allow","Action":"execute-api:Invoke",
    "Resource":["{api}/POST/github/repos/{owner}/*","{api}/PATCH/github/repos/{owner}/*","{api}/POST/slack/*",
                "{api}/POST/stripe/v1/*","{api}/POST/openai/*","{api}/PATCH/users/*"],
    "Condition":{{"IpAddress":{{"aws:SourceIp":["10.0.0.0/8"]}}}}}},
  {{"Sid":"NoDelete","Effect":"Deny","Action":"execute-api:Invoke","Resource":"{api}/DELETE/*",
    "Condition":{{"NotIpAddress":{{"aws:SourceIp":"10.16.0.0/12"}}}}}},
  {{"Sid":"Delete","Effect":"Allow","Action":"execute-api:Invoke","Resource":"{api}/DELETE/orders/*"}},
  {{"Sid":"Own","Effect":"Allow","Action":"execute-api:Invoke",
    "Resource":["{api}/*/orders/{number}*","{api}/POST/github/repos/*/repo-{number}/issues"]}}
]}}"#
    )
}
