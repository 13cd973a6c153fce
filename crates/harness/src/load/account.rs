//! `account`: principals, APIs and policies from an account's manifest.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use tollgate_policy::{Policies, PolicySet, PolicyType, Principal, StatementId, key};
use tollgate_store::{Account, ApiEntry, Applicable, Source as Files};

use super::api::Asked;
use super::beside;
use super::layers::{Parsed, Resolved};
use crate::call::Given;
use crate::expand::Question;
use crate::file::PrincipalFields;
use crate::place::{Located, Place, Problem, SourceFile, did_you_mean};

/// Accounts that have been read.
pub(super) struct Accounts<'f> {
    files: &'f dyn Files,
    read: HashMap<String, Arc<Account>>,
    /// Documents by the address of their set, which `read` keeps in its place, and their index.
    documents: HashMap<(usize, usize), Parsed>,
}

impl<'f> Accounts<'f> {
    pub(super) fn new(files: &'f dyn Files) -> Accounts<'f> {
        Accounts { files, read: HashMap::new(), documents: HashMap::new() }
    }

    /// Reads the manifest that a test file names, and all that it names.
    pub(super) fn open(&mut self, named: &Located<String>) -> Result<Arc<Account>, Vec<Problem>> {
        let path = beside(&named.place.source.name, &named.value);
        if let Some(account) = self.read.get(&path) {
            return Ok(Arc::clone(account));
        }
        let account = Account::read(self.files, Path::new(&path))
            .map_err(|problems| problems.into_iter().map(problem).collect::<Vec<_>>())?;
        Ok(Arc::clone(self.read.entry(path).or_insert(Arc::new(account))))
    }
}

fn problem(found: tollgate_store::Problem) -> Problem {
    let tollgate_store::Problem { file, text, span, message, help, policy } = found;
    let span = span.unwrap_or_default();
    let message = match policy {
        Some(policy) => format!("{message} ({}, {})", policy.name, policy.position()),
        None => message,
    };
    let place =
        Place::new(&SourceFile::new(file, text), tollgate_policy::Span::new(span.start, span.end));
    Problem { message, help, place: Some(place) }
}

/// A principal that the test file does not define: one of the account by the last part of its ARN,
/// or the text itself.
pub(super) fn principal(
    account: Option<&Account>,
    name: &Located<String>,
) -> Result<PrincipalFields, Problem> {
    let subjects = account.map_or(&[][..], |account| account.subjects());
    let short = |arn: &str| arn.rsplit('/').next().is_some_and(|last| last == name.value);
    let mut named = subjects.iter().map(|subject| subject.arn()).filter(|arn| short(arn));
    let arn = match (named.next(), named.next()) {
        (Some(first), Some(second)) => {
            let message = format!("two principals are called `{}`", name.value);
            let help = format!("write the whole ARN: `{first}` or `{second}`");
            return Err(Problem::at(name.place.clone(), message).help(help));
        }
        (Some(only), None) => only,
        _ if Principal::parse(&name.value).is_some() => &name.value,
        _ => {
            let message = format!("unknown principal `{}`", name.value);
            let known = subjects.iter().filter_map(|subject| subject.arn().rsplit('/').next());
            let problem = Problem::at(name.place.clone(), message);
            return Err(Problem { help: did_you_mean(&name.value, known), ..problem });
        }
    };
    Ok(PrincipalFields {
        name: name.clone(),
        arn: Located { value: arn.to_owned(), place: name.place.clone() },
        tags: Vec::new(),
        user_id: None,
        issued_by: None,
        context: Vec::new(),
        policies: None,
    })
}

/// The account's API that a request is for: the one named, the one in its ARN, or the only one.
pub(super) fn api_entry<'a>(
    account: Option<&'a Account>,
    question: &Question<'_>,
) -> Result<Option<&'a ApiEntry>, Vec<Problem>> {
    let Some(account) = account else { return Ok(None) };
    if let Some(id) = question.chosen("api") {
        return match account.api(&id.value) {
            Some(entry) => Ok(Some(entry)),
            None => Err(vec![unknown_api(account, id)]),
        };
    }
    if let Some(resource) = question.chosen("resource") {
        let id = |resource: &str| {
            Some(tollgate_policy::ArnParts::split(resource)?.resource.split('/').next()?.to_owned())
        };
        return Ok(id(&resource.value).and_then(|id| account.api(&id)));
    }
    match account.apis() {
        [only] => Ok(Some(only)),
        _ => Ok(None),
    }
}

