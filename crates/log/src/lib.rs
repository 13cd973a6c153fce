//! Every CloudWatch-format request log, decoded into one table of requests.
//!
//! ```text
//! bytes ─container─▶ unpacked ─envelope─▶ events ─format─▶ rows ─schema─▶ batches
//! ```
//!
//! [`scan()`] reads files, folders, globs and standard input in parallel and
//! folds the batches; [`Decoder`] does the same without I/O, bytes in, batches
//! out. Only the columns of a [`Projection`] are decoded. Every line that is
//! read is in the [`LineAccount`], and what could not be read in [`Quarantine`].

mod account;
mod container;
mod convert;
mod crew;
mod decode;
mod decoder;
mod dedup;
mod envelope;
mod format;
pub mod identity;
mod input;
mod marks;
mod names;
mod ordered;
mod reading;
mod rows;
mod scan;
mod schema;
mod sniff;
mod state;
mod table;
mod template;
mod told;
mod whose;
mod wide;

pub use account::{LineAccount, Quarantine, QuarantineFile, QuarantinedLine};
pub use container::Container;
pub use convert::{ConvertError, Converted, Destination, Output, WrittenFile, convert};
pub use crew::MemoryLimit;
pub use decoder::Decoder;
pub use envelope::Envelope;
pub use format::Format;
pub use input::{Input, InputError, InputPattern};
pub use names::{NameMap, UnknownName};
pub use reading::Source;
pub use scan::{Batch, Progress, ScanOptions, Scanned, scan, scan_into};
pub use schema::{Field, Kind, Projection};
pub use sniff::Plan;
pub use state::ScanState;
pub use template::{SettingsError, Syntax, Template, TemplateError};
pub use told::{ApiStage, LogFormat, Overrides};
pub use tollgate_fields::{RateTold, time};
