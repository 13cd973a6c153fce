//! Logs with more callers than can be told apart: the report says so, loses no request, and merges.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use tollgate_analyzer::render::tables::tables;
use tollgate_analyzer::{Analysis, Detail, Gathered, Grouping, Report, Usage};
use tollgate_log::{Input, LineAccount, ScanOptions};
use tollgate_store::Account;

const ROLES: usize = 3;
const ROUTES: usize = 2;

/// An account whose roles may do nothing, or `GET` if `open`.
fn account(open: bool) -> Account {
    let mut manifest = "account = \"123456789012\"\nregion = \"us-east-1\"\n".to_owned();
    for role in 0..ROLES {
        let arn = format!("arn:aws:iam::123456789012:role/role-{role}");
        writeln!(manifest, "[[principal]]\narn = \"{arn}\"\npolicies = [\"policy.json\"]").unwrap();
    }
    manifest.push_str("[[api]]\nid = \"api1\"\nstages = [\"prod\"]\n");
    let api = "arn:aws:execute-api:us-east-1:123456789012:api1/prod";
    let path = if open { "GET/*" } else { "GET/nothing" };
    let statement = json!({
        "Effect": "Allow", "Action": "execute-api:Invoke", "Resource": format!("{api}/{path}"),
    });
    let policy = json!({ "Version": "2012-10-17", "Statement": statement });
    let files: BTreeMap<PathBuf, String> = BTreeMap::from([
        ("tollgate.toml".into(), manifest),
        ("policy.json".into(), policy.to_string()),
    ]);
    Account::read(&files, Path::new("tollgate.toml")).unwrap()
}

/// A call of each of these sessions.
fn log(sessions: std::ops::Range<usize>) -> String {
    let line = |session: usize| {
        let role = session % ROLES;
        let path = format!("/route-{}", session / ROLES % ROUTES);
        json!({
            "requestTimeEpoch": 1_773_100_800_000_i64 + session as i64, "httpMethod": "GET",
            "path": path, "resourcePath": path, "stage": "prod", "apiId": "api1", "status": "403",
            "userArn": format!("arn:aws:sts::123456789012:assumed-role/role-{role}/{session:06}"),
        })
    };
    sessions.map(|session| format!("{}\n", line(session))).collect()
}

const MERGED: &str = "Where several workers or runs were merged, some of what is counted together may \
                      be of callers, routes or groups that are listed.";

struct Logs(tempfile::TempDir);

impl Logs {
    fn write(&self, name: &str, sessions: std::ops::Range<usize>) -> Input {
        let path = self.0.path().join(name);
        std::fs::write(&path, log(sessions)).unwrap();
        Input::File(path)
    }
}

fn gathered(analysis: Analysis<'_>, inputs: &[Input]) -> Gathered {
    analysis.scan(inputs, &ScanOptions::new(analysis.projection())).0
}

