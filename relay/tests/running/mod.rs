//! A relay over real sockets, for the tests that speak to it as its senders do.
//!
//! Each starts on a free port with a store in a temporary directory. Requests are bytes, so that broken ones can be sent
//! as well as good ones.

// Every test program takes from here what it needs.
#![allow(dead_code)]

use std::path::Path;

use relay::config;
use relay::platform;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// A relay that runs until it is told to stop.
pub(crate) struct Running {
    pub(crate) address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<Result<(), relay::serve::Error>>,
    pub(crate) directory: tempfile::TempDir,
}

pub(crate) const KEY: &str = "key-of-the-shop-0123456789";

impl Running {
    pub(crate) async fn start(extra: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        Self::start_in(directory, extra).await
    }

    pub(crate) async fn start_in(directory: tempfile::TempDir, extra: &str) -> Self {
        Self::start_with(directory, extra, "").await
    }

    /// The same with further tables below the site's.
    pub(crate) async fn start_with(directory: tempfile::TempDir, extra: &str, site: &str) -> Self {
        let path = directory.path().join("anytrack.toml");
        let text = format!(
            r#"
                [server]
                listen = "127.0.0.1:0"
                public_url = "https://t.shop.example"
                {extra}
                [store]
                path = "anytrack.db"
                [[site]]
                key = "shop"
                origins = ["https://shop.example"]
                api_keys = ["{KEY}"]
                {site}
            "#
        );
        std::fs::write(&path, text).expect("written");
        let config = config::load(&path, platform::ALL).expect("a good configuration").config;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(relay::serve::serve(listener, config, async {
            let _ = stopped.await;
        }));
        Self { address, stop, task, directory }
    }

    /// Sends bytes and reads until the relay closes or `until` says the answer is whole.
    pub(crate) async fn send(&self, request: &[u8]) -> Answer {
        let mut socket = TcpStream::connect(self.address).await.expect("a connection");
        socket.write_all(request).await.expect("sent");
        read(&mut socket).await
    }

    pub(crate) async fn post(&self, path: &str, headers: &str, body: &str) -> Answer {
        let length = body.len();
        let request =
            format!("POST {path} HTTP/1.1\r\nhost: t\r\n{headers}content-length: {length}\r\n\r\n{body}");
        self.send(request.as_bytes()).await
    }

    pub(crate) async fn track(&self, body: &str) -> Answer {
        self.post("/v1/track", &format!("authorization: Bearer {KEY}\r\n"), body).await
    }

    pub(crate) async fn page(&self, events: &str) -> Answer {
        let body = format!(r#"{{"v":1,"site":"shop","sent_at":1795183509123,"events":{events}}}"#);
        self.post("/v1/events", "origin: https://shop.example\r\ncontent-type: text/plain\r\n", &body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: t\r\n\r\n").as_bytes()).await
    }

    pub(crate) async fn stop(self) -> tempfile::TempDir {
        self.stop.send(()).expect("still running");
        self.task.await.expect("no panic").expect("an orderly stop");
        self.directory
    }
}

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// Reads one answer: its head, and as many bytes as it announces.
pub(crate) async fn read(socket: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let mut chunk = [0; 8192];
    loop {
        if let Some(answer) = whole(&bytes) {
            return answer;
        }
        let read = socket.read(&mut chunk).await.expect("readable");
        assert!(read > 0, "the relay closed after {:?}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&chunk[..read]);
    }
}

fn whole(bytes: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let answer = Answer { status, head: head.to_owned(), body: body.to_owned() };
    let length: usize = answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    (body.len() >= length).then_some(answer)
}

/// How many events the store in this directory holds.
pub(crate) fn stored(directory: &Path) -> i64 {
    let store = rusqlite::Connection::open(directory.join("anytrack.db")).expect("a store");
    store.query_row("SELECT count(*) FROM log", [], |row| row.get(0)).expect("a count")
}

/// The events of the log, oldest first.
pub(crate) fn log(directory: &Path) -> Vec<serde_json::Value> {
    let store = rusqlite::Connection::open(directory.join("anytrack.db")).expect("a store");
    let mut rows = store.prepare("SELECT body FROM log ORDER BY seq").expect("a log");
    let bodies = rows.query_map([], |row| row.get::<_, String>(0)).expect("rows");
    bodies.map(|body| serde_json::from_str(&body.expect("text")).expect("JSON")).collect()
}
