//! Touches: when and by what a visitor came, and who is credited for a conversion.
//!
//! A touch is a landing with an ad's click id or with a campaign. A visit without either, a direct one, leaves none and so
//! takes no credit from an earlier touch. The first touch within the look-back earns the first click, the latest before the
//! conversion the last click: once over all, and once for each platform by its own clicks. Of two touches of one moment the one
//! with a click goes before one with a campaign alone, and then the one whose parameter comes first in the alphabet.
//! Where an event's address holds the click or the campaign, its page is the landing, and what led there from another site the
//! touch's referrer (`address`). Reports read this; what platforms are sent does not depend on it.

mod address;

use std::collections::BTreeMap;
use std::mem;

use serde::{Deserialize, Serialize};

use crate::click_id::{self, Spec};
use crate::event::{Campaign, Event};
use crate::time::{DAY_MS, MINUTE_MS, UnixMs};

/// Touches remembered of one visitor. Beyond it the second oldest goes: the first is worth more.
const MOST: usize = 16;

/// One landing that an ad or a campaign brought about. Its names are short because visitors and conversions carry it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct Touch {
    /// When.
    #[serde(rename = "t")]
    pub at: UnixMs,
    /// Parameters of the click ids it came with, in the order of the alphabet.
    #[serde(rename = "p", default, skip_serializing_if = "Vec::is_empty")]
    pub clicks: Vec<String>,
    /// The campaign it came with.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<Campaign>,
    /// The address of the page on which the visitor landed, without click ids.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub landing_page: Option<String>,
    /// The address on another site from which the visitor came, as far as the browser told it.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub referrer: Option<String>,
}

impl Touch {
    /// Where it stands among others: by time, a click before a campaign, then by name.
    fn place(&self) -> (UnixMs, bool, &[String]) {
        (self.at, self.clicks.is_empty(), &self.clicks)
    }

    /// The platforms whose click it was.
    fn platforms(&self) -> impl Iterator<Item = &'static str> {
        self.clicks.iter().filter_map(|param| click_id::find(param)).map(|spec| spec.platform)
    }

    /// What is told of it where it is credited.
    fn credited(&self) -> Credited<'_> {
        Credited {
            at: self.at,
            platform: self.platforms().next(),
            campaign: self.campaign.as_ref(),
            landing_page: self.landing_page.as_deref(),
            referrer: self.referrer.as_deref(),
        }
    }

    /// Takes an event's page for that of the landing, where none is known and its address holds what the visitor came by. Of an
    /// event of another time, such as the same address opened once more, the referrer is another's. Answers whether it has.
    fn arrive(&mut self, event: &Event, is_held: impl FnOnce(&str) -> bool) -> bool {
        if self.landing_page.is_some() {
            return false;
        }
        let Some(url) = event.page.url.as_deref().filter(|&url| is_held(url)) else { return false };
        if self.at.since(event.time).abs() <= MINUTE_MS {
            let referrer = event.page.referrer.as_deref();
            self.referrer =
                referrer.filter(|&referrer| address::is_foreign(referrer, url)).map(address::remembered);
        }
        self.landing_page = Some(address::remembered(url));
        true
    }
}

/// Adds what an event says of landings to the touches that are known. Answers whether they have changed.
///
/// A click id is a touch of the time it was first seen; one whose time nobody says is one of the event's time, if `is_new`
/// says that it was not known before. `landed` is the campaign, if the event brought a new one or says when it was. What is known
/// of a landing and told once more by another clock is no second one.
pub fn absorb(
    touches: &mut Vec<Touch>,
    event: &Event,
    landed: Option<&Campaign>,
    is_new: impl Fn(&str, &str) -> bool,
) -> bool {
    let mut changed = false;
    for (param, click) in &event.click_ids {
        let is_news = is_new(param, &click.value);
        let is_touch = click.seen_at.is_some() || is_news;
        if !is_touch || !click_id::find(param).is_some_and(Spec::is_ad_click) {
            continue;
        }
        let at = click.seen_at.map_or(event.time, |seen_at| seen_at.min(event.time));
        let is_again = |touch: &Touch| touch.clicks.contains(param) && touch.at.since(at).abs() <= MINUTE_MS;
        let is_held = |url: &str| address::holds_click(url, param, &click.value);
        changed |= match touches.iter_mut().find(|touch| touch.at == at || !is_news && is_again(touch)) {
            Some(touch) => {
                let joins = touch.clicks.binary_search(param).is_err_and(|place| {
                    touch.clicks.insert(place, param.clone());
                    true
                });
                touch.arrive(event, is_held) || joins
            }
            None => {
                let mut touch = Touch { at, clicks: vec![param.clone()], ..Touch::default() };
                touch.arrive(event, is_held);
                put(touches, touch)
            }
        };
    }
    if let Some(campaign) = landed {
        changed |= land(touches, campaign, event);
    }
    changed
}

