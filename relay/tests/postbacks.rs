//! Postbacks as networks call them, over real sockets: whose click they find, what counts once, what the network is told.

mod running;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cbc::cipher::{BlockModeEncrypt, KeyIvInit};
use running::{Answer, Running, log};
use serde_json::json;
use sha1::{Digest, Sha1};
use sha2::Sha512;

const TOKEN: &str = "made-up-token-0123456789";
const VISITOR: &str = "0199c2a0-7b1c-7cc3-98c4-dc0c0c07398f";
/// As the tag makes them.
const CLICK: &str = "0k3f9s2m7q1v8t4b6n0h5d3r";

/// A relay with a network of which the addresses are known, one of which they are not, and the two of their own protocol.
async fn start() -> Running {
    let sources = format!(
        r#"
            [[source]]
            name = "net"
            site = "shop"
            kind = "postback"
            network = "everflow"
            token = "{TOKEN}"
            [[source]]
            name = "guarded"
            site = "shop"
            kind = "postback"
            token = "{TOKEN}"
            allowed_ips = ["203.0.113.0/24"]
            [[source]]
            name = "bank"
            site = "shop"
            kind = "clickbank"
            secret = "MADEUPSECRETKEY1"
            [[source]]
            name = "ds"
            site = "shop"
            kind = "digistore24"
            secret = "made up passphrase"
        "#
    );
    Running::start(&sources).await
}

/// A landing from an ad, on which the tag made a click token.
async fn land(relay: &Running) {
    let landing = format!(
        r#"[{{"event":"PageView","visitor_id":"{VISITOR}","click_ids":{{"atclid":{{"value":"{CLICK}"}}}},
        "page":{{"url":"https://shop.example/?gclid=Cj0-made-up&fbclid=IwAR-made-up"}}}}]"#
    );
    assert_eq!(relay.page(&landing).await.status, 202);
}

fn check(answer: &Answer, status: u16, words: &str) {
    assert!(answer.status == status && answer.body.contains(words), "{answer:?}");
}

async fn call(relay: &Running, query: &str) -> Answer {
    relay.get(&format!("/v1/postback/net?token={TOKEN}&{query}")).await
}

#[tokio::test]
async fn a_token_leads_from_the_postback_to_the_ad_click() {
    let relay = start().await;
    land(&relay).await;
    let sale =
        format!("atclid=summer_{CLICK}&payout=12.50&currency=USD&transaction_id=T7&event={{event_name}}");
    check(&call(&relay, &sale).await, 200, "OK");
    let events = log(relay.stop().await.path());
    let purchase = &events[1];
    assert_eq!(purchase["event_id"], "Purchase-net-T7");
    assert_eq!(purchase["visitor_id"], VISITOR);
    assert_eq!(purchase["click_ids"]["gclid"]["value"], "Cj0-made-up");
    assert_eq!(purchase["click_ids"]["fbclid"]["value"], "IwAR-made-up");
    assert_eq!(purchase["properties"]["value"], 12.5);
}

#[tokio::test]
async fn a_repeat_a_look_and_an_approval_change_nothing() {
    let relay = start().await;
    land(&relay).await;
    let sale =
        format!("/v1/postback/net?token={TOKEN}&atclid={CLICK}&payout=5&currency=USD&transaction_id=T7");
    let head = format!("HEAD {sale} HTTP/1.1\r\nhost: t\r\n\r\n");
    assert_eq!(relay.send(head.as_bytes()).await.status, 200, "no more than a look");
    for status in ["pending", "pending", "approved"] {
        check(&relay.get(&format!("{sale}&status={status}")).await, 200, "OK");
    }
    check(&relay.post(&sale, "content-type: image/png\r\n", "").await, 200, "OK");
    check(&relay.get(&format!("{sale}&status=rejected")).await, 200, "OK");
    check(&relay.get(&format!("{sale}&status=rejected")).await, 200, "OK");
    let events = log(relay.stop().await.path());
    let ids: Vec<&str> = events.iter().skip(1).filter_map(|event| event["event_id"].as_str()).collect();
    assert_eq!(ids, ["Purchase-net-T7", "Refund-net-T7"]);
    assert_eq!(events[2]["visitor_id"], VISITOR);
}

