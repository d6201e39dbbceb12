//! Whether the database still has its name, and the files beside it theirs.
//!
//! A file that is moved away, deleted or replaced stays open. SQLite goes on writing to it, and with a write-ahead log never
//! looks (it does so only where it opens a rollback journal: `databaseIsUnmoved` in its `pager.c`, read 2026-11-28); whatever is
//! acknowledged then is gone with the next start, which opens what it finds under the name. So device and inode are compared with those of
//! what was opened, before an event is taken and when somebody asks whether the store is ready. The same for what lies beside
//! the database: without its write-ahead log it is an older one, without the index of that log whoever else opens it minds no lock of
//! ours, and without the lock a second relay gets in. All of these are made before this looks for the first time, and stay the same
//! files until the database is closed (`syncer` says why for the log; the index goes with it). Not final: nothing was taken
//! meanwhile, so what is put back is as good as before.
//!
//! What is written over within the same file (`cp`) is not seen here, and cannot be without false alarms: size and times of the file
//! change by our own checkpoints and by those of an operator's tool, also downwards by its `VACUUM`, and the header changes with them. A
//! look into the file would take a handle of our own, and closing that would drop SQLite's locks (see `lock`). A mark of this very start,
//! asked for by SQL, would come out of a cache or the write-ahead log, where the other file is not.

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::time::Instant;

use super::engine_error;
use super::lock::beside;
use crate::store::StoreError;

/// Where the database was, and whether it is there.
#[derive(Debug)]
pub(super) struct Whereabouts {
    /// The database first.
    parts: Vec<Part>,
    begun: Instant,
    /// When to look again, in milliseconds from the beginning.
    next_ms: AtomicU64,
    /// Which part is away, counted from 1; 0 while all are there.
    away: AtomicUsize,
}

/// One of the files.
#[derive(Debug)]
struct Part {
    /// What it is, in an operator's words.
    what: &'static str,
    /// The name by which the next start will open it.
    name: PathBuf,
    /// Device and inode; none where it was not there, or the system did not say.
    opened: Option<(u64, u64)>,
}

impl Part {
    fn of(what: &'static str, name: PathBuf) -> Self {
        let opened = fs::metadata(&name).ok().map(|found| identity(&found));
        Self { what, name, opened }
    }

