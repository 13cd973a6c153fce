//! Paths → suite: test files are opened, and everything that they name.

mod account;
mod api;
mod layers;
mod path;

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use tollgate_policy::{PolicyDocument, PolicyType};
use tollgate_store::Source as Files;

use self::account::Accounts;
use self::api::Asked;
use self::layers::Layers;
pub(crate) use self::path::beside;
use crate::expand::{Cell, Question, Resolve, Settled, expand};
use crate::file::{Case, PrincipalFields, Setting, TestFile};
use crate::parse::{parse_fixtures, parse_test_file};
use crate::place::{Located, Place, Problem, Problems, SourceFile};
use crate::rows::parse_rows;

/// All tests of a run, ready to be decided.
#[derive(Clone, Debug, Default)]
pub struct Suite {
    /// The test files, in the order given.
    pub files: Vec<SuiteFile>,
    /// All cells: file by file, test by test, row by row, the last list varying fastest.
    pub cells: Vec<Cell>,
}

/// A test file of a suite.
#[derive(Clone, Debug)]
pub struct SuiteFile {
    /// Its text.
    pub source: Arc<SourceFile>,
    /// Which cells are its own.
    pub cells: Range<usize>,
    /// Its decision matrix, if it keeps one.
    pub snapshot: Option<SnapshotFile>,
}

/// Where a decision matrix is kept.
#[derive(Clone, Debug)]
pub struct SnapshotFile {
    /// Its path.
    pub path: String,
    /// Where the test file names it.
    pub place: Place,
    /// What was last accepted; `None` if nothing was.
    pub accepted: Option<Arc<SourceFile>>,
}

impl Suite {
    /// Opens test files and all that they name.
    ///
    /// # Errors
    /// Everything that is wrong with any of them: files that cannot be read, test files and
    /// policies that are not valid, references to nothing, tests that contradict themselves.
    pub fn load(files: &dyn Files, paths: &[String]) -> Result<Suite, Problems> {
        let mut suite = Suite::default();
        let mut problems = Vec::new();
        let mut opened = Opened::new(files);
        for path in paths {
            match opened.test_file(path) {
                Ok((file, cells)) => suite.add(&file, cells, &opened),
                Err(found) => problems.extend(found),
            }
        }
        // What is wrong with a policy is wrong for every test that it applies to: say it once.
        let mut seen = HashSet::new();
        problems.retain(|problem| seen.insert(problem.to_string()));
        if problems.is_empty() { Ok(suite) } else { Err(Problems(problems)) }
    }

    fn add(&mut self, file: &TestFile, cells: Vec<Cell>, opened: &Opened<'_>) {
        let first = self.cells.len();
        self.cells.extend(cells);
        let snapshot = file.snapshot.as_ref().map(|named| {
            let path = beside(&named.place.source.name, &named.value);
            let accepted = opened.open(&path).ok();
            SnapshotFile { path, place: named.place.clone(), accepted }
        });
        let source = Arc::clone(&file.source);
        self.files.push(SuiteFile { source, cells: first..self.cells.len(), snapshot });
    }
}

/// Files that have been opened, so that each is read and compiled once.
struct Opened<'f> {
    files: &'f dyn Files,
    layers: Layers<'f>,
    accounts: Accounts<'f>,
    rows: HashMap<String, Vec<Case>>,
}

