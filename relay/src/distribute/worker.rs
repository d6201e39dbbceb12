//! A destination's worker: follows the log with a cursor of its own and keeps what must be retried moving.
//!
//! Each turn takes what is due again and what is new, runs one [`Round`], and settles it in one store transaction
//! together with the cursor. A crash in between sends the round again under the same event ids, which the platform
//! counts once; it never loses an event. Owns waiting and waking, and that nothing is put off for longer than the store
//! believes; leaves sending to the round.

mod news;
mod questions;
mod turns;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use shared::UnixMs;
use tokio::sync::watch;
use tracing::error;

use self::turns::{Chosen, Turns};
use super::access::Access;
use super::apart::Apart;
use super::circuit::{Admits, Circuit};
use super::courier::Courier;
use super::http_client::HttpClient;
use super::pace::Pace;
use super::portion::Portions;
use super::restate::as_they_stand;
use super::round::{Item, Round};
use super::schedule::Backoff;
use super::steady::Steady;
use super::stop::Stop;
use crate::config::Destination;
use crate::metrics::Metrics;
use crate::store::due::LONGEST_RETRY_MS;
use crate::store::{Seq, Settlement, Store, StoreError};
use crate::traces::Traces;

/// Everything a worker needs.
pub struct Worker {
    /// Where to deliver.
    pub destination: Arc<Destination>,
    /// The log.
    pub store: Arc<dyn Store>,
    /// The sender.
    pub client: HttpClient,
    /// Waits between attempts.
    pub backoff: Backoff,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Where deliveries are traced.
    pub traces: Traces,
    /// Reads the clock.
    pub now: fn() -> UnixMs,
    /// Draws jitter.
    pub draw: fn() -> f64,
    /// How long an orderly stop may take, after which the worker is cut off in whatever it does.
    pub stop_within: Duration,
}

/// Where a worker stands.
struct Position {
    courier: Courier,
    /// The clock of waiting.
    waits: Steady,
    cursor: Seq,
    circuit: Circuit,
    /// The circuits of calls that stand apart.
    apart: Apart,
    /// How much goes together.
    portions: Portions,
    /// When the earliest pending event is due; `None` when nothing is pending.
    next_due: Option<UnixMs>,
    /// When the earliest receipt is to be asked about; `None` when there is none.
    next_receipt: Option<UnixMs>,
    /// When the operator was last told of a remedy.
    told: HashMap<&'static str, UnixMs>,
    /// Whose turn it is.
    turns: Turns,
    /// The stop, which may leave no time for another request.
    stop: Stop,
}

