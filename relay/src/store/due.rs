//! When it is the turn of what waits in the store, also after a clock that was ahead has been put right.

use shared::{UnixMs, time};

/// The longest an event is held: the longest merge window that can be set (`config`), and a minute for a clock that is
/// put right a little.
pub const LONGEST_HOLD_MS: i64 = 11 * time::MINUTE_MS;
/// The longest an event waits to be tried again: a day, where its platform asks for that, and another for the longest pause
/// that can be set (`distribute`, which keeps within this).
pub const LONGEST_RETRY_MS: i64 = 2 * time::DAY_MS;

/// Whether it is the turn of something that waits until `due`.
///
/// When is written down by the wall clock, lest a restart make it forgotten. If that clock was ahead and has been put right,
/// what was written meanwhile would wait as long as the clock was ahead. So what is to wait longer than anything may is due.
pub fn is_due(due: UnixMs, now: UnixMs, longest_ms: i64) -> bool {
    due <= now || due > now.plus(longest_ms)
}
