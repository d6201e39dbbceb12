//! What a landing tells: click ids and campaign in its address, ad cookies in its cookie text.
//!
//! Pure reading of foreign text; the registry of names lives in `shared`. Leaves remembering to `touches`.

use shared::click_id::packed;
use shared::limits;
use shared::words::same;

use crate::text::{Answer, Lines};
use crate::touches::{Touch, Touches};

/// Longest value of a UTM parameter that is kept, in bytes. Real ones are short; a page must not be able to push the
/// click ids out of the cookie with a long one.
const MOST_UTM_BYTES: usize = 256;

/// The click ids and campaign parameters among an address's parameters; the first of a name counts.
pub fn landing(parameters: &[u8], found: &mut Answer<'_>) {
    for touch in Touches(parameters) {
        if let Some((name, value)) = mark(touch.name, touch.value)
            && !Touches(found.text()).any(|known| same(known.name, name, false))
        {
            Touch { name, value, ..touch }.write(found);
        }
    }
}

/// The parameter in the registry's spelling, a campaign's as the UTM parameter it stands for, and its value, when it is one worth keeping.
fn mark<'a>(name: &'a [u8], value: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    if let Some((name, line)) = packed::find(name) {
        return packed::fits(line, value).then_some((name, value));
    }
    let name = packed::campaign(name)?;
    // An address in a UTM parameter is a mail program's personalisation, and personal data.
    let keep = !value.is_empty() && !value.contains(&b'@');
    keep.then(|| (name, clip(value)))
}

/// Cuts a UTM parameter where a character begins.
fn clip(value: &[u8]) -> &[u8] {
    let mut end = MOST_UTM_BYTES;
    // A byte that goes on with a character begins with the bits 10.
    while value.get(end).is_some_and(|byte| byte & 0xC0 == 0x80) {
        end -= 1;
    }
    value.get(..end).unwrap_or(value)
}

/// The cookies of ad platforms worth sending with an event, byte for byte. Names and values by turns, a line each,
/// go in and come out.
pub fn ad_cookies(cookies: &[u8], found: &mut Answer<'_>) {
    let mut lines = Lines(cookies);
    while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
        if !value.is_empty() && value.len() <= limits::COOKIE && packed::wanted_cookie(name) {
            for piece in [name, b"\n", value, b"\n"] {
                found.put(piece);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::click_id;

    use super::*;

    fn answered(rule: impl FnOnce(&mut Answer<'_>)) -> String {
        let mut memory = [0; 4_096];
        let mut answer = Answer::new(&mut memory);
        rule(&mut answer);
        String::from_utf8(answer.text().to_vec()).expect("UTF-8")
    }

    fn found(parameters: &str) -> String {
        answered(|answer| landing(parameters.as_bytes(), answer))
    }

    #[test]
    fn marks_of_a_landing() {
        let check =
            |parameters: &str, expected: &str| assert_eq!(found(parameters), expected, "{parameters:?}");
        check("", "");
        check("page\n1\n2\nfbclid\n1\nIwAR0\nutm_id\n1\n7", "fbclid\n1\nIwAR0\nutm_id\n1\n7\n");
        check("fbclid\n1\nfirst\nfbclid\n1\nsecond", "fbclid\n1\nfirst\n");
        check(
            "SCCID\n1\n0b6f2f0e-5a3c-4c55-9d1e-6f2b9a7c1d34",
            "ScCid\n1\n0b6f2f0e-5a3c-4c55-9d1e-6f2b9a7c1d34\n",
        );
        check("fbclid\n1\n\nutm_source\n1\n", "");
        check("fbclid\n1\n{{click_id}}", "");
        check("utm_id\n1\nada@example.com\nutm_other\n1\nx\nutm_\n1\ny", "");
        check(
            "UTM_Source\n1\na\nmtm_kwd\n1\nb\nPK_CAMPAIGN\n1\nc",
            "utm_source\n1\na\nutm_term\n1\nb\nutm_campaign\n1\nc\n",
        );
        check("pk_cid\n1\n\nmtm_cid\n1\n7\nutm_id\n1\n8", "utm_id\n1\n7\n");
        check("mtm_source\n1\nada@example.com\nutm_source_platform\n1\nx\nmtm_group\n1\ny", "");
        check("fbclid", "");
    }

    #[test]
    fn every_click_id_of_the_registry_is_caught() {
        let samples = [
            "a1b2",
            "018f4e7a-0000-7000-8000-000000000001",
            "12345",
            "a1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4",
            "GiABC",
        ];
        for spec in click_id::REGISTRY {
            let value =
                samples.into_iter().find(|value| click_id::valid(spec, value)).expect("a sample fits");
            let parameters = format!("{}\n1\n{value}\n", spec.param);
            assert_eq!(found(&parameters), parameters);
        }
    }

    #[test]
    fn a_long_campaign_is_cut_between_characters() {
        let check = |value: &str, expected: usize| {
            let kept = found(&format!("utm_term\n1\n{value}")).len() - "utm_term\n1\n\n".len();
            assert_eq!(kept, expected, "{value}");
        };
        check(&"ä".repeat(MOST_UTM_BYTES), MOST_UTM_BYTES);
        check(&"€".repeat(MOST_UTM_BYTES), MOST_UTM_BYTES - 1);
        check("ä", 2);
    }

    #[test]
    fn ad_cookies_are_taken_byte_for_byte_and_no_others() {
        let of = |cookies: &str| answered(|answer| ad_cookies(cookies.as_bytes(), answer));
        let cookies = "session\n1\n_fbp\nfb.1.2.3\n_fbpx\n4\n_ttp\na%20b=c\n_ga\n\n_ga_ABC\nGS1.1";
        assert_eq!(of(cookies), "_fbp\nfb.1.2.3\n_ttp\na%20b=c\n_ga_ABC\nGS1.1\n");
        assert_eq!(of(&format!("_fbp\n{}", "x".repeat(limits::COOKIE + 1))), "");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_readers_panic(text in "(?s).{0,80}") {
            let _ = found(&text);
            let _ = answered(|answer| ad_cookies(text.as_bytes(), answer));
        }
    }
}
