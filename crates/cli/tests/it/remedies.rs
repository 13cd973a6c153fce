//! What a report proposes is done, and the log decided again: exactly what was promised is allowed.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{self, Folder, allow, stdout, tollgate, top};

fn analyze(arguments: &[&str]) -> Value {
    analyze_log("fixtures/github-proxy/logs", arguments)
}

fn analyze_log(log: &str, arguments: &[&str]) -> Value {
    let arguments = [&["analyze", "--format", "json", log], arguments].concat();
    support::json(&tollgate(&arguments).output().unwrap())
}

/// A copy of the example's account.
fn copy(to: &Path) {
    let from = top().join("fixtures/github-proxy");
    fs::create_dir(to.join("policies")).unwrap();
    fs::copy(from.join("tollgate.toml"), to.join("tollgate.toml")).unwrap();
    for entry in fs::read_dir(from.join("policies")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join("policies").join(path.file_name().unwrap())).unwrap();
    }
}

/// Adds a statement to a policy file.
fn add_to_file(path: &Path, statement: &Value) {
    let mut policy: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    policy["Statement"].as_array_mut().unwrap().push(statement.clone());
    fs::write(path, policy.to_string()).unwrap();
}

/// Gives a principal one policy more, in the text of the manifest.
fn attach(folder: &Path, principal: &str, statement: &Value) {
    let policy = json!({ "Version": "2012-10-17", "Statement": [statement] });
    fs::write(folder.join("policies/remedy.json"), policy.to_string()).unwrap();
    let path = folder.join("tollgate.toml");
    let manifest = fs::read_to_string(&path).unwrap();
    let arn = format!("arn      = \"{principal}\"\n");
    let more = "policies/remedy.json";
    let manifest = match manifest.split_once(&arn) {
        None => {
            let entry = format!("[[principal]]\narn = \"{principal}\"\npolicies = [\"{more}\"]\n");
            manifest.replacen("[[api]]", &format!("{entry}\n[[api]]"), 1)
        }
        Some((before, after)) => match after.strip_prefix("policies = [") {
            Some(rest) => format!("{before}{arn}policies = [\"{more}\", {rest}"),
            None => format!("{before}{arn}policies = [\"{more}\"]\n{after}"),
        },
    };
    fs::write(path, manifest).unwrap();
}

fn apply(folder: &Path, change: &Value) {
    let statement = &change["statement"];
    match change["policyType"].as_str().unwrap() {
        "identity" => attach(folder, change["attachedTo"].as_str().unwrap(), statement),
        "permissionsBoundary" => add_to_file(&folder.join("policies/boundary.json"), statement),
        "resource" => add_to_file(&folder.join("policies/api.json"), statement),
        "serviceControl" => add_to_file(&folder.join("policies/full-access.json"), statement),
        other => assert_eq!(other, "", "no such layer in the example"),
    }
}

fn sum(remedy: &Value, all: bool) -> u64 {
    let also = remedy["alsoAllows"].as_array().unwrap().iter();
    also.filter(|each| each["all"] == all).map(|each| each["requests"].as_u64().unwrap()).sum()
}

#[test]
fn what_is_proposed_allows_what_was_promised_and_nothing_else() {
    let report = analyze(&["--account", "fixtures/github-proxy/tollgate.toml"]);
    let remedies = report["remedies"].as_array().unwrap();
    let mut tried = 0;
    for remedy in remedies.iter().filter(|remedy| remedy["changes"] != json!([])) {
        let folder = tempfile::tempdir().unwrap();
        copy(folder.path());
        remedy["changes"].as_array().unwrap().iter().for_each(|each| apply(folder.path(), each));
        let manifest = folder.path().join("tollgate.toml");
        let against = ["--against", "fixtures/github-proxy/tollgate.toml"];
        let account = ["--account", manifest.to_str().unwrap()];
        let changes = &analyze(&[account, against].concat())["changes"];
        let least = remedy["allows"].as_u64().unwrap() + sum(remedy, true);
        assert_eq!(remedy["mayAllow"], 0, "{remedy:#}");
        let allowed = changes["newlyAllowed"].as_u64().unwrap();
        assert!((least..=least + sum(remedy, false)).contains(&allowed), "{allowed}: {remedy:#}");
        assert_eq!(changes["newlyDenied"], 0, "{remedy:#}");
        assert_eq!(remedy["decision"], "allowed");
        assert_eq!(remedy["allows"], remedy["requests"], "{remedy:#}");
        tried += 1;
    }
    assert!(tried >= 4, "{remedies:#?}");
}

