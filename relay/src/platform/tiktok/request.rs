//! TikTok's event: name, time, id, page and lead, and what makes an event unfit to be sent.
//!
//! Field names are TikTok's own (page "parameters", read 2026-11-23); it swallows unknown ones in silence, so a test
//! holds every name to its list. Who it was is written in `user`, what it was about in `properties`.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use shared::event::Source;
use shared::time::DAY_MS;
use shared::{Event, UnixMs, limits};

use super::properties::Properties;
use super::user::User;
use super::{EventSource, TikTok};
use crate::platform::naming::Naming;
use crate::platform::page::web_address;
use crate::platform::{Outgoing, Quality, Skip, SkipReason, goods, person};

/// TikTok's standard names (help article "standard events and parameters", 2025) that none of our events has, and
/// those the list replaced in 2025, which are still taken as events of their own. It documents no longest name, so
/// ours holds.
pub(super) const NAMING: Naming = Naming {
    platform: "TikTok",
    standard,
    others: &[
        "ApplicationApproval",
        "ClickButton",
        "CompletePayment",
        "Download",
        "PlaceAnOrder",
        "SubmitForm",
    ],
    longest: limits::EVENT_NAME,
};

/// Names under which an amount is revenue.
const SALES: [&str; 3] = ["Purchase", "CompletePayment", "PlaceAnOrder"];

/// The request's body.
#[derive(Serialize)]
pub(super) struct Envelope<'a> {
    pub(super) event_source: EventSource,
    pub(super) event_source_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) partner_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) test_event_code: Option<&'a str>,
    pub(super) data: &'a [Box<RawValue>],
}

/// One element of `data`. `ad` and `app` belong to apps, `device` to client hints nobody tells us.
#[derive(Serialize)]
struct TrackedEvent<'a> {
    event: &'a str,
    event_time: i64,
    /// Always a text: a number is refused.
    event_id: &'a str,
    user: User<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<Page<'a>>,
    #[serde(skip_serializing_if = "Properties::is_empty")]
    properties: Properties<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lead: Option<Lead<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limited_data_use: Option<bool>,
}

#[derive(Serialize)]
struct Page<'a> {
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    referrer: Option<&'a str>,
}

/// The lead of TikTok's own form that a stage of a CRM belongs to.
#[derive(Serialize)]
struct Lead<'a> {
    lead_id: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lead_event_source: Option<Cow<'a, str>>,
}

impl<'a> Lead<'a> {
    /// From the event's own properties of the same names.
    fn of(event: &'a Event) -> Option<Self> {
        let text = |name: &str| goods::text(event.properties.custom.get(name)?);
        Some(Self { lead_id: text("lead_id")?, lead_event_source: text("lead_event_source") })
    }
}

impl EventSource {
    /// To which kind of data source an event belongs. Every event has one, so that two destinations of a site never
    /// count it twice: TikTok tells repeats apart within one data source only.
    fn of(event: &Event) -> Self {
        match event.source {
            Source::Web => Self::Web,
            // With a page it was done on behalf of the site.
            Source::Server if web_address(event.page.url.as_deref()).is_some() => Self::Web,
            Source::Server | Source::Phone | Source::Store | Source::Email | Source::Chat => Self::Offline,
            Source::Crm => Self::Crm,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Offline => "offline",
            Self::Crm => "crm",
        }
    }
}

