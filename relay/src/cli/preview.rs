//! `preview`: reads events as `POST /v1/track` takes them and shows the requests they would lead to.
//!
//! Owns reading the file and naming what is wrong with the arguments; the requests come from [`crate::preview`].

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use shared::UnixMs;

use crate::config::Config;
use crate::preview::{self, Preview};

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
pub(super) enum PreviewError {
    /// No destination of this name.
    #[error("there is no destination `{name}`; {}", listed(.known))]
    UnknownDestination {
        /// What was asked for.
        name: String,
        /// All there are.
        known: Vec<String>,
    },
    /// The event cannot be read.
    #[error("{name}: cannot be read ({source}); name a file with an event, or `-` for standard input")]
    Read {
        /// The file.
        name: String,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The relay would refuse it, too.
    #[error("{name}: larger than {limit} bytes, the relay's limit for a request (server.max_body_bytes)")]
    TooLarge {
        /// The file.
        name: String,
        /// The limit.
        limit: usize,
    },
    /// It is no event.
    #[error(transparent)]
    Event(#[from] preview::Error),
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        "the configuration has none".to_owned()
    } else {
        format!("known: {}", names.join(", "))
    }
}

/// What to print and what to say beside it.
pub(super) struct Answer {
    /// The requests as JSON text for people.
    pub(super) shown: String,
    /// What was ignored in the events.
    pub(super) warnings: Vec<String>,
    /// Whether every event could be understood.
    pub(super) whole: bool,
}

/// Shows the events of a file.
pub(super) fn run(
    config: &Config,
    event: &Path,
    destination: Option<&str>,
    now: UnixMs,
) -> Result<Answer, PreviewError> {
    if let Some(name) = destination {
        let known: Vec<String> = config.destinations.iter().map(|known| known.name.clone()).collect();
        if !known.iter().any(|known| known == name) {
            return Err(PreviewError::UnknownDestination { name: name.to_owned(), known });
        }
    }
    let bytes = read(event, config.server.max_body_bytes)?;
    let Preview { shown, warnings, whole } = preview::run(config, &bytes, destination, now)?;
    // The alternate form of a JSON value is its indented text.
    Ok(Answer { shown: format!("{shown:#}"), warnings, whole })
}

fn read(path: &Path, limit: usize) -> Result<Vec<u8>, PreviewError> {
    if path == Path::new("-") {
        return bounded(io::stdin().lock(), "standard input", limit);
    }
    let name = path.display().to_string();
    match File::open(path) {
        Ok(file) => bounded(file, &name, limit),
        Err(source) => Err(PreviewError::Read { name, source }),
    }
}

/// Everything that `input` holds, if that is no more than `limit` bytes.
pub(super) fn bounded(input: impl Read, name: &str, limit: usize) -> Result<Vec<u8>, PreviewError> {
    let name = || name.to_owned();
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let read = input.take(most).read_to_end(&mut bytes);
    read.map_err(|source| PreviewError::Read { name: name(), source })?;
    if bytes.len() > limit { Err(PreviewError::TooLarge { name: name(), limit }) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_is_read_up_to_the_limit() {
        let check = |bytes: &[u8], limit, expected: Result<usize, &str>| {
            let read = bounded(bytes, "event.json", limit).map(|read| read.len());
            assert_eq!(read.map_err(|error| error.to_string()), expected.map_err(str::to_owned));
        };
        check(b"", 4, Ok(0));
        check(b"1234", 4, Ok(4));
        let refused =
            "event.json: larger than 4 bytes, the relay's limit for a request (server.max_body_bytes)";
        check(b"12345", 4, Err(refused));
    }
}
