//! Which form of which field each platform takes: the one table behind `hash`, `preview` and every platform file.
//!
//! Every line follows section 4 of the platform's dossier. A platform that takes a field nowhere in its schema
//! gets nothing of it, even where we could hash it.

use super::{Clear, Field, Form, Hashes, Raw, Sha256Hex};

/// Every platform name, in the order of the documentation.
pub const PLATFORMS: [&str; 13] = [
    "meta",
    "google-ads",
    "tiktok",
    "microsoft",
    "outbrain",
    "taboola",
    "webhook",
    "ga4",
    "pinterest",
    "snapchat",
    "linkedin",
    "reddit",
    "x",
];

/// What a platform takes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// Nothing.
    Nothing,
    /// The digest of this form.
    Hashed(Form),
    /// The value in clear, in that platform's own normal form (see [`Clear::given_to`]).
    Clear,
}

/// What a platform is given for one raw value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// Nothing: the platform does not take the field, or the value is none of that kind.
    Nothing,
    /// A digest.
    Hashed(Sha256Hex),
    /// Text in clear.
    Clear(String),
}

/// What `platform` takes of `field`; nothing for a platform that is not in [`PLATFORMS`].
pub fn taken_by(platform: &str, field: Field) -> Take {
    match platform {
        "meta" => everything(field, Form::Digits, Form::Plain),
        "pinterest" => everything(field, Form::Digits, Form::Pinterest),
        "snapchat" => everything(field, Form::Digits, Form::Plain),
        "google-ads" => google_ads(field),
        "ga4" => ga4(field),
        "tiktok" => tiktok(field),
        // A pseudonym; Microsoft hashes nothing of it and asks that it be none of the site's own account numbers.
        "microsoft" if field == Field::ExternalId => Take::Hashed(Form::Plain),
        "microsoft" => contact(field, Form::Microsoft),
        "x" => contact(field, Form::Plain),
        "reddit" if field == Field::ExternalId => Take::Hashed(Form::Exact),
        "reddit" => contact(field, Form::Reddit),
        // LinkedIn has no phone; its names and external id are plain text, which we never hold.
        "linkedin" if field == Field::Email => Take::Hashed(Form::Compact),
        "webhook" => Take::Hashed(field.base()),
        _ => Take::Nothing,
    }
}

/// What `platform` is given for a raw value of `field`; the same rules that `serve` runs. A value that is a digest
/// already is given as it is.
pub fn for_platform(platform: &str, field: Field, raw: &Raw<'_>, country: Option<&str>) -> Given {
    match taken_by(platform, field) {
        Take::Nothing => Given::Nothing,
        Take::Hashed(form) => Hashes::of(field, raw, country)
            .and_then(|hashes| hashes.get(field, form))
            .map_or(Given::Nothing, Given::Hashed),
        Take::Clear => {
            let mut clear = Clear::default();
            clear.add_raw(field, raw);
            clear.given_to(platform, field).map_or(Given::Nothing, Given::Clear)
        }
    }
}

/// Meta's customer information and those modelled on it: all but the street.
fn everything(field: Field, phone: Form, gender: Form) -> Take {
    match field {
        Field::Phone => Take::Hashed(phone),
        Field::Gender => Take::Hashed(gender),
        Field::Street => Take::Nothing,
        Field::Email
        | Field::FirstName
        | Field::LastName
        | Field::BirthDate
        | Field::City
        | Field::Region
        | Field::PostalCode
        | Field::Country
        | Field::ExternalId => Take::Hashed(Form::Plain),
    }
}

/// E-mail and phone, nothing else.
fn contact(field: Field, email: Form) -> Take {
    match field {
        Field::Email => Take::Hashed(email),
        Field::Phone => Take::Hashed(Form::E164),
        Field::FirstName
        | Field::LastName
        | Field::Gender
        | Field::BirthDate
        | Field::Street
        | Field::City
        | Field::Region
        | Field::PostalCode
        | Field::Country
        | Field::ExternalId => Take::Nothing,
    }
}

/// Data Manager API: names hashed, region code and postal code in clear. The hashed street counts for Analytics
/// and for Ads API adjustments only.
fn google_ads(field: Field) -> Take {
    match field {
        Field::FirstName | Field::LastName => Take::Hashed(Form::Google),
        Field::Street => Take::Hashed(Form::Plain),
        Field::PostalCode | Field::Country => Take::Clear,
        Field::Email
        | Field::Phone
        | Field::Gender
        | Field::BirthDate
        | Field::City
        | Field::Region
        | Field::ExternalId => contact(field, Form::Google),
    }
}

