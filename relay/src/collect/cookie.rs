//! Our cookies, the visitor's id and a denial: read from a request, set by the answer so that Safari keeps them for their
//! full life.
//!
//! Owns the choice of their domain. Not `HttpOnly`: the tag must read the id to put it into carts and orders, and the denial
//! to heed it.

use std::borrow::Cow;

use shared::visitor::{VISITOR_COOKIE, VISITOR_COOKIE_SECONDS};
use shared::{Consent, Purpose, Signal};

/// Cookie with the answers about consent, which the tag writes in the same form.
const CONSENT_COOKIE: &str = "_at_c";

/// The value of cookie `name` in a `Cookie` header line.
pub fn value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.split(';').find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name).then_some(value)
    })
}

/// The `Set-Cookie` line that keeps a visitor's id. `id` has the narrow alphabet of our tokens.
pub fn visitor(id: &str, domain: Option<&str>) -> String {
    line(VISITOR_COOKIE, id, VISITOR_COOKIE_SECONDS, domain)
}

/// The `Set-Cookie` line that removes a visitor's id.
pub fn expired(domain: Option<&str>) -> String {
    line(VISITOR_COOKIE, "", 0, domain)
}

/// The `Set-Cookie` line that keeps a visitor's answers: a letter for each purpose, a dash where there is none.
pub fn answers(consent: &Consent, domain: Option<&str>) -> String {
    let letter = |purpose| match consent.of(purpose) {
        Some(Signal::Granted) => 'g',
        Some(Signal::Denied) => 'd',
        None => '-',
    };
    let purposes = [Purpose::AdStorage, Purpose::AdUserData, Purpose::AdPersonalization];
    let letters: String = purposes.into_iter().map(letter).collect();
    line(CONSENT_COOKIE, &letters, VISITOR_COOKIE_SECONDS, domain)
}

/// The answers in the cookies of a request, as [`answers`] and the tag write them.
pub fn consent(line: &str) -> Consent {
    let letters = value(line, CONSENT_COOKIE).unwrap_or_default().as_bytes();
    let signal = |place: usize| match letters.get(place) {
        Some(b'g') => Some(Signal::Granted),
        Some(b'd') => Some(Signal::Denied),
        _ => None,
    };
    Consent { ad_storage: signal(0), ad_user_data: signal(1), ad_personalization: signal(2) }
}

/// A `Set-Cookie` line as all of them are; a cookie is removed by the domain and path that it was set with.
pub fn line(name: &str, value: &str, seconds: i64, domain: Option<&str>) -> String {
    let domain = domain.map(|domain| format!("; Domain={domain}")).unwrap_or_default();
    format!("{name}={value}; Path=/; Max-Age={seconds}{domain}; Secure; SameSite=Lax")
}

/// The host of a page's address. An origin as browsers write them is read as it stands, which takes a tenth of the time of
/// reading an address, and every event's request brings one.
pub fn host(page: &str) -> Option<Cow<'_, str>> {
    match plain_host(page) {
        Some(host) => Some(Cow::Borrowed(host)),
        None => Some(Cow::Owned(url::Url::parse(page).ok()?.host_str()?.to_owned())),
    }
}

/// The host of `scheme://host` or `scheme://host:port` where nothing in it could mean anything else: no capitals, no
/// Punycode, no address (whose last label begins with a digit).
fn plain_host(origin: &str) -> Option<&str> {
    let rest = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"))?;
    let (host, port) = rest.split_once(':').unwrap_or((rest, "1"));
    let is_plain = |label: &str| {
        let letters = label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        letters && !label.is_empty() && !label.starts_with("xn--")
    };
    let named = host.rsplit('.').next()?.starts_with(|first: char| first.is_ascii_lowercase());
    let numbered = (1..=4).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit());
    (named && numbered && host.len() < 254 && host.split('.').all(is_plain)).then_some(host)
}

