//! The touches: how this visitor arrived, as far back as it is useful.
//!
//! Owns the memory of click ids and campaign with the time each was first seen, and its rules: the newest value of a
//! parameter, one Google id at a time, a campaign is replaced as a whole, lifetimes. Leaves reading
//! addresses to `capture`, and keeping the text, bounded, to the page.
//!
//! The memory is its own text form, three lines a touch (name, time in Unix milliseconds, value), oldest first: it is
//! read once a page and written once a landing, so nothing is gained by another form in between.

use shared::click_id::packed;
use shared::words::same;

use crate::text::{Answer, Lines, number};

/// How long a campaign is remembered, in days: the longest click window of the ad platforms.
const CAMPAIGN_DAYS: u32 = 90;
const DAY_MS: f64 = shared::time::DAY_MS as f64;

/// One remembered mark of a landing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch<'a> {
    /// URL parameter: a click id's in the registry's spelling, or `utm_…`.
    pub name: &'a [u8],
    /// When this value was first seen, in Unix milliseconds, as decimal digits.
    pub seen_ms: &'a [u8],
    /// Its value.
    pub value: &'a [u8],
}

/// The rank of what is part of a campaign and no click id.
const CAMPAIGN: usize = 9;

impl Touch<'_> {
    /// Where this stands among what excludes one another: Google's ids from 1 on (see [`packed::google_rank`]), the
    /// parts of a campaign at [`CAMPAIGN`]; 0 for everything that stands alone.
    #[inline(never)]
    fn rank(&self) -> usize {
        if self.name.starts_with(b"utm_") {
            return CAMPAIGN;
        }
        packed::google_rank(self.name)
    }

    /// Whether a newer touch takes the place of this one.
    fn yields_to(&self, newer: &Self) -> bool {
        let (mine, theirs) = (self.rank(), newer.rank());
        same(self.name, newer.name, false)
            || mine > 0 && theirs > 0 && (mine == CAMPAIGN) == (theirs == CAMPAIGN)
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
    #[inline(never)]
    pub fn write(&self, text: &mut Answer<'_>) {
        for line in [self.name, self.seen_ms, self.value] {
            text.put(line);
            text.put(b"\n");
        }
    }
}

/// Walks the touches of a text, oldest first.
#[derive(Clone, Debug)]
pub struct Touches<'a>(pub &'a [u8]);

impl<'a> Iterator for Touches<'a> {
    type Item = Touch<'a>;

    #[inline(never)]
    fn next(&mut self) -> Option<Touch<'a>> {
        let mut lines = Lines(self.0);
        let touch = Touch { name: lines.next()?, seen_ms: lines.next()?, value: lines.next()? };
        self.0 = lines.0;
        Some(touch)
    }
}

/// Takes what is known off a text and leaves what comes after: a touch without a name stands between the two.
pub fn known_of<'a>(text: &mut &'a [u8]) -> &'a [u8] {
    let all = *text;
    let mut rest = Touches(all);
    loop {
        let known = all.len() - rest.0.len();
        if rest.next().is_none_or(|touch| touch.name.is_empty()) {
            *text = rest.0;
            return all.get(..known).unwrap_or_default();
        }
    }
}

/// Adds a landing's touches to what is known, all as text. A value known already keeps its first time.
pub fn absorb(known: &[u8], landing: &[u8], now_ms: f64, text: &mut Answer<'_>) {
    for old in Touches(known) {
        if !old.expired(now_ms) && !Touches(landing).any(|newer| old.yields_to(&newer)) {
            old.write(text);
        }
    }
    for mut newer in Touches(landing) {
        for old in Touches(known) {
            if same(old.name, newer.name, false) && same(old.value, newer.value, false) {
                newer.seen_ms = old.seen_ms;
            }
        }
        if !Touches(landing).any(|other| newer.is_outranked_by(&other)) {
            newer.write(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(touches: &[(&str, &str, &str)]) -> String {
        touches.iter().map(|(name, seen_ms, value)| format!("{name}\n{seen_ms}\n{value}\n")).collect()
    }

    fn absorbed(known: &str, landing: &str, now_ms: f64) -> String {
        let mut memory = [0; 4_096];
        let mut answer = Answer::new(&mut memory);
        absorb(known.as_bytes(), landing.as_bytes(), now_ms, &mut answer);
        String::from_utf8(answer.text().to_vec()).expect("UTF-8")
    }

    #[test]
    fn rules_of_memory() {
        let check = |rule: &str,
                     known: &[(&str, &str, &str)],
                     landing: &[(&str, &str, &str)],
                     expected: &[(&str, &str, &str)]| {
            assert_eq!(absorbed(&text(known), &text(landing), 2_000.0), text(expected), "{rule}");
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
        let lifetime = packed::find(b"fbclid").expect("registered").1.days();
        assert_eq!(
            absorbed(&known, "", days(lifetime)),
            known.replace(
                "utm_source\n0\nb\n",
                if lifetime > CAMPAIGN_DAYS { "" } else { "utm_source\n0\nb\n" }
            )
        );
        assert_eq!(absorbed(&known, "", days(lifetime.max(CAMPAIGN_DAYS) + 1)), "");
    }

    #[test]
    fn what_is_known_ends_at_a_touch_without_a_name() {
        let check = |text: &str, known: &str, landing: &str| {
            let mut rest = text.as_bytes();
            assert_eq!((known_of(&mut rest), rest), (known.as_bytes(), landing.as_bytes()), "{text:?}");
        };
        check("a\n1\nb\n\n\n\nc\n2\nd", "a\n1\nb\n", "c\n2\nd");
        check("\n\n\nc\n2\nd", "", "c\n2\nd");
        check("a\n1\nb\n", "a\n1\nb\n", "");
        check("\n\n", "", "\n\n");
        check("", "", "");
    }

    proptest::proptest! {
        #[test]
        fn any_text_reads_without_panic_and_nothing_is_made_up(known in "[a-z0-9_\n]{0,200}", landing in "(?s).{0,60}", now in proptest::num::f64::ANY) {
            proptest::prop_assert!(absorbed(&known, &landing, now).len() <= known.len() + landing.len() + 3);
        }
    }
}
