//! Webhooks as shops send them, over real sockets: what is stored, what counts once, what the sender is told.

mod crm;
mod running;

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use running::{Answer, Running, log};
use serde_json::{Value, json};
use sha2::Sha256;

const SECRET: &str = "made-up-signing-secret";
const VISITOR: &str = "0199c2a0-7b1c-7cc3-98c4-dc0c0c07398f";

/// A relay with a source of every kind of shop.
async fn start(server: &str) -> Running {
    let sources = format!(
        r#"
            {server}
            [[source]]
            name = "mugs"
            site = "shop"
            kind = "shopify"
            shop = "mug-shop.myshopify.com"
            secret = "{SECRET}"
            [[source]]
            name = "woo"
            site = "shop"
            kind = "woocommerce"
            secret = "{SECRET}"
            [[source]]
            name = "pay"
            site = "shop"
            kind = "stripe"
            secret = "{SECRET}"
            {}
        "#,
        crm::SOURCES
    );
    Running::start(&sources).await
}

fn mac(text: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any key will do");
    text.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

async fn shopify(relay: &Running, topic: &str, body: &Value) -> Answer {
    let body = body.to_string();
    let signature = STANDARD.encode(mac(&[body.as_bytes()]));
    let headers = format!(
        "x-shopify-topic: {topic}\r\nx-shopify-hmac-sha256: {signature}\r\nx-shopify-shop-domain: mug-shop.myshopify.com\r\n"
    );
    relay.post("/v1/webhook/mugs", &headers, &body).await
}

async fn stripe(relay: &Running, kind: &str, object: Value) -> Answer {
    let now = relay::clock::now().seconds();
    let body = json!({ "object": "event", "type": kind, "created": now, "livemode": true, "data": { "object": object } });
    let (body, time) = (body.to_string(), now.to_string());
    let hex: String =
        mac(&[time.as_bytes(), b".", body.as_bytes()]).iter().map(|byte| format!("{byte:02x}")).collect();
    relay.post("/v1/webhook/pay", &format!("stripe-signature: t={time},v1={hex}\r\n"), &body).await
}

async fn woocommerce(relay: &Running, order: &Value) -> Answer {
    let body = order.to_string();
    let signature = STANDARD.encode(mac(&[body.as_bytes()]));
    let headers = format!("x-wc-webhook-topic: order.updated\r\nx-wc-webhook-signature: {signature}\r\n");
    relay.post("/v1/webhook/woo", &headers, &body).await
}

fn order(id: u64) -> Value {
    json!({
        "id": id, "source_name": "web", "financial_status": "paid", "currency": "EUR", "total_price": "59.90",
        "processed_at": relay::clock::now().rfc3339(), "checkout_token": format!("c{id}"),
        "note_attributes": [{ "name": "_at_vid", "value": VISITOR }, { "name": "gift", "value": "for jane.doe@example.com" }],
        "email": "jane.doe@example.com", "phone": "+12025550123",
        "billing_address": { "first_name": "Jane", "last_name": "Lovelace", "address1": "12 Main Street", "city": "Springfield",
            "zip": "62701", "country_code": "US" },
    })
}

#[tokio::test]
async fn an_order_is_stored_with_the_click_of_its_visitor() {
    let relay = start("").await;
    let landing = format!(
        r#"[{{"event":"PageView","visitor_id":"{VISITOR}","page":{{"url":"https://shop.example/?gclid=Cj0-made-up"}}}}]"#
    );
    assert_eq!(relay.page(&landing).await.status, 202);
    let answer = shopify(&relay, "orders/paid", &order(7)).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "OK"));
    let events = log(relay.stop().await.path());
    assert_eq!(events.len(), 2, "{events:?}");
    let purchase = &events[1];
    assert_eq!(purchase["event_id"], "Purchase-7");
    assert_eq!(purchase["click_ids"]["gclid"]["value"], "Cj0-made-up");
    assert_eq!(purchase["page"]["url"], "https://shop.example/?gclid=Cj0-made-up");
    assert_eq!(purchase["properties"]["value"], 59.9);
}

