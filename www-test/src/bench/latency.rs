//! From sending an event to its receipt: at half of what the relay takes in, and at all of it.
//!
//! The full load is that of connections that send again as soon as they are answered; half of what came through then is
//! sent at fixed times ([`super::pace`]).

use std::time::Duration;

use super::figures::Section;
use super::load::{self, End, Round, Server};
use super::senders::Sender;
use super::sheet::Sheet;
use super::{Args, BenchError, pace};
use crate::relay_process::{Bed, Settings};

/// Measures both.
pub(super) async fn measure(args: &Args, sheet: &mut Sheet) -> Result<(), BenchError> {
    let bed = Bed::make(&Settings::default()).await?;
    let relay = bed.start().await?;
    let server = Server { name: "the relay", address: relay.address() };
    let mut senders = load::senders(args.connections(), |chance| Sender::page_views(1, chance));
    let (mut full, mut half) = (Vec::new(), Vec::new());
    load::round(server, &mut senders, End::After(Duration::from_secs(1)), || None).await?;
    for _ in 0..args.rounds {
        let round = load::round(server, &mut senders, args.round(), || None).await?;
        let (rate, length) = (round.requests() / 2.0, args.length());
        full.push(round);
        let (ended, back) = tokio::task::spawn_blocking(move || {
            let ended = pace::round(server, &mut senders, rate, length);
            (ended, senders)
        })
        .await
        .expect("the load does not panic");
        half.push(ended?);
        senders = back;
    }
    write(sheet, "full", &full);
    write(sheet, "half", &half);
    relay.stop(Duration::from_secs(60)).await?;
    Ok(())
}

/// Writes the rounds of one load down.
fn write(sheet: &mut Sheet, load: &str, rounds: &[Round]) {
    let mut put = |key: &str, value: &dyn Fn(&Round) -> f64| {
        let samples: Vec<f64> = rounds.iter().map(value).collect();
        sheet.put(Section::Latency, &format!("{load}.{key}"), &samples);
    };
    put("rate", &Round::requests);
    for (key, share) in [("p50", 0.5), ("p99", 0.99), ("p999", 0.999)] {
        put(key, &|round| round.within_ms(share));
    }
}

#[cfg(test)]
mod tests {
    use shared::UnixMs;

    use super::*;
    use crate::bench::machine::Machine;

    #[test]
    fn every_figure_is_written_down() {
        let mut sheet = Sheet::new(Machine::default(), "release build", None, UnixMs(0));
        let latencies = vec![Duration::from_millis(6); 2];
        let rounds = [Round { events: 2, length: Duration::from_secs(1), latencies, cpu: None }];
        ["half", "full"].into_iter().for_each(|load| write(&mut sheet, load, &rounds));
        assert_eq!(sheet.unknown(Section::Latency), Vec::<&str>::new());
        assert!(sheet.to_string().contains("at most 5: missed"));
    }
}
