//! Places: city, region, postal code and country, hashed or in clear. The street is no place: it is hashed only.
//!
//! Regions are mapped to codes for the United States and Canada only, where Meta, Snapchat and Pinterest ask for
//! it.

use super::character::{ASCII, DIGIT, FOLD, Room, SYMBOL, UPPER, WIDE, next};
use super::{Field, Form, Text, country};
use crate::words::{same, split};

/// The normal form of a place, which has only one.
pub(super) fn normalise<'a>(field: Field, text: Text<'a>, room: &mut Room<'a>) -> &'a [u8] {
    let Text { lower, country, .. } = text;
    match field {
        Field::Region => region(lower, country, room),
        Field::PostalCode => postal_code(lower, country, room),
        Field::Country => {
            let name = room.squash(lower);
            country::named(name, room).unwrap_or_default()
        }
        // Accents and all scripts stay.
        _ => room.squash(lower),
    }
}

/// What [`Clear::of`](super::Clear::of) gives of a value that is no digest; empty when that is nothing. An e-mail address
/// typed into the field of a place is none.
pub(super) fn clear<'a>(field: Field, text: Text<'a>, room: &mut Room<'a>) -> &'a [u8] {
    match field {
        _ if room.keep(text.exact, FOLD).contains(&b'@') => b"",
        Field::City | Field::Region => room.keep(text.lower, DIGIT | SYMBOL | WIDE),
        Field::PostalCode => clear_postal_code(text.exact, room),
        Field::Country => {
            let code = text.normal(field, Form::Plain, room);
            room.keep(code, UPPER)
        }
        Field::Email
        | Field::Phone
        | Field::FirstName
        | Field::LastName
        | Field::Gender
        | Field::BirthDate
        | Field::Street
        | Field::ExternalId => b"",
    }
}

/// The two-letter code of a state of the US or a province of Canada, anything else squashed like a city.
fn region<'a>(lower: &[u8], country: &[u8], room: &mut Room<'a>) -> &'a [u8] {
    let (mut home, mut name) = (country, lower);
    // ISO 3166-2, as shops write it: "US-CA".
    if let Some((prefix @ (b"us" | b"ca"), code)) = split(lower, b'-')
        && code.len() == 2
    {
        (home, name) = (prefix, code);
    }
    let is = |code: &[u8]| home.is_empty() || same(home, code, true);
    north_american(room.squash(name), is(b"us"), is(b"ca"))
}

/// The code of a state or province, where the region may be one; else the region as it is.
fn north_american(name: &[u8], us: bool, ca: bool) -> &[u8] {
    let state = if us { country::code_of(US_STATES, name) } else { None };
    let code = state.or_else(|| if ca { country::code_of(CANADIAN_PROVINCES, name) } else { None });
    code.map_or(name, str::as_bytes)
}

/// Lower case without blanks and dashes; for the United States the first five digits. A single character is
/// no postal code.
fn postal_code<'a>(lower: &[u8], country: &[u8], room: &mut Room<'a>) -> &'a [u8] {
    let folded = room.keep(lower, FOLD);
    let code = room.squash(folded);
    let nine_digits = code.len() == 9 && code.iter().all(u8::is_ascii_digit);
    // "94035-1234" is an American code whoever asks; the bare nine digits are one only in that country.
    let written = room.keep(lower, ASCII);
    let parted = written.len() == 10 && written.get(5).is_some_and(|byte| !byte.is_ascii_digit());
    if nine_digits && (same(country, b"us", true) || parted) {
        return code.get(..5).unwrap_or_default();
    }
    if is_longer_than_one(code) { code } else { b"" }
}

/// Whether there is more than one character in `text`.
fn is_longer_than_one(mut text: &[u8]) -> bool {
    next(&mut text).is_some() && !text.is_empty()
}

/// Postal code in clear: ASCII letters in upper case, blanks and dashes inside kept, so that Google finds an
/// American `94035-1234` and a British `SW1A 1AA` as their posts write them.
fn clear_postal_code<'a>(exact: &[u8], room: &mut Room<'a>) -> &'a [u8] {
    let code = room.keep(exact, UPPER);
    if code.iter().any(u8::is_ascii_alphanumeric) { code } else { b"" }
}

