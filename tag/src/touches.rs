//! The touches: how this visitor arrived, as far back as it is useful.
//!
//! Owns the memory of click ids and campaign with the time each was first seen, and its rules: the newest value of a
//! parameter, one Google id at a time, a campaign is replaced as a whole, lifetimes, a bounded size. Leaves reading
//! addresses to `capture` and keeping the text to the page.
//!
//! The memory is its own text form, three lines a touch (name, time in Unix milliseconds, value), oldest first: it is
//! read once a page and written once a landing, so nothing is gained by another form in between.

use shared::click_id;

use crate::text::{Lines, number, put};

/// Longest text, in bytes before the cookie's own escapes: browsers allow 4,096 for a cookie with its name and
/// attributes, and every request to the site carries it.
const MOST_BYTES: usize = 2_600;
/// How long a campaign is remembered, in days: the longest click window of the ad platforms.
const CAMPAIGN_DAYS: u16 = 90;
const DAY_MS: u64 = shared::time::DAY_MS as u64;

/// One remembered mark of a landing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch<'a> {
    /// URL parameter: a click id's in the registry's spelling, or `utm_…`.
    pub name: &'a str,
    /// When this value was first seen, in Unix milliseconds, as decimal digits.
    pub seen_ms: &'a str,
    /// Its value.
    pub value: &'a str,
}

impl Touch<'_> {
    /// Whether this is part of a campaign and no click id.
    pub fn is_campaign(&self) -> bool {
        self.name.starts_with("utm_")
    }

    fn yields_to(&self, newer: &Self) -> bool {
        // Google takes one of its three ids per conversion, so only the newest counts
        // (developers.google.com/google-ads/api, "Upload click conversions", read 2026-11-23).
        let google = |touch: &Self| matches!(touch.name, "gclid" | "gbraid" | "wbraid");
        self.name == newer.name
            || (google(self) && google(newer))
            || (self.is_campaign() && newer.is_campaign())
    }

    fn expired(&self, now_ms: &str) -> bool {
        let days = click_id::find(self.name).map_or(CAMPAIGN_DAYS, |spec| spec.days);
        number(self.seen_ms) + u64::from(days) * DAY_MS < number(now_ms)
    }
}

/// Walks the touches of a text, oldest first.
pub fn read(text: &str) -> impl Iterator<Item = Touch<'_>> {
    let mut lines = Lines(text);
    std::iter::from_fn(move || {
        Some(Touch { name: lines.next()?, seen_ms: lines.next()?, value: lines.next()? })
    })
}

/// Adds a landing's touches to what is known, both as text. A value known already keeps its first time.
pub fn absorb(known: &str, landing: &str, now_ms: &str) -> String {
    let mut text = String::new();
    for old in read(known) {
        if !old.expired(now_ms) && !read(landing).any(|newer| old.yields_to(&newer)) {
            write(&mut text, &old);
        }
    }
    for mut newer in read(landing) {
        if let Some(old) = read(known).find(|old| old.name == newer.name && old.value == newer.value) {
            newer.seen_ms = old.seen_ms;
        }
        write(&mut text, &newer);
    }
    while text.len() > MOST_BYTES {
        let first = read(&text).next().map_or(text.len(), |oldest| size(&oldest));
        text.drain(..first.min(text.len()));
    }
    text
}

/// Appends a touch to a text. A value with a line end in it is none.
pub fn write(text: &mut String, touch: &Touch<'_>) {
    put(text, &[touch.name, "\n", touch.seen_ms, "\n", touch.value, "\n"]);
}

fn size(touch: &Touch<'_>) -> usize {
    touch.name.len() + touch.seen_ms.len() + touch.value.len() + 3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(touches: &[(&str, &str, &str)]) -> String {
        let mut text = String::new();
        for (name, seen_ms, value) in touches {
            write(&mut text, &Touch { name, seen_ms, value });
        }
        text
    }

    #[test]
    fn rules_of_memory() {
        let check = |rule: &str,
                     known: &[(&str, &str, &str)],
                     landing: &[(&str, &str, &str)],
                     expected: &[(&str, &str, &str)]| {
            assert_eq!(absorb(&text(known), &text(landing), "2000"), text(expected), "{rule}");
        };
        check("nothing new", &[("fbclid", "1", "a")], &[], &[("fbclid", "1", "a")]);
        check(
            "the newest value counts",
            &[("fbclid", "1", "a")],
            &[("fbclid", "2", "b")],
            &[("fbclid", "2", "b")],
        );
        check(
            "a known value keeps its time",
            &[("fbclid", "1", "a")],
            &[("fbclid", "2", "a")],
            &[("fbclid", "1", "a")],
        );
        check(
            "networks stand side by side",
            &[("fbclid", "1", "a")],
            &[("gclid", "2", "b")],
            &[("fbclid", "1", "a"), ("gclid", "2", "b")],
        );
        check(
            "one Google id at a time",
            &[("gclid", "1", "a")],
            &[("wbraid", "2", "b")],
            &[("wbraid", "2", "b")],
        );
        check(
            "a campaign is replaced as a whole",
            &[("utm_source", "1", "a"), ("utm_term", "1", "b")],
            &[("utm_source", "2", "c")],
            &[("utm_source", "2", "c")],
        );
    }

    #[test]
    fn what_is_too_old_goes() {
        let days = |days: u64| (days * DAY_MS).to_string();
        let known = text(&[("fbclid", "0", "a"), ("utm_source", "0", "b")]);
        let lifetime = click_id::find("fbclid").expect("registered").days;
        assert_eq!(
            absorb(&known, "", &days(lifetime.into())),
            known.replace(
                "utm_source\n0\nb\n",
                if lifetime > CAMPAIGN_DAYS { "" } else { "utm_source\n0\nb\n" }
            )
        );
        assert_eq!(absorb(&known, "", &days(u64::from(lifetime.max(CAMPAIGN_DAYS)) + 1)), "");
    }

    #[test]
    fn the_oldest_make_room() {
        let long = "x".repeat(900);
        let known = text(&[("fbclid", "1", &long), ("ttclid", "2", &long)]);
        let kept = absorb(&known, &text(&[("gclid", "3", &long)]), "9");
        assert_eq!(read(&kept).map(|touch| touch.name).collect::<Vec<_>>(), ["ttclid", "gclid"]);
        assert!(kept.len() <= MOST_BYTES);
    }

    proptest::proptest! {
        #[test]
        fn any_cookie_reads_without_panic_and_stays_bounded(known in "[a-z0-9_\n]{0,200}", landing in "(?s).{0,60}", now in ".{0,20}") {
            proptest::prop_assert!(absorb(&known, &landing, &now).len() <= MOST_BYTES);
        }
    }
}
