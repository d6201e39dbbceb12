//! Settings, the token, and what postbacks of every kind come to. Whole ones are recorded in `tests/sources/postback`.
//!
//! `statuses` holds what a status does, `corrections` what becomes of lowered amounts, `nested` what is found inside JSON.

mod corrections;
mod nested;
mod statuses;

use http::{HeaderMap, Method};

use super::super::settings::tests::settings;
use super::super::testing::{NOW, headers, summary, webhook};
use super::*;
use crate::collect::sources::reading::Found;

const TOKEN: &str = "token = 'made-up-token-0123456789'";
const CLICK: &str = "0123456789abcdefghijklmn";

fn source(more: &str) -> Box<dyn Source> {
    configure(settings(format!("{TOKEN}\n{more}").leak())).expect("right settings")
}

/// A postback by GET with these parameters, whose token is right.
fn asked<T>(query: &str, check: impl FnOnce(&Inbound<'_>) -> T) -> T {
    let none = HeaderMap::new();
    let target = format!("/v1/postback/net?{query}");
    check(&Inbound { method: &Method::GET, source: "net", target: &target, ..webhook(&none, "") })
}

fn reading(more: &str, query: &str) -> Reading {
    asked(query, |request| source(more).read(request)).expect("readable")
}

fn check(more: &str, query: &str, expected: &str) {
    assert_eq!(summary(&reading(more, query)), [expected], "{more} {query}");
}

fn found(more: &str, query: &str) -> Found {
    let mut events = reading(more, query).events;
    assert_eq!(events.len(), 1, "{more} {query}");
    events.remove(0)
}

fn check_id(more: &str, query: &str, id: &str, order: Option<&str>) {
    let draft = found(more, query).draft;
    assert_eq!(
        (draft.event_id.as_deref(), draft.properties.order_id.as_deref()),
        (Some(id), order),
        "{query}"
    );
}

#[test]
fn a_postback_proves_itself_by_its_token() {
    let wrong = Err(Denied::WrongToken { key: "token" });
    let check = |more: &str, query: &str, expected: &Result<(), Denied>| {
        assert_eq!(&asked(query, |request| source(more).authenticate(request)), expected, "{query}");
    };
    for name in ["token", "TOKEN", "security_token", "secret", "key"] {
        check("", &format!("payout=1&{name}=made-up-token-0123456789"), &Ok(()));
    }
    check("", "token=&token=made-up-token-0123456789", &Ok(()));
    for query in
        ["", "token=", "token=made-up-token-012345678", "token={token}", "x=made-up-token-0123456789"]
    {
        check("", query, &wrong);
    }
    check("header = 'X-Key'", "token=made-up-token-0123456789", &wrong);
    for value in ["made-up-token-0123456789", "Bearer made-up-token-0123456789"] {
        let sent = headers(&[("x-key", value)]);
        assert_eq!(source("header = 'X-Key'").authenticate(&webhook(&sent, "")), Ok(()));
        assert_eq!(source("").authenticate(&webhook(&sent, "token=made-up-token-0123456789")), wrong);
    }
}

#[test]
fn a_right_token_from_a_wrong_address_is_refused() {
    let none = HeaderMap::new();
    let source = source("allowed_ips = ['203.0.113.0/24']");
    for (client, expected) in [("203.0.113.7", Ok(())), ("198.51.100.7", Err(Denied::Elsewhere))] {
        let client = Some(client.parse().expect("an address"));
        let target = "/v1/postback/net?token=made-up-token-0123456789";
        assert_eq!(source.authenticate(&Inbound { client, target, ..webhook(&none, "") }), expected);
    }
}

#[test]
fn what_earns_is_a_purchase_and_what_does_not_is_a_lead() {
    check("", "txid=1&payout=12.50&currency=usd", "Purchase 12.5 USD");
    check("", "txid=1&payout=0&currency=USD", "Lead - USD");
    check("", "txid=1&payout=0.00", "Lead - -");
    check("", "txid=1", "Lead - -");
    check("", "txid=1&payout={payout}", "Lead - -");
    check("", "txid=1&revenue=1%2C234.50&currency=EUR", "Purchase 1234.5 EUR");
    check("value = 'sale_amount'", "txid=1&payout=5&sale_amount=50&currency=EUR", "Purchase 50 EUR");
    check("value = 'sale_amount'", "txid=1&payout=5&currency=EUR", "Purchase - EUR");
    check("", "txid=1&payout=1,234&currency=USD", "Purchase 1234 USD");
    // A conversion without its value is worth more than none, but how much went back is not to be guessed.
    check("", "txid=1&payout=free&currency=EUR", "Purchase - EUR");
    check("", "txid=1&payout=free&event=Lead", "Lead - -");
    let odd = asked("txid=1&payout=free", |request| source("").read(request)).expect("a conversion");
    assert!(odd.is_odd && odd.notes.iter().any(|note| note.starts_with("payout: ")), "{:?}", odd.notes);
    let back = asked("txid=1&payout=free&event=refund", |request| source("").read(request));
    assert_eq!(back.err(), Some(Unreadable::Missing { field: "payout" }));
    check("", "txid=1&payout=1&sale_amount=free&currency=EUR", "Purchase 1 EUR");
}

#[test]
fn a_currency_comes_from_the_network_or_the_settings_and_from_nowhere_else() {
    check("", "txid=1&payout=5", "Purchase 5 -");
    check("currency = 'USD'", "txid=1&payout=5", "Purchase 5 USD");
    check("currency = 'USD'", "txid=1&payout=5&currency={currency}", "Purchase 5 USD");
    check("currency = 'USD'", "txid=1&payout=5&currency=EUR", "Purchase 5 EUR");
    check("currency = 'USD'", "txid=1&payout=5&currency=dollars", "Purchase 5 -");
    for network in NETWORKS {
        check(&format!("network = '{}'", network.name), "txid=1&payout=5", "Purchase 5 -");
    }
}

#[test]
fn an_event_that_is_named_is_that_event() {
    check("", "txid=1&payout=5&event=Lead&currency=EUR", "Lead 5 EUR");
    check("", "txid=1&event_name=purchase", "Purchase - -");
    check("", "txid=1&event=add_to_cart", "AddToCart - -");
    check("", "txid=1&event=Complete%20registration&payout=0", "CompleteRegistration - -");
    check("", "txid=1&event=Purchase&payout=0", "Purchase 0 -");
    check("", "txid=1&conversion_type=sale", "Purchase - -");
    check("", "txid=1&conversion_type=acquisition&payout=5&currency=EUR", "CompleteRegistration 5 EUR");
    check("", "txid=1&event=Upsell&payout=5&currency=EUR", "Purchase 5 EUR");
    check("", "txid=1&event=ftd&payout=5&currency=EUR", "ftd 5 EUR");
    check("", "txid=1&goal=DealWon", "DealWon - -");
    for nothing in ["goal_id=12", "goal=0", "event=Base", "event=default", "event={event_name}", "event="] {
        check("", &format!("txid=1&payout=5&currency=EUR&{nothing}"), "Purchase 5 EUR");
    }
    let rules = "events = { ftd = 'Purchase', 12 = 'CompleteRegistration', Sale = 'Subscribe', 13 = false }";
    check(rules, "txid=1&event=FTD", "Purchase - -");
    check(rules, "txid=1&payout=5&currency=EUR&goal_id=12", "CompleteRegistration 5 EUR");
    check(rules, "txid=1&event=sale", "Subscribe - -");
    check(rules, "txid=1&event=sale&goal_id=13", "Subscribe - -");
    check(rules, "txid=1&payout=5&goal_id=13", "`events` switches this event off");
}

#[test]
fn money_that_goes_back_is_a_refund() {
    check("", "txid=1&payout=-5&currency=EUR", "Refund 5 EUR");
    check("", "txid=1&payout=5&delta=-2&currency=EUR", "Refund 2 EUR");
    check("", "txid=1&event=refund&payout=5&currency=EUR", "Refund 5 EUR");
    check(
        "network = 'impact'",
        "txid=1&payout=10&delta=10&amount=99&currency=EUR&status=PENDING",
        "Purchase 10 EUR",
    );
    check("network = 'impact'", "txid=1&payout=0&delta=-10&currency=EUR&status=REVERSED", "Refund - EUR");
}

#[test]
fn nothing_is_worth_more_than_the_source_says() {
    check("max_value = 100", "txid=1&payout=100&currency=EUR", "Purchase 100 EUR");
    check("max_value = 100", "txid=1&payout=100.01&currency=EUR", "worth more than the source's `max_value`");
}

#[test]
fn an_id_follows_from_the_facts() {
    check_id("", "txid=T7&payout=5", "Purchase-net-T7", Some("net-T7"));
    check_id("", "txid=T7&payout=5&goal=0", "Purchase-net-T7", Some("net-T7"));
    // A number may look like a token of ours.
    check_id(
        "",
        "txid=64f1c0a2b7d9e81234567890",
        "Lead-net-64f1c0a2b7d9e81234567890",
        Some("net-64f1c0a2b7d9e81234567890"),
    );
    check_id("", "txid=T7&payout=5&goal=3", "Purchase-net-T7-3", Some("net-T7-3"));
    check_id("", "txid=T7&payout=5&status=pending", "Purchase-net-T7", Some("net-T7"));
    check_id("", "txid=T7&payout=0", "Lead-net-T7", Some("net-T7"));
    check_id("", "txid=T7&payout=5&status=rejected", "Refund-net-T7", Some("net-T7"));
    check_id("", "txid=T7&payout=-2.5", "Refund-net-T7-2.5", Some("net-T7"));
    check_id("", "order_id=88121&txid=T7&payout=5", "Purchase-88121", Some("88121"));
    check_id(
        "network = 'everflow'",
        "transaction_id=T7&conversion_id=C1&payout=5",
        "Purchase-net-C1",
        Some("net-C1"),
    );
    check_id(
        "network = 'everflow'",
        "transaction_id=T7&conversion_id={conversion_id}",
        "Lead-net-T7",
        Some("net-T7"),
    );
    let template = "transaction_id={conversion_id}&transaction_id=T7";
    check_id("network = 'everflow'", template, "Lead-net-T7", Some("net-T7"));
    check_id("", &format!("s2={CLICK}&payout=5"), &format!("Purchase-net-{CLICK}-5"), None);
    check_id("", &format!("s2={CLICK}&payout=5&campaign_id=9"), &format!("Purchase-net-9-{CLICK}-5"), None);
    check_id("", &format!("tid={CLICK}&payout=5"), &format!("Purchase-net-{CLICK}-5"), None);
    let none = asked("payout=5&s2=test", |request| source("").read(request)).err();
    assert!(matches!(none, Some(Unreadable::Unsupported { .. })), "{none:?}");
    assert!(asked(&format!("txid={}", "9".repeat(130)), |request| source("").read(request)).is_err());
}

#[test]
fn our_token_is_found_in_any_sub_id() {
    let clicks = |more: &str, query: &str| {
        let draft = found(more, query).draft;
        draft.click_ids.into_iter().map(|(param, id)| format!("{param}={}", id.value)).collect::<Vec<_>>()
    };
    let ours = [format!("atclid={CLICK}")];
    for query in [
        "atclid=C",
        "click_id=C",
        "subid=C",
        "sub5=C",
        "aff_sub2=summer_C",
        "clickref=C",
        "SubId2=C",
        "sid1=C",
        "u1=C",
    ] {
        assert_eq!(clicks("", &format!("txid=1&sub1=summer&{}", query.replace('C', CLICK))), ours, "{query}");
    }
    assert_eq!(clicks("", "txid=1&clickid=test&cid=12345&sub1={sub1}"), [""; 0]);
    let own = "parameters = { click_id = 'where' }";
    assert_eq!(clicks(own, &format!("txid=1&where={CLICK}")), ours);
    assert_eq!(clicks(own, &format!("txid=1&sub1={CLICK}")), [""; 0]);
    assert_eq!(clicks("", &format!("txid=1&fbclid=IwAR_x&atclid={CLICK}")), [&ours[0], "fbclid=IwAR_x"]);
}

#[test]
fn a_parameter_means_what_the_source_says() {
    let own = "parameters = { payout = ['rev', 'data.sum'], transaction_id = 'payout' }";
    check(own, "payout=T7&rev=5&currency=EUR", "Purchase 5 EUR");
    check_id(own, "payout=T7&rev=5", "Purchase-net-T7", Some("net-T7"));
    check(own, "payout=T7&commission=5", "Lead - -");
    check("network = 'impact'", "txid=1&amount=99&currency=EUR", "Purchase - EUR");
}

#[test]
fn a_person_and_what_else_is_known_come_along() {
    let query = format!(
        "txid=1&atclid={CLICK}&email=jane+doe@example.com&ref_id=crm-7&ip=203.0.113.9&ua=Mozilla/5.0&x_colour=red&xat_size=L\
        &offer_id=12&at_vid=v-1&ts=1795431600"
    );
    let draft = found("network = 'everflow'", &query).draft;
    assert_eq!(
        (draft.context.ip.as_deref(), draft.visitor_id.as_deref()),
        (Some("203.0.113.9"), Some("v-1"))
    );
    assert_eq!(format!("{:?}", draft.user), "RawUser(2 values)");
    let names: Vec<&str> = draft.properties.custom.keys().map(String::as_str).collect();
    assert_eq!(names, ["colour", "network", "offer_id", "size", "transaction_id"]);
    assert_eq!(draft.time, Some(NOW.plus(-3_600_000)));
    let refund = found("", "txid=1&status=rejected&ts=1795431600").draft;
    assert_eq!(refund.time, None, "the time is the conversion's");
    assert!(refund.properties.custom.contains_key("order_time"));
}

#[test]
fn what_is_odd_is_noted() {
    let check = |query: &str, expected: &[&str]| {
        let notes = reading("", query).notes;
        let starts = notes.len() == expected.len()
            && notes.iter().zip(expected).all(|(note, start)| note.starts_with(start));
        assert!(starts, "{query}: {notes:?}");
    };
    let good = format!("txid=1&payout=5&currency=EUR&atclid={CLICK}");
    check(&good, &[]);
    check("txid=1", &["click_id: no sub-id came"]);
    check("txid=1&sub1=test", &["click_id: what came is no click token of ours"]);
    check(&format!("{good}&status={{status}}"), &["status: the placeholder came as it is"]);
    check(&format!("txid=1&payout=5&atclid={CLICK}"), &["currency: none came"]);
    check("txid=1&sub1={sub1}", &["click_id: no sub-id came", "click_id: the placeholder came"]);
}

#[test]
fn the_address_to_paste_carries_token_and_placeholders() {
    let check = |more: &str, expected: &str| {
        assert_eq!(source(more).query_template().as_deref(), Some(expected), "{more}")
    };
    check(
        "network = 'everflow'",
        "token=made-up-token-0123456789&atclid={sub5}&payout={payout_amount}&sale_amount={sale_amount}&currency={currency}\
        &transaction_id={conversion_id}&transaction_id={transaction_id}&event={event_name}&goal={event_id}&offer={offer_id}&sub1={sub1}&sub2={sub2}\
        &sub3={sub3}&sub4={sub4}",
    );
    check(
        "network = 'maxbounty'\nheader = 'X-Key'\nparameters = { click_id = 'mine', payout = ['p', 'q'] }",
        "mine=#S2#&p=#RATE#&offer=#CAMPAIGN_ID#",
    );
    // Whatever a template calls a thing is read as that thing, and unreplaced it is nothing.
    for network in NETWORKS {
        let settings = format!("network = '{}'", network.name);
        let template = source(&settings).query_template().expect("one");
        let written = template.replace('#', "%23");
        asked(&written, |request| {
            assert_eq!(source(&settings).authenticate(request), Ok(()));
            assert!(source(&settings).read(request).is_err(), "{}", network.name);
        });
        let tried = network.placeholders.iter().fold(written, |query, (meaning, placeholder)| {
            let values = [
                (Meaning::ClickId, CLICK),
                (Meaning::Payout, "5"),
                (Meaning::SaleAmount, "5"),
                (Meaning::Delta, "5"),
                (Meaning::Currency, "EUR"),
                (Meaning::Status, "approved"),
                (Meaning::Event, "sale"),
            ];
            let value = values.iter().find(|(known, _)| known == meaning).map_or("7", |(_, value)| *value);
            query.replace(&placeholder.replace('#', "%23"), value)
        });
        let draft = found(&settings, &tried).draft;
        assert_eq!(draft.event.as_deref(), Some("Purchase"), "{}", network.name);
        assert_eq!(draft.properties.value, Some(5.0), "{}", network.name);
        assert_eq!(draft.click_ids["atclid"].value, CLICK, "{}", network.name);
    }
}

#[test]
fn settings_that_cannot_be_are_named() {
    let check = |more: &str, words: &str| {
        let text: &'static str =
            if more.contains("token") { more.to_owned() } else { format!("{TOKEN}\n{more}") }.leak();
        let error = configure(settings(text)).expect_err(text).to_string();
        assert!(error.contains(words), "{error}");
    };
    check("token = 'short'", "`token`");
    check("token = 'with blanks in the middle'", "`token`");
    check("network = 'everfow'", "`network`: expected one of: custom, everflow, tune");
    check("network = 'cj'", "import its commission report");
    check("network = 'clickbank'", "kind = \"clickbank\"");
    check("currency = 'dollars'", "`currency`");
    check("max_value = -1.0", "`max_value`");
    check("header = 'a b'", "`header`");
    check("allowed_ips = ['example.com']", "203.0.113.0/24");
    check("events = { a = true }", "or false");
    check("events = { a = '' }", "1 to 50 bytes");
    check("statuses = { a = 'yes' }", "`approved`");
    check("parameters = { payot = 'a' }", "`payout`");
    check("parameters = { payout = '' }", "`parameters`");
    check("pending = 'no'", "`wait`");
}
