//! SQLite engine: the embedded default.
//!
//! One file an operator can open, query and back up with tools they have, also while the relay runs. Owns opening
//! and closing, and how callers reach the threads that do the work (one more, `checkpoint`, is the writer's helper and
//! nobody else's):
//!
//! ```text
//! append, release, settle, cursor, prune, erase, ping ──► queue ──► writer ──► one transaction for all that waits
//!                                                                     └► syncer ──► one fdatasync for all committed
//!                                                                           └► window of recent events, head, answers
//! read ──► window of recent events, else ───────────────┐
//! due, standing, backlog, dead letters, note, visitor ──┴──► readers, each on a snapshot of its own
//! ```
//!
//! | file | owns |
//! |---|---|
//! | `lock` | one relay per file |
//! | `open_error` | why a database does not open |
//! | `schema` | tables, settings, migration |
//! | `calls` | the trait: which thread answers which call |
//! | `job`, `writer` | the queue's content; group commit and what a failure takes down |
//! | `syncer`, `published` | what is durable, and that nobody hears of anything else; what is visible to all |
//! | `checkpoint` | moving the write-ahead log into the database |
//! | `session`, `json` | the open transaction and the pipeline's view of it; the JSON of its rows |
//! | `held` | notes, and events that wait for their release |
//! | `settle`, `forget` | the writer's work for destinations; pruning and erasing |
//! | `recent`, `reader` | reading from memory; reading from the file |
//! | `look` | reading by a command, beside the relay |
//! | `suspicion`, `recover` | damage that is met; saving what can be read |
//! | `whereabouts` | a database, or what lies beside it, that is moved or deleted under the relay |
//!
//! Leaves the pipeline to its author: it arrives as a function.

mod calls;
mod checkpoint;
mod forget;
mod held;
mod hours;
mod job;
mod json;
mod lock;
mod look;
mod open_error;
mod published;
mod reader;
mod recent;
pub mod recover;
mod schema;
mod session;
mod settle;
mod short;
mod suspicion;
mod syncer;
#[cfg(test)]
mod tests;
mod whereabouts;
mod writer;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, oneshot};

use self::checkpoint::Helper;
use self::job::{Command, Task};
pub use self::look::Look;
pub use self::open_error::OpenError;
use self::open_error::is_damage;
use self::published::Published;
use self::reader::Readers;
use self::session::Session;
use self::suspicion::Suspicion;
use self::syncer::{Confirm, Syncer, open_wal};
use self::whereabouts::Whereabouts;
use self::writer::Writer;
use super::{Pipeline, StoreError};

/// Sizes that trade memory against throughput.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Events that may wait to be written; beyond it, appends are refused. At least 1.
    pub queue_events: usize,
    /// Events after which a transaction takes no further request. At least 1.
    pub group_events: usize,
}

impl Default for Sizes {
    /// 16 384 waiting events are some 50 MB and less than a second's work; groups of 1024 spread an fsync thin and
    /// still commit within some ten milliseconds.
    fn default() -> Self {
        Self { queue_events: 16_384, group_events: 1024 }
    }
}

/// The embedded store.
pub struct SqliteStore {
    pipeline: Arc<dyn Pipeline>,
    /// Room in the queue, in events. Closed when the store is.
    room: Arc<Semaphore>,
    queue_events: usize,
    published: Arc<Published>,
    suspicion: Suspicion,
    whereabouts: Whereabouts,
    /// Declared before the writer, so dropped before it: the last connection to close tidies up.
    readers: Readers,
    writer: WriterThread,
}

impl SqliteStore {
    /// Opens the database, creating folder and file where missing and bringing an older file up to date.
    pub fn open(path: &Path, pipeline: impl Pipeline) -> Result<Self, OpenError> {
        Self::open_sized(path, pipeline, Sizes::default())
    }

    /// The same with other sizes.
    pub fn open_sized(path: &Path, pipeline: impl Pipeline, sizes: Sizes) -> Result<Self, OpenError> {
        Self::open_on(path, pipeline, sizes, |sync| sync)
    }

    /// The same on a disk whose syncs `disk` may fail or delay.
    fn open_on(
        path: &Path,
        pipeline: impl Pipeline,
        sizes: Sizes,
        disk: impl FnOnce(Confirm) -> Confirm,
    ) -> Result<Self, OpenError> {
        let name = path;
        let (path, lock) = lock::acquire(name)?;
        schema::probe(&path)?;
        let connection = schema::open_writer(&path)?;
        // Before anything of an earlier process is believed: it may have been killed between a commit and its sync.
        let sync = disk(open_wal(&path)?);
        let engine = |source| OpenError::of(&path, source);
        checkpoint::clear_up(&connection).map_err(engine)?;
        // Prepared here once for the error; the writer's thread prepares its own.
        let head = Session::new(&connection).map_err(engine)?.head();
        let readers = Readers::start(&path)?;
        let published = Arc::new(Published::new(head));
        let (commands, receiver) = channel();
        let group_events = sizes.group_events.max(1);
        let writer = Writer {
            connection,
            helper: Helper::start(&path)?,
            syncer: Syncer::start(&path, sync, Arc::clone(&published))?,
            lock,
            commands: receiver,
            group_events,
            published: Arc::clone(&published),
        };
        let thread = spawn_vital(writer::THREAD, &path, Arc::clone(&published), move || writer.run())?;
        let queue_events = sizes.queue_events.clamp(1, u32::MAX as usize);
        Ok(Self {
            pipeline: Arc::new(pipeline),
            room: Arc::new(Semaphore::new(queue_events)),
            queue_events,
            published,
            suspicion: Suspicion::none(&path),
            whereabouts: Whereabouts::of(name, &path),
            readers,
            writer: WriterThread { commands, thread: Some(thread) },
        })
    }

