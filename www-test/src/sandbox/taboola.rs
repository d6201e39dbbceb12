//! Taboola (Realize): the postback address, one conversion in a query, and the bulk call, up to 1,000 in a body.
//!
//! Facts: developers.taboola.com/pixel/docs (the-postback-url, bulk-submit-s2s-conversions, postback-url-error-codes,
//! heuristic-deduplication, read 2026-11-23). The single call answers 400 to a click id or name that is missing or
//! misspelt, and to a misspelt path. The real bulk call answers 204 to everything; what it would let vanish is refused
//! here. A repeat of the same click and name within a minute of the clock does not count, except that in the single
//! call another order, value, currency or quantity makes for another conversion.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use shared::UnixMs;
use shared::time::{DAY_MS, MINUTE_MS};

use super::exchange::{Answer, Arrived, Reply, Taken};
use super::player::{Complaint, Player};
use super::postback::{Parameter, Shape, complain, fits, read, refused};

/// Name in the relay's configuration.
pub const NAME: &str = "taboola";
/// Where the single call lives; what else lies below its first part is a misspelt path.
const SINGLE: &str = "/actions-handler/log/3/s2s-action";
const SINGLE_ROOT: &str = "/actions-handler/";
const BULK_END: &str = "/log/3/bulk-s2s-action";
const MOST_ACTIONS: usize = 1_000;
/// The minute is part of an event's key, so the key itself may be remembered for longer.
const WINDOW_MS: i64 = DAY_MS;

/// Currencies of the page on the postback address.
const CURRENCIES: &str = "AUD BRL CAD CNY EUR GBP HKD ILS INR JPY KRW MXN NZD RUB SGD THB TRY USD ZAR";

const PARAMETERS: [Parameter; 6] = [
    Parameter::required("click-id", Shape::Click),
    Parameter::required("name", Shape::Text),
    Parameter::optional("revenue", Shape::Decimal),
    Parameter::optional("currency", Shape::Currency),
    Parameter::optional("orderid", Shape::Text),
    Parameter::optional("quantity", Shape::Whole),
];

type Found = BTreeMap<&'static str, String>;

/// Taboola, which knows nobody's names of conversions and so takes them all.
#[derive(Debug)]
pub struct Taboola;

impl Player for Taboola {
    fn platform(&self) -> &'static str {
        NAME
    }

    fn matches(&self, request: &Arrived) -> bool {
        request.path.starts_with(SINGLE_ROOT) || account(&request.path).is_some()
    }

    fn answer(&self, request: &Arrived, now: UnixMs) -> Answer {
        let taken = match account(&request.path) {
            Some(account) => bulk(account, request, now),
            None => single(request, now).map(|taken| vec![taken]),
        };
        match taken {
            Ok(events) => Answer::Took { reply: Reply::empty(204), events },
            Err(reason) => refused(400, reason),
        }
    }

    fn complain(&self, complaint: Complaint, _request: &Arrived) -> Reply {
        complain(complaint)
    }

    fn dedup_window_ms(&self) -> i64 {
        WINDOW_MS
    }
}

/// The account in the path of a bulk call.
fn account(path: &str) -> Option<&str> {
    path.strip_prefix('/')?.strip_suffix(BULK_END).filter(|account| !account.contains('/'))
}

fn single(request: &Arrived, now: UnixMs) -> Result<Taken, String> {
    if request.path != SINGLE {
        return Err("path: no such call".to_owned());
    }
    // POST with the same query works as well, which no page says.
    if !matches!(request.method.as_str(), "GET" | "POST") || !request.body.is_empty() {
        return Err("method: must be GET without a body".to_owned());
    }
    let found = read(request, &PARAMETERS, now)?;
    check_money(&found)?;
    let told_apart = ["click-id", "name", "orderid", "revenue", "currency", "quantity"];
    Ok(taken(&found, &told_apart, now))
}

fn bulk(account: &str, request: &Arrived, now: UnixMs) -> Result<Vec<Taken>, String> {
    if account.is_empty() || !account.bytes().all(|b| b.is_ascii_digit()) {
        return Err("path: the account must be its numeric id".to_owned());
    }
    if request.method != "POST" || request.query.is_some() {
        return Err("method: must be POST without a query".to_owned());
    }
    if request.header("content-type") != Some("application/json") {
        return Err("content-type: must be application/json".to_owned());
    }
    let body = request.json().ok_or("body: not JSON")?;
    let envelope = body.as_object().filter(|body| body.len() == 1).and_then(|body| body.get("actions"));
    let actions = envelope.and_then(Value::as_array).ok_or("body: must be an object of `actions` alone")?;
    if actions.is_empty() || actions.len() > MOST_ACTIONS {
        return Err("actions: must hold 1 to 1000".to_owned());
    }
    actions.iter().map(|value| action(value, now)).collect()
}

