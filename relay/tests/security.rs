//! What an attacker sends, and what it gains: nothing. Each test is a line of `docs/security.md`; what is tested elsewhere
//! is named there.

mod running;

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use relay::collect::site_token;
use relay::secret::Secret;
use running::{Answer, KEY, Running, stored};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends bytes and reads until the relay closes the connection, as it does after what it cannot read: what it said.
async fn raw(relay: &Running, request: &[u8]) -> String {
    let mut socket = TcpStream::connect(relay.address).await.expect("a connection");
    socket.write_all(request).await.expect("sent");
    let mut said = Vec::new();
    let closed =
        tokio::time::timeout(std::time::Duration::from_secs(10), socket.read_to_end(&mut said)).await;
    assert!(closed.is_ok(), "the relay goes on after {:?}", String::from_utf8_lossy(&said));
    String::from_utf8_lossy(&said).into_owned()
}

fn statuses(said: &str) -> Vec<&str> {
    said.lines().filter_map(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)).collect()
}

#[tokio::test]
async fn a_request_cannot_be_hidden_in_another() {
    let relay = Running::start("").await;
    let event = r#"{"event":"Lead","event_id":"smuggled"}"#;
    let inner = format!(
        "POST /v1/track HTTP/1.1\r\nhost: t\r\nauthorization: Bearer {KEY}\r\ncontent-length: {}\r\n\r\n{event}",
        event.len()
    );
    let head = "POST /v1/events HTTP/1.1\r\nhost: t\r\n";
    for (what, request) in [
        ("two lengths", format!("{head}content-length: 0\r\ncontent-length: {}\r\n\r\n{inner}", inner.len())),
        (
            "a length and chunks",
            format!("{head}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{inner}"),
        ),
        ("a length that is no number", format!("{head}content-length: +{}\r\n\r\n{inner}", inner.len())),
        ("chunks under another name", format!("{head}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n{inner}")),
        ("a blank before the colon", format!("{head}content-length : 0\r\n\r\n{inner}")),
    ] {
        let said = raw(&relay, request.as_bytes()).await;
        let answers = statuses(&said);
        assert!(answers.first().is_some_and(|status| status.starts_with('4')), "{what}: {said}");
        assert!(!answers.contains(&"202"), "{what}: {said}");
    }
    let directory = relay.stop().await;
    assert_eq!(stored(directory.path()), 0);
}

#[tokio::test]
async fn a_path_leads_to_no_file_but_the_tags_own() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("secret.txt"), "hidden").expect("written");
    std::fs::create_dir(directory.path().join("tag")).expect("made");
    std::fs::write(directory.path().join("tag/manifest.json"), r#"{"files":[]}"#).expect("written");
    let relay = Running::start_in(directory, "[tag]\nassets = \"tag\"\n").await;
    for path in [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/tag/../../secret.txt",
        "//secret.txt",
        "/secret.txt",
        "/manifest.json",
        "/%00secret.txt",
        "/v1/site/../../secret.txt",
        "/v1/site/..%2f..%2fsecret.js",
    ] {
        let answer = relay.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.body.contains("hidden"), "{path}");
    }
}

