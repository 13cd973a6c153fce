//! What applies to one principal at one resource, and where each statement of it stands.

use tollgate_policy::{
    AuthorizationType, Policies, PolicyDocument, PolicySet, PolicyType, Position, Principal,
    PrincipalKind, Role, Statement, StatementId, Value,
};

use crate::account::{Account, ApiEntry, Layer, Levels, Subject, Tag};
use crate::origin::{Attachment, Origin};

/// The policies that apply to a principal at a resource, and whose they are.
#[derive(Clone, Copy, Debug)]
pub struct Applicable<'a> {
    account: &'a Account,
    subject: Option<&'a Subject>,
    caller: Caller,
    target: Option<Target<'a>>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target<'a> {
    Api(&'a ApiEntry),
    /// A role that is to be assumed.
    Role(&'a Subject),
}

/// What matters of a caller beside its entry in the account.
#[derive(Clone, Copy, Debug)]
struct Caller {
    is_of_the_account: bool,
    is_anonymous: bool,
    is_session: bool,
}

impl Caller {
    fn new(principal: &Principal<'_>, account: &str) -> Caller {
        use PrincipalKind::{Anonymous, FederatedUser, Role, RoleSession};
        let kind = principal.kind();
        Caller {
            is_of_the_account: principal.account() == Some(account),
            is_anonymous: kind == Anonymous,
            is_session: matches!(kind, Role { .. } | RoleSession { .. } | FederatedUser { .. }),
        }
    }
}

impl<'a> Applicable<'a> {
    pub(crate) fn new(
        account: &'a Account,
        principal: &Principal<'_>,
        target: Option<Target<'a>>,
    ) -> Applicable<'a> {
        let caller = Caller::new(principal, account.id());
        Applicable { account, subject: account.subject(principal), caller, target }
    }

    /// The account's entry for the principal, if there is one.
    pub fn subject(&self) -> Option<&'a Subject> {
        self.subject
    }

    /// The account that owns the resource: the condition key `aws:ResourceAccount`.
    pub fn resource_account(&self) -> Option<&'a str> {
        match self.target? {
            Target::Api(api) => Some(&api.account),
            Target::Role(_) => Some(self.account.id()),
        }
    }

    /// The principal's tags, as far as they are known: the keys `aws:PrincipalTag/NAME` and their
    /// values. Tags that its session was given are not among them.
    pub fn tags(&self) -> &'a [Tag] {
        self.subject.and_then(Subject::tags).unwrap_or_default()
    }

    /// What is known of the tag `aws:PrincipalTag/NAME` without knowing the session: its value, that
    /// there is none, or nothing.
    ///
    /// Tags of a principal that the account does not know, or whose tags it does not know, are
    /// unknown. So are those of a session whose role lets sessions be tagged
    /// ([`Subject::may_tag_sessions`]): its own tags hide the role's.
    pub fn principal_tag(&self, name: &str) -> Value<'a> {
        let Caller { is_anonymous, is_session, .. } = self.caller;
        let known = self.subject.and_then(|subject| Some((subject, subject.tags()?)));
        match known {
            None if is_anonymous => Value::Absent,
            None => Value::Unknown,
            Some((subject, _)) if is_session && subject.may_tag_sessions() => Value::Unknown,
            Some((_, tags)) => {
                let mut named = tags.iter().filter(|tag| tag.name().eq_ignore_ascii_case(name));
                named.next().map_or(Value::Absent, |tag| Value::Text(tag.value()))
            }
        }
    }

    /// The principal, with what the account knows of it beside its ARN: the path of a session's role,
    /// which `aws:PrincipalArn` has, and the unique id of a user or role, which `aws:userid` has. An id
    /// that it already has stays.
    #[must_use]
    pub fn identify<'p>(&self, principal: Principal<'p>) -> Principal<'p>
    where
        'a: 'p,
    {
        if let Some(role) = self.account.role_of(&principal) {
            return principal.of_role(Role { arn: &role.arn, unique_id: role.unique_id() });
        }
        let id = self.subject.and_then(Subject::unique_id);
        match (principal.kind(), id, principal.unique_id()) {
            (PrincipalKind::User { .. }, Some(id), None) => principal.with_user_id(id),
            _ => principal,
        }
    }

    /// The layers, ready to decide with [`AuthorizationType::AwsIam`] or as the API says.
    ///
    /// Service control policies bind the principals of their own account only, resource control
    /// policies its resources only.
    pub fn policies(&self) -> Policies<'a> {
        let set = |layer: Option<&'a Layer>| layer.map(|layer| &*layer.set);
        let own_resource = self.resource_account() == Some(self.account.id());
        Policies {
            identity: set(self.subject.and_then(|subject| subject.identity.as_ref())),
            resource: set(self.resource_layer()),
            permissions_boundary: set(self.subject.and_then(|subject| subject.boundary.as_ref())),
            session: set(self.subject.and_then(|subject| subject.session.as_ref())),
            service_control: match self.caller.is_of_the_account {
                true => &self.account.service_control.sets,
                false => &[],
            },
            resource_control: match own_resource {
                true => &self.account.resource_control.sets,
                false => &[],
            },
            vpc_endpoint: None,
            authorization_type: match self.target {
                Some(Target::Api(api)) => api.authorization,
                _ => AuthorizationType::AwsIam,
            },
        }
    }

    fn resource_layer(&self) -> Option<&'a Layer> {
        match self.target? {
            Target::Api(api) => api.resource.as_ref(),
            Target::Role(role) => role.trust.as_ref(),
        }
    }

    /// Where a statement that determined a decision stands. `None` for an id that did not come
    /// from these policies.
    pub fn cite(&self, id: StatementId) -> Option<Citation<'a>> {
        let (document, attachment) = self.policy_of(id)?;
        Some(Citation::new(document, attachment, document.statements().get(id.statement as usize)?))
    }

    /// The same as text, `file:line:column Sid`, which is made once for as long as the account is
    /// held: to find lines in an export takes longer than to decide.
    pub fn cited(&self, id: StatementId) -> Option<&'a str> {
        let (document, attachment) = self.policy_of(id)?;
        let all = attachment.cited.get_or_init(|| {
            let statements = document.statements().iter();
            statements.map(|one| Citation::new(document, attachment, one).with_sid()).collect()
        });
        all.get(id.statement as usize).map(String::as_str)
    }

    /// The policy that a statement is of.
    fn policy_of(&self, id: StatementId) -> Option<(&'a PolicyDocument, &'a Attachment)> {
        let subject = self.subject;
        let (set, attachments) = match id.policy_type {
            PolicyType::Identity => subject?.identity.as_ref()?.parts(),
            PolicyType::PermissionsBoundary => subject?.boundary.as_ref()?.parts(),
            PolicyType::Session => subject?.session.as_ref()?.parts(),
            PolicyType::Resource | PolicyType::RoleTrust => self.resource_layer()?.parts(),
            PolicyType::ServiceControl => self.account.service_control.level(id.level)?,
            PolicyType::ResourceControl => self.account.resource_control.level(id.level)?,
            PolicyType::VpcEndpoint => return None,
        };
        let index = id.policy as usize;
        Some((set.documents().get(index)?, attachments.get(index)?))
    }
}

