//! Attribute: stitches an event to the click it came from.
//!
//! Order of evidence: our click token → visitor id → order id → tokens of other systems → hashed e-mail or phone → external id. The event
//! then gets what the visitor's memory knows and it lacks: click ids inside the look-back window, ad cookies, the
//! campaign, and for events without a browser the visitor's client. What the event itself brings is remembered.
//!
//! Safe merging: an identity key under which more than [`MOST_VISITORS`] visitors were seen (a shop's own address,
//! a shared telephone) leads nowhere, and nothing is ever merged: each event borrows, no two visitors become one.
//! Runs inside the store's transaction; leaves deciding who is credited in reports to a later room.

use shared::identity::{Field, Form};
use shared::visitor::Visitor;
use shared::{Consent, Event, Purpose, UnixMs, UserData, time};

use crate::collect::read::click_token;
use crate::store::{Draft, Person, StoreError, Transaction};

/// How long a click may be credited, in milliseconds. Platforms apply their own, shorter windows on arrival.
pub const LOOK_BACK_MS: i64 = 90 * time::DAY_MS;

/// An identity seen with more visitors than this is a shared one and proves nothing.
pub const MOST_VISITORS: u32 = 5;

/// Remembers what the event brings and lends it what it lacks.
pub fn stitch(
    tx: &mut dyn Transaction,
    site: &str,
    now: UnixMs,
    event: &mut Draft,
) -> Result<(), StoreError> {
    let keys = identity_keys(event);
    let own = event.visitor_id.clone();
    let known = own.as_deref().map(|id| tx.visitor(site, id)).transpose()?.flatten();
    // What the visitor said last holds for an event that says nothing, such as one a shop's server reports.
    if let Some(known) = known.as_ref().filter(|known| event.consent.is_empty() && !known.consent.is_empty())
    {
        event.consent = known.consent;
    }
    // Without consent there is no memory, neither to fill nor to borrow from: only the denial is remembered.
    if is_denied(&event.consent) {
        return forget(tx, site, own.as_deref(), known, event);
    }
    let own_memory = own.as_deref().map(|id| remember(tx, site, id, known, event, !keys.is_empty()));
    let memory = own_memory.transpose()?;
    let changed = memory.as_ref().is_some_and(|(_, changed)| *changed);
    let (tokens, others): (Vec<&String>, Vec<&String>) = keys.iter().partition(|key| key.starts_with(TOKEN));
    for key in tokens {
        borrow(tx, site, event, key)?;
    }
    if let Some((memory, _)) = &memory {
        lend(memory, event);
    }
    for key in others {
        if is_denied(&event.consent) || has_ad_click(event) && event.visitor_id.is_some() {
            break;
        }
        borrow(tx, site, event, key)?;
    }
    // A person's keys are tied only to the visitor the event itself names: a borrowed one proves nothing new of them.
    let found = event.visitor_id.as_deref().filter(|_| !is_denied(&event.consent));
    for key in &keys {
        match (&own, found) {
            (Some(id), _) => link(tx, site, key, id, changed, now)?,
            (None, Some(id)) if is_of_one_journey(key) => link(tx, site, key, id, false, now)?,
            (None, Some(_) | None) => {}
        }
    }
    Ok(())
}

/// Folds the event into its visitor's memory and writes it when that changed anything. Answers the memory, and
/// whether it was written.
fn remember(
    tx: &mut dyn Transaction,
    site: &str,
    id: &str,
    known: Option<Visitor>,
    event: &Event,
    identified: bool,
) -> Result<(Visitor, bool), StoreError> {
    let is_new = known.is_none();
    let mut memory = known.unwrap_or_default();
    let answered = !event.consent.is_empty() && event.consent != memory.consent;
    if answered {
        memory.consent = event.consent;
    }
    let changed = memory.absorb(event) || answered || (is_new && identified);
    if changed {
        tx.put_visitor(site, id, &memory)?;
    }
    Ok((memory, changed))
}

