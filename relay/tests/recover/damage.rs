//! A store with something in every table, and ways to damage it.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use crate::running::Running;

/// Requests of fifty events.
const REQUESTS: usize = 12;
/// Bytes of a page.
pub(crate) const PAGE: u64 = 4096;

/// A directory with a configuration and the store of a relay that has stopped.
pub(crate) async fn filled() -> TempDir {
    // Nobody listens at port 9 of this machine, so everything waits for another try.
    let table = "[[destination]]\nname = \"crm\"\nsite = \"shop\"\nplatform = \"webhook\"\n\
         url = \"http://127.0.0.1:9/in\"\nsecret = \"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3\"\nallow_private = true\n";
    let relay = Running::start(table).await;
    for request in 0..REQUESTS {
        let events: Vec<String> = (0..50).map(|nth| event(request * 50 + nth)).collect();
        let answer = relay.track(&format!(r#"{{"events":[{}]}}"#, events.join(","))).await;
        assert_eq!((answer.status, answer.json()["accepted"].as_u64()), (202, Some(50)), "{answer:?}");
    }
    let directory = relay.stop().await;
    let store = Connection::open(database(directory.path())).expect("a store");
    let rows = "INSERT INTO dead VALUES ('crm', 3, 'shop', 'Purchase', 'Purchase-3', 1795183509123, 'refused: no');
         INSERT INTO receipt VALUES ('crm', 'r-1', 1, 1795183509123, 0, 1, 1795183509123, '[5,6]');
         INSERT INTO destination_memory VALUES ('crm', 'refresh_token', 'kept'), ('crm', 'given_7', '');
         INSERT INTO held VALUES ('shop', 'h-1', unixepoch() * 1000 + 300000, 1795183509123, 'visitor-1', '{\"events\":[],\"keys\":[]}');
         INSERT INTO held_key VALUES ('shop', 'k-1', 'h-1');
         INSERT OR IGNORE INTO log_head VALUES (1, 600);";
    store.execute_batch(rows).expect("rows for tables that few events reach");
    directory
}

/// A purchase of a visitor of its own, with a customer.
pub(crate) fn event(nth: usize) -> String {
    format!(
        r#"{{"event":"Purchase","visitor_id":"visitor-{nth}","page":{{"url":"https://shop.example/thanks?order={nth}"}},
            "click_ids":{{"gclid":"click-{nth}"}},"user":{{"email":"customer-{nth}@example.com"}},
            "properties":{{"value":{nth},"currency":"EUR","order_id":"{nth}","note":"{}"}}}}"#,
        "made up ".repeat(nth % 40)
    )
}

/// The store's file.
pub(crate) fn database(directory: &Path) -> PathBuf {
    directory.join("anytrack.db")
}

/// Overwrites what is there.
pub(crate) fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    let file = OpenOptions::new().write(true).open(path).expect("a file");
    file.write_all_at(bytes, at).expect("written");
}

/// Bytes that mean nothing, the same for the same seed.
pub(crate) fn garbage(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// Every table and how many rows it has.
pub(crate) fn counts(path: &Path) -> Vec<(String, u64)> {
    let store = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a store");
    let check: String = store.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("an answer");
    assert_eq!(check, "ok");
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    let mut tables = store.prepare(sql).expect("a schema");
    let names = tables.query_map([], |row| row.get::<_, String>(0)).expect("names");
    let count = |name: String| {
        let rows = store.query_row(&format!("SELECT count(*) FROM {name}"), [], |row| row.get::<_, i64>(0));
        (name, rows.expect("a count").unsigned_abs())
    };
    names.map(|name| count(name.expect("text"))).collect()
}

/// Runs a command of the program on the configuration in this directory: its exit code, its output, its errors.
pub(crate) fn command(directory: &Path, name: &str) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_anytrack-relay"));
    command.arg(name).arg("--config").arg(directory.join("anytrack.toml")).env_clear();
    let ran = command.output().expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8").trim().to_owned();
    (ran.status.code().expect("an exit code"), text(ran.stdout), text(ran.stderr))
}

/// The files whose names go on after the database's.
pub(crate) fn beside(directory: &Path, begins: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(directory).expect("readable").map(|file| file.expect("a file").path());
    let name = format!("anytrack.db{begins}");
    let is_one =
        |path: &PathBuf| path.file_name().is_some_and(|found| found.to_string_lossy().starts_with(&name));
    files.filter(is_one).collect()
}

/// A relay on the store in this directory takes one event more, and knows those that it had.
pub(crate) async fn works(directory: TempDir, known: usize) -> TempDir {
    let relay = Running::start_in(directory, "").await;
    assert_eq!(relay.get("/readyz").await.status, 200);
    let new = relay.track(&event(100_000)).await;
    assert_eq!((new.status, new.json()["accepted"].as_u64()), (202, Some(1)), "{new:?}");
    let old = relay.track(&event(known)).await;
    assert_eq!((old.status, old.json()["duplicates"].as_u64()), (202, Some(1)), "{old:?}");
    relay.stop().await
}
