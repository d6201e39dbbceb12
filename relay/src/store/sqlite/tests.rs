//! What only the engine itself can provoke: a database that refuses in the middle of the writer's work.

use std::sync::Arc;

use rusqlite::params;
use shared::{Event, UnixMs};
use tempfile::TempDir;

use super::job::Job;
use super::session::Session;
use super::*;
use crate::store::{Incoming, Settlement, Store, Transaction, Verdict};

fn append_only(transaction: &mut dyn Transaction, incoming: Incoming) -> Result<Verdict, StoreError> {
    transaction.append(incoming).map(Verdict::Stored)
}

fn open() -> (TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("events.db"), append_only).unwrap();
    (folder, store)
}

fn event(bytes: usize) -> Incoming {
    let json = format!(r#"{{"event":"{}","event_id":"e","time":1,"source":"web"}}"#, "x".repeat(bytes));
    let event: Event = serde_json::from_str(&json).unwrap();
    Incoming { site: Arc::from("shop"), received: UnixMs(1), event: event.into() }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn execute(session: &mut Session<'_>, sql: &str) -> Result<usize, StoreError> {
    session.execute("test", sql, params![])
}

/// Limits the file to so many pages, as a full disk would.
async fn limit_pages(store: &SqliteStore, pages: usize) {
    let sql = format!("PRAGMA max_page_count = {pages}");
    store.write(move |session| session.rows("test", &sql, [], |_| Ok(()))).await.unwrap();
}

#[test]
fn a_full_disk_fails_the_request_and_nothing_else() {
    let (_folder, store) = open();
    run(async {
        assert_eq!(store.append(vec![event(100)]).await.unwrap(), [Verdict::Stored(1)]);
        limit_pages(&store, 40).await;
        let error = store.append((0..30).map(|_| event(8000)).collect()).await.unwrap_err();
        assert!(error.to_string().contains("could not append an event"), "{error}");
        assert!(error.to_string().contains("full"), "{error}");
        assert_eq!(*store.watch().borrow(), 1);
        assert_eq!(store.append(vec![event(100)]).await.unwrap(), [Verdict::Stored(2)], "a small one fits");
        limit_pages(&store, 100_000).await;
        store.append((0..30).map(|_| event(8000)).collect()).await.unwrap();
        let read = store.read(0, 99).await.unwrap();
        assert_eq!(read.iter().map(|logged| logged.seq).collect::<Vec<_>>(), (1..=32).collect::<Vec<_>>());
    });
}

#[test]
fn a_failure_of_the_database_that_work_overlooks_is_not_committed() {
    let (_folder, store) = open();
    run(async {
        let overlooked = store.write(|session| {
            session.append(event(1))?;
            let _ = execute(session, "INSERT INTO nowhere VALUES (1)");
            Ok(())
        });
        let error = overlooked.await.unwrap_err().to_string();
        assert!(error.contains("no such table: nowhere"), "{error}");
        assert!(store.read(0, 9).await.unwrap().is_empty());
        assert_eq!(store.append(vec![event(1)]).await.unwrap(), [Verdict::Stored(1)]);
    });
}

#[test]
fn a_row_that_does_not_read_back_is_an_error_not_a_gap() {
    let (folder, store) = open();
    run(async {
        store.append(vec![event(1)]).await.unwrap();
        let spoil = "UPDATE log SET body = '{\"event\":7}'";
        store.write(move |session| execute(session, spoil)).await.unwrap();
        let spoil = "INSERT INTO visitor VALUES ('shop', 'ann', 1, 'no JSON')";
        store.write(move |session| execute(session, spoil)).await.unwrap();
        store.close().await.unwrap();
        drop(store);
        let store = SqliteStore::open(&folder.path().join("events.db"), append_only).unwrap();
        assert!(matches!(store.read(0, 9).await, Err(StoreError::Corrupt { what: "event" })));
        assert!(matches!(store.visitor("shop", "ann").await, Err(StoreError::Corrupt { what: "visitor" })));
        let read = store.write(|session| Transaction::visitor(session, "shop", "ann").map(drop));
        assert!(matches!(read.await, Err(StoreError::Corrupt { what: "visitor" })));
    });
}

#[test]
fn a_store_that_is_closed_says_so_and_does_not_miss_the_log_that_it_removed() {
    let (folder, store) = open();
    run(async {
        store.append(vec![event(1)]).await.unwrap();
        store.close().await.unwrap();
        assert!(!folder.path().join("events.db-wal").exists());
        assert!(matches!(store.ping().await, Err(StoreError::Closed)));
        assert!(matches!(store.append(vec![event(1)]).await, Err(StoreError::Closed)));
    });
}

/// Work that panics where the writer catches nothing.
struct Unweighable;

impl Job for Unweighable {
    fn weight(&self) -> usize {
        panic!("the writer was told to panic")
    }

    fn runtime(&self) -> Option<&Handle> {
        None
    }

    fn run(&mut self, _: &mut Session<'_>) -> Result<(), StoreError> {
        Ok(())
    }

    fn answer(self: Box<Self>, _: Option<StoreError>) {}
}

impl SqliteStore {
    /// Has the writer's thread panic.
    pub(crate) fn strike_writer(&self) {
        assert!(self.writer.commands.send(Command::Work(Box::new(Unweighable))).is_ok(), "it runs");
    }
}

#[test]
fn a_writer_that_panics_ends_the_stores_work_and_takes_nothing_that_was_acknowledged() {
    let (folder, store) = open();
    run(async {
        let ended = |error: StoreError| {
            assert!(matches!(error, StoreError::Ended { thread: "store writer" }), "{error}");
        };
        store.append(vec![event(1)]).await.unwrap();
        store.strike_writer();
        ended(store.ended().await);
        ended(store.ping().await.unwrap_err());
        ended(store.append(vec![event(1)]).await.unwrap_err());
        ended(store.settle("meta", Settlement::default()).await.unwrap_err());
        ended(store.read(0, 9).await.unwrap_err());
        ended(store.due("meta", UnixMs(9), 9).await.unwrap_err());
    });
    drop(store);
    let store = SqliteStore::open(&folder.path().join("events.db"), append_only).unwrap();
    run(async {
        assert_eq!(store.read(0, 9).await.unwrap().len(), 1);
        assert_eq!(store.append(vec![event(1)]).await.unwrap(), [Verdict::Stored(2)]);
    });
}

#[test]
fn a_query_that_panics_leaves_the_readers_working() {
    let (_folder, store) = open();
    run(async {
        for _ in 0..10 {
            let panicked: Result<(), StoreError> = store.ask(|_| panic!("a query was told to panic")).await;
            assert!(panicked.unwrap_err().to_string().contains("panicked"));
        }
        assert_eq!(store.visitor("shop", "ann").await.unwrap(), None);
    });
}

#[test]
fn everything_is_moved_into_the_database_as_it_grows() {
    let (folder, store) = open();
    run(async {
        for _ in 0..12 {
            store.append((0..100).map(|_| event(40_000)).collect()).await.unwrap();
        }
        // The last answer may have come before the last checkpoint; the next job's answer comes after it.
        store.ping().await.unwrap();
    });
    let size = |name: &str| folder.path().join(name).metadata().unwrap().len();
    let (database, wal) = (size("events.db"), size("events.db-wal"));
    assert!(database > 40_000_000, "only {database} bytes are in the database");
    assert!(wal < 25_000_000, "the write-ahead log holds {wal} bytes");
}
