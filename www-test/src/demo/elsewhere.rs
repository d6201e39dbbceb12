//! Conversions that happen where no tag is: an ad click is seen, then the browser loses the relay, and the conversion
//! comes from a shop's server, an affiliate network and a CRM.
//!
//! One visitor lands with every network's click id, agrees, and leaves an e-mail address. From then on the relay cannot
//! be reached from the browser, as where a blocker strikes. The shop's own server knows the visitor by what its cart
//! carried along, the network by the click token in the link, the CRM by the address only. Owns what each reporter sends, and that every platform got it with its own click id.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::Request;
use http_body_util::Full;
use serde_json::json;
use sha2::Sha256;

use super::checks::{self, Check};
use super::side_by_side;
use crate::browser::{BrowserError, PATIENCE};
use crate::delivered::{self, Delivered};
use crate::journey::{self, FBCLID, GCLID, MSCLKID, OB_CLICK_ID, TBLCI, TTCLID};
use crate::loopback::client;
use crate::recorder::Gate;
use crate::sandbox::clock;
use crate::stage::{Stage, StageError};

/// The `[[source]]` tables of these reporters, for the site of the demo.
pub const SOURCES: &str = r#"
[[source]]
name = "mugs"
site = "shop"
kind = "shopify"
shop = "glim-lamps.myshopify.com"
secret = "made-up-signing-secret"

[[source]]
name = "partner"
site = "shop"
kind = "postback"
token = "token-of-the-partner-01"

[[source]]
name = "crm"
site = "shop"
kind = "json"
auth = { type = "bearer", token = "token-of-the-crm-01" }

[source.map]
email = "contact.email"

[[source.rule]]
stage = "deal.stage"
events = { "closed won" = "Purchase" }
id = "deal.id"
map = { order_id = "deal.id", value = "deal.amount", currency = "deal.currency" }
"#;
const SECRET: &[u8] = b"made-up-signing-secret";

/// One reporter's conversion.
struct Report {
    /// Who reports, in words.
    reporter: &'static str,
    /// By what its order is known everywhere.
    order: &'static str,
    request: Request<Full<Bytes>>,
}

/// What the visitor's browser knew before it lost the relay.
struct Visit {
    visitor: String,
    token: String,
}

/// Lands, loses the relay, and has every reporter report. One check per reporter.
///
/// # Errors
/// When the shop cannot be walked through.
pub async fn check(stage: &Stage) -> Result<Vec<Check>, StageError> {
    let visit = land(stage).await?;
    let left = |records: &[_]| {
        delivered::at("webhook", records).iter().any(|event| event.name == "OutboundClick").then_some(())
    };
    // What is missing is for the checks to say.
    let _there = stage.servers.wait_for("the click on a link", PATIENCE, left).await;
    stage.relay_gate(Gate::Refused);
    let lost = lose_an_order(stage).await?;
    let mut all = Vec::new();
    for report in reports(&stage.servers.relay_url(), &visit) {
        all.push(told(stage, report).await);
    }
    all.push(refuted(stage, &lost));
    let written = super::written(stage.servers.folder());
    let places = "what the relay and the platforms have of webhooks and postbacks";
    all.push(checks::nothing_written(places, &written, &stage.servers.records()));
    Ok(all)
}

/// Comes by an ad, agrees, and leaves an address.
async fn land(stage: &Stage) -> Result<Visit, BrowserError> {
    let browser = &stage.browser;
    browser.goto(&stage.shop.url(journey::LANDING)).await?;
    browser.click("#panel summary").await?;
    browser.click("[data-consent=granted]").await?;
    browser.click("#panel summary").await?;
    browser.eval("anytrack.ready(function () { window.__ready = true; })").await?;
    browser.wait_until("window.__ready === true").await?;
    let email = journey::TYPED[0].text;
    browser
        .eval(&format!("anytrack.identify({{ email: {} }}); anytrack.track('Lead')", json!(email)))
        .await?;
    let token = browser.text("anytrack.clickId()").await?;
    // The token leaves with the next event, as it does when a link with it is followed.
    browser.eval("anytrack.track('OutboundClick')").await?;
    Ok(Visit { visitor: browser.text("anytrack.visitorId()").await?, token })
}

/// Buys on pages that cannot reach the relay; the number of that order.
async fn lose_an_order(stage: &Stage) -> Result<String, BrowserError> {
    let browser = &stage.browser;
    browser.goto(&stage.shop.url("/product/orb")).await?;
    browser.click("#add").await?;
    browser.click("#to-cart").await?;
    browser.wait_for_path("/cart").await?;
    browser.click("#to-checkout").await?;
    browser.wait_for_path("/checkout").await?;
    journey::fill_in(browser).await?;
    browser.click("#place").await?;
    browser.wait_for_path("/thanks").await?;
    browser.text("document.getElementById('order-number').textContent").await
}

