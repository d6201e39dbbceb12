//! Why a database does not open, in words that say what to do.
//!
//! Owns telling damage from every other trouble. Leaves damage that is met later to `suspicion`.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{ErrorCode, ffi};

use super::schema;

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or the file cannot be created or written.
    #[error("the store cannot use {}: {source}; check the path and its permissions", path.display())]
    Inaccessible {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// Another relay has it open.
    #[error("another relay is using {}; stop it first, or give this one a path of its own", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// A newer relay has written it.
    #[error(
        "{} has schema {found}, this relay knows up to {known}; run the newer relay again or restore a backup",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The newest this program knows.
        known: i64,
    },
    /// It is a database, but not one of ours.
    #[error(
        "{} is the database of another program; choose another path, or if it was this one's, `anytrack-relay recover` saves what can be read",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// It is damaged.
    #[error(
        "{} is damaged: {source}; it was left as it is: stop what uses it, then `anytrack-relay recover` saves what can be read, or put a backup in its place",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: Box<rusqlite::Error>,
    },
    /// A recovery was stopped between making the new database and giving it its place.
    #[error("the recovery of {} was interrupted; run `anytrack-relay recover` again, which completes it", path.display())]
    HalfRecovered {
        /// The file.
        path: PathBuf,
    },
    /// The database refused.
    #[error("the store could not open {}: {source}", path.display())]
    Engine {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
}

impl OpenError {
    /// SQLite's error with a file, told apart from damage.
    pub(super) fn of(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        if is_damage(&source) {
            Self::Damaged { path, source: Box::new(source) }
        } else {
            Self::Engine { path, source }
        }
    }

    /// The same where only the file's header is asked for, of which SQLite says in general words that it makes no sense.
    pub(super) fn of_header(path: &Path, source: rusqlite::Error) -> Self {
        if source.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_ERROR) {
            return Self::Damaged { path: path.to_owned(), source: Box::new(source) };
        }
        Self::of(path, source)
    }

    /// A file without a byte, beside a write-ahead log that says what was in it.
    pub(super) fn emptied(path: &Path) -> Self {
        let source = schema::damaged("the file is empty, but its write-ahead log is not".to_owned());
        Self::Damaged { path: path.to_owned(), source: Box::new(source) }
    }
}

/// Whether SQLite says that the file itself is at fault.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}
