//! The roles that exist or may exist, in a file that outlives the process.
//!
//! One JSON line an event, synchronised to disk before the step that it announces:
//!
//! ```text
//! {"event":"planned","role":"tollgate_…","caller":"arn:…","expires":"2026-03-10T09:30:00Z"}
//! {"event":"handedOut","role":"tollgate_…"}
//! {"event":"ended","role":"tollgate_…"}
//! ```
//!
//! A last line that lacks its end was not synchronised, so the step that it announced was not taken:
//! it is dropped. Any other line that cannot be read is an error, because the role in it would be
//! forgotten.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Grant, Profile, RoleName};

/// A broker's journal: one file, one profile, one process at a time.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    /// Bytes of the file that are whole lines.
    length: u64,
    /// Lines of the file.
    lines: usize,
    open: HashMap<RoleName, Entry>,
}

#[derive(Debug)]
struct Entry {
    caller: String,
    expires: Timestamp,
    stage: Stage,
}

/// How far a login has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Being made, since then.
    Planned(Timestamp),
    /// Begun by a process that is no more, or not finished: nobody has its password.
    Abandoned,
    HandedOut,
}

/// Making a role takes no longer; what is not handed out by then is abandoned.
const ISSUE_TIME_MAX: SignedDuration = SignedDuration::from_secs(60);
/// Lines of ended roles that a file may hold before it is written anew.
const ENDED_LINES_MAX: usize = 10_000;

/// Why a journal cannot be used, or a role not be planned in it.
#[derive(Debug)]
pub enum JournalError {
    /// The file cannot be opened, read or written.
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Another process has it open.
    InUse(PathBuf),
    /// A line cannot be read.
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// As many logins exist as may exist.
    Full {
        /// The bound.
        max: usize,
        /// Whether it is the bound of one caller.
        of_one_caller: bool,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase", deny_unknown_fields)]
enum Event<'a> {
    Planned { role: &'a str, caller: std::borrow::Cow<'a, str>, expires: Timestamp },
    HandedOut { role: &'a str },
    Ended { role: &'a str },
}

impl Journal {
    /// Opens the journal of a profile, or begins one. What an earlier process planned and did not hand
    /// out is due at once.
    ///
    /// # Errors
    /// The file cannot be read or written, another process has it open, or a line of it is not an
    /// event of a role of this profile.
    pub fn open(path: &Path, profile: &Profile) -> Result<Self, JournalError> {
        let failed = |error| JournalError::File { path: path.to_owned(), error };
        let mut old = options().open(path).map_err(failed)?;
        lock(&old, path)?;
        let mut text = String::new();
        old.read_to_string(&mut text).map_err(failed)?;
        let open = replay(&text, profile).map_err(|(line, message)| JournalError::Malformed {
            path: path.to_owned(),
            line,
            message,
        })?;
        let state = State::write_anew(path, open)?;
        Ok(Self { path: path.to_owned(), state: Mutex::new(state) })
    }

    /// Says that a role will be made. Returns once that is on disk.
    pub(crate) fn plan(
        &self,
        profile: &Profile,
        role: &RoleName,
        grant: &Grant,
        now: Timestamp,
    ) -> Result<(), JournalError> {
        let mut state = self.lock();
        state.check_room(profile, grant.caller())?;
        let (caller, expires) = (grant.caller().to_owned(), grant.expires());
        let event = Event::Planned { role: role.as_str(), caller: caller.as_str().into(), expires };
        self.append(&mut state, &event)?;
        let entry = Entry { caller, expires, stage: Stage::Planned(now) };
        state.open.insert(role.clone(), entry);
        Ok(())
    }

    /// Says that a role is handed out. Returns once that is on disk.
    pub(crate) fn hand_out(&self, role: &RoleName) -> Result<(), JournalError> {
        let mut state = self.lock();
        self.append(&mut state, &Event::HandedOut { role: role.as_str() })?;
        if let Some(entry) = state.open.get_mut(role) {
            entry.stage = Stage::HandedOut;
        }
        Ok(())
    }

    /// Says that the making of a role has failed: it is due at once.
    pub(crate) fn abandon(&self, role: &RoleName) {
        if let Some(entry) = self.lock().open.get_mut(role) {
            entry.stage = Stage::Abandoned;
        }
    }

    /// Says that a role is gone.
    pub(crate) fn end(&self, role: &RoleName) -> Result<(), JournalError> {
        let mut state = self.lock();
        if !state.open.contains_key(role) {
            return Ok(());
        }
        self.append(&mut state, &Event::Ended { role: role.as_str() })?;
        state.open.remove(role);
        if state.lines > state.open.len() * 2 + ENDED_LINES_MAX {
            let open = std::mem::take(&mut state.open);
            *state = State::write_anew(&self.path, open)?;
        }
        Ok(())
    }

    /// The roles that are to be ended at `now`, in the order of their names.
    pub(crate) fn due(&self, now: Timestamp) -> Vec<RoleName> {
        let state = self.lock();
        let mut due: Vec<_> = state
            .open
            .iter()
            .filter(|(_, entry)| entry.is_due(now))
            .map(|(role, _)| role.clone())
            .collect();
        due.sort();
        due
    }

    /// How many logins exist or are being made.
    pub fn open_count(&self) -> usize {
        self.lock().open.len()
    }

    fn append(&self, state: &mut State, event: &Event<'_>) -> Result<(), JournalError> {
        state.append(event).map_err(|error| JournalError::File { path: self.path.clone(), error })
    }

    /// A panic elsewhere leaves the state whole: every change is one insertion or removal.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn is_due(&self, now: Timestamp) -> bool {
        match self.stage {
            Stage::HandedOut => self.expires <= now,
            Stage::Planned(since) => now.duration_since(since) > ISSUE_TIME_MAX,
            Stage::Abandoned => true,
        }
    }
}

impl State {
    /// Writes what is open to a file of its own, which then takes the place of the old one.
    fn write_anew(path: &Path, open: HashMap<RoleName, Entry>) -> Result<Self, JournalError> {
        let failed = |error| JournalError::File { path: path.to_owned(), error };
        let temporary = path.with_extension("new");
        let file = options().truncate(true).open(&temporary).map_err(failed)?;
        lock(&file, &temporary)?;
        let mut state = Self { file, length: 0, lines: 0, open };
        state.write_open().and_then(|()| fs::rename(&temporary, path)).map_err(failed)?;
        synchronise_folder(path).map_err(failed)?;
        Ok(state)
    }

    fn write_open(&mut self) -> io::Result<()> {
        let mut text = Vec::new();
        for (role, entry) in &self.open {
            let (role, expires) = (role.as_str(), entry.expires);
            let caller = entry.caller.as_str().into();
            write_line(&mut text, &Event::Planned { role, caller, expires })?;
            self.lines += 1;
            if entry.stage == Stage::HandedOut {
                write_line(&mut text, &Event::HandedOut { role })?;
                self.lines += 1;
            }
        }
        self.write(&text)
    }

    fn append(&mut self, event: &Event<'_>) -> io::Result<()> {
        let mut line = Vec::new();
        write_line(&mut line, event)?;
        self.write(&line)?;
        self.lines += 1;
        Ok(())
    }

    /// Writes whole lines, or leaves the file as it was: half a line would swallow the next.
    fn write(&mut self, text: &[u8]) -> io::Result<()> {
        let written = self
            .file
            .seek(SeekFrom::Start(self.length))
            .and_then(|_| self.file.write_all(text))
            .and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => self.length += text.len() as u64,
            Err(_) => self.file.set_len(self.length)?,
        }
        written
    }

    fn check_room(&self, profile: &Profile, caller: &str) -> Result<(), JournalError> {
        let of_caller = self.open.values().filter(|entry| entry.caller == caller).count();
        let bounds = [
            (self.open.len(), profile.leases_max, false),
            (of_caller, profile.leases_per_caller_max, true),
        ];
        match bounds.into_iter().find(|(count, max, _)| count >= max) {
            Some((_, max, of_one_caller)) => Err(JournalError::Full { max, of_one_caller }),
            None => Ok(()),
        }
    }
}

/// What is open after all events of a text; or the line that is none, and why.
fn replay(text: &str, profile: &Profile) -> Result<HashMap<RoleName, Entry>, (usize, String)> {
    let mut open = HashMap::new();
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let Some(line) = line.strip_suffix('\n') else { break };
        apply(line, profile, &mut open).map_err(|message| (index + 1, message))?;
    }
    Ok(open)
}

