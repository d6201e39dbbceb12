//! Look-back: how old a click may be at each platform, and what is left out of an event because its click is older.
//!
//! The visitor's memory lends a click for as long as any platform takes it; here each platform gets only what lies in its
//! own window. A click of unknown age is left in: the platform knows it better. So one that another system has kept, and that was
//! passed over for a newer one of a known time, counts where that one is left out. Owns the windows' defaults; pure.

use std::borrow::Cow;

use shared::click_id::{self, Spec};
use shared::{Event, UnixMs, limits, time};

use crate::attribute::{kind, kinds};
use crate::platform::refund;

/// Default windows in days, each the longest the platform credits or accepts: within it, the conversion's own setting at
/// the platform decides. A platform that is not listed has no clicks of its own, and no window unless one is set.
///
/// | platform | as of 2026-11 |
/// |---|---|
/// | meta | its own cookie `_fbc` lives 90 days, and older ones are reported as expired |
/// | google-ads | takes uploads of clicks up to 90 days old, the longest click-through window of a conversion action |
/// | tiktok | the longest click window an account may choose is 28 days |
/// | microsoft | takes conversions up to 90 days after the click, the longest window of a goal |
/// | outbrain | a conversion has a window of 30 days unless its account says otherwise |
/// | taboola | a conversion's click window goes up to 90 days |
const DEFAULT_DAYS: [(&str, u16); 6] =
    [("meta", 90), ("google-ads", 90), ("tiktok", 28), ("microsoft", 90), ("outbrain", 30), ("taboola", 90)];

/// The longest window there may be: nothing older is lent.
pub const MOST_DAYS: u16 = (crate::attribute::LOOK_BACK_MS / time::DAY_MS) as u16;

/// The window of a platform where the operator sets none.
pub fn default_days(platform: &str) -> Option<u16> {
    DEFAULT_DAYS.into_iter().find(|(name, _)| *name == platform).map(|(_, days)| days)
}

/// A click id that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its parameter.
    pub parameter: String,
    /// How old it was when the event happened, in whole days.
    pub age_days: i64,
    /// The window, in days.
    pub window_days: u16,
}

impl std::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { parameter, age_days, window_days } = self;
        write!(f, "its {parameter} was {age_days} days old; `look_back_days` is {window_days}")
    }
}

/// The event without the platform's click ids, and the cookies that carry them, that are older than its window.
pub fn within<'e>(
    platform: &str,
    window_days: Option<u16>,
    event: &'e Event,
) -> (Cow<'e, Event>, Vec<LeftOut>) {
    let Some(window_days) = window_days else { return (Cow::Borrowed(event), Vec::new()) };
    // A destination without clicks of its own has the window for those of all.
    let every = default_days(platform).is_none();
    let concerns = |spec: &Spec| every || spec.platform == platform;
    let happened = happened(event);
    let is_old = |seen_at: Option<UnixMs>| {
        seen_at.is_some_and(|seen_at| happened.since(seen_at) > i64::from(window_days) * time::DAY_MS)
    };
    let old = event.click_ids.iter().filter(|(param, click)| {
        is_old(click.seen_at)
            && click_id::find(param).is_some_and(|spec| spec.is_ad_click() && concerns(spec))
    });
    let left_out: Vec<LeftOut> = old
        .map(|(param, click)| LeftOut {
            parameter: param.clone(),
            age_days: happened.since(click.seen_at.unwrap_or(happened)) / time::DAY_MS,
            window_days,
        })
        .collect();
    let stale = |name: &str, value: &str| {
        click_id::from_cookie(name, value).is_some_and(|(spec, found)| {
            let is_left_out = left_out.iter().any(|left| {
                event.click_ids.get(&left.parameter).is_some_and(|click| click.value == found.value)
            });
            concerns(spec) && (is_left_out || is_old(found.seen_at))
        })
    };
    let cookies: Vec<&String> =
        event.cookies.iter().filter(|(name, value)| stale(name, value)).map(|(name, _)| name).collect();
    if left_out.is_empty() && cookies.is_empty() {
        return (Cow::Borrowed(event), left_out);
    }
    let mut fresh = event.clone();
    fresh.click_ids.retain(|param, _| left_out.iter().all(|left| left.parameter != *param));
    fresh.cookies.retain(|name, _| !cookies.contains(&name));
    step_in(&mut fresh, &left_out);
    (Cow::Owned(fresh), left_out)
}

/// Has the clicks that were passed over stand in for those of their kind that were left out, unless there is another. What led to
/// the event's click did not lead to these: they are its own.
fn step_in(event: &mut Event, left_out: &[LeftOut]) {
    let Some(record) = &mut event.attribution else { return };
    for left in left_out {
        record.lent.remove(&left.parameter);
    }
    let gone = kinds(left_out.iter().map(|left| &left.parameter));
    let there = kinds(event.click_ids.keys());
    let passed_over = std::mem::take(&mut record.passed_over);
    for (param, click) in passed_over {
        let is_wanted = kind(&param).is_some_and(|kind| gone.contains(&kind) && !there.contains(&kind));
        if is_wanted && event.click_ids.len() < limits::CLICK_IDS {
            // A label that is there belongs to the click that was left out.
            event.click_ids.insert(param, click);
        }
    }
}

