//! Writes the logs of the bundled example, `fixtures/github-proxy/logs`:
//!
//! ```sh
//! cargo run -p tollgate-analyzer --example github_proxy
//! ```
//!
//! The same bytes come out each time, before compression; a test compares them with what is
//! committed.

#![expect(clippy::indexing_slicing, reason = "run by developers; the data is what is below")]

mod actors;
mod gateway;
mod random;
mod story;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/github-proxy/logs");
    fs::create_dir_all(&folder)?;
    for (name, text) in story::files() {
        write(&folder.join(name), &text)?;
    }
    Ok(())
}

/// Writes a file, compressed if its name says so.
fn write(path: &PathBuf, text: &[u8]) -> io::Result<()> {
    if path.extension().is_some_and(|extension| extension == "gz") {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text)?;
        fs::write(path, encoder.finish()?)
    } else {
        fs::write(path, text)
    }
}
