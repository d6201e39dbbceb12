//! Enrich: adds what only the server knows, and takes away what the visitor did not agree to.
//!
//! Owns the corrected time, the visitor's client and the minimising of events without consent. Pure: the facts of
//! the request are arguments. Money needs no enriching: there is never a default currency, and what a platform
//! makes of an amount without one is that platform's business.

use shared::visitor::CLOCK_SLACK_MS;
use shared::{ClickId, Context, Event, Signal, Source, UnixMs, click_id, time};

/// What a browser's request says about the visitor besides its body.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// When the request arrived.
    pub received: UnixMs,
    /// The page's clock when it sent, if it said so.
    pub sent_at: Option<UnixMs>,
    /// The visitor's client.
    pub client: Context,
}

/// Completes an event that a browser sent: its clock is set right and its client filled in. What the page claims
/// of its client or its channel is replaced: only the connection is evidence, and a page must not speak as a server, whose
/// word counts for more.
pub fn from_browser(event: &mut Event, facts: &Facts) {
    let skew = skew_ms(facts);
    event.time = not_in_future(event.time.plus(skew), facts.received);
    let happened = event.time;
    // What was kept has no time that a clock could have told.
    let told = |seen_at: UnixMs| match seen_at {
        ClickId::SOME_TIME_BEFORE => seen_at,
        seen_at => not_in_future(seen_at.plus(skew), happened),
    };
    date(event, told);
    event.context = facts.client.clone();
    event.source = Source::Web;
}

/// Completes an event that a server sent: a time in the future becomes now.
pub fn from_server(event: &mut Event, received: UnixMs) {
    event.time = not_in_future(event.time, received);
    before_the_event(event);
}

/// Sets right when the clicks and the campaign of a server's event were. A time after the event, by more than two clocks differ, is
/// wrong, and would make the click the newest of all: such a click was some time before the event, and a cookie that says so is left
/// out.
pub fn before_the_event(event: &mut Event) {
    let happened = event.time;
    let is_later = |seen_at: UnixMs| seen_at.since(happened) > CLOCK_SLACK_MS;
    date(event, |seen_at| match is_later(seen_at) {
        true => ClickId::SOME_TIME_BEFORE,
        false => not_in_future(seen_at, happened),
    });
    event.cookies.retain(|name, value| {
        let found = click_id::from_cookie(name, value).and_then(|(_, found)| found.seen_at);
        found.is_none_or(|seen_at| !is_later(seen_at))
    });
}

/// Sets the times of an event's clicks and its campaign anew.
fn date(event: &mut Event, told: impl Fn(UnixMs) -> UnixMs) {
    for id in event.click_ids.values_mut() {
        id.seen_at = id.seen_at.map(&told);
    }
    if let Some(campaign) = &mut event.campaign {
        campaign.seen_at = campaign.seen_at.map(&told);
    }
}

/// How far the page's clock is behind ours. Small differences are the network's, not the clock's.
fn skew_ms(facts: &Facts) -> i64 {
    let skew = facts.sent_at.map_or(0, |sent_at| facts.received.since(sent_at));
    if skew.abs() < SKEW_TOLERATED_MS { 0 } else { skew }
}

fn not_in_future(at: UnixMs, now: UnixMs) -> UnixMs {
    UnixMs(at.0.clamp(0, now.0.max(0)))
}

/// Drops what the visitor did not agree to, before anything is stored: without consent to user data no person,
/// without consent to storage no click id, no cookie and no visitor. Answers whether one of
/// them was denied, so that the event may have changed.
pub fn minimise(event: &mut Event) -> bool {
    let no_person = event.consent.ad_user_data == Some(Signal::Denied);
    let no_storage = event.consent.ad_storage == Some(Signal::Denied);
    if no_person {
        event.user = shared::UserData::default();
        event.context = Context::default();
    }
    if no_storage {
        event.click_ids.clear();
        if let Some(record) = &mut event.attribution {
            record.passed_over.clear();
        }
        event.attribution = event.attribution.take().filter(|record| !record.is_empty());
        event.cookies.clear();
        event.tokens.clear();
        event.visitor_id = None;
        for url in [&mut event.page.url, &mut event.page.referrer].into_iter().flatten() {
            *url = click_id::stripped(url);
        }
    }
    no_person || no_storage
}

