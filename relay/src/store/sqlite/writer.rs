//! The writer: the one thread that changes the database.
//!
//! It takes what is waiting, runs all of it in one transaction, commits, and hands it on to `syncer`, which answers
//! once it is durable; meanwhile the next transaction runs. The more requests come at once, the more share a commit
//! and a sync, so throughput grows with load while a lone request waits for nobody; only where many come anyway does it
//! let a moment pass for a few more. Owns the grouping and what a failure takes down with it. Leaves what a job does to
//! `session`, `settle` and `forget`, and to `checkpoint` when the write-ahead log is moved.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::checkpoint::{self, Checkpoints, Helper, empty_wal};
use super::job::{Command, Job, Ran, Reply};
use super::lock::Lock;
use super::published::Published;
use super::recent::Entry;
use super::session::{Committed, Session};
use super::syncer::{Group, Syncer, is_lost, refuse};
use super::{Panicked, engine_error};
use crate::store::StoreError;

/// The thread's name.
pub(super) const THREAD: &str = "store writer";

/// What a commit adds to the write-ahead log however little it holds, roughly: the last page of every table.
const COMMIT_BYTES: usize = 4 * 4096;
/// What a job adds besides its events' bodies, roughly: keys, and its part of the pages they are spread over.
const JOB_BYTES: usize = 1024;

/// Requests that are run apart from each other after one of them failed. Long enough that a sender who keeps coming
/// back with the same poisoned event finds them still apart.
const CAREFUL_REQUESTS: usize = 100_000;

/// Requests in a group from which on more are worth waiting for, because more are under way.
const CROWD: usize = 8;
/// Requests in a group after which none is waited for: a commit is spread thin enough.
const FULL: usize = 64;
/// How long a crowd is waited for: half of what a sync takes on a fast disk.
const GATHERING: Duration = Duration::from_micros(100);

/// The writer's belongings, moved into its thread.
pub(super) struct Writer {
    /// The one connection that writes.
    pub(super) connection: Connection,
    /// Moves the write-ahead log; ends before the connection is closed.
    pub(super) helper: Helper,
    /// Takes committed transactions over; ends before the connection is closed.
    pub(super) syncer: Syncer,
    /// Given back when the connection is closed.
    pub(super) lock: Lock,
    /// Where jobs come from.
    pub(super) commands: Receiver<Command>,
    /// Most events in one transaction.
    pub(super) group_events: usize,
    /// Where it is said when the store breaks.
    pub(super) published: Arc<Published>,
}

impl Writer {
    /// Works until told to close or until nobody is left who could tell.
    pub(super) fn run(self) {
        let Self { connection, helper, syncer, lock, commands, group_events, published } = self;
        let reply = match Session::new(&connection) {
            Ok(session) => Loop {
                session,
                commands,
                group_events,
                published: Arc::clone(&published),
                syncer,
                checkpoints: Checkpoints::new(helper),
                careful: 0,
                crowd: 0,
            }
            .run(&connection),
            Err(error) => {
                tracing::error!(%error, "the store's writer could not start");
                return published.end(THREAD);
            }
        };
        let closed = close(connection, &published);
        drop(lock);
        if let Some(reply) = reply.flatten() {
            let _ = reply.send(closed);
        }
    }
}

/// Closes the database. The last connection to close moves the log into it and removes the log, once everything has been
/// synced and answered.
fn close(connection: Connection, published: &Published) -> Result<(), StoreError> {
    let engine = |source| engine_error("close the database", source);
    let sound = published.sound();
    if sound.is_ok() {
        // Done here unless a reader stands in the way.
        empty_wal(&connection, checkpoint::PATIENCE)?;
    } else {
        // What was not confirmed is left as it is, for the next start to read.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(engine)?;
    }
    connection.close().map_err(|(_, source)| engine(source))?;
    sound
}

/// The writer at work.
struct Loop<'c> {
    session: Session<'c>,
    commands: Receiver<Command>,
    group_events: usize,
    published: Arc<Published>,
    syncer: Syncer,
    checkpoints: Checkpoints,
    /// Requests still to be run apart.
    careful: usize,
    /// Requests in the last group.
    crowd: usize,
}

