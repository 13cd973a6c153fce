//! How many calls of a group a change allows. Of a group one call is kept, and the others may differ
//! from it in what they asked for, and in what the log tells of each call.
//!
//! Two approximations of the policies answer for all of them. With the Allow statements alone that
//! match whatever the calls may have asked for, what is allowed is allowed for all; with all that match
//! some of it, what is not allowed is allowed for none. What differs from call to call is unknown in
//! both. No Deny whose keys the log tells matches any call of a group that is denied implicitly, or
//! the group were denied explicitly; one that depends on other keys may. A route's calls are taken to be
//! as it says, with anything in the place of its parameters.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use tollgate_policy::{
    Effect, Extent, Key, Outcome, Policies, PolicyDocument, PolicySet, Request, Statement, Value,
    Variables, authorize, key,
};

use crate::outcomes::{CallContext, Told};

/// Which calls of a group a change allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    All,
    /// Some perhaps: policies may tell them apart.
    Some,
    None,
}

/// Which of the calls an approximation is right about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Bound {
    /// Those that it allows, it allows rightly.
    Least,
    /// Those that it does not allow.
    Most,
}

/// The keys whose values a log tells of each call; others are the same for all calls of a group.
const TOLD_OF_CALLS: [Key<'static>; 8] = [
    key::SOURCE_IP,
    key::USER_AGENT,
    key::CURRENT_TIME,
    key::EPOCH_TIME,
    key::PRINCIPAL_ORG_ID,
    key::SOURCE_VPC,
    key::SOURCE_VPCE,
    key::USER_ID,
];

/// What an approximation is made of: a policy set, by its address, and for which group.
type Made = (Bound, usize, String, Vec<String>);

/// The approximations that were made: sessions of a role share them.
#[derive(Default)]
pub(super) struct Reach {
    made: RefCell<BTreeMap<Made, Arc<PolicySet>>>,
}

/// The calls of a group, whose resources a pattern matches.
struct Calls<'c> {
    pattern: &'c str,
    extent: Extent,
    /// What the ARNs of the API begin with.
    head: &'c str,
    /// Names of keys that the log does not tell, in lower case.
    untold: Vec<String>,
}

impl Reach {
    /// Which calls of a group that is denied implicitly these policies allow. `request` is that of the
    /// example, and `pattern` matches the resources of all.
    pub(super) fn of(
        &self,
        policies: &Policies<'_>,
        mut request: Request<'_>,
        context: &CallContext,
        pattern: &str,
    ) -> Share {
        let names = context.keys.iter();
        let untold = names.filter(|(_, told)| *told == Told::Unknown);
        let resource = request.resource().to_owned();
        let calls = Calls {
            pattern,
            extent: Extent::of_resource(pattern, Variables::Substituted),
            head: resource.split_once('/').map_or("", |(head, _)| head),
            untold: untold.map(|(name, _)| name.to_ascii_lowercase()).collect(),
        };
        for key in TOLD_OF_CALLS {
            if context.keys.iter().any(|(name, _)| Key::new(name) == key) {
                request.context.set(key, Value::Unknown);
            }
        }
        let outcome = |bound| self.outcome(policies, &request, &calls, bound);
        match outcome(Bound::Least) {
            Outcome::Allowed => Share::All,
            _ if matches!(outcome(Bound::Most), Outcome::Allowed | Outcome::Indeterminate) => {
                Share::Some
            }
            _ => Share::None,
        }
    }

    fn outcome(
        &self,
        policies: &Policies<'_>,
        request: &Request<'_>,
        calls: &Calls<'_>,
        bound: Bound,
    ) -> Outcome {
        let made = |set: &PolicySet| self.approximated(set, calls, bound);
        let some = |set: Option<&PolicySet>| set.map(made);
        let levels: Vec<_> = policies.service_control.iter().map(|set| made(set)).collect();
        let [identity, resource, boundary, session, endpoint] = [
            policies.identity,
            policies.resource,
            policies.permissions_boundary,
            policies.session,
            policies.vpc_endpoint,
        ]
        .map(some);
        let controls: Vec<_> = policies.resource_control.iter().map(|set| made(set)).collect();
        let approximated = Policies {
            identity: identity.as_deref(),
            resource: resource.as_deref(),
            permissions_boundary: boundary.as_deref(),
            session: session.as_deref(),
            service_control: &levels,
            resource_control: &controls,
            vpc_endpoint: endpoint.as_deref(),
            authorization_type: policies.authorization_type,
        };
        authorize(&approximated, request).outcome
    }

