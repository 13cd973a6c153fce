//! A security token service that stores nothing: sealed session tokens, AWS's query protocol.
//!
//! ```text
//! bytes ─query─▶ Operation ─▶ action ─assume─▶ Grant ─seal─▶ Issued ─▶ answer
//!                                                              │ the token, sent with every request
//!                                          Session ◀─judge─ Opened ◀─open─┘
//! ```
//!
//! Everything about a session is in its token, encrypted and authenticated under a [`MasterKey`]; the
//! secret access key that goes with it derives from the same key. So any process that holds the
//! [`KeyRing`] can verify a session, none needs to remember it, and losing the key ends every session.
//!
//! Three ways lead to a session beside a signed call: a token of an identity provider
//! ([`Providers`]), an endpoint of this machine that SDKs ask by themselves ([`container`],
//! [`Metadata`]), and a request that AWS answers ([`BridgeRules`]).
//!
//! Nothing here does I/O, reads a clock or makes random numbers: time and chance are parameters, and
//! documents are fetched through [`Fetch`].

#![forbid(unsafe_code)]

mod action;
mod answer;
mod assume;
mod bridge;
mod caller;
mod check;
mod claims;
mod deliver;
mod fault;
mod federate;
mod fetch;
mod jwt;
mod keys;
mod limit;
mod master;
mod open;
mod packed;
mod query;
mod revoke;
mod seal;
mod service;
mod session;
mod session_keys;

pub use crate::{
    action::{AssumeRole, Durations, Operation, RoleSession, WebIdentity},
    answer::Answer,
    assume::Authority,
    bridge::{AwsIdentity, BridgeRules, Presigned, SERVER_ID_HEADER, Used},
    caller::{Call, Caller},
    claims::Claims,
    deliver::{
        AuthorizationToken, CONTAINER_PATH, Delivery, DeliveryRequest, Metadata, container,
        is_local,
    },
    fault::{Fault, FaultCode},
    federate::{Provider, Providers},
    fetch::{Fetch, FetchFault, Fetched, Fetching, Outgoing},
    jwt::{Jwt, KeySet},
    limit::authorize_within,
    master::{KeyId, KeyRing, MasterKey, MasterKeyError},
    open::{Opened, TokenFault},
    packed::PACKED_BYTES_MAX,
    query::{FORM_BYTES_MAX, Query},
    revoke::Revocations,
    seal::{Credentials, Entropy, Grant, Issued},
    service::{Record, Reply, Service, StsRequest, Ticket},
    session::{Origin, Session, SessionTag, TokenId, TokenIdError},
    session_keys::SessionKeys,
};
