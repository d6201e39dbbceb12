//! The relay as a process: what keeps it from starting, what stops it, and what becomes of a database that loses its name.

mod running;

use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};

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
    assert!(!directory.join("own.db").exists(), "no store is made for a relay that cannot run");
    assert_eq!(relay.track(LEAD).await.status, 202, "the first one notices nothing");
    relay.stop().await;
}

/// The system chooses the port.
const FREE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A relay that came up.
struct Up {
    child: Child,
    /// Where it listens.
    address: SocketAddr,
    log: Lines<BufReader<ChildStderr>>,
}

impl Up {
    /// Starts it and waits until it is ready.
    fn of(mut command: Command) -> Self {
        let mut child = command.spawn().expect("it starts");
        let mut log = BufReader::new(child.stderr.take().expect("a log")).lines();
        let is_ready = |line: &Value| line["message"] == "relay ready";
        let line = log.by_ref().map(parsed).find(is_ready).expect("it came up");
        let address = line["address"].as_str().expect("an address").parse().expect("an address");
        Self { child, address, log }
    }

    /// Sends it a signal: how it ended, and what it said from then on.
    fn stopped_by(mut self, signal: Signal) -> (ExitStatus, Vec<String>) {
        kill_process(Pid::from_child(&self.child), signal).expect("it is there");
        let messages = self.log.map(|line| parsed(line)["message"].as_str().unwrap_or_default().to_owned());
        let said = messages.collect();
        (self.child.wait().expect("it ends"), said)
    }
}

/// A line of a log.
fn parsed(line: std::io::Result<String>) -> Value {
    serde_json::from_str(&line.expect("UTF-8")).expect("JSON")
}

/// A terminal that is closed sends SIGHUP; the configuration is not read again.
#[test]
fn each_signal_that_asks_for_it_stops_the_relay_in_good_order() {
    // Where the tests themselves run under `nohup`, the relay rightly ignores it.
    let signals =
        [Signal::INT, Signal::TERM].into_iter().chain((!ignores_hangup("self")).then_some(Signal::HUP));
    for signal in signals {
        let directory = tempfile::tempdir().expect("a directory");
        let (status, said) = Up::of(serve(directory.path(), FREE, "own.db")).stopped_by(signal);
        assert_eq!(status.code(), Some(0), "{signal:?}: {said:?}");
        assert_eq!(said.last().map(String::as_str), Some("stopped"), "{signal:?}: {said:?}");
    }
}

/// Whether the kernel drops a process's SIGHUP; not where there is nobody to ask.
fn ignores_hangup(process: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).expect("a mask") & 1 == 1)
}

