//! A security token service that stores nothing: sealed session tokens, AWS's query protocol.
//!
//! ```text
//! Grant ─seal─▶ Issued (credentials for the caller) … token ─open─▶ Opened ─judge─▶ Session
//! ```
//!
//! Everything about a session is in its token, encrypted and authenticated under a [`MasterKey`]; the
//! secret access key that goes with it derives from the same key. So any process that holds the
//! [`KeyRing`] can verify a session, none needs to remember it, and losing the key ends every session.
//!
//! Nothing here does I/O, reads a clock or makes random numbers: all of them are parameters.

#![forbid(unsafe_code)]

mod master;
mod open;
mod revoke;
mod seal;
mod session;
mod session_keys;

pub use crate::{
    master::{KeyId, KeyRing, MasterKey, MasterKeyError},
    open::{Opened, TokenFault},
    revoke::Revocations,
    seal::{Credentials, Entropy, Grant, Issued},
    session::{Origin, Session, SessionTag, TokenId},
    session_keys::SessionKeys,
};
