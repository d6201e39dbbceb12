//! A machine at its limits: no room on the disk, a disk that takes no writes, is slow or fails, no file descriptors left, a
//! stop in the middle of a backlog. Whatever it is, nothing acknowledged is lost, senders are told to come back, and when it
//! is over the relay goes on.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rusqlite::OpenFlags;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::Value;
use shared::event_id;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;
use www_test::bench::chance::Chance;
use www_test::bench::connection::{Connection, Response};
use www_test::bench::event::{from_server, page_view};
use www_test::relay_process::{Bed, Metrics, RelayProcess, Settings, WEBHOOK_SECRET, find, wrapped};
use www_test::sandbox::trouble::{Mode, Order};
use www_test::sandbox::{Sandbox, Settings as SandboxSettings, clock};

/// Longest wait for anything.
const SOON: Duration = Duration::from_secs(30);

/// How long a relay waits before it tries again to accept a connection (`docs/operate/metrics.md`).
const PAUSE: Duration = Duration::from_millis(50);

/// A relay inside something, and a webhook.
struct Scene {
    sandbox: Sandbox,
    bed: Bed,
    _tools: TempDir,
}

impl Scene {
    /// With a relay that first does what `before` says; see [`wrapped`].
    async fn set(before: &str) -> Self {
        let settings = SandboxSettings {
            webhook_secret: Some(WEBHOOK_SECRET.to_owned()),
            keep_requests: 0,
            ..SandboxSettings::default()
        };
        let sandbox = Sandbox::start_with(&settings).await.expect("the sandbox starts");
        let tools = tempfile::tempdir().expect("a directory");
        let program = wrapped(&find().await.expect("a relay"), tools.path(), before).expect("written");
        let settings =
            Settings { webhook: Some(sandbox.url()), request_timeout_ms: 300, ..Settings::default() };
        let bed = Bed::make_for(program, &settings).expect("a bed");
        Self { sandbox, bed, _tools: tools }
    }

    /// Everything acknowledged counts once at the webhook, and the database is sound.
    async fn all_is_well(&self, relay: RelayProcess<'_>, acknowledged: &[String]) {
        let all = acknowledged.len() as u64;
        let has_all =
            self.sandbox.wait_until("all events", SOON, |state| state.counted("webhook").counted >= all);
        has_all.await.unwrap_or_else(|late| panic!("{late}\n{}", self.bed.log()));
        relay.wait_until_idle(SOON).await.expect("the relay comes to rest");
        self.sandbox.read(|state| {
            let counted = state.times_counted("webhook");
            let wrong = |id: &&String| counted.get(id.as_str()) != Some(&1);
            assert_eq!(acknowledged.iter().find(wrong), None, "an acknowledged event did not count once");
        });
        assert!(relay.stop(SOON).await.expect("the relay stops").success());
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let check: String = rusqlite::Connection::open_with_flags(self.bed.database(), flags)
            .and_then(|database| database.query_row("PRAGMA integrity_check", [], |row| row.get(0)))
            .expect("an answer");
        assert_eq!(check, "ok");
    }
}

/// Sends events over one connection, and knows what was acknowledged.
struct Sender {
    connection: Connection,
    chance: Chance,
    acknowledged: Vec<String>,
}

impl Sender {
    async fn to(bed: &Bed) -> Self {
        let connection = Connection::open(bed.address()).await.expect("a connection");
        Self { connection, chance: Chance::new(7), acknowledged: Vec::new() }
    }

    /// A request with so many events, and their ids.
    fn request(&mut self, events: usize) -> (Vec<u8>, Vec<String>) {
        let now = clock::now();
        let ids: Vec<String> =
            (0..events).map(|_| event_id::uuid_v7(now.0, self.chance.ten_bytes())).collect();
        let events: Vec<Value> = ids.iter().map(|id| page_view(id, now)).collect();
        (from_server(&events), ids)
    }

    /// Sends until a request is refused, or so many are acknowledged. Answers the refused one.
    async fn send(&mut self, requests: usize, events: usize) -> Option<(Vec<u8>, Vec<String>, Response)> {
        for _ in 0..requests {
            let (request, ids) = self.request(events);
            let answer = self.connection.exchange(&request).await.expect("an answer");
            match answer.status {
                202 => self.acknowledged.extend(ids),
                _ => return Some((request, ids, answer)),
            }
        }
        None
    }

    /// How often the relay could not accept a connection.
    async fn failures(&mut self) -> f64 {
        let answer = self.connection.get("/metrics").await.expect("an answer");
        Metrics::read(&answer.text()).count("accept_failures_total")
    }

    async fn status(&mut self, path: &str) -> u16 {
        self.connection.get(path).await.expect("an answer").status
    }
}

/// A sender that is refused is told to come back, and the process lives.
async fn told_to_come_back(sender: &mut Sender, answer: &Response) {
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("30")), "{}", answer.text());
    assert_eq!(sender.status("/healthz").await, 200);
}

