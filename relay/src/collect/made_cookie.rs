//! Cookies of ad platforms that the relay makes where no tag of the platform has: set by the answer, so that Safari keeps them
//! for their full life.
//!
//! Only what the site lists, only where the visitor's browser may be given cookies, and never over one that is there, but for
//! a newer click; a visitor who denies loses them. What each looks like:
//! - `_fbp`: `fb.<subdomain index>.<ms>.<number below 2^31>`, 90 days. Meta says to make it where its pixel is absent
//!   (Conversions API, "fbp and fbc parameters", read 2026-11-23).
//! - `_fbc`: `fb.<subdomain index>.<ms>.<fbclid>`, 90 days, the time being when that click was first seen. To be made where
//!   an address brings an `fbclid`, and anew for another one (the same page).
//! - `_uetvid`: 32 hexadecimal digits, 390 days (Microsoft's UET cookies, read 2026-11-23).
//! - `_ga`: `GA1.1.<number below 2^31>.<Unix seconds>`, whose last two parts are the client id; a later gtag takes it over. Two
//!   years, of which browsers grant 400 days (observed form; Google documents the name and the life only).
//!
//! Others are not made: TikTok documents `_ttp` only as its pixel's own, and Snapchat's, Pinterest's and Reddit's say nothing
//! to a platform that did not make them.

use http::HeaderMap;
use http::header::COOKIE;
use sha2::{Digest, Sha256};
use shared::event::Event;
use shared::{UnixMs, event_id, time, vendor_cookie};

use super::cookie;
use crate::config::{MadeCookie, Site};

/// The `Set-Cookie` lines of what is made; the events carry the new values, too.
pub(super) fn make(
    site: &Site,
    headers: &HeaderMap,
    domain: Option<&str>,
    events: &mut [Event],
    now: UnixMs,
    random: impl Fn() -> [u8; 10],
) -> Vec<String> {
    // Without a domain both share, the page would never see the cookie, and each page view would bring another.
    let Some(domain) = domain else { return Vec::new() };
    let index = u32::try_from(domain.matches('.').count()).unwrap_or(1);
    let mut lines = Vec::new();
    for kind in &site.tag.make_cookies {
        let (name, days) = named(*kind);
        let sent = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        let sent = sent.filter_map(|line| cookie::value(line, name)).next();
        let told: &[Event] = events;
        let fresh = || {
            let known = sent.is_some() || told.iter().any(|event| event.cookies.contains_key(name));
            let last = told.last().filter(|_| !known)?;
            Some(Seed::of(last, &site.key, name, now, &random))
        };
        let Some(value) = value(*kind, index, fresh, || new_click(told, sent, now)) else { continue };
        lines.push(cookie::line(name, &value, days * time::DAY_MS / time::SECOND_MS, Some(domain)));
        // Who the browser is holds for all events, a click for those that tell of it.
        let meta = vendor_cookie::meta(&value).filter(|_| *kind == MadeCookie::Fbc);
        let fbclid = meta.map(|made| made.payload);
        for event in events.iter_mut() {
            let click = event.click_ids.get("fbclid").map(|click| click.value.as_str());
            if fbclid.is_none() || click == fbclid {
                event.cookies.insert(name.to_owned(), value.clone());
            }
        }
    }
    lines
}

/// The `Set-Cookie` lines that take back what may have been made: all of it, because an answer that was on its way before may
/// have set what the request does not bring.
pub(super) fn expire(site: &Site, domain: Option<&str>) -> Vec<String> {
    // Without one nothing was made.
    let Some(domain) = domain else { return Vec::new() };
    site.tag.make_cookies.iter().map(|kind| cookie::line(named(*kind).0, "", 0, Some(domain))).collect()
}

/// Name and life in days.
const fn named(kind: MadeCookie) -> (&'static str, i64) {
    match kind {
        MadeCookie::Fbp => ("_fbp", META_DAYS),
        MadeCookie::Fbc => ("_fbc", META_DAYS),
        MadeCookie::Uetvid => ("_uetvid", 390),
        MadeCookie::Ga => ("_ga", 400),
    }
}

/// How long Meta's cookies live.
const META_DAYS: i64 = 90;

