//! Containers: how the bytes of an input are packed.

use std::io::{self, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

/// How an input, or what comes out of unpacking it, is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// Not at all.
    Plain,
    /// gzip, of one or several members.
    Gzip,
}

/// The bytes that tell a container.
const MAGIC_BYTES: usize = 16;

/// Layers of containers in one another.
const LAYERS_MAX: usize = 4;

impl Container {
    /// Tells a container by its first bytes.
    pub fn sniff(head: &[u8]) -> Container {
        match head {
            [0x1f, 0x8b, 8, ..] => Container::Gzip,
            _ => Container::Plain,
        }
    }
}

/// Unpacks an input, however many layers it has.
///
/// Returns the layers, outermost first (none for a plain input), and a reader
/// of what is inside.
pub(crate) fn unpack(
    input: Box<dyn Read + Send>,
) -> io::Result<(Vec<Container>, Box<dyn Read + Send>)> {
    let mut layers = Vec::new();
    let mut input = input;
    loop {
        let mut head = Vec::new();
        input.by_ref().take(MAGIC_BYTES as u64).read_to_end(&mut head)?;
        let container = Container::sniff(&head);
        let whole: Box<dyn Read + Send> = Box::new(Cursor::new(head).chain(input));
        if container == Container::Plain || layers.len() == LAYERS_MAX {
            return Ok((layers, whole));
        }
        layers.push(container);
        input = Box::new(MultiGzDecoder::new(BufReader::with_capacity(128 << 10, whole)));
    }
}