#[test]
fn sessions_beyond_the_bound_are_told_by_role_and_nothing_is_lost() {
    let logs = Logs(tempfile::tempdir().unwrap());
    let (account, open) = (account(false), account(true));
    let analysis = Analysis {
        account: Some(&open),
        against: Some(&account),
        timeline: true,
        ..Analysis::default()
    };
    const SESSIONS: usize = 4_800;
    let parts = [logs.write("a.log", 0..3_000), logs.write("b.log", 3_000..SESSIONS)];
    let all = gathered(Analysis { against: None, account: Some(&account), ..analysis }, &parts);
    let outcomes = all.outcomes.as_ref().unwrap();
    assert_eq!(outcomes.detail, Detail::Roles);
    // Every role has called every route equally often.
    assert_eq!(outcomes.groups.len(), ROLES * ROUTES);
    for (key, group) in &outcomes.groups {
        assert!(key.caller.ends_with("/*"), "{key:?}");
        assert_eq!(group.requests, (SESSIONS / ROLES / ROUTES) as u64);
        // The first of the role's sessions that called it explains it.
        let caller = group.context.caller.as_deref().unwrap();
        let session: usize = caller.rsplit_once('/').unwrap().1.parse().unwrap();
        assert!(session < ROLES * ROUTES, "{caller}");
        assert_eq!(caller.rsplit_once('/').unwrap().0, key.caller.rsplit_once('/').unwrap().0);
    }
    let report = Report::new(&all, LineAccount::default(), &[]);
    let said = |report: &Report, what: &str| report.folded.iter().any(|it| it.contains(what));
    assert!(said(&report, "more than 4,000 groups of denied calls"), "{:?}", report.folded);
    let table = tables(&report).into_iter().find(|table| table.name == "folded").unwrap();
    assert_eq!(table.rows(), report.folded.len());
    // The timeline's cells are those of the groups that are listed.
    let cells = &report.timeline.as_ref().unwrap().cells;
    let listed: u64 = cells.iter().filter(|cell| cell.4.is_some()).map(|cell| cell.5).sum();
    assert_eq!(listed, SESSIONS as u64);

    let compared = gathered(analysis, &parts);
    let changes = compared.changes.as_ref().unwrap();
    assert_eq!((changes.detail, changes.groups.len()), (Detail::Roles, ROLES * ROUTES));
    let changed: u64 = changes.groups.iter().map(|(_, change)| change.requests).sum();
    assert_eq!((changed, changes.unchanged), (SESSIONS as u64, 0));
    let report = Report::new(&compared, LineAccount::default(), &[]);
    assert!(said(&report, "more than 4,000 groups of changed calls"), "{:?}", report.folded);
}

#[test]
fn merging_runs_of_which_none_is_folded_is_one_run() {
    let logs = Logs(tempfile::tempdir().unwrap());
    let (account, open) = (account(false), account(true));
    let analysis = Analysis {
        account: Some(&account),
        against: Some(&open),
        timeline: true,
        ..Analysis::default()
    };
    let parts = [logs.write("a.log", 0..2_400), logs.write("b.log", 2_400..4_800)];
    let [mut merged, more] = parts.clone().map(|part| gathered(analysis, &[part]));
    assert_eq!(merged.outcomes.as_ref().unwrap().detail, Detail::Sessions);
    assert_eq!(merged.outcomes.as_ref().unwrap().groups.len(), 2_400);
    merged.merge(more);
    let options = ScanOptions { threads: 1, ..ScanOptions::new(analysis.projection()) };
    let (whole, _) = analysis.scan(&parts, &options);
    assert_eq!(whole.outcomes.as_ref().unwrap().detail, Detail::Roles);
    assert_eq!(merged, whole);
}

/// The role of a session of [`log`].
fn any_session(role: usize) -> String {
    format!("arn:aws:sts::123456789012:assumed-role/role-{role}/*")
}

#[test]
fn sessions_beyond_the_bound_of_callers_are_counted_by_role_and_said_to_be() {
    let logs = Logs(tempfile::tempdir().unwrap());
    let inputs = [logs.write("a.log", 0..50_100), logs.write("b.log", 50_100..50_200)];
    let analysis = Analysis::default();
    let options = ScanOptions { threads: 1, ..ScanOptions::new(analysis.projection()) };
    let (mut gathered, _) = analysis.scan(&inputs[..1], &options);
    let by_role = |gathered: &Gathered| {
        [0, 1, 2].map(|role| gathered.usage.callers[&any_session(role)].answers.requests)
    };
    assert_eq!(by_role(&gathered), [33, 33, 34]);
    let said = |gathered: &Gathered, requests: u64| {
        let report = Report::new(gathered, LineAccount::default(), &[]);
        let expected = format!(
            "At most 50,000 callers are told apart, by names of at most 2,048 bytes: others, \
             with {requests} requests, are counted by their roles."
        );
        assert_eq!(report.folded, [expected.as_str(), MERGED]);
        assert_eq!((report.usage.caller_count, report.usage.more_callers), (50_000, true));
    };
    said(&gathered, 100);
    // Merged, no more are told apart: of those that called as often, the last by name are not.
    gathered.merge(analysis.scan(&inputs[1..], &options).0);
    assert_eq!(by_role(&gathered), [33, 33, 34 + 100]);
    said(&gathered, 200);
}

