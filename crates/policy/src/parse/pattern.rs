//! What actions and resources may look like.

use crate::code::Code;
use crate::document::PolicyType;
use crate::template::{Template, TemplateErrorKind, Variables};

use super::reader::{Problem, quote};

/// Checks an action: `*`, or `service:name`.
///
/// White space in the name is accepted: policies of AWS's own have it (`lambda:ListFunctions `). It
/// matches nothing, which is a lint.
pub(super) fn check_action(text: &str, variables: Variables) -> Result<(), Problem> {
    refuse_variables(text, variables, "an action")?;
    let problem = || Problem::new(Code::InvalidAction, format!("invalid action {}", quote(text)));
    match text.split_once(':') {
        _ if text == "*" => Ok(()),
        _ if text.contains(char::is_control) => {
            Err(problem().expected("no control characters in an action"))
        }
        Some((service, _)) if service.contains(char::is_whitespace) => {
            Err(problem().expected("no white space in the name of a service"))
        }
        Some((service, name)) if service.is_empty() || name.is_empty() || name.contains(':') => {
            Err(problem().expected(
                "a service and a name with one colon between them, such as `s3:GetObject`",
            ))
        }
        Some(_) => Ok(()),
        None => Err(problem().expected("`*`, or a service and a name such as `s3:GetObject`")),
    }
}

/// Refuses `${` where no variable may stand. In a 2008 document it is ordinary text.
pub(super) fn refuse_variables(
    text: &str,
    variables: Variables,
    place: &str,
) -> Result<(), Problem> {
    match text.find("${") {
        Some(at) if variables == Variables::Substituted => {
            let end = text
                .get(at..)
                .and_then(|rest| rest.find('}'))
                .map_or(text.len(), |end| at + end + 1);
            let found = quote(text.get(at..end).unwrap_or(text));
            Err(Problem::new(Code::VariableNotAllowed, format!("policy variable {found} in {place}"))
                .expected("variables only in resources after the third colon, and in values of string, ARN and `Bool` operators")
                .within(at..end))
        }
        _ => Ok(()),
    }
}

/// Checks that each `${` begins a variable; tells whether there is one.
pub(super) fn check_variables(text: &str, variables: Variables) -> Result<bool, Problem> {
    Template::has_variables(text, variables).map_err(|error| {
        let rest = text.get(error.offset..).unwrap_or("");
        let length = rest.find('}').map_or(rest.len(), |end| end + 1);
        let found = quote(rest.get(..length).unwrap_or(rest));
        let problem =
            Problem::new(Code::InvalidVariable, format!("invalid policy variable {found}"))
                .within(error.offset..error.offset + length);
        match error.kind {
            TemplateErrorKind::Unclosed => {
                problem.expected("`}` at its end").suggest("write `${$}{` for the characters `${`")
            }
            TemplateErrorKind::Empty => {
                problem.expected("a condition key, such as `${aws:username}`")
            }
            TemplateErrorKind::Key => {
                problem.expected("the name of a condition key, such as `${aws:username}`")
            }
            TemplateErrorKind::Default => problem.expected(
                "the default in single quotes, such as `${aws:PrincipalTag/team, 'none'}`",
            ),
        }
    })
}

/// Checks a resource: `*`, an ARN pattern, or the short form of an API's own policy.
pub(super) fn check_resource(
    text: &str,
    policy_type: PolicyType,
    variables: Variables,
) -> Result<(), Problem> {
    if text == "*" {
        return Ok(());
    }
    if text.starts_with("execute-api:/") {
        return check_short_form(text, policy_type, variables);
    }
    // The guide allows variables after the fifth colon. AWS stores policies, and has written some,
    // with variables for the region and the account; it refuses them before the third colon.
    if let Some(at) = text.find("${")
        && text.bytes().take(at).filter(|&byte| byte == b':').count() < 3
    {
        refuse_variables(text, variables, "the partition or the service of an ARN")?;
    }
    check_parts(text)?;
    check_variables(text, variables).map(|_| ())
}

fn check_short_form(
    text: &str,
    policy_type: PolicyType,
    variables: Variables,
) -> Result<(), Problem> {
    if policy_type != PolicyType::Resource {
        let path = text.trim_start_matches("execute-api:/");
        return Err(Problem::new(
            Code::InvalidResource,
            format!("short resource {} outside of an API's policy", quote(text)),
        )
        .expected("an ARN: the short form stands for the API that the policy is attached to")
        .suggest(format!(
            "write {}",
            quote(&format!("arn:aws:execute-api:REGION:ACCOUNT:API/{path}"))
        )));
    }
    check_variables(text, variables).map(|_| ())
}

/// Checks the first three parts of an ARN pattern; a pattern may end after any part. IAM, too,
/// refuses a wildcard in the service ("resource vendor must be fully qualified"). `arn` and the
/// partition may be in any case **(our choice: they match nothing then, which is a lint)**.
fn check_parts(text: &str) -> Result<(), Problem> {
    let problem = |message: String| Problem::new(Code::InvalidResource, message);
    let mut parts = text.splitn(6, ':');
    let scheme = parts.next().unwrap_or("");
    let (partition, service) = (parts.next(), parts.next());
    let Some(partition) = partition.filter(|_| scheme.eq_ignore_ascii_case("arn")) else {
        return Err(problem(format!("invalid resource {}", quote(text))).expected(
            "`*`, or an ARN such as `arn:aws:execute-api:eu-west-1:111122223333:a1b2c3/*`",
        ));
    };
    if !is_partition(partition) {
        let at = scheme.len() + 1;
        return Err(problem(format!("unknown partition {} in {}", quote(partition), quote(text)))
            .expected("`aws`, `aws-cn`, `aws-us-gov`, `aws-iso…`, `aws-eusc`, or a wildcard")
            .within(at..at + partition.len()));
    }
    let Some(service) = service else { return Ok(()) };
    let at = scheme.len() + partition.len() + 2;
    let within = at..at + service.len();
    if service.contains(['*', '?']) {
        return Err(problem(format!("wildcard in the service of {}", quote(text)))
            .expected("the name of a service, such as `execute-api`")
            .suggest("write `*` alone for every resource of every service")
            .within(within));
    }
    if service.is_empty() {
        return Err(problem(format!("no service in {}", quote(text)))
            .expected("the name of a service, such as `execute-api`, after the partition"));
    }
    Ok(())
}

fn is_partition(partition: &str) -> bool {
    let lower = partition.to_ascii_lowercase();
    matches!(lower.as_str(), "aws" | "aws-cn" | "aws-us-gov" | "aws-eusc")
        || lower.starts_with("aws-iso")
        || lower.contains(['*', '?'])
}
