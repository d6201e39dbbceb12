//! The visitor cookie: read from a request, set by the answer so that Safari keeps it for its full life.
//!
//! Owns the choice of the cookie's domain. Not `HttpOnly`: the tag must read the id to put it into carts and orders.

use shared::visitor::{VISITOR_COOKIE, VISITOR_COOKIE_SECONDS};

/// The value of cookie `name` in a `Cookie` header line.
pub fn value<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.split(';').find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name).then_some(value)
    })
}

/// The `Set-Cookie` line that keeps a visitor's id. `id` has the narrow alphabet of our tokens.
pub fn visitor(id: &str, domain: Option<&str>) -> String {
    let domain = domain.map(|domain| format!("; Domain={domain}")).unwrap_or_default();
    format!("{VISITOR_COOKIE}={id}; Path=/; Max-Age={VISITOR_COOKIE_SECONDS}{domain}; Secure; SameSite=Lax")
}

/// The `Set-Cookie` line that removes a visitor's id.
pub fn expired(domain: Option<&str>) -> String {
    let domain = domain.map(|domain| format!("; Domain={domain}")).unwrap_or_default();
    format!("{VISITOR_COOKIE}=; Path=/; Max-Age=0{domain}; Secure; SameSite=Lax")
}

/// The domain both hosts belong to, for a cookie that the relay sets and the shop's pages read: the labels the
/// names end in, at least two of them. `None` for addresses and single names, where only a host cookie works.
///
/// Whether the result is a public suffix such as `co.uk` is left to the browser, which refuses such a cookie.
pub fn shared_domain(relay: &str, page: &str) -> Option<String> {
    let is_address = |host: &str| host.parse::<std::net::IpAddr>().is_ok() || host.starts_with('[');
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
}
