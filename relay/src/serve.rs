//! Runs the relay.

use crate::config::Config;

/// Why the relay could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The rooms are not joined in this build.
    #[error("this build has no server; build the relay with its server")]
    Unavailable,
}

/// Runs the relay until it is told to stop.
///
/// # Errors
/// When it cannot start or stop in order.
pub fn run(_config: Config) -> Result<(), Error> {
    Err(Error::Unavailable)
}
