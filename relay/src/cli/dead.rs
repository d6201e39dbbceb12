//! `dead`: the events a destination gave up: list, show, try again, take away. And `replay`: events that were settled,
//! once more.

use std::cmp::Reverse;

use clap::{Args, Subcommand};
use serde_json::json;
use shared::UnixMs;

use super::store::{StoreCommandError, carry_out, destination, in_order, look};
use crate::admin::order::{Order, Report};
use crate::config::{Config, Destination};
use crate::store::{DeadLetter, Logged, Seq};

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
pub(super) enum Dead {
    /// List them, newest first: number, when, event, id, reason; tab-separated
    List {
        /// Only of this destination [default: all, with the destination's name before the number]
        #[arg(long, value_name = "NAME")]
        destination: Option<String>,
        /// At most so many
        #[arg(long, value_name = "NUMBER", default_value_t = 100)]
        limit: usize,
    },
    /// Print one as JSON, with its event as the store holds it (user data hashed)
    Show {
        #[command(flatten)]
        of: Of,
        /// Its number
        #[arg(value_name = "SEQ")]
        seq: Seq,
    },
    /// Put them in hand again, as if they had never been tried
    Retry {
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        which: Which,
    },
    /// Take them away for good
    Drop {
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        which: Which,
    },
}

#[derive(Args, Debug)]
#[group(skip)]
pub(super) struct Of {
    /// Name of the destination
    #[arg(long, value_name = "NAME")]
    destination: String,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(super) struct Which {
    /// Their numbers
    #[arg(value_name = "SEQ")]
    seqs: Vec<Seq>,
    /// Every one
    #[arg(long)]
    all: bool,
}

/// Does it; what to print.
pub(super) fn run(config: &Config, what: &Dead, now: UnixMs) -> Result<String, StoreCommandError> {
    match what {
        Dead::List { destination: Some(name), limit } => {
            let name = &destination(config, name)?.name;
            let letters = look(config)?.dead_letters(name, *limit)?;
            Ok(letters.iter().map(line).collect::<Vec<_>>().join("\n"))
        }
        Dead::List { destination: None, limit } => list_all(config, *limit),
        Dead::Show { of, seq } => {
            let name = &destination(config, &of.destination)?.name;
            let look = look(config)?;
            let letter = look.dead_letter(name, *seq)?.ok_or(StoreCommandError::Nothing(NO_LETTER))?;
            let DeadLetter { seq, site, event, event_id, at, reason } = letter;
            let whole = look.event(seq)?.map(|logged| logged.event);
            let shown = json!({ "seq": seq, "site": site, "event_name": event, "event_id": event_id,
                                "given_up": at.rfc3339(), "reason": reason, "event": whole.as_deref() });
            Ok(format!("{shown:#}"))
        }
        Dead::Retry { of, which } => {
            let name = of.destination.clone();
            let order = |events| Order::Requeue { destination: name.clone(), events, due: now };
            Ok(format!("{} in hand again", moved(config, of, which, order)?))
        }
        Dead::Drop { of, which } => {
            let name = of.destination.clone();
            let order = |events| Order::Discard { destination: name.clone(), events };
            Ok(format!("{} taken away", moved(config, of, which, order)?))
        }
    }
}

const NO_LETTER: &str = "this destination has no dead letter of this number; `dead list` shows them";

/// The newest of all destinations.
fn list_all(config: &Config, limit: usize) -> Result<String, StoreCommandError> {
    let look = look(config)?;
    let mut letters = Vec::new();
    for Destination { name, .. } in &config.destinations {
        let of_this = look.dead_letters(name, limit)?;
        letters.extend(of_this.into_iter().map(|letter| (name.as_str(), letter)));
    }
    Ok(newest(letters, limit).join("\n"))
}

/// The lines of the newest, each after its destination's name.
fn newest(mut letters: Vec<(&str, DeadLetter)>, limit: usize) -> Vec<String> {
    letters.sort_by_key(|(_, letter)| Reverse((letter.at, letter.seq)));
    letters.iter().take(limit).map(|(name, letter)| format!("{name}\t{}", line(letter))).collect()
}

/// One line for people and for `cut`. Reasons and names hold no tabs and no line ends.
fn line(letter: &DeadLetter) -> String {
    let DeadLetter { seq, event, event_id, at, reason, .. } = letter;
    let plain = |text: &str| text.replace(|c: char| c.is_control(), " ");
    format!("{seq}\t{}\t{}\t{}\t{}", at.rfc3339(), plain(event), plain(event_id), plain(reason))
}

/// Has an order carried out on the dead letters that are meant; how many, in words.
fn moved(
    config: &Config,
    of: &Of,
    which: &Which,
    order: impl Fn(Vec<Seq>) -> Order,
) -> Result<String, StoreCommandError> {
    let name = &destination(config, &of.destination)?.name;
    let all: Vec<Seq> =
        look(config)?.dead_letters(name, usize::MAX)?.iter().map(|letter| letter.seq).collect();
    let meant: Vec<Seq> =
        if which.all { all } else { all.into_iter().filter(|seq| which.seqs.contains(seq)).collect() };
    if !which.all && meant.len() < which.seqs.len() {
        return Err(StoreCommandError::Nothing(NO_LETTER));
    }
    let mut count = 0;
    let orders = meant.chunks(SLICE).map(|slice| Ok(order(slice.to_vec())));
    carry_out(config, orders, |report| count += of_report(&report))?;
    Ok(super::counted64(count, "event"))
}

/// Which events are sent once more.
#[derive(Args, Debug)]
#[group(skip)]
pub(super) struct Replay {
    #[command(flatten)]
    of: Of,
    /// Events that arrived at this time or later, RFC 3339
    #[arg(long, value_name = "TIME", value_parser = super::source_test::time)]
    from: UnixMs,
    /// Events that arrived before this time, RFC 3339
    #[arg(long, value_name = "TIME", value_parser = super::source_test::time)]
    to: UnixMs,
    /// Only events of this name
    #[arg(long, value_name = "NAME")]
    event: Option<String>,
    /// Only count them
    #[arg(long)]
    dry_run: bool,
}

/// Puts settled events in hand again. A platform counts one twice that it took longer ago than its dedup window.
pub(super) fn replay(config: &Config, replay: &Replay, now: UnixMs) -> Result<String, StoreCommandError> {
    let destination = destination(config, &replay.of.destination)?;
    in_order(Some(replay.from), Some(replay.to))?;
    let look = look(config)?;
    let mut found = 0_u64;
    let mut after = look.before(replay.from)?;
    let fits = |logged: &Logged| {
        logged.site == destination.site
            && logged.received >= replay.from
            && logged.received < replay.to
            && replay.event.as_ref().is_none_or(|name| *name == logged.event.event)
    };
    let slices = std::iter::from_fn(|| {
        loop {
            let page = match look.events(after, SLICE) {
                Ok(page) => page,
                Err(error) => return Some(Err(StoreCommandError::from(error))),
            };
            after = page.last()?.seq;
            let seqs: Vec<Seq> = page.iter().filter(|logged| fits(logged)).map(|logged| logged.seq).collect();
            found += seqs.len() as u64;
            // Numbers follow the arrival, so nothing comes after a page that lies behind the end.
            if seqs.is_empty() && page.first().is_some_and(|logged| logged.received >= replay.to) {
                return None;
            }
            if !seqs.is_empty() {
                return Some(Ok(seqs));
            }
        }
    });
    let name = destination.name.clone();
    if replay.dry_run {
        slices.collect::<Result<Vec<_>, _>>()?;
        return Ok(format!("{} would be sent again", super::counted64(found, "event")));
    }
    let orders =
        slices.map(|seqs| seqs.map(|events| Order::Requeue { destination: name.clone(), events, due: now }));
    let mut count = 0;
    carry_out(config, orders, |report| count += of_report(&report))?;
    Ok(format!("{} in hand again", super::counted64(count, "event")))
}

fn of_report(report: &Report) -> u64 {
    match report {
        Report::Moved(count) => *count,
        Report::Erased(_) | Report::Stored { .. } | Report::Refused(_) => 0,
    }
}

/// Events looked at or moved at once.
const SLICE: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_all_destinations_come_first_and_say_whose_they_are() {
        let letter = |seq, at| DeadLetter {
            seq,
            site: "shop".to_owned(),
            event: "Lead".to_owned(),
            event_id: format!("Lead-{seq}"),
            at: UnixMs(at),
            reason: "refused".to_owned(),
        };
        let letters = vec![("crm", letter(9, 3_000)), ("crm", letter(2, 1_000)), ("meta", letter(4, 2_000))];
        let expected = [
            "crm\t9\t1970-01-01T00:00:03Z\tLead\tLead-9\trefused",
            "meta\t4\t1970-01-01T00:00:02Z\tLead\tLead-4\trefused",
        ];
        assert_eq!(newest(letters, 2), expected);
    }
}
