//! What to check: which texts, read as which type of policy, and how that is known.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use miette::{IntoDiagnostic, WrapErr};
use tollgate_log::{Input, InputError};
use tollgate_policy::PolicyType;
use tollgate_store::Manifest;

use crate::diagnose::{Place, Problem};

/// A text to be checked.
pub(super) struct Subject {
    /// The file as reports name it.
    pub(super) name: String,
    pub(super) source: Arc<str>,
    pub(super) policy_type: PolicyType,
    pub(super) known_from: KnownFrom,
}

/// How the type of a policy is known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum KnownFrom {
    /// `--type`.
    Flag,
    /// The manifest attaches the file.
    Manifest,
    /// Its elements.
    Guess,
}

impl KnownFrom {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            KnownFrom::Flag => "flag",
            KnownFrom::Manifest => "manifest",
            KnownFrom::Guess => "guess",
        }
    }
}

/// Finds and reads everything to be checked, in order.
///
/// # Errors
/// The first input that cannot be read.
pub(super) fn find(
    inputs: &[String],
    flag: Option<PolicyType>,
    account: Option<&Path>,
) -> miette::Result<Vec<Subject>> {
    let attached = account.map_or(Ok(Vec::new()), attached)?;
    let files: Vec<Input> = match inputs {
        [] => distinct_files(&attached).into_iter().map(Input::File).collect(),
        _ => expand(inputs)?,
    };
    let mut subjects = Vec::new();
    for input in files {
        let (name, source) = read(&input)?;
        for (policy_type, known_from) in types(&input, &source, flag, &attached) {
            let (name, source) = (name.clone(), Arc::clone(&source));
            subjects.push(Subject { name, source, policy_type, known_from });
        }
    }
    Ok(subjects)
}

/// The types to read a text as: more than one if the manifest attaches the file in several places.
fn types(
    input: &Input,
    source: &str,
    flag: Option<PolicyType>,
    attached: &[(PathBuf, PolicyType)],
) -> Vec<(PolicyType, KnownFrom)> {
    if let Some(policy_type) = flag {
        return vec![(policy_type, KnownFrom::Flag)];
    }
    let same_file = |path: &Path| match input {
        Input::File(file) => canonical(file) == canonical(path),
        Input::Stdin => false,
    };
    let types: BTreeSet<PolicyType> =
        attached.iter().filter(|(path, _)| same_file(path)).map(|(_, known)| *known).collect();
    if types.is_empty() {
        return vec![(PolicyType::guess(source), KnownFrom::Guess)];
    }
    types.into_iter().map(|known| (known, KnownFrom::Manifest)).collect()
}

fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn distinct_files(attached: &[(PathBuf, PolicyType)]) -> Vec<PathBuf> {
    let mut seen = BTreeSet::new();
    let first = |path: &&PathBuf| seen.insert(canonical(path));
    attached.iter().map(|(path, _)| path).filter(first).cloned().collect()
}

fn expand(inputs: &[String]) -> miette::Result<Vec<Input>> {
    let mut files = Vec::new();
    for argument in inputs {
        let mut found = Input::expand(argument).map_err(|error| match error {
            InputError::Nothing { argument } => nothing(&argument),
            other => miette::miette!("{other}"),
        })?;
        if Path::new(argument).is_dir() {
            found.retain(is_json);
        }
        if found.is_empty() {
            return Err(nothing(argument));
        }
        files.extend(found);
    }
    Ok(files)
}

fn nothing(argument: &str) -> miette::Report {
    miette::miette!("expected policy files (`.json`) in `{argument}`, found none")
}

fn is_json(input: &Input) -> bool {
    match input {
        Input::File(path) => path.extension().is_some_and(|it| it.eq_ignore_ascii_case("json")),
        Input::Stdin => true,
    }
}

fn read(input: &Input) -> miette::Result<(String, Arc<str>)> {
    let (name, bytes) = match input {
        Input::File(path) => (path.display().to_string(), std::fs::read(path)),
        Input::Stdin => {
            let mut bytes = Vec::new();
            let read = std::io::stdin().lock().read_to_end(&mut bytes);
            ("standard input".to_owned(), read.map(|_| bytes))
        }
    };
    let bytes = bytes.into_diagnostic().wrap_err_with(|| format!("cannot read `{name}`"))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok((name, text.into())),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            Err(miette::miette!("cannot read `{name}`: expected UTF-8, byte {at} is not"))
        }
    }
}

/// The policy files that a manifest names, and as what, in its order.
fn attached(path: &Path) -> miette::Result<Vec<(PathBuf, PolicyType)>> {
    let name = path.display().to_string();
    let text: Arc<str> = std::fs::read_to_string(path)
        .into_diagnostic()
        .wrap_err_with(|| format!("cannot read the account manifest `{name}`"))?
        .into();
    let manifest = Manifest::parse(&name, &text).map_err(|problem| Problem {
        message: problem.message,
        help: problem.help,
        place: problem.span.map(|span| Place::new(&problem.file, problem.text, span)),
        others: Vec::new(),
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    Ok(files_of(&manifest).map(|(file, known)| (folder.join(file), known)).collect())
}

fn files_of(manifest: &Manifest) -> impl Iterator<Item = (&str, PolicyType)> {
    let control = manifest.service_control.iter().flatten();
    let resource_control = manifest.resource_control.iter().flatten();
    let of_groups = manifest.groups.iter().flat_map(|group| &group.policies);
    let principals = &manifest.principals;
    let of_principals = principals.iter().filter_map(|it| it.policies.as_ref()).flatten();
    let boundaries = principals.iter().filter_map(|principal| principal.boundary.as_ref());
    let sessions = principals.iter().filter_map(|principal| principal.session.as_ref());
    let trust = principals.iter().filter_map(|principal| principal.trust.as_ref());
    let of_apis = manifest.apis.iter().filter_map(|api| api.resource_policy.as_ref());
    let all = control.map(|file| (file, PolicyType::ServiceControl));
    all.chain(resource_control.map(|file| (file, PolicyType::ResourceControl)))
        .chain(of_groups.chain(of_principals).map(|file| (file, PolicyType::Identity)))
        .chain(boundaries.map(|file| (file, PolicyType::PermissionsBoundary)))
        .chain(sessions.map(|file| (file, PolicyType::Session)))
        .chain(trust.map(|file| (file, PolicyType::RoleTrust)))
        .chain(of_apis.map(|file| (file, PolicyType::Resource)))
        .map(|(file, known)| (file.get_ref().as_str(), known))
        // A managed policy of the export is no file.
        .filter(|(file, _)| !file.starts_with("arn:"))
}
