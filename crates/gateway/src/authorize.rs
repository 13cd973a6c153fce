//! The decision. Whatever is done for a caller is done for an [`Authorized`] request, and nothing
//! else makes one.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use http::header::{HeaderValue, REFERER, USER_AGENT};
use http_body::Body;
use tollgate_policy::{
    Action, Decision, Explanation, Outcome, Policies, PolicyType, Principal, PrincipalKind,
    Request, StatementId, Value, key,
};
use tollgate_sigv4::{CanonicalPath, Mechanism, Transport};
use tollgate_store::Applicable;

use crate::caller::Caller;
use crate::frame::{Arrival, Framed};
use crate::internal::InternalCall;
use crate::locate::Located;
use crate::refusal::{Denial, Refusal};
use crate::replay::Used;
use crate::route::{Place, Routed};
use crate::verify::{Payload, Verified};

/// What a call of an API asks for.
static INVOKE: LazyLock<Action<'static>> = LazyLock::new(|| Action::new("execute-api:Invoke"));

/// A request that the policies allow. Only [`authorize`] makes one.
#[derive(Debug)]
pub struct Authorized<'g, B> {
    located: Located<'g, B>,
    applicable: Applicable<'g>,
    decision: Decision,
}

impl<'g, B> Authorized<'g, B> {
    /// Who calls: the ARN of whoever signed, or `anonymous`.
    pub fn caller(&self) -> &str {
        self.located.verified.caller().map_or("anonymous", |caller| &caller.arn)
    }

    /// The ARN that was decided on.
    pub fn resource(&self) -> &str {
        &self.located.resource
    }

    /// The path without its stage: the very bytes that were authorized.
    pub fn path(&self) -> &CanonicalPath {
        &self.located.path
    }

    /// The decision, with the statements that allowed.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Where those statements stand, `file:line:column Sid`.
    pub fn statements(&self) -> Cow<'g, str> {
        let mut cited = self.decision.determined_by.iter().map(|id| cite(&self.applicable, id));
        let mut text = Cow::Borrowed(cited.next().unwrap_or_default());
        cited.for_each(|other| text.to_mut().extend([", ", other]));
        text
    }

    /// Where the signature was; `None` where none was asked for.
    pub fn mechanism(&self) -> Option<Mechanism> {
        self.located.verified.signer.as_ref().map(|signed| signed.mechanism())
    }

    /// Where it goes.
    pub fn place(&self) -> &Place<'g> {
        &self.located.verified.routed.place
    }

    /// The request as it arrived.
    pub fn framed(&self) -> &Framed<Payload<B>> {
        &self.located.verified.routed.framed
    }

    /// The request as it arrived, to be passed on. Its body has been read unless nobody signed it.
    pub fn into_request(self) -> (http::request::Parts, Payload<B>) {
        self.located.verified.routed.framed.into_parts()
    }

    /// The request as it arrived, with its path.
    pub(crate) fn into_parts(self) -> (http::request::Parts, CanonicalPath, Payload<B>) {
        let (parts, payload) = self.located.verified.routed.framed.into_parts();
        (parts, self.located.path, payload)
    }

    /// Whether its caller may also do this to the same resource.
    pub(crate) fn may(&self, action: &str) -> bool {
        let principal = principal(&self.located);
        Question::of(&self.located, principal, self.applicable).decide(&Action::new(action)).is_ok()
    }

    /// Who signed; `None` where nobody has to.
    pub fn signer(&self) -> Option<&Arc<Caller>> {
        self.located.verified.caller()
    }

    /// Uses the signature up, where the route takes each for one request.
    ///
    /// # Errors
    /// It was used before.
    pub(crate) fn use_up(&self, used: &Used) -> Result<(), Refusal> {
        let at = self.framed().arrival().at;
        match &self.located.verified.signer {
            Some(signed) if self.place().rules.refuse_replays => {
                used.once(signed.replay_key(), signed.valid_until(), at)
            }
            _ => Ok(()),
        }
    }

    /// The request for a service of this process, with its body read.
    ///
    /// # Errors
    /// The body is too large, too slow, or breaks off.
    pub(crate) async fn into_call(self, body_timeout: Duration) -> Result<InternalCall, Refusal>
    where
        B: Body<Error: std::fmt::Display>,
    {
        let Located { verified, path, resource } = self.located;
        let caller = verified.caller().cloned();
        let framed = verified.routed.framed;
        let arrival = framed.arrival();
        let (head, payload) = framed.into_parts();
        let body = payload.whole(body_timeout).await?;
        Ok(InternalCall { caller, resource, path, head, body, arrival })
    }

    /// What all sessions of a role have in common, and the caller itself if it is none: the entry of
    /// the account that its permissions come from, or else its ARN without the session's name, which
    /// whoever begins a session may choose.
    pub(crate) fn principal_scope(&self) -> &str {
        match self.applicable.subject() {
            Some(subject) => subject.arn(),
            None => without_session(self.caller()),
        }
    }
}

