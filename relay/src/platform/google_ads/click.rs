//! Which ad: `adIdentifiers`, one click id or, where there is none, the attributes of the ad session.
//!
//! The most recent click counts, whether the event names it or one of Google's cookies does; of one moment gclid comes
//! before gbraid and gbraid before wbraid. Two are never sent together: gbraid with wbraid and gclid with wbraid are
//! refused (Data Manager API, `AdIdentifiers`; Google Ads API, GBRAID_WBRAID_BOTH_SET; read 2026-11-23). `gclsrc` says
//! whose a gclid is and is not sent itself.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use shared::click_id::{self, GOOGLE_EXCLUSIVE};
use shared::time::MINUTE_MS;
use shared::{Event, UnixMs};
use url::Url;

use super::MAX_CLICK_AGE_MS;

/// What marks the ad.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AdIdentifiers<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) gclid: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) gbraid: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) wbraid: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) session_attributes: Option<String>,
}

impl<'a> AdIdentifiers<'a> {
    /// The click behind an event, or what is known of the ad session.
    pub(super) fn of(event: &'a Event, now: UnixMs) -> Self {
        let mut ids = Self::default();
        match newest(event, now) {
            Some(Click { param: "gclid", value, .. }) => ids.gclid = Some(value),
            Some(Click { param: "gbraid", value, .. }) => ids.gbraid = Some(value),
            Some(Click { param: "wbraid", value, .. }) => ids.wbraid = Some(value),
            Some(_) | None => ids.session_attributes = session_attributes(event, now),
        }
        ids
    }

    /// Whether nothing is known.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the click is one of the two that carts and some actions do not take.
    pub(super) fn is_braid(&self) -> bool {
        self.gbraid.is_some() || self.wbraid.is_some()
    }
}

/// A click that may have led to the event.
struct Click<'a> {
    param: &'static str,
    value: Cow<'a, str>,
    seen_at: UnixMs,
}

/// The most recent click that can have led to the event.
fn newest(event: &Event, now: UnixMs) -> Option<Click<'_>> {
    let foreign = foreign_gclid(event);
    let named = GOOGLE_EXCLUSIVE.into_iter().filter_map(|param| {
        let click = event.click_ids.get(param)?;
        let spec = click_id::find(param)?;
        let seen_at = click.seen_at.map_or(event.time, |at| at.min(event.time));
        let valid = click_id::valid(spec, &click.value);
        valid.then_some(Click { param, value: Cow::Borrowed(click.value.as_str()), seen_at })
    });
    let in_cookies = COOKIES.into_iter().filter_map(|name| {
        let (spec, found) = click_id::from_cookie(name, event.cookies.get(name)?)?;
        // One that does not say when it was written is older than any that does.
        Some(Click { param: spec.param, value: found.value, seen_at: found.seen_at.unwrap_or_default() })
    });
    let possible = |click: &Click<'_>| {
        let undated = click.seen_at == UnixMs::default();
        let in_time = undated || now.since(click.seen_at) <= MAX_CLICK_AGE_MS;
        in_time && click.seen_at.since(event.time) <= CLOCK_SLACK_MS && Some(&*click.value) != foreign
    };
    // Of equals the first stays: what the event names, then Google's own order.
    named.chain(in_cookies).filter(possible).reduce(
        |best, click| {
            if click.seen_at > best.seen_at { click } else { best }
        },
    )
}

/// A gclid that belongs to Search Ads 360 and not to Google Ads, as the `gclsrc` of the same landing says.
fn foreign_gclid(event: &Event) -> Option<&str> {
    let (gclid, source) = (event.click_ids.get("gclid")?, event.click_ids.get("gclsrc")?);
    let of_older_click =
        matches!((source.seen_at, gclid.seen_at), (Some(label), Some(click)) if label < click);
    (matches!(source.value.as_str(), "ds" | "3p.ds") && !of_older_click).then_some(gclid.value.as_str())
}

/// The ad session as Google's own tag would note it (support.google.com/google-ads/answer/16194756, read
/// 2026-11-23): a JSON object as unpadded base64url.
#[derive(Serialize)]
struct Session<'a> {
    gad_source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    gad_campaignid: Option<&'a str>,
    /// The other marks of this kind in the landing page's address.
    #[serde(flatten)]
    others: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    landing_page_url: Option<&'a str>,
    session_start_time_usec: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    landing_page_referrer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    landing_page_user_agent: Option<&'a str>,
}

/// What is known of the ad session, and nothing that is not: the landing page only while the visitor is on it.
fn session_attributes(event: &Event, now: UnixMs) -> Option<String> {
    let source = event.click_ids.get("gad_source")?;
    let started = source.seen_at.filter(|at| now.since(*at) <= MAX_CLICK_AGE_MS && *at <= event.time)?;
    let landing_page_url = event.page.url.as_deref().filter(|url| is_landing(url));
    let mut session = Session {
        gad_source: &source.value,
        gad_campaignid: event.click_ids.get("gad_campaignid").map(|id| id.value.as_str()),
        others: landing_page_url.map(other_marks).unwrap_or_default(),
        landing_page_url,
        session_start_time_usec: format!("{}000", started.0),
        landing_page_referrer: landing_page_url.and(event.page.referrer.as_deref()),
        landing_page_user_agent: event.context.user_agent.as_deref(),
    };
    // Too long, it loses the referrer first, then the user agent.
    session
        .encoded()
        .or_else(|| {
            session.landing_page_referrer = None;
            session.encoded()
        })
        .or_else(|| {
            session.landing_page_user_agent = None;
            session.encoded()
        })
}

impl Session<'_> {
    /// Ready to be sent, unless it is too long.
    fn encoded(&self) -> Option<String> {
        let json = serde_json::to_vec(self).expect("texts always write as JSON");
        let encoded = URL_SAFE_NO_PAD.encode(json);
        (encoded.len() <= SESSION_CHARS).then_some(encoded)
    }
}

/// Parameters called `gad_…` that are no click ids of the registry.
fn other_marks(url: &str) -> BTreeMap<String, String> {
    let Ok(url) = Url::parse(url) else { return BTreeMap::new() };
    let marks =
        url.query_pairs().filter(|(name, _)| name.starts_with("gad_") && click_id::find(name).is_none());
    marks.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// Whether the page's address carries the marks of an ad.
fn is_landing(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    url.query_pairs().any(|(name, _)| name.starts_with("gad_") || name == "gclid" || name == "gbraid")
}

/// Google's cookies with a click id, those a server sets before those a page does, each in Google's order.
const COOKIES: [&str; 6] = ["FPGCLAW", "FPGCLAG", "FPGCLGB", "_gcl_aw", "_gcl_ag", "_gcl_gb"];
/// How much later than its event a click may seem, because two clocks told the times.
const CLOCK_SLACK_MS: i64 = 5 * MINUTE_MS;
/// Longest text Google takes for the session.
const SESSION_CHARS: usize = 4_000;

#[cfg(test)]
mod tests;