/// One action of the bulk call, whose numbers are numbers.
fn action(value: &Value, now: UnixMs) -> Result<Taken, String> {
    let object = value.as_object().ok_or("actions: must hold objects")?;
    let timestamp = object.get("timestamp").and_then(Value::as_i64).map(UnixMs);
    let timestamp = timestamp.ok_or("timestamp: missing, or not whole milliseconds")?;
    // In seconds it would be a day in January 1970.
    if timestamp > now || timestamp < UnixMs(DAY_MS * 365) {
        return Err("timestamp: not a time in milliseconds, or in the future".to_owned());
    }
    let mut found = Found::new();
    for (name, value) in object.iter().filter(|(name, _)| *name != "timestamp") {
        let parameter = PARAMETERS.iter().find(|parameter| parameter.name == name);
        let parameter = parameter.ok_or_else(|| format!("{name}: no such member"))?;
        let text = text(parameter.shape, value).filter(|text| fits(parameter.shape, text, now));
        found.insert(parameter.name, text.ok_or_else(|| format!("{name}: not a {:?}", parameter.shape))?);
    }
    check_required(object)?;
    check_money(&found)?;
    Ok(taken(&found, &["click-id", "name"], timestamp))
}

/// A member as text, if it has the JSON type of its shape.
fn text(shape: Shape, value: &Value) -> Option<String> {
    match shape {
        Shape::Decimal => value.as_f64().map(|number| number.to_string()),
        Shape::Whole => value.as_u64().map(|number| number.to_string()),
        Shape::Click | Shape::Text | Shape::Currency | Shape::Time => value.as_str().map(str::to_owned),
    }
}

fn check_required(object: &Map<String, Value>) -> Result<(), String> {
    let missing = PARAMETERS.iter().find(|one| one.required && !object.contains_key(one.name));
    missing.map_or(Ok(()), |one| Err(format!("{}: missing", one.name)))
}

/// A value in a currency that is not listed is dropped or misread, and one without a currency is taken for the
/// account's own, which the relay must not count on.
fn check_money(found: &Found) -> Result<(), String> {
    let currency = found.get("currency");
    if found.contains_key("revenue") != currency.is_some() {
        return Err("revenue and currency: one without the other".to_owned());
    }
    match currency {
        Some(code) if !CURRENCIES.split(' ').any(|known| known == code) => {
            Err("currency: not one Taboola counts in".to_owned())
        }
        Some(_) | None => Ok(()),
    }
}

