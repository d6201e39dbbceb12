//! What an operator is told of damage, and that nothing is overwritten.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use rusqlite::Connection;

use crate::damage::{PAGE, beside, command, counts, database, event, filled, garbage, overwrite, works};
use crate::running::Running;

/// `serve`, `check` and `doctor` say that it is damaged and what to do, and change nothing.
fn refused(directory: &Path) {
    let path = database(directory);
    let before = fs::read(&path).expect("the damaged file");
    for name in ["serve", "check", "doctor"] {
        let (code, said, errors) = command(directory, name);
        let text = said + &errors;
        assert_eq!(code, 1, "{name}: {text}");
        for part in ["anytrack.db is damaged: ", "it was left as it is", "`anytrack-relay recover`"] {
            assert!(text.contains(part), "{name} does not say {part:?}: {text}");
        }
    }
    assert!(fs::read(&path).expect("still there") == before, "the damaged file was changed");
}

/// `recover` does what it can; its words. The damaged file is beside the new one, as it was.
fn recovered(directory: &Path) -> (i32, String) {
    let damaged = fs::read(database(directory)).expect("the damaged file");
    let (code, said, errors) = command(directory, "recover");
    assert_eq!(errors, "");
    let files = beside(directory, ".damaged-");
    let same = files.iter().filter(|path| fs::read(path).expect("kept") == damaged).count();
    assert_eq!(same, 1, "{files:?}");
    (code, said)
}

fn saved(directory: &Path, table: &str) -> u64 {
    let counts = counts(&database(directory));
    counts.into_iter().find(|(name, _)| name == table).expect("a table").1
}

#[tokio::test]
async fn a_file_of_garbage_is_refused_and_yields_what_its_write_ahead_log_holds() {
    let directory = filled().await;
    overwrite(&database(directory.path()), 0, &garbage(7, 4096 * 120));
    refused(directory.path());
    let (code, said) = recovered(directory.path());
    assert_eq!(code, 1, "{said}");
    assert!(said.contains(" pages could not be read at all"), "{said}");
    assert!((300..600).contains(&saved(directory.path(), "log")), "{said}");
    works(directory, 599).await;
}

#[tokio::test]
async fn a_file_cut_off_is_refused_and_yields_what_is_left() {
    let directory = filled().await;
    let file = fs::OpenOptions::new().write(true).open(database(directory.path())).expect("a file");
    let length = file.metadata().expect("a length").len();
    file.set_len(length / 2 + 100).expect("cut");
    refused(directory.path());
    let (code, said) = recovered(directory.path());
    assert_eq!((code, said.contains("pages could not be read at all")), (1, true), "{said}");
    assert!((200..600).contains(&saved(directory.path(), "log")), "{said}");
    works(directory, 1).await;
}

#[tokio::test]
async fn a_damaged_schema_costs_no_row() {
    let directory = filled().await;
    let before = counts(&database(directory.path()));
    // What follows the magic words and the size of a page.
    overwrite(&database(directory.path()), 40, &garbage(3, 4000));
    refused(directory.path());
    let (code, said) = recovered(directory.path());
    assert_eq!((code, said.contains("1 page could not be read at all")), (1, true), "{said}");
    assert_eq!(counts(&database(directory.path())), before);
    works(directory, 5).await;
}

#[tokio::test]
async fn an_emptied_file_beside_its_write_ahead_log_is_refused_and_yields_it() {
    let directory = filled().await;
    let path = database(directory.path());
    let store = Connection::open(&path).expect("a store");
    store
        .execute_batch("PRAGMA wal_autocheckpoint = 0; UPDATE log SET received_ms = received_ms + 1")
        .expect("written");
    let copy = tempfile::tempdir().expect("a directory");
    for name in ["anytrack.toml", "anytrack.db-wal"] {
        fs::copy(directory.path().join(name), copy.path().join(name)).expect("copied");
    }
    fs::write(database(copy.path()), "").expect("emptied");
    refused(copy.path());
    let (_, said) = recovered(copy.path());
    assert_eq!(saved(copy.path(), "log"), 600, "{said}");
    assert_eq!(beside(copy.path(), ".damaged-").len(), 2, "the write-ahead log is kept, too");
    works(copy, 9).await;
}

#[tokio::test]
async fn a_damaged_write_ahead_log_is_read_past_the_damage() {
    let directory = filled().await;
    let path = database(directory.path());
    let store = Connection::open(&path).expect("a store");
    store.execute_batch("PRAGMA wal_autocheckpoint = 0").expect("set");
    for nth in 0..20 {
        let sql = format!("INSERT INTO cursor VALUES ('d{nth}', {nth})");
        store.execute_batch(&sql).expect("written");
    }
    let check = |at: u64, length: usize, by_sqlite: u64, by_us: u64| {
        let copy = tempfile::tempdir().expect("a directory");
        for name in ["anytrack.toml", "anytrack.db", "anytrack.db-wal"] {
            fs::copy(directory.path().join(name), copy.path().join(name)).expect("copied");
        }
        overwrite(&copy.path().join("anytrack.db-wal"), at, &garbage(1, length));
        let seen = tempfile::tempdir().expect("a directory");
        for name in ["anytrack.db", "anytrack.db-wal"] {
            fs::copy(copy.path().join(name), seen.path().join(name)).expect("copied");
        }
        assert_eq!(saved(seen.path(), "cursor"), by_sqlite, "SQLite stops at the damage");
        recovered(copy.path());
        assert_eq!(saved(copy.path(), "cursor"), by_us);
    };
    // Every insertion is a frame of 24 + 4096 bytes, and there was one cursor before.
    check(32 + 4120 * 7 + 2000, 16, 8, 21);
    check(0, 32, 1, 21);
    check(32 + 4120 * 19 + 2000, 16, 20, 20);
}

