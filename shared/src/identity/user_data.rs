//! [`UserData`]: a person as hashes, by field and form, in the shape of the wire and of the log.
//!
//! A field is a list of values; a value is an object from form to digest that names the base form and the forms
//! that differ from it: `"email":[{"plain":"c337…","google":"2235…"}]`. A form that is missing equals the base
//! form; `null` says that the value has no such form. A bare string of 64 hexadecimal digits is a digest the
//! sender made; it stands for every form. Anything else in this shape is refused: it could be a raw value.

use std::fmt;

use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Field, Form, Raw, Room, Sha256Hex, Text, normalise, place};
use crate::limits;

/// One value of one field, in all its forms.
///
/// In the order of the forms, each once. Lists, here and in [`UserData`], because there are one or two entries nearly
/// always: a tree would take ten times their memory, and take it from the allocator for every event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hashes(Vec<(Form, Option<Sha256Hex>)>);

impl Hashes {
    /// Hashes a raw value in every form of its field; `None` when it has no form at all.
    ///
    /// A raw value of 64 hexadecimal digits is taken as a digest the sender made.
    pub fn of(field: Field, raw: &Raw<'_>, country: Option<&str>) -> Option<Self> {
        if let Some(digest) = Sha256Hex::given(&raw.exact) {
            return Some(Self::given(field, digest));
        }
        let digest = |form| normalise(field, form, raw, country).map(|normal| Sha256Hex::of(&normal));
        let base = digest(field.base());
        let mut hashes = Self(vec![(field.base(), base)]);
        for form in field.forms().iter().skip(1) {
            let hash = digest(*form);
            if hash != base {
                hashes.put(*form, hash);
            }
        }
        hashes.0.iter().any(|(_, digest)| digest.is_some()).then_some(hashes)
    }

    /// A digest the sender made; it stands for every form.
    pub fn given(field: Field, digest: Sha256Hex) -> Self {
        Self(vec![(field.base(), Some(digest))])
    }

    /// The digest of `form`, for a value of `field`.
    pub fn get(&self, field: Field, form: Form) -> Option<Sha256Hex> {
        let find = |form| self.0.iter().find(|(known, _)| *known == form).map(|(_, digest)| *digest);
        find(form).or_else(|| find(field.base())).flatten()
    }

    /// Sets the digest of a form, in its place.
    fn put(&mut self, form: Form, digest: Option<Sha256Hex>) {
        match self.0.binary_search_by_key(&form, |(known, _)| *known) {
            Ok(place) => self.0[place].1 = digest,
            Err(place) => self.0.insert(place, (form, digest)),
        }
    }
}

impl Serialize for Hashes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(form, digest)| (form, digest)))
    }
}

impl<'de> Deserialize<'de> for Hashes {
    /// Reads the object form only; the bare string needs its field and is read by [`UserData`].
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = Hashes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object from form to digest")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Hashes, A::Error> {
                let mut hashes = Hashes::default();
                while let Some((form, digest)) = map.next_entry()? {
                    hashes.put(form, digest);
                }
                Ok(hashes)
            }
        }
        deserializer.deserialize_map(Map)
    }
}

/// Values some platforms want in clear because they hash nothing of that kind: never a name, an e-mail or a phone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clear {
    /// City: lower case, letters of all scripts, no digits or symbols, inner blanks kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// Region: like the city, as it was written and not mapped to a code, which is how GA4 and TikTok want it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Postal code: trimmed, upper case, inner blanks and dashes kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// ISO 3166-1 alpha-2 code, upper case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}

impl Clear {
    /// The clear form of a raw value of `field`, as this type's fields describe it; `None` when the field is none
    /// of them, the value is none of that kind, or it is a digest already.
    pub fn of(field: Field, raw: &Raw<'_>) -> Option<String> {
        if Sha256Hex::given(&raw.exact).is_some() {
            return None;
        }
        let (exact, lower) = (raw.exact.as_bytes(), raw.lower.as_bytes());
        let mut memory = vec![0; Room::for_text(exact.len().max(lower.len()))];
        let text = Text { exact, lower, country: b"" };
        let clear = place::clear(field, text, &mut Room::new(&mut memory)).to_vec();
        String::from_utf8(clear).ok().filter(|clear| !clear.is_empty())
    }

    /// Keeps the clear form of a raw value, unless one is known or there is none. Answers whether it was kept.
    pub fn add_raw(&mut self, field: Field, raw: &Raw<'_>) -> bool {
        let Some(slot) = self.slot(field) else { return false };
        if slot.is_some() {
            return false;
        }
        *slot = Self::of(field, raw);
        slot.is_some()
    }

