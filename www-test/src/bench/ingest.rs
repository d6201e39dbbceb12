//! Taking events in: the relay, which parses, checks, attributes, deduplicates and fsyncs before it answers, against a
//! bare handler that reads the same body and answers as much.
//!
//! Both get the same load from this process in alternating rounds. Everything shares the machine's cores, the load too,
//! so the ratio of two neighbouring rounds is what to look at.

use std::io;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::figures::Section;
use super::load::{self, End, Round, Server};
use super::senders::Sender;
use super::sheet::Sheet;
use super::{Args, BenchError};
use crate::relay_process::{Bed, Settings, cpu_time};

/// Events in a request, how many times the connections, and what it is called.
const CASES: [(usize, usize, &str); 4] = [(1, 1, "1"), (1, 4, "1.crowd"), (10, 1, "10"), (100, 1, "100")];
/// Both are let warm up for so long.
const WARM_UP: End = End::After(Duration::from_secs(1));

/// Measures every case.
pub(super) async fn measure(args: &Args, sheet: &mut Sheet) -> Result<(), BenchError> {
    let (bare, address) = start_bare().await.map_err(BenchError::Bare)?;
    let bare_server = Server { name: "the bare handler", address };
    let cpu_of_bare = || bare.id().and_then(cpu_time);
    for (size, times, case) in CASES {
        let bed = Bed::make(&Settings::default()).await?;
        let relay = bed.start().await?;
        let server = Server { name: "the relay", address: relay.address() };
        let mut senders =
            load::senders(times * args.connections(), |chance| Sender::page_views(size, chance));
        let mut rounds: Vec<[Round; 2]> = Vec::new();
        for number in 0..=args.rounds {
            let end = if number == 0 { WARM_UP } else { args.round() };
            let ours = load::round(server, &mut senders, end, || relay.cpu_time()).await?;
            let theirs = load::round(bare_server, &mut senders, end, cpu_of_bare).await?;
            rounds.push([ours, theirs]);
        }
        write(sheet, case, &rounds[1..]);
        relay.stop(Duration::from_secs(60)).await?;
    }
    Ok(())
}

/// Writes down rounds of the relay, each with its neighbour's.
fn write(sheet: &mut Sheet, case: &str, rounds: &[[Round; 2]]) {
    let mut put = |key: &str, value: fn(&[Round; 2]) -> Option<f64>| {
        let samples: Vec<f64> = rounds.iter().filter_map(value).collect();
        sheet.put(Section::Ingest, &format!("{key}.{case}"), &samples);
    };
    put("relay", |[ours, _]| Some(ours.rate()));
    put("bare", |[_, theirs]| Some(theirs.rate()));
    put("ratio", |[ours, theirs]| Some(ours.rate() / theirs.rate()));
    put("cpu", |[ours, _]| ours.cpu_us());
    put("bare_cpu", |[_, theirs]| theirs.cpu_us());
}

/// Starts the bare handler and learns its address from its first line.
async fn start_bare() -> io::Result<(Child, SocketAddr)> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["bench", "bare"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).await?;
    let address = line.trim().parse().map_err(|_| io::Error::other("it did not say where it listens"))?;
    Ok((child, address))
}

#[cfg(test)]
mod tests {
    use shared::UnixMs;

    use super::*;
    use crate::bench::machine::Machine;

    #[test]
    fn every_figure_of_every_case_is_written_down() {
        let round = |events, cpu| {
            let (length, cpu) = (Duration::from_secs(1), Some(Duration::from_micros(cpu)));
            Round { events, length, cpu, ..Round::default() }
        };
        let mut sheet = Sheet::new(Machine::default(), "release build", None, UnixMs(0));
        CASES.into_iter().for_each(|(_, _, case)| write(&mut sheet, case, &[[round(10, 50), round(20, 40)]]));
        assert_eq!(sheet.unknown(Section::Ingest), Vec::<&str>::new());
        let text = sheet.to_string();
        assert!(text.contains("at least 0.5: met") && text.contains("5.00 µs CPU/event"), "{text}");
    }
}
