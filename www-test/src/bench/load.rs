//! The load: connections that each send a request, wait for its answer, and send the next.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::BenchError;
use super::chance::Chance;
use super::connection::Connection;
use super::senders::Sender;
use crate::sandbox::clock;

/// What one round came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Round {
    /// Events taken in.
    pub(super) events: usize,
    /// How long it took.
    pub(super) length: Duration,
    /// Every answer's time, sorted.
    pub(super) latencies: Vec<Duration>,
    /// Processor time the server took; unknown where the system does not say.
    pub(super) cpu: Option<Duration>,
}

impl Round {
    /// Events a second.
    pub(super) fn rate(&self) -> f64 {
        self.events as f64 / self.length.as_secs_f64().max(f64::EPSILON)
    }

    /// Requests a second.
    pub(super) fn requests(&self) -> f64 {
        self.latencies.len() as f64 / self.length.as_secs_f64().max(f64::EPSILON)
    }

    /// Processor time of the server for one event, in microseconds.
    pub(super) fn cpu_us(&self) -> Option<f64> {
        (self.events > 0).then_some(self.cpu?.as_secs_f64() * 1e6 / self.events as f64)
    }

    /// The time within which this share of all requests was answered, in milliseconds.
    pub(super) fn within_ms(&self, share: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let place = (last as f64 * share).round() as usize;
        self.latencies.get(place).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
    }
}

/// When a round ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// After this time.
    After(Duration),
    /// Once so many events, or the few more of a last request, have been sent.
    Sent(usize),
}

/// A server under load.
#[derive(Clone, Copy, Debug)]
pub(super) struct Server {
    /// Its name in errors.
    pub(super) name: &'static str,
    /// Where it listens.
    pub(super) address: SocketAddr,
}

/// Makes a sender for each of so many connections.
pub(super) fn senders(connections: usize, make: impl Fn(Chance) -> Sender) -> Vec<Sender> {
    let mut chance = Chance::new(u64::try_from(clock::now().0).unwrap_or_default());
    (0..connections).map(|_| make(Chance::new(chance.number()))).collect()
}

/// Lets every sender send until the end. `cpu` says how much processor time the server has taken so far.
pub(super) async fn round(
    server: Server,
    senders: &mut Vec<Sender>,
    end: End,
    cpu: impl Fn() -> Option<Duration>,
) -> Result<Round, BenchError> {
    let mut clients = JoinSet::new();
    let events = match end {
        End::After(_) => usize::MAX / 2,
        End::Sent(events) => events,
    };
    let left = Arc::new(AtomicUsize::new(events));
    let cpu_before = cpu();
    let began = Instant::now();
    let until = match end {
        End::After(length) => Some(began + length),
        End::Sent(_) => None,
    };
    for sender in senders.drain(..) {
        clients.spawn(client(server, until, Arc::clone(&left), sender));
    }
    let mut round = Round::default();
    while let Some(ended) = clients.join_next().await {
        let (latencies, sender) = ended.expect("a client does not panic")?;
        round.events += latencies.len() * sender.events;
        round.latencies.extend(latencies);
        senders.push(sender);
    }
    round.length = began.elapsed();
    round.cpu = cpu().zip(cpu_before).map(|(after, before)| after.saturating_sub(before));
    round.latencies.sort_unstable();
    Ok(round)
}

/// One connection's part of a round. Gives the sender back for the next.
async fn client(
    server: Server,
    until: Option<Instant>,
    left: Arc<AtomicUsize>,
    mut sender: Sender,
) -> Result<(Vec<Duration>, Sender), BenchError> {
    let broken = |source| BenchError::Broken { server: server.name, source };
    let mut connection = Connection::open(server.address).await.map_err(broken)?;
    let mut latencies = Vec::new();
    loop {
        let sent = Instant::now();
        let take = |left: usize| (left > 0).then(|| left.saturating_sub(sender.events));
        let is_over = until.is_some_and(|until| sent >= until);
        if is_over || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err() {
            return Ok((latencies, sender));
        }
        let response = connection.exchange(sender.next()).await.map_err(broken)?;
        if response.status != 202 {
            let (status, body) = (response.status, response.text());
            return Err(BenchError::Answer { server: server.name, status, body });
        }
        latencies.push(sent.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_says_how_fast_and_how_soon() {
        let latencies = (1..=5).map(Duration::from_millis).collect();
        let cpu = Some(Duration::from_micros(500));
        let round = Round { events: 50, length: Duration::from_secs(2), latencies, cpu };
        assert_eq!((round.rate(), round.requests(), round.cpu_us()), (25.0, 2.5, Some(10.0)));
        let within = [0.0, 0.5, 0.99].map(|share| round.within_ms(share));
        assert_eq!(within, [1.0, 3.0, 5.0]);
        assert!(Round::default().within_ms(0.5).is_nan());
    }
}
