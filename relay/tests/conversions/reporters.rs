//! One order, several reporters: the thank-you page, the shop's webhook, the payment service's and an affiliate postback.
//! In whatever order they come, with whatever they know, however often: one conversion, and with a merge window the best
//! of all of them.

use proptest::prelude::*;
use relay::store::Verdict;
use serde_json::{Value, json};

use crate::shop::{NOW, Shop, webhook};

const WINDOW: &str = "merge_window = { Purchase = \"30s\" }";

/// Who reports, and under which event id when none follows from the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reporter {
    Page,
    Shop,
    Payment,
    Network,
}

/// One report: who, which optional parts it has, and when it comes.
#[derive(Clone, Debug)]
struct Report {
    by: Reporter,
    parts: [bool; 4],
    at: i64,
}

impl Report {
    fn has(&self, part: usize) -> bool {
        self.parts[part]
    }

    fn json(&self) -> String {
        let mut event = json!({ "event": "Purchase", "properties": { "order_id": "88" } });
        let put = |event: &mut Value, yes: bool, name: &str, value: Value| {
            if yes {
                event[name] = value;
            }
        };
        match self.by {
            Reporter::Page => {
                event["page"] = json!({ "url": "https://shop.example/thanks" });
                event["time"] = json!(NOW - 2000);
                put(&mut event, self.has(0), "visitor_id", json!("v1"));
                put(&mut event, self.has(1), "cookies", json!({ "_fbp": "fb.1.1700000000000.1" }));
                put(
                    &mut event,
                    self.has(2),
                    "click_ids",
                    json!({ "ttclid": { "value": "E.C.P.own", "seen_at": NOW - 5000 } }),
                );
                put(&mut event["properties"], self.has(3), "value", json!(50.3));
                put(&mut event["properties"], self.has(3), "currency", json!("EUR"));
            }
            Reporter::Shop => {
                (event["source"], event["time"]) = (json!("server"), json!(NOW - 3000));
                event["properties"]["items"] = json!([{ "id": "SKU" }]);
                put(&mut event, self.has(0), "user", json!({ "email": "jane@example.com" }));
                put(&mut event, self.has(1), "tokens", json!({ "checkout_token": "c7" }));
                put(&mut event["properties"], self.has(2), "value", json!(59.9));
                put(&mut event["properties"], self.has(2), "currency", json!("EUR"));
            }
            Reporter::Payment => {
                (event["source"], event["event_id"]) = (json!("server"), json!("cs_test_1"));
                event["time"] = json!(NOW - 1000);
                put(&mut event, self.has(0), "user", json!({ "phone": "+12025550123" }));
                put(&mut event, self.has(1), "tokens", json!({ "stripe_customer": "cus_1" }));
                put(&mut event["properties"], self.has(2), "value", json!(59.9));
                put(&mut event["properties"], self.has(2), "currency", json!("EUR"));
            }
            Reporter::Network => {
                (event["source"], event["event_id"]) = (json!("server"), json!("net-1"));
                event["time"] = json!(NOW - 500);
                put(&mut event, self.has(0), "click_ids", json!({ "atclid": "tok-1" }));
                put(&mut event["properties"], self.has(1), "coupon", json!("SPRING"));
            }
        }
        event.to_string()
    }
}

/// Some of the four in any order, some of them again; the same reporter always knows the same.
fn reports() -> impl Strategy<Value = Vec<Report>> {
    let all = vec![Reporter::Page, Reporter::Shop, Reporter::Payment, Reporter::Network];
    let who = prop::sample::subsequence(all, 1..=4).prop_shuffle();
    let again = prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..4);
    (who, any::<[[bool; 4]; 4]>(), again, prop::collection::vec(0..4000i64, 8)).prop_map(
        |(who, parts, again, gaps)| {
            let report = |by: Reporter| Report { by, parts: parts[by as usize], at: 0 };
            let mut reports: Vec<Report> = who.into_iter().map(report).collect();
            for (which, place) in again {
                let copy = reports[which.index(reports.len())].clone();
                reports.insert(place.index(reports.len() + 1), copy);
            }
            let mut at = 0;
            for (report, gap) in reports.iter_mut().zip(gaps) {
                at += gap;
                report.at = at;
            }
            reports
        },
    )
}

/// A shop that knows a visitor with a click, an e-mail address, a checkout and our token.
fn shop(site: &str) -> Shop {
    let shop = Shop::open(site, &webhook("all", ""));
    let at = NOW - 86_400_000;
    shop.take(-1000, &format!(
        r#"{{"event":"InitiateCheckout","event_id":"i","time":{at},"visitor_id":"v1","page":{{"url":"https://shop.example/"}},
            "user":{{"email":"jane@example.com"}},"click_ids":{{"fbclid":"IwAR_lent","ttclid":"E.C.P.lent","atclid":"tok-1"}},
            "tokens":{{"checkout_token":"c7"}}}}"#
    ));
    shop
}