#[test]
fn against_an_explicit_deny_nothing_is_proposed_but_the_deny_is_named() {
    let report = analyze(&["--account", "fixtures/github-proxy/tollgate.toml"]);
    let denied = report["denied"].as_array().unwrap().iter();
    let explicit = denied
        .filter(|group| group["decision"] == "explicitDeny" && group["caller"] != "anonymous");
    let mut seen = 0;
    for group in explicit {
        let remedies = report["remedies"].as_array().unwrap().iter();
        let of_it: Vec<&Value> =
            remedies.filter(|each| each["blockedBy"] == group["determinedBy"]).collect();
        assert!(!of_it.is_empty(), "{group:#}");
        assert!(of_it.iter().all(|each| each["changes"] == json!([]) && each["allows"] == 0));
        seen += 1;
    }
    assert!(seen > 0);
}

#[test]
fn requests_that_passed_and_that_no_policy_allows_are_counted() {
    let report = analyze(&["--account", "fixtures/github-proxy/tollgate.toml"]);
    let groups = report["agreement"]["disagreements"].as_array().unwrap().iter();
    let passed =
        groups.filter(|group| group["logged"] == "passed" && group["decision"] != "allowed");
    let requests: u64 = passed.map(|group| group["requests"].as_u64().unwrap()).sum();
    assert_eq!(report["agreement"]["unexplained"], requests);
    assert!(requests > 0);
    let listed = report["unexplained"].as_array().unwrap().iter();
    assert_eq!(listed.map(|group| group["requests"].as_u64().unwrap()).sum::<u64>(), requests);
}

const CALL: &str = "arn:aws:execute-api:eu-west-1:123456789012:shop/prod/GET/orders/7";
const ELSE: &str = "arn:aws:execute-api:eu-west-1:123456789012:shop/prod/GET/stock";

/// An account of one role, one API and two levels of service control policies. Each layer is what one
/// statement says: its effect and its resource, or nothing.
struct Layers {
    /// The role's account.
    of: &'static str,
    identity: Option<(&'static str, &'static str)>,
    boundary: Option<(&'static str, &'static str)>,
    levels: [(&'static str, &'static str); 2],
    resource: Option<(&'static str, &'static str)>,
}

const EVERYTHING: (&str, &str) = ("Allow", "*");

/// Every layer allows the call.
const OPEN: Layers = Layers {
    of: "123456789012",
    identity: Some(("Allow", CALL)),
    boundary: Some(EVERYTHING),
    levels: [EVERYTHING; 2],
    resource: None,
};

fn statement((effect, resource): (&str, &str)) -> Value {
    json!({ "Effect": effect, "Action": "execute-api:Invoke", "Resource": resource })
}

impl Layers {
    fn role(&self) -> String {
        format!("arn:aws:iam::{}:role/clerk", self.of)
    }

    /// Writes the account, and a log of calls of `/orders/7` and `/stock` by a session of its role.
    fn write(&self, folder: &Path) {
        let write = |name: &str, statements: Vec<Value>| {
            let policy = json!({ "Version": "2012-10-17", "Statement": statements });
            fs::write(folder.join(name), policy.to_string()).unwrap();
        };
        write("identity.json", self.identity.map(statement).into_iter().collect());
        // What a Deny stands in the way of is allowed beside it.
        let beside = |(effect, of)| match effect {
            "Deny" => vec![statement((effect, of)), statement(EVERYTHING)],
            _ => vec![statement((effect, of))],
        };
        write("boundary.json", self.boundary.map(beside).unwrap_or_default());
        write("level0.json", beside(self.levels[0]));
        write("level1.json", beside(self.levels[1]));
        let named = |of| {
            let mut statement = statement(of);
            statement["Principal"] = json!({ "AWS": self.role() });
            statement
        };
        write("api.json", self.resource.map(named).into_iter().collect());
        let boundary = self.boundary.map_or("", |_| "boundary = \"boundary.json\"\n");
        let manifest = format!(
            "account = \"123456789012\"\nregion = \"eu-west-1\"\n\
             serviceControl = [[\"level0.json\"], [\"level1.json\"]]\n\
             [[principal]]\narn = \"{}\"\npolicies = [\"identity.json\"]\n{boundary}\
             [[api]]\nid = \"shop\"\nstages = [\"prod\"]\nresourcePolicy = \"api.json\"\n",
            self.role()
        );
        fs::write(folder.join("tollgate.toml"), manifest).unwrap();
        let line = |path: &str| {
            json!({
                "requestTimeEpoch": 1_773_100_800_000_i64, "httpMethod": "GET", "path": path,
                "resourcePath": path, "stage": "prod", "apiId": "shop", "status": "403",
                "userArn": format!("arn:aws:sts::{}:assumed-role/clerk/till-1", self.of),
            })
            .to_string()
        };
        fs::write(folder.join("access.log"), [line("/orders/7"), line("/stock")].join("\n"))
            .unwrap();
    }

