//! Attribute: stitches an event to the click it came from.
//!
//! Order of evidence: our click token → visitor id → order id → tokens of other systems → hashed e-mail or phone → external id. The event
//! then gets what the visitor's memory knows and it lacks: click ids the memory may lend, ad cookies, the
//! campaign, and for events without a browser the visitor's client. What the event itself brings is remembered. How each
//! click id came to the event, or why a conversion has none, is written down with it ([`Attribution`]). What another system
//! has kept of unknown age waits aside meanwhile (`kept`).
//!
//! Safe merging: an identity key under which more than [`MOST_VISITORS`] visitors were seen (a shared telephone), or which
//! the operator has excluded (a shop's own address), leads nowhere, and nothing is ever merged: each event borrows, no
//! two visitors become one. Runs inside the store's transaction; leaves each platform's own look-back window to
//! `distribute`, which leaves out of a request what is too old for its platform.

mod kept;

use std::mem;

use shared::attribution::has_click;
use shared::event::is_conversion;
use shared::identity::{Field, Form};
use shared::touch::{self, Touch};
use shared::visitor::{CLICK_TOKEN, Visitor};
use shared::{
    Attribution, ClickId, Consent, Event, Evidence, Purpose, Signal, Source, UnixMs, Unmatched, UserData,
    time,
};

use crate::collect::read::click_token;
use crate::rules::{Rules, denials, on_top_of, under};
use crate::store::{Draft, Person, StoreError, Transaction};
use kept::{Kept, dated, yield_to_newer};
pub(crate) use kept::{kind, kinds};

/// How long a memory lends what it knows, in milliseconds: the longest window of any platform here.
pub const LOOK_BACK_MS: i64 = 90 * time::DAY_MS;

/// An identity seen with more visitors than this is a shared one and proves nothing.
pub const MOST_VISITORS: u32 = 5;

/// Remembers what the event brings, lends it what it lacks, and writes down what was lent and why. `joined` are the values of those of
/// its clicks that no page brought, where it was made of the reports of several and is a page's.
pub fn stitch(
    tx: &mut dyn Transaction,
    rules: &Rules,
    site: &str,
    now: UnixMs,
    event: &mut Draft,
    joined: &[String],
) -> Result<(), StoreError> {
    let mut stitch = Stitch {
        tx,
        site,
        now,
        record: Attribution::default(),
        touches: Vec::new(),
        reason: Unmatched::Nobody,
        dated: Vec::new(),
        joined,
        kept: Vec::new(),
    };
    stitch.run(rules, event)?;
    let Stitch { mut record, touches, reason, .. } = stitch;
    let denied = is_denied(&event.consent);
    if denied {
        record = Attribution::default();
    }
    // A click that may not be stored is about to be taken away.
    let keeps_clicks = event.consent.ad_storage != Some(Signal::Denied);
    if is_conversion(&event.event) && !(keeps_clicks && has_click(event)) {
        record.unmatched = Some(if denied { Unmatched::NoConsent } else { reason });
    }
    if is_conversion(&event.event) && !denied {
        record.touches = credited(touches, event);
    }
    event.attribute(record);
    Ok(())
}

/// One event on its way to its click.
struct Stitch<'a> {
    tx: &'a mut dyn Transaction,
    site: &'a str,
    now: UnixMs,
    record: Attribution,
    /// What may earn credit.
    touches: Vec<Touch>,
    /// The best reason so far why no click was found.
    reason: Unmatched,
    /// Parameters that the event brings of landings whose times somebody has told.
    dated: Vec<String>,
    /// Clicks that no page brought, of an event that is a page's.
    joined: &'a [String],
    /// What the memories it came by have of what was kept, and what led to each.
    kept: Vec<(Evidence, Kept)>,
}

