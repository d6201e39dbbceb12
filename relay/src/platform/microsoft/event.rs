//! An event of the Conversions API: type, name, time and place, and what makes it unfit to be sent.
//!
//! There are two types, `pageLoad` and `custom`; goals match on the address of the one and on the name of the other
//! (page "conversions API guide", read 2026-11-23). Who it was is written in `user_data`, what it was about in
//! `custom_data`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::to_raw_value;
use shared::event::Source;
use shared::{Event, Sha256Hex, Signal, UnixMs, vendor_cookie};
use url::Url;

use super::custom_data::{CustomData, Revenue, text};
use super::user_data::UserData;
use super::{EVENTS, MAX_AGE_MS, PAGE_REVENUE, Row, check_age};
use crate::platform::naming::Naming;
use crate::platform::{Outgoing, Skip, SkipReason, page, person};

/// Our events and Microsoft's names. There is no catalogue to choose from, so these are the names its browser tag and
/// its goal categories use, and ours in small letters where it has none. Clicks on links and sent forms, which the tag
/// reports by itself, are left to the operator.
const STANDARD: [(&str, &str); 18] = [
    ("PageView", PAGE_LOAD),
    ("ViewContent", "view_item"),
    ("Search", "search"),
    ("AddToCart", "add_to_cart"),
    ("AddToWishlist", "add_to_wishlist"),
    ("InitiateCheckout", "begin_checkout"),
    ("AddPaymentInfo", "add_payment_info"),
    ("Purchase", "purchase"),
    ("Lead", "submit_lead_form"),
    ("CompleteRegistration", "signup"),
    ("Subscribe", "subscribe"),
    ("StartTrial", "start_trial"),
    ("Contact", "contact"),
    ("Schedule", "book_appointment"),
    ("SubmitApplication", "request_quote"),
    ("FindLocation", "find_location"),
    ("CustomizeProduct", "customize_product"),
    ("Donate", "donate"),
];

/// The type of a page view, which has no name; everything else is `custom`.
const PAGE_LOAD: &str = "pageLoad";
const CUSTOM: &str = "custom";
/// Name of the event that carries a page view's revenue. Its goal is found by the page load, so the name only has to
/// be one that no goal waits for.
const REVENUE_NAME: &str = "page_revenue";

/// What is said of a visitor whose answer about storage is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum UnknownConsent {
    /// That it was denied where the customer's address is in the EEA, the United Kingdom or Switzerland, as Microsoft's policy
    /// asks; nothing elsewhere.
    #[default]
    Regional,
    /// Nothing, which Microsoft takes for consent. Right where nobody has to be asked.
    Unsaid,
    /// That it was denied, of everybody: right where most visitors are from there and no address says so.
    Denied,
    /// That it was granted.
    Granted,
}

/// One element of `data`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    event_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_name: Option<&'a str>,
    event_id: &'a str,
    event_time: i64,
    #[serde(flatten)]
    page: Page<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ad_storage_consent: Option<&'static str>,
    user_data: &'a UserData<'a>,
    #[serde(skip_serializing_if = "CustomData::is_empty")]
    custom_data: CustomData<'a>,
}

/// Where it happened.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Page<'a> {
    #[serde(rename = "eventSourceUrl", skip_serializing_if = "Option::is_none")]
    url: Option<Cow<'a, str>>,
    #[serde(rename = "pageLoadId", skip_serializing_if = "Option::is_none")]
    load_id: Option<Cow<'a, str>>,
    #[serde(rename = "referrerUrl", skip_serializing_if = "Option::is_none")]
    referrer: Option<Cow<'a, str>>,
    #[serde(rename = "pageTitle", skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keywords: Option<&'a str>,
}

