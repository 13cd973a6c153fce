//! What is read is not written over.

use std::path::{Path, PathBuf};

use tollgate_log::Input;

use crate::diagnose::Problem;

/// A file that will be written, and the option that says so.
pub(crate) type Written = (&'static str, PathBuf);

/// Refuses to write to a file that is read, by whatever name or link: one of the inputs, or of the
/// files that accounts consist of.
pub(crate) fn refuse(
    inputs: &[Input],
    accounts: &[PathBuf],
    written: &[Written],
) -> miette::Result<()> {
    let files = accounts.iter().cloned().map(Input::File);
    let read: Vec<Input> = inputs.iter().cloned().chain(files).collect();
    match written.iter().find_map(|(option, path)| Some((option, read_as(&read, path)?))) {
        None => Ok(()),
        Some((option, name)) => Err(Problem {
            help: Some("name another file".to_owned()),
            ..Problem::new(format!("`{option}` would write over `{name}`, which is to be read"))
        }
        .into()),
    }
}

/// The name by which a file is read.
fn read_as(inputs: &[Input], path: &Path) -> Option<String> {
    // Devices and pipes are not lost by writing to them.
    if !path.is_file() {
        return None;
    }
    let mut files = inputs.to_vec();
    files.push(Input::File(path.to_owned()));
    let again = Input::keep_distinct(&mut files);
    let (_, name) = again.iter().find(|(written, _)| **written == *path.to_string_lossy())?;
    Some(name.to_string())
}