/// What is known of a caller is of that caller, whoever shares its number.
#[test]
fn sessions_beyond_the_bound_use_limits_and_read_as_their_roles() {
    let logs = Logs(tempfile::tempdir().unwrap());
    let line = |session: usize| {
        // Of those that are told apart all are of one role.
        let role =
            if session < 50_000 { "first".to_owned() } else { format!("late-{}", session % 5) };
        let line = json!({
            "requestTimeEpoch": 1_773_100_800_000_i64, "httpMethod": "GET", "path": "/a",
            "resourcePath": "/a", "stage": "prod", "status": "200", "upstream": "github",
            "rlLimit": "5000", "rlRemaining": "10",
            "userArn": format!("arn:aws:sts::123456789012:assumed-role/{role}/{session}"),
        });
        format!("{line}\n")
    };
    let path = logs.0.path().join("a.log");
    std::fs::write(&path, (0..50_500).map(line).collect::<String>()).unwrap();
    let analysis = Analysis::default();
    let options = ScanOptions { threads: 1, ..ScanOptions::new(analysis.projection()) };
    let (gathered, _) = analysis.scan(&[Input::File(path)], &options);

    let (limit, _) = gathered.limits.iter().next().unwrap();
    let mut consumed: BTreeMap<&str, u64> = BTreeMap::new();
    for (.., principal, requests) in gathered.limits.consumption.of(limit) {
        *consumed.entry(principal).or_default() += requests;
    }
    let late = (0..5).map(|role| (format!("arn:aws:iam::123456789012:role/late-{role}"), 100));
    let first = ("arn:aws:iam::123456789012:role/first".to_owned(), 50_000);
    let expected: BTreeMap<String, u64> = late.chain([first]).collect();
    assert!(consumed.into_iter().eq(expected.iter().map(|(role, requests)| (&**role, *requests))));
    // All read the same at once: the first of each role is not answered by a cache for each role.
    let report = Report::new(&gathered, LineAccount::default(), &[]);
    assert_eq!(report.cache.routes[0].saved[0].own, 50_500 - 6);
}

#[test]
fn routes_beyond_the_bound_are_counted_together_and_said_to_be() {
    let logs = Logs(tempfile::tempdir().unwrap());
    let line = |route: usize| json!({ "httpMethod": "GET", "resourcePath": format!("/{route}"), "status": "200" });
    let lines: String = (0..5_003).map(|route| format!("{}\n", line(route))).collect();
    let path = logs.0.path().join("a.log");
    std::fs::write(&path, lines).unwrap();
    let analysis = Analysis::default();
    let options = ScanOptions { threads: 1, ..ScanOptions::new(analysis.projection()) };
    let (gathered, _) = analysis.scan(&[Input::File(path)], &options);
    let report = Report::new(&gathered, LineAccount::default(), &[]);
    let expected = "At most 5,000 routes are told apart, by names of at most 2,048 bytes: others, \
                    with 3 requests, are counted as (other).";
    assert_eq!(report.folded, [expected, MERGED]);
}

#[test]
fn what_is_called_by_too_long_a_name_is_not_said_to_be_one_of_too_many() {
    let logs = Logs(tempfile::tempdir().unwrap());
    let long = "x".repeat(3_000);
    let line = |caller: &str| {
        json!({
            "requestTimeEpoch": 1_773_100_800_000_i64, "httpMethod": "GET", "resourcePath": "/a",
            "status": "200", "userArn": format!("arn:aws:iam::123456789012:user/{caller}"),
            "upstream": "u", "rlLimit": "5000", "rlRemaining": "10",
        })
    };
    let path = logs.0.path().join("a.log");
    std::fs::write(&path, format!("{}\n{}\n", line("ana"), line(&long))).unwrap();
    let by = ["caller", "caller,status"].map(|by| Grouping::parse(by).unwrap());
    let gathered =
        gathered(Analysis { group_by: &by, ..Analysis::default() }, &[Input::File(path)]);
    let report = Report::new(&gathered, LineAccount::default(), &[]);
    let said = |told: &str, counted: &str| {
        format!(
            "At most {told} are told apart, by names of at most 2,048 bytes: {counted} counted as (other)."
        )
    };
    let one = "others, with 1 request, are";
    let expected = [
        said("50,000 callers", one),
        said("4,000 groups by caller", one),
        said("4,000 groups by caller,status", one),
        MERGED.to_owned(),
        said("4,000 roles and other principals", "what others used of rate limits is"),
    ];
    assert_eq!(report.folded, expected);
    for breakdown in &report.breakdowns {
        let counted = (breakdown.group_count, breakdown.folded_count, breakdown.groups.len());
        assert_eq!(counted, (1, 1, 2), "{:?}", breakdown.by);
    }
}

