//! The tables, the settings of a connection, and the way from an older file to this one.
//!
//! Tables are few and rows short: the writer's cost per event is the number of B-trees it touches and whether they
//! grow at the end. `log` grows at the end by its number, `dedup` mostly by time because minted ids are UUIDv7. Nothing is indexed that an event would have to pay for and only a rare question needs:
//! erasing a visitor walks the log instead. The operator may read all of it with the sqlite3 tool:
//! `SELECT seq, body ->> '$.event' FROM log`.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::lock::beside;
use super::{OpenError, suspicion};
use crate::store::Seq;

/// Marks the file as ours in its header: "ATrk".
const APPLICATION_ID: i32 = 0x4154_726b;

/// Steps from an empty file to the present. A step, once released, never changes; a file's `user_version` counts the
/// steps it has seen.
const STEPS: &[&str] = &[
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
    include_str!("schema/5.sql"),
    include_str!("schema/6.sql"),
];

/// How long a connection waits for another's lock. Only the last moments of a checkpoint ever lock; an operator's
/// own `BEGIN IMMEDIATE` does, too, and must not stop the relay at once.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens the one connection that writes, and brings the file up to date.
pub(super) fn open_writer(path: &Path) -> Result<Connection, OpenError> {
    let engine = |source| OpenError::of(path, source);
    let mut connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(engine)?;
    // First of all whether the file is ours: nothing may be written into one that is not.
    inspect(&connection, path, STEPS.len())?;
    configure_writer(&connection).map_err(engine)?;
    migrate(&mut connection, STEPS).map_err(engine)?;
    Ok(connection)
}

/// Looks whether a database can be used, without changing a byte of it: an error leaves the file as it was.
///
/// Reads the schema and the end of the log, and the whole file when damage was met before.
pub(super) fn probe(path: &Path) -> Result<(), OpenError> {
    if bytes(path) == 0 {
        return not_emptied(path);
    }
    let connection = open_reader(path)?;
    understood(&connection, path)?;
    let engine = |source| OpenError::of(path, source);
    if connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0)).map_err(engine)? > 0 {
        head(&connection).map_err(engine)?;
    }
    let note = suspicion::note(path);
    if note.exists() {
        tracing::warn!(note = %note.display(), "damage was met before; checking the whole database");
        whole(&connection).map_err(engine)?;
        std::fs::remove_file(&note)
            .map_err(|source| OpenError::Inaccessible { path: path.to_owned(), source })?;
    }
    Ok(())
}

/// Refuses a file without a byte beside a write-ahead log that has some: SQLite would throw that log away.
pub(super) fn not_emptied(path: &Path) -> Result<(), OpenError> {
    if bytes(path) == 0 && bytes(&beside(path, "-wal")) > 0 {
        return Err(OpenError::emptied(path));
    }
    Ok(())
}

fn bytes(path: &Path) -> u64 {
    path.metadata().map_or(0, |found| found.len())
}

/// Reads a whole database to see that it holds together; not, as a full check would, that indexes agree with tables.
pub(super) fn whole(connection: &Connection) -> rusqlite::Result<()> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(damaged(found)) }
}

/// What a check found, as an error of SQLite's.
pub(super) fn damaged(found: String) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT), Some(found))
}

/// Opens a connection that only reads. The writer must be open: it creates what a reader needs.
pub(super) fn open_reader(path: &Path) -> Result<Connection, OpenError> {
    let engine = |source| OpenError::of_header(path, source);
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .map_err(engine)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(engine)?;
    // Readers walk forward through what the writer no longer keeps in memory; a small cache is enough.
    connection.execute_batch("PRAGMA cache_size = -2048; PRAGMA temp_store = MEMORY;").map_err(engine)?;
    Ok(connection)
}

/// Refuses a database that this program cannot read.
pub(super) fn understood(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    inspect(connection, path, STEPS.len())
}

/// Opens the connection that moves the write-ahead log into the database. The writer must be open.
pub(super) fn open_helper(path: &Path) -> Result<Connection, OpenError> {
    let engine = |source| OpenError::of(path, source);
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(engine)?;
    connection
        .execute_batch(
            "PRAGMA synchronous = NORMAL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;",
        )
        .map_err(engine)?;
    Ok(connection)
}

