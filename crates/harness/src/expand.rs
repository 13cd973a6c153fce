//! Test file → cells: every combination of the listed values is a test of its own.
//!
//! A cell's id is made of names and values, never of positions in the file: adding a value to a
//! list, or moving a test, leaves the ids of all other cells as they were.

mod choice;
mod row;

use std::sync::Arc;

use self::choice::{Choice, Dimensions};
use crate::bundle::Bundle;
use crate::call::{Call, Given};
use crate::file::{
    By, Case, ContextFields, Expectation, Known, PrincipalFields, Setting, TestFile,
};
use crate::place::{Located, Place, Problem};

/// One test: one request, and the decision that must be made about it.
#[derive(Clone, Debug)]
pub struct Cell {
    /// What it is called, in every run: `FILE::TEST`, and for each listed value `NAME=VALUE`.
    pub id: Arc<str>,
    /// The test or row that it came from.
    pub place: Place,
    /// What the file calls the principal.
    pub principal: Arc<str>,
    /// The request.
    pub call: Call,
    /// The decision that must be made; `None` where only the snapshot says.
    pub expected: Option<Located<Expectation>>,
    /// Statements that must be among those that determine the decision.
    pub by: Arc<[By]>,
    /// The policies in force.
    pub bundle: Arc<Bundle>,
    /// Why it is not run.
    pub skip: Option<Arc<str>>,
    /// Context that comes from the setting and the principal, and so need not be repeated in
    /// another test of the file.
    pub inherited: Arc<[(Arc<str>, Given)]>,
}

impl Cell {
    /// The test file.
    pub fn file(&self) -> &str {
        self.id.split_once("::").map_or("", |(file, _)| file)
    }
}

/// The most cells that one test may make.
const CELLS_MAX: usize = 1_000_000;

/// What a case needs from outside its file: files opened, policies compiled.
pub(crate) trait Resolve {
    /// The rows of a file named by a test.
    fn rows(&mut self, path: &Located<String>) -> Result<Vec<Case>, Vec<Problem>>;

    /// The caller that a test names, when the file does not define it.
    fn principal(&mut self, name: &Located<String>) -> Result<PrincipalFields, Problem>;

    /// The request's resource and the policies in force.
    fn settle(&mut self, question: &Question<'_>) -> Result<Settled, Vec<Problem>>;
}

/// What decides which policies are in force, and which resource is meant.
pub(crate) struct Question<'a> {
    pub(crate) place: &'a Place,
    pub(crate) principal: &'a PrincipalFields,
    /// The attachments that apply, from the most general to the most specific.
    pub(crate) attachments: Vec<&'a crate::file::Attachment>,
    /// The values chosen for [`crate::file::RequestFields::axes`], by name.
    pub(crate) request: Vec<(&'static str, &'a Located<String>)>,
}

impl<'a> Question<'a> {
    /// The value chosen for a field of the request.
    pub(crate) fn chosen(&self, name: &str) -> Option<&'a Located<String>> {
        self.request.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

/// The answer to a [`Question`].
#[derive(Clone)]
pub(crate) struct Settled {
    pub(crate) action: Arc<str>,
    pub(crate) resource: Arc<str>,
    pub(crate) bundle: Arc<Bundle>,
    /// What an account tells of the principal that its ARN does not.
    pub(crate) known: Vec<(Arc<str>, Given)>,
}

/// Multiplies out all tests of a file whose setting is complete.
///
/// # Errors
/// Everything that is wrong with its tests, in the order in which it was found.
pub(crate) fn expand(
    file: &TestFile,
    setting: &Setting,
    resolve: &mut dyn Resolve,
) -> Result<Vec<Cell>, Vec<Problem>> {
    let mut expansion =
        Expansion { file, setting, resolve, cells: Vec::new(), problems: Vec::new() };
    for test in &file.tests {
        expansion.test(test);
    }
    expansion.check_ids();
    if expansion.problems.is_empty() { Ok(expansion.cells) } else { Err(expansion.problems) }
}

struct Expansion<'a> {
    file: &'a TestFile,
    setting: &'a Setting,
    resolve: &'a mut dyn Resolve,
    cells: Vec<Cell>,
    problems: Vec<Problem>,
}

