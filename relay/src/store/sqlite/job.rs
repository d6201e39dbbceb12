//! A piece of work for the writer, and the answer that goes back.
//!
//! Work is a closure over the open [`Session`]; its answer waits until the transaction it ran in is durable. Owns
//! the pairing of the two and the room a job takes in the queue. Leaves running them to the writer.

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::session::Session;
use crate::store::{Draft, StoreError};

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
    /// The runtime its answer is awaited on, when that runs by itself.
    fn runtime(&self) -> Option<&Handle>;
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
    /// Where the caller waits.
    pub(super) runtime: Option<Handle>,
}

impl<W, T> Job for Task<W, T>
where
    W: FnOnce(&mut Session<'_>) -> Result<T, StoreError> + Send,
    T: Send,
{
    fn weight(&self) -> usize {
        self.room.num_permits()
    }

    fn runtime(&self) -> Option<&Handle> {
        self.runtime.as_ref()
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

/// What became of a job in a transaction that was committed.
pub(super) struct Ran {
    /// Why it alone failed.
    pub(super) failure: Option<StoreError>,
    /// How many events it wrote.
    pub(super) spent: usize,
}

/// Answers jobs whose transactions are durable. `spent` are the events they wrote, job by job; nobody needs them any more.
///
/// To wake a task from outside its runtime takes a lock and perhaps a system call, to wake it from within takes next
/// to nothing, and memory is cheapest to free where it was taken: all answers for a runtime are therefore given by one
/// task there, which also frees their events, while the store's threads go on. A lone request is answered at once.
pub(super) fn answer(group: Vec<Box<dyn Job>>, ran: Vec<Ran>, spent: Vec<Draft>) {
    let mut parts: Vec<Answers> = Vec::new();
    let mut spent = spent.into_iter();
    for (job, ran) in group.into_iter().zip(ran) {
        let runtime = job.runtime().map(Handle::id);
        let place = parts.iter().position(|part| part.runtime.as_ref().map(Handle::id) == runtime);
        let place = place.unwrap_or_else(|| {
            parts.push(Answers { runtime: job.runtime().cloned(), answers: Vec::new(), spent: Vec::new() });
            parts.len() - 1
        });
        if let Some(part) = parts.get_mut(place) {
            part.spent.extend(spent.by_ref().take(ran.spent));
            part.answers.push((job, ran.failure));
        }
    }
    for mut part in parts {
        // Answers that are dropped are given all the same, also by a runtime that has ended.
        match part.runtime.take() {
            Some(runtime) if part.answers.len() > 1 => drop(runtime.spawn(async move { drop(part) })),
            Some(_) | None => drop(part),
        }
    }
}

/// Answers for those who wait on one runtime. They are given when this is dropped, wherever that is.
struct Answers {
    runtime: Option<Handle>,
    answers: Vec<(Box<dyn Job>, Option<StoreError>)>,
    /// Events nobody needs any more; freed after the answers.
    spent: Vec<Draft>,
}

impl Drop for Answers {
    fn drop(&mut self) {
        for (job, failure) in self.answers.drain(..) {
            job.answer(failure);
        }
    }
}
