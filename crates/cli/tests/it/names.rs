//! Names that a log or an account holds, as reports show them: each caller and each statement by its
//! own, and all of them in a line.

use serde_json::json;

use crate::support::{Folder, allow, run, stdout, tollgate};

fn analyze(arguments: &[&str], log: &[serde_json::Value]) -> String {
    let log: String = log.iter().map(|line| format!("{line}\n")).collect();
    stdout(&run(&mut tollgate(&[&["analyze"], arguments, &["-"]].concat()), log.as_bytes()))
}

#[test]
fn callers_of_different_accounts_are_told_apart() {
    let log = ["111111111111", "222222222222"].map(|account| {
        json!({
            "userArn": format!("arn:aws:sts::{account}:assumed-role/web/s-1"),
            "httpMethod": "GET", "resourcePath": "/a", "status": "200",
        })
    });
    for format in ["text", "markdown"] {
        let report = analyze(&["--group-by", "role", "--format", format], &log);
        for name in ["web/s-1", "role/web"] {
            for account in ["111111111111", "222222222222"] {
                assert_eq!(report.matches(&format!("{name} ({account})")).count(), 1, "{report}");
            }
        }
    }
    let alone = analyze(&[], &log[..1]);
    assert!(alone.contains(" web/s-1 ") && !alone.contains("(111111111111)"), "{alone}");
}

#[test]
fn who_was_denied_is_told_apart_from_who_was_not() {
    let call = |account: &str, status: &str| {
        json!({
            "userArn": format!("arn:aws:iam::{account}:user/ana"), "apiId": "a1b2c3d4e5",
            "stage": "prod", "httpMethod": "GET", "resourcePath": "/a", "path": "/a",
            "status": status, "ip": "10.1.2.3",
        })
    };
    let log = [call("123456789012", "200"), call("999988887777", "403")];
    for format in ["text", "markdown"] {
        let account = ["--account", "fixtures/github-proxy/tollgate.toml", "--format", format];
        let report = analyze(&account, &log);
        let (_, denied) = report.split_once("Denied").unwrap();
        assert!(denied.contains("user/ana (999988887777)"), "{report}");
    }
}

#[test]
fn of_no_requests_no_times_are_missing() {
    for format in ["text", "markdown"] {
        let report =
            analyze(&["--since", "2030-01-01", "--format", format], &[json!({"status": "200"})]);
        assert!(report.contains("0 callers on 0 routes\n"), "{report}");
        assert!(!report.contains("not told"), "{report}");
    }
}

/// Whatever a client can choose, with what would begin a line of the report.
#[test]
fn a_name_forges_no_line() {
    const FORGED: &str = "x\nFORGED\u{202e}";
    let line = json!({
        "userArn": format!("arn:aws:sts::123456789012:assumed-role/{FORGED}/{FORGED}"),
        "requestTimeEpoch": 1_773_100_800_000_u64,
        "httpMethod": FORGED, "resourcePath": format!("/{FORGED}"), "path": format!("/{FORGED}"),
        "apiId": "a1b2c3d4e5", "stage": "prod", "status": "429", "sourceIp": FORGED,
        "userAgent": FORGED, "errorType": FORGED, "upstream": FORGED, "credential": FORGED,
        "rlLimit": "10", "rlRemaining": "0", "rlReset": "1773104400", "rlResource": FORGED,
    });
    let account = ["--account", "fixtures/github-proxy/tollgate.toml"];
    let grouped = ["--group-by", "caller,error,upstream", "--group-by", "agent,network,credential"];
    for format in ["text", "markdown"] {
        let arguments = [&account[..], &grouped, &["--format", format]].concat();
        let report = analyze(&arguments, std::slice::from_ref(&line));
        assert!(report.contains("x\\nFORGED\\u{202e}"), "{report}");
        assert!(!report.contains('\u{202e}'), "{report}");
        let forged = report.lines().find(|line| line.trim_start().starts_with("FORGED"));
        assert_eq!(forged, None, "{report}");
    }
    let page = analyze(&[&account[..], &grouped, &["--format", "html"]].concat(), &[line]);
    // In the page, it is data of a script: in which a backslash is two.
    assert!(page.contains(r"x\\nFORGED\\u{202e}"), "{page}");
    // A statement to add is JSON itself.
    let page = page.replace(r"\\u202e", "");
    assert!(
        !page.contains(['\u{202e}']) && !page.contains("u202e") && !page.contains(r"x\nFORGED")
    );
}

#[test]
fn statements_are_counted_alike_in_every_format() {
    let folder = Folder::new();
    let mut deny = allow("*");
    deny["Effect"] = "Deny".into();
    folder.policy("p.json", &json!([allow("*"), deny]));
    let ana = "arn:aws:iam::123456789012:user/ana";
    let manifest = format!(
        "account = \"123456789012\"\nregion = \"eu-west-1\"\n[[principal]]\narn = \"{ana}\"\n\
         policies = [\"p.json\"]\n[[api]]\nid = \"shop\"\nstages = [\"prod\"]\n"
    );
    let account = folder.write("tollgate.toml", &manifest);
    let log = folder.log(&[(ana, "GET /a", 403, "10.0.0.1")]);
    let own = ["analyze", "--account", &account, &log, "--format"];
    for (format, expected) in [
        (&["text"][..], "statement 1\n"),
        (&["markdown"], "`statement 1`"),
        (&["csv", "--table", "denied"], " statement 1,"),
        (&["json"], "\"statement\": 1"),
    ] {
        let report = stdout(&tollgate(&[&own, format].concat()).output().unwrap());
        assert!(report.contains(expected), "{report}");
    }
}