/// Writes one event and says how well it can be matched, or says why it must not be sent.
pub(super) fn write(
    tiktok: &TikTok,
    outgoing: &Outgoing<'_>,
    now: UnixMs,
) -> Result<(Box<RawValue>, Quality), Skip> {
    let event = outgoing.event;
    let name = NAMING.of(outgoing)?;
    let page = page(tiktok.event_source, event)?;
    check_age(event, tiktok.max_age_ms, now)?;
    let user = User::of(event, tiktok.visitor_id_as_external_id);
    let lead = if tiktok.event_source == EventSource::Crm { Lead::of(event) } else { None };
    if !user.is_identified() && lead.is_none() {
        let detail = "TikTok needs an e-mail, a phone, an external id, a click id, its `_ttp` cookie or a public IP address";
        return Err(Skip::new(SkipReason::NoIdentifier, detail));
    }
    check_money(event, name)?;
    let quality = user.quality();
    let written = TrackedEvent {
        event: name,
        // An event from the future is a wrong clock; TikTok's pages are silent on it.
        event_time: event.time.min(now).seconds(),
        event_id: &event.event_id,
        user,
        page,
        properties: Properties::of(event),
        lead,
        limited_data_use: (tiktok.limited_data_use || person::asks_for_limited_use(event)).then_some(true),
    };
    let json = to_raw_value(&written).expect("text keys and finite numbers always write as JSON");
    Ok((json, quality))
}

/// TikTok's name for a standard event. `Pageview` is what its pixel calls a page view; `Donate` is in none of its
/// lists and goes as a custom event. It has no refunds, and nothing that means a mere click or form.
pub(super) fn standard(name: &str) -> Option<&'static str> {
    let theirs = match name {
        "PageView" => "Pageview",
        "ViewContent" => "ViewContent",
        "Search" => "Search",
        "AddToCart" => "AddToCart",
        "AddToWishlist" => "AddToWishlist",
        "InitiateCheckout" => "InitiateCheckout",
        "AddPaymentInfo" => "AddPaymentInfo",
        "Purchase" => "Purchase",
        "Lead" => "Lead",
        "CompleteRegistration" => "CompleteRegistration",
        "Subscribe" => "Subscribe",
        "StartTrial" => "StartTrial",
        "Contact" => "Contact",
        "Schedule" => "Schedule",
        "SubmitApplication" => "SubmitApplication",
        "FindLocation" => "FindLocation",
        "CustomizeProduct" => "CustomizeProduct",
        "Donate" => "Donate",
        _ => return None,
    };
    Some(theirs)
}

/// The page, which every event of the web must have and no other has. Refuses events of another kind of source.
fn page(wanted: EventSource, event: &Event) -> Result<Option<Page<'_>>, Skip> {
    let url = web_address(event.page.url.as_deref());
    let kind = EventSource::of(event);
    if wanted == EventSource::Web && event.source == Source::Server && url.is_none() {
        let detail = "TikTok needs `page.url` with events of the web; without one this is an offline event, \
             for a destination with `event_source = \"offline\"`";
        return Err(Skip::new(SkipReason::MissingUrl, detail));
    }
    if kind != wanted {
        let (kind, wanted) = (kind.name(), wanted.name());
        let detail = format!(
            "the destination's `event_source` is \"{wanted}\"; this event needs a destination with \"{kind}\""
        );
        return Err(Skip::new(SkipReason::SwitchedOff, detail));
    }
    match (wanted, url) {
        (EventSource::Offline | EventSource::Crm, _) => Ok(None),
        (EventSource::Web, Some(url)) => {
            Ok(Some(Page { url, referrer: web_address(event.page.referrer.as_deref()) }))
        }
        (EventSource::Web, None) => {
            let detail = "a web event needs `page.url`, the full http(s) address of its page";
            Err(Skip::new(SkipReason::MissingUrl, detail))
        }
    }
}

fn check_age(event: &Event, max_age_ms: i64, now: UnixMs) -> Result<(), Skip> {
    if now.since(event.time) <= max_age_ms {
        return Ok(());
    }
    let days = max_age_ms / DAY_MS;
    let detail = format!("happened at {}; `max_age_days` is {days}", event.time);
    Err(Skip::new(SkipReason::TooOld, detail))
}

