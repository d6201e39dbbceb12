//! The writer: the one thread that changes the database.
//!
//! It takes what is waiting, runs all of it in one transaction, commits (one fsync for all), and answers. The more
//! requests come at once, the more share an fsync, so throughput grows with load while a lone request waits for
//! nobody. Owns the grouping, what a failure takes down with it, and the checkpoints. Leaves what a job does to
//! `session`, `settle` and `forget`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, Mutex, MutexGuard};

use rusqlite::Connection;
use tokio::sync::watch;

use super::job::{Command, Job};
use super::lock::Lock;
use super::recent::Recent;
use super::session::{Committed, Session};
use super::{Panicked, engine_error, lock_of};
use crate::store::{Seq, StoreError};

/// Stored bytes after which the write-ahead log is moved into the database. Small enough to stay in the page cache
/// of a small machine, large enough that the second fsync it costs is rare.
const CHECKPOINT_BYTES: usize = 16 * 1024 * 1024;
/// What a job adds to the write-ahead log besides its events' bodies, roughly: one page.
const JOB_BYTES: usize = 4096;

/// What the writer tells everyone else.
pub(super) struct Published {
    recent: Mutex<Recent>,
    /// The log's last number.
    pub(super) head: watch::Sender<Seq>,
    /// Transactions committed so far.
    pub(super) commits: AtomicU64,
}

impl Published {
    /// For a log whose last number is `head`.
    pub(super) fn new(head: Seq) -> Self {
        let recent = Mutex::new(Recent::after(head));
        Self { recent, head: watch::Sender::new(head), commits: AtomicU64::new(0) }
    }

    /// The window of recent events. No code that can panic half-way runs under this lock.
    pub(super) fn recent(&self) -> MutexGuard<'_, Recent> {
        lock_of(&self.recent)
    }

    /// Makes a committed transaction visible: first the events, then the number that wakes their readers.
    fn publish(&self, committed: Committed) {
        let mut recent = self.recent();
        recent.extend(committed.appended);
        committed.forgotten.into_iter().for_each(|seq| recent.forget(seq));
        drop(recent);
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.head.send_if_modified(|head| std::mem::replace(head, committed.head) != committed.head);
    }
}

/// The writer's belongings, moved into its thread.
pub(super) struct Writer {
    /// The one connection that writes.
    pub(super) connection: Connection,
    /// Given back when the connection is closed.
    pub(super) lock: Lock,
    /// Where jobs come from.
    pub(super) commands: Receiver<Command>,
    /// Most events in one transaction.
    pub(super) group_events: usize,
    /// Where results become visible.
    pub(super) published: Arc<Published>,
}

impl Writer {
    /// Works until told to close or until nobody is left who could tell.
    pub(super) fn run(self) {
        let Self { connection, lock, commands, group_events, published } = self;
        let reply = match Session::new(&connection) {
            Ok(session) => {
                Loop { session, commands, group_events, published, unmoved_bytes: 0 }.run(&connection)
            }
            Err(error) => {
                tracing::error!(%error, "the store's writer could not start");
                return;
            }
        };
        // The last connection to close moves the log into the database and removes it; `checkpoint` has done so
        // already unless a reader stood in the way.
        let closed = checkpoint(&connection).and_then(|()| {
            connection.close().map_err(|(_, source)| engine_error("close the database", source))
        });
        drop(lock);
        if let Some(reply) = reply.flatten() {
            let _ = reply.send(closed);
        }
    }
}

/// The writer at work.
struct Loop<'c> {
    session: Session<'c>,
    commands: Receiver<Command>,
    group_events: usize,
    published: Arc<Published>,
    /// Bytes in the write-ahead log since it was last moved, roughly.
    unmoved_bytes: usize,
}

impl Loop<'_> {
    /// Answers the reply of [`Command::Close`].
    fn run(mut self, connection: &Connection) -> Option<Option<super::job::Reply<()>>> {
        loop {
            let mut next = Some(self.commands.recv().ok()?);
            while let Some(command) = next.take() {
                match command {
                    Command::Work(job) => next = self.run_group(job),
                    Command::Checkpoint(reply) => {
                        let _ = reply.send(checkpoint(connection));
                        self.unmoved_bytes = 0;
                    }
                    Command::Close(reply) => return Some(reply),
                }
            }
            if self.unmoved_bytes >= CHECKPOINT_BYTES {
                self.unmoved_bytes = 0;
                // After the answers, so that nobody waits for it. What a reader still needs stays for next time.
                if let Err(error) = connection.execute_batch("PRAGMA wal_checkpoint(PASSIVE)") {
                    tracing::warn!(%error, "the store could not move its write-ahead log into the database");
                }
            }
        }
    }

    /// Runs `first` and what waits behind it. Answers the command that ended the group, if one did.
    fn run_group(&mut self, first: Box<dyn Job>) -> Option<Command> {
        let mut events = first.weight();
        let mut group = vec![first];
        let mut next = None;
        while events < self.group_events {
            match self.commands.try_recv() {
                Ok(Command::Work(job)) => {
                    events += job.weight();
                    group.push(job);
                }
                Ok(other) => {
                    next = Some(other);
                    break;
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        self.commit_group(group);
        next
    }

    /// Runs the jobs in one transaction and answers them all.
    fn commit_group(&mut self, mut group: Vec<Box<dyn Job>>) {
        let result = self.try_group(&mut group);
        match result {
            Ok(failures) => {
                for (job, failure) in group.into_iter().zip(failures) {
                    job.answer(failure);
                }
            }
            Err(error) => {
                self.session.rollback();
                tracing::error!(%error, requests = group.len(), "the store lost a transaction; nothing of it was acknowledged");
                for job in group {
                    job.answer(Some(error.clone()));
                }
            }
        }
    }

    /// Answers, for each job, why it alone failed; an error when the whole transaction did.
    fn try_group(&mut self, group: &mut [Box<dyn Job>]) -> Result<Vec<Option<StoreError>>, StoreError> {
        self.session.begin()?;
        let mut failures = Vec::with_capacity(group.len());
        for job in group.iter_mut() {
            failures.push(self.run_job(job.as_mut())?);
        }
        let committed = self.session.commit()?;
        self.unmoved_bytes += group.len() * JOB_BYTES;
        self.unmoved_bytes += committed.appended.iter().map(|entry| entry.bytes).sum::<usize>();
        self.published.publish(committed);
        Ok(failures)
    }

    /// Runs one job so that its failure is its own, unless the database itself failed.
    fn run_job(&mut self, job: &mut dyn Job) -> Result<Option<StoreError>, StoreError> {
        let mark = self.session.mark()?;
        let session = &mut self.session;
        // Unwind safe: what the panic left half done is undone below, and the job is never run again.
        let ran = catch_unwind(AssertUnwindSafe(|| job.run(session)))
            .unwrap_or_else(|_| Err(engine_error("process an event", Panicked)));
        if let Some(error) = self.session.broken() {
            return Err(error);
        }
        match ran {
            Ok(()) => self.session.keep().map(|()| None),
            Err(error) => {
                tracing::error!(%error, "the store undid one request");
                self.session.undo(mark).map(|()| Some(error))
            }
        }
    }
}

/// Moves the whole write-ahead log into the database and empties it, waiting for readers a moment. A reader that
/// stays longer is no error: the next checkpoint finishes the work.
fn checkpoint(connection: &Connection) -> Result<(), StoreError> {
    let moved = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    moved.map_err(|source| engine_error("move the write-ahead log into the database", source))
}