#[tokio::test]
async fn what_is_sent_stands_in_no_header_of_an_answer() {
    let relay = Running::start("").await;
    let evil = "x%0d%0aset-cookie:%20evil=1";
    let answers = [
        relay.get(&format!("/{evil}")).await,
        relay.get(&format!("/v1/pixel.gif?site=shop&url=https://shop.example/{evil}")).await,
        relay.page(r#"[{"event":"PageView","visitor_id":"v\r\nset-cookie: evil=1","page":{"url":"https://shop.example/"}}]"#).await,
        relay.post("/v1/events", "origin: https://shop.example%0d%0aevil: 1\r\ncontent-type: text/plain\r\n", "{}").await,
    ];
    for answer in answers {
        assert!(!format!("{answer:?}").to_lowercase().contains("evil"), "{answer:?}");
    }
}

#[tokio::test]
async fn an_answer_for_one_origin_is_not_kept_for_another() {
    let relay = Running::start("").await;
    let answer = relay.page(r#"[{"event":"PageView"}]"#).await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://shop.example"));
    assert!(answer.header("vary").is_some_and(|vary| vary.to_lowercase().contains("origin")), "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

/// A relay in a process of its own, so that everything it prints can be read.
struct Printed {
    child: Child,
    port: u16,
    /// What it logs, read as it comes: a full pipe would stop it.
    log: JoinHandle<String>,
}

impl Printed {
    fn start(directory: &Path, destination: u16) -> Self {
        let text = format!(
            r#"
            [server]
            listen = "127.0.0.1:0"
            public_url = "https://t.shop.example"
            [delivery]
            backoff_base_ms = 1
            backoff_cap_ms = 5
            [store]
            path = "anytrack.db"
            [[site]]
            key = "shop"
            origins = ["https://shop.example"]
            api_keys = ["{KEY}"]
            [[source]]
            name = "mugs"
            site = "shop"
            kind = "woocommerce"
            secret = "secret-of-the-source-01"
            [[destination]]
            name = "meta"
            site = "shop"
            platform = "meta"
            pixel_id = "1234567890"
            access_token = "token-of-the-destination-01"
            endpoint = "http://127.0.0.1:{destination}"
            "#
        );
        std::fs::write(directory.join("anytrack.toml"), text).expect("written");
        let mut child = Command::new(env!("CARGO_BIN_EXE_anytrack-relay"))
            .args(["serve", "--config", "anytrack.toml", "--log-format", "json"])
            .current_dir(directory)
            .env_clear()
            .env("ANYTRACK_LOG", "trace")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stderr.take().expect("its log")).lines();
        let mut read = String::new();
        let port = loop {
            let line = lines.next().expect("it says that it is ready").expect("its log can be read");
            read += &line;
            read.push('\n');
            if let Some(port) = port_of_ready(&line) {
                break port;
            }
        };
        let log = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                read += &line;
                read.push('\n');
            }
            read
        });
        Self { child, port, log }
    }

    /// Sends a request; its answer.
    fn send(&self, request: &str) -> String {
        let mut socket = std::net::TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        socket.write_all(request.as_bytes()).expect("sent");
        socket.set_read_timeout(Some(std::time::Duration::from_secs(10))).expect("set");
        let mut said = String::new();
        let _ = std::io::Read::read_to_string(&mut socket, &mut said);
        said
    }

    /// Ends it as an operator would, and gives everything it ever printed.
    fn stop(self) -> String {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").arg(&id).status().expect("kill runs").success());
        let ended = self.child.wait_with_output().expect("it ends");
        let log = self.log.join().expect("the log was read to its end");
        String::from_utf8_lossy(&ended.stdout).into_owned() + &log
    }
}

/// The port in the line of the log that says the relay is ready.
fn port_of_ready(line: &str) -> Option<u16> {
    let record: serde_json::Value = serde_json::from_str(line).ok()?;
    if record["message"] != "relay ready" {
        return None;
    }
    let address: SocketAddr = record["address"].as_str()?.parse().ok()?;
    Some(address.port())
}

/// A platform that repeats what it was sent in an error, as some do.
fn parrot() -> (u16, std::sync::mpsc::Receiver<()>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (asked, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let Ok(mut socket) = socket else { return };
            let mut bytes = vec![0; 65_536];
            let read = std::io::Read::read(&mut socket, &mut bytes).unwrap_or(0);
            let sent = String::from_utf8_lossy(&bytes[..read]).replace(['"', '\\', '\r', '\n'], " ");
            let body = format!(
                r#"{{"error":{{"message":"jane.doe@example.com {sent}","code":100,"type":"OAuthException"}}}}"#
            );
            let _ = write!(
                socket,
                "HTTP/1.1 400 X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            if asked.send(()).is_err() {
                return;
            }
        }
    });
    (port, heard)
}

