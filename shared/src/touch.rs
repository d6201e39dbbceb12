//! Touches: when and by what a visitor came, and who is credited for a conversion.
//!
//! A touch is a landing with an ad's click id or with a campaign. A visit without either, a direct one, leaves none and so
//! takes no credit from an earlier touch. The first touch within the look-back earns the first click, the latest before the
//! conversion the last click: once over all, and once for each platform by its own clicks. Of two touches of one moment the one
//! with a click goes before one with a campaign alone, and then the one whose parameter comes first in the alphabet.
//! Reports read this; what platforms are sent does not depend on it.

use std::collections::BTreeMap;

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
        changed |= match touches.iter_mut().find(|touch| touch.at == at || !is_news && is_again(touch)) {
            Some(touch) => touch.clicks.binary_search(param).is_err_and(|place| {
                touch.clicks.insert(place, param.clone());
                true
            }),
            None => put(touches, Touch { at, clicks: vec![param.clone()], campaign: None }),
        };
    }
    if let Some(campaign) = landed {
        changed |= land(touches, campaign, event.time);
    }
    changed
}

/// Adds a landing by a campaign, to the touch of the click it came with if there is one. Answers whether the touches have changed.
fn land(touches: &mut Vec<Touch>, campaign: &Campaign, event_time: UnixMs) -> bool {
    let (at, named) = (campaign.landed_at(event_time), campaign.undated());
    let again = |touch: &Touch| touch.campaign.as_ref() == Some(&named) && touch.at.since(at).abs() < DAY_MS;
    if campaign.seen_at.is_some() && touches.iter().any(again) {
        return false;
    }
    let of_landing = |touch: &&mut Touch| touch.campaign.is_none() && touch.at.since(at).abs() <= MINUTE_MS;
    match touches.iter_mut().find(of_landing) {
        Some(touch) => touch.campaign.replace(named).is_none(),
        None => put(touches, Touch { at, clicks: Vec::new(), campaign: Some(named) }),
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
    all.dedup();
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
}

/// The credit that touches earn; `None` where there are none.
pub fn credit(touches: &[Touch]) -> Option<Credit<'_>> {
    let credited = |touch: &'_ Touch| (touch.at, touch.platforms().next());
    let (first, last) = (touches.first()?, touches.last()?);
    let mut platforms: BTreeMap<&'static str, [UnixMs; 2]> = BTreeMap::new();
    for touch in touches {
        for platform in touch.platforms() {
            platforms.entry(platform).or_insert([touch.at, touch.at])[1] = touch.at;
        }
    }
    let of = |touch| {
        let (at, platform) = credited(touch);
        Credited { at, platform, campaign: touch.campaign.as_ref() }
    };
    // Of the last moment, too, the touch that comes first in the order counts.
    let last = touches.iter().find(|touch| touch.at == last.at).unwrap_or(last);
    Some(Credit { first_click: of(first), last_click: of(last), platforms })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::DAY_MS;

    fn touch(at: i64, clicks: &[&str], campaign: Option<&str>) -> Touch {
        let campaign = campaign.map(|name| Campaign { name: Some(name.to_owned()), ..Campaign::default() });
        let clicks = clicks.iter().map(|param| (*param).to_owned()).collect();
        Touch { at: UnixMs(at), clicks, campaign }
    }

    fn event(time: i64, more: &str) -> Event {
        let json = format!(r#"{{"event":"PageView","event_id":"1","time":{time},"source":"web"{more}}}"#);
        serde_json::from_str(&json).expect("an event")
    }

    #[test]
    fn credit_goes_to_the_first_and_the_last_touch_and_to_each_platform() {
        let touches = [
            touch(5, &[], Some("mail")),
            touch(1, &["fbclid"], Some("spring")),
            touch(3, &["gclid"], None),
            touch(2, &["fbclid"], None),
            touch(4, &["fbclid"], None),
        ];
        let kept = earning(touches);
        let times: Vec<i64> = kept.iter().map(|touch| touch.at.0).collect();
        assert_eq!(times, [1, 3, 4, 5], "the second of Meta's three earns nothing");
        let credit = credit(&kept).expect("touched");
        let told = |one: &Credited<'_>| {
            (one.at.0, one.platform, one.campaign.and_then(|campaign| campaign.name.clone()))
        };
        assert_eq!(told(&credit.first_click), (1, Some("meta"), Some("spring".to_owned())));
        assert_eq!(told(&credit.last_click), (5, None, Some("mail".to_owned())));
        assert_eq!(credit.platforms["meta"], [UnixMs(1), UnixMs(4)]);
        assert_eq!(credit.platforms["google-ads"], [UnixMs(3), UnixMs(3)]);
    }

    #[test]
    fn of_one_moment_a_click_goes_before_a_campaign_and_then_the_alphabet() {
        let kept =
            earning([touch(1, &[], Some("mail")), touch(1, &["ttclid"], None), touch(1, &["fbclid"], None)]);
        let credit = credit(&kept).expect("touched");
        assert_eq!((credit.first_click.platform, credit.last_click.platform), (Some("meta"), Some("meta")));
        assert_eq!(super::credit(&[]), None);
    }

    #[test]
    fn a_landing_is_one_touch_and_what_is_known_none() {
        let mut touches = Vec::new();
        let campaign = Campaign { name: Some("spring".to_owned()), ..Campaign::default() };
        let clicks = r#","click_ids":{"fbclid":{"value":"a","seen_at":1000},"gclid":{"value":"b","seen_at":1000},"gad_source":"1"}"#;
        let nothing = |_: &str, _: &str| false;
        let unlike_a = |_: &str, value: &str| value != "a";
        assert!(absorb(&mut touches, &event(1200, clicks), Some(&campaign), nothing));
        assert_eq!(touches, [touch(1000, &["fbclid", "gclid"], Some("spring"))]);
        // The same clicks with the next page, and named by a server that does not know when they were.
        assert!(!absorb(&mut touches, &event(5000, clicks), None, nothing));
        let named = |at: i64, value: &str| event(at, &format!(r#","click_ids":{{"fbclid":"{value}"}}"#));
        assert!(!absorb(&mut touches, &named(6000, "a"), None, unlike_a));
        assert!(absorb(&mut touches, &named(7000, "c"), None, unlike_a));
        assert_eq!(touches[1], touch(7000, &["fbclid"], None));
        assert!(!absorb(&mut touches, &event(8000, ""), None, nothing), "a direct visit");
    }

    #[test]
    fn a_campaign_whose_time_is_told_is_a_touch_of_that_time() {
        let told = |at: i64| Campaign {
            name: Some("spring".to_owned()),
            seen_at: Some(UnixMs(at)),
            ..Campaign::default()
        };
        let mut touches = vec![touch(DAY_MS, &["fbclid"], None)];
        let order = event(9 * DAY_MS, "");
        let nothing = |_: &str, _: &str| false;
        // The landing with the click, told by another clock; the same once more; and one of other days.
        assert!(absorb(&mut touches, &order, Some(&told(DAY_MS + 3000)), nothing));
        assert_eq!(touches, [touch(DAY_MS, &["fbclid"], Some("spring"))]);
        assert!(!absorb(&mut touches, &order, Some(&told(DAY_MS - 3_600_000)), nothing));
        assert!(absorb(&mut touches, &order, Some(&told(5 * DAY_MS)), nothing));
        assert!(
            absorb(&mut touches, &order, Some(&told(99 * DAY_MS)), nothing),
            "never later than the event"
        );
        let times: Vec<i64> = touches.iter().map(|touch| touch.at.0 / DAY_MS).collect();
        assert_eq!(times, [1, 5, 9]);
        assert!(touches.iter().all(|touch| touch.campaign.as_ref().is_some_and(|one| one.seen_at.is_none())));
    }

    #[test]
    fn a_known_click_told_by_another_clock_is_no_second_touch() {
        let mut touches = vec![touch(100_000, &["fbclid"], None)];
        let told =
            |at: i64| event(900_000, &format!(r#","click_ids":{{"fbclid":{{"value":"a","seen_at":{at}}}}}"#));
        let (known, new) = (|_: &str, _: &str| false, |_: &str, _: &str| true);
        assert!(!absorb(&mut touches, &told(97_000), None, known));
        assert!(absorb(&mut touches, &told(98_000), None, new), "another click of that minute");
        assert!(absorb(&mut touches, &told(700_000), None, known), "another landing");
        assert_eq!(touches.len(), 3);
    }

    #[test]
    fn the_first_touch_is_never_dropped() {
        let mut touches = Vec::new();
        for day in 0..30 {
            let click =
                format!(r#","click_ids":{{"fbclid":{{"value":"{day}","seen_at":{}}}}}"#, day * DAY_MS);
            absorb(&mut touches, &event(day * DAY_MS, &click), None, |_, _| false);
        }
        assert_eq!(
            (touches.len(), touches[0].at, touches[MOST - 1].at),
            (MOST, UnixMs(0), UnixMs(29 * DAY_MS))
        );
    }
}
