//! The whole road: events are taken in one by one, stored, and delivered to six platforms, and what the relay's
//! processor time comes to for one event at one of them.
//!
//! Twice: as fast as they come, where requests to platforms fill up, and a few a second, where every event travels alone
//! and each platform gets six requests for what would otherwise be one. Taking in is part of it.

use std::time::Duration;

use tokio::time::Instant;

use super::figures::Section;
use super::load::{self, End, Server};
use super::platforms::{PLATFORMS, bed, have_all, play};
use super::senders::Sender;
use super::sheet::Sheet;
use super::{Args, BenchError, pace};
use crate::relay_process::RelayProcess;
use crate::sandbox::Sandbox;

/// Conversions of a busy round.
const BUSY_EVENTS: usize = 20_000;
/// Conversions a second in calm hours.
const CALM_RATE: f64 = 100.0;
/// Longest wait for the platforms.
const DELIVERED_WITHIN: Duration = Duration::from_secs(120);

/// Measures both.
pub(super) async fn measure(args: &Args, sheet: &mut Sheet) -> Result<(), BenchError> {
    let sandbox = play().await?;
    let bed = bed(&sandbox).await?;
    let relay = bed.start().await?;
    let mut road = Road { sandbox: &sandbox, relay: &relay, sent: 0 };
    let mut senders = load::senders(args.connections(), |chance| Sender::conversions(1, chance));
    let server = Server { name: "the relay", address: relay.address() };
    // Connections are opened and tokens fetched.
    load::round(server, &mut senders, End::Sent(1_000), || None).await?;
    road.arrive(1_000).await?;
    let (mut busy, mut rates, mut calm) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..args.rounds {
        let (before, began) = (relay.cpu_time(), Instant::now());
        let round = load::round(server, &mut senders, End::Sent(BUSY_EVENTS), || None).await?;
        road.arrive(round.events).await?;
        rates.push(round.events as f64 / began.elapsed().as_secs_f64());
        busy.extend(road.cpu_since(before, round.events));
    }
    for _ in 0..args.rounds {
        let (before, length) = (relay.cpu_time(), args.length());
        let (round, back) = tokio::task::spawn_blocking(move || {
            (pace::round(server, &mut senders, CALM_RATE, length), senders)
        })
        .await
        .expect("the load does not panic");
        senders = back;
        let events = round?.events;
        road.arrive(events).await?;
        calm.extend(road.cpu_since(before, events));
    }
    write(sheet, &busy, &rates, &calm);
    relay.stop(Duration::from_secs(60)).await?;
    Ok(())
}

/// What is on its way.
struct Road<'a> {
    sandbox: &'a Sandbox,
    relay: &'a RelayProcess<'a>,
    sent: u64,
}

impl Road<'_> {
    /// Waits until so many more have arrived everywhere.
    async fn arrive(&mut self, events: usize) -> Result<(), BenchError> {
        self.sent += events as u64;
        have_all(self.sandbox, self.relay, self.sent, DELIVERED_WITHIN).await
    }

    /// The relay's processor time for one of so many events at one platform, in microseconds.
    fn cpu_since(&self, before: Option<Duration>, events: usize) -> Option<f64> {
        let cpu = self.relay.cpu_time()?.saturating_sub(before?);
        Some(cpu.as_secs_f64() * 1e6 / (events * PLATFORMS.len()).max(1) as f64)
    }
}

fn write(sheet: &mut Sheet, busy: &[f64], rates: &[f64], calm: &[f64]) {
    sheet.put(Section::Road, "busy.cpu", busy);
    sheet.put(Section::Road, "busy.rate", rates);
    sheet.put(Section::Road, "calm.cpu", calm);
}

#[cfg(test)]
mod tests {
    use shared::UnixMs;

    use super::*;
    use crate::bench::machine::Machine;

    #[test]
    fn every_figure_is_written_down() {
        let mut sheet = Sheet::new(Machine::default(), "release build", None, UnixMs(0));
        write(&mut sheet, &[60.0], &[1.0], &[1.0]);
        assert_eq!(sheet.unknown(Section::Road), Vec::<&str>::new());
    }
}
