//! Rules of the store that a history of single calls does not reach: requests that meet in one transaction, a full
//! queue, a torn file, two relays, closing, and what is held over a crash.

use std::task::Poll;

use relay::store::memory::MemoryStore;
use relay::store::sqlite::{OpenError, Sizes, SqliteStore};
use relay::store::{
    Dead, Pending, Person, Retention, Retry, Settlement, Standing, Store, StoreError, Verdict,
};
use shared::UnixMs;

use crate::fixture::{Disk, Gate, Steps, ids, incoming, lead, lead_of, poll_once, run, start, visitor};

#[test]
fn requests_that_come_together_share_a_transaction() {
    let disk = Disk::empty();
    let store = disk.open();
    run(async {
        let gate = Gate::close("shared");
        let mut first = store.append(vec![gate.event()]);
        start(&mut first);
        gate.somebody_waits();
        let mut others: Vec<_> =
            (0..200).map(|number| store.append(vec![lead(&number.to_string())])).collect();
        others.iter_mut().for_each(start);
        gate.open();
        assert_eq!(first.await.unwrap(), [Verdict::Stored(1)]);
        for (index, request) in others.into_iter().enumerate() {
            assert_eq!(request.await.unwrap(), [Verdict::Stored(index as i64 + 2)]);
        }
    });
    assert_eq!(store.commits(), 2);
}

#[test]
fn whether_a_key_is_taken_is_told_from_outside() {
    let disk = Disk::empty();
    let (durable, model) = (disk.open(), MemoryStore::new(Steps));
    let taken = "a\u{1f}\"Lead";
    run(async {
        for store in [&durable as &dyn Store, &model] {
            let mut event = lead("a");
            event.event.event_id = taken.to_owned();
            store.append(vec![event]).await.unwrap();
            for (site, keys, expected) in [
                ("shop", vec!["b", taken], true),
                ("shop", vec!["b", "a"], false),
                ("shop", Vec::new(), false),
                ("other", vec![taken], false),
            ] {
                let listed = keys.iter().map(|key| (*key).to_owned()).collect();
                assert_eq!(store.any_claimed(site, listed).await.unwrap(), expected, "{site} {keys:?}");
            }
        }
    });
}

#[test]
fn a_group_takes_no_more_events_than_its_size() {
    let disk = Disk::empty();
    let sizes = Sizes { group_events: 10, ..Sizes::default() };
    let store = SqliteStore::open_sized(&disk.path(), Steps, sizes).unwrap();
    run(async {
        let gate = Gate::close("group size");
        let mut requests = vec![store.append(vec![gate.event()])];
        requests.iter_mut().for_each(start);
        gate.somebody_waits();
        for number in 0..30 {
            let mut pair = store.append(vec![lead(&format!("{number}a")), lead(&format!("{number}b"))]);
            start(&mut pair);
            requests.push(pair);
        }
        gate.open();
        for request in requests {
            request.await.unwrap();
        }
    });
    assert_eq!(store.commits(), 1 + 60 / 10);
}

#[test]
fn a_request_whose_pipeline_fails_soon_fails_alone() {
    for (name, message) in [("Panic", "panicked"), ("Fail", "cannot be read")] {
        let disk = Disk::empty();
        let store = disk.open();
        run(async {
            store.append(vec![lead("acknowledged")]).await.unwrap();
            // The first time it takes its group with it: not one event of the group is there.
            for answer in with_a_bad_neighbour(&store, name).await {
                assert!(answer.unwrap_err().to_string().contains(message));
            }
            assert_eq!(ids(&store.read(0, 9).await.unwrap()), ["acknowledged", "bad neighbour"]);
            // When the senders come again, all but the bad one are stored.
            let again = with_a_bad_neighbour(&store, name).await;
            let failed: Vec<_> = again.iter().map(Result::is_err).collect();
            assert_eq!(failed, [false, true, false]);
            assert_eq!(visitor(&store, "ann").await, None);
            let kept = ["acknowledged", "bad neighbour", "before", "after", "good half"];
            assert_eq!(ids(&store.read(0, 9).await.unwrap()), kept);
            assert_eq!(ids(&disk.after_crash(None).open().read(0, 9).await.unwrap()), kept);
        });
    }
}

