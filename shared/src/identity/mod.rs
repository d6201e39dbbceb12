//! Identity: who a visitor is, as hashes of normal forms.
//!
//! Platforms disagree on the normal form of the same e-mail address, phone number or name, so a field has several
//! **forms** and a platform picks the one it documents. This module owns the fields, the forms, the hash and
//! [`UserData`], the only shape in which a person is carried, stored or sent. Raw values go in at the edge
//! (the tag, the relay's `collect`) and never further.
//!
//! Rooms: one file per group of rules (`email`, `phone`, `name`, `place`, `personal`), those they share
//! (`character`, `country`, `calling`), `hash`, `user_data`, and `platform_forms`, the table that says which form each platform
//! takes.

mod calling;
mod character;
mod country;
mod email;
mod hash;
mod name;
mod personal;
mod phone;
#[cfg(feature = "places")]
mod place;
#[cfg(not(feature = "places"))]
#[path = "no_place.rs"]
mod place;
mod platform_forms;
mod text;
mod user_data;

pub use character::Room;
pub use hash::{Sha256Hex, hex_of, is_given};
pub use platform_forms::{Given, PLATFORMS, Take, for_platform, taken_by};
pub use text::Raw;
pub use user_data::{Clear, Hashes, UserData};

use character::{BLANK, SYMBOL};
use serde::{Deserialize, Serialize};

/// A piece of personal data, by its name on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// E-mail address.
    Email,
    /// Telephone number.
    Phone,
    /// Given name.
    FirstName,
    /// Family name.
    LastName,
    /// Gender.
    Gender,
    /// Date of birth.
    BirthDate,
    /// Street and number.
    Street,
    /// City.
    City,
    /// State, province or region.
    Region,
    /// Postal code.
    PostalCode,
    /// Country.
    Country,
    /// The site's own id of the person.
    ExternalId,
}

/// A named normal form. Every field has one **base** form; the others matter only where they differ from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// The base form of every field but the phone.
    Plain,
    /// E-mail with every blank removed, also inside (LinkedIn).
    Compact,
    /// Google's own rules (Data Manager and Ads API).
    Google,
    /// Microsoft Advertising's own rules.
    Microsoft,
    /// Reddit's own rules.
    Reddit,
    /// Phone in E.164 with the plus: the base form of the phone.
    E164,
    /// Phone as digits with country code and no plus (Meta, Pinterest, Snapchat).
    Digits,
    /// TikTok's own phone rule: E.164, but the bare national number for country code 86.
    Tiktok,
    /// GA4 Measurement Protocol's own rules.
    Ga4,
    /// Pinterest's own rules (gender has a third value).
    Pinterest,
    /// Blanks at the ends removed and nothing else; case kept (external ids of TikTok and Reddit).
    Exact,
}

impl Field {
    /// Every field, in the order of the wire.
    pub const ALL: [Self; 12] = [
        Self::Email,
        Self::Phone,
        Self::FirstName,
        Self::LastName,
        Self::Gender,
        Self::BirthDate,
        Self::Street,
        Self::City,
        Self::Region,
        Self::PostalCode,
        Self::Country,
        Self::ExternalId,
    ];

    /// The name on the wire: `email`, `first_name` …
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::FirstName => "first_name",
            Self::LastName => "last_name",
            Self::Gender => "gender",
            Self::BirthDate => "birth_date",
            Self::Street => "street",
            Self::City => "city",
            Self::Region => "region",
            Self::PostalCode => "postal_code",
            Self::Country => "country",
            Self::ExternalId => "external_id",
        }
    }

    /// The field with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    /// The form that stands for all others unless they differ.
    pub const fn base(self) -> Form {
        match self {
            Self::Phone => Form::E164,
            _ => Form::Plain,
        }
    }

    /// Every form some platform asks of this field, the base form first.
    pub const fn forms(self) -> &'static [Form] {
        match self {
            Self::Email => &[Form::Plain, Form::Compact, Form::Google, Form::Microsoft, Form::Reddit],
            Self::Phone => &[Form::E164, Form::Digits, Form::Tiktok],
            Self::FirstName | Self::LastName => &[Form::Plain, Form::Google, Form::Ga4],
            Self::Gender => &[Form::Plain, Form::Pinterest],
            Self::ExternalId => &[Form::Plain, Form::Exact],
            Self::Street => &[Form::Plain],
            Self::BirthDate | Self::City | Self::Region | Self::PostalCode | Self::Country => &[Form::Plain],
        }
    }
}

/// The normal `form` of a raw value, before hashing; `None` when the value cannot be this field
/// (an e-mail address without a domain, a phone number without a country, a date that is none).
///
/// `country` is the ISO 3166-1 alpha-2 code of the person or the site, for national phone numbers, postal codes
/// and regions.
pub fn normalise(field: Field, form: Form, raw: &Raw<'_>, country: Option<&str>) -> Option<String> {
    let country = country.unwrap_or_default();
    let longest = raw.exact.len().max(raw.lower.len()) + country.len();
    let mut memory = vec![0; Room::for_text(longest)];
    let text = Text { exact: raw.exact.as_bytes(), lower: raw.lower.as_bytes(), country: country.as_bytes() };
    let normal = text.normal(field, form, &mut Room::new(&mut memory)).to_vec();
    String::from_utf8(normal).ok().filter(|normal| !normal.is_empty())
}

/// A raw value as the rules work on it: UTF-8 in bytes, and no allocation. The tag calls this; [`normalise`] and
/// [`Clear::of`] are the same for everyone else.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// Composed (NFC), no blanks at the ends, case kept.
    pub exact: &'a [u8],
    /// The same in lower case.
    pub lower: &'a [u8],
    /// The country as [`normalise`] takes it, empty when unknown.
    pub country: &'a [u8],
}

impl<'a> Text<'a> {
    /// What [`normalise`] gives; empty when that is nothing, which no normal form is.
    pub fn normal(self, field: Field, form: Form, room: &mut Room<'a>) -> &'a [u8] {
        let Self { exact, lower, country } = self;
        match field {
            Field::Email => email::normalise(form, lower, room).unwrap_or_default(),
            Field::Phone => phone::normalise(form, lower, country, room).unwrap_or_default(),
            Field::FirstName | Field::LastName => name::normalise(field, form, lower, room),
            Field::Gender => personal::gender(form, lower, room),
            Field::BirthDate => personal::birth_date(lower, room).unwrap_or_default(),
            // The site's own id: exactly as it is where the platform keeps the case.
            Field::ExternalId if form == Form::Exact => exact,
            Field::ExternalId => room.keep(lower, BLANK),
            // Google's `addressLine`: blanks are kept.
            Field::Street => room.keep(lower, SYMBOL),
            Field::City | Field::Region | Field::PostalCode | Field::Country => {
                place::normalise(field, self, room)
            }
        }
    }
}