/// Settings of the writing connection, each with its reason.
///
/// `mmap_size` stays 0: under memory mapping a failing disk kills the process (SIGBUS) where it should return an
/// error. `auto_vacuum` stays off: pruned pages are reused by the next events, so the file stays at its largest
/// size; shrinking it would cost every page a second write, and `VACUUM` is there for the day it is wanted.
fn configure_writer(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch(
        "PRAGMA page_size = 4096;           -- one block of most disks: a lone event dirties little
         PRAGMA journal_mode = WAL;         -- readers never wait for the writer
         PRAGMA synchronous = NORMAL;       -- COMMIT does not sync, `syncer` does; checkpoints still sync both files
         PRAGMA fullfsync = ON;             -- on macOS fsync alone stops at the disk's own cache
         PRAGMA checkpoint_fullfsync = ON;
         PRAGMA wal_autocheckpoint = 16384; -- a safety net: the writer checkpoints earlier, after it has answered
         PRAGMA journal_size_limit = 67108864;
         PRAGMA secure_delete = ON;         -- what is erased or pruned is overwritten, not only unlinked
         PRAGMA foreign_keys = OFF;
         PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -24576;        -- 24 MB: the growing ends of all tables and most visitors
         PRAGMA trusted_schema = OFF;",
    )
}

/// Refuses a file of a newer relay and one of another program.
fn inspect(connection: &Connection, path: &Path, known: usize) -> Result<(), OpenError> {
    let engine = |source| OpenError::of_header(path, source);
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(engine);
    let version = number("SELECT user_version FROM pragma_user_version")?;
    let application = number("SELECT application_id FROM pragma_application_id")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    let known = known as i64;
    if application != i64::from(APPLICATION_ID) && (application != 0 || version != 0 || tables != 0) {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    if version > known {
        return Err(OpenError::Newer { path: path.to_owned(), found: version, known });
    }
    Ok(())
}

/// Takes the steps the file has not seen, all in one transaction.
fn migrate(connection: &mut Connection, steps: &[&str]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let seen: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    for step in steps.iter().skip(usize::try_from(seen).unwrap_or(0)) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", steps.len() as i64)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.commit()
}

/// The log's last number. Every table that names a number is asked, so that none is given twice even when the
/// newest events are gone, be it by pruning or by an operator's hand.
pub(super) fn head(connection: &Connection) -> rusqlite::Result<Seq> {
    connection.query_row(
        "SELECT max(coalesce((SELECT max(seq) FROM log), 0), coalesce((SELECT max(seq) FROM log_head), 0),
                    coalesce((SELECT max(seq) FROM cursor), 0), coalesce((SELECT max(seq) FROM retry), 0),
                    coalesce((SELECT max(seq) FROM dead), 0))",
        [],
        |row| row.get(0),
    )
}

#[cfg(test)]
mod tests {
    use super::super::short;
    use super::*;

    fn memory() -> Connection {
        Connection::open_in_memory().unwrap()
    }

    #[test]
    fn a_file_takes_only_the_steps_it_has_not_seen() {
        let mut connection = memory();
        let (one, two) = ("CREATE TABLE a (x)", "CREATE TABLE b (x); INSERT INTO a VALUES (1)");
        migrate(&mut connection, &[one]).unwrap();
        migrate(&mut connection, &[one, two]).unwrap();
        migrate(&mut connection, &[one, two]).unwrap();
        let rows: i64 = connection.query_row("SELECT count(*) FROM a", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 1);
        inspect(&connection, Path::new("events.db"), 2).unwrap();
    }

    #[test]
    fn a_failing_step_leaves_the_file_as_it_was() {
        let mut connection = memory();
        migrate(&mut connection, &["CREATE TABLE a (x)", "CREATE TABLE b (x); nonsense"]).unwrap_err();
        let tables: i64 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
        assert_eq!(tables, 0);
    }

    #[test]
    fn only_an_empty_file_and_our_own_are_accepted() {
        let check = |sql: &str, expected: fn(&Result<(), OpenError>) -> bool| {
            let connection = memory();
            connection.execute_batch(sql).unwrap();
            let found = inspect(&connection, Path::new("events.db"), 1);
            assert!(expected(&found), "{sql}: {found:?}");
        };
        check("", |found| found.is_ok());
        check("CREATE TABLE theirs (x)", |found| matches!(found, Err(OpenError::Foreign { .. })));
        check("PRAGMA user_version = 1", |found| matches!(found, Err(OpenError::Foreign { .. })));
        check("PRAGMA application_id = 7", |found| matches!(found, Err(OpenError::Foreign { .. })));
        check("PRAGMA application_id = 0x4154726b; PRAGMA user_version = 1", |found| found.is_ok());
        check("PRAGMA application_id = 0x4154726b; PRAGMA user_version = 2", |found| {
            matches!(found, Err(OpenError::Newer { found: 2, known: 1, .. }))
        });
    }

