//! The relay as a process: what keeps it from starting, what stops it, and what becomes of a database that loses its name.

mod running;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use relay::store::sqlite::SqliteStore;
use running::{Running, stored};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const LEAD: &str = r#"{"event":"Lead"}"#;

/// The program's `serve` in this directory, with this address and database.
fn serve(directory: &Path, listen: SocketAddr, database: &str) -> Command {
    let text = format!(
        "[server]\nlisten = \"{listen}\"\npublic_url = \"https://t.shop.example\"\n[store]\npath = \"{database}\"\n\
         [[site]]\nkey = \"shop\"\norigins = [\"https://shop.example\"]\n"
    );
    fs::write(directory.join("other.toml"), text).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_anytrack-relay"));
    command.args(["serve", "--log-format", "json", "--config", "other.toml"]);
    command
        .current_dir(directory)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// What a relay says that does not start: one line.
async fn refused(mut command: Command) -> String {
    let ran =
        tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it runs");
    let said = String::from_utf8(ran.stderr).expect("UTF-8");
    assert_eq!(ran.status.code(), Some(1), "{said}");
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let last = lines.last().expect("it says why");
    assert_eq!(last["level"], "ERROR", "{said}");
    last["message"].as_str().expect("a text").to_owned()
}

#[tokio::test]
async fn a_second_relay_hears_of_the_database_first_and_of_the_port_when_that_is_the_trouble() {
    let relay = Running::start("").await;
    let directory = relay.directory.path().to_owned();
    let same = refused(serve(&directory, relay.address, "anytrack.db")).await;
    assert!(
        same.starts_with("another relay is using ") && same.contains("anytrack.db; stop it first"),
        "{same}"
    );
    let taken = refused(serve(&directory, relay.address, "own.db")).await;
    let expected = format!("cannot listen on {}: ", relay.address);
    assert!(taken.starts_with(&expected), "{taken}");
    assert!(
        taken.ends_with("; another program listens there: stop it, or choose another `listen` in [server]"),
        "{taken}"
    );
    assert_eq!(relay.track(LEAD).await.status, 202, "the first one notices nothing");
    relay.stop().await;
}

/// Starts a relay, waits until it is ready, and sends it a signal: how it ended, and what it said from then on.
fn stopped_by(signal: Signal) -> (ExitStatus, Vec<String>) {
    let directory = tempfile::tempdir().expect("a directory");
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut child: Child = serve(directory.path(), free, "own.db").spawn().expect("it starts");
    let log = BufReader::new(child.stderr.take().expect("a log"));
    let mut messages = log.lines().map(|line| {
        let line: Value = serde_json::from_str(&line.expect("UTF-8")).expect("JSON");
        line["message"].as_str().unwrap_or_default().to_owned()
    });
    assert!(messages.any(|message| message == "relay ready"), "it came up");
    kill_process(Pid::from_child(&child), signal).expect("it is there");
    let said = messages.collect();
    (child.wait().expect("it ends"), said)
}

/// A terminal that is closed sends SIGHUP; the configuration is not read again.
#[test]
fn each_signal_that_asks_for_it_stops_the_relay_in_good_order() {
    for signal in [Signal::HUP, Signal::INT, Signal::TERM] {
        let (status, said) = stopped_by(signal);
        assert_eq!(status.code(), Some(0), "{signal:?}: {said:?}");
        assert_eq!(said.last().map(String::as_str), Some("stopped"), "{signal:?}: {said:?}");
    }
}

/// Else the relay's own user, who comes after root, would be kept out of the store.
#[tokio::test]
async fn what_root_starts_leaves_the_lock_to_the_owner_of_the_database() {
    let directory = Running::start("").await.stop().await;
    let of = |name: &str| {
        let found = directory.path().join(name).metadata().expect("a file");
        (found.uid(), found.gid())
    };
    fs::remove_file(directory.path().join("anytrack.db.lock")).expect("a lock");
    // Only root may give a file away; for everybody else both are theirs.
    let is_root = chown(directory.path().join("anytrack.db"), Some(12_345), Some(12_346)).is_ok();
    let owner = of("anytrack.db");
    assert_eq!(is_root, owner == (12_345, 12_346));
    let store = SqliteStore::open(&directory.path().join("anytrack.db"), relay::pipeline::decide);
    assert_eq!(of("anytrack.db.lock"), owner);
    drop(store.expect("it opens"));
}

/// Waits for nothing: whoever asks whether the relay is ready makes it look.
#[tokio::test]
async fn a_database_that_is_moved_away_is_noticed_and_nothing_is_taken_until_it_is_back() {
    let relay = Running::start("").await;
    let directory = relay.directory.path().to_owned();
    let (name, elsewhere) = (directory.join("anytrack.db"), directory.join("elsewhere.db"));
    assert_eq!(relay.track(LEAD).await.status, 202);
    assert_eq!(relay.get("/readyz").await.status, 200);

    fs::rename(&name, &elsewhere).expect("moved");
    let reason =
        "its file was moved away, deleted or replaced while the relay runs; put it back under its name";
    let ready = relay.get("/readyz").await;
    assert_eq!((ready.status, ready.body.contains(reason)), (503, true), "{}", ready.body);
    let answer = relay.track(LEAD).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("30")), "{answer:?}");
    assert_eq!(relay.page(&format!("[{LEAD}]")).await.status, 503);

    fs::write(&name, "").expect("another file");
    assert_eq!(relay.get("/readyz").await.status, 503, "another file has its name");
    assert_eq!(relay.track(LEAD).await.status, 503);

    fs::rename(&elsewhere, &name).expect("put back");
    assert_eq!(relay.get("/readyz").await.status, 200);
    assert_eq!(relay.track(LEAD).await.status, 202);
    let directory = relay.stop().await;
    assert_eq!(stored(directory.path()), 2, "what was acknowledged, and nothing else");
}
