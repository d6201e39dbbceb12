//! Merge: one rich event out of the reports of one conversion that come within its merge window.
//!
//! The first report is held in the store; what comes under any of its dedup keys joins it; when the window ends, all of
//! them become one event. The reports are kept as they came and merged only then, so that the result does not depend on
//! the order in which they came. What is held has bounds, because anybody's page can report one order over and over. Owns
//! what is held and whose word counts for what ([`one_of`]). Pure; leaves holding and releasing to `pipeline` and the store.
//!
//! | of the reports | comes from |
//! |---|---|
//! | event id, visitor, page, ad cookies, campaign, client | the page's report, then the others in the order of their times |
//! | value with its currency, tax, shipping, coupon, items, own properties | the shop, then a payment service or network, then the page |
//! | click ids | all; of two for one parameter the one seen later; what another system has kept, last |
//! | user data, tokens | all |
//! | time | the earliest |
//! | consent | what was answered last |

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};
use shared::event::{Campaign, ClickId, Source};
use shared::{Attribution, Consent, Context, Event, Page, Properties, limits};

use crate::orders::Word;
use crate::rules::on_top_of;

/// Different reports of one conversion that are kept; there is no fifth reporter, let alone a seventeenth.
const MOST_REPORTS: usize = 16;
/// Keys under which they are found: twice as many as reports, each of which has two at most. Later ones are claimed like any
/// others; but who comes under one of them and not under the order's is a repeat, which joins nothing.
const MOST_KEYS: usize = 2 * MOST_REPORTS;

/// The reports of one conversion so far, as they are held.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reports {
    /// As they came.
    events: Vec<Event>,
    /// Their dedup keys.
    pub keys: Vec<String>,
}

impl Reports {
    /// Adds a report and its keys. One that says what another says already is only its keys.
    pub fn add(&mut self, event: Event, keys: Vec<String>) {
        self.keep(event);
        self.add_keys(keys);
    }

    /// Adds everything of another conversion that turned out to be this one.
    pub fn join(&mut self, other: Self) {
        for event in other.events {
            self.keep(event);
        }
        self.add_keys(other.keys);
    }

    /// Keeps a report; where there is no room, in place of one whose word is worth less, or not at all. So a page that
    /// fires again and again cannot keep the shop from being heard.
    fn keep(&mut self, event: Event) {
        if self.events.contains(&event) {
            return;
        }
        if self.events.len() < MOST_REPORTS {
            self.events.push(event);
            return;
        }
        // Of several the last to come goes: the first one of a page is most likely the real one.
        let least = self.events.iter_mut().rev().min_by_key(|kept| Word::of(kept));
        if let Some(least) = least
            && Word::of(least) < Word::of(&event)
        {
            *least = event;
        }
    }

    /// Adds keys, while there is room.
    fn add_keys(&mut self, keys: Vec<String>) {
        for key in keys {
            if self.keys.len() < MOST_KEYS && !self.keys.contains(&key) {
                self.keys.push(key);
            }
        }
    }

    /// The values of the click ids that servers brought and no page did.
    pub fn clicks_of_servers(&self) -> Vec<String> {
        let values = |of_page: bool| {
            let reports = self.events.iter().filter(move |event| (event.source == Source::Web) == of_page);
            reports.flat_map(|event| event.click_ids.values().map(|click| &click.value))
        };
        values(false).filter(|value| values(true).all(|other| other != *value)).cloned().collect()
    }

    /// The one event they are, and whose word its value is.
    pub fn merged(self) -> Option<(Event, Word)> {
        one_of(self.events)
    }
}

/// One event out of several reports of it, and whose word its value is; none out of none.
pub fn one_of(reports: Vec<Event>) -> Option<(Event, Word)> {
    let consent = reports.iter().fold(Consent::default(), |said, report| on_top_of(&said, &report.consent));
    let time = reports.iter().map(|report| report.time).min()?;
    let mut by_page: Vec<&Event> = reports.iter().collect();
    by_page.sort_by_key(|report| (report.source != Source::Web, report.time, &report.event_id));
    let mut by_word = by_page.clone();
    by_word.sort_by_key(|report| Reverse(Word::of(report)));
    let mut event = (*by_page.first()?).clone();
    for report in by_page.iter().skip(1) {
        join_journey(&mut event, report);
    }
    let (properties, word) = properties(&by_word);
    event.properties = properties;
    (event.time, event.consent) = (time, consent);
    Some((event, word))
}

