//! The writer's transaction: what the pipeline and the writer's other work see of the database.
//!
//! One [`Session`] lives as long as the writer and is begun and committed again and again, so that its statements
//! are prepared once. Owns the numbers of the log (`head`), what a transaction wants to hand to the window of recent
//! events, and the knowledge whether the transaction is still sound. Leaves to the writer when to begin and commit.

use std::cell::RefCell;

use rusqlite::{CachedStatement, Connection, OptionalExtension, Params, Row, Statement, params};
use shared::visitor::Visitor;
use shared::{Event, UnixMs};

use super::recent::Entry;
use super::{engine_error, held, hours, json, schema, short};
use crate::store::{Draft, Held, Identity, Incoming, Note, Seq, StoreError, Transaction};

/// The writing connection with its statements.
pub(super) struct Session<'c> {
    connection: &'c Connection,
    hot: Hot<'c>,
    /// Last number given out; at begin and after rollback, the last one committed.
    head: Seq,
    committed_head: Seq,
    /// Set when the database refused something: the whole transaction must go.
    broken: Option<StoreError>,
    staged: Vec<Entry>,
    /// Events that have been written; see [`Committed::spent`].
    spent: Vec<Draft>,
    forgotten: Vec<Seq>,
    /// JSON is written here, always in the same memory.
    json: Vec<u8>,
}

/// Statements that run for every event or every transaction.
struct Hot<'c> {
    begin: Statement<'c>,
    commit: Statement<'c>,
    mark: Statement<'c>,
    undo: Statement<'c>,
    release: Statement<'c>,
    append: Statement<'c>,
    hour: Statement<'c>,
    claim: Statement<'c>,
    claimed: Statement<'c>,
    visitor: Statement<'c>,
    put_visitor: Statement<'c>,
    identity: Statement<'c>,
    link: Statement<'c>,
}

impl<'c> Hot<'c> {
    fn prepare(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            mark: connection.prepare("SAVEPOINT request")?,
            undo: connection.prepare("ROLLBACK TO request")?,
            release: connection.prepare("RELEASE request")?,
            append: connection.prepare("INSERT INTO log VALUES (?1, ?2, ?3, ?4, ?5)")?,
            hour: connection.prepare(hours::NOTE)?,
            claim: connection.prepare("INSERT OR IGNORE INTO dedup VALUES (?1, ?2, ?3)")?,
            claimed: connection.prepare("SELECT 1 FROM dedup WHERE site = ?1 AND key = ?2")?,
            visitor: connection.prepare("SELECT body FROM visitor WHERE site = ?1 AND id = ?2")?,
            put_visitor: connection.prepare(
                "INSERT INTO visitor VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET seen_ms = excluded.seen_ms, body = excluded.body",
            )?,
            identity: connection
                .prepare("SELECT visitor, visitors FROM identity WHERE site = ?1 AND key = ?2")?,
            link: connection.prepare(
                // Nearly every key leads to one visitor for ever; its row need not name them twice.
                "INSERT INTO identity VALUES (?1, ?2, ?3, 1, ?4, '')
                 ON CONFLICT DO UPDATE SET
                     visitors = visitors + (visitor <> ?3 AND instr(known, ' ' || ?5 || ' ') = 0),
                     known = CASE
                         WHEN visitor = ?3 OR instr(known, ' ' || ?5 || ' ') OR length(known) >= 600 THEN known
                         WHEN known = '' THEN ' ' || visitor_id || ' ' || ?5 || ' '
                         ELSE known || ?5 || ' ' END,
                     visitor = ?3, seen_ms = max(seen_ms, excluded.seen_ms)",
            )?,
        })
    }
}

/// Where a request began, so that it alone can be undone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    head: Seq,
    staged: usize,
    forgotten: usize,
}

/// What a committed transaction changed.
#[derive(Debug)]
pub(super) struct Committed {
    /// The log's last number.
    pub(super) head: Seq,
    /// What was appended.
    pub(super) appended: Vec<Entry>,
    /// The same, as it came. Nobody needs it any more, but freeing it takes time that the writer has not.
    pub(super) spent: Vec<Draft>,
    /// What was pruned or erased.
    pub(super) forgotten: Vec<Seq>,
}

