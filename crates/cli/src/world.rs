//! The edge: the environment, the terminal and the standard streams.
//!
//! Read once, at the start; everything else in tollgate is told.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use jiff::Timestamp;
use miette::{IntoDiagnostic, WrapErr};
use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::termios::tcgetwinsize;
use signal_hook::consts::SIGINT;
use signal_hook::flag;
use tollgate_analyzer::text::in_lines;

/// Columns of a text report that does not go to a terminal.
const WIDTH_ELSEWHERE: usize = 100;

/// How much output is written at a time.
const BUFFER_BYTES: usize = 64 << 10;

/// 128 and the number of the signal.
const INTERRUPTED: i32 = 128 + SIGINT;

/// What the surroundings of this process are like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World {
    /// Whether standard output is a terminal.
    pub(crate) terminal: bool,
    /// Whether standard output takes colour: it is a terminal, and neither `NO_COLOR` nor
    /// `TERM=dumb` forbids it.
    pub(crate) colour: bool,
    /// The same of standard error.
    pub(crate) colour_on_error: bool,
    /// Whether someone watches standard error.
    pub(crate) watched: bool,
    /// Whether someone can be asked: standard input and error are a terminal.
    pub(crate) can_ask: bool,
    /// Columns of the terminal, or 100 where there is none.
    pub(crate) width: usize,
}

impl World {
    /// Looks around.
    pub(crate) fn look() -> World {
        let plain = variable("NO_COLOR").is_some() || variable("TERM").as_deref() == Some("dumb");
        let terminal = io::stdout().is_terminal();
        // A terminal may tell none, which is not how many it has.
        let columns = tcgetwinsize(io::stdout()).map_or(0, |size| usize::from(size.ws_col));
        World {
            terminal,
            colour: terminal && !plain,
            colour_on_error: io::stderr().is_terminal() && !plain,
            watched: io::stderr().is_terminal(),
            can_ask: io::stdin().is_terminal() && io::stderr().is_terminal(),
            width: if columns == 0 { WIDTH_ELSEWHERE } else { columns },
        }
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// Something that is set at the first Ctrl-C; the second ends the process at once, with the exit
    /// code that shells give to interrupted programs.
    pub(crate) fn interrupt(&self) -> miette::Result<Arc<AtomicBool>> {
        let interrupted: Arc<AtomicBool> = Arc::default();
        // In this order: the first time, nothing is set yet when the process may be ended.
        flag::register_conditional_shutdown(SIGINT, INTERRUPTED, Arc::clone(&interrupted))
            .and_then(|_| flag::register(SIGINT, Arc::clone(&interrupted)))
            .into_diagnostic()
            .wrap_err("cannot handle Ctrl-C")?;
        Ok(interrupted)
    }

    /// Writes machine or report output: to the file if one is given, else to standard output.
    ///
    /// A reader that has gone away (`… | head`) is no error.
    pub(crate) fn write(&self, out: Option<&Path>, bytes: &[u8]) -> miette::Result<()> {
        self.write_by(out, |to| to.write_all(bytes))
    }

    /// The same of output that is made while it is written: it is never in memory as a whole.
    pub(crate) fn write_by(
        &self,
        out: Option<&Path>,
        make: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> miette::Result<()> {
        let buffered = |to: &mut dyn Write| {
            let mut to = BufWriter::with_capacity(BUFFER_BYTES, to);
            make(&mut to).and_then(|()| to.flush())
        };
        let Some(path) = out else {
            return match buffered(&mut io::stdout().lock()) {
                Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                    Err(error).into_diagnostic().wrap_err("cannot write to standard output")
                }
                _ => Ok(()),
            };
        };
        File::create(path)
            .and_then(|mut file| buffered(&mut file))
            .into_diagnostic()
            .wrap_err_with(|| format!("cannot write `{}`", path.display()))
    }

    /// The clock, for whoever needs the time more than once.
    pub(crate) fn clock(&self) -> tollgate_gateway::Clock {
        Arc::new(jiff::Timestamp::now)
    }

    /// The environment, for whoever needs variables that a configuration names.
    pub(crate) fn environment(&self) -> tollgate_gateway::Environment {
        Arc::new(variable)
    }

    /// A process that holds secrets leaves no image of its memory behind.
    pub(crate) fn forbid_core_dumps(&self) -> miette::Result<()> {
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        setrlimit(Resource::Core, none)
            .into_diagnostic()
            .wrap_err("cannot forbid core dumps, which would hold secrets")
    }

    /// Says something on standard error, with nothing in it that would steer a terminal.
    pub(crate) fn complain(&self, message: &str) {
        self.complain_drawn(&in_lines(message));
    }

    /// The same of what may have colours. If even standard error is gone, nobody is listening.
    pub(crate) fn complain_drawn(&self, message: &str) {
        let _ = writeln!(io::stderr().lock(), "{}", message.trim_end());
    }
}

/// An environment variable that is set and not empty.
#[expect(clippy::disallowed_methods, reason = "this is the edge at which it is read once")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
