//! From the manifest, and the exports that it names, to the account.

mod apis;
mod principals;

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use tollgate_policy::PolicyType;
use toml::Spanned;

use crate::account::{Account, Layer, Levels};
use crate::details::{Details, Exported};
use crate::library::{Library, Wanted, reason};
use crate::manifest::{Manifest, OneOrMany};
use crate::manifest_file::ManifestFile;
use crate::problem::{Problem, Problems};
use crate::rest_apis::{self, RestApi};
use crate::source::Source;
use crate::text::TextFile;

impl Account {
    /// Reads a manifest and every file that it names.
    ///
    /// # Errors
    /// All that is wrong, in the order of the manifest: a manifest that cannot be read, unknown
    /// fields, groups that do not exist, policy files that are missing or not valid policies,
    /// exports that are incomplete or of another account.
    pub fn read(source: &dyn Source, path: &Path) -> Result<Account, Problems> {
        let (file, unknown) = ManifestFile::as_meant(source, path)?;
        match Account::of(source, &file) {
            Ok(account) => Problems::none_or(unknown, account),
            Err(others) => Err(others.after(unknown)),
        }
    }

    /// Reads every file that a manifest names.
    ///
    /// # Errors
    /// As [`Account::read`].
    pub fn of(source: &dyn Source, file: &ManifestFile) -> Result<Account, Problems> {
        let ManifestFile { manifest, text, folder } = file;
        let mut problems = Vec::new();
        let mut read = |list: &OneOrMany| exports(source, folder, text, list, &mut problems);
        let (details, apis) = (read(&manifest.authorization_details), read(&manifest.rest_apis));
        let loader = Loader {
            manifest,
            text,
            details: &Details::read(&details, &mut problems),
            rest_apis: &rest_apis::read(&apis, &mut problems),
            library: Library::new(source, folder, text),
            problems,
        };
        let mut account = loader.account()?;
        account.folder.clone_from(folder);
        Ok(account)
    }
}

/// The files of a list that can be read.
fn exports(
    source: &dyn Source,
    folder: &Path,
    manifest: &TextFile,
    list: &OneOrMany,
    problems: &mut Vec<Problem>,
) -> Vec<Arc<TextFile>> {
    let mut files = Vec::new();
    for name in &list.0 {
        let path = folder.join(name.get_ref());
        let shown = path.display().to_string();
        match source.read(&path) {
            Ok(text) => files.push(Arc::new(TextFile::new(&shown, text))),
            Err(error) => {
                let message = format!("cannot read `{shown}`: {}", reason(&error));
                problems.push(manifest.problem(name.span(), message));
            }
        }
    }
    files
}

/// What is needed while the account is put together, and the problems found so far.
struct Loader<'t> {
    manifest: &'t Manifest,
    text: &'t TextFile,
    details: &'t Details<'t>,
    rest_apis: &'t [Exported<'t, RestApi<'t>>],
    library: Library<'t>,
    problems: Vec<Problem>,
}

impl<'t> Loader<'t> {
    fn account(mut self) -> Result<Account, Problems> {
        let manifest = self.manifest;
        let id = self.account_id(&manifest.account);
        let service_control = self.levels(PolicyType::ServiceControl, &manifest.service_control);
        let resource_control = self.levels(PolicyType::ResourceControl, &manifest.resource_control);
        self.duplicates("group", manifest.groups.iter().map(|group| &group.name));
        self.duplicates("principal", manifest.principals.iter().map(|decl| &decl.arn));
        self.duplicates("API", manifest.apis.iter().map(|api| &api.id));
        let subjects = self.subjects();
        let apis = self.apis(&id);
        let mut account =
            Account::new(id, &manifest.region, subjects, apis, service_control, resource_control);
        account.managed = self.details.managed_policies();
        Problems::none_or(self.problems, account)
    }

    fn account_id(&mut self, id: &Spanned<String>) -> String {
        let text = id.get_ref();
        if text.len() != 12 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            let message = format!("expected an account id of twelve digits, found `{text}`");
            self.complain(id.span(), message, None);
        }
        text.clone()
    }

    fn duplicates<'n>(&mut self, what: &str, names: impl Iterator<Item = &'n Spanned<String>>) {
        let mut seen = HashMap::new();
        for name in names {
            if let Some(()) = seen.insert(name.get_ref(), ()) {
                let message = format!("{what} `{}` is listed twice", name.get_ref());
                self.complain(name.span(), message, None);
            }
        }
    }

    fn levels(&mut self, policy_type: PolicyType, levels: &'t [Vec<Spanned<String>>]) -> Levels {
        let mut loaded = Levels::default();
        for files in levels {
            // A level without policies allows nothing; it must not vanish.
            let wanted: Vec<_> = files.iter().map(Wanted::file).collect();
            let Layer { set, attachments } =
                self.library.layer(policy_type, &wanted, &mut self.problems);
            loaded.sets.push(set);
            loaded.attachments.push(attachments);
        }
        loaded
    }

    /// The layer of a list of policies; `None` for an empty list.
    fn layer(&mut self, policy_type: PolicyType, wanted: &[Wanted<'t>]) -> Option<Layer> {
        match wanted {
            [] => None,
            _ => Some(self.library.layer(policy_type, wanted, &mut self.problems)),
        }
    }

    fn complain(&mut self, span: Range<usize>, message: String, help: Option<String>) {
        self.problems.push(Problem { help, ..self.text.problem(span, message) });
    }
}
