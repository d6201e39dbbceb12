//! `ttclid` and `ttp`: the click and the browser, both as TikTok wrote them.
//!
//! Owns where the click id is taken from. Values are opaque: never hashed, lower-cased or cut; what cannot be genuine
//! is left out, and none is ever made up (a `_ttp` that TikTok's pixel did not write has no documented use).

use std::borrow::Cow;

use shared::{Event, Source, click_id, vendor_cookie};
use url::Url;

/// TikTok's name for its click id, in the address, as a cookie and in a request.
const TTCLID: &str = "ttclid";

/// The click behind an event: of the page's address, else the one remembered, else of a referrer on the same host,
/// else of the cookie (order of TikTok's tag-manager template, github.com/tiktok/gtm-template-eapi, 2024-05-30).
pub(super) fn ttclid(event: &Event) -> Option<Cow<'_, str>> {
    let page = event.page.url.as_deref().and_then(|url| Url::parse(url).ok());
    let referrer = event.page.referrer.as_deref().and_then(|url| Url::parse(url).ok());
    let referrer = referrer.filter(|referrer| {
        page.as_ref().is_some_and(|page| page.host().is_some() && page.host() == referrer.host())
    });
    let remembered = || event.click_ids.get(TTCLID).map(|click| click.value.as_str()).filter(|id| valid(id));
    let cookie = || Some(click_id::from_cookie(TTCLID, event.cookies.get(TTCLID)?)?.1.value);
    // The page of an event that a server reports may be lent, and nobody says how old it is; what an event brings itself is among
    // its click ids as well.
    let own_page = page.as_ref().filter(|_| event.source == Source::Web);
    in_address(own_page)
        .or_else(|| remembered().map(Cow::Borrowed))
        .or_else(|| in_address(referrer.as_ref()))
        .or_else(cookie)
}

/// The browser's own id: the whole value of TikTok's cookie.
pub(super) fn ttp(event: &Event) -> Option<&str> {
    vendor_cookie::ttp(event.cookies.get("_ttp")?)
}

fn in_address(url: Option<&Url>) -> Option<Cow<'static, str>> {
    let found = click_id::from_query(url?.query()?);
    found.into_iter().find(|(spec, _)| spec.param == TTCLID).map(|(_, value)| Cow::Owned(value))
}

/// Whether a click id is one by the registry: up to 1,000 visible characters and no macro left unexpanded.
fn valid(ttclid: &str) -> bool {
    click_id::find(TTCLID).is_some_and(|spec| click_id::valid(spec, ttclid))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The click id of an event with these fields besides the needed ones, as JSON.
    fn check(fields: &str, expected: Option<&str>) {
        let json = format!(r#"{{"event":"Lead","event_id":"1","time":0,"source":"web",{fields}}}"#);
        let event: Event = serde_json::from_str(&json).expect(fields);
        assert_eq!(ttclid(&event).as_deref(), expected, "{fields}");
    }

    #[test]
    fn the_page_of_an_event_that_a_server_reports_is_no_evidence() {
        let of_server = |more: &str| {
            let json = format!(
                r#"{{"event":"Lead","event_id":"1","time":0,"source":"server",
                    "page":{{"url":"https://shop.example/?ttclid=E.C.P.Old"}}{more}}}"#
            );
            let event: Event = serde_json::from_str(&json).expect("an event");
            ttclid(&event).map(Cow::into_owned)
        };
        assert_eq!(of_server(r#","click_ids":{"ttclid":"E.C.P.New"}"#).as_deref(), Some("E.C.P.New"));
        assert_eq!(of_server(""), None, "its click was left out as too old");
    }

    #[test]
    fn the_click_of_the_page_comes_first() {
        let page = r#""page":{"url":"https://shop.example/?a=1&ttclid=E.C.P.Page-1%2B"}"#;
        let known = r#""click_ids":{"ttclid":"E.C.P.Known"}"#;
        let cookie = r#""cookies":{"ttclid":"E.C.P.Cookie"}"#;
        check(&format!("{page},{known},{cookie}"), Some("E.C.P.Page-1+"));
        check(&format!("{known},{cookie}"), Some("E.C.P.Known"));
        check(cookie, Some("E.C.P.Cookie"));
    }

    #[test]
    fn a_referrer_counts_on_the_same_host_only() {
        let page = |referrer: &str| {
            format!(
                r#""page":{{"url":"https://shop.example/thanks","referrer":"{referrer}"}},"cookies":{{"ttclid":"Cookie"}}"#
            )
        };
        check(&page("https://shop.example/?ttclid=Ref"), Some("Ref"));
        check(&page("https://pay.example/?ttclid=Ref"), Some("Cookie"));
        check(r#""page":{"referrer":"https://shop.example/?ttclid=Ref"}"#, None);
    }

    #[test]
    fn what_is_not_valid_is_left_out() {
        let longest = "x".repeat(1000);
        check(&format!(r#""click_ids":{{"ttclid":"{longest}"}}"#), Some(&longest));
        for wrong in ["", "a b", "__CLICKID__", "{{ttclid}}", &"x".repeat(1001)] {
            check(&format!(r#""click_ids":{{"ttclid":"{wrong}"}}"#), None);
            check(
                &format!(r#""click_ids":{{"ttclid":"{wrong}"}},"cookies":{{"ttclid":"Cookie"}}"#),
                Some("Cookie"),
            );
        }
        check(r#""page":{"url":"/thanks?ttclid=E.C.P.1"}"#, None);
    }

    #[test]
    fn the_browser_id_is_taken_whole_or_left() {
        let check = |cookie: &str, right: bool| {
            let json = format!(
                r#"{{"event":"Lead","event_id":"1","time":0,"source":"web","cookies":{{"_ttp":"{cookie}"}}}}"#
            );
            let event: Event = serde_json::from_str(&json).expect("an event");
            assert_eq!(ttp(&event), right.then_some(cookie));
        };
        check("01JQ4Z8M3T9V7K2R5W6X0Y1ABC_.tt.1", true);
        check("01JQ4Z8M3T9V7K2R5W6X0Y1ABC_.tt.1.1795400000123", true);
        check("2abcdefghijklmnopqrstuvwxyz", true);
        check("short", false);
        check("with a blank in the middle of it", false);
    }
}
