//! Cursors and outcomes: the writer's work for destinations.
//!
//! Owns how a settlement becomes rows. A row is only ever made for an event that is still in the log and not erased,
//! because an erasure may overtake a worker that has the event in hand.

use rusqlite::params;
use shared::UnixMs;

use super::session::Session;
use crate::secret::Secret;
use crate::store::{Dead, REQUEUED, Receipt, Retry, Seq, Settlement, StoreError};

/// A destination's cursor; a new destination gets one at the log's start or head.
pub(super) fn cursor(
    session: &mut Session<'_>,
    destination: &str,
    from_start: bool,
) -> Result<Seq, StoreError> {
    let start = if from_start { 0 } else { session.head() };
    let doing = "start a cursor";
    let sql = "INSERT OR IGNORE INTO cursor VALUES (?1, ?2)";
    if session.execute(doing, sql, params![destination, start])? > 0 && start > 0 {
        let sql = "INSERT OR REPLACE INTO destination_memory VALUES (?1, ?2, ?3)";
        session.execute(doing, sql, params![destination, START, start.to_string()])?;
    }
    let sql = "SELECT seq FROM cursor WHERE destination = ?1";
    let found = session.rows("read a cursor", sql, [destination], |row| row.get(0))?;
    Ok(found.into_iter().next().unwrap_or(start))
}

/// One round of a destination's worker.
pub(super) fn settle(
    session: &mut Session<'_>,
    destination: &str,
    settlement: &Settlement,
) -> Result<(), StoreError> {
    if let Some(cursor) = settlement.cursor {
        advance(session, destination, cursor)?;
    }
    for retry in &settlement.retry {
        keep(session, destination, retry)?;
    }
    for seq in &settlement.done {
        end(session, destination, *seq)?;
    }
    for dead in &settlement.dead {
        end(session, destination, dead.seq)?;
        bury(session, destination, dead)?;
    }
    for receipt in &settlement.receipts {
        await_answer(session, destination, receipt)?;
    }
    for id in &settlement.answered {
        let sql = "DELETE FROM receipt WHERE destination = ?1 AND id = ?2";
        session.execute("end a receipt", sql, params![destination, id])?;
    }
    Ok(())
}

/// Puts events in hand again as if they had never been tried. Answers how many.
pub(super) fn requeue(
    session: &mut Session<'_>,
    destination: &str,
    events: &[Seq],
    due: UnixMs,
) -> Result<u64, StoreError> {
    let doing = "put events in hand again";
    // What the destination has still to read comes anyway.
    let sql = "SELECT seq FROM log WHERE seq IN (SELECT value FROM json_each(?1)) AND body <> ''
               AND seq <= (SELECT seq FROM cursor WHERE destination = ?2)";
    let present: Vec<Seq> =
        session.rows(doing, sql, params![listed(events), destination], |row| row.get(0))?;
    discard(session, destination, &present)?;
    // Of what the destination was never given it is given these, and nothing that stands between them.
    let sql = "INSERT OR IGNORE INTO destination_memory
               SELECT ?1, ?2 || one.value, '' FROM json_each(?3) AS one
               WHERE one.value <= (SELECT CAST(start.value AS INTEGER) FROM destination_memory AS start
                                   WHERE start.destination = ?1 AND start.key = ?4)";
    session.execute(doing, sql, params![destination, GIVEN, listed(&present), START])?;
    let sql = "INSERT OR REPLACE INTO retry SELECT value, ?2, 0, NULL, ?3, ?4 FROM json_each(?1)";
    let row = params![listed(&present), destination, due.0, REQUEUED];
    Ok(session.execute(doing, sql, row)? as u64)
}

/// Takes dead letters away. Answers how many.
pub(super) fn discard(
    session: &mut Session<'_>,
    destination: &str,
    events: &[Seq],
) -> Result<u64, StoreError> {
    let sql = "DELETE FROM dead WHERE destination = ?1 AND seq IN (SELECT value FROM json_each(?2))";
    Ok(session.execute("take dead letters away", sql, params![destination, listed(events)])? as u64)
}

/// Numbers as statements take them.
fn listed(events: &[Seq]) -> String {
    serde_json::Value::from(events).to_string()
}

/// Remembers a small text of a destination.
pub(super) fn remember(
    session: &mut Session<'_>,
    destination: &str,
    key: &str,
    value: &Secret,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO destination_memory VALUES (?1, ?2, ?3)
               ON CONFLICT DO UPDATE SET value = excluded.value";
    let row = params![destination, key, value.expose()];
    session.execute("remember something of a destination", sql, row).map(drop)
}

/// Moves the cursor: never backwards, never past the log's last number, or events yet to come would be passed over.
fn advance(session: &mut Session<'_>, destination: &str, cursor: Seq) -> Result<(), StoreError> {
    let reached = cursor.min(session.head());
    let sql = "INSERT INTO cursor VALUES (?1, ?2) ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq)";
    session.execute("move a cursor", sql, params![destination, reached]).map(drop)
}

/// Keeps an event for another try, or again.
fn keep(session: &mut Session<'_>, destination: &str, retry: &Retry) -> Result<(), StoreError> {
    let Retry { seq, attempts, reached, due, reason } = retry;
    let sql = "INSERT INTO retry SELECT seq, ?2, ?3, ?4, ?5, ?6 FROM log WHERE seq = ?1 AND body <> ''
               ON CONFLICT DO UPDATE SET attempts = excluded.attempts, reached_ms = excluded.reached_ms,
                   due_ms = excluded.due_ms, reason = excluded.reason";
    let row = params![seq, destination, attempts, reached.map(|at| at.0), due.0, reason];
    session.execute("keep an event for retry", sql, row).map(drop)
}

/// Keeps the receipt of a request, or again.
fn await_answer(session: &mut Session<'_>, destination: &str, receipt: &Receipt) -> Result<(), StoreError> {
    let Receipt { id, due, taken, asked, attempts, reached, events } = receipt;
    let events = listed(events);
    let sql = "INSERT OR REPLACE INTO receipt VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let row = params![destination, id, due.0, taken.0, asked, attempts, reached.0, events];
    session.execute("keep a receipt", sql, row).map(drop)
}

/// What a destination remembers under this is the number up to which it was never given anything.
pub(super) const START: &str = "start";
/// What a destination remembers under this and a number up to there is that it was given that event after all.
pub(super) const GIVEN: &str = "given_";

/// Ends a pending event.
fn end(session: &mut Session<'_>, destination: &str, seq: Seq) -> Result<(), StoreError> {
    let sql = "DELETE FROM retry WHERE seq = ?1 AND destination = ?2";
    session.execute("end a retry", sql, params![seq, destination]).map(drop)
}

/// Writes an event to the dead letter. Its name and id are copied, for the log is pruned sooner.
fn bury(session: &mut Session<'_>, destination: &str, dead: &Dead) -> Result<(), StoreError> {
    let sql = "INSERT INTO dead SELECT ?1, seq, site, body ->> '$.event', body ->> '$.event_id', ?3, ?4
                   FROM log WHERE seq = ?2 AND body <> ''
               ON CONFLICT DO UPDATE SET at_ms = excluded.at_ms, reason = excluded.reason";
    let row = params![destination, dead.seq, dead.at.0, dead.reason];
    session.execute("write a dead letter", sql, row).map(drop)
}