impl Stitch<'_> {
    /// Finds the event's click, and lets what another system has kept count where nothing better was found.
    fn run(&mut self, rules: &Rules, event: &mut Draft) -> Result<(), StoreError> {
        let mut kept = Kept::default();
        event.change(|event| kept.take(event));
        self.dated = dated(event);
        let own_memory = self.search(rules, event)?;
        if !kept.is_empty() {
            self.record.passed_over = kept.weigh(event);
            event.change(|event| kept.give(event, &mut self.record));
        }
        if is_denied(&event.consent) {
            return Ok(());
        }
        for (evidence, mut remembered) in mem::take(&mut self.kept) {
            event.change(|event| remembered.lend(event, evidence, &mut self.record));
        }
        let (Some(id), Some(mut memory)) = (event.visitor_id.as_deref(), own_memory) else { return Ok(()) };
        if kept.teach(&mut memory, event.time) {
            self.tx.put_visitor(self.site, id, &memory)?;
        }
        Ok(())
    }

    /// Lends the event what is known of its visitor, and remembers what it brings. Answers the memory of the visitor it
    /// names.
    fn search(&mut self, rules: &Rules, event: &mut Draft) -> Result<Option<Visitor>, StoreError> {
        let mut keys = identity_keys(event);
        let named = keys.len();
        keys.retain(|key| !rules.excludes(key));
        if keys.len() < named {
            self.because(Unmatched::SharedIdentity);
        }
        let own = event.visitor_id.clone();
        let known = own.as_deref().map(|id| self.tx.visitor(self.site, id)).transpose()?.flatten();
        // What the visitor said last holds for every purpose the event says nothing of: a shop's server may know one answer
        // of three.
        let answer = Answer::of(known.as_ref(), event);
        if let Some(known) = &known {
            event.consent = said(&known.consent, answer, &event.consent);
        }
        // Without consent there is no memory, neither to fill nor to borrow from: only the denial is remembered.
        if is_denied(&event.consent) {
            return self.forget(own.as_deref(), known, event, answer).map(|()| None);
        }
        let own_memory = own.as_deref().map(|id| self.remember(id, known, event, answer, !keys.is_empty()));
        let memory = own_memory.transpose()?;
        let changed = memory.as_ref().is_some_and(|(_, changed)| *changed);
        let is_token = |key: &&String| key.starts_with(TOKEN);
        for key in keys.iter().filter(is_token) {
            self.borrow(event, key)?;
        }
        if let Some((memory, _)) = &memory {
            self.lend(memory, Evidence::Visitor, event);
        }
        for key in keys.iter().filter(|key| !is_token(key)) {
            if is_denied(&event.consent) || self.has_ad_mark(event) && event.visitor_id.is_some() {
                break;
            }
            self.borrow(event, key)?;
        }
        self.tie(own.as_deref(), event, &keys, changed)?;
        Ok(memory.map(|(memory, _)| memory))
    }

    /// Ties the keys to the visitor. A person's keys are tied only to the visitor the event itself names: a borrowed one
    /// proves nothing new of them.
    fn tie(
        &mut self,
        own: Option<&str>,
        event: &Event,
        keys: &[String],
        changed: bool,
    ) -> Result<(), StoreError> {
        let found = event.visitor_id.as_deref().filter(|_| !is_denied(&event.consent));
        for key in keys {
            match (own, found) {
                (Some(id), _) => self.link(key, id, changed)?,
                (None, Some(id)) if is_of_one_journey(key) => self.link(key, id, false)?,
                (None, Some(_) | None) => {}
            }
        }
        Ok(())
    }

    /// Folds the event into its visitor's memory and writes it when that changed anything. Answers the memory, and
    /// whether it was written.
    fn remember(
        &mut self,
        id: &str,
        known: Option<Visitor>,
        event: &Event,
        answer: Answer,
        identified: bool,
    ) -> Result<(Visitor, bool), StoreError> {
        let is_new = known.is_none();
        let mut memory = known.unwrap_or_default();
        let answered = answer == Answer::Newest && event.consent != memory.consent;
        if answered {
            memory.consent = event.consent;
        }
        let changed = memory.absorb(event) || answered || (is_new && identified);
        if changed {
            if answer == Answer::Newest {
                memory.consent_at = Some(event.time);
            }
            self.tx.put_visitor(self.site, id, &memory)?;
        }
        Ok((memory, changed))
    }

    /// Empties the memory of a visitor who denied, but for the denial itself: it holds for what a server reports of them
    /// later.
    fn forget(
        &mut self,
        id: Option<&str>,
        known: Option<Visitor>,
        event: &Event,
        answer: Answer,
    ) -> Result<(), StoreError> {
        let Some(id) = id else { return Ok(()) };
        if answer == Answer::Outdated {
            // It holds for this event alone: the memory has what was said since.
            return Ok(());
        }
        let seen_at = known.as_ref().map_or(event.time, |known| known.seen_at);
        let same = known.as_ref().filter(|known| known.consent == event.consent || answer == Answer::Silent);
        let consent_at = same.map_or(Some(event.time), |known| known.consent_at);
        let empty = Visitor { consent: event.consent, consent_at, seen_at, ..Visitor::default() };
        if known.as_ref() == Some(&empty) { Ok(()) } else { self.tx.put_visitor(self.site, id, &empty) }
    }

    /// Ties a key to the visitor, but never takes a click token away from the visitor it was made for. A tie that stands
    /// is only renewed when the visitor's memory is (at least once a day): looking is cheaper than writing.
    fn link(&mut self, key: &str, visitor: &str, renew: bool) -> Result<(), StoreError> {
        let stands = match self.tx.identity(self.site, key)? {
            None => false,
            Some(identity) => key.starts_with(TOKEN) || (identity.visitor == visitor && !renew),
        };
        if stands { Ok(()) } else { self.tx.link(self.site, key, visitor, self.now) }
    }

    /// Fills the event from a memory. One that no browser sent, such as a purchase a shop's server reports, is also lent
    /// the visitor's client and page: platforms match by them, and the server's own would be wrong.
    fn lend(&mut self, memory: &Visitor, evidence: Evidence, event: &mut Draft) {
        event.change(|event| yield_to_newer(event, memory, &mut self.dated, LOOK_BACK_MS));
        let kept = Kept::remembered(memory, event.time);
        if !kept.is_empty() {
            self.kept.push((evidence, kept));
        }
        let own: Vec<String> = match memory.click_ids.is_empty() {
            true => Vec::new(),
            false => event.click_ids.keys().cloned().collect(),
        };
        event.change(|event| memory.fill(event, LOOK_BACK_MS));
        if event.click_ids.len() > own.len() && !memory.click_ids.is_empty() {
            let lent = event.click_ids.keys().filter(|param| !own.contains(param));
            self.record.lent.extend(lent.map(|param| (param.clone(), evidence)));
        }
        if is_conversion(&event.event) {
            self.touches.extend(memory.touches_before(event.time, LOOK_BACK_MS).cloned());
        }
        if !has_click(event) {
            self.because(memory.unmatched(event.time));
        }
        let no_client = event.context.ip.is_none() && event.context.user_agent.is_none();
        if no_client && event.time.since(memory.seen_at) <= LOOK_BACK_MS {
            event.change(|event| memory.lend_client(event));
        }
    }

    /// Fills the event from the visitor a key leads to, unless the key is a shared one.
    fn borrow(&mut self, event: &mut Draft, key: &str) -> Result<(), StoreError> {
        let Some(identity) = self.tx.identity(self.site, key)? else {
            self.because(Unmatched::Unknown);
            return Ok(());
        };
        if identity.visitors > MOST_VISITORS {
            self.because(Unmatched::SharedIdentity);
            return Ok(());
        }
        if event.visitor_id.as_deref() == Some(identity.visitor.as_str()) {
            return Ok(());
        }
        let Some(memory) = self.tx.visitor(self.site, &identity.visitor)? else {
            self.because(Unmatched::Unknown);
            return Ok(());
        };
        // A person's denial holds for what servers report of them, purpose by purpose; that they agreed is for the sender to say.
        let answer = Answer::of(Some(&memory), event);
        event.consent = said(&denials(&memory.consent), answer, &event.consent);
        if is_denied(&memory.consent) || is_denied(&event.consent) {
            return Ok(());
        }
        self.lend(&memory, evidence(key), event);
        if event.visitor_id.is_none() {
            event.visitor_id = Some(identity.visitor);
            self.record.by = Some(evidence(key));
        }
        Ok(())
    }

    /// Whether an ad left any mark on the event, be it only a label: then nobody else's click is wanted. One whose time somebody has
    /// told may yield to a newer one yet, unless a page brings it: there the visitor's own memory has the last word.
    fn has_ad_mark(&self, event: &Event) -> bool {
        let is_of_page = |click: &ClickId| event.source == Source::Web && !self.joined.contains(&click.value);
        let may_yield = |param: &String, click: &ClickId| self.dated.contains(param) && !is_of_page(click);
        event.click_ids.iter().any(|(param, click)| param != CLICK_TOKEN && !may_yield(param, click))
    }

    fn because(&mut self, reason: Unmatched) {
        self.reason = self.reason.max(reason);
    }
}