    /// The remedy for the call, and how the call is decided with it, layer by layer.
    fn remedy(&self) -> Value {
        let folder = tempfile::tempdir().unwrap();
        self.write(folder.path());
        let [manifest, log] = ["tollgate.toml", "access.log"]
            .map(|name| folder.path().join(name).to_str().unwrap().to_owned());
        let report = analyze_log(&log, &["--account", &manifest]);
        let of_the_call = |remedy: &&Value| remedy["resource"] == CALL;
        let remedies = report["remedies"].as_array().unwrap();
        let remedy = remedies.iter().find(of_the_call).unwrap_or_else(|| panic!("{report:#}"));
        for change in remedy["changes"].as_array().unwrap() {
            let file = match change["policyType"].as_str().unwrap() {
                "identity" => "identity.json".to_owned(),
                "permissionsBoundary" => "boundary.json".to_owned(),
                "resource" => "api.json".to_owned(),
                "serviceControl" => format!("level{}.json", change["level"]),
                other => panic!("no layer {other}"),
            };
            add_to_file(&folder.path().join(file), &change["statement"]);
        }
        let with = analyze_log(&log, &["--account", &manifest]);
        assert_eq!(decision(&with, CALL), remedy["decision"], "{remedy:#}");
        // The other call was promised nothing.
        assert_eq!(decision(&with, ELSE), decision(&report, ELSE), "{remedy:#}");
        remedy.clone()
    }
}

/// How a refused call is decided.
fn decision(report: &Value, resource: &str) -> Value {
    let mut groups = report["denied"].as_array().unwrap().iter();
    groups.find(|group| group["resource"] == resource).unwrap()["decision"].clone()
}

/// An Allow is missing in these layers: it is proposed there and nowhere else, and does allow.
#[track_caller]
fn check_missing(layers: Layers, expected: &[Value]) {
    let remedy = layers.remedy();
    let places: Vec<Value> = remedy["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| {
            let level = &change["level"];
            if level.is_null() { change["policyType"].clone() } else { level.clone() }
        })
        .collect();
    assert_eq!(places, expected, "{remedy:#}");
    assert_eq!(remedy["decision"], "allowed", "{remedy:#}");
    assert_eq!((&remedy["allows"], &remedy["requests"]), (&json!(1), &json!(1)), "{remedy:#}");
}

#[test]
fn a_missing_allow_is_proposed_in_the_layer_that_lacks_it() {
    let other = Some(("Allow", ELSE));
    check_missing(Layers { identity: other, ..OPEN }, &[json!("identity")]);
    check_missing(Layers { boundary: other, ..OPEN }, &[json!("permissionsBoundary")]);
    check_missing(
        Layers { identity: other, boundary: other, ..OPEN },
        &[json!("identity"), json!("permissionsBoundary")],
    );
    check_missing(Layers { levels: [EVERYTHING, ("Allow", ELSE)], ..OPEN }, &[json!(1)]);
    check_missing(Layers { levels: [("Allow", ELSE), EVERYTHING], ..OPEN }, &[json!(0)]);
    check_missing(Layers { levels: [("Allow", ELSE); 2], ..OPEN }, &[json!(0), json!(1)]);
}

#[test]
fn a_caller_of_another_account_needs_an_allow_on_both_sides() {
    let elsewhere = Layers { of: "210987654321", boundary: None, ..OPEN };
    check_missing(Layers { ..elsewhere }, &[json!("resource")]);
    check_missing(
        Layers { resource: Some(("Allow", CALL)), identity: None, ..elsewhere },
        &[json!("identity")],
    );
    check_missing(
        Layers { resource: Some(("Allow", ELSE)), identity: None, ..elsewhere },
        &[json!("resource"), json!("identity")],
    );
}

