//! The relay is killed at random moments under load. Every event it acknowledged reaches both platforms, and each
//! counts exactly once.

#![expect(clippy::print_stdout, reason = "the figures of a run are its output")]

use std::collections::HashMap;
use std::time::Duration;

use rusqlite::OpenFlags;
use serde_json::Value;
use shared::event_id;
use tokio::time::{sleep, timeout};
use www_test::bench::chance::Chance;
use www_test::bench::event::{from_server, from_tag, page_view, purchase};
use www_test::fire::clients::{Clients, Load};
use www_test::relay_process::{Bed, META_TOKEN, RelayProcess, Settings, WEBHOOK_SECRET, find};
use www_test::sandbox::state::Tally;
use www_test::sandbox::{Sandbox, Settings as SandboxSettings, clock};

const KILLS: usize = 25;
const CONNECTIONS: usize = 16;
const PLATFORMS: [&str; 2] = ["meta", "webhook"];
/// The whole test ends within this, or fails.
const WITHIN: Duration = Duration::from_secs(90);
/// After the last start, what was left behind is delivered within this; what is not by then is lost.
const DRAINED: Duration = Duration::from_secs(30);

/// One to five events, from the tag or from a server, some of them purchases with an order of their own.
fn load(chance: &mut Chance) -> Load {
    let now = clock::now();
    let count = if chance.below(3) == 0 { 1 + chance.below(5) } else { 1 };
    let mut ids = Vec::new();
    let events: Vec<Value> = (0..count)
        .map(|_| {
            let id = event_id::uuid_v7(now.0, chance.ten_bytes());
            ids.push(id.clone());
            match chance.below(4) {
                0 => purchase(&id, Some(&format!("order-{}", chance.number())), now),
                1 => purchase(&id, None, now),
                _ => page_view(&id, now),
            }
        })
        .collect();
    let request = if chance.below(2) == 0 { from_tag(&events, now) } else { from_server(&events) };
    Load { request, ids }
}

/// Events counted more or less often than once, and events nobody acknowledged.
fn miscounted(counted: &HashMap<&str, u32>, acknowledged: &[String]) -> Vec<String> {
    let wrong = acknowledged.iter().filter(|id| counted.get(id.as_str()) != Some(&1));
    let mut wrong: Vec<String> =
        wrong.map(|id| format!("{id} counted {:?} times", counted.get(id.as_str()))).collect();
    if counted.len() != acknowledged.len() {
        wrong.push(format!("{} counted, {} acknowledged", counted.len(), acknowledged.len()));
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_event_counts_exactly_once_through_25_kills() {
    // Building the relay, where it is not built yet, is not what the limit is about.
    find().await.expect("a relay");
    timeout(WITHIN, crash()).await.expect("the crash test ends in time");
}

async fn crash() {
    let seed = u64::try_from(clock::now().0).expect("after 1970");
    println!("seed {seed}");
    let mut chance = Chance::new(seed);
    let sandbox = sandbox().await;
    let settings =
        Settings { meta: Some(sandbox.url()), webhook: Some(sandbox.url()), ..Settings::default() };
    let bed = Bed::make(&settings).await.expect("a bed");
    let clients = Clients::start(bed.address(), CONNECTIONS, &mut chance, load);
    let relay = start_and_kill(&bed, &clients, &mut chance).await;
    let acknowledged = clients.stop().await;

    let everything = acknowledged.len() as u64;
    for platform in PLATFORMS {
        let what = format!("{everything} events at {platform}");
        let all = sandbox.wait_until(&what, DRAINED, |state| state.counted(platform).counted >= everything);
        all.await.unwrap_or_else(|late| panic!("seed {seed}: {late}"));
    }
    let metrics = relay.wait_until_idle(DRAINED).await.expect("the relay comes to rest");
    for platform in PLATFORMS {
        let Tally { counted, duplicates, refused, .. } = sandbox.counted(platform);
        println!(
            "{platform}: {everything} acknowledged / {counted} delivered / {duplicates} duplicates, {KILLS} kills"
        );
        let wrong = sandbox.read(|state| miscounted(&state.times_counted(platform), &acknowledged));
        assert!(wrong.is_empty(), "seed {seed}, {platform}: {wrong:?}");
        assert_eq!((refused, metrics.of("dead_letters", platform)), (0, 0.0), "seed {seed}, {platform}");
    }
    relay.stop(Duration::from_secs(20)).await.expect("the relay stops");
    assert_eq!(integrity(&bed), "ok", "seed {seed}");
}

/// Both platforms, as strict as they come, remembering no more than they count.
async fn sandbox() -> Sandbox {
    let settings = SandboxSettings {
        meta_tokens: vec![META_TOKEN.to_owned()],
        webhook_secret: Some(WEBHOOK_SECRET.to_owned()),
        keep_requests: 0,
        ..SandboxSettings::default()
    };
    Sandbox::start_with(&settings).await.expect("the sandbox starts")
}

/// Starts the relay and kills it, again and again; the last one lives.
async fn start_and_kill<'a>(bed: &'a Bed, clients: &Clients, chance: &mut Chance) -> RelayProcess<'a> {
    for _ in 0..KILLS {
        let relay = bed.start().await.expect("the relay starts");
        // The moment is random twice: after so many events, and somewhere within what then is under way.
        clients.acknowledge(usize::try_from(chance.below(400)).expect("small")).await;
        sleep(Duration::from_micros(chance.below(20_000))).await;
        relay.kill().await.expect("killed");
    }
    bed.start().await.expect("the relay starts a last time")
}

/// What SQLite itself says of the database.
fn integrity(bed: &Bed) -> String {
    let database = rusqlite::Connection::open_with_flags(bed.database(), OpenFlags::SQLITE_OPEN_READ_ONLY);
    let database = database.expect("the database opens");
    database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("an answer")
}