impl Expansion<'_> {
    fn test(&mut self, test: &Case) {
        let id = format!("{}::{}", self.file.source.name, name(test));
        let mut used = vec![false; test.except.len()];
        match row::rows(test, self.resolve) {
            Err(problems) => self.problems.extend(problems),
            Ok(None) => self.case(test, &id, &test.except, &mut used),
            Ok(Some(rows)) => {
                for row in rows.iter() {
                    let merged = row::merge(test, row);
                    self.case(&merged, &row::id(&id, row), &test.except, &mut used);
                }
            }
        }
        let unused = test.except.iter().zip(used).filter(|(_, used)| !used);
        for (exception, _) in unused {
            let problem = Problem::at(exception.place.clone(), "this exception matches no cell")
                .help("each of its values must be one that the test tries");
            self.problems.push(problem);
        }
    }

    /// All cells of a test, or of one of its rows.
    fn case(&mut self, case: &Case, id: &str, except: &[Case], used: &mut [bool]) {
        let Some(principals) = &case.principal else {
            let problem = Problem::at(case.place.clone(), "a test without `principal`")
                .help("name one of `principals`, write an ARN, or `anonymous`");
            self.problems.push(problem);
            return;
        };
        for name in &principals.values {
            match self.principal(name) {
                Err(problem) => self.problems.push(problem),
                Ok(principal) => {
                    let name = (name, principals.listed);
                    self.cells_of(case, name, &principal, id, except, used);
                }
            }
        }
    }

    fn principal(&mut self, name: &Located<String>) -> Result<PrincipalFields, Problem> {
        let defined = self.setting.principals.iter().find(|known| known.name.value == name.value);
        match defined {
            Some(principal) => Ok(principal.clone()),
            None => self.resolve.principal(name).map_err(|problem| match problem.help {
                Some(_) => problem,
                None => problem.help(self.principal_help(&name.value)),
            }),
        }
    }

    fn principal_help(&self, name: &str) -> String {
        let known = self.setting.principals.iter().map(|known| known.name.value.as_str());
        crate::place::did_you_mean(name, known)
            .unwrap_or_else(|| "define it under `principals`, or write an ARN".to_owned())
    }

    fn cells_of(
        &mut self,
        case: &Case,
        name: (&Located<String>, bool),
        principal: &PrincipalFields,
        id: &str,
        except: &[Case],
        used: &mut [bool],
    ) {
        let context = layered(&[&self.setting.context, &principal.context, &case.context]);
        let dimensions = Dimensions::new(name, &case.request, &context);
        if dimensions.count() > CELLS_MAX {
            let message = format!("this test makes {} cells", dimensions.count());
            let help = format!("the most is {CELLS_MAX}: split it, or shorten its lists");
            self.problems.push(Problem::at(case.place.clone(), message).help(help));
            return;
        }
        for choice in dimensions.choices() {
            match self.cell(case, principal, &choice, id, except, used) {
                Ok(cell) => self.cells.push(cell),
                // What is wrong with one cell is mostly wrong with its neighbours as well.
                Err(problems) => return self.problems.extend(problems),
            }
        }
    }

    fn cell(
        &mut self,
        case: &Case,
        principal: &PrincipalFields,
        choice: &Choice<'_>,
        id: &str,
        except: &[Case],
        used: &mut [bool],
    ) -> Result<Cell, Vec<Problem>> {
        let attachments = [&self.setting.policies, &principal.policies, &case.policies];
        let question = Question {
            place: &case.place,
            principal,
            attachments: attachments.into_iter().flatten().collect(),
            request: choice.request().collect(),
        };
        let settled = self.resolve.settle(&question)?;
        let exception = exception(except, used, choice)?;
        let outcome = exception.unwrap_or(case);
        check_outcome(outcome, self.file)?;
        let mut call = bare_call(principal, &question, &settled);
        let said = of_setting(self.setting, principal);
        let is_said = |key: &str| said.iter().any(|(name, _)| name.eq_ignore_ascii_case(key));
        let known = settled.known.iter().filter(|(key, _)| !is_said(key)).cloned();
        let inherited: Vec<(Arc<str>, Given)> = known.chain(said.iter().cloned()).collect();
        inherited.iter().for_each(|(key, given)| call.set(key, given.clone()));
        add_context(&mut call, choice, &case.unknown);
        Ok(Cell {
            id: choice.id(id).into(),
            place: case.place.clone(),
            principal: principal.name.value.as_str().into(),
            call,
            inherited: inherited.into(),
            expected: outcome.expect.clone(),
            by: outcome.by.as_slice().into(),
            bundle: settled.bundle,
            skip: outcome
                .skip
                .as_ref()
                .or(case.skip.as_ref())
                .map(|reason| reason.value.as_str().into()),
        })
    }

    fn check_ids(&mut self) {
        let mut seen = std::collections::HashMap::new();
        for cell in &self.cells {
            if let Some(first) = seen.insert(&cell.id, &cell.place) {
                let message = format!("two cells are called `{}`", cell.id);
                let help = format!("the other comes from {first}; give one of them a `name`");
                self.problems.push(Problem::at(cell.place.clone(), message).help(help));
            }
        }
    }
}

