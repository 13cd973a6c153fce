//! The report in files for others: pure functions from a [`Report`](crate::Report) to bytes, one
//! file for each format.

pub mod csv;
pub mod html;
pub mod json;
pub mod markdown;
pub mod parquet;
pub mod tables;