/// TikTok takes a sale without an amount; a negative one would count as a sale.
fn check_money(event: &Event, name: &str) -> Result<(), Skip> {
    let negative = event.properties.value.is_some_and(|value| value < 0.0);
    if negative && SALES.contains(&name) {
        let detail = format!("a {name} with a negative value is a refund, which TikTok does not have");
        return Err(Skip::new(SkipReason::RefundNotSupported, detail));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;
    use shared::event::STANDARD_EVENTS;

    use super::*;
    use crate::platform::settings::tests::settings;

    const NOW: UnixMs = UnixMs(1_795_420_860_000);

    fn event(name: &str, fields: &str) -> Event {
        let json =
            format!(r#"{{"event":"{name}","event_id":"1","time":1795420800000,"source":"web",{fields}}}"#);
        serde_json::from_str(&json).expect(fields)
    }

    /// What a destination with these settings makes of an event: its text, or why not.
    fn written(more: &str, event: &Event) -> Result<Value, SkipReason> {
        let text = format!("pixel_code = \"C0EXAMPLE0PIXEL0CODE\"\naccess_token = \"t\"\n{more}");
        let platform = (super::super::KIND.configure)(settings(text.leak())).expect("valid settings");
        let built = platform.build(&[Outgoing { event, site: "s", renamed: None, order_renamed: None }], NOW);
        match built.skips.first() {
            Some((_, skip)) => Err(skip.reason),
            None => {
                let body = built.requests[0].request.body.expose();
                Ok(serde_json::from_str::<Value>(&body).expect("JSON")["data"][0].clone())
            }
        }
    }

    #[test]
    fn every_standard_event_has_its_place() {
        for ours in STANDARD_EVENTS {
            let event = event(ours, r#""user":{}"#);
            let name = NAMING.of(&Outgoing { event: &event, site: "s", renamed: None, order_renamed: None });
            let expected = match ours {
                "Refund" => Err(SkipReason::RefundNotSupported),
                "OutboundClick" | "FormSubmit" => Err(SkipReason::NotMapped),
                "PageView" => Ok("Pageview"),
                ours => Ok(ours),
            };
            assert_eq!(name.map_err(|skip| skip.reason), expected);
        }
    }

    #[test]
    fn an_event_belongs_to_one_kind_of_destination() {
        let sources = ["web", "server", "crm", "phone", "store", "email", "chat"];
        let check = |page: &str, kind: &str, expected: &[&str]| {
            let takes = |source: &&str| {
                let mut event = event("Lead", r#""context":{"ip":"203.0.113.9"}"#);
                event.source = serde_json::from_value((*source).into()).expect("a source");
                event.page.url = Some(page.to_owned());
                written(&format!("event_source = \"{kind}\""), &event).is_ok()
            };
            let taken: Vec<&str> = sources.into_iter().filter(takes).collect();
            assert_eq!(taken, expected, "{kind} {page:?}");
        };
        let page = "https://shop.example/";
        check(page, "web", &["web", "server"]);
        check(page, "offline", &["phone", "store", "email", "chat"]);
        check(page, "crm", &["crm"]);
        check("/thanks", "web", &[]);
        check("/thanks", "offline", &["server", "phone", "store", "email", "chat"]);
        check("/thanks", "crm", &["crm"]);
    }

    #[test]
    fn what_is_amiss_has_its_reason() {
        let page = r#""page":{"url":"https://shop.example/"}"#;
        let check = |more: &str, event: &Event, expected| {
            assert_eq!(written(more, event).map(|_| ()), Err(expected), "{event:?}");
        };
        let nobody = event("Lead", page);
        check("", &nobody, SkipReason::NoIdentifier);
        let mut known = event("Lead", &format!(r#"{page},"context":{{"ip":"203.0.113.9"}}"#));
        check("event_source = \"crm\"", &known, SkipReason::SwitchedOff);
        known.time = NOW.plus(-7 * DAY_MS);
        assert!(written("", &known).is_ok());
        known.time = NOW.plus(-7 * DAY_MS - 1);
        check("", &known, SkipReason::TooOld);
        assert!(written("max_age_days = 8", &known).is_ok());
        known.source = Source::Phone;
        known.time = NOW.plus(-28 * DAY_MS);
        assert!(written("event_source = \"offline\"", &known).is_ok());
        check("event_source = \"offline\"\nmax_age_days = 27", &known, SkipReason::TooOld);
        known.source = Source::Web;
        known.time = NOW;
        known.event = "Purchase".to_owned();
        known.properties.value = Some(-5.0);
        check("", &known, SkipReason::RefundNotSupported);
        known.event = "Lead".to_owned();
        assert!(written("", &known).is_ok());
        known.page.url = None;
        check("", &known, SkipReason::MissingUrl);
        known.source = Source::Server;
        check("", &known, SkipReason::MissingUrl);
    }

    #[test]
    fn limited_data_use_is_asked_for_by_the_destination_or_by_the_event() {
        let check = |more: &str, property: &str, expected: Option<bool>| {
            let event = event(
                "Lead",
                &format!(
                    r#""page":{{"url":"https://shop.example/"}},"context":{{"ip":"203.0.113.9"}},
                    "properties":{{"limited_data_use":{property}}}"#
                ),
            );
            let written = written(more, &event).expect("sent");
            assert_eq!(
                written.get("limited_data_use").and_then(Value::as_bool),
                expected,
                "{more} {property}"
            );
            assert_eq!(written.get("properties"), None, "no such property");
        };
        check("", "true", Some(true));
        check("", "false", None);
        check("", "\"yes\"", Some(true));
        check("", "1", Some(true));
        check("", "\"False\"", None);
        check("", "0", None);
        check("limited_data_use = true", "false", Some(true));
    }

    #[test]
    fn a_lead_of_tiktoks_own_form_is_named_by_its_id() {
        let mut event =
            event("Qualified", r#""properties":{"lead_id":7123,"lead_event_source":"ExampleCRM"}"#);
        event.source = Source::Crm;
        let lead = written("event_source = \"crm\"", &event).expect("the lead is somebody")["lead"].clone();
        assert_eq!(lead, serde_json::json!({ "lead_id": "7123", "lead_event_source": "ExampleCRM" }));
    }

    /// TikTok says "OK" to a name it does not know, so no answer would ever tell.
    #[test]
    fn every_name_is_one_of_tiktoks() {
        let digest = "0".repeat(64);
        let user: Vec<String> =
            shared::identity::Field::ALL.iter().map(|f| format!(r#""{}":["{digest}"]"#, f.name())).collect();
        let event = event(
            "Search",
            &format!(
                r#""page":{{"url":"https://shop.example/","referrer":"https://ads.example/","title":"T"}},
                "click_ids":{{"ttclid":"E.C.P.1"}},"cookies":{{"_ttp":"01JQ4Z8M3T9V7K2R5W6X0Y1ABC_.tt.1"}},
                "context":{{"ip":"203.0.113.9","user_agent":"UA","language":"de-DE"}},
                "user":{{{},"clear":{{"city":"berlin","region":"berlin","postal_code":"10115","country":"DE"}}}},
                "properties":{{"value":9,"currency":"EUR","order_id":"1","search_term":"lamp","coupon":"MAY","tax":1,
                "items":[{{"id":"A","name":"N","brand":"B","category":"C","price":9,"quantity":1}}],"shop_id":"s",
                "description":"d","status":"new","delivery_category":"home_delivery","predicted_ltv":5,"own":1,
                "lead_id":"7"}}"#,
                user.join(",")
            ),
        );
        let event = written("limited_data_use = true", &event).expect("sent");
        let names = |value: &Value| -> BTreeSet<String> {
            value.as_object().expect("an object").keys().cloned().collect()
        };
        let check = |value: &Value, expected: &str| {
            let expected: BTreeSet<String> = expected.split(' ').map(str::to_owned).collect();
            assert_eq!(names(value), expected);
        };
        check(&event, "event event_time event_id user page properties limited_data_use");
        check(&event["page"], "url referrer");
        check(
            &event["user"],
            "email phone external_id first_name last_name city state country zip_code ttclid ttp ip user_agent locale",
        );
        check(
            &event["properties"],
            "value currency contents content_type num_items order_id shop_id query search_string \
             description status delivery_category predicted_ltv",
        );
        check(
            &event["properties"]["contents"][0],
            "content_id content_name content_category price quantity brand",
        );
    }
}
