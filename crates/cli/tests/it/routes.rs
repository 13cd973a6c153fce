//! Routes that authorize otherwise than their API, as the gateway obeys them: so does every replay.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{self, tollgate};

const WEB: &str = "arn:aws:sts::111122223333:assumed-role/web/s";
const ARN: &str = "arn:aws:execute-api:eu-west-1:111122223333:a1b2c3/prod/";

/// An API that authorizes in one way, and one route of it in another, `GET /open/{id}`.
fn write_account(path: &Path, api: &str, route: &str) {
    let statement = json!({ "Effect": "Allow", "Action": "execute-api:Invoke", "Resource": format!("{ARN}GET/own/*") });
    let policy = json!({ "Version": "2012-10-17", "Statement": statement });
    fs::write(path.with_file_name("web.json"), policy.to_string()).unwrap();
    let manifest = format!(
        "account = \"111122223333\"\nregion = \"eu-west-1\"\n\
         [[principal]]\narn = \"arn:aws:iam::111122223333:role/web\"\npolicies = [\"web.json\"]\n\
         [[api]]\nid = \"a1b2c3\"\nstages = [\"prod\"]\nauthorization = \"{api}\"\n\
         [[api.route]]\npath = \"/open/{{id}}\"\nmethods = [\"GET\"]\nauthorization = \"{route}\"\n"
    );
    fs::write(path, manifest).unwrap();
}

/// Calls that were refused or passed: who, method, path, status. The path is told by itself, by the
/// route, or by the ARN.
fn log(calls: &[(&str, &str, &str, u16)]) -> String {
    let line = |(number, &(caller, method, path, status)): (usize, &(&str, &str, &str, u16))| {
        let mut line = json!({
            "requestTimeEpoch": 1_773_100_800_000_i64 + number as i64 * 60_000, "apiId": "a1b2c3",
            "stage": "prod", "httpMethod": method, "userArn": caller, "status": status,
        });
        match number % 3 {
            0 => line["path"] = json!(format!("/prod{path}")),
            1 => line["path"] = json!(path),
            _ => line["resource"] = json!(format!("{ARN}{method}{path}")),
        }
        format!("{line}\n")
    };
    calls.iter().enumerate().map(line).collect()
}

/// What is decided of each call: all that are not both allowed and passed are told.
#[track_caller]
fn check(api: &str, route: &str, calls: &[(&str, &str, &str, u16)], expected: &[(&str, &str)]) {
    let folder = tempfile::tempdir().unwrap();
    let (manifest, lines) = (folder.path().join("tollgate.toml"), folder.path().join("log.jsonl"));
    write_account(&manifest, api, route);
    fs::write(&lines, log(calls)).unwrap();
    let [manifest, lines] = [manifest, lines].map(|path| path.to_str().unwrap().to_owned());
    let arguments = ["analyze", "--format", "json", "--account", &manifest, &lines];
    let report = support::json(&tollgate(&arguments).output().unwrap());
    let mut told: Vec<&Value> = ["denied", "disagreements"]
        .into_iter()
        .flat_map(|list| report[list].as_array().into_iter().flatten())
        .chain(report["agreement"]["disagreements"].as_array().into_iter().flatten())
        .collect();
    told.sort_by_key(|group| group["first"].as_str().unwrap().to_owned());
    told.dedup_by_key(|group| group["first"].as_str().unwrap().to_owned());
    let text = |group: &Value, name: &str| group[name].as_str().unwrap_or("undecided").to_owned();
    let told: Vec<_> =
        told.into_iter().map(|it| (text(it, "caller"), text(it, "decision"))).collect();
    let expected: Vec<_> =
        expected.iter().map(|(who, what)| ((*who).to_owned(), (*what).to_owned())).collect();
    assert_eq!(told, expected, "{report:#}");
}

#[test]
fn a_route_without_authorization_is_public() {
    check(
        "AWS_IAM",
        "NONE",
        &[
            ("-", "GET", "/open/1", 200),
            ("-", "GET", "/open/2", 200),
            (WEB, "GET", "/own/1", 200),
            ("-", "POST", "/open/1", 403),
            (WEB, "GET", "/open/1/2", 403),
        ],
        &[("anonymous", "implicitDeny"), (WEB, "implicitDeny")],
    );
}

#[test]
fn a_route_that_is_signed_for_is_not_public() {
    check(
        "NONE",
        "AWS_IAM",
        &[
            ("-", "GET", "/open/1", 403),
            (WEB, "GET", "/open/2", 403),
            (WEB, "GET", "/open/3", 403),
            ("-", "POST", "/open/1", 200),
            ("-", "GET", "/", 200),
        ],
        &[("anonymous", "implicitDeny"), (WEB, "implicitDeny"), (WEB, "implicitDeny")],
    );
}

