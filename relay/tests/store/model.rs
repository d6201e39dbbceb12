//! The steps of the model test: what may happen to a store, done to two of them at once.

use std::collections::BTreeMap;

use proptest::prelude::*;
use relay::secret::Secret;
use relay::store::memory::MemoryStore;
use relay::store::sqlite::SqliteStore;
use relay::store::{
    Backlog, Dead, DeadLetter, Pending, Person, Receipt, Retention, Retry, Seq, Settlement, Store,
    StoreError, Verdict,
};
use shared::UnixMs;
use shared::visitor::Visitor;

use crate::fixture::{Disk, Steps, incoming, note_of, payment_of};

const SITES: [&str; 2] = ["shop", "blog"];
/// The second is stored in a short form.
const VISITORS: [&str; 3] = ["ann", "0195e7a2-7b80-7cc3-98c4-dc0c0c07398f", "cho"];
const KEYS: [&str; 2] = ["refresh_token", "other"];
const DESTINATIONS: [&str; 3] = ["meta", "webhook", "tiktok"];
/// How many different events there are.
const IDS: u8 = 40;
/// Times lie in 0..`LATEST`, eight hours that come in any order, so that limits cut anywhere.
const LATEST: i64 = 8 * 3_600_000;
/// Some of what waits was put off by a clock that was days ahead.
const AHEAD: std::ops::Range<i64> = 9 * 24 * 3_600_000..9 * 24 * 3_600_000 + 3;

/// One event: site, name, id, visitor, order, time of arrival.
type Draft = (usize, &'static str, u8, Option<usize>, Option<u8>, i64);

/// Something that happens.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Append(Vec<Draft>),
    Release {
        now: i64,
        limit: usize,
    },
    Read {
        after: Seq,
        limit: usize,
    },
    Cursor {
        destination: usize,
        from_start: bool,
    },
    Due {
        destination: usize,
        now: i64,
        limit: usize,
    },
    Settle {
        destination: usize,
        cursor: Option<Seq>,
        retry: Vec<(Seq, i64)>,
        done: Vec<Seq>,
        dead: Vec<(Seq, i64)>,
        receipts: Vec<(Seq, i64)>,
        answered: Vec<Seq>,
    },
    Receipts {
        destination: usize,
        now: i64,
        limit: usize,
    },
    Prune {
        log: i64,
        dedup: i64,
        visitors: i64,
        dead: i64,
        listed: Vec<usize>,
    },
    Erase {
        site: usize,
        visitor: Option<usize>,
        order: Option<u8>,
        most_visitors: u32,
    },
    Requeue {
        destination: usize,
        seqs: Vec<i64>,
        due: i64,
    },
    Discard {
        destination: usize,
        seqs: Vec<i64>,
    },
    Remember {
        destination: usize,
        key: usize,
        value: u8,
    },
    Standing {
        destination: usize,
        seq: Seq,
    },
    Note {
        site: usize,
        order: u8,
    },
    Ping,
    /// Power fails; the store is opened again from what is on disk.
    Crash,
    /// An orderly end and a new start.
    Restart,
}

