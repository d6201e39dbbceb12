//! What is gone after an erasure or a pruning: from every table, in all slices, and from the disk.

use relay::store::memory::MemoryStore;
use relay::store::{Person, Retention, Seq, Store};
use shared::UnixMs;

use crate::fixture::{Disk, Steps, ids, lead, lead_of, run, visitor};

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

#[test]
fn old_events_go_also_where_the_clock_was_set_and_hours_that_are_gone_are_forgotten() {
    const MINUTE_MS: i64 = 60_000;
    let disk = Disk::empty();
    let store = disk.open();
    run(async {
        // Ten hours of an event a minute; in their midst the clock is a day ahead for a while, and then an hour behind.
        let clock = |minute: i64| match minute {
            200..300 => minute + 24 * 60,
            300..400 => minute - 60,
            _ => minute,
        };
        for minute in 0..600 {
            let mut event = lead(&format!("e{minute}"));
            event.received = UnixMs(clock(minute) * MINUTE_MS);
            store.append(vec![event]).await.unwrap();
        }
        let prune = async |minute: i64| {
            let log_before = UnixMs(minute * MINUTE_MS);
            let never = UnixMs(0);
            let retention =
                Retention { log_before, dedup_before: never, visitors_before: never, dead_before: never };
            store.prune(retention, &[]).await.unwrap()
        };
        let older_than = |limit: i64| (0..600).filter(|minute| clock(*minute) < limit).count() as u64;
        let mut dropped = 0;
        for limit in [90, 90, 250, 399, 460, 3_000] {
            dropped += prune(limit).await;
            assert_eq!(dropped, older_than(limit), "{limit}");
            let left: Vec<Seq> = store.read(0, 600).await.unwrap().iter().map(|event| event.seq).collect();
            let expected: Vec<Seq> =
                (0..600).filter(|minute| clock(*minute) >= limit).map(|at| at + 1).collect();
            assert_eq!(left, expected, "{limit}");
        }
        store.close().await.unwrap();
    });
    let hours = rusqlite::Connection::open(disk.path()).unwrap().query_row(
        "SELECT count(*) FROM log_hour",
        [],
        |row| row.get::<_, i64>(0),
    );
    assert_eq!(hours, Ok(0));
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
