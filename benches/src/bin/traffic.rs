//! Writes the log and the account of [`tollgate_benches::traffic`] into a folder.
//!
//! ```text
//! traffic FOLDER BYTES [crowded]
//! ```
//!
//! `crowded` writes a log that fills the tables of whoever counts it.

use std::error::Error;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use tollgate_benches::traffic;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (folder, bytes, crowded) = match arguments.as_slice() {
        [folder, bytes] => (folder, bytes, false),
        [folder, bytes, "crowded"] => (folder, bytes, true),
        _ => return Err("traffic FOLDER BYTES [crowded]".into()),
    };
    let folder = Path::new(folder);
    fs::create_dir_all(folder.join("account"))?;
    for (path, text) in traffic::account() {
        fs::write(folder.join("account").join(path), text)?;
    }
    let mut log = BufWriter::new(File::create(folder.join("access.jsonl"))?);
    match crowded {
        true => traffic::write_crowded_log(&mut log, bytes.parse()?)?,
        false => traffic::write_log(&mut log, bytes.parse()?)?,
    }
    Ok(())
}
