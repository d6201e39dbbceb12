//! Moving the write-ahead log into the database.
//!
//! Most of it is moved by a thread of its own, on a connection of its own, while the writer goes on: SQLite lets one
//! connection move what another has committed (<https://www.sqlite.org/wal.html#checkpointing>, read 2026-11-27).
//! But the log only starts over once all of it has been moved, and under load it grows meanwhile; the writer
//! therefore moves the little that came since, and does so between two transactions. Owns when either happens and
//! that the log stays bounded. Leaves to the writer that nobody waits for it, and to `syncer` why a log that starts
//! over takes nothing away that was not durable.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use super::syncer::{is_lost, is_unsynced};
use super::{OpenError, engine_error, schema, spawn};
use crate::store::StoreError;

/// Stored bytes after which the helper begins to move them. Small enough to stay in the page cache of a small
/// machine, large enough that the second fsync it costs is rare.
const BEGIN_BYTES: usize = 12 * 1024 * 1024;
/// Stored bytes after which the writer waits for the helper, so that the log stays bounded.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// How long the writer, and with it every append, waits for readers when the write-ahead log must be emptied at once.
pub(super) const PATIENCE: Duration = Duration::from_millis(200);

/// The helper's thread, as the writer sees it. Ends it when dropped.
pub(super) struct Helper {
    /// Tells it to move; absent once it is to end.
    begin: Option<Sender<()>>,
    moved: Receiver<Result<(), StoreError>>,
    /// Whether it was told to and has not said that it has.
    moving: bool,
    thread: Option<JoinHandle<()>>,
}

impl Helper {
    /// Starts it. The writer's connection must be open: it creates what this one needs.
    pub(super) fn start(path: &Path) -> Result<Self, OpenError> {
        let connection = schema::open_helper(path)?;
        let (begin, begins) = channel();
        let (tell, moved) = channel();
        let thread = spawn("store checkpoint", path, move || {
            while begins.recv().is_ok() {
                // Fails when the writer has ended; so does the next `recv`.
                let _ = tell.send(move_passively(&connection));
            }
        })?;
        Ok(Self { begin: Some(begin), moved, moving: false, thread: Some(thread) })
    }

    /// Lets it begin. One that has ended leaves all of the work to the writer.
    fn begin(&mut self) {
        self.moving = self.begin.as_ref().is_some_and(|begin| begin.send(()).is_ok());
    }

    /// Whether it is still at work; if need be, waits until it is not. An error when the disk failed it for good.
    fn is_moving(&mut self, wait: bool) -> Result<bool, StoreError> {
        if !self.moving {
            return Ok(false);
        }
        let moved = if wait {
            self.moved.recv().map_err(|_| TryRecvError::Disconnected)
        } else {
            self.moved.try_recv()
        };
        self.moving = matches!(moved, Err(TryRecvError::Empty));
        match moved {
            Ok(Err(error)) if is_lost(&error) => return Err(error),
            // The writer is about to try the same, and its error counts.
            Ok(Err(error)) => tracing::warn!(%error, "the store's helper could not move the write-ahead log"),
            Ok(Ok(())) | Err(TryRecvError::Empty | TryRecvError::Disconnected) => {}
        }
        Ok(self.moving)
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.begin = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// When the log is moved; the writer's.
pub(super) struct Checkpoints {
    helper: Helper,
    /// Whether the helper was told to move what there was; the rest is the writer's.
    told: bool,
    /// Bytes in the write-ahead log since it was last moved, roughly.
    unmoved_bytes: usize,
    /// Whether the write-ahead log must be emptied as soon as no reader stands in the way.
    empty_wal: bool,
}

impl Checkpoints {
    /// For a log of which nothing is known.
    pub(super) fn new(helper: Helper) -> Self {
        Self { helper, told: false, unmoved_bytes: 0, empty_wal: false }
    }

    /// Notes what a transaction added, roughly.
    pub(super) fn grown(&mut self, bytes: usize) {
        self.unmoved_bytes += bytes;
    }

    /// Empties the log, now if no reader stands in the way, else after one of the transactions that follow.
    pub(super) fn empty(&mut self, writer: &Connection) -> Result<(), StoreError> {
        self.empty_wal = true;
        self.run(writer, PATIENCE)
    }

    /// Moves the log where that is due. What a reader still needs stays for next time.
    pub(super) fn run(&mut self, writer: &Connection, patience: Duration) -> Result<(), StoreError> {
        if self.empty_wal {
            // Of two who move at once, SQLite turns one away.
            self.helper.is_moving(true)?;
            self.empty_wal = !empty_wal(writer, patience)?;
        } else if self.is_last_due()? {
            move_passively(writer)?;
        } else {
            return Ok(());
        }
        self.unmoved_bytes = 0;
        self.told = false;
        Ok(())
    }

    /// Whether the helper has done its part. Tells it to begin where it has not been told.
    fn is_last_due(&mut self) -> Result<bool, StoreError> {
        if self.unmoved_bytes < BEGIN_BYTES {
            return Ok(false);
        }
        if !self.told {
            self.told = true;
            self.helper.begin();
        }
        Ok(!self.helper.is_moving(self.unmoved_bytes >= MOST_BYTES)?)
    }
}

/// Moves what an earlier process left in the log, so that it is written anew: where a sync had failed, the system may take
/// pages for written that the disk does not have, and the log reads well all the same. A disk that is full is only warned
/// of: what can be delivered is delivered, and pruning makes room.
pub(super) fn clear_up(writer: &Connection) -> rusqlite::Result<()> {
    match try_empty(writer, PATIENCE) {
        Ok(_) => Ok(()),
        Err(error) if is_unsynced(&error) => Err(error),
        Err(error) => {
            tracing::warn!(%error, "the store keeps an earlier write-ahead log for now");
            Ok(())
        }
    }
}

/// Moves what no reader needs any more, waiting for nobody.
fn move_passively(connection: &Connection) -> Result<(), StoreError> {
    let moved = connection.execute_batch("PRAGMA wal_checkpoint(PASSIVE)");
    moved.map_err(|source| engine_error(MOVING, source))
}

/// Moves the whole write-ahead log into the database and empties it, waiting so long for those who still read it.
/// Answers whether it is empty; a reader that stays is no error.
pub(super) fn empty_wal(connection: &Connection, patience: Duration) -> Result<bool, StoreError> {
    try_empty(connection, patience).map_err(|source| engine_error(MOVING, source))
}

fn try_empty(connection: &Connection, patience: Duration) -> rusqlite::Result<bool> {
    connection.busy_timeout(patience)?;
    // The first column says whether something stood in the way (https://www.sqlite.org/pragma.html#pragma_wal_checkpoint,
    // read 2026-11-23).
    let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
    let emptied = connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map(|blocked| blocked == 0);
    connection.busy_timeout(schema::BUSY_TIMEOUT)?;
    emptied
}

/// What a failed checkpoint was doing.
const MOVING: &str = "move the write-ahead log into the database";