/// Adds of a report what the event lacks of who, where and by which click.
fn join_journey(event: &mut Event, report: &Event) {
    event.visitor_id = event.visitor_id.take().or_else(|| report.visitor_id.clone());
    let Page { url, referrer, title } = &mut event.page;
    let theirs = [&report.page.url, &report.page.referrer, &report.page.title];
    for (mine, theirs) in [url, referrer, title].into_iter().zip(theirs) {
        *mine = mine.take().or_else(|| theirs.clone());
    }
    for (name, value) in &report.cookies {
        if event.cookies.len() < limits::COOKIES && !event.cookies.contains_key(name) {
            event.cookies.insert(name.clone(), value.clone());
        }
    }
    for (name, token) in &report.tokens {
        if event.tokens.len() < limits::TOKENS && !event.tokens.contains_key(name) {
            event.tokens.insert(name.clone(), token.clone());
        }
    }
    for (param, click) in &report.click_ids {
        join_click(event, param, click);
    }
    for (param, click) in report.attribution.iter().flat_map(|record| &record.passed_over) {
        let record = event.attribution.get_or_insert_with(Box::<Attribution>::default);
        record.passed_over.entry(param.clone()).or_insert_with(|| click.clone());
    }
    event.campaign = event.campaign.take().or_else(|| campaign(report));
    // Address and user agent of two different clients would describe nobody.
    let Context { ip, user_agent, language } = &report.context;
    if event.context.ip.is_none() && event.context.user_agent.is_none() {
        (event.context.ip, event.context.user_agent) = (ip.clone(), user_agent.clone());
    }
    event.context.language = event.context.language.take().or_else(|| language.clone());
    event.user.merge(&report.user);
}

/// The campaign of a report. One that a server tells of without a time beside a click that was kept is no younger than that.
fn campaign(report: &Event) -> Option<Campaign> {
    let mut campaign = report.campaign.clone()?;
    if report.source != Source::Web && report.click_ids.values().any(is_kept) {
        campaign.seen_at.get_or_insert(ClickId::SOME_TIME_BEFORE);
    }
    Some(campaign)
}

/// Whether another system has kept a click, and nobody says when it was.
fn is_kept(click: &ClickId) -> bool {
    click.seen_at == Some(ClickId::SOME_TIME_BEFORE)
}

/// Of two click ids for one parameter the one seen later; of one click the time, if only one report knows it, and the
/// earlier if both do. One that another system has kept says nothing of its time, and yields to any that it did not keep, but is
/// written down for the destinations for which that one is too old.
fn join_click(event: &mut Event, param: &str, click: &ClickId) {
    let worth = |click: &ClickId| (!is_kept(click), click.seen_at);
    let room = event.click_ids.len() < limits::CLICK_IDS;
    match event.click_ids.get_mut(param) {
        None if room => {
            event.click_ids.insert(param.to_owned(), click.clone());
        }
        None => {}
        Some(mine) if mine.value == click.value => {
            mine.seen_at = match (is_kept(mine), is_kept(click)) {
                (false, false) => mine.seen_at.into_iter().chain(click.seen_at).min(),
                (true, _) => click.seen_at,
                (false, true) => mine.seen_at,
            };
        }
        Some(mine) => {
            let is_better = (worth(click), &click.value) > (worth(mine), &mine.value);
            let other = if is_better { std::mem::replace(mine, click.clone()) } else { click.clone() };
            if is_kept(&other) && !is_kept(mine) {
                let other = ClickId { seen_at: None, ..other };
                let record = event.attribution.get_or_insert_with(Box::<Attribution>::default);
                record.passed_over.insert(param.to_owned(), other);
            }
        }
    }
}

