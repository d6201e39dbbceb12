//! Cookies of ad platforms that the relay makes where no tag of the platform has: set by the answer, so that Safari keeps them
//! for their full life.
//!
//! Only what the site lists, only where the visitor's browser may be given cookies, and never over one that is there.
//! What each looks like:
//! - `_fbp`: `fb.<subdomain index>.<ms>.<random below 2^31>`, 90 days. Meta says to make it where its pixel is absent
//!   (Conversions API, "fbp and fbc parameters", read 2026-11-23).
//! - `_uetvid`: 32 hexadecimal digits, 390 days (Microsoft's UET cookies, read 2026-11-23).
//! - `_ga`: `GA1.1.<random below 2^31>.<Unix seconds>`, whose last two parts are the client id; a later gtag takes it over. Two
//!   years, of which browsers grant 400 days (observed form; Google documents the name and the life only).
//!
//! Others are not made: TikTok documents `_ttp` only as its pixel's own, and Snapchat's, Pinterest's and Reddit's say nothing
//! to a platform that did not make them.

use http::HeaderMap;
use http::header::COOKIE;
use shared::event::Event;
use shared::{UnixMs, time, vendor_cookie};

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
    let mut lines = Vec::new();
    for kind in &site.tag.make_cookies {
        let (name, days) = named(*kind);
        let sent = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        let known = sent.filter_map(|line| cookie::value(line, name)).next().is_some();
        if known || events.iter().any(|event| event.cookies.contains_key(name)) {
            continue;
        }
        let value = value(*kind, domain, now, &random);
        let seconds = days * time::DAY_MS / time::SECOND_MS;
        lines.push(format!(
            "{name}={value}; Path=/; Max-Age={seconds}; Domain={domain}; Secure; SameSite=Lax"
        ));
        for event in events.iter_mut() {
            event.cookies.insert(name.to_owned(), value.clone());
        }
    }
    lines
}

/// Name and life in days.
const fn named(kind: MadeCookie) -> (&'static str, i64) {
    match kind {
        MadeCookie::Fbp => ("_fbp", 90),
        MadeCookie::Uetvid => ("_uetvid", 390),
        MadeCookie::Ga => ("_ga", 400),
    }
}

fn value(kind: MadeCookie, domain: &str, now: UnixMs, random: &impl Fn() -> [u8; 10]) -> String {
    let number = || {
        let [a, b, c, d, ..] = random();
        u32::from_be_bytes([a, b, c, d]) >> 1
    };
    match kind {
        MadeCookie::Fbp => {
            let index = u32::try_from(domain.matches('.').count()).unwrap_or(1);
            vendor_cookie::fbp(index, now, number())
        }
        MadeCookie::Uetvid => {
            random().iter().chain(random()[..6].iter()).map(|byte| format!("{byte:02x}")).collect()
        }
        MadeCookie::Ga => format!("GA1.1.{}.{}", number(), now.0 / time::SECOND_MS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_reads_as_what_the_platform_makes() {
        let make = |kind| value(kind, "shop.co.uk", UnixMs(1_795_400_000_123), &|| [0xff; 10]);
        assert_eq!(make(MadeCookie::Fbp), "fb.2.1795400000123.2147483647");
        assert!(vendor_cookie::meta(&make(MadeCookie::Fbp)).is_some());
        assert_eq!(vendor_cookie::uet_id(&make(MadeCookie::Uetvid)), Some("f".repeat(32).as_str()));
        assert_eq!(make(MadeCookie::Ga), "GA1.1.2147483647.1795400000");
        assert_eq!(vendor_cookie::ga_client_id(&make(MadeCookie::Ga)), Some("2147483647.1795400000"));
    }
}
