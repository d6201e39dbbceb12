//! More than the store can write: who sends it is told to come back, and nothing piles up.
//!
//! The real HTTP server with the real SQLite store, whose writer a test holds at a gate.

mod running;

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use relay::collect::assets::Assets;
use relay::collect::http::{self, Relay};
use relay::collect::threads::Threads;
use relay::metrics::Metrics;
use relay::store::sqlite::{Sizes, SqliteStore};
use relay::store::{Incoming, StoreError, Transaction, Verdict};
use relay::{clock, config, pipeline, platform};
use running::{Answer, KEY, read};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Events that may wait.
const ROOM: usize = 4;
/// Requests that come at once.
const FLOOD: usize = 64;
/// What nothing here should take, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether the writer may go on, and a bell that rings when that changes.
static GATE: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

fn gated(tx: &mut dyn Transaction, incoming: Incoming) -> Result<Verdict, StoreError> {
    let open = GATE.0.lock().unwrap_or_else(PoisonError::into_inner);
    drop(GATE.1.wait_while(open, |open| !*open));
    pipeline::decide(tx, incoming)
}

#[tokio::test]
async fn a_flood_is_told_to_come_back_and_then_served() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("anytrack.toml");
    let text =
        format!("[server]\nlisten = \"127.0.0.1:0\"\n[[site]]\nkey = \"shop\"\napi_keys = [\"{KEY}\"]\n");
    std::fs::write(&path, text).expect("written");
    let config = config::load(&path, platform::ALL).expect("a good configuration").config;
    let sizes = Sizes { queue_events: ROOM, ..Sizes::default() };
    let store =
        SqliteStore::open_sized(&directory.path().join("anytrack.db"), gated, sizes).expect("a store");
    let relay =
        Relay::new(&config, Arc::new(store), Arc::new(Metrics::default()), Assets::default(), clock::now);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(async move {
        let threads = Threads::start().expect("threads");
        let stopped = async { drop(stopped.await) };
        http::serve(Arc::new(relay), listener, &threads, stopped).await;
    });

    let mut flood: JoinSet<Answer> = (0..FLOOD).map(|_| track(address)).collect();
    for _ in ROOM..FLOOD {
        let answer = next(&mut flood).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{answer:?}");
    }
    assert_eq!(ask(address, "GET /readyz HTTP/1.1\r\nhost: t\r\n\r\n".to_owned()).await.status, 503);
    *GATE.0.lock().expect("sound") = true;
    GATE.1.notify_all();
    for _ in 0..ROOM {
        assert_eq!(next(&mut flood).await.status, 202, "what was let in is stored");
    }
    assert_eq!(track(address).await.status, 202, "and so is what comes again");
    drop(stop);
    server.await.expect("an orderly stop");
}

async fn next(flood: &mut JoinSet<Answer>) -> Answer {
    let answer = timeout(PATIENCE, flood.join_next()).await.expect("an answer, at once");
    answer.expect("a request").expect("no panic")
}

/// Sends one event.
async fn track(address: std::net::SocketAddr) -> Answer {
    let body = r#"{"event":"Lead"}"#;
    let head = format!("host: t\r\nauthorization: Bearer {KEY}\r\ncontent-length: {}", body.len());
    ask(address, format!("POST /v1/track HTTP/1.1\r\n{head}\r\n\r\n{body}")).await
}

async fn ask(address: std::net::SocketAddr, request: String) -> Answer {
    let mut socket = TcpStream::connect(address).await.expect("a connection");
    socket.write_all(request.as_bytes()).await.expect("sent");
    read(&mut socket).await
}
