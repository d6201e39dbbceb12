//! What a landing tells: click ids and campaign in its address, ad cookies in its cookie text.
//!
//! Pure reading of foreign text; the registry of names lives in `shared`. Leaves remembering to `touches`.

use shared::{click_id, limits};

use crate::percent;
use crate::touches::Touch;

/// Longest value of a UTM parameter that is kept, in bytes. Real ones are short; a page must not be able to push the
/// click ids out of the cookie with a long one.
const MOST_UTM_BYTES: usize = 256;
/// The parameters of a campaign, after `utm_`.
const UTM: [&str; 6] = ["source", "medium", "campaign", "term", "content", "id"];

/// The click ids and campaign parameters of an address, in the spelling of the registry; the first of a name counts.
pub fn landing(url: &str, now_ms: u64) -> Vec<Touch> {
    let mut touches: Vec<Touch> = Vec::new();
    let Some((_, rest)) = url.split_once('?') else { return touches };
    let query = rest.split('#').next().unwrap_or("");
    for pair in query.split('&') {
        let Some((name, value)) = pair.split_once('=') else { continue };
        if let Some((name, value)) = mark(&percent::decode(name, true), percent::decode(value, true))
            && !touches.iter().any(|touch| touch.name == name)
        {
            touches.push(Touch { name, value, seen_ms: now_ms });
        }
    }
    touches
}

/// The parameter in the registry's spelling and its value, when it is one worth keeping.
fn mark(name: &str, value: String) -> Option<(String, String)> {
    if let Some(part) = name.strip_prefix("utm_") {
        // An address in a UTM parameter is a mail program's personalisation, and personal data.
        let keep = UTM.contains(&part) && !value.is_empty() && !value.contains('@');
        return keep.then(|| (name.to_owned(), limits::clip(&value, MOST_UTM_BYTES).to_owned()));
    }
    let spec = click_id::find(name)?;
    click_id::valid(spec, &value).then(|| (spec.param.to_owned(), value))
}

/// Names and values of a cookie text, byte for byte.
pub fn pairs(cookies: &str) -> impl Iterator<Item = (&str, &str)> {
    cookies.split(';').filter_map(|cookie| cookie.trim_start().split_once('='))
}

/// The value of one cookie.
pub fn cookie<'a>(cookies: &'a str, name: &str) -> Option<&'a str> {
    pairs(cookies).find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// The cookies of ad platforms worth sending, byte for byte, within the event's bounds.
pub fn ad_cookies(cookies: &str) -> Vec<(&str, &str)> {
    let wanted = |(name, value): &(&str, &str)| {
        click_id::AD_COOKIES.contains(name) && !value.is_empty() && value.len() <= limits::COOKIE
    };
    pairs(cookies).filter(wanted).take(limits::COOKIES).collect()
}
