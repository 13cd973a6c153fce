//! Services of this process that routes lead to, in the place of an upstream: their requests are
//! verified, authorized, throttled and logged like any other, and forwarded nowhere.
//!
//! A route names one as its `upstream`. Which there are is said by [`Surroundings::extend`], anew
//! for every manifest that is read.
//!
//! [`Surroundings::extend`]: crate::Surroundings::extend

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use http::request::Parts;
use tollgate_sigv4::CanonicalPath;
use tollgate_store::{ManifestFile, Problem};

use crate::caller::{Caller, KeySource};
use crate::frame::Arrival;
use crate::refusal::Refusal;

/// Answers requests that are allowed.
pub trait Internal: Send + Sync {
    /// Answers one.
    fn answer(&self, call: InternalCall) -> InternalAnswer<'_>;
}

/// An answer on its way.
pub type InternalAnswer<'a> =
    Pin<Box<dyn Future<Output = Result<Response<Bytes>, Refusal>> + Send + 'a>>;

/// A request that the policies allow.
#[derive(Debug)]
pub struct InternalCall {
    /// Who signed it; `None` where nobody has to.
    pub caller: Option<Arc<Caller>>,
    /// The ARN that was decided on.
    pub resource: String,
    /// The path that was decided on, without its stage.
    pub path: CanonicalPath,
    /// The head as it arrived, the caller's signature and token included.
    pub head: Parts,
    /// The body.
    pub body: Bytes,
    /// How and when it arrived.
    pub arrival: Arrival,
}

/// What others add to a gateway.
#[derive(Default)]
pub struct Extension {
    /// Who knows keys, asked after the identity file.
    pub keys: Vec<Arc<KeySource>>,
    /// Services, by the name that routes have for them.
    pub services: HashMap<String, Arc<dyn Internal>>,
}

/// Reads from a manifest what others add to its gateway, or says what is wrong with it.
pub type Extend = dyn Fn(&ManifestFile) -> Result<Extension, Vec<Problem>> + Send + Sync;
