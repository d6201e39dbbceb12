//! Attribution: how an event found its click, in as few bytes as say it, and the words a person reads.
//!
//! The record is written by the relay when it stitches an event, stored as the event's last field and never taken from
//! outside. When a click was first seen stands beside the click id itself, so that it is not repeated here; an event that
//! was lent nothing and lacks nothing has no record at all. Owns the names of evidence and of the reasons; leaves finding
//! them to the relay's `attribute`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use crate::click_id;
use crate::consent::Consent;
use crate::event::{ClickId, Event};
use crate::time::{DAY_MS, UnixMs};
use crate::touch::{self, Credit, Touch};

/// How an event was attributed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribution {
    /// By what the visitor was found, when the event named none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Evidence>,
    /// Click ids the event did not bring, each with what led to it. All others are its own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lent: BTreeMap<String, Evidence>,
    /// Clicks that another system has kept and to which one of a known time was preferred, with the labels beside them: they count
    /// wherever that one is too old.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub passed_over: BTreeMap<String, ClickId>,
    /// Why a conversion has no click.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmatched: Option<Unmatched>,
    /// What an earlier copy of the same conversion said about consent, when some destination had to do without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<Consent>,
    /// The touches that earn credit for a conversion.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub touches: Vec<Touch>,
}

impl Attribution {
    /// Whether there is nothing worth writing down.
    pub fn is_empty(&self) -> bool {
        let Self { by, lent, passed_over, unmatched, earlier, touches } = self;
        let told = by.is_some() || unmatched.is_some() || earlier.is_some();
        !told && lent.is_empty() && passed_over.is_empty() && touches.is_empty()
    }
}

/// What leads from an event to a click, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// Our click token, carried through links, forms and sub-ids.
    ClickToken,
    /// The visitor the event names.
    Visitor,
    /// The order.
    Order,
    /// A token of another system: a cart, a checkout, a customer of a payment service.
    Journey,
    /// The hashed e-mail address.
    Email,
    /// The hashed telephone number.
    Phone,
    /// The site's own id of the person.
    ExternalId,
}

/// Why a conversion has no click. Of several reasons the one nearest to a match is kept, which is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unmatched {
    /// The event names nobody: no visitor, no order, no person.
    Nobody,
    /// What it names was never seen with a visitor.
    Unknown,
    /// What it names is shared by too many visitors, or excluded by the operator.
    SharedIdentity,
    /// The visitor is known and never came by a click.
    NoClick,
    /// The visitor's clicks are later than the event.
    ClickLater,
    /// The visitor's clicks are older than any window.
    ClickTooOld,
    /// The visitor refused.
    NoConsent,
}

impl Unmatched {
    /// The reason in a sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Nobody => "the event names no visitor, order or person",
            Self::Unknown => "what the event names was never seen together with a visitor",
            Self::SharedIdentity => "what the event names is shared by many visitors and proves nothing",
            Self::NoClick => "the visitor is known and did not come by an ad's click",
            Self::ClickLater => "the visitor's clicks came after the event",
            Self::ClickTooOld => "the visitor's clicks are older than any look-back window",
            Self::NoConsent => "the visitor has refused, so nothing is remembered or lent",
        }
    }
}

/// One click id of an event, explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Click<'a> {
    /// Its parameter.
    pub parameter: &'a str,
    /// Whose it is.
    pub platform: &'static str,
    /// What led to it; `None`, written `own`, when the event brought it itself.
    #[serde(serialize_with = "own_or_lent")]
    pub evidence: Option<Evidence>,
    /// When it was first seen, if that is known.
    pub seen_at: Option<UnixMs>,
    /// How old it was when the event happened, in whole days.
    pub age_days: Option<i64>,
}

/// The click ids of an event, those of one platform or of all, each with its evidence and age. Our own token and labels
/// are no clicks.
pub fn clicks<'a>(event: &'a Event, platform: Option<&str>) -> Vec<Click<'a>> {
    let lent = |param: &str| event.attribution.as_ref().and_then(|record| record.lent.get(param)).copied();
    let of_ads = event.click_ids.iter().filter_map(|(param, id)| Some((param, id, click_id::find(param)?)));
    of_ads
        .filter(|(_, _, spec)| spec.is_ad_click() && platform.is_none_or(|wanted| wanted == spec.platform))
        .map(|(param, id, spec)| Click {
            parameter: param,
            platform: spec.platform,
            evidence: lent(param),
            seen_at: id.seen_at,
            age_days: id.seen_at.map(|seen_at| event.time.since(seen_at).max(0) / DAY_MS),
        })
        .collect()
}

