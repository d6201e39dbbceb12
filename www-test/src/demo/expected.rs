//! What each platform has to have received of the journey: which events how often, and the purchase's facts in that
//! platform's own words.
//!
//! Digests are computed by another program (Python's hashlib over the normal form beside each), so that our own
//! normalising and hashing cannot agree with itself. Pure tables; the judging is in `checks`.

use crate::journey::{EVENTS, FBCLID, GCLID, MSCLKID, OB_CLICK_ID, TBLCI, TOTAL, TTCLID};

/// How a fact of the purchase must read at a platform.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fact {
    /// This text, byte for byte.
    Text(&'static str),
    /// This number.
    Number(f64),
    /// The number of the order.
    Order,
    /// What `track()` returned.
    PurchaseId,
    /// The visitor id of the page.
    Visitor,
    /// Meta's `fb.1.{milliseconds}.{fbclid}` of the landing's click.
    Fbc,
}

/// One platform's expectations.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub(super) platform: &'static str,
    /// Names there, and how often.
    pub(super) events: &'static [(&'static str, usize)],
    /// The purchase's name there.
    pub(super) purchase: &'static str,
    /// JSON pointers into the purchase as the platform was given it.
    pub(super) facts: &'static [(&'static str, Fact)],
}

/// Conversion action of purchases in the demo's Google Ads account.
pub const GOOGLE_PURCHASE: &str = "987654321";

/// kunde.eins+shop@example.com
const EMAIL: &str = "83e116f7654b47a5f35a69f6dfadac539a33e1e3650e095e83d610c0ba82b203";
/// kundeeins@example.com: Microsoft drops dots and what follows a plus.
const EMAIL_MICROSOFT: &str = "37072547e6fe05864df7ae4fe8224b40d4387b5902ef742e4d890bf070160426";
/// 442079460958
const PHONE_DIGITS: &str = "35e206e5dec4c89b9e8b71b8c32724a5bb518483ac5a20c6617d738375b3b823";
/// +442079460958
const PHONE_E164: &str = "f0bf0228144d9fe2bdf1da2d8ca698f17bf1410ee688b075c27062e47b6f0b6d";

/// Every platform of the demo, in the order of the documentation.
pub(super) const ALL: [Expected; 7] = [
    Expected {
        platform: "meta",
        events: &EVENTS,
        purchase: "Purchase",
        facts: &[
            ("/event_id", Fact::PurchaseId),
            ("/user_data/fbc", Fact::Fbc),
            ("/user_data/em/0", Fact::Text(EMAIL)),
            ("/user_data/ph/0", Fact::Text(PHONE_DIGITS)),
            ("/custom_data/value", Fact::Number(TOTAL)),
            ("/custom_data/currency", Fact::Text("EUR")),
            ("/custom_data/order_id", Fact::Order),
            ("/custom_data/contents/0/id", Fact::Text("GLIM-ORB")),
            ("/custom_data/contents/0/quantity", Fact::Number(2.0)),
            ("/custom_data/contents/0/item_price", Fact::Number(89.0)),
        ],
    },
    Expected {
        platform: "google-ads",
        events: &[(GOOGLE_PURCHASE, 1)],
        purchase: GOOGLE_PURCHASE,
        facts: &[
            ("/adIdentifiers/gclid", Fact::Text(GCLID)),
            ("/userData/userIdentifiers/0/emailAddress", Fact::Text(EMAIL)),
            ("/userData/userIdentifiers/1/phoneNumber", Fact::Text(PHONE_E164)),
            ("/conversionValue", Fact::Number(TOTAL)),
            ("/currency", Fact::Text("EUR")),
            ("/consent/adUserData", Fact::Text("CONSENT_GRANTED")),
        ],
    },
    Expected {
        platform: "tiktok",
        events: &[
            ("Pageview", 5),
            ("ViewContent", 1),
            ("AddToCart", 1),
            ("InitiateCheckout", 1),
            ("Purchase", 1),
        ],
        purchase: "Purchase",
        facts: &[
            ("/event_id", Fact::PurchaseId),
            ("/user/ttclid", Fact::Text(TTCLID)),
            ("/user/email/0", Fact::Text(EMAIL)),
            ("/user/phone/0", Fact::Text(PHONE_E164)),
            ("/properties/value", Fact::Number(TOTAL)),
            ("/properties/currency", Fact::Text("EUR")),
            ("/properties/order_id", Fact::Order),
            ("/properties/contents/0/content_id", Fact::Text("GLIM-ORB")),
        ],
    },
    Expected {
        platform: "microsoft",
        events: &[
            ("pageLoad", 5),
            ("view_item", 1),
            ("add_to_cart", 1),
            ("begin_checkout", 1),
            ("purchase", 1),
        ],
        purchase: "purchase",
        facts: &[
            ("/eventId", Fact::PurchaseId),
            ("/userData/msclkid", Fact::Text(MSCLKID)),
            ("/userData/em", Fact::Text(EMAIL_MICROSOFT)),
            ("/userData/ph", Fact::Text(PHONE_E164)),
            ("/customData/value", Fact::Number(TOTAL)),
            ("/customData/currency", Fact::Text("EUR")),
            ("/customData/transactionId", Fact::Order),
            ("/customData/items/0/id", Fact::Text("GLIM-ORB")),
        ],
    },
    Expected {
        platform: "outbrain",
        events: &[("AddToCart", 1), ("Purchase", 1)],
        purchase: "Purchase",
        facts: &[
            ("/ob_click_id", Fact::Text(OB_CLICK_ID)),
            ("/orderValue", Fact::Number(TOTAL)),
            ("/currency", Fact::Text("EUR")),
            ("/orderId", Fact::Order),
        ],
    },
    Expected {
        platform: "taboola",
        events: &[("add_to_cart", 1), ("make_purchase", 1)],
        purchase: "make_purchase",
        facts: &[
            ("/click-id", Fact::Text(TBLCI)),
            ("/revenue", Fact::Number(TOTAL)),
            ("/currency", Fact::Text("EUR")),
            ("/orderid", Fact::Order),
        ],
    },
    Expected {
        platform: "webhook",
        events: &EVENTS,
        purchase: "Purchase",
        facts: &[
            ("/event_id", Fact::PurchaseId),
            ("/visitor_id", Fact::Visitor),
            ("/campaign/source", Fact::Text("newsletter")),
            ("/click_ids/fbclid/value", Fact::Text(FBCLID)),
            ("/click_ids/gclid/value", Fact::Text(GCLID)),
            ("/click_ids/ttclid/value", Fact::Text(TTCLID)),
            ("/click_ids/msclkid/value", Fact::Text(MSCLKID)),
            ("/click_ids/ob_click_id/value", Fact::Text(OB_CLICK_ID)),
            ("/click_ids/tblci/value", Fact::Text(TBLCI)),
            ("/properties/order_id", Fact::Order),
        ],
    },
];
