//! Measures the SQLite engine: events a second, and processor time per event, by how many requests come at once.
//!
//! `cargo run --release -p relay --example store_bench [SECONDS] [FOLDER]`. Every request is one event of some 900
//! bytes with its dedup key; every fifth also rewrites a visitor. An answer means fsync, so the disk under FOLDER
//! (default: a fresh temporary one) decides the figures at low concurrency. Processor time is that of the whole
//! process, callers included, and is read from /proc, so it is only known on Linux.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use relay::store::sqlite::SqliteStore;
use relay::store::{Incoming, Store, StoreError, Transaction, Verdict};
use shared::event_id::uuid_v7;
use shared::{Event, UnixMs};
use tokio::time::Instant;

/// Linux counts processor time in ticks of 10 ms (USER_HZ, proc(5)).
const TICKS_PER_SECOND: f64 = 100.0;

#[expect(clippy::print_stdout, reason = "printing the figures is what this program is for")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let seconds = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let fresh = tempfile::tempdir()?;
    let folder = arguments.next().map_or_else(|| fresh.path().to_owned(), PathBuf::from);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build()?;
    println!(
        "{:>11} {:>10} {:>12} {:>12} {:>12} {:>8}",
        "concurrency", "events/s", "µs CPU/event", "events/commit", "mean ms", "RSS MB"
    );
    for concurrency in [1, 16, 64, 512] {
        let store = SqliteStore::open(&folder.join(format!("bench-{concurrency}.db")), pipeline)?;
        let run = runtime.block_on(measure(Arc::new(store), concurrency, Duration::from_secs(seconds)))?;
        println!(
            "{concurrency:>11} {:>10.0} {:>12.2} {:>13.1} {:>12.3} {:>8.1}",
            run.events_per_second,
            run.cpu_us_per_event,
            run.events_per_commit,
            concurrency as f64 / run.events_per_second * 1e3,
            resident_mb(),
        );
    }
    Ok(())
}

/// Figures of one run.
struct Run {
    events_per_second: f64,
    cpu_us_per_event: f64,
    events_per_commit: f64,
}

/// Lets that many callers append one event after another for a while.
async fn measure(store: Arc<SqliteStore>, concurrency: usize, period: Duration) -> Result<Run, StoreError> {
    let template = Arc::new(template());
    let counter = Arc::new(AtomicU64::new(0));
    let (started, cpu_before, commits_before) = (Instant::now(), cpu_seconds(), store.commits());
    let callers: Vec<_> = (0..concurrency)
        .map(|_| {
            let (store, template, counter) =
                (Arc::clone(&store), Arc::clone(&template), Arc::clone(&counter));
            tokio::spawn(async move {
                while started.elapsed() < period {
                    let number = counter.fetch_add(1, Ordering::Relaxed);
                    store.append(vec![incoming(&template, number)]).await?;
                }
                Ok::<(), StoreError>(())
            })
        })
        .collect();
    for caller in callers {
        caller.await.map_err(|_| StoreError::Closed)??;
    }
    let (elapsed, events) = (started.elapsed().as_secs_f64(), counter.load(Ordering::Relaxed) as f64);
    let cpu = cpu_seconds() - cpu_before;
    let commits = (store.commits() - commits_before) as f64;
    store.close().await?;
    Ok(Run {
        events_per_second: events / elapsed,
        cpu_us_per_event: cpu / events * 1e6,
        events_per_commit: events / commits,
    })
}

/// A small pipeline: one dedup key, the log, and a visitor every fifth time.
fn pipeline(transaction: &mut dyn Transaction, incoming: Incoming) -> Result<Verdict, StoreError> {
    if !transaction.claim(&incoming.site, &incoming.event.event_id, incoming.received)? {
        return Ok(Verdict::Duplicate);
    }
    if let Some(id) = incoming.event.visitor_id.as_deref().filter(|_| incoming.received.0 % 5 == 0) {
        let mut visitor = transaction.visitor(&incoming.site, id)?.unwrap_or_default();
        visitor.click_ids.clone_from(&incoming.event.click_ids);
        visitor.seen_at = incoming.received;
        transaction.put_visitor(&incoming.site, id, &visitor)?;
    }
    Ok(Verdict::Stored(transaction.append(incoming)?))
}

/// The `number`th event; ids are UUIDv7 of a clock that advances with the numbers.
fn incoming(template: &Event, number: u64) -> Incoming {
    let now = 1_795_183_509_000 + (number / 20) as i64;
    let mut random = [0; 10];
    random[2..].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    let event_id = uuid_v7(now, random);
    let visitor_id = Some(uuid_v7(now - 1000, random));
    let event = Event { event_id, visitor_id, time: UnixMs(now), ..template.clone() };
    Incoming { site: Arc::from("shop"), received: UnixMs(now + (number % 5) as i64), event: event.into() }
}

/// A purchase as the tag sends it.
fn template() -> Event {
    let digest = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";
    let json = format!(
        r#"{{"event":"Purchase","event_id":"","time":1795183509123,"source":"web",
        "page":{{"url":"https://shop.example/checkout/thank-you?order=88121&utm_source=newsletter&utm_campaign=autumn",
                 "referrer":"https://shop.example/checkout","title":"Thank you for your order"}},
        "click_ids":{{"fbclid":{{"value":"IwAR2F4-dbP0l7Mn1IawQQGCINEz7PYXQvwjNwB_qa2ofrHyiLjcbCRxTDMgk","seen_at":1795183000000}}}},
        "cookies":{{"_fbp":"fb.1.1795183000000.1234567890","_fbc":"fb.1.1795183000000.IwAR2F4dbP0l7Mn1IawQQ"}},
        "context":{{"ip":"198.51.100.7","user_agent":"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}},
        "properties":{{"value":59.9,"currency":"EUR","order_id":"88121","digest":"{digest}",
            "items":[{{"id":"SKU-7","name":"Blue mug","price":29.95,"quantity":2}}]}},
        "consent":{{"ad_storage":"granted","ad_user_data":"granted"}}}}"#
    );
    serde_json::from_str(&json).expect("the template is valid")
}

/// Processor time of this process so far; NaN where /proc is not.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Fields 14 and 15 (user and system time), counted after the name in parentheses.
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let field = |index| after_name.split_whitespace().nth(index)?.parse::<f64>().ok();
    field(11).zip(field(12)).map_or(f64::NAN, |(user, system)| (user + system) / TICKS_PER_SECOND)
}

/// Resident memory of this process; NaN where /proc is not.
fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kb = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    kb.map_or(f64::NAN, |kb| kb / 1024.0)
}