#[test]
fn nothing_printed_holds_a_secret_or_a_person() {
    let directory = tempfile::tempdir().expect("a directory");
    let (destination, heard) = parrot();
    let relay = Printed::start(directory.path(), destination);
    let person = r#""user":{"email":"jane.doe@example.com","phone":"+442079460958","last_name":"Lovelace"}"#;
    let post = |path: &str, headers: &str, body: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: t\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let key = format!("authorization: Bearer {KEY}\r\n");
    let good = format!(
        r#"{{"event":"Purchase",{person},"properties":{{"value":5,"currency":"EUR","order_id":"1"}}}}"#
    );
    let injected =
        r#"{"event":"Lead\n{\"level\":\"ERROR\",\"message\":\"forged-line\"}","event_id":"x\nforged-line"}"#;
    let woo = r#"{"id":7,"billing":{"email":"jane.doe@example.com","phone":"+442079460958","last_name":"Lovelace"}}"#;
    for request in [
        post("/v1/track", &key, &good),
        post("/v1/track", &key, &good[..good.len() - 9]),
        post("/v1/track", &key, &good.replace(":5,", ":\"Lovelace jane.doe@example.com\",")),
        post("/v1/track", "authorization: Bearer wrong-key-of-mine-01\r\n", &good),
        post("/v1/track", &key, injected),
        post(
            "/v1/events",
            "origin: https://shop.example\r\n",
            &format!("{{\"v\":1,\"site\":\"shop\",\"events\":[{good}]}}"),
        ),
        post(
            "/v1/webhook/mugs",
            "x-wc-webhook-topic: order.created\r\nx-wc-webhook-signature: d3Jvbmc=\r\n",
            woo,
        ),
        post("/v1/webhook/jane.doe@example.com", "", woo),
        "GET /jane.doe@example.com?phone=+442079460958 HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n"
            .to_owned(),
        "GET / HTTP/1.1\r\nhost: t\r\nbroken header jane.doe@example.com\r\n\r\n".to_owned(),
    ] {
        relay.send(&request);
    }
    heard.recv_timeout(std::time::Duration::from_secs(20)).expect("the platform was asked");
    let printed = relay.stop();
    assert!(printed.contains("relay ready"), "the log was read: {printed}");
    assert!(
        printed.contains("event given up") || printed.contains("\"meta\""),
        "the refusal was logged: {printed}"
    );
    let lower = printed.to_lowercase();
    let secrets = [KEY, "token-of-the-destination-01", "secret-of-the-source-01", "wrong-key-of-mine-01"];
    let persons = ["jane.doe", "442079460958", "lovelace"];
    for word in secrets.iter().chain(&persons) {
        let line = lower.lines().find(|line| line.contains(&word.to_lowercase()));
        assert_eq!(line, None, "{word}");
    }
    for line in printed.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "a line that is no record: {line}");
    }
}

