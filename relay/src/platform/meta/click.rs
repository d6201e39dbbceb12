//! `fbc` and `fbp`: the click and the browser, as Meta's own cookies write them.
//!
//! Owns the choice: the cookie Meta's own code wrote, or one made of the click id we saw. A wrong `fbc` refuses the
//! whole batch (subcode 2804001), so what is not valid is left out, never guessed. The format is that of the page
//! "fbp and fbc" and of facebook/capi-param-builder, read 2026-11-23.

use std::borrow::Cow;

use shared::{ClickId, Event, UnixMs};

/// Longest click id; Meta's parameter builder ignores longer ones.
const FBCLID_BYTES: usize = 500;
/// Where a cookie stands that was made without one, as Meta asks of servers: `example.com`.
const SUBDOMAIN_INDEX: u8 = 1;

/// The click behind an event: the newer of cookie and click id, in Meta's notation.
///
/// A cookie of the same click is taken byte for byte, so that what Meta's own libraries appended stays.
pub(super) fn fbc(event: &Event, now: UnixMs) -> Option<Cow<'_, str>> {
    let cookie = event.cookies.get("_fbc").and_then(|text| MetaCookie::parse(text));
    let click = event.click_ids.get("fbclid").filter(|click| valid(&click.value));
    match (cookie, click) {
        (None, None) => None,
        (Some(cookie), None) => Some(Cow::Borrowed(cookie.text)),
        (None, Some(click)) => Some(Cow::Owned(build(click, event, now))),
        (Some(cookie), Some(click)) => {
            if cookie.payload == click.value || cookie.created > seen(click, event, now) {
                Some(Cow::Borrowed(cookie.text))
            } else {
                Some(Cow::Owned(build(click, event, now)))
            }
        }
    }
}

/// The browser's own id, if its cookie is a valid one.
pub(super) fn fbp(event: &Event) -> Option<&str> {
    event.cookies.get("_fbp").and_then(|text| MetaCookie::parse(text)).map(|cookie| cookie.text)
}

fn build(click: &ClickId, event: &Event, now: UnixMs) -> String {
    format!("fb.{SUBDOMAIN_INDEX}.{}.{}", seen(click, event, now).0, click.value)
}

/// When the click id was first seen; a server that names only the value saw it no later than the event.
fn seen(click: &ClickId, event: &Event, now: UnixMs) -> UnixMs {
    click.seen_at.unwrap_or(event.time).min(now).max(UnixMs(0))
}

/// Whether a click id can stand in `fbc`: not too long, visible ASCII, and no dot, which would read as a separator.
fn valid(fbclid: &str) -> bool {
    let fits = !fbclid.is_empty() && fbclid.len() <= FBCLID_BYTES;
    fits && fbclid.bytes().all(|b| b.is_ascii_graphic() && b != b'.')
}

/// A valid `_fbc` or `_fbp`: `fb.{subdomain index}.{created ms}.{payload}` and perhaps `.{appendix}`.
#[derive(Clone, Copy, Debug)]
struct MetaCookie<'a> {
    /// The cookie, byte for byte.
    text: &'a str,
    /// When it was made.
    created: UnixMs,
    /// Click id or random number.
    payload: &'a str,
}