    /// The statements that count, on all resources.
    fn approximated(&self, set: &PolicySet, calls: &Calls<'_>, bound: Bound) -> Arc<PolicySet> {
        let address = std::ptr::from_ref(set).addr();
        let made = (bound, address, calls.pattern.to_owned(), calls.untold.clone());
        let make = || {
            let documents = set.documents().iter();
            Arc::new(PolicySet::compile(documents.filter_map(|it| calls.approximate(it, bound))))
        };
        Arc::clone(self.made.borrow_mut().entry(made).or_insert_with(make))
    }
}

impl Calls<'_> {
    /// The statements of a document that count, on all resources.
    fn approximate(&self, document: &PolicyDocument, bound: Bound) -> Option<PolicyDocument> {
        let variables = document.version().variables();
        let statements = document.statements().iter();
        let counting: Vec<Json> = statements
            .filter_map(|statement| {
                let mut written = serde_json::to_value(statement).ok()?;
                let counts = match (statement.effect.value, bound) {
                    (Effect::Allow, Bound::Least) => self.are_covered(statement, variables),
                    (Effect::Allow, Bound::Most) => self.are_met(statement, variables),
                    (Effect::Deny, Bound::Least) => {
                        self.are_met(statement, variables) && self.hangs_on_untold(&written)
                    }
                    (Effect::Deny, Bound::Most) => false,
                };
                let members = written.as_object_mut().filter(|_| counts)?;
                members.retain(|name, _| !matches!(&**name, "Resource" | "NotResource"));
                members.insert("Resource".to_owned(), json!("*"));
                Some(written)
            })
            .collect();
        let version = match variables {
            Variables::Literal => "2008-10-17",
            Variables::Substituted => "2012-10-17",
        };
        let text = json!({ "Version": version, "Statement": counting }).to_string();
        PolicyDocument::parse(&text, document.policy_type()).ok()
    }

    /// Whether a statement matches the resource of every call.
    fn are_covered(&self, statement: &Statement, variables: Variables) -> bool {
        self.compare(statement, variables, [Extent::covers, Extent::meets])
    }

    /// Whether a statement may match the resource of a call.
    fn are_met(&self, statement: &Statement, variables: Variables) -> bool {
        self.compare(statement, variables, [Extent::meets, Extent::covers])
    }

    /// How some pattern of a statement's `Resource` must compare with the calls, and how none of its
    /// `NotResource` may.
    fn compare(
        &self,
        statement: &Statement,
        variables: Variables,
        [some, none]: [fn(&Extent, &Extent) -> bool; 2],
    ) -> bool {
        let Some(element) = &statement.resource else { return true };
        let mut extents =
            element.patterns.iter().map(|each| self.extent_of(&each.value, variables));
        match element.negated {
            true => !extents.any(|extent| none(&extent, &self.extent)),
            false => extents.any(|extent| some(&extent, &self.extent)),
        }
    }

    /// The extent of a pattern; `execute-api:/…` is about the API.
    fn extent_of(&self, pattern: &str, variables: Variables) -> Extent {
        match pattern.strip_prefix("execute-api:/") {
            Some(path) => Extent::of_resource(&format!("{}/{path}", self.head), variables),
            None => Extent::of_resource(pattern, variables),
        }
    }

    /// Whether a statement names a key that the log does not tell.
    fn hangs_on_untold(&self, statement: &Json) -> bool {
        let text = statement.to_string().to_ascii_lowercase();
        self.untold.iter().any(|name| text.contains(name))
    }
}
