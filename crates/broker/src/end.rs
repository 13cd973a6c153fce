//! Ending roles: no login, no connection, no property, no role, no row.
//!
//! Each step can be taken again after a crash in the middle of any. Roles go through the steps
//! together, so that every database is connected to once, whatever their number.

use std::time::Duration;

use tokio_postgres::Client;

use crate::broker::{Broker, BrokerError};
use crate::{RoleName, ServerError, Step, statement};

/// A role on its way out, and what stopped it.
pub(crate) struct Ending {
    pub(crate) role: RoleName,
    pub(crate) outcome: Result<(), BrokerError>,
}

/// A connection that was told to close does so within this.
const DISCONNECT_TRIES: u32 = 100;
const DISCONNECT_PAUSE: Duration = Duration::from_millis(20);

impl Broker {
    /// Ends roles. A role that cannot be ended hinders no other.
    pub(crate) async fn end(&self, roles: Vec<RoleName>) -> Result<Vec<Ending>, ServerError> {
        if roles.is_empty() {
            return Ok(Vec::new());
        }
        let client = self.server.client().await?;
        let mut endings = Vec::with_capacity(roles.len());
        for role in roles {
            let outcome = self.shut_out(&client, &role).await;
            endings.push(Ending { role, outcome });
        }
        self.disown(&client, &mut endings).await?;
        for ending in &mut endings {
            if ending.outcome.is_ok() {
                ending.outcome = self.remove(&client, &ending.role).await;
            }
        }
        Ok(endings)
    }

    /// No new login, and no connection left.
    async fn shut_out(&self, client: &Client, role: &RoleName) -> Result<(), BrokerError> {
        if !exists(client, role).await? {
            return Ok(());
        }
        self.before(Step::Disable, role)?;
        client.batch_execute(&statement::disable(role)).await.map_err(ServerError::from)?;
        client.batch_execute(&statement::join(role)).await.map_err(ServerError::from)?;
        self.before(Step::Disconnect, role)?;
        for _ in 0..DISCONNECT_TRIES {
            if disconnect(client, role).await? == 0 {
                break;
            }
            tokio::time::sleep(DISCONNECT_PAUSE).await;
        }
        Ok(())
    }

    /// No property in any database. Where it cannot be looked for, because the database has gone or
    /// takes no connections, the server itself says when the role is dropped what it still owns.
    async fn disown(&self, client: &Client, endings: &mut [Ending]) -> Result<(), ServerError> {
        for row in client.query(statement::DATABASES, &[]).await? {
            let Ok(database) = self.server.connect(row.try_get(0)?).await else { continue };
            for ending in endings.iter_mut().filter(|ending| ending.outcome.is_ok()) {
                ending.outcome = self.disown_in(&database, &ending.role).await;
            }
        }
        Ok(())
    }

    async fn disown_in(&self, database: &Client, role: &RoleName) -> Result<(), BrokerError> {
        if !exists(database, role).await? {
            return Ok(());
        }
        self.before(Step::Disown, role)?;
        let disown = statement::disown(&self.profile, role);
        Ok(database.batch_execute(&disown).await.map_err(ServerError::from)?)
    }

    /// No role, and no row of it.
    async fn remove(&self, client: &Client, role: &RoleName) -> Result<(), BrokerError> {
        self.before(Step::Drop, role)?;
        client.batch_execute(&statement::drop(role)).await.map_err(ServerError::from)?;
        self.before(Step::Forget, role)?;
        let ended = role.clone();
        self.in_journal(move |journal| journal.end(&ended)).await
    }
}

async fn exists(client: &Client, role: &RoleName) -> Result<bool, ServerError> {
    Ok(client.query_one(statement::EXISTS, &[&role.as_str()]).await?.try_get(0)?)
}

/// Tells how many connections there still were.
async fn disconnect(client: &Client, role: &RoleName) -> Result<i64, ServerError> {
    Ok(client.query_one(statement::DISCONNECT, &[&role.as_str()]).await?.try_get(0)?)
}
