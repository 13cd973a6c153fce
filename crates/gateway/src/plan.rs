//! What is done with the requests of one route once they are allowed.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::credential::{Credential, Prepared};
use crate::refusal::Refusal;
use crate::throttle::Bucket;
use crate::upstream::Upstream;

/// A route's upstream, credentials and limits.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) credentials: Vec<Arc<Credential>>,
    /// Until the head of the upstream's answer has arrived.
    pub(crate) timeout: Duration,
    pub(crate) buckets: Vec<Arc<Bucket>>,
    pub(crate) scrub_body: bool,
}

impl Plan {
    /// Takes a token of every bucket that the request falls under.
    ///
    /// # Errors
    /// One of them is empty.
    pub(crate) fn throttle(&self, principal: &str) -> Result<(), Refusal> {
        let shared = self.credentials.iter().filter_map(|credential| credential.bucket.as_ref());
        self.buckets.iter().chain(shared).try_for_each(|bucket| bucket.take(principal))
    }

    /// What is injected now.
    ///
    /// # Errors
    /// One of the credentials cannot be had.
    pub(crate) fn prepared(&self, now: Timestamp) -> Result<Vec<Arc<Prepared>>, Refusal> {
        self.credentials.iter().map(|credential| credential.prepared(now)).collect()
    }

    /// The aliases of the credentials, for the log.
    pub(crate) fn aliases(&self) -> String {
        let aliases: Vec<&str> =
            self.credentials.iter().map(|credential| credential.alias.as_str()).collect();
        aliases.join(",")
    }
}
