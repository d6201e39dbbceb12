//! Telephone numbers: from what people type to E.164.
//!
//! Owns the reading of separators, `00` and its like, `(0)`, extensions and foreign digits, and the choice between a national
//! and an international number. No number plan is shipped: what cannot be told for sure without one is refused or
//! left alone, and a zero in the middle goes only where a visible separator shows that it is a trunk prefix.
//! ITU-T E.164 allows 15 digits; fewer than 8 is no number with a country code.

use super::character::{fold, is_letter};
use super::{Form, Raw, country};

/// The number in `form`; `country` (ISO alpha-2) makes a national number international.
pub(super) fn normalise(form: Form, raw: &Raw<'_>, country: Option<&str>) -> Option<String> {
    let digits = international(&Written::read(&raw.lower)?, country)?;
    if !(8..=15).contains(&digits.len()) {
        return None;
    }
    match form {
        Form::Digits => Some(digits),
        // TikTok's own tag-manager template sends the bare national number for country code 86
        // (github.com/tiktok/gtm-template-eapi, template.tpl, read 2026-11-23).
        Form::Tiktok => Some(digits.strip_prefix("86").map_or_else(|| with_plus(&digits), str::to_owned)),
        Form::Plain
        | Form::Compact
        | Form::Google
        | Form::Microsoft
        | Form::Reddit
        | Form::E164
        | Form::Ga4
        | Form::Pinterest
        | Form::Exact => Some(with_plus(&digits)),
    }
}

fn with_plus(digits: &str) -> String {
    ["+", digits].concat()
}

/// A number as it was written.
struct Written {
    /// Its ASCII digits, without extension.
    digits: String,
    /// Whether it starts with a plus.
    plus: bool,
    /// Bit `n` is set when a separator stands before digit `n`.
    separated: u32,
}

impl Written {
    /// Reads up to an extension or any other text that follows the number.
    fn read(lower: &str) -> Option<Self> {
        let text = without_label(lower)?;
        let mut written = Self { digits: String::new(), plus: false, separated: 0 };
        let mut gap = false;
        for c in text.chars().map(fold) {
            if c.is_ascii_digit() {
                let place = written.digits.len();
                if place > MOST_DIGITS {
                    return None;
                }
                written.separated |= u32::from(gap) << place;
                written.digits.push(c);
                gap = false;
            } else if written.digits.is_empty() && c == '+' && !written.plus {
                written.plus = true;
            } else if is_letter(c) || matches!(c, '#' | '+' | ';' | ',' | '@') {
                // An extension ("ext. 9", "x9", "#9", ";ext=9") or a remark, once there is a number to extend.
                // Before that it is a word or an address with digits in it.
                if written.digits.len() < 7 || c == '@' {
                    return None;
                }
                break;
            } else {
                gap = true;
            }
        }
        Some(written)
    }

    /// The digits from `start`, read as country code and national number, without a trunk zero that a separator
    /// shows (`+44 (0)20`, `+44-0447`); never for the countries whose national numbers begin with zero.
    fn after_country_code(&self, start: usize) -> Option<String> {
        let digits = self.digits.get(start..)?;
        if digits.starts_with('0') {
            return None;
        }
        let length = calling_code_length(digits);
        let (code, national) = digits.split_at_checked(length)?;
        let shown = self.separated >> (start + length) & 1 == 1;
        let trunk = shown && !KEEPS_ZERO.contains(&code);
        let national = if trunk { national.strip_prefix('0').unwrap_or(national) } else { national };
        Some([code, national].concat())
    }
}

/// `lower` from the number on, without words in front (`Tel. `, `Call me at `). A word that runs into the digits is
/// none: an address or a name with digits in it is no telephone number.
fn without_label(lower: &str) -> Option<&str> {
    let start = lower.find(|c| matches!(fold(c), '+' | '0'..='9'))?;
    let (label, number) = lower.split_at_checked(start)?;
    let label = label.trim_end_matches('(');
    let apart = matches!(label, "tel" | "tel.") || label.ends_with(|c: char| c == ':' || c.is_whitespace());
    (apart || !label.contains(is_letter)).then_some(number)
}

/// Country code and national number, digits only.
fn international(written: &Written, country: Option<&str>) -> Option<String> {
    let digits = written.digits.as_str();
    if written.plus {
        // "+0044 …" is a slip of the pen for "+44 …".
        return written.after_country_code(if digits.starts_with("00") { 2 } else { 0 });
    }
    let country = country.and_then(country::by_code);
    if let Some(dialled) = country.and_then(|country| dial_out(written, country.code)) {
        return written.after_country_code(dialled);
    }
    if digits.starts_with("00") {
        return written.after_country_code(2);
    }
    match country {
        Some(country) if !country.calling.is_empty() => national(written, country.calling),
        Some(_) | None => (digits.len() >= 11).then(|| written.after_country_code(0)).flatten(),
    }
}