/// `nohup` starts it so; a handler of its own would end what was to outlive the terminal.
#[cfg(target_os = "linux")]
#[test]
fn a_relay_that_was_started_with_sighup_ignored_goes_on_ignoring_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let plain = serve(directory.path(), FREE, "own.db");
    let mut ignoring = Command::new("/bin/sh");
    ignoring
        .args(["-c", "trap '' HUP; exec \"$0\" \"$@\""])
        .arg(plain.get_program())
        .args(plain.get_args())
        .current_dir(directory.path())
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    for (command, ignores) in [(ignoring, true), (plain, ignores_hangup("self"))] {
        let relay = Up::of(command);
        assert_eq!(ignores_hangup(&relay.child.id().to_string()), ignores);
        let (status, said) = relay.stopped_by(Signal::TERM);
        assert_eq!((status.code(), said.last().map(String::as_str)), (Some(0), Some("stopped")), "{said:?}");
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

/// The write-ahead log holds what was acknowledged last, and the lock keeps a second relay out.
#[tokio::test]
async fn a_database_that_is_put_back_without_what_lies_beside_it_is_not_taken_for_whole() {
    let relay = Running::start("").await;
    let directory = relay.directory.path().to_owned();
    let before = directory.join("before");
    fs::create_dir(&before).expect("a directory");
    assert_eq!(relay.track(LEAD).await.status, 202);
    let names = ["anytrack.db", "anytrack.db-wal", "anytrack.db-shm", "anytrack.db.lock"];
    for name in names {
        fs::rename(directory.join(name), before.join(name)).expect(name);
    }
    for name in names {
        let ready = relay.get("/readyz").await;
        assert_eq!(
            (ready.status, ready.body.contains("moved away, deleted or replaced")),
            (503, true),
            "{name} is missing: {}",
            ready.body
        );
        assert_eq!(relay.track(LEAD).await.status, 503, "{name} is missing");
        fs::rename(before.join(name), directory.join(name)).expect(name);
    }
    assert_eq!(relay.get("/readyz").await.status, 200);
    assert_eq!(relay.track(LEAD).await.status, 202);
    let directory = relay.stop().await;
    assert_eq!(stored(directory.path()), 2, "what was acknowledged, and nothing else");
}

/// Runs a command on the configuration that `serve` wrote here: its exit code, and all it says.
fn command(directory: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_anytrack-relay"));
    command.args(arguments).args(["--config", "other.toml"]).current_dir(directory).env_clear();
    let ran = command.stdin(Stdio::null()).output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (ran.status.code(), text(ran.stdout) + &text(ran.stderr))
}

/// The files of a relay's database.
const FILES: [&str; 5] = ["own.db", "own.db-wal", "own.db-shm", "own.db.lock", "own.db.sock"];

#[tokio::test]
async fn commands_ask_the_relay_that_runs_what_became_of_a_database_that_seems_gone_or_damaged() {
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    let relay = Up::of(serve(directory, FREE, "own.db"));
    // From here on the configuration names the port that the relay was given.
    let second = serve(directory, relay.address, "own.db");
    let before = directory.join("before");
    fs::create_dir(&before).expect("a directory");
    fs::write(directory.join("deals.jsonl"), r#"{"event":"Lead","time":1795183509123}"#).expect("written");
    let (_, said) = command(directory, &["doctor"]);
    assert!(said.contains("own.db holds together"), "{said}");

    for name in FILES {
        fs::rename(directory.join(name), before.join(name)).expect(name);
    }
    let lost = format!(
        "the relay that listens on {} is not ready: the store could not keep events: its file was moved away, deleted",
        relay.address
    );
    let asked: [&[&str]; 6] = [
        &["doctor"],
        &["dead", "list"],
        &["export"],
        &["backup", "copy.db"],
        &["erase", "--visitor", "ann"],
        &["import", "deals.jsonl"],
    ];
    for arguments in asked {
        let (code, said) = command(directory, arguments);
        assert!(code == Some(1) && said.contains(&lost), "{arguments:?}: {said}");
        assert!(!said.contains("is not there yet"), "{arguments:?}: {said}");
    }
    let said = refused(second).await;
    assert!(said.starts_with("cannot listen on "), "{said}");
    assert!(!directory.join("own.db").exists(), "nothing was put under its name");

    fs::write(directory.join("own.db"), [7_u8; 8192]).expect("another file");
    for name in ["check", "doctor"] {
        let (code, said) = command(directory, &[name]);
        assert!(code == Some(1) && said.contains(&lost) && !said.contains("recover"), "{name}: {said}");
    }

    // The database alone: its newest events and its lock are elsewhere, and the relay still has it open.
    fs::rename(before.join("own.db"), directory.join("own.db")).expect("put back");
    let (code, said) = command(directory, &["import", "deals.jsonl"]);
    assert!(
        code == Some(1) && said.contains("is not ready: ") && said.contains("(`-wal`) was moved"),
        "{said}"
    );

    for name in FILES.into_iter().skip(1) {
        fs::rename(before.join(name), directory.join(name)).expect(name);
    }
    let (_, said) = command(directory, &["doctor"]);
    assert!(said.contains("own.db holds together"), "{said}");
    let (status, said) = relay.stopped_by(Signal::TERM);
    assert_eq!(status.code(), Some(0), "{said:?}");
}

/// Its lock was left elsewhere, and what it holds open has a name again: two would write it.
#[tokio::test]
async fn a_second_relay_is_refused_also_where_the_firsts_lock_is_gone() {
    let directory = tempfile::tempdir().expect("a directory");
    let relay = Up::of(serve(directory.path(), FREE, "own.db"));
    let lock = directory.path().join("own.db.lock");
    fs::remove_file(&lock).expect("a lock");
    for _ in 0..2 {
        let said = refused(serve(directory.path(), FREE, "own.db")).await;
        assert!(said.starts_with("another relay is using ") && said.contains("own.db"), "{said}");
        assert!(!lock.exists(), "whoever is refused leaves none");
    }
    let (code, said) = command(directory.path(), &["recover"]);
    assert!(code == Some(1) && said.starts_with("another relay is using "), "{said}");
    let (status, said) = relay.stopped_by(Signal::TERM);
    assert_eq!(status.code(), Some(0), "{said:?}");
}
