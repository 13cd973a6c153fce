//! From an action to a grant: who may become what, decided by the same engine as every other call.
//!
//! The role's trust policy is the policy of the resource, so that the same rules combine it with the
//! caller's own policies. What a session inherits from the one that began it is settled here, too.

use tollgate_policy::{Decision, Outcome, Principal, PrincipalKind, Request};
use tollgate_store::{Account, Applicable, Subject};

use crate::action::{AssumeRole, Durations, RoleSession};
use crate::caller::{Call, Caller, user_id};
use crate::claims::Claims;
use crate::keys::ContextKeys;
use crate::limit::authorize_within;
use crate::packed;
use crate::{Fault, FaultCode, Grant, Origin, SessionTag};

/// The longest session of a role that another role's session began.
///
/// Source: IAM User Guide, `id_roles`: role chaining limits a session to one hour.
const CHAINED_S_MAX: u32 = 3600;

/// Who decides: the account, and how long sessions may be.
#[derive(Clone, Copy, Debug)]
pub struct Authority<'a> {
    /// The account whose roles are assumed.
    pub account: &'a Account,
    /// How long sessions may be.
    pub durations: Durations,
}

impl Authority<'_> {
    /// Decides `AssumeRole`.
    ///
    /// # Errors
    /// [`FaultCode::AccessDenied`] in AWS's words, with the decision for the operator; the same for
    /// a role that does not exist. [`FaultCode::ValidationError`] for a session that would be too
    /// long, [`FaultCode::InvalidParameterValue`] for tags that contradict inherited ones.
    pub fn assume_role(
        &self,
        caller: &Caller,
        call: &Call,
        asked: AssumeRole,
    ) -> Result<Grant, Fault> {
        let role = self.role(&asked.session.role_arn, || {
            not_authorized(&caller.principal, ASSUME_ROLE, &asked.session.role_arn)
        })?;
        let tags = inherit_tags(caller, asked.tags)?;
        let source_identity = inherit_source_identity(caller, asked.source_identity)?;
        let mut keys = ContextKeys::default();
        caller.write_keys(self.account, &mut keys);
        call.write_keys(&mut keys);
        write_session_keys(&asked.session, &tags, source_identity.as_deref(), &mut keys);
        if let Some(id) = &asked.external_id {
            keys.text("sts:ExternalId", id);
        }
        self.check_permitted(caller, role, &keys, ASSUME_ROLE, &tags, source_identity.is_some())?;
        let is_chained = caller.session.as_ref().is_some_and(|session| session.role.is_some());
        let grant = Grant {
            origin: if is_chained { Origin::ChainedRole } else { Origin::AssumedRole },
            source_identity,
            duration_s: self.role_duration(role, asked.session.duration_s, is_chained)?,
            ..self.grant(role, asked.session, tags)?
        };
        Ok(grant)
    }

    /// Decides `AssumeRoleWithWebIdentity` for a token whose claims hold.
    ///
    /// # Errors
    /// As [`assume_role`](Self::assume_role).
    pub fn assume_role_with_web_identity(
        &self,
        claims: &Claims,
        call: &Call,
        asked: RoleSession,
    ) -> Result<Grant, Fault> {
        let denied = || {
            let action = WEB_IDENTITY;
            Fault::new(FaultCode::AccessDenied, format!("Not authorized to perform {action}"))
        };
        let role = self.role(&asked.role_arn, denied)?;
        let provider = claims.provider_arn(self.account, &asked.role_arn);
        let caller = Caller { principal: provider, user_id: String::new(), session: None };
        let mut keys = ContextKeys::default();
        call.write_keys(&mut keys);
        claims.write_keys(&mut keys);
        let identity = claims.source_identity.clone();
        write_session_keys(&asked, &claims.tags, identity.as_deref(), &mut keys);
        self.check_permitted(&caller, role, &keys, WEB_IDENTITY, &claims.tags, identity.is_some())
            .map_err(|fault| Fault { message: denied().message, ..fault })?;
        Ok(Grant {
            origin: Origin::WebIdentity,
            provider: Some(caller.principal),
            source_identity: identity,
            duration_s: self.role_duration(role, asked.duration_s, false)?,
            ..self.grant(role, asked, claims.tags.clone())?
        })
    }

    /// Decides `GetSessionToken`, which needs no permission and a key of one's own.
    ///
    /// # Errors
    /// [`FaultCode::AccessDenied`] for a caller with a session.
    pub fn session_token(&self, caller: &Caller, asked_s: Option<u32>) -> Result<Grant, Fault> {
        if caller.session.is_some() {
            let message = "Cannot call GetSessionToken with session credentials";
            return Err(Fault::new(FaultCode::AccessDenied, message));
        }
        Ok(Grant {
            origin: Origin::UserSession,
            principal: caller.principal.clone(),
            user_id: caller.user_id.clone(),
            role: None,
            policy: None,
            policy_arns: Vec::new(),
            tags: Vec::new(),
            source_identity: None,
            provider: None,
            duration_s: asked_s.unwrap_or(self.durations.default_s),
        })
    }

    /// A session of a role for a workload that the manifest gives it to, without a trust policy
    /// being asked: whoever wrote the manifest has decided.
    ///
    /// # Errors
    /// [`FaultCode::ValidationError`] for what is no role of the account.
    pub fn deliver(&self, role_arn: &str, session_name: &str) -> Result<Grant, Fault> {
        let role = self.role(role_arn, || invalid_arn(role_arn))?;
        let session = RoleSession {
            role_arn: role_arn.to_owned(),
            name: session_name.to_owned(),
            policy: None,
            policy_arns: Vec::new(),
            duration_s: None,
        };
        Ok(Grant {
            origin: Origin::Delivered,
            duration_s: self.role_duration(role, None, false)?,
            ..self.grant(role, session, Vec::new())?
        })
    }

    /// The role of an ARN.
    fn role(&self, arn: &str, unknown: impl Fn() -> Fault) -> Result<&Subject, Fault> {
        let principal = Principal::parse(arn).ok_or_else(|| invalid_arn(arn))?;
        let PrincipalKind::Role { .. } = principal.kind() else { return Err(invalid_arn(arn)) };
        self.account
            .subject(&principal)
            .ok_or_else(|| unknown().with_detail(format!("the account has no role `{arn}`")))
    }

    /// All actions that the session needs, in the order in which AWS names the first that is missing.
    fn check_permitted(
        &self,
        caller: &Caller,
        role: &Subject,
        keys: &ContextKeys,
        action: &'static str,
        tags: &[SessionTag],
        has_source_identity: bool,
    ) -> Result<(), Fault> {
        let tagging = (!tags.is_empty()).then_some("sts:TagSession");
        let identity = has_source_identity.then_some("sts:SetSourceIdentity");
        let limit = caller.session.as_ref().and_then(|session| session.limit(self.account));
        let actions = [Some(action), tagging, identity];
        for action in actions.into_iter().flatten() {
            let denied = || not_authorized(&caller.principal, action, role.arn());
            let principal = caller.parsed().ok_or_else(denied)?;
            let applicable = self.account.policies_to_assume(&principal, role);
            let caller = applicable.identify(principal);
            let mut request = Request::new(caller, action, role.arn());
            keys.add_to(&mut request);
            let decision = authorize_within(&applicable.policies(), limit.as_ref(), &request);
            if decision.outcome != Outcome::Allowed {
                return Err(denied().with_detail(explain(&denied(), &applicable, &decision)));
            }
        }
        Ok(())
    }

    /// How long a role's session will be.
    fn role_duration(
        &self,
        role: &Subject,
        asked_s: Option<u32>,
        is_chained: bool,
    ) -> Result<u32, Fault> {
        let chained_max = if is_chained { CHAINED_S_MAX } else { u32::MAX };
        let role_max = role.session_s_max().unwrap_or(self.durations.max_s);
        let too_long = |rule: &str| {
            let message = format!("The requested DurationSeconds exceeds the {rule}");
            Err(Fault::new(FaultCode::ValidationError, message))
        };
        match asked_s {
            None => Ok(self.durations.default_s.min(role_max).min(chained_max)),
            Some(asked) if asked > role_max => too_long("MaxSessionDuration set for this role."),
            Some(asked) if asked > chained_max => {
                too_long("1 hour session limit for roles assumed by role chaining.")
            }
            Some(asked) => Ok(asked),
        }
    }

    /// The session of a role, as far as every way to it agrees.
    fn grant(
        &self,
        role: &Subject,
        session: RoleSession,
        tags: Vec<SessionTag>,
    ) -> Result<Grant, Fault> {
        if let Some(arn) =
            session.policy_arns.iter().find(|arn| self.account.managed_policy(arn).is_none())
        {
            let message = format!("The managed policy {arn} does not exist");
            return Err(Fault::new(FaultCode::MalformedPolicyDocument, message));
        }
        packed::check(session.policy.as_deref(), &session.policy_arns, &tags)?;
        let principal = session_arn(role.arn(), &session.name);
        Ok(Grant {
            origin: Origin::AssumedRole,
            principal: principal.ok_or_else(|| invalid_arn(role.arn()))?,
            user_id: format!("{}:{}", user_id(role), session.name),
            role: Some(role.arn().to_owned()),
            policy: session.policy,
            policy_arns: session.policy_arns,
            tags,
            source_identity: None,
            provider: None,
            duration_s: 0,
        })
    }
}

