//! Damage that was met while the relay ran: from then on nothing is read or written, and the next start looks closely.
//!
//! SQLite notices a damaged page only when it comes to it, and looking at all of them would make every start of a large
//! store wait for its whole length. So the first operation that meets damage ends the store's work for good, and leaves a
//! note beside the database (`….suspect`). A start that finds the note checks the whole file: where it holds together (a
//! backup has been put in its place) the note goes, else it is refused. Leaves saving what can be read to `recover`.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::lock::beside;
use crate::store::StoreError;

/// Whether damage was met.
#[derive(Debug)]
pub(super) struct Suspicion {
    database: PathBuf,
    met: OnceLock<StoreError>,
}

impl Suspicion {
    /// None yet.
    pub(super) fn none(database: &Path) -> Self {
        Self { database: database.to_owned(), met: OnceLock::new() }
    }

    /// An error once damage was met.
    pub(super) fn none_met(&self) -> Result<(), StoreError> {
        self.met.get().map_or(Ok(()), |error| Err(error.clone()))
    }

    /// Passes an answer on, having looked whether it tells of damage.
    pub(super) fn watched<T>(&self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error @ StoreError::Damaged { .. }) = &answer
            && self.met.set(error.clone()).is_ok()
        {
            tracing::error!(%error, "the store has stopped; what it acknowledged stays as it is on disk");
            let text = format!("{error}\n");
            if let Err(error) = std::fs::write(note(&self.database), text) {
                tracing::error!(%error, "the next start cannot be told of the damage");
            }
        }
        answer
    }
}

/// The note beside a database that is said to be damaged.
pub(super) fn note(database: &Path) -> PathBuf {
    beside(database, ".suspect")
}
