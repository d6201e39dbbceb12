//! What a store could not do, in words that say what to do about it.

use std::sync::Arc;

/// Something the store could not do.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk or the database refused.
    #[error("the store could not {doing}: {source}")]
    Engine {
        /// What was being done.
        doing: &'static str,
        /// The engine's own error.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The database is damaged. Once met, an engine reads and writes nothing more.
    #[error(
        "the database is damaged (it could not {doing}: {source}); nothing more is taken: stop the relay and run `anytrack-relay recover`"
    )]
    Damaged {
        /// What was being done.
        doing: &'static str,
        /// The engine's own error.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// A stored row does not read back; the file is damaged or newer than this program.
    #[error(
        "the store holds a row that cannot be read ({what}); run a matching version, or stop the relay and run `anytrack-relay recover`"
    )]
    Corrupt {
        /// Which kind of row.
        what: &'static str,
    },
    /// The disk did not confirm something that was written. Nothing can be promised any more: until the store is opened
    /// anew, it takes nothing and hands nothing out for delivery.
    #[error(
        "the disk did not confirm what the store wrote ({source}); check the disk, then restart the relay"
    )]
    Broken {
        /// What the operating system or the engine said.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// A fault of the program ended a thread without which the store can do nothing. It takes nothing more and hands nothing
    /// out for delivery; whoever runs it stops, to be started again.
    #[error(
        "a fault of the program ended the thread `{thread}`; nothing unconfirmed was acknowledged; start the relay again, and please \
         report this"
    )]
    Ended {
        /// Which.
        thread: &'static str,
    },
    /// Too much is waiting to be written; come back later.
    #[error("the store is behind: too many events are waiting to be written")]
    Busy,
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
}
