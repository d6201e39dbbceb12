//! The same conversion from several sides is delivered once.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;
use www_test::bench::connection::Connection;
use www_test::bench::event::{from_server, from_tag, purchase};
use www_test::relay_process::{Bed, Settings};
use www_test::sandbox::{Sandbox, clock};

const SOON: Duration = Duration::from_secs(20);

/// Sends one request on a connection of its own; answers how many events were new and how many known.
async fn send_one(address: SocketAddr, request: Vec<u8>) -> (u64, u64) {
    let mut connection = Connection::open(address).await.expect("the relay listens");
    let answer = connection.exchange(&request).await.expect("an answer");
    assert_eq!(answer.status, 202, "{}", answer.text());
    let receipt: Value = serde_json::from_slice(&answer.body).expect("a receipt");
    (receipt["accepted"].as_u64().expect("a number"), receipt["duplicates"].as_u64().expect("a number"))
}

/// Sends requests, all at once or one after the other, and adds their receipts up.
async fn send(address: SocketAddr, requests: Vec<Vec<u8>>, at_once: bool) -> (u64, u64) {
    let mut tasks = JoinSet::new();
    let mut receipts = Vec::new();
    for request in requests {
        tasks.spawn(send_one(address, request));
        if !at_once {
            receipts.push(tasks.join_next().await.expect("one task").expect("it does not panic"));
        }
    }
    receipts.extend(tasks.join_all().await);
    receipts.into_iter().fold((0, 0), |(new, known), (n, k)| (new + n, known + k))
}

/// Sends, then looks at what each platform was sent: `conversions` events, each a single time.
async fn check(requests: Vec<Vec<u8>>, at_once: bool, conversions: u64) {
    let sandbox = Sandbox::start().await.expect("the sandbox starts");
    let settings =
        Settings { meta: Some(sandbox.url()), webhook: Some(sandbox.url()), ..Settings::default() };
    let bed = Bed::make(&settings).await.expect("a bed");
    let relay = bed.start().await.expect("the relay starts");
    let sent = requests.len() as u64;
    assert_eq!(send(bed.address(), requests, at_once).await, (conversions, sent - conversions));
    relay.wait_until_idle(SOON).await.expect("the relay comes to rest");
    for platform in ["meta", "webhook"] {
        let tally = sandbox.counted(platform);
        assert_eq!((tally.counted, tally.duplicates), (conversions, 0), "{platform}");
    }
    relay.stop(SOON).await.expect("the relay stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_sent_twice_is_delivered_once() {
    let now = clock::now();
    let request = from_tag(&[purchase("e-1", None, now)], now);
    check(vec![request.clone(), request], false, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_sent_from_many_tabs_at_once_is_delivered_once() {
    let now = clock::now();
    let request = from_tag(&[purchase("e-1", None, now)], now);
    check(vec![request; 16], true, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_told_by_page_and_by_server_under_different_ids_is_delivered_once() {
    let now = clock::now();
    let page = from_tag(&[purchase("from-the-page", Some("88121"), now)], now);
    let server = from_server(&[purchase("from-the-server", Some("88121"), now)]);
    check(vec![page.clone(), server.clone()], false, 1).await;
    check(vec![server, page], true, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_orders_and_two_names_are_two_conversions() {
    let now = clock::now();
    let mut lead = purchase("e-1", None, now);
    lead["event"] = "Lead".into();
    let requests = vec![
        from_tag(&[purchase("e-1", Some("88121"), now)], now),
        from_tag(&[purchase("e-2", Some("88122"), now)], now),
        from_server(&[lead]),
    ];
    check(requests, false, 3).await;
}
