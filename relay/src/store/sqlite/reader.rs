//! The readers: a few threads, each with a connection that cannot write.
//!
//! A reader sees the database as it was when its query began (a WAL snapshot), so a slow one delays nobody. Owns the
//! threads and the queries of everyone but the writer. Queries are short on purpose: a snapshot that stays open
//! keeps the write-ahead log from being emptied.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use shared::visitor::Visitor;
use shared::{Event, UnixMs};
use tokio::sync::{Semaphore, oneshot};

use super::session::visitor_of;
use super::settle::{GIVEN, START};
use super::{OpenError, Panicked, engine_error, lock_of, schema};
use crate::secret::Secret;
use crate::store::due::LONGEST_RETRY_MS;
use crate::store::order_note::{ORDER, PAYMENT};
use crate::store::{Backlog, DeadLetter, Logged, Pending, Receipt, Seq, Standing, StoreError};

/// Threads. Two, so that a long query leaves one free, and a small machine is not swamped.
const THREADS: usize = 2;
/// Queries that may wait; more callers wait outside, where they cost nothing.
const QUEUE: usize = 64;

type Query = Box<dyn FnOnce(&Connection) + Send>;

/// The threads and their queue.
pub(super) struct Readers {
    queue: Mutex<Option<Sender<Query>>>,
    room: Arc<Semaphore>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    /// Opens the connections and starts the threads.
    pub(super) fn start(path: &Path) -> Result<Self, OpenError> {
        let (sender, receiver) = channel();
        let receiver = Arc::new(Mutex::new(receiver));
        let mut threads = Vec::with_capacity(THREADS);
        for _ in 0..THREADS {
            let (connection, receiver) = (schema::open_reader(path)?, Arc::clone(&receiver));
            threads.push(super::spawn("store reader", path, move || serve(&connection, &receiver))?);
        }
        Ok(Self { queue: Mutex::new(Some(sender)), room: Arc::new(Semaphore::new(QUEUE)), threads })
    }

    /// Asks one query of whichever thread is free.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let room = Arc::clone(&self.room).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let asked: Query = Box::new(move |connection| {
            let result = catch_unwind(AssertUnwindSafe(|| query(connection)))
                .unwrap_or_else(|_| Err(engine_error("answer a query", Panicked)));
            drop(room);
            let _ = reply.send(result);
        });
        let sent = lock_of(&self.queue).as_ref().map(|queue| queue.send(asked));
        match sent {
            Some(Ok(())) => answer.await.unwrap_or(Err(StoreError::Closed)),
            Some(Err(_)) | None => Err(StoreError::Closed),
        }
    }

    /// Takes no more queries; those that wait are still answered.
    pub(super) fn close(&self) {
        self.room.close();
        lock_of(&self.queue).take();
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.close();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// One thread's life.
fn serve(connection: &Connection, queue: &Mutex<Receiver<Query>>) {
    loop {
        // The lock is held while waiting: one thread waits for a query, the others for the lock.
        let next = lock_of(queue).recv();
        match next {
            Ok(query) => query(connection),
            Err(_) => return,
        }
    }
}

/// Events after `after` and up to `until`, erased ones passed over.
pub(super) fn read(
    connection: &Connection,
    after: Seq,
    until: Seq,
    limit: usize,
) -> Result<Vec<Logged>, StoreError> {
    let sql = "SELECT seq, site, received_ms, body FROM log WHERE seq > ?1 AND seq <= ?3 AND body <> ''
               ORDER BY seq LIMIT ?2";
    let mut sites = Sites::default();
    rows(connection, "read the log", sql, params![after, bound(limit), until], |row| sites.logged(row))?
        .into_iter()
        .collect()
}

/// Between which times, after the one and up to the other, lies what has its turn now, the earlier first: [`is_due`] as an index
/// can answer it.
///
/// [`is_due`]: crate::store::due::is_due
pub(super) fn due_spans(now: UnixMs, longest_ms: i64) -> [(i64, i64); 2] {
    [(i64::MIN, now.0), (now.plus(longest_ms).0, i64::MAX)]
}

/// Pending events up to `until` that are due.
pub(super) fn due(
    connection: &Connection,
    destination: &str,
    now: UnixMs,
    until: Seq,
    limit: usize,
) -> Result<Vec<Pending>, StoreError> {
    let sql = "SELECT log.seq, site, received_ms, body, attempts, reached_ms, due_ms, reason
               FROM retry JOIN log USING (seq)
               WHERE destination = ?1 AND due_ms > ?2 AND due_ms <= ?3 AND body <> '' AND seq <= ?5
               ORDER BY due_ms, seq LIMIT ?4";
    let mut sites = Sites::default();
    let mut pending = |row: &Row<'_>| {
        let (attempts, reason) = (row.get(4)?, row.get(7)?);
        let (reached, due) = (row.get::<_, Option<i64>>(5)?.map(UnixMs), UnixMs(row.get(6)?));
        let logged = sites.logged(row)?;
        Ok::<_, rusqlite::Error>(logged.map(|logged| Pending { logged, attempts, reached, due, reason }))
    };
    let mut found = Vec::new();
    for (after, by) in due_spans(now, LONGEST_RETRY_MS) {
        let room = bound(limit.saturating_sub(found.len()));
        let span = params![destination, after, by, room, until];
        found.extend(rows(connection, "read what is due", sql, span, &mut pending)?);
    }
    found.into_iter().collect()
}

