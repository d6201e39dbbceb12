//! Files a value of the configuration names, such as a key that a platform's console downloads: read once, here, so
//! that platforms stay functions of their settings.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::error::Fault;

/// A file's text, and whether accounts other than the owner's may read it.
pub(super) struct Contents {
    pub(super) text: String,
    pub(super) readable_by_others: bool,
}

/// Reads the file at `path`; a relative one starts from the configuration's directory. `written` is what the
/// configuration says, for messages.
pub(super) fn read(directory: &Path, path: &str, written: &str) -> Result<Contents, Fault> {
    let full = directory.join(path);
    let fault = |error: io::Error| Fault::File { written: written.to_owned(), kind: error.kind() };
    let mut text = String::new();
    let file = File::open(&full).map_err(fault)?;
    file.take(LARGEST_BYTES + 1).read_to_string(&mut text).map_err(fault)?;
    if text.len() as u64 > LARGEST_BYTES {
        return Err(Fault::File { written: written.to_owned(), kind: io::ErrorKind::FileTooLarge });
    }
    Ok(Contents { text, readable_by_others: super::readable_by_others(&full) })
}

/// A key file has some 2 kB.
const LARGEST_BYTES: u64 = 64 * 1024;
