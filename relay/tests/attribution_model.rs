//! Attribution against a plain model over random histories: visitors, clicks, tokens, orders, e-mail addresses that many
//! share, changes of mind and erasures. The model keeps lists of what happened and reads the rules of docs/attribution.md
//! off them; it knows neither the visitor's memory nor the store.
#![expect(clippy::unwrap_used, reason = "in a test an unexpected answer ends it, helpers included")]

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use proptest::prelude::*;
use relay::attribute::MOST_VISITORS;
use relay::pipeline::decide;
use relay::store::memory::MemoryStore;
use relay::store::{Incoming, Person, Store};
use serde_json::{Value, json};
use shared::{Event, UnixMs};

const DAY: i64 = 86_400_000;
/// Parameters and how many days each may be lent.
const PARAMS: [(&str, i64); 3] = [("atclid", 90), ("fbclid", 90), ("ttclid", 30)];

/// Something that happens.
#[derive(Clone, Debug)]
enum Step {
    Event(Happening),
    Erase(u8),
    Wait(i64),
}

/// One event: by whom it says it is, and what it brings.
#[derive(Clone, Debug)]
struct Happening {
    visitor: Option<u8>,
    token: Option<u8>,
    order: Option<u8>,
    checkout: Option<u8>,
    email: Option<u8>,
    fbclid: bool,
    ttclid: bool,
    /// A click of Meta's that some system has kept, unless there is one of its own.
    kept: bool,
    consent: Option<bool>,
}

fn step() -> impl Strategy<Value = Step> {
    let some = |of: u8| prop_oneof![2 => Just(None), 1 => (0..of).prop_map(Some)];
    let visitor = prop_oneof![1 => Just(None), 2 => (0..8u8).prop_map(Some)];
    let consent = prop_oneof![12 => Just(None), 1 => Just(Some(false)), 1 => Just(Some(true))];
    let parts = (visitor, some(3), some(3), some(2), some(2));
    let seldom = || prop::bool::weighted(0.25);
    let event = (parts, seldom(), seldom(), seldom(), consent).prop_map(
        |((visitor, token, order, checkout, email), fbclid, ttclid, kept, consent)| {
            Step::Event(Happening { visitor, token, order, checkout, email, fbclid, ttclid, kept, consent })
        },
    );
    prop_oneof![12 => event, 1 => (0..8u8).prop_map(Step::Erase), 2 => (0..60i64).prop_map(Step::Wait)]
}

impl Happening {
    /// The event's keys, the strongest first.
    fn keys(&self) -> Vec<(&'static str, u8)> {
        let keys = [
            ("click_token", self.token),
            ("order", self.order),
            ("journey", self.checkout),
            ("email", self.email),
        ];
        keys.into_iter().filter_map(|(kind, key)| Some((kind, key?))).collect()
    }

    /// The event's own click ids; those of ads are different every time.
    fn clicks(&self, number: usize) -> BTreeMap<&'static str, String> {
        let token = self.token.map(|token| ("atclid", format!("tok-{token}")));
        let fbclid = self.fbclid.then(|| ("fbclid", format!("IwAR_{number}")));
        let ttclid = self.ttclid.then(|| ("ttclid", format!("E.C.P.{number}")));
        [token, fbclid, ttclid].into_iter().flatten().collect()
    }

    /// The click that some system has kept.
    fn kept(&self, number: usize) -> Option<String> {
        (self.kept && !self.fbclid).then(|| format!("IwAR_kept_{number}"))
    }

    fn event(&self, number: usize, now: i64) -> Event {
        let mut event = json!({ "event": format!("Stage{number}"), "event_id": number.to_string(), "time": now,
            "source": "crm", "click_ids": self.clicks(number) });
        if let Some(kept) = self.kept(number) {
            event["click_ids"]["fbclid"] = json!({ "value": kept, "seen_at": 0 });
        }
        if let Some(visitor) = self.visitor {
            event["visitor_id"] = json!(format!("v{visitor}"));
        }
        if let Some(order) = self.order {
            event["properties"] = json!({ "order_id": order.to_string() });
        }
        if let Some(checkout) = self.checkout {
            event["tokens"] = json!({ "checkout_token": format!("c{checkout}") });
        }
        if let Some(email) = self.email {
            event["user"] = json!({ "email": [{ "plain": format!("{email:064x}") }] });
        }
        if let Some(granted) = self.consent {
            let signal = if granted { "granted" } else { "denied" };
            event["consent"] = json!({ "ad_storage": signal, "ad_user_data": signal });
        }
        serde_json::from_value(event).unwrap()
    }
}

/// A click somebody came by.
#[derive(Clone, Debug)]
struct Came {
    visitor: u8,
    param: &'static str,
    value: String,
    at: i64,
}

