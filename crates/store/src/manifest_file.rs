//! A manifest that was read, with its text, so that others can say what is wrong with it and where.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::library::reason;
use crate::manifest::Manifest;
use crate::problem::{Problem, Problems};
use crate::source::Source;
use crate::text::TextFile;

/// A manifest, its text, and the folder that its paths are relative to.
#[derive(Debug)]
pub struct ManifestFile {
    /// What it says.
    pub manifest: Manifest,
    /// The folder that it stands in.
    pub folder: PathBuf,
    pub(crate) text: TextFile,
}

impl ManifestFile {
    /// Reads a manifest, and none of the files that it names.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML, or has fields that are unknown, missing or wrong.
    pub fn read(source: &dyn Source, path: &Path) -> Result<ManifestFile, Problems> {
        let (file, problems) = ManifestFile::as_meant(source, path)?;
        Problems::none_or(problems, file)
    }

    /// Reads it as it was probably meant, with the fields of it that are unknown as problems.
    pub(crate) fn as_meant(
        source: &dyn Source,
        path: &Path,
    ) -> Result<(ManifestFile, Vec<Problem>), Problems> {
        let file = path.display().to_string();
        let text = source.read(path).map_err(|error| unreadable(source, path, &error))?;
        if let Some(problem) = no_manifest(&file, &text) {
            return Err(problem.into());
        }
        let text = TextFile::of_manifest(&file, text);
        let (manifest, problems) = Manifest::as_meant(&file, &text.text)?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok((ManifestFile { manifest, folder, text }, problems))
    }

    /// Something wrong with the bytes `span` of the manifest.
    pub fn problem(&self, span: Range<usize>, message: impl Into<String>) -> Problem {
        self.text.problem(span, message)
    }
}

/// What the least of a manifest is.
const LEAST: &str = "the least of one is `account = \"123456789012\"` and `region = \"us-east-1\"`";

/// JSON that a manifest names: members of which it has one, what it is, and how it is named.
const NAMED: [(&[&str], &str, &str); 3] = [
    (
        &["UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"],
        "the output of `aws iam get-account-authorization-details`",
        "a manifest names it: `authorizationDetails = \"FILE\"`",
    ),
    (
        &["items", "apiKeySource"],
        "the output of `aws apigateway get-rest-apis`",
        "a manifest names it: `restApis = \"FILE\"`",
    ),
    (&["Statement"], "a policy", "a manifest names it: `policies` of a `[[principal]]`"),
];

/// That a text is none, if it is empty or JSON, which begins as no TOML does.
fn no_manifest(file: &str, text: &str) -> Option<Problem> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let is_json = text.trim_start_matches(|c: char| c == '[' || c.is_whitespace()).starts_with('{');
    let (found, help) = match text {
        "" => ("nothing", LEAST),
        _ if is_json => json(text),
        _ => return None,
    };
    let message = format!("expected an account manifest, which is TOML, found {found}");
    Some(Problem::of_file(file, message).with_help(help))
}

/// What a JSON text is, and what may help.
fn json(text: &str) -> (&'static str, &'static str) {
    let first = serde_json::Deserializer::from_str(text).into_iter::<Value>().next();
    let first = first.and_then(Result::ok).unwrap_or_default();
    let object = first.get(0).unwrap_or(&first);
    let has = |member: &&str| object.get(member).is_some();
    let named = NAMED.iter().find(|(members, ..)| members.iter().any(has));
    named.map_or(("JSON", LEAST), |(_, what, help)| (what, help))
}

/// Of a folder it may be the manifest in it that is meant.
fn unreadable(source: &dyn Source, path: &Path, error: &io::Error) -> Problem {
    let message = format!("cannot read the account manifest: {}", reason(error));
    let within = path.join("tollgate.toml");
    let is_within = error.kind() == io::ErrorKind::IsADirectory && source.read(&within).is_ok();
    let help = is_within.then(|| format!("did you mean `{}`?", within.display()));
    Problem { help, ..Problem::of_file(path.display().to_string(), message) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[track_caller]
    fn check(text: &str, found: &str, help: &str) {
        let path = PathBuf::from("account");
        let source = BTreeMap::from([(path.clone(), text.to_owned())]);
        let problems = ManifestFile::read(&source, &path).unwrap_err();
        let expected =
            format!("account: expected an account manifest, which is TOML, found {found}");
        assert_eq!(problems.to_string(), expected, "{text}");
        let told = problems.iter().filter_map(|it| it.help.as_deref()).collect::<String>();
        assert!(told.contains(help), "{text}: {told}");
    }

    #[test]
    fn what_is_no_manifest_is_called_what_it_is() {
        check("", "nothing", "the least");
        check("\n ", "nothing", "the least");
        check("{\"a\": 1}", "JSON", "the least");
        check("{\"a\": ", "JSON", "the least");
        let [details, rest_apis, policy] = NAMED.map(|(_, what, _)| what);
        check("[{\"UserDetailList\": []}]", details, "authorizationDetails");
        check("\u{feff}{\"Policies\": []} {}", details, "authorizationDetails");
        check("{\"items\": []}", rest_apis, "restApis");
        check("{\"Statement\": []}", policy, "[[principal]]");
    }

    #[test]
    fn other_texts_are_read_as_manifests() {
        for text in ["# {}", "[[group]]\nname = \"{\"", "account = \"{\""] {
            assert_eq!(no_manifest("account", text), None, "{text}");
        }
    }
}