/// Beginning and ending; for the writer.
impl<'c> Session<'c> {
    /// Prepares everything on a connection whose schema is up to date.
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        let head = schema::head(connection)?;
        Ok(Self {
            connection,
            hot: Hot::prepare(connection)?,
            head,
            committed_head: head,
            broken: None,
            staged: Vec::new(),
            spent: Vec::new(),
            forgotten: Vec::new(),
            json: Vec::with_capacity(4096),
        })
    }

    /// Starts a transaction and takes the write lock.
    pub(super) fn begin(&mut self) -> Result<(), StoreError> {
        let begun = self.hot.begin.execute([]);
        self.check("begin a transaction", begun).map(drop)
    }

    /// Sets a point to return to if the request that follows fails.
    pub(super) fn mark(&mut self) -> Result<Mark, StoreError> {
        let mark = Mark { head: self.head, staged: self.staged.len(), forgotten: self.forgotten.len() };
        let marked = self.hot.mark.execute([]);
        self.check("set a savepoint", marked).map(|_| mark)
    }

    /// Keeps what happened since the mark.
    pub(super) fn keep(&mut self) -> Result<(), StoreError> {
        let released = self.hot.release.execute([]);
        self.check("release a savepoint", released).map(drop)
    }

    /// Undoes what happened since the mark.
    pub(super) fn undo(&mut self, mark: Mark) -> Result<(), StoreError> {
        let undone = self.hot.undo.execute([]);
        self.check("undo a request", undone)?;
        self.head = mark.head;
        self.staged.truncate(mark.staged);
        self.forgotten.truncate(mark.forgotten);
        self.keep()
    }

    /// The error that spoiled the transaction, if any. A pipeline may have overlooked it.
    pub(super) fn broken(&self) -> Option<StoreError> {
        self.broken.clone()
    }

    /// Ends the transaction. It is durable after a sync that begins once this has returned.
    pub(super) fn commit(&mut self) -> Result<Committed, StoreError> {
        let hour = &mut self.hot.hour;
        let noted = hours::parts(&self.staged).try_for_each(|part| hour.execute(part).map(drop));
        self.check("note an hour of the log", noted)?;
        let committed = self.hot.commit.execute([]);
        self.check("commit", committed)?;
        self.committed_head = self.head;
        Ok(Committed {
            head: self.head,
            appended: std::mem::take(&mut self.staged),
            spent: std::mem::take(&mut self.spent),
            forgotten: std::mem::take(&mut self.forgotten),
        })
    }

    /// Throws the transaction away, however it failed. SQLite may have rolled back by itself already.
    pub(super) fn rollback(&mut self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            // The next BEGIN will fail and say why; nothing was acknowledged, so nothing is lost.
            tracing::error!(%error, "the store could not roll back");
        }
        self.head = self.committed_head;
        self.broken = None;
        self.staged.clear();
        self.spent.clear();
        self.forgotten.clear();
    }
}

/// Ways to the database that remember a failure; for the writer's other work.
impl<'c> Session<'c> {
    /// The log's last number, with what this transaction appended.
    pub(super) fn head(&self) -> Seq {
        self.head
    }

    /// How many events have been written so far.
    pub(super) fn spent(&self) -> usize {
        self.spent.len()
    }

    /// Notes that an event is gone, so that it also leaves the window of recent events.
    pub(super) fn forget(&mut self, seq: Seq) {
        self.forgotten.push(seq);
    }

    /// Runs a statement that is prepared on first use. Answers how many rows it changed.
    pub(super) fn execute(
        &mut self,
        doing: &'static str,
        sql: &str,
        parameters: impl Params,
    ) -> Result<usize, StoreError> {
        let changed = self.cached(sql).and_then(|mut statement| statement.execute(parameters));
        self.check(doing, changed)
    }

    /// Every row of a query.
    pub(super) fn rows<T>(
        &mut self,
        doing: &'static str,
        sql: &str,
        parameters: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let rows =
            self.cached(sql).and_then(|mut statement| statement.query_map(parameters, read)?.collect());
        self.check(doing, rows)
    }

    fn cached(&self, sql: &str) -> rusqlite::Result<CachedStatement<'c>> {
        self.connection.prepare_cached(sql)
    }

    /// Passes a result on; a failure also breaks the transaction.
    fn check<T>(&mut self, doing: &'static str, result: rusqlite::Result<T>) -> Result<T, StoreError> {
        result.map_err(|source| {
            let error = engine_error(doing, source);
            self.broken = Some(error.clone());
            error
        })
    }

    /// Writes a value as JSON into the shared buffer.
    fn write_json(&mut self, what: &'static str, value: &impl serde::Serialize) -> Result<(), StoreError> {
        self.json.clear();
        // Not a failure of the database: only this request is undone.
        json::write(&mut self.json, value).map_err(|source| engine_error(what, source))
    }
}

