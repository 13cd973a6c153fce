//! What is done with the requests of one route once they are allowed.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::cache::Keeping;
use crate::credential::{Credential, Prepared};
use crate::internal::Internal;
use crate::quota::Learned;
use crate::refusal::Refusal;
use crate::throttle::Bucket;
use crate::upstream::Upstream;

/// A route's destination and limits.
pub(crate) struct Plan {
    /// The name that the route has for its destination.
    pub(crate) name: String,
    /// Those of the route, and those of its credentials.
    pub(crate) buckets: Vec<Arc<Bucket>>,
    pub(crate) destination: Destination,
}

/// Where a request goes.
pub(crate) enum Destination {
    /// To a third party.
    Upstream(Box<Forwarding>),
    /// To a service of this process.
    Internal(Arc<dyn Internal>),
}

/// A third party, what is injected for it, and how its answers are treated.
#[derive(Debug)]
pub(crate) struct Forwarding {
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) credentials: Vec<Arc<Credential>>,
    /// The aliases of the credentials, for the log.
    pub(crate) aliases: String,
    /// Until the head of the upstream's answer has arrived.
    pub(crate) timeout: Duration,
    pub(crate) scrub_body: bool,
    /// What of its answers is kept.
    pub(crate) keeping: Option<Keeping>,
    /// What the upstream says is left, where the route heeds it.
    pub(crate) learned: Option<Learned>,
}

impl Plan {
    /// Takes a token of every bucket that the request falls under.
    ///
    /// # Errors
    /// One of them is empty.
    pub(crate) fn throttle(&self, principal: &str) -> Result<(), Refusal> {
        self.buckets.iter().try_for_each(|bucket| bucket.take(principal))
    }

    /// The aliases of the credentials, for the log.
    pub(crate) fn aliases(&self) -> &str {
        match &self.destination {
            Destination::Upstream(forwarding) => &forwarding.aliases,
            Destination::Internal(_) => "",
        }
    }
}

impl Forwarding {
    /// What is injected now.
    ///
    /// # Errors
    /// One of the credentials cannot be had.
    pub(crate) fn prepared(&self, now: Timestamp) -> Result<Vec<Arc<Prepared>>, Refusal> {
        self.credentials.iter().map(|credential| credential.prepared(now)).collect()
    }
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Plan({}, {} buckets)", self.name, self.buckets.len())
    }
}
