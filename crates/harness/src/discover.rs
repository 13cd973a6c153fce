//! Folders → test files: everything named `*.test.yaml`, `*.test.yml` or `*.test.json`.

use std::fs;
use std::path::Path;

use crate::place::Problem;

/// The endings of a test file's name.
const ENDINGS: [&str; 3] = [".test.yaml", ".test.yml", ".test.json"];

/// The test files among and under `paths`, sorted within each; a file that is named is taken
/// whatever its name. Hidden folders are left out.
///
/// # Errors
/// A path that does not exist or cannot be read, and no test file found at all.
pub fn discover(paths: &[String]) -> Result<Vec<String>, Problem> {
    let mut found = Vec::new();
    for path in paths {
        let path = path.trim_end_matches('/');
        let path = if path.is_empty() { "/" } else { path };
        if Path::new(path).is_dir() {
            walk(path, &mut found)?;
        } else {
            found.push(path.trim_start_matches("./").to_owned());
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|path| seen.insert(path.clone()));
    if found.is_empty() {
        let places = paths.join("`, `");
        return Err(Problem::nowhere(format!("no tests found in `{places}`"))
            .help("tests stand in files named `*.test.yaml`"));
    }
    Ok(found)
}

fn walk(folder: &str, found: &mut Vec<String>) -> Result<(), Problem> {
    let unreadable =
        |error| Problem::nowhere(format!("cannot read the folder `{folder}`: {error}"));
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        names.push(entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    for name in names.iter().filter(|name| !name.starts_with('.')) {
        let path = if folder == "." { name.clone() } else { format!("{folder}/{name}") };
        if Path::new(&path).is_dir() {
            walk(&path, found)?;
        } else if ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            found.push(path.trim_start_matches("./").to_owned());
        }
    }
    Ok(())
}
