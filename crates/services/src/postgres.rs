//! A PostgreSQL of the tests' own: in a temporary folder, on a free port, gone when the last test that
//! uses it is.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::server::free_port;

/// A PostgreSQL server. Its superuser is `postgres` and logs in with [`Postgres::PASSWORD`]. It logs
/// every statement, and takes connections with TLS (as `localhost`) and without.
#[derive(Debug)]
pub struct Postgres {
    server: Child,
    folder: TempDir,
    certificate: String,
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
}

static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());

impl Postgres {
    /// The superuser's password.
    pub const PASSWORD: &'static str = "only for the tests";

    /// The server that tests of a process share, or the test is skipped.
    ///
    /// # Panics
    /// If it does not start, or is missing and required.
    #[track_caller]
    pub fn shared() -> Option<Arc<Postgres>> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = shared.upgrade() {
            return Some(running);
        }
        let Some(binaries) = binaries() else {
            super::skip("PostgreSQL");
            return None;
        };
        let started = Arc::new(Postgres::start(&binaries));
        *shared = Arc::downgrade(&started);
        Some(started)
    }

    #[track_caller]
    fn start(binaries: &Path) -> Postgres {
        let folder = done("a folder", tempfile::tempdir());
        let password_file = folder.path().join("password");
        done("a password", fs::write(&password_file, Postgres::PASSWORD));
        give_to_server(folder.path());
        give_to_server(&password_file);
        let data = folder.path().join("data");
        let made = unprivileged(&binaries.join("initdb"))
            .args(["--username=postgres", "--auth=scram-sha-256", "--no-sync", "--pwfile"])
            .arg(&password_file)
            .arg("--pgdata")
            .arg(&data)
            .stdout(Stdio::null())
            .status();
        assert!(made.is_ok_and(|made| made.success()), "initdb failed");
        let certificate = certify(&data);
        let port = free_port();
        let log = done("a log", fs::File::create(folder.path().join("log")));
        let server = unprivileged(&binaries.join("postgres"))
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-k", "", "-h", "127.0.0.1"])
            .args(["-c", "log_statement=all", "-c", "fsync=off", "-c", "max_connections=200"])
            .args(["-c", "log_connections=on", "-c", "log_min_messages=debug1", "-c", "ssl=on"])
            .stderr(log)
            .stdout(Stdio::null())
            .spawn();
        let server = done("PostgreSQL", server);
        let mut started = Postgres { server, folder, certificate, port };
        started.wait();
        started
    }

    /// Until it takes connections; or fails with what it logged.
    #[track_caller]
    fn wait(&mut self) {
        for _ in 0..600 {
            if self.log().contains("ready to accept connections") {
                return;
            }
            let ended = self.server.try_wait();
            assert!(matches!(ended, Ok(None)), "PostgreSQL: {}", self.log());
            thread::sleep(Duration::from_millis(50));
        }
        panic!("PostgreSQL does not start: {}", self.log());
    }

    /// The certificate that it shows, in PEM: it has signed itself.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Everything that the server has logged, every statement included.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Runs statements in a database as the superuser, and gives what they return, without headers.
    ///
    /// # Panics
    /// The server refuses one of them.
    #[track_caller]
    pub fn run(&self, database: &str, statements: &str) -> String {
        let output = self.psql("postgres", Postgres::PASSWORD, database, statements);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{statements}: {errors}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Runs a script of psql as the superuser, with the variable `password`.
    ///
    /// # Panics
    /// The server refuses one of its statements.
    #[track_caller]
    pub fn script(&self, script: &Path, password: &str) {
        let output = Command::new("psql")
            .args(["-Xq", "-v", "ON_ERROR_STOP=1", "-v", &format!("password={password}")])
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "postgres", "-f"])
            .arg(script)
            .env("PGPASSWORD", Postgres::PASSWORD)
            .output();
        let output = done("psql", output);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {errors}", script.display());
    }

    /// Runs statements in a database as somebody.
    ///
    /// # Panics
    /// There is no `psql`.
    #[track_caller]
    pub fn psql(&self, user: &str, password: &str, database: &str, statements: &str) -> Output {
        let output = Command::new("psql")
            .args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1"])
            .args(["-p", &self.port.to_string(), "-U", user, "-d", database, "-c", statements])
            .env("PGPASSWORD", password)
            .output();
        done("psql", output)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGINT is PostgreSQL's fast shutdown; `kill` would leave its other processes a moment longer.
        let _ = Command::new("kill").args(["-INT", &self.server.id().to_string()]).status();
        let _ = self.server.wait();
    }
}

/// Gives the server in a data folder a key and a certificate for `localhost`, and tells that.
#[track_caller]
fn certify(data: &Path) -> String {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]);
    let made = made.unwrap_or_else(|error| panic!("a certificate: {error}"));
    let certificate = made.cert.pem();
    let files =
        [("server.key", made.signing_key.serialize_pem()), ("server.crt", certificate.clone())];
    for (name, text) in files {
        let path = data.join(name);
        done(name, fs::write(&path, text));
        // PostgreSQL does not take a key that others may read.
        done(name, fs::set_permissions(&path, fs::Permissions::from_mode(0o600)));
        give_to_server(&path);
    }
    certificate
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

/// PostgreSQL refuses to run as root, so root runs it as `postgres`, whom Debian's package makes.
fn unprivileged(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
    command
}

#[track_caller]
fn give_to_server(path: &Path) {
    if is_root() {
        let owned = Command::new("chown").arg("postgres").arg(path).status();
        assert!(owned.is_ok_and(|owned| owned.success()), "there is no user `postgres`");
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| id.stdout.trim_ascii() == b"0")
}

#[track_caller]
fn done<T>(what: &str, result: std::io::Result<T>) -> T {
    result.unwrap_or_else(|error| panic!("{what}: {error}"))
}