fn apply(line: &str, profile: &Profile, open: &mut HashMap<RoleName, Entry>) -> Result<(), String> {
    let event: Event<'_> = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let (Event::Planned { role, .. } | Event::HandedOut { role } | Event::Ended { role }) = event;
    let name = RoleName::parse(role, profile).ok_or_else(|| {
        format!("expected a role of the broker `{}`, found `{role}`", profile.name())
    })?;
    match event {
        Event::Planned { caller, expires, .. } => {
            let caller = caller.into_owned();
            open.insert(name, Entry { caller, expires, stage: Stage::Abandoned });
        }
        Event::HandedOut { .. } => {
            if let Some(entry) = open.get_mut(&name) {
                entry.stage = Stage::HandedOut;
            }
        }
        Event::Ended { .. } => {
            open.remove(&name);
        }
    }
    Ok(())
}

fn write_line(to: &mut Vec<u8>, event: &Event<'_>) -> io::Result<()> {
    serde_json::to_writer(&mut *to, event)?;
    to.push(b'\n');
    Ok(())
}

/// A journal says who may log in where: it is its owner's alone.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn lock(file: &File, path: &Path) -> Result<(), JournalError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => JournalError::InUse(path.to_owned()),
        TryLockError::Error(error) => JournalError::File { path: path.to_owned(), error },
    })
}

/// A rename is on disk once its folder is.
fn synchronise_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, error } => {
                write!(f, "cannot use the journal `{}`: {error}", path.display())
            }
            Self::InUse(path) => {
                write!(f, "the journal `{}` is in use by another process", path.display())
            }
            Self::Malformed { path, line, message } => {
                write!(f, "{}:{line}: cannot read this line: {message}", path.display())
            }
            Self::Full { max, of_one_caller: false } => {
                write!(f, "{max} logins exist, as many as may")
            }
            Self::Full { max, of_one_caller: true } => {
                write!(f, "the caller has {max} logins, as many as it may")
            }
        }
    }
}

impl std::error::Error for JournalError {}
