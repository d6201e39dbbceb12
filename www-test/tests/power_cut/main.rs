//! Power cuts: the relay's calls to the system are recorded, and the disk is put together as a power cut at any moment
//! may leave it: what was synced is there, of everything else any part, torn anywhere. On each such disk every event that
//! was acknowledged by then is there exactly once, what was erased stays erased, and the relay starts and goes on.
//!
//! Needs `strace`, which `cargo xtask setup` installs.

#![expect(clippy::print_stdout, reason = "the figures of a run are its output")]

mod disk;
mod load;
mod survey;
mod trace;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use disk::{Disk, Fate, Honesty};
use load::{Asked, Load};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::time::timeout;
use trace::{Call, Deed};
use www_test::bench::chance::Chance;
use www_test::bench::connection::Connection;
use www_test::relay_process::{Bed, Settings, WEBHOOK_SECRET, find, wrapped};
use www_test::sandbox::{Sandbox, Settings as SandboxSettings, clock};

/// Power cuts that are tried.
const CUTS: usize = 72;
/// Of those, after how many a relay is started on the disk again.
const STARTS: usize = 6;
/// The whole test ends within this, or fails.
const WITHIN: Duration = Duration::from_secs(180);

/// A recorded run.
struct Recorded {
    calls: Vec<Call>,
    asked: Vec<Asked>,
    /// The database, as the calls name it.
    database: PathBuf,
    webhook: String,
    _sandbox: Sandbox,
}

#[tokio::test(flavor = "multi_thread")]
async fn no_power_cut_takes_what_was_acknowledged() {
    let relay = find().await.expect("a relay");
    timeout(WITHIN, cut_power(&relay)).await.expect("the test ends in time");
}

async fn cut_power(relay: &Path) {
    let seed = u64::try_from(clock::now().0).expect("after 1970");
    println!("seed {seed}");
    let mut chance = Chance::new(seed);
    let run = record(relay, &mut chance).await;
    let disk = Disk::of(&run.calls, &run.database);
    let moments = moments(&run, &mut chance);
    let mut acknowledged = 0;
    for (nth, moment) in moments.into_iter().enumerate() {
        let folder = tempfile::tempdir().expect("a directory");
        let fate = Fate::ALL[nth % Fate::ALL.len()];
        disk.after_cut(moment, fate, Honesty::Honest, &mut chance, folder.path());
        let what = format!("seed {seed}, cut {nth} before call {moment} of {}, {fate:?}", run.calls.len());
        let found = survey::check(folder.path(), &run.asked, moment);
        acknowledged += found.unwrap_or_else(|wrong| panic!("{what}: {wrong}"));
        if nth % (CUTS / STARTS) == 0 {
            start_on(&run, relay, folder, moment).await.unwrap_or_else(|wrong| panic!("{what}: {wrong}"));
        }
    }
    println!("{} calls, {CUTS} cuts, {acknowledged} acknowledged events looked for", run.calls.len());
    lying_disk_is_noticed(&run, &disk, &mut chance);
}

/// The same with a disk that syncs nothing: were nothing missed then, nothing above would mean anything.
fn lying_disk_is_noticed(run: &Recorded, disk: &Disk<'_>, chance: &mut Chance) {
    let end = run.calls.len();
    let mut missed = 0;
    for fate in Fate::ALL {
        let folder = tempfile::tempdir().expect("a directory");
        disk.after_cut(end, fate, Honesty::Lying, chance, folder.path());
        missed += usize::from(survey::check(folder.path(), &run.asked, end).is_err());
    }
    assert!(
        missed >= 2,
        "a disk that syncs nothing loses events in {missed} of {} ways only",
        Fate::ALL.len()
    );
}

/// Runs a relay under `strace` until its load is done, and kills it.
async fn record(relay: &Path, chance: &mut Chance) -> Recorded {
    let tools = tempfile::tempdir().expect("a directory");
    let out = tools.path().join("calls");
    let sandbox = Sandbox::start_with(&SandboxSettings {
        webhook_secret: Some(WEBHOOK_SECRET.to_owned()),
        keep_requests: 0,
        ..SandboxSettings::default()
    })
    .await
    .expect("the sandbox starts");
    let webhook = sandbox.url();
    let settings = Settings { webhook: Some(webhook.clone()), ..Settings::default() };
    let bed = Bed::make_for(traced(relay, tools.path(), &out), &settings).expect("a bed");
    let calls = read_whole(&out);
    let process = bed.start().await.expect("the relay starts; is ptrace allowed here?");
    let asked = Load::new(bed.address()).run(chance).await;
    process.kill().await.expect("killed");
    let text = calls.await.expect("the whole trace");
    let database = bed.database().canonicalize().expect("a database");
    let calls = trace::read(&text, &database);
    let asked = load::number(asked, &calls);
    Recorded { calls, asked, database, webhook, _sandbox: sandbox }
}

