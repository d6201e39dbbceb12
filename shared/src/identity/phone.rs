//! Telephone numbers: from what people type to E.164.
//!
//! Owns the reading of separators, `00` and its like, `(0)`, extensions and foreign digits, and the choice between a national
//! and an international number. No number plan is shipped: what cannot be told for sure without one is refused or
//! left alone, and a zero in the middle goes only where a visible separator shows that it is a trunk prefix.
//! ITU-T E.164 allows 15 digits; fewer than 8 is no number with a country code.

use super::Form;
use super::calling::{self, Calling};
use super::character::{ASCII, BLANK, Character, DIGIT, Room, SYMBOL, next};
use crate::words::{Words, listed, same, split};

/// The number in `form`; `country` (ISO alpha-2) makes a national number international.
pub(super) fn normalise<'a>(
    form: Form,
    lower: &[u8],
    country: &[u8],
    room: &mut Room<'a>,
) -> Option<&'a [u8]> {
    let written = Written::read(room.keep(without_label(lower)?, ASCII))?;
    let own = Calling::of(country);
    let own = own.as_ref().map(Calling::digits).unwrap_or_default();
    let (calling, national) = written.international(country, own)?;
    if !(8..=15).contains(&(calling.len() + national.len())) {
        return None;
    }
    // TikTok's own tag-manager template sends the bare national number for country code 86
    // (github.com/tiktok/gtm-template-eapi, template.tpl, read 2026-11-23).
    let (plus, calling): (&[u8], &[u8]) = match form {
        Form::Digits => (b"", calling),
        Form::Tiktok if calling == b"86" => (b"", b""),
        Form::Tiktok
        | Form::Plain
        | Form::Compact
        | Form::Google
        | Form::Microsoft
        | Form::Reddit
        | Form::E164
        | Form::Ga4
        | Form::Pinterest
        | Form::Exact => (b"+", calling),
    };
    Some(room.join(plus, calling, national))
}

/// A number as it was written.
struct Written {
    /// Its ASCII digits, without extension; unused places are 0.
    digits: [u8; MOST_DIGITS],
    /// How many digits there are.
    count: usize,
    /// Whether it starts with a plus.
    plus: bool,
    /// Bit `n` is set when a separator stands before digit `n`.
    separated: u32,
}

impl Written {
    /// Reads up to an extension or any other text that follows the number.
    fn read(text: &[u8]) -> Option<Self> {
        let mut written = Self { digits: [0; MOST_DIGITS], count: 0, plus: false, separated: 0 };
        let mut gap = 0;
        for byte in text {
            let place = written.count;
            if byte.is_ascii_digit() {
                *written.digits.get_mut(place)? = *byte;
                written.separated |= gap << place;
                written.count += 1;
                gap = 0;
            } else if place == 0 && *byte == b'+' && !written.plus {
                written.plus = true;
            } else if byte.is_ascii_alphabetic() || matches!(byte, b'#' | b'+' | b';' | b',' | b'@') {
                // An extension ("ext. 9", "x9", "#9", ";ext=9") or a remark, once there is a number to extend.
                // Before that it is a word or an address with digits in it.
                if place < 7 || *byte == b'@' {
                    return None;
                }
                break;
            } else {
                gap = 1;
            }
        }
        Some(written)
    }

    #[inline(never)]
    fn begins(&self, with: &[u8]) -> bool {
        self.digits.starts_with(with)
    }

