//! Where something stands, and what is wrong there.

use std::fmt;
use std::sync::Arc;

use tollgate_policy::{Position, Span};

/// A text with the name that people know it by: a path as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// The path, with `/` between its parts.
    pub name: String,
    /// The whole text.
    pub text: Arc<str>,
}

impl SourceFile {
    /// A named text.
    pub fn new(name: impl Into<String>, text: impl Into<Arc<str>>) -> Arc<SourceFile> {
        Arc::new(SourceFile { name: name.into(), text: text.into() })
    }
}

/// A run of bytes of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The text.
    pub source: Arc<SourceFile>,
    /// The bytes of the text.
    pub span: Span,
}

impl Place {
    /// These bytes of that source.
    pub fn new(source: &Arc<SourceFile>, span: Span) -> Place {
        Place { source: Arc::clone(source), span }
    }

    /// The name of the source.
    pub fn file(&self) -> &str {
        &self.source.name
    }

    /// Line and column of the first byte.
    pub fn position(&self) -> Position {
        Position::of(&self.source.text, self.span.start as usize)
    }

    /// What stands there.
    pub fn text(&self) -> &str {
        self.source.text.get(self.span.range()).unwrap_or_default()
    }
}

impl fmt::Display for Place {
    /// `FILE:LINE:COLUMN`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file(), self.position())
    }
}

/// A value and where it was written. Two are equal when their values are.
#[derive(Clone, Debug)]
pub struct Located<T> {
    /// What was written.
    pub value: T,
    /// Where.
    pub place: Place,
}

impl<T: PartialEq> PartialEq for Located<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// Something that must be mended before tests can run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong: lower case, no final period, input in back-ticks.
    pub message: String,
    /// What was expected, or what might have been meant.
    pub help: Option<String>,
    /// Where; `None` only for what stands in no text, such as a missing folder.
    pub place: Option<Place>,
}

impl Problem {
    /// Something wrong at a place.
    pub fn at(place: Place, message: impl Into<String>) -> Problem {
        Problem { message: message.into(), help: None, place: Some(place) }
    }

    /// Something wrong that stands in no text.
    pub fn nowhere(message: impl Into<String>) -> Problem {
        Problem { message: message.into(), help: None, place: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Problem {
        Problem { help: Some(help.into()), ..self }
    }
}

impl fmt::Display for Problem {
    /// `FILE:LINE:COLUMN: message`, and the help on a line of its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

/// All problems of a run, in the order of files and lines; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            write!(f, "{}{problem}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Problems(vec![problem])
    }
}

/// The name among `known` that was probably meant, as `did you mean …`.
pub(crate) fn did_you_mean<'a>(
    found: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let distance = |name: &str| {
        strsim::damerau_levenshtein(&found.to_ascii_lowercase(), &name.to_ascii_lowercase())
    };
    let (best, name) = known.into_iter().map(|name| (distance(name), name)).min()?;
    (best <= (found.chars().count() / 3).max(1)).then(|| format!("did you mean `{name}`?"))
}
