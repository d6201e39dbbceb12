//! Rules at work. The flows of the documentation are recorded in `tests/sources/json`.

use shared::event::Source as Channel;
use shared::{Scalar, UnixMs};

use super::super::settings::tests::settings;
use super::super::testing::{headers, summary, webhook};
use super::*;

fn source(rules: &str) -> Box<dyn Source> {
    let text: &'static str = format!("auth = {{ type = 'bearer', token = 't' }}\n{rules}").leak();
    configure(settings(text)).unwrap_or_else(|error| panic!("{error}"))
}

fn read(rules: &str, body: &str) -> Reading {
    let none = headers(&[]);
    source(rules).read(&webhook(&none, body)).expect("readable")
}

#[track_caller]
fn check(rules: &str, body: &str, expected: &[&str]) {
    assert_eq!(summary(&read(rules, body)), expected, "{rules} {body}");
}

const STAGED: &str = "
    map = { value = 'amount', currency = { constant = 'EUR' } }
    [[rule]]
    stage = 'deal.stage'
    events = { 'Closed Won' = 'Purchase', qualified = 'Lead' }
    id = ['deal.id', 'deal.stage']";

#[test]
fn a_stage_names_the_event() {
    check(STAGED, r#"{"deal":{"id":9,"stage":"closed won"},"amount":"59.90"}"#, &["Purchase 59.9 EUR"]);
    check(STAGED, r#"{"deal":{"id":9,"stage":"Qualified"}}"#, &["Lead - EUR"]);
    check(STAGED, r#"{"deal":{"id":9,"stage":"lost"}}"#, &["no event is set for this stage; see `events`"]);
    check(STAGED, "[]", &["no rule applies"]);
    let reading = read(STAGED, r#"{"deal":{"id":9,"stage":"qualified"}}"#);
    assert_eq!(reading.events[0].draft.event_id.as_deref(), Some("9-qualified"));
    let nameless = read(STAGED, r#"{"deal":{"stage":"qualified"}}"#);
    assert_eq!(nameless.refused, ["`id` is not there, so a repeat would count again"]);
    assert_eq!(read(STAGED, r#"{"deal":{"id":9,"stage":"qualified"},"amount":"lots"}"#).refused.len(), 1);
}

#[test]
fn several_rules_make_several_events() {
    let rules = "
        [[rule]]
        event = 'Lead'
        id = 'id'
        [[rule]]
        event = 'Purchase'
        when = [{ path = 'paid', equals = true }, { path = 'total', above = 0 }]
        map = { order_id = 'order', value = { path = 'total', minor_units = 2 }, currency = 'currency' }";
    check(
        rules,
        r#"{"id":1,"paid":"true","total":5990,"currency":"eur","order":"88"}"#,
        &["Lead - -", "Purchase 59.9 EUR"],
    );
    check(rules, r#"{"id":1,"paid":true,"total":0,"order":"88"}"#, &["Lead - -"]);
    // An order's own id is what the page's copy has.
    let reading = read(rules, r#"{"id":1,"paid":true,"total":5990,"currency":"eur","order":"88"}"#);
    assert_eq!(reading.events[1].draft.event_id, None);
    assert_eq!(reading.events[1].draft.properties.order_id.as_deref(), Some("88"));
}

#[test]
fn a_rule_for_each_item_starts_at_the_item() {
    let rules = "
        map = { currency = '$.currency' }
        [[rule]]
        each = 'sales[*]'
        when = [{ path = 'state', equals = 'paid' }]
        event = 'Purchase'
        id = ['$.batch', 'id']
        map = { value = 'sum' }";
    let body = r#"{"batch":"b","currency":"USD","sales":[{"id":1,"state":"paid","sum":1},{"id":2,"state":"open","sum":2},{"id":3,"state":"paid","sum":3}]}"#;
    check(rules, body, &["Purchase 1 USD", "Purchase 3 USD"]);
    let ids: Vec<_> = read(rules, body).events.into_iter().filter_map(|found| found.draft.event_id).collect();
    assert_eq!(ids, ["b-1", "b-3"]);
    let top = "[[rule]]\neach = '$[*]'\nevent = 'Lead'\nid = 'id'";
    check(top, r#"[{"id":1},{"id":2}]"#, &["Lead - -", "Lead - -"]);
    let many = format!("[{}]", vec![r#"{"id":1}"#; 501].join(","));
    let reading = read(top, &many);
    assert_eq!((reading.events.len(), reading.refused.len()), (500, 1));
}

#[test]
fn every_field_has_its_place() {
    let rules = "
        [[rule]]
        event = 'Purchase'
        id = 'id'
        items = { each = 'lines[*]', id = 'sku', name = 'title', price = { path = 'cents', minor_units = 2 }, quantity = 'n' }
        properties = { plan = 'plan', seats = 'seats', tags = 'tags', trial = 'trial' }
        tokens = { salesforce_contact = 'contact' }
        [rule.map]
        time = { path = 'at', format = 's' }
        email = 'who.mail'
        phone = { first_of = ['who.mobile', 'who.phone'] }
        full_name = 'who.name'
        visitor_id = 'vid'
        gclid = 'click'
        utm_source = 'src'
        page_url = 'page'
        source = { constant = 'crm' }
        ad_user_data = { path = 'consent', names = { ok = 'granted' } }";
    let body = r#"{"id":"x","at":1795435140,"who":{"mail":"jane@example.com","mobile":"","phone":"+12025550123","name":"Jane Lovelace"},
        "vid":"v-1","click":"Cj0-x","src":"ads","page":"https://shop.example/?fbclid=IwAR_x","consent":"ok","contact":"003",
        "plan":"pro","seats":3,"tags":["a","b"],"trial":false,"lines":[{"sku":"S","title":"Mug","cents":2995,"n":2}]}"#;
    let reading = read(rules, body);
    let draft = &reading.events[0].draft;
    assert_eq!(draft.time, Some(UnixMs(1_795_435_140_000)));
    assert_eq!(format!("{:?}", draft.user), "RawUser(4 values)");
    assert_eq!((draft.visitor_id.as_deref(), draft.source), (Some("v-1"), Some(Channel::Crm)));
    assert_eq!(draft.click_ids.keys().collect::<Vec<_>>(), ["fbclid", "gclid"]);
    assert_eq!(draft.consent.ad_user_data, Some(shared::Signal::Granted));
    assert_eq!(draft.tokens["salesforce_contact"], "003");
    assert_eq!(draft.properties.custom["seats"], Scalar::Integer(3));
    assert_eq!(draft.properties.custom["trial"], Scalar::Bool(false));
    let item = &draft.properties.items[0];
    assert_eq!((item.id.as_deref(), item.price, item.quantity), (Some("S"), Some(29.95), Some(2.0)));
}

#[test]
fn a_form_is_an_object_of_texts() {
    let headers = headers(&[("content-type", "application/x-www-form-urlencoded")]);
    let rules = "[[rule]]\nevent = 'Lead'\nid = 'lead[id]'\nmap = { email = 'mail' }";
    let bracketed = rules.replace("'lead[id]'", "'[\"lead[id]\"]'");
    let reading = source(&bracketed)
        .read(&webhook(&headers, "lead%5Bid%5D=7&mail=jane%40example.com"))
        .expect("readable");
    assert_eq!(reading.events[0].draft.event_id.as_deref(), Some("7"));
    assert_eq!(format!("{:?}", reading.events[0].draft.user), "RawUser(1 values)");
}

/// A stage nobody asks for is daily business; a body that fits no rule, or comes as a form, may be a mistake.
#[test]
fn the_log_hears_of_what_may_be_a_mistake() {
    let form = headers(&[("content-type", "application/x-www-form-urlencoded")]);
    let check = |headers, body: &str, expected: (Option<&str>, bool)| {
        let reading = source(STAGED).read(&webhook(headers, body)).expect("readable");
        assert_eq!((reading.ignored, reading.is_odd), expected, "{body}");
    };
    let (none, won) = (headers(&[]), r#"{"deal":{"id":9,"stage":"closed won"}}"#);
    check(&none, won, (None, false));
    check(
        &none,
        &won.replace("closed won", "lost"),
        (Some("no event is set for this stage; see `events`"), false),
    );
    check(&none, r#"{"id":9}"#, (Some("no rule applies"), true));
    check(&form, "id=9", (Some("no rule applies"), true));
    check(&form, won, (Some(NO_FORM), true));
}

#[test]
fn settings_that_cannot_be_are_named() {
    for (rules, words) in [
        ("rule = []", "at least one"),
        ("[[rule]]\nid = 'a'", "either `event`"),
        ("[[rule]]\nevent = 'Lead'\nstage = 'a'\nid = 'a'", "either `event`"),
        ("[[rule]]\nstage = 'a'\nid = 'a'", "either `event`"),
        ("[[rule]]\nevent = 'Lead'", "a rule needs `id`"),
        ("[[rule]]\nevent = 'Lead'\nid = 'a'\nmap = { mail = 'a' }", "no field of ours"),
        ("[[rule]]\nevent = 'Lead'\nid = 'a'\nmap = { email = 'a[' }", "no path"),
        ("[[rule]]\nevent = ''\nid = 'a'", "name of an event"),
    ] {
        let text: &'static str = format!("auth = {{ type = 'bearer', token = 't' }}\n{rules}").leak();
        let error = configure(settings(text)).expect_err(rules).to_string();
        assert!(error.contains(words), "{error}");
    }
}
