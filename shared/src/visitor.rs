//! The visitor: what is remembered between landings so that a later conversion finds its click.
//!
//! Owns the names of our own cookies and parameters, and [`Visitor`], the memory of one browser: its newest click
//! ids with the time each was first seen, its ad cookies, its campaigns. Pure: `absorb` folds an event into the
//! memory, `fill` lends the memory to an event that lacks something. Leaves storing to the tag and the relay's `store`.

mod kept;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Consent;
use crate::attribution::Unmatched;
use crate::click_id::{self, GOOGLE_EXCLUSIVE, GOOGLE_LABELS, Spec, packed};
use crate::event::{Campaign, ClickId, Context, Event, Source};
use crate::limits;
use crate::time::{DAY_MS, MINUTE_MS, UnixMs};
use crate::touch::{self, Touch};
use crate::vendor_cookie;

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
    /// Newest click id per parameter; each has its `seen_at`.
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
    /// When the latest campaign was first seen.
    #[serde(default)]
    pub campaign_at: UnixMs,
    /// Clicks that another system has kept, of platforms of which no other was known; each with the time of the event that told of it,
    /// before which it was.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kept: BTreeMap<String, ClickId>,
    /// The same of a campaign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_campaign: Option<Campaign>,
    /// By what the visitor came and where they landed, the earliest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub touches: Vec<Touch>,
    /// Client of the latest browser event, for conversions that arrive without one.
    #[serde(default, skip_serializing_if = "Context::is_empty")]
    pub context: Context,
    /// A recent page address, for the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The latest answers about consent, for events that say nothing about it.
    #[serde(default, skip_serializing_if = "Consent::is_empty")]
    pub consent: Consent,
    /// When these answers were given, as far as is known: an older one that arrives later says nothing against them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent_at: Option<UnixMs>,
    /// When the visitor was last heard of, to the day.
    #[serde(default)]
    pub seen_at: UnixMs,
}

impl Visitor {
    /// Folds what an event brings into the memory. Answers whether anything changed that is worth a write; when
    /// not, the memory is as it was.
    ///
    /// Events may arrive in any order: a click id is as new as its own `seen_at` (the event's time when unknown,
    /// and never later than that), everything else as the event. What changes with every page view (the page's
    /// address, the counters inside Analytics' session cookies, the time of the visit) is only taken along when
    /// something else changed or a day has passed.
    pub fn absorb(&mut self, event: &Event) -> bool {
        let newest = event.time >= self.seen_at;
        let is_landing = |campaign: &&Campaign| campaign.seen_at.is_some() || self.lands_by(campaign, event);
        let landed = event.campaign.as_ref().filter(is_landing);
        let known =
            |param: &str, value: &str| self.click_ids.get(param).is_some_and(|known| known.value == value);
        let repeated: Vec<&str> = event
            .click_ids
            .iter()
            .filter(|(param, click)| known(param, &click.value))
            .map(|(param, _)| param.as_str())
            .collect();
        let mut changed = self.absorb_click_ids(event);
        let mut touches = std::mem::take(&mut self.touches);
        changed |= touch::absorb(&mut touches, event, landed, |param, value| {
            // Of Google's click ids only the one that is remembered is a click of its own.
            !repeated.contains(&param) && self.click_ids.get(param).is_some_and(|kept| kept.value == value)
        });
        self.touches = touches;
        changed |= self.absorb_cookies(event, newest);
        changed |= self.absorb_campaign(event);
        changed |= self.absorb_context(event, newest);
        changed |= event.time.since(self.seen_at) >= DAY_MS;
        if changed {
            if let Some(url) = event.page.url.as_ref().filter(|_| newest && event.source == Source::Web) {
                self.url = Some(url.clone());
            }
            self.seen_at = self.seen_at.max(event.time);
        }
        changed
    }

