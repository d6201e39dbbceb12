//! Network addresses: which are public, and so may be told to a platform or be sent to.
//!
//! One rule for three askers: the webhook's address in the configuration, every address the HTTP client
//! resolves for a request that is `public_only`, and the visitor's own address before a platform sees it.
//! Pure; resolving names is the client's work.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Whether `address` is reachable on the open internet.
///
/// Follows the IANA special-purpose address registries (iana.org/assignments/iana-ipv4-special-registry and
/// iana-ipv6-special-registry, read 2026-11-23), with one exception: the documentation ranges (192.0.2.0/24,
/// 2001:db8::/32 …) count as public. Nobody answers there, so nothing private can be reached, and examples
/// work. An IPv6 address that carries an IPv4 address inside is judged by the one inside.
pub const fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Whether the host of `url` is plainly a private one: an address that is not public, or this machine by
/// name. Other names may still resolve to private addresses; that is seen when they are resolved.
pub fn names_private_host(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => !is_public_v4(address),
        Some(Host::Ipv6(address)) => !is_public_v6(address),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
        None => true,
    }
}

/// A visitor's address as a platform may see it: public, no port, IPv4 in its own notation.
pub fn client_address(text: &str) -> Option<IpAddr> {
    let address = text.trim().parse::<IpAddr>().ok()?.to_canonical();
    is_public(address).then_some(address)
}

const fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        // "This network", loopback, link-local, and the three private ranges of RFC 1918.
        (0 | 10 | 127, ..) | (169, 254, _) | (172, 16..=31, _) | (192, 168, _) => true,
        // Carrier-grade NAT (RFC 6598), protocol assignments (RFC 6890), benchmarking (RFC 2544).
        (100, 64..=127, _) | (192, 0, 0) | (198, 18..=19, _) => true,
        // Multicast, reserved and broadcast.
        (224..=255, ..) => true,
        _ => false,
    };
    !special
}

const fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // IPv4-mapped (RFC 4291) and the well-known prefix of NAT64 (RFC 6052): judged by what is inside.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            is_public_v4(inside(high, low))
        }
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => is_public_v4(inside(high, low)),
        // Teredo (RFC 4380) hides its IPv4 address behind an exclusive-or; nobody needs it. Benchmarking (RFC
        // 5180).
        [0x2001, 0, ..] | [0x2001, 2, 0, ..] => false,
        // Global unicast is 2000::/3; everything else is local, multicast or unassigned.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

const fn inside(high: u16, low: u16) -> Ipv4Addr {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses_are_public() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "203.0.113.9",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:db8::17",
            "2a00::1",
            "::ffff:1.1.1.1",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
        ] {
            assert!(is_public(text.parse().expect("an address")), "{text}");
        }
    }

    #[test]
    fn private_and_special_addresses_are_not() {
        for text in [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::192.168.0.1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2002:7f00:1::",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "5f00::1",
        ] {
            assert!(!is_public(text.parse().expect("an address")), "{text}");
        }
    }

    #[test]
    fn private_hosts_are_seen_in_an_address() {
        let check = |url: &str, private| {
            assert_eq!(names_private_host(&Url::parse(url).expect("an address")), private, "{url}");
        };
        check("https://hooks.example/x", false);
        check("https://203.0.113.7/", false);
        check("https://localhost/", true);
        check("https://LocalHost.:8443/", true);
        check("https://db.localhost/", true);
        check("https://127.1/", true);
        check("https://0x7f000001/", true);
        check("https://2130706433/", true);
        check("https://[::1]/", true);
        check("https://[::ffff:192.168.0.1]/", true);
        check("data:text/plain,x", true);
    }

    #[test]
    fn a_client_address_has_no_port_and_no_company() {
        let check = |text, expected: Option<&str>| {
            assert_eq!(
                client_address(text).map(|address| address.to_string()).as_deref(),
                expected,
                "{text}"
            );
        };
        check("203.0.113.9", Some("203.0.113.9"));
        check(" 2001:DB8::17 ", Some("2001:db8::17"));
        check("::ffff:203.0.113.9", Some("203.0.113.9"));
        check("203.0.113.9:443", None);
        check("203.0.113.9, 10.0.0.1", None);
        check("192.168.0.1", None);
        check("", None);
    }
}
