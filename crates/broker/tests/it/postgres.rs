//! Logging in to the tests' PostgreSQL.

use tokio_postgres::{Client, Config, Error, NoTls};
use tollgate_services::Postgres;

/// Logs in; the error is the server's.
pub(crate) async fn login(
    postgres: &Postgres,
    user: &str,
    password: &str,
    database: &str,
) -> Result<Client, Error> {
    let (client, connection) = Config::new()
        .host("127.0.0.1")
        .port(postgres.port)
        .user(user)
        .password(password)
        .dbname(database)
        .connect(NoTls)
        .await?;
    tokio::spawn(connection);
    Ok(client)
}

pub(crate) async fn admin(postgres: &Postgres, database: &str) -> Client {
    login(postgres, "postgres", Postgres::PASSWORD, database).await.unwrap()
}
