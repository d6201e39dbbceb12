//! What the relay holds, idle, at work, and while a million conversions wait for platforms that are down; and how long it
//! takes to work them off once the platforms are back.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::figures::Section;
use super::load::{self, End, Server};
use super::platforms::{PLATFORMS, Peak, bed, fewest, have_all, megabytes, play};
use super::senders::Sender;
use super::sheet::Sheet;
use super::{Args, BenchError};
use crate::relay_process::RelayProcess;
use crate::sandbox::Sandbox;

/// A relay that has just started is left alone for so long.
const REST: Duration = Duration::from_secs(2);
/// Longest time to work off a backlog.
const DRAINED_WITHIN: Duration = Duration::from_secs(3_600);
/// Between two looks at what is left.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Measures memory at rest and at work.
pub(super) async fn measure_memory(args: &Args, sheet: &mut Sheet) -> Result<(), BenchError> {
    let sandbox = play().await?;
    let bed = bed(&sandbox).await?;
    let relay = bed.start().await?;
    sleep(REST).await;
    sheet.put(Section::Memory, "idle", &resident(&relay));
    let server = Server { name: "the relay", address: relay.address() };
    let mut senders = load::senders(args.connections(), |chance| Sender::conversions(1, chance));
    let peak = Peak::of(&relay);
    let round = load::round(server, &mut senders, End::After(args.length() * 2), || None).await?;
    have_all(&sandbox, &relay, round.events as u64, DRAINED_WITHIN).await?;
    sheet.put(Section::Memory, "load", &[peak.mb().await]);
    relay.stop(Duration::from_secs(60)).await?;
    Ok(())
}

/// Makes a backlog and measures memory; with `drain`, also how it is worked off.
pub(super) async fn measure(args: &Args, sheet: &mut Sheet, drain: bool) -> Result<(), BenchError> {
    let sandbox = play().await?;
    let bed = bed(&sandbox).await?;
    let relay = bed.start().await?;
    sandbox.shut().await;
    let events = fill(args, &relay, sheet).await?;
    if drain {
        let drained = work_off(&sandbox, &relay, events).await?;
        drained.write(sheet);
    }
    relay.stop(Duration::from_secs(60)).await?;
    Ok(())
}

/// Sends what will have to wait, and answers how much that is.
async fn fill(args: &Args, relay: &RelayProcess<'_>, sheet: &mut Sheet) -> Result<usize, BenchError> {
    let server = Server { name: "the relay", address: relay.address() };
    let size = usize::from(args.request_events);
    let mut senders = load::senders(args.connections(), |chance| Sender::conversions(size, chance));
    let peak = Peak::of(relay);
    let round = load::round(server, &mut senders, End::Sent(args.events), || None).await?;
    sheet.put(Section::Memory, "filling", &[peak.mb().await]);
    sleep(REST).await;
    sheet.put(Section::Memory, "backlog", &resident(relay));
    Ok(round.events)
}

/// What became of a backlog.
#[derive(Debug, Default)]
struct Drained {
    /// Seconds until each platform had all.
    seconds: BTreeMap<&'static str, f64>,
    cpu_us: Option<f64>,
    peak_mb: f64,
}

/// Lets the platforms come back and waits until each has all.
async fn work_off(sandbox: &Sandbox, relay: &RelayProcess<'_>, events: usize) -> Result<Drained, BenchError> {
    let (mut drained, peak, cpu) = (Drained::default(), Peak::of(relay), relay.cpu_time());
    sandbox.open().await;
    let began = Instant::now();
    while drained.seconds.len() < PLATFORMS.len() && began.elapsed() < DRAINED_WITHIN {
        sleep(LOOK_AGAIN).await;
        for platform in PLATFORMS {
            if sandbox.counted(platform).counted >= events as u64 {
                drained.seconds.entry(platform).or_insert_with(|| began.elapsed().as_secs_f64());
            }
        }
    }
    let all = format!("{events} events at each platform");
    sandbox.wait_until(&all, Duration::ZERO, |state| fewest(state) >= events as u64).await?;
    relay.wait_until_idle(Duration::from_secs(60)).await?;
    let taken = relay.cpu_time().zip(cpu).map(|(after, before)| after.saturating_sub(before));
    let shares = (events * PLATFORMS.len()).max(1) as f64;
    drained.cpu_us = taken.map(|taken| taken.as_secs_f64() * 1e6 / shares);
    drained.peak_mb = peak.mb().await;
    Ok(drained)
}

impl Drained {
    fn write(&self, sheet: &mut Sheet) {
        for (platform, seconds) in &self.seconds {
            sheet.put(Section::Drain, platform, &[*seconds]);
        }
        let last = self.seconds.values().copied().fold(0.0, f64::max);
        sheet.put(Section::Drain, "all", &[last]);
        sheet.put(Section::Drain, "cpu", self.cpu_us.as_slice());
        sheet.put(Section::Drain, "memory", &[self.peak_mb]);
    }
}

/// Memory the relay holds now, in megabytes.
fn resident(relay: &RelayProcess<'_>) -> Vec<f64> {
    relay.resident_bytes().map(megabytes).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use shared::UnixMs;

    use super::*;
    use crate::bench::machine::Machine;

    #[test]
    fn every_figure_of_a_drain_is_written_down() {
        let mut sheet = Sheet::new(Machine::default(), "release build", None, UnixMs(0));
        let seconds = PLATFORMS.into_iter().zip((1..).map(f64::from)).collect();
        Drained { seconds, cpu_us: Some(1.0), peak_mb: 1.0 }.write(&mut sheet);
        assert_eq!(sheet.unknown(Section::Drain), Vec::<&str>::new());
        assert!(sheet.to_string().contains("all six have all"));
    }
}
