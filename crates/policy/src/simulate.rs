//! One JSON case in, one JSON answer out: the batch form of the policy simulator.
//!
//! ```text
//! {"id":"1","policies":{"identity":[P…],"resource":P,"permissionsBoundary":[P…],"session":P,
//!   "serviceControl":[[P…]…],"resourceControl":[[P…]…],"vpcEndpoint":P},
//!  "request":{"principal":"arn:…"|"anonymous","sessionIssuer":"arn:…","action":"execute-api:Invoke",
//!   "resource":"arn:…","resourceAccount":"111122223333","authorizationType":"AWS_IAM"|"NONE",
//!   "context":{"aws:SourceIp":"10.0.0.1","aws:TagKeys":["a","b"]},
//!   "unknown":["aws:MultiFactorAuthPresent"]}}
//! → {"id":"1","decision":"allowed","determinedBy":[{"policyType":"identity","policy":0,"statement":0,
//!    "sid":"Read","line":1,"column":40}],"dependsOn":[]}
//! → {"id":"2","error":{"message":"…","policyType":"identity","policy":0,"line":3,"column":17}}
//! ```
//!
//! Every P is a policy document; lines and columns count from 1 in P's own text as it stands in the
//! case. `serviceControl` and `resourceControl` are lists of levels from the root to the account,
//! and their statements and errors also name the `level`, from 0. The policy called `resource` is
//! read as a role's trust policy when the action is one that trust policies decide
//! (`sts:AssumeRole…`, `sts:TagSession`, `sts:SetSourceIdentity`). Context keys in neither `context`
//! nor `unknown` are absent, except those that follow from the principal.
//!
//! Members of the case beside `id`, `policies` and `request` are the case's own business, such as
//! what to expect of it, and are ignored; inside `policies` and `request` an unknown member is an
//! error, and so is a context key given twice.

mod answer;
mod case;

pub use case::{Case, CaseError, PolicyPlace, check_action, is_decided_by_trust};

use crate::authorize::authorize;
use crate::explain::explain;

/// Decides one case and answers it, each as a line of JSON without its newline. Never fails: what is
/// wrong with the case is the answer.
///
/// ```
/// let case = r#"{"id":"1","policies":{"identity":[{"Version":"2012-10-17","Statement":
///     {"Effect":"Allow","Action":"s3:*","Resource":"*"}}]},
///   "request":{"principal":"arn:aws:iam::111122223333:user/ana","action":"s3:GetObject",
///     "resource":"arn:aws:s3:::logs/a"}}"#;
/// let answer = tollgate_policy::simulate::simulate(case);
/// assert!(answer.starts_with(r#"{"id":"1","decision":"allowed","determinedBy":["#));
/// ```
pub fn simulate(line: &str) -> String {
    answer(line.as_bytes()).unwrap_or_else(|refusal| refusal)
}

/// The same for a line of bytes.
///
/// # Errors
///
/// The answer, too, where the line is no case, or holds a policy that cannot be read: it says what is
/// wrong.
pub fn answer(line: &[u8]) -> Result<String, String> {
    let case = str::from_utf8(line)
        .map_err(|error| CaseError::of_bytes(line, error))
        .and_then(Case::parse)
        .map_err(|error| answer::of_error(&error))?;
    Ok(decide(&case))
}

fn decide(case: &Case) -> String {
    let sets = case.documents.clone().compile();
    let (policies, request) = (sets.borrow(), case.request());
    let decision = authorize(&policies, &request);
    // A decision holds a few statements; an explanation holds all.
    let determined_by = match decision.determined_by.has_more() {
        true => explain(&policies, &request).determined_by,
        false => decision.determined_by.iter().collect(),
    };
    answer::of_decision(case, &decision, &determined_by)
}

#[cfg(test)]
mod tests {
    use super::simulate;

    const REQUEST: &str = r#""request":{"principal":"arn:aws:iam::111122223333:user/ana","action":"s3:GetObject","resource":"arn:aws:s3:::logs/a"}"#;

    #[track_caller]
    fn check(line: &str, expected: &str) {
        assert_eq!(simulate(line), expected, "{line}");
    }

