//! Raw user data at the door: read from JSON, hashed into [`UserData`], and gone.
//!
//! A field is a text, a number, a list of those, or already hashed in the tag's shape (an object from form to
//! digest). A place in `clear` is a text as somebody typed it, which the tag leaves to the relay: it is read like any other, and
//! hashed where no digest came of it. Owns the only type in the relay that holds a raw e-mail address or name; it cannot be printed and is
//! wiped from memory when dropped.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use shared::identity::{Clear, Field, Hashes, Raw, Sha256Hex, UserData};
use shared::limits;
use zeroize::Zeroizing;

/// Raw or hashed values by field, as they came.
#[derive(Default)]
pub struct RawUser {
    values: Vec<(Field, RawValue)>,
    /// Places.
    clear: Vec<(Field, String)>,
}

/// One raw value of a foreign payload, on its way into a [`RawUser`]. Does not print and wipes itself.
#[derive(Default)]
pub struct Personal(Zeroizing<String>);

impl fmt::Debug for Personal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Personal")
    }
}

impl Personal {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Whether it is this very text.
    pub fn is(&self, text: &str) -> bool {
        *self.0 == text
    }

    /// The value, unless it is blank.
    pub fn filled(value: Option<Self>) -> Option<Self> {
        value.filter(|value| !value.0.trim().is_empty())
    }

    /// Two texts as one: a telephone number that a form took apart.
    pub fn joined(start: &Self, end: &Self) -> Self {
        Self::new([start.0.trim(), end.0.trim()].concat())
    }

    /// A whole name's given and family name, when it has just these two words: of a longer one nobody can say.
    pub fn two_names(&self) -> Option<(Self, Self)> {
        let mut words = self.0.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some(given), Some(family), None) => Some((Self::new(given), Self::new(family))),
            (_, _, _) => None,
        }
    }
}

impl<'de> Deserialize<'de> for Personal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Values(values) = Values::deserialize(deserializer)?;
        match values.into_iter().next() {
            Some(RawValue::Text(text)) => Ok(Self(text)),
            Some(RawValue::Digest(digest)) => Ok(Self::new(digest.to_hex())),
            Some(RawValue::Hashed(_)) => Err(D::Error::custom("expected text")),
            None => Ok(Self::default()),
        }
    }
}

/// One value as it came.
enum RawValue {
    Text(Zeroizing<String>),
    /// A digest the sender made.
    Digest(Sha256Hex),
    Hashed(Hashes),
}

impl fmt::Debug for RawUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawUser({} values)", self.values.len())
    }
}

impl RawUser {
    /// Adds one raw value.
    pub fn push(&mut self, field: Field, text: String) {
        self.values.push((field, RawValue::Text(Zeroizing::new(text))));
    }

    /// Adds a value of a foreign payload, unless it is blank, already there or one too many.
    pub fn take(&mut self, field: Field, value: Option<Personal>) {
        let Some(Personal(text)) = Personal::filled(value) else { return };
        let mut held = self.values.iter().filter(|(known, _)| *known == field);
        let same = |(_, value): &(Field, RawValue)| matches!(value, RawValue::Text(known) if *known == text);
        if !held.clone().any(same) && held.nth(limits::IDENTITY_VALUES - 1).is_none() {
            self.values.push((field, RawValue::Text(text)));
        }
    }

    /// Adds a person's whole name, when it is a given and a family name.
    pub fn take_name(&mut self, name: Option<Personal>) {
        if let Some((given, family)) = name.as_ref().and_then(Personal::two_names) {
            self.take(Field::FirstName, Some(given));
            self.take(Field::LastName, Some(family));
        }
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.clear.is_empty()
    }

