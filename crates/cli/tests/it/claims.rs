//! What a report says of denied calls and of what would allow them, where it must be careful.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Folder, allow, allow_if, json, shop, stdout, tollgate};

const CLERK: &str = "arn:aws:sts::123456789012:assumed-role/clerk/till-1";
const ROLE: &str = "arn:aws:iam::123456789012:role/clerk";
const IP: &str = "10.0.0.1";

/// A role with a boundary, and an API with a route that has a parameter.
fn account() -> Folder {
    let folder = Folder::new();
    folder.policy("identity.json", &json!([allow(&shop("GET/stock"))]));
    folder.policy("boundary.json", &json!([allow("*")]));
    let manifest = format!(
        "account = \"123456789012\"\nregion = \"eu-west-1\"\n\
         [[principal]]\narn = \"{ROLE}\"\npolicies = [\"identity.json\"]\nboundary = \"boundary.json\"\n\
         [[api]]\nid = \"shop\"\nstages = [\"prod\"]\n\
         [[api.route]]\npath = \"/orders/{{id}}\"\n[[api.route]]\npath = \"/orders/{{id}}/items/{{item}}\"\n"
    );
    folder.write("tollgate.toml", &manifest);
    folder
}

fn report(folder: &Folder) -> Value {
    let [account, log] = ["tollgate.toml", "access.log"].map(|name| folder.path(name));
    json(&tollgate(&["analyze", "--format", "json", "--account", &account, &log]).output().unwrap())
}

fn text(folder: &Folder, more: &[&str]) -> String {
    let [account, log] = ["tollgate.toml", "access.log"].map(|name| folder.path(name));
    let arguments = [&["analyze", "--account", &account, &log], more].concat();
    stdout(&tollgate(&arguments).output().unwrap())
}

#[track_caller]
fn remedy(folder: &Folder, of: &str) -> Value {
    let report = report(folder);
    let mut remedies = report["remedies"].as_array().unwrap().iter();
    remedies.find(|remedy| remedy["resource"] == of).unwrap_or_else(|| panic!("{report:#}")).clone()
}

/// How many calls of clerk are allowed at least, and how many more may be.
#[track_caller]
fn check_allows(folder: &Folder, of: &str, expected: (u64, u64)) {
    let remedy = remedy(folder, of);
    let count = |name: &str| remedy[name].as_u64().unwrap();
    assert_eq!((count("allows"), count("mayAllow")), expected, "{remedy:#}");
}

const ORDERS: [(&str, &str, u16, &str); 4] = [
    (CLERK, "POST /orders/1", 403, IP),
    (CLERK, "POST /orders/2", 403, IP),
    (CLERK, "POST /orders/3", 403, "192.168.1.1"),
    (CLERK, "POST /orders/4", 403, "192.168.1.1"),
];

#[test]
fn a_remedy_is_sure_of_calls_that_no_policy_tells_apart() {
    let folder = account();
    folder.log(&ORDERS);
    let of = shop("POST/orders/*");
    check_allows(&folder, &of, (4, 0));
    // Another Allow, or a Deny, of what is not among them.
    folder.policy(
        "boundary.json",
        &json!([
            allow(&shop("*")), allow(&shop("GET/orders/1")),
            { "Effect": "Deny", "Action": "*", "Resource": shop("DELETE/*") },
        ]),
    );
    check_allows(&folder, &of, (4, 0));
    // A Deny whose keys the log tells applies to none of them, or they were denied by it.
    let outside = json!({ "NotIpAddress": { "aws:SourceIp": ["10.0.0.0/8", "192.168.0.0/16"] } });
    folder.policy("boundary.json", &json!([
        allow(&shop("*")), { "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": outside },
    ]));
    check_allows(&folder, &of, (4, 0));
}

#[test]
fn a_remedy_is_sure_of_the_kept_call_alone_where_policies_tell_the_others_apart() {
    let folder = account();
    folder.log(&ORDERS);
    let of = shop("POST/orders/*");
    folder.policy("boundary.json", &json!([allow(&shop("POST/orders/1")), allow(&shop("GET/*"))]));
    check_allows(&folder, &of, (1, 3));
    let inside = json!({ "IpAddress": { "aws:SourceIp": "10.0.0.0/8" } });
    folder.policy("boundary.json", &json!([allow_if("*", &inside)]));
    check_allows(&folder, &of, (1, 3));
    assert!(text(&folder, &[]).contains("1 to 4 of them allowed, as policies may tell them apart"));
    assert!(text(&folder, &["--format", "markdown"]).contains("then `1 to 4 of them allowed,"));
    // Of one resource, the addresses may differ.
    let [one, two] = [IP, "192.168.1.1"].map(|ip| (CLERK, "POST /carts", 403, ip));
    folder.log(&[one, two, two]);
    check_allows(&folder, &shop("POST/carts"), (1, 2));
}