/// A cookie's value, where there is what it is made of.
fn value<'a>(
    kind: MadeCookie,
    index: u32,
    fresh: impl FnOnce() -> Option<Seed>,
    new_click: impl FnOnce() -> Option<(UnixMs, &'a str)>,
) -> Option<String> {
    match kind {
        MadeCookie::Fbp => fresh().map(|seed| vendor_cookie::fbp(index, seed.at, seed.number())),
        MadeCookie::Fbc => new_click().and_then(|(seen, fbclid)| vendor_cookie::fbc(index, seen, fbclid)),
        MadeCookie::Uetvid => fresh().map(|seed| seed.hexadecimal()),
        MadeCookie::Ga => fresh().map(|seed| format!("GA1.1.{}.{}", seed.number(), seed.at.seconds())),
    }
}

/// What the id of a browser is made of.
struct Seed {
    bytes: [u8; 16],
    at: UnixMs,
}

impl Seed {
    /// For one visitor always the same: the requests of a first visit are under way together, and none brings what the answer
    /// to another sets. Who a visitor is cannot be read out of it.
    fn of(event: &Event, site: &str, name: &str, now: UnixMs, random: &impl Fn() -> [u8; 10]) -> Self {
        let mut bytes = [0; 16];
        let Some(visitor) = event.visitor_id.as_deref() else {
            let drawn = random().into_iter().chain(random());
            bytes.iter_mut().zip(drawn).for_each(|(byte, drawn)| *byte = drawn);
            return Self { bytes, at: now };
        };
        let digest = Sha256::digest(format!("{visitor}\n{name}\n{site}"));
        bytes.iter_mut().zip(digest.iter()).for_each(|(byte, part)| *byte = *part);
        // By the browser's clock, which may be ahead; no platform is to be shown one that is wrong.
        let made = event_id::uuid_v7_time(visitor).map(UnixMs);
        let made = made.filter(|made| *made <= now.plus(time::HOUR_MS));
        // An id that tells no time: the day, which the requests of a first visit share, unlike the millisecond.
        let day = event.time.plus(-event.time.0.rem_euclid(time::DAY_MS));
        Self { bytes, at: made.unwrap_or(day) }
    }

    fn number(&self) -> u32 {
        let [a, b, c, d, ..] = self.bytes;
        u32::from_be_bytes([a, b, c, d]) >> 1
    }

    fn hexadecimal(&self) -> String {
        self.bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The newest click on an ad of Meta's of which the events tell, with the time it was first seen, unless the browser has the
/// `_fbc` of it or of a later one.
fn new_click<'a>(events: &'a [Event], sent: Option<&str>, now: UnixMs) -> Option<(UnixMs, &'a str)> {
    let clicks = events.iter().filter_map(|event| {
        let click = event.click_ids.get("fbclid")?;
        Some((click.seen_at.unwrap_or(event.time).min(now), click.value.as_str()))
    });
    // The cookie lives as long, and a click that another system has kept without a time would be one of 1970.
    let young = clicks.filter(|(seen, _)| now.since(*seen) < META_DAYS * time::DAY_MS);
    let (seen, fbclid) = young.max_by_key(|(seen, _)| *seen)?;
    // What a cookie could only carry in another form is left out.
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'~');
    if !fbclid.bytes().all(plain) {
        return None;
    }
    // A cookie from the future was written by a wrong clock, which says nothing of which came first.
    let stays = |value: &str| {
        let later = |created_at: UnixMs| created_at > seen && created_at <= now;
        vendor_cookie::meta(value).is_some_and(|known| known.payload == fbclid || later(known.created_at))
    };
    let told = events.iter().filter_map(|event| event.cookies.get("_fbc").map(String::as_str));
    (!sent.into_iter().chain(told).any(stays)).then_some((seen, fbclid))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMs = UnixMs(1_795_400_000_123);

