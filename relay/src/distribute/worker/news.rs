//! What the operator is told of a destination: that it fails, is held or recovers, as a whole or in a call that stands apart,
//! and which events were given up. Each in the log once when it begins or ends, and in the metrics for as long as it lasts.

use shared::UnixMs;
use tracing::{error, info, warn};

use super::{Position, Worker};
use crate::distribute::circuit::{Admits, Change, Circuit};
use crate::platform::Call;
use crate::store::Settlement;

impl Worker {
    /// Tells the operator when a destination fails, is held or recovers.
    pub(super) fn announce(&self, change: Change, circuit: &Circuit) {
        let destination = self.destination.name.as_str();
        let reason = circuit.reason().unwrap_or("");
        match change {
            Change::None => {}
            Change::Opened => {
                warn!(destination, reason, "destination in trouble; its events are kept and retried")
            }
            Change::Held => error!(
                destination,
                reason, "destination stopped: fix its credentials or rights; its events are kept meanwhile"
            ),
            Change::Recovered => info!(destination, "destination well again"),
        }
        self.metrics.destination_up(destination, circuit.open_until().is_none());
    }

    /// The same of a call that stands apart. Of what is to be fixed the round has told.
    pub(super) fn announce_call(&self, call: Call, change: Change, circuit: &Circuit) {
        let destination = self.destination.name.as_str();
        let reason = circuit.reason().unwrap_or("");
        match change {
            Change::None | Change::Held => {}
            Change::Opened => {
                warn!(
                    destination,
                    call, reason, "call in trouble; its events are kept and retried, all others go on"
                )
            }
            Change::Recovered => info!(destination, call, "call well again"),
        }
        self.metrics.call_up(destination, call, circuit.open_until().is_none());
    }

    /// Forgets trouble that may be over by now, where nothing waits that could show it: else the metrics would tell of it until the
    /// next event comes.
    pub(super) fn rest(&self, position: &mut Position, now: UnixMs) {
        if position.next_due.is_some() {
            return;
        }
        let destination = self.destination.name.as_str();
        if position.circuit.admits(now) == Admits::Probe {
            position.circuit = Circuit::default();
            self.metrics.destination_up(destination, true);
        }
        for call in position.apart.forget(now) {
            self.metrics.call_up(destination, call, true);
        }
    }

    /// Whether an orderly stop leaves something behind, be it what waits for a time of its own: what the stop itself put back does so,
    /// too.
    pub(super) fn leaves(&self, position: &Position) -> bool {
        *self.store.watch().borrow() > position.cursor || position.next_due.is_some()
    }

    /// Says that an orderly stop leaves something behind, if it does.
    pub(super) fn announce_left(&self, position: &Position) {
        if self.leaves(position) {
            let destination = self.destination.name.as_str();
            warn!(
                destination,
                "some events are still to be delivered; they are on disk and go out after the next start"
            );
        }
    }

    /// Says which events were given up, and why.
    pub(super) fn announce_dead(&self, settlement: &Settlement) {
        for dead in &settlement.dead {
            warn!(destination = %self.destination.name, seq = dead.seq, reason = %dead.reason, "event given up");
        }
    }
}
