//! A clock that is set a day back and a year ahead under a relay that works: nothing is lost, nothing counts twice, nothing
//! waits for the day to come round again.
//!
//! The real HTTP server, store and worker, whose one clock the test moves. Only one test may move it, so there is only one.

mod running;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU16, Ordering};
use std::time::Duration;

use relay::collect::assets::Assets;
use relay::collect::http::{self, Relay};
use relay::collect::threads::Threads;
use relay::distribute::schedule::Backoff;
use relay::distribute::{HttpClient, Worker};
use relay::metrics::Metrics;
use relay::pipeline::Steps;
use relay::store::sqlite::SqliteStore;
use relay::store::{Store, StoreError};
use relay::{clock, config, platform};
use running::{Answer, KEY, read};
use shared::UnixMs;
use shared::time::DAY_MS;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

/// What nothing here should take, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// How far the clock is from the true one.
static OFF_MS: AtomicI64 = AtomicI64::new(0);

fn now() -> UnixMs {
    clock::now().plus(OFF_MS.load(Ordering::SeqCst))
}

fn jump(by_ms: i64) {
    OFF_MS.fetch_add(by_ms, Ordering::SeqCst);
}

/// What the receiver answers.
static STATUS: AtomicU16 = AtomicU16::new(200);

/// Takes webhooks; hands on the id of each it answers 200, and an empty text for each it refuses.
async fn receiver() -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (sender, taken) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut bytes = Vec::new();
            let body: serde_json::Value = loop {
                let text = String::from_utf8_lossy(&bytes);
                let body = text.split_once("\r\n\r\n").and_then(|(_, body)| serde_json::from_str(body).ok());
                if let Some(body) = body {
                    break body;
                }
                let mut chunk = [0; 4096];
                let read = socket.read(&mut chunk).await.expect("readable");
                assert!(read > 0, "a whole request");
                bytes.extend_from_slice(&chunk[..read]);
            };
            let status = STATUS.load(Ordering::SeqCst);
            let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _ = socket.write_all(answer.as_bytes()).await;
            let id = body["event"]["event_id"].as_str().unwrap_or_default();
            let _ = sender.send(if status == 200 { id.to_owned() } else { String::new() });
        }
    });
    (address, taken)
}

/// A relay whose clock is [`now`].
struct Clocked {
    address: SocketAddr,
    store: Arc<dyn Store>,
    taken: mpsc::UnboundedReceiver<String>,
    _directory: tempfile::TempDir,
    _stop: watch::Sender<bool>,
}