impl<'a> MetaCookie<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split('.');
        let (prefix, index, created, payload) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let appendix = parts.next();
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let whole = prefix == "fb" && digits(index) && digits(created) && !payload.is_empty();
        let ends = appendix != Some("") && parts.next().is_none();
        if !whole || !ends || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return None;
        }
        Some(Self { text, created: UnixMs(created.parse().ok()?), payload })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMs = UnixMs(1_795_420_800_000);

    /// An event at [`NOW`] with this cookie and this click id, seen then.
    fn event(cookie: Option<&str>, click: Option<(&str, Option<i64>)>) -> Event {
        let mut event: Event =
            serde_json::from_str(r#"{"event":"Lead","event_id":"1","time":1795420800000,"source":"web"}"#)
                .expect("an event");
        if let Some(cookie) = cookie {
            event.cookies.insert("_fbc".into(), cookie.into());
        }
        if let Some((value, seen_at)) = click {
            let click = ClickId { value: value.into(), seen_at: seen_at.map(UnixMs) };
            event.click_ids.insert("fbclid".into(), click);
        }
        event
    }

    fn check(cookie: Option<&str>, click: Option<(&str, Option<i64>)>, expected: Option<&str>) {
        assert_eq!(fbc(&event(cookie, click), NOW).as_deref(), expected, "{cookie:?} {click:?}");
    }

    #[test]
    fn the_cookie_stands_as_it_is_for_its_own_click() {
        let cookie = "fb.1.1795400000100.IwAR0_aem_Zz9.AQIBAQEA";
        check(Some(cookie), None, Some(cookie));
        check(Some(cookie), Some(("IwAR0_aem_Zz9", Some(1_795_410_000_000))), Some(cookie));
        check(Some("fb.2.1795400000100.IwAR0"), None, Some("fb.2.1795400000100.IwAR0"));
    }

    #[test]
    fn a_click_id_alone_makes_its_own() {
        check(None, Some(("IwAR0", Some(1_795_400_000_100))), Some("fb.1.1795400000100.IwAR0"));
        check(None, Some(("IwAR0", None)), Some("fb.1.1795420800000.IwAR0"));
        // A click from the future is a wrong clock.
        check(None, Some(("IwAR0", Some(1_895_400_000_100))), Some("fb.1.1795420800000.IwAR0"));
    }

    #[test]
    fn of_two_clicks_the_newer_wins() {
        let cookie = "fb.1.1795400000100.Old";
        check(Some(cookie), Some(("New", Some(1_795_400_000_101))), Some("fb.1.1795400000101.New"));
        check(Some(cookie), Some(("New", Some(1_795_400_000_100))), Some("fb.1.1795400000100.New"));
        check(Some(cookie), Some(("Older", Some(1_795_400_000_099))), Some(cookie));
        check(Some(cookie), Some(("New", None)), Some("fb.1.1795420800000.New"));
    }

    #[test]
    fn what_is_not_valid_is_left_out() {
        for cookie in
            ["", "fb", "fb.1.2", "fb.1.2.", "fb.x.2.c", "fb.1.x.c", "ab.1.2.c", "fb.1.2.c.d.e", "fb.1.2.c."]
        {
            check(Some(cookie), None, None);
            check(Some(cookie), Some(("New", Some(5))), Some("fb.1.5.New"));
        }
        check(Some("fb.1.99999999999999999999.c"), None, None);
        check(Some("fb.1.2.a b"), None, None);
        for click in ["", "a b", "a.b", "ä", &"x".repeat(501)] {
            check(None, Some((click, Some(5))), None);
            check(Some("fb.1.2.c"), Some((click, Some(5))), Some("fb.1.2.c"));
        }
        let longest = "x".repeat(500);
        check(None, Some((&longest, Some(5))), Some(&format!("fb.1.5.{longest}")));
    }

    #[test]
    fn the_browser_id_is_taken_or_left() {
        let check = |cookie: &str, expected: Option<&str>| {
            let mut event = event(None, None);
            event.cookies.insert("_fbp".into(), cookie.into());
            assert_eq!(fbp(&event), expected);
        };
        check("fb.1.1795400000123.1122334455", Some("fb.1.1795400000123.1122334455"));
        check("fb.1.1795400000123.1122334455.AQIBAQEA", Some("fb.1.1795400000123.1122334455.AQIBAQEA"));
        check("1795400000123.1122334455", None);
    }

    proptest::proptest! {
        #[test]
        fn the_cookie_parser_never_panics(text in ".{0,60}") {
            let _ = MetaCookie::parse(&text);
        }
    }
}
