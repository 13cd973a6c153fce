//! Whose key it is: for the gateway, whose callers sign with sessions, and for the STS, whose callers
//! sign with those or with keys of the identity file.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use moka::Expiry;
use moka::sync::Cache;
use tollgate_gateway::{Caller as GatewayCaller, Fact, FactValue};
use tollgate_policy::Principal;
use tollgate_sigv4::{ErrorType, KeyAnswer, KeyClaim, KeyLookup, SessionRefusal, SessionToken};
use tollgate_store::Account;
use tollgate_sts::{Caller, Opened, Revocations, Session, SessionKeys, TokenFault};

use crate::Issuer;
use crate::plan::Plan;

/// The gateway's: sessions that a plan's keys sealed. What is revoked is what the issuer knows now.
///
/// To open a token and to compile its policy is done once a session, not once a request. Whether the
/// session holds is asked for every request. Another plan has other keys, and keeps nothing of this.
pub(crate) struct GatewayKeys {
    issuer: Arc<Issuer>,
    plan: Arc<Plan>,
    /// By access key id.
    known: Cache<String, Arc<Known>>,
}

/// A session whose token was opened.
struct Known {
    token: SessionToken,
    opened: Opened,
    caller: Arc<GatewayCaller>,
    /// How long it had to live when it was opened.
    left: Duration,
}

/// Forgets a session when it expires.
struct UntilExpiry;

/// How many sessions are known at a time. Each takes a few KiB, most of it for its policy.
const SESSIONS_MAX: u64 = 10_000;

impl GatewayKeys {
    pub(crate) fn new(issuer: Arc<Issuer>, plan: Arc<Plan>) -> GatewayKeys {
        let known = Cache::builder().max_capacity(SESSIONS_MAX).expire_after(UntilExpiry).build();
        GatewayKeys { issuer, plan, known }
    }

    fn session(
        &self,
        claim: &KeyClaim<'_>,
        token: &SessionToken,
    ) -> Result<Arc<Known>, TokenFault> {
        let known = self.known.get(claim.access_key_id);
        // A session has one token. Another that comes with its key is opened, and refused.
        let known = known.filter(|known| known.token.is_same(token));
        let is_new = known.is_none();
        let known = known.map_or_else(|| self.open(token, claim.now), Ok)?;
        let (plan, revocations) = (&self.plan, self.issuer.revocations());
        let Known { opened, .. } = &*known;
        opened.check(claim.access_key_id, claim.now, plan.clock_skew_s, &revocations)?;
        if is_new {
            self.known.insert(claim.access_key_id.to_owned(), Arc::clone(&known));
        }
        Ok(known)
    }

    fn open(&self, token: &SessionToken, now: Timestamp) -> Result<Arc<Known>, TokenFault> {
        let opened = self.plan.keys.open(token.expose())?;
        let session = opened.session();
        let caller = Arc::new(caller(session, &self.plan.account));
        let left = Duration::try_from(session.expires_at.duration_since(now)).unwrap_or_default();
        Ok(Arc::new(Known { token: token.clone(), opened, caller, left }))
    }
}

impl KeyLookup for GatewayKeys {
    type Identity = Arc<GatewayCaller>;

    fn find(&self, claim: &KeyClaim<'_>) -> KeyAnswer<Arc<GatewayCaller>> {
        let Some(token) = SessionKeys::token_of(claim) else { return KeyAnswer::Unknown };
        match self.session(claim, token) {
            Ok(known) => KeyAnswer::Found {
                secret: known.opened.secret().clone(),
                identity: Arc::clone(&known.caller),
            },
            Err(fault) => KeyAnswer::Refused(fault.refusal()),
        }
    }
}

impl Expiry<String, Arc<Known>> for UntilExpiry {
    fn expire_after_create(&self, _: &String, known: &Arc<Known>, _: Instant) -> Option<Duration> {
        Some(known.left)
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