#[tokio::test]
async fn a_refund_without_a_token_goes_the_way_of_its_transaction() {
    let relay = start().await;
    land(&relay).await;
    check(&call(&relay, &format!("atclid={CLICK}&payout=5&currency=USD&transaction_id=T7")).await, 200, "OK");
    check(&call(&relay, "payout=0&currency=USD&transaction_id=T7&status=reversed").await, 200, "OK");
    let events = log(relay.stop().await.path());
    assert_eq!((&events[2]["event"], &events[2]["visitor_id"]), (&json!("Refund"), &json!(VISITOR)));
}

#[tokio::test]
async fn a_rejection_takes_back_only_what_was_counted() {
    let relay = start().await;
    for query in [
        "payout=5&currency=USD&transaction_id=T8&status=rejected",
        "payout=0&transaction_id=T9",
        "payout=0&transaction_id=T9&status=rejected",
        // Of a purchase without a value no more is known than that it was one.
        "event=Purchase&transaction_id=T10",
        "event=Purchase&transaction_id=T10&status=rejected",
        "payout=5&currency=USD&transaction_id=T8&status=approved",
    ] {
        check(&call(&relay, query).await, 200, "OK");
    }
    let events = log(relay.stop().await.path());
    let ids: Vec<&str> = events.iter().filter_map(|event| event["event_id"].as_str()).collect();
    assert_eq!(ids, ["Lead-net-T9", "Purchase-net-T10", "Refund-net-T10", "Purchase-net-T8"]);
}

#[tokio::test]
async fn a_click_nobody_knows_is_taken_and_finds_nobody() {
    let relay = start().await;
    land(&relay).await;
    let unknown = CLICK.replace('0', "1");
    for (id, query) in [("T8", format!("atclid={unknown}")), ("T9", "atclid=test".to_owned())] {
        check(&call(&relay, &format!("{query}&payout=5&currency=USD&transaction_id={id}")).await, 200, "OK");
    }
    let events = log(relay.stop().await.path());
    assert_eq!(events.len(), 3);
    for event in &events[1..] {
        assert_eq!(event["visitor_id"], json!(null));
        assert_eq!(event["click_ids"]["gclid"], json!(null));
    }
}

