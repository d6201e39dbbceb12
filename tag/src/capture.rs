//! What a landing tells: click ids and campaign in its address, ad cookies in its cookie text.
//!
//! Pure reading of foreign text; the registry of names lives in `shared`. Leaves remembering to `touches`.

use shared::click_id::packed;
use shared::limits;

use crate::text::{Lines, put};
use crate::touches::{Touch, Touches};

/// Longest value of a UTM parameter that is kept, in bytes. Real ones are short; a page must not be able to push the
/// click ids out of the cookie with a long one.
const MOST_UTM_BYTES: usize = 256;

/// The click ids and campaign parameters among an address's parameters; the first of a name counts.
pub fn landing(parameters: &str) -> String {
    let mut found = String::new();
    for touch in Touches::of(parameters) {
        if let Some((name, value)) = mark(touch.name, touch.value)
            && !Touches::of(&found).any(|known| known.name == name)
        {
            Touch { name, value, ..touch }.write(&mut found);
        }
    }
    found
}

/// The parameter in the registry's spelling and its value, when it is one worth keeping.
fn mark<'a>(name: &'a str, value: &'a str) -> Option<(&'a str, &'a str)> {
    if let Some((name, line)) = packed::find(name) {
        return packed::fits(line, value).then_some((name, value));
    }
    let part = name.strip_prefix("utm_")?;
    // An address in a UTM parameter is a mail program's personalisation, and personal data.
    let keep = matches!(part, "source" | "medium" | "campaign" | "term" | "content" | "id")
        && !value.is_empty()
        && value.bytes().all(|b| b != b'@');
    keep.then(|| (name, limits::clip(value, MOST_UTM_BYTES)))
}

/// The cookies of ad platforms worth sending with an event, byte for byte. Names and values by turns, a line each,
/// go in and come out.
pub fn ad_cookies(cookies: &str) -> String {
    let mut found = String::new();
    let mut lines = Lines(cookies);
    while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
        if !value.is_empty() && value.len() <= limits::COOKIE && packed::wanted_cookie(name) {
            put(&mut found, &[name, "\n", value, "\n"]);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use shared::click_id;

    use super::*;

    fn found(parameters: &str) -> Vec<(String, String)> {
        let text = landing(parameters);
        Touches::of(&text).map(|touch| (touch.name.to_owned(), touch.value.to_owned())).collect()
    }

    #[test]
    fn marks_of_a_landing() {
        let check = |parameters: &str, expected: &[(&str, &str)]| {
            let expected: Vec<_> = expected.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            assert_eq!(found(parameters), expected, "{parameters:?}");
        };
        check("", &[]);
        check("page\n1\n2\nfbclid\n1\nIwAR0\nutm_id\n1\n7", &[("fbclid", "IwAR0"), ("utm_id", "7")]);
        check("fbclid\n1\nfirst\nfbclid\n1\nsecond", &[("fbclid", "first")]);
        check("fbclid\n1\n\nutm_source\n1\n", &[]);
        check("fbclid\n1\n{{click_id}}", &[]);
        check("utm_id\n1\nada@example.com\nutm_other\n1\nx\nutm_\n1\ny", &[]);
        check("\n1\nx\nfbclid\n1\nabc", &[("fbclid", "abc")]);
        check("fbclid", &[]);
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
            let parameters = format!("{}\n1\n{value}", spec.param);
            assert_eq!(found(&parameters), [(spec.param.to_owned(), value.to_owned())]);
        }
    }

    #[test]
    fn a_long_campaign_is_cut() {
        let parameters = format!("utm_term\n1\n{}", "ä".repeat(MOST_UTM_BYTES));
        assert_eq!(found(&parameters)[0].1.len(), MOST_UTM_BYTES);
    }

    #[test]
    fn ad_cookies_are_taken_byte_for_byte_and_no_others() {
        let cookies = "session\n1\n_fbp\nfb.1.2.3\n_fbpx\n4\n_ttp\na%20b=c\n_ga\n\n_ga_ABC\nGS1.1";
        assert_eq!(ad_cookies(cookies), "_fbp\nfb.1.2.3\n_ttp\na%20b=c\n_ga_ABC\nGS1.1\n");
        let long = format!("_fbp\n{}", "x".repeat(limits::COOKIE + 1));
        assert_eq!(ad_cookies(&long), "");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_readers_panic(text in "(?s).{0,80}") {
            let _ = landing(&text);
            let _ = ad_cookies(&text);
        }
    }
}
