//! Explanations: what they say, and that they say what the decision says.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use tollgate_policy::simulate::Case;
use tollgate_policy::{Explanation, Matched, Outcome, PolicyType, StatementId, authorize, explain};

/// The explanation of a case in the form of `tollgate simulate --batch`: policies, principal, method
/// and path, context.
#[track_caller]
fn explanation(policies: &str, principal: &str, call: &str, context: &str) -> Explanation {
    let line = format!(
        r#"{{"id":"","policies":{policies},"request":{{"principal":"{principal}",
        "action":"execute-api:Invoke","context":{context},
        "resource":"arn:aws:execute-api:eu-west-1:111122223333:a1b2c3/prod/{call}"}}}}"#
    );
    let case = Case::parse(&line).unwrap();
    explain(&case.documents.clone().compile().borrow(), &case.request())
}

const ANA: &str = "arn:aws:iam::111122223333:user/ana";

/// One identity policy with one Allow, of which `rest` is the end.
fn allow(rest: &str) -> String {
    format!(
        r#"{{"identity":[{{"Version":"2012-10-17","Statement":{{"Sid":"Read","Effect":"Allow",{rest}}}}}]}}"#
    )
}

const PETS: &str = r#""Action":"execute-api:Invoke",
    "Resource":"arn:aws:execute-api:*:*:a1b2c3/prod/GET/pets""#;

#[test]
fn an_implicit_deny_names_the_nearest_statement_and_the_element_that_missed() {
    let explanation = explanation(&allow(PETS), ANA, "POST/pets", "{}");
    assert_snapshot!(format!("{explanation}\n{}", explanation.aws_message().unwrap()));
}

#[test]
fn an_allowed_request_names_what_allowed_it() {
    assert_snapshot!(explanation(&allow(PETS), ANA, "GET/pets", "{}"));
}

#[test]
fn of_several_patterns_the_most_alike_is_shown() {
    let policies = allow(
        r#""Action":["s3:*","execute-api:Invoke"],"Resource":[
            "arn:aws:s3:::bucket/*",
            "arn:aws:execute-api:*:*:a1b2c3/prod/GET/pets/*",
            "arn:aws:execute-api:*:*:other/dev/POST/cats"]"#,
    );
    assert_snapshot!(explanation(&policies, ANA, "GET/pets", "{}"));
}

