//! Reading the account that a command works on.

use std::path::Path;

use tollgate_store::{Account, Files};

use crate::diagnose::{Place, Problem};

/// Reads the manifest and its policies.
///
/// # Errors
/// Everything that is wrong with them, each with its lines.
pub(crate) fn read(path: &Path) -> miette::Result<Account> {
    let problems = match Account::read(&Files, path) {
        Ok(account) => return Ok(account),
        Err(problems) => problems,
    };
    let shown = problems.into_iter().map(|problem| Problem {
        place: problem
            .span
            .clone()
            .map(|span| Place::new(&problem.file, problem.text.clone(), span)),
        message: match problem.span {
            Some(_) => problem.message,
            None => format!("{}: {}", problem.file, problem.message),
        },
        help: problem.help,
        others: Vec::new(),
    });
    Err(Problem::first_of(shown).map_or_else(|| miette::miette!("the account"), Into::into))
}
