//! The second evaluator: naive, short, and following the specification sentence by sentence.
//!
//! It shares the parsed document and the request with the compiled evaluator and nothing else: no
//! index, no tokens, no parsed values. It is for tests and fuzzing, where the two must agree on
//! every input; it copies and sorts without restraint.
//!
//! Sentences in quotation marks are the rules that the crate implements, in these sections, each
//! named with the pages of the IAM User Guide behind it:
//!
//! 1. the document: `reference_policies_grammar`, `reference_policies_elements`
//! 2. wildcards: `reference_policies_elements_resource`, `reference_policies_elements_action`
//! 3. conditions: `reference_policies_elements_condition_operators`,
//!    `reference_policies_condition-single-vs-multi-valued-context-keys`
//! 4. policy variables: `reference_policies_variables`
//! 5. principals: `reference_policies_elements_principal`, `reference_policies_elements_notprincipal`
//! 6. combining policies into a decision:
//!    `reference_policies_evaluation-logic_policy-eval-denyallow`,
//!    `reference_policies_evaluation-logic-cross-account`
//! 7. unknown context: a key is known, known to be absent, or unknown, and evaluation is
//!    three-valued

mod condition;
mod context;
mod grant;
mod pattern;
mod statement;
mod truth;
mod value;

use std::collections::BTreeSet;

use context::has_account_identity;
use grant::{Grant, grant};
use statement::{Match, match_statement};
use truth::Truth;

use crate::decision::{Decision, Determining, Outcome, StatementId};
use crate::document::{Effect, PolicyDocument, PolicyType, Statement};
use crate::layers::{AuthorizationType, Documents};
use crate::principal::{Principal, PrincipalKind};
use crate::request::Request;

/// Decides a request, slowly.
pub fn authorize(documents: &Documents, request: &Request<'_>) -> Decision {
    let mut request = request.clone();
    // API Gateway guide: with authorization type NONE nobody is authenticated
    if documents.authorization_type == AuthorizationType::None {
        request.principal = Principal::ANONYMOUS;
    }
    let findings = find(documents, &request);
    let ways = ways_to_be_allowed(documents, &request);
    let outcome = decide(&ways, |part| truth_of(&findings, part));
    let determining: Vec<&Finding> = match outcome {
        Outcome::ImplicitDeny => vec![],
        Outcome::ExplicitDeny => denying(&findings),
        Outcome::Allowed => granting(&findings, &ways),
        Outcome::Indeterminate => undecided(&findings, &ways),
    };
    let mut determined_by = Determining::default();
    determining.iter().for_each(|finding| determined_by.insert(finding.id));
    let keys: BTreeSet<&String> = match outcome {
        Outcome::Indeterminate => determining.iter().flat_map(|finding| &finding.keys).collect(),
        _ => BTreeSet::new(),
    };
    let depends_on = keys.into_iter().map(|key| request.context.spelling(key).to_owned()).collect();
    Decision { outcome, determined_by, depends_on }
}

/// A part of the decision that statements settle. Each is true when one of its statements matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Something denies.
    Deny,
    /// The identity policies allow.
    Identity,
    /// The permissions boundary allows.
    Boundary,
    /// The session policy allows.
    Session,
    /// The service control policies of this level allow.
    ServiceControl(usize),
    /// The policy of the VPC endpoint allows.
    VpcEndpoint,
    /// The resource policy allows, naming the caller so.
    Resource(Grant),
}

/// What became of one statement.
struct Finding {
    id: StatementId,
    /// The part that it would settle; none when it does not name the caller, or allows where that
    /// means nothing.
    part: Option<Part>,
    truth: Truth,
    keys: Vec<String>,
}

/// A list of policies in its place.
struct Layer<'d> {
    policy_type: PolicyType,
    level: usize,
    policies: &'d [PolicyDocument],
    /// The part that its Allow statements settle.
    allow: Option<Part>,
}

