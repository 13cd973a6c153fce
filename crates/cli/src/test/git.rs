//! Which lines differ from a revision: git is asked.

use std::process::Command;

use miette::{IntoDiagnostic, WrapErr};
use tollgate_harness::Changed;

use super::usage;

/// The lines of the working tree that differ from `revision`.
pub(super) fn changed_since(revision: &str) -> miette::Result<Changed> {
    let output = Command::new("git")
        .args(["diff", "--unified=0", "--no-color", "--no-ext-diff", "--end-of-options"])
        .args([revision, "--"])
        .output()
        .into_diagnostic()
        .wrap_err("cannot run `git`")?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr);
        return Err(usage(&format!("git cannot compare with `{revision}`: {}", message.trim())));
    }
    Ok(Changed::parse(&String::from_utf8_lossy(&output.stdout)))
}