/// A request may take this long without the page's clock being called wrong.
const SKEW_TOLERATED_MS: i64 = 5 * time::SECOND_MS;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::event;

    fn facts(received: i64, sent_at: i64) -> Facts {
        let client = Context { ip: Some("203.0.113.9".to_owned()), ..Context::default() };
        Facts { received: UnixMs(received), sent_at: Some(UnixMs(sent_at)), client }
    }

    #[test]
    fn a_wrong_clock_is_set_right() {
        let check = |time: i64, sent_at: i64, expected: i64| {
            let mut late = event(&format!(r#"{{"event":"Lead","time":{time}}}"#));
            from_browser(&mut late, &facts(1_000_000, sent_at));
            assert_eq!(late.time, UnixMs(expected), "event {time}, sent {sent_at}");
        };
        check(999_000, 999_900, 999_000);
        check(400_000, 500_000, 900_000);
        check(5_000_000, 5_100_000, 900_000);
        check(1_000_200, 1_000_300, 1_000_000);
    }

    #[test]
    fn the_connection_beats_what_the_page_claims() {
        let mut claimed = event(
            r#"{"event":"Lead","source":"store","context":{"ip":"198.51.100.1","user_agent":"made up"}}"#,
        );
        from_browser(&mut claimed, &facts(1_000_000, 1_000_000));
        assert_eq!(claimed.source, Source::Web);
        assert_eq!(claimed.context.ip.as_deref(), Some("203.0.113.9"));
        assert_eq!(claimed.context.user_agent, None);
    }

    #[test]
    fn a_campaign_is_of_the_page_s_clock_and_never_of_the_future() {
        let at = |event: &Event| event.campaign.as_ref().and_then(|campaign| campaign.seen_at);
        let read = |seen_at: i64| {
            event(&format!(
                r#"{{"event":"Lead","time":500000,"campaign":{{"source":"ads","seen_at":{seen_at}}}}}"#
            ))
        };
        let mut late = read(400_000);
        from_browser(&mut late, &facts(1_000_000, 500_000));
        assert_eq!(at(&late), Some(UnixMs(900_000)));
        let mut told = read(600_000);
        from_server(&mut told, UnixMs(1_000_000));
        assert_eq!(at(&told), Some(UnixMs(500_000)));
    }

    #[test]
    fn what_was_kept_has_no_time_that_a_clock_could_change() {
        let mut kept = event(
            r#"{"event":"Lead","time":500000,"campaign":{"source":"ads","seen_at":0},
                "click_ids":{"gclid":{"value":"Cj0-x","seen_at":0}}}"#,
        );
        from_browser(&mut kept, &facts(1_000_000, 500_000));
        assert_eq!(kept.click_ids["gclid"].seen_at, Some(ClickId::SOME_TIME_BEFORE));
        assert!(kept.campaign.is_some_and(|campaign| campaign.is_of_some_time()));
    }

    /// Else it would be the newest of all.
    #[test]
    fn a_server_s_click_after_its_event_was_some_time_before() {
        let check = |seen_at: i64, expected: UnixMs, is_cookie_left: bool| {
            let mut told = event(&format!(
                r#"{{"event":"Lead","time":1795400000000,"source":"server","campaign":{{"source":"ads","seen_at":{seen_at}}},
                    "click_ids":{{"fbclid":{{"value":"IwAR_x","seen_at":{seen_at}}}}},
                    "cookies":{{"_fbc":"fb.1.{seen_at}.IwAR_x","_fbp":"fb.1.1700000000000.1"}}}}"#
            ));
            from_server(&mut told, UnixMs(1_795_500_000_000));
            assert_eq!(told.click_ids["fbclid"].seen_at, Some(expected), "{seen_at}");
            assert_eq!(told.campaign.and_then(|campaign| campaign.seen_at), Some(expected), "{seen_at}");
            assert_eq!(told.cookies.contains_key("_fbc"), is_cookie_left, "{seen_at}");
            assert!(told.cookies.contains_key("_fbp"));
        };
        check(1_795_300_000_000, UnixMs(1_795_300_000_000), true);
        // Two clocks may differ by minutes.
        check(1_795_400_200_000, UnixMs(1_795_400_000_000), true);
        check(1_795_400_400_000, ClickId::SOME_TIME_BEFORE, false);
    }

    #[test]
    fn a_denial_takes_what_was_passed_over() {
        let mut denied = event(r#"{"event":"Lead","consent":{"ad_storage":"denied"}}"#);
        let click = shared::ClickId { value: "IwAR_kept".to_owned(), seen_at: None };
        let record = denied.attribution.get_or_insert_with(Box::<shared::Attribution>::default);
        record.passed_over.insert("fbclid".to_owned(), click);
        minimise(&mut denied);
        assert_eq!(denied.attribution, None);
    }

    #[test]
    fn a_denial_leaves_nothing_behind() {
        let mut denied = event(
            r#"{"event":"Lead","visitor_id":"v1","user":{"email":"jane@example.com"},"click_ids":{"fbclid":"IwAR_x"},
                "cookies":{"_fbp":"fb.1.1700000000000.1"},"context":{"user_agent":"M"},
                "page":{"url":"https://shop.example/?a=1&fbclid=IwAR_x#top"},"consent":{"ad_storage":"denied","ad_user_data":"denied"}}"#,
        );
        minimise(&mut denied);
        assert!(denied.user.is_empty() && denied.click_ids.is_empty() && denied.cookies.is_empty());
        assert_eq!(denied.visitor_id, None);
        assert!(denied.context.is_empty());
        assert_eq!(denied.page.url.as_deref(), Some("https://shop.example/?a=1#top"));
    }
}