#[test]
fn calls_that_are_denied_explicitly_are_not_among_what_else_is_allowed() {
    let folder = account();
    let deny = json!({ "Sid": "NotTwo", "Effect": "Deny", "Action": "*", "Resource": [shop("*/orders/2"), shop("*/orders/3")] });
    folder.policy("identity.json", &json!([deny]));
    let items = (CLERK, "POST /orders/1/items/7", 403, IP);
    folder.log(&[&ORDERS[..], &ORDERS[..1], &[items]].concat());
    let remedy = remedy(&folder, &shop("POST/orders/*"));
    assert_eq!(remedy["allows"], 3, "{remedy:#}");
    let also = json!([{
        "caller": CLERK, "resource": shop("POST/orders/1/items/7"), "requests": 1, "all": true,
    }]);
    assert_eq!(remedy["alsoAllows"], also);
}

#[test]
fn what_else_is_allowed_is_told_once_however_it_was_answered() {
    let folder = account();
    let items = [403, 429, 429].map(|status| (CLERK, "POST /orders/1/items/7", status, IP));
    folder.log(&[&ORDERS[..], &items].concat());
    let also = json!([{
        "caller": CLERK, "resource": shop("POST/orders/1/items/7"), "requests": 3, "all": true,
    }]);
    assert_eq!(remedy(&folder, &shop("POST/orders/*"))["alsoAllows"], also);
}

#[test]
fn a_boundary_or_session_policy_is_changed_for_all_who_have_it() {
    for layer in ["boundary", "session"] {
        let folder = account();
        folder.policy("identity.json", &json!([allow("*")]));
        folder.policy("shared.json", &json!([allow(&shop("GET/*"))]));
        let role = |name: &str| {
            format!(
                "[[principal]]\narn = \"arn:aws:iam::123456789012:role/{name}\"\n\
                 policies = [\"identity.json\"]\n{layer} = \"shared.json\"\n"
            )
        };
        let manifest = format!(
            "account = \"123456789012\"\nregion = \"eu-west-1\"\n{}{}{}\
             [[api]]\nid = \"shop\"\nstages = [\"prod\"]\n",
            role("clerk"),
            role("guard"),
            role("idle"),
        );
        folder.write("tollgate.toml", &manifest);
        let guard = "arn:aws:sts::123456789012:assumed-role/guard/g";
        folder.log(&[
            (CLERK, "POST /orders", 403, IP),
            (CLERK, "POST /orders", 403, IP),
            (guard, "POST /orders", 403, IP),
        ]);
        let report = report(&folder);
        let remedy = &report["remedies"][0];
        let change = &remedy["changes"][0];
        assert_eq!(change["attachedTo"], ROLE, "{remedy:#}");
        assert_eq!(change["policy"], folder.path("shared.json"));
        assert_eq!(change["sharedWith"], 2);
        let also = json!([{ "caller": guard, "resource": shop("POST/orders"), "requests": 1, "all": true }]);
        assert_eq!(remedy["alsoAllows"], also, "{remedy:#}");
        let text = text(&folder, &[]);
        assert!(text.contains("shared.json, which is that of 2 other principals too"), "{text}");
    }
}

/// In a document of 2008 `${*}` is text, so a change that needs it says which version it needs; a `$` that
/// begins no variable stands for itself in any.
#[test]
fn a_statement_that_escapes_names_the_version_that_it_needs() {
    let folder = account();
    folder.log(&[(CLERK, "POST /a*b", 403, IP), (CLERK, "POST /a$b", 403, IP)]);
    for (of, version) in [("POST/a${*}b", json!("2012-10-17")), ("POST/a$b", Value::Null)] {
        let remedy = remedy(&folder, &shop(of));
        let change = &remedy["changes"][0];
        assert_eq!(
            (&change["statement"]["Resource"], &change["version"]),
            (&json!(shop(of)), &version)
        );
        assert_eq!(remedy["allows"], 1);
    }
    for format in ["text", "markdown"] {
        let text = text(&folder, &["--format", format]);
        assert_eq!(text.matches("in a document of Version 2012-10-17").count(), 1, "{text}");
    }
}

