//! Start and orderly stop of a relay.
//!
//! Start: a store that is there is opened before the address is, so that nothing is accepted that could not be kept, and whoever
//! starts a second relay by mistake hears of the database and not of the port.
//! Stop, in this order, each with its limit: no new connections, requests under way end, workers deliver what they
//! can right now, the store writes what it holds and closes. Killing it instead loses nothing either; it only means
//! that some events are sent a second time under the same id. A store that a fault of the program has ended stops the relay the same
//! way, with an error: whoever watches over the process starts it again, which nothing else would bring back to work. A disk that
//! failed it does not: that takes an operator, and the relay says so until then.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tracing::{error, info, warn};

use crate::admin::socket::Socket;
use crate::aging::{last_heard, prune};
use crate::clock;
use crate::collect::assets::{Assets, AssetsError};
use crate::collect::http::{self, Relay};
use crate::collect::threads::Threads;
use crate::config::Config;
use crate::distribute::schedule::Backoff;
use crate::distribute::{HttpClient, Worker};
use crate::metrics::Metrics;
use crate::pipeline::Steps;
use crate::store::due::{LONGEST_HOLD_MS, is_due};
use crate::store::sqlite::{OpenError, SqliteStore};
use crate::store::{Store, StoreError};
use crate::traces::Traces;

/// Why a relay cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {source}; {}", way_out(.source))]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The store does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The runtime or a signal handler does not start.
    #[error("the runtime does not start: {0}")]
    Runtime(#[from] io::Error),
}

/// What to do about an address that cannot be listened on.
fn way_out(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program listens there: stop it, or choose another `listen` in [server]"
        }
        io::ErrorKind::PermissionDenied => {
            "a port below 1024 needs a privilege: choose another `listen` in [server], behind your proxy"
        }
        _ => "choose another `listen` in [server]",
    }
}

/// Runs a relay until SIGTERM, SIGINT or SIGHUP, or until its store can work no more.
pub fn run(config: Config) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let address = config.server.listen;
        // No store is made for a relay that cannot run: who holds the port may be the one whose database was moved away, and an
        // empty one must not lie under its name.
        let early = if config.store.path.exists() { None } else { Some(listen(address).await?) };
        let store = open(&config)?;
        let listener = match early {
            Some(listener) => listener,
            None => listen(address).await?,
        };
        let stop = stop_signal()?;
        serve_from(listener, store, config, stop).await
    })
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })
}

/// The store of a configuration.
fn open(config: &Config) -> Result<Arc<dyn Store>, Error> {
    Ok(Arc::new(SqliteStore::open(&config.store.path, Steps::new(config))?))
}

/// Runs a relay on `listener` until `stop` resolves.
pub async fn serve(
    listener: TcpListener,
    config: Config,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), Error> {
    let store = open(&config)?;
    serve_from(listener, store, config, stop).await
}