/// The domain both hosts belong to, for a cookie that the relay sets and the shop's pages read: the labels the
/// names end in, at least two of them. `None` for addresses and single names, where only a host cookie works.
///
/// Whether the result is a public suffix such as `co.uk` is left to the browser, which refuses such a cookie.
pub fn shared_domain(relay: &str, page: &str) -> Option<String> {
    // An IPv4 address ends in a digit, an IPv6 one stands in brackets; only what looks like one is read.
    let ends_in_digit = |host: &str| host.ends_with(|last: char| last.is_ascii_digit());
    let is_address =
        |host: &str| host.starts_with('[') || ends_in_digit(host) && host.parse::<std::net::IpAddr>().is_ok();
    if relay == page || is_address(relay) || is_address(page) {
        // A host cookie of the same name or address is seen by both: cookies do not know ports.
        return relay.contains('.').then(|| relay.to_owned()).filter(|_| !is_address(relay) && relay == page);
    }
    let common: Vec<&str> =
        relay.rsplit('.').zip(page.rsplit('.')).take_while(|(a, b)| a == b).map(|(label, _)| label).collect();
    if common.len() < 2 {
        return None;
    }
    Some(common.into_iter().rev().collect::<Vec<_>>().join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_origin_reads_as_any_address_does() {
        let check = |page: &str, plain: bool| {
            let slowly = url::Url::parse(page).ok().and_then(|url| url.host_str().map(str::to_owned));
            assert_eq!(plain_host(page).is_some(), plain, "{page}");
            assert_eq!(host(page).map(Cow::into_owned), slowly, "{page}");
        };
        for page in
            ["https://shop.example", "http://a-1.shop.example:8080", "http://localhost:3000", "https://1.x"]
        {
            check(page, true);
        }
        for page in [
            "https://Shop.example",
            "https://shop.example/cart?x=1",
            "https://shop.example.",
            "https://a..b",
            "https://xn--mnchen-3ya.example",
            "https://m\u{fc}nchen.example",
            "https://192.0.2.1",
            "https://1.0x7f",
            "https://[2001:db8::1]:80",
            "https://a@b.example",
            "https://shop.example:99999",
            "https://shop.example:",
            "https://",
            "null",
            "file:///a",
            "https://shop_a.example",
            "https://shop.ex%61mple",
        ] {
            check(page, false);
        }
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let line = "a=1; x_at_vid=no; _at_vid=v-1; _at_vid=v-2";
        assert_eq!(value(line, VISITOR_COOKIE), Some("v-1"));
        assert_eq!(value("", VISITOR_COOKIE), None);
    }

    #[test]
    fn the_domain_is_what_both_hosts_share() {
        let check = |relay, page, expected: Option<&str>| {
            assert_eq!(shared_domain(relay, page).as_deref(), expected, "{relay} {page}");
        };
        check("t.shop.example", "shop.example", Some("shop.example"));
        check("t.shop.example", "www.shop.example", Some("shop.example"));
        check("shop.example", "shop.example", Some("shop.example"));
        check("t.shop.example", "other.example", None);
        check("127.0.0.1", "127.0.0.1", None);
        check("localhost", "localhost", None);
        check("t.shop.co.uk", "www.shop.co.uk", Some("shop.co.uk"));
    }

    #[test]
    fn the_line_keeps_the_cookie_for_400_days() {
        assert_eq!(
            visitor("v-1", Some("shop.example")),
            "_at_vid=v-1; Path=/; Max-Age=34560000; Domain=shop.example; Secure; SameSite=Lax"
        );
    }

    #[test]
    fn the_answers_are_kept_as_long_and_as_the_tag_writes_them() {
        let check = |consent: &str, letters: &str| {
            let consent = serde_json::from_str(consent).expect("answers");
            let rest = "Path=/; Max-Age=34560000; Domain=shop.example; Secure; SameSite=Lax";
            assert_eq!(answers(&consent, Some("shop.example")), format!("_at_c={letters}; {rest}"));
        };
        check(r#"{"ad_storage":"denied"}"#, "d--");
        check(r#"{"ad_user_data":"denied","ad_storage":"granted"}"#, "gd-");
        check(r#"{"ad_storage":"denied","ad_user_data":"denied","ad_personalization":"denied"}"#, "ddd");
        assert!(!answers(&Consent::default(), None).contains("Domain"));
    }
}