const ASSUME_ROLE: &str = "sts:AssumeRole";
const WEB_IDENTITY: &str = "sts:AssumeRoleWithWebIdentity";

/// `arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION`, without the role's path.
fn session_arn(role_arn: &str, session: &str) -> Option<String> {
    let principal = Principal::parse(role_arn)?;
    let PrincipalKind::Role { name } = principal.kind() else { return None };
    let (partition, account) = (role_arn.split(':').nth(1)?, principal.account()?);
    Some(format!("arn:{partition}:sts::{account}:assumed-role/{name}/{session}"))
}

fn invalid_arn(arn: &str) -> Fault {
    let arn = crate::action::shown(arn);
    Fault::new(FaultCode::ValidationError, format!("{arn} is invalid"))
}

fn not_authorized(principal: &str, action: &str, resource: &str) -> Fault {
    let resource = crate::action::shown(resource);
    let message =
        format!("User: {principal} is not authorized to perform: {action} on resource: {resource}");
    Fault::new(FaultCode::AccessDenied, message)
}

/// The decision for the operator: the statements that made it, with their places.
fn explain(fault: &Fault, applicable: &Applicable<'_>, decision: &Decision) -> String {
    let cited = decision.determined_by.iter().filter_map(|id| applicable.cite(id));
    let cited: Vec<String> = cited.map(|citation| citation.to_string()).collect();
    let outcome = decision.outcome;
    match cited.as_slice() {
        [] => format!("{}: {outcome}", fault.message),
        _ => format!("{}: {outcome} by {}", fault.message, cited.join(", ")),
    }
}

