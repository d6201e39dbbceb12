//! Networks and trackers: what each calls things, in one table.
//!
//! A preset says into which sub-id our click token goes, which placeholders to put into the postback's address, and what
//! the network's own names and states mean. It never says a currency: publishers are paid in the one of their account.
//! Where a placeholder's spelling could not be confirmed on an official page, the table says so; a placeholder that a
//! network does not know arrives as it is and is as good as absent. All read 2026-11-23.

use super::meaning::Meaning;
use super::status::Status;
use Meaning::{
    ClickId, Currency, Delta, Event, Goal, Offer, Payout, SaleAmount, Status as State, Time, TransactionId,
};

/// A preset.
#[derive(Debug)]
pub struct Network {
    /// Name in the configuration.
    pub name: &'static str,
    /// Name people know.
    pub title: &'static str,
    /// The parameter of the network's links into which our click token goes.
    pub sub_id: &'static str,
    /// Placeholders of the postback's address by what they mean, in the order of the template.
    pub placeholders: &'static [(Meaning, &'static str)],
    /// Further sub-ids, by the parameter they come in: the tag takes the next one where the first is in use.
    pub spare: &'static [(&'static str, &'static str)],
    /// Names with another meaning than elsewhere.
    pub names: &'static [(Meaning, &'static str)],
    /// States with a name of the network's own.
    pub statuses: &'static [(&'static str, Status)],
    /// Where what is said here comes from, and what of it is not confirmed.
    pub basis: &'static str,
}

/// The preset with this name.
pub(super) fn find(name: &str) -> Option<&'static Network> {
    NETWORKS.iter().find(|network| network.name == name)
}

/// What a network without a preset takes: a template to fill in.
const BLANK: &[(Meaning, &str)] = &[
    (ClickId, "<SUB-ID>"),
    (Payout, "<PAYOUT>"),
    (Currency, "<CURRENCY>"),
    (TransactionId, "<TRANSACTION-ID>"),
    (Event, "<EVENT>"),
    (State, "<STATUS>"),
];

/// Most networks need no more than their placeholders.
const PLAIN: Network = Network {
    name: "",
    title: "",
    sub_id: "",
    placeholders: BLANK,
    spare: &[],
    names: &[],
    statuses: &[],
    basis: "",
};

