//! Recover: what can still be read of a damaged database, in a new one.
//!
//! The damaged file is only read, never written: every page is looked at by itself, and every row that holds together is
//! put into a new database. When that is whole and on disk, the damaged file gets a dated name beside it and the new one
//! takes its place. Stopped at any moment, the same command goes on where it was: until the new database is whole
//! (`….recovered`) nothing has changed, and from then on only names do. Owns this order and what is reported; leaves pages to
//! `pages`, rows to `rows` and what they mean to `tables`.

mod pages;
mod rows;
mod tables;

use std::collections::{BTreeMap, HashSet};
use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown, lchown};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use shared::{Event, UnixMs, time};

use self::pages::Pages;
use self::rows::Page;
use self::tables::{Filling, Found};
use super::{OpenError, lock, look, schema, suspicion};
use crate::store::Seq;

/// What the new database needs to know that the damaged one may no longer say.
pub struct Known<'a> {
    /// The dedup keys of an event.
    pub keys: &'a dyn Fn(&Event) -> Vec<String>,
    /// Names of the configured destinations.
    pub destinations: &'a [String],
}

/// What became of a damaged database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The damaged file's name from now on.
    pub kept: PathBuf,
    /// What was saved; `None` when an earlier run had done that and was stopped.
    pub saved: Option<Saved>,
}

/// What was saved, and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// Rows of each table that were saved, and rows that could not be believed.
    pub tables: Vec<(&'static str, Rows)>,
    /// The first and last number of the log, and how many between them have no event.
    pub numbers: (Seq, Seq, u64),
    /// Pages of which nothing could be read.
    pub pages: u64,
    /// Frames of the write-ahead log that were damaged and could not be made up for.
    pub frames: u64,
    /// Dedup keys that were lost and follow from their events.
    pub keys: u64,
    /// Destinations whose place in the log was lost, and where each starts again.
    pub restarted: Vec<(String, Seq)>,
}

/// Rows of one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// In the new database.
    pub saved: u64,
    /// Seen, and not whole.
    pub broken: u64,
}

/// Why nothing was recovered.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The database is in use, or its folder cannot be written.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The disk refused.
    #[error("{}: {source}; nothing was changed, run this again when it is mended", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Whoever runs this may not give files to the owner of the damaged one.
    #[error(
        "{} cannot be given to its owner, user {user} and group {group}: {source}; nothing was changed, run this as root or as that user",
        path.display()
    )]
    Owner {
        /// The database.
        path: PathBuf,
        /// The owner's number.
        user: u32,
        /// The number of its group.
        group: u32,
        /// What the system said.
        source: io::Error,
    },
    /// The new database refused.
    #[error("the new database could not be written: {0}; nothing was changed")]
    Filling(rusqlite::Error),
    /// A file of this name is there.
    #[error("{} is there already and is not overwritten; move it away", .0.display())]
    Taken(PathBuf),
}

/// Saves what can be read of the database at `path` into a new one in its place.
pub fn recover(path: &Path, known: &Known<'_>) -> Result<Recovered, RecoverError> {
    let (path, _lock) = lock::acquire_damaged(path)?;
    let whole = beside(&path, lock::RECOVERED);
    if whole.exists() {
        return Ok(Recovered { kept: swap(&path, &whole)?, saved: None });
    }
    let draft = beside(&path, ".recovering");
    let saved = save(&path, &draft, known).inspect_err(|_| discard(&draft))?;
    rename(&draft, &whole)?;
    Ok(Recovered { kept: swap(&path, &whole)?, saved: Some(saved) })
}

