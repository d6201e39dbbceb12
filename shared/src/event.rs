//! The event: what happened, to whom, where, and by which click, as every source speaks of it.
//!
//! This is the internal form: names checked, personal data already hashed ([`UserData`]), properties bounded.
//! It is also what the tag writes on the wire and what the log stores. The public JSON with *raw* user data is
//! read by the relay's `collect`, which turns it into this and drops the raw text.
//!
//! Unknown fields are ignored, so a newer tag can speak to an older relay; `collect` reports them as warnings.
//! Lengths are bounded by [`crate::limits`]; whoever builds an event from foreign input applies them.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::attribution::Attribution;
use crate::consent::Consent;
use crate::identity::UserData;
use crate::properties::Properties;
use crate::time::UnixMs;

/// The standard names, in the spelling of the wire. Any other name is a custom event.
pub const STANDARD_EVENTS: [&str; 21] = [
    "PageView",
    "ViewContent",
    "Search",
    "AddToCart",
    "AddToWishlist",
    "InitiateCheckout",
    "AddPaymentInfo",
    "Purchase",
    "Lead",
    "CompleteRegistration",
    "Subscribe",
    "StartTrial",
    "Contact",
    "Schedule",
    "SubmitApplication",
    "FindLocation",
    "CustomizeProduct",
    "Donate",
    "OutboundClick",
    "FormSubmit",
    "Refund",
];

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct Event {
    /// Standard or custom name, case-sensitive.
    pub event: String,
    /// Unique per event; see [`crate::event_id`].
    pub event_id: String,
    /// When it happened.
    pub time: UnixMs,
    /// Through which channel it came about.
    pub source: Source,
    /// The visitor, when known: the value of the `_at_vid` cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visitor_id: Option<String>,
    /// The page it happened on.
    #[serde(default, skip_serializing_if = "Page::is_empty")]
    pub page: Page,
    /// Click ids by URL parameter, in the registry's spelling (`fbclid`, `gclid`, `ScCid` …).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub click_ids: BTreeMap<String, ClickId>,
    /// First-party cookies of ad platforms by name (`_fbp`, `_ga` …), byte for byte.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cookies: BTreeMap<String, String>,
    /// Names other systems have for the visitor's journey, by kind: `checkout_token`, `stripe_customer` … An event that
    /// knows the visitor ties them to it, and a later one that has only the token is led back. They go to
    /// no ad platform.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tokens: BTreeMap<String, String>,
    /// The campaign that brought the visitor, from UTM parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<Campaign>,
    /// The visitor's client. The relay fills it in for browser events.
    #[serde(default, skip_serializing_if = "Context::is_empty")]
    pub context: Context,
    /// Who it was, hashed.
    #[serde(default, skip_serializing_if = "UserData::is_empty")]
    pub user: UserData,
    /// Value, items and whatever else belongs to this kind of event.
    #[serde(default, skip_serializing_if = "Properties::is_empty")]
    pub properties: Properties,
    /// What the visitor agreed to.
    #[serde(default, skip_serializing_if = "Consent::is_empty")]
    pub consent: Consent,
    /// How the relay found its click. Last, so that it can be written behind everything else; never read from outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribution: Option<Box<Attribution>>,
}

/// Whether an event of this name is a conversion, for which it matters whence it came. What visitors do on their way is
/// not; a name of the site's own is.
pub fn is_conversion(name: &str) -> bool {
    !ON_THE_WAY.contains(&name)
}

/// Standard events on the way to a conversion, and the taking back of one.
const ON_THE_WAY: [&str; 12] = [
    "PageView",
    "ViewContent",
    "Search",
    "AddToCart",
    "AddToWishlist",
    "InitiateCheckout",
    "AddPaymentInfo",
    "FindLocation",
    "CustomizeProduct",
    "OutboundClick",
    "FormSubmit",
    "Refund",
];

