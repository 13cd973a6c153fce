//! Principals by what people call them.

use std::fmt;

use tollgate_policy::Principal;

use crate::account::{Account, Subject};
use crate::problem::suggestion;

/// Why no principal could be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FindError {
    /// The account has none of this name.
    Unknown {
        /// What was asked for.
        name: String,
        /// What might have been meant.
        help: Option<String>,
    },
    /// It has several.
    Ambiguous {
        /// What was asked for.
        name: String,
        /// Their ARNs.
        arns: Vec<String>,
    },
}

impl Account {
    /// Finds a principal by its ARN, the ARN of a session, a unique id, or the end of its ARN:
    /// `ana`, `user/ana`, `ops/ben`.
    ///
    /// # Errors
    /// None is called so, or more than one.
    pub fn find(&self, name: &str) -> Result<&Subject, FindError> {
        let principal = Principal::parse(name);
        let exact = principal.and_then(|principal| self.subject(&principal));
        if let Some(subject) = exact.or_else(|| self.subject_by_id(name)) {
            return Ok(subject);
        }
        let is_called = |subject: &&Subject| {
            let before = subject.arn().strip_suffix(name);
            before.is_some_and(|before| before.ends_with(['/', ':']))
        };
        let mut called = self.subjects().iter().filter(is_called);
        match (called.next(), called.next()) {
            (Some(only), None) => Ok(only),
            (Some(first), Some(second)) => {
                let all = [first, second].into_iter().chain(called);
                let arns = all.map(|subject| subject.arn().to_owned()).collect();
                Err(FindError::Ambiguous { name: name.to_owned(), arns })
            }
            (None, _) => Err(self.unknown(name)),
        }
    }

    fn unknown(&self, name: &str) -> FindError {
        let arns = self.subjects().iter().map(Subject::arn);
        let written = |arn: &str| match name.starts_with("arn:") {
            true => arn.to_owned(),
            false => arn.rsplit(':').next().unwrap_or(arn).to_owned(),
        };
        // With another path.
        let same = arns.clone().find(|arn| last(arn) == last(name)).map(written);
        let help = match (same, name.starts_with("arn:")) {
            (Some(same), _) => Some(format!("did you mean `{same}`?")),
            (None, true) => suggestion(name, arns),
            (None, false) => suggestion(name, arns.map(last)),
        };
        FindError::Unknown { name: name.to_owned(), help }
    }
}

/// A name without its path.
fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

impl FindError {
    /// What might have been meant, or how to say which.
    pub fn help(&self) -> Option<String> {
        match self {
            FindError::Unknown { help, .. } => help.clone(),
            FindError::Ambiguous { arns, .. } => {
                Some(format!("write the whole ARN: `{}`", arns.join("` or `")))
            }
        }
    }
}

impl fmt::Display for FindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FindError::Unknown { name, .. } => write!(f, "the account has no principal `{name}`"),
            FindError::Ambiguous { name, arns } => {
                write!(f, "{} principals are called `{name}`", arns.len())
            }
        }
    }
}

impl std::error::Error for FindError {}
