//! How an order came to the platforms, which decides whether and where they know it: what a refund has to be told.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared::event::ClickId;
use shared::identity::Field;
use shared::{Attribution, Consent, Event, Scalar, Source, UnixMs};

use crate::enrich;
use crate::rules::on_top_of;

/// The way of one order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Report {
    /// When it was reported, which may be long after it was placed.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    at: Option<UnixMs>,
    /// Where it came about.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
    /// By what it could be matched: its click ids, and the fields known of the person.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    identifiers: Option<String>,
    /// Those click ids, by which platforms find it again: the visitor may have clicked another ad since.
    #[serde(rename = "k", default, skip_serializing_if = "BTreeMap::is_empty")]
    clicks: BTreeMap<String, ClickId>,
    /// Those that were passed over for them, by which a platform finds it for which they were too old.
    #[serde(rename = "q", default, skip_serializing_if = "BTreeMap::is_empty")]
    passed_over: BTreeMap<String, ClickId>,
    /// What the visitor had agreed to.
    #[serde(rename = "a", default, skip_serializing_if = "Consent::is_empty")]
    consent: Consent,
}

impl Report {
    /// The way of an order that is reported now.
    pub(super) fn of(event: &Event, now: UnixMs) -> Self {
        let mut identifiers: Vec<&str> = event.click_ids.keys().map(String::as_str).collect();
        for field in Field::ALL {
            if event.user.has(field) {
                identifiers.push(field.name());
            }
        }
        Self {
            at: Some(now),
            source: Some(event.source),
            identifiers: Some(identifiers.join(" ")),
            clicks: event.click_ids.clone(),
            passed_over: event
                .attribution
                .as_ref()
                .map(|record| record.passed_over.clone())
                .unwrap_or_default(),
            consent: event.consent,
        }
    }

    /// Whether it was not a page that reported it.
    pub(super) fn is_of_a_server(&self) -> bool {
        self.source.is_some_and(|source| source != Source::Web)
    }

    /// What a refund may be used for: what the visitor agreed to for the order holds for taking it back.
    pub(super) fn agreed(&self, refund: &Event) -> Consent {
        on_top_of(&self.consent, &refund.consent)
    }

    /// Tells a refund of it. Its clicks are those of the order, whatever it brings itself.
    pub(super) fn tell(&self, event: &mut Event) {
        let custom = &mut event.properties.custom;
        let told = [
            (ORDER_REPORTED, self.at.map(|at| Scalar::Integer(at.0))),
            (ORDER_SOURCE, self.source.map(|source| Scalar::Text(source.name().to_owned()))),
            (ORDER_IDENTIFIERS, self.identifiers.clone().map(Scalar::Text)),
        ];
        custom.extend(told.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        if self.at.is_some() {
            event.click_ids.clone_from(&self.clicks);
            // What led to the refund's own clicks, and what it passed over for them, says nothing of the order's.
            let record = event.attribution.get_or_insert_with(Box::<Attribution>::default);
            record.lent.clear();
            record.passed_over.clone_from(&self.passed_over);
            event.attribution = event.attribution.take().filter(|record| !record.is_empty());
        }
        event.consent = self.agreed(event);
        enrich::minimise(event);
    }
}

/// The property that says when an order was reported.
pub(super) const ORDER_REPORTED: &str = "order_reported";
/// The property that says where it came about, in the words of `source`.
const ORDER_SOURCE: &str = "order_source";
/// The property that lists by what it could be matched, between blanks.
const ORDER_IDENTIFIERS: &str = "order_identifiers";