/// A reviewer must see all that is given up, not what failed first.
#[test]
fn a_remedy_names_every_condition_that_it_passes_over() {
    let folder = account();
    let conditions = json!({
        "IpAddress": { "aws:SourceIp": "192.168.0.0/16" },
        "Bool": { "aws:MultiFactorAuthPresent": "true" },
    });
    folder.policy("identity.json", &json!([allow_if(&shop("POST/orders"), &conditions)]));
    folder.log(&[(CLERK, "POST /orders", 403, IP)]);
    let remedy = remedy(&folder, &shop("POST/orders"));
    assert_eq!(remedy["passesOver"]["condition"], "IpAddress aws:SourceIp");
    let all = ["IpAddress aws:SourceIp", "Bool aws:MultiFactorAuthPresent"];
    let mut named = remedy["passesOverConditions"].as_array().unwrap().clone();
    named.sort_by_key(|name| all.iter().position(|known| name == known));
    assert_eq!(named, all);
    let text = text(&folder, &[]);
    let named = named.iter().map(|name| name.as_str().unwrap());
    let passes = |order: Vec<&str>| text.contains(&format!("over {} of ", order.join(" and ")));
    assert!(passes(named.clone().collect()) || passes(named.rev().collect()), "{text}");
}

/// A caller of another account has its own organization's control policies; those of the account's own
/// callers stay as they are.
#[test]
fn control_policies_stay_in_force_for_others() {
    let folder = account();
    let partner = "arn:aws:sts::999988887777:assumed-role/partner/p";
    folder.policy("all.json", &json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }]));
    folder.policy(
        "scp.json",
        &json!([{ "Effect": "Allow", "Action": "*", "Resource": shop("GET/*") }]),
    );
    folder.policy("read.json", &json!([allow(&shop("GET/*"))]));
    let mut named = allow(&shop("GET/*"));
    named["Principal"] = json!({ "AWS": "arn:aws:iam::999988887777:role/partner" });
    folder.policy("api.json", &json!([named]));
    let manifest = format!(
        "account = \"123456789012\"\nregion = \"eu-west-1\"\n\
         serviceControl = [[\"all.json\"], [\"scp.json\"]]\n\
         [[principal]]\narn = \"{ROLE}\"\npolicies = [\"all.json\"]\n\
         [[principal]]\narn = \"arn:aws:iam::999988887777:role/partner\"\n\
         policies = [\"read.json\"]\nboundary = \"read.json\"\n\
         [[api]]\nid = \"shop\"\nstages = [\"prod\"]\nresourcePolicy = \"api.json\"\n"
    );
    folder.write("tollgate.toml", &manifest);
    folder.log(&[
        (partner, "POST /orders", 403, IP),
        (partner, "POST /orders", 403, IP),
        (CLERK, "POST /orders", 403, IP),
    ]);
    let report = report(&folder);
    let remedy = &report["remedies"][0];
    assert_eq!((&remedy["allows"], &remedy["alsoAllows"]), (&json!(2), &json!([])), "{remedy:#}");
    // One that changes a control policy changes it for its own account.
    let remedy = &report["remedies"][1];
    assert_eq!((&remedy["allows"], &remedy["alsoAllows"]), (&json!(1), &json!([])), "{remedy:#}");
}

/// Such an ARN is not told apart from others; where a group has only one, it is known all the same.
#[test]
fn a_denial_with_a_long_arn_has_a_remedy_or_a_word_about_it() {
    let folder = account();
    let long = |last: &str| format!("GET /{}{last}", "z".repeat(2_500));
    let (one, other) = (long("1"), long("2"));
    folder.log(&[(CLERK, &one, 403, IP), (CLERK, &one, 403, IP)]);
    let of_one = report(&folder);
    let remedy = &of_one["remedies"][0];
    assert_eq!(remedy["resource"], shop(&one.replacen(" /", "/", 1)), "{remedy:#}");
    assert_eq!((&remedy["allows"], &remedy["alsoAllows"]), (&json!(2), &json!([])), "{remedy:#}");
    assert!(!text(&folder, &[]).contains("no change looked for"));

    folder.log(&[(CLERK, &one, 403, IP), (CLERK, &other, 403, IP)]);
    assert_eq!(report(&folder)["remedies"], json!([]));
    let said = "What 2 denied requests asked for is counted as (other), and no change looked for";
    for format in ["text", "markdown", "json", "html"] {
        let shown = text(&folder, &["--format", format]);
        let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(shown.contains(said), "{format}: {shown}");
    }
}

