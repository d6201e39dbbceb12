//! Postbacks: what affiliate networks and trackers report by calling an address their user wrote.
//!
//! One kind for all of them, with a preset for each network. A postback is as unsigned as any address: it proves itself by a
//! token only its sender was given, and it may be held to the sender's addresses. Networks switch a postback off after
//! failures, so whatever trying again does not mend is answered 200.
//!
//! Rooms: `meaning` (what a parameter means), `name` (where a name means it), `network` (the presets), `status` (how far a
//! conversion has got), `fields` (parameters, cleaned), `correction` (what went back), `conversion` (what it all comes to).
//! Not to be taken for `platform::postback`, which calls.

mod conversion;
mod correction;
mod fields;
mod meaning;
mod name;
mod network;
mod status;

use std::collections::BTreeMap;
use std::fmt;

use http::HeaderName;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use shared::limits;
use shared::money;
use url::form_urlencoded;

use super::allowed::AllowedIps;
use super::reading::{Denied, Reading, Unreadable};
use super::{Answer, Door, Inbound, Kind, Settings, Settled, Source};
use crate::platform::settings::{Key, SettingError};
use crate::secret::Secret;
use fields::key;
pub use meaning::Meaning;
use name::Name;
pub use network::{NETWORKS, Network};
pub use status::Status;

// ── Settings ───────────────────────────────────────────────────────────────────────────────────────────────

/// Postbacks in the registry.
pub const KIND: Kind = Kind { name: "postback", door: Door::Postback, keys: &KEYS, configure };

const KEYS: [Key; 11] = [
    Key::required(
        "token",
        "16 characters or more that only the network is given, part of the address; secret",
    ),
    Key::optional("network", "a preset of the table below; default `custom`"),
    Key::optional("header", "the header the token comes in; default: the parameter `token` of the address"),
    Key::optional("allowed_ips", "addresses and networks the sender sends from; default: any"),
    Key::optional(
        "currency",
        "the currency of amounts that come without one; default: none, they stay without",
    ),
    Key::optional("value", "`payout` (default): what you earn; `sale_amount`: what the buyer paid"),
    Key::optional("max_value", "what is worth more is not counted; default: no limit"),
    Key::optional(
        "pending",
        "`count` (default): a pending conversion counts at once; `wait`: once it is approved",
    ),
    Key::optional(
        "events",
        "the network's event, goal or status → our event, or false: `{ ftd = \"Purchase\", 12 = false }`",
    ),
    Key::optional(
        "statuses",
        "the network's status → `approved`, `pending`, `rejected` or `ignored`: `{ 7 = \"approved\" }`",
    ),
    Key::optional(
        "parameters",
        "meaning → the parameter or parameters it comes in: `{ payout = \"rev\", click_id = [\"sub3\", \"sub4\"] }`",
    ),
];

/// The keys as they are read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Own {
    token: Secret,
    #[serde(default)]
    network: Option<String>,
    #[serde(default)]
    header: Option<String>,
    #[serde(default)]
    allowed_ips: AllowedIps,
    #[serde(default)]
    currency: Option<String>,
    #[serde(default)]
    value: ValueOf,
    #[serde(default)]
    max_value: Option<f64>,
    #[serde(default)]
    pending: Pending,
    #[serde(default)]
    events: BTreeMap<String, Rule>,
    #[serde(default)]
    statuses: BTreeMap<String, Status>,
    #[serde(default)]
    parameters: BTreeMap<Meaning, Names>,
}

/// Which amount is the event's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ValueOf {
    /// What the publisher earns.
    #[default]
    Payout,
    /// What the buyer paid.
    SaleAmount,
}

/// When a pending conversion counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Pending {
    /// At first sight: networks approve weeks later, when no ad platform listens any more.
    #[default]
    Count,
    /// At approval.
    Wait,
}

