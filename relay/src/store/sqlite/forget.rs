//! Forgetting: what ages out, and what a visitor asks to have removed.
//!
//! Both may touch millions of rows, so both go in slices: each slice is a job of its own, shares its commit with the
//! appends around it, and holds the writer for a millisecond or two. Owns the slices of the writer and the order in
//! which they follow each other. Because SQLite overwrites what it deletes (`secure_delete`), a forgotten row is gone
//! from the database; erasing also empties the write-ahead log, which may still hold a copy, at once or as soon as the
//! last reader of that copy is done.

use rusqlite::types::Value;
use rusqlite::{Row, params};
use shared::UnixMs;

use super::hours::Part;
use super::session::Session;
use super::{SqliteStore, held, reader, short};
use crate::store::order_note::of_overtakers;
use crate::store::{Erased, Person, Retention, Seq, StoreError};

/// Rows looked at by one slice of the writer. 2000 rows of a narrow table take about a millisecond.
const SLICE_ROWS: usize = 2000;
/// Rows with a body deleted or blanked by one slice.
const SLICE_BODIES: usize = 250;
/// Log rows walked by one query when looking for a visitor's events.
const SCAN_ROWS: Seq = 20_000;

/// See [`crate::store::Store::prune`].
pub(super) async fn prune(
    store: &SqliteStore,
    retention: Retention,
    destinations: &[String],
) -> Result<u64, StoreError> {
    let listed = listed(destinations);
    let abandoned = listed.clone();
    repeat(store, move |session| drop_others(session, &abandoned)).await?;
    let events = prune_log(store, retention.log_before, listed).await?;
    let dead_before = retention.dead_before;
    repeat(store, move |session| drop_dead(session, dead_before)).await?;
    let taken_before = Value::Integer(retention.dedup_before.0);
    sweep(store, &DEDUP_AGE, taken_before.clone(), None).await?;
    sweep(store, &NOTE_AGE, taken_before, None).await?;
    let seen_before = Value::Integer(retention.visitors_before.0);
    sweep(store, &VISITOR_AGE, seen_before.clone(), None).await?;
    sweep(store, &IDENTITY_AGE, seen_before, None).await?;
    Ok(events)
}

/// See [`crate::store::Store::erase`].
///
/// The memories go first, in a transaction that also says how far the log reaches: later events are a new
/// acquaintance. Then the log is walked by a reader, as far as that, and the writer blanks what was found.
pub(super) async fn erase(store: &SqliteStore, site: String, person: Person) -> Result<Erased, StoreError> {
    let (of_site, digests, keys) = (site.clone(), listed(&person.digests), person.keys.clone());
    let (visitors, forgotten, until) =
        store.write(move |session| forget_memories(session, &of_site, &person)).await?;
    let visitors = listed(&visitors);
    let theirs = Theirs::find(store, &site, &visitors, &digests, until).await?;
    // Refunds before all notes: they are found by their orders, and some only with the notes, also after an interruption.
    let mut events = blank_all(store, &site, &theirs.refunds).await?;
    sweep(store, &NOTE_VISITOR, Value::Text(visitors.clone()), Some(site.clone())).await?;
    for slice in theirs.notes.chunks(SLICE_ROWS) {
        let (site, slice) = (site.clone(), listed(slice));
        store.write(move |session| drop_notes(session, &site, &slice)).await?;
    }
    events += blank_all(store, &site, &theirs.events).await?;
    // Last, because by them whoever repeats this after an interruption finds the visitors.
    let of_site = site.clone();
    store.write(move |session| drop_keys(session, &of_site, &keys)).await?;
    sweep(store, &IDENTITY_VISITOR, Value::Text(visitors.clone()), Some(site.clone())).await?;
    sweep(store, &IDENTITY_KNOWN, Value::Text(visitors), Some(site)).await?;
    store.checkpoint().await?;
    Ok(Erased { visitors: forgotten, events })
}

/// What of the log is a person's.
struct Theirs {
    /// Numbers of events, in order.
    events: Vec<Seq>,
    /// Those of refunds of the orders that these reported.
    refunds: Vec<Seq>,
    /// Keys of notes that lead to those orders, or wait for them.
    notes: Vec<String>,
}

