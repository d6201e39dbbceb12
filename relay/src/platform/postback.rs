//! Postbacks: what networks share that know a conversion by its click and nothing else.
//!
//! Such a network takes no user data. The advertiser creates conversions in the account and the wire carries their
//! names, so the operator says which event is which (`conversions`), and what has no name is not sent: the networks
//! answer 2xx to names they do not know and count nothing. Owns that map, the choice of the click, the amount, and
//! what the answers mean; leaves addresses and the names of parameters to the platform.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::money::Currency;
use shared::{Event, UnixMs, click_id};
use url::Url;

use super::answer::{arrived, by_status, each};
use super::goods;
use super::number::Number;
use super::{Body, Built, Outcome, Outgoing, Planned, Request, Response, SettingError, Skip, SkipReason};

/// What sets one such network apart from the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Network {
    /// The network, as people call it.
    pub(super) name: &'static str,
    /// Parameters its click id comes in, the preferred first, by the registry of click ids.
    pub(super) clicks: &'static [&'static str],
    /// Whether it can count an amount in this currency.
    pub(super) takes: fn(Currency) -> bool,
    /// Shortest wait before a request that was not answered is repeated, at this time.
    pub(super) after_silence: fn(UnixMs) -> Duration,
}

/// Wait before a request is repeated that may have been counted, where a repeat would count again. Within the twenty minutes
/// for which such requests are repeated this makes five calls.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);

/// A conversion as the network will know it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Conversion<'a> {
    /// The parameter the click id came in.
    pub(super) param: &'static str,
    /// The click id, byte for byte.
    pub(super) click_id: &'a str,
    /// The conversion's name in the account.
    pub(super) name: &'a str,
    /// What it was worth.
    pub(super) worth: Option<Worth>,
    /// The shop's order number.
    pub(super) order_id: Option<&'a str>,
    /// How many pieces were bought.
    pub(super) quantity: Option<Number>,
}

/// An amount with the currency that belongs to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Worth {
    pub(super) amount: Number,
    pub(super) currency: Currency,
}

/// Our events and their names in the account.
#[derive(Debug)]
pub(super) struct Conversions(BTreeMap<String, String>);

impl Conversions {
    /// Reads `conversions`, and checks the names in `events` along with it.
    pub(super) fn read(
        network: &Network,
        conversions: BTreeMap<String, String>,
        events: &BTreeMap<String, String>,
    ) -> Result<Self, SettingError> {
        if conversions.is_empty() {
            let expected = "expected at least one event with its conversion, such as { Purchase = \"Sale\" }";
            return Err(SettingError::invalid("conversions", expected));
        }
        check_names(network, "conversions", &conversions)?;
        check_names(network, "events", events)?;
        Ok(Self(conversions))
    }

    /// The conversion an event is, or why it is none that can be sent.
    pub(super) fn of<'a>(
        &'a self,
        network: &Network,
        outgoing: &Outgoing<'a>,
    ) -> Result<Conversion<'a>, Skip> {
        let event = outgoing.event;
        let name = self.name(network, outgoing)?;
        let (param, click_id) = click(network, event)?;
        if event.properties.value.is_some_and(|value| value < 0.0) {
            let detail = format!("a negative value is a refund, which {} does not have", network.name);
            return Err(Skip::new(SkipReason::RefundNotSupported, detail));
        }
        let order_id = event.properties.order_id.as_deref().filter(|id| !id.trim().is_empty());
        let worth = worth(network, event);
        // The items say it, or a property of the name the networks themselves use.
        let properties = &event.properties;
        let quantity = goods::pieces(properties).or_else(|| goods::count(properties, "quantity"));
        Ok(Conversion { param, click_id, name, worth, order_id, quantity })
    }

    fn name<'a>(&'a self, network: &Network, outgoing: &Outgoing<'a>) -> Result<&'a str, Skip> {
        let ours = outgoing.event.event.as_str();
        if ours == REFUND {
            let detail = format!("{} has no refunds: it would count one more conversion", network.name);
            return Err(Skip::new(SkipReason::RefundNotSupported, detail));
        }
        outgoing.renamed.or_else(|| self.0.get(ours).map(String::as_str)).ok_or_else(|| {
            let detail =
                format!("{ours} is not in `conversions`: name the conversion it is at {}", network.name);
            Skip::new(SkipReason::NotMapped, detail)
        })
    }
}

