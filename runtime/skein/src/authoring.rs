//! What authors of migrations need: a new crate, building it, and seeing what it does to a few rows.
//!
//! The guest SDK travels inside the binary ([`sdk`]), because it is on no registry. A crate that [`scaffold`] makes is a
//! workspace of its own and needs nothing but cargo, the wasm target and the registry; [`cargo`] builds it. Neither knows
//! what a migration does: that is the author's, and the sandbox decides what it may.

pub(crate) mod cargo;
pub(crate) mod conversion;
pub(crate) mod difference;
pub(crate) mod embedded;
pub(crate) mod lock;
pub(crate) mod name;
pub(crate) mod rows;
pub(crate) mod rust;
pub(crate) mod scaffold;
pub(crate) mod schema_file;
pub(crate) mod schemas;
pub(crate) mod sdk;
pub(crate) mod watch;

use std::io::{Error, ErrorKind, Read as _};
use std::path::Path;

/// No file that these commands read as text is larger.
const TEXT_BYTES_MAX: u64 = 8 << 20;

/// A file's text.
pub(crate) fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let read = std::fs::File::open(path)?.take(TEXT_BYTES_MAX + 1).read_to_string(&mut text)?;
    if read as u64 > TEXT_BYTES_MAX {
        return Err(Error::new(ErrorKind::FileTooLarge, "more than 8 MiB"));
    }
    Ok(text)
}
