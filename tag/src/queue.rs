//! The events that wait: in order, bounded, in bodies of a size that browsers send.
//!
//! Owns the envelope's text, the bounds, and the batches whose outcome is still open. Pure: takes JSON texts, gives
//! JSON texts. Leaves the network to the page and deciding when to `tag`.

use shared::wire;

use crate::digits;

/// Most events that wait; the oldest are dropped.
pub const MOST_EVENTS: usize = 100;
/// Largest body, in bytes. Browsers refuse more than 65,536 bytes for all requests that may outlive a page
/// (Fetch standard, "HTTP-network-or-cache fetch", read 2026-11-23).
pub const MOST_BYTES: usize = 60_000;

/// Waiting events as JSON texts, oldest first.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: Vec<String>,
    flights: Vec<(u32, Vec<String>)>,
    last_batch: u32,
}

impl Queue {
    /// Adds an event.
    pub fn push(&mut self, event: String) {
        self.waiting.push(event);
        self.bound();
    }

    /// Puts events that are older than the waiting ones in front of them.
    pub fn put_first(&mut self, mut older: Vec<String>) {
        older.append(&mut self.waiting);
        self.waiting = older;
        self.bound();
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Drops what waits, because it is kept elsewhere.
    pub fn drop_waiting(&mut self) {
        self.waiting.clear();
    }

    /// Drops everything, also what is on its way.
    pub fn clear(&mut self) {
        self.waiting.clear();
        self.flights.clear();
    }

    /// Takes the next events that fit one body. One event larger than a body goes alone.
    pub fn next(&mut self, site: &str, now_ms: u64) -> Option<Batch> {
        let mut bytes = 0;
        let fits = |event: &&String| {
            bytes += event.len() + 1;
            bytes <= MOST_BYTES
        };
        let count = self.waiting.iter().take_while(fits).count().max(1).min(self.waiting.len());
        if count == 0 {
            return None;
        }
        let events: Vec<String> = self.waiting.drain(..count).collect();
        self.last_batch += 1;
        let body = envelope(site, now_ms, &events);
        self.flights.push((self.last_batch, events));
        Some(Batch { number: self.last_batch, body })
    }

    /// Closes a batch: sent for good, or to be tried again.
    pub fn settle(&mut self, number: u32, sent: bool) {
        if let Some(index) = self.flights.iter().position(|(flight, _)| *flight == number) {
            let (_, events) = self.flights.swap_remove(index);
            if !sent {
                self.put_first(events);
            }
        }
    }

    /// The waiting events as text, one a line: JSON has no line ends of its own.
    pub fn write(&self) -> String {
        self.waiting.join("\n")
    }

    fn bound(&mut self) {
        let surplus = self.waiting.len().saturating_sub(MOST_EVENTS);
        self.waiting.drain(..surplus);
    }
}

/// Reads what [`Queue::write`] wrote.
pub fn read(text: &str) -> Vec<String> {
    // Only whole objects: a line cut short by another program would spoil the body it goes into.
    text.split('\n').filter(|line| line.starts_with('{') && line.ends_with('}')).map(str::to_owned).collect()
}

/// A body to send.
#[derive(Debug, PartialEq, Eq)]
pub struct Batch {
    /// The number under which its outcome is reported.
    pub number: u32,
    /// The envelope with its events.
    pub body: String,
}

fn envelope(site: &str, now_ms: u64, events: &[String]) -> String {
    let version = digits::write(wire::VERSION.into(), 10);
    let sent_at = digits::write(now_ms, 10);
    let events = events.join(",");
    ["{\"v\":", &version, ",\"site\":\"", site, "\",\"sent_at\":", &sent_at, ",\"events\":[", &events, "]}"]
        .concat()
}
