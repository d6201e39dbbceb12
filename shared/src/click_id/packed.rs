//! The registry as the tag ships it: names in one text, all else in one number a line.
//!
//! The compiler packs it from [`REGISTRY`], so there is one table to keep. Owns what a value must look like, for the
//! rich registry as well. Leaves out what only the relay asks: platforms, roles and how to read a cookie.

use super::{AD_COOKIES, REGISTRY, SESSION_COOKIE_PREFIX, Shape, Spec};
use crate::limits;
use crate::vendor_cookie::is_uuid;
use crate::words;

/// A line of the registry in a number: the low 16 bits are its shape's bound, or the two letters it begins with, then
/// come three bits for the shape and one for a name in any case, above them the days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed(u32);

const ANY_CASE: u32 = 1 << 19;

impl Packed {
    /// How long the click id stays useful, in days.
    pub const fn days(self) -> u32 {
        self.0 >> 20
    }
}

/// The number of a line.
pub(super) const fn pack(spec: &Spec) -> Packed {
    let (shape, bound) = match spec.shape {
        Shape::Opaque(most) => (0, most),
        Shape::Token(most) => (1, most),
        Shape::Digits(most) => (2, most),
        Shape::Guid => (3, limits::CLICK_ID as u16),
        Shape::Uuid => (4, limits::CLICK_ID as u16),
        Shape::Begins(start) => match *start.as_bytes() {
            [first, second] => (5, u16::from_le_bytes([first, second])),
            _ => panic!("a value begins with two letters"),
        },
    };
    let any_case = if spec.any_case { ANY_CASE } else { 0 };
    Packed((spec.days as u32) << 20 | any_case | shape << 16 | bound as u32)
}

/// The parameter `name` in the registry's spelling, and its line.
pub fn find(name: &[u8]) -> Option<(&'static [u8], Packed)> {
    let exact = words::find(NAMES, name, false);
    let (place, name) = exact.or_else(|| words::find(NAMES, name, true))?;
    let line = *LINES.get(place)?;
    (exact.is_some() || line.0 & ANY_CASE != 0).then_some((name, line))
}

/// The place, from 1 on, of one of the ids that exclude one another (see [`super::GOOGLE_EXCLUSIVE`]); 0 for others.
pub fn google_rank(name: &[u8]) -> usize {
    words::find(GOOGLE, name, false).map_or(0, |(place, _)| place + 1)
}

const GOOGLE: &str = "gclid gbraid wbraid";

/// The parameters of a campaign: six, and after them each six that others write for the same, in the same order; of the last four
/// two are new, and two stand above already. Matomo's and, from before it was called that, Piwik's
/// (<https://matomo.org/faq/how-to/faq_120>; the read-me of matomo-org/plugin-MarketingCampaignsReporting, read 2026-11-28).
pub const CAMPAIGN: &str = "utm_source utm_medium utm_campaign utm_term utm_content utm_id \
     mtm_source mtm_medium mtm_campaign mtm_keyword mtm_content mtm_cid \
     pk_source pk_medium pk_campaign pk_kwd pk_content pk_cid \
     utm_source utm_medium utm_name mtm_kwd";

/// How many parts a campaign has.
const CAMPAIGN_PARTS: usize = 6;

/// The UTM parameter that a parameter of this name stands for, in any case; nothing where it is no campaign's.
pub fn campaign(name: &[u8]) -> Option<&'static [u8]> {
    let (place, _) = words::find(CAMPAIGN, name, true)?;
    words::Words::of(CAMPAIGN).nth(place % CAMPAIGN_PARTS)
}