/// What an event of the network is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    /// An event of ours.
    Name(String),
    /// Nothing.
    Off,
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrFalse;
        impl Visitor<'_> for NameOrFalse {
            type Value = Rule;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of an event, or false")
            }
            fn visit_bool<E: Error>(self, on: bool) -> Result<Rule, E> {
                if on { Err(E::custom("expected the name of an event, or false")) } else { Ok(Rule::Off) }
            }
            fn visit_str<E: Error>(self, name: &str) -> Result<Rule, E> {
                let name = name.trim();
                if name.is_empty() || name.len() > limits::EVENT_NAME {
                    return Err(E::custom("expected the name of an event, 1 to 50 bytes, or false"));
                }
                Ok(Rule::Name(name.to_owned()))
            }
        }
        deserializer.deserialize_any(NameOrFalse)
    }
}

/// One parameter or several.
#[derive(Debug)]
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMore;
        impl<'de> Visitor<'de> for OneOrMore {
            type Value = Names;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a parameter, or a list of names")
            }
            fn visit_str<E: Error>(self, name: &str) -> Result<Names, E> {
                Ok(Names(vec![name.to_owned()]))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = seq.next_element()? {
                    names.push(name);
                }
                Ok(Names(names))
            }
        }
        deserializer.deserialize_any(OneOrMore)
    }
}

/// A postback source, ready.
#[derive(Debug)]
struct Postback {
    network: &'static Network,
    token: Secret,
    header: Option<HeaderName>,
    allowed_ips: AllowedIps,
    currency: Option<money::Currency>,
    value: ValueOf,
    max_value: Option<f64>,
    pending: Pending,
    /// By the key of the network's name.
    events: BTreeMap<String, Rule>,
    /// By the key of the network's name.
    statuses: BTreeMap<String, Status>,
    /// The names each meaning comes under.
    names: BTreeMap<Meaning, Vec<Name>>,
    /// The meanings whose names are the operator's.
    parameters: BTreeMap<Meaning, Names>,
}

fn configure(own: Settings) -> Result<Box<dyn Source>, SettingError> {
    let own: Own = own.read()?;
    let token = own.token.expose();
    if token.len() < SHORTEST_TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let expected = "expected 16 or more letters and digits that nobody can guess, without blanks";
        return Err(SettingError::invalid("token", expected));
    }
    let header = own.header.as_deref().map(|name| HeaderName::from_bytes(name.trim().as_bytes())).transpose();
    let header = header.map_err(|_| SettingError::invalid("header", "expected the name of a header"))?;
    let currency = own.currency.as_deref().map(|code| {
        let expected = || SettingError::invalid("currency", "expected a currency such as `USD` (ISO 4217)");
        money::Currency::parse(code).ok_or_else(expected)
    });
    if own.max_value.is_some_and(|most| !most.is_finite() || most <= 0.0) {
        return Err(SettingError::invalid("max_value", "expected an amount above 0"));
    }
    let blank = |Names(names): &Names| names.is_empty() || names.iter().any(|name| key(name).is_empty());
    if own.parameters.values().any(blank) {
        return Err(SettingError::invalid("parameters", "expected names of parameters, none of them empty"));
    }
    let network = network(own.network.as_deref().unwrap_or("custom"))?;
    Ok(Box::new(Postback {
        network,
        header,
        allowed_ips: own.allowed_ips,
        currency: currency.transpose()?,
        value: own.value,
        max_value: own.max_value,
        pending: own.pending,
        events: own.events.into_iter().map(|(name, rule)| (key(&name), rule)).collect(),
        statuses: own.statuses.into_iter().map(|(name, status)| (key(&name), status)).collect(),
        names: names(network, &own.parameters),
        parameters: own.parameters,
        token: own.token,
    }))
}

/// As short as an API key may be without a warning: 16 characters of 6 bits each are out of reach of guessing.
const SHORTEST_TOKEN: usize = 16;

