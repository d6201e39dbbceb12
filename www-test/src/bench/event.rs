//! Events and whole HTTP requests for tests and loads: what a tag and what a shop's server would send.
//!
//! Every event carries what each destination asks for (consent, page, click, cookie), so none is skipped.

use serde_json::{Value, json};
use shared::UnixMs;

use crate::relay_process::{API_KEY, SITE};

/// One page view as the tag reports it, about 900 bytes in its envelope.
pub fn page_view(id: &str, now: UnixMs) -> Value {
    json!({
        "event": "PageView", "event_id": id, "time": now.0, "source": "web",
        "page": { "url": "https://shop.example/products/orb-lamp?utm_source=newsletter&utm_campaign=autumn",
                  "referrer": "https://search.example/", "title": "Orb lamp" },
        "click_ids": { "fbclid": { "value": "ExampleClickId_aem_Zz9", "seen_at": now.0 - 60_000 } },
        "cookies": { "_fbp": "fb.1.1795400000123.1122334455" },
        "campaign": { "source": "newsletter", "name": "autumn" },
        // The dossier's own digests of an example address and a reserved number.
        "user": { "email": ["c3374bcfe3572e09f37602e0e179782352c5e117a4a3767824abbaa21bbdef8b"],
                  "phone": ["35e206e5dec4c89b9e8b71b8c32724a5bb518483ac5a20c6617d738375b3b823"] },
        "properties": { "value": 59.9, "currency": "EUR",
            "items": [{ "id": "SKU-7", "name": "Orb lamp", "brand": "Dome", "price": 29.95, "quantity": 2 }] },
        "consent": { "ad_storage": "granted", "ad_user_data": "granted", "ad_personalization": "granted" }
    })
}

/// The same event as a purchase; with an order, under that order's id.
pub fn purchase(id: &str, order: Option<&str>, now: UnixMs) -> Value {
    let mut event = page_view(id, now);
    event["event"] = json!("Purchase");
    if let Some(order) = order {
        event["properties"]["order_id"] = json!(order);
    }
    event
}

/// A purchase for a network that knows a visitor by the click alone, which comes in this parameter. The id is the order's, too.
pub fn clicked_purchase(id: &str, click: &str, now: UnixMs) -> Value {
    json!({
        "event": "Purchase", "event_id": id, "time": now.0, "source": "web",
        "page": { "url": "https://shop.example/thanks" },
        "click_ids": { click: { "value": format!("GiA0-{id}"), "seen_at": now.0 - 60_000 } },
        "context": { "ip": "203.0.113.9", "user_agent": "Mozilla/5.0 (X11; Linux x86_64) Example/1.0" },
        "user": { "email": "jane@example.com" },
        "properties": { "value": 59.9, "currency": "EUR", "order_id": id,
            "items": [{ "id": "SKU-7", "price": 29.95, "quantity": 2 }] },
        "consent": { "ad_storage": "granted", "ad_user_data": "granted", "ad_personalization": "granted" }
    })
}

/// `POST /v1/events` with these events, as a browser sends it.
pub fn from_tag(events: &[Value], now: UnixMs) -> Vec<u8> {
    let body = json!({ "v": 1, "site": SITE, "sent_at": now.0, "events": events }).to_string();
    post(
        "/v1/events",
        &[
            ("origin", "https://shop.example"),
            ("content-type", "text/plain;charset=UTF-8"),
            ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Example/1.0"),
        ],
        body.as_bytes(),
    )
}

/// `POST /v1/track` with these events, as a shop's server sends it.
pub fn from_server(events: &[Value]) -> Vec<u8> {
    let bearer = format!("Bearer {API_KEY}");
    let body = json!({ "events": events }).to_string();
    post("/v1/track", &[("authorization", &bearer), ("content-type", "application/json")], body.as_bytes())
}

/// Any `POST`, with any body.
pub fn post(path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_event_body_has_about_900_bytes() {
        let request = from_tag(
            &[page_view("0195e7a2-7b80-7cc3-98c4-dc0c0c07398f", UnixMs(1_795_183_509_123))],
            UnixMs(1),
        );
        let body = request.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
        assert!((850..=950).contains(&(request.len() - body)), "{}", request.len() - body);
    }
}