/// Empties the memory of a visitor who denied, but for the denial itself.
fn forget(
    tx: &mut dyn Transaction,
    site: &str,
    id: Option<&str>,
    known: Option<Visitor>,
    event: &Event,
) -> Result<(), StoreError> {
    let (Some(id), Some(known)) = (id, known) else { return Ok(()) };
    let empty = Visitor { consent: event.consent, seen_at: known.seen_at, ..Visitor::default() };
    if known == empty { Ok(()) } else { tx.put_visitor(site, id, &empty) }
}

/// Whether the visitor refused what remembering and sending need.
fn is_denied(consent: &Consent) -> bool {
    !consent.allows(&[Purpose::AdStorage, Purpose::AdUserData], false)
}

/// Ties a key to the visitor, but never takes a click token away from the visitor it was made for. A tie that stands
/// is only renewed when the visitor's memory is (at least once a day): looking is cheaper than writing.
fn link(
    tx: &mut dyn Transaction,
    site: &str,
    key: &str,
    visitor: &str,
    renew: bool,
    now: UnixMs,
) -> Result<(), StoreError> {
    let stands = match tx.identity(site, key)? {
        None => false,
        Some(identity) => key.starts_with(TOKEN) || (identity.visitor == visitor && !renew),
    };
    if stands { Ok(()) } else { tx.link(site, key, visitor, now) }
}

fn has_ad_click(event: &Event) -> bool {
    event.click_ids.keys().any(|param| param != shared::visitor::CLICK_TOKEN)
}

/// Fills the event from a memory. One that no browser sent, such as a purchase a shop's server reports, is also lent
/// the visitor's client and page: platforms match by them, and the server's own would be wrong.
fn lend(memory: &Visitor, event: &mut Draft) {
    event.change(|event| memory.fill(event, LOOK_BACK_MS));
    let no_client = event.context.ip.is_none() && event.context.user_agent.is_none();
    if no_client && event.time.since(memory.seen_at) <= LOOK_BACK_MS {
        event.change(|event| memory.lend_client(event));
    }
}

/// Fills the event from the visitor a key leads to, unless the key is a shared one.
fn borrow(tx: &mut dyn Transaction, site: &str, event: &mut Draft, key: &str) -> Result<(), StoreError> {
    let Some(identity) = tx.identity(site, key)? else { return Ok(()) };
    if identity.visitors > MOST_VISITORS || event.visitor_id.as_deref() == Some(identity.visitor.as_str()) {
        return Ok(());
    }
    let memory: Option<Visitor> = tx.visitor(site, &identity.visitor)?;
    if let Some(memory) = memory {
        if is_denied(&memory.consent) {
            if event.consent.is_empty() {
                event.consent = memory.consent;
            }
            return Ok(());
        }
        lend(&memory, event);
        if event.visitor_id.is_none() {
            event.visitor_id = Some(identity.visitor);
        }
    }
    Ok(())
}

/// The identity keys of an event, the strongest first.
pub fn identity_keys(event: &Event) -> Vec<String> {
    let mut keys = Vec::new();
    keys.extend(click_token(event).map(|token| [TOKEN, token].concat()));
    keys.extend(event.properties.order_id.as_deref().map(|order| [ORDER, order].concat()));
    keys.extend(event.tokens.iter().map(|(name, token)| [JOURNEY, name, "=", token].concat()));
    for (prefix, field, form) in PERSONAL {
        let digests = event.user.digests(field, form);
        keys.extend(digests.iter().map(|digest| digest.with_hex(|hex| [prefix, hex].concat())));
    }
    keys
}

/// A person as the store knows them, by whatever of their e-mail addresses, telephones and ids is hashed in `user`.
pub fn person(user: &UserData) -> Person {
    let (mut keys, mut digests) = (Vec::new(), Vec::new());
    for (prefix, field, _) in PERSONAL {
        for form in field.forms() {
            for digest in user.digests(field, *form) {
                let hex = digest.to_hex();
                keys.push([prefix, &hex].concat());
                digests.push(hex);
            }
        }
    }
    Person { visitors: Vec::new(), keys, digests, most_visitors: MOST_VISITORS }
}

/// Whether a key belongs to one purchase, not to a person: then it may also be tied to a visitor who was found by
/// other evidence, so that a refund or a renewal goes the way its purchase went.
fn is_of_one_journey(key: &str) -> bool {
    key.starts_with(ORDER) || key.starts_with(JOURNEY)
}