#[tokio::test]
async fn a_compressed_body_is_refused_unpacked() {
    let relay = Running::start("").await;
    let headers = format!("authorization: Bearer {KEY}\r\ncontent-encoding: gzip\r\n");
    let answer = relay.post("/v1/track", &headers, r#"{"event":"Lead"}"#).await;
    assert_eq!(answer.status, 415, "{answer:?}");
    let directory = relay.stop().await;
    assert_eq!(stored(directory.path()), 0);
}

const SITE_SECRET: &str = "secret-of-the-site-0123456789";

async fn with_tokens(mode: &str) -> Running {
    let site = format!("[site.token]\nsecret = \"{SITE_SECRET}\"\nmode = \"{mode}\"");
    Running::start_with(tempfile::tempdir().expect("a directory"), "", &site).await
}

/// A page with this in place of the site's key reports an event.
async fn reports(relay: &Running, site: &str, event: &str) -> Answer {
    let body = format!(r#"{{"v":1,"site":"{site}","sent_at":1795183509123,"events":[{event}]}}"#);
    relay.post("/v1/events", "origin: https://shop.example\r\n", &body).await
}

/// What a server writes in place of the site's key, good for so many seconds from now.
fn signed(secret: &str, seconds: i64) -> String {
    site_token::make(&Secret::new(secret), "shop", relay::clock::now().seconds() + seconds)
}

#[tokio::test]
async fn a_site_that_signs_its_pages_takes_no_event_without() {
    let relay = with_tokens("require").await;
    let lead = r#"{"event":"Lead","consent":{"ad_storage":"granted","ad_user_data":"granted"}}"#;
    let good = signed(SITE_SECRET, 600);
    let (start, last) = good.split_at(good.len() - 1);
    let altered = format!("{start}{}", if last == "0" { "1" } else { "0" });
    for (what, site, shown) in [
        ("no token", "shop".to_owned(), "missing"),
        ("somebody else's", signed("secret-of-somebody-else-01", 600), "wrong"),
        ("one with a digit changed", altered, "wrong"),
        ("one of yesterday", signed(SITE_SECRET, -1), "expired"),
        ("one for a year", signed(SITE_SECRET, 31_536_000), "too_long"),
    ] {
        for events in [lead.to_owned(), format!("{lead},{lead}")] {
            let answer = reports(&relay, &site, &events).await;
            // What was good once is worth keeping for a page with a newer one; the tag goes by the status.
            let (status, words) = if shown == "expired" { (401, "is over") } else { (403, shown) };
            assert_eq!(answer.status, status, "{what}: {answer:?}");
            assert!(answer.body.contains(words), "{what}: {answer:?}");
            assert_eq!(answer.header("access-control-allow-origin"), Some("https://shop.example"), "{what}");
        }
    }
    let pixel = |site: &str| {
        format!("GET /v1/pixel.gif?site={site} HTTP/1.1\r\nhost: t\r\nreferer: https://shop.example/\r\n\r\n")
    };
    assert_eq!(relay.send(pixel("shop").as_bytes()).await.status, 403);
    assert_eq!(relay.send(pixel(&good).as_bytes()).await.status, 200);
    assert_eq!(reports(&relay, &good, lead).await.status, 202);
    assert_eq!(relay.get(&format!("/v1/site/{good}.js")).await.status, 200);
    assert_eq!(relay.track(r#"{"event":"Lead"}"#).await.status, 202, "a server has its own key");
    // Taking consent back needs no proof, and is good for nothing else.
    let denied = r#"{"event":"ConsentWithdrawn","visitor_id":"v1","consent":{"ad_storage":"denied","ad_user_data":"denied"}}"#;
    assert_eq!(reports(&relay, &signed(SITE_SECRET, -1), denied).await.status, 202);
    let metrics = relay.get("/metrics").await.body;
    for line in ["missing\"} 3", "wrong\"} 4", "expired\"} 3", "too_long\"} 2", "good\"} 2"] {
        let line = format!("anytrack_site_tokens_total{{site=\"shop\",result=\"{line}");
        assert!(metrics.contains(&line), "{line} in {metrics}");
    }
    assert_eq!(stored(relay.stop().await.path()), 4);
}

#[tokio::test]
async fn a_site_that_only_watches_its_tokens_takes_everything() {
    for (mode, counted) in [("report", true), ("off", false)] {
        let relay = with_tokens(mode).await;
        assert_eq!(reports(&relay, "shop", r#"{"event":"Lead"}"#).await.status, 202);
        let metrics = relay.get("/metrics").await.body;
        let line = "anytrack_site_tokens_total{site=\"shop\",result=\"missing\"} 1";
        assert_eq!(metrics.contains(line), counted, "{mode}: {metrics}");
        assert_eq!(stored(relay.stop().await.path()), 1);
    }
}