fn own_or_lent<S: Serializer>(evidence: &Option<Evidence>, serializer: S) -> Result<S::Ok, S::Error> {
    match evidence {
        Some(evidence) => evidence.serialize(serializer),
        None => serializer.serialize_str("own"),
    }
}

/// How an event was attributed, in words: what a receiver and a reader are told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Told<'a> {
    /// By what the visitor was found, when the event named none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visitor_found_by: Option<Evidence>,
    /// Its clicks.
    pub clicks: Vec<Click<'a>>,
    /// Why a conversion has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmatched: Option<Unmatched>,
    /// The same in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<&'static str>,
    /// Who is credited with a conversion, of all platforms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credit: Option<Credit<'a>>,
}

/// What is to be told of an event's clicks, those of one platform or of all; `None` where there is nothing to tell.
pub fn told<'a>(event: &'a Event, platform: Option<&str>) -> Option<Told<'a>> {
    let record = event.attribution.as_deref();
    let unmatched = record.and_then(|record| record.unmatched);
    let told = Told {
        visitor_found_by: record.and_then(|record| record.by),
        clicks: clicks(event, platform),
        unmatched,
        because: unmatched.map(Unmatched::sentence),
        credit: record.and_then(|record| touch::credit(&record.touches)),
    };
    (told != Told::default()).then_some(told)
}

/// Whether an event has a click of an ad.
pub fn has_click(event: &Event) -> bool {
    let is_ad = |param: &String| click_id::find(param).is_some_and(click_id::Spec::is_ad_click);
    event.click_ids.keys().any(is_ad)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(more: &str) -> Event {
        let json = format!(r#"{{"event":"Lead","event_id":"1","time":864000000,"source":"web"{more}}}"#);
        serde_json::from_str(&json).expect("an event")
    }

    #[test]
    fn clicks_are_told_by_platform_evidence_and_age() {
        let clicks_of = |platform| {
            let event = event(
                r#","click_ids":{"atclid":"t","fbclid":{"value":"a","seen_at":1},"gad_source":"1","gclid":"b"},
                    "attribution":{"lent":{"fbclid":"email"}}"#,
            );
            let told =
                |click: Click<'_>| format!("{} {:?} {:?}", click.parameter, click.evidence, click.age_days);
            clicks(&event, platform).into_iter().map(told).collect::<Vec<_>>()
        };
        assert_eq!(clicks_of(Some("meta")), ["fbclid Some(Email) Some(9)"]);
        assert_eq!(clicks_of(None), ["fbclid Some(Email) Some(9)", "gclid None None"]);
        assert_eq!(clicks_of(Some("tiktok")), [""; 0]);
    }

    #[test]
    fn a_token_or_a_label_is_no_click() {
        let check = |ids: &str, expected| {
            let ids = format!(r#","click_ids":{{{ids}}}"#);
            assert_eq!(has_click(&event(&ids)), expected, "{ids}");
        };
        check("", false);
        check(r#""atclid":"t""#, false);
        check(r#""gad_source":"1""#, false);
        check(r#""ttclid":"t""#, true);
    }

    #[test]
    fn the_record_is_short() {
        let record = Attribution {
            by: Some(Evidence::Order),
            lent: BTreeMap::from([("fbclid".to_owned(), Evidence::Order)]),
            ..Attribution::default()
        };
        let json = serde_json::to_string(&record).expect("plain");
        assert_eq!(json, r#"{"by":"order","lent":{"fbclid":"order"}}"#);
        let none = Attribution { unmatched: Some(Unmatched::Nobody), ..Attribution::default() };
        assert_eq!(serde_json::to_string(&none).expect("plain"), r#"{"unmatched":"nobody"}"#);
        assert!(Attribution::default().is_empty() && !none.is_empty());
    }
}
