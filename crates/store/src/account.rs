//! An account, loaded: who is in it, and what applies to whom.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hashbrown::{Equivalent, HashMap};
use tollgate_policy::{
    Api, AuthorizationType, Effect, Key, PolicyDocument, PolicySet, Position, Principal,
    PrincipalKind, Statement,
};

use crate::applicable::{Applicable, Target};
use crate::origin::Attachment;
use crate::route::RouteTemplate;

/// Everything that is known of one account. Immutable, `Send + Sync`; a reload makes a new one.
#[derive(Clone, Debug)]
pub struct Account {
    id: String,
    region: String,
    subjects: Vec<Subject>,
    subject_by_arn: HashMap<String, usize>,
    subject_by_id: HashMap<String, usize>,
    role_by_name: HashMap<RoleName, usize>,
    apis: Vec<ApiEntry>,
    pub(crate) service_control: Levels,
    pub(crate) resource_control: Levels,
    pub(crate) managed: std::collections::HashMap<String, PolicyDocument>,
    /// The folder of the manifest.
    pub(crate) folder: PathBuf,
}

/// The compiled policies of one layer, and where they come from, in the same order.
///
/// Cloning shares; lists of the same policies share one set.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    pub(crate) set: Arc<PolicySet>,
    pub(crate) attachments: Arc<[Attachment]>,
}

/// Control policies, a layer a level, from the root to the account.
#[derive(Clone, Debug, Default)]
pub(crate) struct Levels {
    pub(crate) sets: Vec<Arc<PolicySet>>,
    pub(crate) attachments: Vec<Arc<[Attachment]>>,
}

/// A user, role or federated user with its policies.
#[derive(Clone, Debug)]
pub struct Subject {
    pub(crate) arn: String,
    pub(crate) unique_id: Option<String>,
    pub(crate) session_s_max: Option<u32>,
    pub(crate) tags: Option<Vec<Tag>>,
    pub(crate) groups: Vec<String>,
    pub(crate) identity: Option<Layer>,
    pub(crate) boundary: Option<Layer>,
    pub(crate) session: Option<Layer>,
    pub(crate) trust: Option<Layer>,
    pub(crate) declared: Vec<Declared>,
    pub(crate) replaced: Vec<&'static str>,
}

/// Where a principal is named: a file, and the line and column of its ARN there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// The file, as a path that the reader can open.
    pub file: Arc<str>,
    /// Where its ARN stands.
    pub position: Position,
}

/// A tag of a principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// `aws:PrincipalTag/NAME`
    key: String,
    value: String,
}

const PRINCIPAL_TAG: &str = "aws:PrincipalTag/";

impl Tag {
    pub(crate) fn new(name: &str, value: &str) -> Tag {
        Tag { key: format!("{PRINCIPAL_TAG}{name}"), value: value.to_owned() }
    }

    /// The condition key that it is, `aws:PrincipalTag/NAME`.
    pub fn key(&self) -> Key<'_> {
        Key::new(&self.key)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.key.strip_prefix(PRINCIPAL_TAG).unwrap_or_default()
    }

    /// Its value.
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl Subject {
    /// Its ARN, as the manifest or the export gives it.
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// Its unique id, `AIDA…` or `AROA…`, if known.
    pub fn unique_id(&self) -> Option<&str> {
        self.unique_id.as_deref()
    }

    /// The longest session of a role, in seconds, if the manifest says.
    pub fn session_s_max(&self) -> Option<u32> {
        self.session_s_max
    }

    /// Its tags; `None` if they are not known, which is not the same as having none.
    pub fn tags(&self) -> Option<&[Tag]> {
        self.tags.as_deref()
    }

    /// The groups that a user belongs to.
    pub fn groups(&self) -> &[String] {
        &self.groups
    }

    /// Where it is named: in the manifest, in the export, or in both, in this order.
    pub fn declared(&self) -> &[Declared] {
        &self.declared
    }

    /// The fields of the manifest that replace what the export says of it: `policies`, `groups` …
    pub fn replaced(&self) -> &[&'static str] {
        &self.replaced
    }

    /// The trust policy of a role, which says who may assume it.
    pub fn trust(&self) -> Option<&PolicySet> {
        self.trust.as_ref().map(|layer| &*layer.set)
    }

    /// Whether sessions of the role may carry tags of their own, which add to the role's and hide
    /// them: its trust policy may allow `sts:TagSession` to someone. A role whose trust policy is
    /// not known is taken at its word.
    ///
    /// Source: IAM User Guide, `id_session-tags`: passing tags needs `sts:TagSession` in the role's
    /// trust policy.
    pub fn may_tag_sessions(&self) -> bool {
        let documents = self.trust().map_or(&[][..], PolicySet::documents);
        documents.iter().flat_map(|document| document.statements()).any(may_allow_tags)
    }
}