#[tokio::test]
async fn browser_copy_webhook_and_repeat_are_one_conversion() {
    let relay = start("").await;
    let from_page = r#"[{"event":"Purchase","properties":{"order_id":"7","value":59.9,"currency":"EUR"}}]"#;
    assert_eq!(shopify(&relay, "orders/paid", &order(7)).await.status, 200);
    assert_eq!(relay.page(from_page).await.json()["duplicates"], 1, "the page comes second");
    assert_eq!(relay.page(&from_page.replace("\"7\"", "\"8\"")).await.json()["accepted"], 1);
    assert_eq!(shopify(&relay, "orders/paid", &order(8)).await.body, "OK", "the webhook comes second");
    assert_eq!(shopify(&relay, "orders/paid", &order(8)).await.body, "OK", "and is repeated");
    let refund = |id: u32| {
        let given = json!([{ "kind": "refund", "status": "success", "amount": "9.90", "currency": "EUR" }]);
        json!({ "id": id, "order_id": 7, "created_at": relay::clock::now().rfc3339(), "transactions": given })
    };
    for id in [31, 32, 31] {
        assert_eq!(shopify(&relay, "refunds/create", &refund(id)).await.status, 200);
    }
    let metrics = relay.get("/metrics").await.body;
    let line = "anytrack_source_requests_total{source=\"mugs\",result=\"stored\"} 6";
    assert!(metrics.contains(line), "{metrics}");
    let events = log(relay.stop().await.path());
    let ids: Vec<&str> = events.iter().filter_map(|event| event["event_id"].as_str()).collect();
    assert_eq!(ids, ["Purchase-7", "Purchase-8", "Refund-7-31", "Refund-7-32"]);
    assert_eq!(events[2]["visitor_id"], VISITOR, "a refund goes the way of its order");
}

/// A refund does not say through which channel its order came, and a pixel counts what may never be paid.
#[tokio::test]
async fn what_was_never_counted_is_not_taken_back() {
    let relay = start("").await;
    let changed = |id: u64, name: &str, value: &str| {
        let mut changed = order(id);
        changed[name] = json!(value);
        changed
    };
    assert_eq!(shopify(&relay, "orders/paid", &changed(9, "source_name", "pos")).await.status, 200);
    let given = json!([{ "kind": "refund", "status": "success", "amount": "9.90", "currency": "EUR" }]);
    let refund = json!({ "id": 31, "order_id": 9, "created_at": relay::clock::now().rfc3339(), "transactions": given });
    assert_eq!(shopify(&relay, "refunds/create", &refund).await.body, "OK");
    let from_page = r#"[{"event":"Purchase","properties":{"order_id":"8","value":59.9,"currency":"EUR"}}]"#;
    assert_eq!(relay.page(from_page).await.json()["accepted"], 1);
    for id in [7, 8, 8] {
        let answer = shopify(&relay, "orders/cancelled", &changed(id, "financial_status", "voided")).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "OK"));
    }
    let events = log(relay.stop().await.path());
    let ids: Vec<&str> = events.iter().filter_map(|event| event["event_id"].as_str()).collect();
    assert_eq!(ids, ["Purchase-8", "Refund-8-cancelled"]);
    let properties = &events[1]["properties"];
    assert_eq!(properties["remaining_value"], json!(0.0));
    assert!(properties.get("only_if_reported").is_none(), "that was for the relay alone: {properties}");
}

/// `orders/paid` could not be delivered, and Shopify repeats it after the refund came.
#[tokio::test]
async fn a_refund_that_overtakes_its_order_follows_it() {
    let relay = start("").await;
    let given = json!([{ "kind": "refund", "status": "success", "amount": "9.90", "currency": "EUR" }]);
    let refund = json!({ "id": 31, "order_id": 7, "created_at": relay::clock::now().rfc3339(), "transactions": given });
    for (topic, body) in
        [("refunds/create", &refund), ("orders/paid", &order(7)), ("refunds/create", &refund)]
    {
        assert_eq!(shopify(&relay, topic, body).await.body, "OK");
    }
    let events = log(relay.stop().await.path());
    let ids: Vec<&str> = events.iter().filter_map(|event| event["event_id"].as_str()).collect();
    assert_eq!(ids, ["Purchase-7", "Refund-7-31"]);
    assert_eq!(events[1]["properties"]["remaining_value"], json!(50.0));
    assert_eq!(events[1]["visitor_id"], VISITOR);
}

