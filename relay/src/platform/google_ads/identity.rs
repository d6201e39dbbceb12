//! Who: `userData`, hashed e-mail addresses, phones and a whole address; and how well all of an event can be matched.
//!
//! Digests come ready from `shared` in Google's form, country and postal code in clear (page "format user data", read
//! 2026-11-23). An address has given name, family name, country and postal code, or is not sent.

use serde::Serialize;
use shared::Event;
use shared::identity::{Field, Sha256Hex};

use super::click::AdIdentifiers;
use crate::platform::{Quality, Signal, digests};

/// Who the visitor is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserData {
    user_identifiers: Vec<UserIdentifier>,
}

/// One of Google's ways to tell a person, each in an object of its own.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
enum UserIdentifier {
    EmailAddress(Sha256Hex),
    PhoneNumber(Sha256Hex),
    Address(Address),
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Address {
    given_name: Sha256Hex,
    family_name: Sha256Hex,
    region_code: String,
    postal_code: String,
}

impl UserData {
    /// Everything known that Google takes; `None` when that is nothing.
    pub(super) fn of(event: &Event) -> Option<Self> {
        let mut emails = digests(PLATFORM, event, Field::Email);
        let mut phones = digests(PLATFORM, event, Field::Phone);
        let address = Address::of(event);
        // One of each kind says more than ten of one.
        let places = MOST - usize::from(address.is_some());
        emails.truncate(places - usize::from(!phones.is_empty()));
        phones.truncate(places - emails.len());
        let emails = emails.into_iter().map(UserIdentifier::EmailAddress);
        let phones = phones.into_iter().map(UserIdentifier::PhoneNumber);
        let address = address.map(UserIdentifier::Address);
        let user_identifiers: Vec<_> = emails.chain(phones).chain(address).collect();
        (!user_identifiers.is_empty()).then_some(Self { user_identifiers })
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.user_identifiers.iter().map(|identifier| match identifier {
            UserIdentifier::EmailAddress(_) => "emailAddress",
            UserIdentifier::PhoneNumber(_) => "phoneNumber",
            UserIdentifier::Address(_) => "address",
        })
    }
}

impl Address {
    fn of(event: &Event) -> Option<Self> {
        let one = |field| digests(PLATFORM, event, field).into_iter().next();
        let clear = |field| event.user.clear.given_to(PLATFORM, field);
        let region_code = clear(Field::Country)?;
        let postal_code = clear(Field::PostalCode)?;
        let postal_code = postal_code.trim();
        valid_postal_code(&region_code, postal_code).then_some(())?;
        Some(Self {
            given_name: one(Field::FirstName)?,
            family_name: one(Field::LastName)?,
            region_code,
            postal_code: postal_code.to_owned(),
        })
    }
}

/// In the United States five digits, or five and four; elsewhere whatever the post there writes. One wrong code refuses
/// its whole request (INVALID_POSTAL_CODE).
fn valid_postal_code(country: &str, code: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if country != "US" {
        return !code.is_empty();
    }
    match code.split_once('-') {
        Some((five, four)) => five.len() == 5 && four.len() == 4 && digits(five) && digits(four),
        None => matches!(code.len(), 5 | 9) && digits(code),
    }
}

/// What Google matches by, the strongest first: the order of its pages on imports ("click id, and user data beside
/// it") with the ranks among user data ours. Google publishes no numbers.
pub(super) const SIGNALS: [Signal; 9] = [
    Signal::documented("gclid", 50),
    Signal::documented("gbraid", 45),
    Signal::documented("wbraid", 45),
    Signal::documented("emailAddress", 30),
    Signal::documented("phoneNumber", 12),
    Signal::documented("address", 6),
    Signal::ours("sessionAttributes", 6),
    Signal::ours("userAgent", 2),
    Signal::ours("ipAddress", 2),
];

/// How well Google can match an event.
pub(super) fn quality(
    ids: &AdIdentifiers<'_>,
    user_data: Option<&UserData>,
    agent: bool,
    address: bool,
) -> Quality {
    let user: Vec<&str> = user_data.iter().flat_map(|user| user.names()).collect();
    Quality::of(&SIGNALS, |name| match name {
        "gclid" => ids.gclid.is_some(),
        "gbraid" => ids.gbraid.is_some(),
        "wbraid" => ids.wbraid.is_some(),
        "sessionAttributes" => ids.session_attributes.is_some(),
        "userAgent" => agent,
        "ipAddress" => address,
        name => user.contains(&name),
    })
}

const PLATFORM: &str = "google-ads";
/// Most identifiers of one event (page "limits").
const MOST: usize = 10;

#[cfg(test)]
mod tests {
    use shared::Hashes;

    use super::*;

    fn event() -> Event {
        let json = r#"{"event":"Lead","event_id":"1","time":0,"source":"web"}"#;
        serde_json::from_str(json).expect("an event")
    }

    fn with(mut event: Event, field: Field, values: usize) -> Event {
        for value in 0..values {
            let digest = Sha256Hex::of(&format!("{field:?}{value}"));
            event.user.add(field, Hashes::given(field, digest));
        }
        event
    }

    fn addressed(country: &str, postal_code: &str) -> Event {
        let mut event = with(with(event(), Field::FirstName, 1), Field::LastName, 1);
        event.user.clear.country = Some(country.to_owned());
        event.user.clear.postal_code = Some(postal_code.to_owned());
        event
    }

    #[test]
    fn ten_identifiers_at_most_and_one_of_each_kind_at_least() {
        let check = |event: &Event, expected: (usize, usize, usize)| {
            let names: Vec<&str> = UserData::of(event).expect("known").names().collect();
            let count = |name| names.iter().filter(|one| **one == name).count();
            assert_eq!((count("emailAddress"), count("phoneNumber"), count("address")), expected);
        };
        check(&with(event(), Field::Email, 10), (10, 0, 0));
        check(&with(with(event(), Field::Email, 10), Field::Phone, 10), (9, 1, 0));
        check(&with(with(addressed("US", "94043"), Field::Email, 10), Field::Phone, 10), (8, 1, 1));
        check(&with(with(addressed("US", "94043"), Field::Email, 2), Field::Phone, 10), (2, 7, 1));
        assert!(UserData::of(&event()).is_none());
    }

    #[test]
    fn an_address_is_whole_or_absent() {
        let whole = |event: &Event| Address::of(event).is_some();
        assert!(whole(&addressed("DE", "10115")) && whole(&addressed("GB", "SW1A 1AA")));
        assert!(whole(&addressed("US", "94043")) && whole(&addressed("US", "94043-1234")));
        for code in ["9404", "94043-12", "SW1A 1AA", "94043 1234", " "] {
            assert!(!whole(&addressed("US", code)), "{code}");
        }
        assert!(!whole(&addressed("DE", " ")));
        let mut unnamed = addressed("DE", "10115");
        let clear = std::mem::take(&mut unnamed.user).clear;
        unnamed.user.clear = clear;
        assert!(!whole(&unnamed));
        let nowhere = with(with(event(), Field::FirstName, 1), Field::LastName, 1);
        assert!(!whole(&nowhere));
    }
}