/// A program that runs the relay under `strace`, which stays out of its way: signals reach the relay.
fn traced(relay: &Path, folder: &Path, out: &Path) -> PathBuf {
    let there = Command::new("strace").arg("--version").output();
    assert!(there.is_ok_and(|there| there.status.success()), "strace is missing: run `cargo xtask setup`");
    let calls = "openat,pwrite64,write,writev,fdatasync,fsync,ftruncate,unlink,unlinkat";
    let out = out.display();
    let before =
        format!("exec strace -D -f -q --seccomp-bpf -yy -e trace={calls} -s 100000000 -o '{out}' --");
    wrapped(relay, folder, &before).expect("written")
}

/// Reads a pipe that has a name, as long as anybody writes to it: what `strace` writes is whole once it has ended. A
/// thread of its own, because opening the pipe waits for the writer, who never comes when the relay does not start.
fn read_whole(pipe: &Path) -> oneshot::Receiver<Vec<u8>> {
    assert!(Command::new("mkfifo").arg(pipe).status().is_ok_and(|made| made.success()), "no pipe");
    let (tell, whole) = oneshot::channel();
    let pipe = pipe.to_owned();
    thread::spawn(move || tell.send(std::fs::read(pipe).expect("a trace")));
    whole
}

/// When the power is cut: before which call. Around syncs and answers, where it matters, and anywhere.
fn moments(run: &Recorded, chance: &mut Chance) -> Vec<usize> {
    let of_database = |call: &Call| match &call.deed {
        Deed::Sync { path } => *path == run.database,
        Deed::Write { .. }
        | Deed::Truncate { .. }
        | Deed::Create { .. }
        | Deed::Remove { .. }
        | Deed::Answer { .. } => false,
    };
    let places = |wanted: &dyn Fn(&Call) -> bool| -> Vec<usize> {
        run.calls.iter().enumerate().filter(|(_, call)| wanted(call)).map(|(at, _)| at).collect()
    };
    let checkpoints = places(&of_database);
    let answers = places(&|call| matches!(call.deed, Deed::Answer { .. }));
    assert!(checkpoints.len() >= 4, "the database itself was synced {} times", checkpoints.len());
    let mut one_of =
        |places: &[usize]| places[usize::try_from(chance.below(places.len() as u64)).expect("small")];
    let all: Vec<usize> = (0..run.calls.len()).collect();
    let near = |at: usize, off: usize| (at + off).saturating_sub(2).min(run.calls.len());
    (0..CUTS)
        .map(|nth| match nth % 3 {
            0 => near(one_of(&checkpoints), nth / 3 % 6),
            1 => one_of(&answers) + 1,
            _ => one_of(&all),
        })
        .collect()
}

/// Starts a relay on what a cut left and tells it something that it must know.
async fn start_on(run: &Recorded, relay: &Path, disk: TempDir, moment: usize) -> Result<(), String> {
    let settings = Settings { webhook: Some(run.webhook.clone()), ..Settings::default() };
    let bed = Bed::make_for(relay.to_owned(), &settings).map_err(|error| error.to_string())?;
    let folder = bed.database().parent().map(Path::to_owned).unwrap_or_default();
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    for file in std::fs::read_dir(disk.path()).into_iter().flatten().flatten() {
        std::fs::copy(file.path(), folder.join(file.file_name())).map_err(|error| error.to_string())?;
    }
    let process = bed.start().await.map_err(|error| error.to_string())?;
    let known: HashSet<&str> = survey::acknowledged(&run.asked, moment).collect();
    if let Some(id) = known.iter().next() {
        let mut connection = Connection::open(bed.address()).await.map_err(|error| error.to_string())?;
        let answer = connection.exchange(&load::one(id, None)).await.map_err(|error| error.to_string())?;
        if !answer.text().contains("\"duplicates\":1") {
            return Err(format!("{id} was acknowledged and is not known: {}", answer.text()));
        }
    }
    process.stop(Duration::from_secs(20)).await.map(drop).map_err(|error| error.to_string())
}