/// Any step, the common ones more often.
pub(crate) fn step() -> impl Strategy<Value = Step> {
    let seq = || 0..60i64;
    let destination = || 0..DESTINATIONS.len();
    let timed = || prop::collection::vec((seq(), 0..LATEST), 0..4);
    let put_off = || prop::collection::vec((seq(), prop_oneof![9 => 0..LATEST, 1 => AHEAD]), 0..4);
    let settled =
        || (destination(), prop::option::of(seq()), put_off(), prop::collection::vec(seq(), 0..3), timed());
    prop_oneof![
        8 => prop::collection::vec(draft(), 0..6).prop_map(Step::Append),
        3 => (0..LATEST, 0..4usize).prop_map(|(now, limit)| Step::Release { now, limit }),
        3 => (-1..60i64, 0..8usize).prop_map(|(after, limit)| Step::Read { after, limit }),
        2 => (destination(), any::<bool>())
            .prop_map(|(destination, from_start)| Step::Cursor { destination, from_start }),
        2 => (destination(), 0..LATEST, 0..4usize)
            .prop_map(|(destination, now, limit)| Step::Due { destination, now, limit }),
        6 => (settled(), timed(), prop::collection::vec(seq(), 0..3))
            .prop_map(|((destination, cursor, retry, done, dead), receipts, answered)| {
                Step::Settle { destination, cursor, retry, done, dead, receipts, answered }
            }),
        2 => (destination(), 0..LATEST, 0..4usize)
            .prop_map(|(destination, now, limit)| Step::Receipts { destination, now, limit }),
        2 => ([0..LATEST, 0..LATEST, 0..LATEST, 0..LATEST], prop::sample::subsequence(vec![0, 1, 2], 0..=3))
            .prop_map(|([log, dedup, visitors, dead], listed)| Step::Prune { log, dedup, visitors, dead, listed }),
        1 => (0..SITES.len(), prop::option::of(0..VISITORS.len()), prop::option::of(0..4u8), 0..4u32).prop_map(
            |(site, visitor, order, most_visitors)| Step::Erase { site, visitor, order, most_visitors },
        ),
        1 => (destination(), prop::collection::vec(seq(), 0..5), 0..LATEST)
            .prop_map(|(destination, seqs, due)| Step::Requeue { destination, seqs, due }),
        1 => (destination(), prop::collection::vec(seq(), 0..5))
            .prop_map(|(destination, seqs)| Step::Discard { destination, seqs }),
        1 => (destination(), 0..KEYS.len(), any::<u8>())
            .prop_map(|(destination, key, value)| Step::Remember { destination, key, value }),
        3 => (destination(), seq()).prop_map(|(destination, seq)| Step::Standing { destination, seq }),
        2 => (0..SITES.len(), 0..4u8).prop_map(|(site, order)| Step::Note { site, order }),
        1 => Just(Step::Ping),
        2 => Just(Step::Crash),
        1 => Just(Step::Restart),
    ]
}

fn draft() -> impl Strategy<Value = Draft> {
    let name = prop_oneof![20 => Just("Lead"), 20 => Just("Purchase"), 10 => Just("Refund"), 10 => Just("Hold"), 1 => Just("Panic"), 1 => Just("Fail")];
    let visitor = prop::option::of(0..VISITORS.len());
    (0..SITES.len(), name, 0..IDS, visitor, prop::option::of(0..4u8), 0..LATEST)
}

/// Both stores, and what must hold besides their agreement.
pub(crate) struct Pair {
    disk: Disk,
    durable: SqliteStore,
    model: MemoryStore,
    /// The highest number ever given.
    highest: Seq,
    cursors: BTreeMap<&'static str, Seq>,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let disk = Disk::empty();
        let durable = disk.open();
        Self { disk, durable, model: MemoryStore::new(Steps), highest: 0, cursors: BTreeMap::new() }
    }

    /// Takes one step with both and compares everything that can be asked.
    pub(crate) async fn take(&mut self, step: &Step) {
        match step {
            Step::Crash => self.crash(),
            Step::Restart => self.restart().await,
            Step::Append(drafts) => self.append(drafts).await,
            Step::Release { .. } => {
                self.both(step).await;
                self.highest = *self.model.watch().borrow();
            }
            Step::Prune { listed, .. } => {
                self.cursors.retain(|name, _| listed.iter().any(|index| DESTINATIONS[*index] == *name));
                self.both(step).await;
            }
            Step::Read { .. }
            | Step::Cursor { .. }
            | Step::Due { .. }
            | Step::Receipts { .. }
            | Step::Settle { .. }
            | Step::Erase { .. }
            | Step::Requeue { .. }
            | Step::Discard { .. }
            | Step::Remember { .. }
            | Step::Standing { .. }
            | Step::Note { .. }
            | Step::Ping => self.both(step).await,
        }
        let seen = observe(&self.durable).await;
        assert_eq!(seen, observe(&self.model).await, "after {step:?}");
        self.cursors_only_advance(&seen);
    }

    async fn both(&self, step: &Step) {
        assert_eq!(answer(&self.durable, step).await, answer(&self.model, step).await, "{step:?}");
    }

    async fn append(&mut self, drafts: &[Draft]) {
        let durable = append(&self.durable, drafts).await;
        assert_eq!(durable, append(&self.model, drafts).await, "{drafts:?}");
        for verdict in durable.unwrap_or_default() {
            if let Verdict::Stored(seq) = verdict {
                assert!(seq > self.highest, "{seq} was given twice");
                self.highest = seq;
            }
        }
    }

    fn cursors_only_advance(&mut self, seen: &Seen) {
        for (destination, backlog) in DESTINATIONS.iter().zip(&seen.backlogs) {
            let before = self.cursors.insert(destination, backlog.cursor).unwrap_or(0);
            assert!(backlog.cursor >= before, "the cursor of {destination} went back to {}", backlog.cursor);
            assert!(backlog.cursor <= backlog.head, "the cursor of {destination} is past the log");
        }
    }

    fn crash(&mut self) {
        let after = self.disk.after_crash(None);
        self.durable = after.open();
        self.disk = after;
    }

    async fn restart(&mut self) {
        self.durable.close().await.unwrap();
        self.durable = self.disk.open();
    }
}