/// Transitive tags of the caller's session, then those that are passed.
fn inherit_tags(caller: &Caller, passed: Vec<SessionTag>) -> Result<Vec<SessionTag>, Fault> {
    let own = caller.session.iter().flat_map(|session| &session.tags);
    let mut tags: Vec<SessionTag> = own.filter(|tag| tag.is_transitive).cloned().collect();
    for tag in passed {
        if tags.iter().any(|inherited| inherited.key.to_lowercase() == tag.key.to_lowercase()) {
            let message = "One of the specified tag keys can't be set because it conflicts with a \
                           transitive tag key from the calling session.";
            return Err(Fault::new(FaultCode::InvalidParameterValue, message));
        }
        tags.push(tag);
    }
    Ok(tags)
}

/// Once set, a source identity stays.
fn inherit_source_identity(
    caller: &Caller,
    passed: Option<String>,
) -> Result<Option<String>, Fault> {
    let inherited = caller.session.as_ref().and_then(|session| session.source_identity.clone());
    match (inherited, passed) {
        (Some(own), Some(other)) if own != other => {
            let message = "The source identity of the calling session can't be changed.";
            Err(Fault::new(FaultCode::AccessDenied, message))
        }
        (inherited, passed) => Ok(inherited.or(passed)),
    }
}

/// The condition keys that say what session is asked for.
fn write_session_keys(
    session: &RoleSession,
    tags: &[SessionTag],
    source_identity: Option<&str>,
    keys: &mut ContextKeys,
) {
    keys.text("sts:RoleSessionName", &session.name);
    for tag in tags {
        keys.text(format!("aws:RequestTag/{}", tag.key), &tag.value);
    }
    let names = |tags: &mut dyn Iterator<Item = &SessionTag>| {
        tags.map(|tag| tag.key.clone()).collect::<Vec<_>>()
    };
    keys.set("aws:TagKeys", names(&mut tags.iter()));
    keys.set("sts:TransitiveTagKeys", names(&mut tags.iter().filter(|tag| tag.is_transitive)));
    if let Some(identity) = source_identity {
        keys.text("sts:SourceIdentity", identity);
    }
}
