//! Tests of the visitor's memory: what is worth a write, and what is lent to whom.

use proptest::prelude::*;

use super::*;
use crate::event::Page;

const NOW: i64 = 1_795_183_509_123;
const MONTH_MS: i64 = 30 * DAY_MS;

fn event(time: i64) -> Event {
    let json = format!("{{\"event\":\"PageView\",\"event_id\":\"e\",\"time\":{time},\"source\":\"web\"}}");
    serde_json::from_str(&json).expect("a minimal event")
}

fn with_click(time: i64, param: &str, value: &str, seen_at: Option<i64>) -> Event {
    let mut event = event(time);
    let click = ClickId { value: value.to_owned(), seen_at: seen_at.map(UnixMs) };
    event.click_ids.insert(param.to_owned(), click);
    event
}

fn with_cookie(time: i64, name: &str, value: &str) -> Event {
    let mut event = event(time);
    event.cookies.insert(name.to_owned(), value.to_owned());
    event
}

fn with_campaign(time: i64, name: &str, url: &str) -> Event {
    let mut event = event(time);
    event.campaign = Some(Campaign { name: Some(name.to_owned()), ..Campaign::default() });
    event.page.url = Some(url.to_owned());
    event
}

fn with_client(time: i64, ip: &str) -> Event {
    let mut event = event(time);
    event.context =
        Context { ip: Some(ip.to_owned()), user_agent: Some("Example/1.0".to_owned()), language: None };
    event.page = Page { url: Some(format!("https://shop.example/{time}")), ..Page::default() };
    event
}

fn visitor_of(events: &[Event]) -> Visitor {
    let mut visitor = Visitor::default();
    for event in events {
        visitor.absorb(event);
    }
    visitor
}

fn clicks(map: &BTreeMap<String, ClickId>) -> Vec<(&str, &str, Option<i64>)> {
    map.iter().map(|(param, click)| (&**param, &*click.value, click.seen_at.map(|at| at.0))).collect()
}

#[test]
fn the_newest_click_id_is_kept_in_whatever_order_events_arrive() {
    let old = with_click(NOW - 10, "fbclid", "old", Some(NOW - 1_000));
    let new = with_click(NOW, "fbclid", "new", Some(NOW - 500));
    for order in [[old.clone(), new.clone()], [new, old]] {
        assert_eq!(clicks(&visitor_of(&order).click_ids), [("fbclid", "new", Some(NOW - 500))]);
    }
}

#[test]
fn a_click_id_without_a_time_was_seen_with_its_event_and_never_later() {
    let unknown = visitor_of(&[with_click(NOW, "fbclid", "a", None)]);
    assert_eq!(clicks(&unknown.click_ids), [("fbclid", "a", Some(NOW))]);
    let future = visitor_of(&[with_click(NOW, "fbclid", "a", Some(NOW + DAY_MS))]);
    assert_eq!(clicks(&future.click_ids), [("fbclid", "a", Some(NOW))]);
}

#[test]
fn a_repeat_is_not_worth_a_write() {
    let mut landing = with_click(NOW, "fbclid", "a", Some(NOW));
    landing.cookies.insert("_ga_ABC".to_owned(), "GS2.1.s17$o1$g1$t17".to_owned());
    landing.campaign = Some(Campaign::default());
    landing.context.ip = Some("203.0.113.9".to_owned());
    landing.page.url = Some("https://shop.example/?utm_source=x".to_owned());
    let mut visitor = Visitor::default();
    assert!(visitor.absorb(&landing));
    let before = visitor.clone();
    assert!(!visitor.absorb(&landing));

    let mut next = landing.clone();
    next.time = UnixMs(NOW + 60_000);
    next.page.url = Some("https://shop.example/other".to_owned());
    next.cookies.insert("_ga_ABC".to_owned(), "GS2.1.s17$o1$g1$t99".to_owned());
    assert!(!visitor.absorb(&next), "another page of the same session");
    assert_eq!(visitor, before);

    next.time = UnixMs(NOW + DAY_MS);
    assert!(visitor.absorb(&next), "a day has passed");
    assert_eq!((visitor.seen_at, visitor.url), (next.time, next.page.url));
}

#[test]
fn each_change_is_worth_a_write() {
    let base = [with_client(NOW, "203.0.113.9"), with_cookie(NOW, "_ga_ABC", "GS1.1.17.1.1.17.0")];
    for change in [
        with_click(NOW + 1, "ttclid", "a", None),
        with_cookie(NOW + 1, "_fbp", "fb.1.1.2"),
        with_cookie(NOW + 1, "_ga_ABC", "GS1.1.18.1.1.18.0"),
        with_campaign(NOW + 1, "spring", "https://shop.example/"),
        with_client(NOW + 1, "203.0.113.10"),
    ] {
        let mut visitor = visitor_of(&base);
        assert!(visitor.absorb(&change), "{change:?}");
        assert!(!visitor.absorb(&change), "{change:?} again");
    }
}

