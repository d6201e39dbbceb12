//! The log by time: which part of it holds the events that arrived in an hour.
//!
//! The log is in the order of arrival, and nearly always that of the clock. A row for each hour therefore finds old events
//! as well as an index of every event would, and costs an event next to nothing. After the clock was set, the parts of two
//! hours may overlap: a part says where an hour's events are to be looked for, and each event says when it arrived.
//! Owns the table `log_hour`. Leaves to `forget` what becomes of old events.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, params};
use shared::UnixMs;

use super::recent::Entry;
use super::session::Session;
use crate::store::{Seq, StoreError};

/// Length of an hour in milliseconds; the schema's sixth step has it, too.
const HOUR_MS: i64 = 3_600_000;

/// Notes where the events of an hour stand.
pub(super) const NOTE: &str =
    "INSERT INTO log_hour VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET last = excluded.last";

/// The hours of events that are in the order of the log, each with the numbers of its first and its last one.
pub(super) fn parts(events: &[Entry]) -> impl Iterator<Item = (i64, Seq, Seq)> + '_ {
    let hour = |event: &Entry| event.received.0 / HOUR_MS;
    events
        .chunk_by(move |one, next| hour(one) == hour(next))
        .filter_map(move |part| Some((hour(part.first()?), part.first()?.seq, part.last()?.seq)))
}

/// Fills the table from the log, for a database that was put together from what was left of another.
pub(super) fn rebuild(connection: &Connection) -> rusqlite::Result<()> {
    let mut parts = BTreeMap::<i64, (Seq, Seq)>::new();
    let mut log = connection.prepare("SELECT seq, received_ms FROM log ORDER BY seq")?;
    let mut rows = log.query([])?;
    while let Some(row) = rows.next()? {
        let (seq, received): (Seq, i64) = (row.get(0)?, row.get(1)?);
        parts.entry(received / HOUR_MS).or_insert((seq, seq)).1 = seq;
    }
    let mut note = connection.prepare(NOTE)?;
    parts.into_iter().try_for_each(|(hour, (first, last))| note.execute((hour, first, last)).map(drop))
}

/// The number of the first event that arrived at `from` or later.
///
/// Also in a database that an older relay wrote, which has an index of every event instead.
pub(super) fn first_since(connection: &Connection, from: UnixMs) -> rusqlite::Result<Option<Seq>> {
    if !connection.table_exists(None, "log_hour")? {
        let sql = "SELECT min(seq) FROM log WHERE received_ms >= ?1";
        return connection.query_row(sql, [from.0], |row| row.get(0));
    }
    let hours = "SELECT first, last FROM log_hour WHERE hour >= ?1";
    let event = "SELECT seq FROM log WHERE seq BETWEEN ?1 AND ?2 AND received_ms >= ?3 ORDER BY seq LIMIT 1";
    let (mut hours, mut event) = (connection.prepare(hours)?, connection.prepare(event)?);
    let mut parts = hours.query([from.0 / HOUR_MS])?;
    let mut found: Option<Seq> = None;
    while let Some(part) = parts.next()? {
        let (first, last): (Seq, Seq) = (part.get(0)?, part.get(1)?);
        // Only what stands before the best so far can be better.
        let last = found.map_or(last, |found| last.min(found - 1));
        let better = event.query_row(params![first, last, from.0], |row| row.get(0)).optional()?;
        found = better.or(found);
    }
    Ok(found)
}

/// An hour, and the part of the log its events stand in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    hour: i64,
    first: Seq,
    last: Seq,
}

impl Part {
    /// The hours that began before `before`, the oldest first.
    pub(super) fn before(session: &mut Session<'_>, before: UnixMs) -> Result<Vec<Self>, StoreError> {
        let sql = "SELECT hour, first, last FROM log_hour WHERE hour * ?1 < ?2 ORDER BY hour";
        session.rows("look for old events", sql, [HOUR_MS, before.0], |row| {
            Ok(Self { hour: row.get(0)?, first: row.get(1)?, last: row.get(2)? })
        })
    }

    /// Where to begin.
    pub(super) fn first(self) -> Seq {
        self.first
    }

    /// The next events of the part, from `first` on, with the times at which they arrived. Some may be of other hours.
    pub(super) fn events(
        self,
        session: &mut Session<'_>,
        first: Seq,
        limit: usize,
    ) -> Result<Vec<(Seq, UnixMs)>, StoreError> {
        let sql = "SELECT seq, received_ms FROM log WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq LIMIT ?3";
        let read = |row: &Row<'_>| Ok((row.get(0)?, UnixMs(row.get(1)?)));
        session.rows("look for old events", sql, params![first, self.last, limit as i64], read)
    }

    /// Whether an event arrived in this hour.
    pub(super) fn is_of(self, received: UnixMs) -> bool {
        received.0 / HOUR_MS == self.hour
    }

    /// Whether nothing that arrived in this hour is younger than `before`.
    pub(super) fn is_over(self, before: UnixMs) -> bool {
        (self.hour + 1) * HOUR_MS <= before.0
    }

    /// Takes the hour away, unless events of it may still come, or have come since.
    pub(super) fn forget(self, session: &mut Session<'_>, before: UnixMs) -> Result<(), StoreError> {
        if !self.is_over(before) {
            return Ok(());
        }
        let sql = "DELETE FROM log_hour WHERE hour = ?1 AND last = ?2";
        session.execute("forget an hour of the log", sql, [self.hour, self.last]).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_told_apart_by_their_hour_also_where_the_clock_was_set() {
        let event = |seq, received| Entry::new(seq, "shop".into(), UnixMs(received), Box::default());
        let hour = HOUR_MS;
        let events = [event(3, 5), event(4, hour - 1), event(5, hour), event(6, 7), event(7, 8)];
        assert_eq!(parts(&events).collect::<Vec<_>>(), [(0, 3, 4), (1, 5, 5), (0, 6, 7)]);
        assert_eq!(parts(&[]).count(), 0);
    }

    #[test]
    fn the_first_event_since_a_time_is_found_also_where_parts_overlap() {
        let connection = Connection::open_in_memory().expect("memory");
        connection
            .execute_batch(
                "CREATE TABLE log (seq INTEGER PRIMARY KEY, received_ms INTEGER NOT NULL);
                 CREATE TABLE log_hour (hour INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL);
                 INSERT INTO log VALUES (1, 100), (2, 3600200), (3, 7200300), (4, 150), (6, 3600500)",
            )
            .expect("tables");
        rebuild(&connection).expect("filled");
        let since = |from| first_since(&connection, UnixMs(from)).expect("readable");
        let times = [0, 101, 3_600_000, 3_600_201, 7_200_300, 7_200_301, i64::MAX];
        let found = [Some(1), Some(2), Some(2), Some(3), Some(3), None, None];
        assert_eq!(times.map(since), found);
        connection.execute_batch("DROP TABLE log_hour").expect("an older file");
        assert_eq!(times.map(since), found);
    }
}