    /// Hashes everything into `user`. The person's own country, when given, beats the site's for phone numbers,
    /// postal codes and regions. A value that cannot be its field is left out with a warning that names the field.
    pub fn hash_into(self, user: &mut UserData, site_country: Option<&str>, warnings: &mut Vec<String>) {
        let texts = self.values.iter().filter_map(|(field, value)| match value {
            RawValue::Text(text) => Some((*field, text.as_str())),
            RawValue::Digest(_) | RawValue::Hashed(_) => None,
        });
        let own_country = texts
            .chain(self.clear.iter().map(|(field, text)| (*field, text.as_str())))
            .filter(|(field, _)| *field == Field::Country)
            .find_map(|(field, text)| Clear::of(field, &Raw::new(text)));
        let country = own_country.as_deref().or(site_country);
        for (field, text) in &self.clear {
            let raw = Raw::new(text);
            let kept = text.len() <= limits::ID && user.clear.add_raw(*field, &raw);
            let is_hashed = self.values.iter().any(|(known, _)| known == field);
            if !is_hashed && !user.add_raw(*field, &raw, country) && !kept {
                warnings.push(format!("user.{}: not a usable value, left out", field.name()));
            }
        }
        for (field, value) in self.values {
            match value {
                RawValue::Hashed(hashes) => user.add(field, hashes),
                RawValue::Digest(digest) => user.add(field, Hashes::given(field, digest)),
                RawValue::Text(text) if text.trim().is_empty() => {}
                RawValue::Text(text) => {
                    let raw = Raw::new(&text);
                    user.clear.add_raw(field, &raw);
                    if !user.add_raw(field, &raw, country) {
                        let hint =
                            if field == Field::Phone { "; write it with + and country code" } else { "" };
                        warnings.push(format!("user.{}: not a usable value, left out{hint}", field.name()));
                    }
                }
            }
        }
    }
}

impl<'de> Deserialize<'de> for RawUser {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = RawUser;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of user data")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawUser, A::Error> {
                let mut user = RawUser::default();
                while let Some(Name(name)) = map.next_key()? {
                    match Field::named(&name) {
                        Some(field) => {
                            let Values(values) = map.next_value()?;
                            user.values.extend(values.into_iter().map(|value| (field, value)));
                        }
                        None if name == "clear" => user.clear = places(map.next_value()?),
                        None => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(user)
            }
        }
        deserializer.deserialize_map(Map)
    }
}

/// What was given in clear: no longer than any value may be, and no e-mail address.
fn places(Clear { city, region, postal_code, country }: Clear) -> Vec<(Field, String)> {
    let given = [
        (Field::City, city),
        (Field::Region, region),
        (Field::PostalCode, postal_code),
        (Field::Country, country),
    ];
    let place = |text: &String| {
        !text.trim().is_empty() && text.len() <= limits::IDENTITY && !text.contains(['@', '\u{ff20}'])
    };
    given.into_iter().filter_map(|(field, text)| Some((field, text.filter(place)?))).collect()
}

