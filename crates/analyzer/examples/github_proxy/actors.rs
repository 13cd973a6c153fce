//! Who calls the gateway, when, and for what.

use crate::random::Random;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// 2026-03-10T00:00:00Z, a Tuesday, in epoch milliseconds.
pub(crate) const START: u64 = 1_773_100_800_000;

const REPO: &str = "/repos/PokaInc/test-github-api";

/// A call before the gateway has seen it.
pub(crate) struct Call {
    /// Epoch milliseconds.
    pub(crate) at: u64,
    /// Session or user; empty for an unsigned request.
    pub(crate) arn: String,
    /// `identity.caller`.
    pub(crate) caller: String,
    /// Where from.
    pub(crate) ip: &'static str,
    /// `User-Agent`.
    pub(crate) agent: &'static str,
    /// HTTP method.
    pub(crate) method: &'static str,
    /// Path without the stage.
    pub(crate) path: String,
    /// Whether the user had signed in with a second factor: what a log does not tell.
    pub(crate) mfa: bool,
}

struct Who {
    arn: String,
    caller: String,
    ip: &'static str,
    agent: &'static str,
}

fn session(role: &str, id: &str, name: &str, ip: &'static str, agent: &'static str) -> Who {
    Who {
        arn: format!("arn:aws:sts::123456789012:assumed-role/{role}/{name}"),
        caller: format!("{id}:{name}"),
        ip,
        agent,
    }
}

fn call(at: u64, who: &Who, method: &'static str, path: String) -> Call {
    let Who { arn, caller, ip, agent } = who;
    let (arn, caller) = (arn.clone(), caller.clone());
    Call { at: START + at, arn, caller, ip, agent, method, path, mfa: false }
}

/// Every call of the two days, in order of time.
pub(crate) fn calls() -> Vec<Call> {
    let mut random = Random(20_260_310);
    let mut calls = Vec::new();
    for actor in [website, releases, nightly, elsewhere, ana, strangers] {
        actor(&mut random, &mut calls);
    }
    calls.sort_by_key(|call| call.at);
    calls
}

/// The web application: shows the issues of one repository. On the second day someone adds a
/// "report a bug" button, without asking for the permission to create issues.
fn website(random: &mut Random, calls: &mut Vec<Call>) {
    const AGENT: &str = "python-requests/2.32.3";
    let servers = [("web-1", "10.20.1.11"), ("web-2", "10.20.1.12"), ("web-3", "10.20.2.11")]
        .map(|(name, ip)| session("issues-reader", "AROAEXAMPLEISSUESREADE", name, ip, AGENT));
    for minute in 0..2 * DAY / MINUTE {
        let hour = minute / 60 % 24;
        let busy = if (8..19).contains(&hour) { 720 } else { 170 };
        let at = minute * MINUTE + random.below(MINUTE);
        let who = &servers[random.below(3) as usize];
        if random.chance(busy) {
            calls.push(call(at, who, "GET", format!("{REPO}/issues")));
        }
        if minute * MINUTE > DAY + 9 * HOUR && random.chance(busy / 13) {
            calls.push(call(at + 400, who, "POST", format!("{REPO}/issues")));
        }
        if random.chance(3) {
            calls.push(call(at + 90, who, "GET", format!("{REPO}/pulls")));
        }
    }
}

/// Continuous integration publishes a release, and tries to remove the tag of a failed one.
fn releases(random: &mut Random, calls: &mut Vec<Call>) {
    for run in 0..18 {
        let who = session(
            "release-bot",
            "AROAEXAMPLERELEASEBOT",
            &format!("ci-{}", 1841 + run),
            "10.20.9.4",
            "octokit-core.js/6.1.4 Node.js/22",
        );
        let mut at = run * 155 * MINUTE + random.below(40 * MINUTE);
        let mut step = |method, path: String, calls: &mut Vec<Call>| {
            at += 700 + random.below(2600);
            calls.push(call(at, &who, method, path));
        };
        step("GET", format!("{REPO}/releases/latest"), calls);
        for commit in 0..9 {
            let sha = Random(run * 100 + commit).number();
            step("GET", format!("{REPO}/commits/{sha:016x}"), calls);
        }
        step("POST", format!("{REPO}/git/refs"), calls);
        step("POST", format!("{REPO}/releases"), calls);
        if run % 4 == 2 {
            step("DELETE", format!("{REPO}/git/refs/tags/v1.{run}.0"), calls);
        }
    }
}