/// The layers that apply to the caller.
fn layers<'d>(documents: &'d Documents, caller: &Principal<'_>) -> Vec<Layer<'d>> {
    let mut layers = vec![];
    let mut add = |policy_type, level, policies, allow| {
        layers.push(Layer { policy_type, level, policies, allow });
    };
    // "Anonymous: only the resource policy (and RCPs) decide", and who has no account has no
    // policies of their own either
    if has_account_identity(caller.kind()) {
        let boundary = documents.permissions_boundary.as_slice();
        let session = documents.session.as_slice();
        add(PolicyType::Identity, 0, documents.identity.as_slice(), Some(Part::Identity));
        add(PolicyType::PermissionsBoundary, 0, boundary, Some(Part::Boundary));
        add(PolicyType::Session, 0, session, Some(Part::Session));
        for (level, policies) in documents.service_control.iter().enumerate() {
            add(PolicyType::ServiceControl, level, policies, Some(Part::ServiceControl(level)));
        }
    }
    let resource = documents.resource.as_slice();
    add(PolicyType::Resource, 0, resource, Some(Part::Resource(Grant::Direct)));
    // "`RCPFullAWSAccess` is implied": only their denials count
    for (level, policies) in documents.resource_control.iter().enumerate() {
        add(PolicyType::ResourceControl, level, policies, None);
    }
    add(PolicyType::VpcEndpoint, 0, documents.vpc_endpoint.as_slice(), Some(Part::VpcEndpoint));
    layers
}

/// Evaluates every statement of every layer.
fn find(documents: &Documents, request: &Request<'_>) -> Vec<Finding> {
    let mut findings = vec![];
    for layer in layers(documents, request.principal()) {
        for (policy, document) in layer.policies.iter().enumerate() {
            for (statement, written) in document.statements().iter().enumerate() {
                let id = StatementId {
                    policy_type: layer.policy_type,
                    level: layer.level as u16,
                    policy: policy as u32,
                    statement: statement as u32,
                };
                let Match { truth, keys } = match_statement(document, written, request);
                let part = part_of(written, layer.allow, request.principal());
                findings.push(Finding { id, part, truth, keys });
            }
        }
    }
    findings
}

/// The part that a statement would settle.
fn part_of(statement: &Statement, allow: Option<Part>, caller: &Principal<'_>) -> Option<Part> {
    let grant = grant(statement.principal.as_ref(), caller)?;
    match (statement.effect.value, allow) {
        (Effect::Deny, _) => Some(Part::Deny),
        (Effect::Allow, Some(Part::Resource(_))) => Some(Part::Resource(grant)),
        (Effect::Allow, allow) => allow,
    }
}

/// A conjunction of parts that together allow, denials aside.
type Way = Vec<Part>;

/// Section 6, "Combining policies into a decision", points 2 to 4, as every way to be allowed.
fn ways_to_be_allowed(documents: &Documents, request: &Request<'_>) -> Vec<Way> {
    let caller = request.principal();
    let mut ways = match caller.kind() {
        // "No resource policy and NONE is public."
        _ if documents.authorization_type == AuthorizationType::None
            && documents.resource.is_none() =>
        {
            vec![vec![]]
        }
        // "Anonymous: only the resource policy (and RCPs) decide."
        kind if !has_account_identity(kind) => vec![vec![Part::Resource(Grant::Direct)]],
        _ if is_same_account(request) => ways_in_one_account(documents, request),
        _ => ways_across_accounts(documents, caller),
    };
    let mut always = vec![];
    // "every level root→OU→account must allow; a resource-policy grant does not escape them"
    if has_account_identity(caller.kind()) {
        always.extend((0..documents.service_control.len()).map(Part::ServiceControl));
    }
    always.extend(documents.vpc_endpoint.iter().map(|_| Part::VpcEndpoint));
    ways.iter_mut().for_each(|way| way.extend(&always));
    ways
}

fn is_same_account(request: &Request<'_>) -> bool {
    request.resource_account().is_none_or(|account| request.principal().account() == Some(account))
}

/// The table "Same account, no explicit deny".
fn ways_in_one_account(documents: &Documents, request: &Request<'_>) -> Vec<Way> {
    let [direct, role, account] = [Grant::Direct, Grant::Role, Grant::Account].map(Part::Resource);
    let strict = must_allow_by_itself(request.action());
    // "The account's root user: everything except SCP, RCP and explicit Deny", and it is the
    // account that a strict policy names
    if request.principal().kind() == PrincipalKind::Root {
        return if strict { vec![vec![direct], vec![account]] } else { vec![vec![]] };
    }
    let limits = limits(documents, request.principal());
    let limited = |part| [vec![part], limits.clone()].concat();
    let mut by_identity = limited(Part::Identity);
    // "Role trust policies and KMS key policies must allow by themselves (an identity Allow alone
    // is not enough)": delegation to the account, and the identity Allow
    if strict {
        by_identity.push(account);
    }
    vec![vec![direct], limited(role), by_identity]
}