impl<'f> Opened<'f> {
    fn new(files: &'f dyn Files) -> Opened<'f> {
        Opened {
            files,
            layers: Layers::new(files),
            accounts: Accounts::new(files),
            rows: HashMap::new(),
        }
    }

    fn open(&self, path: &str) -> Result<Arc<SourceFile>, String> {
        read(self.files, path)
    }

    /// Reads a test file and multiplies it out.
    fn test_file(&mut self, path: &str) -> Result<(TestFile, Vec<Cell>), Vec<Problem>> {
        let source = self
            .open(path)
            .map_err(|reason| vec![Problem::nowhere(format!("cannot read `{path}`: {reason}"))])?;
        let file = parse_test_file(&source).map_err(|problems| problems.0)?;
        let setting = self.setting(&file)?;
        let account = match &setting.account {
            None => None,
            Some(named) => Some(self.accounts.open(named)?),
        };
        let mut resolver = Resolver { opened: self, setting: &setting, account };
        let cells = expand(&file, &setting, &mut resolver)?;
        Ok((file, cells))
    }

    /// The file's own setting, and that of its fixtures where it says nothing.
    fn setting(&self, file: &TestFile) -> Result<Setting, Vec<Problem>> {
        let mut setting = file.setting.clone();
        let own = setting.principals.len();
        for named in &file.fixtures {
            let fixtures = self.fixtures(named)?;
            setting.policies = setting.policies.or(fixtures.policies);
            setting.account = setting.account.or(fixtures.account);
            setting.api = setting.api.or(fixtures.api);
            setting.now = setting.now.or(fixtures.now);
            let known = |key: &str| {
                setting.context.iter().any(|held| held.key.value.eq_ignore_ascii_case(key))
            };
            let context: Vec<_> =
                fixtures.context.into_iter().filter(|field| !known(&field.key.value)).collect();
            setting.context.extend(context);
            add_principals(&mut setting, own, fixtures.principals)?;
        }
        Ok(setting)
    }

    fn fixtures(&self, named: &Located<String>) -> Result<Setting, Vec<Problem>> {
        let path = beside(&named.place.source.name, &named.value);
        let source = self.open(&path).map_err(|reason| vec![unreadable(named, &reason)])?;
        parse_fixtures(&source).map_err(|problems| problems.0)
    }
}

/// A principal of the file itself hides one of the fixtures; two of different fixtures clash.
fn add_principals(
    setting: &mut Setting,
    own: usize,
    principals: Vec<PrincipalFields>,
) -> Result<(), Vec<Problem>> {
    for principal in principals {
        let same = |held: &PrincipalFields| held.name.value == principal.name.value;
        match setting.principals.iter().position(same) {
            None => setting.principals.push(principal),
            Some(index) if index < own => {}
            Some(_) => {
                let message =
                    format!("two fixtures define the principal `{}`", principal.name.value);
                let problem = Problem::at(principal.name.place, message);
                return Err(vec![problem.help("rename one, or define it in the test file itself")]);
            }
        }
    }
    Ok(())
}

/// The problem that a file named somewhere cannot be read.
fn unreadable(named: &Located<String>, reason: &str) -> Problem {
    Problem::at(named.place.clone(), format!("cannot read `{}`: {reason}", named.value))
        .help("paths are relative to the file that names them")
}

/// A file's text with its name.
fn read(files: &dyn Files, path: &str) -> Result<Arc<SourceFile>, String> {
    match files.read(Path::new(path)) {
        Ok(text) => Ok(SourceFile::new(path, text)),
        Err(error) => Err(match error.kind() {
            std::io::ErrorKind::NotFound => "no such file".to_owned(),
            std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            std::io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
            std::io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
            _ => error.to_string(),
        }),
    }
}

/// Reads a policy.
pub(crate) fn parse_policy(
    source: &Arc<SourceFile>,
    layer: PolicyType,
) -> Result<Arc<PolicyDocument>, Vec<Problem>> {
    layers::parse(source, layer).map(|parsed| parsed.document)
}

/// Answers for one test file what its cells need.
struct Resolver<'o, 'f> {
    opened: &'o mut Opened<'f>,
    setting: &'o Setting,
    account: Option<Arc<tollgate_store::Account>>,
}

impl Resolve for Resolver<'_, '_> {
    fn rows(&mut self, named: &Located<String>) -> Result<Vec<Case>, Vec<Problem>> {
        let path = beside(&named.place.source.name, &named.value);
        if let Some(rows) = self.opened.rows.get(&path) {
            return Ok(rows.clone());
        }
        let source = self.opened.open(&path).map_err(|reason| vec![unreadable(named, &reason)])?;
        let rows = parse_rows(&source).map_err(|problems| problems.0)?;
        Ok(self.opened.rows.entry(path).or_insert(rows).clone())
    }

    fn principal(&mut self, name: &Located<String>) -> Result<PrincipalFields, Problem> {
        account::principal(self.account.as_deref(), name)
    }

    fn settle(&mut self, question: &Question<'_>) -> Result<Settled, Vec<Problem>> {
        let account = self.account.as_deref();
        let entry = account::api_entry(account, question)?;
        let accounts = &mut self.opened.accounts;
        let asked = Asked::of(question, entry)?;
        let entry = entry.map(|entry| account::called(entry, &asked));
        let base = account.map(|account| accounts.layers(account, question, entry));
        let known = account.map(|account| account::known(account, question, entry));
        let layers = self.opened.layers.resolve(base, &question.attachments)?;
        let (action, resource) = match &asked {
            Asked::Resource(resource) => api::for_resource(question, resource)?,
            Asked::Path(method, path) => {
                let parts = api::Parts::of(self.setting.api.as_ref(), entry, &layers, question)?;
                api::for_path(question, &parts, method, path)
            }
        };
        let bundle = self.opened.layers.compile(layers);
        let known = known.unwrap_or_default();
        Ok(Settled { action: action.into(), resource: resource.into(), bundle, known })
    }
}
