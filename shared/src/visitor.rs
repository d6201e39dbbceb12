//! The visitor: what is remembered between landings so that a later conversion finds its click.
//!
//! Owns the names of our own cookies and parameters, and [`Visitor`], the memory of one browser: its newest click
//! ids with the time each was first seen, its ad cookies, its campaigns. Pure: `absorb` folds an event into the
//! memory, `fill` lends the memory to an event that lacks something. Leaves storing to the tag and the relay's `store`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::{Campaign, ClickId, Context, Event};
use crate::time::UnixMs;

/// Cookie with the visitor id, set by the relay so that Safari keeps it.
pub const VISITOR_COOKIE: &str = "_at_vid";
/// Cookie with the touches, written by the tag.
pub const TOUCH_COOKIE: &str = "_at_t";
/// Parameter that carries our click token in links, forms and sub-ids.
pub const CLICK_TOKEN: &str = "atclid";
/// Name under which the visitor id travels in carts, orders and payment metadata.
pub const VISITOR_PROPERTY: &str = "at_vid";
/// Longest life browsers grant a cookie: 400 days, in seconds.
pub const VISITOR_COOKIE_SECONDS: i64 = 400 * 86_400;

/// What is known of one browser.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Visitor {
    /// Newest click id per parameter.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub click_ids: BTreeMap<String, ClickId>,
    /// Newest ad cookies.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cookies: BTreeMap<String, String>,
    /// First campaign seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_campaign: Option<Campaign>,
    /// Latest campaign seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_campaign: Option<Campaign>,
    /// Client of the latest browser event, for conversions that arrive without one.
    #[serde(default, skip_serializing_if = "Context::is_empty")]
    pub context: Context,
    /// Latest page address, for the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// When the visitor was last heard of.
    #[serde(default)]
    pub seen_at: UnixMs,
}

impl Visitor {
    /// Folds what an event brings into the memory. Answers whether anything changed that is worth a write.
    pub fn absorb(&mut self, _event: &Event) -> bool {
        false
    }

    /// Lends the memory to an event that lacks something.
    pub fn fill(&self, _event: &mut Event, _max_age_ms: i64) {}
}
