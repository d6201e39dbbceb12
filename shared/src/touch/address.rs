//! Addresses of a landing: whether one holds a click or a campaign, whether another is of another site, and what is kept of them.
//!
//! Looked at only for a touch whose landing page is not known yet, so that most events cost nothing here.

use std::borrow::Cow;

use crate::event::Campaign;
use crate::{click_id, limits, percent, scrub};

/// Whether a parameter of the address carries this very click.
pub(super) fn holds_click(url: &str, param: &str, value: &str) -> bool {
    // Of some networks the case of the name says nothing; the value's does.
    parameters(url).any(|(name, own)| name.eq_ignore_ascii_case(param) && own == value)
}

/// Whether the address names this campaign and nothing of another one.
pub(super) fn holds_campaign(url: &str, campaign: &Campaign) -> bool {
    let Campaign { source, medium, name, term, content, id, seen_at: _ } = campaign;
    let fields = [
        ("utm_source", source),
        ("utm_medium", medium),
        ("utm_campaign", name),
        ("utm_term", term),
        ("utm_content", content),
        ("utm_id", id),
    ];
    let mut same = parameters(url).filter(|(_, value)| !value.is_empty()).filter_map(|(param, value)| {
        let meant = click_id::packed::campaign(param.as_bytes())?;
        let (_, own) = fields.iter().find(|(field, _)| field.as_bytes() == meant)?;
        // What was too long was cut where it was read.
        Some(own.as_deref().is_some_and(|own| value.starts_with(own)))
    });
    same.next() == Some(true) && same.all(|is_same| is_same)
}

/// Whether an address is one of another site than the page's: `www` before the host makes none, nor does the scheme.
pub(super) fn is_foreign(referrer: &str, page: &str) -> bool {
    match (host(referrer), host(page)) {
        (Some(from), Some(own)) => !from.eq_ignore_ascii_case(own),
        _ => false,
    }
}

/// What a touch keeps of an address: no click id, which the visitor's memory has once, nothing personal, and of a long one the path.
pub(super) fn remembered(url: &str) -> String {
    let bare = click_id::stripped(url);
    if bare.len() <= limits::TOUCH_URL {
        return scrub::url(&bare);
    }
    let path = bare.split(['?', '#']).next().unwrap_or_default();
    scrub::url(limits::clip(path, limits::TOUCH_URL))
}

/// The parameters of an address, decoded once. A query inside the fragment counts, because pages that route there have it there.
fn parameters(url: &str) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query.split(['&', '#', '?']).filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        Some((name, percent::decode(value, true)?))
    })
}

/// Host and port of an address, without `www`.
fn host(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next().filter(|host| !host.is_empty())?;
    Some(match host.get(..4) {
        Some(www) if www.eq_ignore_ascii_case("www.") => host.get(4..).unwrap_or_default(),
        _ => host,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_the_very_click() {
        let check = |url: &str, expected: bool| {
            assert_eq!(holds_click(url, "ScCid", "a+b/C"), expected, "{url}");
        };
        check("https://shop.example/?a=1&ScCid=a%2Bb%2FC", true);
        check("https://shop.example/?sccid=a%2bb/C#top", true);
        check("https://shop.example/#/lamps?ScCid=a%2Bb/C", true);
        check("https://shop.example/?ScCid=a%2Bb%2Fc", false);
        check("https://shop.example/?gclid=a%2Bb%2FC", false);
        check("https://shop.example/ScCid=a%2Bb%2FC", false);
    }

    #[test]
    fn an_address_holds_a_campaign_that_nothing_in_it_contradicts() {
        let campaign = Campaign {
            source: Some("mail".to_owned()),
            name: Some("spring sale".to_owned()),
            ..Campaign::default()
        };
        let check = |query: &str, expected: bool| {
            let url = format!("https://shop.example/{query}");
            assert_eq!(holds_campaign(&url, &campaign), expected, "{query}");
        };
        check("?utm_source=mail&utm_campaign=spring+sale&utm_term=", true);
        check("?x=1&utm_campaign=spring%20sale", true);
        check("?utm_source=mail&utm_campaign=autumn", false);
        check("?utm_source=mail&utm_medium=cpc", false);
        check("?source=mail", false);
        check("?mtm_campaign=spring+sale&mtm_source=mail", true);
        check("?UTM_Source=mail", true);
        check("?pk_campaign=autumn", false);
        check("", false);
    }

    #[test]
    fn pages_of_the_own_site_are_not_foreign() {
        let check = |referrer: &str, expected: bool| {
            assert_eq!(is_foreign(referrer, "https://www.shop.example/?a=1"), expected, "{referrer}");
        };
        check("https://www.shop.example/cart", false);
        check("http://SHOP.example?x", false);
        check("https://me@shop.example/", false);
        check("", false);
        check("/cart", false);
        check("https://", false);
        check("https://shop.example.evil.example/", true);
        check("https://news.example/shop.example", true);
        check("https://pay.shop.example/", true);
        check("android-app://com.example.mail/", true);
        assert!(!is_foreign("https://news.example/", "/lamps"), "a page of no known site");
    }

    #[test]
    fn what_is_remembered_is_clean_and_short() {
        let check = |url: &str, expected: &str| assert_eq!(remembered(url), expected, "{url}");
        check(
            "https://shop.example/?fbclid=IwAR_a&p=7&utm_id=1#top",
            "https://shop.example/?p=7&utm_id=1#top",
        );
        check("https://shop.example/?e=jane%40example.com&p=7", "https://shop.example/?e=&p=7");
        let long = "x".repeat(limits::TOUCH_URL);
        check(&format!("https://shop.example/lamps?q={long}"), "https://shop.example/lamps");
        let path = remembered(&format!("https://shop.example/{long}?q=1"));
        assert_eq!((path.len(), path.ends_with('x')), (limits::TOUCH_URL, true));
        let room = limits::TOUCH_URL - "https://shop.example/?gclid=&q=".len();
        let fitting = format!("https://shop.example/?gclid={long}&q={}", "y".repeat(room));
        assert!(remembered(&fitting).contains("?q=y"), "without the click id it fits");
    }
}