#[test]
fn google_click_ids_replace_each_other() {
    let gclid = with_click(NOW - 100, "gclid", "g", Some(NOW - 100));
    let mut wbraid = with_click(NOW, "wbraid", "w", Some(NOW));
    assert_eq!(clicks(&visitor_of(&[gclid.clone(), wbraid.clone()]).click_ids), [("wbraid", "w", Some(NOW))]);
    assert_eq!(clicks(&visitor_of(&[wbraid.clone(), gclid.clone()]).click_ids), [("wbraid", "w", Some(NOW))]);

    // Of one landing the gclid counts, however often the event repeats.
    wbraid.click_ids.insert("gclid".to_owned(), ClickId { value: "g".to_owned(), seen_at: None });
    wbraid.click_ids.get_mut("wbraid").expect("it is there").seen_at = None;
    let mut visitor = visitor_of(std::slice::from_ref(&wbraid));
    wbraid.time = UnixMs(NOW + 1_000);
    assert!(!visitor.absorb(&wbraid));
    assert_eq!(clicks(&visitor.click_ids), [("gclid", "g", Some(NOW))]);

    // The label of an older click goes with it.
    let mut labelled = gclid;
    labelled
        .click_ids
        .insert("gclsrc".to_owned(), ClickId { value: "ds".to_owned(), seen_at: Some(UnixMs(NOW - 100)) });
    let newer = with_click(NOW, "gclid", "g2", Some(NOW));
    assert_eq!(clicks(&visitor_of(&[labelled, newer]).click_ids), [("gclid", "g2", Some(NOW))]);
}

#[test]
fn the_memory_is_bounded() {
    let mut visitor = Visitor::default();
    for n in 0..200 {
        visitor.absorb(&with_click(NOW + n, &format!("p{n}"), "a", None));
        visitor.absorb(&with_cookie(NOW + n, &format!("_ga_{n}"), "a"));
    }
    assert_eq!(visitor.click_ids.len(), limits::CLICK_IDS);
    assert!(visitor.click_ids.contains_key("p199"), "the newest stay");
    assert_eq!(visitor.cookies.len(), limits::COOKIES);
    assert!(!visitor.absorb(&with_click(NOW + 200, "p0", "a", Some(NOW))), "too old for a full memory");
}

/// Fills an event within a month, and sees that the answer is true.
fn fill(visitor: &Visitor, event: &mut Event) {
    let before = event.clone();
    assert_eq!(visitor.fill(event, MONTH_MS), *event != before, "{event:?}");
}

#[test]
fn an_event_is_lent_what_it_lacks_and_keeps_its_own() {
    let visitor = visitor_of(&[
        with_click(NOW - 50, "fbclid", "f", Some(NOW - 50)),
        with_click(NOW - 50, "ttclid", "t", Some(NOW - 50)),
        with_cookie(NOW - 40, "_fbp", "fb.1.1.2"),
        with_campaign(NOW - 30, "spring", "https://shop.example/"),
    ]);
    let mut event = with_click(NOW, "ttclid", "own", None);
    fill(&visitor, &mut event);
    assert_eq!(clicks(&event.click_ids), [("fbclid", "f", Some(NOW - 50)), ("ttclid", "own", None)]);
    assert_eq!(event.cookies.get("_fbp").map(String::as_str), Some("fb.1.1.2"));
    assert_eq!(event.campaign, visitor.last_campaign);

    let mut same = with_click(NOW, "ttclid", "t", None);
    fill(&visitor, &mut same);
    assert_eq!(same.click_ids["ttclid"].seen_at, Some(UnixMs(NOW - 50)), "the memory knows when it was");
}

#[test]
fn an_own_google_click_keeps_the_others_out() {
    let mut landing = with_click(NOW - 50, "gclid", "g", Some(NOW - 50));
    landing.click_ids.insert("gad_source".to_owned(), ClickId { value: "1".to_owned(), seen_at: None });
    let visitor = visitor_of(&[landing]);
    let mut event = with_click(NOW, "wbraid", "w", None);
    fill(&visitor, &mut event);
    assert_eq!(clicks(&event.click_ids), [("wbraid", "w", None)]);
}