    /// Whether another file has its name, or none. An error when the system does not say.
    fn is_away(&self) -> io::Result<bool> {
        match fs::metadata(&self.name) {
            Ok(found) => Ok(self.opened.is_some_and(|opened| opened != identity(&found))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(self.opened.is_some()),
            Err(error) => Err(error),
        }
    }
}

/// The database, or a file beside it, has lost its name.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0} was moved away, deleted or replaced while the relay runs; put it back under its name, with everything that begins with the \
     database's, see docs/operate/faults.md"
)]
struct Away(&'static str);

impl Whereabouts {
    /// Of a database that has just been opened under this name, and whose file is really called `real`.
    pub(super) fn of(name: &Path, real: &Path) -> Self {
        let sides = BESIDE.map(|(end, what)| Part::of(what, beside(real, end)));
        let database = Part::of("its file", name.to_owned());
        Self {
            parts: std::iter::once(database).chain(sides).collect(),
            begun: Instant::now(),
            next_ms: AtomicU64::new(0),
            away: AtomicUsize::new(0),
        }
    }

    /// An error while a file is away, as far as was seen within the last second: looking costs a walk along its path.
    pub(super) fn seen_lately(&self) -> Result<(), StoreError> {
        let now_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        if now_ms < self.next_ms.load(Ordering::Relaxed) {
            return self.as_seen();
        }
        self.next_ms.store(now_ms.saturating_add(LOOK_EVERY_MS), Ordering::Relaxed);
        self.seen_now()
    }

    /// An error while a file is away.
    pub(super) fn seen_now(&self) -> Result<(), StoreError> {
        let mut away = 0;
        for (part, nth) in self.parts.iter().zip(1..) {
            match part.is_away() {
                Ok(true) => {
                    away = nth;
                    break;
                }
                Ok(false) => {}
                // What cannot be looked at may well be there.
                Err(_) => return self.as_seen(),
            }
        }
        let before = self.away.swap(away, Ordering::Relaxed);
        if before != away {
            self.tell();
        }
        self.as_seen()
    }

    /// Tells the log what is away, or that nothing is any more.
    fn tell(&self) {
        match self.missing() {
            Some(part) => {
                let file = part.name.display();
                tracing::error!(
                    %file,
                    "{} was moved away, deleted or replaced under this relay, which takes no more events; put back everything that \
                     begins with the database's name before the relay is stopped, see docs/operate/faults.md",
                    part.what
                );
            }
            None => tracing::warn!("the database is back in its place; events are taken again"),
        }
    }

    fn as_seen(&self) -> Result<(), StoreError> {
        self.missing().map_or(Ok(()), |part| Err(engine_error("keep events", Away(part.what))))
    }

    /// The part that was away when it was looked last.
    fn missing(&self) -> Option<&Part> {
        self.parts.get(self.away.load(Ordering::Relaxed).checked_sub(1)?)
    }
}

fn identity(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

/// What lies beside the database, by how its name goes on.
const BESIDE: [(&str, &str); 3] = [
    ("-wal", "its write-ahead log (`-wal`)"),
    ("-shm", "the index of its write-ahead log (`-shm`)"),
    (".lock", "its lock (`.lock`)"),
];
/// A second of events is what a file that is away may cost.
const LOOK_EVERY_MS: u64 = 1_000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::said;

    #[tokio::test(start_paused = true)]
    async fn a_file_that_is_away_is_seen_within_a_second_and_so_is_its_return() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("events.db"), folder.path().join("other.db"));
        fs::write(&path, "a").unwrap();
        let place = Whereabouts::of(&path, &path);
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
        let path = folder.path().join("none.db");
        let place = Whereabouts::of(&path, &path);
        assert!(place.seen_now().is_ok());
    }

    #[test]
    fn a_file_beside_the_database_is_missed_like_the_database_itself() {
        for end in ["-wal", "-shm", ".lock"] {
            let folder = tempfile::tempdir().unwrap();
            let (path, elsewhere) = (folder.path().join("events.db"), folder.path().join("elsewhere"));
            let side = beside(&path, end);
            fs::write(&path, "a").unwrap();
            fs::write(&side, "b").unwrap();
            let place = Whereabouts::of(&path, &path);
            assert!(place.seen_now().is_ok());
            fs::rename(&side, &elsewhere).unwrap();
            let error = place.seen_now().unwrap_err().to_string();
            assert!(error.contains(&format!("(`{end}`) was moved away")), "{error}");
            fs::write(&side, "b").unwrap();
            assert!(place.seen_now().is_err(), "another file has the name of {end}");
            fs::rename(&elsewhere, &side).unwrap();
            assert!(place.seen_now().is_ok(), "{end} is back");
        }
    }

    #[test]
    fn the_log_is_told_what_is_missing_each_time_that_changes() {
        let folder = tempfile::tempdir().unwrap();
        let (path, elsewhere) = (folder.path().join("events.db"), folder.path().join("elsewhere"));
        let log = beside(&path, "-wal");
        fs::write(&path, "a").unwrap();
        fs::write(&log, "b").unwrap();
        let place = Whereabouts::of(&path, &path);
        let look = || said(|| assert_eq!(place.seen_now().is_ok(), place.missing().is_none()));
        fs::rename(&log, &elsewhere).unwrap();
        let first = look();
        assert!(first.contains("ERROR") && first.contains("(`-wal`) was moved away"), "{first}");
        assert_eq!(look(), "", "told once");
        fs::rename(&path, folder.path().join("gone")).unwrap();
        let second = look();
        assert!(second.contains("its file was moved away"), "{second}");
        fs::rename(folder.path().join("gone"), &path).unwrap();
        fs::rename(&elsewhere, &log).unwrap();
        assert!(look().contains("back in its place"));
    }
}
