//! What is wrong with an account: a message, where, and what might have been meant.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use tollgate_policy::Position;

/// One thing that must be put right. Prints as `file:line:column: message`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, as a path that the reader can open.
    pub file: String,
    /// Its text, as far as it could be read.
    pub text: Arc<str>,
    /// The bytes of the text that it is about; `None` when it is about the file itself.
    pub span: Option<Range<usize>>,
    /// What is wrong: lower case, no final period.
    pub message: String,
    /// What was expected, or what might have been meant.
    pub help: Option<String>,
    /// For a policy inside of the file: the policy itself, and the place in it.
    pub policy: Option<Box<PolicyExcerpt>>,
}

/// A place in a policy that stands inside of another file, maybe encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyExcerpt {
    /// Which policy: ``inline policy `Read` of role `reader` ``.
    pub name: String,
    /// Its text, decoded.
    pub text: Arc<str>,
    /// The bytes of the text that the problem is about.
    pub span: Range<usize>,
    /// Whether the text stands in the file as it is, so that the file shows it as well.
    pub is_verbatim: bool,
}

impl PolicyExcerpt {
    /// Line and column of the start of the span in the policy's own text.
    pub fn position(&self) -> Position {
        Position::of(&self.text, self.span.start)
    }
}

impl Problem {
    /// A problem with the file itself.
    pub fn of_file(file: impl Into<String>, message: impl Into<String>) -> Problem {
        Problem {
            file: file.into(),
            text: Arc::from(""),
            span: None,
            message: message.into(),
            help: None,
            policy: None,
        }
    }

    /// Says what might have been meant.
    #[must_use]
    pub fn with_help(self, help: impl Into<String>) -> Problem {
        Problem { help: Some(help.into()), ..self }
    }

    /// Line and column of the start of the span.
    pub fn position(&self) -> Option<Position> {
        self.span.as_ref().map(|span| Position::of(&self.text, span.start))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(position) = self.position() {
            write!(f, ":{position}")?;
        }
        write!(f, ": {}", self.message)?;
        match &self.policy {
            Some(policy) => write!(f, " ({}, {})", policy.name, policy.position()),
            None => Ok(()),
        }
    }
}

/// Everything found to be wrong, in the order of the manifest; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub(crate) Vec<Problem>);

impl Problems {
    /// What was read, if nothing is wrong with it.
    ///
    /// # Errors
    /// All of them, if there is one.
    pub fn none_or<T>(problems: Vec<Problem>, account: T) -> Result<T, Problems> {
        if problems.is_empty() { Ok(account) } else { Err(Problems(problems)) }
    }

    /// These after others.
    #[must_use]
    pub(crate) fn after(self, mut others: Vec<Problem>) -> Problems {
        others.extend(self.0);
        Problems(others)
    }

    /// All of them, the first first.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Problems(vec![problem])
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// ``did you mean `…`?`` for the candidate that is nearest to what was written, if one is near.
pub fn suggestion<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(written, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

/// The candidate that is nearest to what was written, if one is near.
pub(crate) fn nearest<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let near = candidates.into_iter().filter_map(|known| Some((distance(written, known)?, known)));
    near.min().map(|(_, candidate)| candidate)
}

/// How far a candidate is from what was written, if it is near: capital letters count as small ones.
pub fn distance(written: &str, candidate: &str) -> Option<usize> {
    let [written, known] = [written, candidate].map(str::to_lowercase);
    let near = candidate.len().max(3) / 3;
    Some(strsim::damerau_levenshtein(&written, &known)).filter(|distance| *distance <= near)
}
