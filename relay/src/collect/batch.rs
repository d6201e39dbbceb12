//! A request's events: parsed apart from each other, stored together, answered one by one.
//!
//! Owns what `POST /v1/events` and `POST /v1/track` have in common: JSON errors that name a byte, events that fail
//! alone, and the receipt. A bad event never sinks its neighbours.

use serde::Deserialize;
use shared::Event;
use shared::limits;
use shared::wire::{Receipt, Rejected};

use super::read::{ReadError, Understood, without_values};
use super::reply::Refusal;
use crate::store::{Store, StoreError, Verdict};

/// The body as text; the first bad byte is named.
pub fn text(body: &[u8]) -> Result<&str, Refusal> {
    std::str::from_utf8(body).map_err(|error| Refusal::NotUtf8 { byte: error.valid_up_to() })
}

/// Reads JSON; an error names the byte.
pub fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Refusal> {
    serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line().max(1), error.column().max(1));
        let line_start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
        let byte = (line_start + column - 1).min(text.len());
        Refusal::Malformed { byte, line, column, problem: without_values(&error.to_string()) }
    })
}

/// Refuses what stands beside `events` and would be overlooked there: a denial, or an event of its own.
pub fn beside_events(field: &'static str) -> Refusal {
    Refusal::Field {
        field,
        problem: "stands beside `events`, where it says nothing; put it into each event".to_owned(),
    }
}

/// Refuses more events than one request may hold.
pub fn bounded(events: usize) -> Result<(), Refusal> {
    if events > limits::BATCH { Err(Refusal::TooMany { events, most: limits::BATCH }) } else { Ok(()) }
}

/// Events of one request that were understood, and the receipt so far.
#[derive(Debug, Default)]
pub struct Batch {
    /// What goes into the store.
    pub events: Vec<Event>,
    /// What is already known about the rest.
    pub receipt: Receipt,
}

impl Batch {
    /// Reads each event with `read`; one that does not read is noted and left out.
    pub fn read<E>(
        raw: impl IntoIterator<Item = E>,
        mut read: impl FnMut(E) -> Result<Understood, ReadError>,
    ) -> Self {
        let mut batch = Self::default();
        for (index, event) in raw.into_iter().enumerate() {
            match read(event) {
                Ok(Understood { event, warnings }) => {
                    batch.events.push(event);
                    let warnings = warnings.into_iter().map(|reason| Rejected { index, reason });
                    batch.receipt.warnings.extend(
                        warnings.take(limits::BATCH - batch.receipt.warnings.len().min(limits::BATCH)),
                    );
                }
                Err(error) => batch.receipt.rejected.push(Rejected { index, reason: error.to_string() }),
            }
        }
        batch
    }

    /// Stores the events and completes the receipt once that is durable; what was decided about each stands beside it.
    pub async fn store(
        self,
        store: &dyn Store,
        site: &std::sync::Arc<str>,
        now: shared::UnixMs,
    ) -> Result<(Receipt, Vec<Verdict>), StoreError> {
        let Self { events, mut receipt } = self;
        if events.is_empty() {
            return Ok((receipt, Vec::new()));
        }
        let incoming = events.into_iter().map(|event| crate::store::Incoming {
            site: site.clone(),
            received: now,
            event: event.into(),
        });
        let verdicts = store.append(incoming.collect()).await?;
        for verdict in &verdicts {
            match verdict {
                Verdict::Stored(_) | Verdict::Held => receipt.accepted += 1,
                Verdict::Duplicate => receipt.duplicates += 1,
                Verdict::Contradiction => {
                    receipt.duplicates += 1;
                    receipt.contradictions += 1;
                }
            }
        }
        Ok((receipt, verdicts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syntax_error_names_its_byte() {
        let check = |text: &str, expected: usize| match parse::<serde_json::Value>(text) {
            Err(Refusal::Malformed { byte, .. }) => assert_eq!(byte, expected, "{text}"),
            other => panic!("{text}: {other:?}"),
        };
        check("{\"a\":x}", 5);
        check("{\n\"a\":\n x}", 8);
        check("", 0);
        check("{\"a\":1", 5);
    }

    #[test]
    fn bad_text_names_its_byte() {
        assert!(matches!(text(b"ab\xff"), Err(Refusal::NotUtf8 { byte: 2 })));
    }
}
