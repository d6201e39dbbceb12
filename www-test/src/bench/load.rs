//! The load: connections that each send a request, wait for its answer, and send the next.
//!
//! Requests are built once; only the event id is written anew into the same place, so the generator costs little.
//! Ids are UUIDv7 of the moment, as the tag mints them.

use std::net::SocketAddr;
use std::time::Duration;

use shared::event_id;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::BenchError;
use super::chance::Chance;
use super::connection::Connection;
use super::event::{from_tag, page_view};
use crate::sandbox::clock;

/// What one round came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Round {
    /// Requests answered.
    pub(super) requests: usize,
    /// How long it took.
    pub(super) length: Duration,
    /// Every answer's time, sorted.
    pub(super) latencies: Vec<Duration>,
    /// Processor time the server took; unknown where the system does not say.
    pub(super) cpu: Option<Duration>,
}

/// A number of connections and a length.
pub(super) struct Load {
    connections: usize,
    length: Duration,
    chance: Chance,
}

impl Load {
    pub(super) fn new(connections: usize, length: Duration) -> Self {
        Self { connections, length, chance: Chance::new(u64::try_from(clock::now().0).unwrap_or_default()) }
    }

    /// Sends for as long as a round is. `cpu` says how much processor time the server has taken so far.
    pub(super) async fn round(
        &mut self,
        server: &'static str,
        address: SocketAddr,
        cpu: impl Fn() -> Option<Duration>,
    ) -> Result<Round, BenchError> {
        let mut clients = JoinSet::new();
        let cpu_before = cpu();
        let began = Instant::now();
        for _ in 0..self.connections {
            let chance = Chance::new(self.chance.number());
            clients.spawn(client(server, address, began + self.length, chance));
        }
        let mut round = Round::default();
        while let Some(latencies) = clients.join_next().await {
            round.latencies.extend(latencies.expect("a client does not panic")?);
        }
        round.length = began.elapsed();
        round.cpu = cpu().zip(cpu_before).map(|(after, before)| after.saturating_sub(before));
        round.requests = round.latencies.len();
        round.latencies.sort_unstable();
        Ok(round)
    }
}

async fn client(
    server: &'static str,
    address: SocketAddr,
    until: Instant,
    mut chance: Chance,
) -> Result<Vec<Duration>, BenchError> {
    let broken = |source| BenchError::Broken { server, source };
    let mut connection = Connection::open(address).await.map_err(broken)?;
    let mut request = Template::new();
    let mut latencies = Vec::new();
    loop {
        let sent = Instant::now();
        if sent >= until {
            return Ok(latencies);
        }
        let bytes = request.with(&event_id::uuid_v7(clock::now().0, chance.ten_bytes()));
        let response = connection.exchange(bytes).await.map_err(broken)?;
        if response.status != 202 {
            return Err(BenchError::Answer { server, status: response.status, body: response.text() });
        }
        latencies.push(sent.elapsed());
    }
}

/// A request with a hole for the event id.
struct Template {
    bytes: Vec<u8>,
    hole: usize,
}

/// What stands in the hole; nothing else in the request looks like it.
const PLACEHOLDER: &str = "ffffffff-ffff-ffff-ffff-ffffffffffff";

impl Template {
    fn new() -> Self {
        let now = clock::now();
        let bytes = from_tag(&[page_view(PLACEHOLDER, now)], now);
        let mut windows = bytes.windows(PLACEHOLDER.len());
        let hole =
            windows.position(|window| window == PLACEHOLDER.as_bytes()).expect("the id is in the request");
        Self { bytes, hole }
    }

    fn with(&mut self, id: &str) -> &[u8] {
        self.bytes[self.hole..self.hole + PLACEHOLDER.len()].copy_from_slice(id.as_bytes());
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_id_changes() {
        let mut template = Template::new();
        let before = String::from_utf8(template.bytes.clone()).expect("text");
        let id = "0195e7a2-7b80-7cc3-98c4-dc0c0c07398f";
        let after = String::from_utf8(template.with(id).to_vec()).expect("text");
        assert_eq!(after, before.replace(PLACEHOLDER, id));
    }
}