    /// Transactions made durable since the store was opened. Fewer than appends when requests shared them.
    pub fn commits(&self) -> u64 {
        self.published.commits.load(Ordering::Relaxed)
    }

    /// Runs `work` in a transaction once there is room for it.
    async fn write<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&mut Session<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let room = Arc::clone(&self.room).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        self.submit(room, work).await
    }

    /// Room for that many events, or [`StoreError::Busy`].
    fn room_now(&self, events: usize) -> Result<OwnedSemaphorePermit, StoreError> {
        // A request larger than the queue is let in when the queue is empty, or it never would be.
        let events = events.clamp(1, self.queue_events) as u32;
        Arc::clone(&self.room).try_acquire_many_owned(events).map_err(|refused| match refused {
            TryAcquireError::NoPermits => StoreError::Busy,
            TryAcquireError::Closed => StoreError::Closed,
        })
    }

    /// Hands work to the writer and waits for its answer.
    async fn submit<T, W>(&self, room: OwnedSemaphorePermit, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&mut Session<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.suspicion.none_met()?;
        let (reply, answer) = oneshot::channel();
        let task = Task { work: Some(work), result: None, reply, room, runtime: threads_of_its_own() };
        self.writer.commands.send(Command::Work(Box::new(task))).map_err(|_| self.over())?;
        self.suspicion.watched(answer.await.unwrap_or_else(|_| Err(self.over())))
    }

    /// Why the writer answers nothing.
    fn over(&self) -> StoreError {
        self.published.sound().err().unwrap_or(StoreError::Closed)
    }

    /// Asks a reader.
    async fn ask<T: Send + 'static>(
        &self,
        query: impl FnOnce(&rusqlite::Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.suspicion.none_met()?;
        self.suspicion.watched(self.readers.ask(query).await)
    }

    /// An error while the database is away. A closed one has removed its write-ahead log itself, so nobody looks for it.
    fn in_place(&self, look: fn(&Whereabouts) -> Result<(), StoreError>) -> Result<(), StoreError> {
        if self.room.is_closed() {
            return Err(StoreError::Closed);
        }
        look(&self.whereabouts)
    }

    /// Empties the write-ahead log.
    async fn checkpoint(&self) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.writer.commands.send(Command::Checkpoint(reply)).map_err(|_| StoreError::Closed)?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }
}

/// The way to the writer. Waits for it when dropped: it finishes what was accepted, closes the database and gives the lock back.
struct WriterThread {
    commands: Sender<Command>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for WriterThread {
    fn drop(&mut self) {
        // Fails when the store was closed in good order; the thread has ended then.
        let _ = self.commands.send(Command::Close(None));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A panic in the pipeline or a query, as the source of an error. Its message went to the panic hook.
#[derive(Debug, thiserror::Error)]
#[error("it panicked; this is a fault of the program, please report it")]
struct Panicked;

/// An engine's error in the store's words.
fn engine_error(doing: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    let source: Arc<dyn std::error::Error + Send + Sync> = Arc::new(source);
    if source.downcast_ref::<rusqlite::Error>().is_some_and(is_damage) {
        return StoreError::Damaged { doing, source };
    }
    StoreError::Engine { doing, source }
}

/// The runtime around the caller, when its threads run by themselves. One that only runs while somebody waits on it
/// could keep an answer for ever.
fn threads_of_its_own() -> Option<Handle> {
    Handle::try_current().ok().filter(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread)
}

/// Takes a lock. The data behind our locks is whole between any two statements, so a panic elsewhere spoils nothing.
fn lock_of<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a named thread.
fn spawn(name: &str, path: &Path, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, OpenError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map_err(|source| OpenError::Inaccessible { path: path.to_owned(), source })
}

/// Starts a thread without which the store can do nothing, and has it said when a panic ends it. Its message went to the panic hook.
fn spawn_vital(
    name: &'static str,
    path: &Path,
    published: Arc<Published>,
    body: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, OpenError> {
    spawn(name, path, move || {
        // Unwind safe: nobody goes on with what the panic left, and nothing that was not confirmed is acknowledged.
        if catch_unwind(AssertUnwindSafe(body)).is_err() {
            published.end(name);
        }
    })
}
