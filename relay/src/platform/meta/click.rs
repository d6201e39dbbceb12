//! `fbc` and `fbp`: the click and the browser, as Meta's own cookies write them.
//!
//! Owns the choice: the cookie Meta's own code wrote, or one made of the click id we saw. A wrong `fbc`
//! refuses the whole batch (subcode 2804001), so what is not valid is left out, never guessed. The format
//! itself is in `shared::vendor_cookie`.

use std::borrow::Cow;

use shared::vendor_cookie;
use shared::{ClickId, Event, UnixMs, click_id};

/// Where a cookie stands that was made without one, as Meta's page "fbp and fbc" asks of servers:
/// `example.com`.
const SUBDOMAIN_INDEX: u32 = 1;

/// The click behind an event: the newer of cookie and click id, in Meta's notation.
///
/// A cookie of the same click is taken byte for byte, so that what Meta's own libraries appended stays.
pub(super) fn fbc(event: &Event, now: UnixMs) -> Option<Cow<'_, str>> {
    let click = event.click_ids.get("fbclid").filter(|click| valid(&click.value));
    let built =
        click.and_then(|click| vendor_cookie::fbc(SUBDOMAIN_INDEX, seen(click, event, now), &click.value));
    let cookie = cookie(event, "_fbc");
    let newer = match (cookie, click) {
        (Some((_, cookie)), Some(click)) => {
            // A cookie from the future was written by a wrong clock, which says nothing of which came first.
            let before = cookie.created_at <= seen(click, event, now) || cookie.created_at > now;
            cookie.payload != click.value && before
        }
        _ => false,
    };
    let kept = cookie.map(|(text, _)| Cow::Borrowed(text));
    let built = built.map(Cow::Owned);
    if newer { built.or(kept) } else { kept.or(built) }
}

/// The browser's own id, if its cookie is a valid one.
pub(super) fn fbp(event: &Event) -> Option<&str> {
    cookie(event, "_fbp").map(|(text, _)| text)
}

/// A valid cookie of Meta's, as it stands and taken apart.
fn cookie<'a>(event: &'a Event, name: &str) -> Option<(&'a str, vendor_cookie::Meta<'a>)> {
    let text = event.cookies.get(name)?;
    Some((text, vendor_cookie::meta(text)?))
}

/// When the click id was first seen; a server that names only the value saw it no later than the event.
fn seen(click: &ClickId, event: &Event, now: UnixMs) -> UnixMs {
    click.seen_at.unwrap_or(event.time).min(now).max(UnixMs(0))
}

/// Whether a click id is one by the registry: not too long for Meta, visible, and no macro left unexpanded.
fn valid(fbclid: &str) -> bool {
    click_id::find("fbclid").is_some_and(|spec| click_id::valid(spec, fbclid))
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
        for cookie in [
            "",
            "fb",
            "fb.1.2",
            "fb.1.2.",
            "fb.x.2.c",
            "fb.1.x.c",
            "ab.1.2.c",
            "fb.1.2. c",
            "fb.1.2.c.d.e",
            "fb.1.2.c.",
        ] {
            check(Some(cookie), None, None);
            check(Some(cookie), Some(("New", Some(5))), Some("fb.1.5.New"));
        }
        check(Some("fb.1.99999999999999999999.c"), None, None);
        check(Some("fb.1.2.a b"), None, None);
        for click in ["", "a b", "a.b", "ä", "{{fbclid}}", &"x".repeat(501)] {
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
}