/// Receipts that are due.
pub(super) fn receipts(
    connection: &Connection,
    destination: &str,
    now: UnixMs,
    limit: usize,
) -> Result<Vec<Receipt>, StoreError> {
    let sql = "SELECT id, due_ms, taken_ms, asked, attempts, reached_ms, events FROM receipt
               WHERE destination = ?1 AND due_ms <= ?2 ORDER BY due_ms, id LIMIT ?3";
    let receipt = |row: &Row<'_>| {
        let (id, due, taken) = (row.get(0)?, UnixMs(row.get(1)?), UnixMs(row.get(2)?));
        let (asked, attempts, reached) = (row.get(3)?, row.get(4)?, UnixMs(row.get(5)?));
        let events = serde_json::from_slice(row.get_ref(6)?.as_bytes()?);
        Ok(match events {
            Ok(events) => Ok(Receipt { id, due, taken, asked, attempts, reached, events }),
            Err(_) => Err(StoreError::Corrupt { what: "receipt" }),
        })
    };
    rows(connection, "read receipts", sql, params![destination, now.0, bound(limit)], receipt)?
        .into_iter()
        .collect()
}

/// What a destination has in hand, all of one moment; `head` is left to the caller.
pub(super) fn backlog(connection: &Connection, destination: &str) -> Result<Backlog, StoreError> {
    let sql = "SELECT coalesce((SELECT seq FROM cursor WHERE destination = ?1), 0),
                      (SELECT count(*) FROM retry WHERE destination = ?1),
                      (SELECT min(due_ms) FROM retry WHERE destination = ?1),
                      (SELECT count(*) FROM dead WHERE destination = ?1)";
    let read = |row: &Row<'_>| {
        let (pending, dead): (i64, i64) = (row.get(1)?, row.get(3)?);
        Ok(Backlog {
            cursor: row.get(0)?,
            head: 0,
            pending: pending.unsigned_abs(),
            next_due: row.get::<_, Option<i64>>(2)?.map(UnixMs),
            dead: dead.unsigned_abs(),
        })
    };
    let found = rows(connection, "count a backlog", sql, [destination], read)?;
    Ok(found.into_iter().next().unwrap_or_default())
}

/// The dead letter, newest first.
pub(super) fn dead_letters(
    connection: &Connection,
    destination: &str,
    limit: usize,
) -> Result<Vec<DeadLetter>, StoreError> {
    let sql = "SELECT seq, site, event, event_id, at_ms, reason FROM dead WHERE destination = ?1
               ORDER BY at_ms DESC, seq DESC LIMIT ?2";
    rows(connection, "read the dead letter", sql, params![destination, bound(limit)], |row| {
        Ok(DeadLetter {
            seq: row.get(0)?,
            site: row.get(1)?,
            event: row.get(2)?,
            event_id: row.get(3)?,
            at: UnixMs(row.get(4)?),
            reason: row.get(5)?,
        })
    })
}