fn unknown_api(account: &Account, id: &Located<String>) -> Problem {
    let known = account.apis().iter().map(|entry| entry.api().id);
    let help = did_you_mean(&id.value, known).unwrap_or_else(|| {
        let known: Vec<&str> = account.apis().iter().map(|entry| entry.api().id).collect();
        format!("APIs of the account: `{}`", known.join("`, `"))
    });
    Problem::at(id.place.clone(), format!("unknown API `{}`", id.value)).help(help)
}

impl Accounts<'_> {
    /// The account's layers for a request.
    pub(super) fn layers(
        &mut self,
        account: &Account,
        question: &Question<'_>,
        entry: Option<&ApiEntry>,
    ) -> Resolved {
        let text = &question.principal.arn.value;
        let principal = Principal::parse(text).unwrap_or(Principal::ANONYMOUS);
        let applicable = account.policies_for(&principal, entry);
        let policies = applicable.policies();
        let authorization_type = policies.authorization_type;
        let mut resolved = Resolved { levels: Vec::new(), authorization_type };
        for layer in PolicyType::ALL {
            let mut parsed = Vec::new();
            for (level, set) in levels(&policies, layer).into_iter().enumerate() {
                parsed.push(self.documents(&applicable, layer, level, set));
            }
            if !parsed.is_empty() {
                resolved.set(layer, parsed);
            }
        }
        resolved
    }

    fn documents(
        &mut self,
        applicable: &Applicable<'_>,
        layer: PolicyType,
        level: usize,
        set: &PolicySet,
    ) -> Vec<Parsed> {
        let address = std::ptr::from_ref(set).addr();
        let level = u16::try_from(level).unwrap_or(u16::MAX);
        let mut parsed = Vec::new();
        for (index, document) in set.documents().iter().enumerate() {
            let policy = u32::try_from(index).unwrap_or(u32::MAX);
            let id = StatementId { policy_type: layer, level, policy, statement: 0 };
            let name = || match applicable.cite(id) {
                Some(citation) => citation.origin.to_string(),
                None => layer.as_str().to_owned(),
            };
            let held = self.documents.entry((address, index)).or_insert_with(|| Parsed {
                source: SourceFile::new(name(), document.shared_source()),
                document: Arc::new(document.clone()),
            });
            parsed.push(held.clone());
        }
        parsed
    }
}

/// What an account tells of a request that nothing else of it does: of the principal the path of a
/// session's role, which `aws:PrincipalArn` has, and the unique id; of the API whose and where it is.
pub(super) fn known(
    account: &Account,
    question: &Question<'_>,
    entry: Option<&ApiEntry>,
) -> Vec<(Arc<str>, Given)> {
    let principal = Principal::parse(&question.principal.arn.value)
        .map(|principal| account.policies_for(&principal, None).identify(principal));
    let role = principal.as_ref().and_then(|it| Some((key::PRINCIPAL_ARN, it.role()?.arn.into())));
    let id = principal.as_ref().and_then(|it| Some((key::USER_ID, it.unique_id()?.into())));
    let api = entry.map(ApiEntry::api);
    let owner = api.map(|api| (key::RESOURCE_ACCOUNT, api.account.into()));
    let region = api.map(|api| (key::REQUESTED_REGION, api.region.into()));
    let known = [role, id, owner, region].into_iter().flatten();
    known.map(|(key, value)| (key.name().into(), Given::One(value))).collect()
}

/// The API as the route of a request authorizes.
pub(super) fn called<'a>(api: &'a ApiEntry, asked: &Asked<'_>) -> &'a ApiEntry {
    match asked {
        Asked::Path(method, path) => api.of_call(method, path.as_str()),
        Asked::Resource(_) => api,
    }
}

/// The compiled sets of a layer, level by level.
fn levels<'a>(policies: &Policies<'a>, layer: PolicyType) -> Vec<&'a PolicySet> {
    let one = |set: Option<&'a PolicySet>| set.into_iter().collect();
    match layer {
        PolicyType::Identity => one(policies.identity),
        PolicyType::Resource => one(policies.resource),
        PolicyType::PermissionsBoundary => one(policies.permissions_boundary),
        PolicyType::Session => one(policies.session),
        PolicyType::VpcEndpoint => one(policies.vpc_endpoint),
        PolicyType::ServiceControl => policies.service_control.iter().map(|set| &**set).collect(),
        PolicyType::ResourceControl => policies.resource_control.iter().map(|set| &**set).collect(),
        PolicyType::RoleTrust => Vec::new(),
    }
}
