//! The touches: how this visitor arrived, as far back as it is useful.
//!
//! Owns the memory of click ids and campaign with the time each was first seen, and its rules: the newest value of a
//! parameter, one Google id at a time, a campaign is replaced as a whole, lifetimes, a bounded size. Leaves reading
//! addresses to `capture` and keeping the text to the page.
//!
//! The memory is its own text form, three lines a touch (name, time in Unix milliseconds, value), oldest first: it is
//! read once a page and written once a landing, so nothing is gained by another form in between.

use shared::click_id::{GOOGLE_EXCLUSIVE, packed};

use crate::text::{Lines, number, put};

/// Longest text, in bytes before the cookie's own escapes: browsers allow 4,096 for a cookie with its name and
/// attributes, and every request to the site carries it.
const MOST_BYTES: usize = 2_600;
/// How long a campaign is remembered, in days: the longest click window of the ad platforms.
const CAMPAIGN_DAYS: u32 = 90;
const DAY_MS: f64 = shared::time::DAY_MS as f64;

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

/// The rank of what is part of a campaign and no click id.
const CAMPAIGN: usize = 9;

impl Touch<'_> {
    /// Where this stands among what excludes one another: Google's ids from 1 on (see [`GOOGLE_EXCLUSIVE`]), the
    /// parts of a campaign at [`CAMPAIGN`]; 0 for everything that stands alone.
    fn rank(&self) -> usize {
        if self.name.starts_with("utm_") {
            return CAMPAIGN;
        }
        GOOGLE_EXCLUSIVE.iter().position(|name| *name == self.name).map_or(0, |place| place + 1)
    }

    /// Whether a newer touch takes the place of this one.
    fn yields_to(&self, newer: &Self) -> bool {
        let (mine, theirs) = (self.rank(), newer.rank());
        self.name == newer.name || mine > 0 && theirs > 0 && (mine == CAMPAIGN) == (theirs == CAMPAIGN)
    }

    /// Whether another touch of the same landing is used in the place of this one.
    fn is_outranked_by(&self, other: &Self) -> bool {
        let (mine, theirs) = (self.rank(), other.rank());
        theirs > 0 && theirs < mine && mine < CAMPAIGN
    }

    fn expired(&self, now_ms: f64) -> bool {
        let days = packed::find(self.name).map_or(CAMPAIGN_DAYS, |(_, line)| line.days());
        number(self.seen_ms) + f64::from(days) * DAY_MS < now_ms
    }

    /// Appends this to a text.
    pub fn write(&self, text: &mut String) {
        put(text, &[self.name, "\n", self.seen_ms, "\n", self.value, "\n"]);
    }
}

/// Walks the touches of a text, oldest first.
#[derive(Clone)]
pub struct Touches<'a>(Lines<'a>);

impl<'a> Touches<'a> {
    /// Those of `text`.
    pub fn of(text: &'a str) -> Self {
        Self(Lines(text))
    }
}

impl<'a> Iterator for Touches<'a> {
    type Item = Touch<'a>;

    #[inline(never)]
    fn next(&mut self) -> Option<Touch<'a>> {
        Some(Touch { name: self.0.next()?, seen_ms: self.0.next()?, value: self.0.next()? })
    }
}

/// Adds a landing's touches to what is known, both as text. A value known already keeps its first time.
pub fn absorb(known: &str, landing: &str, now_ms: f64) -> String {
    let mut text = String::new();
    for old in Touches::of(known) {
        if !old.expired(now_ms) && !Touches::of(landing).any(|newer| old.yields_to(&newer)) {
            old.write(&mut text);
        }
    }
    for mut newer in Touches::of(landing) {
        if Touches::of(landing).any(|other| newer.is_outranked_by(&other)) {
            continue;
        }
        let before = Touches::of(known).find(|old| old.name == newer.name && old.value == newer.value);
        if let Some(old) = before {
            newer.seen_ms = old.seen_ms;
        }
        newer.write(&mut text);
    }
    let mut newest = text.as_str();
    while newest.len() > MOST_BYTES {
        let mut touches = Touches::of(newest);
        touches.next();
        newest = touches.0.0;
    }
    newest.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(touches: &[(&str, &str, &str)]) -> String {
        let mut text = String::new();
        for (name, seen_ms, value) in touches {
            Touch { name, seen_ms, value }.write(&mut text);
        }
        text
    }

    #[test]
    fn rules_of_memory() {
        let check = |rule: &str,
                     known: &[(&str, &str, &str)],
                     landing: &[(&str, &str, &str)],
                     expected: &[(&str, &str, &str)]| {
            assert_eq!(absorb(&text(known), &text(landing), 2_000.0), text(expected), "{rule}");
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
            "of one landing Google's first",
            &[("gclid", "1", "a")],
            &[("wbraid", "2", "b"), ("gclid", "2", "c")],
            &[("gclid", "2", "c")],
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
        let days = |days: u32| f64::from(days) * DAY_MS;
        let known = text(&[("fbclid", "0", "a"), ("utm_source", "0", "b")]);
        let lifetime = packed::find("fbclid").expect("registered").1.days();
        assert_eq!(
            absorb(&known, "", days(lifetime)),
            known.replace(
                "utm_source\n0\nb\n",
                if lifetime > CAMPAIGN_DAYS { "" } else { "utm_source\n0\nb\n" }
            )
        );
        assert_eq!(absorb(&known, "", days(lifetime.max(CAMPAIGN_DAYS) + 1)), "");
    }

    #[test]
    fn the_oldest_make_room() {
        let long = "x".repeat(900);
        let known = text(&[("fbclid", "1", &long), ("ttclid", "2", &long)]);
        let kept = absorb(&known, &text(&[("gclid", "3", &long)]), 9.0);
        assert_eq!(Touches::of(&kept).map(|touch| touch.name).collect::<Vec<_>>(), ["ttclid", "gclid"]);
        assert!(kept.len() <= MOST_BYTES);
    }

    proptest::proptest! {
        #[test]
        fn any_cookie_reads_without_panic_and_stays_bounded(known in "[a-z0-9_\n]{0,200}", landing in "(?s).{0,60}", now in proptest::num::f64::ANY) {
            proptest::prop_assert!(absorb(&known, &landing, now).len() <= MOST_BYTES);
        }
    }
}
