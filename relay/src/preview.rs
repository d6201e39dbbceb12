//! Shows the requests an event would lead to.

use shared::UnixMs;

use crate::config::Config;

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The rooms are not joined in this build.
    #[error("this build has no preview; build the relay with its server")]
    Unavailable,
}

/// The requests each destination, or the one named, would get for the events in `bytes`.
///
/// # Errors
/// When `bytes` holds no event.
pub fn run(
    _config: &Config,
    _bytes: &[u8],
    _destination: Option<&str>,
    _now: UnixMs,
) -> Result<serde_json::Value, Error> {
    Err(Error::Unavailable)
}
