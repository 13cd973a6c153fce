//! From the manifest to the account: every policy file is read, parsed and compiled once.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use tollgate_policy::{
    AuthorizationType, PolicyDocument, PolicySet, PolicyType, Principal, PrincipalKind,
};
use toml::Spanned;

use crate::account::{Account, ApiEntry, Layer, Levels, Route, Subject, role_key};
use crate::manifest::{ApiDecl, GroupDecl, Manifest, PrincipalDecl, RouteDecl};
use crate::problem::{Problem, Problems, suggestion};
use crate::route::RouteTemplate;
use crate::source::Source;

impl Account {
    /// Reads a manifest and every file that it names.
    ///
    /// # Errors
    /// All that is wrong, in the order of the manifest: a manifest that cannot be read, unknown
    /// fields, groups that do not exist, policy files that are missing or not valid policies.
    pub fn read(source: &dyn Source, path: &Path) -> Result<Account, Problems> {
        let file = path.display().to_string();
        let text: Arc<str> = source
            .read(path)
            .map_err(|error| Problem {
                file: file.clone(),
                text: Arc::from(""),
                span: None,
                message: format!("cannot read the account manifest: {}", reason(&error)),
                help: None,
            })?
            .into();
        let manifest = Manifest::parse(&file, &text)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Loader::new(source, folder, file, text).account(&manifest)
    }
}

/// An I/O error in the words of the people who get it, without the operating system's number.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        std::io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
        _ => error.to_string(),
    }
}

/// A policy and the file that it came from.
type NamedDocument = (Arc<str>, PolicyDocument);

/// What is needed while the account is put together, and the problems found so far.
struct Loader<'s> {
    source: &'s dyn Source,
    folder: &'s Path,
    file: String,
    text: Arc<str>,
    documents: HashMap<(PolicyType, String), Option<NamedDocument>>,
    layers: HashMap<(PolicyType, Vec<String>), Layer>,
    problems: Vec<Problem>,
}

impl<'s> Loader<'s> {
    fn new(source: &'s dyn Source, folder: &'s Path, file: String, text: Arc<str>) -> Self {
        let (documents, layers, problems) = Default::default();
        Loader { source, folder, file, text, documents, layers, problems }
    }

    fn account(mut self, manifest: &Manifest) -> Result<Account, Problems> {
        let account = self.account_id(&manifest.account);
        let service_control = self.levels(PolicyType::ServiceControl, &manifest.service_control);
        let resource_control = self.levels(PolicyType::ResourceControl, &manifest.resource_control);
        self.duplicates("group", manifest.groups.iter().map(|group| &group.name));
        self.duplicates("principal", manifest.principals.iter().map(|decl| &decl.arn));
        self.duplicates("API", manifest.apis.iter().map(|api| &api.id));
        let subject = |decl| self.subject(&manifest.groups, decl);
        let subjects: Vec<Subject> = manifest.principals.iter().map(subject).collect();
        let apis = manifest.apis.iter().map(|decl| self.api(manifest, &account, decl)).collect();
        let (subject_by_arn, role_by_name) = index(&subjects);
        let account = Account {
            id: account,
            subjects,
            subject_by_arn,
            role_by_name,
            apis,
            service_control,
            resource_control,
        };
        Problems::none_or(self.problems, account)
    }

    fn subject(&mut self, groups: &[GroupDecl], decl: &PrincipalDecl) -> Subject {
        self.principal_arn(&decl.arn);
        let mut files: Vec<&Spanned<String>> = decl.policies.iter().collect();
        for name in &decl.groups {
            match groups.iter().find(|group| group.name.get_ref() == name.get_ref()) {
                Some(group) => files.extend(&group.policies),
                None => {
                    let known = groups.iter().map(|group| group.name.get_ref().as_str());
                    self.complain(
                        name,
                        format!("unknown group `{}`", name.get_ref()),
                        suggestion(name.get_ref(), known),
                    );
                }
            }
        }
        Subject {
            arn: decl.arn.get_ref().clone(),
            identity: self.layer(PolicyType::Identity, &files),
            boundary: self.optional(PolicyType::PermissionsBoundary, decl.boundary.as_ref()),
            session: self.optional(PolicyType::Session, decl.session.as_ref()),
        }
    }

    fn api(&mut self, manifest: &Manifest, account: &str, decl: &ApiDecl) -> ApiEntry {
        let authorization =
            self.authorization(decl.authorization.as_ref(), AuthorizationType::AwsIam);
        let route = |route| self.route(route, authorization);
        let mut routes: Vec<Route> = decl.routes.iter().map(route).collect();
        routes.sort_by(|a, b| a.template.precedence(&b.template));
        ApiEntry {
            partition: manifest.partition.clone(),
            region: decl.region.clone().unwrap_or_else(|| manifest.region.clone()),
            account: match &decl.account {
                Some(id) => self.account_id(id),
                None => account.to_owned(),
            },
            id: decl.id.get_ref().clone(),
            stages: decl.stages.clone(),
            authorization,
            resource: self.optional(PolicyType::Resource, decl.resource_policy.as_ref()),
            routes,
        }
    }

    fn route(&mut self, decl: &RouteDecl, inherited: AuthorizationType) -> Route {
        if !decl.path.get_ref().starts_with('/') {
            let path = decl.path.get_ref();
            self.complain(&decl.path, format!("expected a path from `/`, found `{path}`"), None);
        }
        Route {
            template: RouteTemplate::new(decl.path.get_ref()),
            methods: decl.methods.clone(),
            upstream: decl.upstream.clone(),
            credential: decl.credential.clone(),
            authorization: self.authorization(decl.authorization.as_ref(), inherited),
        }
    }