/// The same with a store that is open.
async fn serve_from(
    listener: TcpListener,
    store: Arc<dyn Store>,
    config: Config,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), Error> {
    let threads = Threads::start()?;
    let assets = assets(&config);
    let metrics = Arc::new(Metrics::default());
    let sites = config.sites.iter().map(|site| &*site.key);
    metrics.begin(sites, config.destinations.iter().map(|destination| destination.name.as_str()));
    let (traces, collecting) = start_traces(&config, &metrics);
    let (stop_workers, stopping) = watch::channel(false);
    let mut workers = JoinSet::new();
    for worker in make_workers(&config, &store, &metrics, &traces) {
        // The cursor exists before the first event is accepted, so a new destination misses none.
        store.cursor(&worker.destination.name, false).await?;
        metrics.destination_up(&worker.destination.name, true);
        workers.spawn(worker.run(stopping.clone()));
    }
    // Before anything is added to the log, whose end tells what time it was when there was a relay last.
    let heard = last_heard(&*store).await;
    let releasing = tokio::spawn(release(store.clone(), release_check(&config)));
    let pruning = tokio::spawn(prune(store.clone(), config.store.clone(), names(&config), heard, clock::now));

    let office = open_office(&config.store.path, &store);
    let address = listener.local_addr()?;
    info!(%address, sites = config.sites.len(), destinations = config.destinations.len(), "relay ready");
    let relay = Arc::new(Relay::new(&config, store.clone(), metrics, assets, clock::now).traced(traces));
    let mut ended = None;
    let stop = async {
        tokio::select! {
            () = stop => {}
            error = store.ended() => ended = Some(error),
        }
    };
    http::serve(relay, listener, &threads, stop).await;

    info!("stopping: delivering what can be delivered");
    stop_workers.send_replace(true);
    let limit = Duration::from_millis(config.server.shutdown_timeout_ms);
    let drained = tokio::time::timeout(limit, async { while workers.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        warn!("some events are still to be delivered; they are on disk and go out after the next start");
    }
    workers.shutdown().await;
    pruning.abort();
    releasing.abort();
    if let Some(office) = office {
        office.abort();
    }
    if let Some((stop, exporting)) = collecting {
        let _ = stop.send(());
        let _ = exporting.await;
    }
    let closed = store.close().await;
    ended.map_or(closed, Err)?;
    info!("stopped");
    Ok(())
}

/// What ends the task that sends traces, and the task.
type Collecting = (oneshot::Sender<()>, JoinHandle<()>);

/// Where traces go, and what stops the task that sends them.
fn start_traces(config: &Config, metrics: &Arc<Metrics>) -> (Traces, Option<Collecting>) {
    let Some(collector) = &config.collector else { return (Traces::default(), None) };
    let (traces, exporter) = Traces::to(collector, metrics);
    let (stop, stopping) = oneshot::channel();
    (traces, Some((stop, tokio::spawn(exporter.run(stopping)))))
}

/// Takes operators' orders. Without a socket the relay still does all of its own work, so that is only said.
fn open_office(path: &Path, store: &Arc<dyn Store>) -> Option<JoinHandle<()>> {
    match Socket::open(path) {
        Ok(socket) => Some(tokio::spawn(socket.serve(store.clone()))),
        Err(error) => {
            warn!(%error, "no socket beside the database; commands that change it need the relay stopped");
            None
        }
    }
}

/// The tag's files; a relay without them still takes events from servers, so their absence is only said.
fn assets(config: &Config) -> Assets {
    let assets = Assets::load(&config.tag.assets).unwrap_or_else(|error: AssetsError| {
        warn!(%error, "the tag is not served");
        Assets::default()
    });
    for site in &config.sites {
        for part in site.tag.parts.iter().filter(|part| assets.part(part.name).is_none()) {
            warn!(site = %site.key, part = part.name, "the tag's files lack this part; run `cargo xtask build`");
        }
    }
    assets
}

fn make_workers(
    config: &Config,
    store: &Arc<dyn Store>,
    metrics: &Arc<Metrics>,
    traces: &Traces,
) -> Vec<Worker> {
    let delivery = config.delivery;
    // Destinations with a patience of their own have a client of their own.
    let usual = HttpClient::new(Duration::from_millis(delivery.request_timeout_ms));
    let client = |timeout_ms: u64| {
        let is_usual = timeout_ms == delivery.request_timeout_ms;
        if is_usual { usual.clone() } else { HttpClient::new(Duration::from_millis(timeout_ms)) }
    };
    let backoff = Backoff {
        base: Duration::from_millis(delivery.backoff_base_ms),
        cap: Duration::from_millis(delivery.backoff_cap_ms),
    };
    let make = |destination: &crate::config::Destination| Worker {
        destination: Arc::new(destination.clone()),
        store: store.clone(),
        client: client(destination.timeout_ms),
        backoff,
        metrics: metrics.clone(),
        traces: traces.clone(),
        now: clock::now,
        draw,
        stop_within: Duration::from_millis(config.server.shutdown_timeout_ms),
    };
    config.destinations.iter().map(make).collect()
}

fn names(config: &Config) -> Vec<String> {
    config.destinations.iter().map(|destination| destination.name.clone()).collect()
}

/// A uniform random number in 0..1, for jitter.
fn draw() -> f64 {
    let mut random = [0; 4];
    // Without randomness the jitter is gone, nothing else.
    let _ = getrandom::fill(&mut random);
    f64::from(u32::from_le_bytes(random)) / (f64::from(u32::MAX) + 1.0)
}

/// How often is looked for held conversions that are due. Where none is ever held, some may be from before the
/// configuration changed.
fn release_check(config: &Config) -> Duration {
    let some = config.sites.iter().any(|site| !site.merge_window.is_empty());
    if some { RELEASE_EVERY } else { RELEASE_SELDOM }
}

/// Releases held conversions when they are due, and those that became due while the relay was down.
async fn release(store: Arc<dyn Store>, pause: Duration) {
    loop {
        let released = match store.next_release().await {
            Ok(Some(due)) if is_due(due, clock::now(), LONGEST_HOLD_MS) => {
                store.release(clock::now(), RELEASED_AT_ONCE).await
            }
            Ok(Some(_) | None) => Ok(0),
            Err(error) => Err(error),
        };
        match released {
            // There may be more.
            Ok(RELEASED_AT_ONCE) => continue,
            Ok(_) => {}
            Err(StoreError::Closed | StoreError::Damaged { .. } | StoreError::Ended { .. }) => return,
            Err(error) => error!(%error, "held conversions could not be released; trying again"),
        }
        tokio::time::sleep(pause).await;
    }
}

/// Resolves at SIGTERM or SIGINT, and at SIGHUP, which comes when the terminal is closed: the configuration is read at the start
/// only. Whoever started the relay with SIGHUP ignored, as `nohup` does, wants it to outlive the terminal.
fn stop_signal() -> io::Result<impl Future<Output = ()> + Send> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // Linux tells it here; where nobody does, the signal is taken for one that is meant.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let hangup = if ignores_hangup(&status) { None } else { Some(signal(SignalKind::hangup())?) };
    let hung_up = async move {
        match hangup {
            Some(mut hangup) => hangup.recv().await,
            None => std::future::pending().await,
        }
    };
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hung_up => {}
        }
    })
}

