//! A request of a source, as it arrived: raw, so that signatures can be checked over what was signed.

use std::borrow::Cow;
use std::net::IpAddr;

use http::{HeaderMap, Method};
use shared::UnixMs;
use url::form_urlencoded;

/// Which route a kind of source uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// `POST /v1/webhook/{name}`: shops, payment services, CRMs.
    Webhook,
    /// `GET` or `POST /v1/postback/{name}`: affiliate networks and trackers.
    Postback,
}

impl Door {
    /// The door a path leads to, and what stands behind it.
    pub fn of(path: &str) -> Option<(Self, &str)> {
        let [webhook, postback] = [Self::Webhook, Self::Postback];
        let behind = |door: Self| Some((door, path.strip_prefix(door.prefix())?));
        behind(webhook).or_else(|| behind(postback))
    }

    /// What paths begin with here.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Webhook => "/v1/webhook/",
            Self::Postback => "/v1/postback/",
        }
    }

    /// The route in metrics.
    pub const fn route(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Postback => "postback",
        }
    }

    /// The methods it takes, as `Allow` lists them.
    pub const fn methods(self) -> &'static str {
        match self {
            Self::Webhook => "POST",
            Self::Postback => "GET, HEAD, POST",
        }
    }

    /// Whether it takes this method.
    pub fn takes(self, method: &Method) -> bool {
        self.methods().split(", ").any(|known| known == method.as_str())
    }
}

/// A request as it arrived. Holds raw personal data, so it does not print.
#[derive(Clone, Copy)]
pub struct Inbound<'a> {
    /// Name of the source it is for. Ids that only this source's sender knows carry it, so that two senders cannot clash.
    pub source: &'a str,
    /// Who sends it, proxies seen through; unknown where there is no connection, as in a recorded request.
    pub client: Option<IpAddr>,
    /// Method.
    pub method: &'a Method,
    /// Scheme and host under which the relay is reached, such as `https://t.shop.example`. Some sign the whole address.
    pub origin: &'a str,
    /// Path and query, byte for byte.
    pub target: &'a str,
    /// Headers.
    pub headers: &'a HeaderMap,
    /// Body, byte for byte.
    pub body: &'a [u8],
    /// When it arrived.
    pub now: UnixMs,
}

impl<'a> Inbound<'a> {
    /// A header's value, when it is there and visible ASCII.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
    }

    /// The query, without its `?`; empty when there is none.
    pub fn query(&self) -> &'a str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// The query's parameters, decoded, in their order.
    pub fn parameters(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> {
        form_urlencoded::parse(self.query().as_bytes())
    }

    /// The body's form fields, decoded, in their order.
    pub fn form(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> {
        form_urlencoded::parse(self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_a_door() {
        assert_eq!(Door::of("/v1/webhook/shopify"), Some((Door::Webhook, "shopify")));
        assert_eq!(Door::of("/v1/postback/everflow"), Some((Door::Postback, "everflow")));
        assert_eq!(Door::of("/v1/webhook"), None);
    }

    #[test]
    fn a_door_takes_its_methods() {
        assert!(Door::Webhook.takes(&Method::POST) && !Door::Webhook.takes(&Method::GET));
        assert!(Door::Postback.takes(&Method::GET) && Door::Postback.takes(&Method::HEAD));
        assert!(!Door::Postback.takes(&Method::PUT));
    }
}