/// `arn:aws:sts::ACCOUNT:assumed-role/NAME` of a role session; any other ARN as it is.
fn without_session(arn: &str) -> &str {
    match Principal::parse(arn).map(|principal| principal.kind()) {
        Some(PrincipalKind::RoleSession { session, .. }) => {
            arn.strip_suffix(session).and_then(|arn| arn.strip_suffix('/')).unwrap_or(arn)
        }
        _ => arn,
    }
}

/// Decides.
///
/// # Errors
/// The policies do not allow the request; the reason says which statements denied it.
pub fn authorize<B>(located: Located<'_, B>) -> Result<Authorized<'_, B>, Refusal> {
    let principal = principal(&located);
    let applicable = applicable(&located, &principal);
    match Question::of(&located, principal, applicable).decide(&INVOKE) {
        Ok(decision) => Ok(Authorized { located, applicable, decision }),
        Err(denial) => Err(Refusal::Denied(denial)),
    }
}

/// Which policies apply.
fn applicable<'g, B>(located: &Located<'g, B>, principal: &Principal<'_>) -> Applicable<'g> {
    let Routed { guard, place, .. } = &located.verified.routed;
    guard.account().policies_for(principal, Some(place.api))
}

/// A key whose holder's ARN is none is refused when it is read.
fn principal<'l, B>(located: &'l Located<'_, B>) -> Principal<'l> {
    let caller = located.verified.caller();
    caller.and_then(|caller| caller.principal()).unwrap_or(Principal::ANONYMOUS)
}

/// What is asked, borrowed from the request.
struct Question<'q> {
    user_agent: Option<Cow<'q, str>>,
    referer: Option<Cow<'q, str>>,
    arrival: Arrival,
    applicable: Applicable<'q>,
    place: &'q Place<'q>,
    caller: Option<&'q Caller>,
    principal: Principal<'q>,
    resource: &'q str,
}

impl<'q> Question<'q> {
    fn of<B>(
        located: &'q Located<'_, B>,
        principal: Principal<'q>,
        applicable: Applicable<'q>,
    ) -> Question<'q> {
        let Located { verified, resource, .. } = located;
        let Verified { routed: Routed { framed, place, .. }, signer } = verified;
        let caller = signer.as_ref().map(|signed| &*signed.identity);
        // Bytes that are no text are so in the log, too.
        let header = |name| framed.head().headers.get(name).map(HeaderValue::as_bytes);
        let text = |name| header(name).map(String::from_utf8_lossy);
        Question {
            user_agent: text(USER_AGENT),
            referer: text(REFERER),
            arrival: framed.arrival(),
            applicable,
            place,
            caller,
            principal: applicable.identify(principal),
            resource,
        }
    }

    fn decide(&self, action: &Action<'_>) -> Result<Decision, Box<Denial>> {
        let applicable = &self.applicable;
        let request = self.request(action);
        let authorization_type = self.place.authorization;
        let policies = Policies { authorization_type, ..applicable.policies() };
        let decision = allowed(&policies, &request, |id| Cited::of(applicable, id))?;
        // What the account says of all sessions, and what this one was begun with: both must allow.
        match self.caller.and_then(|caller| caller.session_policy.as_deref()) {
            None => Ok(decision),
            Some(session) => {
                let policies = Policies { session: Some(session), ..policies };
                allowed(&policies, &request, |id| match id.policy_type {
                    PolicyType::Session => Cited::OWN_OF_THE_SESSION,
                    _ => Cited::of(applicable, id),
                })
            }
        }
    }

    /// The context keys of a call: those of API Gateway, of the account, of the session.
    fn request<'s>(&'s self, action: &'s Action<'_>) -> Request<'s> {
        let Arrival { peer, transport, at } = self.arrival;
        let mut request = Request::new(self.principal, action, self.resource);
        let context = &mut request.context;
        context.set(key::SOURCE_IP, peer);
        context.set(key::SECURE_TRANSPORT, transport == Transport::Tls);
        context.set(key::CURRENT_TIME, Value::Time(at));
        context.set(key::EPOCH_TIME, at.as_second());
        context.set(key::REQUESTED_REGION, self.place.api.api().region);
        let headers = [(key::USER_AGENT, &self.user_agent), (key::REFERER, &self.referer)];
        for (name, value) in headers {
            if let Some(value) = value {
                context.set(name, value.as_ref());
            }
        }
        if let Some(account) = self.applicable.resource_account() {
            context.set(key::RESOURCE_ACCOUNT, account);
        }
        for tag in self.applicable.tags() {
            context.set(tag.key(), tag.value());
        }
        if let Some(caller) = self.caller {
            caller.set_context(at, context);
        }
        request
    }
}

