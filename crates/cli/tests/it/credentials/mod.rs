//! `tollgate serve` with sessions and logins, as unmodified AWS clients and PostgreSQL see it.

mod application;
mod clients;
mod gateway;
