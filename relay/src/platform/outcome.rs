//! What becomes of an event at a platform: an outcome when it was sent, a skip when it was not, on purpose.
//!
//! Both carry a stable short code for metrics and words for people, and neither ever holds personal data.

use std::time::Duration;

use shared::UnixMs;

/// What became of one event that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The platform took it.
    Delivered,
    /// Not now: try again, under the same event id.
    Retry {
        /// The platform's own wish, if it named one.
        after: Option<Duration>,
        /// Shortest wait this kind of trouble deserves.
        at_least: Duration,
        /// What the platform said.
        reason: String,
    },
    /// Not this event yet: try it again after this time. Unlike a retry it says nothing of the destination, which goes
    /// on.
    Later {
        /// How long.
        after: Duration,
        /// What the platform said.
        reason: String,
    },
    /// The request was refused whole and nothing in it was taken: find the culprit.
    Split {
        /// What the platform said.
        reason: String,
    },
    /// This event will never be taken.
    Rejected {
        /// What the platform said.
        reason: String,
    },
    /// The settings are wrong for events of this kind, such as the id they go to: keep these, tell the operator, and let all
    /// others go on.
    Misconfigured {
        /// What the platform said, and what to do.
        reason: String,
    },
    /// Credentials or rights are wrong: stop the destination, keep its events, tell the operator.
    Unauthorized {
        /// What the platform said.
        reason: String,
    },
}

impl Outcome {
    /// A stable short name for metrics.
    pub const fn tag(&self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Retry { .. } => "retry",
            Self::Later { .. } => "later",
            Self::Split { .. } => "split",
            Self::Rejected { .. } => "rejected",
            Self::Misconfigured { .. } => "misconfigured",
            Self::Unauthorized { .. } => "unauthorized",
        }
    }
}

/// An event that is not sent, on purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skip {
    /// Why, for metrics and for people who search.
    pub reason: SkipReason,
    /// Why, in a sentence, with what would change it.
    pub detail: String,
    /// From when on it may be sent, where it is only too early: until then the event is kept.
    pub until: Option<UnixMs>,
}

/// Why an event is not sent. Stable: operators build alerts on these names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SkipReason {
    /// The visitor has not agreed to what the destination needs.
    NoConsent,
    /// An earlier copy of the same conversion went there.
    AlreadySent,
    /// The operator switched this event off here, or set the destination up for another kind of event.
    SwitchedOff,
    /// The platform has no such event and none was mapped.
    NotMapped,
    /// The platform has no refunds.
    RefundNotSupported,
    /// Older than the platform takes.
    TooOld,
    /// No identifier the platform could match.
    NoIdentifier,
    /// No click id, where the click id is all there is.
    NoClickId,
    /// A value is required.
    MissingValue,
    /// A value without its currency.
    MissingCurrency,
    /// A web event without the address of its page.
    MissingUrl,
    /// Larger than one request of the platform may be.
    TooLarge,
    /// The platform would refuse it now and take it then.
    TooEarly,
    /// A later one says all that it would say.
    Superseded,
    /// The order it takes back never went there, so that there is nothing to take back.
    OrderNotSent,
}

impl SkipReason {
    /// The stable name.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::NoConsent => "no_consent",
            Self::AlreadySent => "already_sent",
            Self::SwitchedOff => "switched_off",
            Self::NotMapped => "not_mapped",
            Self::RefundNotSupported => "refund_not_supported",
            Self::TooOld => "too_old",
            Self::NoIdentifier => "no_identifier",
            Self::NoClickId => "no_click_id",
            Self::MissingValue => "missing_value",
            Self::MissingCurrency => "missing_currency",
            Self::MissingUrl => "missing_url",
            Self::TooLarge => "too_large",
            Self::TooEarly => "too_early",
            Self::Superseded => "superseded",
            Self::OrderNotSent => "order_not_sent",
        }
    }
}

impl Skip {
    /// A skip with its sentence.
    pub fn new(reason: SkipReason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), until: None }
    }

    /// An event that is kept until it may be sent.
    pub fn until(until: UnixMs, detail: impl Into<String>) -> Self {
        Self { reason: SkipReason::TooEarly, detail: detail.into(), until: Some(until) }
    }
}