#[test]
fn a_variable_without_a_value_is_told_of_the_pattern_that_is_shown() {
    let miss = |patterns: &str| {
        let policies = allow(&format!(r#""Action":"*","Resource":[{patterns}]"#));
        explanation(&policies, ANA, "GET/pets/2", "{}").to_string()
    };
    let own = r#""arn:aws:execute-api:*:*:a1b2c3/prod/GET/users/${aws:PrincipalTag/owner}""#;
    let pet = r#""arn:aws:execute-api:*:*:a1b2c3/prod/GET/pets/1""#;
    assert!(miss(&format!("{pet},{own}")).contains("GET/pets/1` does not match `"));
    assert!(miss(own).contains("`${aws:PrincipalTag/owner}` has no value"));
}

#[test]
fn each_reason_of_a_condition_has_its_own_words() {
    let condition = |condition: &str| format!(r#"{PETS},"Condition":{condition}"#);
    let miss = |rest: &str, context: &str| {
        let explanation = explanation(&allow(&condition(rest)), ANA, "GET/pets", context);
        match &explanation.layers[0].statements[0].matched {
            Matched::No(miss) => miss.to_string(),
            other => format!("{other:?}"),
        }
    };
    let reasons = [
        miss(r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#, r#"{"aws:SourceIp":"192.0.2.1"}"#),
        miss(r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#, "{}"),
        miss(r#"{"StringEquals":{"aws:TagKeys":"a"}}"#, r#"{"aws:TagKeys":["a","b"]}"#),
        miss(
            r#"{"NumericLessThan":{"aws:MultiFactorAuthAge":"300"}}"#,
            r#"{"aws:MultiFactorAuthAge":"10abc"}"#,
        ),
        miss(
            r#"{"StringEquals":{"aws:username":"${aws:PrincipalTag/owner}"}}"#,
            r#"{"aws:username":"ana"}"#,
        ),
    ];
    assert_snapshot!(reasons.join("\n"));
}

#[test]
fn an_explicit_deny_is_worded_with_its_layer() {
    let allow_all = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let deny_all = r#"{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;
    let message = |policies: String| {
        explanation(&policies, ANA, "GET/pets", "{}").aws_message().unwrap_or_default()
    };
    let messages = [
        message(format!(r#"{{"identity":[{deny_all}]}}"#)),
        message(format!(r#"{{"identity":[{allow_all}],"permissionsBoundary":[{deny_all}]}}"#)),
        message(format!(r#"{{"identity":[{allow_all}],"serviceControl":[[{deny_all}]]}}"#)),
        message(r#"{"identity":[]}"#.to_owned()),
        message(format!(r#"{{"identity":[{allow_all}],"session":{{"Statement":[]}}}}"#)),
        message(format!(
            r#"{{"identity":[{allow_all}],"permissionsBoundary":[{{"Statement":[]}}]}}"#
        )),
        message(format!(r#"{{"identity":[{allow_all}],"serviceControl":[[]]}}"#)),
        message(format!(r#"{{"identity":[{allow_all}]}}"#)),
    ];
    let reasons: Vec<&str> = messages
        .iter()
        .map(|message| message.rsplit_once("/pets").map_or("", |end| end.1))
        .collect();
    assert_snapshot!(reasons.join("\n"));
}

#[test]
fn an_open_outcome_names_the_keys_that_would_settle_it() {
    let policies =
        allow(&format!(r#"{PETS},"Condition":{{"Bool":{{"aws:MultiFactorAuthPresent":"true"}}}}"#));
    let line = format!(
        r#"{{"id":"","policies":{policies},"request":{{"principal":"{ANA}",
        "action":"execute-api:Invoke","unknown":["aws:MultiFactorAuthPresent"],
        "resource":"arn:aws:execute-api:eu-west-1:111122223333:a1b2c3/prod/GET/pets"}}}}"#
    );
    let case = Case::parse(&line).unwrap();
    let explanation = explain(&case.documents.clone().compile().borrow(), &case.request());
    assert_snapshot!(explanation);
}

#[test]
fn as_json_everything_is_there() {
    let explanation = explanation(&allow(PETS), ANA, "POST/pets", "{}");
    assert_snapshot!(serde_json::to_string_pretty(&explanation).unwrap());
}

#[test]
fn an_explanation_says_what_the_decision_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/decisions");
    let mut explained = 0;
    for file in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        for case in text.lines().filter_map(|line| Case::parse(line).ok()) {
            let sets = case.documents.clone().compile();
            let decision = authorize(&sets.borrow(), &case.request());
            let explanation = explain(&sets.borrow(), &case.request());
            assert_eq!(explanation.outcome, decision.outcome, "{}", case.id);
            assert_eq!(explanation.depends_on, decision.depends_on, "{}", case.id);
            let named = decision.determined_by.as_slice();
            assert!(explanation.determined_by.starts_with(named), "{}", case.id);
            let more = explanation.determined_by.len() > named.len();
            assert_eq!(more, decision.determined_by.has_more(), "{}", case.id);
            check_nearest(&explanation);
            explained += 1;
        }
    }
    assert!(explained > 400, "only {explained} cases were explained");
}

/// The nearest statement is an Allow that does not match, and there is one only where nothing
/// allowed the request.
#[track_caller]
fn check_nearest(explanation: &Explanation) {
    let missed = |id: StatementId| {
        explanation.statement(id).is_some_and(|nearest| nearest.matched != Matched::Yes)
    };
    match explanation.nearest {
        Some(id) => assert!(explanation.outcome == Outcome::ImplicitDeny && missed(id)),
        None => assert_eq!(
            explanation.missing.is_empty(),
            explanation.outcome != Outcome::ImplicitDeny,
            "{explanation:#?}"
        ),
    }
}

#[test]
fn a_statement_that_names_others_is_not_near_where_the_account_is_named() {
    let named = |who: &str| format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"{who}"}},{PETS}}}"#);
    let nearest = |who: &[&str]| {
        let statements: Vec<String> = who.iter().map(|who| named(who)).collect();
        let policies = format!(
            r#"{{"resource":{{"Version":"2012-10-17","Statement":[{}]}}}}"#,
            statements.join(",")
        );
        let explanation = explanation(&policies, ANA, "GET/pets", "{}");
        (explanation.nearest.map(|id| id.statement), explanation.missing)
    };
    let (other, account) = ("arn:aws:iam::210987654321:role/other", "111122223333");
    assert_eq!(nearest(&[other]), (Some(0), vec![PolicyType::Identity]));
    assert_eq!(nearest(&[account, other]), (None, vec![PolicyType::Identity]));
}

#[test]
fn where_no_statement_is_near_the_policies_are_named_that_do_not_allow() {
    let summary = |policies: &str| {
        let explanation = explanation(policies, ANA, "GET/pets", "{}").to_string();
        explanation.lines().next().unwrap().to_owned()
    };
    assert_eq!(summary("{}"), "implicitDeny: no identity-based policy allows it");
    assert_eq!(
        summary(r#"{"serviceControl":[[]]}"#),
        "implicitDeny: no service control policy and no identity-based policy allows it"
    );
}

#[test]
fn where_a_key_policy_names_the_account_it_is_not_what_is_missing() {
    let missing = |who: &str| {
        let line = format!(
            r#"{{"policies":{{"resource":{{"Statement":
                {{"Effect":"Allow","Principal":{{"AWS":"{who}"}},"Action":"kms:*","Resource":"*"}}}}}},
                "request":{{"principal":"{ANA}","action":"kms:Decrypt",
                "resource":"arn:aws:kms:eu-west-1:111122223333:key/k"}}}}"#
        );
        let case = Case::parse(&line).unwrap();
        explain(&case.documents.clone().compile().borrow(), &case.request()).missing
    };
    assert_eq!(missing("arn:aws:iam::111122223333:user/bo"), [PolicyType::Resource]);
    assert_eq!(missing("111122223333"), [PolicyType::Identity]);
}