    /// Lends the memory to an event that lacks something.
    ///
    /// Nothing older than `max_age_ms` is lent, no click id older than its own lifetime in the registry, and
    /// nothing first seen after the event (but for a slack of some minutes between two clocks): a conversion
    /// cannot come from a later click. The event's own values always stand, and one Google click id keeps all
    /// others out. A cookie that carries a click id is lent under the same terms as that click id.
    ///
    /// An event that comes out of a browser has its own client and page, so [`Source::Web`] is lent neither here;
    /// see [`Visitor::lend_client`] for web events that a server reports on the browser's behalf.
    ///
    /// Answers whether the event has changed.
    pub fn fill(&self, event: &mut Event, max_age_ms: i64) -> bool {
        let window = Window { event_time: event.time, max_age_ms };
        let mut changed = self.lend_click_ids(event, &window);
        if window.holds(self.campaign_at, None) {
            changed |= lend(&mut event.campaign, &self.last_campaign);
        }
        if window.reaches(self.seen_at) {
            changed |= self.lend_cookies(event, &window);
            changed |= event.source != Source::Web && self.lend_client(event);
        }
        changed
    }

    /// Lends the browser's address, user agent, language and page to an event that has no client of its own, such
    /// as a purchase that a payment webhook reports. Address and user agent go together or not at all: of two
    /// different clients they would describe nobody. Answers whether the event has changed.
    pub fn lend_client(&self, event: &mut Event) -> bool {
        let Context { ip, user_agent, language } = &mut event.context;
        let mut changed = false;
        if ip.is_none() && user_agent.is_none() {
            changed |= lend(ip, &self.context.ip);
            changed |= lend(user_agent, &self.context.user_agent);
            changed |= lend(language, &self.context.language);
        }
        changed | lend(&mut event.page.url, &self.url)
    }

    /// Why the memory has no click to lend to an event of this time.
    pub fn unmatched(&self, at: UnixMs) -> Unmatched {
        let is_click = |param: &str| click_id::find(param).is_some_and(Spec::is_ad_click);
        let known = || self.click_ids.iter().chain(&self.kept);
        let clicks = || known().filter(|(param, _)| is_click(param)).map(|(_, click)| click);
        let later =
            |click: &ClickId| click.seen_at.is_some_and(|seen_at| at.since(seen_at) < -CLOCK_SLACK_MS);
        match clicks().next() {
            None => Unmatched::NoClick,
            Some(_) if clicks().all(later) => Unmatched::ClickLater,
            Some(_) => Unmatched::ClickTooOld,
        }
    }

    fn absorb_click_ids(&mut self, event: &Event) -> bool {
        if event.click_ids.is_empty() {
            return false;
        }
        let before = self.click_ids.clone();
        let google = best_google(&event.click_ids, event.time);
        for (param, click) in &event.click_ids {
            let seen_at = seen_at(click, event.time);
            let rival = google_place(param).is_some() && Some(param.as_str()) != google;
            if !rival && !self.beaten_by_newer_google(param, seen_at) && self.is_news(param, click, seen_at) {
                let click = ClickId { value: click.value.clone(), seen_at: Some(seen_at) };
                self.click_ids.insert(param.clone(), click);
            }
        }
        self.keep_one_google_click();
        self.drop_oldest_click_ids();
        self.click_ids != before
    }

    /// Whether a click id says more than the one that is known.
    fn is_news(&self, param: &str, click: &ClickId, seen_at: UnixMs) -> bool {
        self.click_ids.get(param).is_none_or(|known| {
            let known_at = known.seen_at.unwrap_or_default();
            if known.value == click.value {
                // The same click, and the sender knows that it was earlier.
                click.seen_at.is_some() && seen_at < known_at
            } else {
                seen_at >= known_at
            }
        })
    }

    /// Whether a Google click id or label would only be dropped again, because a newer or better one is known.
    fn beaten_by_newer_google(&self, param: &str, seen_at: UnixMs) -> bool {
        let Some((winner, winner_at)) = self.google_click() else { return false };
        match google_place(param) {
            Some(place) => {
                seen_at < winner_at
                    || seen_at == winner_at && google_place(winner).is_some_and(|best| best < place)
            }
            None => GOOGLE_LABELS.contains(&param) && seen_at < winner_at,
        }
    }

