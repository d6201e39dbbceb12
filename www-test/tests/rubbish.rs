//! Whatever is thrown at the relay's port, it answers clearly or hangs up, stays up, and does not grow.

#![expect(clippy::print_stdout, reason = "the figures of a run are its output")]

use std::io::ErrorKind;
use std::time::Duration;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use www_test::bench::connection::{Connection, Response};
use www_test::bench::event::{from_server, from_tag, page_view, post, purchase};
use www_test::relay_process::{API_KEY, Bed, RelayProcess, Settings};
use www_test::sandbox::clock;

const SOON: Duration = Duration::from_secs(20);
/// Most a relay may grow under any of this. Its parts are bounded: 500 connections with buffers of some 20 kB each
/// are 10 MB, bodies at 512 kB times a few under way another few; the rest is what an allocator keeps for later.
const GROWTH_BYTES: u64 = 48 * 1024 * 1024;

/// Runs `act` against a relay without destinations, then checks that the relay is well and has not grown.
async fn against_a_relay(settings: Settings, act: impl AsyncFnOnce(&Bed)) {
    let bed = Bed::make(&settings).await.expect("a bed");
    let relay = bed.start().await.expect("the relay starts");
    warm_up(&bed).await;
    let before = relay.resident_bytes();
    act(&bed).await;
    assert_well(&bed, &relay, before).await;
}

/// Puts caches and buffers where they will be, so that growth afterwards is growth.
async fn warm_up(bed: &Bed) {
    let now = clock::now();
    for number in 0..20 {
        let request = from_tag(&[page_view(&format!("warm-{number}"), now)], now);
        assert_eq!(ask(bed, &request).await.status, 202);
    }
}

async fn assert_well(bed: &Bed, relay: &RelayProcess<'_>, before: Option<u64>) {
    assert_eq!(relay.get("/healthz").await.expect("an answer").status, 200);
    assert_eq!(relay.get("/readyz").await.expect("an answer").status, 200);
    let now = clock::now();
    assert_eq!(ask(bed, &from_tag(&[page_view("after-all", now)], now)).await.status, 202);
    // Where there is no /proc there is no figure; Linux is where this is measured.
    if let Some((before, after)) = before.zip(relay.resident_bytes()) {
        let grown = after.saturating_sub(before);
        println!("resident: {before} bytes before, grown by {grown}");
        assert!(grown < GROWTH_BYTES, "grown by {grown} bytes");
    }
    let log = bed.log();
    assert!(!log.contains("panicked"), "{log}");
}

/// One request on a connection of its own.
async fn ask(bed: &Bed, request: &[u8]) -> Response {
    let mut connection = Connection::open(bed.address()).await.expect("the relay listens");
    connection.exchange(request).await.expect("an answer")
}

/// Answers with this status and a sentence that holds `words`.
async fn check(bed: &Bed, what: &str, request: &[u8], status: u16, words: &str) {
    let answer = ask(bed, request).await;
    assert_eq!(answer.status, status, "{what}: {}", answer.text());
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("{what}: {answer:?}"));
    let sentence = body["error"].as_str().unwrap_or_default();
    assert!(sentence.contains(words), "{what}: {sentence}");
}

fn tag(body: &[u8]) -> Vec<u8> {
    post("/v1/events", &[("origin", "https://shop.example"), ("content-type", "text/plain")], body)
}

