//! The gateway as a process, and what it needs around it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tollgate_services::{Python, Server};

use crate::support;

/// GitHub's token, which nobody but the gateway and the stand-in may see.
pub(crate) const TOKEN: &str = "ghp_vanilla-strawberry";

pub(crate) fn fixture(name: &str) -> PathBuf {
    support::top().join("fixtures/gateway").join(name)
}

/// A stand-in for api.github.com, on a free port.
pub(crate) fn github(python: &Python) -> Server {
    // It ends when its standard input does, as every server of a test.
    let script = "import os, runpy, sys, threading\n\
        threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()\n\
        sys.argv = sys.argv[1:]\n\
        runpy.run_path(sys.argv[0], run_name='__main__')";
    let mut command = python.command();
    command.args(["-c", script]).arg(fixture("github.py")).arg("0").env("GITHUB_TOKEN", TOKEN);
    Server::saying_where(&mut command)
}

/// A folder with the fixture in it, whose manifest has these addresses.
pub(crate) fn folder(upstream: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("policies")).unwrap();
    for name in ["policies/issues-reader.json", "identities.toml"] {
        fs::copy(fixture(name), folder.path().join(name)).unwrap();
    }
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(folder.path().join("identities.toml"), mode).unwrap();
    let manifest = fs::read_to_string(fixture("tollgate.toml")).unwrap();
    let manifest = manifest
        .replace("http://127.0.0.1:8081", upstream)
        .replace("127.0.0.1:8080", "127.0.0.1:0")
        .replace("127.0.0.1:9090", "127.0.0.1:0");
    fs::write(folder.path().join("tollgate.toml"), manifest).unwrap();
    folder
}

pub(crate) fn tollgate(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = support::tollgate(arguments);
    command.current_dir(folder).env("GITHUB_TOKEN", TOKEN).stdin(Stdio::null());
    command
}

/// `tollgate serve` under way.
pub(crate) struct Running {
    child: Child,
    /// `127.0.0.1:PORT`, where callers are served.
    pub(crate) address: String,
    /// The same of the admin pages.
    pub(crate) admin: String,
    said: Arc<Mutex<String>>,
    lines: Receiver<String>,
}

impl Running {
    /// Starts it in a folder with a manifest, and waits until it listens.
    pub(crate) fn start(folder: &Path) -> Running {
        let mut command = tollgate(folder, &["serve"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let (sender, lines) = channel();
        let errors = BufReader::new(child.stderr.take().unwrap());
        let output = BufReader::new(child.stdout.take().unwrap());
        let all = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                all.lock().unwrap().push_str(&format!("{line}\n"));
                let _ = sender.send(line);
            }
        });
        let all = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                all.lock().unwrap().push_str(&format!("{line}\n"));
            }
        });
        let mut running =
            Running { child, address: String::new(), admin: String::new(), said, lines };
        let after = |line: &str| line.rsplit("://").next().unwrap().to_owned();
        running.address = after(&running.wait_for("listening on"));
        running.admin = after(&running.wait_for("admin pages on"));
        running
    }

    /// The next line of standard error that has this text in it.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) -> String {
        loop {
            match self.lines.recv_timeout(Duration::from_secs(30)) {
                Ok(line) if line.contains(text) => return line,
                Ok(_) => {}
                Err(_) => panic!("nobody said `{text}`, but:\n{}", self.said()),
            }
        }
    }

    /// Everything that it wrote so far, on both streams.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// A page for operators: its status and its text.
    pub(crate) fn page(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.admin).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    /// The number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).unwrap();
    }

    /// Asks it to end, and waits until it has. Its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.signal(rustix::process::Signal::TERM);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