/// Lets a relay's files grow to so many bytes, or without end.
fn limit_files(relay: &RelayProcess<'_>, bytes: Option<u64>) {
    let pid = relay.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    prlimit(pid, Resource::Fsize, Rlimit { current: bytes, maximum: None }).expect("a limit");
}

/// With files that may not grow beyond `bytes` the relay refuses what it cannot keep; when they may, it goes on by itself.
async fn refuses_while_it_cannot_write(bytes: u64) {
    // The signal that would end a process whose file grows too large is ignored; writing then fails, as on a full disk.
    let scene = Scene::set("trap '' XFSZ\nexec").await;
    let relay = scene.bed.start().await.expect("the relay starts");
    let mut sender = Sender::to(&scene.bed).await;
    assert!(sender.send(3, 20).await.is_none(), "there is room yet");
    limit_files(&relay, Some(bytes));
    let (request, ids, answer) = sender.send(10_000, 20).await.expect("a refusal");
    told_to_come_back(&mut sender, &answer).await;
    // Readiness tries a small write. Where files may grow no more that fails; else it may still fit, or just not, as the last
    // large one left it.
    let ready = sender.status("/readyz").await;
    assert!(ready == 503 || bytes > 0 && ready == 200, "{ready}");
    let again = sender.connection.exchange(&request).await.expect("an answer");
    assert_eq!(again.status, 503, "there is no room yet");
    limit_files(&relay, None);
    let again = sender.connection.exchange(&request).await.expect("an answer");
    assert_eq!(again.status, 202, "there is room again: {}", again.text());
    sender.acknowledged.extend(ids);
    assert!(sender.send(3, 20).await.is_none());
    assert_eq!(sender.status("/readyz").await, 200);
    scene.all_is_well(relay, &sender.acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_to_senders_and_loses_nothing() {
    refuses_while_it_cannot_write(1_500_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_takes_no_writes_any_more_is_told_to_senders_and_loses_nothing() {
    refuses_while_it_cannot_write(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_takes_no_files_is_refused_at_start() {
    let scene = Scene::set("exec").await;
    // Read-only even for root.
    let (code, said) = serve_elsewhere(&scene.bed, Path::new("/proc/anytrack/anytrack.db")).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("the store cannot use /proc/anytrack/anytrack.db: "), "{said}");
    assert!(said.contains("check the path and its permissions"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_relay_on_one_database_is_refused_and_says_why() {
    let scene = Scene::set("exec").await;
    let relay = scene.bed.start().await.expect("the relay starts");
    let (code, said) = serve_elsewhere(&scene.bed, &scene.bed.database()).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("another relay is using "), "{said}");
    let mut sender = Sender::to(&scene.bed).await;
    assert!(sender.send(2, 5).await.is_none(), "the first one notices nothing");
    scene.all_is_well(relay, &sender.acknowledged).await;
}

/// Starts a relay with a bed's configuration on another port and at this database: its exit code and what it said.
async fn serve_elsewhere(bed: &Bed, database: &Path) -> (Option<i32>, String) {
    let text = std::fs::read_to_string(bed.configuration()).expect("a configuration");
    let own = format!("{:?}", bed.database());
    let (port, path) = (format!("listen = \"{}\"", bed.address()), format!("path = {own}"));
    assert!(text.contains(&port) && text.contains(&path), "{text}");
    let text =
        text.replace(&port, "listen = \"127.0.0.1:0\"").replace(&path, &format!("path = {database:?}"));
    let other = bed.directory().join("other.toml");
    std::fs::write(&other, text).expect("written");
    let mut command = Command::new(bed.binary());
    command.arg("serve").arg("--config").arg(other);
    let ran =
        tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it runs");
    (ran.status.code(), String::from_utf8_lossy(&ran.stderr).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_file_descriptors_those_who_are_in_are_served_and_others_let_in_later() {
    let scene = Scene::set("ulimit -n 64\nexec").await;
    let relay = scene.bed.start().await.expect("the relay starts");
    let mut sender = Sender::to(&scene.bed).await;
    assert!(sender.send(1, 1).await.is_none());
    let mut idle = Vec::new();
    for _ in 0..100 {
        idle.push(TcpStream::connect(scene.bed.address()).await.expect("the system takes it"));
    }
    assert!(sender.send(20, 5).await.is_none(), "who is in is served");
    // It knocks again now and then. Without a pause it would take a processor for itself: thousands of times.
    let (before, begun) = (sender.failures().await, Instant::now());
    let mut more = 0.0;
    while more < 10.0 && begun.elapsed() < SOON {
        assert!(sender.send(1, 5).await.is_none(), "who is in is served");
        more = sender.failures().await - before;
    }
    assert!(more >= 10.0, "it tries on: {more}");
    let pauses = begun.elapsed().as_secs_f64() / PAUSE.as_secs_f64();
    assert!(more <= pauses + 2.0, "tried {more} times in the time of {pauses:.1} pauses");
    let told = scene.bed.log().matches("cannot accept connections").count();
    assert_eq!(told, 1, "told once in a while:\n{}", scene.bed.log());
    drop(idle);
    let mut late = Sender::to(&scene.bed).await;
    assert_eq!(late.status("/readyz").await, 200, "and then others are let in");
    scene.all_is_well(relay, &sender.acknowledged).await;
}

/// A relay under `strace`, which does this to its syncs.
fn syncs(disturbed: &str) -> String {
    let there = Command::new("strace").arg("--version").output();
    assert!(there.is_ok_and(|there| there.status.success()), "strace is missing: run `cargo xtask setup`");
    format!(
        "[ -e \"$0.well\" ] && exec '{{}}' \"$@\"\nexec strace -D -f -q --seccomp-bpf -o /dev/null -e signal=none \
         -e trace=fdatasync,fsync -e inject=fdatasync,fsync:{disturbed} --"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_disk_slows_answers_and_nothing_else() {
    const SYNC: Duration = Duration::from_millis(250);
    const SENDERS: u32 = 48;
    let scene = Scene::set(&syncs("delay_enter=250000").replace("{}", "true")).await;
    let relay = scene.bed.start().await.expect("the relay starts");
    let begun = Instant::now();
    let mut senders = JoinSet::new();
    for nth in 0..SENDERS {
        let mut sender = Sender::to(&scene.bed).await;
        sender.chance = Chance::new(u64::from(nth));
        senders.spawn(async move {
            assert!(sender.send(2, 1).await.is_none());
            sender.acknowledged
        });
    }
    let mut other = Sender::to(&scene.bed).await;
    let asked = Instant::now();
    assert_eq!(other.status("/healthz").await, 200);
    assert!(asked.elapsed() < SYNC * 2, "who needs no disk does not wait for it");
    let acknowledged = senders.join_all().await.concat();
    // One sync each would take so many times as long.
    assert!(begun.elapsed() < SYNC * SENDERS, "{:?} for {SENDERS} senders", begun.elapsed());
    scene.all_is_well(relay, &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_fails_acknowledges_nothing() {
    let relay = find().await.expect("a relay");
    let scene = Scene::set(&syncs("error=EIO:when=16+").replace("{}", &relay.display().to_string())).await;
    let process = scene.bed.start().await.expect("the relay starts");
    let mut sender = Sender::to(&scene.bed).await;
    let (request, ids, answer) = sender.send(1_000, 1).await.expect("a refusal");
    told_to_come_back(&mut sender, &answer).await;
    assert_eq!(sender.status("/readyz").await, 503);
    assert!(sender.acknowledged.len() >= 4, "{} were acknowledged", sender.acknowledged.len());
    process.kill().await.expect("killed");
    let well = format!("{}.well", scene.bed.binary().display());
    std::fs::write(well, "").expect("written");
    let process = scene.bed.start().await.expect("the relay starts on the disk that is well again");
    sender.connection = Connection::open(scene.bed.address()).await.expect("a connection");
    assert_eq!(sender.connection.exchange(&request).await.expect("an answer").status, 202);
    sender.acknowledged.extend(ids);
    scene.all_is_well(process, &sender.acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_in_the_middle_of_a_backlog_is_in_time_and_loses_nothing() {
    let scene = Scene::set("exec").await;
    scene.sandbox.fail(Order::forever("webhook", Mode::Hang));
    let relay = scene.bed.start().await.expect("the relay starts");
    let mut sender = Sender::to(&scene.bed).await;
    assert!(sender.send(60, 50).await.is_none());
    let begun = Instant::now();
    // The grace period of the configuration, by which the service's own is set.
    assert!(relay.stop(Duration::from_secs(20)).await.expect("the relay stops").success());
    assert!(begun.elapsed() < Duration::from_secs(20));
    scene.sandbox.recover();
    let relay = scene.bed.start().await.expect("the relay starts");
    scene.all_is_well(relay, &sender.acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sectors_the_disk_gives_no_more_cost_what_stood_on_them() {
    let relay = find().await.expect("a relay");
    let scene = Scene::set("exec").await;
    let process = scene.bed.start().await.expect("the relay starts");
    let mut sender = Sender::to(&scene.bed).await;
    assert!(sender.send(20, 50).await.is_none());
    process.stop(SOON).await.expect("the relay stops");
    let database = scene.bed.database();
    let mut command = Command::new("strace");
    // Of the reads of this one file, from the thirtieth on every twenty-fifth fails.
    command.args(["-f", "-o", "/dev/null", "-e", "trace=pread64", "-P"]).arg(&database);
    command.args(["-e", "inject=pread64:error=EIO:when=30+25", "--"]).arg(relay);
    command.args(["recover", "--config"]).arg(scene.bed.configuration());
    let ran =
        tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it runs");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(1), "{said}");
    assert!(said.contains(" pages could not be read at all"), "{said}");
    let log: i64 = rusqlite::Connection::open(&database)
        .and_then(|database| database.query_row("SELECT count(*) FROM log", [], |row| row.get(0)))
        .expect("a count");
    assert!((850..1_000).contains(&log), "{log} events are left of 1000: {said}");
}
