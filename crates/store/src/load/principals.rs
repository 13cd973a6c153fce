//! Principals: what the manifest says of each, and below it what the export says.
//!
//! A field that the manifest gives replaces what the export says of it; whatever the manifest does
//! not give is the export's. So a session policy is added to an exported role, or its policies are
//! exchanged for the files of a change that is to be tried.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use tollgate_policy::{PolicyType, Principal, PrincipalKind};
use toml::Spanned;

use super::Loader;
use crate::account::{Declared, Layer, Subject, Tag};
use crate::details::{Entity, Exported, twice};
use crate::library::{Place, Wanted};
use crate::manifest::PrincipalDecl;
use crate::origin::PolicyName;
use crate::problem::{Problem, suggestion};
use crate::text::TextFile;

type ExportedEntity<'t> = Exported<'t, Entity<'t>>;

/// What to do about a policy or group that an export refers to and does not hold.
const WHOLE_EXPORT: &str = "export without `--filter`, or with all of `User Role Group \
                            LocalManagedPolicy AWSManagedPolicy`";

impl<'t> Loader<'t> {
    /// The principals of the manifest, then those that only the export knows.
    pub(super) fn subjects(&mut self) -> Vec<Subject> {
        let manifest = self.manifest;
        let mut exported = self.exported();
        let mut subjects = Vec::new();
        for decl in &manifest.principals {
            self.principal_arn(&decl.arn);
            let known = exported.remove(decl.arn.get_ref().as_str());
            subjects.push(self.subject(Some(decl), known));
        }
        let details = self.details;
        for entity in details.users.iter().chain(&details.roles) {
            if exported.remove(entity.item.arn.text).is_some() {
                subjects.push(self.subject(None, Some(entity)));
            }
        }
        subjects
    }

