//! One statement: which elements it has, and which it may have.

use std::collections::BTreeMap;

use crate::code::Code;
use crate::document::{Effect, PatternElement, PolicyType, Statement};
use crate::json::{Member, Node};
use crate::span::{Span, Spanned};

use super::opening;
use super::path::Path;
use super::pattern::{check_action, check_resource};
use super::reader::{Problem, Reader, quote};

const ELEMENTS: [&str; 9] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

/// Whether statements of a type have the element.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Required,
    Optional,
    Forbidden,
}

/// Resource control policies and VPC endpoint policies are written like resource policies **(our
/// choice where the guides differ from page to page)**.
fn principal_presence(policy_type: PolicyType) -> Presence {
    match policy_type {
        PolicyType::Identity
        | PolicyType::PermissionsBoundary
        | PolicyType::Session
        | PolicyType::ServiceControl => Presence::Forbidden,
        PolicyType::Resource
        | PolicyType::ResourceControl
        | PolicyType::RoleTrust
        | PolicyType::VpcEndpoint => Presence::Required,
    }
}

/// Policies of container repositories have no resource but the repository: the one kind of resource
/// policy in which AWS accepts statements without the element.
///
/// Source: Amazon ECR User Guide, `repository-policy-examples`.
fn resource_presence(policy_type: PolicyType, action: Option<&PatternElement>) -> Presence {
    match (policy_type, action) {
        (PolicyType::RoleTrust, _) => Presence::Forbidden,
        (PolicyType::Resource, Some(action)) if is_about_a_repository(action) => Presence::Optional,
        _ => Presence::Required,
    }
}

fn is_about_a_repository(action: &PatternElement) -> bool {
    let patterns = &action.patterns;
    !action.negated && !patterns.is_empty() && patterns.iter().all(|it| is_of_ecr(&it.value))
}

/// Whether an action is one of the container registry.
pub(super) fn is_of_ecr(action: &str) -> bool {
    let service = action.split_once(':').map_or("", |(service, _)| service);
    ["ecr", "ecr-public"].iter().any(|known| known.eq_ignore_ascii_case(service))
}

/// Whether a `Sid` is limited to letters and digits **(our choice for the types that the guide
/// does not name: only where IAM itself stores the policy for a user, group or role)**.
fn sid_is_strict(policy_type: PolicyType) -> bool {
    matches!(
        policy_type,
        PolicyType::Identity | PolicyType::PermissionsBoundary | PolicyType::Session
    )
}

/// An element or its `Not…` form.
struct Either<'m, 'a> {
    member: &'m Member<'a>,
    negated: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn statement(&mut self, node: &Node<'a>, path: &Path<'_>) -> Option<Statement> {
        let members = self.members(
            node,
            path,
            "the statement",
            "an object with `Effect`, `Action` and so on",
        )?;
        self.report_unknown(&members, path, "a statement", &ELEMENTS);
        let element = |name: &str| members.iter().find(|member| member.key == name);
        let sid = element("Sid").and_then(|member| self.sid(&member.value, path));
        let effect = self.effect(element("Effect"), node, path);
        let principal = self.either(&members, path, "Principal", "NotPrincipal");
        let principal = self.allowed_principal(principal, node, path);
        let action = self.either(&members, path, "Action", "NotAction");
        let action = self.action(action, node, path);
        let resource = self.either(&members, path, "Resource", "NotResource");
        let presence = resource_presence(self.policy_type, action.as_ref());
        let resource = self.resource(resource, presence, node, path);
        let conditions = match element("Condition") {
            Some(member) => self.conditions(&member.value, &path.name("Condition")),
            None => Vec::new(),
        };
        Some(Statement {
            sid,
            effect: effect?,
            principal,
            action: action?,
            resource,
            conditions,
            span: node.span(),
            position: self.lines.position(node.span()),
        })
    }

    fn sid(&mut self, node: &Node<'a>, path: &Path<'_>) -> Option<Spanned<String>> {
        let path = path.name("Sid");
        let sid = self.string(node, &path, "`Sid`", "a string")?;
        let strange = |character: char| !character.is_ascii_alphanumeric();
        if sid_is_strict(self.policy_type) && sid.value.contains(strange) {
            let policy_type = self.policy_type;
            self.report(sid.span, &path, || {
                let plain: String = sid.value.chars().filter(|&c| !strange(c)).take(60).collect();
                let problem =
                    Problem::new(Code::InvalidSid, format!("invalid Sid {}", quote(&sid.value)))
                        .expected(format!(
                            "only letters and digits in the Sid of an {policy_type}"
                        ));
                match plain.as_str() {
                    "" => problem,
                    _ => problem.suggest(format!("write `{plain}`")),
                }
            });
        }
        Some(sid)
    }

    /// Reports each Sid that an earlier statement has; empty ones may repeat **(our choice)**.
    pub(super) fn report_repeated_sids(&mut self, statements: &[Statement]) {
        let mut first: BTreeMap<&str, Span> = BTreeMap::new();
        for (index, statement) in statements.iter().enumerate() {
            let Some(sid) = statement.sid.as_ref().filter(|sid| !sid.value.is_empty()) else {
                continue;
            };
            let Some(span) = first.get(sid.value.as_str()).copied() else {
                first.insert(&sid.value, sid.span);
                continue;
            };
            let path = Path::ROOT.name("Statement");
            self.report(sid.span, &path.index(index).name("Sid"), || {
                Problem::new(Code::DuplicateSid, format!("Sid {} stands twice", quote(&sid.value)))
                    .expected("each Sid once in a document")
                    .related(span, "it first stands here")
            });
        }
    }

