//! `registry.js`: the click ids, campaign parameters and cookies of `shared`, as the tag's fallback takes them.
//!
//! Written from `shared::click_id` whenever the tag is packed, so that there is one table to keep. A shape becomes a
//! regular expression's text; lines that agree in days and shape share one entry, which is what makes it small.

use std::collections::BTreeMap;

use shared::click_id::{self, REGISTRY, Shape, Spec, packed};
use shared::limits;

/// The module's text.
pub(super) fn module() -> String {
    let mut groups: BTreeMap<(u16, String), Vec<String>> = BTreeMap::new();
    for spec in REGISTRY {
        groups.entry((spec.days, shape(spec.shape))).or_default().push(name(spec));
    }
    let clicks: Vec<_> =
        groups.into_iter().map(|((days, shape), names)| (days, shape, names.join(" "))).collect();
    let cookies = REGISTRY.iter().flat_map(|spec| spec.cookies).map(|(cookie, _)| *cookie);
    let cookies: Vec<&str> = click_id::AD_COOKIES.iter().copied().chain(cookies).collect();
    let clicks = serde_json::to_string(&clicks).expect("numbers and texts are JSON");
    [
        ("CLICKS", clicks),
        ("CAMPAIGN", quoted(packed::CAMPAIGN)),
        ("COOKIES", quoted(&cookies.join(" "))),
        ("GOOGLE", quoted(&click_id::GOOGLE_EXCLUSIVE.join(" "))),
        ("SESSION_COOKIE", quoted(click_id::SESSION_COOKIE_PREFIX)),
        ("LONGEST_CLICK", limits::CLICK_ID.to_string()),
        ("LONGEST_COOKIE", limits::COOKIE.to_string()),
        ("LONGEST_PERSON", limits::IDENTITY.to_string()),
    ]
    .map(|(name, value)| format!("export const {name} = {value};\n"))
    .concat()
}

/// A star says that the name is matched in any case.
fn name(spec: &Spec) -> String {
    format!("{}{}", if spec.any_case { "*" } else { "" }, spec.param)
}

/// What a value looks like, besides what holds for all of them.
fn shape(shape: Shape) -> String {
    const UUID: &str = r"[\da-fA-F]{8}(-[\da-fA-F]{4}){3}-[\da-fA-F]{12}";
    match shape {
        Shape::Opaque(most) => format!(".{{1,{most}}}"),
        Shape::Token(most) => format!(r"[\w-]{{1,{most}}}"),
        Shape::Digits(most) => format!(r"\d{{1,{most}}}"),
        Shape::Guid => format!(r"[\da-fA-F]{{32}}|{UUID}"),
        Shape::Uuid => UUID.to_owned(),
        Shape::Begins(start) => format!("{start}.*"),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_the_registry_is_in_the_module_once() {
        let module = module();
        let words = |name: &str| module.split(['"', ' ', '*']).filter(|word| *word == name).count();
        for spec in REGISTRY {
            // Some names are also a cookie's.
            let cookies = REGISTRY.iter().flat_map(|spec| spec.cookies);
            let as_cookie = cookies.filter(|(cookie, _)| *cookie == spec.param).count();
            let as_google = usize::from(click_id::GOOGLE_EXCLUSIVE.contains(&spec.param));
            assert_eq!(words(spec.param), 1 + as_cookie + as_google, "{}", spec.param);
        }
        for cookie in click_id::AD_COOKIES {
            assert_eq!(words(cookie), 1, "{cookie}");
        }
    }
}
