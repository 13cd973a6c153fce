//! The server that roles are made on, and the broker's own way in.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// A PostgreSQL server, as its broker logs in.
pub struct Server {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    password: Arc<dyn AdminPassword>,
    /// The connection that most statements go through, made when it is needed.
    shared: Mutex<Option<Arc<Client>>>,
}

/// The broker's own password, asked for at each new connection, so that it may rotate.
pub trait AdminPassword: Send + Sync {
    /// The password in force; `None` while there is none.
    fn current(&self) -> Option<SecretString>;
}

impl AdminPassword for SecretString {
    fn current(&self) -> Option<SecretString> {
        Some(self.clone())
    }
}

/// Why the server did not do what it was asked for.
#[derive(Debug)]
pub enum ServerError {
    /// The broker's own password is not to be had.
    NoPassword,
    /// There is no connection.
    Unreachable {
        /// `HOST:PORT`
        server: String,
        /// Why not.
        message: String,
    },
    /// The server refused a statement.
    Refused {
        /// What it says, with its code.
        message: String,
    },
}

/// A server that does not answer holds nobody up for longer.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// Nor does a statement, a lock that it waits for included.
const OPTIONS: &str = "-c statement_timeout=15000 -c lock_timeout=10000";

impl Server {
    /// A server at `host` and `port`, where the broker is `user` and connects to `database` first. A
    /// host that begins with `/` is the folder of a Unix socket. With `tls` the connection is
    /// encrypted, always, and the server's certificate and name are checked; without, never.
    pub fn new(
        host: &str,
        port: u16,
        user: &str,
        database: &str,
        tls: Option<rustls::ClientConfig>,
        password: Arc<dyn AdminPassword>,
    ) -> Self {
        let mut config = Config::new();
        config
            .host(host)
            .port(port)
            .user(user)
            .dbname(database)
            .application_name("tollgate-broker")
            .options(OPTIONS)
            .connect_timeout(CONNECT_TIME_MAX)
            .ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable });
        let tls = tls.map(MakeRustlsConnect::new);
        Self { config, tls, password, shared: Mutex::new(None) }
    }

    /// The connection that statements share: they are sent as they come and answered in turn.
    pub(crate) async fn client(&self) -> Result<Arc<Client>, ServerError> {
        let mut shared = self.shared.lock().await;
        if let Some(client) = shared.as_ref().filter(|client| !client.is_closed()) {
            return Ok(Arc::clone(client));
        }
        let client = Arc::new(self.connect(self.config.get_dbname().unwrap_or_default()).await?);
        *shared = Some(Arc::clone(&client));
        Ok(client)
    }

    /// A connection of its own, to a database of the server.
    pub(crate) async fn connect(&self, database: &str) -> Result<Client, ServerError> {
        let password = self.password.current().ok_or(ServerError::NoPassword)?;
        let mut config = self.config.clone();
        config.dbname(database).password(password.expose_secret());
        let unreachable = |message| ServerError::Unreachable { server: self.address(), message };
        let connecting = async {
            match &self.tls {
                Some(tls) => config.connect(tls.clone()).await.map(|(client, connection)| {
                    tokio::spawn(connection);
                    client
                }),
                None => config.connect(NoTls).await.map(|(client, connection)| {
                    tokio::spawn(connection);
                    client
                }),
            }
        };
        match tokio::time::timeout(CONNECT_TIME_MAX, connecting).await {
            Ok(connected) => connected.map_err(|error| unreachable(described(&error))),
            Err(_) => Err(unreachable(format!("no answer in {} s", CONNECT_TIME_MAX.as_secs()))),
        }
    }

    fn address(&self) -> String {
        let port = self.config.get_ports().first().copied().unwrap_or_default();
        match self.config.get_hosts().first() {
            Some(tokio_postgres::config::Host::Tcp(host)) => format!("{host}:{port}"),
            #[cfg(unix)]
            Some(tokio_postgres::config::Host::Unix(folder)) => {
                format!("{}:{port}", folder.display())
            }
            None => format!(":{port}"),
        }
    }
}

impl From<tokio_postgres::Error> for ServerError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Refused { message: described(&error) }
    }
}

/// The server's own words and code, else the client's and what is behind them.
fn described(error: &tokio_postgres::Error) -> String {
    if let Some(error) = error.as_db_error() {
        return format!("{} ({})", error.message(), error.code().code());
    }
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address()).finish_non_exhaustive()
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPassword => f.write_str("the broker's own password cannot be read"),
            Self::Unreachable { server, message } => {
                write!(f, "cannot connect to PostgreSQL at `{server}`: {message}")
            }
            Self::Refused { message } => write!(f, "PostgreSQL refused: {message}"),
        }
    }
}

impl std::error::Error for ServerError {}
