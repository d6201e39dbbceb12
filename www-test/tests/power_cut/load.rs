//! What the recorded relay is asked, and when it answered.

use std::collections::HashMap;
use std::net::SocketAddr;

use serde_json::{Value, json};
use shared::event_id;
use tokio::task::JoinSet;
use www_test::bench::chance::Chance;
use www_test::bench::connection::Connection;
use www_test::bench::event::{from_server, page_view, purchase};
use www_test::relay_process::API_KEY;
use www_test::sandbox::clock;

use crate::trace::{Call, Deed};

const CONNECTIONS: usize = 6;
const REQUESTS: usize = 70;

/// One request of one connection.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The connection's own port, and which of its requests this is.
    pub(crate) port: u16,
    pub(crate) nth: usize,
    pub(crate) what: What,
    /// The call by which it was answered.
    pub(crate) answered: Option<usize>,
}

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// To take these events; some have a visitor.
    Take(Vec<(String, Option<String>)>),
    /// To forget a visitor.
    Erase(String),
}

/// A load for one relay.
pub(crate) struct Load {
    address: SocketAddr,
}

impl Load {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    /// Asks all of it; every request is answered.
    pub(crate) async fn run(&self, chance: &mut Chance) -> Vec<Asked> {
        let mut clients = JoinSet::new();
        for _ in 0..CONNECTIONS {
            clients.spawn(client(self.address, Chance::new(chance.number())));
        }
        clients.join_all().await.concat()
    }
}

async fn client(address: SocketAddr, mut chance: Chance) -> Vec<Asked> {
    let mut connection = Connection::open(address).await.expect("a connection");
    let port = connection.local_port().expect("a port");
    let mut asked = Vec::new();
    let mut visitors: Vec<String> = Vec::new();
    for nth in 0..REQUESTS {
        let erased = (nth % 12 == 11).then(|| visitors.pop()).flatten();
        let (what, request) = match erased {
            Some(visitor) => {
                let head = format!(
                    "DELETE /v1/visitors/{visitor} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {API_KEY}\r\n\r\n"
                );
                (What::Erase(visitor), head.into_bytes())
            }
            None => {
                let events = events(&mut chance, &mut visitors);
                let bodies: Vec<Value> =
                    events.iter().map(|(id, visitor)| body(id, visitor.as_deref())).collect();
                (What::Take(events), from_server(&bodies))
            }
        };
        let answer = connection.exchange(&request).await.expect("an answer");
        assert!(matches!(answer.status, 200 | 202), "{}", answer.text());
        asked.push(Asked { port, nth, what, answered: None });
    }
    asked
}

/// One event, or a good many, so that the write-ahead log starts over now and then.
fn events(chance: &mut Chance, visitors: &mut Vec<String>) -> Vec<(String, Option<String>)> {
    let count = if chance.below(3) == 0 { 100 } else { 1 + chance.below(3) };
    let mut event = |nth: u64| {
        let id = event_id::uuid_v7(clock::now().0, chance.ten_bytes());
        let visitor = (nth == 0).then(|| format!("visitor-{id}"));
        visitors.extend(visitor.clone());
        (id, visitor)
    };
    (0..count).map(&mut event).collect()
}

fn body(id: &str, visitor: Option<&str>) -> Value {
    // The id alone says which event it is, so that it can be sent again.
    let odd = id.bytes().map(u32::from).sum::<u32>() % 2 == 1;
    let now = clock::now();
    let mut event = if odd { purchase(id, None, now) } else { page_view(id, now) };
    // Everybody has the same address there; an event would be held for that of a visitor who is to be forgotten.
    event["user"] = json!({});
    if let Some(visitor) = visitor {
        event["visitor_id"] = json!(visitor);
    }
    event
}

/// A request with one event.
pub(crate) fn one(id: &str, visitor: Option<&str>) -> Vec<u8> {
    from_server(&[body(id, visitor)])
}

/// Finds the call by which each request was answered.
pub(crate) fn number(mut asked: Vec<Asked>, calls: &[Call]) -> Vec<Asked> {
    let mut answers: HashMap<u16, Vec<usize>> = HashMap::new();
    for (at, call) in calls.iter().enumerate() {
        if let Deed::Answer { port } = &call.deed {
            answers.entry(*port).or_default().push(at);
        }
    }
    for one in &mut asked {
        let answered = answers.get(&one.port).and_then(|of_port| of_port.get(one.nth)).copied();
        assert!(answered.is_some(), "the record lacks answer {} on port {}", one.nth, one.port);
        one.answered = answered;
    }
    asked
}