/// Writes one event and says how well it can be matched, or says why it must not be sent.
pub(super) fn write(unknown: UnknownConsent, outgoing: &Outgoing<'_>, now: UnixMs) -> Result<Row, Skip> {
    let event = outgoing.event;
    let name = name(outgoing)?;
    check_age(event, MAX_AGE_MS, now)?;
    check_sign(event, name)?;
    let ad_storage = ad_storage(event, unknown);
    let denied = ad_storage == Some(Signal::Denied);
    let user_data = UserData::of(event, denied);
    user_data.check()?;
    let row = |event_name: Option<&str>, page: Page<'_>, custom_data: CustomData<'_>| {
        let written = Written {
            event_type: if event_name.is_some() { CUSTOM } else { PAGE_LOAD },
            event_name,
            event_id: &event.event_id,
            // An event from the future is a wrong clock, and Microsoft refuses it.
            event_time: event.time.min(now).seconds(),
            page,
            ad_storage_consent: ad_storage.map(letter),
            user_data: &user_data,
            custom_data,
        };
        to_raw_value(&written).expect("text keys and finite numbers always write as JSON")
    };
    let mut page = Page::of(event, denied);
    if name != PAGE_LOAD {
        return Ok((EVENTS, row(Some(name), page, CustomData::of(event)), user_data.quality()));
    }
    if page.url.is_none() {
        let detail = "a page view needs `page.url`, the full http(s) address of its page";
        return Err(Skip::new(SkipReason::MissingUrl, detail));
    }
    let about = CustomData::of_page(event);
    let Some(revenue) = Revenue::of(event) else {
        return Ok((EVENTS, row(None, page, about), user_data.quality()));
    };
    // A page view has no place for revenue. A second event brings it, joined by the id of the page load.
    page.load_id.get_or_insert_with(|| Cow::Owned(load_id(event)));
    let bare = Page { url: page.url.clone(), load_id: page.load_id.clone(), ..Page::default() };
    let rows = [row(None, page, about), row(Some(REVENUE_NAME), bare, CustomData::of_revenue(revenue))];
    let rows = to_raw_value(&rows).expect("a list of JSON writes as JSON");
    Ok((PAGE_REVENUE, rows, user_data.quality()))
}

/// Microsoft's name for a standard event.
pub(super) fn standard(name: &str) -> Option<&'static str> {
    STANDARD.into_iter().find(|(ours, _)| *ours == name).map(|(_, theirs)| theirs)
}

/// How events are named. No limit is documented; an action longer than this is no name any more.
pub(super) const NAMING: Naming = Naming { platform: "Microsoft", standard, others: &[], longest: 256 };

/// The event's name at Microsoft.
fn name<'a>(outgoing: &Outgoing<'a>) -> Result<&'a str, Skip> {
    if outgoing.event.event == "Refund" && outgoing.renamed.is_none() {
        let detail = "the Conversions API has no refunds; with `offline` and its `conversions.Refund` they are sent as \
            adjustments";
        return Err(Skip::new(SkipReason::RefundNotSupported, detail));
    }
    NAMING.of(outgoing)
}

/// A purchase of a negative value is a refund, and those never go out as purchases.
fn check_sign(event: &Event, name: &str) -> Result<(), Skip> {
    if name == "purchase" && event.properties.value.is_some_and(|value| value < 0.0) {
        let detail = "a Purchase with a negative value is a refund; send it as Refund";
        return Err(Skip::new(SkipReason::RefundNotSupported, detail));
    }
    Ok(())
}

/// The visitor's answer about storage, or what the operator says of those who were not asked.
fn ad_storage(event: &Event, unknown: UnknownConsent) -> Option<Signal> {
    event.consent.ad_storage.or(match unknown {
        UnknownConsent::Regional => {
            person::is_regulated(event).filter(|regulated| *regulated).map(|_| Signal::Denied)
        }
        UnknownConsent::Unsaid => None,
        UnknownConsent::Denied => Some(Signal::Denied),
        UnknownConsent::Granted => Some(Signal::Granted),
    })
}

fn letter(answer: Signal) -> &'static str {
    match answer {
        Signal::Granted => "G",
        Signal::Denied => "D",
    }
}

