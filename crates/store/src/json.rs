//! JSON of others: one document after another in a file, every string with its place.

use std::ops::Range;

use serde::Deserialize;
use serde::de::Error;
use serde_json::value::RawValue;

use crate::problem::Problem;
use crate::text::TextFile;

/// A string without escapes, as names and ARNs are, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word<'t> {
    pub(crate) text: &'t str,
}

impl<'de: 't, 't> Deserialize<'de> for Word<'t> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Word<'t>, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        let inside = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"'));
        match inside {
            Some(text) if !text.contains('\\') => Ok(Word { text }),
            _ => Err(D::Error::custom(format!("expected a name or an ARN, found `{raw}`"))),
        }
    }
}

impl Word<'_> {
    /// Where it stands in the file that it was read from, quotes included.
    pub(crate) fn span(&self, file: &TextFile) -> Range<usize> {
        let start = file.offset_of(self.text);
        start - 1..start + self.text.len() + 1
    }
}

/// One JSON document of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Document<'t>(&'t str);

/// The documents of a file, each with its place: one, several one after the other, or the elements
/// of a list. A byte order mark is skipped. A file without any is a problem.
pub(crate) fn documents<'t>(
    file: &'t TextFile,
    problems: &mut Vec<Problem>,
) -> Vec<(Range<usize>, Document<'t>)> {
    let text = file.text.strip_prefix('\u{feff}').unwrap_or(&file.text);
    let mut found = Vec::new();
    let stream = serde_json::Deserializer::from_str(text).into_iter::<&'t RawValue>();
    for next in stream {
        match next.map_err(|error| syntax(file, text, &error)).and_then(|raw| elements(file, raw)) {
            Ok(raw) => found.extend(raw.into_iter().map(|raw| {
                let start = file.offset_of(raw.get());
                (start..start + raw.get().len(), Document(raw.get()))
            })),
            Err(problem) => {
                problems.push(problem);
                return found;
            }
        }
    }
    if found.is_empty() {
        problems.push(Problem::of_file(&*file.name, "expected JSON, found nothing"));
    }
    found
}

fn elements<'t>(file: &TextFile, raw: &'t RawValue) -> Result<Vec<&'t RawValue>, Problem> {
    match raw.get().starts_with('[') {
        true => serde_json::from_str(raw.get()).map_err(|error| syntax(file, raw.get(), &error)),
        false => Ok(vec![raw]),
    }
}

impl<'t> Document<'t> {
    /// Reads it as what it should be.
    pub(crate) fn read<T: Deserialize<'t>>(&self, file: &TextFile) -> Result<T, Problem> {
        serde_json::from_str(self.0).map_err(|error| syntax(file, self.0, &error))
    }
}

/// serde_json's error, with its place in the file; `text` is the slice that was read.
fn syntax(file: &TextFile, text: &str, error: &serde_json::Error) -> Problem {
    let offset = file.offset_in(file.offset_of(text), error.line(), error.column());
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or(&message);
    let message = match message.strip_prefix("EOF while parsing ") {
        Some(what) => format!("the text ends within {what}"),
        None => message.to_owned(),
    };
    let width = file.text.get(offset..).and_then(|rest| rest.chars().next());
    file.problem(offset..offset + width.map_or(0, char::len_utf8), message)
}