/// Three requests that meet in one group, the second of which fails half-way.
async fn with_a_bad_neighbour(store: &SqliteStore, name: &str) -> Vec<Result<Vec<Verdict>, StoreError>> {
    let gate = Gate::close("bad neighbour");
    let mut first = store.append(vec![gate.event()]);
    // The second time the event at the gate is a duplicate, and stops nobody; savepoints make that harmless.
    let gated = *store.watch().borrow() == 1;
    if gated {
        start(&mut first);
    }
    let mut requests = vec![
        store.append(vec![lead("before")]),
        store.append(vec![lead_of("ann", "good half"), incoming("shop", name, "bad half", 1)]),
        store.append(vec![lead("after"), lead("good half")]),
    ];
    if gated {
        gate.somebody_waits();
        requests.iter_mut().for_each(start);
    }
    gate.open();
    first.await.unwrap();
    let mut answers = Vec::new();
    for request in requests {
        answers.push(request.await);
    }
    answers
}

#[test]
fn a_full_queue_refuses_appends_at_once_and_recovers() {
    let disk = Disk::empty();
    let sizes = Sizes { queue_events: 4, ..Sizes::default() };
    let store = SqliteStore::open_sized(&disk.path(), Steps, sizes).unwrap();
    run(async {
        let gate = Gate::close("full queue");
        let mut first = store.append(vec![gate.event()]);
        let mut second = store.append(vec![lead("a"), lead("b")]);
        [&mut first, &mut second].into_iter().for_each(start);
        let mut third = store.append(vec![lead("c"), lead("d")]);
        assert!(matches!(poll_once(&mut third), Poll::Ready(Err(StoreError::Busy))));
        let mut fourth = store.append(vec![lead("e")]);
        start(&mut fourth);
        assert!(matches!(poll_once(&mut store.ping()), Poll::Ready(Err(StoreError::Busy))));
        // A settlement waits for room instead: it makes room elsewhere.
        let mut settled = store.settle("meta", Settlement { cursor: Some(1), ..Settlement::default() });
        start(&mut settled);
        gate.open();
        for request in [first, second, fourth] {
            request.await.unwrap();
        }
        settled.await.unwrap();
        store.ping().await.unwrap();
        // More than the queue ever holds is let in alone.
        store.append((0..9).map(|number| lead(&number.to_string())).collect()).await.unwrap();
        assert_eq!(*store.watch().borrow(), 13);
    });
}

#[test]
fn a_caller_that_gives_up_changes_nothing_for_the_others() {
    let disk = Disk::empty();
    let store = disk.open();
    run(async {
        let gate = Gate::close("abandoned");
        let mut abandoned = store.append(vec![gate.event()]);
        start(&mut abandoned);
        drop(abandoned);
        gate.open();
        assert_eq!(store.append(vec![lead("next")]).await.unwrap(), [Verdict::Stored(2)]);
        assert_eq!(store.append(vec![lead("abandoned")]).await.unwrap(), [Verdict::Duplicate]);
    });
}

#[test]
fn a_write_that_had_only_begun_is_undone_whole() {
    let disk = Disk::empty();
    let store = disk.open();
    run(async {
        store.append(vec![lead("acknowledged")]).await.unwrap();
        let acknowledged = disk.wal_path().metadata().unwrap().len();
        store
            .append((0..20).map(|number| lead_of("ann", &format!("torn {number}"))).collect())
            .await
            .unwrap();
        let all = disk.wal_path().metadata().unwrap().len();
        assert!(all > acknowledged + 4096, "the second write takes several pages");
        for cut in (acknowledged..all).step_by(1021) {
            let crashed = disk.after_crash(Some(cut));
            let store = crashed.open();
            assert_eq!(ids(&store.read(0, 99).await.unwrap()), ["acknowledged"], "cut at {cut} of {all}");
            assert_eq!(visitor(&store, "ann").await, None);
            assert_eq!(store.append(vec![lead("torn 0")]).await.unwrap(), [Verdict::Stored(2)]);
        }
    });
}

