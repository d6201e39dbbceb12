//! A relay that lives as long as its owner.
//!
//! [`RelayProcess`] borrows its [`Bed`], because a crash test starts many in one bed. Here there is one of each, and
//! both live in a task of their own: ending the task ends the process and removes its files.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::browser::PATIENCE;
use crate::relay_process::{Bed, RelayError};

/// A running relay with its bed. Dropping it kills the process.
#[derive(Debug)]
pub(super) struct Relay {
    bed: Arc<Bed>,
    living: JoinHandle<Result<(), RelayError>>,
    stop: Option<oneshot::Sender<()>>,
}

impl Relay {
    /// Starts a relay in `bed` and waits until it is ready.
    pub(super) async fn start(bed: Bed) -> Result<Self, RelayError> {
        let bed = Arc::new(bed);
        let ((ready, is_ready), (stop, stopping)) = (oneshot::channel(), oneshot::channel());
        let living = tokio::spawn(live(Arc::clone(&bed), ready, stopping));
        match is_ready.await {
            Ok(()) => Ok(Self { bed, living, stop: Some(stop) }),
            // The task ended before the relay was ready, so it has an error to tell.
            Err(_) => Err(ended(living).await.expect_err("a relay that became ready would have said so")),
        }
    }

    /// The bed: address, configuration, files.
    pub(super) fn bed(&self) -> &Bed {
        &self.bed
    }

    /// Stops it as an operator would, and waits until it has ended.
    pub(super) async fn stop(mut self) -> Result<(), RelayError> {
        drop(self.stop.take());
        (&mut self.living).await.unwrap_or(Ok(()))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.living.abort();
    }
}

/// The relay's life: from its start to the word that it shall end.
async fn live(
    bed: Arc<Bed>,
    ready: oneshot::Sender<()>,
    stopping: oneshot::Receiver<()>,
) -> Result<(), RelayError> {
    let relay = bed.start().await?;
    let _owner_went_away = ready.send(());
    // Either the word or the end of whoever could say it.
    let _said = stopping.await;
    relay.stop(PATIENCE).await.map(drop)
}

/// What a task came to. Only its owner aborts it, and the owner is waiting here.
async fn ended(living: JoinHandle<Result<(), RelayError>>) -> Result<(), RelayError> {
    living.await.expect("starting a relay does not panic")
}