/// An identity key, of the odd numbers one that is stored in a short form; it ends with its number.
fn identity_key(number: u8) -> String {
    if number.is_multiple_of(2) { format!("ord:{number}") } else { format!("em:{number}{number:063}") }
}

async fn append(store: &dyn Store, drafts: &[Draft]) -> Result<Vec<Verdict>, String> {
    let events = drafts.iter().map(|(site, name, id, visitor, order, received)| {
        let mut incoming = incoming(SITES[*site], name, &format!("e{id}"), *received);
        incoming.event.visitor_id = visitor.map(|index| VISITORS[index].to_owned());
        incoming.event.properties.order_id = order.map(identity_key);
        incoming
    });
    store.append(events.collect()).await.map_err(|error| error.to_string())
}

/// Takes a step that is one call, and writes its answer down.
async fn answer(store: &dyn Store, step: &Step) -> String {
    let answer: Result<String, StoreError> = match step {
        Step::Release { now, limit } => written(store.release(UnixMs(*now), *limit).await),
        Step::Read { after, limit } => written(store.read(*after, *limit).await),
        Step::Cursor { destination, from_start } => {
            written(store.cursor(DESTINATIONS[*destination], *from_start).await)
        }
        Step::Due { destination, now, limit } => {
            written(store.due(DESTINATIONS[*destination], UnixMs(*now), *limit).await)
        }
        Step::Receipts { destination, now, limit } => {
            written(store.receipts(DESTINATIONS[*destination], UnixMs(*now), *limit).await)
        }
        Step::Settle { destination, cursor, retry, done, dead, receipts, answered } => {
            let retry = retry.iter().map(|(seq, due)| retried(*seq, *due)).collect();
            let dead = dead.iter().map(|(seq, at)| buried(*seq, *at)).collect();
            let receipts = receipts.iter().map(|(seq, due)| receipt(*seq, *due)).collect();
            let answered = answered.iter().map(|seq| receipt_id(*seq)).collect();
            let (cursor, done) = (*cursor, done.clone());
            let settlement = Settlement { cursor, retry, done, dead, receipts, answered };
            written(store.settle(DESTINATIONS[*destination], settlement).await)
        }
        Step::Prune { log, dedup, visitors, dead, listed } => {
            let retention = Retention {
                log_before: UnixMs(*log),
                dedup_before: UnixMs(*dedup),
                visitors_before: UnixMs(*visitors),
                dead_before: UnixMs(*dead),
            };
            let listed: Vec<String> = listed.iter().map(|index| DESTINATIONS[*index].to_owned()).collect();
            written(store.prune(retention, &listed).await)
        }
        Step::Erase { site, visitor, order, most_visitors } => {
            let order = order.map(identity_key);
            let person = Person {
                visitors: visitor.map(|index| VISITORS[index].to_owned()).into_iter().collect(),
                keys: order.iter().cloned().collect(),
                // Stands for a digest: what is looked for is any text of an event.
                digests: order.into_iter().filter(|_| most_visitors % 2 == 0).collect(),
                most_visitors: *most_visitors,
            };
            written(store.erase(SITES[*site], person).await)
        }
        Step::Requeue { destination, seqs, due } => {
            written(store.requeue(DESTINATIONS[*destination], seqs.clone(), UnixMs(*due)).await)
        }
        Step::Discard { destination, seqs } => {
            written(store.discard(DESTINATIONS[*destination], seqs.clone()).await)
        }
        Step::Remember { destination, key, value } => {
            let value = Secret::new(value.to_string());
            written(store.remember(DESTINATIONS[*destination], KEYS[*key], value).await)
        }
        Step::Standing { destination, seq } => {
            written(store.standing(DESTINATIONS[*destination], *seq).await)
        }
        Step::Note { site, order } => written(notes(store, SITES[*site], *order).await),
        Step::Ping => written(store.ping().await),
        Step::Append(_) | Step::Crash | Step::Restart => Ok(String::new()),
    };
    answer.unwrap_or_else(|error| error.to_string())
}

