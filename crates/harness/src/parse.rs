//! Tree → test file: which fields there are, and what each of them takes.

mod attachment;
mod case;
mod setting;

use std::sync::Arc;

pub(crate) use self::case::{expectation, row};
use crate::file::{Setting, TestFile};
use crate::place::{Problem, Problems, SourceFile};
use crate::read::Reader;
use crate::yaml;

/// The fields of a test file beside those of [`setting::FIELDS`].
const FIELDS: [&str; 4] = ["version", "use", "tests", "snapshot"];

/// Reads a test file.
///
/// # Errors
/// All that is wrong with it, each with its place: text that is not YAML, unknown or repeated
/// fields, values of the wrong kind.
pub fn parse_test_file(source: &Arc<SourceFile>) -> Result<TestFile, Problems> {
    let root = yaml::parse(source, &source.text, 0)?;
    let mut reader = Reader::new(source);
    let known: Vec<&str> = FIELDS.into_iter().chain(setting::FIELDS).collect();
    let Some(fields) = reader.fields(&root, "a test file", &known) else {
        return Err(Problems(reader.problems));
    };
    version(&mut reader, fields);
    let file = TestFile {
        source: Arc::clone(source),
        setting: setting::setting(&mut reader, fields),
        fixtures: fields
            .value("use")
            .map_or(Vec::new(), |node| reader.texts(node, "the path of a fixtures file")),
        tests: fields.value("tests").map_or(Vec::new(), |node| case::tests(&mut reader, node)),
        snapshot: fields.text(&mut reader, "snapshot"),
    };
    if fields.value("tests").is_none() {
        reader.advise(root.span, "a test file without `tests`", "add `tests:` and a list of them");
    }
    complete(reader.problems, file)
}

/// Reads a file of fixtures: the settings of a test file, without tests.
///
/// # Errors
/// As for [`parse_test_file`].
pub fn parse_fixtures(source: &Arc<SourceFile>) -> Result<Setting, Problems> {
    let root = yaml::parse(source, &source.text, 0)?;
    let mut reader = Reader::new(source);
    let known: Vec<&str> = ["version"].into_iter().chain(setting::FIELDS).collect();
    let Some(fields) = reader.fields(&root, "a fixtures file", &known) else {
        return Err(Problems(reader.problems));
    };
    version(&mut reader, fields);
    let setting = setting::setting(&mut reader, fields);
    complete(reader.problems, setting)
}

/// `version: 1` is the only one, and may be left out.
fn version(reader: &mut Reader<'_>, fields: crate::read::Fields<'_>) {
    let Some(version) = fields.text(reader, "version") else { return };
    if version.value != "1" {
        reader.complain(
            version.place.span,
            format!("expected version `1`, found `{}`", version.value),
        );
    }
}

fn complete<T>(mut problems: Vec<Problem>, value: T) -> Result<T, Problems> {
    problems.sort_by_key(|problem| problem.place.as_ref().map(|place| place.span.start));
    if problems.is_empty() { Ok(value) } else { Err(Problems(problems)) }
}