/// Every preset, in the order of the documentation.
pub const NETWORKS: &[Network] = &[
    Network {
        name: "custom",
        title: "any other",
        sub_id: "the network's sub-id",
        basis: "put the network's placeholders in place of the words in angle brackets",
        ..PLAIN
    },
    Network {
        name: "everflow",
        title: "Everflow",
        sub_id: "sub5",
        placeholders: &[
            (ClickId, "{sub5}"),
            (Payout, "{payout_amount}"),
            (SaleAmount, "{sale_amount}"),
            (Currency, "{currency}"),
            // One click's events share a transaction id; a conversion's own number, where it is given, goes before it.
            (TransactionId, "{conversion_id}"),
            (TransactionId, "{transaction_id}"),
            (Event, "{event_name}"),
            (Goal, "{event_id}"),
            (Offer, "{offer_id}"),
        ],
        spare: &[("sub1", "{sub1}"), ("sub2", "{sub2}"), ("sub3", "{sub3}"), ("sub4", "{sub4}")],
        names: &[(TransactionId, "conversion_id"), (Goal, "event_id"), (Offer, "oid")],
        basis: "developers.everflow.io, helpdesk.everflow.io; `{currency}` and `{conversion_id}` not confirmed",
        ..PLAIN
    },
    Network {
        name: "tune",
        title: "TUNE (HasOffers)",
        sub_id: "aff_sub",
        placeholders: &[
            (ClickId, "{aff_sub}"),
            (Payout, "{payout}"),
            (SaleAmount, "{sale_amount}"),
            (Currency, "{currency}"),
            (TransactionId, "{transaction_id}"),
            (Goal, "{goal_id}"),
            (Offer, "{offer_id}"),
        ],
        spare: &[
            ("aff_sub2", "{aff_sub2}"),
            ("aff_sub3", "{aff_sub3}"),
            ("aff_sub4", "{aff_sub4}"),
            ("aff_sub5", "{aff_sub5}"),
        ],
        basis: "help.tune.com, tracking link parameters and macros",
        ..PLAIN
    },
    Network {
        name: "cake",
        title: "CAKE",
        sub_id: "s2",
        placeholders: &[
            (ClickId, "#s2#"),
            (Payout, "#price#"),
            (TransactionId, "#leadid#"),
            (Offer, "#oid#"),
        ],
        spare: &[("s3", "#s3#"), ("s4", "#s4#"), ("s5", "#s5#")],
        // `reqid` comes more than once in a session and is no id of a conversion.
        names: &[(TransactionId, "lead_id"), (Offer, "oid")],
        basis: "CAKE knowledge base, affiliate link parameters and tokens; it sends no currency",
        ..PLAIN
    },
    Network {
        name: "impact",
        title: "Impact",
        sub_id: "subId1",
        placeholders: &[
            (ClickId, "{SubId1}"),
            (Payout, "{Payout}"),
            (SaleAmount, "{Amount}"),
            (Delta, "{DeltaPayout}"),
            (Currency, "{Currency}"),
            (TransactionId, "{ActionId}"),
            (State, "{Status}"),
            (Time, "{EventDate}"),
        ],
        spare: &[("subid2", "{SubId2}"), ("subid3", "{SubId3}")],
        // `{Amount}` is what was bought.
        names: &[(SaleAmount, "amount")],
        basis: "help.impact.com, event postbacks; placeholders are case-sensitive",
        ..PLAIN
    },
    Network {
        name: "awin",
        title: "Awin",
        sub_id: "clickref",
        placeholders: &[
            (ClickId, "!!!clickRef!!!"),
            (Payout, "!!!commission!!!"),
            (SaleAmount, "!!!transactionAmount!!!"),
            (Currency, "!!!transactionCurrency!!!"),
            (TransactionId, "!!!transactionId!!!"),
            (Offer, "!!!merchantId!!!"),
        ],
        names: &[(SaleAmount, "transaction_amount"), (Currency, "transaction_currency")],
        basis: "help.awin.com, transaction notifications; `!!!transactionId!!!` by one secondary source",
        ..PLAIN
    },
    Network {
        name: "shareasale",
        title: "ShareASale",
        sub_id: "afftrack",
        placeholders: &[
            (ClickId, "!!afftrack!!"),
            (Payout, "!!commission!!"),
            (SaleAmount, "!!amountOfSale!!"),
            (TransactionId, "!!transID!!"),
            (Event, "!!transtype!!"),
            (Offer, "!!merchantID!!"),
        ],
        basis: "docs.anytrack.io, ShareASale; enabled by their staff on request; it sends no currency",
        ..PLAIN
    },
    Network {
        name: "digistore24",
        title: "Digistore24, for affiliates",
        sub_id: "cid",
        placeholders: &[
            (ClickId, "{cid}"),
            (Payout, "<AMOUNT>"),
            (Currency, "<CURRENCY>"),
            (TransactionId, "<TRANSACTION-ID>"),
        ],
        spare: &[("sid1", "{sid1}"), ("sid2", "{sid2}"), ("sid3", "{sid3}")],
        basis: "spelling not confirmed, take the placeholders its page shows; vendors use the kind `digistore24`",
        ..PLAIN
    },
    Network {
        name: "maxbounty",
        title: "MaxBounty",
        sub_id: "s2",
        placeholders: &[(ClickId, "#S2#"), (Payout, "#RATE#"), (Offer, "#CAMPAIGN_ID#")],
        spare: &[("s1", "#S1#")],
        basis: "secondary sources; no transaction id: one conversion for each click, campaign and payout",
        ..PLAIN
    },
    Network {
        name: "affise",
        title: "Affise",
        sub_id: "sub1",
        placeholders: &[
            (ClickId, "{sub1}"),
            (Payout, "{sum}"),
            (Currency, "{currency}"),
            (TransactionId, "{transactionid}"),
            (State, "{status}"),
            (Goal, "{goal}"),
        ],
        spare: &[("sub2", "{sub2}"), ("sub3", "{sub3}"), ("sub4", "{sub4}")],
        statuses: &[
            ("1", Status::Approved),
            ("2", Status::Pending),
            ("3", Status::Rejected),
            ("5", Status::Pending),
        ],
        basis: "help-center.affise.com, postbacks; states 1 approved, 2 pending, 3 declined, 5 hold",
        ..PLAIN
    },
    Network {
        name: "partnerize",
        title: "Partnerize",
        sub_id: "clickref",
        basis: "placeholders not confirmed; `clickref` stands in the link's path, `/clickref:TOKEN/`",
        ..PLAIN
    },
    Network {
        name: "commissionfactory",
        title: "Commission Factory",
        sub_id: "UniqueId",
        basis: "placeholders not confirmed",
        ..PLAIN
    },
    Network {
        name: "buygoods",
        title: "BuyGoods",
        sub_id: "subid",
        basis: "placeholders not confirmed",
        ..PLAIN
    },
    Network {
        name: "konnektive",
        title: "Konnektive",
        sub_id: "c1",
        basis: "placeholders not confirmed",
        ..PLAIN
    },
    Network {
        name: "voluum",
        title: "Voluum",
        sub_id: "external id of the traffic source",
        placeholders: &[
            (ClickId, "{externalid}"),
            (Payout, "{payout}"),
            (Currency, "{payout.currency}"),
            (TransactionId, "{transaction.id}"),
            (Event, "{event}"),
        ],
        // Its `cid` and `click_id` are its own.
        basis: "public postback examples; `{payout.currency}` and `{transaction.id}` not confirmed",
        ..PLAIN
    },
    Network {
        name: "redtrack",
        title: "RedTrack",
        sub_id: "ref_id",
        placeholders: &[
            (ClickId, "{ref_id}"),
            (Payout, "{payout}"),
            (Currency, "{currency}"),
            (TransactionId, "{transactionid}"),
            (Event, "{type}"),
        ],
        basis: "secondary sources; `{ref_id}` and `{currency}` not confirmed",
        ..PLAIN
    },
    Network {
        name: "binom",
        title: "Binom",
        sub_id: "external id of the traffic source",
        placeholders: &[
            (ClickId, "{externalid}"),
            (Payout, "{payout}"),
            (Currency, "{cnv_currency}"),
            (TransactionId, "{clickid}"),
            (State, "{cnv_status}"),
        ],
        basis: "docs.binom.org, traffic source postbacks",
        ..PLAIN
    },
];

