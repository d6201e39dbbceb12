//! What is gone after an erasure or a pruning: from every table, in all slices, and from the disk.

use relay::store::memory::MemoryStore;
use relay::store::{Incoming, Person, Retention, Store};
use shared::UnixMs;

use crate::fixture::{Disk, Steps, ids, incoming, lead, lead_of, note_of, payment_of, run, visitor};

/// Erases one visitor; how many events that blanked.
async fn erased(store: &dyn Store, visitor: &str) -> u64 {
    store.erase("shop", Person::visitor(visitor)).await.unwrap().events
}

#[test]
fn an_erased_visitor_is_gone_from_the_disk() {
    let disk = Disk::empty();
    let store = disk.open();
    run(async {
        let mark = "Telltale/1.0";
        let long = mark.repeat(2000);
        for number in 0..300 {
            let mut event = lead_of("ann", &format!("ann {number}"));
            // Short enough for a page of its neighbours, and long enough for pages of its own.
            event.event.context.user_agent =
                Some(if number % 50 == 0 { long.clone() } else { mark.to_owned() });
            store.append(vec![event, lead_of("ben", &format!("ben {number}"))]).await.unwrap();
        }
        assert!(disk.contains(mark), "the test looks in the right place");
        assert_eq!(erased(&store, "ann").await, 300);
        assert!(!disk.contains(mark) && !disk.contains("\"ann\""));
        assert_eq!(erased(&store, "ann").await, 0);
        let left = store.read(0, 999).await.unwrap();
        assert_eq!(left.len(), 300);
        assert!(left.iter().all(|logged| logged.event.visitor_id.as_deref() == Some("ben")));
    });
}

#[test]
fn an_erased_person_is_gone_with_every_visitor_and_digest() {
    let disk = Disk::empty();
    let (durable, model) = (disk.open(), MemoryStore::new(Steps));
    let digest = shared::Sha256Hex::of("jo@example.com").to_hex();
    run(async {
        for store in [&durable as &dyn Store, &model] {
            // Jo on two devices, a stranger under the shop's own key, and an event that holds only the digest.
            for (number, (visitor, key)) in [
                ("phone", "em:jo"),
                ("laptop", "em:jo"),
                ("laptop", "em:shop"),
                ("ben", "em:shop"),
                ("eve", "em:shop"),
            ]
            .into_iter()
            .enumerate()
            {
                let mut event = lead_of(visitor, &format!("{number}"));
                event.event.properties.order_id = Some(key.to_owned());
                store.append(vec![event]).await.unwrap();
            }
            let mut crm = lead("crm");
            crm.event.page.url = Some(format!("https://shop.example/{digest}"));
            store.append(vec![crm]).await.unwrap();
            let person = Person {
                visitors: Vec::new(),
                keys: vec!["em:jo".to_owned(), "em:shop".to_owned()],
                digests: vec![digest.clone()],
                most_visitors: 2,
            };
            let erased = store.erase("shop", person.clone()).await.unwrap();
            assert_eq!((erased.visitors, erased.events), (2, 4));
            assert_eq!(ids(&store.read(0, 99).await.unwrap()), ["3", "4"], "strangers stay");
            assert!(visitor(store, "ben").await.is_some() && visitor(store, "laptop").await.is_none());
            let again = store.erase("shop", person).await.unwrap();
            assert_eq!((again.visitors, again.events), (0, 0));
        }
        assert!(!disk.contains("laptop") && !disk.contains("\"phone\"") && !disk.contains(&digest));
    });
}

#[test]
fn an_erasure_that_was_cut_off_is_completed_by_the_next() {
    let disk = Disk::empty();
    let store = disk.open();
    run(async {
        for (number, visitor) in ["phone", "laptop", "ben"].into_iter().enumerate() {
            let mut event = lead_of(visitor, &format!("{number}"));
            event.event.properties.order_id = (visitor != "ben").then(|| "em:jo".to_owned());
            store.append(vec![event]).await.unwrap();
        }
        let person = Person {
            visitors: Vec::new(),
            keys: vec!["em:jo".to_owned()],
            digests: Vec::new(),
            most_visitors: 2,
        };
        // The first transaction of it, and nothing more.
        tokio::select! {
            biased;
            _ = store.erase("shop", person.clone()) => panic!("it has several steps"),
            begun = store.ping() => begun.unwrap(),
        }
        store.erase("shop", person).await.unwrap();
        assert_eq!(ids(&store.read(0, 99).await.unwrap()), ["2"]);
    });
    assert!(!disk.contains("laptop") && !disk.contains("\"phone\""));
}