/// The shop cancels what is not paid within the hour, and the money comes all the same.
#[tokio::test]
async fn an_order_that_is_paid_after_it_was_cancelled_holds_again() {
    let relay = start("").await;
    let from_page = r#"[{"event":"Purchase","properties":{"order_id":"1","value":29.35,"currency":"EUR"}}]"#;
    assert_eq!(relay.page(from_page).await.json()["accepted"], 1);
    let ago = |minutes: i64| {
        let time = relay::clock::now().plus(-minutes * 60_000).rfc3339();
        time.trim_end_matches('Z').to_owned()
    };
    let order = |status: &str, modified: &str, paid: Option<&str>| {
        json!({ "id": 1, "status": status, "total": "29.35", "currency": "EUR", "payment_method": "bacs",
            "line_items": [{ "product_id": 93, "quantity": 1 }], "date_created_gmt": ago(90), "date_modified_gmt": modified, "date_paid_gmt": paid })
    };
    let (cancelled, paid) = (ago(30), ago(10));
    let paid = order("processing", &paid, Some(&paid));
    for order in [&order("cancelled", &cancelled, None), &paid, &paid] {
        assert_eq!(woocommerce(&relay, order).await.status, 200);
    }
    let events = log(relay.stop().await.path());
    let ids: Vec<&str> = events.iter().filter_map(|event| event["event_id"].as_str()).collect();
    assert_eq!(ids, ["Purchase-1", "Refund-1-cancelled", "Refund-1-paid"]);
    let left = |place: usize| &events[place]["properties"]["remaining_value"];
    assert_eq!((left(1), left(2)), (&json!(0.0), &json!(29.35)));
}

#[tokio::test]
async fn cash_on_delivery_that_is_refused_takes_its_purchase_back() {
    let relay = start("").await;
    let now = relay::clock::now().rfc3339();
    let now = now.trim_end_matches('Z');
    let order = |id: u8, status: &str| {
        json!({ "id": id, "status": status, "total": "29.35", "currency": "EUR", "payment_method": "cod",
            "date_created_gmt": now, "date_modified_gmt": now })
    };
    for (id, status) in [(1, "processing"), (1, "cancelled"), (1, "cancelled"), (2, "cancelled")] {
        assert_eq!(woocommerce(&relay, &order(id, status)).await.status, 200);
    }
    let events = log(relay.stop().await.path());
    let ids: Vec<&str> = events.iter().filter_map(|event| event["event_id"].as_str()).collect();
    assert_eq!(ids, ["Purchase-1", "Refund-1-cancelled"]);
}

#[tokio::test]
async fn a_renewal_is_led_back_by_its_subscription() {
    let relay = start("").await;
    let landing = format!(
        r#"[{{"event":"PageView","visitor_id":"{VISITOR}","page":{{"url":"https://shop.example/?fbclid=IwAR-made-up"}}}}]"#
    );
    relay.page(&landing).await;
    let session = json!({ "id": "cs_1", "mode": "subscription", "payment_status": "paid", "amount_total": 900,
        "currency": "eur", "client_reference_id": VISITOR, "subscription": "sub_1" });
    assert_eq!(stripe(&relay, "checkout.session.completed", session).await.status, 200);
    let invoice = json!({ "id": "in_2", "billing_reason": "subscription_cycle", "amount_paid": 900, "currency": "eur",
        "parent": { "subscription_details": { "subscription": "sub_1" } } });
    assert_eq!(stripe(&relay, "invoice.paid", invoice).await.status, 200);
    let events = log(relay.stop().await.path());
    let renewal = &events[2];
    assert_eq!((&renewal["event"], &renewal["visitor_id"]), (&json!("Subscribe"), &json!(VISITOR)));
    assert_eq!(renewal["click_ids"]["fbclid"]["value"], "IwAR-made-up");
}