/// When the click led to something: a refund goes where its order went, however much later it is.
fn happened(event: &Event) -> UnixMs {
    let is_refund = event.event == "Refund";
    let order_time = is_refund.then(|| refund::order_time(event).ok().flatten()).flatten();
    order_time.unwrap_or(event.time)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An event of 2026-11-20 with clicks of some days ago.
    fn event(fbclid_days: i64, ttclid_days: i64) -> Event {
        let now = 1_795_183_509_000;
        let seen = |days: i64| now - days * time::DAY_MS;
        let event = serde_json::json!({
            "event": "Purchase", "event_id": "1", "time": now, "source": "web",
            "click_ids": { "fbclid": { "value": "IwAR_a", "seen_at": seen(fbclid_days) },
                           "ttclid": { "value": "E.C.P.tt", "seen_at": seen(ttclid_days) },
                           "tblci": "GiA1" },
            "cookies": { "_fbc": format!("fb.1.{}.IwAR_a", seen(fbclid_days)), "_fbp": "fb.1.1.2", "ttclid": "E.C.P.tt" },
        });
        serde_json::from_value(event).unwrap()
    }

    #[test]
    fn a_destination_gets_the_clicks_within_its_own_window() {
        let check = |platform, days, event: Event, gone: &[&str]| {
            let (kept, left_out) = within(platform, days, &event);
            let marks = |event: &Event| {
                let ids = event.click_ids.keys().cloned();
                ids.chain(event.cookies.keys().map(|name| format!("cookie {name}"))).collect::<Vec<_>>()
            };
            let mut missing = marks(&event);
            missing.retain(|mark| !marks(&kept).contains(mark));
            assert_eq!(missing, gone, "{platform} {days:?}");
            assert_eq!(left_out.len(), gone.iter().filter(|mark| !mark.starts_with("cookie")).count());
        };
        check("meta", Some(90), event(90, 29), &[]);
        check("meta", Some(90), event(91, 29), &["fbclid", "cookie _fbc"]);
        check("meta", Some(7), event(8, 8), &["fbclid", "cookie _fbc"]);
        check("tiktok", Some(28), event(91, 28), &[]);
        check("tiktok", Some(28), event(91, 29), &["ttclid", "cookie ttclid"]);
        check("taboola", Some(1), event(91, 91), &[]);
        check("webhook", None, event(91, 91), &[]);
        check("webhook", Some(30), event(31, 3), &["fbclid", "cookie _fbc"]);
    }

    #[test]
    fn a_click_that_was_passed_over_counts_where_the_other_is_too_old() {
        let mut event = event(8, 3);
        let kept = |value: &str| shared::ClickId { value: value.to_owned(), seen_at: None };
        let mut record = shared::Attribution::default();
        record.lent.insert("fbclid".to_owned(), shared::Evidence::Email);
        for (param, value) in [("fbclid", "IwAR_kept"), ("ttclid", "E.C.P.kept"), ("gclid", "Cj0-kept")] {
            record.passed_over.insert(param.to_owned(), kept(value));
        }
        event.attribution = Some(Box::new(record));
        let check = |platform, days, expected: [&str; 2]| {
            let (kept, _) = within(platform, days, &event);
            let clicks = ["fbclid", "ttclid"].map(|param| kept.click_ids[param].value.as_str());
            assert_eq!(clicks, expected, "{platform} {days:?}");
            assert!(!kept.click_ids.contains_key("gclid"), "{platform}: it stands in for nothing here");
            let lent = kept.attribution.as_ref().map(|record| record.lent.len());
            assert_eq!(lent, Some(usize::from(clicks[0] == "IwAR_a")), "{platform} {days:?}");
        };
        check("meta", Some(90), ["IwAR_a", "E.C.P.tt"]);
        check("meta", Some(7), ["IwAR_kept", "E.C.P.tt"]);
        check("tiktok", Some(7), ["IwAR_a", "E.C.P.tt"]);
        check("tiktok", Some(2), ["IwAR_a", "E.C.P.kept"]);
        check("webhook", Some(7), ["IwAR_kept", "E.C.P.tt"]);
        check("webhook", None, ["IwAR_a", "E.C.P.tt"]);
    }

    #[test]
    fn the_reason_names_age_and_window() {
        let event = event(12, 1);
        let (_, left_out) = within("meta", Some(7), &event);
        assert_eq!(left_out[0].to_string(), "its fbclid was 12 days old; `look_back_days` is 7");
    }

    #[test]
    fn every_platform_with_clicks_has_a_window_within_the_longest() {
        for kind in crate::platform::ALL {
            let clicks = click_id::REGISTRY.iter().any(|spec| spec.platform == kind.name);
            assert_eq!(default_days(kind.name).is_some(), clicks, "{}", kind.name);
            assert!(default_days(kind.name).is_none_or(|days| (1..=MOST_DAYS).contains(&days)));
        }
    }
}
