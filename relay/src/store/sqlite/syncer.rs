//! The syncer: the thread that makes committed transactions durable, and only then lets anyone know of them.
//!
//! The writer commits without waiting for the disk (`synchronous = NORMAL`) and hands each transaction on to here,
//! where all that have come are made durable by one fdatasync of the write-ahead log, are published, and are answered,
//! while the writer is busy with the next. Owns the promise behind every 202:
//!
//! 1. **An answer and a publication come after an fdatasync that began after the transaction's COMMIT had returned.**
//!    A transaction is handed on after its COMMIT, and a round takes in what was handed on before its sync begins.
//! 2. **Order.** Transactions are handed on, synced, published and answered in the order of their commits. Who is
//!    answered "duplicate" because of an earlier transaction that was not yet synced hears it after a sync that covers
//!    both; if that sync fails, neither is acknowledged.
//! 3. **Nobody acts on what is not published.** Other connections see a committed transaction before it is synced.
//!    Reads of the log therefore end at the published head, and work that depends on earlier work is itself work for the
//!    writer, or begins when that was answered. A list or a backup by an operator's command may hold events of the last
//!    moment that a power cut would still take away; it promises nothing about them.
//! 4. **A failed sync is final.** Linux reports a failed write-back once and then takes the pages for clean
//!    (fsync(2), "EIO"), so that a second sync would succeed without the data being there. The store is broken from then
//!    on: what was not confirmed is refused, and so is everything that follows, until a restart reads from the disk
//!    again. The same holds where SQLite's own syncs fail: see [`is_lost`].
//! 5. **Bounded.** At most [`MOST_AHEAD`] transactions wait here; then the writer waits, and with it the queue, whose
//!    room a request gives back with its answer.
//!
//! Why syncing this one file is enough, whatever the checkpoints do meanwhile (<https://www.sqlite.org/wal.html>,
//! "How Checkpointing Works" and "Avoiding Excessively Large WAL Files"; `walCheckpoint` and `walFrames` in SQLite's
//! wal.c; read 2026-11-27):
//!
//! - A frame stays in the log until the log starts over, and it starts over only when *all* of it has been copied into the
//!   database. Under NORMAL a checkpoint syncs the log before it copies the first page, and the database before it
//!   counts the whole log as copied. A transaction whose frames a restarted log overwrites is thus durable in the
//!   database already, and our sync has only to succeed.
//! - The first transaction of a restarted log writes a new header and syncs it before any frame, also under NORMAL. A
//!   header that is torn by a power cut invalidates the log as a whole, all of which is then in the database; with
//!   the header in place, recovery takes the new frames up to the last whole transaction.
//! - The file stays the same one as long as we run: a checkpoint truncates it at most, and only the last connection to close
//!   removes it. The writer's connection is open before our descriptor is and closed after. SQLite keeps its locks on the
//!   database and the `-shm` file, so that our descriptor, closed, takes none with it.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SendError, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::ffi;

use super::job::{Job, Ran, answer};
use super::published::Published;
use super::session::Committed;
use super::{OpenError, spawn_vital};
use crate::store::StoreError;

/// The thread's name.
const THREAD: &str = "store sync";
/// Transactions that may wait for the next sync. More than are ever committed during one on a healthy disk; on a slow one
/// the next groups grow meanwhile.
const MOST_AHEAD: usize = 8;

/// Makes what was written so far durable. The seam where a test has the disk fail or wait.
pub(super) type Confirm = Box<dyn FnMut() -> io::Result<()> + Send>;

/// A group whose transaction is committed.
pub(super) struct Group {
    /// Its jobs.
    pub(super) jobs: Vec<Box<dyn Job>>,
    /// What became of each.
    pub(super) ran: Vec<Ran>,
    /// What they changed.
    pub(super) committed: Committed,
}

impl Group {
    /// Answers every job with the error.
    fn refuse(self, error: &StoreError) {
        refuse(self.jobs, error);
    }
}

/// Answers every job with the error.
pub(super) fn refuse(jobs: Vec<Box<dyn Job>>, error: &StoreError) {
    for job in jobs {
        job.answer(Some(error.clone()));
    }
}

/// The thread, as the writer sees it. Finishes what was handed on when dropped.
pub(super) struct Syncer {
    groups: Option<SyncSender<Group>>,
    thread: Option<JoinHandle<()>>,
}

impl Syncer {
    /// Starts it.
    pub(super) fn start(path: &Path, sync: Confirm, published: Arc<Published>) -> Result<Self, OpenError> {
        let (groups, handed_on) = sync_channel(MOST_AHEAD);
        let told = Arc::clone(&published);
        let thread = spawn_vital(THREAD, path, told, move || work(&handed_on, sync, &published))?;
        Ok(Self { groups: Some(groups), thread: Some(thread) })
    }

    /// Takes a group over. Waits while too many are ahead of it.
    pub(super) fn hand_on(&self, group: Group) {
        // The thread ends after the writer only, or by a panic, which it has told then; what it cannot take is not durable.
        let Some(groups) = &self.groups else { return };
        if let Err(SendError(group)) = groups.send(group) {
            group.refuse(&StoreError::Closed);
        }
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.groups = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The thread's life: round after round.
fn work(handed_on: &Receiver<Group>, mut sync: Confirm, published: &Published) {
    while let Ok(first) = handed_on.recv() {
        let mut round = vec![first];
        round.extend(handed_on.try_iter());
        let confirmed = published.sound().and_then(|()| sync().map_err(|error| published.break_down(error)));
        match confirmed {
            Ok(()) => finish(round, published),
            Err(error) => round.into_iter().for_each(|group| group.refuse(&error)),
        }
    }
}

/// Publishes and answers what is durable.
fn finish(round: Vec<Group>, published: &Published) {
    let (mut jobs, mut ran, mut spent) = (Vec::new(), Vec::new(), Vec::new());
    for group in round {
        let Committed { head, appended, spent: events, forgotten } = group.committed;
        published.publish(head, appended, &forgotten);
        jobs.extend(group.jobs);
        ran.extend(group.ran);
        spent.extend(events);
    }
    answer(jobs, ran, spent);
}

/// Opens the write-ahead log for syncing. What an earlier process left in it, and the file's place in its folder, are
/// durable when this returns. The writer's connection must be open: it creates the file.
pub(super) fn open_wal(path: &Path) -> Result<Confirm, OpenError> {
    let mut name = path.to_owned().into_os_string();
    name.push("-wal");
    let inaccessible = |source| OpenError::Inaccessible { path: path.to_owned(), source };
    let wal = File::options().write(true).open(name).map_err(inaccessible)?;
    wal.sync_all().map_err(inaccessible)?;
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(inaccessible)?;
    }
    Ok(Box::new(move || wal.sync_data()))
}

/// Whether an error of the store's says that the disk did not confirm something to SQLite. Also where SQLite itself goes
/// on, as after a failed checkpoint, pages that are taken for written may be gone.
pub(super) fn is_lost(error: &StoreError) -> bool {
    let StoreError::Engine { source, .. } = error else { return false };
    source.downcast_ref().is_some_and(is_unsynced)
}

/// The same of an error of the engine's.
pub(super) fn is_unsynced(error: &rusqlite::Error) -> bool {
    let unsynced = [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_DIR_FSYNC];
    error.sqlite_error().is_some_and(|error| unsynced.contains(&error.extended_code))
}

#[cfg(test)]
mod tests;