/// Adds a landing by a campaign, to the touch of the click it came with if there is one. Answers whether the touches have changed.
fn land(touches: &mut Vec<Touch>, campaign: &Campaign, event: &Event) -> bool {
    let (at, named) = (campaign.landed_at(event.time), campaign.undated());
    let is_held = |url: &str| address::holds_campaign(url, campaign);
    let is_again = |touch: &Touch| {
        campaign.seen_at.is_some()
            && touch.campaign.as_ref() == Some(&named)
            && touch.at.since(at).abs() < DAY_MS
    };
    if let Some(touch) = touches.iter_mut().find(|touch| is_again(touch)) {
        return touch.arrive(event, is_held);
    }
    let of_landing = |touch: &&mut Touch| touch.campaign.is_none() && touch.at.since(at).abs() <= MINUTE_MS;
    match touches.iter_mut().find(of_landing) {
        Some(touch) => {
            touch.campaign = Some(named);
            touch.arrive(event, is_held);
            true
        }
        None => {
            let mut touch = Touch { at, campaign: Some(named), ..Touch::default() };
            touch.arrive(event, is_held);
            put(touches, touch)
        }
    }
}

/// Puts a touch in its place; when there are too many, the second oldest goes, which may be this one. Answers whether
/// they have changed.
fn put(touches: &mut Vec<Touch>, touch: Touch) -> bool {
    let place = touches.partition_point(|other| other.place() < touch.place());
    if touches.len() >= MOST {
        if place == 1 {
            return false;
        }
        touches.insert(place, touch);
        touches.remove(1);
    } else {
        touches.insert(place, touch);
    }
    true
}

/// Of all touches those that earn something for a conversion: the first and the last, over all and for each platform.
pub fn earning(touches: impl IntoIterator<Item = Touch>) -> Vec<Touch> {
    let mut all: Vec<Touch> = touches.into_iter().collect();
    all.sort_by(|a, b| a.place().cmp(&b.place()));
    // Of what two memories have of one landing, that which knows its page.
    all.dedup_by(|later, kept| {
        let is_same = later.place() == kept.place() && later.campaign == kept.campaign;
        if is_same && kept.landing_page.is_none() {
            mem::swap(later, kept);
        }
        is_same
    });
    let mut kept = vec![false; all.len()];
    let mut ends: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (index, touch) in all.iter().enumerate() {
        for whose in touch.platforms().chain([""]) {
            ends.entry(whose).or_insert((index, index)).1 = index;
        }
    }
    for (first, last) in ends.into_values() {
        (kept[first], kept[last]) = (true, true);
    }
    all.into_iter().zip(kept).filter_map(|(touch, kept)| kept.then_some(touch)).collect()
}

/// Who is credited with a conversion, for reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Credit<'a> {
    /// Over all.
    pub first_click: Credited<'a>,
    /// Over all.
    pub last_click: Credited<'a>,
    /// When each platform's first and last click was.
    pub platforms: BTreeMap<&'static str, [UnixMs; 2]>,
}

/// One touch, credited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Credited<'a> {
    /// When.
    pub at: UnixMs,
    /// Whose click, if it was one.
    pub platform: Option<&'static str>,
    /// By which campaign.
    pub campaign: Option<&'a Campaign>,
    /// On which page, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub landing_page: Option<&'a str>,
    /// From where, if that is known and was another site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub referrer: Option<&'a str>,
}

/// The credit that touches earn; `None` where there are none.
pub fn credit(touches: &[Touch]) -> Option<Credit<'_>> {
    let (first, last) = (touches.first()?, touches.last()?);
    let mut platforms: BTreeMap<&'static str, [UnixMs; 2]> = BTreeMap::new();
    for touch in touches {
        for platform in touch.platforms() {
            platforms.entry(platform).or_insert([touch.at, touch.at])[1] = touch.at;
        }
    }
    // Of the last moment, too, the touch that comes first in the order counts.
    let last = touches.iter().find(|touch| touch.at == last.at).unwrap_or(last);
    Some(Credit { first_click: first.credited(), last_click: last.credited(), platforms })
}

#[cfg(test)]
mod tests;