    fn effect(
        &mut self,
        member: Option<&Member<'a>>,
        node: &Node<'a>,
        path: &Path<'_>,
    ) -> Option<Spanned<Effect>> {
        let Some(member) = member else {
            self.report(opening(node), path, || {
                Problem::new(Code::MissingEffect, "the statement has no `Effect`")
                    .expected("`\"Effect\": \"Allow\"` or `\"Effect\": \"Deny\"`")
            });
            return None;
        };
        let path = path.name("Effect");
        let Spanned { value, span } =
            self.string(&member.value, &path, "`Effect`", "`\"Allow\"` or `\"Deny\"`")?;
        let effect = match value.as_str() {
            "Allow" => Effect::Allow,
            "Deny" => Effect::Deny,
            _ => {
                self.report(span, &path, || {
                    Problem::new(Code::UnknownEffect, format!("unknown effect {}", quote(&value)))
                        .expected("`Allow` or `Deny`")
                        .did_you_mean(&value, &["Allow", "Deny"])
                });
                return None;
            }
        };
        Some(Spanned { value: effect, span })
    }

    /// The element or its negated form, whichever is there; both are an error.
    fn either<'m>(
        &mut self,
        members: &'m [Member<'a>],
        path: &Path<'_>,
        plain: &'static str,
        negated: &'static str,
    ) -> Option<Either<'m, 'a>> {
        let mut found = members
            .iter()
            .filter(|member| member.key == plain || member.key == negated)
            .map(|member| Either { member, negated: member.key == negated });
        let first = found.next()?;
        if let Some(second) = found.next() {
            self.report(second.member.key_span, &path.name(&second.member.key), || {
                Problem::new(
                    Code::ConflictingElements,
                    format!("the statement has both `{plain}` and `{negated}`"),
                )
                .expected("one of them")
                .related(first.member.key_span, "the other stands here")
            });
        }
        Some(first)
    }

    fn allowed_principal(
        &mut self,
        element: Option<Either<'_, 'a>>,
        node: &Node<'a>,
        path: &Path<'_>,
    ) -> Option<crate::document::PrincipalElement> {
        let policy_type = self.policy_type;
        match (principal_presence(policy_type), element) {
            (Presence::Required | Presence::Optional, Some(Either { member, negated })) => {
                self.principal(member, negated, path)
            }
            (Presence::Optional | Presence::Forbidden, None) => None,
            (Presence::Required, None) => {
                self.report(opening(node), path, || {
                    Problem::new(Code::MissingPrincipal, "the statement has no `Principal`")
                        .expected(format!("`Principal` or `NotPrincipal` in a {policy_type}"))
                });
                None
            }
            (Presence::Forbidden, Some(Either { member, .. })) => {
                self.report_forbidden(member, path, "it applies to whoever it is attached to");
                None
            }
        }
    }

    pub(super) fn report_forbidden(&mut self, member: &Member<'a>, path: &Path<'_>, why: &str) {
        let policy_type = self.policy_type;
        self.report(member.key_span, &path.name(&member.key), || {
            let message = format!("{} cannot have `{}`", policy_type.with_article(), member.key);
            Problem::new(Code::ForbiddenElement, message)
                .suggest(format!("remove `{}`: {why}", member.key))
        });
    }

    fn action(
        &mut self,
        element: Option<Either<'_, 'a>>,
        node: &Node<'a>,
        path: &Path<'_>,
    ) -> Option<PatternElement> {
        let Some(element) = element else {
            self.report(opening(node), path, || {
                Problem::new(Code::MissingAction, "the statement has no `Action`")
                    .expected("`Action` or `NotAction`")
            });
            return None;
        };
        Some(self.patterns(
            &element,
            path,
            "an action such as `\"execute-api:Invoke\"`, or a list of them",
            |reader, text| check_action(text, reader.variables()),
        ))
    }

    fn resource(
        &mut self,
        element: Option<Either<'_, 'a>>,
        presence: Presence,
        node: &Node<'a>,
        path: &Path<'_>,
    ) -> Option<PatternElement> {
        match (presence, element) {
            (Presence::Required | Presence::Optional, Some(element)) => Some(self.patterns(
                &element,
                path,
                "`\"*\"` or an ARN, or a list of them",
                |reader, text| check_resource(text, reader.policy_type, reader.variables()),
            )),
            (Presence::Optional | Presence::Forbidden, None) => None,
            (Presence::Required, None) => {
                self.report(opening(node), path, || {
                    Problem::new(Code::MissingResource, "the statement has no `Resource`")
                        .expected("`Resource` or `NotResource`")
                });
                None
            }
            (Presence::Forbidden, Some(element)) => {
                self.report_forbidden(element.member, path, "its resource is the role itself");
                None
            }
        }
    }

    fn patterns(
        &mut self,
        element: &Either<'_, 'a>,
        path: &Path<'_>,
        expected: &str,
        check: impl Fn(&Reader<'a>, &str) -> Result<(), Problem>,
    ) -> PatternElement {
        let Either { member, negated } = element;
        let what = format!("`{}`", member.key);
        let mut patterns = Vec::new();
        self.each(&member.value, &path.name(&member.key), |reader, node, path| {
            let Some(pattern) = reader.string(node, path, &what, expected) else { return };
            if let Err(problem) = check(reader, &pattern.value) {
                reader.report_text(node, &pattern.value, path, problem);
            }
            patterns.push(pattern);
        });
        PatternElement { negated: *negated, patterns }
    }
}