const REFUND: &str = "Refund";

/// Refuses names that cannot be those of a conversion. They are matched letter by letter, and one that does not match
/// counts nowhere, without a word from the network.
fn check_names(
    network: &Network,
    key: &'static str,
    names: &BTreeMap<String, String>,
) -> Result<(), SettingError> {
    for (ours, theirs) in names {
        if ours == REFUND {
            let expected = format!(
                "expected no Refund: {} has no refunds and would count one more conversion",
                network.name
            );
            return Err(SettingError::invalid(key, expected));
        }
        if theirs.is_empty() || theirs.trim() != theirs || theirs.chars().any(char::is_control) {
            let expected = format!(
                "expected for {ours} the conversion's name as {} shows it, without blanks around it",
                network.name
            );
            return Err(SettingError::invalid(key, expected));
        }
    }
    Ok(())
}

/// The click behind an event: the preferred parameter, unless another was certainly seen later, because then it
/// belongs to a later click.
fn click<'a>(network: &Network, event: &'a Event) -> Result<(&'static str, &'a str), Skip> {
    let mut chosen = None;
    for param in network.clicks {
        let Some(click) = event.click_ids.get(*param).filter(|click| valid(param, &click.value)) else {
            continue;
        };
        let later = match chosen {
            None => true,
            Some((_, _, Some(before))) => click.seen_at.is_some_and(|seen_at| seen_at > before),
            Some((_, _, None)) => false,
        };
        if later {
            chosen = Some((*param, click.value.as_str(), click.seen_at));
        }
    }
    chosen.map(|(param, value, _)| (param, value)).ok_or_else(|| {
        let detail = format!(
            "the visitor did not come by a click at {}, which knows people by nothing else",
            network.name
        );
        Skip::new(SkipReason::NoClickId, detail)
    })
}

/// Whether a value can be this click id; a macro that nobody filled in is none.
fn valid(param: &str, value: &str) -> bool {
    click_id::find(param).is_some_and(|spec| click_id::valid(spec, value))
}

/// The amount, where it has a currency the network counts in. Without one the conversion is sent without an amount:
/// the network would take it for one of the account's own currency.
fn worth(network: &Network, event: &Event) -> Option<Worth> {
    let amount = goods::worth(event)?;
    let currency = event.properties.currency.filter(|currency| (network.takes)(*currency))?;
    Some(Worth { amount, currency })
}