/// What happened so far.
#[derive(Default)]
struct Model {
    /// Visitors heard of.
    known: BTreeSet<u8>,
    /// Every click, oldest first.
    came: Vec<Came>,
    /// Of Meta's clicks that were kept the one that each visitor's memory has, and since when.
    kept: BTreeMap<u8, (String, i64)>,
    /// What each visitor said last.
    said: BTreeMap<u8, bool>,
    /// Whom each key was seen with, in order.
    seen: BTreeMap<(&'static str, u8), Vec<u8>>,
}

/// What an event is found to be.
#[derive(Debug, PartialEq)]
struct Found {
    visitor: Option<u8>,
    clicks: BTreeMap<&'static str, String>,
    lent: BTreeMap<&'static str, &'static str>,
    by: Option<&'static str>,
    denied: bool,
    unmatched: Option<&'static str>,
    /// What a memory it was led to has of what was kept, and what led there.
    kept: Option<(String, &'static str)>,
}

/// Reasons, the nearest to a match last.
const REASONS: [&str; 6] =
    ["nobody", "unknown", "shared_identity", "no_click", "click_later", "click_too_old"];

impl Model {
    fn happen(&mut self, happening: &Happening, number: usize, now: i64) -> Found {
        let own = happening.visitor;
        let mut found = Found {
            visitor: own,
            clicks: happening.clicks(number),
            lent: BTreeMap::new(),
            by: None,
            denied: happening.consent == Some(false),
            unmatched: None,
            kept: None,
        };
        let said = happening.consent.or_else(|| self.said.get(&own?).copied());
        if said == Some(false) {
            if let Some(own) = own {
                self.known.insert(own);
                self.said.insert(own, false);
                self.came.retain(|came| came.visitor != own);
                self.kept.remove(&own);
            }
            return denied();
        }
        if let Some(own) = own {
            self.known.insert(own);
            self.said.extend(said.map(|said| (own, said)));
            for (param, value) in &found.clicks {
                self.come(own, param, value, now);
            }
        }
        let mut reason = 0;
        let mut refused = false;
        let (tokens, others): (Vec<_>, Vec<_>) =
            happening.keys().into_iter().partition(|(kind, _)| *kind == "click_token");
        for key in tokens {
            refused |= self.follow(key, said, now, &mut found, &mut reason);
        }
        if let Some(own) = own {
            self.lend(own, "visitor", now, &mut found, &mut reason);
        }
        for key in others {
            let is_found = found.clicks.keys().any(|param| *param != "atclid") && found.visitor.is_some();
            if refused || is_found {
                break;
            }
            refused |= self.follow(key, said, now, &mut found, &mut reason);
        }
        self.tie(happening, own.or(found.visitor.filter(|_| !refused)));
        if refused {
            return denied();
        }
        if let Some(kept) = happening.kept(number).filter(|_| !found.clicks.contains_key("fbclid")) {
            // Remembered where the visitor's memory has no other.
            let lasts = |own: &u8| self.kept.get(own).is_some_and(|(_, at)| now - at <= 90 * DAY);
            if let Some(own) = own.filter(|own| !self.has_come(*own) && !lasts(own)) {
                self.kept.insert(own, (kept.clone(), now));
            }
            found.clicks.insert("fbclid", kept);
        }
        // What a memory has of such counts last of all.
        if let Some((kept, kind)) = found.kept.take().filter(|_| !found.clicks.contains_key("fbclid")) {
            found.clicks.insert("fbclid", kept);
            found.lent.insert("fbclid", kind);
        }
        let is_clicked = found.clicks.keys().any(|param| *param != "atclid");
        found.unmatched = (!is_clicked).then_some(REASONS[reason]);
        found
    }

    /// A visitor comes by a click; the same again is not a new one.
    fn come(&mut self, visitor: u8, param: &'static str, value: &str, at: i64) {
        let newest = self.came.iter().rfind(|came| came.visitor == visitor && came.param == param);
        if newest.is_none_or(|newest| newest.value != value) {
            self.came.push(Came { visitor, param, value: value.to_owned(), at });
        }
    }

    /// Whether a visitor ever came by a click of Meta's.
    fn has_come(&self, visitor: u8) -> bool {
        self.came.iter().any(|came| came.visitor == visitor && came.param == "fbclid")
    }