    /// Exported users and roles by their ARNs.
    fn exported(&mut self) -> HashMap<&'t str, &'t ExportedEntity<'t>> {
        let details = self.details;
        let mut by_arn = HashMap::new();
        let mut foreign = None;
        for entity in details.users.iter().chain(&details.roles) {
            let arn = entity.item.arn;
            let account = Principal::parse(arn.text).and_then(|principal| principal.account());
            if account != Some(self.manifest.account.get_ref()) {
                foreign = foreign.or(Some((entity, account)));
            }
            if by_arn.insert(arn.text, entity).is_some() {
                self.problems.push(twice(entity.file, "principal", arn));
            }
        }
        if let Some((entity, account)) = foreign {
            let message = format!(
                "expected an export of account `{}`, found one of `{}`",
                self.manifest.account.get_ref(),
                account.unwrap_or(entity.item.arn.text)
            );
            self.problems.push(entity.file.problem(entity.item.arn.span(entity.file), message));
        }
        by_arn
    }

    fn subject(
        &mut self,
        decl: Option<&'t PrincipalDecl>,
        exported: Option<&'t ExportedEntity<'t>>,
    ) -> Subject {
        let entity = exported.map(|exported| &exported.item);
        let identity = self.identity(decl, exported);
        let tags = match (decl.and_then(|decl| decl.tags.as_ref()), entity) {
            (Some(tags), _) => {
                Some(tags.iter().map(|(name, value)| Tag::new(name, value)).collect())
            }
            (None, Some(entity)) => {
                Some(entity.tags.iter().map(|tag| Tag::new(&tag.key, &tag.value)).collect())
            }
            (None, None) => None,
        };
        let unique_id = decl.and_then(|decl| decl.user_id.as_ref()).or(entity.map(|it| &it.id));
        Subject {
            arn: match (decl, entity) {
                (Some(decl), _) => decl.arn.get_ref().clone(),
                (None, entity) => entity.map_or_else(String::new, |it| it.arn.text.to_owned()),
            },
            unique_id: unique_id.cloned(),
            session_s_max: decl.and_then(|decl| decl.session_s_max),
            tags,
            groups: self.group_names(decl, entity),
            identity: self.layer(PolicyType::Identity, &identity),
            boundary: self.boundary(decl, exported),
            session: self.file(PolicyType::Session, decl.and_then(|decl| decl.session.as_ref())),
            trust: self.trust(decl, exported),
            declared: declared(self.text, decl, exported),
            replaced: decl.zip(entity).map_or_else(Vec::new, |(decl, it)| replaced(decl, it)),
        }
    }

    fn group_names(
        &self,
        decl: Option<&PrincipalDecl>,
        entity: Option<&Entity<'_>>,
    ) -> Vec<String> {
        match (decl.and_then(|decl| decl.groups.as_ref()), entity) {
            (Some(groups), _) => groups.iter().map(|name| name.get_ref().clone()).collect(),
            (None, Some(entity)) => {
                entity.group_list.iter().map(|name| name.text.to_owned()).collect()
            }
            (None, None) => Vec::new(),
        }
    }

    /// The policies of a principal itself, then those of its groups.
    fn identity(
        &mut self,
        decl: Option<&'t PrincipalDecl>,
        exported: Option<&'t ExportedEntity<'t>>,
    ) -> Vec<Wanted<'t>> {
        let mut wanted = match (decl.and_then(|decl| decl.policies.as_ref()), exported) {
            (Some(files), _) => self.named(files, None),
            (None, Some(entity)) => self.attached(entity, None),
            (None, None) => Vec::new(),
        };
        match (decl.and_then(|decl| decl.groups.as_ref()), exported) {
            (Some(groups), _) => {
                for name in groups {
                    wanted.extend(self.group(name.get_ref(), self.text, name.span(), None));
                }
            }
            (None, Some(entity)) => {
                for name in &entity.item.group_list {
                    let (file, span) = (&**entity.file, name.span(entity.file));
                    wanted.extend(self.group(name.text, file, span, Some(WHOLE_EXPORT)));
                }
            }
            (None, None) => {}
        }
        wanted
    }

    /// The policies of a group, which `file` names at `span`: the manifest's if it has one of this
    /// name, else the export's.
    fn group(
        &mut self,
        name: &str,
        file: &TextFile,
        span: Range<usize>,
        help: Option<&str>,
    ) -> Vec<Wanted<'t>> {
        let (manifest, details) = (self.manifest, self.details);
        let via: Arc<str> = name.into();
        if let Some(group) = manifest.groups.iter().find(|group| group.name.get_ref() == name) {
            return self.named(&group.policies, Some(via));
        }
        if let Some(group) = details.groups.get(name) {
            return self.attached(group, Some(via));
        }
        let known = manifest.groups.iter().map(|group| group.name.get_ref().as_str());
        let help = match help {
            Some(help) => Some(help.to_owned()),
            None => suggestion(name, known.chain(details.groups.keys().copied())),
        };
        let problem = file.problem(span, format!("unknown group `{name}`"));
        self.problems.push(Problem { help, ..problem });
        Vec::new()
    }

    /// Policies that the manifest names, by file or by ARN.
    fn named(&mut self, names: &'t [Spanned<String>], group: Option<Arc<str>>) -> Vec<Wanted<'t>> {
        let mut wanted = Vec::new();
        for name in names {
            let one = self.one_named(name);
            wanted.extend(one.map(|one| Wanted { group: group.clone(), ..one }));
        }
        wanted
    }

    fn one_named(&mut self, name: &'t Spanned<String>) -> Option<Wanted<'t>> {
        match name.get_ref().starts_with("arn:") {
            true => self.managed(name.get_ref(), self.text, name.span(), None),
            false => Some(Wanted::file(name)),
        }
    }

    /// The inline and managed policies of an exported user, group or role.
    fn attached(
        &mut self,
        entity: &'t ExportedEntity<'t>,
        group: Option<Arc<str>>,
    ) -> Vec<Wanted<'t>> {
        let Exported { file, item } = entity;
        let mut wanted = Vec::new();
        for inline in &item.policy_list {
            let name = inline.policy_name.text.to_owned();
            let name = PolicyName::Inline { name, owner: owner(item) };
            let place = Place::Export(file, inline.policy_document, name);
            wanted.push(Wanted { place, group: group.clone() });
        }
        for managed in &item.attached_managed_policies {
            let arn = managed.policy_arn;
            let found = self.managed(arn.text, file, arn.span(file), Some(WHOLE_EXPORT));
            wanted.extend(found.map(|found| Wanted { group: group.clone(), ..found }));
        }
        wanted
    }

    /// The default version of a managed policy, which `file` names at `span`.
    fn managed(
        &mut self,
        arn: &str,
        file: &TextFile,
        span: Range<usize>,
        help: Option<&str>,
    ) -> Option<Wanted<'t>> {
        let details = self.details;
        let Some(Exported { file, item }) = details.managed.get(arn) else {
            let message = format!("managed policy `{arn}` is not in the export");
            let help = match help {
                Some(help) => Some(help.to_owned()),
                None => suggestion(arn, details.managed.keys().copied()),
            };
            self.problems.push(Problem { help, ..file.problem(span, message) });
            return None;
        };
        let version = item.default_version();
        let Some((version, document)) = version.and_then(|it| Some((it, it.document?))) else {
            let message =
                format!("the default version of managed policy `{arn}` is not in the export");
            self.problems.push(file.problem(item.arn.span(file), message));
            return None;
        };
        let name = PolicyName::Managed {
            arn: arn.to_owned(),
            name: item.policy_name.clone(),
            version: version.version_id.clone(),
            versions: item.policy_version_list.len(),
        };
        Some(Wanted { place: Place::Export(file, document, name), group: None })
    }

    fn boundary(
        &mut self,
        decl: Option<&'t PrincipalDecl>,
        exported: Option<&'t ExportedEntity<'t>>,
    ) -> Option<Layer> {
        let wanted = match decl.and_then(|decl| decl.boundary.as_ref()) {
            Some(name) => self.one_named(name),
            None => {
                let Exported { file, item } = exported?;
                let arn = item.permissions_boundary.as_ref()?.permissions_boundary_arn;
                self.managed(arn.text, file, arn.span(file), Some(WHOLE_EXPORT))
            }
        };
        self.layer(PolicyType::PermissionsBoundary, &[wanted?])
    }

    fn trust(
        &mut self,
        decl: Option<&'t PrincipalDecl>,
        exported: Option<&'t ExportedEntity<'t>>,
    ) -> Option<Layer> {
        if let Some(name) = decl.and_then(|decl| decl.trust.as_ref()) {
            return self.file(PolicyType::RoleTrust, Some(name));
        }
        let Exported { file, item } = exported?;
        let name = PolicyName::Trust { role: item.name.text.to_owned() };
        let place = Place::Export(file, item.assume_role_policy_document?, name);
        self.layer(PolicyType::RoleTrust, &[Wanted { place, group: None }])
    }

    fn file(
        &mut self,
        policy_type: PolicyType,
        name: Option<&'t Spanned<String>>,
    ) -> Option<Layer> {
        self.layer(policy_type, &[Wanted::file(name?)])
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
        self.complain(arn.span(), message, Some(help));
    }
}

