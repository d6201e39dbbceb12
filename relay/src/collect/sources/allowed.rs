//! `allowed_ips`: the addresses a sender sends from, where it publishes them. A second lock, never the only one.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::Inbound;
use super::reading::Denied;

/// Networks and single addresses; none means any address.
#[derive(Clone, Debug, Default)]
pub(super) struct AllowedIps(Vec<IpNet>);

impl AllowedIps {
    /// Whether the request's sender is among them. Of a recorded request nobody knows the sender.
    pub(super) fn check(&self, request: &Inbound<'_>) -> Result<(), Denied> {
        let known = |ip: IpAddr| self.0.is_empty() || self.0.iter().any(|net| net.contains(&ip));
        if request.client.is_none_or(known) { Ok(()) } else { Err(Denied::Elsewhere) }
    }
}

impl<'de> Deserialize<'de> for AllowedIps {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let nets = texts.iter().map(|text| net(text.trim())).collect::<Option<Vec<_>>>();
        let expected = "expected networks or addresses such as `203.0.113.0/24` or `203.0.113.9`";
        nets.map(Self).ok_or_else(|| D::Error::custom(expected))
    }
}

fn net(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| Some(IpNet::from(text.parse::<IpAddr>().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{headers, webhook};
    use super::*;

    fn read(list: &str) -> Result<AllowedIps, serde_json::Error> {
        serde_json::from_str(list)
    }

    #[test]
    fn an_address_is_allowed_by_itself_or_by_its_network() {
        let none = headers(&[]);
        let check = |list: &str, client: Option<&str>, expected: Result<(), Denied>| {
            let client = client.map(|text| text.parse().expect("an address"));
            let request = Inbound { client, ..webhook(&none, "") };
            assert_eq!(read(list).expect("a list").check(&request), expected, "{list} {client:?}");
        };
        let list = r#"["203.0.113.0/24"," 198.51.100.7 ","2001:db8::/32"]"#;
        check(list, Some("203.0.113.9"), Ok(()));
        check(list, Some("198.51.100.7"), Ok(()));
        check(list, Some("198.51.100.8"), Err(Denied::Elsewhere));
        check(list, Some("2001:db8::17"), Ok(()));
        check(list, Some("2001:db9::17"), Err(Denied::Elsewhere));
        check(list, None, Ok(()));
        check("[]", Some("198.51.100.8"), Ok(()));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for list in [r#"["example.com"]"#, r#"["203.0.113.0/33"]"#, r#"[""]"#, "[7]"] {
            assert!(read(list).is_err(), "{list}");
        }
    }
}
