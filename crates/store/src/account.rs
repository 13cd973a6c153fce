//! An account, loaded: who is in it, what applies to whom, and where each statement stands.

use std::collections::HashMap;
use std::sync::Arc;

use tollgate_policy::{
    Api, AuthorizationType, Policies, PolicyDocument, PolicySet, PolicyType, Position, Principal,
    PrincipalKind, Statement, StatementId,
};

use crate::route::RouteTemplate;

/// Everything that is known of one account. Immutable, `Send + Sync`; a reload makes a new one.
#[derive(Debug)]
pub struct Account {
    pub(crate) id: String,
    pub(crate) subjects: Vec<Subject>,
    pub(crate) subject_by_arn: HashMap<String, usize>,
    pub(crate) role_by_name: HashMap<String, usize>,
    pub(crate) apis: Vec<ApiEntry>,
    pub(crate) service_control: Levels,
    pub(crate) resource_control: Levels,
}

/// The compiled policies of one layer, and the files that they came from, in the same order.
///
/// Cloning shares; lists that name the same files share one set.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    pub(crate) set: Arc<PolicySet>,
    pub(crate) files: Arc<[Arc<str>]>,
}

/// Control policies, a layer a level, from the root to the account.
#[derive(Clone, Debug, Default)]
pub(crate) struct Levels {
    pub(crate) sets: Vec<Arc<PolicySet>>,
    pub(crate) files: Vec<Arc<[Arc<str>]>>,
}

/// A user, role or federated user with its policies.
#[derive(Debug)]
pub struct Subject {
    pub(crate) arn: String,
    pub(crate) identity: Option<Layer>,
    pub(crate) boundary: Option<Layer>,
    pub(crate) session: Option<Layer>,
}

impl Subject {
    /// Its ARN, as the manifest gives it.
    pub fn arn(&self) -> &str {
        &self.arn
    }
}

/// An API with its resource policy and routes.
#[derive(Debug)]
pub struct ApiEntry {
    pub(crate) partition: String,
    pub(crate) region: String,
    pub(crate) account: String,
    pub(crate) id: String,
    pub(crate) stages: Vec<String>,
    pub(crate) authorization: AuthorizationType,
    pub(crate) resource: Option<Layer>,
    pub(crate) routes: Vec<Route>,
}

/// A route of an API.
#[derive(Debug)]
pub struct Route {
    /// Its path.
    pub template: RouteTemplate,
    /// Its methods; none means any.
    pub methods: Vec<String>,
    /// The third party that requests are forwarded to.
    pub upstream: Option<String>,
    /// The alias of the credential that is injected.
    pub credential: Option<String>,
    /// How its methods authorize.
    pub authorization: AuthorizationType,
}

impl ApiEntry {
    /// Where the API's request ARNs begin.
    pub fn api(&self) -> Api<'_> {
        let ApiEntry { partition, region, account, id, .. } = self;
        Api { partition, region, account, id }
    }

    /// Its stages; none means any.
    pub fn stages(&self) -> &[String] {
        &self.stages
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
    /// The account's id, twelve digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its users, roles and federated users, in the order of the manifest.
    pub fn subjects(&self) -> &[Subject] {
        &self.subjects
    }

    /// Its APIs, in the order of the manifest.
    pub fn apis(&self) -> &[ApiEntry] {
        &self.apis
    }

    /// The API of this id.
    pub fn api(&self, id: &str) -> Option<&ApiEntry> {
        self.apis.iter().find(|api| api.id == id)
    }

    /// The entry that a principal's policies come from: its own, or for a session its role's.
    pub fn subject(&self, principal: &Principal<'_>) -> Option<&Subject> {
        let exact = self.subject_by_arn.get(principal.as_str());
        let index = exact.or_else(|| match principal.kind() {
            PrincipalKind::RoleSession { role, .. } => {
                self.role_by_name.get(&role_key(principal.account()?, role))
            }
            _ => None,
        });
        self.subjects.get(*index?)
    }

    /// What applies when `principal` calls `api`: of a principal that the account does not know,
    /// the resource's policies alone; of an API that it does not know, the principal's alone.
    pub fn policies_for<'a>(
        &'a self,
        principal: &Principal<'_>,
        api: Option<&'a ApiEntry>,
    ) -> Applicable<'a> {
        Applicable {
            account: self,
            subject: self.subject(principal),
            same_account: principal.account() == Some(&self.id),
            api,
        }
    }
}

