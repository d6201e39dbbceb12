//! Whether the database still has its name.
//!
//! A file that is moved away, deleted or replaced stays open. SQLite goes on writing to it, and with a write-ahead log never
//! looks (it does so only where it opens a rollback journal: `databaseIsUnmoved` in its `pager.c`, read 2026-11-28); whatever is
//! acknowledged then is gone with the next start, which opens what it finds under the name. So device and inode are compared with those of
//! what was opened, before an event is taken and when somebody asks whether the store is ready. Not final: nothing was taken
//! meanwhile, so a file that is put back is as good as before.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::time::Instant;

use super::engine_error;
use crate::store::StoreError;

/// Where the database was, and whether it is there.
#[derive(Debug)]
pub(super) struct Whereabouts {
    /// The name by which the next start will open it.
    name: PathBuf,
    /// Device and inode; none where the system did not say.
    opened: Option<(u64, u64)>,
    begun: Instant,
    /// When to look again, in milliseconds from the beginning.
    next_ms: AtomicU64,
    away: AtomicBool,
}

/// The database has lost its name.
#[derive(Debug, thiserror::Error)]
#[error(
    "its file was moved away, deleted or replaced while the relay runs; put it back under its name, see docs/operate/faults.md"
)]
struct Away;

impl Whereabouts {
    /// Of a database that has just been opened under this name.
    pub(super) fn of(name: &Path) -> Self {
        Self {
            name: name.to_owned(),
            opened: fs::metadata(name).ok().map(|found| identity(&found)),
            begun: Instant::now(),
            next_ms: AtomicU64::new(0),
            away: AtomicBool::new(false),
        }
    }

    /// An error while the file is away, as far as was seen within the last second: looking costs a walk along its path.
    pub(super) fn seen_lately(&self) -> Result<(), StoreError> {
        let now_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        if now_ms < self.next_ms.load(Ordering::Relaxed) {
            return self.as_seen();
        }
        self.next_ms.store(now_ms.saturating_add(LOOK_EVERY_MS), Ordering::Relaxed);
        self.seen_now()
    }

    /// An error while the file is away.
    pub(super) fn seen_now(&self) -> Result<(), StoreError> {
        let away = match fs::metadata(&self.name) {
            Ok(found) => self.opened.is_some_and(|opened| opened != identity(&found)),
            Err(error) if error.kind() == ErrorKind::NotFound => self.opened.is_some(),
            // What cannot be looked at may well be there.
            Err(_) => return self.as_seen(),
        };
        let before = self.away.swap(away, Ordering::Relaxed);
        if away && !before {
            let file = self.name.display();
            tracing::error!(
                %file,
                "the database was moved away, deleted or replaced under this relay, which takes no more events; put the file \
                 back before the relay is stopped, see docs/operate/faults.md"
            );
        } else if before && !away {
            tracing::warn!(file = %self.name.display(), "the database is back in its place; events are taken again");
        }
        self.as_seen()
    }

    fn as_seen(&self) -> Result<(), StoreError> {
        if self.away.load(Ordering::Relaxed) { Err(engine_error("keep events", Away)) } else { Ok(()) }
    }
}

fn identity(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

/// A second of events is what a file that is away may cost.
const LOOK_EVERY_MS: u64 = 1_000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_file_that_is_away_is_seen_within_a_second_and_so_is_its_return() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("events.db"), folder.path().join("other.db"));
        fs::write(&path, "a").unwrap();
        let place = Whereabouts::of(&path);
        assert!(place.seen_lately().is_ok());
        fs::rename(&path, &other).unwrap();
        assert!(place.seen_lately().is_ok(), "it is not looked for each event");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(place.seen_lately().is_err(), "it was moved");
        fs::write(&path, "a").unwrap();
        assert!(place.seen_now().is_err(), "another file has its name");
        fs::remove_file(&path).unwrap();
        let error = place.seen_now().unwrap_err().to_string();
        assert!(
            error.starts_with("the store could not keep events: its file was moved away, deleted"),
            "{error}"
        );
        fs::rename(&other, &path).unwrap();
        assert!(place.seen_lately().is_err(), "not looked for again yet");
        assert!(place.seen_now().is_ok() && place.seen_lately().is_ok(), "it is back");
    }

    #[test]
    fn what_was_never_seen_is_not_missed() {
        let folder = tempfile::tempdir().unwrap();
        let place = Whereabouts::of(&folder.path().join("none.db"));
        assert!(place.seen_now().is_ok());
    }
}
