//! `trace-id`: the number under which a collector has what became of an event.

use super::store::{StoreCommandError, sites};
use crate::config::Config;
use crate::traces::span::TraceId;

/// Which event.
#[derive(clap::Args, Debug)]
pub(super) struct Wanted {
    /// Key of the site
    #[arg(long, value_name = "KEY")]
    site: String,
    /// Id of the event, such as Purchase-88121
    #[arg(value_name = "EVENT_ID")]
    event_id: String,
}

/// The trace's number. It follows from site and id, so the store is not asked.
pub(super) fn run(config: &Config, wanted: &Wanted) -> Result<TraceId, StoreCommandError> {
    sites(config, Some(&wanted.site))?;
    Ok(TraceId::of(&wanted.site, &wanted.event_id))
}