/// Whether a statement may allow `sts:TagSession`, wildcards taken for everything.
fn may_allow_tags(statement: &Statement) -> bool {
    let may_cover =
        |action: &str| action.contains(['*', '?']) || action.eq_ignore_ascii_case("sts:TagSession");
    let action = &statement.action;
    let named = action.patterns.iter().any(|pattern| may_cover(&pattern.value));
    statement.effect.value == Effect::Allow && (action.negated || named)
}

/// An API with its resource policy and routes.
#[derive(Clone, Debug)]
pub struct ApiEntry {
    pub(crate) partition: String,
    pub(crate) region: String,
    pub(crate) account: String,
    pub(crate) id: String,
    pub(crate) stages: Vec<String>,
    pub(crate) authorization: AuthorizationType,
    pub(crate) resource: Option<Layer>,
    pub(crate) routes: Vec<Route>,
    /// Whether some routes authorize otherwise than the API.
    pub(crate) is_mixed: bool,
    /// If so, the same API, authorizing as those do.
    pub(crate) otherwise: Option<Box<ApiEntry>>,
}

/// A route of an API.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its path.
    pub template: RouteTemplate,
    /// Its methods; none means any.
    pub methods: Vec<String>,
    /// The third party that requests are forwarded to.
    pub upstream: Option<String>,
    /// The aliases of the credentials that are injected.
    pub credentials: Vec<String>,
    /// How its methods authorize.
    pub authorization: AuthorizationType,
    /// Whether `%2F` in a path is data.
    pub allows_encoded_slash: bool,
    /// Whether `;` in a path is data.
    pub allows_semicolon: bool,
    /// Which of its API's `[[api.route]]` it is, from 0.
    pub declaration: usize,
}

impl ApiEntry {
    /// Where the API's request ARNs begin.
    pub fn api(&self) -> Api<'_> {
        let ApiEntry { partition, region, account, id, .. } = self;
        Api { partition, region, account, id }
    }

    /// How its routes authorize that do not say so themselves.
    pub fn authorization(&self) -> AuthorizationType {
        self.authorization
    }

    /// Its stages; none means any.
    pub fn stages(&self) -> &[String] {
        &self.stages
    }

    /// Its routes, in order of precedence.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// Whether some route authorizes otherwise than the API, so that it depends on the call which policies
    /// decide it.
    pub fn is_mixed(&self) -> bool {
        self.is_mixed
    }

    /// The API as what is called authorizes: itself, or where the call's route authorizes otherwise, the
    /// same API that authorizes so.
    pub fn of_call(&self, method: &str, path: &str) -> &ApiEntry {
        let Some(otherwise) = &self.otherwise else { return self };
        match self.route(method, path) {
            Some(route) if route.authorization != self.authorization => otherwise,
            _ => self,
        }
    }

    /// Notes how its routes authorize.
    pub(crate) fn with_routes(mut self, routes: Vec<Route>) -> ApiEntry {
        let mut others = routes.iter().map(|route| route.authorization);
        let other = others.find(|other| *other != self.authorization);
        self.routes = routes;
        self.is_mixed = other.is_some();
        self.otherwise =
            other.map(|authorization| Box::new(ApiEntry { authorization, ..self.clone() }));
        self
    }

    /// The route that API Gateway would choose for a request.
    pub fn route(&self, method: &str, path: &str) -> Option<&Route> {
        let takes = |route: &&Route| {
            (route.methods.is_empty() || route.methods.iter().any(|known| known == method))
                && route.template.matches(path)
        };
        // INVARIANT: routes are in order of precedence, so the first that fits is the one.
        self.routes.iter().find(takes)
    }
}

impl Account {
    pub(crate) fn new(
        id: String,
        region: &str,
        subjects: Vec<Subject>,
        apis: Vec<ApiEntry>,
        service_control: Levels,
        resource_control: Levels,
    ) -> Account {
        let (mut subject_by_arn, mut subject_by_id) = (HashMap::new(), HashMap::new());
        let mut role_by_name = HashMap::new();
        for (index, subject) in subjects.iter().enumerate() {
            subject_by_arn.insert(subject.arn.clone(), index);
            if let Some(id) = &subject.unique_id {
                subject_by_id.insert(id.clone(), index);
            }
            let principal = Principal::parse(&subject.arn);
            if let Some((PrincipalKind::Role { name }, Some(account))) =
                principal.map(|principal| (principal.kind(), principal.account()))
            {
                let name = RoleName { account: account.to_owned(), role: name.to_owned() };
                role_by_name.insert(name, index);
            }
        }
        Account {
            id,
            region: region.to_owned(),
            subjects,
            subject_by_arn,
            subject_by_id,
            role_by_name,
            apis,
            service_control,
            resource_control,
            managed: std::collections::HashMap::new(),
            folder: PathBuf::new(),
        }
    }