/// The API has one stage, so that is the stage of calls whose log does not tell it, also in their paths.
#[test]
fn a_stage_that_only_the_account_tells_is_left_out_of_paths() {
    let folder = tempfile::tempdir().unwrap();
    let (manifest, lines) = (folder.path().join("tollgate.toml"), folder.path().join("log.jsonl"));
    write_account(&manifest, "AWS_IAM", "NONE");
    let line = |path: &str, route: &str| {
        let line = json!({
            "requestTimeEpoch": 1_773_100_800_000_i64, "apiId": "a1b2c3", "httpMethod": "GET",
            "path": path, "resourcePath": route, "userArn": WEB, "status": 200,
        });
        format!("{line}\n")
    };
    let paths =
        [("/prod/own/1", "/own/{id}"), ("/own/1", "/own/{id}"), ("/prod/own/1", "/{proxy+}")];
    fs::write(&lines, paths.map(|(path, route)| line(path, route)).concat()).unwrap();
    let [manifest, lines] = [manifest, lines].map(|path| path.to_str().unwrap().to_owned());
    let run = |more: &[&str]| {
        let arguments = ["analyze", "--format", "json", "--account", &manifest, &lines];
        support::json(&tollgate(&[&arguments, more].concat()).output().unwrap())
    };
    assert_eq!(run(&[])["agreement"]["agreeing"], 3);
    assert_eq!(run(&["--filter", "path=\"/own/1\""])["agreement"]["agreeing"], 3);
}

/// The check before a change ships: a public route is closed.
#[test]
fn closing_a_route_denies_its_calls_newly() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (name, route) in [("open", "NONE"), ("closed", "AWS_IAM")] {
        fs::create_dir(path(name)).unwrap();
        write_account(&path(name).join("tollgate.toml"), "AWS_IAM", route);
    }
    let calls = [("-", "GET", "/open/1", 200), (WEB, "GET", "/own/1", 200)];
    fs::write(path("log.jsonl"), log(&calls)).unwrap();
    let text = |name: &str| path(name).to_str().unwrap().to_owned();
    let (new, old, log) =
        (text("closed/tollgate.toml"), text("open/tollgate.toml"), text("log.jsonl"));
    let gate = |new: &str, old: &str, on: &str| {
        let arguments = ["analyze", "--account", new, "--against", old, "--fail-on", on, &log];
        tollgate(&arguments).output().unwrap().status.code()
    };
    assert_eq!(gate(&new, &old, "newly-denied"), Some(1));
    assert_eq!(gate(&old, &new, "newly-allowed"), Some(1));
    assert_eq!(gate(&old, &old, "newly-denied"), Some(0));
}

/// What a filter asks for is what the report shows, also where only the account tells it.
#[test]
fn a_filter_finds_the_routes_that_reports_show() {
    let own = ["--account", "fixtures/github-proxy/tollgate.toml", "fixtures/github-proxy/logs"];
    let report = |more: &[&str]| {
        let arguments = [&["analyze", "--format", "json"], &own[..], more].concat();
        support::json(&tollgate(&arguments).output().unwrap())
    };
    let all = report(&["--group-by", "upstream"]);
    let routes = all["usage"]["routes"].as_array().unwrap();
    let of_search = routes.iter().filter(|it| it["route"].as_str().unwrap().contains("search"));
    let of_search: u64 = of_search.map(|it| it["requests"].as_u64().unwrap()).sum();
    assert!(of_search > 0);
    let requests = |filter: &str| report(&["--filter", filter])["usage"]["requests"].clone();
    assert_eq!(requests("route~\"search\""), of_search);
    // A call along no route of the manifest has none.
    let groups = all["breakdowns"][0]["groups"].as_array().unwrap();
    for group in groups {
        let upstream = group["values"][0].as_str().unwrap();
        assert_eq!(requests(&format!("upstream=\"{upstream}\"")), group["requests"], "{upstream}");
    }
    assert!(groups.iter().any(|group| group["values"][0] == "-"));
    // In the text, a method stands before the route, and an ARN is short.
    let route = &routes[0];
    let [method, path] = ["method", "route"].map(|name| route[name].as_str().unwrap());
    assert_eq!(requests(&format!("route=\"{method} {path}\"")), route["requests"]);
    let others = all["usage"]["requests"].as_u64().unwrap() - route["requests"].as_u64().unwrap();
    assert_eq!(requests(&format!("route!=\"{method} {path}\"")), others);
    for caller in all["usage"]["callers"].as_array().unwrap().iter().take(2) {
        let name = caller["caller"].as_str().unwrap();
        let short = name.split_once(":assumed-role/").unwrap().1;
        assert_eq!(requests(&format!("caller=\"{short}\"")), caller["requests"], "{name}");
    }
}
