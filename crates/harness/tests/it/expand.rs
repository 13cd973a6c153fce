//! Lists, rows and exceptions → cells.

use tollgate_harness::{Expectation, Selection, run};

use crate::suite;

const HEAD: &str = "policies: { identity: pets.json }\nprincipals: { dev: \"arn:aws:iam::111122223333:role/dev\" }\ntests:\n";

/// The ids of a test file's cells, without the file, and what they expect.
fn cells(tests: &str, others: &[(&str, &str)]) -> Vec<String> {
    let suite = suite(&format!("{HEAD}{tests}"), others);
    let line = |cell: &tollgate_harness::Cell| {
        let id = cell.id.strip_prefix("t.test.yaml::").unwrap();
        let expected = cell.expected.as_ref().map_or("-", |expected| expected.value.as_str());
        format!("{id} → {expected}")
    };
    suite.cells.iter().map(line).collect()
}

#[track_caller]
fn check(tests: &str, expected: &[&str]) {
    assert_eq!(cells(tests, &[]), expected);
}

#[test]
fn lists_multiply_and_the_last_varies_fastest() {
    check(
        "  - { name: n, principal: dev, request: { method: [GET, PUT], path: [/a, /b] }, expect: deny }\n",
        &[
            "n::method=GET, path=/a → deny",
            "n::method=GET, path=/b → deny",
            "n::method=PUT, path=/a → deny",
            "n::method=PUT, path=/b → deny",
        ],
    );
}

#[test]
fn a_value_that_is_no_list_is_no_part_of_the_id() {
    check(
        "  - { name: n, principal: [dev, anonymous], request: { method: GET, path: /a }, expect: deny }\n",
        &["n::principal=dev → deny", "n::principal=anonymous → deny"],
    );
}

#[test]
fn context_may_be_absent_or_a_set() {
    check(
        "  - { name: n, principal: dev, request: { method: GET, path: /a }, context: { aws:TagKeys: [~, x, [], [x, y]] }, expect: deny }\n",
        &[
            "n::aws:TagKeys=absent → deny",
            "n::aws:TagKeys=x → deny",
            "n::aws:TagKeys=[] → deny",
            "n::aws:TagKeys=[x y] → deny",
        ],
    );
}

#[test]
fn an_exception_changes_the_cells_it_names() {
    check(
        "  - name: n\n    principal: dev\n    request: { method: [GET, PUT], path: [/a, /b] }\n    expect: deny\n    except:\n      - { request: { method: GET }, expect: allow }\n      - { request: { method: PUT, path: [/b] }, expect: explicit-deny }\n",
        &[
            "n::method=GET, path=/a → allow",
            "n::method=GET, path=/b → allow",
            "n::method=PUT, path=/a → deny",
            "n::method=PUT, path=/b → explicit-deny",
        ],
    );
}

#[test]
fn rows_complete_their_test() {
    check(
        "  - name: n\n    principal: dev\n    request: { method: GET }\n    expect: deny\n    rows:\n      - { name: first, request: { path: /a } }\n      - { request: { path: /b }, context: { aws:SourceIp: 10.0.0.1 }, expect: allow }\n",
        &["n::first → deny", "n::path=/b, aws:SourceIp=10.0.0.1 → allow"],
    );
}

#[test]
fn rows_come_from_csv_and_jsonl() {
    let test = |file: &str| {
        format!(
            "  - {{ name: n, principal: dev, request: {{ method: GET }}, expect: deny, rows: {file} }}\n"
        )
    };
    let csv = "path,aws:SourceIp,expect\n/a,10.0.0.1,allow\n\"/b,c\",,\n";
    let expected = ["n::path=/a, aws:SourceIp=10.0.0.1 → allow", "n::path=/b,c → deny"];
    assert_eq!(cells(&test("rows.csv"), &[("rows.csv", csv)]), expected);
    let jsonl = "{\"request\":{\"path\":\"/a\"},\"context\":{\"aws:SourceIp\":\"10.0.0.1\"},\"expect\":\"allow\"}\n\n{\"request\":{\"path\":\"/b,c\"}}\n";
    assert_eq!(cells(&test("rows.jsonl"), &[("rows.jsonl", jsonl)]), expected);
}

#[test]
fn account_ids_stay_the_text_they_are() {
    let test = "api: { account: 012345678901, id: x, stage: s, region: r }\npolicies: { identity: pets.json }\ntests:\n  - { name: n, principal: anonymous, request: { method: GET, path: /a }, context: { x:n: 1e3 }, expect: deny }\n";
    let suite = suite(test, &[]);
    let call = &suite.cells[0].call;
    assert_eq!(&*call.resource, "arn:aws:execute-api:r:012345678901:x/s/GET/a");
    assert!(format!("{:?}", call.context).contains("\"1e3\""));
}

#[test]
fn parts_of_the_api_come_from_the_policies_when_all_name_one() {
    let suite = suite(
        &format!(
            "{HEAD}  - {{ name: n, principal: dev, request: {{ method: GET, path: /pets/1 }}, expect: deny }}\n"
        ),
        &[],
    );
    let resource = &suite.cells[0].call.resource;
    assert_eq!(&**resource, "arn:aws:execute-api:eu-west-1:111122223333:a1b2c3/prod/GET/pets/1");
}

#[test]
fn the_order_is_that_of_the_file_and_fail_fast_stops_at_the_first_in_it() {
    let tests = "  - { name: n, principal: dev, request: { method: GET, path: [/a, /b, /c, /d] }, expect: deny, except: [ { request: { path: [/b, /d] }, expect: allow } ] }\n";
    let suite = suite(&format!("{HEAD}{tests}"), &[]);
    let all = run(&suite, &Selection::default());
    assert_eq!((all.counts().passed, all.counts().failed), (2, 2));
    let fast = run(&suite, &Selection { fail_fast: true, ..Selection::default() });
    assert_eq!((fast.counts().passed, fast.counts().failed, fast.unreached), (1, 1, 2));
    let some = run(&suite, &Selection { filters: vec!["/c".to_owned()], fail_fast: false });
    assert_eq!(some.verdicts.len(), 1);
}

#[test]
fn deny_means_either_deny() {
    use tollgate_policy::Outcome::{Allowed, ExplicitDeny, ImplicitDeny, Indeterminate};
    let admitted = |expected: Expectation| {
        [Allowed, ExplicitDeny, ImplicitDeny, Indeterminate].map(|outcome| expected.admits(outcome))
    };
    assert_eq!(admitted(Expectation::Deny), [false, true, true, false]);
    assert_eq!(admitted(Expectation::ImplicitDeny), [false, false, true, false]);
    assert_eq!(admitted(Expectation::Indeterminate), [false, false, false, true]);
}
