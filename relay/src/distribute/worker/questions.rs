//! When a worker asks what became of the requests its platform took: a few receipts between deliveries, and none for a while
//! after a question without an answer, so that events do not wait for answers that do not come.

use shared::UnixMs;
use shared::time::MINUTE_MS;

use super::{Position, Worker, within_reason};
use crate::distribute::inquiry::{Asked, Inquiry};
use crate::store::StoreError;

impl Worker {
    /// Asks about the receipts that are due, a few at a time so that events do not wait for them. Answers whether there
    /// were any.
    pub(super) async fn inquire(&self, position: &mut Position, now: UnixMs) -> Result<bool, StoreError> {
        if position.next_receipt.is_none_or(|due| due > now) {
            return Ok(false);
        }
        let mut all_answered = true;
        let Position { courier, waits, told, .. } = position;
        for receipt in self.store.receipts(&self.destination.name, now, INQUIRIES).await? {
            let mut inquiry = Inquiry { courier, metrics: &self.metrics, told: &mut *told };
            let Asked { settlement, answered } = inquiry.run(receipt).await;
            let settlement = within_reason(settlement, waits.now());
            self.announce_dead(&settlement);
            let due = settlement.retry.iter().map(|retry| retry.due).min();
            self.settle(settlement).await?;
            position.next_due = position.next_due.into_iter().chain(due).min();
            if !answered {
                all_answered = false;
                break;
            }
        }
        let next = self.next_receipt().await?;
        let rested = (self.now)().plus(SILENCE_REST_MS);
        position.next_receipt = if all_answered { next } else { next.map(|due| due.max(rested)) };
        Ok(true)
    }

    /// When the next receipt is due, of a destination that has any.
    pub(super) async fn next_receipt(&self) -> Result<Option<UnixMs>, StoreError> {
        if self.destination.platform.inquiries().is_none() {
            return Ok(None);
        }
        let first = self.store.receipts(&self.destination.name, UnixMs(i64::MAX), 1).await?;
        Ok(first.first().map(|receipt| receipt.due))
    }
}

/// Receipts asked about in one turn.
const INQUIRIES: usize = 4;
/// How long nothing is asked after a question that met silence, each of which may take a request's whole time.
const SILENCE_REST_MS: i64 = MINUTE_MS;