/// What a person is known by: the prefix of its keys, the field, and the form that makes the key.
const PERSONAL: [(&str, Field, Form); 3] = [
    ("em:", Field::Email, Form::Plain),
    ("ph:", Field::Phone, Form::E164),
    ("xid:", Field::ExternalId, Form::Plain),
];
/// Prefix of the key of our click token.
const TOKEN: &str = "tok:";
/// Prefix of the key of an order.
const ORDER: &str = "ord:";
/// Prefix of the key of a token of another system.
const JOURNEY: &str = "ref:";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Incoming;
    use crate::store::memory::MemoryStore;
    use crate::store::{Seq, Store};
    use crate::testing::event;

    /// Stores the events one after another and gives back the last one as the log holds it.
    fn last_of(events: &[&str]) -> Event {
        let store = MemoryStore::new(crate::pipeline::decide);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            for json in events {
                let incoming =
                    Incoming { site: "shop".into(), received: UnixMs(2_000_000), event: event(json).into() };
                store.append(vec![incoming]).await.expect("stored");
            }
            let logged = store.read(0 as Seq, 100).await.expect("readable");
            (*logged.last().expect("an event").event).clone()
        })
    }

    fn fbclid(event: &Event) -> Option<&str> {
        event.click_ids.get("fbclid").map(|id| id.value.as_str())
    }

    const LANDING: &str = r#"{"event":"PageView","event_id":"1","time":1000000,"visitor_id":"v1",
        "page":{"url":"https://shop.example/?fbclid=IwAR_click"}}"#;

    #[test]
    fn a_later_event_gets_the_visitors_click() {
        let purchase = r#"{"event":"Purchase","event_id":"2","time":1500000,"visitor_id":"v1"}"#;
        let stitched = last_of(&[LANDING, purchase]);
        assert_eq!(fbclid(&stitched), Some("IwAR_click"));
        assert_eq!(stitched.click_ids["fbclid"].seen_at, Some(UnixMs(1_000_000)));
    }

    #[test]
    fn an_order_or_an_email_leads_back_to_the_visitor() {
        let identified = r#"{"event":"Lead","event_id":"2","time":1200000,"visitor_id":"v1",
            "user":{"email":"jane@example.com"},"properties":{"order_id":"88"}}"#;
        let by_email = r#"{"event":"DealWon","event_id":"3","time":1500000,"source":"crm","user":{"email":"JANE@example.com "}}"#;
        let by_order = r#"{"event":"Shipped","event_id":"3","time":1500000,"source":"crm","properties":{"order_id":"88"}}"#;
        for server_event in [by_email, by_order] {
            let stitched = last_of(&[LANDING, identified, server_event]);
            assert_eq!(fbclid(&stitched), Some("IwAR_click"), "{server_event}");
            assert_eq!(stitched.visitor_id.as_deref(), Some("v1"));
        }
    }

    #[test]
    fn a_token_of_another_system_leads_back_too() {
        let checkout = r#"{"event":"InitiateCheckout","event_id":"2","time":1200000,"visitor_id":"v1",
            "properties":{"checkout_token":"c7"}}"#;
        let purchase = r#"{"event":"Purchase","event_id":"3","time":1500000,"source":"server",
            "tokens":{"checkout_token":"c7","stripe_customer":"cus_1"},"properties":{"order_id":"88"}}"#;
        let stitched = last_of(&[LANDING, checkout, purchase]);
        assert_eq!((fbclid(&stitched), stitched.visitor_id.as_deref()), (Some("IwAR_click"), Some("v1")));
        // What the purchase was known by leads there as well from now on.
        for known_by in [r#""tokens":{"stripe_customer":"cus_1"}"#, r#""properties":{"order_id":"88"}"#] {
            let refund =
                format!(r#"{{"event":"Refund","event_id":"4","time":1600000,"source":"server",{known_by}}}"#);
            assert_eq!(
                fbclid(&last_of(&[LANDING, checkout, purchase, &refund])),
                Some("IwAR_click"),
                "{known_by}"
            );
        }
    }

    #[test]
    fn a_person_found_by_an_order_is_not_tied_to_its_visitor() {
        let checkout = r#"{"event":"Lead","event_id":"2","time":1200000,"visitor_id":"v1","properties":{"order_id":"88"}}"#;
        let gift = r#"{"event":"Shipped","event_id":"3","time":1500000,"source":"server",
            "user":{"email":"jane@example.com"},"properties":{"order_id":"88"}}"#;
        let later = r#"{"event":"DealWon","event_id":"4","time":1600000,"source":"crm","user":{"email":"jane@example.com"}}"#;
        assert_eq!(fbclid(&last_of(&[LANDING, checkout, gift])), Some("IwAR_click"));
        assert_eq!(last_of(&[LANDING, checkout, gift, later]).visitor_id, None);
    }

    #[test]
    fn a_denial_holds_for_what_the_server_reports_later() {
        let identified = r#"{"event":"Lead","event_id":"2","time":1200000,"visitor_id":"v1","user":{"email":"jane@example.com"}}"#;
        let denial = r#"{"event":"PageView","event_id":"3","time":1300000,"visitor_id":"v1",
            "consent":{"ad_storage":"denied","ad_user_data":"denied"}}"#;
        for from_server in [
            r#"{"event":"Purchase","event_id":"4","time":1500000,"visitor_id":"v1"}"#,
            r#"{"event":"Purchase","event_id":"4","time":1500000,"user":{"email":"jane@example.com"}}"#,
        ] {
            let stitched = last_of(&[LANDING, identified, denial, from_server]);
            assert_eq!(fbclid(&stitched), None, "{from_server}");
            assert!(is_denied(&stitched.consent) && stitched.user.is_empty(), "{from_server}");
        }
        let granted = denial.replace("denied", "granted").replace("\"3\"", "\"5\"");
        let purchase = r#"{"event":"Purchase","event_id":"6","time":1500000,"visitor_id":"v1"}"#;
        assert!(
            !is_denied(&last_of(&[LANDING, denial, &granted, purchase]).consent),
            "a later consent holds as well"
        );
    }

    #[test]
    fn a_purchase_from_the_server_gets_the_visitors_client() {
        let landing = LANDING.replace(
            "\"visitor_id\"",
            "\"context\":{\"ip\":\"203.0.113.9\",\"user_agent\":\"M\"},\"visitor_id\"",
        );
        for source in ["web", "server"] {
            let purchase = format!(
                r#"{{"event":"Purchase","event_id":"2","time":1500000,"visitor_id":"v1","source":"{source}"}}"#
            );
            let stitched = last_of(&[&landing, &purchase]);
            assert_eq!(stitched.context.ip.as_deref(), Some("203.0.113.9"), "{source}");
            assert!(stitched.page.url.is_some(), "{source}");
        }
    }

    #[test]
    fn an_address_many_share_leads_nowhere() {
        let mut events = vec![LANDING.to_owned()];
        for visitor in 1..=MOST_VISITORS + 1 {
            events.push(format!(
                r#"{{"event":"Lead","event_id":"l{visitor}","time":1200000,"visitor_id":"v{visitor}","user":{{"email":"info@shop.example"}}}}"#
            ));
        }
        events.push(
            r#"{"event":"DealWon","event_id":"w","time":1500000,"user":{"email":"info@shop.example"}}"#
                .to_owned(),
        );
        let events: Vec<&str> = events.iter().map(String::as_str).collect();
        assert_eq!(last_of(&events).visitor_id, None);
    }

    #[test]
    fn without_consent_nothing_is_remembered_or_lent() {
        let denied =
            LANDING.replace("\"visitor_id\"", "\"consent\":{\"ad_storage\":\"denied\"},\"visitor_id\"");
        let purchase = r#"{"event":"Purchase","event_id":"2","time":1500000,"visitor_id":"v1"}"#;
        assert_eq!(fbclid(&last_of(&[&denied, purchase])), None);
        let denied_purchase = r#"{"event":"Purchase","event_id":"2","time":1500000,"visitor_id":"v1","consent":{"ad_storage":"denied"}}"#;
        assert_eq!(fbclid(&last_of(&[LANDING, denied_purchase])), None);
    }
}
