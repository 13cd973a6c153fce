//! What `tollgate suggest` keeps, since the logs cannot tell whether it is used.

use serde_json::{Value, json};

use crate::suggest::{check_schema, suggest};
use crate::support::{Folder, json, shop, stdout};

/// A log of API calls holds no call of another service.
#[test]
fn what_these_logs_cannot_show_is_kept_and_not_called_unused() {
    let folder = Folder::new();
    let statement = |sid: &str, action: Value, resource: Value| -> Value {
        json!({ "Sid": sid, "Effect": "Allow", "Action": action, "Resource": resource })
    };
    let table = "arn:aws:dynamodb:*:*:table/t";
    let statements = [
        statement(
            "Both",
            json!(["execute-api:Invoke", "execute-api:InvalidateCache", "sqs:SendMessage"]),
            json!([shop("*"), "arn:aws:sqs:eu-west-1:123456789012:jobs"]),
        ),
        statement("Never", json!("execute-api:*"), json!(shop("PUT/*"))),
        statement("Objects", json!(["s3:Get*", "s3:ListBucket"]), json!("arn:aws:s3:::b*")),
        statement("All", json!("*"), json!(["arn:aws:s3:::c/*", shop("GET/b")])),
        json!({ "Sid": "NoApi", "Effect": "Allow", "NotAction": "execute-api:*", "Resource": table }),
    ];
    folder.policy("ana.json", &statements.to_vec().into());
    folder.policy("admin.json", &statement("Admin", json!("*"), json!("*")));
    let manifest = folder.write(
        "tollgate.toml",
        "account = \"123456789012\"\nregion = \"eu-west-1\"\n\
         [[principal]]\narn = \"arn:aws:iam::123456789012:user/ana\"\npolicies = [\"ana.json\"]\n\
         [[principal]]\narn = \"arn:aws:iam::123456789012:user/bob\"\npolicies = [\"admin.json\"]\n\
         [[api]]\nid = \"shop\"\nstages = [\"prod\"]\n",
    );
    let [ana, bob] = ["ana", "bob"].map(|name| format!("arn:aws:iam::123456789012:user/{name}"));
    let log = folder.log(&[(&ana, "GET /a", 200, "10.0.0.1"), (&bob, "GET /b", 200, "10.0.0.1")]);
    let arguments = ["--all", "--account", &manifest, &log];
    let document = json(&suggest(&[&arguments[..], &["--format", "json"]].concat()));
    check_schema(&document);
    let of = |index: usize| &document["principals"][index];
    let policy = &of(0)["policies"][0]["document"]["Statement"];
    let mut narrowed = statements.clone();
    narrowed[0]["Sid"] = json!("BothSendMessage");
    narrowed[0]["Action"] = json!("sqs:SendMessage");
    narrowed[3]["Resource"] = json!("arn:aws:s3:::c/*");
    let [both, _, objects, all, no_api] = &narrowed;
    let invoke = statement("BothInvoke", json!("execute-api:Invoke"), json!(shop("GET/a")));
    assert_eq!(policy, &json!([all, invoke, both, no_api, objects]), "{policy:#}");
    let unused = &of(0)["unused"];
    assert_eq!(unused["statements"].as_array().unwrap().len(), 1, "{unused:#}");
    assert_eq!(unused["statements"][0]["sid"], "Never");
    let patterns = |name: &str| -> Vec<&Value> {
        unused[name].as_array().unwrap().iter().map(|it| &it["pattern"]).collect()
    };
    assert_eq!(patterns("actions"), ["execute-api:InvalidateCache"]);
    assert_eq!(patterns("resources"), [&*shop("GET/b")]);

    // What is granted of everything is narrowed, and said to be.
    let policy = &of(1)["policies"][0]["document"]["Statement"];
    assert_eq!(policy[0]["Action"], "execute-api:Invoke");
    assert_eq!(policy.as_array().unwrap().len(), 1);
    let text = stdout(&suggest(&arguments));
    assert!(text.contains("Objects: not in these logs\n"), "{text}");
    assert!(text.contains("Admin also grants what these logs cannot show: that is taken away\n"));
}