    fn authorization(
        &mut self,
        written: Option<&Spanned<String>>,
        inherited: AuthorizationType,
    ) -> AuthorizationType {
        let Some(name) = written else { return inherited };
        match name.get_ref().as_str() {
            "AWS_IAM" => AuthorizationType::AwsIam,
            "NONE" => AuthorizationType::None,
            other => {
                let message =
                    format!("expected authorization `AWS_IAM` or `NONE`, found `{other}`");
                self.complain(name, message, suggestion(other, ["AWS_IAM", "NONE"]));
                inherited
            }
        }
    }

    fn account_id(&mut self, id: &Spanned<String>) -> String {
        let text = id.get_ref();
        if text.len() != 12 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            let message = format!("expected an account id of twelve digits, found `{text}`");
            self.complain(id, message, None);
        }
        text.clone()
    }

    fn principal_arn(&mut self, arn: &Spanned<String>) {
        use PrincipalKind::{FederatedUser, Role, RoleSession, User};
        let text = arn.get_ref();
        let kind = Principal::parse(text).map(|principal| principal.kind());
        let help = match kind {
            Some(User { .. } | Role { .. } | FederatedUser { .. }) => return,
            Some(RoleSession { role, .. }) => {
                format!("list the role, `arn:…:role/{role}`: it stands for all of its sessions")
            }
            _ => "for example `arn:aws:iam::123456789012:role/NAME`".to_owned(),
        };
        let message = format!("expected the ARN of a user, role or federated user, found `{text}`");
        self.complain(arn, message, Some(help));
    }

    fn duplicates<'a>(&mut self, what: &str, names: impl Iterator<Item = &'a Spanned<String>>) {
        let mut seen = HashMap::new();
        for name in names {
            if let Some(()) = seen.insert(name.get_ref(), ()) {
                self.complain(name, format!("{what} `{}` is listed twice", name.get_ref()), None);
            }
        }
    }

    fn levels(&mut self, policy_type: PolicyType, levels: &[Vec<Spanned<String>>]) -> Levels {
        let mut loaded = Levels::default();
        for files in levels {
            let files: Vec<_> = files.iter().collect();
            let empty = || Layer { set: Arc::new(PolicySet::compile([])), files: Arc::from([]) };
            // A level without policies allows nothing; it must not vanish.
            let Layer { set, files } = self.layer(policy_type, &files).unwrap_or_else(empty);
            loaded.sets.push(set);
            loaded.files.push(files);
        }
        loaded
    }

    fn optional(
        &mut self,
        policy_type: PolicyType,
        file: Option<&Spanned<String>>,
    ) -> Option<Layer> {
        self.layer(policy_type, &[file?])
    }

    /// The compiled layer of a list of files; `None` for an empty list. Lists that name the same
    /// files share one.
    fn layer(&mut self, policy_type: PolicyType, files: &[&Spanned<String>]) -> Option<Layer> {
        if files.is_empty() {
            return None;
        }
        let names: Vec<String> = files.iter().map(|file| file.get_ref().clone()).collect();
        let key = (policy_type, names);
        if let Some(layer) = self.layers.get(&key) {
            return Some(layer.clone());
        }
        let read: Vec<_> =
            files.iter().filter_map(|file| self.document(policy_type, file)).collect();
        let (files, documents): (Vec<_>, Vec<_>) = read.into_iter().unzip();
        let layer = Layer { set: Arc::new(PolicySet::compile(documents)), files: files.into() };
        self.layers.insert(key, layer.clone());
        Some(layer)
    }

    /// A policy file, read once for each type that it is read as. `None` if something is wrong
    /// with it, which is then among the problems.
    fn document(
        &mut self,
        policy_type: PolicyType,
        file: &Spanned<String>,
    ) -> Option<NamedDocument> {
        let key = (policy_type, file.get_ref().clone());
        if let Some(known) = self.documents.get(&key) {
            return known.clone();
        }
        let document = self.read_document(policy_type, file);
        self.documents.insert(key, document.clone());
        document
    }

    fn read_document(
        &mut self,
        policy_type: PolicyType,
        file: &Spanned<String>,
    ) -> Option<NamedDocument> {
        let path = self.folder.join(file.get_ref());
        let name = path.display().to_string();
        let text = match self.source.read(&path) {
            Ok(text) => text,
            Err(error) => {
                self.complain(file, format!("cannot read `{name}`: {}", reason(&error)), None);
                return None;
            }
        };
        match PolicyDocument::parse(&text, policy_type) {
            Ok(document) => Some((name.into(), document)),
            Err(errors) => {
                let text: Arc<str> = text.into();
                self.problems.extend(errors.errors().iter().map(|error| Problem {
                    file: name.clone(),
                    text: Arc::clone(&text),
                    span: Some(error.span.range()),
                    message: error.message.clone(),
                    help: error.help(),
                }));
                None
            }
        }
    }

    fn complain(&mut self, about: &Spanned<String>, message: String, help: Option<String>) {
        let (file, text) = (self.file.clone(), Arc::clone(&self.text));
        self.problems.push(Problem { file, text, span: Some(about.span()), message, help });
    }
}

/// Subjects by their ARNs, and roles by account and name.
fn index(subjects: &[Subject]) -> (HashMap<String, usize>, HashMap<String, usize>) {
    let (mut by_arn, mut by_role) = (HashMap::new(), HashMap::new());
    for (index, subject) in subjects.iter().enumerate() {
        by_arn.insert(subject.arn.clone(), index);
        let principal = Principal::parse(&subject.arn);
        if let Some((PrincipalKind::Role { name }, Some(account))) =
            principal.map(|principal| (principal.kind(), principal.account()))
        {
            by_role.insert(role_key(account, name), index);
        }
    }
    (by_arn, by_role)
}