/// What an event's own answers about consent are to those that its visitor's memory has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// It has none.
    Silent,
    /// Nothing newer is known.
    Newest,
    /// The visitor has answered since: an order of yesterday that a server sends today, a page that was offline, a report that
    /// waited for others.
    Outdated,
}

impl Answer {
    fn of(memory: Option<&Visitor>, event: &Event) -> Self {
        if event.consent.is_empty() {
            Self::Silent
        } else if memory.is_some_and(|memory| memory.consent_at > Some(event.time)) {
            Self::Outdated
        } else {
            Self::Newest
        }
    }
}

/// What an event may be used for, after what is remembered and what it says itself.
fn said(remembered: &Consent, answer: Answer, own: &Consent) -> Consent {
    match answer {
        Answer::Silent | Answer::Newest => on_top_of(remembered, own),
        Answer::Outdated => under(remembered, own),
    }
}

/// The touches that earn credit for a conversion: those of the memories it was lent from, and what it brings itself.
fn credited(mut touches: Vec<Touch>, event: &Event) -> Vec<Touch> {
    let nothing_known = touches.is_empty();
    // Of what the event brings itself, the times that somebody has told are touches in any case.
    let landed = event.campaign.as_ref().filter(|campaign| nothing_known || campaign.seen_at.is_some());
    touches.sort_by_key(|touch| touch.at);
    touch::absorb(&mut touches, event, landed, |_, _| nothing_known);
    touches.retain(|touch| event.time.since(touch.at) <= LOOK_BACK_MS);
    touch::earning(touches)
}