impl Theirs {
    /// Walks the log for a person's events, and once more for refunds of their orders, which name nobody.
    async fn find(
        store: &SqliteStore,
        site: &str,
        visitors: &str,
        digests: &str,
        until: Seq,
    ) -> Result<Self, StoreError> {
        let (mut events, mut orders) = (Vec::new(), Vec::<String>::new());
        let (mut refunds, mut notes) = (Vec::new(), Vec::new());
        for range in ranges(until) {
            let (of_site, visitors, digests) = (site.to_owned(), visitors.to_owned(), digests.to_owned());
            let find =
                move |connection: &_| reader::events_of(connection, &of_site, (&visitors, &digests), range);
            let found = store.ask(find).await?;
            if found.is_empty() {
                continue;
            }
            let (of_site, reporters) = (site.to_owned(), listed(&found));
            let find = move |connection: &_| reader::orders_of(connection, &of_site, &reporters);
            orders.extend(store.ask(find).await?);
            events.extend(found);
        }
        if !orders.is_empty() {
            let (of_site, of_orders) = (site.to_owned(), listed(&orders));
            let find = move |connection: &_| reader::payments_of(connection, &of_site, &of_orders);
            let payments: Vec<String> = store.ask(find).await?;
            let lists = (listed(&orders), listed(&payments));
            for range in ranges(until) {
                let (site, (orders, payments)) = (site.to_owned(), lists.clone());
                let find =
                    move |connection: &_| reader::refunds_of(connection, &site, (&orders, &payments), range);
                refunds.extend(store.ask(find).await?);
            }
            notes.extend(of_overtakers(orders.iter(), payments.iter()));
            notes.extend(payments);
        }
        Ok(Self { events, refunds, notes })
    }
}

/// The log up to a number in pieces: after the first number of each, and up to the second.
fn ranges(until: Seq) -> impl Iterator<Item = (Seq, Seq)> {
    (0..until).step_by(SCAN_ROWS as usize).map(move |after| (after, until.min(after + SCAN_ROWS)))
}

/// Drops the memories that the person's keys lead to. Answers every visitor the person was, how many of them were
/// remembered, and where the log ends.
fn forget_memories(
    session: &mut Session<'_>,
    site: &str,
    person: &Person,
) -> Result<(Vec<String>, u64, Seq), StoreError> {
    let doing = "erase a person's identities";
    let mut visitors = person.visitors.clone();
    for key in &person.keys {
        let sql = "SELECT known || ' ' || visitor_id, visitors FROM identity WHERE site = ?1 AND key = ?2";
        let read = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, u32>(1)?));
        let found = session.rows(doing, sql, params![site, short::key(key)], read)?;
        let own = found.iter().filter(|(_, seen)| *seen <= person.most_visitors);
        visitors.extend(own.flat_map(|(known, _)| known.split_whitespace()).map(str::to_owned));
    }
    visitors.sort_unstable();
    visitors.dedup();
    let sql = "DELETE FROM visitor WHERE site = ?1 AND id IN (SELECT value FROM json_each(?2))";
    let forgotten = session.execute("erase a visitor", sql, params![site, listed(&visitors)])?;
    held::erase(session, site, &listed(&visitors), &listed(&person.digests))?;
    Ok((visitors, forgotten as u64, session.head()))
}

/// Drops the person's keys.
fn drop_keys(session: &mut Session<'_>, site: &str, keys: &[String]) -> Result<(), StoreError> {
    for key in keys {
        let sql = "DELETE FROM identity WHERE site = ?1 AND key = ?2";
        session.execute("erase a person's identities", sql, params![site, short::key(key)])?;
    }
    Ok(())
}

/// A list as statements take it.
fn listed<T: Clone + Into<serde_json::Value>>(items: &[T]) -> String {
    serde_json::Value::from(items).to_string()
}

/// Runs a slice until it finds nothing more.
async fn repeat<S>(store: &SqliteStore, slice: S) -> Result<(), StoreError>
where
    S: Fn(&mut Session<'_>) -> Result<usize, StoreError> + Clone + Send + 'static,
{
    while store.write(slice.clone()).await? > 0 {}
    Ok(())
}

/// Drops cursors and receipts, and some of the memory and of the pending rows, of destinations that are not listed.
fn drop_others(session: &mut Session<'_>, listed: &str) -> Result<usize, StoreError> {
    let doing = "drop a removed destination";
    let cursors = "DELETE FROM cursor WHERE destination NOT IN (SELECT value FROM json_each(?1))";
    session.execute(doing, cursors, [listed])?;
    // After a replay of what was there before the destination it is a row for each event.
    let memory = "DELETE FROM destination_memory WHERE (destination, key) IN (SELECT destination, key FROM destination_memory
                      WHERE destination NOT IN (SELECT value FROM json_each(?1)) LIMIT ?2)";
    let forgotten = session.execute(doing, memory, params![listed, SLICE_ROWS as i64])?;
    let receipts = "DELETE FROM receipt WHERE destination NOT IN (SELECT value FROM json_each(?1))";
    session.execute(doing, receipts, [listed])?;
    let pending = "DELETE FROM retry WHERE (seq, destination) IN (SELECT seq, destination FROM retry
                       WHERE destination NOT IN (SELECT value FROM json_each(?1)) LIMIT ?2)";
    Ok(forgotten + session.execute(doing, pending, params![listed, SLICE_ROWS as i64])?)
}