/// How many digits in front are what `country` dials before a foreign number, where that is not `00`.
fn dial_out(written: &Written, country: &str) -> Option<usize> {
    DIAL_OUT.split(' ').find_map(|entry| {
        let (prefix, countries) = entry.split_once(':')?;
        let dialled = written.digits.starts_with(prefix) && written.digits.len() >= prefix.len() + 8;
        // "00 1 202 …" and "0091 987 …" are typed by people who think of `00`, whatever their country dials.
        let parted = written.separated.trailing_zeros() as usize;
        let fits = !prefix.starts_with("00") || parted == prefix.len() || parted > prefix.len() + 3;
        (dialled && fits && countries.split(':').any(|code| code == country)).then_some(prefix.len())
    })
}

/// What is dialled before a foreign number where that is neither `00` nor North America's `011`, and in which
/// countries (libphonenumber, 2026-11). Of several prefixes, one for each carrier, those that could as well be `00`
/// and the first digits of a country code are left out.
const DIAL_OUT: &str = "0011:au:cc:cx 001:hk:kh:kr:mn:sg:th 002:kr:sg:tw 010:jp 000:ke:tz:ug 009:ng \
                        810:by:kz:ru:tj:tm 119:cu 012:il 013:il 014:il";

/// A number without plus or `00`, in the country with this calling code.
fn national(written: &Written, calling: &str) -> Option<String> {
    let digits = written.digits.as_str();
    if calling == "1" {
        return north_american(written);
    }
    if digits.starts_with(calling) && digits.len() >= shortest_international(calling) {
        return written.after_country_code(0);
    }
    // Russia and its neighbours dial 8 before a national number of ten digits (Turkmenistan of eight, Belarus 80 and
    // nine), Hungary 06.
    let bare = match calling {
        "7" if digits.len() == 11 => digits.strip_prefix('8'),
        "375" if digits.len() == 11 => digits.strip_prefix("80"),
        "993" if digits.len() == 9 => digits.strip_prefix('8'),
        "36" => digits.strip_prefix("06"),
        _ => None,
    };
    let bare = bare.unwrap_or_else(|| match digits.strip_prefix('0') {
        Some(rest) if !KEEPS_ZERO.contains(&calling) => rest,
        Some(_) | None => digits,
    });
    Some([calling, bare].concat())
}

/// North America: ten digits, with or without the 1; 011 dials abroad; anything longer brings its country code.
/// No number of its plan begins with 0, so that one before the 1 is a slip of the pen.
fn north_american(written: &Written) -> Option<String> {
    let digits = written.digits.as_str();
    match digits.len() {
        12 if digits.starts_with("01") && !digits.starts_with("011") => written.after_country_code(1),
        10 if !digits.starts_with('0') => Some(["1", digits].concat()),
        11.. if digits.starts_with("011") => written.after_country_code(3),
        11.. => written.after_country_code(0),
        _ => None,
    }
}

/// From how many digits on a number that begins with its own country's calling code is read as international.
/// Shorter, it is a national number that happens to begin so: an Italian mobile 39x, an Indian 91x.
fn shortest_international(calling: &str) -> usize {
    match calling {
        "55" => 12,
        "351" | "420" | "421" => 10,
        "32" | "36" | "45" | "46" | "47" | "60" | "64" | "65" | "66" => 10,
        _ if calling.len() == 3 => 9,
        _ => 11,
    }
}

/// How many digits the calling code at the start of `digits` has: zones 1 and 7 have one, the listed ones two,
/// all others three (ITU-T E.164, list of assigned codes).
fn calling_code_length(digits: &str) -> usize {
    const TWO: &str = "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 \
                       64 65 66 81 82 84 86 90 91 92 93 94 95 98";
    match digits.as_bytes().first() {
        Some(b'1' | b'7') => 1,
        _ if digits.get(..2).is_some_and(|two| TWO.split(' ').any(|code| code == two)) => 2,
        _ => 3,
    }
}

/// Calling codes of countries whose national numbers begin with a zero that belongs to them: Italy with the
/// Vatican, San Marino, Côte d'Ivoire, Burkina Faso, Benin, Gabon, Congo (libphonenumber, 2026-11).
const KEEPS_ZERO: [&str; 8] = ["39", "378", "379", "225", "226", "229", "241", "242"];