/// Networks that call no postback for publishers, and what to do instead.
pub(super) const WITHOUT_POSTBACK: [(&str, &str); 4] = [
    ("cj", "CJ calls no postback for publishers; import its commission report"),
    ("rakuten", "Rakuten calls no postback for publishers; import its transaction report"),
    ("clickbank", "ClickBank encrypts its notifications; use `kind = \"clickbank\"`"),
    ("hasoffers", "expected `tune`, as HasOffers is called today"),
];

#[cfg(test)]
mod tests {
    use super::super::fields::{is_placeholder, key};
    use super::*;

    #[test]
    fn every_preset_is_whole() {
        let mut names = std::collections::BTreeSet::new();
        for network in NETWORKS {
            assert!(names.insert(network.name) && !network.title.is_empty() && !network.sub_id.is_empty());
            assert!(!network.basis.is_empty(), "{}", network.name);
            assert_eq!(
                network.placeholders.first().map(|(meaning, _)| *meaning),
                Some(ClickId),
                "{}",
                network.name
            );
            let all = network.placeholders.iter().map(|(_, text)| text);
            for text in all.chain(network.spare.iter().map(|(_, text)| text)) {
                assert!(
                    is_placeholder(text),
                    "{}: {text} must be seen when nobody replaced it",
                    network.name
                );
            }
            for (name, _) in network.spare {
                assert!(
                    ClickId.names().iter().any(|known| key(known) == key(name)),
                    "{}: {name}",
                    network.name
                );
            }
        }
        assert!(WITHOUT_POSTBACK.iter().all(|(name, _)| find(name).is_none()));
    }
}
