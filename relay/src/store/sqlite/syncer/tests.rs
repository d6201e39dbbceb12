//! The promise behind an answer, on a disk that a test holds, copies or fails.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::mpsc::channel;
use std::sync::{Condvar, Mutex};
use std::task::{Context, Poll, Waker};

use shared::{Event, UnixMs};
use tempfile::TempDir;

use super::*;
use crate::store::sqlite::{Look, Sizes, SqliteStore, engine_error};
use crate::store::{Incoming, Seq, Settlement, Store, Transaction, Verdict};

/// Every event once, by its id.
fn once(transaction: &mut dyn Transaction, incoming: Incoming) -> Result<Verdict, StoreError> {
    let (site, id) = (Arc::clone(&incoming.site), incoming.event.event_id.clone());
    if !transaction.claim(&site, &id, incoming.received)? {
        return Ok(Verdict::Duplicate);
    }
    transaction.append(incoming).map(Verdict::Stored)
}

fn event(id: &str) -> Incoming {
    let json = format!(r#"{{"event":"Lead","event_id":"{id}","time":1,"source":"web"}}"#);
    let event: Event = serde_json::from_str(&json).unwrap();
    Incoming { site: Arc::from("shop"), received: UnixMs(1), event: event.into() }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// Polls once.
fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls once; the answer must not be there.
fn waits<F: Future + Unpin>(future: &mut F) {
    assert!(poll(future).is_pending(), "the store answered before its sync");
}

/// What a disk does with the syncs it is asked for.
#[derive(Default)]
struct Syncs {
    begun: usize,
    /// So many may end.
    granted: usize,
    fails: bool,
}

/// A disk that syncs when it is told to. Syncs at once from its drop on, lest a failing test hang.
#[derive(Clone, Default)]
struct SlowDisk(Arc<(Mutex<Syncs>, Condvar)>);

impl SlowDisk {
    fn change(&self, change: impl FnOnce(&mut Syncs)) {
        change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
    }

    /// Lets one more sync end.
    fn grant(&self) {
        self.change(|syncs| syncs.granted += 1);
    }

    /// Returns once so many syncs have begun.
    fn begun(&self, syncs: usize) {
        drop(self.0.1.wait_while(self.0.0.lock().unwrap(), |now| now.begun < syncs).unwrap());
    }

    fn of(&self, mut real: Confirm) -> Confirm {
        let this = self.clone();
        Box::new(move || {
            let mut syncs = this.0.0.lock().unwrap();
            syncs.begun += 1;
            let begun = syncs.begun;
            this.0.1.notify_all();
            let syncs = this.0.1.wait_while(syncs, |syncs| syncs.granted < begun).unwrap();
            if syncs.fails { Err(io::Error::from_raw_os_error(5)) } else { real() }
        })
    }
}

/// A store on such a disk. The disk is freed first when a test ends early.
struct Bed {
    disk: SlowDisk,
    store: SqliteStore,
    folder: TempDir,
}

impl Bed {
    fn make(sizes: Sizes) -> Self {
        Self::on(tempfile::tempdir().unwrap(), sizes)
    }

    fn on(folder: TempDir, sizes: Sizes) -> Self {
        let disk = SlowDisk::default();
        let path = folder.path().join("events.db");
        let store = SqliteStore::open_on(&path, once, sizes, |real| disk.of(real)).unwrap();
        Self { disk, store, folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("events.db")
    }

    /// Returns once the writer has committed everything that came before. A job that runs may share its transaction with
    /// what came before it, but the next one then runs in a later one.
    fn committed(&self) {
        for _ in 0..2 {
            let (tell, told) = channel();
            let mut job = Box::pin(self.store.write(move |_| {
                tell.send(()).unwrap();
                Ok(())
            }));
            waits(&mut job);
            told.recv().unwrap();
        }
    }

    /// What anybody who looks into the file finds.
    fn in_the_file(&self) -> Vec<Seq> {
        let events = Look::open(&self.path()).unwrap().events(0, 99).unwrap();
        events.iter().map(|logged| logged.seq).collect()
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.disk.change(|syncs| syncs.granted = usize::MAX);
    }
}

#[test]
fn nothing_is_answered_or_read_before_it_is_synced() {
    let bed = Bed::make(Sizes::default());
    let mut old = bed.store.append(vec![event("old")]);
    waits(&mut old);
    bed.disk.grant();
    run(old).unwrap();
    let folder = {
        // Opened anew, so that reads of what is old go to the file.
        let mut bed = bed;
        bed.disk.change(|syncs| syncs.granted = usize::MAX);
        std::mem::replace(&mut bed.folder, tempfile::tempdir().unwrap())
    };
    let bed = Bed::on(folder, Sizes::default());
    let head = bed.store.watch();
    let mut cursor = bed.store.cursor("meta", true);
    waits(&mut cursor);
    bed.disk.grant();
    assert_eq!(run(cursor).unwrap(), 0);

    let mut new = bed.store.append(vec![event("new")]);
    waits(&mut new);
    bed.disk.begun(2);
    assert_eq!(bed.in_the_file(), [1, 2], "it is committed");
    assert_eq!((*head.borrow(), bed.store.commits()), (1, 1));
    let numbers =
        |after| run(bed.store.read(after, 9)).unwrap().iter().map(|one| one.seq).collect::<Vec<_>>();
    assert_eq!((numbers(0), numbers(1)), (vec![1], vec![]));
    // A cursor that begins at an end which is not published is not ahead of the end that is told.
    let mut late = bed.store.cursor("late", false);
    waits(&mut late);
    bed.committed();
    waits(&mut new);

    bed.disk.grant();
    bed.disk.begun(3);
    assert_eq!(run(&mut new).unwrap(), [Verdict::Stored(2)]);
    assert_eq!((*head.borrow(), numbers(0), numbers(1)), (2, vec![1, 2], vec![2]));
    waits(&mut late);
    bed.disk.grant();
    assert_eq!(run(late).unwrap(), 2);
}

#[test]
fn the_writer_goes_on_during_a_sync_and_answers_keep_their_order() {
    let bed = Bed::make(Sizes::default());
    let mut first = bed.store.append(vec![event("one")]);
    waits(&mut first);
    bed.disk.begun(1);
    let mut again = bed.store.append(vec![event("one")]);
    waits(&mut again);
    bed.committed();
    let mut second = bed.store.append(vec![event("two")]);
    waits(&mut second);
    bed.committed();
    assert_eq!(bed.in_the_file(), [1, 2], "both are committed during the sync");
    waits(&mut first);
    waits(&mut again);

    bed.disk.grant();
    bed.disk.begun(2);
    assert_eq!(run(first).unwrap(), [Verdict::Stored(1)]);
    waits(&mut again);
    waits(&mut second);
    bed.disk.change(|syncs| syncs.granted = usize::MAX);
    assert_eq!(run(again).unwrap(), [Verdict::Duplicate], "answered after a sync that began after it");
    assert_eq!(run(second).unwrap(), [Verdict::Stored(2)]);
}

#[test]
fn what_waits_for_a_sync_counts_as_waiting() {
    // Room for these three and for the two jobs of `committed`.
    let bed = Bed::make(Sizes { queue_events: 5, ..Sizes::default() });
    let mut waiting: Vec<_> = ["a", "b"].into_iter().map(|id| bed.store.append(vec![event(id)])).collect();
    waiting.iter_mut().for_each(waits);
    bed.disk.begun(1);
    bed.committed();
    let mut third = bed.store.append(vec![event("c")]);
    waits(&mut third);
    assert!(matches!(poll(&mut bed.store.append(vec![event("d")])), Poll::Ready(Err(StoreError::Busy))));
    bed.disk.change(|syncs| syncs.granted = usize::MAX);
    waiting.push(third);
    for request in waiting {
        run(request).unwrap();
    }
    run(bed.store.append(vec![event("d")])).unwrap();
}

#[test]
fn a_failed_sync_acknowledges_nothing_and_ends_the_stores_work() {
    let bed = Bed::make(Sizes::default());
    let broken = |error: StoreError| {
        assert!(matches!(error, StoreError::Broken { .. }), "{error}");
        assert!(error.to_string().contains("check the disk, then restart"), "{error}");
    };
    let mut first = bed.store.append(vec![event("one")]);
    waits(&mut first);
    bed.disk.begun(1);
    let mut again = bed.store.append(vec![event("one")]);
    waits(&mut again);
    bed.committed();
    bed.disk.change(|syncs| (syncs.fails, syncs.granted) = (true, 1));
    broken(run(first).unwrap_err());
    broken(run(again).unwrap_err());
    // The disk is well again, but what it lost it does not tell.
    bed.disk.change(|syncs| (syncs.fails, syncs.granted) = (false, usize::MAX));
    broken(run(bed.store.append(vec![event("two")])).unwrap_err());
    broken(run(bed.store.ping()).unwrap_err());
    broken(run(bed.store.settle("meta", Settlement::default())).unwrap_err());
    broken(run(bed.store.read(0, 9)).unwrap_err());
    broken(run(bed.store.due("meta", UnixMs(9), 9)).unwrap_err());
    assert_eq!((*bed.store.watch().borrow(), bed.store.commits()), (0, 0));
    assert_eq!(bed.disk.0.0.lock().unwrap().begun, 1, "the disk was not asked again");
    broken(run(bed.store.close()).unwrap_err());

    // Whether an event that was not acknowledged is there is for the disk to say; here it is.
    let store = SqliteStore::open(&bed.path(), once).unwrap();
    assert_eq!(run(store.append(vec![event("one")])).unwrap(), [Verdict::Duplicate]);
    assert_eq!(run(store.append(vec![event("two")])).unwrap(), [Verdict::Stored(2)]);
}

#[test]
fn a_sync_of_the_engines_own_that_fails_ends_the_stores_work_too() {
    let check = |code: i32, ends: bool| {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("events.db"), once).unwrap();
        let failure = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
        let failing = store.write(move |_| Err::<(), _>(engine_error("move the log", failure)));
        let error = run(failing).unwrap_err();
        assert_eq!(matches!(error, StoreError::Broken { .. }), ends, "{error}");
        assert_eq!(run(store.append(vec![event("next")])).is_err(), ends, "{code}");
    };
    check(ffi::SQLITE_IOERR_FSYNC, true);
    check(ffi::SQLITE_IOERR_DIR_FSYNC, true);
    check(ffi::SQLITE_IOERR_WRITE, false);
    check(ffi::SQLITE_FULL, false);
}

#[test]
fn a_sync_thread_that_panics_acknowledges_nothing_and_ends_the_stores_work() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let panics =
        |_: Confirm| -> Confirm { Box::new(|| -> io::Result<()> { panic!("the disk was told to") }) };
    let store = SqliteStore::open_on(&path, once, Sizes::default(), panics).unwrap();
    let ended = |error: StoreError| {
        assert!(matches!(error, StoreError::Ended { thread: "store sync" }), "{error}");
    };
    assert!(run(store.append(vec![event("one")])).is_err(), "nobody confirmed it");
    ended(run(store.ended()));
    ended(run(store.append(vec![event("two")])).unwrap_err());
    ended(run(store.read(0, 9)).unwrap_err());
    ended(run(store.close()).unwrap_err());
    let store = SqliteStore::open(&path, once).unwrap();
    assert_eq!(run(store.append(vec![event("one")])).unwrap(), [Verdict::Duplicate]);
    assert_eq!(run(store.append(vec![event("two")])).unwrap(), [Verdict::Stored(2)]);
}

/// What a power cut would leave that came right after the last sync, and took everything with it that was written since that
/// sync began: the files as they were then.
#[derive(Clone)]
struct Image {
    path: PathBuf,
    copies: Arc<Mutex<(TempDir, usize)>>,
}

impl Image {
    fn of(path: PathBuf) -> Self {
        Self { path, copies: Arc::new(Mutex::new((tempfile::tempdir().unwrap(), 0))) }
    }

    fn taking(&self, mut real: Confirm) -> Confirm {
        let this = self.clone();
        Box::new(move || {
            let number = this.copies.lock().unwrap().1 + 1;
            this.copy(number);
            real()?;
            this.copies.lock().unwrap().1 = number;
            Ok(())
        })
    }

    fn file(&self, number: usize) -> PathBuf {
        self.copies.lock().unwrap().0.path().join(format!("{number}.db"))
    }

    fn copy(&self, number: usize) {
        let to = self.file(number);
        std::fs::copy(&self.path, &to).unwrap();
        std::fs::copy(self.path.with_extension("db-wal"), to.with_extension("db-wal")).unwrap();
    }

    /// Ids of the events that are there after the cut.
    fn survivors(&self) -> Vec<String> {
        let number = self.copies.lock().unwrap().1;
        let connection = rusqlite::Connection::open(self.file(number)).unwrap();
        let mut ids = connection.prepare("SELECT body ->> '$.event_id' FROM log").unwrap();
        ids.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }
}

#[test]
fn whoever_was_answered_survives_a_power_cut_at_that_moment() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.db");
    let image = Image::of(path.clone());
    let store = SqliteStore::open_on(&path, once, Sizes::default(), |real| image.taking(real)).unwrap();
    std::thread::scope(|threads| {
        for thread in 0..3 {
            let (store, image) = (&store, &image);
            threads.spawn(move || {
                for number in 0..12 {
                    let id = format!("{thread}-{number}");
                    // Every third is one that another thread may have sent a moment ago.
                    let sent = if number % 3 == 2 { format!("shared-{number}") } else { id };
                    run(store.append(vec![event(&sent)])).unwrap();
                    assert!(image.survivors().contains(&sent), "{sent} was answered and is lost");
                }
            });
        }
    });
    assert_eq!(*store.watch().borrow(), 3 * 8 + 4);
}