#[test]
fn merging_runs_keeps_no_more_than_one_run_does() {
    let logs = Logs(tempfile::tempdir().unwrap());
    // The later ones call more often.
    let line = |caller: usize| {
        let line = json!({
            "requestTimeEpoch": 1_773_100_800_000_i64, "httpMethod": "GET", "stage": "prod",
            "apiId": "api1", "path": "/a", "resourcePath": format!("/{}", caller / 10),
            "status": "200", "userArn": format!("arn:aws:iam::123456789012:user/{caller:05}"),
        });
        format!("{line}\n").repeat(1 + usize::from(caller >= 30_000))
    };
    let write = |name: &str, callers: std::ops::Range<usize>| {
        let path = logs.0.path().join(name);
        std::fs::write(&path, callers.map(line).collect::<String>()).unwrap();
        Input::File(path)
    };
    let parts = [write("a.log", 0..30_000), write("b.log", 30_000..60_000)];
    let (account, by) = (account(false), [Grouping::parse("caller").unwrap()]);
    let analysis = Analysis { account: Some(&account), group_by: &by, ..Analysis::default() };
    let [mut merged, more] = parts.map(|part| gathered(analysis, &[part]));
    merged.merge(more);

    let Usage { callers, routes, .. } = &merged.usage;
    assert_eq!((callers.len(), callers["(other)"].answers.requests), (50_001, 10_000));
    assert!(callers.contains_key("arn:aws:iam::123456789012:user/30000"));
    assert_eq!((routes.len(), routes["(other)"].answers.requests), (5_001, 10_000));
    assert!(routes.contains_key("GET /3000"));
    let reads: Vec<(&str, u64)> =
        merged.repeats.routes().iter().map(|route| (route.route, route.reads)).collect();
    assert_eq!((reads.len(), reads[0]), (5_001, ("(other)", 10_000)));
    assert_eq!(reads.iter().map(|(_, reads)| reads).sum::<u64>(), 90_000);
    let unknown = &merged.outcomes.as_ref().unwrap().unknown_principals;
    assert_eq!((unknown.len(), unknown["(other)"]), (50_001, 10_000));
    let groups = &merged.breakdowns[0].groups;
    assert_eq!(groups.len(), 4_001);
    assert_eq!(groups.iter().map(|(_, used)| used.answers.requests).sum::<u64>(), 90_000);
    let report = Report::new(&merged, LineAccount::default(), &[]);
    let expected = "At most 50,000 callers are told apart, by names of at most 2,048 bytes: others, \
                    with 10,000 requests, are counted as (other).";
    assert_eq!(report.folded[0], expected);
}

#[test]
fn callers_of_a_limit_beyond_the_bound_are_told_by_role() {
    let logs = Logs(tempfile::tempdir().unwrap());
    let line = |session: usize| {
        json!({
            "requestTimeEpoch": 1_773_100_800_000_i64 + session as i64, "httpMethod": "GET",
            "path": "/a", "stage": "prod", "status": "200", "upstream": "github",
            "rlLimit": "5000", "rlRemaining": "10",
            "userArn": format!("arn:aws:sts::1:assumed-role/role-{}/{session}", session % ROLES),
        })
    };
    let write = |name: &str, sessions: std::ops::Range<usize>| {
        let path = logs.0.path().join(name);
        let lines: String = sessions.map(|session| format!("{}\n", line(session))).collect();
        std::fs::write(&path, lines).unwrap();
        Input::File(path)
    };
    let parts = [write("a.log", 0..3_000), write("b.log", 3_000..9_300)];
    let whole = gathered(Analysis::default(), &parts);
    let [mut merged, more] = parts.map(|part| gathered(Analysis::default(), &[part]));
    merged.merge(more);
    assert_eq!(merged.limits, whole.limits);
    let (_, used) = whole.limits.iter().next().unwrap();
    let by_role: Vec<u64> = used.callers.iter().map(|(_, requests)| requests).collect();
    assert_eq!((used.requests, by_role), (9_300, vec![3_100; ROLES]));
    let report = Report::new(&whole, LineAccount::default(), &[]);
    let expected = "Some rate limits were used by more than 4,000 callers: there the sessions of a \
                    role are told as one.";
    assert_eq!(report.folded, [expected]);
}