/// Whether the visitor refused what remembering and sending need.
fn is_denied(consent: &Consent) -> bool {
    !consent.allows(&[Purpose::AdStorage, Purpose::AdUserData], false)
}

/// The identity keys of an event, the strongest first.
pub fn identity_keys(event: &Event) -> Vec<String> {
    let mut keys = Vec::with_capacity(4);
    keys.extend(click_token(event).map(|token| [TOKEN, token].concat()));
    keys.extend(event.properties.order_id.as_deref().map(|order| [ORDER, order].concat()));
    keys.extend(event.tokens.iter().map(|(name, token)| [JOURNEY, name, "=", token].concat()));
    keys.extend(person_keys(&event.user));
    keys
}

/// The identity keys of a person.
pub fn person_keys(user: &UserData) -> Vec<String> {
    let mut keys = Vec::with_capacity(2);
    for (prefix, field, form) in PERSONAL {
        let digests = user.digests(field, form);
        keys.extend(digests.iter().map(|digest| digest.with_hex(|hex| [prefix, hex].concat())));
    }
    keys
}

/// What a key is evidence of.
fn evidence(key: &str) -> Evidence {
    let kinds = [
        (TOKEN, Evidence::ClickToken),
        (ORDER, Evidence::Order),
        (JOURNEY, Evidence::Journey),
        (EMAIL, Evidence::Email),
        (PHONE, Evidence::Phone),
    ];
    let kind = kinds.into_iter().find(|(prefix, _)| key.starts_with(prefix));
    kind.map_or(Evidence::ExternalId, |(_, evidence)| evidence)
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
    (EMAIL, Field::Email, Form::Plain),
    (PHONE, Field::Phone, Form::E164),
    (PERSON, Field::ExternalId, Form::Plain),
];
/// Prefix of the key of our click token.
const TOKEN: &str = "tok:";
/// Prefix of the key of an order.
const ORDER: &str = "ord:";
/// Prefix of the key of a token of another system.
const JOURNEY: &str = "ref:";
/// Prefix of the key of an e-mail address.
const EMAIL: &str = "em:";
/// Prefix of the key of a telephone number.
const PHONE: &str = "ph:";
/// Prefix of the key of the site's own id of a person.
const PERSON: &str = "xid:";

#[cfg(test)]
mod tests;