impl<'a> Page<'a> {
    /// The page of an event of the site, without click ids where storage was `denied`. Other events were seen by
    /// nobody on a page.
    fn of(event: &'a Event, denied: bool) -> Self {
        match event.source {
            Source::Web | Source::Server => {}
            Source::Crm | Source::Phone | Source::Store | Source::Email | Source::Chat => {
                return Self::default();
            }
        }
        let own_load_id = text(&event.properties, ["pageLoadId", "page_load_id"]);
        Self {
            url: web_address(event.page.url.as_deref(), denied),
            load_id: own_load_id.filter(|id| vendor_cookie::is_uuid(id)).map(Cow::Borrowed),
            referrer: web_address(event.page.referrer.as_deref(), denied),
            title: event.page.title.as_deref().filter(|title| !title.trim().is_empty()),
            keywords: text(&event.properties, ["keywords", "page_keywords"]),
        }
    }
}

/// `text` if it is a full http or https address; without its query, where click ids stand, if it is to be `bare`.
fn web_address(text: Option<&str>, bare: bool) -> Option<Cow<'_, str>> {
    let text = page::web_address(text)?;
    if !bare {
        return Some(Cow::Borrowed(text));
    }
    let mut url = Url::parse(text).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    Some(Cow::Owned(url.into()))
}

/// An id for the page load of one event, the same at every attempt: a UUID of version 4 by its form.
fn load_id(event: &Event) -> String {
    let digest = Sha256Hex::of(&format!("page load\0{}", event.event_id)).to_hex();
    let (a, b, c, d, e) = (&digest[..8], &digest[8..12], &digest[13..16], &digest[17..20], &digest[20..32]);
    format!("{a}-{b}-4{c}-a{d}-{e}")
}

#[cfg(test)]
mod tests {
    use shared::event::STANDARD_EVENTS;

    use super::*;

    const NOW: UnixMs = UnixMs(1_795_435_200_000);
    const HEAD: &str = r#""event_id":"1","time":1795435199999,"source":"web","visitor_id":"v-1""#;

    /// The call and the rows of an event with these fields.
    fn rows(name: &str, fields: &str, unknown: UnknownConsent) -> (crate::platform::Call, serde_json::Value) {
        let event = event(name, fields);
        let outgoing = Outgoing { event: &event, site: "s", renamed: None, order_renamed: None };
        let (call, json, _) = write(unknown, &outgoing, NOW).expect(fields);
        (call, serde_json::from_str(json.get()).expect("JSON"))
    }

