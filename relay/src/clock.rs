//! The only file that reads the wall clock. Everywhere else time is an argument.

use shared::UnixMs;

/// Now, in Unix milliseconds.
#[expect(clippy::disallowed_methods, reason = "this is the one file that reads the wall clock")]
pub fn now() -> UnixMs {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    UnixMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