/// Where an event came about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// In a browser, or on a server on behalf of a web page.
    #[default]
    Web,
    /// On a server, with no page of its own (a renewal, a back-office job).
    Server,
    /// A stage reached in a CRM.
    Crm,
    /// On the telephone.
    Phone,
    /// In a physical shop.
    Store,
    /// By e-mail.
    Email,
    /// In a chat.
    Chat,
}

impl Source {
    /// Every source, with its name on the wire.
    const NAMED: [(Self, &'static str); 7] = [
        (Self::Web, "web"),
        (Self::Server, "server"),
        (Self::Crm, "crm"),
        (Self::Phone, "phone"),
        (Self::Store, "store"),
        (Self::Email, "email"),
        (Self::Chat, "chat"),
    ];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        Self::NAMED.iter().find(|(source, _)| *source == self).map_or("web", |(_, name)| name)
    }

    /// The source with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMED.iter().find(|(_, known)| *known == name).map(|(source, _)| *source)
    }
}

/// The page an event happened on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct Page {
    /// Full address with its query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// HTTP referrer of the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referrer: Option<String>,
    /// Document title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

impl Page {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.url.is_none() && self.referrer.is_none() && self.title.is_none()
    }
}

/// The mark an ad network put on a landing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClickId {
    /// Opaque and case-sensitive; never lower-cased, trimmed or cut.
    pub value: String,
    /// When it was first seen on a landing; unknown when a server source names only the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<UnixMs>,
}

impl ClickId {
    /// When a click was that another system has kept and of which nobody says when it was: some time before the event. A click of
    /// that platform that a visitor's memory can lend is the better evidence; only without is this click the event's own.
    pub const SOME_TIME_BEFORE: UnixMs = UnixMs(0);
}

impl<'de> Deserialize<'de> for ClickId {
    /// A click id is written short (`"abc"`) or long (`{"value":"abc","seen_at":…}`).
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Long {
            value: String,
            seen_at: Option<UnixMs>,
        }
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = ClickId;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a click id as text, or an object with its value and seen_at")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<ClickId, E> {
                Ok(ClickId { value: text.to_owned(), seen_at: None })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ClickId, A::Error> {
                let Long { value, seen_at } = Long::deserialize(MapAccessDeserializer::new(map))?;
                Ok(ClickId { value, seen_at })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// A campaign as UTM parameters name it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct Campaign {
    /// `utm_source`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// `utm_medium`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub medium: Option<String>,
    /// `utm_campaign`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `utm_term`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<String>,
    /// `utm_content`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// `utm_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// When it was first seen on a landing, where that is known to be another time than the event's;
    /// [`ClickId::SOME_TIME_BEFORE`] where another system has kept it and nobody says when it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<UnixMs>,
}

impl Campaign {
    /// Whether it names nothing.
    pub fn is_empty(&self) -> bool {
        let Self { source, medium, name, term, content, id, seen_at: _ } = self;
        [source, medium, name, term, content, id].into_iter().all(Option::is_none)
    }

    /// The campaign by itself, whenever it brought somebody.
    #[must_use]
    pub fn undated(&self) -> Self {
        Self { seen_at: None, ..self.clone() }
    }

    /// When it brought the visitor of an event of this time: no later than that.
    pub fn landed_at(&self, event_time: UnixMs) -> UnixMs {
        self.seen_at.map_or(event_time, |seen_at| seen_at.min(event_time))
    }

    /// Whether all that is known of its time is that it was before the event.
    pub fn is_of_some_time(&self) -> bool {
        self.seen_at == Some(ClickId::SOME_TIME_BEFORE)
    }
}

/// The visitor's client, as a platform wants to see it: never the relay's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object")]
pub struct Context {
    /// Public IPv4 or IPv6 address, no port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// `User-Agent`, unmodified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// BCP 47 language tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

impl Context {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.ip.is_none() && self.user_agent.is_none() && self.language.is_none()
    }
}