#[tokio::test]
async fn the_sender_is_told_what_it_needs_to_know() {
    let relay = start("").await;
    let check = |answer: Answer, status: u16, words: &str| {
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.body.contains(words), "{answer:?}");
    };
    check(relay.post("/v1/webhook/mugs", "", "{}").await, 401, "X-Shopify-Hmac-Sha256");
    check(relay.post("/v1/webhook/mugs", "x-shopify-hmac-sha256: AAAA\r\n", "{}").await, 401, "`secret`");
    check(relay.post("/v1/webhook/pay", "stripe-signature: t=1,v1=00\r\n", "{}").await, 400, "`secret`");
    check(relay.post("/v1/webhook/woo", "", "webhook_id=4").await, 200, "OK");
    check(relay.post("/v1/webhook/nope", "", "{}").await, 404, "no such source");
    check(relay.post("/v1/postback/mugs", "", "{}").await, 404, "no such source");
    check(relay.get("/v1/webhook/mugs").await, 405, "use POST");
    check(shopify(&relay, "products/update", &json!({})).await, 200, "OK");
    check(shopify(&relay, "orders/paid", &json!({ "id": null, "source_name": "web" })).await, 200, "OK");
    let announced = "POST /v1/webhook/mugs HTTP/1.1\r\nhost: t\r\ncontent-length: 10000000\r\n\r\n";
    // A shop that got an error would send it again and again and then give the webhook up.
    check(relay.send(announced.as_bytes()).await, 200, "OK");
    let metrics = relay.get("/metrics").await.body;
    for line in [
        "\"mugs\",result=\"denied\"} 2",
        "\"mugs\",result=\"ignored\"} 1",
        "\"mugs\",result=\"unreadable\"} 2",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    assert!(log(relay.stop().await.path()).is_empty());
}

#[tokio::test]
async fn a_site_that_gets_too_much_tells_its_shop_to_come_back() {
    let relay = start("rate_limit = { per_client = 0, per_site = 1 }").await;
    assert_eq!(shopify(&relay, "orders/paid", &order(1)).await.status, 200);
    assert_eq!(shopify(&relay, "orders/paid", &order(2)).await.status, 200);
    let answer = shopify(&relay, "orders/paid", &order(3)).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("1")));
    // Pages have a limit of their own, so that nobody can turn webhooks away by flooding them.
    let page =
        |id: u8| format!(r#"{{"v":1,"site":"shop","events":[{{"event":"PageView","event_id":"p{id}"}}]}}"#);
    let answers =
        [relay.post("/v1/events", "", &page(1)).await, relay.post("/v1/events", "", &page(2)).await];
    assert_eq!(answers.map(|answer| answer.status), [202, 202]);
    relay.stop().await;
}

#[tokio::test]
async fn no_file_of_the_store_holds_a_person() {
    let relay = start("").await;
    let person = json!({ "id": 1, "status": "completed", "total": "1.00", "currency": "EUR",
        "date_paid_gmt": relay::clock::now().rfc3339().trim_end_matches('Z'),
        "billing": { "first_name": "Jane", "last_name": "Lovelace", "email": "jane.doe@example.com", "phone": "+12025550123",
            "address_1": "12 Main Street" } });
    assert_eq!(woocommerce(&relay, &person).await.status, 200);
    assert_eq!(shopify(&relay, "orders/paid", &order(7)).await.status, 200);
    let session = json!({ "id": "cs_1", "payment_status": "paid", "amount_total": 100, "currency": "eur",
        "customer_details": { "email": "jane.doe@example.com", "name": "Jane Lovelace", "phone": "+12025550123",
            "address": { "line1": "12 Main Street" } } });
    assert_eq!(stripe(&relay, "checkout.session.completed", session).await.status, 200);
    crm::report_a_person(&relay).await;
    // While it runs, the write-ahead log is there as well as the database.
    check_files(relay.directory.path());
    let directory = relay.stop().await;
    assert_eq!(log(directory.path()).len(), 3 + crm::REPORTED);
    check_files(directory.path());
}

fn check_files(directory: &Path) {
    let mut seen = 0;
    for file in std::fs::read_dir(directory).expect("a directory") {
        let path = file.expect("a file").path();
        // The configuration is the operator's own, and a socket holds nothing.
        if path.extension().is_some_and(|extension| extension == "toml") || !path.is_file() {
            continue;
        }
        let bytes = std::fs::read(&path).expect("readable");
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        seen += usize::from(text.contains("purchase-7"));
        for raw in ["jane.doe", "example.com", "lovelace", "2025550123", "main street"] {
            assert!(!text.contains(raw), "{raw} in {}", path.display());
        }
    }
    assert!(seen > 0, "the order itself is there to be found");
}