impl Loop<'_> {
    /// Answers the reply of [`Command::Close`].
    fn run(mut self, connection: &Connection) -> Option<Option<Reply<()>>> {
        loop {
            let mut next = Some(self.commands.recv().ok()?);
            while let Some(command) = next.take() {
                match command {
                    Command::Work(job) => next = self.run_group(job),
                    Command::Checkpoint(reply) => {
                        let _ = reply.send(self.checkpoint(|own| own.empty(connection)));
                    }
                    Command::Close(reply) => return Some(reply),
                }
            }
            // What a reader still needs stays for next time.
            if let Err(error) = self.checkpoint(|own| own.run(connection, Duration::ZERO)) {
                tracing::warn!(%error, "the store keeps its write-ahead log for now");
            }
        }
    }

    /// Moves the log, unless the store is broken; it is when the disk did not confirm what was moved.
    fn checkpoint(
        &mut self,
        work: impl FnOnce(&mut Checkpoints) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.published.sound()?;
        work(&mut self.checkpoints).map_err(|error| self.judged(error))
    }

    /// Breaks the store if that is what an error means.
    fn judged(&self, error: StoreError) -> StoreError {
        if is_lost(&error) { self.published.break_down(error) } else { error }
    }

    /// Runs `first` and what waits behind it. Answers the command that ended the group, if one did.
    fn run_group(&mut self, first: Box<dyn Job>) -> Option<Command> {
        let mut events = first.weight();
        let mut group = vec![first];
        let mut next = None;
        let mut may_wait = self.crowd >= CROWD;
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
                Err(TryRecvError::Empty) if may_wait && group.len() < FULL => {
                    may_wait = false;
                    gather();
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        self.crowd = group.len();
        self.commit_group(group);
        next
    }

    /// Runs the jobs in one transaction and hands it on.
    fn commit_group(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        if let Err(error) = self.published.sound() {
            return refuse(jobs, &error);
        }
        match self.try_group(&mut jobs) {
            Ok((ran, committed)) => self.syncer.hand_on(Group { jobs, ran, committed }),
            Err(error) => {
                self.session.rollback();
                let error = self.judged(error);
                tracing::error!(%error, requests = jobs.len(), "the store lost a transaction; nothing of it was acknowledged");
                refuse(jobs, &error);
            }
        }
    }

    /// What became of each job, and what they changed; an error when the whole transaction failed.
    fn try_group(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(Vec<Ran>, Committed), StoreError> {
        self.session.begin()?;
        let mut ran = Vec::with_capacity(jobs.len());
        for job in jobs.iter_mut() {
            let before = self.session.spent();
            let failure = self.run_job(job.as_mut())?;
            ran.push(Ran { failure, spent: self.session.spent() - before });
        }
        let committed = self.session.commit()?;
        let bodies: usize = committed.appended.iter().map(Entry::bytes).sum();
        self.checkpoints.grown(COMMIT_BYTES + jobs.len() * JOB_BYTES + bodies);
        Ok((ran, committed))
    }

    /// Runs one job. An error is the whole transaction's; the job's own is answered as such.
    ///
    /// Requests are run apart (each in a savepoint) only for a while after a failure: a savepoint copies every page
    /// its request touches, a tenth of the cost of an event, and pipelines do not normally fail. The first failure
    /// therefore sinks its whole group, whose senders try again; the same failure later sinks itself alone.
    fn run_job(&mut self, job: &mut dyn Job) -> Result<Option<StoreError>, StoreError> {
        let Some(left) = self.careful.checked_sub(1) else {
            return self.attempt(job).map(|()| None).inspect_err(|_| self.careful = CAREFUL_REQUESTS);
        };
        self.careful = left;
        let mark = self.session.mark()?;
        match (self.attempt(job), self.session.broken()) {
            (_, Some(error)) => Err(error),
            (Ok(()), None) => self.session.keep().map(|()| None),
            (Err(error), None) => {
                tracing::error!(%error, "the store undid one request");
                self.careful = CAREFUL_REQUESTS;
                self.session.undo(mark).map(|()| Some(error))
            }
        }
    }

    /// Runs a job, a panic being an error like any other, and so is a failure of the database it overlooked.
    fn attempt(&mut self, job: &mut dyn Job) -> Result<(), StoreError> {
        let session = &mut self.session;
        // Unwind safe: what the panic left half done is rolled back, and the job is never run again.
        let ran = catch_unwind(AssertUnwindSafe(|| job.run(session)))
            .unwrap_or_else(|_| Err(engine_error("process an event", Panicked)));
        ran.and_then(|()| self.session.broken().map_or(Ok(()), Err))
    }
}

/// Lets more requests come. Under load every request that shares a commit saves a part of a sync and of the pages
/// that each commit writes anew, while the processors have the requests that come to work on.
#[expect(
    clippy::disallowed_methods,
    reason = "the writer has a thread of its own, and time passing is the event"
)]
fn gather() {
    std::thread::sleep(GATHERING);
}