fn name(test: &Case) -> &str {
    test.name.as_ref().map_or("", |name| &name.value)
}

/// Context fields of several origins; the later origin replaces the earlier key by key.
fn layered<'a>(origins: &[&'a [ContextFields]]) -> Vec<&'a ContextFields> {
    let mut context: Vec<&ContextFields> = Vec::new();
    for field in origins.iter().copied().flatten() {
        let same = |held: &&ContextFields| held.key.value.eq_ignore_ascii_case(&field.key.value);
        match context.iter().position(same).and_then(|index| context.get_mut(index)) {
            Some(held) => *held = field,
            None => context.push(field),
        }
    }
    context
}

/// The one exception that matches a cell.
fn exception<'a>(
    except: &'a [Case],
    used: &mut [bool],
    choice: &Choice<'_>,
) -> Result<Option<&'a Case>, Vec<Problem>> {
    let mut found: Option<&Case> = None;
    for (exception, used) in except.iter().zip(used) {
        if !choice.is_among(exception) {
            continue;
        }
        *used = true;
        if let Some(other) = found {
            let message = format!("two exceptions match the cell `{}`", choice.id(""));
            let help = format!("the other is at {}; say more in one of them", other.place);
            return Err(vec![Problem::at(exception.place.clone(), message).help(help)]);
        }
        found = Some(exception);
    }
    Ok(found)
}

/// What is expected must be said, and must make sense.
fn check_outcome(case: &Case, file: &TestFile) -> Result<(), Vec<Problem>> {
    let Some(expected) = &case.expect else {
        if file.snapshot.is_some() || case.skip.is_some() {
            return Ok(());
        }
        let help = "say `expect: allow` or `expect: deny`, or give the file a `snapshot`";
        return Err(vec![Problem::at(case.place.clone(), "a test without `expect`").help(help)]);
    };
    match case.by.first() {
        Some(by) if expected.value == Expectation::ImplicitDeny => {
            let message = "no statement determines an implicit deny";
            Err(vec![Problem::at(by.place.clone(), message).help("remove `by`")])
        }
        _ => Ok(()),
    }
}

fn shared(text: &Located<String>) -> Arc<str> {
    text.value.as_str().into()
}

fn bare_call(principal: &PrincipalFields, question: &Question<'_>, settled: &Settled) -> Call {
    Call {
        principal: shared(&principal.arn),
        issued_by: principal.issued_by.as_ref().map(shared),
        action: Arc::clone(&settled.action),
        resource: Arc::clone(&settled.resource),
        resource_account: question.chosen("resourceAccount").map(shared),
        context: Vec::new(),
    }
}

/// Context that every test of the file has for this principal, unless it says otherwise.
fn of_setting(setting: &Setting, principal: &PrincipalFields) -> Vec<(Arc<str>, Given)> {
    let mut inherited: Vec<(Arc<str>, Given)> = Vec::new();
    if let Some(now) = &setting.now {
        let epoch = now.value.as_second().to_string();
        inherited.push(("aws:CurrentTime".into(), Given::One(now.value.to_string().into())));
        inherited.push(("aws:EpochTime".into(), Given::One(epoch.into())));
    }
    if let Some(id) = &principal.user_id {
        inherited.push(("aws:userid".into(), Given::One(shared(id))));
    }
    for (tag, value) in &principal.tags {
        let key = format!("aws:PrincipalTag/{}", tag.value);
        inherited.push((key.into(), Given::One(shared(value))));
    }
    inherited
}

fn add_context(call: &mut Call, choice: &Choice<'_>, unknown: &[Located<String>]) {
    for key in unknown {
        call.set(&key.value, Given::Unknown);
    }
    for (key, known) in choice.context() {
        match known {
            Known::Absent => call.set(key, Given::Absent),
            Known::Values(values) => call.set(key, Given::values(values)),
        }
    }
}