#[test]
fn limits_beyond_the_bound_are_counted_together_however_many_workers_told_them_apart() {
    let logs = Logs(tempfile::tempdir().unwrap());
    let write = |name: &str, upstreams: std::ops::Range<usize>| {
        let line = |upstream: usize| {
            let line = json!({
                "requestTimeEpoch": 1_773_100_800_000_i64, "httpMethod": "GET", "path": "/a",
                "status": "200", "upstream": format!("u{upstream:03}"), "rlLimit": "5000",
                "rlRemaining": "10", "userArn": "arn:aws:iam::123456789012:user/ana",
            });
            // The later ones are used more.
            format!("{line}\n").repeat(1 + usize::from(upstream >= 100))
        };
        let path = logs.0.path().join(name);
        std::fs::write(&path, upstreams.map(line).collect::<String>()).unwrap();
        Input::File(path)
    };
    let parts = [write("a.log", 0..150), write("b.log", 150..300)];
    let [mut merged, more] = parts.map(|part| gathered(Analysis::default(), &[part]));
    merged.merge(more);
    let keys: Vec<&str> = merged.limits.iter().map(|(key, _)| &*key.upstream).collect();
    let kept: Vec<String> = (100..300).map(|upstream| format!("u{upstream}")).collect();
    assert_eq!(keys[0], "(other)");
    assert_eq!(keys[1..], kept);
    let (other, used) = merged.limits.iter().next().unwrap();
    assert_eq!(
        (used.requests, used.callers.iter().map(|(_, requests)| requests).sum::<u64>()),
        (100, 100)
    );
    let consumed: u64 = merged.limits.consumption.of(other).map(|(.., requests)| requests).sum();
    assert_eq!(consumed, 100);
    let report = Report::new(&merged, LineAccount::default(), &[]);
    let expected = "At most 200 rate limits are told apart, by names of at most 2,048 bytes: others, \
                    with 100 requests, are counted as (other).";
    assert_eq!(report.folded, [expected]);
}

#[test]
fn many_limits_have_wider_intervals_however_many_workers_counted_them() {
    let logs = Logs(tempfile::tempdir().unwrap());
    let write = |name: &str, minutes: std::ops::Range<i64>| {
        let line = |(minute, upstream): (i64, i64)| {
            let line = json!({
                "requestTimeEpoch": 1_773_100_800_000 + 60_000 * minute, "httpMethod": "GET",
                "path": "/a", "status": "200", "upstream": format!("u{upstream:03}"),
                "rlLimit": "5000", "rlRemaining": "10", "userArn": "arn:aws:iam::123456789012:user/ana",
            });
            format!("{line}\n")
        };
        let path = logs.0.path().join(name);
        let lines = minutes.flat_map(|minute| (0..150).map(move |upstream| (minute, upstream)));
        std::fs::write(&path, lines.map(line).collect::<String>()).unwrap();
        Input::File(path)
    };
    // Of 150 limits each may have 666 intervals.
    let parts = [write("a.log", 0..400), write("b.log", 400..700)];
    let whole = gathered(Analysis::default(), &parts);
    for (_, used) in whole.limits.iter() {
        assert_eq!((used.series.interval_ms(), used.series.iter().count()), (300_000, 140));
        assert_eq!(used.series.iter().map(|(_, level)| level.requests).sum::<u64>(), 700);
    }
    let [mut merged, more] = parts.map(|part| gathered(Analysis::default(), &[part]));
    let narrow = merged.limits.iter().all(|(_, used)| used.series.interval_ms() == 60_000);
    assert!(narrow, "a part has fewer than that");
    merged.merge(more);
    assert_eq!(merged.limits, whole.limits);
}
