//! Clients that never give up: each sends request after request, and repeats one, unchanged, until it is acknowledged.
//!
//! They are what a relay that is killed and started again is asked by; so whatever they call acknowledged must be true.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::bench::chance::Chance;
use crate::bench::connection::Connection;

/// A request, and the ids of the events in it.
#[derive(Clone, Debug)]
pub struct Load {
    /// The whole request.
    pub request: Vec<u8>,
    /// Its events.
    pub ids: Vec<String>,
}

/// Several clients of one relay.
pub struct Clients {
    shared: Arc<Shared>,
    tasks: JoinSet<Vec<String>>,
}

struct Shared {
    address: SocketAddr,
    stop: AtomicBool,
    acknowledged: AtomicUsize,
    more: Notify,
}

impl Clients {
    /// Starts so many, each with chances of its own, at a relay that may not be there yet.
    pub fn start(
        address: SocketAddr,
        count: usize,
        chance: &mut Chance,
        load: fn(&mut Chance) -> Load,
    ) -> Self {
        let (stop, acknowledged, more) = (AtomicBool::new(false), AtomicUsize::new(0), Notify::new());
        let shared = Arc::new(Shared { address, stop, acknowledged, more });
        let mut tasks = JoinSet::new();
        for _ in 0..count {
            tasks.spawn(client(shared.clone(), Chance::new(chance.number()), load));
        }
        Self { shared, tasks }
    }

    /// Waits until so many more events have been acknowledged.
    pub async fn acknowledge(&self, more: usize) {
        let goal = self.shared.acknowledged.load(Ordering::SeqCst) + more;
        loop {
            let notified = self.shared.more.notified();
            if self.shared.acknowledged.load(Ordering::SeqCst) >= goal {
                return;
            }
            notified.await;
        }
    }

    /// Ends them once what each has under way is acknowledged. Answers every event that was.
    pub async fn stop(self) -> Vec<String> {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.tasks.join_all().await.concat()
    }
}

async fn client(shared: Arc<Shared>, mut chance: Chance, load: fn(&mut Chance) -> Load) -> Vec<String> {
    let mut acknowledged = Vec::new();
    let mut connection = None;
    while !shared.stop.load(Ordering::SeqCst) {
        let Load { request, ids } = load(&mut chance);
        while !deliver(&mut connection, shared.address, &request, ids.len()).await {}
        shared.acknowledged.fetch_add(ids.len(), Ordering::SeqCst);
        shared.more.notify_waiters();
        acknowledged.extend(ids);
    }
    acknowledged
}

/// One attempt: true when every event of the request was acknowledged as new or as known.
async fn deliver(
    connection: &mut Option<Connection>,
    address: SocketAddr,
    request: &[u8],
    events: usize,
) -> bool {
    let attempt = async {
        let mut open = match connection.take() {
            Some(open) => open,
            None => Connection::open(address).await?,
        };
        let answer = open.exchange(request).await?;
        *connection = Some(open);
        Ok::<_, io::Error>(answer)
    };
    match attempt.await {
        Ok(answer) if answer.status == 202 => {
            let receipt: Value = serde_json::from_slice(&answer.body).expect("a receipt is JSON");
            let taken = receipt["accepted"].as_u64().zip(receipt["duplicates"].as_u64());
            assert_eq!(taken.map(|(new, known)| new + known), Some(events as u64), "{receipt}");
            true
        }
        Ok(answer) => {
            assert_eq!(answer.status, 503, "{}", answer.text());
            false
        }
        Err(_down) => {
            // Nobody listens between a kill and the next start; asking without a pause would only burn the core.
            sleep(Duration::from_millis(2)).await;
            false
        }
    }
}
