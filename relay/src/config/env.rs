//! The only reader of the environment. Everything else gets what it needs from here, by name.
//!
//! The environment is read, never changed: changing it races with other threads.

use std::path::PathBuf;

/// Name of the variable that filters the logs, in the syntax of `tracing`'s filter (`info,relay=debug`).
pub const LOG_FILTER: &str = "ANYTRACK_LOG";

/// The variable of this name; `None` when it is not set or is not text.
#[expect(clippy::disallowed_methods, reason = "this is the one file that reads the environment")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The directory this program lies in.
pub fn program_directory() -> Option<PathBuf> {
    std::env::current_exe().ok()?.parent().map(PathBuf::from)
}
