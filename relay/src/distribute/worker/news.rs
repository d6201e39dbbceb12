//! What the operator is told of a destination: that it fails, is held or recovers, as a whole or in a call that stands apart,
//! and which events were given up. Each in the log once when it begins or ends, and in the metrics for as long as it lasts.

use tracing::{error, info, warn};

use super::Worker;
use crate::distribute::circuit::{Change, Circuit};
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

    /// Says which events were given up, and why.
    pub(super) fn announce_dead(&self, settlement: &Settlement) {
        for dead in &settlement.dead {
            warn!(destination = %self.destination.name, seq = dead.seq, reason = %dead.reason, "event given up");
        }
    }
}