impl Clocked {
    async fn start() -> Self {
        let (receiver, taken) = receiver().await;
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("anytrack.toml");
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\n\
             [[site]]\nkey = \"shop\"\napi_keys = [\"{KEY}\"]\n\
             [[destination]]\nname = \"crm\"\nsite = \"shop\"\nplatform = \"webhook\"\nallow_private = true\n\
             url = \"http://{receiver}/in\"\nsecret = \"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3\"\n"
        );
        std::fs::write(&path, text).expect("written");
        let config = config::load(&path, platform::ALL).expect("a good configuration").config;
        let store = SqliteStore::open(&directory.path().join("anytrack.db"), Steps::new(&config));
        let store: Arc<dyn Store> = Arc::new(store.expect("a store"));
        store.cursor("crm", false).await.expect("a cursor");
        let metrics = Arc::new(Metrics::default());
        let destination = config.destinations.first().expect("a destination").clone();
        let worker = Worker {
            destination: Arc::new(destination),
            store: store.clone(),
            client: HttpClient::new(Duration::from_secs(5)),
            backoff: Backoff { base: Duration::from_millis(5), cap: Duration::from_millis(50) },
            metrics: metrics.clone(),
            traces: relay::traces::Traces::default(),
            now,
            draw: || 0.5,
            stop_within: Duration::from_secs(20),
        };
        let (stop, stopping) = watch::channel(false);
        tokio::spawn(worker.run(stopping));
        let relay = Relay::new(&config, store.clone(), metrics, Assets::default(), now);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            let threads = Threads::start().expect("threads");
            http::serve(Arc::new(relay), listener, &threads, std::future::pending()).await;
        });
        Self { address, store, taken, _directory: directory, _stop: stop }
    }

    async fn track(&self, id: &str) -> Answer {
        let body = format!(r#"{{"event":"Lead","event_id":"{id}"}}"#);
        let head = format!("host: t\r\nauthorization: Bearer {KEY}\r\ncontent-length: {}", body.len());
        let mut socket = TcpStream::connect(self.address).await.expect("a connection");
        socket
            .write_all(format!("POST /v1/track HTTP/1.1\r\n{head}\r\n\r\n{body}").as_bytes())
            .await
            .expect("sent");
        read(&mut socket).await
    }

    async fn stored(&self, id: &str) {
        let answer = self.track(id).await;
        assert_eq!((answer.status, answer.json()["accepted"].as_u64()), (202, Some(1)), "{id}: {answer:?}");
    }

    /// The receiver takes this event next; what it refuses before does not matter.
    async fn delivered(&mut self, id: &str) {
        let next = async {
            loop {
                let taken = self.taken.recv().await.expect("a receiver");
                if !taken.is_empty() {
                    return taken;
                }
            }
        };
        let taken = timeout(PATIENCE, next).await.unwrap_or_else(|_| panic!("{id} was not delivered"));
        assert_eq!(taken, id);
    }

    /// The receiver refuses events for now, and this one waits.
    async fn put_off(&mut self, id: &str) {
        STATUS.store(503, Ordering::SeqCst);
        self.stored(id).await;
        let refused = timeout(PATIENCE, self.taken.recv()).await.expect("it is tried");
        assert_eq!(refused.as_deref(), Some(""));
    }
}

#[tokio::test]
async fn a_clock_that_jumps_both_ways_loses_nothing_and_holds_nothing_up() {
    let mut relay = Clocked::start().await;
    relay.stored("before").await;
    relay.delivered("before").await;

    // A day back, while an event waits to be tried again: its turn comes within moments, not in a day.
    relay.put_off("waiting").await;
    jump(-DAY_MS);
    STATUS.store(200, Ordering::SeqCst);
    relay.delivered("waiting").await;
    relay.stored("a day back").await;
    relay.delivered("a day back").await;
    assert_eq!(relay.track("before").await.json()["duplicates"].as_u64(), Some(1), "it is still known");

    // A year ahead: what is new is delivered; what waits is delivered or given up with a reason, as its platform's rules
    // have it by that clock.
    relay.put_off("old before its time").await;
    jump(366 * DAY_MS);
    // It goes on being refused until it is given up: a try that looked at the clock before the jump may still be on its way.
    let dead = async {
        loop {
            match relay.store.dead_letters("crm", 9).await {
                Ok(letters) if letters.is_empty() => tokio::task::yield_now().await,
                other => return other,
            }
        }
    };
    let dead: Result<_, StoreError> = timeout(PATIENCE, dead).await.expect("it is given up");
    let dead = dead.expect("a dead letter");
    assert_eq!(dead.len(), 1, "{dead:?}");
    assert_eq!(dead[0].event_id, "old before its time");
    assert!(!dead[0].reason.is_empty());
    STATUS.store(200, Ordering::SeqCst);
    relay.stored("a year ahead").await;
    relay.delivered("a year ahead").await;
    assert_eq!(relay.track("before").await.json()["duplicates"].as_u64(), Some(1), "it is still known");

    // And right again: what was given up by a wrong clock is sent on request.
    jump(-365 * DAY_MS);
    relay.stored("right again").await;
    relay.delivered("right again").await;
    relay.store.requeue("crm", vec![dead[0].seq], now()).await.expect("put in hand");
    relay.delivered("old before its time").await;
}