/// What each reporter sends, in the order in which they do.
fn reports(relay: &str, visit: &Visit) -> Vec<Report> {
    let postback = format!(
        "{relay}/v1/postback/partner?token=token-of-the-partner-01&atclid={}&transaction_id={PARTNER_ORDER}&payout=42.50&currency=EUR",
        visit.token
    );
    let deal = json!({ "contact": { "email": journey::TYPED[0].text },
                       "deal": { "id": DEAL, "stage": "closed won", "amount": 990, "currency": "EUR" } });
    vec![
        Report {
            reporter: "the shop's webhook of an order whose pages were blocked",
            order: SHOP_ORDER,
            request: shopify(relay, visit),
        },
        Report {
            reporter: "an affiliate network's postback with the click token",
            order: PARTNER_ORDER,
            request: Request::get(postback).body(Full::default()).expect("the address is plain ASCII"),
        },
        Report {
            reporter: "a CRM's deal of a person known by address only",
            order: DEAL,
            request: request(relay, "/v1/webhook/crm")
                .header("authorization", "Bearer token-of-the-crm-01")
                .body(Full::new(Bytes::from(deal.to_string())))
                .expect("headers are plain ASCII"),
        },
    ]
}

/// The order as Shopify's servers report it: the visitor is in the cart's attributes.
fn shopify(relay: &str, visit: &Visit) -> Request<Full<Bytes>> {
    let order = json!({
        "id": SHOP_ORDER.parse::<u64>().unwrap_or_default(), "source_name": "web", "financial_status": "paid",
        "currency": "EUR", "total_price": "178.00", "processed_at": clock::now().rfc3339(),
        "note_attributes": [{ "name": "_at_vid", "value": visit.visitor }],
        "email": journey::TYPED[0].text, "phone": journey::TYPED[1].text,
        "line_items": [{ "product_id": 7, "sku": "GLIM-ORB", "title": "Orb", "price": "89.00", "quantity": 2 }],
    });
    let body = order.to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).expect("HMAC takes keys of any length");
    mac.update(body.as_bytes());
    request(relay, "/v1/webhook/mugs")
        .header("x-shopify-topic", "orders/paid")
        .header("x-shopify-shop-domain", "glim-lamps.myshopify.com")
        .header("x-shopify-hmac-sha256", BASE64.encode(mac.finalize().into_bytes()))
        .body(Full::new(Bytes::from(body)))
        .expect("headers are plain ASCII")
}

fn request(relay: &str, path: &str) -> http::request::Builder {
    Request::post(format!("{relay}{path}")).header("content-type", "application/json")
}

/// Has one reporter report, and looks whether every platform got it with its own click.
async fn told(stage: &Stage, report: Report) -> Check {
    let statement = format!("{} reached every platform with its own click", report.reporter);
    let answer = client::send(report.request).await;
    let status = answer.map(|answer| answer.status().as_u16()).map_err(|error| error.to_string());
    if !matches!(status, Ok(200..=299)) {
        return Check { statement, faults: vec![format!("the relay answered {status:?}")] };
    }
    let all = |records: &[_]| {
        let found = |(platform, _): (&str, usize)| {
            of_order(&delivered::at(platform, records), report.order).is_some()
        };
        checks::platforms().all(found).then_some(())
    };
    let _complete = stage.servers.wait_for("the order everywhere", PATIENCE, all).await;
    let records = stage.servers.records();
    let wrong = |(platform, _)| {
        let events = delivered::at(platform, &records);
        let click = of_order(&events, report.order).map(side_by_side::click);
        let wanted = CLICKS.iter().find(|(name, _)| *name == platform).map_or("", |(_, click)| *click);
        match click {
            None => Some(format!("{platform} has not got the order")),
            Some(Some(click)) if click.ends_with(wanted) => None,
            Some(found) => Some(format!("at {platform} the click is {found:?}, expected {wanted}")),
        }
    };
    Check { statement, faults: checks::platforms().filter_map(wrong).collect() }
}

/// The conversion of an order, by what a platform knows it again.
fn of_order<'a>(events: &'a [Delivered], order: &str) -> Option<&'a Delivered> {
    events.iter().find(|event| event.event_id.ends_with(order))
}

/// The order that only the browser knew must have reached nobody, or the pages were not blocked.
fn refuted(stage: &Stage, lost: &str) -> Check {
    let records = stage.servers.records();
    let found = delivered::read(&records).into_iter().filter(|event| event.event_id.ends_with(lost));
    let faults = found.map(|event| format!("{} got {}", event.platform, event.event_id));
    Check { statement: "what only a blocked page knew reached nobody".to_owned(), faults: faults.collect() }
}

/// The click each platform must be given.
const CLICKS: [(&str, &str); 7] = [
    ("meta", FBCLID),
    ("google-ads", GCLID),
    ("tiktok", TTCLID),
    ("microsoft", MSCLKID),
    ("outbrain", OB_CLICK_ID),
    ("taboola", TBLCI),
    ("webhook", FBCLID),
];
/// Number of the order at the shop.
const SHOP_ORDER: &str = "5510011223344";
/// Number of the conversion at the affiliate network.
const PARTNER_ORDER: &str = "T-90210";
/// Number of the deal in the CRM.
const DEAL: &str = "D-4711";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_found_by_its_end_in_any_platforms_id() {
        let event = |id: &str| Delivered {
            platform: "meta",
            name: String::new(),
            event_id: id.to_owned(),
            event: serde_json::Value::Null,
        };
        let events = [event("Purchase-1"), event("ord-5510011223344")];
        assert_eq!(
            of_order(&events, SHOP_ORDER).map(|found| found.event_id.as_str()),
            Some("ord-5510011223344")
        );
        assert!(of_order(&events, "9").is_none());
    }
}