    fn event(name: &str, fields: &str) -> Event {
        serde_json::from_str(&format!(r#"{{"event":"{name}",{HEAD},{fields}}}"#)).expect(fields)
    }

    #[test]
    fn every_standard_name_has_its_place() {
        for ours in STANDARD_EVENTS {
            let event = event(ours, r#""user":{}"#);
            let outgoing = Outgoing { event: &event, site: "s", renamed: None, order_renamed: None };
            let expected = match ours {
                "Refund" => Err(SkipReason::RefundNotSupported),
                "OutboundClick" | "FormSubmit" => Err(SkipReason::NotMapped),
                ours => Ok(standard(ours).expect("a name")),
            };
            assert_eq!(name(&outgoing).map_err(|skip| skip.reason), expected);
            let renamed = Outgoing { renamed: Some("own"), ..outgoing };
            assert_eq!(name(&renamed).map_err(|skip| skip.reason), Ok("own"), "{ours}");
        }
    }

    #[test]
    fn a_refund_never_becomes_revenue() {
        let event = event("Refund", r#""user":{}"#);
        let outgoing = Outgoing { event: &event, site: "s", renamed: Some("purchase"), order_renamed: None };
        assert_eq!(name(&outgoing).map_err(|skip| skip.reason), Err(SkipReason::RefundNotSupported));
        let check = |name: &str, right: bool| {
            let negative = self::event(name, r#""properties":{"value":-5,"currency":"EUR"}"#);
            let outgoing = Outgoing { event: &negative, site: "s", renamed: None, order_renamed: None };
            assert_eq!(write(UnknownConsent::Unsaid, &outgoing, NOW).is_ok(), right, "{name}");
        };
        check("Purchase", false);
        check("Lead", true);
    }

    #[test]
    fn a_page_view_brings_its_revenue_in_a_second_event() {
        let page = r#""page":{"url":"https://shop.example/thanks?o=1","title":"Thanks"}"#;
        let (call, row) = rows("PageView", page, UnknownConsent::Unsaid);
        assert_eq!((call, row["eventType"].as_str()), (EVENTS, Some("pageLoad")));
        assert!(row.get("eventName").is_none() && row.get("pageLoadId").is_none(), "{row}");

        let (call, both) = rows(
            "PageView",
            &format!(r#"{page},"properties":{{"value":5,"currency":"EUR"}}"#),
            UnknownConsent::Unsaid,
        );
        assert_eq!((call, both.as_array().map(Vec::len)), (PAGE_REVENUE, Some(2)));
        assert!(both[0].get("customData").is_none(), "{both}");
        assert_eq!(both[1]["customData"], serde_json::json!({ "value": 5, "currency": "EUR" }));
        assert_eq!(both[1]["eventType"], "custom");
        assert_eq!(both[0]["pageLoadId"], both[1]["pageLoadId"]);
        let id = both[0]["pageLoadId"].as_str().expect("an id");
        assert!(vendor_cookie::is_uuid(id) && &id[14..15] == "4" && &id[19..20] == "a", "{id}");
        assert!(both[1].get("pageTitle").is_none(), "nothing but the revenue");

        let own = "8f14e45f-ceea-467f-a0e6-5d1c0b3f9a52";
        let properties =
            format!(r#"{page},"properties":{{"value":5,"currency":"EUR","pageLoadId":"{own}"}}"#);
        let (_, both) = rows("PageView", &properties, UnknownConsent::Unsaid);
        assert_eq!((&both[0]["pageLoadId"], &both[1]["pageLoadId"]), (&own.into(), &own.into()));
        let (_, custom) = rows("Lead", &properties, UnknownConsent::Unsaid);
        assert_eq!(custom["pageLoadId"], own, "a site may join its own events to the page they happened on");
    }

    #[test]
    fn consent_is_what_the_visitor_said() {
        let check = |consent: &str, unknown, expected: Option<&str>| {
            let (_, row) = rows("Lead", &format!(r#""consent":{{{consent}}}"#), unknown);
            assert_eq!(row.get("adStorageConsent").and_then(|value| value.as_str()), expected, "{consent}");
        };
        for unknown in [UnknownConsent::Unsaid, UnknownConsent::Denied, UnknownConsent::Granted] {
            check(r#""ad_storage":"granted""#, unknown, Some("G"));
            check(r#""ad_storage":"denied""#, unknown, Some("D"));
        }
        check("", UnknownConsent::Unsaid, None);
        check("", UnknownConsent::Denied, Some("D"));
        check("", UnknownConsent::Granted, Some("G"));
    }

    #[test]
    fn addresses_are_full_and_bare_without_consent() {
        let check = |fields: &str, url: Option<&str>, referrer: Option<&str>| {
            let (_, row) = rows("Lead", fields, UnknownConsent::Unsaid);
            let field = |name: &str| row.get(name).and_then(|value| value.as_str());
            assert_eq!((field("eventSourceUrl"), field("referrerUrl")), (url, referrer), "{fields}");
        };
        let full = "https://shop.example/?msclkid=0f3c1b2a4d5e6f708192a3b4c5d6e7f8#top";
        check(&format!(r#""page":{{"url":"{full}"}}"#), Some(full), None);
        check(
            &format!(r#""page":{{"url":"{full}","referrer":"{full}"}},"consent":{{"ad_storage":"denied"}}"#),
            Some("https://shop.example/"),
            Some("https://shop.example/"),
        );
        check(r#""page":{"url":"/thanks","referrer":"android-app://x"}"#, None, None);
        check(r#""page":{"url":"https://shop.example/","referrer":""}"#, Some("https://shop.example/"), None);
    }
}