/// The note of an order, and those of all payments.
async fn notes(store: &dyn Store, site: &str, order: u8) -> Result<Vec<Option<String>>, StoreError> {
    let mut notes = vec![store.note(site, &note_of(&identity_key(order))).await?];
    for id in 0..IDS {
        notes.push(store.note(site, &payment_of(&format!("e{id}"))).await?);
    }
    Ok(notes)
}

fn written<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> Result<String, StoreError> {
    answer.map(|value| format!("{value:?}"))
}

fn retried(seq: Seq, due: i64) -> Retry {
    let reason = format!("busy until {due}");
    Retry {
        seq,
        attempts: due as u32 + 1,
        reached: (due % 3 > 0).then_some(UnixMs(due / 2)),
        due: UnixMs(due),
        reason,
    }
}

fn buried(seq: Seq, at: i64) -> Dead {
    Dead { seq, at: UnixMs(at), reason: format!("refused at {at}") }
}

/// Few ids, so that many a receipt is replaced or ended.
fn receipt_id(seq: Seq) -> String {
    format!("r{}", seq % 7)
}

fn receipt(seq: Seq, due: i64) -> Receipt {
    Receipt {
        id: receipt_id(seq),
        due: UnixMs(due),
        taken: UnixMs(due / 2),
        asked: due as u32 % 5,
        attempts: due as u32 + 1,
        reached: UnixMs(due / 3),
        events: (seq..seq + due % 3).collect(),
    }
}

/// All a store shows of itself.
#[derive(Debug, PartialEq)]
struct Seen {
    head: Seq,
    events: Vec<String>,
    backlogs: Vec<Backlog>,
    due: Vec<Vec<String>>,
    receipts: Vec<Vec<Receipt>>,
    dead: Vec<Vec<DeadLetter>>,
    visitors: Vec<Option<Visitor>>,
    remembered: Vec<Option<String>>,
    next_release: Option<UnixMs>,
}

async fn observe(store: &dyn Store) -> Seen {
    let mut seen = Seen {
        head: *store.watch().borrow(),
        events: lines(&store.read(0, usize::MAX).await.unwrap()),
        backlogs: Vec::new(),
        due: Vec::new(),
        receipts: Vec::new(),
        dead: Vec::new(),
        visitors: Vec::new(),
        remembered: Vec::new(),
        next_release: store.next_release().await.unwrap(),
    };
    for destination in DESTINATIONS {
        let due: Vec<Pending> = store.due(destination, UnixMs(LATEST), usize::MAX).await.unwrap();
        let backlog = store.backlog(destination).await.unwrap();
        let dead = store.dead_letters(destination, usize::MAX).await.unwrap();
        assert_eq!(backlog.pending, due.len() as u64, "every pending event can be read");
        assert_eq!(backlog.dead, dead.len() as u64);
        seen.backlogs.push(backlog);
        seen.due.push(lines(&due));
        seen.receipts.push(store.receipts(destination, UnixMs(LATEST), usize::MAX).await.unwrap());
        seen.dead.push(dead);
        for key in KEYS {
            let value = store.recall(destination, key).await.unwrap();
            seen.remembered.push(value.map(|value| value.expose().to_owned()));
        }
    }
    for site in SITES {
        for visitor in VISITORS {
            seen.visitors.push(store.visitor(site, visitor).await.unwrap());
        }
    }
    seen
}

fn lines<T: std::fmt::Debug>(items: &[T]) -> Vec<String> {
    items.iter().map(|item| format!("{item:?}")).collect()
}
