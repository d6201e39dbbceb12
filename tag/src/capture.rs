//! What a landing tells: click ids and campaign in its address, ad cookies in its cookie text.
//!
//! Pure reading of foreign text; the registry of names lives in `shared`. Leaves remembering to `touches`.

use shared::{click_id, limits};

use crate::text::{Lines, cut};
use crate::touches::{self, Touch};

/// Longest value of a UTM parameter that is kept, in bytes. Real ones are short; a page must not be able to push the
/// click ids out of the cookie with a long one.
const MOST_UTM_BYTES: usize = 256;

/// The click ids and campaign parameters among an address's parameters (decoded; name and value by turns, a line
/// each) as touches; the first of a name counts.
pub fn landing(query: &str, now_ms: &str) -> String {
    let mut found = String::new();
    let mut lines = Lines(query);
    while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
        if let Some((name, value)) = mark(name, value)
            && !touches::read(&found).any(|touch| touch.name == name)
        {
            touches::write(&mut found, &Touch { name, seen_ms: now_ms, value });
        }
    }
    found
}

/// The parameter in the registry's spelling and its value, when it is one worth keeping.
fn mark<'a>(name: &'a str, value: &'a str) -> Option<(&'a str, &'a str)> {
    if matches!(name, "utm_source" | "utm_medium" | "utm_campaign" | "utm_term" | "utm_content" | "utm_id") {
        // An address in a UTM parameter is a mail program's personalisation, and personal data.
        let keep = !value.is_empty() && value.bytes().all(|b| b != b'@');
        return keep.then(|| (name, limits::clip(value, MOST_UTM_BYTES)));
    }
    let spec = click_id::find(name)?;
    click_id::valid(spec, value).then_some((spec.param, value))
}

/// The cookies of ad platforms worth sending with an event, byte for byte: names and values.
pub fn ad_cookies(cookies: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = cookies;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let (cookie, after) = cut(rest, b';');
            rest = after.strip_prefix(' ').unwrap_or(after);
            let (name, value) = cut(cookie, b'=');
            if !value.is_empty() && value.len() <= limits::COOKIE && click_id::wanted_cookie(name) {
                return Some((name, value));
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(query: &str) -> Vec<(String, String)> {
        let text = landing(query, "1");
        touches::read(&text).map(|touch| (touch.name.to_owned(), touch.value.to_owned())).collect()
    }

    #[test]
    fn marks_of_a_landing() {
        let check = |query: &str, expected: &[(&str, &str)]| {
            let expected: Vec<_> = expected.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            assert_eq!(found(query), expected, "{query:?}");
        };
        check("", &[]);
        check("page\n2\nfbclid\nIwAR0\nutm_id\n7", &[("fbclid", "IwAR0"), ("utm_id", "7")]);
        check("fbclid\nfirst\nfbclid\nsecond", &[("fbclid", "first")]);
        check("fbclid\n\nutm_source\n", &[]);
        check("fbclid\n{{click_id}}", &[]);
        check("utm_id\nada@example.com\nutm_other\nx", &[]);
        check("fbclid", &[]);
    }

    #[test]
    fn every_click_id_of_the_registry_is_caught() {
        for spec in click_id::REGISTRY {
            let value = [
                "a1b2",
                "018f4e7a-0000-7000-8000-000000000001",
                "12345",
                "a1b2c3d4a1b2c3d4a1b2c3d4a1b2c3d4",
                "tbl_x",
            ]
            .into_iter()
            .find(|value| click_id::valid(spec, value));
            if let Some(value) = value {
                let query = format!("{}\n{value}", spec.param);
                assert_eq!(found(&query), [(spec.param.to_owned(), value.to_owned())]);
            }
        }
    }

    #[test]
    fn a_long_campaign_is_cut() {
        let query = format!("utm_term\n{}", "ä".repeat(MOST_UTM_BYTES));
        assert_eq!(found(&query)[0].1.len(), MOST_UTM_BYTES);
    }

    #[test]
    fn ad_cookies_are_taken_byte_for_byte_and_no_others() {
        let cookies = "session=1; _fbp=fb.1.2.3; _fbpx=4; _ttp=a%20b=c; _ga=; _ga_ABC=GS1.1";
        let expected = [("_fbp", "fb.1.2.3"), ("_ttp", "a%20b=c"), ("_ga_ABC", "GS1.1")];
        assert_eq!(ad_cookies(cookies).collect::<Vec<_>>(), expected);
        let long = format!("_fbp={}", "x".repeat(limits::COOKIE + 1));
        assert_eq!(ad_cookies(&long).count(), 0);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_readers_panic(text in "(?s).{0,80}") {
            let _ = landing(&text, &text);
            let _ = ad_cookies(&text).count();
        }
    }
}
