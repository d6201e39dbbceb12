//! Calling codes: which one a country has, and how long the one is that a number begins with (ITU-T E.164).
//!
//! The compiler packs the table of `country` for this, by calling code, which takes the tag 0.4 kB compressed; by
//! country it would be 0.6, and as written 1.2. Leaves to `phone` what it makes of a number.

use super::country::COUNTRIES;
use crate::words::same;

/// The calling code of a country.
#[derive(Clone, Copy, Debug)]
pub(super) struct Calling {
    digits: [u8; 3],
    length: usize,
}

impl Calling {
    /// That of the country with this ISO 3166-1 alpha-2 code, in either case; `UK` is understood as `GB`. Places without
    /// telephones of their own have none.
    #[inline(never)]
    pub(super) fn of(country: &[u8]) -> Option<Self> {
        let country = if same(country, b"uk", true) { b"gb" } else { country };
        let (mut number, mut rest) = (0, PACKED);
        loop {
            let (code, behind) = rest.split_at_checked(2)?;
            if same(code, country, true) {
                let digits = [number / 100, number / 10 % 10, number % 10].map(|digit| b'0' + digit as u8);
                return Some(Self { digits, length: length(&digits) });
            }
            let (first, beside) = rest.split_first()?;
            rest = behind;
            if first.is_ascii_digit() {
                number += u32::from(first - b'0');
                rest = beside;
            }
        }
    }

    /// Its digits, without a plus.
    pub(super) fn digits(&self) -> &[u8] {
        self.digits.get(..self.length).unwrap_or_default()
    }
}

/// How many digits the calling code at the start of `digits` has: one or two where the table has such a code, else
/// three (ITU-T E.164, list of assigned codes).
pub(super) fn length(digits: &[u8]) -> usize {
    let Some((first, rest)) = digits.split_first() else { return 3 };
    let places = LENGTHS.get(usize::from(first.wrapping_sub(b'0'))).copied().unwrap_or_default();
    let second = rest.first().map_or(0, |second| second.wrapping_sub(b'0'));
    if places == WHOLE {
        1
    } else if places >> (second & 15) & 1 == 1 {
        2
    } else {
        3
    }
}

/// Stands for a digit that is a calling code by itself.
const WHOLE: u16 = u16::MAX;

/// By a calling code's first digit, which second digits make a whole code: bit `n` for the digit `n`.
static LENGTHS: [u16; 10] = lengths();

const fn lengths() -> [u16; 10] {
    let mut places = [0; 10];
    let (table, mut at) = (COUNTRIES.as_bytes(), 0);
    while at < table.len() {
        let (number, digits, end) = calling(table, at);
        match digits {
            1 => places[number / 100] = WHOLE,
            2 => places[number / 100] |= 1 << (number / 10 % 10),
            _ => {}
        }
        at = end;
    }
    places
}

/// The countries' alpha-2 codes, one after the other, by their calling codes, filled with zeros to three digits. In front of
/// each that has another than the one before stand digits: so much more it is, all of them together.
const PACKED: &[u8] = PACKED_BYTES.0.split_at(PACKED_BYTES.1).0;
static PACKED_BYTES: ([u8; COUNTRIES.len()], usize) = packed();

const fn packed() -> ([u8; COUNTRIES.len()], usize) {
    let table = COUNTRIES.as_bytes();
    let (order, count) = by_calling_code(table);
    let mut to = [0; COUNTRIES.len()];
    let (mut end, mut before, mut index) = (0, 0, 0);
    while index < count {
        let (number, country) = order[index];
        while before < number {
            let step = if number - before > 9 { 9 } else { number - before };
            to[end] = b'0' + step as u8;
            end += 1;
            before += step;
        }
        to[end] = table[country];
        to[end + 1] = table[country + 1];
        end += 2;
        index += 1;
    }
    (to, end)
}

/// The calling codes and where in the table their countries stand, in the order of the codes; and how many there are.
const fn by_calling_code(table: &[u8]) -> ([(usize, usize); COUNTRIES.len() / 5], usize) {
    let (mut order, mut count, mut at) = ([(0, 0); COUNTRIES.len() / 5], 0, 0);
    while at < table.len() {
        let (number, digits, end) = calling(table, at);
        if digits > 0 {
            let mut place = count;
            while place > 0 && order[place - 1].0 > number {
                order[place] = order[place - 1];
                place -= 1;
            }
            order[place] = (number, at);
            count += 1;
        }
        at = end;
    }
    (order, count)
}

/// Of the country that stands at this place: the calling code, filled to three digits; how many it has; and where the next
/// country stands.
const fn calling(table: &[u8], country: usize) -> (usize, usize, usize) {
    let (mut number, mut digits, mut at) = (0, 0, country + 5);
    while at < table.len() && table[at].is_ascii_digit() {
        number = number * 10 + (table[at] - b'0') as usize;
        digits += 1;
        at += 1;
    }
    let mut filled = digits;
    while filled < 3 {
        number *= 10;
        filled += 1;
    }
    (number, digits, at)
}

#[cfg(test)]
mod tests {
    use super::super::country::tests::countries;
    use super::*;

    fn of(country: &str) -> String {
        let calling = Calling::of(country.as_bytes());
        calling.map(|calling| String::from_utf8_lossy(calling.digits()).into_owned()).unwrap_or_default()
    }

    #[test]
    fn the_packed_table_says_what_the_written_one_does() {
        for (code, _, calling) in countries() {
            assert_eq!(of(code), calling, "{code}");
        }
        assert!(PACKED.len() < 800, "{}", PACKED.len());
    }

    #[test]
    fn codes_are_understood_in_either_case() {
        for (country, expected) in
            [("Gb", "44"), ("uk", "44"), ("US", "1"), ("zz", ""), ("usa", ""), ("", "")]
        {
            assert_eq!(of(country), expected, "{country}");
        }
    }

    #[test]
    fn calling_codes_have_the_length_that_e164_gives_them() {
        const TWO: &str = "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 \
                           64 65 66 81 82 84 86 90 91 92 93 94 95 98";
        for code in 0..1_000 {
            let digits = format!("{code:03}");
            let expected = match &digits[..2] {
                _ if digits.starts_with(['1', '7']) => 1,
                two if TWO.split(' ').any(|code| code == two) => 2,
                _ => 3,
            };
            assert_eq!(length(digits.as_bytes()), expected, "{digits}");
        }
        assert_eq!(length(b""), 3);
    }
}