fn allowed<'c>(
    policies: &Policies<'_>,
    request: &Request<'_>,
    cite: impl Fn(StatementId) -> Cited<'c>,
) -> Result<Decision, Box<Denial>> {
    let decision = tollgate_policy::authorize(policies, request);
    match decision.outcome {
        Outcome::Allowed => Ok(decision),
        Outcome::ExplicitDeny | Outcome::ImplicitDeny | Outcome::Indeterminate => {
            Err(Box::new(denial(&tollgate_policy::explain(policies, request), cite)))
        }
    }
}

/// A denial in words: AWS's for the caller, all of them for the operator.
fn denial<'c>(explanation: &Explanation, cite: impl Fn(StatementId) -> Cited<'c>) -> Denial {
    let Explanation { principal, action, resource, outcome, .. } = explanation;
    let explicitly = match outcome {
        Outcome::ExplicitDeny => " with an explicit deny",
        _ => "",
    };
    let determining = explanation.determined_by.iter();
    let determining: Vec<&str> = determining.map(|id| cite(*id).statement).collect();
    Denial {
        outcome: *outcome,
        message: format!(
            "User: {principal} is not authorized to perform: {action} on resource: {resource}{explicitly}"
        ),
        determined_by: determining.join(", "),
        nearest: explanation.nearest.map(|id| cite(id).statement.to_owned()),
        explanation: format!("{explanation}{}", legend(explanation, cite)),
    }
}

/// Which file is which policy of an explanation, as `tollgate simulate` has it.
fn legend<'c>(explanation: &Explanation, cite: impl Fn(StatementId) -> Cited<'c>) -> String {
    let statements = explanation.layers.iter().flat_map(|layer| &layer.statements);
    let mut policies: Vec<StatementId> = statements.map(|statement| statement.id).collect();
    policies.dedup_by_key(|id| (id.policy_type, id.level, id.policy));
    let line = |id: &StatementId| {
        let level = match id.policy_type {
            PolicyType::ServiceControl | PolicyType::ResourceControl => {
                format!(" (level {})", id.level)
            }
            _ => String::new(),
        };
        format!("  {} {}{level}: {}\n", id.policy_type, id.policy, cite(*id).policy)
    };
    match policies.is_empty() {
        true => String::new(),
        false => format!("policies:\n{}", policies.iter().map(line).collect::<String>()),
    }
}

/// Where a statement stands.
struct Cited<'c> {
    /// The file of its policy, and which one of that.
    policy: Cow<'c, str>,
    /// `file:line:column Sid`.
    statement: &'c str,
}

impl<'c> Cited<'c> {
    /// Of the policy that a session was begun with, which is in no file.
    const OWN_OF_THE_SESSION: Cited<'static> =
        Cited { policy: Cow::Borrowed("the session's policy"), statement: "the session's policy" };

    fn of(applicable: &Applicable<'c>, id: StatementId) -> Cited<'c> {
        let policy = applicable.cite(id).map(|citation| citation.origin.to_string());
        Cited {
            policy: policy.map_or(Cow::Borrowed(id.policy_type.as_str()), Cow::Owned),
            statement: cite(applicable, id),
        }
    }
}

/// Where a statement stands, and its `Sid`.
fn cite<'a>(applicable: &Applicable<'a>, id: StatementId) -> &'a str {
    applicable.cited(id).unwrap_or(id.policy_type.as_str())
}
