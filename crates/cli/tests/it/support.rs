//! The command, and where it runs.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::{Value, json};

/// The top of the repository, where the README's commands are run.
pub(crate) fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The command with these arguments, run at the top of the repository.
pub(crate) fn tollgate(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command.args(arguments).current_dir(top());
    command
}

/// Runs it with something to read on standard input.
pub(crate) fn run(command: &mut Command, input: &[u8]) -> Output {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    thread::scope(|scope| {
        // A command that fails early does not read what it is given.
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().unwrap()
    })
}

/// What a command that ended well wrote on a terminal of so many columns.
#[track_caller]
pub(crate) fn on_terminal(command: &mut Command, columns: u16) -> String {
    let (code, text) = ended_on_terminal(command, columns);
    assert_eq!(code, Some(0), "{text}");
    text
}

/// How a command ended and what it wrote on a terminal, with standard error elsewhere.
pub(crate) fn ended_on_terminal(command: &mut Command, columns: u16) -> (Option<i32>, String) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let shown = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    let size = Winsize { ws_row: 0, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&shown, size).unwrap();
    let mut child =
        command.stdin(Stdio::null()).stdout(shown).stderr(Stdio::null()).spawn().unwrap();
    // The command keeps its own, and a terminal ends when nobody holds it any more.
    command.stdout(Stdio::null());
    let mut text = Vec::new();
    // Its end is an error, by which nothing is lost.
    let _ = File::from(terminal).read_to_end(&mut text);
    let text = String::from_utf8(text).unwrap().replace("\r\n", "\n");
    (child.wait().unwrap().code(), text)
}

/// What a command printed that ended well.
#[track_caller]
pub(crate) fn stdout(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The same as a document.
#[track_caller]
pub(crate) fn json(output: &Output) -> Value {
    serde_json::from_str(&stdout(output)).unwrap()
}

/// A folder of its own, with an account and a log.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    /// The path of a file in it.
    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.0.path().join(name), text).unwrap();
        self.path(name)
    }

    /// Writes a policy of these statements.
    pub(crate) fn policy(&self, name: &str, statements: &Value) {
        let policy = json!({ "Version": "2012-10-17", "Statement": statements });
        self.write(name, &policy.to_string());
    }

    /// Writes a log of these calls of the API `shop`: who, what, with which status, from where.
    pub(crate) fn log(&self, calls: &[(&str, &str, u16, &str)]) -> String {
        let line = |&(caller, call, status, ip): &(&str, &str, u16, &str)| {
            let (method, path) = call.split_once(' ').unwrap();
            json!({
                "requestTimeEpoch": 1_773_100_800_000_i64, "httpMethod": method, "path": path,
                "stage": "prod", "apiId": "shop", "status": status.to_string(), "ip": ip,
                "userArn": caller,
            })
            .to_string()
        };
        self.write("access.log", &calls.iter().map(line).collect::<Vec<_>>().join("\n"))
    }
}

/// An ARN that calls of the API `shop` are authorized against.
pub(crate) fn shop(call: &str) -> String {
    format!("arn:aws:execute-api:eu-west-1:123456789012:shop/prod/{call}")
}

/// An Allow of what a pattern matches.
pub(crate) fn allow(resource: &str) -> Value {
    json!({ "Effect": "Allow", "Action": "execute-api:Invoke", "Resource": resource })
}

/// The same under a condition.
pub(crate) fn allow_if(resource: &str, condition: &Value) -> Value {
    let mut statement = allow(resource);
    statement["Condition"] = condition.clone();
    statement
}
