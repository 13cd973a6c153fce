//! A broker: makes a login for a caller that may have one, and ends every login whose time is over.

use std::fmt;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

use crate::{
    Ask, Caller, Grant, GrantRefusal, Journal, JournalError, Lease, Password, Profile, RoleName,
    Server, ServerError, Step, Witness, statement,
};

/// Makes and ends the logins of one profile on one server.
pub struct Broker {
    pub(crate) profile: Profile,
    pub(crate) server: Server,
    journal: Arc<Journal>,
    witness: Arc<dyn Witness>,
}

/// What a sweep did.
#[derive(Debug, Default)]
pub struct Swept {
    /// The roles that are gone.
    pub ended: Vec<RoleName>,
    /// The roles that are not, and why; the next sweep tries them again.
    pub failed: Vec<(RoleName, BrokerError)>,
}

/// Why there is no login, or why one is not ended.
#[derive(Debug)]
pub enum BrokerError {
    /// There is no time for it: the caller's doing.
    Grant(GrantRefusal),
    /// The journal cannot be written, or is full.
    Journal(JournalError),
    /// The server did not do its part.
    Server(ServerError),
    /// The system has no randomness.
    Randomness,
    /// The server's clock and ours are apart, by more than a login's end may be off.
    ClocksDisagree {
        /// Ours.
        ours: Timestamp,
        /// The server's.
        theirs: Timestamp,
    },
    /// The role whose rights logins get does not exist.
    NoTemplate(String),
    /// The process is about to end.
    Stopped,
}

/// Clocks that differ by more make `VALID UNTIL` meaningless for short logins.
const SKEW_MAX: SignedDuration = SignedDuration::from_secs(30);

impl Broker {
    /// A broker. `witness` is told of every step before it is taken.
    pub fn new(
        profile: Profile,
        server: Server,
        journal: Journal,
        witness: Arc<dyn Witness>,
    ) -> Self {
        Self { profile, server, journal: Arc::new(journal), witness }
    }

    /// What it hands out.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// How many logins exist or are being made.
    pub fn open_count(&self) -> usize {
        self.journal.open_count()
    }

    /// Makes a login for a caller. That the caller may have one has been decided before.
    ///
    /// # Errors
    /// There is no time for it, as many exist as may, or the journal or the server fails. Then no
    /// login stays: what was begun is ended here or by the next [`Broker::sweep`].
    pub async fn issue(
        &self,
        ask: Ask,
        caller: &Caller<'_>,
        now: Timestamp,
    ) -> Result<Lease, BrokerError> {
        let grant = Grant::decide(&self.profile, ask, caller, now).map_err(BrokerError::Grant)?;
        let (role, password) = self.invent(grant.caller())?;
        self.before(Step::Plan, &role)?;
        let planned = (self.profile.clone(), role.clone(), grant.clone(), password.clone());
        let verifier = self
            .in_journal(move |journal| {
                let (profile, role, grant, password) = planned;
                journal.plan(&profile, &role, &grant, now)?;
                Ok(password.verifier())
            })
            .await?;
        let made = self.make(&grant, &role, &verifier).await;
        if made.is_err() {
            self.journal.abandon(&role);
        }
        made.map(|()| Lease {
            role,
            password,
            address: self.profile.address.clone(),
            database: self.profile.database.clone(),
            expires: grant.expires(),
        })
    }

    async fn make(
        &self,
        grant: &Grant,
        role: &RoleName,
        verifier: &str,
    ) -> Result<(), BrokerError> {
        self.before(Step::Create, role)?;
        let create = statement::create(&self.profile, role, verifier, grant);
        let client = self.server.client().await?;
        client.batch_execute(&create).await.map_err(ServerError::from)?;
        self.before(Step::HandOut, role)?;
        let made = role.clone();
        self.in_journal(move |journal| journal.hand_out(&made)).await
    }

