//! Pages made unreadable at random: what is lost is what stood on them, and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use relay::deduplicate;
use relay::store::sqlite::recover::{Known, Saved, recover};
use rusqlite::Connection;

use crate::damage::{PAGE, counts, database, filled, garbage, overwrite};

/// Rows on each page, by the table they are of.
fn rows_on_pages(path: &Path) -> Vec<(u64, Option<String>, u64)> {
    let store = Connection::open(path).expect("a store");
    // Of a table with row numbers only the leaves hold rows; one without is an index, whose inner pages do, too.
    let sql =
        "SELECT pageno, iif(t.wr OR (t.name IS NOT NULL AND pagetype = 'leaf'), dbstat.name, NULL), ncell
               FROM dbstat LEFT JOIN pragma_table_list AS t ON t.name = dbstat.name
               WHERE pagetype <> 'overflow' AND pageno > 1";
    let mut query = store.prepare(sql).expect("a query");
    let rows = query.query_map([], |row| {
        Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?, row.get::<_, i64>(2)?.unsigned_abs()))
    });
    rows.expect("pages").collect::<Result<_, _>>().expect("pages")
}

fn recovered(path: &Path) -> Saved {
    let known = Known { keys: &deduplicate::keys, destinations: &["crm".to_owned()] };
    recover(path, &known).expect("recovered").saved.expect("a report")
}

#[tokio::test]
async fn what_is_lost_is_what_stood_on_the_damaged_pages() {
    let directory = filled().await;
    let whole = database(directory.path());
    let before: BTreeMap<String, u64> = counts(&whole).into_iter().collect();
    let pages = rows_on_pages(&whole);
    assert!(pages.len() > 100, "{} pages", pages.len());
    for seed in 1..=20 {
        let copy = tempfile::tempdir().expect("a directory");
        let path = database(copy.path());
        fs::copy(&whole, &path).expect("copied");
        let mut lost = BTreeMap::<&str, u64>::new();
        let hit: Vec<_> =
            garbage(seed, pages.len()).into_iter().zip(&pages).filter(|(die, _)| *die < 16).collect();
        for (die, (page, table, rows)) in &hit {
            overwrite(&path, (page - 1) * PAGE, &garbage(seed + u64::from(*die), PAGE as usize));
            if let Some(table) = table {
                *lost.entry(table).or_default() += rows;
            }
        }
        let saved = recovered(&path);
        // A long row's further pages are not read without the row, and count as unread with it.
        assert!(saved.pages >= hit.len() as u64, "seed {seed}: {} of {} pages", saved.pages, hit.len());
        for (table, rows) in counts(&path) {
            let (had, lost) = (before[&table], lost.get(table.as_str()).copied().unwrap_or(0));
            match table.as_str() {
                // Keys and hours are made anew from the events; a row of these goes with the event it is about.
                "dedup" | "log_hour" => assert!(rows >= had - lost && rows <= had, "seed {seed}"),
                "retry" | "held_key" => assert!(rows <= had - lost, "seed {seed}, {table}"),
                "cursor" => assert!(rows >= 1, "seed {seed}: a destination has a place in the log"),
                _ => assert_eq!(rows, had - lost, "seed {seed}, {table}"),
            }
        }
    }
}

#[tokio::test]
async fn single_bytes_flipped_anywhere_never_lose_more_than_their_row_or_page() {
    let directory = filled().await;
    let whole = database(directory.path());
    let (bytes, events) = (fs::read(&whole).expect("a file"), 600_u64);
    for seed in 1..=30 {
        let copy = tempfile::tempdir().expect("a directory");
        let path = database(copy.path());
        let mut damaged = bytes.clone();
        let place = garbage(seed, 8).iter().fold(0_usize, |place, byte| place << 8 | usize::from(*byte));
        let at = place % damaged.len();
        damaged[at] ^= 1 << (seed % 8);
        fs::write(&path, damaged).expect("written");
        recovered(&path);
        let log = counts(&path).into_iter().find(|(name, _)| name == "log").expect("the log").1;
        assert!(log <= events && log + 40 >= events, "seed {seed}: {log} events after byte {at}");
    }
}

#[tokio::test]
async fn destinations_that_lost_their_place_start_a_day_before_the_newest_event() {
    let directory = filled().await;
    let path = database(directory.path());
    let store = Connection::open(&path).expect("a store");
    store
        .execute_batch(
            "UPDATE log SET received_ms = received_ms - 90000000 WHERE seq <= 250; DELETE FROM cursor",
        )
        .expect("set");
    drop(store);
    assert_eq!(recovered(&path).restarted, [("crm".to_owned(), 251)]);
    let cursor =
        Connection::open(&path).expect("a store").query_row("SELECT seq FROM cursor", [], |row| row.get(0));
    assert_eq!(cursor, Ok(250));
}