impl Worker {
    /// Works until `stop` turns true and nothing more can be delivered right now, or not in time.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let Some(mut position) = self.start(&mut stop).await else { return };
        let (mut head, mut requeues) = (self.store.watch(), self.store.requeues());
        loop {
            if position.stop.is_late(self.client.timeout()) {
                self.announce_left(&position);
                return;
            }
            head.borrow_and_update();
            let turn = async {
                // Looked up again, since what is in hand has changed behind our back.
                if requeues.has_changed().unwrap_or(false) {
                    requeues.borrow_and_update();
                    position.next_due = self.next_due(position.waits.now()).await?;
                }
                self.turn(&mut position).await
            };
            match turn.await {
                Ok(Turn::Worked) => continue,
                Ok(Turn::Idle) if *stop.borrow() => return,
                Ok(Turn::Idle) => {}
                // A damaged store has said so itself, once; nothing comes of it before the next start. The same of one that ended.
                Err(StoreError::Closed | StoreError::Damaged { .. } | StoreError::Ended { .. }) => return,
                Err(trouble) => {
                    error!(destination = %self.destination.name, error = %trouble, "the store failed; waiting");
                    if wait(STORE_PAUSE, &mut stop).await {
                        return;
                    }
                    continue;
                }
            }
            let pause = self.pause(&position);
            tokio::select! {
                changed = head.changed(), if pause.listen => { if changed.is_err() { return } }
                changed = requeues.changed(), if pause.listen => {
                    if changed.is_err() { return }
                    requeues.mark_changed();
                }
                () = tokio::time::sleep(pause.length) => {}
                stopped = stop.changed() => { if stopped.is_err() { return } }
            }
            // It would have ended the pause.
            position.stop.not_before_now();
        }
    }

    /// Finds where this destination stood, waiting for the store if need be.
    async fn start(&self, stop: &mut watch::Receiver<bool>) -> Option<Position> {
        loop {
            let asked = stop.clone();
            let stood = async {
                let cursor = self.store.cursor(&self.destination.name, false).await?;
                let waits = Steady::new(self.now);
                let next_due = self.next_due(waits.now()).await?;
                let next_receipt = self.next_receipt().await?;
                let (courier, circuit, told) = (self.courier(), Circuit::default(), HashMap::new());
                Ok::<_, StoreError>(Position {
                    courier,
                    waits,
                    cursor,
                    circuit,
                    apart: Apart::default(),
                    portions: Portions::default(),
                    next_due,
                    next_receipt,
                    told,
                    turns: Turns::default(),
                    stop: Stop::new(asked, self.stop_within),
                })
            };
            match stood.await {
                Ok(position) => return Some(position),
                Err(StoreError::Closed | StoreError::Damaged { .. } | StoreError::Ended { .. }) => {
                    return None;
                }
                Err(trouble) => {
                    error!(destination = %self.destination.name, error = %trouble, "the store failed; waiting");
                    if wait(STORE_PAUSE, stop).await {
                        return None;
                    }
                }
            }
        }
    }

    /// Who carries this destination's requests. It remembers the access token and the pace, so there is only one.
    fn courier(&self) -> Courier {
        let Self { destination, store, client, now, .. } = self;
        let access = Access::new(&destination.name, store.clone(), client.clone(), *now);
        let pace = Pace::new(Duration::from_millis(destination.platform.limits().pace_ms));
        Courier {
            destination: destination.clone(),
            client: client.clone(),
            access: Arc::new(access),
            pace: Arc::new(pace),
            complaints: Arc::default(),
            now: *now,
        }
    }

    /// One turn: gather, send, settle.
    async fn turn(&self, position: &mut Position) -> Result<Turn, StoreError> {
        position.courier.renew().await;
        let now = position.waits.now();
        let whole = self.whole();
        // Where some calls are given less at once than others, a turn of the largest takes several requests of theirs, for which
        // there is no time before a stop.
        let (portions, stopping) = (&position.portions, position.stop.is_asked());
        let batch = whole.min(if stopping { portions.least() } else { portions.most() });
        let admits = position.circuit.admits(now);
        let (due_limit, fresh_limit) = match admits {
            Admits::All => (batch, batch),
            Admits::Probe => (1, 1),
            Admits::NoneUntil(_) if self.goes_on(position) => (batch, batch),
            Admits::NoneUntil(_) => return Ok(Turn::Idle),
        };
        let inquired = self.inquire(position, (self.now)()).await?;
        let name = &self.destination.name;
        let mut due: Vec<Item> = Vec::new();
        if position.next_due.is_some_and(|due| due <= now) {
            due.extend(self.store.due(name, now, due_limit).await?.into_iter().map(Item::from));
            if due.is_empty() {
                // It was erased or pruned. What still counts as due and cannot be read is not asked for without a pause.
                let next_due = self.next_due(now).await?;
                let pause = |due: UnixMs| if due <= now { now.plus(LONGEST_PAUSE_MS) } else { due };
                position.next_due = next_due.map(pause);
            }
        }
        let Chosen { mut items, fresh, spare } = position.turns.choose(due, admits == Admits::Probe);
        let mut cursor = None;
        // What is due and what is new would take two requests' time, where each of both takes one.
        let room = if stopping { batch.saturating_sub(items.len()) } else { fresh_limit };
        let fresh_limit = fresh_limit.min(room);
        if fresh && fresh_limit > 0 {
            // Who needs few events passes over what belongs to other sites a few at a time.
            let look = if fresh_limit < whole { PROBE_LOOK.min(whole).max(fresh_limit) } else { whole };
            cursor = self.fresh(position.cursor, look, fresh_limit, &mut items).await?;
        }
        if items.is_empty() {
            items.extend(spare);
        }
        if items.is_empty() && cursor.is_none() {
            self.rest(position, now);
            return Ok(if inquired { Turn::Worked } else { Turn::Idle });
        }
        self.deliver(position, items, cursor).await?;
        Ok(Turn::Worked)
    }

    /// Whether the destination is refused for a login that not all of its calls need: those others go on.
    fn goes_on(&self, position: &Position) -> bool {
        position.circuit.is_held() && self.destination.platform.has_second_login()
    }

    /// How many events the platform is given at once when all is well.
    fn whole(&self) -> usize {
        self.destination.platform.limits().batch.max(1)
    }

    /// When the earliest pending event is due.
    async fn next_due(&self, now: UnixMs) -> Result<Option<UnixMs>, StoreError> {
        let name = &self.destination.name;
        let earliest = self.store.backlog(name).await?.next_due;
        // Behind the earliest may be what the store gives out at once, because a clock that was ahead put it off.
        if earliest.is_some_and(|due| due > now) && !self.store.due(name, now, 1).await?.is_empty() {
            return Ok(Some(now));
        }
        Ok(earliest)
    }

    /// Adds up to `limit` new events of this site out of the next `look` to `items`, and answers where the cursor may go
    /// after them.
    async fn fresh(
        &self,
        after: Seq,
        look: usize,
        limit: usize,
        items: &mut Vec<Item>,
    ) -> Result<Option<Seq>, StoreError> {
        // The head is read first: an event appended while the log is read belongs to the next turn.
        let head = *self.store.watch().borrow();
        if head <= after {
            return Ok(None);
        }
        let logged = self.store.read(after, look).await?;
        let all_read = logged.len() < look;
        let (mut taken, mut passed) = (0, after);
        for event in logged {
            let ours = event.site == self.destination.site;
            if ours && taken == limit {
                return Ok(Some(passed));
            }
            passed = event.seq;
            if ours {
                taken += 1;
                items.push(Item::from(event));
            }
        }
        // Numbers up to the head that did not come back belong to erased events.
        Ok(Some(if all_read { passed.max(head) } else { passed }))
    }

    /// Sends the items and records what became of them, together with the cursor.
    async fn deliver(
        &self,
        position: &mut Position,
        items: Vec<Item>,
        cursor: Option<Seq>,
    ) -> Result<(), StoreError> {
        let items = as_they_stand(&*self.store, &self.destination, items, (self.now)()).await?;
        let round = Round {
            courier: &position.courier,
            backoff: self.backoff,
            metrics: &self.metrics,
            traces: &self.traces,
            now: self.now,
            waits: &position.waits,
            apart: &position.apart,
            held: position.circuit.closed(position.waits.now()),
            portions: &position.portions,
            stop: &position.stop,
            draw: self.draw,
        };
        let settled = round.run(items).await;
        let now = position.waits.now();
        let mut settlement = within_reason(settled.settlement, now);
        settlement.cursor = cursor;
        self.announce_dead(&settlement);
        // Learned before settling: if the store fails, the same events come again, and the wait still counts.
        let change = position.circuit.learn(&settled.health, &self.backoff, (self.draw)(), now);
        self.announce(change, &position.circuit);
        position.portions.learn(&settled.served, self.whole());
        for (call, health) in settled.apart {
            let (change, circuit) = position.apart.learn(call, &health, &self.backoff, (self.draw)(), now);
            self.announce_call(call, change, circuit);
        }
        let had_pending = position.next_due.is_some() || !settlement.retry.is_empty();
        let receipt = settlement.receipts.iter().map(|receipt| receipt.due).min();
        self.settle(settlement).await?;
        position.next_receipt = position.next_receipt.into_iter().chain(receipt).min();
        if let Some(cursor) = cursor {
            position.cursor = cursor;
        }
        if had_pending {
            position.next_due = self.next_due(position.waits.now()).await?;
        }
        Ok(())
    }

    /// Records a round. Delivered events that are not recorded would be sent twice, so a failing store is asked
    /// again for a while before the round is given back.
    async fn settle(&self, settlement: Settlement) -> Result<(), StoreError> {
        let mut tries = 0;
        loop {
            match self.store.settle(&self.destination.name, settlement.clone()).await {
                Ok(()) => return Ok(()),
                Err(ended @ (StoreError::Closed | StoreError::Damaged { .. } | StoreError::Ended { .. })) => {
                    return Err(ended);
                }
                Err(trouble) if tries >= SETTLE_TRIES => return Err(trouble),
                Err(_) => {
                    tries += 1;
                    tokio::time::sleep(STORE_PAUSE).await;
                }
            }
        }
    }

    /// How long nothing can be done, unless the log grows while the circuit admits.
    fn pause(&self, position: &Position) -> Pause {
        let now = position.waits.now();
        let (ms, listen) = match position.circuit.admits(now) {
            Admits::NoneUntil(open) if !self.goes_on(position) => (Some(open.since(now)), false),
            Admits::All | Admits::Probe | Admits::NoneUntil(_) => {
                let due = position.next_due.map(|due| due.since(now));
                let receipt = position.next_receipt.map(|due| due.since((self.now)()));
                (due.into_iter().chain(receipt).min(), true)
            }
        };
        let ms = ms.map_or(LONGEST_PAUSE_MS, |ms| ms.clamp(1, LONGEST_PAUSE_MS));
        Pause { length: Duration::from_millis(u64::try_from(ms).unwrap_or(1)), listen }
    }
}

