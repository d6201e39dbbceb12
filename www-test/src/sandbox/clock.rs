//! The only file of the sandbox that reads the wall clock. A platform judges an event by its age, so it needs one.

use shared::UnixMs;

/// Now, in Unix milliseconds.
#[expect(
    clippy::disallowed_methods,
    reason = "a server that judges the age of events reads a clock, here only"
)]
pub fn now() -> UnixMs {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    UnixMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