/// "Cross account: both sides must allow; boundary and session policy limit the identity side;
/// `Principal: "*"` does not spare the identity Allow."
fn ways_across_accounts(documents: &Documents, caller: &Principal<'_>) -> Vec<Way> {
    let identity_side = match caller.kind() {
        PrincipalKind::Root => vec![],
        _ => [vec![Part::Identity], limits(documents, caller)].concat(),
    };
    let resource_side = [Grant::Direct, Grant::Role, Grant::Account].map(Part::Resource);
    resource_side.map(|grant| [identity_side.clone(), vec![grant]].concat()).to_vec()
}

/// What limits the identity side: boundary and session policy. "No session policy means no
/// restriction for a role session; a federated user session without a session policy is denied."
fn limits(documents: &Documents, caller: &Principal<'_>) -> Vec<Part> {
    let boundary = (!documents.permissions_boundary.is_empty()).then_some(Part::Boundary);
    let federated = matches!(caller.kind(), PrincipalKind::FederatedUser { .. });
    let session = (documents.session.is_some() || federated).then_some(Part::Session);
    boundary.into_iter().chain(session).collect()
}

/// Whether the action's resource is a role's trust policy or a KMS key.
fn must_allow_by_itself(action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    action.starts_with("sts:assumerole")
        || ["sts:tagsession", "sts:setsourceidentity"].contains(&action.as_str())
        || action.starts_with("kms:")
}

/// Whether a part is true: some statement of it matches.
fn truth_of(findings: &[Finding], part: Part) -> Truth {
    let its = findings.iter().filter(|finding| finding.part == Some(part));
    Truth::any(its.map(|finding| finding.truth))
}

/// The outcome for given truths of the parts. "An explicit Deny anywhere wins." Section 7:
/// "indeterminate when both outcomes are possible".
fn decide(ways: &[Way], truth: impl Fn(Part) -> Truth) -> Outcome {
    let allow = Truth::any(ways.iter().map(|way| Truth::all(way.iter().map(|part| truth(*part)))));
    match (truth(Part::Deny), allow) {
        (Truth::True, _) => Outcome::ExplicitDeny,
        (_, Truth::False) => Outcome::ImplicitDeny,
        (Truth::False, Truth::True) => Outcome::Allowed,
        _ => Outcome::Indeterminate,
    }
}

/// The statements that deny.
fn denying(findings: &[Finding]) -> Vec<&Finding> {
    let denies = |finding: &&Finding| finding.part == Some(Part::Deny);
    findings.iter().filter(denies).filter(|finding| finding.truth == Truth::True).collect()
}

/// The statements of the identity and resource policies in every way that is open; what only limits
/// (boundary, session, service control, VPC endpoint) is not named.
fn granting<'f>(findings: &'f [Finding], ways: &[Way]) -> Vec<&'f Finding> {
    let is_true = |part: &Part| truth_of(findings, *part) == Truth::True;
    let open: Vec<Part> =
        ways.iter().filter(|way| way.iter().all(is_true)).flatten().copied().collect();
    let grants = |part: Part| matches!(part, Part::Identity | Part::Resource(_));
    let counts = |finding: &&Finding| {
        finding.truth == Truth::True
            && finding.part.is_some_and(|part| grants(part) && open.contains(&part))
    };
    findings.iter().filter(counts).collect()
}

/// The statements whose match is unknown and on which the outcome depends.
fn undecided<'f>(findings: &'f [Finding], ways: &[Way]) -> Vec<&'f Finding> {
    let counts = |finding: &&Finding| {
        finding.truth == Truth::Unknown
            && finding.part.is_some_and(|part| matters(findings, ways, part))
    };
    findings.iter().filter(counts).collect()
}

/// Whether an unknown part can make the difference, for some truths of the other unknown parts.
///
/// A denial always can. A part that allows can when the rest of one of its ways is open and all
/// other unknown parts are false: that is where the outcome hangs most on this part.
fn matters(findings: &[Finding], ways: &[Way], part: Part) -> bool {
    ways.iter().filter(|way| way.contains(&part)).any(|way| {
        let outcome = |assumed: Truth| {
            decide(ways, |other| match truth_of(findings, other) {
                _ if other == part => assumed,
                Truth::Unknown => Truth::from(way.contains(&other)),
                known => known,
            })
        };
        truth_of(findings, part) == Truth::Unknown && outcome(Truth::True) != outcome(Truth::False)
    }) || part == Part::Deny
}