/// How an event stands at a destination. What is in hand or given up comes first, whatever the cursor says.
pub(super) fn standing(connection: &Connection, destination: &str, seq: Seq) -> Result<Standing, StoreError> {
    let sql = "SELECT (SELECT due_ms FROM retry WHERE seq = ?2 AND destination = ?1),
                      EXISTS (SELECT 1 FROM dead WHERE destination = ?1 AND seq = ?2),
                      coalesce((SELECT seq FROM cursor WHERE destination = ?1), 0),
                      coalesce((SELECT CAST(value AS INTEGER) FROM destination_memory
                                WHERE destination = ?1 AND key = ?3), 0),
                      EXISTS (SELECT 1 FROM destination_memory WHERE destination = ?1 AND key = ?4 || ?2)";
    let read = |row: &Row<'_>| {
        let (due, dead) = (row.get::<_, Option<i64>>(0)?, row.get::<_, bool>(1)?);
        let (cursor, start): (Seq, Seq) = (row.get(2)?, row.get(3)?);
        let given = row.get::<_, bool>(4)?;
        Ok(match due {
            Some(due) => Standing::Pending(UnixMs(due)),
            None if dead => Standing::Dead,
            None if seq > cursor => Standing::Unread,
            None if seq <= start && !given => Standing::Before,
            None => Standing::Settled,
        })
    };
    let row = params![destination, seq, START, GIVEN];
    let found = rows(connection, "look how an event stands", sql, row, read)?;
    Ok(found.into_iter().next().unwrap_or(Standing::Unread))
}

/// What is noted under a key.
pub(super) fn note(connection: &Connection, site: &str, key: &str) -> Result<Option<String>, StoreError> {
    let sql = "SELECT body FROM note WHERE site = ?1 AND key = ?2";
    Ok(rows(connection, "read a note", sql, [site, key], |row| row.get(0))?.pop())
}

/// Whether any of some dedup keys, a list in JSON, is taken.
pub(super) fn any_claimed(connection: &Connection, site: &str, keys: &str) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM json_each(?2) AS one
               CROSS JOIN dedup ON dedup.site = ?1 AND dedup.key = one.value LIMIT 1";
    let found = rows(connection, "look up dedup keys", sql, [site, keys], |row| row.get::<_, i64>(0))?;
    Ok(!found.is_empty())
}

/// The memory of a visitor.
pub(super) fn visitor(connection: &Connection, site: &str, id: &str) -> Result<Option<Visitor>, StoreError> {
    let found = connection
        .prepare_cached("SELECT body FROM visitor WHERE site = ?1 AND id = ?2")
        .and_then(|mut statement| statement.query_row([site, id], visitor_of).optional());
    found.map_err(|source| engine_error("look up a visitor", source))?.transpose()
}

/// What a destination remembers under a key.
pub(super) fn recall(
    connection: &Connection,
    destination: &str,
    key: &str,
) -> Result<Option<Secret>, StoreError> {
    let sql = "SELECT value FROM destination_memory WHERE destination = ?1 AND key = ?2";
    let found = rows(connection, "recall something of a destination", sql, [destination, key], |row| {
        row.get::<_, String>(0)
    })?;
    Ok(found.into_iter().next().map(Secret::new))
}

/// Numbers of a person's events among those after `after` and up to `until`. Visitors and digests are lists in JSON.
pub(super) fn events_of(
    connection: &Connection,
    site: &str,
    (visitors, digests): (&str, &str),
    (after, until): (Seq, Seq),
) -> Result<Vec<Seq>, StoreError> {
    let sql = "SELECT seq FROM log WHERE seq > ?1 AND seq <= ?2 AND site = ?4 AND body <> ''
               AND (visitor IN (SELECT value FROM json_each(?3))
                    OR EXISTS (SELECT 1 FROM json_each(?5) WHERE instr(body, value)))";
    let row = params![after, until, visitors, site, digests];
    rows(connection, "look for a person's events", sql, row, |row| row.get(0))
}

