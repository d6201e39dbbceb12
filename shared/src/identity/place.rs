//! Places: street, city, region, postal code, country, hashed or in clear.
//!
//! Regions are mapped to codes for the United States and Canada only, where Meta, Snapchat and Pinterest ask for
//! it. A country that is not recognised is left out: the first two letters of its name would be a wrong country.

use super::character::{DIGIT, FOLD, SYMBOL, WIDE, keep, squash};
use super::country;

/// Lower case, symbols removed, blanks kept (Google's `addressLine`).
pub(super) fn street(lower: &str) -> String {
    keep(lower, SYMBOL)
}

/// Lower case without blanks and ASCII punctuation; accents and all scripts stay.
pub(super) fn city(lower: &str) -> String {
    squash(lower)
}

/// The two-letter code of a state of the US or a province of Canada, anything else squashed like a city.
pub(super) fn region(lower: &str, country: &str) -> String {
    // ISO 3166-2, as shops write it: "US-CA".
    if let ("us-" | "ca-", Some(code)) = (lower.get(..3).unwrap_or_default(), lower.get(3..))
        && code.len() == 2
    {
        return north_american(squash(code), lower.starts_with("us"), lower.starts_with("ca"));
    }
    let is = |code: &str| country.is_empty() || country.eq_ignore_ascii_case(code);
    north_american(squash(lower), is("us"), is("ca"))
}

/// The code of a state or province, where the region may be one; else the region as it is.
#[cfg(feature = "names")]
fn north_american(name: String, us: bool, ca: bool) -> String {
    let state = if us { country::code_of(US_STATES, &name) } else { None };
    let code = state.or_else(|| if ca { country::code_of(CANADIAN_PROVINCES, &name) } else { None });
    code.map_or(name, str::to_owned)
}

/// Without the tables a region in words that may be a state is left out: its code cannot be told, and the digest of
/// its name would match nobody.
#[cfg(not(feature = "names"))]
fn north_american(name: String, us: bool, ca: bool) -> String {
    if name.len() == 2 || !(us || ca) { name } else { String::new() }
}

/// Lower case without blanks and dashes; for the United States the first five digits. A single character is
/// no postal code.
pub(super) fn postal_code(lower: &str, country: &str) -> String {
    let folded = keep(lower, FOLD);
    let mut code = squash(&folded);
    let nine_digits = code.len() == 9 && code.bytes().all(|b| b.is_ascii_digit());
    // "94035-1234" is an American code whoever asks; the bare nine digits are one only in that country.
    if nine_digits
        && (country.eq_ignore_ascii_case("us") || folded.bytes().position(|b| b == b'-') == Some(5))
    {
        code.truncate(5);
    } else if code.chars().nth(1).is_none() {
        code.clear();
    }
    code
}

/// ISO 3166-1 alpha-2, lower case, from a code of two or three letters or a name.
pub(super) fn country(lower: &str) -> String {
    country::named(&squash(lower))
}

/// City or region in clear: lower case, letters and inner blanks only.
pub(super) fn clear_name(lower: &str) -> String {
    keep(lower, DIGIT | SYMBOL | WIDE)
}

/// Postal code in clear: ASCII letters in upper case, blanks and dashes inside kept, so that Google finds an
/// American `94035-1234` and a British `SW1A 1AA` as their posts write them.
pub(super) fn clear_postal_code(exact: &str) -> String {
    let mut code = keep(exact, FOLD);
    if !code.bytes().any(|b| b.is_ascii_alphanumeric()) {
        code.clear();
    }
    code.make_ascii_uppercase();
    code
}

/// States, the federal district and territories of the United States (USPS codes).
#[cfg(feature = "names")]
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
#[cfg(feature = "names")]
const CANADIAN_PROVINCES: &str = "\
    ab:alberta bc:britishcolumbia mb:manitoba nb:newbrunswick nl:newfoundlandandlabrador:newfoundland \
    ns:novascotia nt:northwestterritories nu:nunavut on:ontario pe:princeedwardisland qc:quebec:québec \
    sk:saskatchewan yt:yukon";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Raw;

    #[test]
    fn regions_map_in_north_america_only() {
        let check = |raw: &str, country: Option<&str>, expected| {
            assert_eq!(
                region(&Raw::new(raw).lower, country.unwrap_or_default()),
                expected,
                "{raw:?} in {country:?}"
            );
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
        assert_eq!(region(&Raw::new(" - ").lower, ""), "");
    }

    #[test]
    fn postal_codes() {
        let check = |raw: &str, country: Option<&str>, expected: &str| {
            let code = postal_code(&Raw::new(raw).lower, country.unwrap_or_default());
            assert_eq!(code, expected, "{raw:?} in {country:?}");
        };
        check("94035-1234", None, "94035");
        check("94035-1234", Some("US"), "94035");
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
        let check =
            |rule: fn(&str) -> String, raw: &str, expected: &str| assert_eq!(rule(raw), expected, "{raw:?}");
        check(clear_name, " san francisco 2!", "san francisco");
        check(clear_name, "são paulo", "são paulo");
        check(clear_name, "12", "");
        check(clear_postal_code, " sw1a 1aa ", "SW1A 1AA");
        check(clear_postal_code, " - ", "");
    }
}
