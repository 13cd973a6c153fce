//! What each test starts from: a database with a template role, and a broker for it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use tempfile::TempDir;
use tollgate_broker::{
    Ask, Broker, Caller, Journal, Lease, Profile, PublicAddress, RoleName, Server, SslMode, Step,
    Stopped, Unwatched, Witness,
};
use tollgate_services::Postgres;

use crate::postgres;

pub(crate) const CALLER: &str = "arn:aws:sts::123456789012:assumed-role/reports/web-1";

/// A database `NAME` whose table `sheets` the role `NAME_readers` may read and write, and a folder
/// for the journal. Roles are the whole server's, so each test has names of its own.
pub(crate) struct Setting {
    pub(crate) postgres: Arc<Postgres>,
    pub(crate) profile: Profile,
    folder: TempDir,
}

impl Setting {
    pub(crate) async fn new(name: &str) -> Option<Self> {
        let postgres = Postgres::shared()?;
        let admin = postgres::admin(&postgres, "postgres").await;
        admin.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        admin.batch_execute(&format!("CREATE ROLE {name}_readers")).await.unwrap();
        let database = postgres::admin(&postgres, name).await;
        let prepare = format!(
            "CREATE TABLE sheets (title text); INSERT INTO sheets VALUES ('first');
             GRANT SELECT, INSERT ON sheets TO {name}_readers;
             GRANT CREATE ON SCHEMA public TO {name}_readers"
        );
        database.batch_execute(&prepare).await.unwrap();
        let address = PublicAddress {
            host: "127.0.0.1".into(),
            port: postgres.port,
            ssl_mode: SslMode::Disable,
        };
        let profile = Profile::new(name, &format!("{name}_readers"), name, address).unwrap();
        Some(Self { postgres, profile, folder: tempfile::tempdir().unwrap() })
    }

    pub(crate) fn journal_path(&self) -> PathBuf {
        self.folder.path().join("journal.jsonl")
    }

    pub(crate) fn server(&self) -> Server {
        self.server_as("postgres", Postgres::PASSWORD)
    }

    pub(crate) fn server_as(&self, user: &str, password: &str) -> Server {
        let password = Arc::new(SecretString::from(password.to_owned()));
        Server::new("127.0.0.1", self.postgres.port, user, "postgres", None, password)
    }

    pub(crate) fn broker(&self) -> Broker {
        self.watched(Arc::new(Unwatched))
    }

    pub(crate) fn watched(&self, witness: Arc<dyn Witness>) -> Broker {
        let journal = Journal::open(&self.journal_path(), &self.profile).unwrap();
        Broker::new(self.profile.clone(), self.server(), journal, witness)
    }

    /// The broker's roles that exist on the server.
    pub(crate) async fn roles(&self) -> Vec<String> {
        let admin = postgres::admin(&self.postgres, "postgres").await;
        let prefix = format!("tollgate_{}_", self.profile.name());
        let query = "SELECT rolname::text FROM pg_roles WHERE starts_with(rolname, $1) ORDER BY 1";
        let rows = admin.query(query, &[&prefix]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    pub(crate) async fn login(
        &self,
        lease: &Lease,
    ) -> Result<tokio_postgres::Client, tokio_postgres::Error> {
        let password = lease.password.expose();
        postgres::login(&self.postgres, lease.role.as_str(), password, self.profile.name()).await
    }
}

pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

pub(crate) fn after(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

pub(crate) async fn issue(broker: &Broker, ttl_s: i64) -> Lease {
    let ask = Ask { ttl: Some(SignedDuration::from_secs(ttl_s)) };
    broker.issue(ask, &caller(), now()).await.unwrap()
}

pub(crate) fn caller() -> Caller<'static> {
    Caller { arn: CALLER, session_expires: None }
}

/// Stops a broker before one step, as a crash does, and remembers the steps that were taken.
pub(crate) struct StopsBefore {
    pub(crate) step: Step,
    pub(crate) taken: Mutex<Vec<Step>>,
}

impl StopsBefore {
    pub(crate) fn new(step: Step) -> Arc<Self> {
        Arc::new(Self { step, taken: Mutex::default() })
    }
}

impl Witness for StopsBefore {
    fn before(&self, step: Step, _role: &RoleName) -> Result<(), Stopped> {
        if step == self.step {
            return Err(Stopped);
        }
        self.taken.lock().unwrap().push(step);
        Ok(())
    }
}