/// What the one conversion must look like, said without the code that makes it.
fn expected(reports: &[Report]) -> Value {
    let of = |by: Reporter| reports.iter().find(|report| report.by == by);
    let part = |by: Reporter, part: usize| of(by).is_some_and(|report| report.has(part));
    let id = match (of(Reporter::Page), of(Reporter::Shop), of(Reporter::Payment)) {
        (Some(_), _, _) | (None, Some(_), _) => "Purchase-88",
        (None, None, Some(_)) => "cs_test_1",
        (None, None, None) => "net-1",
    };
    let value = if part(Reporter::Shop, 2) || part(Reporter::Payment, 2) {
        json!(59.9)
    } else if part(Reporter::Page, 3) {
        json!(50.3)
    } else {
        Value::Null
    };
    // Whatever leads to the visitor: its cookie, its e-mail address, its checkout or our token.
    let found = part(Reporter::Page, 0)
        || part(Reporter::Shop, 0)
        || part(Reporter::Shop, 1)
        || part(Reporter::Network, 0);
    let ttclid = if part(Reporter::Page, 2) {
        json!("E.C.P.own")
    } else if found {
        json!("E.C.P.lent")
    } else {
        Value::Null
    };
    json!({
        "event_id": id,
        "value": value,
        "items": of(Reporter::Shop).is_some(),
        "coupon": part(Reporter::Network, 1),
        "visitor": if found { json!("v1") } else { Value::Null },
        "fbclid": if found { json!("IwAR_lent") } else { Value::Null },
        "ttclid": ttclid,
        "email": part(Reporter::Shop, 0),
        "phone": part(Reporter::Payment, 0),
        "_fbp": part(Reporter::Page, 1),
        "url": of(Reporter::Page).is_some() || found,
    })
}

/// The same of the event in the log.
fn seen(event: &Value) -> Value {
    let properties = &event["properties"];
    json!({
        "event_id": event["event_id"],
        "value": properties["value"],
        "items": properties["items"].is_array(),
        "coupon": properties["coupon"].is_string(),
        "visitor": event["visitor_id"],
        "fbclid": event["click_ids"]["fbclid"]["value"],
        "ttclid": event["click_ids"]["ttclid"]["value"],
        "email": event["user"]["email"].is_array(),
        "phone": event["user"]["phone"].is_array(),
        "_fbp": event["cookies"]["_fbp"].is_string(),
        "url": event["page"]["url"].is_string(),
    })
}

fn purchases(shop: &Shop, name: &str) -> Vec<Value> {
    let log = shop.log().into_iter().filter(|event| event.event == name);
    log.map(|event| serde_json::to_value(event).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn within_the_window_one_conversion_has_the_best_of_all_reports(reports in reports()) {
        let shop = shop(WINDOW);
        for (place, report) in reports.iter().enumerate() {
            let expected = if place == 0 { Verdict::Held } else { Verdict::Duplicate };
            prop_assert_eq!(shop.take(report.at, &report.json()), expected);
        }
        prop_assert_eq!(shop.release(reports[0].at + 29_999), 0, "nothing goes out before the window ends");
        prop_assert_eq!(purchases(&shop, "Purchase").len(), 0);
        prop_assert_eq!(shop.release(reports[0].at + 30_000), 1);
        let sent = purchases(&shop, "Purchase");
        prop_assert_eq!(sent.len(), 1);
        prop_assert_eq!(seen(&sent[0]), expected(&reports));
        // What comes again afterwards is known.
        for report in &reports {
            prop_assert_eq!(shop.take(60_000, &report.json()) == Verdict::Held, false);
        }
        prop_assert_eq!(shop.release(1_000_000), 0);
        prop_assert_eq!(purchases(&shop, "Purchase").len(), 1);
    }

    #[test]
    fn in_real_time_the_first_report_is_the_conversion_and_a_lower_total_corrects_it(reports in reports()) {
        let shop = shop("");
        for report in &reports {
            shop.take(report.at, &report.json());
        }
        let sent = purchases(&shop, "Purchase");
        prop_assert_eq!(sent.len(), 1, "{:?}", sent);
        let first = expected(&reports[..1]);
        let mut seen = seen(&sent[0]);
        // The first report alone may be led to the visitor by an order that another one tied; here nothing else does.
        seen["url"] = first["url"].clone();
        prop_assert_eq!(seen, first);
        prop_assert_eq!(purchases(&shop, "Refund").len(), 0, "no later report is of a lower value here");
    }
}

#[test]
fn reports_that_are_tied_together_only_by_a_third_become_one() {
    let shop = shop(WINDOW);
    assert_eq!(
        shop.take(0, r#"{"event":"Purchase","event_id":"a","properties":{"value":1,"currency":"EUR"}}"#),
        Verdict::Held
    );
    assert_eq!(
        shop.take(1, r#"{"event":"Purchase","event_id":"b","properties":{"order_id":"88"}}"#),
        Verdict::Held
    );
    assert_eq!(
        shop.take(2, r#"{"event":"Purchase","event_id":"a","properties":{"order_id":"88"}}"#),
        Verdict::Duplicate
    );
    assert_eq!(shop.release(30_000), 1);
    assert_eq!(purchases(&shop, "Purchase").len(), 1);
}

#[test]
fn only_the_named_event_waits_and_a_denial_within_the_window_holds() {
    let shop = shop(WINDOW);
    assert_eq!(shop.take(0, r#"{"event":"Lead","event_id":"l"}"#), Verdict::Stored(2));
    shop.take(1, r#"{"event":"Purchase","visitor_id":"v1","properties":{"order_id":"88"},"user":{"email":"jane@example.com"}}"#);
    let denial = r#""consent":{"ad_storage":"denied","ad_user_data":"denied"}"#;
    shop.take(2, &format!(r#"{{"event":"PageView","event_id":"d","visitor_id":"v1",{denial}}}"#));
    shop.release(40_000);
    assert_eq!(shop.sent_to("all").last().map(String::as_str), Some("no_consent"));
    let held = purchases(&shop, "Purchase");
    assert!(held[0].get("user").is_none() && held[0].get("visitor_id").is_none(), "{}", held[0]);
}