/// Whether a process ignores SIGHUP by what `/proc/<pid>/status` says: `SigIgn`, a mask in which signal 1 is the lowest bit
/// (<https://man7.org/linux/man-pages/man5/proc_pid_status.5.html>, read 2026-11-28).
fn ignores_hangup(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

/// Windows are whole seconds; a quarter of one is soon enough and costs nothing.
const RELEASE_EVERY: Duration = Duration::from_millis(250);
/// Where no window is set.
const RELEASE_SELDOM: Duration = Duration::from_secs(30);
/// Conversions released in one transaction.
const RELEASED_AT_ONCE: usize = 200;

#[cfg(test)]
mod tests {
    use shared::UnixMs;
    use shared::time::DAY_MS;
    use tokio::time::timeout;

    use super::*;
    use crate::store::memory::MemoryStore;
    use crate::store::{Held, Incoming, Pipeline, Transaction, Verdict};
    use crate::testing::event;

    /// Holds every event for half a minute.
    struct Patient;

    impl Pipeline for Patient {
        fn decide(&self, tx: &mut dyn Transaction, incoming: Incoming) -> Result<Verdict, StoreError> {
            let Incoming { site, received, event } = incoming;
            let (id, body) = (event.event_id.clone(), event.event.clone());
            let held = Held { site, id, received, due: received.plus(30_000), visitor: None, body };
            tx.hold(&held, &[]).map(|()| Verdict::Held)
        }

        fn release(&self, tx: &mut dyn Transaction, held: Held) -> Result<Verdict, StoreError> {
            let Held { site, id, received, body, .. } = held;
            let event = event(&format!(r#"{{"event":"{body}","event_id":"{id}"}}"#)).into();
            tx.append(Incoming { site, received, event }).map(Verdict::Stored)
        }
    }

    #[tokio::test]
    async fn a_relay_whose_store_has_ended_stops_in_good_order_and_says_why() {
        let folder = tempfile::tempdir().expect("a folder");
        let document = crate::config::Document {
            file: "a.toml",
            text: "[[site]]\nkey = \"shop\"\n",
            directory: folder.path(),
            assets: folder.path(),
            readable_by_others: false,
        };
        let config = crate::config::parse(&document, &[], &|_| None).expect("it is right").config;
        let store = SqliteStore::open(&config.store.path, Steps::new(&config)).expect("a store");
        let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        store.strike_writer();
        let serving = serve_from(listener, Arc::new(store), config, std::future::pending());
        let ended = timeout(Duration::from_secs(60), serving).await.expect("it stops by itself");
        assert!(matches!(ended, Err(Error::Store(StoreError::Ended { .. }))), "{ended:?}");
        assert!(listen(address).await.is_ok(), "it let go of its port");
    }

    async fn hold(store: &dyn Store, id: &str, received: UnixMs) {
        let event = event(&format!(r#"{{"event":"Purchase","event_id":"{id}"}}"#)).into();
        let incoming = Incoming { site: "shop".into(), received, event };
        assert_eq!(store.append(vec![incoming]).await.expect("held"), [Verdict::Held]);
    }

    #[test]
    fn a_hangup_that_was_ignored_at_the_start_is_known() {
        let check = |status: &str, expected| assert_eq!(ignores_hangup(status), expected, "{status:?}");
        check("SigBlk:\t0000000000000001\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000000\n", true);
        check("SigBlk:\t0000000000000001\nSigIgn:\t0000000000001000\nSigCgt:\t0000000000000001\n", false);
        check("", false);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_held_while_the_clock_was_a_day_ahead_is_released_when_it_is_right_again() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Patient));
        hold(&*store, "ahead", clock::now().plus(DAY_MS)).await;
        let releasing = timeout(RELEASE_EVERY * 2, release(store.clone(), RELEASE_EVERY));
        releasing.await.expect_err("it goes on for ever");
        let log = store.read(0, 9).await.expect("the log");
        let ids: Vec<&str> = log.iter().map(|logged| logged.event.event_id.as_str()).collect();
        assert_eq!(ids, ["ahead"]);
        hold(&*store, "right", clock::now().plus(DAY_MS / 24 / 60)).await;
        let releasing = timeout(RELEASE_EVERY * 2, release(store.clone(), RELEASE_EVERY));
        releasing.await.expect_err("it goes on for ever");
        assert_eq!(store.read(0, 9).await.expect("the log").len(), 1, "this one has to wait");
    }
}
