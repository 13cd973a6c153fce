//! Writes the log and the account of [`tollgate_benches::traffic`] into a folder.
//!
//! ```text
//! traffic FOLDER BYTES
//! ```

use std::error::Error;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use tollgate_benches::traffic;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, bytes] = arguments.as_slice() else { return Err("traffic FOLDER BYTES".into()) };
    let folder = Path::new(folder);
    fs::create_dir_all(folder.join("account"))?;
    for (path, text) in traffic::account() {
        fs::write(folder.join("account").join(path), text)?;
    }
    let mut log = BufWriter::new(File::create(folder.join("access.jsonl"))?);
    traffic::write_log(&mut log, bytes.parse()?)?;
    Ok(())
}