    /// The Google click id that counts, and when it was seen.
    fn google_click(&self) -> Option<(&'static str, UnixMs)> {
        let winner = best_google(&self.click_ids, UnixMs(i64::MAX))?;
        let click = self.click_ids.get(winner)?;
        Some((winner, seen_at(click, UnixMs(i64::MAX))))
    }

    /// Google's click ids exclude each other, and the labels of an older click say nothing of a newer one.
    fn keep_one_google_click(&mut self) {
        let Some((winner, winner_at)) = self.google_click() else { return };
        self.click_ids.retain(|param, click| {
            let rival = google_place(param).is_some() && param != winner;
            let stale = GOOGLE_LABELS.contains(&param.as_str()) && click.seen_at < Some(winner_at);
            !rival && !stale
        });
    }

    fn drop_oldest_click_ids(&mut self) {
        while self.click_ids.len() > limits::CLICK_IDS {
            let oldest = self.click_ids.iter().min_by_key(|(_, click)| click.seen_at);
            let Some(param) = oldest.map(|(param, _)| param.clone()) else { return };
            self.click_ids.remove(&param);
        }
    }

    fn absorb_cookies(&mut self, event: &Event, newest: bool) -> bool {
        let mut changed = false;
        for (name, value) in &event.cookies {
            let worth = match self.cookies.get(name) {
                Some(known) => newest && !same_cookie(name, known, value),
                None => self.cookies.len() < limits::COOKIES,
            };
            if worth {
                self.cookies.insert(name.clone(), value.clone());
                changed = true;
            }
        }
        changed
    }

    fn absorb_campaign(&mut self, event: &Event) -> bool {
        let Some(campaign) = &event.campaign else { return false };
        let changed = self.lands_by(campaign, event);
        if self.first_campaign.is_none() {
            self.first_campaign = Some(campaign.undated());
        }
        if changed {
            self.last_campaign = Some(campaign.undated());
            self.campaign_at = campaign.landed_at(event.time);
        }
        changed
    }

    /// Whether the event's campaign is news: another one, or the same that brought the visitor again.
    fn lands_by(&self, campaign: &Campaign, event: &Event) -> bool {
        let at = campaign.landed_at(event.time);
        // The same campaign counts anew when it brought the visitor again: its parameters stand in the address, or somebody says
        // when it did.
        let named = |parameter: &str| {
            let name = parameter.split_once('=').map_or(parameter, |(name, _)| name);
            packed::campaign(name.as_bytes()).is_some()
        };
        let in_address = || event.page.url.as_ref().is_some_and(|url| url.split(['?', '&', '#']).any(named));
        let again = at.since(self.campaign_at) >= DAY_MS && (campaign.seen_at.is_some() || in_address());
        let differs = self.last_campaign.as_ref() != Some(&campaign.undated());
        (differs || again) && at >= self.campaign_at
    }

    /// The touches that may earn credit for an event of this time, by the terms of [`Visitor::fill`].
    pub fn touches_before(&self, at: UnixMs, max_age_ms: i64) -> impl Iterator<Item = &Touch> {
        let window = Window { event_time: at, max_age_ms };
        self.touches.iter().filter(move |touch| window.holds(touch.at, None))
    }

    fn absorb_context(&mut self, event: &Event, newest: bool) -> bool {
        if event.source != Source::Web || !newest {
            return false;
        }
        let known = event.context.ip.is_some() || event.context.user_agent.is_some();
        let client = known && event.context != self.context;
        if client {
            self.context = event.context.clone();
        }
        client || self.url.is_none() && event.page.url.is_some()
    }

    fn lend_click_ids(&self, event: &mut Event, window: &Window) -> bool {
        let mut changed = false;
        let own_google = GOOGLE_EXCLUSIVE.into_iter().any(|param| event.click_ids.contains_key(param));
        for (param, click) in &self.click_ids {
            let Some(seen_at) = click.seen_at else { continue };
            let google = google_place(param).is_some() || GOOGLE_LABELS.contains(&param.as_str());
            if !window.holds(seen_at, click_id::find(param)) {
                continue;
            }
            match event.click_ids.get_mut(param) {
                // The event names the very click; the memory knows when it was.
                Some(own) if own.value == click.value && own.seen_at.is_none() => {
                    own.seen_at = Some(seen_at);
                    changed = true;
                }
                Some(_) => {}
                None if google && own_google => {}
                None => {
                    if event.click_ids.len() < limits::CLICK_IDS {
                        event.click_ids.insert(param.clone(), click.clone());
                        changed = true;
                    }
                }
            }
        }
        changed
    }