/// Requests for events that travel alone. `plan` leaves the place of its event to be filled in here.
pub(super) fn each_alone(
    events: &[Outgoing<'_>],
    plan: impl Fn(&Outgoing<'_>) -> Result<Planned, Skip>,
) -> Built {
    let mut built = Built::default();
    for (place, outgoing) in events.iter().enumerate() {
        match plan(outgoing) {
            Ok(planned) => built.requests.push(Planned { events: vec![place], ..planned }),
            Err(skip) => built.skips.push((place, skip)),
        }
    }
    built
}

/// `GET` of an address that says everything; nothing else goes along.
pub(super) fn get(url: Url) -> Result<Request, Skip> {
    if url.as_str().len() > LONGEST_ADDRESS {
        let detail = format!("its address would be longer than {LONGEST_ADDRESS} bytes");
        return Err(Skip::new(SkipReason::TooLarge, detail));
    }
    Ok(Request { method: "GET", url, headers: Vec::new(), body: Body::Empty, public_only: false })
}

/// Longest address that every recipient should take (RFC 9110, section 4.1).
const LONGEST_ADDRESS: usize = 8_000;

/// What became of the events of one request. Any 2xx is a receipt, whatever its body says; the other statuses mean
/// what they mean everywhere, but that a failing server is given time, because nothing tells a repeat from another
/// conversion. Bodies are not read: none is documented, and they may repeat what we sent.
pub(super) fn read(network: &Network, response: &Response, events: usize, now: UnixMs) -> Vec<Outcome> {
    let outcome = match (arrived(response), response) {
        (Ok(answer), _) if (200..300).contains(&answer.status) => Outcome::Delivered,
        (Ok(answer), _) => {
            let reason = format!("{} answered with status {}", network.name, answer.status);
            match by_status(answer, events, reason) {
                Outcome::Retry { after, at_least: _, reason } if !is_turned_away(answer.status) => {
                    Outcome::Retry { after, at_least: PATIENCE, reason }
                }
                outcome => outcome,
            }
        }
        (Err(Outcome::Retry { after, reason, .. }), Response::NoAnswer(_)) => {
            Outcome::Retry { after, at_least: (network.after_silence)(now), reason }
        }
        (Err(outcome), _) => outcome,
    };
    each(events, &outcome)
}

/// Whether a status says that the request was not looked at, so that a repeat is the first to count: it came in too slowly or
/// too early, there are too many, or there is nobody to take it (RFC 9110, sections 15.5.9 and 15.6.4; RFC 8470, section
/// 5.2; RFC 6585, section 4). Behind any other failure the conversion may have been counted.
fn is_turned_away(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 503)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: Network = Network {
        name: "Example",
        clicks: &["ob_click_id", "dicbo"],
        takes: |currency| currency.as_str() != "XAU",
        after_silence: |now| Duration::from_secs(if now.0 < 1_000 { 7 } else { 300 }),
    };

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(ours, theirs)| ((*ours).to_owned(), (*theirs).to_owned())).collect()
    }

    fn event(name: &str, more: &str) -> Event {
        let json = format!(r#"{{"event":"{name}","event_id":"1","time":0,"source":"web"{more}}}"#);
        serde_json::from_str(&json).expect("an event")
    }

    /// What becomes of an event with this click, when Purchase is a sale and Lead is nothing.
    fn check<T: PartialEq + std::fmt::Debug>(
        (name, more, renamed): (&str, &str, Option<&str>),
        look: impl Fn(Conversion<'_>) -> T,
        expected: Result<T, SkipReason>,
    ) {
        let conversions =
            Conversions::read(&NETWORK, map(&[("Purchase", "A Sale"), ("my_event", "Mine")]), &map(&[]));
        let conversions = conversions.expect("valid");
        let event = event(name, more);
        let outgoing = Outgoing { event: &event, site: "s", renamed, order_renamed: None };
        let found = conversions.of(&NETWORK, &outgoing).map(look).map_err(|skip| skip.reason);
        assert_eq!(found, expected, "{name} {more} {renamed:?}");
    }

    const CLICK: &str = r#","click_ids":{"dicbo":"v2-Ab"}"#;

    #[test]
    fn an_event_has_the_name_the_operator_gave_it() {
        let check = |name, renamed, expected: Result<&str, SkipReason>| {
            check((name, CLICK, renamed), |c| c.name.to_owned(), expected.map(str::to_owned));
        };
        check("Purchase", None, Ok("A Sale"));
        check("Purchase", Some("Other"), Ok("Other"));
        check("my_event", None, Ok("Mine"));
        check("Lead", None, Err(SkipReason::NotMapped));
        check("Lead", Some("Signup"), Ok("Signup"));
        check("purchase", None, Err(SkipReason::NotMapped));
        check("Refund", None, Err(SkipReason::RefundNotSupported));
        check("Refund", Some("Refund"), Err(SkipReason::RefundNotSupported));
    }

    #[test]
    fn the_click_is_the_preferred_one_unless_another_is_later() {
        let check = |clicks: &str, expected: Result<(&'static str, &str), SkipReason>| {
            let more = format!(r#","click_ids":{{{clicks}}}"#);
            check(
                ("Purchase", &more, None),
                |c| (c.param, c.click_id.to_owned()),
                expected.map(|(param, id)| (param, id.to_owned())),
            );
        };
        let dated = |param, value, at| format!(r#""{param}":{{"value":"{value}","seen_at":{at}}}"#);
        check(r#""ob_click_id":"A","dicbo":"B""#, Ok(("ob_click_id", "A")));
        check(r#""dicbo":"B""#, Ok(("dicbo", "B")));
        check(&[dated("ob_click_id", "A", 5), dated("dicbo", "B", 5)].join(","), Ok(("ob_click_id", "A")));
        check(&[dated("ob_click_id", "A", 5), dated("dicbo", "B", 6)].join(","), Ok(("dicbo", "B")));
        check(&format!(r#""ob_click_id":"A",{}"#, dated("dicbo", "B", 6)), Ok(("ob_click_id", "A")));
        check(&format!(r#"{},"dicbo":"B""#, dated("ob_click_id", "A", 6)), Ok(("ob_click_id", "A")));
        check(r#""ob_click_id":"{{ob_click_id}}","dicbo":"B""#, Ok(("dicbo", "B")));
        check(r#""ob_click_id":"{{ob_click_id}}""#, Err(SkipReason::NoClickId));
        check(r#""fbclid":"A""#, Err(SkipReason::NoClickId));
        check("", Err(SkipReason::NoClickId));
        let longest = "x".repeat(512);
        check(&format!(r#""dicbo":"{longest}""#), Ok(("dicbo", &longest)));
        check(&format!(r#""dicbo":"{longest}x""#), Err(SkipReason::NoClickId));
    }

    #[test]
    fn an_amount_goes_with_its_currency_or_not_at_all() {
        let check = |properties: &str, expected: Result<Option<(f64, &str)>, SkipReason>| {
            let more = format!(r#"{CLICK},"properties":{properties}"#);
            let expected = expected.map(|worth| {
                let currency = |text| Currency::parse(text).expect("a currency");
                worth.map(|(amount, text)| (Number::new(amount).expect("finite"), currency(text)))
            });
            check(
                ("Purchase", &more, None),
                |c| c.worth.map(|worth| (worth.amount, worth.currency)),
                expected,
            );
        };
        check(r#"{"value":59.9,"currency":"EUR"}"#, Ok(Some((59.9, "EUR"))));
        check(r#"{"value":0,"currency":"eur"}"#, Ok(Some((0.0, "EUR"))));
        check(r#"{"value":59.9}"#, Ok(None));
        check(r#"{"currency":"EUR"}"#, Ok(None));
        check(r#"{"value":59.9,"currency":"XAU"}"#, Ok(None));
        check(r#"{"value":-59.9,"currency":"EUR"}"#, Err(SkipReason::RefundNotSupported));
        check("{}", Ok(None));
    }

    #[test]
    fn pieces_and_order_are_those_of_the_shop() {
        let check = |properties: &str, (quantity, order_id): (Option<u32>, Option<&str>)| {
            let more = format!(r#"{CLICK},"properties":{properties}"#);
            let expected = (quantity.map(f64::from).and_then(Number::new), order_id.map(str::to_owned));
            check(("Purchase", &more, None), |c| (c.quantity, c.order_id.map(str::to_owned)), Ok(expected));
        };
        check(r#"{"order_id":"A-1/Ü","items":[{"quantity":2},{"quantity":1}]}"#, (Some(3), Some("A-1/Ü")));
        check(r#"{"order_id":" ","items":[{"quantity":2},{"id":"x"}]}"#, (None, None));
        check(r#"{"items":[{"quantity":0.5}]}"#, (None, None));
        check(r#"{"items":[{"quantity":0}]}"#, (None, None));
        check(r#"{"items":[{"quantity":5e9}]}"#, (None, None));
        check(r#"{"quantity":2}"#, (Some(2), None));
        check(r#"{"quantity":2,"num_items":3,"items":[{"quantity":4}]}"#, (Some(4), None));
        check(r#"{"quantity":1.5}"#, (None, None));
        check("{}", (None, None));
    }

    #[test]
    fn names_are_checked_before_anything_is_sent() {
        let check = |conversions: &[(&str, &str)], events: &[(&str, &str)], words: Option<&str>| {
            let error = Conversions::read(&NETWORK, map(conversions), &map(events)).err();
            let error = error.map(|error| error.to_string());
            match (&error, words) {
                (None, None) => {}
                (Some(error), Some(words)) if error.contains(words) => {}
                _ => panic!("{conversions:?} {events:?}: {error:?}"),
            }
        };
        let sale = [("Purchase", "A Sale")];
        check(&sale, &[], None);
        check(&sale, &[("Lead", "Größe & Co")], None);
        check(&[], &[], Some("`conversions`: expected at least one event"));
        check(&[("Purchase", "")], &[], Some("`conversions`: expected for Purchase the conversion's name"));
        check(&[("Purchase", "Sale ")], &[], Some("`conversions`: expected for Purchase"));
        check(&[("Purchase", "Sa\nle")], &[], Some("`conversions`"));
        check(&[("Refund", "Refund")], &[], Some("`conversions`: expected no Refund"));
        check(&sale, &[("Refund", "Refund")], Some("`events`: expected no Refund"));
        check(&sale, &[("Lead", " x")], Some("`events`: expected for Lead"));
    }

    #[test]
    fn an_address_has_a_bound() {
        let get = |bytes: usize| {
            let url = format!("https://ads.example/{}", "x".repeat(bytes - "https://ads.example/".len()));
            get(Url::parse(&url).expect("an address"))
                .map(|request| request.method)
                .map_err(|skip| skip.reason)
        };
        assert_eq!(get(8_000), Ok("GET"));
        assert_eq!(get(8_001), Err(SkipReason::TooLarge));
    }

    #[test]
    fn answers_are_read_by_their_status() {
        let check = |status, events, expected| {
            let body = br#"{"error":"no such conversion"}"#.to_vec();
            let response = Response::Answer { status, retry_after: None, headers: Vec::new(), body };
            let outcomes = read(&NETWORK, &response, events, UnixMs(0));
            assert_eq!(outcomes.len(), events);
            assert_eq!(outcomes[0].tag(), expected, "{status}");
        };
        for status in [200, 202, 204, 206] {
            check(status, 1, "delivered");
        }
        for status in [301, 302, 303, 307, 308, 401, 403, 404, 410] {
            check(status, 1, "unauthorized");
        }
        for status in [400, 409, 413, 422] {
            check(status, 1, "rejected");
            check(status, 2, "split");
        }
        for status in [408, 429, 500, 502, 503, 504] {
            check(status, 1, "retry");
        }
    }

    #[test]
    fn what_may_have_been_counted_waits_and_what_was_turned_away_does_not() {
        let wait = |response: Response, now| match &read(&NETWORK, &response, 1, UnixMs(now))[0] {
            Outcome::Retry { at_least, .. } => at_least.as_secs(),
            other => panic!("{other:?}"),
        };
        let answered = |status| {
            let response =
                Response::Answer { status, retry_after: None, headers: Vec::new(), body: Vec::new() };
            wait(response, 0)
        };
        for status in [500, 501, 502, 504, 520, 599] {
            assert_eq!(answered(status), 300, "{status}");
        }
        for (status, seconds) in [(408, 1), (425, 1), (429, 60), (503, 1)] {
            assert_eq!(answered(status), seconds, "{status}");
        }
        assert_eq!(wait(Response::NoAnswer("timed out".into()), 0), 7);
        assert_eq!(wait(Response::NoAnswer("timed out".into()), 1_000), 300);
        assert_eq!(wait(Response::NotSent("refused".into()), 0), 1);
    }
}