/// A field's name: borrowed from the JSON where nothing in it is escaped.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// One value or a list of values.
struct Values(Vec<RawValue>);

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Values;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text, a list of texts, or digests by form")
            }
            fn visit_unit<E: Error>(self) -> Result<Values, E> {
                Ok(Values(Vec::new()))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Values, E> {
                if text.len() > limits::IDENTITY {
                    return Err(E::custom("longer than 512 bytes"));
                }
                // What the tag sends: nothing to normalise, and nothing to wipe.
                if let Some(digest) = Sha256Hex::parse(text) {
                    return Ok(Values(vec![RawValue::Digest(digest)]));
                }
                Ok(Values(vec![RawValue::Text(Zeroizing::new(text.to_owned()))]))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Values, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Values, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Values, A::Error> {
                let mut all = Vec::new();
                while let Some(Values(values)) = seq.next_element()? {
                    all.extend(values);
                    if all.len() > limits::IDENTITY_VALUES {
                        return Err(A::Error::custom("more than 10 values"));
                    }
                }
                Ok(Values(all))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Values, A::Error> {
                let hashes = Hashes::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(Values(vec![RawValue::Hashed(hashes)]))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::identity::Form;

    fn hashed(json: &str) -> (UserData, Vec<String>) {
        let raw: RawUser = serde_json::from_str(json).expect("readable");
        let (mut user, mut warnings) = (UserData::default(), Vec::new());
        raw.hash_into(&mut user, Some("GB"), &mut warnings);
        (user, warnings)
    }

    #[test]
    fn a_text_a_list_and_a_digest_are_all_understood() {
        let digest = "c3374bcfe3572e09f37602e0e179782352c5e117a4a3767824abbaa21bbdef8b";
        let (user, warnings) = hashed(&format!(
            r#"{{"email":[" Jane.DOE+promo@Example.COM ","{digest}"],"phone":"020 7946 0958","city":null}}"#
        ));
        assert_eq!(warnings, Vec::<String>::new());
        assert_eq!(user.digests(Field::Email, Form::Plain)[0].to_hex(), digest);
        assert_eq!(
            user.digests(Field::Phone, Form::Digits)[0].to_hex(),
            "35e206e5dec4c89b9e8b71b8c32724a5bb518483ac5a20c6617d738375b3b823"
        );
    }

    #[test]
    fn the_persons_country_beats_the_sites() {
        let (user, _) = hashed(r#"{"phone":"(202) 555-0123","country":"US"}"#);
        assert_eq!(user.clear.country.as_deref(), Some("US"));
        assert!(user.has(Field::Phone));
    }

    #[test]
    fn a_place_in_clear_is_hashed_here() {
        let digest = |user: &UserData, field| {
            user.digests(field, Form::Plain).iter().map(|digest| digest.to_hex()).collect::<Vec<_>>()
        };
        let sha = |normal: &str| vec![Sha256Hex::of(normal).to_hex()];
        let (user, warnings) = hashed(
            r#"{"clear":{"city":" San Francisco","region":"California","postal_code":"94035-1234","country":"United States"},
                "phone":"(202) 555-0123"}"#,
        );
        assert_eq!(warnings, Vec::<String>::new());
        assert_eq!(digest(&user, Field::City), sha("sanfrancisco"));
        assert_eq!(digest(&user, Field::Region), sha("ca"));
        assert_eq!(digest(&user, Field::PostalCode), sha("94035"));
        assert_eq!(digest(&user, Field::Country), sha("us"));
        assert_eq!(user.digests(Field::Phone, Form::E164), [Sha256Hex::of("+12025550123")]);
        let Clear { city, region, postal_code, country } = user.clear;
        let clear = [city, region, postal_code, country].map(Option::unwrap_or_default);
        assert_eq!(clear, ["san francisco", "california", "94035-1234", "US"]);
    }

    #[test]
    fn a_digest_of_a_place_stands_beside_what_is_in_clear() {
        let given = "ab".repeat(32);
        let (user, _) =
            hashed(&format!(r#"{{"city":["{given}"],"clear":{{"city":"Leeds","country":"{given}"}}}}"#));
        assert_eq!(user.digests(Field::City, Form::Plain)[0].to_hex(), given);
        assert_eq!(user.digests(Field::City, Form::Plain).len(), 1);
        assert_eq!(user.clear.city.as_deref(), Some("leeds"));
        // In clear, but a digest all the same.
        assert_eq!(user.digests(Field::Country, Form::Plain)[0].to_hex(), given);
        assert_eq!(user.clear.country, None);
    }

    #[test]
    fn what_is_no_place_is_left_out() {
        let long = "x".repeat(limits::IDENTITY + 1);
        for text in ["", " ", "jane@example.com", "jane\u{ff20}example.com", &long] {
            let (user, _) = hashed(&format!(r#"{{"clear":{{"city":"{text}"}}}}"#));
            assert!(user.is_empty(), "{text}");
        }
        let (user, warnings) = hashed(r#"{"clear":{"country":"Atlantis"}}"#);
        assert!(user.is_empty());
        assert_eq!(warnings, ["user.country: not a usable value, left out"]);
        // Longer than any platform takes in clear.
        let (user, warnings) = hashed(&format!(r#"{{"clear":{{"city":"{}"}}}}"#, "x".repeat(limits::ID + 1)));
        assert_eq!((user.clear.city, warnings), (None, Vec::new()));
        assert!(
            hashed(&format!(r#"{{"clear":{{"city":"{}"}}}}"#, "x".repeat(limits::ID + 1))).0.has(Field::City)
        );
    }

    #[test]
    fn an_unusable_value_is_named_without_being_quoted() {
        let (user, warnings) = hashed(r#"{"email":"jane.doe@"}"#);
        assert!(user.is_empty());
        assert_eq!(warnings, ["user.email: not a usable value, left out"]);
    }
}
