//! The gateway of `fixtures/credentials` as a process, on ports of its own.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tollgate_services::{Python, Server, free_port};

use crate::support::{tollgate, top};

/// A gateway under way, with what stands in for GitHub behind it.
pub(crate) struct Gateway {
    child: Child,
    _github: Server,
    folder: tempfile::TempDir,
    pub(crate) port: u16,
    pub(crate) sts: u16,
    pub(crate) container: u16,
    pub(crate) metadata: u16,
}

const GITHUB_TOKEN: &str = "only-the-gateway-has-this-token";

fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

impl Gateway {
    /// Starts it, with sessions that last `duration_s`, and a database at this port.
    pub(crate) fn start(python: &Python, duration_s: u32, database: u16) -> Gateway {
        let folder = tempfile::tempdir().unwrap();
        let fixture = top().join("fixtures/credentials");
        fs::create_dir(folder.path().join("policies")).unwrap();
        let names = ["policies/web.json", "policies/trust.json", "policies/ana.json", "jwks.json"];
        for name in names.iter().chain(&["identities.toml", "revoked.toml"]) {
            fs::copy(fixture.join(name), folder.path().join(name)).unwrap();
        }
        private(&folder.path().join("identities.toml"));
        fs::write(folder.path().join("master.key"), "5a".repeat(32)).unwrap();
        private(&folder.path().join("master.key"));
        let [port, github, sts, container, metadata] = [0; 5].map(|_: u16| free_port());
        let ports = [(8080, port), (8081, github), (8091, sts), (8092, container)];
        let ports = ports.into_iter().chain([(8093, metadata), (5432, database)]);
        let mut manifest = fs::read_to_string(fixture.join("tollgate.toml")).unwrap();
        for (written, now) in ports {
            manifest =
                manifest.replace(&format!("127.0.0.1:{written}"), &format!("127.0.0.1:{now}"));
        }
        let manifest =
            manifest.replace("durationS    = 20", &format!("durationS    = {duration_s}"));
        fs::write(folder.path().join("tollgate.toml"), manifest).unwrap();
        let github = stand_in(python, github);
        let log = fs::File::create(folder.path().join("operator.log")).unwrap();
        let child = configured(folder.path())
            .args(["serve", "--config", "tollgate.toml", "--log-format", "json"])
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut started =
            Gateway { child, _github: github, folder, port, sts, container, metadata };
        started.wait();
        started
    }

    fn wait(&mut self) {
        for _ in 0..1200 {
            let last = [self.port, self.metadata];
            if last.iter().all(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok()) {
                return;
            }
            assert!(self.child.try_wait().unwrap().is_none(), "{}", self.operator_log());
            thread::sleep(Duration::from_millis(50));
        }
        panic!("the gateway does not listen: {}", self.operator_log());
    }

    /// The command with the gateway's folder and secrets.
    pub(crate) fn command(&self) -> Command {
        configured(self.folder.path())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The environment in which an SDK finds the container-credentials endpoint.
    pub(crate) fn container_variables(&self) -> [(&'static str, String); 2] {
        let uri = format!("http://127.0.0.1:{}/credentials", self.container);
        let token = self.path("web.token").display().to_string();
        [
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token),
        ]
    }

    /// What it said to its operator.
    pub(crate) fn operator_log(&self) -> String {
        fs::read_to_string(self.path("operator.log")).unwrap_or_default()
    }

    /// Waits until it has said something to its operator.
    pub(crate) fn says(&self, words: &str) {
        for _ in 0..600 {
            if self.operator_log().contains(words) {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("expected `{words}` in\n{}", self.operator_log());
    }

    /// Has it read its configuration anew.
    pub(crate) fn reload(&self) {
        let told = Command::new("kill").args(["-HUP", &self.child.id().to_string()]).status();
        assert!(told.unwrap().success());
    }

    /// What it logged of requests.
    pub(crate) fn access_log(&self) -> String {
        fs::read_to_string(self.path("access.jsonl")).unwrap_or_default()
    }

    /// A file of this test, named for what runs it.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        private(&path);
        path
    }
}

fn configured(folder: &Path) -> Command {
    let mut command = tollgate(&[]);
    command
        .current_dir(folder)
        .env("GITHUB_TOKEN", GITHUB_TOKEN)
        .env("BROKER_PASSWORD", tollgate_services::Postgres::PASSWORD);
    command
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

/// `fixtures/gateway/github.py`, at a port of its own.
fn stand_in(python: &Python, port: u16) -> Server {
    let script = format!(
        "import http.server, github
http.server.ThreadingHTTPServer(('127.0.0.1', {port}), github.GitHub).serve_forever()"
    );
    let mut command = python.command();
    command
        .args(["-c", &script])
        .current_dir(top().join("fixtures/gateway"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("GITHUB_TOKEN", GITHUB_TOKEN);
    Server::listening(&mut command, &format!("127.0.0.1:{port}"))
}

/// A Python with nothing of the surroundings that could tell an SDK of other credentials.
pub(crate) fn clean(python: &Python, folder: &Path) -> Command {
    let mut command = python.command();
    command.env_clear();
    // Where Python and psql are, and a home without a configuration.
    for (name, value) in
        [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("AWS_DEFAULT_REGION", "us-east-1")]
    {
        command.env(name, value);
    }
    command.env("HOME", folder).current_dir(folder);
    command
}