#[tokio::test]
async fn nobody_is_believed_without_the_token_or_from_elsewhere() {
    let relay = start().await;
    let sale = "payout=5&currency=USD&transaction_id=T7";
    for token in ["", "token=&", "token=made-up-token-0123456780&", "token={token}&"] {
        check(&relay.get(&format!("/v1/postback/net?{token}{sale}")).await, 401, "`token`");
    }
    let from = |address: &str| {
        let path = format!("/v1/postback/guarded?token={TOKEN}&{sale}");
        format!("GET {path} HTTP/1.1\r\nhost: t\r\nx-forwarded-for: {address}\r\n\r\n")
    };
    check(&relay.send(from("198.51.100.7").as_bytes()).await, 401, "`allowed_ips`");
    // The proxy, which is trusted, wrote the last one.
    check(&relay.send(from("203.0.113.9, 198.51.100.7").as_bytes()).await, 401, "`allowed_ips`");
    check(&relay.send(from("203.0.113.9").as_bytes()).await, 200, "OK");
    check(&relay.get("/v1/postback/nope").await, 404, "no such source");
    check(&relay.post("/v1/webhook/net", "", "").await, 404, "no such source");
    check(&relay.post("/v1/postback/bank", "", "{}").await, 400, "version 6");
    check(&relay.post("/v1/postback/ds", "", "event=on_payment&sha_sign=00").await, 401, "`secret`");
    let metrics = relay.get("/metrics").await.body;
    for line in [
        "\"net\",result=\"denied\"} 4",
        "\"guarded\",result=\"denied\"} 2",
        "\"guarded\",result=\"stored\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    assert_eq!(log(relay.stop().await.path()).len(), 1);
}

#[tokio::test]
async fn bytes_of_no_meaning_are_no_reason_to_fail() {
    let relay = start().await;
    for query in [
        "%ff%fe=%00",
        "atclid=%",
        "=&=&&&",
        "payout=9e999&transaction_id=1",
        "a=\u{e4}",
        "{sub1}=#s2#",
        "\"<>\\^`{|}",
    ] {
        let answer = call(&relay, query).await;
        assert!(answer.status == 200 || answer.status == 400, "{query}: {answer:?}");
    }
    let mut raw = format!("GET /v1/postback/net?token={TOKEN}&payout=").into_bytes();
    raw.extend_from_slice(b"\xff\xfe\x80 HTTP/1.1\r\nhost: t\r\n\r\n");
    let answer = relay.send(&raw).await;
    assert!(answer.status < 500, "{answer:?}");
    for body in ["{", "[]", "{\"payout\":{}}", "\u{0}", "a=%zz", &"{\"a\":".repeat(200)] {
        let path = format!("/v1/postback/net?token={TOKEN}");
        check(&relay.post(&path, "", body).await, 200, "OK");
    }
    let log = log(relay.stop().await.path());
    assert_eq!(log.len(), 1, "a conversion whose amount is no number is still one");
    assert!(log[0]["properties"].get("value").is_none(), "{}", log[0]);
}

/// A notification of ClickBank for a sale of this moment.
fn sealed() -> String {
    let now = relay::clock::now().rfc3339();
    let text = json!({ "receipt": "QW8VTPCE", "transactionType": "SALE", "transactionTime": now, "totalAccountAmount": 21.58,
        "currency": "USD", "trackingCodes": [format!("summer_{CLICK}")] });
    let digest = Sha1::digest(b"MADEUPSECRETKEY1");
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let (iv, mut bytes) = ([7; 16], text.to_string().into_bytes());
    let padding = 16 - bytes.len() % 16;
    bytes.extend(std::iter::repeat_n(padding as u8, padding));
    let mut mode = cbc::Encryptor::<aes::Aes256>::new_from_slices(&hex.as_bytes()[..32], &iv).expect("a key");
    bytes.as_chunks_mut::<16>().0.iter_mut().for_each(|block| mode.encrypt_block(block.into()));
    json!({ "notification": STANDARD.encode(&bytes), "iv": STANDARD.encode(iv) }).to_string()
}

/// A notification of Digistore24.
fn signed() -> String {
    let fields = [("amount_brutto", "49.00"), ("cid", CLICK), ("currency", "EUR"), ("event", "on_payment")];
    let fields = [&fields[..], &[("order_id", "J8PVKM2Q"), ("product_id", "204611")]].concat();
    let text: String =
        fields.iter().map(|(name, value)| format!("{name}={value}made up passphrase")).collect();
    let hex: String = Sha512::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02X}")).collect();
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{}&sha_sign={hex}", pairs.join("&"))
}

#[tokio::test]
async fn networks_with_their_own_protocol_find_the_click_too() {
    let relay = start().await;
    land(&relay).await;
    for (source, body) in [("bank", sealed()), ("ds", signed())] {
        for _ in 0..2 {
            let answer = relay.post(&format!("/v1/postback/{source}"), "", &body).await;
            assert_eq!((answer.status, answer.body.as_str()), (200, "OK"), "{source}");
        }
    }
    let events = log(relay.stop().await.path());
    assert_eq!(events.len(), 3);
    for (event, id) in events[1..].iter().zip(["Purchase-QW8VTPCE", "Purchase-J8PVKM2Q-204611"]) {
        assert_eq!((&event["event_id"], &event["visitor_id"]), (&json!(id), &json!(VISITOR)));
        assert_eq!(event["click_ids"]["gclid"]["value"], "Cj0-made-up");
    }
}

#[tokio::test]
async fn a_person_in_a_postback_is_hashed_on_arrival() {
    let relay = start().await;
    let query = "payout=5&currency=USD&transaction_id=T7&email=jane.doe@example.com&phone=%2B12025550123&x_note=jane.doe@example.com";
    check(&call(&relay, query).await, 200, "OK");
    let directory = relay.stop().await;
    let events = log(directory.path());
    assert!(events[0]["user"]["email"].is_array(), "{events:?}");
    for file in std::fs::read_dir(directory.path()).expect("a directory") {
        let path = file.expect("a file").path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            let text = String::from_utf8_lossy(&std::fs::read(&path).expect("readable")).into_owned();
            assert!(!text.contains("jane.doe") && !text.contains("2025550123"), "{}", path.display());
        }
    }
}