impl Layer {
    fn parts(&self) -> (&PolicySet, &[Attachment]) {
        (&self.set, &self.attachments)
    }
}

impl Levels {
    fn level(&self, level: u16) -> Option<(&PolicySet, &[Attachment])> {
        let index = usize::from(level);
        Some((self.sets.get(index)?, self.attachments.get(index)?))
    }
}

/// A statement and the file that it stands in. Prints as `file:line:column`.
#[derive(Clone, Copy, Debug)]
pub struct Citation<'a> {
    /// The file, as a path that the reader can open.
    pub file: &'a str,
    /// The policy that the statement belongs to, and where that comes from.
    pub origin: &'a Origin,
    /// The group that a user has the policy from.
    pub group: Option<&'a str>,
    /// The policy's document.
    pub document: &'a PolicyDocument,
    /// The statement.
    pub statement: &'a Statement,
}

impl<'a> Citation<'a> {
    fn new(
        document: &'a PolicyDocument,
        attachment: &'a Attachment,
        statement: &'a Statement,
    ) -> Citation<'a> {
        let Attachment { origin, group, .. } = attachment;
        Citation { file: origin.file(), origin, group: group.as_deref(), document, statement }
    }

    /// `file:line:column Sid`; without the last if the statement has none.
    fn with_sid(&self) -> String {
        match self.sid() {
            Some(sid) => format!("{self} {sid}"),
            None => self.to_string(),
        }
    }

    /// Line and column in the file of the statement's opening brace.
    pub fn position(&self) -> Position {
        self.locate(self.statement.position)
    }

    /// Line and column in the file of a line and column of the policy's own text, which differ when
    /// the policy stands inside of an export.
    pub fn locate(&self, own: Position) -> Position {
        self.origin.locate(self.document, own)
    }

    /// The statement's `Sid`, if it has one.
    pub fn sid(&self) -> Option<&'a str> {
        self.statement.sid.as_ref().map(|sid| sid.value.as_str())
    }
}

impl std::fmt::Display for Citation<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.position())
    }
}