fn server(body: &[u8]) -> Vec<u8> {
    post("/v1/track", &[("authorization", &format!("Bearer {API_KEY}"))], body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_not_an_event_gets_a_clear_answer() {
    against_a_relay(Settings::default(), async |bed| {
        let malformed = br#"{"v":1,"site":"shop","events":[{"event":}]}"#;
        check(bed, "malformed", &tag(malformed), 400, "byte 40").await;
        check(bed, "malformed, server", &server(b"{\"event\":\"Lead\""), 400, "byte").await;
        check(bed, "empty", &tag(b""), 400, "byte 0").await;
        check(bed, "not UTF-8", &tag(b"{\"v\":1,\xff"), 400, "first bad byte is at 7").await;
        check(bed, "not UTF-8, server", &server(b"\xc3\x28"), 400, "first bad byte is at 0").await;
        check(bed, "no version", &tag(br#"{"site":"shop","events":[]}"#), 400, "v: ").await;
        let deep = format!(r#"{{"v":1,"site":"shop","events":[{}"#, "[".repeat(100_000));
        check(bed, "100k deep", &tag(deep.as_bytes()), 400, "byte").await;
        let many = json!({ "events": vec![json!({ "event": "Lead" }); 501] }).to_string();
        check(bed, "too many", &server(many.as_bytes()), 400, "501").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nesting_without_end_is_refused_or_ignored_with_a_reason() {
    against_a_relay(Settings::default(), async |bed| {
        // What is known but wrong refuses the event; what is unknown is passed over and said to be.
        let check = async |list: &str, event: String, words: &str| {
            let batch = format!(r#"{{"events":[{event},{{"event":"Lead","event_id":"beside-{words}"}}]}}"#);
            let answer = ask(bed, &server(batch.as_bytes())).await;
            let receipt: Value =
                serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("{answer:?}"));
            let accepted = if list == "rejected" { 1 } else { 2 };
            assert_eq!((answer.status, &receipt["accepted"]), (202, &json!(accepted)), "{words}: {receipt}");
            let reason = receipt[list][0]["reason"].as_str().unwrap_or_default();
            assert!(reason.contains(words) && reason.len() < 1_000, "{words}: {receipt}");
        };
        let lists = |deep: usize| format!("{}{}", "[".repeat(deep), "]".repeat(deep));
        let objects = |deep: usize| format!("{}1{}", r#"{"a":"#.repeat(deep), "}".repeat(deep));
        let field = |name: &str, value: String| format!(r#"{{"event":"Lead","{name}":{value}}}"#);
        check("rejected", lists(100_000), "expected").await;
        check("rejected", objects(80_000), "event: a name is required").await;
        for name in ["click_ids", "cookies", "time", "event_id", "source", "visitor_id"] {
            check("rejected", field(name, objects(50_000)), name).await;
        }
        for name in ["page", "user", "consent", "context", "nonsense"] {
            check("warnings", field(name, objects(50_000)), name).await;
        }
        let property = format!(r#"{{"p":{}}}"#, lists(100_000));
        check("rejected", field("properties", property), "properties").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_event_is_named_by_its_field_and_its_neighbours_are_taken() {
    against_a_relay(Settings::default(), async |bed| {
        let now = clock::now();
        let check = async |pointer: &str, value: Value, field: &str| {
            let mut wrong = purchase("wrong", None, now);
            let (parent, last) = pointer.rsplit_once('/').expect("a pointer");
            wrong.pointer_mut(parent).expect("the parent is there")[last] = value.clone();
            let good = page_view(&format!("good beside {pointer} {value}").replace(['"', ' '], "-"), now);
            for request in
                [from_tag(&[wrong.clone(), good.clone()], now), from_server(&[wrong.clone(), good])]
            {
                let answer = ask(bed, &request).await;
                let receipt: Value = serde_json::from_slice(&answer.body).expect("a receipt");
                let stored = receipt["accepted"].as_u64().zip(receipt["duplicates"].as_u64());
                assert_eq!(
                    (answer.status, stored.map(|(new, known)| new + known)),
                    (202, Some(1)),
                    "{pointer}: {receipt}"
                );
                assert_eq!(receipt["rejected"][0]["index"], 0, "{pointer}: {receipt}");
                let reason = receipt["rejected"][0]["reason"].as_str().unwrap_or_default();
                assert!(reason.contains(field), "{pointer}: {reason}");
            }
        };
        check("/event", json!(17), "event").await;
        check("/event", Value::Null, "event").await;
        check("/event", json!("x".repeat(51)), "event").await;
        check("/time", json!("yesterday"), "time").await;
        check("/source", json!("telepathy"), "source").await;
        check("/page", json!(17), "page").await;
        check("/consent", json!({ "ad_storage": "perhaps" }), "consent.ad_storage").await;
        check("/visitor_id", json!("two words"), "visitor_id").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_without_rights_is_told_which() {
    against_a_relay(Settings::default(), async |bed| {
        let now = clock::now();
        let good = from_tag(&[page_view("e-1", now)], now);
        let with = |from: &str, to: &str| {
            let text = String::from_utf8(good.clone()).expect("text");
            assert_eq!(from.len(), to.len(), "the announced length must stay right");
            text.replace(from, to).into_bytes()
        };
        check(bed, "unknown site", &with("\"site\":\"shop\"", "\"site\":\"shoe\""), 403, "unknown site")
            .await;
        let foreign = with("origin: https://shop.example", "origin: https://evil.example");
        check(bed, "wrong origin", &foreign, 403, "origin").await;
        let body = br#"{"event":"Lead"}"#;
        check(bed, "no key", &post("/v1/track", &[], body), 401, "API key").await;
        for line in ["Bearer wrong-key-0123456789", "Basic a2V5", "Bearer ", API_KEY] {
            check(bed, line, &post("/v1/track", &[("authorization", line)], body), 401, "API key").await;
        }
        check(bed, "unknown path", &post("/v2/events", &[], body), 404, "no such address").await;
        check(bed, "unknown path", b"GET /wp-login.php HTTP/1.1\r\nhost: x\r\n\r\n", 404, "no such address")
            .await;
        for method in ["GET", "PUT", "DELETE", "PATCH", "BREW"] {
            let request = format!("{method} /v1/events HTTP/1.1\r\nhost: x\r\n\r\n");
            check(bed, method, request.as_bytes(), 405, "use POST").await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_ten_megabytes_is_refused_unread() {
    against_a_relay(Settings::default(), async |bed| {
        // Announced: the answer comes although not a byte of the body was sent.
        let announced = b"POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: 10485760\r\n\r\n";
        check(bed, "announced", announced, 413, "larger than 524288 bytes").await;
        // Not announced: chunk after chunk, until the relay has had enough.
        let mut connection = Connection::open(bed.address()).await.expect("the relay listens");
        connection
            .send(b"POST /v1/events HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
            .await
            .expect("sent");
        let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
        let mut sent = 0;
        for _ in 0..160 {
            match connection.send(&chunk).await {
                Ok(()) => sent += 1,
                Err(_refused) => break,
            }
        }
        // A client that writes on may see the reset before it sees the answer.
        match connection.receive().await {
            Ok(answer) => assert_eq!(answer.status, 413, "{}", answer.text()),
            Err(broken) => {
                assert!(matches!(broken.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe))
            }
        }
        println!("{sent} of 160 chunks left before the refusal");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_headers_is_refused() {
    against_a_relay(Settings::default(), async |bed| {
        let many: String = (0..10_000).map(|number| format!("x-{number}: y\r\n")).collect();
        let long = format!("x: {}\r\n", "y".repeat(1_000_000));
        let uri = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "y".repeat(1_000_000));
        for flood in [
            format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{many}\r\n"),
            format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{long}\r\n"),
            uri,
        ] {
            let mut connection = Connection::open(bed.address()).await.expect("the relay listens");
            // The relay may hang up before it has read all; that is as good an answer.
            let _hung_up = connection.send(flood.as_bytes()).await;
            match connection.receive().await {
                Ok(answer) => assert!(matches!(answer.status, 400 | 414 | 431), "{}", answer.status),
                Err(broken) => assert_ne!(broken.kind(), ErrorKind::TimedOut, "neither answered nor hung up"),
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_who_dawdles_is_not_waited_for() {
    let settings = Settings { header_timeout_ms: 300, body_timeout_ms: 300, ..Settings::default() };
    against_a_relay(settings, async |bed| {
        let open = async || Connection::open(bed.address()).await.expect("the relay listens");
        let mut slow_headers = open().await;
        slow_headers.send(b"POST /v1/events HTTP/1.1\r\nhost").await.expect("sent");
        slow_headers.closed(SOON).await.expect("the relay hangs up on slow headers");
        let mut silent = open().await;
        silent.closed(SOON).await.expect("the relay hangs up on silence");
        let mut slow_body = open().await;
        slow_body
            .send(b"POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{\"v\"")
            .await
            .expect("sent");
        let answer = slow_body.receive().await.expect("an answer");
        assert_eq!(answer.status, 408, "{}", answer.text());
        assert!(answer.text().contains("300 ms"), "{}", answer.text());
        slow_body.closed(SOON).await.expect("the relay hangs up after it");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_after_a_request_harms_nobody() {
    against_a_relay(Settings::default(), async |bed| {
        let now = clock::now();
        let good = from_tag(&[page_view("piped", now)], now);
        let mut connection = Connection::open(bed.address()).await.expect("the relay listens");
        connection
            .send(&[good.as_slice(), b"\x16\x03\x01\x02\x00 not HTTP at all\r\n\r\n"].concat())
            .await
            .expect("sent");
        assert_eq!(connection.receive().await.expect("the answer to the good one").status, 202);
        match connection.receive().await {
            Ok(answer) => assert_eq!(answer.status, 400),
            Err(broken) => assert_ne!(broken.kind(), ErrorKind::TimedOut),
        }
        for garbage in
            [b"\0\0\0\0\r\n\r\n".as_slice(), b"\r\n\r\n\r\nGET\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
        {
            let mut connection = Connection::open(bed.address()).await.expect("the relay listens");
            let _hung_up = connection.send(garbage).await;
            connection.closed(SOON).await.expect("the relay hangs up on garbage");
        }
        // Two lengths that differ are how requests are smuggled past a proxy.
        let two =
            b"POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n12345";
        assert_eq!(ask(bed, two).await.status, 400);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_half_open_connections_leave_room_for_others() {
    against_a_relay(Settings::default(), async |bed| {
        let mut opening = JoinSet::new();
        for number in 0..500 {
            let address = bed.address();
            opening.spawn(async move {
                let mut connection = Connection::open(address).await.expect("the relay listens");
                let parts =
                    ["", "POST /v1/ev", "POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{"];
                connection.send(parts[number % 3].as_bytes()).await.expect("sent");
                connection
            });
        }
        let half_open = opening.join_all().await;
        assert_eq!(half_open.len(), 500);
        let now = clock::now();
        for number in 0..50 {
            let request = from_tag(&[page_view(&format!("between-{number}"), now)], now);
            assert_eq!(ask(bed, &request).await.status, 202);
        }
    })
    .await;
}

/// Bodies from pure noise to events with one thing wrong, which get furthest in.
fn any_body() -> impl Strategy<Value = Vec<u8>> {
    let noise = proptest::collection::vec(proptest::num::u8::ANY, 0..2_000);
    let json = "[\\[\\]{}\",:0-9eE.\\-a-z\\\\ ]{0,300}".prop_map(String::into_bytes);
    let good = from_tag(&[purchase("any", Some("o-1"), clock::now())], clock::now());
    let start = good.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |at| at + 4);
    let body = good[start..].to_vec();
    let bitten = (0..body.len(), 0..body.len(), proptest::num::u8::ANY).prop_map(move |(at, cut, byte)| {
        let mut body = body.clone();
        body[at] = byte;
        if cut % 4 == 0 {
            body.truncate(cut);
        }
        body
    });
    proptest::prop_oneof![noise, json, bitten]
}

#[tokio::test(flavor = "multi_thread")]
async fn any_body_at_all_gets_an_answer_on_the_same_connection() {
    against_a_relay(Settings::default(), async |bed| {
        let mut connection = Connection::open(bed.address()).await.expect("the relay listens");
        let (mut runner, bodies) = (TestRunner::default(), any_body());
        for number in 0..2_000 {
            let body = bodies.new_tree(&mut runner).expect("a body").current();
            let request = if number % 2 == 0 { tag(&body) } else { server(&body) };
            let answer = connection.exchange(&request).await;
            let answer =
                answer.unwrap_or_else(|broken| panic!("{broken} after {:?}", String::from_utf8_lossy(&body)));
            let understood = matches!(answer.status, 202 | 400 | 403);
            assert!(understood, "{} to {:?}", answer.status, String::from_utf8_lossy(&body));
        }
    })
    .await;
}