    /// Ends every login whose time is over at `now`, every one that was begun and never handed out,
    /// and every role of this broker that the server says has expired, though the journal does not
    /// know it.
    ///
    /// # Errors
    /// The server cannot be reached at all. Roles that cannot be ended are told in the answer.
    pub async fn sweep(&self, now: Timestamp) -> Result<Swept, BrokerError> {
        let mut due = self.journal.due(now);
        due.extend(self.expired_by_the_server().await?);
        due.sort();
        due.dedup();
        let mut swept = Swept::default();
        for ending in self.end(due).await? {
            match ending.outcome {
                Ok(()) => swept.ended.push(ending.role),
                Err(error) => swept.failed.push((ending.role, error)),
            }
        }
        Ok(swept)
    }

    /// Whether logins could be made: the server answers, its clock agrees with ours, and the template
    /// exists.
    ///
    /// # Errors
    /// Says what is in the way.
    pub async fn check(&self, now: Timestamp) -> Result<(), BrokerError> {
        let client = self.server.client().await?;
        let row = client.query_one(statement::CLOCK, &[]).await.map_err(ServerError::from)?;
        let seconds: f64 = row.try_get(0).map_err(ServerError::from)?;
        let theirs = Timestamp::UNIX_EPOCH.saturating_add(SignedDuration::from_secs_f64(seconds));
        let theirs = theirs.unwrap_or(Timestamp::MAX);
        if now.duration_since(theirs).abs() > SKEW_MAX {
            return Err(BrokerError::ClocksDisagree { ours: now, theirs });
        }
        let template = &self.profile.template;
        let row = client.query_one(statement::EXISTS, &[template]).await;
        match row.and_then(|row| row.try_get(0)).map_err(ServerError::from)? {
            true => Ok(()),
            false => Err(BrokerError::NoTemplate(template.clone())),
        }
    }

    async fn expired_by_the_server(&self) -> Result<Vec<RoleName>, ServerError> {
        let client = self.server.client().await?;
        let prefix = RoleName::prefix(&self.profile);
        let rows = client.query(statement::EXPIRED, &[&prefix]).await?;
        let names = rows.iter().map(|row| row.try_get::<_, &str>(0));
        let ours = names
            .filter_map(|name| name.map(|name| RoleName::parse(name, &self.profile)).transpose());
        Ok(ours.collect::<Result<_, _>>()?)
    }

    /// A name and a password that nobody can guess.
    fn invent(&self, caller: &str) -> Result<(RoleName, Password), BrokerError> {
        let mut name = [0; RoleName::RANDOM_BYTES];
        let mut password = Zeroizing::new([0; 32]);
        getrandom::fill(&mut name)
            .and_then(|()| getrandom::fill(password.as_mut()))
            .map_err(|_| BrokerError::Randomness)?;
        Ok((RoleName::new(&self.profile, caller, &name), Password::new(&password)))
    }

    pub(crate) fn before(&self, step: Step, role: &RoleName) -> Result<(), BrokerError> {
        self.witness.before(step, role).map_err(|_| BrokerError::Stopped)
    }

    /// Runs something on the journal where waiting for the disk, or the thousands of hashes of a
    /// verifier, hold nobody up.
    pub(crate) async fn in_journal<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Journal) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, BrokerError> {
        let journal = Arc::clone(&self.journal);
        match tokio::task::spawn_blocking(move || work(&journal)).await {
            Ok(done) => done.map_err(BrokerError::Journal),
            // The runtime is being shut down.
            Err(_) => Err(BrokerError::Stopped),
        }
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { profile, server, .. } = self;
        f.debug_struct("Broker")
            .field("profile", profile)
            .field("server", server)
            .finish_non_exhaustive()
    }
}

impl From<ServerError> for BrokerError {
    fn from(error: ServerError) -> Self {
        Self::Server(error)
    }
}

impl fmt::Display for BrokerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grant(refusal) => refusal.fmt(f),
            Self::Journal(error) => error.fmt(f),
            Self::Server(error) => error.fmt(f),
            Self::Randomness => f.write_str("the system has no randomness to make a password of"),
            Self::ClocksDisagree { ours, theirs } => write!(
                f,
                "the clocks disagree: it is {ours} here and {theirs} at PostgreSQL; expected a \
                 difference of at most {} s",
                SKEW_MAX.as_secs()
            ),
            Self::NoTemplate(template) => {
                write!(f, "the template role `{template}` does not exist at PostgreSQL")
            }
            Self::Stopped => f.write_str("stopped between two steps"),
        }
    }
}

impl std::error::Error for BrokerError {}