#[tokio::test]
async fn what_runs_into_damage_stops_for_good_and_is_told_at_the_next_start() {
    let directory = filled().await;
    let path = database(directory.path());
    let store = Connection::open(&path).expect("a store");
    let visitors = "SELECT pageno FROM dbstat WHERE name = 'visitor' AND pagetype = 'leaf'";
    let pages: Vec<i64> = store
        .prepare(visitors)
        .and_then(|mut query| query.query_map([], |row| row.get(0))?.collect())
        .expect("pages");
    drop(store);
    for page in pages {
        overwrite(&path, (page as u64 - 1) * PAGE, &garbage(page as u64, PAGE as usize));
    }
    let relay = Running::start_in(directory, "").await;
    assert_eq!(relay.get("/readyz").await.status, 200, "nothing has come to the damage yet");
    let stranger = r#"{"event":"Lead","event_id":"a-lead"}"#;
    let met = relay.track(&event(3).replace("\"3\"", "\"another\"")).await;
    assert_eq!((met.status, met.header("retry-after")), (503, Some("30")), "{met:?}");
    let after = relay.track(stranger).await;
    assert_eq!((after.status, after.header("retry-after")), (503, Some("30")), "{after:?}");
    let ready = relay.get("/readyz").await;
    assert_eq!((ready.status, ready.body.contains("anytrack-relay recover")), (503, true), "{ready:?}");
    assert_eq!(relay.get("/healthz").await.status, 200);
    let directory = relay.stop().await;

    refused(directory.path());
    let (code, said) = recovered(directory.path());
    assert_eq!(code, 1, "{said}");
    assert!(beside(directory.path(), ".suspect").is_empty());
    let relay = Running::start_in(directory, "").await;
    assert_eq!(relay.track(stranger).await.status, 202);
    relay.stop().await;
}

#[tokio::test]
async fn a_backup_put_in_place_of_a_damaged_file_is_believed() {
    let directory = filled().await;
    fs::write(directory.path().join("anytrack.db.suspect"), "it was damaged\n").expect("written");
    let directory = works(directory, 4).await;
    assert!(beside(directory.path(), ".suspect").is_empty(), "it was checked and found whole");
}

#[tokio::test]
async fn a_recovered_file_has_the_owner_and_the_mode_of_the_damaged_one() {
    let directory = filled().await;
    let path = database(directory.path());
    overwrite(&path, 0, &garbage(5, 64));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("a mode");
    // Only root may give a file away; the mode is tried by everybody.
    let is_root = chown(&path, Some(12_345), Some(12_346)).is_ok();
    recovered(directory.path());
    let found = path.metadata().expect("a file");
    assert_eq!(found.mode() & 0o777, 0o640);
    if is_root {
        assert_eq!((found.uid(), found.gid()), (12_345, 12_346));
        let lock = directory.path().join("anytrack.db.lock").metadata().expect("a file");
        assert_eq!((lock.uid(), lock.gid()), (12_345, 12_346));
    }
}

#[tokio::test]
async fn a_running_relays_store_is_not_recovered() {
    let relay = Running::start("").await;
    let directory = relay.directory.path().to_owned();
    let ran = tokio::task::spawn_blocking(move || command(&directory, "recover")).await.expect("no panic");
    assert_eq!(ran.0, 1);
    assert!(ran.2.starts_with("another relay is using "), "{}", ran.2);
    relay.stop().await;
}

#[tokio::test]
async fn a_recovery_that_was_interrupted_is_completed_and_nothing_else_starts() {
    let directory = filled().await;
    let path = database(directory.path());
    let before = counts(&path);
    // As it is when the new database is whole and has not its place yet; with and without the damaged file moved away.
    for moved in [false, true] {
        fs::copy(&path, directory.path().join("anytrack.db.recovered")).expect("copied");
        if moved {
            fs::remove_file(&path).expect("moved");
        }
        for name in ["serve", "check", "doctor"] {
            let (code, said, errors) = command(directory.path(), name);
            let text = said + &errors;
            assert_eq!((code, text.contains("was interrupted")), (1, true), "{name}: {text}");
        }
        let (code, said, errors) = command(directory.path(), "recover");
        assert_eq!((code, errors.as_str()), (0, ""));
        assert!(said.starts_with("an interrupted recovery is complete"), "{said}");
        assert_eq!(counts(&path), before);
    }
    assert_eq!(beside(directory.path(), ".recover"), Vec::<std::path::PathBuf>::new());
}