/// A Deny of this layer stands in the way: it is named, and nothing is proposed.
#[track_caller]
fn check_blocked(layers: Layers, layer: &str, file: &str) {
    let remedy = layers.remedy();
    let blocking = &remedy["blockedBy"][0];
    let policy = Path::new(blocking["policy"].as_str().unwrap());
    assert_eq!(blocking["policyType"], layer);
    assert_eq!(policy.file_name().unwrap(), file);
    assert_eq!(remedy["changes"], json!([]));
    assert_eq!(remedy["decision"], "explicitDeny");
    assert_eq!(remedy["allows"], 0);
}

#[test]
fn a_deny_of_any_layer_is_named() {
    let deny = ("Deny", "arn:aws:execute-api:*:*:shop/*");
    check_blocked(Layers { identity: Some(deny), ..OPEN }, "identity", "identity.json");
    check_blocked(Layers { boundary: Some(deny), ..OPEN }, "permissionsBoundary", "boundary.json");
    check_blocked(Layers { levels: [deny, EVERYTHING], ..OPEN }, "serviceControl", "level0.json");
    check_blocked(Layers { levels: [EVERYTHING, deny], ..OPEN }, "serviceControl", "level1.json");
    check_blocked(Layers { resource: Some(deny), ..OPEN }, "resource", "api.json");
}

const ANA: &str = "arn:aws:iam::123456789012:user/ana";

/// An account in which Ana may call nothing that is called.
fn without_allows(folder: &Folder) -> String {
    folder.policy("p.json", &json!([allow("arn:aws:execute-api:*:*:shop/prod/GET/none")]));
    let manifest = format!(
        "account = \"123456789012\"\nregion = \"eu-west-1\"\n[[principal]]\narn = \"{ANA}\"\n\
         policies = [\"p.json\"]\n[[api]]\nid = \"shop\"\nstages = [\"prod\"]\n"
    );
    folder.write("tollgate.toml", &manifest)
}

/// One that is not looked for is not thought not to be there.
#[test]
fn denials_without_a_remedy_are_counted_and_others_are_a_table() {
    let folder = Folder::new();
    let account = without_allows(&folder);
    let calls: Vec<String> = ('a'..='v').map(|name| format!("GET /{name}")).collect();
    let mut calls: Vec<_> = calls.iter().map(|call| (ANA, &**call, 403, "10.0.0.1")).collect();
    calls.extend(calls.clone().iter().take(20));
    let log = folder.log(&calls);
    let own = ["analyze", "--account", &account, &log, "--format"];
    let report = |format: &[&str]| stdout(&tollgate(&[&own, format].concat()).output().unwrap());
    for format in ["text", "json", "markdown", "html"] {
        let report = report(&[format, "--top", "3"]).replace("\n  ", " ");
        let said = "in their 20 most frequent groups: not in 2 others, of 2 requests.";
        assert!(report.contains(said), "{report}");
    }
    let table = report(&["csv", "--table", "remedies"]);
    assert_eq!(table.lines().count(), 21, "{table}");
    let first = table.lines().nth(1).unwrap();
    let statement = r#"{""Action"":""execute-api:Invoke"",""Effect"":""Allow"",""Resource"":"#;
    for part in [ANA, ",identity,", statement] {
        assert!(first.contains(part), "{first}");
    }
}

/// It is to be copied from there.
#[test]
fn a_statement_is_json_on_a_page_too() {
    let folder = Folder::new();
    let account = without_allows(&folder);
    let log = folder.log(&[(ANA, "GET /a\u{1b}\u{202e}\\b", 403, "10.0.0.1")]);
    let own = ["analyze", "--account", &account, &log, "--format"];
    let page = stdout(&tollgate(&[&own[..], &["html"]].concat()).output().unwrap());
    let (_, statements) = page.split_once("id=\"statements\">").unwrap();
    let (statements, _) = statements.split_once("</script>").unwrap();
    let shown: Vec<Vec<String>> = serde_json::from_str(statements).unwrap();
    assert!(shown[0][0].contains(r"GET/a\u001b\u202e\\b"), "{shown:?}");
    let report = analyze_log(&log, &["--account", &account]);
    let statement = &report["remedies"][0]["changes"][0]["statement"];
    assert_eq!(serde_json::from_str::<Value>(&shown[0][0]).unwrap(), *statement);
}
