//! Whose key it is: for the gateway, whose callers sign with sessions, and for the STS, whose callers
//! sign with those or with keys of the identity file.

use std::sync::Arc;

use tollgate_gateway::{Caller as GatewayCaller, Fact, FactValue};
use tollgate_policy::Principal;
use tollgate_sigv4::{ErrorType, KeyAnswer, KeyClaim, KeyLookup, SessionRefusal};
use tollgate_store::Account;
use tollgate_sts::{Caller, Revocations, Session, SessionKeys};

use crate::Issuer;
use crate::plan::Plan;

/// The gateway's: sessions that a plan's keys sealed. What is revoked is what the issuer knows now.
pub(crate) struct GatewayKeys {
    pub(crate) issuer: Arc<Issuer>,
    pub(crate) plan: Arc<Plan>,
}

impl KeyLookup for GatewayKeys {
    type Identity = Arc<GatewayCaller>;

    fn find(&self, claim: &KeyClaim<'_>) -> KeyAnswer<Arc<GatewayCaller>> {
        let found = sessions(&self.plan, &self.issuer.revocations()).find(claim);
        map(found, |session| Arc::new(caller(&session, &self.plan.account)))
    }
}

/// The STS's: keys of users in the identity file, and sessions.
pub(crate) struct StsKeys<'p> {
    pub(crate) plan: &'p Plan,
    pub(crate) revocations: &'p Revocations,
}

impl KeyLookup for StsKeys<'_> {
    type Identity = Caller;

    fn find(&self, claim: &KeyClaim<'_>) -> KeyAnswer<Caller> {
        match self.plan.identities.find(claim) {
            KeyAnswer::Unknown => {
                map(sessions(self.plan, self.revocations).find(claim), Caller::of_session)
            }
            KeyAnswer::Found { secret, identity } => match self.user(&identity) {
                Some(identity) => KeyAnswer::Found { secret, identity },
                None => KeyAnswer::Refused(fixed_session(claim.access_key_id)),
            },
            KeyAnswer::Expired => KeyAnswer::Expired,
            KeyAnswer::Refused(refusal) => KeyAnswer::Refused(refusal),
        }
    }
}

impl StsKeys<'_> {
    /// The user that holds a key of the identity file; `None` for a session that is written there,
    /// whose limits this service does not know.
    fn user(&self, caller: &GatewayCaller) -> Option<Caller> {
        let principal = Principal::parse(&caller.arn)?;
        let subject = self.plan.account.subject(&principal)?;
        let is_limited = caller.session_policy.is_some() || caller.expires.is_some();
        (subject.arn() == caller.arn && !is_limited).then(|| Caller::of_user(subject))
    }
}

fn fixed_session(access_key_id: &str) -> SessionRefusal {
    SessionRefusal {
        error_type: ErrorType::UnrecognizedClient,
        message: "The security token included in the request is invalid: it may not call this \
                  service."
            .to_owned(),
        detail: format!(
            "`{access_key_id}` of the identity file is no key of a user of the account: it signs for \
             the gateway only"
        ),
    }
}

fn sessions<'p>(plan: &'p Plan, revocations: &'p Revocations) -> SessionKeys<'p> {
    SessionKeys { keys: &plan.keys, revocations, clock_skew_s: plan.clock_skew_s }
}

fn map<I, J>(answer: KeyAnswer<I>, change: impl FnOnce(I) -> J) -> KeyAnswer<J> {
    match answer {
        KeyAnswer::Found { secret, identity } => {
            KeyAnswer::Found { secret, identity: change(identity) }
        }
        KeyAnswer::Unknown => KeyAnswer::Unknown,
        KeyAnswer::Expired => KeyAnswer::Expired,
        KeyAnswer::Refused(refusal) => KeyAnswer::Refused(refusal),
    }
}

/// The holder of a session, as the gateway decides about it.
fn caller(session: &Session, account: &Account) -> GatewayCaller {
    let text = |key: String, text: &str| Fact { key, value: FactValue::Text(text.to_owned()) };
    let tags = session.tag_keys().into_iter().zip(&session.tags);
    let mut facts: Vec<Fact> = tags.map(|(name, tag)| text(name, &tag.value)).collect();
    facts.push(Fact {
        key: "aws:TokenIssueTime".to_owned(),
        value: FactValue::Time(session.issued_at),
    });
    let identity = session.source_identity.as_deref();
    facts.extend(identity.map(|name| text("aws:SourceIdentity".to_owned(), name)));
    let provider = session.provider.as_deref();
    facts.extend(provider.map(|name| text("aws:FederatedProvider".to_owned(), name)));
    GatewayCaller {
        arn: session.principal.clone(),
        user_id: Some(session.user_id.clone()),
        issuer: None,
        session_policy: session.limit(account).map(Arc::new),
        facts,
        expires: Some(session.expires_at),
    }
}