#[test]
fn a_note_stays_its_owners_and_goes_with_them() {
    let disk = Disk::empty();
    let (durable, model) = (disk.open(), MemoryStore::new(Steps));
    run(async {
        for store in [&durable as &dyn Store, &model] {
            noted_before(store, lead_of("ann", "1")).await;
            assert!(noted_before(store, lead("2")).await.ends_with(&noted_by(1)));
            // The second did not know whose it is, which takes it from nobody.
            erased(store, "ann").await;
            assert!(noted_before(store, lead_of("ben", "3")).await.ends_with("None"));
            // Who does know has it from then on.
            noted_before(store, lead_of("cho", "4")).await;
            erased(store, "ben").await;
            assert!(noted_before(store, lead("5")).await.ends_with(&noted_by(4)));
            erased(store, "cho").await;
            assert!(noted_before(store, lead_of("dan", "6")).await.ends_with("None"));
        }
    });
}

/// What the note of an order shows that this event reported last.
fn noted_by(seq: i64) -> String {
    format!("{:?}", Some(format!("{{\"n\":{seq}}}")))
}

/// Appends an event of one order, and tells what was noted of that until then.
async fn noted_before(store: &dyn Store, mut event: Incoming) -> String {
    event.event.properties.order_id = Some("order".to_owned());
    store.append(vec![event]).await.unwrap();
    let newest = store.read(0, 99).await.unwrap().pop().unwrap();
    newest.event.page.title.clone().unwrap_or_default()
}

#[test]
fn an_erased_persons_orders_go_with_their_payments_and_refunds() {
    let disk = Disk::empty();
    let (durable, model) = (disk.open(), MemoryStore::new(Steps));
    let digest = shared::Sha256Hex::of("jo@example.com").to_hex();
    run(async {
        for store in [&durable as &dyn Store, &model] {
            // Nobody knows whose these are, but three of them hold the digest.
            let events = [
                ("Purchase", "bought", "7", true),
                ("Purchase", "by another", "8", false),
                ("Refund", "back", "7", false),
                ("Refund", "back to another", "8", false),
                ("Refund", "names another's", "8", true),
                ("Purchase", "without a refund", "9", true),
            ];
            for (name, id, order, is_theirs) in events {
                let mut event = incoming("shop", name, id, 1000);
                event.event.properties.order_id = Some(order.to_owned());
                event.event.page.url = is_theirs.then(|| format!("https://shop.example/{digest}"));
                store.append(vec![event]).await.unwrap();
            }
            let person = Person { digests: vec![digest.clone()], ..Person::default() };
            assert_eq!(store.erase("shop", person.clone()).await.unwrap().events, 4);
            assert_eq!(ids(&store.read(0, 99).await.unwrap()), ["by another", "back to another"]);
            let gone = [note_of("7"), note_of("9"), payment_of("bought"), payment_of("without a refund")];
            for key in gone {
                assert_eq!(store.note("shop", &key).await.unwrap(), None, "{key}");
            }
            for key in [note_of("8"), payment_of("by another")] {
                assert!(store.note("shop", &key).await.unwrap().is_some(), "{key}");
            }
            assert_eq!(store.erase("shop", person).await.unwrap().events, 0);
        }
    });
}

#[test]
fn an_erasure_is_completed_when_the_last_reader_of_a_copy_is_done() {
    let disk = Disk::empty();
    let store = disk.open();
    let mark = "Telltale/2.0";
    run(async {
        let mut event = lead_of("ann", "a");
        event.event.context.user_agent = Some(mark.to_owned());
        store.append(vec![event]).await.unwrap();
        let operator = rusqlite::Connection::open(disk.path()).unwrap();
        operator.execute_batch("BEGIN; SELECT count(*) FROM log").unwrap();
        assert_eq!(erased(&store, "ann").await, 1);
        assert!(disk.contains(mark), "the operator still sees the past");
        operator.execute_batch("COMMIT").unwrap();
        store.append(vec![lead("b")]).await.unwrap();
        // Its answer comes before the checkpoint; whatever the writer does next comes after it.
        store.ping().await.unwrap();
        assert!(!disk.contains(mark));
    });
}

