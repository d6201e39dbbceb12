//! Places: street, city, region, postal code, country, hashed or in clear.
//!
//! Regions are mapped to codes for the United States and Canada only, where Meta, Snapchat and Pinterest ask for
//! it. A country that is not recognised is left out: the first two letters of its name would be a wrong country.

use super::character::{fold, is_letter, is_symbol, keep, squash};
use super::{Raw, country};

/// Lower case, symbols removed, blanks kept (Google's `addressLine`).
pub(super) fn street(raw: &Raw<'_>) -> Option<String> {
    keep(&raw.lower, |c| !is_symbol(c))
}

/// Lower case without blanks and punctuation; accents and all scripts stay.
pub(super) fn city(raw: &Raw<'_>) -> Option<String> {
    squash(&raw.lower)
}

/// The two-letter code of a state of the US or a province of Canada, anything else squashed like a city.
pub(super) fn region(raw: &Raw<'_>, country: Option<&str>) -> Option<String> {
    let (name, home) = match raw.lower.split_once('-') {
        // ISO 3166-2, as shops write it: "US-CA".
        Some((prefix @ ("us" | "ca"), code)) if code.len() == 2 => (squash(code)?, Some(prefix)),
        _ => (squash(&raw.lower)?, country),
    };
    let is = |code: &str| home.is_none_or(|home| home.eq_ignore_ascii_case(code));
    north_american(name, is("us"), is("ca"))
}

/// The code of a state or province, where the region may be one; else the region as it is.
#[cfg(feature = "names")]
fn north_american(name: String, us: bool, ca: bool) -> Option<String> {
    let state = if us { country::code_of(US_STATES, &name) } else { None };
    let code = state.or_else(|| if ca { country::code_of(CANADIAN_PROVINCES, &name) } else { None });
    Some(code.map_or(name, str::to_owned))
}

/// Without the tables a region in words that may be a state is left out: its code cannot be told, and the digest of
/// its name would match nobody.
#[cfg(not(feature = "names"))]
fn north_american(name: String, us: bool, ca: bool) -> Option<String> {
    (name.len() == 2 || !(us || ca)).then_some(name)
}

/// Lower case without blanks and dashes; for the United States the first five digits. A single character is
/// no postal code.
pub(super) fn postal_code(raw: &Raw<'_>, country: Option<&str>) -> Option<String> {
    let folded: String = raw.lower.chars().map(fold).collect();
    let mut code = squash(&folded)?;
    let american = country.is_some_and(|country| country.eq_ignore_ascii_case("us"));
    let nine_digits = code.len() == 9 && code.bytes().all(|b| b.is_ascii_digit());
    // "94035-1234" is an American code whoever asks; the bare nine digits are one only in that country.
    let parted = folded.chars().count() == 10 && folded.chars().nth(5).is_some_and(|c| !c.is_ascii_digit());
    if nine_digits && (american || parted) {
        code.truncate(5);
    }
    (code.chars().nth(1).is_some()).then_some(code)
}

/// ISO 3166-1 alpha-2, lower case, from a code of two or three letters or a name.
pub(super) fn country(raw: &Raw<'_>) -> Option<String> {
    Some(country::named(&squash(&raw.lower)?)?.code.to_owned())
}

/// City or region in clear: lower case, letters and inner blanks only.
pub(super) fn clear_name(raw: &Raw<'_>) -> Option<String> {
    keep(&raw.lower, |c| c.is_whitespace() || is_letter(fold(c)))
}

/// Postal code in clear: ASCII letters in upper case, blanks and dashes inside kept, so that Google finds an
/// American `94035-1234` and a British `SW1A 1AA` as their posts write them.
pub(super) fn clear_postal_code(raw: &Raw<'_>) -> Option<String> {
    let code: String = raw.exact.chars().map(fold).collect();
    code.chars().any(|c| c.is_ascii_alphanumeric()).then(|| code.to_ascii_uppercase())
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

    #[test]
    fn regions_map_in_north_america_only() {
        let check = |raw: &str, country, expected| {
            assert_eq!(region(&Raw::new(raw), country).as_deref(), Some(expected), "{raw:?} in {country:?}");
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
        assert_eq!(region(&Raw::new(" - "), None), None);
    }

    #[test]
    fn postal_codes() {
        let check = |raw: &str, country, expected: &str| {
            let code = postal_code(&Raw::new(raw), country).unwrap_or_default();
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
        assert_eq!(clear_name(&Raw::new(" San Francisco 2!")).as_deref(), Some("san francisco"));
        assert_eq!(clear_name(&Raw::new("São Paulo")).as_deref(), Some("são paulo"));
        assert_eq!(clear_name(&Raw::new("12")), None);
        assert_eq!(clear_postal_code(&Raw::new(" sw1a 1aa ")).as_deref(), Some("SW1A 1AA"));
        assert_eq!(clear_postal_code(&Raw::new(" - ")), None);
    }
}
