//! How events leave the browser: by requests that are answered, in the last moment of a page, with no network, with a relay
//! that is slow or gone.

use serde_json::json;
use www_test::delivered::Delivered;
use www_test::recorder::Gate;
use www_test::stage::Stage;

#[tokio::test]
async fn events_leave_by_requests_that_are_answered() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/beacon").await;
    stage.browser.eval("anytrack.track('Lead')").await.unwrap();
    stage.wait_for("meta", "Lead").await;
    let counts = stage.browser.eval("return [window.__beacons, window.__fetches > 0]").await.unwrap();
    assert_eq!(counts, json!([0, true]));
    // Answered is forgotten.
    stage.browser.wait_until("localStorage.getItem('_at_q_shop') === null").await.unwrap();
    stage.strike().await.unwrap();
}

/// Whatever the page does on its end, the tag's own listener has run before.
const TRACK_ON_LEAVING: &str =
    "addEventListener('pagehide', () => sessionStorage.setItem('left-with', anytrack.track('Lead')))";

/// An event that is tracked when a page ends, on a page whose beacons the browser takes or not.
async fn last_words(page: &str, beacons: bool) {
    let stage = Stage::set().await.expect("the stage");
    stage.visit(page).await;
    stage.wait_for("meta", "PageView").await;
    stage.browser.eval(TRACK_ON_LEAVING).await.expect("the stage");
    // Nothing of ours is there that could send it once more.
    stage.browser.goto(&stage.shop.url("/shop.css")).await.expect("the stage");
    let id = stage.browser.text("sessionStorage.getItem('left-with')").await.expect("the stage");
    assert_eq!(stage.wait_for("meta", "Lead").await.event_id, id);
    stage.visit("/case/plain?next").await;
    stage.browser.wait_until("localStorage.getItem('_at_q_shop') === null").await.expect("the stage");
    assert_eq!(copies(&stage.settled("meta").await, "Lead"), [id], "{page}, beacons: {beacons}");
    stage.strike().await.expect("the stage");
}

#[tokio::test]
async fn the_last_words_of_a_page_arrive_once_by_beacon() {
    last_words("/case/plain", true).await;
}

#[tokio::test]
async fn the_last_words_of_a_page_arrive_once_where_the_browser_takes_no_beacon() {
    last_words("/case/no-beacon", false).await;
}

/// The ids of every copy of an event that was delivered.
fn copies(delivered: &[Delivered], name: &str) -> Vec<String> {
    delivered.iter().filter(|event| event.name == name).map(|event| event.event_id.clone()).collect()
}

#[tokio::test]
async fn an_event_in_the_last_moment_of_a_page_arrives_once() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/leave").await;
    stage.browser.eval("trackAndLeave('Lead', { value: 3, currency: 'EUR' })").await.unwrap();
    stage.browser.wait_for_path("/case/plain").await.unwrap();
    let id = stage.browser.text("sessionStorage.getItem('left-with')").await.unwrap();
    let delivered = stage.settled("meta").await;
    let leads: Vec<_> =
        delivered.iter().filter(|event| event.name == "Lead").map(|event| &event.event_id).collect();
    assert_eq!(leads, [&id]);
    stage.strike().await.unwrap();
}

/// SHA-256 of `last.moment@shop.example`.
const LAST_MOMENT: &str = "6dc8eeb30b133f98d727f04f77863d08be3aaf890b39d131bf9bedf3bca2dde8";