    fn lend_cookies(&self, event: &mut Event, window: &Window) -> bool {
        let mut changed = false;
        for (name, value) in &self.cookies {
            let room = event.cookies.len() < limits::COOKIES && !event.cookies.contains_key(name);
            if room && lendable(name, value, event, window) {
                event.cookies.insert(name.clone(), value.clone());
                changed = true;
            }
        }
        changed
    }
}

/// Lends a value where there is none. Answers whether it did.
fn lend<T: Clone>(own: &mut Option<T>, known: &Option<T>) -> bool {
    let changed = own.is_none() && known.is_some();
    if changed {
        own.clone_from(known);
    }
    changed
}

/// Place of a parameter in Google's order of preference, if it is one of Google's click ids.
fn google_place(param: &str) -> Option<usize> {
    GOOGLE_EXCLUSIVE.iter().position(|google| *google == param)
}

/// The Google click id that counts among `clicks`: the newest, of one moment the first in Google's order.
fn best_google(clicks: &BTreeMap<String, ClickId>, latest: UnixMs) -> Option<&'static str> {
    // Of equals `max_by_key` takes the last, so the order is turned round.
    let known = GOOGLE_EXCLUSIVE.into_iter().rev().filter_map(|param| Some((param, clicks.get(param)?)));
    known.max_by_key(|(_, click)| seen_at(click, latest)).map(|(param, _)| param)
}

/// When a click was first seen; `latest`, the time of the event that names it, when unknown or beyond that.
fn seen_at(click: &ClickId, latest: UnixMs) -> UnixMs {
    click.seen_at.map_or(latest, |seen_at| seen_at.min(latest))
}

/// How far back credit reaches from one event.
struct Window {
    event_time: UnixMs,
    max_age_ms: i64,
}

impl Window {
    /// Whether something first seen then may earn credit for the event.
    fn holds(&self, seen_at: UnixMs, spec: Option<&Spec>) -> bool {
        let lifetime = spec.map_or(i64::MAX, |spec| i64::from(spec.days) * DAY_MS);
        let age = self.event_time.since(seen_at);
        age >= -CLOCK_SLACK_MS && age <= self.max_age_ms.min(lifetime)
    }

    /// Whether a browser heard of then is still recent enough to say whose event it is.
    fn reaches(&self, seen_at: UnixMs) -> bool {
        self.event_time.since(seen_at) <= self.max_age_ms
    }
}

/// Whether a remembered cookie may go with the event. One that carries a click id must carry the one the event
/// has by now: its own, or the one that was just lent because it is within the look-back.
fn lendable(name: &str, value: &str, event: &Event, window: &Window) -> bool {
    if !click_id::REGISTRY.iter().any(|spec| spec.cookies.iter().any(|(cookie, _)| *cookie == name)) {
        return true;
    }
    let Some((spec, found)) = click_id::from_cookie(name, value) else { return false };
    let in_time = found.seen_at.is_none_or(|seen_at| window.holds(seen_at, Some(spec)));
    in_time && event.click_ids.get(spec.param).is_some_and(|click| click.value == found.value)
}

/// Whether two values of a cookie mean the same: Analytics counts every hit in its session cookie.
fn same_cookie(name: &str, known: &str, value: &str) -> bool {
    if name.starts_with(click_id::SESSION_COOKIE_PREFIX) {
        let session = vendor_cookie::ga_session_id(value);
        return session.is_some() && session == vendor_cookie::ga_session_id(known);
    }
    known == value
}

/// How much later than the event its click may seem, because two clocks told the times.
pub const CLOCK_SLACK_MS: i64 = 5 * MINUTE_MS;

#[cfg(test)]
mod tests;