impl Transaction for Session<'_> {
    fn visitor(&mut self, site: &str, id: &str) -> Result<Option<Visitor>, StoreError> {
        let found = self.hot.visitor.query_row([site, id], visitor_of).optional();
        self.check("look up a visitor", found)?.transpose()
    }

    fn put_visitor(&mut self, site: &str, id: &str, visitor: &Visitor) -> Result<(), StoreError> {
        self.write_json("write a visitor as JSON", visitor)?;
        let body = Text(&self.json);
        let put = self.hot.put_visitor.execute(params![site, id, visitor.seen_at.0, body]);
        self.check("remember a visitor", put).map(drop)
    }

    fn identity(&mut self, site: &str, key: &str) -> Result<Option<Identity>, StoreError> {
        let read = |row: &Row<'_>| {
            Ok(Identity { visitor: short::visitor_of(row.get_ref(0)?)?, visitors: row.get(1)? })
        };
        let found = self.hot.identity.query_row(params![site, short::key(key)], read).optional();
        self.check("look up an identity", found)
    }

    fn link(&mut self, site: &str, key: &str, visitor: &str, now: UnixMs) -> Result<(), StoreError> {
        let row = params![site, short::key(key), short::visitor(visitor), now.0, visitor];
        let linked = self.hot.link.execute(row);
        self.check("link an identity", linked).map(drop)
    }

    fn claim(&mut self, site: &str, key: &str, now: UnixMs) -> Result<bool, StoreError> {
        let claimed = self.hot.claim.execute(params![site, key, now.0]);
        Ok(self.check("claim a dedup key", claimed)? == 1)
    }

    fn claimed(&mut self, site: &str, key: &str) -> Result<bool, StoreError> {
        let found = self.hot.claimed.exists([site, key]);
        self.check("look up a dedup key", found)
    }

    fn note(&mut self, site: &str, key: &str) -> Result<Option<String>, StoreError> {
        held::note(self, site, key)
    }

    fn put_note(&mut self, site: &str, key: &str, note: Note<'_>, now: UnixMs) -> Result<(), StoreError> {
        held::put_note(self, site, key, note, now)
    }

    fn held(&mut self, site: &str, key: &str) -> Result<Option<Held>, StoreError> {
        held::find(self, site, key)
    }

    fn hold(&mut self, held: &Held, keys: &[String]) -> Result<(), StoreError> {
        held::hold(self, held, keys)
    }

    fn let_go(&mut self, site: &str, id: &str) -> Result<(), StoreError> {
        held::let_go(self, site, id)
    }

    fn append(&mut self, incoming: Incoming) -> Result<Seq, StoreError> {
        let Incoming { site, received, mut event } = incoming;
        let json = match event.take_json() {
            Some(json) => json,
            None => {
                self.write_json("write an event as JSON", &*event)?;
                self.json.as_slice().into()
            }
        };
        let seq = self.head + 1;
        let row = params![seq, &*site, received.0, event.visitor_id, Text(&json)];
        let appended = self.hot.append.execute(row);
        self.check("append an event", appended)?;
        self.head = seq;
        self.staged.push(Entry::new(seq, site, received, json));
        self.spent.push(event);
        Ok(seq)
    }
}

/// An event's JSON. An event that cannot be written is left to the writer, which says why.
pub(super) fn json_of(event: &Event) -> Option<Box<[u8]>> {
    thread_local! {
        /// Always the same memory, so that the JSON itself takes no more than it needs and is not moved as it grows.
        static DESK: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    DESK.with_borrow_mut(|desk| {
        desk.clear();
        let written = json::write(desk, event).ok().map(|()| desk.as_slice().into());
        desk.shrink_to(LARGEST_DESK_BYTES);
        written
    })
}

/// What a thread keeps to write JSON in: enough for any common event.
const LARGEST_DESK_BYTES: usize = 16 * 1024;

/// Reads a visitor's body; unreadable JSON is not the database's failure, hence the result within.
pub(super) fn visitor_of(row: &Row<'_>) -> rusqlite::Result<Result<Visitor, StoreError>> {
    let body = row.get_ref(0)?.as_bytes()?;
    Ok(serde_json::from_slice(body).map_err(|_| StoreError::Corrupt { what: "visitor" }))
}

/// JSON as serde wrote it, bound as text without being checked for UTF-8 a second time.
struct Text<'a>(&'a [u8]);

impl rusqlite::ToSql for Text<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(rusqlite::types::ToSqlOutput::Borrowed(rusqlite::types::ValueRef::Text(self.0)))
    }
}
