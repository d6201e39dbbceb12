//! Notes, and events that wait for their release: the pipeline's smaller memory.
//!
//! Both are rare next to ordinary events, so their statements are prepared on first use. Owns their rows; leaves what they
//! hold to the pipeline.

use std::sync::Arc;

use rusqlite::{Connection, Row, params};
use shared::UnixMs;

use super::engine_error;
use super::reader::{bound, due_spans};
use super::session::Session;
use crate::store::due::LONGEST_HOLD_MS;
use crate::store::{Held, Note, Pipeline, StoreError};

/// What is noted under a key.
pub(super) fn note(session: &mut Session<'_>, site: &str, key: &str) -> Result<Option<String>, StoreError> {
    let sql = "SELECT body FROM note WHERE site = ?1 AND key = ?2";
    Ok(session.rows("read a note", sql, [site, key], |row| row.get(0))?.pop())
}

/// Notes something in place of what was there.
pub(super) fn put_note(
    session: &mut Session<'_>,
    site: &str,
    key: &str,
    note: Note<'_>,
    now: UnixMs,
) -> Result<(), StoreError> {
    // Somebody's it stays, or it would outlive their erasure.
    let sql = "INSERT INTO note VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT DO UPDATE SET at_ms = excluded.at_ms, visitor = coalesce(excluded.visitor, visitor),
                   body = excluded.body";
    session.execute("write a note", sql, params![site, key, now.0, note.visitor, note.text]).map(drop)
}

/// The event held under one of its keys.
pub(super) fn find(session: &mut Session<'_>, site: &str, key: &str) -> Result<Option<Held>, StoreError> {
    let sql = "SELECT held.site, held.id, received_ms, due_ms, visitor, body
               FROM held_key JOIN held ON held.site = held_key.site AND held.id = held_key.id
               WHERE held_key.site = ?1 AND key = ?2";
    Ok(session.rows("look for a held event", sql, [site, key], held)?.pop())
}

/// Holds an event under its id and keys. Writes only what is new: most of what joins a held event comes under keys that lead
/// to it already, and whoever repeats a report that changes nothing must not keep the writer busy.
pub(super) fn hold(session: &mut Session<'_>, held: &Held, keys: &[String]) -> Result<(), StoreError> {
    let Held { site, id, received, due, visitor, body } = held;
    let site = &**site;
    let sql = "INSERT INTO held VALUES (?1, ?2, ?3, ?4, ?5, ?6)
               ON CONFLICT DO UPDATE SET due_ms = excluded.due_ms, received_ms = excluded.received_ms,
                   visitor = excluded.visitor, body = excluded.body
               WHERE (due_ms, received_ms, visitor, body)
                     IS NOT (excluded.due_ms, excluded.received_ms, excluded.visitor, excluded.body)";
    let row = params![site, id, due.0, received.0, visitor, body];
    session.execute("hold an event", sql, row)?;
    let sql = "INSERT INTO held_key SELECT ?1, value, ?2 FROM json_each(?3) WHERE true
               ON CONFLICT DO UPDATE SET id = excluded.id WHERE id <> excluded.id";
    let keys = serde_json::Value::from(keys).to_string();
    session.execute("hold an event", sql, params![site, id, keys]).map(drop)
}

/// Holds it no longer.
pub(super) fn let_go(session: &mut Session<'_>, site: &str, id: &str) -> Result<(), StoreError> {
    let doing = "let a held event go";
    session.execute(doing, "DELETE FROM held WHERE site = ?1 AND id = ?2", [site, id])?;
    session.execute(doing, "DELETE FROM held_key WHERE site = ?1 AND id = ?2", [site, id]).map(drop)
}

/// Lets go of everything a person has here, by their visitors and digests, both lists as JSON.
pub(super) fn erase(
    session: &mut Session<'_>,
    site: &str,
    visitors: &str,
    digests: &str,
) -> Result<(), StoreError> {
    let sql = "SELECT id FROM held WHERE site = ?1
               AND (visitor IN (SELECT value FROM json_each(?2))
                    OR EXISTS (SELECT 1 FROM json_each(?3) WHERE instr(body, value)))";
    let row = [site, visitors, digests];
    let theirs = session.rows("look for held events", sql, row, |row| row.get::<_, String>(0))?;
    theirs.iter().try_for_each(|id| let_go(session, site, id))
}

/// Takes what is due out of the hold and lets the pipeline say what becomes of it.
pub(super) fn release(
    session: &mut Session<'_>,
    pipeline: &dyn Pipeline,
    now: UnixMs,
    limit: usize,
) -> Result<usize, StoreError> {
    let doing = "look for what is to be released";
    let sql =
        "SELECT site, id, received_ms, due_ms, visitor, body FROM held WHERE due_ms > ?1 AND due_ms <= ?2
               ORDER BY due_ms, site, id LIMIT ?3";
    let mut due = Vec::new();
    for (after, until) in due_spans(now, LONGEST_HOLD_MS) {
        let room = bound(limit.saturating_sub(due.len()));
        due.extend(session.rows(doing, sql, params![after, until, room], held)?);
    }
    let released = due.len();
    for held in due {
        let_go(session, &held.site, &held.id)?;
        pipeline.release(session, held)?;
    }
    Ok(released)
}

/// When the first is due.
pub(super) fn next_release(connection: &Connection) -> Result<Option<UnixMs>, StoreError> {
    let found = connection
        .prepare_cached("SELECT min(due_ms) FROM held")
        .and_then(|mut statement| statement.query_row([], |row| row.get::<_, Option<i64>>(0)));
    let found = found.map_err(|source| engine_error("look for what is to be released", source))?;
    Ok(found.map(UnixMs))
}

fn held(row: &Row<'_>) -> rusqlite::Result<Held> {
    Ok(Held {
        site: Arc::from(row.get_ref(0)?.as_str()?),
        id: row.get(1)?,
        received: UnixMs(row.get(2)?),
        due: UnixMs(row.get(3)?),
        visitor: row.get(4)?,
        body: row.get(5)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::schema;

    fn changes(connection: &Connection) -> i64 {
        connection.query_row("SELECT total_changes()", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_report_that_joins_writes_no_more_than_is_new() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.db");
        std::fs::write(&path, "").unwrap();
        let connection = schema::open_writer(&path).unwrap();
        let mut session = Session::new(&connection).unwrap();
        session.begin().unwrap();
        let mut held = Held {
            site: Arc::from("shop"),
            id: "k0".to_owned(),
            received: UnixMs(1),
            due: UnixMs(2),
            visitor: None,
            body: "one".to_owned(),
        };
        let mut keys: Vec<String> = (0..32).map(|number| format!("k{number}\u{1f}Purchase")).collect();
        let mut written = |held: &Held, keys: &[String]| {
            let before = changes(&connection);
            hold(&mut session, held, keys).unwrap();
            for key in keys {
                assert_eq!(find(&mut session, "shop", key).unwrap().as_ref(), Some(held), "{key:?}");
            }
            changes(&connection) - before
        };
        assert_eq!(written(&held, &keys), 1 + 32);
        assert_eq!(written(&held, &keys), 0, "nothing is new");
        "two".clone_into(&mut held.body);
        keys[7] = "another".to_owned();
        assert_eq!(written(&held, &keys), 1 + 1);
        held.visitor = Some("ann".to_owned());
        assert_eq!(written(&held, &keys), 1);
        // A key leads to whoever was held under it last.
        "k1".clone_into(&mut held.id);
        assert_eq!(written(&held, &keys[..2]), 1 + 2);
    }
}
