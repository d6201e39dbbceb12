//! What a visitor's memory has of what other systems have kept: clicks and a campaign of unknown age.

use super::{Visitor, Window};
use crate::click_id;
use crate::event::{Campaign, ClickId};
use crate::time::UnixMs;

impl Visitor {
    /// The clicks that another system has kept and that may be lent to an event of this time, by the terms of [`Visitor::fill`],
    /// where nothing better is known.
    pub fn kept_before(&self, at: UnixMs, max_age_ms: i64) -> impl Iterator<Item = (&String, &ClickId)> {
        let window = Window { event_time: at, max_age_ms };
        self.kept.iter().filter(move |(param, click)| {
            click.seen_at.is_some_and(|seen_at| window.holds(seen_at, click_id::find(param)))
        })
    }

    /// The same of the campaign.
    pub fn kept_campaign_before(&self, at: UnixMs, max_age_ms: i64) -> Option<&Campaign> {
        let window = Window { event_time: at, max_age_ms };
        let holds =
            |campaign: &&Campaign| campaign.seen_at.is_some_and(|seen_at| window.holds(seen_at, None));
        self.kept_campaign.as_ref().filter(holds)
    }
}
