//! `recover`: saves what can be read of a damaged store into a new one in its place, and says what was saved and what lost.

use std::fmt::Write;

use super::counted64;
use super::store::StoreCommandError;
use crate::config::Config;
use crate::deduplicate;
use crate::store::sqlite::recover::{Known, Recovered, Rows, Saved, recover};

/// Does it. Answers what to print, and whether nothing was lost.
pub(super) fn run(config: &Config) -> Result<(String, bool), StoreCommandError> {
    let path = &config.store.path;
    if path.parent().is_none_or(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        return Err(StoreCommandError::NoStore(path.clone()));
    }
    let destinations: Vec<String> =
        config.destinations.iter().map(|destination| destination.name.clone()).collect();
    let known = Known { keys: &deduplicate::keys, destinations: &destinations };
    let Recovered { kept, saved } = recover(path, &known)?;
    let place = format!(
        "{} holds it now; the damaged file is kept as {}: delete it when nothing is missed",
        path.display(),
        kept.display()
    );
    Ok(match saved {
        None => (format!("an interrupted recovery is complete\n{place}"), true),
        Some(saved) => (format!("{}{place}", report(&saved)), is_whole(&saved)),
    })
}

fn is_whole(saved: &Saved) -> bool {
    let Saved { tables, numbers: _, pages, frames, keys, restarted } = saved;
    tables.iter().all(|(_, rows)| rows.broken == 0)
        && (*pages, *frames, *keys) == (0, 0, 0)
        && restarted.is_empty()
}

/// What was saved and what not, a line each.
fn report(saved: &Saved) -> String {
    let Saved { tables, numbers: (first, last, missing), pages, frames, keys, restarted } = saved;
    let mut text = String::new();
    // Writing into a text does not fail.
    let mut say = |line: String| {
        let _ = writeln!(text, "{line}");
    };
    for (table, Rows { saved, broken }) in tables {
        let lost = if *broken == 0 { String::new() } else { format!(", {broken} damaged and lost") };
        say(format!("{:<22}{saved} saved{lost}", words(table)));
    }
    if *missing > 0 {
        say(format!(
            "between {first} and {last}, {missing} numbers of the log have no event: forgotten by age before, or lost now"
        ));
    }
    if *pages > 0 {
        say(format!("{} could not be read at all; what was on them is lost", counted64(*pages, "page")));
    }
    if *frames > 0 {
        let frames = counted64(*frames, "frame");
        say(format!(
            "{frames} of the write-ahead log could not be read; what came last there may be missing"
        ));
    }
    if *keys > 0 {
        say(format!("{} made anew from their events", counted64(*keys, "lost dedup key")));
    }
    for (destination, seq) in restarted {
        say(format!(
            "the place of {destination} in the log was lost: it starts again at event {seq}, a day before the newest; what it \
             had taken of those it is sent again under the same ids, what it had not taken of older ones needs `replay`"
        ));
    }
    text
}

/// A table in an operator's words.
fn words(table: &str) -> &str {
    match table {
        "log" => "events",
        "log_head" => "end of the log",
        "dedup" => "dedup keys",
        "visitor" => "visitors",
        "identity" => "identities",
        "cursor" => "places in the log",
        "retry" => "events to retry",
        "dead" => "dead letters",
        "receipt" => "receipts",
        "note" => "notes",
        "held" => "held conversions",
        "held_key" => "keys of those",
        "destination_memory" => "destinations' memory",
        other => other,
    }
}
