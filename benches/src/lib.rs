//! Workloads that the benches share.

pub mod evaluator;
pub mod log;
pub mod traffic;