/// Keys of the notes of orders that were reported by one of the events `?1`, a list in JSON, of the site `?2`; see [`order_note`].
///
/// [`order_note`]: crate::store::order_note
pub(super) const ORDERS: &str =
    "SELECT note.key FROM json_each(?1) AS one CROSS JOIN log ON log.seq = one.value
     CROSS JOIN note ON note.site = log.site
         AND note.key = 'ord:' || iif(json_valid(log.body), log.body ->> '$.properties.order_id', NULL)
     WHERE log.site = ?2 AND iif(json_valid(note.body), note.body ->> '$.n', NULL) = log.seq";

/// Numbers of the orders that were reported by some events, a list in JSON.
pub(super) fn orders_of(
    connection: &Connection,
    site: &str,
    events: &str,
) -> Result<Vec<String>, StoreError> {
    let key = |row: &Row<'_>| row.get::<_, String>(0);
    let keys = rows(connection, "look for a person's orders", ORDERS, params![events, site], key)?;
    Ok(keys.iter().filter_map(|key| key.strip_prefix(ORDER)).map(str::to_owned).collect())
}

/// Keys of the notes that lead from payments to some orders, a list in JSON.
pub(super) fn payments_of(
    connection: &Connection,
    site: &str,
    orders: &str,
) -> Result<Vec<String>, StoreError> {
    // Of the notes only those of payments are walked, in the order of their keys.
    let sql = "SELECT key FROM note WHERE site = ?1 AND key >= ?2 AND key < ?2 || char(1114111)
               AND body IN (SELECT value FROM json_each(?3))";
    rows(connection, "look for payments of a person's orders", sql, [site, PAYMENT, orders], |row| row.get(0))
}

/// Numbers of the refunds of some orders, or of their payments alone, both lists in JSON, the latter of notes' keys, among the events
/// after `after` and up to `until`.
pub(super) fn refunds_of(
    connection: &Connection,
    site: &str,
    (orders, payments): (&str, &str),
    (after, until): (Seq, Seq),
) -> Result<Vec<Seq>, StoreError> {
    // Few events hold the word, and only of those is more than that read.
    let sql = "SELECT seq FROM log WHERE seq > ?1 AND seq <= ?2 AND site = ?3
               AND iif(instr(body, '\"Refund\"') AND json_valid(body),
                       body ->> '$.event' = 'Refund'
                           AND iif(body ->> '$.properties.order_id' IS NULL,
                                   EXISTS (SELECT 1 FROM json_each(body, '$.tokens') AS token
                                           JOIN json_each(?5) AS payment
                                               ON payment.value = ?6 || token.key || '=' || token.value),
                                   body ->> '$.properties.order_id' IN (SELECT value FROM json_each(?4))), 0)";
    let row = params![after, until, site, orders, payments, PAYMENT];
    rows(connection, "look for refunds of a person's orders", sql, row, |row| row.get(0))
}

/// Every row of a query.
fn rows<T>(
    connection: &Connection,
    doing: &'static str,
    sql: &str,
    parameters: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let found = connection.prepare_cached(sql).and_then(|mut statement| {
        statement.query_map(parameters, read)?.collect::<rusqlite::Result<Vec<T>>>()
    });
    found.map_err(|source| engine_error(doing, source))
}

/// A limit as SQLite takes it.
pub(super) fn bound(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Shares one copy of a site's key between the neighbours of a result.
#[derive(Default)]
struct Sites {
    last: Option<Arc<str>>,
}

impl Sites {
    /// Reads a row that begins with number, site, time of arrival and body. An unreadable body is not the database's failure.
    fn logged(&mut self, row: &Row<'_>) -> rusqlite::Result<Result<Logged, StoreError>> {
        let (seq, site) = (row.get(0)?, self.shared(row.get_ref(1)?.as_str()?));
        let received = UnixMs(row.get(2)?);
        let event = serde_json::from_slice::<Event>(row.get_ref(3)?.as_bytes()?);
        Ok(match event {
            Ok(event) => Ok(Logged { seq, site, received, event: Arc::new(event) }),
            Err(_) => Err(StoreError::Corrupt { what: "event" }),
        })
    }

    fn shared(&mut self, site: &str) -> Arc<str> {
        match &self.last {
            Some(last) if **last == *site => Arc::clone(last),
            Some(_) | None => Arc::clone(self.last.insert(Arc::from(site))),
        }
    }
}