#[test]
fn client_and_page_are_lent_to_events_that_have_none() {
    let visitor = visitor_of(&[with_client(NOW - 50, "203.0.113.9")]);
    let mut web = event(NOW);
    fill(&visitor, &mut web);
    assert!(web.context.is_empty() && web.page.is_empty(), "a browser event gets its own");
    assert!(visitor.lend_client(&mut web), "it says that it has changed the event");
    assert!(!visitor.lend_client(&mut web), "nothing is lent twice");
    assert_eq!((web.context, web.page.url), (visitor.context.clone(), visitor.url.clone()));

    let mut crm = event(NOW);
    crm.source = Source::Crm;
    fill(&visitor, &mut crm);
    assert_eq!((crm.context, crm.page.url), (visitor.context.clone(), visitor.url.clone()));

    let mut other = event(NOW);
    other.source = Source::Server;
    other.context.ip = Some("198.51.100.7".to_owned());
    fill(&visitor, &mut other);
    assert_eq!(other.context.user_agent, None, "of two clients half each would be nobody");

    let mut late = event(NOW + 2 * MONTH_MS);
    late.source = Source::Crm;
    fill(&visitor, &mut late);
    assert!(late.context.is_empty());
}

#[test]
fn a_cookie_with_a_click_is_lent_with_that_click_only() {
    let check = |seen: i64, own: Option<&str>, expected: bool| {
        let cookie = format!("fb.1.{seen}.click");
        let mut landing = with_cookie(NOW - 10, "_fbc", &cookie);
        landing
            .click_ids
            .insert("fbclid".to_owned(), ClickId { value: "click".to_owned(), seen_at: Some(UnixMs(seen)) });
        let mut event = own.map_or_else(|| event(NOW), |own| with_click(NOW, "fbclid", own, None));
        visitor_of(&[landing]).fill(&mut event, MONTH_MS);
        assert_eq!(event.cookies.contains_key("_fbc"), expected, "seen {seen}, own {own:?}");
    };
    check(NOW - 1_000, None, true);
    check(NOW - 1_000, Some("click"), true);
    check(NOW - 1_000, Some("newer"), false);
    check(NOW - MONTH_MS - 1, None, false);
    check(NOW - MONTH_MS - 1, Some("click"), false);
}

#[test]
fn the_same_campaign_counts_anew_when_it_lands_again() {
    let landing = "https://shop.example/?utm_campaign=spring";
    let first = with_campaign(NOW, "spring", landing);
    let mut visitor = visitor_of(&[first]);
    visitor.absorb(&with_campaign(NOW + 2 * DAY_MS, "spring", "https://shop.example/cart"));
    assert_eq!(visitor.campaign_at, UnixMs(NOW), "carried along, not landed");
    visitor.absorb(&with_campaign(NOW + 3 * DAY_MS, "spring", landing));
    assert_eq!(visitor.campaign_at, UnixMs(NOW + 3 * DAY_MS));
    visitor.absorb(&with_campaign(NOW + 4 * DAY_MS, "autumn", landing));
    for (days, address) in
        [(6, "/?page=2&Utm_Campaign=autumn"), (8, "/#/mugs?pk_campaign=autumn"), (10, "/?mtm_cid=7")]
    {
        let time = NOW + days * DAY_MS;
        visitor.absorb(&with_campaign(time, "autumn", &format!("https://shop.example{address}")));
        assert_eq!(visitor.campaign_at, UnixMs(time), "{address}");
    }
    visitor.absorb(&with_campaign(
        NOW + 12 * DAY_MS,
        "autumn",
        "https://shop.example/utm_campaign?q=mtm_cid",
    ));
    assert_eq!(visitor.campaign_at, UnixMs(NOW + 10 * DAY_MS), "a word in the address is no parameter");
    let names = [&visitor.first_campaign, &visitor.last_campaign].map(|campaign| campaign.clone()?.name);
    assert_eq!(names, [Some("spring".to_owned()), Some("autumn".to_owned())]);
}

#[test]
fn a_campaign_whose_time_is_told_is_as_old_as_that() {
    let told = |name: &str, days: i64| {
        let mut event = with_campaign(NOW, name, "https://shop.example/");
        if let Some(campaign) = &mut event.campaign {
            campaign.seen_at = Some(UnixMs(NOW - days * DAY_MS));
        }
        event
    };
    let landing = with_campaign(NOW - 5 * DAY_MS, "spring", "https://shop.example/?utm_campaign=spring");
    let mut visitor = visitor_of(&[landing]);
    let last = |visitor: &Visitor| {
        let campaign = visitor.last_campaign.clone().expect("a campaign");
        assert_eq!(campaign.seen_at, None);
        (campaign.name.expect("a name"), NOW - visitor.campaign_at.0, visitor.touches.len())
    };
    assert!(visitor.absorb(&told("winter", 9)), "an older one is a touch");
    assert_eq!(last(&visitor), ("spring".to_owned(), 5 * DAY_MS, 2));
    assert!(!visitor.absorb(&told("spring", 5)), "the same landing");
    assert!(visitor.absorb(&told("summer", 2)));
    assert_eq!(last(&visitor), ("summer".to_owned(), 2 * DAY_MS, 3));
    assert!(!visitor.absorb(&told("summer", 2)));
}

