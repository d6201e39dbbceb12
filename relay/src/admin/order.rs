//! What can be asked of the store, and doing it.

use serde::{Deserialize, Serialize};
use shared::{Event, UnixMs};

use crate::store::{Erased, Incoming, Person, Seq, Store, StoreError, Verdict};

/// One order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// Remove a person from a site.
    Erase {
        /// The site.
        site: String,
        /// Who.
        person: Person,
    },
    /// Take events whose user data is hashed.
    Append {
        /// The site.
        site: String,
        /// When they arrived.
        received: UnixMs,
        /// The events.
        events: Vec<Event>,
    },
    /// Put events in hand again.
    Requeue {
        /// At this destination.
        destination: String,
        /// Their numbers.
        events: Vec<Seq>,
        /// When they are due.
        due: UnixMs,
    },
    /// Take dead letters away.
    Discard {
        /// Of this destination.
        destination: String,
        /// Their numbers.
        events: Vec<Seq>,
    },
}

/// What came of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// The person is gone.
    Erased(Erased),
    /// The events are durable.
    Stored {
        /// New ones.
        accepted: u64,
        /// Known ones.
        duplicates: u64,
    },
    /// That many events were put in hand or taken away.
    Moved(u64),
    /// It could not be done.
    Refused(String),
}

/// Carries an order out.
pub async fn perform(store: &dyn Store, order: Order) -> Report {
    done(store, order).await.unwrap_or_else(|error| Report::Refused(error.to_string()))
}

async fn done(store: &dyn Store, order: Order) -> Result<Report, StoreError> {
    Ok(match order {
        Order::Erase { site, person } => Report::Erased(store.erase(&site, person).await?),
        Order::Append { site, received, events } => {
            let site: std::sync::Arc<str> = site.into();
            let incoming = events.into_iter().map(|event| Incoming {
                site: site.clone(),
                received,
                event: event.into(),
            });
            let verdicts = patiently(store, incoming.collect()).await?;
            let duplicates = verdicts.iter().filter(|verdict| **verdict == Verdict::Duplicate).count();
            Report::Stored { accepted: (verdicts.len() - duplicates) as u64, duplicates: duplicates as u64 }
        }
        Order::Requeue { destination, events, due } => {
            Report::Moved(store.requeue(&destination, events, due).await?)
        }
        Order::Discard { destination, events } => Report::Moved(store.discard(&destination, events).await?),
    })
}

/// Stores events, waiting while the store is behind: a file has time.
async fn patiently(store: &dyn Store, incoming: Vec<Incoming>) -> Result<Vec<Verdict>, StoreError> {
    for _ in 0..TRIES {
        match store.append(incoming.clone()).await {
            Err(StoreError::Busy) => tokio::time::sleep(PAUSE).await,
            answer => return answer,
        }
    }
    store.append(incoming).await
}

/// How often a store that is behind is asked again; some ten seconds in all.
const TRIES: u32 = 100;
/// Rest between two of them.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);
