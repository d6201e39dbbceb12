//! What a parameter of a postback means, and under which names it comes.
//!
//! Every network lets its users write the parameters' names themselves, so the names here are the customary ones, those
//! AnyTrack's templates use among them. They match without regard to case, `_` and `-`. Where a network uses one of
//! them for something else, its preset's own names go first, and a source's `parameters` before those.

use serde::Deserialize;

/// What a parameter means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// The sub-id in which our click token came along.
    ClickId,
    /// The person's id in a system of the operator's own.
    RefId,
    /// What the publisher earns.
    Payout,
    /// What the buyer paid.
    SaleAmount,
    /// By how much the payout changed.
    Delta,
    /// Currency of all amounts.
    Currency,
    /// The network's own number of the conversion.
    TransactionId,
    /// The shop's order number, as its pages and webhooks report it.
    OrderId,
    /// Approved, pending, rejected.
    Status,
    /// What happened, by name.
    Event,
    /// What happened, by the network's number or name of a goal.
    Goal,
    /// When it happened.
    Time,
    /// Which offer it was.
    Offer,
    /// The buyer's address, where the network sends it.
    Ip,
    /// The buyer's browser, where the network sends it.
    UserAgent,
    /// The buyer's e-mail address.
    Email,
    /// The buyer's telephone.
    Phone,
    /// The buyer's given name.
    FirstName,
    /// The buyer's family name.
    LastName,
    /// The buyer's country.
    Country,
}

impl Meaning {
    /// Every meaning.
    pub const ALL: [Self; 20] = [
        Self::ClickId,
        Self::RefId,
        Self::Payout,
        Self::SaleAmount,
        Self::Delta,
        Self::Currency,
        Self::TransactionId,
        Self::OrderId,
        Self::Status,
        Self::Event,
        Self::Goal,
        Self::Time,
        Self::Offer,
        Self::Ip,
        Self::UserAgent,
        Self::Email,
        Self::Phone,
        Self::FirstName,
        Self::LastName,
        Self::Country,
    ];

    /// Its name in `parameters`, which is also the name it has in our templates (but for the click token's own).
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClickId => "click_id",
            Self::RefId => "ref_id",
            Self::Payout => "payout",
            Self::SaleAmount => "sale_amount",
            Self::Delta => "delta",
            Self::Currency => "currency",
            Self::TransactionId => "transaction_id",
            Self::OrderId => "order_id",
            Self::Status => "status",
            Self::Event => "event",
            Self::Goal => "goal",
            Self::Time => "time",
            Self::Offer => "offer",
            Self::Ip => "ip",
            Self::UserAgent => "user_agent",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::FirstName => "first_name",
            Self::LastName => "last_name",
            Self::Country => "country",
        }
    }

    /// The names under which it comes, the first that is there counts. Of the click id's names, all are looked into: a
    /// tag that finds a sub-id taken uses the next one.
    pub const fn names(self) -> &'static [&'static str] {
        match self {
            Self::ClickId => CLICK_ID,
            Self::RefId => &["ref_id", "ref", "external_id"],
            Self::Payout => &[
                "payout",
                "commission",
                "revenue",
                "sum",
                "amount",
                "value",
                "price",
                "rate",
                "payout_amount",
            ],
            Self::SaleAmount => {
                &["sale_amount", "order_value", "order_total", "total_revenue", "amount_of_sale", "total"]
            }
            Self::Delta => &["delta", "delta_payout"],
            Self::Currency => &["currency", "cur", "cnv_currency", "currency_code", "payout_currency"],
            Self::TransactionId => {
                &["transaction_id", "txid", "trans_id", "conversion_id", "action_id", "lead_id", "tid"]
            }
            Self::OrderId => &["order_id", "order_number", "advertiser_ref"],
            Self::Status => &["status", "cnv_status", "conversion_status", "action_status", "state"],
            Self::Event => &["event", "event_name", "conversion_type", "trans_type", "event_type", "type"],
            Self::Goal => &["goal", "goal_id", "goal_name"],
            Self::Time => {
                &["time", "ts", "timestamp", "datetime", "conversion_time", "event_time", "event_date"]
            }
            Self::Offer => &["offer", "offer_id", "campaign_id", "merchant_id", "program_id"],
            Self::Ip => &["ip", "user_ip", "session_ip"],
            Self::UserAgent => &["user_agent", "ua"],
            Self::Email => &["email"],
            Self::Phone => &["phone"],
            Self::FirstName => &["first_name"],
            Self::LastName => &["last_name"],
            Self::Country => &["country", "country_code"],
        }
    }
}

const CLICK_ID: &[&str] = &[
    "atclid",
    "click_id",
    "click",
    "cid",
    "sub_id",
    "aff_click_id",
    "aff_track",
    "clickref",
    "sid",
    "tid",
    "cnv_id",
    "extclid",
    "external_id",
    "ref_id",
    "ref",
    "u1",
    "c1",
    "unique_id",
    "aff_sub",
    "aff_sub2",
    "aff_sub3",
    "aff_sub4",
    "aff_sub5",
    "sub1",
    "sub2",
    "sub3",
    "sub4",
    "sub5",
    "sub6",
    "sub7",
    "sub8",
    "sub_id1",
    "sub_id2",
    "sub_id3",
    "s1",
    "s2",
    "s3",
    "s4",
    "s5",
    "sid1",
    "sid2",
    "sid3",
    "sid4",
    "sid5",
    "clickref2",
    "clickref3",
    "clickref4",
    "clickref5",
    "clickref6",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_one_thing_but_for_the_click_id() {
        let mut seen = std::collections::BTreeMap::new();
        for meaning in Meaning::ALL.into_iter().filter(|meaning| *meaning != Meaning::ClickId) {
            for name in meaning.names() {
                let other = seen.insert(super::super::fields::key(name), meaning);
                assert_eq!(other, None, "{name}");
            }
            assert_eq!(meaning.names().first(), Some(&meaning.name()));
        }
        assert_eq!(
            seen.len(),
            Meaning::ALL.iter().skip(1).map(|meaning| meaning.names().len()).sum::<usize>()
        );
    }

    #[test]
    fn a_meaning_is_configured_by_its_name() {
        for meaning in Meaning::ALL {
            let read: Meaning = serde_json::from_value(meaning.name().into()).expect("its name");
            assert_eq!(read, meaning);
        }
    }
}