/// A rest between turns.
struct Pause {
    length: Duration,
    /// Whether new events end it.
    listen: bool,
}

/// What a turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Something was settled; look again at once.
    Worked,
    /// There is nothing to do now.
    Idle,
}

/// Puts nothing off for longer than the store believes: it would take that for the doing of a wrong clock, and hand the event
/// out at once. One that is too early by more is looked at again meanwhile, and put off again.
fn within_reason(mut settlement: Settlement, now: UnixMs) -> Settlement {
    for retry in &mut settlement.retry {
        retry.due = retry.due.min(now.plus(LONGEST_RETRY_MS));
    }
    settlement
}

/// Waits, unless told to stop: then answers true.
async fn wait(pause: Duration, stop: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        () = tokio::time::sleep(pause) => *stop.borrow(),
        _ = stop.changed() => true,
    }
}

/// A store that failed is asked again after this.
const STORE_PAUSE: Duration = Duration::from_millis(500);
/// How often a settlement is tried before the round is given back.
const SETTLE_TRIES: u32 = 20;
/// Events of the log that at least are looked through for one of this site.
const PROBE_LOOK: usize = 64;
/// Wakes at least this often, in case the wall clock was set.
const LONGEST_PAUSE_MS: i64 = 30_000;

#[cfg(test)]
mod tests;
