//! Inputs to begin with: the recorded requests, events and answers of the relay's tests, and the checked-in corpus.
//!
//! Read from where they lie, so that nothing is there twice.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Target;

/// Everything a target begins with: its seeds, then its folder of the corpus.
pub fn of(target: &Target) -> Vec<Vec<u8>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
    (target.seeds)().into_iter().chain(files(&corpus).iter().map(|path| read(path))).collect()
}

/// A path among the relay's tests.
pub(crate) fn recorded(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../relay/tests").join(path)
}

/// Every file below a folder, in a fixed order; none when there is no such folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// The name of a path's last part.
pub(crate) fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// A file that is there: the repository's own.
pub(crate) fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The same as text.
pub(crate) fn text(path: &Path) -> String {
    String::from_utf8(read(path)).unwrap_or_else(|_| panic!("{}: not UTF-8", path.display()))
}
