//! What stands in a request: only names the interface has, ids as it takes them.

use std::collections::BTreeSet;

use serde_json::Value;
use shared::{Event, UnixMs};

use crate::platform::settings::tests::settings;
use crate::platform::{Outgoing, Platform};

const NOW: UnixMs = UnixMs(1_795_435_200_000);

fn platform(more: &str) -> Box<dyn Platform> {
    let text = format!(
        "operating_account = \"4445556666\"\nlogin_account = \"1112223333\"\n\
         conversion_actions = {{ Purchase = \"7\", Lead = \"8\" }}\n\
         oauth = {{ client_id = \"c\", client_secret = \"s\", refresh_token = \"r\" }}\n{more}"
    );
    (super::super::KIND.configure)(settings(text.leak())).expect("valid")
}

fn event(json: &Value) -> Event {
    serde_json::from_value(json.clone()).expect("an event")
}

/// The first request's body for one event.
fn body(platform: &dyn Platform, event: &Event) -> Value {
    let built = platform.build(&[Outgoing { event, site: "shop", renamed: None, order_renamed: None }], NOW);
    let planned = built.requests.first().unwrap_or_else(|| panic!("{:?}", built.skips));
    serde_json::from_str(&planned.request.body.expose()).expect("JSON")
}

/// An event with something in every place.
fn everything() -> Value {
    let digest = "ab".repeat(32);
    serde_json::json!({
        "event": "Purchase", "event_id": "p-1", "time": NOW.0, "source": "web", "visitor_id": "v",
        "page": { "url": "https://shop.example/?gad_source=1", "referrer": "https://a.example/", "title": "T" },
        "click_ids": { "gclid": "G", "fbclid": "F", "gad_source": "1", "msclkid": "M" },
        "cookies": { "_ga": "GA1.1.2.3", "_gcl_au": "1.1.2.3" },
        "campaign": { "source": "s" },
        "context": { "ip": "203.0.113.9", "user_agent": "Browser/1.0", "language": "en" },
        "user": { "email": [digest], "phone": [digest], "first_name": [digest], "last_name": [digest],
            "street": [digest], "city": [digest], "gender": [digest], "birth_date": [digest],
            "external_id": [digest], "clear": { "country": "US", "postal_code": "94043", "city": "x", "region": "ca" } },
        "properties": { "value": 1, "currency": "USD", "order_id": "1", "coupon": "C", "tax": 1, "shipping": 1,
            "items": [{ "id": "A", "name": "N", "brand": "B", "category": "C", "price": 1, "quantity": 1 }],
            "margin": 3, "customer_type": "new", "customer_value_bucket": "low", "other": true },
        "consent": { "ad_storage": "granted", "ad_user_data": "granted", "ad_personalization": "granted" },
    })
}

/// Every name the interface has in the places we fill.
const NAMES: &[&str] = &[
    "destinations",
    "operatingAccount",
    "loginAccount",
    "accountType",
    "accountId",
    "productDestinationId",
    "encoding",
    "validateOnly",
    "events",
    "transactionId",
    "eventTimestamp",
    "lastUpdatedTimestamp",
    "eventSource",
    "conversionValue",
    "currency",
    "adIdentifiers",
    "gclid",
    "gbraid",
    "wbraid",
    "sessionAttributes",
    "userData",
    "userIdentifiers",
    "emailAddress",
    "phoneNumber",
    "address",
    "givenName",
    "familyName",
    "regionCode",
    "postalCode",
    "consent",
    "adUserData",
    "adPersonalization",
    "eventDeviceInfo",
    "userAgent",
    "ipAddress",
    "cartData",
    "merchantId",
    "merchantFeedLabel",
    "merchantFeedLanguageCode",
    "couponCodes",
    "items",
    "merchantProductId",
    "quantity",
    "unitPrice",
    "customVariables",
    "variable",
    "value",
    "userProperties",
    "customerType",
    "customerValueBucket",
];

fn collect(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| {
            names.insert(name.clone());
            collect(value, names);
        }),
        Value::Array(list) => list.iter().for_each(|value| collect(value, names)),
        _ => {}
    }
}

#[test]
fn only_names_the_interface_has_are_sent() {
    let google = platform(
        "validate_only = true\ncustom_variables = { margin = \"m\" }\n\
         merchant = { id = \"5\", feed_label = \"US\", feed_language = \"en\" }",
    );
    let mut names = BTreeSet::new();
    collect(&body(&*google, &event(&everything())), &mut names);
    for (param, without) in [("gbraid", "gclid"), ("wbraid", "gclid")] {
        let mut json = everything();
        json["click_ids"] = serde_json::json!({ param: "B" });
        let body = body(&*google, &event(&json));
        assert_eq!(body["events"][0]["adIdentifiers"].get(without), None);
        assert_eq!(body["events"][0].get("cartData"), None, "no cart beside {param}");
        collect(&body, &mut names);
    }
    let mut session = everything();
    session["click_ids"] = serde_json::json!({ "gad_source": { "value": "1", "seen_at": NOW.0 } });
    collect(&body(&*google, &event(&session)), &mut names);
    let mut refund = everything();
    refund["event"] = "Refund".into();
    refund["properties"] =
        serde_json::json!({ "order_id": "1", "currency": "USD", "order_time": NOW.0 - 200_000_000 });
    collect(&body(&*google, &event(&refund)), &mut names);
    let known: BTreeSet<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(names, known, "no name is unknown, and every place is filled by one of these events");
}

#[test]
fn transaction_ids_are_never_digits_alone_unless_a_tag_says_so() {
    let check = |more: &str, order_id: Option<&str>, event_id: &str, expected: &str| {
        let mut json = everything();
        json["event_id"] = event_id.into();
        match order_id {
            Some(id) => json["properties"]["order_id"] = id.into(),
            None => json["properties"] = serde_json::json!({}),
        }
        let body = body(&*platform(more), &event(&json));
        assert_eq!(body["events"][0]["transactionId"], expected);
    };
    check("", Some("88121"), "e", "ord-88121");
    check("", Some("A-88121"), "e", "A-88121");
    check("", None, "Lead-5", "Lead-5");
    check("", None, "5", "ord-5");
    check("", None, "x", "ord-x");
    check("transaction_id_prefix = \"shop\"", Some("88121"), "e", "shop88121");
    check("action_type = \"WEBPAGE\"", Some("88121"), "e", "88121");
    check("action_type = \"WEBPAGE\"\ntransaction_id_prefix = \"ord-\"", Some("88121"), "e", "ord-88121");
}

#[test]
fn the_future_is_now() {
    let mut json = everything();
    json["time"] = (NOW.0 + 5_000).into();
    assert_eq!(body(&*platform(""), &event(&json))["events"][0]["eventTimestamp"], NOW.rfc3339());
}