/// The nightly report: nearly exhausts the hour's limit on the second night, and asks the search for
/// more than a minute allows. On the first night it still reads traffic figures, which a later policy
/// no longer permits.
fn nightly(random: &mut Random, calls: &mut Vec<Call>) {
    const AGENT: &str = "Boto3/1.34.69 analytics/3.2";
    for (night, demand) in [(0, 860), (1, 1010)] {
        let name = format!("nightly-2026031{night}");
        let who = session("analytics", "AROAEXAMPLEANALYTICSX", &name, "10.20.7.30", AGENT);
        for index in 0..demand {
            let at = night * DAY + HOUR + index * 54 * MINUTE / demand + random.below(2000);
            let repo = ["test-github-api", "handbook", "infra", "mobile"][random.below(4) as usize];
            let path = match random.below(20) {
                0 => "/search/issues".to_owned(),
                1..=7 => format!("/repos/PokaInc/{repo}/commits"),
                8..=11 => format!("/repos/PokaInc/{repo}/pulls/{}", 1 + random.below(300)),
                _ => format!("/repos/PokaInc/{repo}/issues/{}", 1 + random.below(900)),
            };
            calls.push(call(at, &who, "GET", path));
        }
        for index in 0..40 {
            let at = night * DAY + 2 * HOUR + 5 * MINUTE + index * 900;
            calls.push(call(at, &who, "GET", "/search/issues".to_owned()));
        }
        for index in (0..6).filter(|_| night == 0) {
            let at = 3 * HOUR + index * 41_000;
            calls.push(call(at, &who, "GET", format!("{REPO}/traffic/views")));
        }
    }
}

/// An analyst works from home, outside of the networks that the API's policy names.
fn elsewhere(random: &mut Random, calls: &mut Vec<Call>) {
    let who =
        session("analytics", "AROAEXAMPLEANALYTICSX", "adhoc-marc", "203.0.113.77", "curl/8.9.1");
    for index in 0..23 {
        let at = 18 * HOUR + index * 7 * MINUTE + random.below(5 * MINUTE);
        let path = format!("/repos/PokaInc/handbook/issues/{}", 40 + index);
        calls.push(call(at, &who, "GET", path));
    }
}

/// A developer tries things out with her own IAM user. Closing issues needs a second factor.
fn ana(random: &mut Random, calls: &mut Vec<Call>) {
    let who = Who {
        arn: "arn:aws:iam::123456789012:user/ana".to_owned(),
        caller: "AIDAEXAMPLEANA".to_owned(),
        ip: "198.51.100.23",
        agent: "Mozilla/5.0 (X11; Linux x86_64) HTTPie/3.2.4",
    };
    for index in 0..130 {
        let at = (index % 2) * DAY + 9 * HOUR + index / 2 * 8 * MINUTE + random.below(7 * MINUTE);
        let number = 1 + random.below(60);
        let mut next = match random.below(24) {
            0..=1 => call(at, &who, "PATCH", format!("{REPO}/issues/{number}")),
            2 => call(at, &who, "DELETE", format!("{REPO}/labels/stale")),
            3..=9 => call(at, &who, "GET", format!("{REPO}/issues")),
            10..=13 => call(at, &who, "GET", REPO.to_owned()),
            _ => call(at, &who, "GET", format!("{REPO}/issues/{number}")),
        };
        next.mfa = random.chance(700);
        calls.push(next);
    }
}

/// A role that was deleted, whose sessions go on calling, and requests that nobody signed.
fn strangers(random: &mut Random, calls: &mut Vec<Call>) {
    let role =
        session("old-crawler", "AROAEXAMPLEOLDCRAWLER", "crawl", "10.20.8.8", "Go-http-client/2.0");
    let nobody = Who {
        arn: String::new(),
        caller: String::new(),
        ip: "192.0.2.200",
        agent: "Mozilla/5.0 zgrab/0.x",
    };
    for index in 0..17 {
        calls.push(call(index * 2 * HOUR + random.below(HOUR), &role, "GET", REPO.to_owned()));
    }
    for path in ["/", "/robots.txt", "/.env", "/admin", "/user", "/user/repos", "/login"] {
        let at = DAY + 4 * HOUR + random.below(3 * MINUTE);
        calls.push(call(at, &nobody, "GET", path.to_owned()));
    }
}
