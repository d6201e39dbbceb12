//! What the store's threads tell everyone else: how far the durable log reaches, its newest events, and whether the
//! store can still be trusted, and still works.
//!
//! Owns the order in which a transaction becomes visible: first its events, then the number that wakes their readers.
//! Leaves to `syncer` that only what is durable comes here.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};

use tokio::sync::watch;

use super::lock_of;
use super::recent::{Entry, Recent};
use crate::store::{Seq, StoreError};

/// What is shared between the threads and the callers.
pub(super) struct Published {
    recent: Mutex<Recent>,
    /// The last number of the log that is durable.
    pub(super) head: watch::Sender<Seq>,
    /// How often events were put in hand again.
    pub(super) requeues: watch::Sender<u64>,
    /// Durable transactions so far.
    pub(super) commits: AtomicU64,
    broken: OnceLock<StoreError>,
    /// The thread that a panic ended.
    ended: watch::Sender<Option<&'static str>>,
}

impl Published {
    /// For a log whose last number is `head`.
    pub(super) fn new(head: Seq) -> Self {
        let recent = Mutex::new(Recent::after(head));
        Self {
            recent,
            head: watch::Sender::new(head),
            requeues: watch::Sender::new(0),
            commits: AtomicU64::new(0),
            broken: OnceLock::new(),
            ended: watch::Sender::new(None),
        }
    }

    /// The window of recent events. No code that can panic half-way runs under this lock.
    pub(super) fn recent(&self) -> MutexGuard<'_, Recent> {
        lock_of(&self.recent)
    }

    /// Makes a durable transaction visible.
    pub(super) fn publish(&self, head: Seq, appended: Vec<Entry>, forgotten: &[Seq]) {
        let mut recent = self.recent();
        recent.extend(appended);
        forgotten.iter().for_each(|seq| recent.forget(*seq));
        drop(recent);
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.head.send_if_modified(|known| std::mem::replace(known, head) != head);
    }

    /// Ends the store's work for good: see [`StoreError::Broken`]. Answers the error from which it can no longer recover.
    pub(super) fn break_down(&self, source: impl std::error::Error + Send + Sync + 'static) -> StoreError {
        let error = self.broken.get_or_init(|| {
            let error = StoreError::Broken { source: std::sync::Arc::new(source) };
            tracing::error!(%error, "the store takes nothing any more; nothing unconfirmed was acknowledged");
            error
        });
        error.clone()
    }

    /// Ends the store's work for good, because a thread of it has ended before its time.
    pub(super) fn end(&self, thread: &'static str) {
        let error = StoreError::Ended { thread };
        tracing::error!(%error, "the store takes nothing any more, so the relay stops");
        let _ = self.broken.set(error);
        self.ended.send_replace(Some(thread));
    }

    /// Waits until a thread of the store's has ended before its time.
    pub(super) async fn ended(&self) -> StoreError {
        let mut ended = self.ended.subscribe();
        let thread = ended.wait_for(Option::is_some).await.ok().and_then(|thread| *thread);
        match thread {
            Some(thread) => StoreError::Ended { thread },
            // Whoever could tell is gone with the store.
            None => std::future::pending().await,
        }
    }

    /// The error that ended the store's work, if one did.
    pub(super) fn sound(&self) -> Result<(), StoreError> {
        self.broken.get().map_or(Ok(()), |error| Err(error.clone()))
    }
}
