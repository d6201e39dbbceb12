//! TikTok takes what it should, end to end: raw events go in at the server API, and the strict sandbox finds nothing to
//! refuse in what comes out, for a pixel and for both kinds of event set.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use www_test::bench::connection::Connection;
use www_test::bench::event::from_server;
use www_test::relay_process::{Bed, Settings};
use www_test::sandbox::{Sandbox, clock};

const SOON: Duration = Duration::from_secs(20);

fn destination(name: &str, more: &str, url: &str) -> String {
    format!(
        "[[destination]]\nname = \"{name}\"\nsite = \"shop\"\nplatform = \"tiktok\"\nendpoint = \"{url}\"\n\
         access_token = \"token\"\n{more}\n"
    )
}

/// A person and a purchase with everything a shop may know.
fn purchase(id: &str, source: &str) -> Value {
    json!({
        "event": "Purchase", "event_id": id, "time": clock::now().0, "source": source,
        "page": { "url": "https://shop.example/thanks?o=1&ttclid=E.C.P.ExampleClick1234567890",
                  "referrer": "https://shop.example/pay", "title": "Thank you" },
        "cookies": { "_ttp": "01JQ4Z8M3T9V7K2R5W6X0Y1ABC_.tt.1" },
        "context": { "ip": "203.0.113.9", "user_agent": "Example/1.0", "language": "de-DE" },
        "user": { "email": ["Jane.DOE+promo@Example.COM", "jane@example.com"], "phone": "+86 138 0000 0000",
                  "first_name": "Mary Ann", "last_name": "O'Connor-Smith", "gender": "f", "birth_date": "1990-04-23",
                  "street": "1 Example Street", "city": "São Paulo", "region": "New South Wales",
                  "postal_code": "SW1A 1AA", "country": "GB", "external_id": " User-42 " },
        "properties": { "value": 59.9, "currency": "eur", "order_id": id, "search_term": "lamp", "coupon": "MAY",
            "tax": 9.5, "shipping": 0, "predicted_ltv": 120, "status": "paid", "shop_id": 7, "own": [1, 2],
            "items": [{ "id": "SKU-7", "name": "Lamp", "brand": "B", "category": "C", "price": 29.95, "quantity": 2 }] },
        "consent": { "ad_storage": "granted", "ad_user_data": "granted", "ad_personalization": "granted" }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_reaches_the_data_source_it_belongs_to() {
    let tiktok = Sandbox::start().await.expect("TikTok starts");
    let url = tiktok.url();
    let more = [
        destination(
            "pixel",
            "pixel_code = \"C0EXAMPLE0PIXEL0CODE\"\nlimited_data_use = true\npartner_name = \"shop\"",
            &url,
        ),
        destination(
            "shops",
            "pixel_code = \"7301234567890123456\"\nevent_source = \"offline\"\ntest_event_code = \"TEST1\"",
            &url,
        ),
        destination("crm", "pixel_code = \"7311234567890123456\"\nevent_source = \"crm\"", &url),
    ];
    let bed = Bed::make(&Settings { more: more.concat(), ..Settings::default() }).await.expect("a bed");
    let relay = bed.start().await.expect("the relay starts");
    let mut stage = purchase("stage-1", "crm");
    stage["event"] = json!("Qualified");
    stage["properties"] =
        json!({ "lead_id": 7_123_456_789_012_345_678_i64, "lead_event_source": "ExampleCRM" });
    let events = [purchase("web-1", "web"), purchase("store-1", "store"), stage];
    let mut connection = Connection::open(bed.address()).await.expect("the relay listens");
    let answer = connection.exchange(&from_server(&events)).await.expect("an answer");
    assert_eq!(answer.status, 202, "{}", answer.text());

    let all = tiktok.wait_until("three events", SOON, |state| state.counted("tiktok").counted >= 3).await;
    all.unwrap_or_else(|late| panic!("{late}\n{}", bed.log()));
    relay.wait_until_idle(SOON).await.expect("the relay comes to rest");
    let tally = tiktok.counted("tiktok");
    assert_eq!((tally.counted, tally.refused, tally.duplicates), (3, 0, 0));
    let bodies: Vec<Value> =
        tiktok.requests("tiktok").iter().filter_map(|record| record.request.json()).collect();
    let went: BTreeSet<(&str, &str)> = bodies
        .iter()
        .filter_map(|body| Some((body["event_source"].as_str()?, body["data"][0]["event_id"].as_str()?)))
        .collect();
    assert_eq!(went, BTreeSet::from([("web", "web-1"), ("offline", "store-1"), ("crm", "stage-1")]));
    let web = bodies.iter().find(|body| body["event_source"] == "web").expect("the pixel's");
    let user = &web["data"][0]["user"];
    assert_eq!(user["email"].as_array().map(Vec::len), Some(2));
    assert_eq!(user["phone"].as_array().map(Vec::len), Some(2), "both forms of a Chinese number");
    assert_eq!((&user["city"], &user["state"]), (&json!("sãopaulo"), &json!("newsouthwales")));
    assert_eq!(user["ttclid"], "E.C.P.ExampleClick1234567890");
}