/// States, the federal district and territories of the United States (USPS codes).
const US_STATES: &str = "\
    al:alabama ak:alaska az:arizona ar:arkansas ca:california co:colorado ct:connecticut de:delaware \
    dc:districtofcolumbia:washingtondc fl:florida ga:georgia hi:hawaii id:idaho il:illinois in:indiana ia:iowa \
    ks:kansas ky:kentucky la:louisiana me:maine md:maryland ma:massachusetts mi:michigan mn:minnesota \
    ms:mississippi mo:missouri mt:montana ne:nebraska nv:nevada nh:newhampshire nj:newjersey nm:newmexico \
    ny:newyork nc:northcarolina nd:northdakota oh:ohio ok:oklahoma or:oregon pa:pennsylvania ri:rhodeisland \
    sc:southcarolina sd:southdakota tn:tennessee tx:texas ut:utah vt:vermont va:virginia wa:washington \
    wv:westvirginia wi:wisconsin wy:wyoming as:americansamoa gu:guam mp:northernmarianaislands pr:puertorico \
    vi:virginislands";

/// Provinces and territories of Canada (Canada Post codes).
const CANADIAN_PROVINCES: &str = "\
    ab:alberta bc:britishcolumbia mb:manitoba nb:newbrunswick nl:newfoundlandandlabrador:newfoundland \
    ns:novascotia nt:northwestterritories nu:nunavut on:ontario pe:princeedwardisland qc:quebec:québec \
    sk:saskatchewan yt:yukon";

#[cfg(test)]
mod tests {
    use crate::identity::{Clear, Field, Form, Raw, normalise};

    fn of(field: Field, raw: &str, country: Option<&str>) -> String {
        normalise(field, Form::Plain, &Raw::new(raw), country).unwrap_or_default()
    }

    #[test]
    fn regions_map_in_north_america_only() {
        let check = |raw: &str, country: Option<&str>, expected| {
            assert_eq!(of(Field::Region, raw, country), expected, "{raw:?} in {country:?}");
        };
        check("California", None, "ca");
        check("California", Some("US"), "ca");
        check("Québec", Some("ca"), "qc");
        check("New South Wales", None, "newsouthwales");
        check("Georgia", Some("GE"), "georgia");
        check("Georgia", Some("US"), "ga");
        check("Ontario", Some("US"), "ontario");
        check("Washington, D.C.", None, "dc");
        check("NY", None, "ny");
        check("US-CA", Some("DE"), "ca");
        check("Île-de-France", Some("FR"), "îledefrance");
        assert_eq!(of(Field::Region, " - ", None), "");
    }

    #[test]
    fn postal_codes() {
        let check = |raw: &str, country: Option<&str>, expected: &str| {
            let code = of(Field::PostalCode, raw, country);
            assert_eq!(code, expected, "{raw:?} in {country:?}");
        };
        check("94035-1234", None, "94035");
        check("94035-1234", Some("US"), "94035");
        check("94035 1234", None, "94035");
        check("94035–1234", None, "94035");
        check("940351234", Some("us"), "94035");
        check("940351234", None, "940351234");
        check("02139", Some("US"), "02139");
        check("SW1A 1AA", Some("GB"), "sw1a1aa");
        check("123-4567", Some("JP"), "1234567");
        check("１２３－４５６７", Some("JP"), "1234567");
        check("01310-100", Some("BR"), "01310100");
        check("1", None, "");
        check(" ", None, "");
    }

    #[test]
    fn places_in_clear_keep_their_blanks() {
        let check = |field, raw: &str, expected: Option<&str>| {
            assert_eq!(Clear::of(field, &Raw::new(raw)).as_deref(), expected, "{raw:?}");
        };
        check(Field::City, " San Francisco 2!", Some("san francisco"));
        check(Field::City, "São Paulo", Some("são paulo"));
        check(Field::City, "12", None);
        check(Field::PostalCode, " sw1a 1aa ", Some("SW1A 1AA"));
        check(Field::PostalCode, " - ", None);
    }

    #[test]
    fn an_email_address_in_the_wrong_field_is_no_place() {
        for field in [Field::City, Field::Region, Field::PostalCode, Field::Country] {
            for address in ["Jane.Doe@example.com", "Jane.Doe＠example.com"] {
                assert_eq!(Clear::of(field, &Raw::new(address)), None, "{field:?} {address}");
            }
        }
    }
}