/// The key of [`Account::role_by_name`]: session ARNs name the role without its path.
pub(crate) fn role_key(account: &str, role: &str) -> String {
    format!("{account}/{role}")
}

/// The policies that apply to a principal at an API, and whose they are.
#[derive(Clone, Copy, Debug)]
pub struct Applicable<'a> {
    account: &'a Account,
    subject: Option<&'a Subject>,
    same_account: bool,
    api: Option<&'a ApiEntry>,
}

impl<'a> Applicable<'a> {
    /// The manifest's entry for the principal, if there is one.
    pub fn subject(&self) -> Option<&'a Subject> {
        self.subject
    }

    /// The layers, ready to decide with [`AuthorizationType::AwsIam`] or as the API says.
    ///
    /// Service control policies bind the principals of their own account only, resource control
    /// policies its resources only.
    pub fn policies(&self) -> Policies<'a> {
        let set = |layer: Option<&'a Layer>| layer.map(|layer| &*layer.set);
        let own_resource = self.api.is_some_and(|api| api.account == self.account.id);
        Policies {
            identity: set(self.subject.and_then(|subject| subject.identity.as_ref())),
            resource: set(self.api.and_then(|api| api.resource.as_ref())),
            permissions_boundary: set(self.subject.and_then(|subject| subject.boundary.as_ref())),
            session: set(self.subject.and_then(|subject| subject.session.as_ref())),
            service_control: match self.same_account {
                true => &self.account.service_control.sets,
                false => &[],
            },
            resource_control: match own_resource {
                true => &self.account.resource_control.sets,
                false => &[],
            },
            vpc_endpoint: None,
            authorization_type: self.api.map(|api| api.authorization).unwrap_or_default(),
        }
    }

    /// Where a statement that determined a decision stands. `None` for an id that did not come
    /// from these policies.
    pub fn cite(&self, id: StatementId) -> Option<Citation<'a>> {
        let subject = self.subject;
        let (set, files) = match id.policy_type {
            PolicyType::Identity => subject?.identity.as_ref()?.parts(),
            PolicyType::PermissionsBoundary => subject?.boundary.as_ref()?.parts(),
            PolicyType::Session => subject?.session.as_ref()?.parts(),
            PolicyType::Resource => self.api?.resource.as_ref()?.parts(),
            PolicyType::ServiceControl => self.account.service_control.level(id.level)?,
            PolicyType::ResourceControl => self.account.resource_control.level(id.level)?,
            PolicyType::RoleTrust | PolicyType::VpcEndpoint => return None,
        };
        let document = set.documents().get(id.policy as usize)?;
        Some(Citation {
            file: files.get(id.policy as usize)?,
            document,
            statement: document.statements().get(id.statement as usize)?,
        })
    }
}

impl Layer {
    fn parts(&self) -> (&PolicySet, &[Arc<str>]) {
        (&self.set, &self.files)
    }
}

impl Levels {
    fn level(&self, level: u16) -> Option<(&PolicySet, &[Arc<str>])> {
        let index = usize::from(level);
        Some((self.sets.get(index)?, self.files.get(index)?))
    }
}

/// A statement and the file that it stands in. Prints as `file:line:column`.
#[derive(Clone, Copy, Debug)]
pub struct Citation<'a> {
    /// The file, as a path that the reader can open.
    pub file: &'a str,
    /// The document that the file holds.
    pub document: &'a PolicyDocument,
    /// The statement.
    pub statement: &'a Statement,
}

impl<'a> Citation<'a> {
    /// Line and column of the statement's opening brace.
    pub fn position(&self) -> Position {
        self.statement.position
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