#[test]
fn a_second_relay_is_refused_while_an_operator_may_look() {
    let disk = Disk::empty();
    let store = disk.open();
    run(store.append(vec![lead("a")])).unwrap();
    let error = SqliteStore::open(&disk.path(), Steps).err().unwrap();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    assert!(error.to_string().starts_with("another relay is using"), "{error}");

    let tool = rusqlite::Connection::open(disk.path()).unwrap();
    let name: String =
        tool.query_row("SELECT body ->> '$.event' FROM log WHERE seq = 1", [], |row| row.get(0)).unwrap();
    assert_eq!(name, "Lead");
    run(store.append(vec![lead("b")])).unwrap();
    drop((store, tool));
    disk.open();
}

#[test]
fn a_newer_or_foreign_file_is_refused_and_left_alone() {
    let check = |sql: &str, expected: &str| {
        let disk = Disk::empty();
        drop(disk.open());
        let tool = rusqlite::Connection::open(disk.path()).unwrap();
        tool.execute_batch(sql).unwrap();
        let error = SqliteStore::open(&disk.path(), Steps).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check("PRAGMA user_version = 99", "has schema 99, this relay knows up to 6");
    check("PRAGMA application_id = 7", "is the database of another program");

    let disk = Disk::empty();
    std::fs::create_dir_all(disk.path().parent().unwrap()).unwrap();
    std::fs::write(disk.path(), "these are the minutes of a meeting, and no database at all").unwrap();
    let error = SqliteStore::open(&disk.path(), Steps).err().unwrap();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    assert!(std::fs::read_to_string(disk.path()).unwrap().starts_with("these are the minutes"));
}

#[test]
fn closing_finishes_what_was_accepted_and_refuses_the_rest() {
    let disk = Disk::empty();
    let durable = disk.open();
    run(async {
        let (accepted, closed) =
            tokio::join!(biased; durable.append(vec![lead("accepted")]), durable.close());
        assert_eq!(accepted.unwrap(), [Verdict::Stored(1)]);
        closed.unwrap();
    });
    let left = disk.wal_path().metadata().map_or(0, |wal| wal.len());
    assert_eq!(left, 0, "the database is whole in one file");
    let model = MemoryStore::new(Steps);
    run(model.close()).unwrap();
    for store in [&durable as &dyn Store, &model] {
        run(everything_is_closed(store));
    }
    assert_eq!(ids(&run(disk.open().read(0, 9)).unwrap()), ["accepted"]);
}

/// Nothing is so old.
const NOTHING: Retention = Retention {
    log_before: UnixMs(0),
    dedup_before: UnixMs(0),
    visitors_before: UnixMs(0),
    dead_before: UnixMs(0),
};

async fn everything_is_closed(store: &dyn Store) {
    let closed =
        |answer: Option<StoreError>| assert!(matches!(answer, Some(StoreError::Closed)), "{answer:?}");
    closed(store.append(vec![lead("late")]).await.err());
    closed(store.release(UnixMs(0), 1).await.err());
    closed(store.next_release().await.err());
    closed(store.read(0, 1).await.err());
    closed(store.cursor("meta", true).await.err());
    closed(store.due("meta", UnixMs(0), 1).await.err());
    closed(store.settle("meta", Settlement::default()).await.err());
    closed(store.backlog("meta").await.err());
    closed(store.dead_letters("meta", 1).await.err());
    closed(store.visitor("shop", "ann").await.err());
    closed(store.erase("shop", Person::visitor("ann")).await.err());
    closed(store.prune(NOTHING, &[]).await.err());
    closed(store.ping().await.err());
    closed(store.close().await.err());
}

#[test]
fn whoever_is_woken_finds_the_event() {
    let disk = Disk::empty();
    let store = disk.open();
    run(async {
        let mut watch = store.watch();
        let (_, read) = tokio::join!(
            async {
                for number in 0..50 {
                    store.append(vec![lead(&number.to_string())]).await.unwrap();
                }
            },
            async {
                let mut read = 0;
                while read < 50 {
                    watch.changed().await.unwrap();
                    let head = *watch.borrow_and_update();
                    let events = store.read(read, 99).await.unwrap();
                    assert!(events.last().is_some_and(|last| last.seq >= head), "woken for {head}");
                    read += events.len() as i64;
                }
                read
            }
        );
        assert_eq!(read, 50);
        let duplicate = store.append(vec![lead("0")]).await.unwrap();
        assert_eq!(duplicate, [Verdict::Duplicate]);
        assert!(!watch.has_changed().unwrap(), "a duplicate wakes nobody");
    });
}

#[test]
fn what_is_held_outlives_a_crash_and_is_released_once() {
    let disk = Disk::empty();
    let store = disk.open();
    run(async {
        let held = incoming("shop", "Hold", "h", 1000);
        assert_eq!(
            store.append(vec![held, lead("before")]).await.unwrap(),
            [Verdict::Held, Verdict::Stored(1)]
        );
        assert_eq!(
            store.append(vec![incoming("shop", "Again", "h", 1005)]).await.unwrap(),
            [Verdict::Duplicate]
        );
        let crashed = disk.after_crash(None);
        let store = crashed.open();
        assert_eq!(store.next_release().await.unwrap(), Some(UnixMs(1005)));
        assert_eq!(ids(&store.read(0, 9).await.unwrap()), ["before"]);
        assert_eq!(store.release(UnixMs(1004), 9).await.unwrap(), 0);
        let mut watch = store.watch();
        assert_eq!(store.release(UnixMs(1005), 9).await.unwrap(), 1);
        assert_eq!(*watch.borrow_and_update(), 2, "a release wakes the readers");
        let log = store.read(0, 9).await.unwrap();
        assert_eq!(
            (ids(&log), log[1].event.page.title.as_deref()),
            (vec!["before", "h"], Some("Hold+Again"))
        );
        assert_eq!(
            (store.release(UnixMs(9999), 9).await.unwrap(), store.next_release().await.unwrap()),
            (0, None)
        );
        assert_eq!(store.append(vec![lead("h")]).await.unwrap(), [Verdict::Duplicate]);
    });
}

#[test]
fn what_was_held_by_a_clock_that_was_ahead_is_released_at_once() {
    let disk = Disk::empty();
    let (durable, model) = (disk.open(), MemoryStore::new(Steps));
    run(async {
        for store in [&durable as &dyn Store, &model] {
            let minute = shared::time::MINUTE_MS;
            let held = [("ahead", 24 * 60 * minute), ("later", 24 * 60 * minute + 1), ("waits", 9 * minute)];
            let held = held.map(|(id, received)| incoming("shop", "Hold", id, received));
            store.append(held.to_vec()).await.unwrap();
            assert_eq!(store.release(UnixMs(0), 1).await.unwrap(), 1);
            assert_eq!(ids(&store.read(0, 9).await.unwrap()), ["ahead"]);
            // What is due by the clock goes first.
            assert_eq!(store.release(UnixMs(10 * minute), 1).await.unwrap(), 1);
            assert_eq!(store.release(UnixMs(10 * minute), 9).await.unwrap(), 1);
            assert_eq!(ids(&store.read(0, 9).await.unwrap()), ["ahead", "waits", "later"]);
            assert_eq!(store.next_release().await.unwrap(), None);
        }
    });
}

#[test]
fn what_was_put_off_by_a_clock_that_was_ahead_is_due_at_once() {
    let disk = Disk::empty();
    let (durable, model) = (disk.open(), MemoryStore::new(Steps));
    let seqs = |due: Vec<Pending>| due.iter().map(|pending| pending.logged.seq).collect::<Vec<_>>();
    run(async {
        for store in [&durable as &dyn Store, &model] {
            let day = shared::time::DAY_MS;
            let retry = [365 * day, 3, 365 * day + 1, 2 * day, 3].into_iter().zip(1..).map(|(due, seq)| {
                Retry { seq, attempts: 1, reached: None, due: UnixMs(due), reason: "HTTP 503".to_owned() }
            });
            store.append((1..=5).map(|number| lead(&number.to_string())).collect()).await.unwrap();
            let settlement = Settlement { cursor: Some(5), retry: retry.collect(), ..Settlement::default() };
            store.settle("meta", settlement).await.unwrap();
            for (now, limit, expected) in [
                (0, 9, vec![1, 3]),
                (3, 9, vec![2, 5, 1, 3]),
                (3, 3, vec![2, 5, 1]),
                (3, 2, vec![2, 5]),
                (3, 0, vec![]),
                (365 * day, 9, vec![2, 5, 4, 1]),
                (i64::MAX, 9, vec![2, 5, 4, 1, 3]),
            ] {
                let due = store.due("meta", UnixMs(now), limit).await.unwrap();
                assert_eq!(seqs(due), expected, "{limit} at {now}");
            }
        }
    });
}

#[test]
fn a_destination_knows_what_it_was_never_given() {
    let disk = Disk::empty();
    let (durable, model) = (disk.open(), MemoryStore::new(Steps));
    run(async {
        for store in [&durable as &dyn Store, &model] {
            store.append((1..=3).map(|number| lead(&number.to_string())).collect()).await.unwrap();
            assert_eq!(store.cursor("late", false).await.unwrap(), 3);
            store.append((4..=7).map(|number| lead(&number.to_string())).collect()).await.unwrap();
            let reason = String::new();
            let retry = Retry { seq: 4, attempts: 1, reached: None, due: UnixMs(7), reason: reason.clone() };
            let dead = Dead { seq: 5, at: UnixMs(7), reason };
            let settlement =
                Settlement { cursor: Some(6), retry: vec![retry], dead: vec![dead], ..Settlement::default() };
            store.settle("late", settlement).await.unwrap();
            let check = async |expected: [Standing; 7]| {
                for (seq, expected) in (1..).zip(expected) {
                    assert_eq!(store.standing("late", seq).await.unwrap(), expected, "{seq}");
                }
            };
            let (before, settled, unread) = (Standing::Before, Standing::Settled, Standing::Unread);
            let (four, dead) = (Standing::Pending(UnixMs(7)), Standing::Dead);
            check([before, before, before, four, dead, settled, unread]).await;
            // Asked for by the operator, these may be delivered; what stands between them was never given to it.
            store.requeue("late", vec![3, 1], UnixMs(9)).await.unwrap();
            store.settle("late", Settlement { done: vec![1], ..Settlement::default() }).await.unwrap();
            let three = Standing::Pending(UnixMs(9));
            check([settled, before, three, four, dead, settled, unread]).await;
            assert_eq!(store.standing("another", 1).await.unwrap(), unread);
            // Removed and configured anew it is a new destination.
            store.prune(NOTHING, &[]).await.unwrap();
            assert_eq!(store.cursor("late", false).await.unwrap(), 7);
            check([before, before, before, before, dead, before, before]).await;
            // A destination that is there from the start was given everything.
            assert_eq!(store.cursor("early", true).await.unwrap(), 0);
            assert_eq!(store.standing("early", 1).await.unwrap(), unread);
        }
    });
}