#[test]
fn a_remedy_that_is_not_enough_names_the_key_that_it_then_depends_on() {
    let folder = account();
    let mfa = json!({ "BoolIfExists": { "aws:MultiFactorAuthPresent": "false" } });
    folder.policy(
        "identity.json",
        &json!([
            { "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": mfa },
        ]),
    );
    folder.log(&[(CLERK, "POST /carts", 403, IP)]);
    let remedy = remedy(&folder, &shop("POST/carts"));
    assert_eq!(remedy["decision"], "indeterminate");
    assert_eq!(remedy["dependsOn"], json!(["aws:MultiFactorAuthPresent"]));
    assert_eq!((&remedy["allows"], &remedy["mayAllow"]), (&json!(0), &json!(1)));
    assert_eq!(remedy["changes"].as_array().unwrap().len(), 1, "{remedy:#}");
    let shown = "then     depends on aws:MultiFactorAuthPresent";
    assert!(text(&folder, &[]).contains(shown));
    let comment = text(&folder, &["--format", "markdown"]);
    assert!(comment.contains("then `depends on aws:MultiFactorAuthPresent`"), "{comment}");
}

#[test]
fn what_is_missing_is_named_where_no_statement_is_near() {
    let folder = account();
    // The API is another account's: its policy must allow, and there is none.
    let manifest = fs::read_to_string(folder.path("tollgate.toml")).unwrap();
    let foreign = manifest.replace("stages =", "account = \"210987654321\"\nstages =");
    folder.write("tollgate.toml", &foreign);
    folder.policy("identity.json", &json!([allow("*")]));
    folder.log(&[(CLERK, "POST /carts", 403, IP)]);
    let report = report(&folder);
    let group = &report["denied"][0];
    assert_eq!((&group["nearest"], &group["missing"]), (&Value::Null, &json!(["resource"])));
    let text = text(&folder, &[]);
    assert!(text.contains("missing  an Allow of the resource policy\n"), "{text}");
    assert!(!text.contains("nearest"), "{text}");
}

#[test]
fn where_the_account_is_named_the_identity_policy_is_what_is_missing() {
    let folder = account();
    let named = |principal: &str| {
        let mut statement = allow(&shop("POST/carts"));
        statement["Principal"] = json!({ "AWS": principal });
        statement
    };
    let statements =
        [named("arn:aws:iam::123456789012:root"), named("arn:aws:iam::210987654321:role/partner")];
    folder.policy("api.json", &json!(statements));
    let manifest = fs::read_to_string(folder.path("tollgate.toml")).unwrap();
    let manifest = manifest.replace("stages =", "resourcePolicy = \"api.json\"\nstages =");
    folder.write("tollgate.toml", &manifest.replace("policies = [\"identity.json\"]\n", ""));
    let partner = "arn:aws:sts::210987654321:assumed-role/partner/p";
    let root = "arn:aws:iam::123456789012:root";
    folder.log(&[
        (CLERK, "POST /carts", 403, IP),
        (partner, "POST /carts", 200, IP),
        (root, "POST /carts", 200, IP),
    ]);
    let report = report(&folder);
    let group = &report["denied"][0];
    assert_eq!((&group["nearest"], &group["missing"]), (&Value::Null, &json!(["identity"])));
    // Whether the partner's own account allows it is not known, so nothing is said against it.
    let agreement = &report["agreement"];
    assert_eq!((&agreement["disagreeing"], &agreement["unexplained"]), (&json!(0), &json!(0)));
    let unknown =
        "the policies of the caller's account are not known, and must allow the call, too";
    assert_eq!(agreement["reasons"], json!([{ "reason": unknown, "requests": 1 }]));
    assert_eq!(report["unexplained"], json!([]));
    // The account's root needs no entry in it.
    assert_eq!(report["unknownPrincipals"], json!([{ "caller": partner, "requests": 1 }]));
}
