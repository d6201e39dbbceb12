//! Logs: one line for each thing that happened, on standard error, for people or as JSON.
//!
//! Owns only how logs are written, the last words of a program that asked for JSON among them. What is logged is decided where it happens, and is never personal data or a
//! secret. Metrics are not logs and live elsewhere.

use std::io;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::util::TryInitError;

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text for people.
    #[default]
    Human,
    /// One JSON object a line, for log collectors.
    Json,
}

/// Why there are no logs.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error("{variable} is not a log filter ({source}); write for example `info` or `warn,relay=debug`")]
    Filter {
        /// The variable it came from.
        variable: &'static str,
        /// What is wrong with it.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// A word in it is no level.
    #[error(
        "{variable}: `{word}` is no level; write `error`, `warn`, `info`, `debug` or `trace`, or `relay=debug` for a part"
    )]
    Level {
        /// The variable it came from.
        variable: &'static str,
        /// The word.
        word: String,
    },
    /// Logs are being written already.
    #[error("logs have been started twice")]
    Started(#[source] TryInitError),
}

/// Level of the log when nobody asks for another: what an operator needs to see, and nothing for each event.
const DEFAULT_FILTER: &str = "info";

/// Reads a filter in `tracing`'s syntax; without one, the default.
///
/// # Errors
/// When the text is no filter. `variable` is where it came from, for the message.
pub fn filter(text: Option<&str>, variable: &'static str) -> Result<EnvFilter, TelemetryError> {
    let text = text.filter(|text| !text.trim().is_empty()).unwrap_or(DEFAULT_FILTER);
    // A single word that is no level would be taken for the name of a target, and nothing be logged at all.
    let is_level =
        |word: &str| word.is_empty() || word.contains(['=', '[']) || word.parse::<LevelFilter>().is_ok();
    if let Some(word) = text.split(',').map(str::trim).find(|word| !is_level(word)) {
        return Err(TelemetryError::Level { variable, word: word.to_owned() });
    }
    EnvFilter::builder().parse(text).map_err(|source| TelemetryError::Filter { variable, source })
}

/// Starts writing logs, for the rest of the process.
///
/// # Errors
/// When logs have been started before.
pub fn start(format: LogFormat, filter: EnvFilter) -> Result<(), TelemetryError> {
    use tracing_subscriber::util::SubscriberInitExt;
    // A log that cannot be written (its disk is full) must cost nothing but the log: the subscriber's own complaint about it
    // would go the same way and end the thread that logs.
    let lines = fmt().with_env_filter(filter).with_writer(io::stderr).log_internal_errors(false);
    match format {
        LogFormat::Human => lines.finish().try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).finish().try_init(),
    }
    .map_err(TelemetryError::Started)
}

/// Writes one line of what ended the program, as JSON, whether or not logs have been started and whatever they leave out.
pub fn tell_as_json(error: &impl std::fmt::Display) {
    let lines = fmt().with_writer(io::stderr).log_internal_errors(false);
    let teller = lines.json().flatten_event(true).with_current_span(false).finish();
    tracing::subscriber::with_default(teller, || tracing::error!("{error}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read_and_mistakes_named() {
        let check = |text, expected: &str| {
            let read =
                filter(text, "LOG").map_or_else(|error| error.to_string(), |filter| filter.to_string());
            assert!(read.contains(expected), "{text:?}: {read}");
        };
        check(None, "info");
        check(Some(" "), "info");
        check(Some("warn,relay=debug"), "relay=debug");
        check(Some("relay=loud"), "LOG is not a log filter");
        check(Some("WARN"), "warn");
        for word in ["warning", "inf", "warn,verbose"] {
            check(Some(word), "is no level");
        }
    }
}
