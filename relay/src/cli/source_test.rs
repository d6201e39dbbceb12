//! `source-test`: reads a recorded webhook or postback from standard input and shows what it would become.
//!
//! Owns the arguments; the request is read and shown by [`crate::collect::sources::recorded`].

use std::io;

use shared::UnixMs;

use super::preview::{PreviewError, bounded};
use crate::collect::sources::recorded::{NotRecorded, Recorded};
use crate::collect::sources::take::Proof;
use crate::config::{Config, Source};

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
pub(super) enum SourceTestError {
    /// No source of this name.
    #[error("there is no source `{name}`; {}", listed(.known))]
    UnknownSource {
        /// What was asked for.
        name: String,
        /// All there are.
        known: Vec<String>,
    },
    /// Standard input cannot be read, or is larger than a request may be.
    #[error(transparent)]
    Input(#[from] PreviewError),
    /// It is no request.
    #[error("standard input: {0}")]
    Request(#[from] NotRecorded),
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        "the configuration has none; add a [[source]]".to_owned()
    } else {
        format!("known: {}", names.join(", "))
    }
}

/// Reads the time of an argument.
pub(super) fn time(text: &str) -> Result<UnixMs, NoTime> {
    UnixMs::parse_rfc3339(text).ok_or(NoTime)
}

/// An argument that is no time.
#[derive(Debug, thiserror::Error)]
#[error("expected RFC 3339, such as 2026-11-23T12:00:00Z")]
pub(super) struct NoTime;

/// The source of this name.
pub(super) fn find<'a>(config: &'a Config, name: &str) -> Result<&'a Source, SourceTestError> {
    config.sources.iter().find(|source| source.name == name).ok_or_else(|| {
        let known = config.sources.iter().map(|source| source.name.clone()).collect();
        SourceTestError::UnknownSource { name: name.to_owned(), known }
    })
}

/// What the source makes of the request on standard input, as JSON text for people, and whether all went well.
pub(super) fn run(
    config: &Config,
    name: &str,
    proof: Proof,
    now: UnixMs,
) -> Result<(String, bool), SourceTestError> {
    let source = find(config, name)?;
    let limit = config.server.max_body_bytes + HEAD;
    let bytes = bounded(io::stdin().lock(), "standard input", limit)?;
    let (shown, whole) = Recorded::read(&bytes)?.show(config, source, proof, now)?;
    // The alternate form of a JSON value is its indented text.
    Ok((format!("{shown:#}"), whole))
}

/// Room for the request line and the headers.
const HEAD: usize = 32 * 1024;
