//! What an event costs in a store of 100,000, of a million and, where asked for, of ten million events: processor time and
//! bytes on disk.
//!
//! Its senders are a shop's visitors, of whom most are new, each with a landing, an e-mail address, a telephone number and
//! an order in the end: the kinds of rows that grow with a store. Owns the sizes and where is measured: over the last
//! 100,000 events before each.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::chance::Chance;
use super::figures::Section;
use super::load::{self, End, Server};
use super::senders::{Sender, Visitors};
use super::sheet::{Sheet, middle};
use super::{Args, BenchError};
use crate::relay_process::{Bed, Settings};
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
    /// Bytes on disk for one event.
    bytes: f64,
}

/// Measures every size.
pub(super) async fn measure(args: &Args, sheet: &mut Sheet) -> Result<(), BenchError> {
    let bed = Bed::make(&Settings::default()).await?;
    let mut chance = Chance::new(u64::try_from(clock::now().0).unwrap_or_default());
    let visitors = Visitors::of_all(u64::from(args.connections), clock::now());
    let mut senders: Vec<Sender> =
        visitors.into_iter().map(|visitors| Sender::shop(visitors, Chance::new(chance.number()))).collect();
    let (mut sizes, mut events) = (Vec::new(), 0);
    for power in if args.long { 5..=7 } else { 5..=6 } {
        let relay = bed.start().await?;
        let server = Server { name: "the relay", address: relay.address() };
        let goal = 10_usize.pow(power);
        let idle = goal - events - PARTS * PART;
        if idle > 0 {
            events += load::round(server, &mut senders, End::Sent(idle), || None).await?.events;
        }
        let mut size = Size { power, ..Size::default() };
        for _ in 0..PARTS {
            let round = load::round(server, &mut senders, End::Sent(PART), || relay.cpu_time()).await?;
            events += round.events;
            size.cpu_us.extend(round.cpu_us());
        }
        // A relay that has stopped has moved everything into the database.
        relay.stop(Duration::from_secs(60)).await?;
        size.bytes = bytes_below(bed.database().parent().unwrap_or(Path::new(""))) as f64 / events as f64;
        sizes.push(size);
    }
    write(sheet, &sizes);
    Ok(())
}

/// Writes every size down, and what each is to the first.
fn write(sheet: &mut Sheet, sizes: &[Size]) {
    let Some(first) = sizes.first() else { return };
    for size in sizes {
        let Size { power, cpu_us, bytes } = size;
        sheet.put(Section::Growth, &format!("cpu.{power}"), cpu_us);
        sheet.put(Section::Growth, &format!("bytes.{power}"), &[*bytes]);
        if size.power > first.power {
            let ratio = middle(cpu_us).zip(middle(&first.cpu_us)).map(|(large, small)| large / small);
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
        let mut sheet = Sheet::new(Machine::default(), None, UnixMs(0));
        let size = |power, cpu| Size { power, cpu_us: vec![cpu; 3], bytes: 900.0 };
        write(&mut sheet, &[size(5, 10.0), size(6, 10.5), size(7, 12.0)]);
        assert_eq!(sheet.unknown(Section::Growth), Vec::<&str>::new());
        let text = sheet.to_string();
        assert!(text.contains("1.05") && text.contains("at most 1.1: met"), "{text}");
        assert!(text.contains("1.20") && text.contains("at most 1.1: missed"), "{text}");
    }
}