    #[test]
    fn identities_of_an_older_file_are_found_under_their_short_keys() {
        let mut connection = memory();
        migrate(&mut connection, &STEPS[..4]).unwrap();
        let digest = "c3374bcfe3572e09f37602e0e179782352c5e117a4a3767824abbaa21bbdef8b";
        let uuid = "0195e7a2-7b80-7cc3-98c4-dc0c0c07398f";
        let keys = ["em:", "ph:", "xid:", "ord:", "em:x"].map(|begin| format!("{begin}{digest}"));
        let visitors = [
            uuid,
            "ann",
            "00000000-ffff-0000-gggg-000000000000",
            "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaa--",
            &uuid.to_uppercase(),
        ];
        for (key, visitor) in keys.iter().flat_map(|key| visitors.map(|visitor| (key, visitor))) {
            let row = rusqlite::params![visitor, key, visitor, 7, 5, " ann ben "];
            connection.execute("INSERT INTO identity VALUES (?1, ?2, ?3, ?4, ?5, ?6)", row).unwrap();
        }
        migrate(&mut connection, STEPS).unwrap();
        for (key, visitor) in keys.iter().flat_map(|key| visitors.map(|visitor| (key, visitor))) {
            let sql = "SELECT visitor, visitor_id, visitors, seen_ms, known FROM identity WHERE site = ?1 AND key = ?2
                       AND visitor = ?3";
            let row = rusqlite::params![visitor, short::key(key), short::visitor(visitor)];
            let found = connection.query_row(sql, row, |row| {
                let known: (String, i64, i64, String) = (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
                Ok((short::visitor_of(row.get_ref(0)?)?, known))
            });
            let known = (visitor.to_owned(), 7, 5, " ann ben ".to_owned());
            assert_eq!(found.unwrap(), (visitor.to_owned(), known), "{key} {visitor}");
        }
    }

    #[test]
    fn keys_of_an_older_file_that_become_one_have_led_to_the_visitors_of_both() {
        let mut connection = memory();
        migrate(&mut connection, &STEPS[..4]).unwrap();
        let made_up = |end: &str| format!("em:{}{end}", "0".repeat(61));
        let rows = [("111", "ann", 1, 7, ""), ("222", "cat", 2, 9, " ben cat "), ("333", "dan", 1, 8, "")];
        for (end, visitor, visitors, seen, known) in rows {
            let row = rusqlite::params!["shop", made_up(end), visitor, visitors, seen, known];
            connection.execute("INSERT INTO identity VALUES (?1, ?2, ?3, ?4, ?5, ?6)", row).unwrap();
        }
        migrate(&mut connection, STEPS).unwrap();
        let sql = "SELECT visitor_id, visitors, seen_ms, known FROM identity WHERE key = ?1";
        let found = connection.query_row(sql, [short::key(&made_up("444"))], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, i64>(2)?,
                row.get::<_, String>(3)?,
            ))
        });
        assert_eq!(found.unwrap(), ("cat".to_owned(), 4, 9, " ann ben cat cat dan ".to_owned()));
    }

    #[test]
    fn the_log_of_an_older_file_is_found_by_its_hours() {
        let mut connection = memory();
        migrate(&mut connection, &STEPS[..5]).unwrap();
        for (seq, received) in [(4, 3_600_000), (5, 3_599_999), (6, 7_100_000), (7, 7_200_000)] {
            let row = rusqlite::params![seq, received];
            connection.execute("INSERT INTO log VALUES (?1, 'shop', ?2, NULL, '{}')", row).unwrap();
        }
        migrate(&mut connection, STEPS).unwrap();
        let mut hours = connection.prepare("SELECT hour, first, last FROM log_hour").unwrap();
        let hours: Result<Vec<(i64, Seq, Seq)>, _> =
            hours.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap().collect();
        assert_eq!(hours.unwrap(), [(0, 5, 5), (1, 4, 6), (2, 7, 7)]);
    }

    #[test]
    fn the_head_is_the_highest_number_any_table_names() {
        let check = |sql: &str, expected| {
            let mut connection = memory();
            migrate(&mut connection, STEPS).unwrap();
            connection.execute_batch(sql).unwrap();
            assert_eq!(head(&connection).unwrap(), expected, "{sql}");
        };
        check("", 0);
        check("INSERT INTO log VALUES (4, 'shop', 1, NULL, '{}')", 4);
        check("INSERT INTO log_head VALUES (1, 5)", 5);
        check("INSERT INTO cursor VALUES ('meta', 6)", 6);
        check("INSERT INTO retry VALUES (7, 'meta', 1, 1, 1, '')", 7);
        check("INSERT INTO dead VALUES ('meta', 8, 'shop', 'Lead', 'e', 1, '')", 8);
    }
}