#[tokio::test]
async fn personal_data_in_the_last_moment_of_a_page_leave_as_hashes() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/leave").await;
    stage.wait_for("webhook", "PageView").await;
    stage.browser.eval("trackAndLeave('Lead', { email: 'last.moment@shop.example' })").await.unwrap();
    let lead = stage.wait_for("webhook", "Lead").await;
    assert!(lead.at("/user/email").to_string().contains(LAST_MOMENT), "{lead:?}");
    stage.nothing_readable("email", "last.moment@shop.example");
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn what_happens_offline_is_sent_once_when_the_network_is_back() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/plain").await;
    stage.browser.offline(true).await.unwrap();
    stage.browser.wait_until("navigator.onLine === false").await.unwrap();
    let ids =
        stage.browser.eval("return ['Lead', 'Contact'].map(name => anytrack.track(name))").await.unwrap();
    stage.browser.offline(false).await.unwrap();
    let delivered = stage.settled("meta").await;
    let offline: Vec<_> =
        delivered.iter().filter(|event| event.name == "Lead" || event.name == "Contact").collect();
    assert_eq!(json!(offline.iter().map(|event| &event.event_id).collect::<Vec<_>>()), ids);
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn what_a_dead_relay_missed_is_sent_once_when_it_is_back() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/plain").await;
    stage.wait_for("meta", "PageView").await;
    stage.relay_gate(Gate::Refused);
    let id = stage.browser.text("anytrack.track('Lead')").await.unwrap();
    stage.seen_by_the_recorder(&id).await;
    stage.relay_gate(Gate::Open);
    stage.visit("/case/plain?next").await;
    assert_eq!(copies(&stage.settled("meta").await, "Lead"), [id]);
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn what_was_out_when_its_page_ended_and_the_relay_died_is_sent_once_by_a_later_page() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/plain").await;
    stage.wait_for("meta", "PageView").await;
    stage.relay_gate(Gate::Held);
    let id = stage.browser.text("anytrack.track('Lead')").await.unwrap();
    stage.seen_by_the_recorder(&id).await;
    // In the page's last moment, too: a beacon, which the browser takes and nobody answers.
    stage.browser.eval(TRACK_ON_LEAVING).await.unwrap();
    stage.browser.goto(&stage.shop.url("/case/plain?next")).await.unwrap();
    let last = stage.browser.text("sessionStorage.getItem('left-with')").await.unwrap();
    stage.seen_by_the_recorder(&last).await;
    stage.relay_gate(Gate::Refused);
    assert_eq!(copies(&stage.servers.delivered("meta"), "Lead"), Vec::<String>::new());
    stage.relay_gate(Gate::Open);
    stage.visit("/case/plain?after").await;
    let mut expected = [id, last];
    expected.sort();
    let mut leads = copies(&stage.settled("meta").await, "Lead");
    leads.sort();
    assert_eq!(leads, expected);
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn what_a_dead_relay_missed_goes_again_while_the_page_lives() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/plain").await;
    stage.wait_for("meta", "PageView").await;
    stage.relay_gate(Gate::Refused);
    let id = stage.browser.text("anytrack.track('Lead')").await.unwrap();
    stage.seen_by_the_recorder(&id).await;
    stage.relay_gate(Gate::Open);
    // Nothing happens on the page any more.
    assert_eq!(stage.wait_for("meta", "Lead").await.event_id, id);
    let delivered = stage.settled("meta").await;
    assert_eq!(delivered.iter().filter(|event| event.name == "Lead").count(), 1);
    stage.browser.wait_until("localStorage.getItem('_at_q_shop') === null").await.unwrap();
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn a_page_whose_relay_is_dead_works_and_stays_quiet() {
    let stage = Stage::set().await.unwrap();
    stage.relay_gate(Gate::Refused);
    stage.browser.goto(&stage.shop.url("/case/plain")).await.unwrap();
    stage.page_works().await;
    let id = stage.browser.eval("return [typeof anytrack.track('Lead'), anytrack.identify({ email: 'a@shop.example' }), anytrack.consent({})].length").await.unwrap();
    assert_eq!(id, 3);
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn a_page_whose_relay_is_slow_does_not_wait_for_it() {
    let stage = Stage::set().await.unwrap();
    stage.relay_gate(Gate::Held);
    stage.browser.goto(&stage.shop.url("/case/plain")).await.unwrap();
    // The tag's script is asked for and not answered; the document is parsed and usable all the same.
    stage.seen_by_the_recorder("/tag.").await;
    stage.page_works().await;
    let id = stage.browser.text("anytrack.track('Lead')").await.unwrap();
    assert!(!id.is_empty(), "an id is there before the tag");
    stage.relay_gate(Gate::Open);
    let delivered = stage.settled("meta").await;
    let leads: Vec<_> =
        delivered.iter().filter(|event| event.name == "Lead").map(|event| &event.event_id).collect();
    assert_eq!(leads, [&id]);
    stage.page_is_unharmed().await;
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn the_relay_sets_a_visitor_cookie_that_lasts_and_stays() {
    let stage = Stage::set().await.unwrap();
    stage.visit("/case/plain").await;
    let first = stage.wait_for("webhook", "PageView").await;
    let line = stage.visitor_cookie_line().await;
    for part in ["_at_vid=", "Path=/", "Max-Age=34560000", "Secure", "SameSite=Lax"] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert!(!line.to_lowercase().contains("httponly"), "{line}");
    let visitor = stage.browser.text("anytrack.visitorId()").await.unwrap();
    let cookies = stage.browser.cookies().await.unwrap();
    let kept = cookies.iter().find(|cookie| cookie.name() == "_at_vid").unwrap();
    assert_eq!(kept.value(), visitor);
    assert_eq!(first.at("/visitor_id"), &json!(visitor));
    stage.visit("/case/plain?page=2").await;
    assert_eq!(stage.browser.text("anytrack.visitorId()").await.unwrap(), visitor);
    let visitors = stage.settled("webhook").await;
    assert!(visitors.iter().all(|event| event.at("/visitor_id") == &json!(visitor)));
    stage.strike().await.unwrap();
}