/// Whether `value` can be a click id of this line.
pub fn fits(line: Packed, value: &[u8]) -> bool {
    let (mut tokens, mut digits, mut hexadecimal, mut before) = (0, 0, 0, 0);
    for byte in value {
        // No network's ids hold braces or angle brackets, or two square ones, and an at sign is an e-mail address.
        let foreign = matches!(byte, b'{' | b'}' | b'<' | b'>' | b'@')
            || matches!(byte, b'[' | b']') && before == *byte;
        if !byte.is_ascii_graphic() || foreign {
            return false;
        }
        tokens += usize::from(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        digits += usize::from(byte.is_ascii_digit());
        hexadecimal += usize::from(byte.is_ascii_hexdigit());
        before = *byte;
    }
    let length = value.len();
    let bound = (line.0 & 0xFFFF) as u16;
    let short = length <= usize::from(bound);
    let shaped = match line.0 >> 16 & 7 {
        0 => short,
        1 => short && tokens == length,
        2 => short && digits == length,
        3 if length == 32 => hexadecimal == 32,
        3 | 4 => is_uuid(value),
        _ => value.starts_with(&bound.to_le_bytes()),
    };
    shaped && length > 0 && length <= limits::CLICK_ID && !is_placeholder(value)
}

/// Whether a value is one that nobody filled in, or the word a script writes for "nothing". These marks may be in a
/// genuine id, so they must stand at both ends.
fn is_placeholder(value: &[u8]) -> bool {
    let wrapped =
        |mark: &[u8]| value.len() > 2 * mark.len() && value.starts_with(mark) && value.ends_with(mark);
    // Few values need the lists: the others begin and end differently, and are longer than those words.
    value.first() == value.last() && words::Words::of("% # !! __ --").any(wrapped)
        || value.len() < 10 && words::find("null undefined none optional replace", value, true).is_some()
}

/// Whether the cookie `name` is worth sending with an event.
pub fn wanted_cookie(name: &[u8]) -> bool {
    let prefix = SESSION_COOKIE_PREFIX.as_bytes();
    words::listed(COOKIES, name) || name.len() > prefix.len() && name.starts_with(prefix)
}

static LINES: [Packed; REGISTRY.len()] = {
    let mut lines = [Packed(0); REGISTRY.len()];
    let mut line = 0;
    while line < lines.len() {
        lines[line] = pack(&REGISTRY[line]);
        line += 1;
    }
    lines
};

/// Room for a list while it is put together.
const ROOM: usize = 1_024;

/// Every parameter.
const NAMES: &str = {
    const LIST: ([u8; ROOM], usize) = {
        let mut list = ([0; ROOM], 0);
        let mut line = 0;
        while line < REGISTRY.len() {
            list = with(list, REGISTRY[line].param);
            line += 1;
        }
        list
    };
    text(&LIST)
};

/// Every cookie worth sending, by its name.
const COOKIES: &str = {
    const LIST: ([u8; ROOM], usize) = {
        let mut list = ([0; ROOM], 0);
        let mut line = 0;
        while line < AD_COOKIES.len() {
            list = with(list, AD_COOKIES[line]);
            line += 1;
        }
        line = 0;
        while line < REGISTRY.len() {
            let mut cookie = 0;
            while cookie < REGISTRY[line].cookies.len() {
                list = with(list, REGISTRY[line].cookies[cookie].0);
                cookie += 1;
            }
            line += 1;
        }
        list
    };
    text(&LIST)
};

/// The list with one more word.
const fn with((mut list, mut end): ([u8; ROOM], usize), word: &str) -> ([u8; ROOM], usize) {
    if end > 0 {
        list[end] = b' ';
        end += 1;
    }
    let mut at = 0;
    while at < word.len() {
        list[end] = word.as_bytes()[at];
        end += 1;
        at += 1;
    }
    (list, end)
}

const fn text((list, end): &'static ([u8; ROOM], usize)) -> &'static str {
    match core::str::from_utf8(list.split_at(*end).0) {
        Ok(text) => text,
        Err(_) => panic!("names are ASCII"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::click_id;

    #[test]
    fn the_packed_registry_is_the_registry() {
        for spec in REGISTRY {
            let (name, line) = find(spec.param.as_bytes()).expect("packed");
            assert_eq!((name, line, line.days()), (spec.param.as_bytes(), pack(spec), spec.days.into()));
        }
        for name in ["SCCID", "GCLID", "utm_source", "", "gclid gbraid"] {
            assert_eq!(
                find(name.as_bytes()).map(|found| found.0),
                click_id::find(name).map(|spec| spec.param.as_bytes()),
                "{name}"
            );
        }
        assert_eq!(NAMES.split(' ').count(), REGISTRY.len());
        assert_eq!(GOOGLE, click_id::GOOGLE_EXCLUSIVE.join(" "));
    }

    #[test]
    fn a_campaign_is_known_by_its_utm_parameters_whoever_wrote_them() {
        let check = |name: &str, expected: Option<&str>| {
            assert_eq!(campaign(name.as_bytes()), expected.map(str::as_bytes), "{name}");
        };
        for name in ["utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "utm_id"] {
            check(name, Some(name));
            check(&name.to_ascii_uppercase(), Some(name));
        }
        for name in ["mtm_source", "pk_source"] {
            check(name, Some("utm_source"));
        }
        for name in ["mtm_medium", "pk_medium"] {
            check(name, Some("utm_medium"));
        }
        for name in ["mtm_campaign", "pk_campaign", "Pk_Campaign", "utm_name"] {
            check(name, Some("utm_campaign"));
        }
        for name in ["mtm_keyword", "mtm_kwd", "pk_kwd"] {
            check(name, Some("utm_term"));
        }
        for name in ["mtm_content", "pk_content"] {
            check(name, Some("utm_content"));
        }
        for name in ["mtm_cid", "pk_cid"] {
            check(name, Some("utm_id"));
        }
        // These have no place in a campaign.
        for name in
            ["utm_source_platform", "utm_creative_format", "utm_marketing_tactic", "mtm_group", "utm_", ""]
        {
            check(name, None);
        }
    }

    #[test]
    fn the_packed_cookies_are_the_registrys() {
        let named = |name: &&&str| click_id::wanted_cookie(name);
        let words: Vec<&str> = COOKIES.split(' ').collect();
        assert_eq!(words.iter().filter(named).count(), words.len());
        let all = REGISTRY.iter().flat_map(|spec| spec.cookies).map(|(cookie, _)| cookie).chain(AD_COOKIES);
        for cookie in all {
            assert!(wanted_cookie(cookie.as_bytes()), "{cookie}");
        }
        for name in ["_ga_ABC", "_ga_", "_gcl_au", "session", ""] {
            assert_eq!(wanted_cookie(name.as_bytes()), click_id::wanted_cookie(name), "{name}");
        }
    }
}