/// Drops some of the dead letters that are too old.
fn drop_dead(session: &mut Session<'_>, before: UnixMs) -> Result<usize, StoreError> {
    let sql = "DELETE FROM dead WHERE (destination, seq) IN
                   (SELECT destination, seq FROM dead WHERE at_ms < ?1 LIMIT ?2)";
    session.execute("prune the dead letter", sql, params![before.0, SLICE_ROWS as i64])
}

/// Drops settled events that are too old, oldest first.
async fn prune_log(store: &SqliteStore, before: UnixMs, listed: String) -> Result<u64, StoreError> {
    let mut dropped = 0;
    for part in store.write(move |session| Part::before(session, before)).await? {
        let (mut from, mut emptied) = (Some(part.first()), true);
        while let Some(first) = from {
            let listed = listed.clone();
            let piece = move |session: &mut Session<'_>| prune_piece(session, before, &listed, part, first);
            let pruned = store.write(piece).await?;
            dropped += pruned.dropped;
            emptied &= pruned.emptied;
            from = pruned.rest;
        }
        if emptied {
            store.write(move |session| part.forget(session, before)).await?;
        }
    }
    Ok(dropped)
}

/// What became of a piece of the log.
struct Pruned {
    /// How many events were dropped.
    dropped: u64,
    /// Whether no event of the hour is left there.
    emptied: bool,
    /// Where to go on.
    rest: Option<Seq>,
}

/// Looks at the next events of an hour's part, from `first` on.
fn prune_piece(
    session: &mut Session<'_>,
    before: UnixMs,
    listed: &str,
    part: Part,
    first: Seq,
) -> Result<Pruned, StoreError> {
    let events = part.events(session, first, SLICE_BODIES)?;
    // An empty list has no minimum: nobody has anything still to read.
    let floor = "SELECT coalesce(min(coalesce(cursor.seq, 0)), 9223372036854775807)
                 FROM json_each(?1) AS listed LEFT JOIN cursor ON destination = listed.value";
    let floors = session.rows("find the slowest destination", floor, [listed], |row| row.get::<_, Seq>(0))?;
    let floor = floors.into_iter().next().unwrap_or(0);
    let (mut dropped, mut emptied) = (0, true);
    for (seq, received) in &events {
        let sql = "DELETE FROM log WHERE seq = ?1 AND NOT EXISTS (SELECT 1 FROM retry WHERE retry.seq = ?1)";
        if *received < before && *seq <= floor && session.execute("prune the log", sql, [seq])? > 0 {
            session.forget(*seq);
            dropped += 1;
        } else {
            emptied &= !part.is_of(*received);
        }
    }
    if dropped > 0 {
        let sql = "INSERT OR REPLACE INTO log_head VALUES (1, ?1)";
        session.execute("note the log's head", sql, [session.head()])?;
    }
    // While the hour goes on, nothing is old behind an event that is not, as long as the clock was not set; if it was, that
    // is found once the hour is over.
    let ended = events.len() < SLICE_BODIES || !part.is_over(before) && received_since(&events, before);
    let rest = events.last().filter(|_| !ended);
    Ok(Pruned { dropped, emptied, rest: rest.map(|(seq, _)| seq + 1) })
}

/// Whether the last of these events arrived at `before` or later.
fn received_since(events: &[(Seq, UnixMs)], before: UnixMs) -> bool {
    events.last().is_some_and(|(_, received)| *received >= before)
}

/// Blanks events in slices. Answers how many there were.
async fn blank_all(store: &SqliteStore, site: &str, events: &[Seq]) -> Result<u64, StoreError> {
    let mut blanked = 0;
    for slice in events.chunks(SLICE_BODIES) {
        let (site, slice) = (site.to_owned(), slice.to_vec());
        blanked += store.write(move |session| blank(session, &site, &slice)).await?;
    }
    Ok(blanked)
}

/// Drops notes, a list of their keys in JSON.
fn drop_notes(session: &mut Session<'_>, site: &str, keys: &str) -> Result<usize, StoreError> {
    let sql = "DELETE FROM note WHERE site = ?1 AND key IN (SELECT value FROM json_each(?2))";
    session.execute("erase notes", sql, [site, keys])
}

