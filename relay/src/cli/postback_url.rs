//! `postback-url`: the address to paste at a source's sender, token and placeholders included.
//!
//! What media buyers ask for first, and what a webhook needs whose sender shows its token in the address. It is the one command
//! that prints a secret on purpose: the address is of no use without it.

use super::source_test::{SourceTestError, find};
use crate::config::Config;

/// The source's whole address.
pub(super) fn run(config: &Config, name: &str) -> Result<String, SourceTestError> {
    let source = find(config, name)?;
    let origin = config.server.public_url.origin().ascii_serialization();
    let address = format!("{origin}{}{}", source.door.prefix(), source.name);
    Ok(match source.source.query_template() {
        // The placeholders stay as they are: networks look for them letter by letter.
        Some(query) => format!("{address}?{query}"),
        None => address,
    })
}
