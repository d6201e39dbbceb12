//! A piece of work for the writer, and the answer that goes back.
//!
//! Work is a closure over the open [`Session`]; its answer waits until the transaction it ran in is durable. Owns
//! the pairing of the two and the room a job takes in the queue. Leaves running them to the writer.

use shared::Event;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::session::Session;
use crate::store::StoreError;

/// Where an answer goes. Nobody listens any more when the caller has given up; that is no failure.
pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the writer is told.
pub(super) enum Command {
    /// Runs inside a transaction, together with its neighbours.
    Work(Box<dyn Job>),
    /// Moves the write-ahead log into the database and empties it. Answers once tried; if a reader stands in the way,
    /// it is tried again after every group.
    Checkpoint(Reply<()>),
    /// Ends the writer after everything that came before. The reply is absent when the store was merely dropped.
    Close(Option<Reply<()>>),
}

/// Work of any kind.
pub(super) trait Job: Send {
    /// Its size, in events.
    fn weight(&self) -> usize;
    /// Does it. The result is kept until [`Job::answer`].
    fn run(&mut self, session: &mut Session<'_>) -> Result<(), StoreError>;
    /// Answers: with the kept result, or with `failure` when the work or its transaction failed.
    fn answer(self: Box<Self>, failure: Option<StoreError>);
}

/// The one kind of [`Job`].
pub(super) struct Task<W, T> {
    /// Taken when run.
    pub(super) work: Option<W>,
    /// Filled when run.
    pub(super) result: Option<T>,
    /// To the caller.
    pub(super) reply: Reply<T>,
    /// Room in the queue, given back with the answer.
    pub(super) room: OwnedSemaphorePermit,
}

impl<W, T> Job for Task<W, T>
where
    W: FnOnce(&mut Session<'_>) -> Result<T, StoreError> + Send,
    T: Send,
{
    fn weight(&self) -> usize {
        self.room.num_permits()
    }

    fn run(&mut self, session: &mut Session<'_>) -> Result<(), StoreError> {
        if let Some(work) = self.work.take() {
            self.result = Some(work(session)?);
        }
        Ok(())
    }

    fn answer(self: Box<Self>, failure: Option<StoreError>) {
        // Room first: whoever hears the answer may send the next request at once.
        drop(self.room);
        let _ = self.reply.send(match (failure, self.result) {
            (Some(failure), _) => Err(failure),
            (None, Some(result)) => Ok(result),
            (None, None) => Err(StoreError::Closed),
        });
    }
}

/// The answers of a group whose transaction is durable. They are given when this is dropped, wherever that is.
pub(super) struct Answers {
    answers: Vec<(Box<dyn Job>, Option<StoreError>)>,
    /// Events nobody needs any more; freed after the answers.
    _spent: Vec<Event>,
}

impl Answers {
    /// For each job, why it alone failed.
    pub(super) fn new(jobs: Vec<Box<dyn Job>>, failures: Vec<Option<StoreError>>, spent: Vec<Event>) -> Self {
        Self { answers: jobs.into_iter().zip(failures).collect(), _spent: spent }
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        for (job, failure) in self.answers.drain(..) {
            job.answer(failure);
        }
    }
}
