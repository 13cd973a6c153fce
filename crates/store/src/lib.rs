//! An account on disk: its principals, its APIs, and the policies that apply to each.
//!
//! ```text
//! tollgate.toml ─parse─▶ Manifest ─load─▶ Account ─policies_for─▶ Applicable (policies, and whose they are)
//!            policy files, exports of AWS ─┘      └─overview─▶ Overview (what applies, and from where)
//! ```
//!
//! The gateway, the analyzer and the test harness all answer for the same account, so they all read
//! it here. Files are read through a [`Source`]; nothing else of the world is touched, and what is
//! wrong with them is returned as [`Problems`]: every one that can be found, each with its place.

mod account;
mod applicable;
mod confidential;
mod details;
mod embedded;
mod find;
mod json;
mod library;
mod load;
mod manifest;
mod manifest_file;
mod origin;
mod overview;
mod problem;
mod rest_apis;
mod route;
mod source;
mod text;
mod what_if;

pub use account::{Account, ApiEntry, Declared, Route, Subject, Tag};
pub use applicable::{Applicable, Citation};
pub use confidential::{Confidential, confidential, shown};
pub use find::FindError;
pub use manifest::{
    AccessLogDecl, ApiDecl, BasicDecl, BridgeDecl, BrokerDecl, CacheDecl, CloudWatchLogDecl,
    ContainerDecl, CredentialDecl, FileLogDecl, GatewayDecl, GroupDecl, HeaderDecl, InjectDecl,
    LimitsDecl, LogDecl, LogFormatDecl, Manifest, MetadataDecl, Oauth2Decl, OneOrMany,
    PrincipalDecl, ProviderDecl, QueryDecl, RouteDecl, RouteThrottleDecl, SecretDecl, Sigv4Decl,
    StsDecl, ThrottleDecl, TlsDecl, UpstreamDecl,
};
pub use manifest_file::ManifestFile;
pub use origin::{Attachment, Origin, PolicyName};
pub use overview::{Overview, PolicyEntry, PrincipalEntry};
pub use problem::{PolicyExcerpt, Problem, Problems, distance, suggestion};
pub use route::RouteTemplate;
pub use source::{Files, Source};
pub use what_if::WhatIf;
