//! Looking at a database without being its relay: lists, exports and backups, also while a relay writes.
//!
//! Every question is one short read on its own snapshot; nothing is locked, and nothing can be changed.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use shared::UnixMs;

use super::{OpenError, engine_error, hours, lock, reader, schema, suspicion};
use crate::store::{Backlog, DeadLetter, Logged, Seq, StoreError};

/// A database open for reading.
#[derive(Debug)]
pub struct Look {
    connection: Connection,
    path: PathBuf,
}

impl Look {
    /// Opens a database that is there and of this program's version or older.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let inaccessible = |source| OpenError::Inaccessible { path: path.to_owned(), source };
        lock::not_half_recovered(path)?;
        if path.metadata().map_err(inaccessible)?.is_dir() {
            return Err(inaccessible(io::ErrorKind::IsADirectory.into()));
        }
        schema::not_emptied(path)?;
        let connection = schema::open_reader(path)?;
        schema::understood(&connection, path)?;
        Ok(Self { connection, path: path.to_owned() })
    }

    /// Reads the whole database to see that it holds together.
    pub fn check(&self) -> Result<(), OpenError> {
        schema::whole(&self.connection).map_err(|source| OpenError::of(&self.path, source))
    }

    /// The same, if a relay has met damage in it.
    pub fn check_if_suspect(&self) -> Result<(), OpenError> {
        if suspicion::note(&self.path).exists() { self.check() } else { Ok(()) }
    }

    /// Up to `limit` events after `after`, in order.
    pub fn events(&self, after: Seq, limit: usize) -> Result<Vec<Logged>, StoreError> {
        reader::read(&self.connection, after, Seq::MAX, limit)
    }

    /// One event, unless it is gone.
    pub fn event(&self, seq: Seq) -> Result<Option<Logged>, StoreError> {
        let found = reader::read(&self.connection, seq - 1, seq, 1)?;
        Ok(found.into_iter().next())
    }

    /// The number before the first event that arrived at `from` or later; the log's last one when there is none.
    pub fn before(&self, from: UnixMs) -> Result<Seq, StoreError> {
        let found = hours::first_since(&self.connection, from);
        let first = found.map_err(|source| engine_error("look for the first event", source))?;
        first.map_or_else(|| self.last(), |first| Ok(first - 1))
    }

    /// The log's last number.
    fn last(&self) -> Result<Seq, StoreError> {
        let sql = "SELECT coalesce(max(seq), 0) FROM log";
        let last = self.connection.query_row(sql, [], |row| row.get(0));
        last.map_err(|source| engine_error("look for the last event", source))
    }

    /// What a destination has in hand, and the reason of what is tried again first.
    pub fn backlog(&self, destination: &str) -> Result<(Backlog, Option<String>), StoreError> {
        let counted = reader::backlog(&self.connection, destination)?;
        let first = reader::due(&self.connection, destination, UnixMs(i64::MAX), Seq::MAX, 1)?;
        let head = counted.cursor.max(self.last()?);
        Ok((Backlog { head, ..counted }, first.into_iter().next().map(|pending| pending.reason)))
    }

    /// Up to `limit` dead letters of a destination, newest first.
    pub fn dead_letters(&self, destination: &str, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        reader::dead_letters(&self.connection, destination, limit)
    }

    /// One dead letter.
    pub fn dead_letter(&self, destination: &str, seq: Seq) -> Result<Option<DeadLetter>, StoreError> {
        Ok(self.dead_letters(destination, usize::MAX)?.into_iter().find(|letter| letter.seq == seq))
    }

    /// Writes a copy of the database as it is at this moment to a file that is not there yet, and checks the copy.
    pub fn back_up(&self, to: &Path) -> Result<(), OpenError> {
        let inaccessible = |source| OpenError::Inaccessible { path: to.to_owned(), source };
        let engine = |source| OpenError::of(to, source);
        // Created first, for its owner alone; SQLite takes an empty file as a new one.
        let file: File = lock::new_file(to).map_err(inaccessible)?;
        let copied = self.connection.execute("VACUUM INTO ?1", [to.to_string_lossy()]);
        let checked = copied.map_err(engine).and_then(|_| {
            file.sync_all().map_err(inaccessible)?;
            check(to).map_err(engine)
        });
        if checked.is_err() {
            let _ = std::fs::remove_file(to);
        }
        checked
    }
}

/// Reads a whole database to see that it holds together.
pub(super) fn check(path: &Path) -> rusqlite::Result<()> {
    let connection = Connection::open(path)?;
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(schema::damaged("the copy is damaged".to_owned())) }
}
