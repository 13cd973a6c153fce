//! The credential-injecting proxy: verify → authorize → inject → forward → log.
//!
//! ```text
//! request ─frame─▶ Framed ─route─▶ Routed ─verify─▶ Verified ─locate─▶ Located ─authorize─▶ Authorized
//!                                                                                              │
//!   answer ◀─scrub─ Forwarded ◀─forward─ Injected ◀─inject─ Stripped ◀─strip──── throttle ◀────┘
//! ```
//!
//! Each stage is a type that only the one before can make. So no credential can reach a request that
//! was not allowed, and no request that was not verified can be allowed. Everything up to
//! [`Authorized`] fails closed.
//!
//! There are two ways to use it:
//!
//! - Another proxy embeds a [`Guard`], which takes a request up to the decision
//!   ([`Guard::admit`]), or its tower layer, [`GuardLayer`].
//! - [`Gateway`] is the whole pipeline, and [`Service`] the service around it.

#![forbid(unsafe_code)]

mod access_log;
mod admin;
mod authorize;
mod body;
mod cache;
mod caller;
mod check;
mod connect;
mod credential;
mod describe;
mod egress;
mod entry;
mod forward;
mod frame;
mod guard;
mod identities;
mod idle;
mod inject;
mod internal;
mod layer;
mod locate;
mod metrics;
mod oauth;
mod pipeline;
mod plan;
mod pool;
mod quota;
mod rate_limit;
mod record;
mod refusal;
mod reload;
mod replay;
mod request_id;
mod route;
mod scrub;
mod secrets;
mod service;
mod snapshot;
mod strip;
mod throttle;
mod timer;
mod tls;
mod upstream;
mod verify;
mod wire;
mod worker;

pub use access_log::{AccessLog, CloudWatchSink, FileSink, Lines, Rotation, Sink, StdoutSink};
pub use admin::Admin;
pub use authorize::{Authorized, authorize};
pub use body::{AnswerBody, BodyError};
pub use caller::{Caller, Fact, FactValue, KeySource, Keys};
pub use check::unreachable_path;
pub use egress::{Kind, Network};
pub use entry::Logged;
pub use frame::{Arrival, Framed};
pub use guard::Guard;
pub use identities::Identities;
pub use internal::{Extend, Extension, Internal, InternalAnswer, InternalCall};
pub use layer::{AdmittedBody, GuardLayer, Guarded, Permit};
pub use locate::{Located, locate};
pub use pipeline::Gateway;
pub use refusal::{Denial, Fault, Refusal};
pub use route::{Place, Routed, route};
pub use scrub::{Scrubber, ScrubberBuilder};
pub use secrets::observer;
pub use service::{Bound, Endpoint, Service, ServiceError, Unread, listen};
pub use snapshot::{Snapshot, Surroundings};
pub use tollgate_secrets::{Clock, Environment, Event, Observer, Rules};
pub use upstream::Upstream;
pub use verify::{Payload, Verified, verify};