/// Fills a new database at `draft`; it is whole and on disk when this answers.
fn save(path: &Path, draft: &Path, known: &Known<'_>) -> Result<Saved, RecoverError> {
    let disk = |path: &Path| {
        let path = path.to_owned();
        move |source| RecoverError::Disk { path, source }
    };
    // What an earlier run left is not whole, or it would have another name.
    discard(draft);
    create(draft, path)?;
    let pages = Pages::open(path, &beside(path, "-wal")).map_err(disk(path))?;
    let connection = schema::open_writer(draft)?;
    // Until it is whole the draft is worth nothing, so nobody waits for the disk.
    connection.execute_batch("PRAGMA synchronous = OFF").map_err(RecoverError::Filling)?;
    let saved = fill(&connection, &pages, known).map_err(RecoverError::Filling)?;
    connection.close().map_err(|(_, source)| RecoverError::Filling(source))?;
    look::check(draft).map_err(RecoverError::Filling)?;
    File::open(draft).and_then(|file| file.sync_all()).map_err(disk(draft))?;
    Ok(saved)
}

/// Creates the draft with the owner and the mode of the damaged file, whose place it takes: root recovers what a relay that
/// is not root goes on with.
fn create(draft: &Path, damaged: &Path) -> Result<(), RecoverError> {
    let disk = |source| RecoverError::Disk { path: draft.to_owned(), source };
    let like = damaged.metadata().map_err(disk)?;
    let (user, group) = (like.uid(), like.gid());
    let file = lock::new_file(draft).map_err(disk)?;
    give(&file, &like).map_err(|source| {
        let path = damaged.to_owned();
        RecoverError::Owner { path, user, group, source }
    })?;
    // The owner must be able to use it, whatever the damaged file's mode was made to keep that as it is.
    let mode = (like.mode() & 0o777) | 0o600;
    file.set_permissions(Permissions::from_mode(mode)).map_err(disk)?;
    // The lock's file may have been made just now. Who is not root may not give it away, and need not.
    let _ = lchown(beside(damaged, ".lock"), Some(user), Some(group));
    Ok(())
}

/// Gives a file to the owner of another one. Who is not root may give nothing away, but may have nothing to give.
fn give(file: &File, like: &Metadata) -> io::Result<()> {
    let now = file.metadata()?;
    if (now.uid(), now.gid()) == (like.uid(), like.gid()) {
        return Ok(());
    }
    fchown(file, Some(like.uid()), Some(like.gid()))
}

/// Puts every row of every page into the new database.
fn fill(connection: &Connection, pages: &Pages, known: &Known<'_>) -> rusqlite::Result<Saved> {
    let mut filling = Filling::of(connection)?;
    let mut broken = BTreeMap::<&'static str, u64>::new();
    let (mut unread, mut overflow) = (HashSet::new(), HashSet::new());
    // What the first page says of the others is believed only where that page itself can be read.
    let mut of_others = 0;
    connection.execute_batch("BEGIN")?;
    for number in 1..=pages.count {
        match rows::read(pages, number, &mut overflow) {
            Page::Rows(rows, not_whole) => {
                if number == 1 {
                    of_others = i64::from(pages.cut_off) - i64::from(pages.free);
                }
                let mut neighbour = None;
                for row in rows {
                    match filling.put(&row)? {
                        Found::Saved(table) => neighbour = Some(table),
                        Found::Broken(table) => *broken.entry(table).or_default() += 1,
                        Found::Other => {}
                    }
                }
                // What does not even read is of the table its neighbours are of.
                if let Some(table) = neighbour {
                    *broken.entry(table).or_default() += not_whole;
                }
            }
            Page::Inner if number == 1 => of_others = i64::from(pages.cut_off) - i64::from(pages.free),
            Page::Inner => {}
            Page::Empty | Page::Other if pages.is_set_aside(number) => {}
            Page::Empty | Page::Other => {
                unread.insert(number);
            }
        }
        if number % PAGES_AT_ONCE == 0 {
            connection.execute_batch("COMMIT; BEGIN")?;
        }
    }
    filling.finish(known.destinations)?;
    let keys = filling.remake_keys(known.keys)?;
    let restarted = restart(connection, known.destinations)?;
    connection.execute_batch("COMMIT")?;
    let unread = unread.difference(&overflow).count() as u64;
    Ok(Saved {
        tables: count(connection, &broken)?,
        numbers: numbers(connection)?,
        pages: unread.saturating_add_signed(of_others),
        frames: pages.lost_frames(),
        keys,
        restarted,
    })
}