    /// Follows a key to the visitor it was last seen with. Answers whether that visitor has refused.
    fn follow(
        &self,
        (kind, key): (&'static str, u8),
        said: Option<bool>,
        now: i64,
        found: &mut Found,
        reason: &mut usize,
    ) -> bool {
        let because = |reason: &mut usize, other: &str| {
            *reason = REASONS.iter().position(|one| *one == other).unwrap().max(*reason);
        };
        let with = self.seen.get(&(kind, key)).map(Vec::as_slice).unwrap_or_default();
        let Some(last) = with.last() else {
            because(reason, "unknown");
            return false;
        };
        let different: BTreeSet<&u8> = with.iter().collect();
        if different.len() > MOST_VISITORS as usize {
            because(reason, "shared_identity");
            return false;
        }
        if found.visitor == Some(*last) {
            return false;
        }
        if !self.known.contains(last) {
            because(reason, "unknown");
            return false;
        }
        if self.said.get(last) == Some(&false) {
            return said.is_none();
        }
        self.lend(*last, kind, now, found, reason);
        if found.visitor.is_none() {
            (found.visitor, found.by) = (Some(*last), Some(kind));
        }
        false
    }

    /// The visitor's newest click of each parameter, if it is young enough and the event has none.
    fn lend(&self, visitor: u8, kind: &'static str, now: i64, found: &mut Found, reason: &mut usize) {
        let newest = |param| self.came.iter().rfind(|came| came.visitor == visitor && came.param == param);
        for (param, days) in PARAMS {
            if let Some(came) = newest(param).filter(|came| now - came.at <= days * DAY)
                && !found.clicks.contains_key(param)
            {
                found.clicks.insert(param, came.value.clone());
                found.lent.insert(param, kind);
            }
        }
        let kept = self.kept.get(&visitor).filter(|(_, at)| now - at <= 90 * DAY);
        found.kept = found.kept.take().or_else(|| kept.map(|(value, _)| (value.clone(), kind)));
        if found.clicks.keys().all(|param| *param == "atclid") {
            let ever =
                newest("fbclid").is_some() || newest("ttclid").is_some() || self.kept.contains_key(&visitor);
            let because = if ever { "click_too_old" } else { "no_click" };
            *reason = REASONS.iter().position(|one| *one == because).unwrap().max(*reason);
        }
    }

    /// Whom the event's keys were seen with.
    fn tie(&mut self, happening: &Happening, visitor: Option<u8>) {
        let Some(visitor) = visitor else { return };
        for (kind, key) in happening.keys() {
            let with = self.seen.entry((kind, key)).or_default();
            let is_persons = kind == "email" || kind == "click_token";
            let stays = kind == "click_token" && !with.is_empty();
            if !stays && (happening.visitor.is_some() || !is_persons) {
                with.push(visitor);
            }
        }
    }

    fn erase(&mut self, visitor: u8) {
        self.known.remove(&visitor);
        self.said.remove(&visitor);
        self.came.retain(|came| came.visitor != visitor);
        self.kept.remove(&visitor);
        self.seen.retain(|_, with| with.last() != Some(&visitor));
        self.seen.values_mut().for_each(|with| with.retain(|other| *other != visitor));
    }
}

/// An event of somebody who refused: nothing is left of it.
fn denied() -> Found {
    Found {
        visitor: None,
        clicks: BTreeMap::new(),
        lent: BTreeMap::new(),
        by: None,
        denied: true,
        unmatched: Some("no_consent"),
        kept: None,
    }
}

/// The same of an event in the log.
fn told(event: &Value) -> Value {
    let record = &event["attribution"];
    let clicks = event["click_ids"].as_object().cloned().unwrap_or_default();
    let clicks: BTreeMap<String, Value> =
        clicks.into_iter().map(|(param, click)| (param, click["value"].clone())).collect();
    let lent = if record["lent"].is_null() { json!({}) } else { record["lent"].clone() };
    json!({ "visitor": event["visitor_id"], "clicks": clicks, "lent": lent, "by": record["by"],
        "denied": event["consent"]["ad_storage"] == "denied", "unmatched": record["unmatched"] })
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_event_is_attributed_as_the_rules_say(steps in prop::collection::vec(step(), 1..50)) {
        let (store, mut model) = (MemoryStore::new(decide), Model::default());
        let mut now = 1_795_183_509_000;
        for (number, step) in steps.iter().enumerate() {
            now += 1000;
            match step {
                Step::Wait(days) => now += days * DAY,
                Step::Erase(visitor) => {
                    model.erase(*visitor);
                    run(store.erase("shop", Person::visitor(format!("v{visitor}")))).unwrap();
                }
                Step::Event(happening) => {
                    let event = happening.event(number, now);
                    let incoming = Incoming { site: "shop".into(), received: UnixMs(now), event: event.into() };
                    run(store.append(vec![incoming])).unwrap();
                    let logged = run(store.read(0, usize::MAX)).unwrap().pop().unwrap();
                    let found = model.happen(happening, number, now);
                    let expected = json!({ "visitor": found.visitor.map(|visitor| format!("v{visitor}")),
                        "clicks": found.clicks, "lent": found.lent, "by": found.by, "denied": found.denied,
                        "unmatched": found.unmatched });
                    let event = serde_json::to_value(&*logged.event).unwrap();
                    prop_assert_eq!(told(&event), expected, "step {}: {:?}", number, happening);
                }
            }
        }
    }
}
