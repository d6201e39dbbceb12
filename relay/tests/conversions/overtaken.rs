//! What comes out of turn: refunds that overtake their order, and orders that are paid after they were called off.

use relay::store::Verdict;
use serde_json::json;

use crate::refunds::{DAY, google, last, order};
use crate::shop::{NOW, Shop, webhook};

const PAID: &str = r#","value":100,"currency":"EUR""#;

/// What a shop's source makes of money that was paid out.
fn paid_out(name: &str) -> String {
    let more = format!(r#","value":20,"currency":"EUR","only_if_reported":"{name}""#);
    order("Refund", "Refund-88-9", 0, &more)
}

fn names(shop: &Shop) -> Vec<String> {
    shop.log().into_iter().map(|event| event.event).collect()
}

/// Shopify repeats an order that it could not deliver, after its refund came.
#[test]
fn a_shops_refund_that_overtakes_its_order_follows_it() {
    for open in [Shop::open as fn(&str, &str) -> Shop, Shop::on_disk] {
        let shop = open("", &google());
        let refund = paid_out("Subscribe");
        assert_eq!(shop.take(0, &refund), Verdict::Held, "nobody has reported an order");
        assert_eq!(shop.take(1, &refund), Verdict::Duplicate);
        shop.take(2, &order("Lead", "l", 0, ""));
        shop.take(3, &order("Purchase", "p", 0, PAID));
        assert_eq!(names(&shop), ["Lead", "Purchase", "Refund"]);
        let told = last(&shop);
        assert_eq!((&told["value"], &told["remaining_value"]), (&json!(20.0), &json!(80.0)));
        assert!(told.get("only_if_reported").is_none(), "{told}");
        // Neither the refund nor the order counts again.
        assert_eq!(shop.take(4, &refund), Verdict::Duplicate);
        assert_eq!(shop.take(5, &order("Purchase", "q", 0, PAID)), Verdict::Duplicate);
        shop.take(6, &order("Refund", "Refund-88-10", 0, r#","value":30,"currency":"EUR""#));
        assert_eq!(last(&shop)["remaining_value"], json!(50.0));
    }
}

#[test]
fn many_refunds_that_overtake_one_order_all_count() {
    let shop = Shop::open("", &google());
    for number in 0..12 {
        let refund = paid_out("Subscribe").replace("88-9", &format!("88-{number}")).replace(":20,", ":5,");
        assert_eq!(shop.take(0, &refund), Verdict::Held);
    }
    shop.take(1, &order("Purchase", "p", 0, PAID));
    assert_eq!((names(&shop).len(), &last(&shop)["remaining_value"]), (13, &json!(40.0)));
}

#[test]
fn an_order_is_overtaken_under_whatever_name_and_however_it_is_held() {
    let shop = Shop::open("", &webhook("all", ""));
    shop.take(0, &paid_out("Renewal"));
    shop.take(1, &order("Renewal", "Renewal-88", 0, PAID));
    assert_eq!(names(&shop), ["Renewal", "Refund"]);
    let shop = Shop::open("merge_window = { Purchase = \"30s\" }", &webhook("all", ""));
    shop.take(0, &paid_out("Subscribe"));
    assert_eq!(shop.take(1, &order("Purchase", "p", 0, PAID)), Verdict::Held);
    assert_eq!(shop.release(60_000), 1);
    assert_eq!(names(&shop), ["Purchase", "Refund"]);
}

/// What was called off before it counted is an order like any other if it is reported after all; and a page keeps nothing.
#[test]
fn what_calls_an_order_off_or_comes_from_a_page_is_not_kept_for_it() {
    let off = order("Refund", "Refund-88-cancelled", 0, &[PAID, CALLED_OFF].concat());
    for refund in [off, paid_out("Subscribe").replace("server", "web")] {
        let shop = Shop::open("", &google());
        assert_eq!(shop.take(0, &refund), Verdict::Duplicate);
        shop.take(1, &order("Purchase", "p", 0, PAID));
        assert_eq!(names(&shop), ["Purchase"]);
    }
}

#[test]
fn what_is_paid_back_before_the_order_is_reckoned_in_its_currency() {
    let check = |first: &str, left: f64| {
        let shop = Shop::open("", &google());
        shop.take(0, &order("Refund", "r1", 0, first));
        shop.take(1, &order("Purchase", "p", 0, PAID));
        shop.take(2, &order("Refund", "r2", 0, r#","value":10,"currency":"EUR""#));
        assert_eq!(last(&shop)["remaining_value"], json!(left), "{first}");
    };
    check(r#","value":20,"currency":"EUR""#, 70.0);
    check(r#","value":3000,"currency":"JPY""#, 90.0);
    check(r#","currency":"EUR","remaining_value":60"#, 50.0);
    check("", 0.0);
}

/// One order is paid back in what the buyer paid in and in what the shop counts in.
#[test]
fn what_is_paid_back_before_the_order_in_two_currencies_is_kept_apart() {
    let amounts = [r#","value":3000,"currency":"JPY""#, r#","value":20,"currency":"EUR""#];
    for [first, second] in [[0, 1], [1, 0]] {
        let shop = Shop::open("", &google());
        shop.take(0, &order("Refund", "r1", 0, amounts[first]));
        shop.take(0, &order("Refund", "r2", 0, amounts[second]));
        shop.take(1, &order("Purchase", "p", 0, PAID));
        shop.take(2, &order("Refund", "r3", 0, r#","value":10,"currency":"EUR""#));
        assert_eq!(last(&shop)["remaining_value"], json!(70.0), "{first}");
    }
}

#[test]
fn a_page_takes_nothing_back_once_a_server_has_told_of_it() {
    let shop = Shop::open("", &google());
    let refund = |id: &str| order("Refund", id, 0, r#","value":20,"currency":"EUR""#);
    shop.take(0, &refund("r1"));
    assert_eq!(shop.take(1, &refund("r2").replace("server", "web")), Verdict::Contradiction);
}

/// ClickBank repeats a sale that it could not deliver, after it has told of its refund.
#[test]
fn a_networks_refund_that_overtakes_its_sale_takes_back_of_the_share() {
    let share = |value: f64| format!(r#","value":{value},"currency":"EUR","commission":true"#);
    let check = |sale: &str, left: f64| {
        let shop = Shop::open("", &google());
        shop.take(0, &order("Refund", "r1", 0, &share(10.0)));
        shop.take(1, sale);
        shop.take(2, &order("Refund", "r2", 0, &share(5.0)));
        assert_eq!(last(&shop)["remaining_value"], json!(left), "{sale}");
    };
    check(&order("Purchase", "p", 0, &share(30.0)), 15.0);
    // What the shop's page has told of is taken back whole, as in turn.
    let shop = Shop::open("", &google());
    shop.take(0, &order("Refund", "r1", 0, &share(10.0)));
    shop.take(1, &order("Purchase", "p", 0, PAID).replace("server", "web"));
    shop.take(2, &order("Refund", "r2", 0, r#","value":1,"currency":"EUR""#));
    assert_eq!(last(&shop)["remaining_value"], json!(0.0));
}

/// Stripe repeats for days what it could not deliver, and what it tells of money given back names the payment alone.
#[test]
fn a_refund_of_a_payment_that_overtakes_its_order_is_taken_off_once() {
    const INTENT: &str = r#""stripe_payment_intent":"pi_1""#;
    const BOTH: &str = r#""stripe_invoice":"in_1","stripe_payment_intent":"pi_1""#;
    let tied = |json: &str, tokens: &str| json.replacen('{', &format!(r#"{{"tokens":{{{tokens}}},"#), 1);
    let refund = |id: &str, value: f64| {
        let more = format!(r#""properties":{{"value":{value},"currency":"EUR"}}"#);
        tied(&format!(r#"{{"event":"Refund","event_id":"{id}","source":"server",{more}}}"#), BOTH)
    };
    let sale = order("Purchase", "p", 0, PAID);
    let check = |site: &str, reports: &[String]| {
        let shop = Shop::open(site, &google());
        assert_eq!(shop.take(0, &refund("r1", 20.0)), Verdict::Stored(1));
        assert_eq!(shop.take(0, &refund("r1", 20.0)), Verdict::Duplicate);
        for report in reports {
            shop.take(1, report);
        }
        shop.take(2, &refund("r2", 10.0));
        let told = last(&shop);
        assert_eq!(
            (&told["order_id"], &told["remaining_value"]),
            (&json!("88"), &json!(70.0)),
            "{reports:?}"
        );
    };
    check("", &[tied(&sale, INTENT)]);
    check("merge_window = { Purchase = \"30s\" }", &[tied(&sale, INTENT)]);
    // The page is first, and the payment is known later; each report names another of the two.
    check("", &[sale.replace("server", "web"), tied(&sale, INTENT), tied(&sale, BOTH)]);
    check("", &[tied(&sale, r#""stripe_invoice":"in_1""#), tied(&sale, INTENT)]);
}

/// What a server names that knows what was bought: the shop.
const ITEMS: &str = r#","items":[{"id":"SKU"}]"#;
const OF_SHOP: &str = r#","of_shop":true"#;
const CALLED_OFF: &str = r#","remaining_value":0,"only_if_reported":"Subscribe""#;

/// The shop cancels what nobody has paid within the hour, and the money comes later.
#[test]
fn an_order_that_is_paid_after_it_was_called_off_holds_again() {
    let check = |paid: f64, back: f64, left: f64| {
        let shop = Shop::open("", &google());
        let sale = |id: &str, days: i64, value: f64| {
            order("Purchase", id, days * DAY, &format!(r#","value":{value},"currency":"EUR"{ITEMS}"#))
        };
        shop.take(-5 * DAY, &sale("p", -5, 100.0).replace("server", "web"));
        let off = order("Refund", "Refund-88-cancelled", -3 * DAY, &[PAID, CALLED_OFF].concat());
        assert_eq!(shop.take(-3 * DAY, &off), Verdict::Stored(2));
        // As of before, and a page that is opened once more.
        assert_eq!(shop.take(-3 * DAY, &sale("q", -4, 100.0)), Verdict::Duplicate);
        assert_eq!(shop.take(-2 * DAY, &sale("w", -2, 100.0).replace("server", "web")), Verdict::Duplicate);
        assert_eq!(shop.take(1 - 2 * DAY, &sale("Purchase-88", -2, paid)), Verdict::Stored(3));
        assert_eq!(shop.log()[2].event_id, "Refund-88-paid");
        let told = last(&shop);
        assert_eq!((&told["value"], &told["remaining_value"]), (&json!(back), &json!(left)), "{told}");
        assert_eq!(told["order_value"], json!(100.0));
        assert_eq!(shop.sent_to("google").last().map(String::as_str), Some("Refund-88-paid"));
        // Once, and a refund takes from what holds.
        let again = shop.take(-DAY, &sale("Purchase-88", -2, paid));
        assert!(matches!(again, Verdict::Duplicate | Verdict::Contradiction), "{again:?}");
        shop.take(0, &order("Refund", "r", 0, r#","value":20,"currency":"EUR""#));
        assert_eq!(last(&shop)["remaining_value"], json!(left - 20.0));
    };
    check(100.0, 0.0, 100.0);
    check(80.0, 20.0, 80.0);
    // More is told to nobody, as ever.
    check(120.0, 0.0, 100.0);
}

/// A network's sale that is pending, and a repeat to which nobody gave a time, say nothing of a payment.
#[test]
fn an_order_stays_called_off_unless_somebody_knows_that_it_was_paid() {
    let check = |report: &str, expected: Verdict| {
        let shop = Shop::open("", &google());
        shop.take(-5 * DAY, &order("Purchase", "p", -5 * DAY, PAID).replace("server", "web"));
        shop.take(-3 * DAY, &order("Refund", "Refund-88-cancelled", -3 * DAY, &[PAID, CALLED_OFF].concat()));
        assert_eq!(shop.take(-DAY, report), expected, "{report}");
    };
    let server = order("Purchase", "Purchase-88", -2 * DAY, PAID);
    check(&server, Verdict::Duplicate);
    let shop = order("Purchase", "Purchase-88", -2 * DAY, &[PAID, ITEMS].concat());
    let timeless = shop.replace(&format!(r#""time":{},"#, NOW - 2 * DAY), "");
    assert_ne!(timeless, shop);
    check(&timeless, Verdict::Duplicate);
    check(&shop, Verdict::Stored(3));
    // The shop's own source says so of an order that lists nothing.
    check(&order("Purchase", "Purchase-88", -2 * DAY, &[PAID, OF_SHOP].concat()), Verdict::Stored(3));
    // Who took the payment says which it is.
    let paid = server.replacen('{', r#"{"tokens":{"stripe_payment_intent":"pi_1"},"#, 1);
    check(&paid, Verdict::Stored(3));
}

#[test]
fn what_a_shops_source_says_for_us_alone_is_taken_off() {
    for (site, at) in [("", 0), ("merge_window = { Purchase = \"30s\" }", 60_000)] {
        let shop = Shop::open(site, &google());
        shop.take(0, &order("Purchase", "p", 0, &[PAID, OF_SHOP].concat()));
        shop.release(at);
        assert!(last(&shop).get("of_shop").is_none(), "{site}");
    }
}

/// The visitor agrees before the money comes.
#[test]
fn an_order_that_is_paid_with_the_copy_that_brings_the_consent_holds_again() {
    let destinations = [google(), webhook("ads", ""), webhook("books", "consent = []")].concat();
    let shop = Shop::open("consent_required = true", &destinations);
    shop.take(-5 * DAY, &order("Purchase", "p", -5 * DAY, PAID).replace("server", "web"));
    shop.take(-3 * DAY, &order("Refund", "Refund-88-cancelled", -3 * DAY, &[PAID, CALLED_OFF].concat()));
    let granted = r#"{"consent":{"ad_storage":"granted","ad_user_data":"granted"},"#;
    let paid = order("Purchase", "Purchase-88", -2 * DAY, &[PAID, ITEMS].concat()).replacen('{', granted, 1);
    assert_eq!(shop.take(-DAY, &paid), Verdict::Stored(3));
    let told = last(&shop);
    assert_eq!((&told["value"], &told["remaining_value"]), (&json!(0.0), &json!(100.0)), "{told}");
    assert_eq!(shop.sent_to("ads"), ["no_consent", "no_consent", "Purchase-88", "no_consent"]);
    assert_eq!(shop.sent_to("books"), ["p", "Refund-88-cancelled", "already_sent", "Refund-88-paid"]);
    // Once, and a refund takes from what holds.
    assert_eq!(shop.take(1 - DAY, &paid), Verdict::Duplicate);
    shop.take(0, &order("Refund", "r", 0, r#","value":20,"currency":"EUR""#));
    assert_eq!(last(&shop)["remaining_value"], json!(80.0));
    assert_eq!(shop.sent_to("ads").last().map(String::as_str), Some("r"));
}