/// Blanks events and drops what points to them, and what is noted of the orders they reported. Answers how many there were.
fn blank(session: &mut Session<'_>, site: &str, events: &[Seq]) -> Result<u64, StoreError> {
    let doing = "erase an event";
    let listed = listed(events);
    // While their bodies still say which orders those are.
    let sql = format!("DELETE FROM note WHERE site = ?2 AND key IN ({})", reader::ORDERS);
    session.execute(doing, &sql, params![listed, site])?;
    let mut blanked = 0;
    for seq in events {
        let sql = "UPDATE log SET body = '', visitor = NULL WHERE seq = ?1 AND body <> ''";
        blanked += session.execute(doing, sql, [seq])? as u64;
        session.execute(doing, "DELETE FROM retry WHERE seq = ?1", [seq])?;
        session.forget(*seq);
    }
    let sql = "DELETE FROM dead WHERE seq IN (SELECT value FROM json_each(?1))";
    session.execute(doing, sql, [listed])?;
    Ok(blanked)
}

/// A walk over a whole table in the order of its key (site, `key`), doing something to the rows that meet `condition`,
/// whose argument is `?1`; of one site only, when a site is given.
struct Sweep {
    table: &'static str,
    key: &'static str,
    action: Action,
    condition: &'static str,
}

/// What a walk does to the rows it meets.
enum Action {
    Delete,
    Set(&'static str),
}

const DEDUP_AGE: Sweep =
    Sweep { table: "dedup", key: "key", action: Action::Delete, condition: "at_ms < ?1" };
const NOTE_AGE: Sweep = Sweep { table: "note", key: "key", action: Action::Delete, condition: "at_ms < ?1" };
/// Notes of one of the visitors.
const NOTE_VISITOR: Sweep = Sweep {
    table: "note",
    key: "key",
    action: Action::Delete,
    condition: "visitor IN (SELECT value FROM json_each(?1))",
};
const VISITOR_AGE: Sweep =
    Sweep { table: "visitor", key: "id", action: Action::Delete, condition: "seen_ms < ?1" };
const IDENTITY_AGE: Sweep =
    Sweep { table: "identity", key: "key", action: Action::Delete, condition: "seen_ms < ?1" };
/// Identities that lead to one of the visitors.
const IDENTITY_VISITOR: Sweep = Sweep {
    table: "identity",
    key: "key",
    action: Action::Delete,
    condition: "visitor_id IN (SELECT value FROM json_each(?1))",
};
/// Identities that lead elsewhere by now, and still list one of the visitors.
const IDENTITY_KNOWN: Sweep = Sweep {
    table: "identity",
    key: "key",
    action: Action::Set(
        "(visitors, known) = (
             SELECT identity.visitors - count(*) FILTER (WHERE gone.value IS NOT NULL),
                    ' ' || group_concat(iif(gone.value IS NULL, one.value || ' ', ''), '')
             FROM json_each('[\"' || replace(trim(identity.known), ' ', '\",\"') || '\"]') AS one
             LEFT JOIN json_each(?1) AS gone ON gone.value = one.value)",
    ),
    condition: "EXISTS (SELECT 1 FROM json_each(?1) WHERE instr(known, ' ' || value || ' '))",
};

/// Where a walk stands: the site, and the key, which is a text or its short form.
type Place = (String, Value);

/// Walks a table to its end.
async fn sweep(
    store: &SqliteStore,
    sweep: &'static Sweep,
    argument: Value,
    site: Option<String>,
) -> Result<(), StoreError> {
    let mut place = Some((String::new(), Value::Text(String::new())));
    while let Some(from) = place {
        let (argument, site) = (argument.clone(), site.clone());
        place = store.write(move |session| sweep.slice(session, argument, site, from)).await?;
    }
    Ok(())
}

impl Sweep {
    /// Looks at the next rows. Answers where to go on.
    fn slice(
        &self,
        session: &mut Session<'_>,
        argument: Value,
        site: Option<String>,
        from: Place,
    ) -> Result<Option<Place>, StoreError> {
        let Self { table, key, action, condition } = self;
        let doing = "prune what is remembered";
        let next = format!(
            "SELECT site, {key} FROM {table} WHERE (site, {key}) > (?1, ?2) ORDER BY site, {key} LIMIT 1 OFFSET ?3"
        );
        let page = params![from.0, from.1, SLICE_ROWS as i64 - 1];
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let until: Option<Place> = session.rows(doing, &next, page, read)?.pop();
        // Nothing is greater than a blob among texts, so the last slice reaches to the end.
        let (last_site, last_key) = until
            .clone()
            .map_or((Value::Blob(Vec::new()), Value::Null), |(site, key)| (Value::Text(site), key));
        let change = match action {
            Action::Delete => format!("DELETE FROM {table}"),
            Action::Set(values) => format!("UPDATE {table} SET {values}"),
        };
        let change = format!(
            "{change} WHERE (site, {key}) > (?3, ?4) AND (site, {key}) <= (?5, ?6)
             AND {condition} AND (?2 IS NULL OR site = ?2)"
        );
        let row = params![argument, site, from.0, from.1, last_site, last_key];
        session.execute(doing, &change, row)?;
        Ok(until)
    }
}