/// Appends events that arrive at these seconds, and prunes at each of the limits, after which exactly what is older is gone.
fn prune_as_time_goes_by(arrivals: &[i64], limits: &[i64]) {
    let disk = Disk::empty();
    let store = disk.open();
    run(async {
        for arrived in arrivals.chunks(100) {
            let events = arrived.iter().map(|second| {
                let mut event = lead(&format!("at {second}"));
                event.received = UnixMs(second * 1000);
                event
            });
            store.append(events.collect()).await.unwrap();
        }
        let mut gone = 0;
        for limit in limits {
            let (log_before, never) = (UnixMs(limit * 1000), UnixMs(0));
            let retention =
                Retention { log_before, dedup_before: never, visitors_before: never, dead_before: never };
            gone += store.prune(retention, &[]).await.unwrap();
            let left = store.read(0, arrivals.len()).await.unwrap();
            let left: Vec<i64> = left.iter().map(|logged| logged.received.0 / 1000).collect();
            let expected: Vec<i64> = arrivals.iter().copied().filter(|second| second >= limit).collect();
            assert_eq!(left, expected, "{limit}");
            assert_eq!(gone, (arrivals.len() - left.len()) as u64, "{limit}");
        }
        store.close().await.unwrap();
    });
    let hours = rusqlite::Connection::open(disk.path()).unwrap().query_row(
        "SELECT count(*) FROM log_hour",
        [],
        |row| row.get::<_, i64>(0),
    );
    assert_eq!(hours, Ok(0), "hours that are gone are forgotten");
}

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

#[test]
fn old_events_go_also_where_the_clock_was_ahead_for_a_while() {
    let right = (0..600).map(|number| 10 * HOUR + 2 * number);
    let ahead = (0..300).map(|number| DAY + 10 * HOUR + 20 * MINUTE + number);
    let right_again = (0..1000).map(|number| 10 * HOUR + 25 * MINUTE + 2 * number + 1);
    let arrivals: Vec<i64> = right.chain(ahead).chain(right_again).collect();
    let limits = [10 * HOUR + 10 * MINUTE, 11 * HOUR, 20 * HOUR, DAY + 10 * HOUR + 21 * MINUTE, 3 * DAY];
    prune_as_time_goes_by(&arrivals, &limits);
    prune_as_time_goes_by(&arrivals, &[11 * HOUR, 3 * DAY]);
    prune_as_time_goes_by(&arrivals, &[3 * DAY]);
}

#[test]
fn old_events_go_also_where_the_clock_was_behind_for_a_while() {
    // Three hundred events an hour for two days; for three hours of the second one the clock is a day behind.
    let behind = |second: i64| (40 * HOUR..43 * HOUR).contains(&second);
    let clock = |second: i64| if behind(second) { second - DAY + 1 } else { second };
    let arrivals: Vec<i64> = (0..2 * 24 * 300).map(|number| clock(number * 12)).collect();
    let limits: Vec<i64> = (1..=48).map(|hour| hour * HOUR).collect();
    prune_as_time_goes_by(&arrivals, &limits);
    prune_as_time_goes_by(&arrivals, &[20 * HOUR, 2 * DAY]);
}

#[test]
fn pruning_and_erasing_many_rows_takes_all_their_slices() {
    let disk = Disk::empty();
    let (durable, model) = (disk.open(), MemoryStore::new(Steps));
    run(async {
        for store in [&durable as &dyn Store, &model] {
            for batch in 0..5 {
                let events = (0..1000).map(|number| {
                    let id = format!("{batch}-{number}");
                    let mut event = lead_of(&format!("visitor {id}"), &id);
                    event.received = UnixMs(batch * 1000 + number);
                    event.event.properties.order_id = Some(format!("ord:{id}"));
                    event
                });
                store.append(events.collect()).await.unwrap();
            }
            let retention = Retention {
                log_before: UnixMs(3100),
                dedup_before: UnixMs(4500),
                visitors_before: UnixMs(4900),
                dead_before: UnixMs(0),
            };
            assert_eq!(store.prune(retention, &[]).await.unwrap(), 3100);
            assert_eq!(store.read(0, 9999).await.unwrap().first().unwrap().seq, 3101);
            assert_eq!(store.append(vec![lead("4-499"), lead("4-500")]).await.unwrap().len(), 2);
            assert_eq!(store.watch().borrow().to_owned(), 5001);
            assert_eq!(store.visitor("shop", "visitor 4-899").await.unwrap(), None);
            assert!(store.visitor("shop", "visitor 4-900").await.unwrap().is_some());
        }
    });
}