/// What was bought, by the best word on each part.
fn properties(by_word: &[&Event]) -> (Properties, Word) {
    let all = || by_word.iter().map(|report| &report.properties);
    // A value counts with its currency: those of two reports do not belong together.
    let worth = by_word.iter().filter(|report| report.properties.value.is_some());
    let worth = worth.min_by_key(|report| report.properties.currency.is_none());
    let mut merged = Properties {
        value: worth.and_then(|report| report.properties.value),
        currency: match worth {
            Some(report) => report.properties.currency,
            None => all().find_map(|one| one.currency),
        },
        order_id: all().find_map(|one| one.order_id.clone()),
        search_term: all().find_map(|one| one.search_term.clone()),
        coupon: all().find_map(|one| one.coupon.clone()),
        items: all().find(|one| !one.items.is_empty()).map(|one| one.items.clone()).unwrap_or_default(),
        ..Properties::default()
    };
    // Tax and shipping are parts of the value, in its currency.
    let of_one_currency = || all().filter(|one| one.currency == merged.currency);
    merged.tax = of_one_currency().find_map(|one| one.tax);
    merged.shipping = of_one_currency().find_map(|one| one.shipping);
    for one in all() {
        for (name, value) in &one.custom {
            if merged.custom.len() < limits::PROPERTIES && !merged.custom.contains_key(name) {
                merged.custom.insert(name.clone(), value.clone());
            }
        }
    }
    (merged, worth.map_or(Word::Page, |report| Word::of(report)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::event;
    use shared::UnixMs;

    const PAGE: &str = r#"{"event":"Purchase","event_id":"p","time":2000,"visitor_id":"v1","cookies":{"_fbp":"fb.1.1700000000000.1"},
        "page":{"url":"https://shop.example/thanks"},"properties":{"order_id":"1","value":50.3,"currency":"EUR","gift":true},
        "click_ids":{"fbclid":{"value":"a","seen_at":1000}},"consent":{"ad_storage":"granted"}}"#;
    const SHOP: &str = r#"{"event":"Purchase","event_id":"Purchase-1","time":1900,"source":"server","user":{"email":"jane@example.com"},
        "properties":{"order_id":"1","value":59.9,"currency":"EUR","tax":9.6,"items":[{"id":"SKU"}],"gift":false},
        "click_ids":{"fbclid":"b"},"context":{"ip":"203.0.113.9"}}"#;
    const PAY: &str = r#"{"event":"Purchase","event_id":"cs_1","time":2500,"source":"server","user":{"phone":"+12025550123"},
        "properties":{"order_id":"1","value":59.9,"currency":"EUR"},"tokens":{"stripe_customer":"cus_1"}}"#;

    #[test]
    fn a_kept_click_that_yields_is_written_down() {
        let kept = SHOP.replace(r#""fbclid":"b""#, r#""fbclid":{"value":"b","seen_at":0}"#);
        let (kept, later) = (kept.as_str(), PAGE.replace("\"time\":2000", "\"time\":1800"));
        for reports in [[PAGE, kept], [kept, PAGE], [kept, later.as_str()]] {
            let (merged, _) = one_of(reports.map(event).to_vec()).expect("two reports");
            assert_eq!(merged.click_ids["fbclid"].value, "a");
            let record = merged.attribution.expect("written down");
            let passed_over = &record.passed_over["fbclid"];
            assert_eq!((passed_over.value.as_str(), passed_over.seen_at), ("b", None));
        }
        let (merged, _) = one_of(vec![event(PAGE), event(SHOP)]).expect("two reports");
        assert_eq!(merged.attribution, None, "nobody has kept it");
    }

    #[test]
    fn the_best_word_on_each_part_counts_whatever_came_first() {
        let reports = [PAGE, SHOP, PAY];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let (merged, word) =
                one_of(order.map(|place| event(reports[place])).to_vec()).expect("three reports");
            assert_eq!(
                (merged.event_id.as_str(), merged.visitor_id.as_deref()),
                ("p", Some("v1")),
                "{order:?}"
            );
            assert_eq!((merged.time, merged.source, word), (UnixMs(1900), Source::Web, Word::Shop));
            let Properties { value, tax, items, custom, .. } = &merged.properties;
            assert_eq!((*value, *tax, items.len()), (Some(59.9), Some(9.6), 1));
            assert_eq!(custom["gift"], shared::Scalar::Bool(false));
            assert_eq!(merged.click_ids["fbclid"].value, "a", "seen, and the other nobody knows when");
            assert_eq!(merged.context.ip.as_deref(), Some("203.0.113.9"));
            let user = serde_json::to_value(&merged.user).expect("plain");
            assert!(user.get("email").is_some() && user.get("phone").is_some());
            assert!(merged.tokens.contains_key("stripe_customer") && merged.cookies.contains_key("_fbp"));
            assert!(merged.consent.ad_storage.is_some());
        }
    }

    #[test]
    fn a_click_that_was_kept_has_no_time_to_lend() {
        let check = |clicks: [&str; 2], expected: (&str, Option<i64>)| {
            let report = |source: &str, click: &str| {
                event(&format!(
                    r#"{{"event":"Purchase","time":2000,"source":"{source}","click_ids":{{"fbclid":{click}}}}}"#
                ))
            };
            for [page, shop] in [clicks, [clicks[1], clicks[0]]] {
                let (merged, _) =
                    one_of(vec![report("web", page), report("server", shop)]).expect("two reports");
                let click = &merged.click_ids["fbclid"];
                assert_eq!((click.value.as_str(), click.seen_at.map(|at| at.0)), expected, "{clicks:?}");
            }
        };
        let kept = |value: &str| format!(r#"{{"value":"{value}","seen_at":0}}"#);
        let (a, z) = (kept("a"), kept("z"));
        let (a, z) = (a.as_str(), z.as_str());
        check([a, r#"{"value":"a","seen_at":1000}"#], ("a", Some(1000)));
        check([a, r#""a""#], ("a", None));
        check([a, a], ("a", Some(0)));
        check([z, r#"{"value":"a","seen_at":1000}"#], ("a", Some(1000)));
        check([z, r#""a""#], ("a", None));
        check([z, a], ("z", Some(0)));
    }

    #[test]
    fn a_value_stays_with_its_currency() {
        let shop = event(
            r#"{"event":"Purchase","source":"server","properties":{"value":1,"items":[{"id":"1"}],"tax":7}}"#,
        );
        let page = event(
            r#"{"event":"Purchase","source":"web","properties":{"value":2,"currency":"EUR","shipping":3}}"#,
        );
        let (merged, word) = one_of(vec![shop, page]).expect("two reports");
        let Properties { value, tax, shipping, .. } = merged.properties;
        assert_eq!((value, tax, shipping, word), (Some(2.0), None, Some(3.0), Word::Page));
    }

    #[test]
    fn repeats_are_kept_once_and_reports_have_an_end() {
        let mut reports = Reports::default();
        for _ in 0..2 {
            reports.add(event(PAGE), vec!["a".to_owned()]);
        }
        for number in 0..2 * MOST_REPORTS {
            let json = format!(r#"{{"event":"Purchase","event_id":"{number}"}}"#);
            reports.add(event(&json), vec![number.to_string()]);
        }
        assert_eq!((reports.events.len(), reports.keys.len()), (MOST_REPORTS, MOST_KEYS));
        assert_eq!(reports.keys.first().map(String::as_str), Some("a"), "the first keys stay");
        let text = serde_json::to_string(&reports).expect("plain");
        assert_eq!(serde_json::from_str::<Reports>(&text).expect("its own text"), reports);
        assert_eq!(Reports::default().merged(), None);
    }

    #[test]
    fn a_page_that_fires_again_and_again_does_not_push_the_shop_out() {
        let fired = |number: usize| {
            let json = format!(
                r#"{{"event":"Purchase","event_id":"f{number}","time":{},"page":{{"url":"https://shop.example/"}},
                    "properties":{{"order_id":"1","value":1,"currency":"EUR"}}}}"#,
                3000 + number
            );
            (event(&json), vec![format!("f{number}"), "1".to_owned()])
        };
        let mut reports = Reports::default();
        reports.add(event(PAGE), vec!["p".to_owned(), "1".to_owned()]);
        (0..100).map(fired).for_each(|(report, keys)| reports.add(report, keys));
        let mut late = Reports::default();
        late.add(event(PAY), vec!["cs_1".to_owned()]);
        reports.add(event(SHOP), vec!["Purchase-1".to_owned()]);
        reports.join(late);
        (100..200).map(fired).for_each(|(report, keys)| reports.add(report, keys));
        assert_eq!((reports.events.len(), reports.keys.len()), (MOST_REPORTS, MOST_KEYS));
        for told in [PAGE, SHOP, PAY].map(event) {
            assert!(reports.events.contains(&told), "{}", told.event_id);
        }
        let (merged, word) = reports.merged().expect("reports");
        assert_eq!((merged.event_id.as_str(), merged.properties.value, word), ("p", Some(59.9), Word::Shop));
    }
}
