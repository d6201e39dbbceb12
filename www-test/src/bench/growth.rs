//! What an event costs in a store of 100,000, of a million and, where asked for, of ten million events: processor time and
//! bytes on disk.
//!
//! Its senders are a shop's visitors, of whom most are new, each with a landing, an e-mail address, a telephone number and
//! an order in the end: the kinds of rows that grow with a store. Owns the sizes and where is measured: over the last
//! 100,000 events before each. Minutes lie between two sizes, in which a machine may get another pace, so each large store
//! is measured by turns with a new one that takes its first 100,000 events meanwhile.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::chance::Chance;
use super::figures::Section;
use super::load::{self, End, Server};
use super::senders::{Sender, Visitors};
use super::sheet::{Sheet, middle};
use super::{Args, BenchError};
use crate::relay_process::{Bed, RelayProcess, Settings};
use crate::sandbox::clock;

/// Events in a part of what is measured, of which the middle one counts.
const PART: usize = 20_000;
/// Parts before each size.
const PARTS: usize = 5;

/// One size of the store.
#[derive(Clone, Debug, Default)]
struct Size {
    /// Its logarithm.
    power: u32,
    /// Processor time for one event, in microseconds, in each part.
    cpu_us: Vec<f64>,
    /// What an event of a store of 100,000 took in the neighbouring part.
    small_us: Vec<f64>,
    /// Bytes on disk for one event.
    bytes: f64,
}

/// Who fills a store.
struct Crowd {
    senders: Vec<Sender>,
    /// How many events they have sent.
    events: usize,
}

impl Crowd {
    fn of(args: &Args) -> Self {
        let mut chance = Chance::new(u64::try_from(clock::now().0).unwrap_or_default());
        let visitors = Visitors::of_all(u64::from(args.connections), clock::now());
        let shop = |visitors| Sender::shop(visitors, Chance::new(chance.number()));
        Self { senders: visitors.into_iter().map(shop).collect(), events: 0 }
    }

    /// Sends so many events more. Answers what one of them took of the processor, in microseconds.
    async fn send(&mut self, relay: &RelayProcess<'_>, events: usize) -> Result<Option<f64>, BenchError> {
        let server = Server { name: "the relay", address: relay.address() };
        let round = load::round(server, &mut self.senders, End::Sent(events), || relay.cpu_time()).await?;
        self.events += round.events;
        Ok(round.cpu_us())
    }
}

/// Measures every size.
pub(super) async fn measure(args: &Args, sheet: &mut Sheet) -> Result<(), BenchError> {
    let bed = Bed::make(&Settings::default()).await?;
    let mut crowd = Crowd::of(args);
    let mut sizes = Vec::new();
    for power in if args.long { 5..=7 } else { 5..=6 } {
        let relay = bed.start().await?;
        let idle = 10_usize.pow(power).saturating_sub(crowd.events + PARTS * PART);
        crowd.send(&relay, idle).await?;
        let mut size = Size { power, ..Size::default() };
        if sizes.is_empty() {
            for _ in 0..PARTS {
                size.cpu_us.extend(crowd.send(&relay, PART).await?);
            }
        } else {
            beside_a_small_one(args, &relay, &mut crowd, &mut size).await?;
        }
        // A relay that has stopped has moved everything into the database.
        relay.stop(Duration::from_secs(60)).await?;
        size.bytes =
            bytes_below(bed.database().parent().unwrap_or(Path::new(""))) as f64 / crowd.events as f64;
        sizes.push(size);
    }
    write(sheet, &sizes);
    Ok(())
}

/// Measures a large store, by turns with a new one.
async fn beside_a_small_one(
    args: &Args,
    large: &RelayProcess<'_>,
    crowd: &mut Crowd,
    size: &mut Size,
) -> Result<(), BenchError> {
    let bed = Bed::make(&Settings::default()).await?;
    let (small, mut others) = (bed.start().await?, Crowd::of(args));
    for _ in 0..PARTS {
        size.small_us.extend(others.send(&small, PART).await?);
        size.cpu_us.extend(crowd.send(large, PART).await?);
    }
    small.stop(Duration::from_secs(60)).await?;
    Ok(())
}

/// Writes every size down, and what each is to the first.
fn write(sheet: &mut Sheet, sizes: &[Size]) {
    let Some(first) = sizes.first() else { return };
    for size in sizes {
        let Size { power, cpu_us, small_us, bytes } = size;
        sheet.put(Section::Growth, &format!("cpu.{power}"), cpu_us);
        sheet.put(Section::Growth, &format!("bytes.{power}"), &[*bytes]);
        if size.power > first.power {
            let ratio = middle(cpu_us).zip(middle(small_us)).map(|(large, small)| large / small);
            sheet.put(Section::Growth, &format!("cpu_ratio.{power}"), ratio.as_slice());
            sheet.put(Section::Growth, &format!("bytes_ratio.{power}"), &[bytes / first.bytes]);
        }
    }
}

/// Bytes of all files in a folder.
fn bytes_below(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
}

#[cfg(test)]
mod tests {
    use shared::UnixMs;

    use super::*;
    use crate::bench::machine::Machine;

    #[test]
    fn every_size_is_written_down_with_what_it_is_to_the_first() {
        let mut sheet = Sheet::new(Machine::default(), "release build", None, UnixMs(0));
        let size = |power, cpu| Size { power, cpu_us: vec![cpu; 3], small_us: vec![10.0; 3], bytes: 900.0 };
        write(&mut sheet, &[size(5, 10.0), size(6, 10.5), size(7, 12.0)]);
        assert_eq!(sheet.unknown(Section::Growth), Vec::<&str>::new());
        let text = sheet.to_string();
        assert!(text.contains("1.05") && text.contains("at most 1.1: met"), "{text}");
        assert!(text.contains("1.20") && text.contains("at most 1.1: missed"), "{text}");
    }
}