    /// The value in the form `platform` documents for its own clear fields; `None` when it takes none.
    ///
    /// Google Ads takes country and postal code, TikTok everything but the postal code, in lower case and without
    /// blanks, GA4 all four (its postal code without `.` and `~`).
    pub fn given_to(&self, platform: &str, field: Field) -> Option<String> {
        match (platform, field) {
            ("google-ads" | "ga4", Field::Country) => self.country.clone(),
            ("google-ads", Field::PostalCode) => self.postal_code.clone(),
            ("ga4", Field::City) => self.city.clone(),
            ("ga4", Field::Region) => self.region.clone(),
            ("ga4", Field::PostalCode) => {
                let kept: String =
                    self.postal_code.as_deref()?.chars().filter(|c| !matches!(c, '.' | '~')).collect();
                Some(kept.trim().to_owned()).filter(|code| !code.is_empty())
            }
            // Squashed like the city that is hashed; the text is in lower case.
            ("tiktok", Field::City) => squashed(self.city.as_deref()?),
            ("tiktok", Field::Region) => squashed(self.region.as_deref()?),
            ("tiktok", Field::Country) => self.country.as_deref().map(str::to_ascii_lowercase),
            _ => None,
        }
    }

    fn slot(&mut self, field: Field) -> Option<&mut Option<String>> {
        match field {
            Field::City => Some(&mut self.city),
            Field::Region => Some(&mut self.region),
            Field::PostalCode => Some(&mut self.postal_code),
            Field::Country => Some(&mut self.country),
            Field::Email
            | Field::Phone
            | Field::FirstName
            | Field::LastName
            | Field::Gender
            | Field::BirthDate
            | Field::Street
            | Field::ExternalId => None,
        }
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn squashed(lower: &str) -> Option<String> {
    normalise(Field::City, Form::Plain, &Raw::prepared(lower, lower), None)
}

/// Everything known of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserData {
    /// In the order of the fields, each once.
    fields: Vec<(Field, Vec<Hashes>)>,
    /// What may stand in clear.
    pub clear: Clear,
}

impl UserData {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.clear.is_empty()
    }

    /// Adds one value of a field, unless it is there already or the field is full.
    pub fn add(&mut self, field: Field, value: Hashes) {
        let found = self.fields.binary_search_by_key(&field, |(known, _)| *known);
        let place = found.unwrap_or_else(|place| {
            self.fields.insert(place, (field, Vec::new()));
            place
        });
        let values = &mut self.fields[place].1;
        if !values.contains(&value) && values.len() < limits::IDENTITY_VALUES {
            values.push(value);
        }
    }

    /// Hashes a raw value and adds it. Answers whether it was a usable value of that field.
    pub fn add_raw(&mut self, field: Field, raw: &Raw<'_>, country: Option<&str>) -> bool {
        match Hashes::of(field, raw, country) {
            Some(hashes) => {
                self.add(field, hashes);
                true
            }
            None => false,
        }
    }

    /// Every digest of a field in one form, in the order the values came, without repeats.
    pub fn digests(&self, field: Field, form: Form) -> Vec<Sha256Hex> {
        let mut digests = Vec::new();
        for value in self.values(field) {
            if let Some(digest) = value.get(field, form)
                && !digests.contains(&digest)
            {
                digests.push(digest);
            }
        }
        digests
    }

    /// Whether any value of a field is known.
    pub fn has(&self, field: Field) -> bool {
        !self.values(field).is_empty()
    }

    /// Every value of a field, in the order they came.
    fn values(&self, field: Field) -> &[Hashes] {
        let found = self.fields.iter().find(|(known, _)| *known == field);
        found.map_or(&[], |(_, values)| values)
    }

    /// Adds everything `other` knows and this does not.
    pub fn merge(&mut self, other: &Self) {
        for (field, values) in &other.fields {
            for value in values {
                self.add(*field, value.clone());
            }
        }
        let Clear { city, region, postal_code, country } = &other.clear;
        for (mine, theirs) in [
            (&mut self.clear.city, city),
            (&mut self.clear.region, region),
            (&mut self.clear.postal_code, postal_code),
            (&mut self.clear.country, country),
        ] {
            if mine.is_none() {
                mine.clone_from(theirs);
            }
        }
    }
}

impl Serialize for UserData {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (field, values) in &self.fields {
            map.serialize_entry(field, values)?;
        }
        if !self.clear.is_empty() {
            map.serialize_entry("clear", &self.clear)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for UserData {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;
        impl<'de> Visitor<'de> for Map {
            type Value = UserData;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("hashed user data by field")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UserData, A::Error> {
                let mut user = UserData::default();
                while let Some(name) = map.next_key::<String>()? {
                    match Field::named(&name) {
                        Some(field) => {
                            for value in map.next_value::<Vec<OneValue>>()? {
                                user.add(field, value.of(field));
                            }
                        }
                        None if name == "clear" => user.clear = map.next_value()?,
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

/// A value in either of its two shapes.
enum OneValue {
    Given(Sha256Hex),
    Forms(Hashes),
}

impl OneValue {
    fn of(self, field: Field) -> Hashes {
        match self {
            Self::Forms(hashes) => hashes,
            Self::Given(digest) => Hashes::given(field, digest),
        }
    }
}

impl<'de> Deserialize<'de> for OneValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = OneValue;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a digest or an object from form to digest")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<OneValue, E> {
                Sha256Hex::given(text).map(OneValue::Given).ok_or_else(|| {
                    E::custom("user data must be hashed here: expected 64 hexadecimal digits of SHA-256")
                })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OneValue, A::Error> {
                Hashes::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(OneValue::Forms)
            }
        }
        deserializer.deserialize_any(Either)
    }
}
