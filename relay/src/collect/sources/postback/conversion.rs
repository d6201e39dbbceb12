//! What a postback comes to: an event, a refund, or nothing for now.
//!
//! An event named by the postback is that event; else what earns nothing is a Lead and what earns something a Purchase, as
//! affiliates are used to. The network's transaction id, together with the source's name and the goal, is the order id, so
//! that a postback repeated, or sent anew when its status changes, is the same event.

use shared::event::{STANDARD_EVENTS, Source};
use shared::identity::Field;
use shared::money::Currency;
use shared::{Properties, Scalar, UnixMs, limits};

use super::super::amount::{amount, instant};
use super::super::reading::{Found, Reading, Unreadable};
use super::super::{Draft, Inbound, carried};
use super::correction::Back;
use super::fields::{Fields, key};
use super::meaning::Meaning;
use super::name::Name;
use super::status::{Status, customary};
use super::{Pending, Postback, Rule, ValueOf};
use crate::collect::raw_user::Personal;
use crate::orders::{COMMISSION, IN_PART, ONLY_IF_REPORTED};

/// What the postback means.
pub(super) fn read(own: &Postback, request: &Inbound<'_>) -> Result<Reading, Unreadable> {
    let fields = Fields::read(request);
    Postbacked { own, fields, source: request.source }.reading()
}

/// A postback and the source it came to.
struct Postbacked<'a> {
    own: &'a Postback,
    fields: Fields,
    source: &'a str,
}

/// What a conversion is known by.
struct Subject {
    /// The order, where there is one.
    order: Option<String>,
    /// What ids are made of.
    id: String,
}