fn network(name: &str) -> Result<&'static Network, SettingError> {
    if let Some((_, advice)) = network::WITHOUT_POSTBACK.iter().find(|(known, _)| *known == name) {
        return Err(SettingError::invalid("network", *advice));
    }
    network::find(name).ok_or_else(|| {
        let known: Vec<&str> = NETWORKS.iter().map(|network| network.name).collect();
        SettingError::invalid("network", format!("expected one of: {}", known.join(", ")))
    })
}

/// Under which names each meaning comes: the operator's alone, or else the network's own and the customary ones, but for
/// those that mean something else here.
fn names(network: &Network, own: &BTreeMap<Meaning, Names>) -> BTreeMap<Meaning, Vec<Name>> {
    let configured =
        || own.iter().flat_map(|(meaning, Names(names))| names.iter().map(|name| (*meaning, name.as_str())));
    let preset = || network.names.iter().copied();
    let of = |meaning: Meaning| {
        if let Some(Names(names)) = own.get(&meaning) {
            return names.iter().map(|name| Name::given(name)).collect();
        }
        let elsewhere = |name: &str| {
            let taken = |(other, known): (Meaning, &str)| other != meaning && key(known) == key(name);
            configured().any(taken) || preset().any(taken)
        };
        let here = preset().filter(|(known, _)| *known == meaning).map(|(_, name)| name);
        let given = here.filter(|name| !elsewhere(name)).map(Name::given);
        let usual = meaning.names().iter().filter(|name| !elsewhere(name));
        given.chain(usual.map(|name| Name::customary(meaning, name))).collect()
    };
    Meaning::ALL.into_iter().map(|meaning| (meaning, of(meaning))).collect()
}

// ── Authenticity ───────────────────────────────────────────────────────────────────────────────────────────

/// Parameters the token may come in, by key.
const TOKEN: [&str; 4] = ["token", "securitytoken", "secret", "key"];

impl Source for Postback {
    fn authenticate(&self, request: &Inbound<'_>) -> Result<(), Denied> {
        self.allowed_ips.check(request)?;
        let matches = |token: &str| self.token.matches(token);
        let given = match &self.header {
            Some(name) => request.header(name.as_str()).is_some_and(|line| {
                let token = line.strip_prefix("Bearer ").unwrap_or(line);
                matches(token.trim())
            }),
            None => {
                let mut tokens = request.parameters().filter(|(name, _)| TOKEN.contains(&key(name).as_str()));
                tokens.any(|(_, token)| matches(&token))
            }
        };
        if given { Ok(()) } else { Err(Denied::WrongToken { key: "token" }) }
    }

    fn read(&self, request: &Inbound<'_>) -> Result<Reading, Unreadable> {
        conversion::read(self, request)
    }

    fn query_template(&self) -> Option<String> {
        Some(self.template())
    }

    fn answer(&self, settled: &Settled<'_>) -> Answer {
        Answer::forgiving(settled)
    }
}

// ── The address to paste ───────────────────────────────────────────────────────────────────────────────────

impl Postback {
    fn template(&self) -> String {
        let mut pairs: Vec<String> = Vec::new();
        if self.header.is_none() {
            let token: String = form_urlencoded::byte_serialize(self.token.expose().as_bytes()).collect();
            pairs.push(format!("token={token}"));
        }
        for (meaning, placeholder) in self.network.placeholders {
            let own = self.parameters.get(meaning).and_then(|Names(names)| names.first());
            let usual = if *meaning == Meaning::ClickId { "atclid" } else { meaning.name() };
            pairs.push(format!("{}={placeholder}", own.map_or(usual, String::as_str)));
        }
        // Other sub-ids are looked into unless the operator says where the token is.
        let spare = self.network.spare.iter().filter(|_| !self.parameters.contains_key(&Meaning::ClickId));
        pairs.extend(spare.map(|(name, placeholder)| format!("{name}={placeholder}")));
        pairs.join("&")
    }
}

#[cfg(test)]
mod tests;
