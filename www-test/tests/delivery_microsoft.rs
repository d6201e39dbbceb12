//! Microsoft takes what it should, end to end: raw events go in at the server API, and the strict sandbox finds nothing
//! to refuse in what comes out, on all of its routes.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use shared::UnixMs;
use shared::event::STANDARD_EVENTS;
use www_test::bench::connection::Connection;
use www_test::bench::event::from_server;
use www_test::relay_process::{Bed, Settings, destination};
use www_test::sandbox::{Sandbox, clock};

const SOON: Duration = Duration::from_secs(20);
/// Before that an order was placed whose refund does not wait for somebody to report it.
const LONG_AGO_MS: i64 = 3 * 86_400_000;

/// An event with everything a shop may know of it and of a person.
fn event(name: &str, id: &str, source: &str, now: UnixMs) -> Value {
    json!({
        "event": name, "event_id": id, "time": now.0, "source": source,
        "visitor_id": "019ab0e2-5d10-7cc3-98c4-dc0c0c07398f",
        "page": { "url": "https://shop.example/thanks?o=1&msclkid=0f3c1b2a4d5e6f708192a3b4c5d6e7f8",
                  "referrer": "android-app://shop.example", "title": "Thank you" },
        "cookies": { "_uetvid": "5a1c9e30b7d411f0a4d28f2b6c1e7d90|1a2b|x", "_uetmsclkid": "_uet0f3c1b2a4d5e6f708192a3b4c5d6e7f8" },
        "context": { "ip": "203.0.113.9", "user_agent": "Example/1.0", "language": "de-DE" },
        "user": { "email": ["Jane.DOE+promo@Example.COM", "jane@example.com"], "phone": "+1 (425) 555-1234",
                  "first_name": "Mary Ann", "last_name": "O'Connor-Smith", "gender": "f", "birth_date": "1990-04-23",
                  "street": "1 Example Street", "city": "São Paulo", "region": "New South Wales",
                  "postal_code": "SW1A 1AA", "country": "GB", "external_id": " User-42 " },
        "properties": { "value": 59.9, "currency": "eur", "order_id": id, "search_term": "lamp", "coupon": "MAY",
            "tax": 9.5, "shipping": 0, "status": "paid", "shop_id": 7, "own": [1, 2], "pageType": "home",
            "event_category": "video", "event_value": 3, "keywords": "lamps", "order_value": 99.9,
            "order_time": now.0 - LONG_AGO_MS,
            "items": [{ "id": "SKU-7", "name": "Lamp", "brand": "B", "category": "C", "price": 29.95, "quantity": 2 },
                      { "id": 8, "quantity": 0.5 }, { "name": "no id" }] },
        "consent": { "ad_storage": "granted", "ad_user_data": "granted", "ad_personalization": "granted" }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_sent_is_refused() {
    let microsoft = Sandbox::start().await.expect("Microsoft starts");
    let keys = "tag_id = \"187012345\"\naccess_token = \"tag-token\"\nconsent = []\n\
         [destination.offline]\nclient_id = \"app\"\nrefresh_token = \"refresh-1\"\ndeveloper_token = \"developer\"\n\
         customer_id = \"17\"\naccount_id = \"18\"\n\
         conversions = { Lead = \"CRM lead\", Purchase = \"Phone sale\", Refund = \"Web purchase\" }";
    let more = destination("microsoft", &microsoft.url(), keys);
    let bed = Bed::make(&Settings { more, ..Settings::default() }).await.expect("a bed");
    let relay = bed.start().await.expect("the relay starts");
    let (now, mut events) = (clock::now(), Vec::new());
    for source in ["web", "server", "crm", "phone", "store", "email", "chat"] {
        for name in STANDARD_EVENTS {
            events.push(event(name, &format!("{name}-{source}"), source, now));
        }
        let mut denied = event("Lead", &format!("denied-{source}"), source, now);
        denied["consent"] = json!({ "ad_storage": "denied", "ad_user_data": "denied" });
        events.push(denied);
    }
    let mut connection = Connection::open(bed.address()).await.expect("the relay listens");
    let answer = connection.exchange(&from_server(&events)).await.expect("an answer");
    assert_eq!(answer.status, 202, "{}", answer.text());
    relay.wait_until_idle(SOON).await.expect("the relay comes to rest");
    let tally = microsoft.counted("microsoft");
    assert_eq!(tally.refused, 0, "{:?}", microsoft.requests("microsoft"));
    let metrics = relay.metrics().await.expect("metrics");
    assert_eq!(metrics.of("dead_letters", "microsoft"), 0.0, "{}", bed.log());
    let paths: BTreeSet<String> =
        microsoft.requests("microsoft").into_iter().map(|record| record.request.path).collect();
    let expected = [
        "/CampaignManagement/v13/OfflineConversionAdjustments/Apply",
        "/CampaignManagement/v13/OfflineConversions/Apply",
        "/CampaignManagement/v13/OnlineConversionAdjustments/Apply",
        "/common/oauth2/v2.0/token",
        "/v1/187012345/events",
    ];
    assert_eq!(paths, expected.map(str::to_owned).into());
    // To the tag: 18 names of 7 sources, less 2 names of 5 sources that are uploaded and 5 page views without a page,
    // and 2 denied leads and 2 rows of revenue more. Beside it 2 refunds by order number, 10 uploads and 5 refunds of
    // uploads; those of one click, goal and second are one to Microsoft.
    assert_eq!((tally.counted, tally.duplicates), (18 * 7 - 10 - 5 + 2 + 2 + 2 + 2 + 1, 8 + 4), "{tally:?}");
}