impl Postbacked<'_> {
    /// The first usable value of the first name that has one.
    fn get(&self, meaning: Meaning) -> Option<&str> {
        let counts = |name: &Name, word: &str| name.is_sure() || self.own.knows(word);
        self.names(meaning).find_map(|name| self.fields.every(name).find(|word| counts(name, word)))
    }

    fn names(&self, meaning: Meaning) -> impl Iterator<Item = &Name> {
        self.own.names.get(&meaning).into_iter().flatten()
    }

    fn reading(&self) -> Result<Reading, Unreadable> {
        let Some(status) = self.status() else {
            return Ok(Reading::odd("its status is none that is known; name it in `statuses`"));
        };
        let rule = self.named();
        let Ok(name) = rule else { return Ok(Reading::ignored("`events` switches this event off")) };
        let amount = self.worth();
        let worth = amount.clone().ok().flatten();
        if self.own.max_value.zip(worth).is_some_and(|(most, worth)| worth.abs() > most) {
            return Ok(Reading::odd("worth more than the source's `max_value`"));
        }
        let back = Back::told(self.own.value, worth, self.amount(Meaning::Delta));
        match status {
            Status::Ignored => Ok(Reading::ignored("a status of no concern, says `statuses`")),
            Status::Pending if self.own.pending == Pending::Wait => {
                Ok(Reading::ignored("pending; it counts once it is approved"))
            }
            Status::Rejected if name.as_deref().is_some_and(|name| !is_of_money(name)) => {
                Ok(Reading::ignored("rejected; what earned no money is not taken back"))
            }
            Status::Rejected => self.rejected(),
            Status::Approved | Status::Pending => match (name, back) {
                // Without an amount it would be all of it.
                (Some(name), _) if name == "Refund" => {
                    self.refund(amount?.map_or(Back::All, |amount| Back::Part(amount.abs())))
                }
                (_, Some(back)) => self.refund(back),
                (Some(name), None) => self.event(name, worth).map(|reading| noted(reading, amount.err())),
                (None, None) if self.earns() || amount.is_err() => {
                    self.event("Purchase".to_owned(), worth).map(|reading| noted(reading, amount.err()))
                }
                (None, None) => self.event("Lead".to_owned(), worth),
            },
        }
    }

    /// How far it has got; where nobody says, it is there. `None` when what is said is not known.
    fn status(&self) -> Option<Status> {
        let Some(word) = self.get(Meaning::Status) else { return Some(Status::Approved) };
        // Some trackers say there what happened.
        self.own.status(word).or_else(|| self.own.rule(word).map(|_| Status::Approved))
    }

    /// The event the postback names; an error when the source leaves it out.
    fn named(&self) -> Result<Option<String>, Off> {
        let status = self.get(Meaning::Status).filter(|word| self.own.status(word).is_none());
        let said = || [self.get(Meaning::Event), self.get(Meaning::Goal), status].into_iter().flatten();
        let configured = said().find_map(|word| self.own.events.get(&key(word)).cloned());
        match configured.or_else(|| said().find_map(|word| self.own.rule(word))) {
            Some(Rule::Off) => Err(Off),
            Some(Rule::Name(name)) => Ok(Some(name)),
            None => Ok(said().find(|word| is_name(word)).map(str::to_owned)),
        }
    }

    /// The amount that is the event's value; an error when one is there and cannot be read.
    fn worth(&self) -> Result<Option<f64>, Unreadable> {
        let meaning = match self.own.value {
            ValueOf::Payout => Meaning::Payout,
            ValueOf::SaleAmount => Meaning::SaleAmount,
        };
        match self.get(meaning) {
            Some(text) => amount(text).map(Some).ok_or(Unreadable::Missing { field: meaning.name() }),
            None => Ok(None),
        }
    }

    fn amount(&self, meaning: Meaning) -> Option<f64> {
        amount(self.get(meaning)?)
    }

    fn earns(&self) -> bool {
        [Meaning::Payout, Meaning::SaleAmount]
            .into_iter()
            .any(|meaning| self.amount(meaning).is_some_and(|sum| sum > 0.0))
    }

    fn event(&self, name: String, worth: Option<f64>) -> Result<Reading, Unreadable> {
        let Some(subject) = self.subject()? else { return Err(NAMELESS) };
        // Nought is what it earned, not what it is worth; but a purchase may have been free.
        let worth = worth.filter(|worth| *worth > 0.0 || name == "Purchase");
        let mut found = Found::about(&name, &subject.id, self.time());
        found.draft.properties =
            Properties { value: worth, order_id: subject.order, ..Properties::default() };
        if worth.is_some() && self.own.value == ValueOf::Payout {
            // What the network pays says nothing of what the order was worth.
            found.draft.properties.custom.insert(COMMISSION.to_owned(), Scalar::Bool(true));
        }
        Ok(self.whole(found))
    }

    /// All of it back, if it ever counted: networks also reject what was pending until then, and what was only a lead.
    fn rejected(&self) -> Result<Reading, Unreadable> {
        let mut reading = self.refund(Back::All)?;
        for found in &mut reading.events {
            let mark = (ONLY_IF_REPORTED.to_owned(), Scalar::Bool(true));
            found.draft.properties.custom.extend([mark]);
        }
        Ok(reading)
    }

    /// Money that went back.
    fn refund(&self, back: Back) -> Result<Reading, Unreadable> {
        let subject = self.subject()?;
        let Some((id, order)) = subject.and_then(|subject| Some((subject.id, subject.order?))) else {
            return Ok(Reading::ignored("taken back, but no transaction id says what"));
        };
        // The time a network gives is the conversion's.
        let mut found = Found::about("Refund", &back.about(&id), None);
        found.draft.properties = Properties {
            value: back.value(),
            order_id: Some(order),
            custom: carried::of_order(self.time(), None, back.left().filter(|_| self.is_worth_the_order())),
            ..Properties::default()
        };
        if back != Back::All && self.own.value == ValueOf::Payout {
            let mark = (COMMISSION.to_owned(), Scalar::Text(IN_PART.to_owned()));
            found.draft.properties.custom.extend([mark]);
        }
        Ok(self.whole(found))
    }

    /// Whether the event's value is the order's: what is left of a payout is not what is left of an order of the shop's.
    fn is_worth_the_order(&self) -> bool {
        self.own.value == ValueOf::SaleAmount || self.get(Meaning::OrderId).is_none()
    }

    fn time(&self) -> Option<UnixMs> {
        instant(self.get(Meaning::Time)?, false)
    }

    /// The shop's order, or the network's transaction, or at least the click. `None` when it is known by nothing.
    fn subject(&self) -> Result<Option<Subject>, Unreadable> {
        // Goal 0 is no goal.
        let goal = self.get(Meaning::Goal).filter(|goal| *goal != "0");
        let goal = goal.map_or(String::new(), |goal| format!("-{goal}"));
        let order = match (self.get(Meaning::OrderId), self.transaction()) {
            (Some(order), _) => order.to_owned(),
            (None, Some(transaction)) => format!("{}-{transaction}{goal}", self.source),
            (None, None) => {
                let click = |token| {
                    let offer = self.get(Meaning::Offer).map_or(String::new(), |offer| format!("-{offer}"));
                    let payout = self.amount(Meaning::Payout).unwrap_or_default();
                    format!("{}{offer}-{token}{goal}-{payout}", self.source)
                };
                return Ok(self.token().map(|token| Subject { order: None, id: click(token) }));
            }
        };
        if order.len() > limits::ORDER_ID {
            return Err(Unreadable::Missing { field: "transaction_id" });
        }
        Ok(Some(Subject { id: order.clone(), order: Some(order) }))
    }

    /// The network's number. Where one name stands for both, a click token of ours is none.
    fn transaction(&self) -> Option<&str> {
        self.get(Meaning::TransactionId).filter(|text| !self.is_our_token(text))
    }

    fn is_our_token(&self, text: &str) -> bool {
        self.token().is_some_and(|token| carried::token(text).is_some_and(|found| found == token))
    }

    /// Our click token, in whichever sub-id it is.
    fn token(&self) -> Option<String> {
        self.names(Meaning::ClickId).flat_map(|name| self.fields.every(name)).find_map(carried::token)
    }

    /// The event with everything that is the same for all.
    fn whole(&self, mut found: Found) -> Reading {
        let draft = &mut found.draft;
        draft.source = Some(Source::Server);
        let mut notes = self.clicks(draft);
        self.person(draft);
        self.further(draft);
        draft.properties.currency = self.currency();
        let Properties { value, currency, custom, .. } = &draft.properties;
        if (value.is_some() || custom.contains_key("remaining_value")) && currency.is_none() {
            notes.push("currency: none came that can be read, and the source names none".to_owned());
        }
        let unreplaced = |meaning: &Meaning| {
            let names = self.names(*meaning).filter(|name| name.is_sure());
            self.get(*meaning).is_none() && self.fields.unreplaced(names)
        };
        notes.extend(Meaning::ALL.iter().filter(|meaning| unreplaced(meaning)).map(|meaning| {
            format!("{}: the placeholder came as it is, so the network does not know it here", meaning.name())
        }));
        Reading { notes, ..Reading::one(found) }
    }

    /// The clicks it came from; answers what is odd about them.
    fn clicks(&self, draft: &mut Draft) -> Vec<String> {
        let of_click = |name: &str| {
            let key = key(name);
            self.names(Meaning::ClickId).any(|known| known.is(&key))
        };
        for (name, value) in self.fields.written().filter(|(name, _)| !of_click(name)) {
            carried::field(name, value, draft);
        }
        let odd = match self.token() {
            Some(token) => {
                carried::click_token(&token, draft);
                None
            }
            None if self.get(Meaning::ClickId).is_some() => Some("what came is no click token of ours"),
            None => Some("no sub-id came with a click token of ours"),
        };
        odd.map(|odd| format!("click_id: {odd}; without other evidence there is no match"))
            .into_iter()
            .collect()
    }

    fn person(&self, draft: &mut Draft) {
        let mut take = |field, text: Option<String>| draft.user.take(field, text.map(Personal::new));
        // A blank in an address was a plus sign.
        take(Field::Email, self.get(Meaning::Email).map(|email| email.replace(' ', "+")));
        take(Field::Phone, self.fields.phone(self.names(Meaning::Phone)));
        for (field, meaning) in [
            (Field::FirstName, Meaning::FirstName),
            (Field::LastName, Meaning::LastName),
            (Field::Country, Meaning::Country),
        ] {
            take(field, self.get(meaning).map(str::to_owned));
        }
        let reference = self.get(Meaning::RefId).filter(|text| !self.is_our_token(text));
        take(Field::ExternalId, reference.map(str::to_owned));
        draft.context.ip = self.get(Meaning::Ip).map(str::to_owned);
        draft.context.user_agent = self.get(Meaning::UserAgent).map(str::to_owned);
    }

    /// What is passed on as it came: the network's numbers, and parameters that begin with `x_`.
    fn further(&self, draft: &mut Draft) {
        let text = |text: &str| Scalar::Text(text.to_owned());
        let custom = &mut draft.properties.custom;
        for (name, value) in self.fields.written() {
            let own = name.strip_prefix("x_").or_else(|| name.strip_prefix("xat_"));
            if let Some(name) = own.filter(|name| !name.is_empty()) {
                custom.insert(name.to_owned(), text(value));
            }
        }
        let named = [("transaction_id", self.transaction()), ("offer_id", self.get(Meaning::Offer))];
        custom.extend(named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), text(value?)))));
        let network = self.own.network.name;
        if network != "custom" {
            custom.insert("network".to_owned(), text(network));
        }
    }

    /// The currency that came, else the source's. One that came and cannot be read is not replaced by a guess.
    fn currency(&self) -> Option<Currency> {
        match self.get(Meaning::Currency) {
            Some(text) => Currency::parse(text),
            None => self.own.currency,
        }
    }
}