/// Pages whose rows share a transaction.
const PAGES_AT_ONCE: u32 = 4096;

/// Where every place in the log was lost, lets destinations start a day before the newest event.
///
/// At the log's end they would miss what they had not read; at its beginning they would send weeks that were delivered,
/// and platforms count an event twice that they took longer ago than they remember ids (the shortest: 48 hours).
fn restart(connection: &Connection, destinations: &[String]) -> rusqlite::Result<Vec<(String, Seq)>> {
    let lost = "SELECT count(*) = 0 AND (SELECT count(*) FROM log) > 0 FROM cursor";
    if !connection.query_row(lost, [], |row| row.get::<_, bool>(0))? {
        return Ok(Vec::new());
    }
    let from = "SELECT coalesce(min(seq), 1) - 1 FROM log
                WHERE received_ms >= (SELECT max(received_ms) FROM log) - ?1";
    let from: Seq = connection.query_row(from, [time::DAY_MS], |row| row.get(0))?;
    for destination in destinations {
        connection.execute("INSERT INTO cursor VALUES (?1, ?2)", rusqlite::params![destination, from])?;
    }
    Ok(destinations.iter().map(|destination| (destination.clone(), from + 1)).collect())
}

fn count(
    connection: &Connection,
    broken: &BTreeMap<&'static str, u64>,
) -> rusqlite::Result<Vec<(&'static str, Rows)>> {
    let rows = |table: &'static str| {
        let sql = format!("SELECT count(*) FROM {table}");
        let saved: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
        let broken = broken.get(table).copied().unwrap_or(0);
        Ok((table, Rows { saved: saved.unsigned_abs(), broken }))
    };
    tables::tables().map(rows).collect()
}

fn numbers(connection: &Connection) -> rusqlite::Result<(Seq, Seq, u64)> {
    let sql = "SELECT coalesce(min(seq), 0), coalesce(max(seq), 0), coalesce(max(seq) - min(seq) + 1 - count(*), 0) FROM log";
    connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?.unsigned_abs())))
}

/// Gives the damaged files their dated names and the new database its place. Can be repeated until it is done.
fn swap(path: &Path, whole: &Path) -> Result<PathBuf, RecoverError> {
    let disk = |source| RecoverError::Disk { path: path.to_owned(), source };
    let kept = beside(path, &format!(".damaged-{}", date(whole).map_err(disk)?));
    // The database last: as long as it has its name, its write-ahead log is known by it.
    let moves = [(beside(path, "-wal"), beside(&kept, "-wal")), (path.to_owned(), kept.clone())];
    for (from, to) in moves.iter().filter(|(from, _)| from.exists()) {
        if to.exists() {
            return Err(RecoverError::Taken(to.clone()));
        }
        rename(from, to)?;
    }
    discard(&beside(path, "-shm"));
    discard(&suspicion::note(path));
    rename(whole, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(disk)?;
    Ok(kept)
}

/// When the new database was whole, as part of a name. The file itself tells, so that a repeated swap finds the same.
fn date(whole: &Path) -> io::Result<String> {
    let since = whole.metadata()?.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let written = UnixMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
    Ok(written.rfc3339().replace(':', "-"))
}

fn rename(from: &Path, to: &Path) -> Result<(), RecoverError> {
    std::fs::rename(from, to).map_err(|source| RecoverError::Disk { path: from.to_owned(), source })
}

/// Takes a file away that is worth nothing, with SQLite's files beside it.
fn discard(path: &Path) {
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(beside(path, end));
    }
}

fn beside(path: &Path, end: &str) -> PathBuf {
    lock::beside(path, end)
}