/// What AWS's own log formats tell of a call is its route.
#[test]
fn what_may_allow_a_call_of_an_untold_path_is_kept() {
    let folder = Folder::new();
    let named = |sid: &str, resources: &[&str]| {
        let resources: Vec<String> = resources.iter().map(|it| shop(it)).collect();
        json!({ "Sid": sid, "Effect": "Allow", "Action": "execute-api:*", "Resource": resources })
    };
    let mut elsewhere = named("Elsewhere", &["PUT/items/9"]);
    elsewhere["Condition"] = json!({ "IpAddress": { "aws:SourceIp": "192.0.2.0/24" } });
    let statements = json!([
        named("Items", &["GET/items/*", "POST/items/7", "POST/orders/7"]),
        named("Others", &["GET/*/1", "PUT/items/1?/x", "DELETE/*"]),
        elsewhere,
    ]);
    folder.policy("ana.json", &statements);
    let manifest = folder.write(
        "tollgate.toml",
        "account = \"123456789012\"\nregion = \"eu-west-1\"\n\
         [[principal]]\narn = \"arn:aws:iam::123456789012:user/ana\"\npolicies = [\"ana.json\"]\n\
         [[api]]\nid = \"shop\"\nstages = [\"prod\"]\n",
    );
    let call = |method: &str, route: &str, status: u16| {
        json!({
            "userArn": "arn:aws:iam::123456789012:user/ana", "httpMethod": method, "ip": "10.0.0.1",
            "requestTime": "10/Mar/2026:00:00:00 +0000", "resourcePath": route,
            "status": status.to_string(),
        })
        .to_string()
    };
    let calls = [
        call("GET", "/items/{id}", 200),
        call("GET", "/items/{id}/lines", 200),
        call("POST", "/items/{id}", 200),
        call("PUT", "/items/{id}/{part}", 200),
        call("PUT", "/items/{id}", 200),
        call("DELETE", "/items/{id}", 403),
        call("POST", "/orders", 403),
    ];
    let log = folder.write("access.log", &calls.join("\n"));
    let arguments = ["--all", "--account", &manifest, &log];
    let output = suggest(&[&arguments[..], &["--format", "json"]].concat());
    assert_eq!(output.status.code(), Some(4));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    check_schema(&document);
    let own = &document["principals"][0];
    let policy = own["policies"][0]["document"]["Statement"].as_array().unwrap();
    let granted: Vec<&Value> = policy.iter().map(|it| &it["Resource"]).collect();
    let kept = ["GET/items/*", "POST/items/7", "PUT/items/1?/x"].map(shop);
    assert_eq!(granted, kept.each_ref());
    assert_eq!(own["calls"]["replayed"], 1);
    let unused = own["unused"]["statements"].as_array().unwrap();
    assert_eq!(unused.iter().map(|it| &it["sid"]).collect::<Vec<_>>(), ["Elsewhere"]);
    let text = String::from_utf8(suggest(&arguments).stdout).unwrap();
    for said in [
        "0 allowed, 2 denied, 0 open; 1 of them replayed, all are decided as before\n",
        "5 calls cannot be replayed, for the log does not tell the path: what may allow them is kept\n",
    ] {
        assert!(text.contains(said), "{text}");
    }
}

/// CloudTrail seldom names the resource of a call, and names some actions otherwise than policies do.
#[test]
fn what_calls_of_other_services_may_need_is_kept() {
    let folder = Folder::new();
    let statement = |sid: &str, action: Value, resource: &str| -> Value {
        json!({ "Sid": sid, "Effect": "Allow", "Action": action, "Resource": resource })
    };
    let statements = [
        statement("Put", json!("s3:PutObject"), "arn:aws:s3:::b/*"),
        statement("Delete", json!(["s3:DeleteObject", "s3:ListAllMyBuckets"]), "*"),
        statement("Invoke", json!("execute-api:Invoke"), &shop("*")),
    ];
    folder.policy("ana.json", &statements.to_vec().into());
    let manifest = folder.write(
        "tollgate.toml",
        "account = \"123456789012\"\nregion = \"eu-west-1\"\n\
         [[principal]]\narn = \"arn:aws:iam::123456789012:user/ana\"\npolicies = [\"ana.json\"]\n\
         [[api]]\nid = \"shop\"\nstages = [\"prod\"]\n",
    );
    let event = |user: &str, name: &str, denied: Option<&str>| {
        let arn = format!("arn:aws:iam::123456789012:user/{user}");
        let mut event = json!({
            "eventVersion": "1.11", "userIdentity": { "type": "IAMUser", "arn": arn },
            "eventTime": "2026-03-10T00:00:00Z", "eventSource": "s3.amazonaws.com",
            "eventName": name, "awsRegion": "eu-west-1", "sourceIPAddress": "10.0.0.1",
            "eventType": "AwsApiCall", "recipientAccountId": "123456789012",
        });
        if let Some(action) = denied {
            event["errorCode"] = json!("AccessDenied");
            event["errorMessage"] =
                json!(format!("User: {arn} is not authorized to perform: {action}"));
        }
        event
    };
    let events = [
        event("ana", "PutObject", None),
        event("bob", "DeleteObject", None),
        event("bob", "ListBuckets", Some("s3:ListAllMyBuckets")),
    ];
    let log = folder.write("trail.json", &json!({ "Records": events }).to_string());
    let arguments = ["--all", "--account", &manifest, "--format", "json", &log];
    let document: Value = serde_json::from_slice(&suggest(&arguments).stdout).unwrap();
    let own = &document["principals"][0];
    let mut kept = statements.clone();
    kept[1]["Action"] = json!("s3:ListAllMyBuckets");
    let [put, delete, invoke] = &kept;
    let policy = &own["policies"][0]["document"]["Statement"];
    assert_eq!(policy, &json!([delete, invoke, put]), "{document:#}");
    let unused = own.pointer("/unused/actions/0/pattern");
    assert_eq!(unused, Some(&json!("s3:DeleteObject")), "{document:#}");
}