/// GA4 Measurement Protocol, `user_data`.
fn ga4(field: Field) -> Take {
    match field {
        Field::FirstName | Field::LastName => Take::Hashed(Form::Ga4),
        Field::Street => Take::Hashed(Form::Plain),
        Field::City | Field::Region | Field::PostalCode | Field::Country => Take::Clear,
        Field::Email | Field::Phone | Field::Gender | Field::BirthDate | Field::ExternalId => {
            contact(field, Form::Google)
        }
    }
}

/// TikTok Events API, `user`: city, state and country are not hashed.
fn tiktok(field: Field) -> Take {
    match field {
        Field::Email | Field::FirstName | Field::LastName | Field::PostalCode => Take::Hashed(Form::Plain),
        Field::Phone => Take::Hashed(Form::Tiktok),
        Field::ExternalId => Take::Hashed(Form::Exact),
        Field::City | Field::Region | Field::Country => Take::Clear,
        Field::Gender | Field::BirthDate | Field::Street => Take::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_that_is_taken_exists() {
        for platform in PLATFORMS {
            for field in Field::ALL {
                if let Take::Hashed(form) = taken_by(platform, field) {
                    assert!(field.forms().contains(&form), "{platform} takes {} as {form:?}", field.name());
                }
            }
        }
    }

    #[test]
    fn every_form_is_taken_by_somebody() {
        for field in Field::ALL {
            for form in field.forms() {
                let taken = PLATFORMS.iter().any(|name| taken_by(name, field) == Take::Hashed(*form));
                assert!(
                    taken,
                    "nobody takes {} as {form:?}; the tag would ship it for nothing",
                    field.name()
                );
            }
        }
    }

    #[test]
    fn platforms_without_user_data_get_none() {
        for field in Field::ALL {
            for platform in ["outbrain", "taboola", "unknown"] {
                assert_eq!(taken_by(platform, field), Take::Nothing);
            }
        }
    }

    #[test]
    fn places_go_in_clear_in_each_platforms_own_form() {
        let check = |platform, field, raw: &str, expected: &str| {
            let given = for_platform(platform, field, &Raw::new(raw), None);
            assert_eq!(given, Given::Clear(expected.to_owned()), "{platform} {raw:?}");
        };
        check("google-ads", Field::Country, "us", "US");
        check("google-ads", Field::PostalCode, " 10115 ", "10115");
        check("tiktok", Field::City, "New York", "newyork");
        check("tiktok", Field::Region, "New South Wales", "newsouthwales");
        check("tiktok", Field::Country, "United States", "us");
        check("ga4", Field::Region, "New South Wales", "new south wales");
        check("ga4", Field::Country, "deutschland", "DE");
        check("ga4", Field::PostalCode, " 94.000~ ", "94000");
    }

    #[test]
    fn a_digest_is_never_given_in_clear() {
        let digest = "ab".repeat(32);
        for field in [Field::City, Field::Region, Field::PostalCode, Field::Country] {
            assert_eq!(for_platform("ga4", field, &Raw::new(&digest), None), Given::Nothing);
        }
    }

    #[test]
    fn a_digest_is_given_as_it_is() {
        let digest = "ab".repeat(32);
        let expected = Given::Hashed(Sha256Hex::parse(&digest).expect("64 digits"));
        let spellings = [
            digest.to_uppercase(),
            format!(" {digest}\n"),
            format!("{digest}.AQIAAQEA"),
            format!("{digest}.Bg"),
        ];
        for spelling in spellings {
            for field in [Field::Email, Field::Phone, Field::LastName, Field::BirthDate, Field::ExternalId] {
                assert_eq!(for_platform("meta", field, &Raw::new(&spelling), None), expected, "{spelling:?}");
            }
        }
        let longer = format!("{digest}.AQIAAQEA1");
        assert_ne!(for_platform("meta", Field::ExternalId, &Raw::new(&longer), None), expected);
        assert_eq!(for_platform("meta", Field::Email, &Raw::new(&longer), None), Given::Nothing);
    }
}
