//! Telephone numbers: from what people type to E.164.
//!
//! Owns the reading of separators, `00`, `(0)`, extensions and foreign digits, and the choice between a national
//! and an international number. No number plan is shipped: what cannot be told for sure without one is refused or
//! left alone, and a zero in the middle goes only where a visible separator shows that it is a trunk prefix.
//! ITU-T E.164 allows 15 digits; fewer than 8 is no number with a country code.

use super::character::{ASCII, keep};
use super::{Form, country};
use crate::words::listed;

/// The number in `form`, empty when the text is none; `country` (ISO alpha-2) makes a national number international.
pub(super) fn normalise(form: Form, lower: &str, country: &str) -> String {
    let mut number =
        Written::read(lower).and_then(|written| written.international(country)).unwrap_or_default();
    if !(8..=15).contains(&number.len()) {
        number.clear();
    } else if form != Form::Digits {
        // TikTok's own tag-manager template sends the bare national number for country code 86
        // (github.com/tiktok/gtm-template-eapi, template.tpl, read 2026-11-23).
        match number.strip_prefix("86") {
            Some(national) if form == Form::Tiktok => number = national.to_owned(),
            Some(_) | None => number.insert(0, '+'),
        }
    }
    number
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
    /// Reads up to an extension or any other text that follows the number; letters before it are refused, but
    /// for a `tel` in front.
    fn read(lower: &str) -> Option<Self> {
        let text = keep(lower.strip_prefix("tel").unwrap_or(lower), ASCII);
        let mut written = Self { digits: String::new(), plus: false, separated: 0 };
        let mut gap = 0;
        for byte in text.bytes() {
            let place = written.digits.len();
            if byte.is_ascii_digit() {
                if place > MOST_DIGITS {
                    return None;
                }
                written.separated |= gap << place;
                written.digits.push(char::from(byte));
                gap = 0;
            } else if place == 0 && byte == b'+' && !written.plus {
                written.plus = true;
            } else if byte.is_ascii_alphabetic() || matches!(byte, b'#' | b'+' | b';' | b',' | b'@') {
                // An extension ("ext. 9", "x9", "#9", ";ext=9") or a remark, once there is a number to extend.
                // Before that it is a word or an address with digits in it.
                if place < 7 || byte == b'@' {
                    return None;
                }
                break;
            } else {
                gap = 1;
            }
        }
        Some(written)
    }

    /// Country code and national number, digits only.
    fn international(&self, country: &str) -> Option<String> {
        let begins = |with: &str| self.digits.starts_with(with);
        let count = self.digits.len();
        let calling = country::calling_code(country);
        if begins("00") {
            // Also after a plus: "+0044 …" is a slip of the pen for "+44 …".
            return self.after_country_code(2);
        }
        if self.plus {
            return self.after_country_code(0);
        }
        // North America: ten digits, with or without the 1; 011 dials abroad; anything longer brings its country code.
        let american = calling == "1";
        if american && count == 10 && !begins("0") {
            return self.national(calling, 0);
        }
        if american || calling.is_empty() {
            let abroad = if american && begins("011") { 3 } else { 0 };
            return if count < 11 { None } else { self.after_country_code(abroad) };
        }
        if begins(calling) && count >= shortest_international(calling) {
            return self.after_country_code(0);
        }
        // Russia and its neighbours dial 8 before a national number of ten digits (Belarus 80 and nine), Hungary 06.
        let trunk = match calling {
            "7" if count == 11 && begins("8") => 1,
            "375" if count == 11 && begins("80") => 2,
            "36" if begins("06") => 2,
            _ => usize::from(begins("0") && !listed(KEEPS_ZERO, calling)),
        };
        self.national(calling, trunk)
    }

    /// The digits from `start`, read as country code and national number, without a trunk zero that a separator
    /// shows (`+44 (0)20`, `+44-0447`); never for the countries whose national numbers begin with zero.
    fn after_country_code(&self, start: usize) -> Option<String> {
        let digits = self.digits.get(start..)?;
        let code = digits.get(..country::calling_code_length(digits))?;
        let national = start + code.len();
        let shown =
            self.separated >> national & 1 == 1 && self.digits.as_bytes().get(national) == Some(&b'0');
        let trunk = usize::from(shown && !listed(KEEPS_ZERO, code));
        if digits.starts_with('0') { None } else { self.national(code, national + trunk) }
    }

    /// The calling code and the digits from `start`.
    fn national(&self, calling: &str, start: usize) -> Option<String> {
        let mut number = calling.to_owned();
        number.push_str(self.digits.get(start..)?);
        Some(number)
    }
}

/// From how many digits on a number that begins with its own country's calling code is read as international.
/// Shorter, it is a national number that happens to begin so: an Italian mobile 39x, an Indian 91x.
fn shortest_international(calling: &str) -> usize {
    if calling == "55" {
        12
    } else if listed("351 420 421 32 36 45 46 47 60 64 65 66", calling) {
        10
    } else if calling.len() == 3 {
        9
    } else {
        11
    }
}

/// Calling codes of countries whose national numbers begin with a zero that belongs to them: Italy with the
/// Vatican, San Marino, Côte d'Ivoire, Burkina Faso, Benin, Gabon, Congo (libphonenumber, 2026-11).
const KEEPS_ZERO: &str = "39 378 379 225 226 229 241 242";

/// One more than any number with `00`, trunk zero and country code has; beyond it the text is no number.
const MOST_DIGITS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Raw;

    fn check(raw: &str, country: &str, expected: &str) {
        let number = normalise(Form::E164, &Raw::new(raw).lower, country);
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
        let form = |form, raw| normalise(form, &Raw::new(raw).lower, "");
        assert_eq!(form(Form::Digits, "+٩٦٦ ٥٠ ١٢٣ ٤٥٦٧"), "966501234567");
        assert_eq!(form(Form::Tiktok, "+86 138 0000 0000"), "13800000000");
        assert_eq!(form(Form::Tiktok, "+1 202 555 0123"), "+12025550123");
    }
}
