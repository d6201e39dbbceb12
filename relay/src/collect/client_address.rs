//! The visitor's address: who is really at the other end of a request that came through proxies.
//!
//! Believes `X-Forwarded-For` only as far back as trusted proxies wrote it: from the right, trusted addresses are
//! passed over and the first other one is the client. Ports and brackets are stripped, IPv6 is kept, an
//! IPv4 address wrapped in IPv6 is unwrapped. Pure; leaves the socket to `http`.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

/// The client of a request that `peer` delivered, given the `X-Forwarded-For` lines in the order they came. Lines are
/// bytes: what a client wrote at the start of one must not keep what a proxy added to it from being read.
pub fn client<'a>(
    peer: IpAddr,
    forwarded: impl DoubleEndedIterator<Item = &'a [u8]>,
    trusted: &[IpNet],
) -> IpAddr {
    let is_trusted = |ip: &IpAddr| trusted.iter().any(|net| net.contains(ip));
    let mut client = peer.to_canonical();
    for entry in forwarded.rev().flat_map(|line| line.rsplit(|byte| *byte == b',')) {
        if !is_trusted(&client) {
            break;
        }
        // An entry that is no address ends the chain: nothing to its left can be trusted to be in place.
        match std::str::from_utf8(entry).ok().and_then(parse) {
            Some(ip) => client = ip,
            None => break,
        }
    }
    client
}

/// An address as proxies write it: `203.0.113.9`, `203.0.113.9:4711`, `[2001:db8::1]:443`, `2001:db8::1`.
pub fn parse(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let ip = bare.parse::<IpAddr>().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))?;
    Some(ip.to_canonical())
}

/// The address as text. Every event of a page takes one, so the common kind is written without the formatting
/// machinery.
pub fn text(ip: IpAddr) -> String {
    let IpAddr::V4(v4) = ip else { return ip.to_string() };
    let mut text = String::with_capacity("255.255.255.255".len());
    for (place, number) in v4.octets().into_iter().enumerate() {
        if place > 0 {
            text.push('.');
        }
        for unit in [100, 10, 1] {
            if number >= unit || unit == 1 {
                text.push(char::from(b'0' + number / unit % 10));
            }
        }
    }
    text
}

/// The part of an address that stands for one subscriber, for rate limits: an IPv6 subscriber has a whole /64.
pub fn subscriber(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => {
            let s = v6.segments();
            IpAddr::from([s[0], s[1], s[2], s[3], 0, 0, 0, 0])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_proxies_write_them() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(parse(text).map(|ip| ip.to_string()).as_deref(), expected, "{text}");
        };
        check(" 203.0.113.9 ", Some("203.0.113.9"));
        check("203.0.113.9:4711", Some("203.0.113.9"));
        check("[2001:db8::17]:443", Some("2001:db8::17"));
        check("[2001:db8::17]", Some("2001:db8::17"));
        check("2001:DB8::17", Some("2001:db8::17"));
        check("::ffff:203.0.113.9", Some("203.0.113.9"));
        check("\"[2001:db8::17]:80\"", Some("2001:db8::17"));
        check("unknown", None);
        check("203.0.113.9, 10.0.0.1", None);
        check("", None);
    }

    #[test]
    fn an_address_is_written_as_the_standard_library_does() {
        for octet in 0..=255 {
            let ip = IpAddr::from([octet, 0, 203, octet]);
            assert_eq!(text(ip), ip.to_string());
        }
        let v6 = IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x17]);
        assert_eq!(text(v6), v6.to_string());
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let trusted: Vec<IpNet> =
            vec!["127.0.0.1/32".parse().expect("net"), "10.0.0.0/8".parse().expect("net")];
        let client = |peer: &str, lines: &[&[u8]]| {
            client(peer.parse().expect("address"), lines.iter().copied(), &trusted).to_string()
        };
        let check = |peer: &str, lines: &[&str], expected: &str| {
            let bytes: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
            assert_eq!(client(peer, &bytes), expected, "{peer} {lines:?}");
        };
        check("127.0.0.1", &["203.0.113.9"], "203.0.113.9");
        check("127.0.0.1", &[], "127.0.0.1");
        check("198.51.100.1", &["203.0.113.9"], "198.51.100.1");
        check("127.0.0.1", &["1.2.3.4, 203.0.113.9, 10.0.0.7"], "203.0.113.9");
        check("127.0.0.1", &["1.2.3.4", "203.0.113.9:81, 10.0.0.7"], "203.0.113.9");
        check("127.0.0.1", &["203.0.113.9, nonsense"], "127.0.0.1");
        check("::ffff:127.0.0.1", &["2001:db8::17"], "2001:db8::17");
        // Bytes that are no text end the chain like everything else that is no address.
        assert_eq!(client("127.0.0.1", &[b"\xff, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("127.0.0.1", &[b"203.0.113.9, \xff"]), "127.0.0.1");
    }

    #[test]
    fn an_ipv6_subscriber_is_a_64() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("address");
        assert_eq!(subscriber(ip("2001:db8:1:2:3:4:5:6")), ip("2001:db8:1:2::"));
        assert_eq!(subscriber(ip("203.0.113.9")), ip("203.0.113.9"));
    }
}
