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
