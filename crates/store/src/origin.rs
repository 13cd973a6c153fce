//! Where a policy comes from: its file, its name, and the way from its text to the file's.

use std::fmt;
use std::sync::{Arc, OnceLock};

use tollgate_policy::{PolicyDocument, Position};

use crate::embedded::OffsetMap;
use crate::text::TextFile;

/// Where a policy document comes from.
#[derive(Debug)]
pub struct Origin {
    pub(crate) file: Arc<str>,
    pub(crate) name: PolicyName,
    pub(crate) inside: Option<Inside>,
}

/// The place of a policy that stands inside of another file.
#[derive(Debug)]
pub(crate) struct Inside {
    pub(crate) file: Arc<TextFile>,
    pub(crate) map: OffsetMap,
}

/// How a policy is called. Prints as ``managed policy `Read` version `v3` ``.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyName {
    /// The policy is a file of its own and has no other name.
    File,
    /// It is part of a user, group or role.
    Inline {
        /// Its name.
        name: String,
        /// Whose it is: ``role `reader` ``.
        owner: String,
    },
    /// It is a managed policy.
    Managed {
        /// Its ARN.
        arn: String,
        /// Its name.
        name: String,
        /// The version in force, `v3`.
        version: String,
        /// How many versions of it there are.
        versions: usize,
    },
    /// It says who may assume a role.
    Trust {
        /// The role's name.
        role: String,
    },
    /// It is the resource policy of an API.
    Api {
        /// The API's id.
        id: String,
    },
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PolicyName::File => f.write_str("policy"),
            PolicyName::Inline { name, owner } => write!(f, "inline policy `{name}` of {owner}"),
            PolicyName::Managed { name, version, .. } => {
                write!(f, "managed policy `{name}` version `{version}`")
            }
            PolicyName::Trust { role } => write!(f, "trust policy of role `{role}`"),
            PolicyName::Api { id } => write!(f, "resource policy of API `{id}`"),
        }
    }
}

impl Origin {
    /// The file, as a path that the reader can open.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// How the policy is called.
    pub fn name(&self) -> &PolicyName {
        &self.name
    }

    /// Line and column in the file where the policy begins.
    pub fn position(&self) -> Position {
        match &self.inside {
            Some(inside) => inside.file.position(inside.map.outer(0)),
            None => Position { line: 1, column: 1 },
        }
    }

    /// Line and column in the file of a line and column of the policy's own text.
    pub fn locate(&self, document: &PolicyDocument, own: Position) -> Position {
        let Some(inside) = &self.inside else { return own };
        let offset = offset(document.source(), own);
        inside.file.position(inside.map.outer(offset))
    }
}

/// Prints as the file, and for a policy inside of a file as `account.json (inline policy …)`: one
/// name for one policy.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.inside {
            Some(_) => write!(f, "{} ({})", self.file, self.name),
            None => f.write_str(&self.file),
        }
    }
}

/// The byte at a line and column; the end of the text if it has no such line.
fn offset(text: &str, position: Position) -> usize {
    let before = position.line.saturating_sub(1) as usize;
    let mut lines = text.split_inclusive('\n');
    let start: usize = lines.by_ref().take(before).map(str::len).sum();
    let characters = position.column.saturating_sub(1) as usize;
    let line = lines.next().unwrap_or_default();
    start + line.chars().take(characters).map(char::len_utf8).sum::<usize>()
}

/// A policy that applies to someone or something, and how it came there.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// Where it comes from.
    pub origin: Arc<Origin>,
    /// The group that a user has it from.
    pub group: Option<Arc<str>>,
    /// How each of its statements is cited, once one of them was.
    pub(crate) cited: OnceLock<Box<[String]>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_has_its_byte() {
        let text = "a\né{\n\u{1F600}x";
        for (at, _) in text.char_indices() {
            assert_eq!(offset(text, Position::of(text, at)), at);
        }
        assert_eq!(offset(text, Position { line: 9, column: 1 }), text.len());
    }
}