    /// Country code and national number, from a country whose code is `calling`; that is empty when it is unknown.
    fn international<'n>(&'n self, country: &[u8], calling: &'n [u8]) -> Option<(&'n [u8], &'n [u8])> {
        let (count, begins) = (self.count, |with: &[u8]| self.begins(with));
        let american = calling == b"1";
        // How many digits stand before a country code, where there is one.
        let abroad = if let Some(dialled) = self.dial_out(country) {
            Some(dialled)
        } else if self.plus || begins(b"00") {
            // Also after a plus: "+0044 …" is a slip of the pen for "+44 …".
            Some(if begins(b"00") { 2 } else { 0 })
        } else if american && count == 10 && !begins(b"0") {
            None
        } else if american || calling.is_empty() {
            // North America: ten digits, with or without the 1; 011 dials abroad; anything longer brings its country code.
            // No number of its plan begins with 0, so that one before the 1 is a slip of the pen.
            if count < 11 {
                return None;
            }
            Some(match american {
                true if begins(b"011") => 3,
                true if count == 12 && begins(b"01") => 1,
                _ => 0,
            })
        } else {
            (begins(calling) && count >= shortest_international(calling)).then_some(0)
        };
        if let Some(abroad) = abroad {
            return self.after_country_code(abroad);
        }
        // Russia and its neighbours dial 8 before a national number of ten digits (Turkmenistan of eight, Belarus 80 and
        // nine), Hungary 06.
        let trunk = match (calling, count) {
            (b"7", 11) | (b"993", 9) if begins(b"8") => 1,
            (b"375", 11) if begins(b"80") => 2,
            (b"36", _) if begins(b"06") => 2,
            _ => usize::from(begins(b"0") && !listed(KEEPS_ZERO, calling)),
        };
        Some((calling, self.digits.get(trunk..count)?))
    }

    /// How many digits in front are what the country with this code dials before a foreign number, where that is
    /// not `00`.
    fn dial_out(&self, country: &[u8]) -> Option<usize> {
        if self.plus {
            return None;
        }
        Words::of(DIAL_OUT).find_map(|entry| {
            let (prefix, mut countries) = split(entry, b':')?;
            let length = prefix.len();
            // "00 1 202 …" and "0091 987 …" are typed by people who think of `00`, whatever their country dials.
            let parted = self.separated.trailing_zeros() as usize;
            let fits = !prefix.starts_with(b"00") || parted == length || parted > length + 3;
            if !fits || !self.begins(prefix) || self.count < length + 8 {
                return None;
            }
            while !same(countries.get(..2)?, country, true) {
                countries = countries.get(3..)?;
            }
            Some(length)
        })
    }

    /// The digits from `start`, read as country code and national number, without a trunk zero that a separator
    /// shows (`+44 (0)20`, `+44-0447`); never for the countries whose national numbers begin with zero.
    fn after_country_code(&self, start: usize) -> Option<(&[u8], &[u8])> {
        let digits = self.digits.get(start..self.count)?;
        let (code, national) = digits.split_at_checked(calling::length(digits))?;
        let shown = self.separated >> (start + code.len()) & 1 == 1;
        if digits.starts_with(b"0") {
            None
        } else if shown && !listed(KEEPS_ZERO, code) {
            Some((code, national.strip_prefix(b"0").unwrap_or(national)))
        } else {
            Some((code, national))
        }
    }
}

/// `lower` from the number on, without words in front (`Tel. `, `Call me at `). A word that runs into the digits is
/// none: an address or a name with digits in it is no telephone number.
fn without_label(lower: &[u8]) -> Option<&[u8]> {
    let (mut number, mut label) = (lower, 0);
    let (mut letters, mut apart) = (false, false);
    loop {
        let mut rest = number;
        let Character { bytes, folded, classes } = next(&mut rest)?;
        if classes & DIGIT != 0 || folded == u32::from(b'+') {
            break;
        }
        number = rest;
        letters |= classes & (BLANK | DIGIT | SYMBOL) == 0;
        // A bracket before the number belongs to it.
        if bytes != b"(" {
            apart = classes & BLANK != 0 || bytes == b":";
            label = lower.len() - rest.len();
        }
    }
    (!letters || apart || listed("tel tel.", lower.get(..label)?)).then_some(number)
}

/// From how many digits on a number that begins with its own country's calling code is read as international.
/// Shorter, it is a national number that happens to begin so: an Italian mobile 39x, an Indian 91x.
fn shortest_international(calling: &[u8]) -> usize {
    if calling == b"55" {
        12
    } else if listed("351 420 421 32 36 45 46 47 60 64 65 66", calling) {
        10
    } else if calling.len() == 3 {
        9
    } else {
        11
    }
}

/// What is dialled before a foreign number where that is neither `00` nor North America's `011`, and in which
/// countries (libphonenumber, 2026-11). Of several prefixes, one for each carrier, those that could as well be `00`
/// and the first digits of a country code are left out.
const DIAL_OUT: &str = "0011:au:cc:cx 001:hk:kh:kr:mn:sg:th 002:kr:sg:tw 010:jp 000:ke:tz:ug 009:ng \
                        810:by:kz:ru:tj:tm 119:cu 012:il 013:il 014:il";

/// Calling codes of countries whose national numbers begin with a zero that belongs to them: Italy with the
/// Vatican, San Marino, Côte d'Ivoire, Burkina Faso, Benin, Gabon, Congo (libphonenumber, 2026-11).
const KEEPS_ZERO: &str = "39 378 379 225 226 229 241 242";

/// Two more than any number with `00`, trunk zero and country code has; beyond it the text is no number.
const MOST_DIGITS: usize = 21;

#[cfg(test)]
mod tests {
    use crate::identity::{Field, Form, Raw};

    fn of(form: Form, raw: &str, country: &str) -> String {
        crate::identity::normalise(Field::Phone, form, &Raw::new(raw), Some(country)).unwrap_or_default()
    }

    fn check(raw: &str, country: &str, expected: &str) {
        let number = of(Form::E164, raw, country);
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
        let form = |form, raw| of(form, raw, "");
        assert_eq!(form(Form::Digits, "+٩٦٦ ٥٠ ١٢٣ ٤٥٦٧"), "966501234567");
        assert_eq!(form(Form::Tiktok, "+86 138 0000 0000"), "13800000000");
        assert_eq!(form(Form::Tiktok, "+1 202 555 0123"), "+12025550123");
    }
}