/// The event under the key it is deduplicated by: these parameters and the minute.
fn taken(found: &Found, told_apart: &[&'static str], time: UnixMs) -> Taken {
    let parts = told_apart.iter().map(|name| found.get(name).map_or("", String::as_str));
    let key = format!("{}\0{}", parts.collect::<Vec<_>>().join("\0"), time.0.div_euclid(MINUTE_MS));
    // No event id is on the wire; the order, or else the click, is how a test tells events apart.
    let id = found.get("orderid").unwrap_or(&found["click-id"]).clone();
    Taken { key, name: found["name"].clone(), id }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMs = UnixMs(1_795_435_200_000);
    const BULK: &str = "/1234567/log/3/bulk-s2s-action";

    fn get(query: &str) -> Arrived {
        Arrived {
            method: "GET".to_owned(),
            path: SINGLE.to_owned(),
            query: Some(query.to_owned()),
            ..Arrived::default()
        }
    }

    fn post(actions: &str) -> Arrived {
        Arrived {
            method: "POST".to_owned(),
            path: BULK.to_owned(),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: format!(r#"{{"actions":{actions}}}"#).into(),
            ..Arrived::default()
        }
    }

    fn took(request: &Arrived, now: UnixMs) -> Vec<Taken> {
        match Taboola.answer(request, now) {
            Answer::Took { reply, events } => {
                assert_eq!(reply, Reply::empty(204));
                events
            }
            Answer::Refused { reason, .. } => panic!("{request:?}: {reason}"),
        }
    }

    fn check_refused(request: Arrived, expected: &str) {
        assert!(Taboola.matches(&request), "{}", request.path);
        match Taboola.answer(&request, NOW) {
            Answer::Refused { reply, reason } => assert_eq!((reply.status, reason.as_str()), (400, expected)),
            Answer::Took { .. } => panic!("taken instead of {expected:?}"),
        }
    }

    #[test]
    fn the_examples_are_taken() {
        let single = "click-id=GiA0exampleClickId1234&name=make_purchase&revenue=49.9&currency=EUR\
                      &orderid=A-10042&quantity=2";
        let events = took(&get(single), NOW);
        assert_eq!((events[0].name.as_str(), events[0].id.as_str()), ("make_purchase", "A-10042"));
        let bulk = r#"[
            {"click-id":"GiA0exampleClickId1234","timestamp":1795356309000,"name":"make_purchase","revenue":49.9,
             "currency":"EUR","quantity":2,"orderid":"A-10042"},
            {"click-id":"GiB9anotherClickId5678","timestamp":1795356400000,"name":"lead"}]"#;
        let events = took(&post(bulk), NOW);
        let ids: Vec<&str> = events.iter().map(|event| event.id.as_str()).collect();
        assert_eq!(ids, ["A-10042", "GiB9anotherClickId5678"]);
    }

    #[test]
    fn a_repeat_within_the_minute_is_the_same_conversion() {
        let key = |query: &str, after_ms: i64| took(&get(query), NOW.plus(after_ms))[0].key.clone();
        let order = "click-id=GiA0&name=make_purchase&orderid=1";
        assert_eq!(key(order, 0), key(order, 59_999));
        assert_ne!(key(order, 59_999), key(order, 60_000));
        assert_ne!(key(order, 0), key("click-id=GiA0&name=make_purchase&orderid=2", 0));
        assert_ne!(key(order, 0), key("click-id=GiA1&name=make_purchase&orderid=1", 0));
        let action = |order: u32| {
            format!(
                r#"{{"click-id":"GiA0","timestamp":1795356309000,"name":"make_purchase","orderid":"{order}"}}"#
            )
        };
        let twins = took(&post(&format!("[{},{}]", action(1), action(2))), NOW);
        assert_eq!(twins[0].key, twins[1].key, "the bulk call does not look at the order");
    }

    #[test]
    fn what_is_wrong_with_a_single_call_is_named() {
        let good = "click-id=GiA0&name=lead";
        let and = |more: &str| get(&format!("{good}&{more}"));
        check_refused(get("name=lead"), "click-id: missing");
        check_refused(get("click_id=GiA0&name=lead"), "click_id: no such parameter");
        check_refused(get("click-id=%7Bclick_id%7D&name=lead"), "click-id: not a Click");
        check_refused(get("click-id=GiA0"), "name: missing");
        let misspelt = SINGLE.replace("action", "acton").replacen("actons", "actions", 1);
        check_refused(Arrived { path: misspelt, ..get(good) }, "path: no such call");
        check_refused(
            Arrived { method: "PUT".to_owned(), ..get(good) },
            "method: must be GET without a body",
        );
        check_refused(and("revenue=5"), "revenue and currency: one without the other");
        check_refused(and("revenue=5&currency=CHF"), "currency: not one Taboola counts in");
        check_refused(and("revenue=5&currency=eur"), "currency: not a Currency");
        check_refused(and("order-id=5"), "order-id: no such parameter");
        check_refused(and("quantity=1.5"), "quantity: not a Whole");
        check_refused(and("timestamp=1795356309000"), "timestamp: no such parameter");
    }

    #[test]
    fn what_is_wrong_with_a_bulk_call_is_named() {
        let action = |members: &str| post(&format!(r#"[{{"click-id":"GiA0","name":"lead"{members}}}]"#));
        let good = || action(r#","timestamp":1795356309000"#);
        let and = |more: &str| action(&format!(r#","timestamp":1795356309000,{more}"#));
        assert_eq!(took(&good(), NOW).len(), 1);
        let other = Arrived { path: BULK.replace("1234567", "my-account"), ..good() };
        check_refused(other, "path: the account must be its numeric id");
        check_refused(Arrived { method: "GET".to_owned(), ..good() }, "method: must be POST without a query");
        check_refused(Arrived { headers: Vec::new(), ..good() }, "content-type: must be application/json");
        check_refused(Arrived { body: "[".into(), ..good() }, "body: not JSON");
        check_refused(Arrived { body: "[]".into(), ..good() }, "body: must be an object of `actions` alone");
        check_refused(post("[]"), "actions: must hold 1 to 1000");
        check_refused(post("[1]"), "actions: must hold objects");
        check_refused(action(""), "timestamp: missing, or not whole milliseconds");
        let not_a_time = "timestamp: not a time in milliseconds, or in the future";
        check_refused(action(r#","timestamp":1795356309"#), not_a_time);
        check_refused(action(r#","timestamp":1795435200001"#), not_a_time);
        check_refused(and(r#""revenue":"5","currency":"EUR""#), "revenue: not a Decimal");
        check_refused(and(r#""quantity":2.5"#), "quantity: not a Whole");
        check_refused(and(r#""orderid":5"#), "orderid: not a Text");
        check_refused(and(r#""email":"x""#), "email: no such member");
        check_refused(post(r#"[{"name":"lead","timestamp":1795356309000}]"#), "click-id: missing");
    }
}