/// ``role `reader` ``.
fn owner(entity: &Entity<'_>) -> String {
    let parts = entity.arn.text.splitn(6, ':').nth(5).unwrap_or_default();
    let what = parts.split('/').next().unwrap_or_default();
    format!("{what} `{}`", entity.name.text)
}

/// Where a principal is named.
fn declared(
    manifest: &TextFile,
    decl: Option<&PrincipalDecl>,
    exported: Option<&ExportedEntity<'_>>,
) -> Vec<Declared> {
    let at = |file: &TextFile, offset| Declared {
        file: Arc::clone(&file.name),
        position: file.position(offset),
    };
    let decl = decl.map(|decl| at(manifest, decl.arn.span().start));
    let exported = exported.map(|it| at(it.file, it.item.arn.span(it.file).start));
    decl.into_iter().chain(exported).collect()
}

/// The manifest's fields that stand in the place of what the export says.
fn replaced(decl: &PrincipalDecl, entity: &Entity<'_>) -> Vec<&'static str> {
    let has_policies =
        !entity.policy_list.is_empty() || !entity.attached_managed_policies.is_empty();
    let fields = [
        ("policies", decl.policies.is_some() && has_policies),
        ("groups", decl.groups.is_some() && !entity.group_list.is_empty()),
        ("boundary", decl.boundary.is_some() && entity.permissions_boundary.is_some()),
        ("trust", decl.trust.is_some() && entity.assume_role_policy_document.is_some()),
        ("tags", decl.tags.is_some() && !entity.tags.is_empty()),
        ("userId", decl.user_id.is_some()),
    ];
    fields.into_iter().filter(|(_, is_replaced)| *is_replaced).map(|(field, _)| field).collect()
}