    #[test]
    fn positions_count_in_the_policys_own_text() {
        check(
            &format!(
                r#"{{"id":"1","policies":{{"identity":[{{"Statement":{{"Sid":"S","Effect":"Allow","Action":"*","Resource":"*"}}}}]}},{REQUEST}}}"#
            ),
            r#"{"id":"1","decision":"allowed","determinedBy":[{"policyType":"identity","policy":0,"statement":0,"sid":"S","line":1,"column":14}],"dependsOn":[]}"#,
        );
    }

    #[test]
    fn a_malformed_policy_is_named_with_its_place() {
        let answer = simulate(&format!(
            r#"{{"id":"2","policies":{{"serviceControl":[[],[{{"Statement":{{"Effect":"allow","Action":"*","Resource":"*"}}}}]]}},{REQUEST}}}"#
        ));
        assert!(
            answer.contains(
                r#""policyType":"serviceControl","level":1,"policy":0,"line":1,"column":24}"#
            ),
            "{answer}"
        );
    }

    #[test]
    fn what_is_wrong_with_the_case_itself_is_said() {
        check(
            r#"{"id":3,"policies":{},"request":{"principal":"bob","action":"s3:GetObject","resource":"*"}}"#,
            r#"{"id":3,"error":{"message":"expected principal to be an ARN, `anonymous`, a service such as `lambda.amazonaws.com` or the domain name of an identity provider, found `bob`"}}"#,
        );
        check(
            r#"{"id":5,"policies":{},"request":{"principal":"anonymous","action":"s3GetObject","resource":"*"}}"#,
            r#"{"id":5,"error":{"message":"expected action to be `service:Name`, such as `execute-api:Invoke`, found `s3GetObject`"}}"#,
        );
        check(
            r#"{"id":"4","policies":{"identiy":[]},"request":{}}"#,
            r#"{"id":"4","error":{"message":"unknown field `identiy`, expected one of `identity`, `resource`, `permissionsBoundary`, `session`, `serviceControl`, `resourceControl`, `vpcEndpoint`","line":1,"column":31}}"#,
        );
        check(
            "nonsense",
            r#"{"id":null,"error":{"message":"expected ident","line":1,"column":2}}"#,
        );
    }

    #[test]
    fn a_line_that_is_no_text_is_refused() {
        assert_eq!(
            super::answer(b"{\"id\":\"\xc3\xa4\xff\"}"),
            Err(r#"{"id":null,"error":{"message":"the case is not UTF-8","line":1,"column":9}}"#
                .to_owned())
        );
    }

    #[test]
    fn a_context_key_is_given_once() {
        for context in [
            r#""context":{"aws:SourceIp":"10.0.0.1","AWS:sourceip":"10.0.0.2"}"#,
            r#""context":{"aws:SourceIp":"10.0.0.1"},"unknown":["aws:sourceip"]"#,
        ] {
            let request = REQUEST.replace('}', &format!(",{context}}}"));
            let answer = simulate(&format!(r#"{{"policies":{{}},{request}}}"#));
            assert!(answer.contains("is given twice"), "{answer}");
        }
    }

    #[test]
    fn context_values_are_scalars_or_lists_of_them() {
        let ask = |value: &str| {
            let request = REQUEST.replace('}', &format!(r#","context":{{"app:k":{value}}}}}"#));
            simulate(&format!(r#"{{"policies":{{}},{request}}}"#))
        };
        for value in ["1.50", "true", r#""x""#, r#"["a",1,false]"#, "[]"] {
            assert!(ask(value).contains("implicitDeny"), "{value}");
        }
        for value in ["null", "{}", "[[]]", "[null]"] {
            assert!(ask(value).contains("expected context key `app:k` to be a string"), "{value}");
        }
    }

    #[test]
    fn all_determining_statements_are_named() {
        let allow = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
        let answer = simulate(&format!(
            r#"{{"policies":{{"identity":[{{"Statement":[{}]}}]}},{REQUEST}}}"#,
            [allow; 7].join(",")
        ));
        assert_eq!(answer.matches("\"statement\":").count(), 7, "{answer}");
    }

    #[test]
    fn members_beside_the_question_are_the_cases_own() {
        let answer = simulate(&format!(
            r#"{{"expect":"implicitDeny","why":"nothing allows","policies":{{}},{REQUEST}}}"#
        ));
        assert_eq!(
            answer,
            r#"{"id":null,"decision":"implicitDeny","determinedBy":[],"dependsOn":[]}"#
        );
    }
}