#[test]
fn a_memory_of_before_is_read_and_learns_where_the_next_visit_lands() {
    let before = NOW - DAY_MS;
    let old = format!(r#"{{"touches":[{{"t":{before},"p":["fbclid"]}}],"seen_at":{before}}}"#);
    let mut visitor: Visitor = serde_json::from_str(&old).expect("a memory");
    let mut landing = with_click(NOW, "fbclid", "new", None);
    landing.page.url = Some("https://shop.example/lamps?fbclid=new".to_owned());
    assert!(visitor.absorb(&landing));
    let pages: Vec<Option<&str>> =
        visitor.touches.iter().map(|touch| touch.landing_page.as_deref()).collect();
    assert_eq!(pages, [None, Some("https://shop.example/lamps")]);
    let written = serde_json::to_string(&visitor).expect("plain");
    assert_eq!(serde_json::from_str::<Visitor>(&written).expect("a memory"), visitor);
}

/// An event somewhere in some months, with some click ids, cookies and a campaign.
fn any_event() -> impl Strategy<Value = Event> {
    let day = || 0..300 * DAY_MS;
    let params = vec!["fbclid", "gclid", "gbraid", "wbraid", "ttclid", "gad_source", "rdt_cid", "ScCid"];
    let click = (prop::sample::select(params), "[ab]", prop::option::of(day()));
    let cookie = prop_oneof![
        (day(), "[ab]").prop_map(|(at, id)| ("_fbc".to_owned(), format!("fb.1.{}.{id}", NOW + at))),
        (day(), "[ab]")
            .prop_map(|(at, id)| ("_gcl_aw".to_owned(), format!("GCL.{}.{id}", (NOW + at) / 1_000))),
        "[ab]".prop_map(|id| ("ttclid".to_owned(), id)),
        Just(("_fbp".to_owned(), "fb.1.1.2".to_owned())),
    ];
    let clicks = prop::collection::vec(click, 0..4);
    (day(), clicks, prop::collection::vec(cookie, 0..3), any::<bool>()).prop_map(
        |(time, clicks, cookies, crm)| {
            // The address holds some of the clicks, too.
            let landing = "https://shop.example/?utm_campaign=spring&fbclid=a&ttclid=b";
            let mut event = with_campaign(NOW + time, "spring", landing);
            event.source = if crm { Source::Crm } else { Source::Web };
            for (param, value, seen_at) in clicks {
                let seen_at = seen_at.map(|at| UnixMs(NOW + at));
                event.click_ids.insert(param.to_owned(), ClickId { value, seen_at });
            }
            event.cookies.extend(cookies);
            event
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_credit_outside_the_look_back(
        events in prop::collection::vec(any_event(), 1..8),
        mut event in any_event(),
        days in 0..120_i64,
    ) {
        let visitor = visitor_of(&events);
        event.campaign = None;
        let own = event.clone();
        visitor.fill(&mut event, days * DAY_MS);

        let in_time = |at: UnixMs| {
            let age = event.time.since(at);
            (-CLOCK_SLACK_MS..=days * DAY_MS).contains(&age)
        };
        for (param, click) in event.click_ids.iter().filter(|(param, _)| !own.click_ids.contains_key(*param)) {
            prop_assert!(in_time(click.seen_at.expect("lent with its time")), "{} is out of time", param);
        }
        for (name, value) in event.cookies.iter().filter(|(name, _)| !own.cookies.contains_key(*name)) {
            if let Some((spec, found)) = click_id::from_cookie(name, value) {
                prop_assert_eq!(&*found.value, &event.click_ids[spec.param].value);
                prop_assert!(found.seen_at.is_none_or(in_time));
            }
        }
        prop_assert!(event.campaign.is_none() || in_time(visitor.campaign_at));
        let google = |event: &Event| GOOGLE_EXCLUSIVE.iter().filter(|param| event.click_ids.contains_key(**param)).count();
        prop_assert!(google(&event) <= google(&own).max(1), "two Google clicks were mixed");
        for (param, click) in &own.click_ids {
            prop_assert_eq!(&event.click_ids[param].value, &click.value);
        }
    }

    #[test]
    fn what_is_not_worth_a_write_changes_nothing(events in prop::collection::vec(any_event(), 1..8)) {
        let mut visitor = Visitor::default();
        for event in &events {
            for _ in 0..2 {
                let before = visitor.clone();
                let changed = visitor.absorb(event);
                prop_assert_eq!(changed, visitor != before);
            }
            let settled = visitor.clone();
            prop_assert!(!visitor.absorb(event), "a third time {:?} changed {:?}", event, settled);
        }
        let google = GOOGLE_EXCLUSIVE.iter().filter(|param| visitor.click_ids.contains_key(**param)).count();
        prop_assert!(google <= 1);
    }
}