/// The same, of which the log shall tell if its amount could not be read: a conversion without its value is worth more than
/// none, but there is a mistake in what the network was given to call.
fn noted(mut reading: Reading, unreadable: Option<Unreadable>) -> Reading {
    if let Some(Unreadable::Missing { field }) = unreadable {
        reading
            .notes
            .push(format!("{field}: what came is no amount, so the conversion counts without a value"));
        reading.is_odd = true;
    }
    reading
}

/// The source leaves this event out.
struct Off;

impl Postback {
    /// What a status means, said by the source, by its network or by custom.
    fn status(&self, word: &str) -> Option<Status> {
        let preset = || self.network.statuses.iter().find(|(known, _)| known.eq_ignore_ascii_case(word));
        let own = self.statuses.get(&key(word)).copied();
        own.or_else(|| preset().map(|(_, status)| *status)).or_else(|| customary(word))
    }

    /// Whether a word says how far a conversion has got, or what happened.
    fn knows(&self, word: &str) -> bool {
        self.status(word).is_some() || self.rule(word).is_some()
    }

    /// What a word is, said by the source or by custom.
    fn rule(&self, word: &str) -> Option<Rule> {
        let key = key(word);
        let standard = || STANDARD_EVENTS.iter().find(|name| name.eq_ignore_ascii_case(&key)).copied();
        let named =
            || standard().or_else(|| SYNONYMS.iter().find(|(known, _)| *known == key).map(|(_, name)| *name));
        self.events.get(&key).cloned().or_else(|| named().map(|name| Rule::Name(name.to_owned())))
    }
}

/// Whether a word of the network's can be the name of an event: numbers are not, nor is what a base conversion is called.
fn is_name(word: &str) -> bool {
    let says_nothing = ["base", "default", "conversion", "postback", "event"].contains(&key(word).as_str());
    word.contains(char::is_alphabetic) && !word.contains('@') && !says_nothing
}

/// Whether money was made with it that can go back.
fn is_of_money(name: &str) -> bool {
    matches!(name, "Purchase" | "Subscribe" | "Donate" | "StartTrial" | "Refund")
}

/// Words of networks and of AnyTrack's postbacks, by key.
const SYNONYMS: [(&str, &str); 8] = [
    ("sale", "Purchase"),
    ("upsell", "Purchase"),
    ("acquisition", "CompleteRegistration"),
    ("registration", "CompleteRegistration"),
    ("signup", "CompleteRegistration"),
    ("trial", "StartTrial"),
    ("chargeback", "Refund"),
    ("reversal", "Refund"),
];

const NAMELESS: Unreadable = Unreadable::Unsupported {
    advice: "neither a transaction id nor a click token of ours, so a repeat would count again; put their placeholders into \
        the postback's address",
};
