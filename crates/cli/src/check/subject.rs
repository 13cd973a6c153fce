//! What to check: which texts, read as which type of policy, and how that is known.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use miette::{IntoDiagnostic, WrapErr};
use tollgate_log::Input;
use tollgate_policy::PolicyType;
use tollgate_store::Manifest;

use crate::account;
use crate::texts;

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
        _ => texts::expand(inputs, &["json"], "policy files")?,
    };
    let mut subjects = Vec::new();
    for input in files {
        let (name, source) = texts::read(&input)?;
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

/// The policy files that a manifest names, and as what, in its order.
fn attached(path: &Path) -> miette::Result<Vec<(PathBuf, PolicyType)>> {
    let name = path.display().to_string();
    let text: Arc<str> = std::fs::read_to_string(path)
        .into_diagnostic()
        .wrap_err_with(|| format!("cannot read the account manifest `{name}`"))?
        .into();
    let manifest = Manifest::parse(&name, &text).map_err(account::all_of)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    Ok(manifest.policy_files().map(|(file, known)| (folder.join(file), known)).collect())
}
