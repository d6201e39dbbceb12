//! Origins and hosts as browsers write them, and the addresses of ours that must be nothing more than that.

use url::{Host, Url};

/// The normal form of an origin: `scheme://host[:port]` in lower case without a default port, or `null`.
///
/// `None` when it is none: no http(s), a path, a query, a name and password, or a wildcard.
pub(super) fn origin(text: &str) -> Option<String> {
    if text == "null" {
        return Some(text.to_owned());
    }
    base_url(text).map(|url| url.origin().ascii_serialization())
}

/// An http(s) address that is scheme, host and port only.
pub(super) fn base_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let bare = matches!(url.scheme(), "http" | "https")
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    let exact = url.host_str().is_some_and(|host| !host.is_empty() && !host.contains('*'));
    (bare && exact).then_some(url)
}

/// Whether an address leads to the machine it is used on.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether two addresses surely belong to different sites, as browsers count them: the last two labels of their hosts differ.
/// Whether equal ones are enough, as in `co.uk`, would take the Public Suffix List.
pub(super) fn surely_apart(one: &Url, other: &Url) -> bool {
    fn end(url: &Url) -> Option<(&str, &str)> {
        let Some(Host::Domain(name)) = url.host() else { return None };
        let mut labels = name.trim_end_matches('.').rsplit('.');
        labels.next().zip(labels.next())
    }
    let known = !is_loopback(one) && !is_loopback(other);
    known && end(one).zip(end(other)).is_some_and(|(one, other)| one != other)
}

/// The domain a cookie may be set for: at least two labels, lower case, no leading dot, no address.
pub(super) fn cookie_domain(text: &str) -> Option<String> {
    let name = text.strip_prefix('.').unwrap_or(text);
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    if !plain || name.split('.').any(str::is_empty) || !name.contains('.') {
        return None;
    }
    match Host::parse(name) {
        Ok(Host::Domain(name)) => Some(name),
        Ok(Host::Ipv4(_) | Host::Ipv6(_)) | Err(_) => None,
    }
}

/// Whether a browser at `host` takes a cookie for `domain` (RFC 6265, section 5.1.3).
pub(super) fn covers(domain: &str, host: &str) -> bool {
    host == domain || host.strip_suffix(domain).is_some_and(|above| above.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_different_sites_is_told_where_that_is_sure() {
        let check = |one: &str, other: &str, expected: bool| {
            let address = |host: &str| base_url(&format!("https://{host}")).unwrap();
            assert_eq!(surely_apart(&address(one), &address(other)), expected, "{one} {other}");
        };
        check("shop.example", "t.other.example", true);
        check("www.shop.example", "t.shop.test", true);
        for same in ["shop.example", "t.shop.example", "t.eu.shop.example.", "192.0.2.1", "[::1]", "relay"] {
            check("www.shop.example", same, false);
        }
        check("shop.localhost", "t.shop.example", false);
        check("one.co.uk", "other.co.uk", false);
    }

    #[test]
    fn origins_have_one_spelling() {
        let check = |text, expected: Option<&str>| assert_eq!(origin(text).as_deref(), expected, "{text}");
        check("https://shop.example", Some("https://shop.example"));
        check("HTTPS://Shop.Example:443", Some("https://shop.example"));
        check("https://shop.example/", Some("https://shop.example"));
        check("http://127.0.0.1:8081", Some("http://127.0.0.1:8081"));
        check("http://[::1]:8081", Some("http://[::1]:8081"));
        check("https://bücher.example", Some("https://xn--bcher-kva.example"));
        check("null", Some("null"));
        for text in [
            "shop.example",
            "https://shop.example/cart",
            "https://shop.example?x",
            "https://shop.example#x",
            "https://me:pw@shop.example",
            "https://*.shop.example",
            "ftp://shop.example",
            "localhost:8080",
            "https://",
            "*",
            "",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn loopback_is_told_from_the_world() {
        let check = |text, expected| {
            assert_eq!(is_loopback(&base_url(text).expect("the row is an address")), expected, "{text}");
        };
        check("http://127.0.0.1:8080", true);
        check("http://[::1]", true);
        check("http://localhost", true);
        check("http://shop.localhost:1", true);
        check("http://t.shop.example", false);
        check("http://192.0.2.1", false);
    }

    #[test]
    fn a_cookie_domain_is_a_domain() {
        let check =
            |text, expected: Option<&str>| assert_eq!(cookie_domain(text).as_deref(), expected, "{text}");
        check("shop.example", Some("shop.example"));
        check(".Shop.Example", Some("shop.example"));
        for text in
            ["example", "https://shop.example", "192.0.2.1", "a..b", "shop.example:80", "", ".", "a b.c"]
        {
            check(text, None);
        }
    }

    #[test]
    fn a_cookie_reaches_its_domain_and_below() {
        let check = |domain, host, expected| assert_eq!(covers(domain, host), expected, "{domain} {host}");
        check("shop.example", "shop.example", true);
        check("shop.example", "t.shop.example", true);
        check("shop.example", "myshop.example", false);
        check("t.shop.example", "shop.example", false);
    }
}
