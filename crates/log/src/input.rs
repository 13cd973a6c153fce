//! Inputs: files, folders, globs and standard input.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use globset::{GlobBuilder, GlobMatcher};

use crate::state::{Inode, inode};

/// One thing to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

impl Input {
    /// Finds what an argument of the command line means: a file, all files in
    /// a folder and the folders in it, the files that match a glob (`*`, `?`,
    /// `[a-z]`, `{a,b}`, `**`), or `-` for standard input.
    ///
    /// Files come in the order of their names. Hidden files and temporary
    /// files of `convert` (`*.tmp`) in folders are left out.
    ///
    /// # Errors
    /// If nothing is there, or a folder cannot be read.
    pub fn expand(argument: &str) -> Result<Vec<Input>, InputError> {
        if argument == "-" {
            return Ok(vec![Input::Stdin]);
        }
        let path = Path::new(argument);
        let error = |source| InputError::Unreadable { path: argument.to_owned(), source };
        let mut files = match std::fs::metadata(path) {
            Ok(found) if found.is_dir() => walk(path).map_err(error)?,
            Ok(_) => return Ok(vec![Input::File(path.to_owned())]),
            Err(source) if !is_glob(argument) => return Err(error(source)),
            Err(_) => glob(argument)?,
        };
        if files.is_empty() {
            return Err(InputError::Nothing { argument: argument.to_owned() });
        }
        files.sort();
        Ok(files.into_iter().map(Input::File).collect())
    }

    /// Takes out what is the same file as one before, by whatever name or link. Returns the names
    /// of what was taken out, each with the name of what it is the same as.
    pub fn keep_distinct(inputs: &mut Vec<Input>) -> Vec<(Arc<str>, Arc<str>)> {
        let (mut known, mut again) = (HashMap::new(), Vec::new());
        inputs.retain(|input| match known.entry(input.itself()) {
            Entry::Occupied(first) => {
                again.push((input.name(), Arc::clone(first.get())));
                false
            }
            Entry::Vacant(place) => {
                place.insert(input.name());
                true
            }
        });
        again
    }

    /// What it is, however it is called.
    fn itself(&self) -> Itself {
        match self {
            Input::Stdin => Itself::Stdin,
            Input::File(path) => match std::fs::metadata(path).map(|found| inode(&found)) {
                Ok(inode) if inode != Inode::default() => Itself::Inode(inode),
                _ => Itself::Path(path.canonicalize().unwrap_or_else(|_| path.clone())),
            },
        }
    }

    /// How the input is called in reports.
    pub fn name(&self) -> Arc<str> {
        match self {
            Input::File(path) => path.to_string_lossy().into(),
            Input::Stdin => "-".into(),
        }
    }

    /// Its size in bytes as it lies there, if that is known.
    pub fn size(&self) -> Option<u64> {
        match self {
            Input::File(path) => std::fs::metadata(path).ok().map(|found| found.len()),
            Input::Stdin => None,
        }
    }

    /// Where it lies, if a later run can go on with it: a pipe is gone when it is read.
    pub(crate) fn kept(&self) -> Option<&Path> {
        match self {
            Input::File(path) => std::fs::metadata(path).is_ok_and(|f| f.is_file()).then_some(path),
            Input::Stdin => None,
        }
    }

    /// Opens it.
    pub(crate) fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Input::File(path) => Box::new(File::open(path)?),
            Input::Stdin => Box::new(io::stdin()),
        })
    }
}

/// What two names of one input have in common.
#[derive(PartialEq, Eq, Hash)]
enum Itself {
    Stdin,
    Inode(Inode),
    Path(PathBuf),
}

/// Why an argument names no input.
#[derive(Debug)]
pub enum InputError {
    /// It is not there, or may not be read.
    Unreadable {
        /// The path.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// A folder without files, or a glob without matches.
    Nothing {
        /// The argument.
        argument: String,
    },
    /// It is no glob.
    Glob {
        /// What is wrong with it.
        source: globset::Error,
    },
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InputError::Unreadable { path, source } => write!(f, "cannot read `{path}`: {source}"),
            InputError::Nothing { argument } => {
                write!(f, "expected files in `{argument}`, found none")
            }
            InputError::Glob { source } => write!(f, "{source}"),
        }
    }
}

impl std::error::Error for InputError {}

/// Which inputs something is said of: a file, a folder with all that is in it, or a glob.
#[derive(Debug, Clone)]
pub struct InputPattern {
    /// What the glob is relative to, without symbolic links; nothing if it is absolute.
    folder: Option<PathBuf>,
    glob: GlobMatcher,
}

impl InputPattern {
    /// The inputs that `pattern` names, which is relative to `folder`.
    ///
    /// # Errors
    /// It is no glob, or the folder is not there.
    pub fn new(folder: &Path, pattern: &str) -> Result<InputPattern, InputError> {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let unreadable =
            |source| InputError::Unreadable { path: folder.display().to_string(), source };
        let mut folder = folder.canonicalize().map_err(unreadable)?;
        let mut pattern = pattern.trim_end_matches('/');
        loop {
            if let Some(rest) = pattern.strip_prefix("../") {
                folder.pop();
                pattern = rest;
            } else if let Some(rest) = pattern.strip_prefix("./") {
                pattern = rest;
            } else {
                break;
            }
        }
        let glob = GlobBuilder::new(pattern).literal_separator(true).build();
        let glob = glob.map_err(|source| InputError::Glob { source })?.compile_matcher();
        Ok(InputPattern { folder: (!pattern.starts_with('/')).then_some(folder), glob })
    }

    /// Whether it names this input. Standard input has no name.
    pub fn matches(&self, input: &Input) -> bool {
        let Input::File(path) = input else { return false };
        let Ok(path) = path.canonicalize() else { return false };
        let path = match &self.folder {
            Some(folder) => path.strip_prefix(folder).ok(),
            None => Some(path.as_path()),
        };
        path.is_some_and(|path| path.ancestors().any(|above| self.glob.is_match(above)))
    }
}

fn is_glob(argument: &str) -> bool {
    argument.contains(['*', '?', '[', '{'])
}

/// The files that match a glob, below the folder that it begins with.
fn glob(argument: &str) -> Result<Vec<PathBuf>, InputError> {
    let glob = GlobBuilder::new(argument).literal_separator(true).build();
    let matcher = glob.map_err(|source| InputError::Glob { source })?.compile_matcher();
    let literal = argument.find(['*', '?', '[', '{']).unwrap_or_default();
    let start = argument.get(..literal).unwrap_or_default();
    let folder = start.rfind('/').and_then(|slash| start.get(..=slash)).unwrap_or("");
    let below = if folder.is_empty() { Path::new(".") } else { Path::new(folder) };
    let error = |source| InputError::Unreadable { path: below.display().to_string(), source };
    let mut files = walk(below).map_err(error)?;
    if folder.is_empty() {
        for file in &mut files {
            *file = file.strip_prefix(".").unwrap_or(file).to_owned();
        }
    }
    files.retain(|file| matcher.is_match(file));
    Ok(files)
}

/// All files below a folder that are not hidden or temporary.
fn walk(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    let mut known = HashSet::new();
    while let Some(folder) = folders.pop() {
        // A link may lead back to where it stands.
        if !known.insert(folder.canonicalize()?) {
            continue;
        }
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with('.') || name.ends_with(".tmp") {
                continue;
            }
            match std::fs::metadata(entry.path()) {
                Ok(found) if found.is_dir() => folders.push(entry.path()),
                // A link to nothing is said where it is read.
                _ => files.push(entry.path()),
            }
        }
    }
    Ok(files)
}
