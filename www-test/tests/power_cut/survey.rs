//! Whether a database is what the answers before the cut promised.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use rusqlite::Connection;

use crate::load::{Asked, What};

/// Ids of the events that were acknowledged before call number `moment` and whose visitor nobody asked to forget.
pub(crate) fn acknowledged(asked: &[Asked], moment: usize) -> impl Iterator<Item = &str> {
    let forgotten: HashSet<&str> = asked
        .iter()
        .filter_map(|one| match &one.what {
            What::Erase(visitor) => Some(visitor.as_str()),
            What::Take(_) => None,
        })
        .collect();
    let answered = asked.iter().filter(move |one| one.answered.is_some_and(|answered| answered < moment));
    answered
        .flat_map(|one| match &one.what {
            What::Take(events) => events.as_slice(),
            What::Erase(_) => &[],
        })
        .filter(move |(_, visitor)| visitor.as_deref().is_none_or(|visitor| !forgotten.contains(visitor)))
        .map(|(id, _)| id.as_str())
}

/// Checks the database in `folder`; how many events it must have and has.
pub(crate) fn check(folder: &Path, asked: &[Asked], moment: usize) -> Result<usize, String> {
    let owed: Vec<&str> = acknowledged(asked, moment).collect();
    let path = folder.join("anytrack.db");
    if !path.exists() {
        return if owed.is_empty() { Ok(0) } else { Err("there is no database".to_owned()) };
    }
    let found = look(&path).map_err(|error| error.to_string())?;
    if found.integrity != "ok" {
        return Err(format!("the database is damaged: {}", found.integrity));
    }
    if let Some((id, times)) = found.events.iter().find(|(_, times)| **times != 1) {
        return Err(format!("{id} is there {times} times"));
    }
    if let Some(id) = owed.iter().find(|id| !found.events.contains_key(**id)) {
        let missing = owed.iter().filter(|id| !found.events.contains_key(**id)).count();
        return Err(format!("{missing} of {} acknowledged events are gone, such as {id}", owed.len()));
    }
    if found.keyless > 0 || found.ahead > 0 {
        return Err(format!(
            "{} events have no dedup key, {} cursors are past the log",
            found.keyless, found.ahead
        ));
    }
    let erased = asked.iter().filter(|one| one.answered.is_some_and(|answered| answered < moment));
    for one in erased {
        if let What::Erase(visitor) = &one.what
            && found.visitors.contains(visitor)
        {
            return Err(format!("{visitor} was erased and is back"));
        }
    }
    Ok(owed.len())
}

struct Found {
    integrity: String,
    /// How often each event is in the log.
    events: HashMap<String, u32>,
    /// Everybody in the log.
    visitors: HashSet<String>,
    keyless: i64,
    ahead: i64,
}

fn look(path: &Path) -> rusqlite::Result<Found> {
    let database = Connection::open(path)?;
    let integrity = database.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    let tables: i64 = database.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let (mut events, mut visitors) = (HashMap::new(), HashSet::new());
    if tables == 0 {
        return Ok(Found { integrity, events, visitors, keyless: 0, ahead: 0 });
    }
    let mut log = database.prepare("SELECT body ->> '$.event_id', visitor FROM log WHERE body <> ''")?;
    let mut rows = log.query([])?;
    while let Some(row) = rows.next()? {
        *events.entry(row.get(0)?).or_default() += 1;
        visitors.extend(row.get::<_, Option<String>>(1)?);
    }
    let number = |sql| database.query_row(sql, [], |row| row.get(0));
    let keyless = number(
        "SELECT count(*) FROM log WHERE body <> '' AND NOT EXISTS (SELECT 1 FROM dedup WHERE dedup.site = log.site
            AND key = (body ->> '$.event_id') || char(31) || (body ->> '$.event'))",
    )?;
    let ahead = number("SELECT count(*) FROM cursor WHERE seq > (SELECT coalesce(max(seq), 0) FROM log)")?;
    Ok(Found { integrity, events, visitors, keyless, ahead })
}