    /// The account's id, twelve digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The region of APIs that name none.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The folder of its manifest, with which the names of files that lie in it begin.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its users, roles and federated users: those of the manifest in its order, then those that
    /// only the export knows, users first.
    pub fn subjects(&self) -> &[Subject] {
        &self.subjects
    }

    pub(crate) fn subjects_mut(&mut self) -> &mut [Subject] {
        &mut self.subjects
    }

    /// Its APIs, likewise.
    pub fn apis(&self) -> &[ApiEntry] {
        &self.apis
    }

    /// The default version of a managed policy of the export, attached or not, read as what it can
    /// be: a policy that a session is limited by. `None` for one that is not there, or no policy.
    pub fn managed_policy(&self, arn: &str) -> Option<&PolicyDocument> {
        self.managed.get(arn)
    }

    /// The compiled policies of all its principals and APIs and of its organization, some of them
    /// several times.
    pub fn policy_sets(&self) -> impl Iterator<Item = &PolicySet> {
        let subjects = self.subjects.iter().flat_map(|subject| {
            [&subject.identity, &subject.boundary, &subject.session, &subject.trust]
        });
        let resources = self.apis.iter().map(|api| &api.resource);
        let layers = subjects.chain(resources).flatten().map(|layer| &layer.set);
        let levels = self.service_control.sets.iter().chain(&self.resource_control.sets);
        layers.chain(levels).map(|set| &**set)
    }

    /// The API of this id.
    pub fn api(&self, id: &str) -> Option<&ApiEntry> {
        self.apis.iter().find(|api| api.id == id)
    }

    /// The entry that a principal's policies come from: its own, or for a session its role's.
    pub fn subject(&self, principal: &Principal<'_>) -> Option<&Subject> {
        match self.subject_by_arn.get(principal.as_str()) {
            Some(index) => self.subjects.get(*index),
            None => self.role_of(principal),
        }
    }

    /// The role whose session a principal is.
    pub(crate) fn role_of(&self, principal: &Principal<'_>) -> Option<&Subject> {
        let PrincipalKind::RoleSession { role, .. } = principal.kind() else { return None };
        let name = RoleNameRef { account: principal.account()?, role };
        self.subjects.get(*self.role_by_name.get(&name)?)
    }

    /// The entry of a unique id as logs hold it: `AIDA…` of a user, `AROA…` of a role or
    /// `AROA…:SESSION` of one of its sessions.
    pub fn subject_by_id(&self, id: &str) -> Option<&Subject> {
        let id = id.split(':').next().unwrap_or(id);
        self.subjects.get(*self.subject_by_id.get(id)?)
    }

    /// The ARN of the caller that a log gives by its unique id alone: the user's, or for
    /// `AROA…:SESSION` the session's.
    pub fn arn_of_id<'a>(&'a self, id: &str) -> Option<Cow<'a, str>> {
        let subject = self.subject_by_id(id)?;
        let Some((_, session)) = id.split_once(':') else {
            return Some(Cow::Borrowed(&subject.arn));
        };
        match Principal::parse(&subject.arn)?.kind() {
            PrincipalKind::Role { name } => {
                let partition = subject.arn.split(':').nth(1)?;
                let account = Principal::parse(&subject.arn)?.account()?;
                Some(format!("arn:{partition}:sts::{account}:assumed-role/{name}/{session}").into())
            }
            _ => None,
        }
    }

    /// What applies when `principal` calls `api`: of a principal that the account does not know,
    /// the resource's policies alone; of an API that it does not know, the principal's alone.
    pub fn policies_for<'a>(
        &'a self,
        principal: &Principal<'_>,
        api: Option<&'a ApiEntry>,
    ) -> Applicable<'a> {
        Applicable::new(self, principal, api.map(Target::Api))
    }

    /// What applies when `principal` assumes `role`, a role of the account: the role's trust policy
    /// is the policy of the resource.
    pub fn policies_to_assume<'a>(
        &'a self,
        principal: &Principal<'_>,
        role: &'a Subject,
    ) -> Applicable<'a> {
        Applicable::new(self, principal, Some(Target::Role(role)))
    }
}

/// A role, as the ARNs of its sessions name it: without its path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct RoleName {
    account: String,
    role: String,
}

/// The same, borrowed to look up: fields, and so hashes, are in the same order.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct RoleNameRef<'a> {
    account: &'a str,
    role: &'a str,
}

impl Equivalent<RoleName> for RoleNameRef<'_> {
    fn equivalent(&self, name: &RoleName) -> bool {
        *self == RoleNameRef { account: &name.account, role: &name.role }
    }
}
