//! Outbrain (Amplify): `GET /unifiedPixel`, one conversion a request, everything in the query.
//!
//! Facts: outbrain.com/help/advertisers/server2server-integrations (read 2026-11-23). Outbrain answers 2xx to names
//! and click ids it does not know, and counts nothing; it documents no deduplication, so whatever arrives counts. What
//! it would ignore, or take for something else, is refused here.

use shared::UnixMs;

use super::exchange::{Answer, Arrived, Reply, Taken};
use super::player::{Complaint, Player};
use super::postback::{Parameter, Shape, complain, read, refused};

/// Name in the relay's configuration.
pub const NAME: &str = "outbrain";
const PATH: &str = "/unifiedPixel";

const PARAMETERS: [Parameter; 6] = [
    Parameter::required("ob_click_id", Shape::Click),
    Parameter::required("name", Shape::Text),
    Parameter::optional("orderValue", Shape::Decimal),
    Parameter::optional("currency", Shape::Currency),
    Parameter::optional("orderId", Shape::Text),
    Parameter::optional("timestamp", Shape::Time),
];

/// Outbrain, which knows nobody's names of conversions and so takes them all.
#[derive(Debug)]
pub struct Outbrain;

impl Player for Outbrain {
    fn platform(&self) -> &'static str {
        NAME
    }

    fn matches(&self, request: &Arrived) -> bool {
        request.path == PATH
    }

    fn answer(&self, request: &Arrived, now: UnixMs) -> Answer {
        if request.method != "GET" || !request.body.is_empty() {
            return refused(405, "method: must be GET without a body");
        }
        let found = match read(request, &PARAMETERS, now) {
            Ok(found) => found,
            Err(reason) => return refused(400, reason),
        };
        if found.contains_key("orderValue") != found.contains_key("currency") {
            return refused(400, "orderValue and currency: one without the other");
        }
        let [click, name] = ["ob_click_id", "name"].map(|key| found[key].clone());
        // No event id is on the wire; the order, or else the click, is how a test tells events apart.
        let id = found.get("orderId").unwrap_or(&click).clone();
        let key = format!("{click}\0{name}\0{id}");
        Answer::Took { reply: Reply::empty(200), events: vec![Taken { key, name, id }] }
    }

    fn complain(&self, complaint: Complaint, _request: &Arrived) -> Reply {
        complain(complaint)
    }

    fn dedup_window_ms(&self) -> i64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMs = UnixMs(1_795_435_200_000);

    fn get(query: &str) -> Arrived {
        Arrived {
            method: "GET".to_owned(),
            path: PATH.to_owned(),
            query: Some(query.to_owned()),
            ..Arrived::default()
        }
    }

    #[test]
    fn a_conversion_is_taken_by_its_click() {
        let check = |query: &str, name: &str, id: &str| match Outbrain.answer(&get(query), NOW) {
            Answer::Took { reply, events } => {
                assert_eq!((reply.status, events[0].name.as_str(), events[0].id.as_str()), (200, name, id));
            }
            Answer::Refused { reason, .. } => panic!("{query}: {reason}"),
        };
        let full = "ob_click_id=v2-7f3c0a91be&name=Purchase&orderValue=49.90&currency=EUR&orderId=A-10042\
                    &timestamp=2026-11-22%2014%3A05%3A09";
        check(full, "Purchase", "A-10042");
        check("ob_click_id=v2-7f3c0a91be&name=Sign%20Up", "Sign Up", "v2-7f3c0a91be");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let check = |request: Arrived, expected: (u16, &str)| match Outbrain.answer(&request, NOW) {
            Answer::Refused { reply, reason } => assert_eq!((reply.status, reason.as_str()), expected),
            Answer::Took { .. } => panic!("taken instead of {expected:?}"),
        };
        let good = "ob_click_id=v2-7f&name=Purchase";
        let and = |more: &str| get(&format!("{good}&{more}"));
        check(
            Arrived { method: "POST".to_owned(), ..get(good) },
            (405, "method: must be GET without a body"),
        );
        check(Arrived { body: "x".into(), ..get(good) }, (405, "method: must be GET without a body"));
        check(get("name=Purchase"), (400, "ob_click_id: missing"));
        check(get("ob_click_id=v2-7f"), (400, "name: missing"));
        check(get("ob_click_id=%7B%7Bob_click_id%7D%7D&name=x"), (400, "ob_click_id: not a Click"));
        check(and("orderValue=49.9"), (400, "orderValue and currency: one without the other"));
        check(and("currency=EUR"), (400, "orderValue and currency: one without the other"));
        check(and("orderValue=-1&currency=EUR"), (400, "orderValue: not a Decimal"));
        check(and("orderid=1"), (400, "orderid: no such parameter"));
        check(and("timestamp=2026-11-22T14%3A05%3A09Z"), (400, "timestamp: not a Time"));
        check(and("email=x"), (400, "email: no such parameter"));
    }
}
