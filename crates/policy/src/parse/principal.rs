//! Who a statement is about.

use crate::code::Code;
use crate::document::{PolicyType, PrincipalElement, PrincipalPattern};
use crate::json::{Member, Node, Shape};
use crate::principal::{Principal, PrincipalKind};
use crate::span::Spanned;
use crate::template::Variables;

use super::path::Path;
use super::pattern::refuse_variables;
use super::reader::{Problem, Reader, quote};

const TYPES: [&str; 4] = ["AWS", "Service", "Federated", "CanonicalUser"];

const EXPECTED: &str =
    "`\"*\"`, or an object such as `{\"AWS\": \"arn:aws:iam::111122223333:role/NAME\"}`";

impl<'a> Reader<'a> {
    pub(super) fn principal(
        &mut self,
        member: &Member<'a>,
        negated: bool,
        path: &Path<'_>,
    ) -> Option<PrincipalElement> {
        if negated && self.policy_type == PolicyType::ResourceControl {
            self.report_forbidden(member, path, "its principal is always `*`");
            return None;
        }
        let path = path.name(&member.key);
        let mut principals = Vec::new();
        match member.value.shape() {
            Shape::String => {
                let text = self.string(&member.value, &path, "the principal", EXPECTED)?;
                match text.value.as_str() {
                    "*" => principals
                        .push(Spanned { value: PrincipalPattern::Everyone, span: text.span }),
                    _ => self.report(text.span, &path, || bare_principal(&text.value)),
                }
            }
            _ => {
                let what = format!("`{}`", member.key);
                for typed in self.members(&member.value, &path, &what, EXPECTED)? {
                    self.principals(&typed, &path, &mut principals);
                }
            }
        }
        if self.policy_type == PolicyType::ResourceControl {
            self.report_named_principals(&principals, &path);
        }
        Some(PrincipalElement { negated, principals })
    }

    fn principals(
        &mut self,
        typed: &Member<'a>,
        path: &Path<'_>,
        principals: &mut Vec<Spanned<PrincipalPattern>>,
    ) {
        let path = path.name(&typed.key);
        if !TYPES.contains(&typed.key.as_ref()) {
            return self.report(typed.key_span, &path, || {
                Problem::new(
                    Code::UnknownPrincipalType,
                    format!("unknown principal type {}", quote(&typed.key)),
                )
                .expected("`AWS`, `Service`, `Federated` or `CanonicalUser`")
                .did_you_mean(&typed.key, &TYPES)
            });
        }
        self.each(&typed.value, &path, |reader, node, path| {
            principals.extend(reader.one_principal(&typed.key, node, path));
        });
    }

    fn one_principal(
        &mut self,
        principal_type: &str,
        node: &Node<'a>,
        path: &Path<'_>,
    ) -> Option<Spanned<PrincipalPattern>> {
        let text = self.string(node, path, "the principal", "a string, or a list of strings")?;
        match read_principal(principal_type, &text.value, self.variables()) {
            Ok(value) => Some(Spanned { value, span: text.span }),
            Err(problem) => {
                self.report_text(node, &text.value, path, problem);
                None
            }
        }
    }

    /// The guide: in a resource control policy the principal can only be `*`.
    fn report_named_principals(
        &mut self,
        principals: &[Spanned<PrincipalPattern>],
        path: &Path<'_>,
    ) {
        for principal in principals.iter().filter(|named| named.value != PrincipalPattern::Everyone)
        {
            self.report(principal.span, path, || {
                Problem::new(Code::InvalidPrincipal, "a resource control policy names a principal")
                    .expected("`\"Principal\": \"*\"`")
                    .suggest("name principals in a condition on `aws:PrincipalArn`")
            });
        }
    }
}

fn bare_principal(text: &str) -> Problem {
    let principal_type = if text.contains(".amazonaws.com") { "Service" } else { "AWS" };
    Problem::new(Code::InvalidPrincipal, format!("principal {} without its type", quote(text)))
        .expected(EXPECTED)
        .suggest(format!("write `{{\"{principal_type}\": {}}}`", quote(text).replace('`', "\"")))
}

fn read_principal(
    principal_type: &str,
    text: &str,
    variables: Variables,
) -> Result<PrincipalPattern, Problem> {
    refuse_variables(text, variables, "a principal")?;
    let named = text.to_owned();
    match principal_type {
        "AWS" => read_aws(text),
        _ if text.is_empty() => Err(Problem::new(Code::InvalidPrincipal, "empty principal")
            .expected("the name of a principal")),
        _ if text.contains(['*', '?']) => Err(Problem::new(
            Code::InvalidPrincipal,
            format!("wildcard in the principal {}", quote(text)),
        )
        .expected("a whole name: no principal is a pattern, and only `AWS` may be `*`")),
        "Service" if !text.contains('.') => Err(Problem::new(
            Code::InvalidPrincipal,
            format!("invalid service principal {}", quote(text)),
        )
        .expected("a name such as `lambda.amazonaws.com`")
        .suggest(format!("did you mean {}?", quote(&format!("{text}.amazonaws.com"))))),
        "Service" => Ok(PrincipalPattern::Service(named)),
        "Federated" => Ok(PrincipalPattern::Federated(named)),
        _ => Ok(PrincipalPattern::CanonicalUser(named)),
    }
}

fn read_aws(text: &str) -> Result<PrincipalPattern, Problem> {
    if text == "*" {
        return Ok(PrincipalPattern::Everyone);
    }
    if is_account(text) {
        return Ok(PrincipalPattern::Account(text.to_owned()));
    }
    if is_unique_id(text) {
        return Ok(PrincipalPattern::UniqueId(text.to_owned()));
    }
    let problem = || {
        Problem::new(Code::InvalidPrincipal, format!("invalid principal {}", quote(text)))
            .expected("`*`, a twelve-digit account id, or the ARN of an account's root, a user, a role or a session")
    };
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [_, _, service, region, account, resource] = parts.as_slice() else {
        return Err(problem());
    };
    if !text.starts_with("arn:aws") || !matches!(*service, "iam" | "sts") {
        return Err(problem());
    }
    if text.contains(['*', '?']) {
        return Err(problem().suggest(
            "a principal is no pattern: write `\"*\"` with a condition on `aws:PrincipalArn`",
        ));
    }
    if resource.starts_with("group/") {
        return Err(
            problem().suggest("a group cannot be a principal: name its users or their role")
        );
    }
    if !region.is_empty() || account.is_empty() || resource.is_empty() {
        return Err(problem());
    }
    match Principal::parse(text).ok_or_else(problem)?.kind() {
        PrincipalKind::Root if is_account(account) && *resource == "root" => {
            Ok(PrincipalPattern::Account((*account).to_owned()))
        }
        PrincipalKind::User { .. }
        | PrincipalKind::Role { .. }
        | PrincipalKind::RoleSession { .. }
        | PrincipalKind::FederatedUser { .. } => Ok(PrincipalPattern::Arn(text.to_owned())),
        _ => Err(problem()),
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Unique ids have a prefix of four letters that begins with `A`, and are at least 16 characters
/// long.
fn is_unique_id(text: &str) -> bool {
    (16..=128).contains(&text.len())
        && text.starts_with('A')
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}