    fn event(rest: &str) -> Event {
        let text = format!(r#"{{"event":"Lead","event_id":"1","time":{},"source":"web"{rest}}}"#, NOW.0);
        serde_json::from_str(&text).expect("an event")
    }

    #[test]
    fn what_is_made_reads_as_what_the_platform_makes() {
        let make = |kind| {
            let seed = || Some(Seed { bytes: [0xff; 16], at: NOW });
            value(kind, 2, seed, || Some((NOW, "IwAR0_aem_Zz9"))).expect("made")
        };
        assert_eq!(make(MadeCookie::Fbp), "fb.2.1795400000123.2147483647");
        assert!(vendor_cookie::meta(&make(MadeCookie::Fbp)).is_some());
        assert_eq!(make(MadeCookie::Fbc), "fb.2.1795400000123.IwAR0_aem_Zz9");
        assert_eq!(vendor_cookie::uet_id(&make(MadeCookie::Uetvid)), Some("f".repeat(32).as_str()));
        assert_eq!(make(MadeCookie::Ga), "GA1.1.2147483647.1795400000");
        assert_eq!(vendor_cookie::ga_client_id(&make(MadeCookie::Ga)), Some("2147483647.1795400000"));
    }

    #[test]
    fn one_visitor_is_always_the_same_and_nobody_else() {
        let seed = |rest: &str, site: &str, name: &str, now: UnixMs| {
            let seed = Seed::of(&event(rest), site, name, now, &|| [7; 10]);
            (seed.bytes, seed.at)
        };
        let id = event_id::uuid_v7(NOW.0 - 5, [1; 10]);
        let visitor = format!(r#","visitor_id":"{id}""#);
        let first = seed(&visitor, "shop", "_fbp", NOW);
        assert_eq!(first.1, UnixMs(NOW.0 - 5), "the time the visitor's id was made");
        assert_eq!(seed(&visitor, "shop", "_fbp", NOW.plus(30)), first, "in a later request as well");
        let other = format!(r#","visitor_id":"{}""#, event_id::uuid_v7(NOW.0 - 5, [2; 10]));
        for (rest, site, name) in
            [(&other, "shop", "_fbp"), (&visitor, "blog", "_fbp"), (&visitor, "shop", "_ga")]
        {
            assert_ne!(seed(rest, site, name, NOW).0, first.0, "{rest} {site} {name}");
        }
        let day = UnixMs(NOW.0 - NOW.0 % time::DAY_MS);
        assert_eq!(seed(r#","visitor_id":"v-1""#, "shop", "_fbp", NOW).1, day, "an id that tells no time");
        let ahead = event_id::uuid_v7(NOW.0 + 2 * time::HOUR_MS, [1; 10]);
        assert_eq!(seed(&format!(r#","visitor_id":"{ahead}""#), "shop", "_fbp", NOW).1, day, "a wrong clock");
        assert_eq!(seed("", "shop", "_fbp", NOW), ([7; 16], NOW), "nobody: drawn");
    }

    #[test]
    fn a_click_makes_a_cookie_unless_there_is_the_one_of_it_or_of_a_later_one() {
        let check = |fbclid: &str, sent: Option<&str>, told: &str, expected: bool| {
            let seen = NOW.0 - 100;
            let click = format!(r#"{{"value":"{fbclid}","seen_at":{seen}}}"#);
            let rest = format!(r#","click_ids":{{"fbclid":{click}}},"cookies":{{"_fbc":"{told}"}}"#);
            let found = new_click(&[event(&rest)], sent, NOW) == Some((UnixMs(seen), fbclid));
            assert_eq!(found, expected, "{fbclid} {sent:?} {told}");
        };
        let (before, after) = (NOW.0 - 101, NOW.0 - 99);
        check("IwAR0_aem-Zz9", None, "", true);
        check("IwAR0", None, "broken", true);
        let later = format!("fb.1.{after}.Later");
        for known in ["fb.1.5.IwAR0", "fb.2.5.IwAR0.AQ", &later] {
            check("IwAR0", Some(known), "", false);
            check("IwAR0", None, known, false);
        }
        let (older, future) = (format!("fb.1.{before}.Older"), format!("fb.1.{}.Future", NOW.0 + 1));
        for other in ["fb.1.5.iwar0", &older, &future] {
            check("IwAR0", Some(other), "", true);
        }
        for odd in ["a;Domain=x", "a%41", "a,b", "a.b&c"] {
            check(odd, None, "", false);
        }
        let none = |rest: &str| assert_eq!(new_click(&[event(rest)], None, NOW), None, "{rest}");
        none("");
        none(r#","click_ids":{"fbclid":{"value":"IwAR0","seen_at":0}}"#);
        let old = NOW.0 - META_DAYS * time::DAY_MS;
        none(&format!(r#","click_ids":{{"fbclid":{{"value":"IwAR0","seen_at":{old}}}}}"#));
        let untimed = event(r#","click_ids":{"fbclid":"IwAR0"}"#);
        assert_eq!(new_click(&[untimed], None, NOW), Some((NOW, "IwAR0")));
    }
}