/// One more than any number with `00`, trunk zero and country code has; beyond it the text is no number.
const MOST_DIGITS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, country: &str, expected: &str) {
        let country = (!country.is_empty()).then_some(country);
        let number = normalise(Form::E164, &Raw::new(raw), country).unwrap_or_default();
        assert_eq!(number, expected, "{raw:?} in {country:?}");
    }

    #[test]
    fn international_numbers_need_no_country() {
        for country in ["", "US", "GB", "IT"] {
            check("+44 20 7946 0958", country, "+442079460958");
            check("0044 20 7946 0958", country, "+442079460958");
            check("+44 (0)20 7946 0958", country, "+442079460958");
            check("+44-0447-234-2344", country, "+444472342344");
            check("0049 (0)151 23456789", country, "+4915123456789");
            check("(+1) 202-555-0123", country, "+12025550123");
            check("tel:+1-202-555-0123", country, "+12025550123");
            check("+1 202 555 0123 ext. 9", country, "+12025550123");
            check("+1 202 555 0123x9", country, "+12025550123");
            check("+1 202 555 0123 #9", country, "+12025550123");
            check("+0044 20 7946 0958", country, "+442079460958");
        }
    }

    #[test]
    fn a_zero_that_belongs_to_the_number_stays() {
        check("+39 06 1234 5678", "", "+390612345678");
        check("+39 (0)6 1234 5678", "", "+390612345678");
        check("06 1234 5678", "IT", "+390612345678");
        check("+225 01 23 45 67 89", "", "+2250123456789");
        // No separator shows it, so it is not touched.
        check("+4402079460958", "", "+4402079460958");
    }

    #[test]
    fn national_numbers_need_a_country() {
        check("020 7946 0958", "", "");
        check("447-234-2344", "", "");
        check("020 7946 0958", "GB", "+442079460958");
        check("(0)20 7946 0958", "GB", "+442079460958");
        check("020 7946 0958", "uk", "+442079460958");
        check("020 7946 0958", "ZZ", "");
        check("030/901820", "DE", "+4930901820");
        check("612 34 56 78", "ES", "+34612345678");
        check("8 (912) 345-67-89", "RU", "+79123456789");
        check("06 1 234 5678", "HU", "+3612345678");
        check("8029 123 45 67", "BY", "+375291234567");
        check("(8 12) 34-56-78", "TM", "+99312345678");
        check("(415) 555-0123 ext. 9", "US", "+14155550123");
        check("555-0123", "US", "");
    }

    #[test]
    fn a_country_code_without_plus_is_not_doubled() {
        check("1-425-555-1234", "US", "+14255551234");
        check("1-425-555-1234", "", "+14255551234");
        check("44 20 7946 0958", "GB", "+442079460958");
        check("49 (0)151 23456789", "DE", "+4915123456789");
        check("447700900123", "US", "+447700900123");
        check("011 44 20 7946 0958", "US", "+442079460958");
        check("45 12 34 56 78", "DK", "+4512345678");
        check("45 12 34 56", "DK", "+4545123456");
        check("376 712 345", "AD", "+376712345");
        check("391 234 5678", "IT", "+393912345678");
        check("91234 56789", "IN", "+919123456789");
        check("55 91234 5678", "BR", "+5555912345678");
    }

    #[test]
    fn countries_dial_abroad_in_their_own_way() {
        check("0011 44 20 7946 0958", "AU", "+442079460958");
        check("0011442079460958", "au", "+442079460958");
        check("0044 20 7946 0958", "AU", "+442079460958");
        check("010-1-202-555-0123", "JP", "+12025550123");
        check("001 44 20 7946 0958", "KR", "+442079460958");
        check("002 1 202 555 0123", "TW", "+12025550123");
        check("8~10 44 20 7946 0958", "RU", "+442079460958");
        check("000 44 20 7946 0958", "KE", "+442079460958");
        check("009 44 20 7946 0958", "NG", "+442079460958");
        check("0091 98765 43210", "NG", "+919876543210");
        check("00 1 202 555 0123", "KR", "+12025550123");
        check("012 44 20 7946 0958", "IL", "+442079460958");
        check("011 234 5678", "JP", "+81112345678");
    }

    #[test]
    fn words_in_front_are_no_part_of_the_number() {
        check("Call me at +1 (202) 555-0123 today!", "", "+12025550123");
        check("Phone: 202-555-0123", "US", "+12025550123");
        check("Tel. (202) 555-0123", "US", "+12025550123");
        check("tel.030/901820", "DE", "+4930901820");
        check("my number is 202.555.0123.", "US", "+12025550123");
        check("01(202)555-0123", "US", "+12025550123");
        check("jane1202555012345", "US", "");
        check("jane.1202555012345", "US", "");
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for raw in
            ["", "+", "+abc", "abc", "12345", "+1234567", "+1234567890123456", "jane.doe12345678@example.com"]
        {
            check(raw, "", "");
        }
        check("a12345678901", "", "");
        check("1-800-FLOWERS", "US", "");
        check(&"1".repeat(400), "US", "");
        check("+0 20 7946 0958", "", "");
    }

    #[test]
    fn the_other_forms_follow() {
        let form = |form, raw| normalise(form, &Raw::new(raw), None).unwrap_or_default();
        assert_eq!(form(Form::Digits, "+٩٦٦ ٥٠ ١٢٣ ٤٥٦٧"), "966501234567");
        assert_eq!(form(Form::Tiktok, "+86 138 0000 0000"), "13800000000");
        assert_eq!(form(Form::Tiktok, "+1 202 555 0123"), "+12025550123");
    }
}
