//! What the demo says on the screen.

use std::io::Write;

use super::checks::{self, Check};
use super::side_by_side;
use crate::delivered;
use crate::journey;
use crate::sandbox::exchange::Recorded;
use crate::shop::Shop;
use crate::stage::Servers;

/// Where everything is.
pub(super) fn addresses(shop: &Shop, servers: &Servers) {
    say(&format!("shop       {}", shop.url(journey::LANDING)));
    say(&format!("relay      {}", servers.relay_url()));
    say(&format!("platforms  {}", servers.sandbox_url()));
    say("");
}

/// One request as it arrives: who took what.
pub(super) fn record(record: &Recorded) {
    let platform = record.platform.unwrap_or("nobody");
    let outcome = record.to_json()["outcome"].to_string();
    let events = delivered::read(std::slice::from_ref(record));
    if events.is_empty() {
        say(&format!("{platform:<11} {} {outcome}", record.request.path));
    }
    for event in events {
        say(&format!("{platform:<11} {:<18} {}", event.name, event.event_id));
    }
}

/// Every request in full.
pub(super) fn received(records: &[Recorded]) {
    for record in records {
        let json = record.to_json();
        say(&serde_json::to_string_pretty(&json).unwrap_or_else(|_| json.to_string()));
    }
}

/// The purchase as each platform sees it.
pub(super) fn purchases(records: &[Recorded]) {
    say("\nthe same purchase at each platform");
    side_by_side::table(&checks::purchases(records)).iter().for_each(|line| say(line));
}

/// Each check with its faults, and the sum.
pub(super) fn verdict(checks: &[Check]) {
    say("");
    for check in checks {
        say(&format!("{} {}", if check.faults.is_empty() { "ok  " } else { "FAIL" }, check.statement));
        check.faults.iter().for_each(|fault| say(&format!("       {fault}")));
    }
    let failed = checks.iter().filter(|check| !check.faults.is_empty()).count();
    say(&format!("\n{} of {} checks passed", checks.len() - failed, checks.len()));
}

/// The last line of a live demo.
pub(super) fn farewell() {
    say("stopped; nothing is left running");
}

/// A reader that went away (`| head`) is no reason to fail.
fn say(line: &str) {
    let _reader_gone = writeln!(std::io::stdout(), "{line}");
}
