//! A PostgreSQL of the tests' own: in a temporary folder, on a free port, gone when the last test that
//! uses it is.

use std::env;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// A running server. Its superuser is `postgres` and logs in with [`ADMIN_PASSWORD`].
pub(crate) struct Postgres {
    server: Child,
    folder: TempDir,
    pub(crate) port: u16,
}

pub(crate) const ADMIN_PASSWORD: &str = "only for the tests";

static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());

/// The server that tests share; `None`, said aloud, where there is no PostgreSQL and none is required.
pub(crate) fn shared() -> Option<Arc<Postgres>> {
    let mut shared = SHARED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(running) = shared.upgrade() {
        return Some(running);
    }
    let Some(binaries) = binaries() else {
        let required = env::var_os("TOLLGATE_REQUIRE_SERVICES").is_some();
        assert!(!required, "PostgreSQL is required and not installed");
        eprintln!("skipped: PostgreSQL is not installed");
        return None;
    };
    let started = Arc::new(Postgres::start(&binaries));
    *shared = Arc::downgrade(&started);
    Some(started)
}

/// Where `initdb` and `postgres` are: in the path, or where Debian puts them.
fn binaries() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut debian: Vec<_> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    debian.sort();
    let mut folders = env::split_paths(&path).chain(debian.into_iter().rev());
    folders.find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}

impl Postgres {
    fn start(binaries: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let password_file = folder.path().join("password");
        fs::write(&password_file, ADMIN_PASSWORD).unwrap();
        give_to_server(folder.path());
        give_to_server(&password_file);
        let data = folder.path().join("data");
        let made = unprivileged(&binaries.join("initdb"))
            .args(["--username=postgres", "--auth=scram-sha-256", "--no-sync", "--pwfile"])
            .arg(&password_file)
            .arg("--pgdata")
            .arg(&data)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(made.success(), "initdb failed");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = unprivileged(&binaries.join("postgres"))
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-k", "", "-h", "127.0.0.1"])
            .args(["-c", "log_statement=all", "-c", "fsync=off", "-c", "max_connections=200"])
            .args(["-c", "log_connections=on", "-c", "log_min_messages=debug1"])
            .stderr(fs::File::create(folder.path().join("log")).unwrap())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut started = Self { server, folder, port };
        started.wait();
        started
    }

    /// Until it takes connections; or fails with what it logged.
    fn wait(&mut self) {
        for _ in 0..600 {
            if self.log().contains("ready to accept connections") {
                return;
            }
            assert!(self.server.try_wait().unwrap().is_none(), "PostgreSQL: {}", self.log());
            thread::sleep(Duration::from_millis(50));
        }
        panic!("PostgreSQL does not start: {}", self.log());
    }

    /// Everything that the server has logged, every statement included.
    pub(crate) fn log(&self) -> String {
        let bytes = fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Logs in; the error is the server's.
    pub(crate) async fn login(
        &self,
        user: &str,
        password: &str,
        database: &str,
    ) -> Result<Client, tokio_postgres::Error> {
        let (client, connection) = tokio_postgres::Config::new()
            .host("127.0.0.1")
            .port(self.port)
            .user(user)
            .password(password)
            .dbname(database)
            .connect(NoTls)
            .await?;
        tokio::spawn(connection);
        Ok(client)
    }

    pub(crate) async fn admin(&self, database: &str) -> Client {
        self.login("postgres", ADMIN_PASSWORD, database).await.unwrap()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGINT is PostgreSQL's fast shutdown; `kill` would leave its other processes a moment longer.
        let _ = Command::new("kill").args(["-INT", &self.server.id().to_string()]).status();
        let _ = self.server.wait();
    }
}

/// PostgreSQL refuses to run as root, so root runs it as `postgres`, whom Debian's package makes.
fn unprivileged(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
    command
}

fn give_to_server(path: &Path) {
    if is_root() {
        let owned = Command::new("chown").arg("postgres").arg(path).status().unwrap();
        assert!(owned.success(), "there is no user `postgres`");
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap().stdout;
    id.trim_ascii() == b"0"
}
