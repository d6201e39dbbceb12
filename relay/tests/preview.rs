//! What leaves the house: a shelf of events a person can read, and for each the exact requests of every platform.
//!
//! `preview/events/<name>.json` is an event as a shop's server sends it, raw user data and all;
//! `preview/requests/<name>.json` is what `anytrack-relay preview` answers with `preview/anytrack.toml`. Where the golden
//! tests look at one platform from all sides, this looks at one event through all platforms.
//! `UPDATE_GOLDEN=1 cargo test -p relay --test preview` writes the answers; the review reads the difference.

mod expected;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use expected::check;
use relay::config::{self, Config};
use relay::platform::ALL;
use relay::preview;
use serde_json::Value;
use shared::UnixMs;

/// A quiet Monday noon.
const NOW: UnixMs = UnixMs(1_795_435_200_000);

#[test]
fn every_event_leads_to_the_requests_on_its_page() {
    let config = config();
    for name in names("events") {
        let input = fs::read(root().join("events").join(&name)).expect("an event");
        let preview =
            preview::run(&config, &input, None, NOW).unwrap_or_else(|error| panic!("{name}: {error}"));
        let path = root().join("requests").join(&name);
        check(&path, Some(&format!("{:#}\n", preview.shown)));
        assert!(preview.whole, "{name}");
    }
}

#[test]
fn a_click_of_some_time_is_too_old_for_nobody() {
    let kept = r#"{"event":"Lead","event_id":"1","time":"2026-11-23T11:00:00Z","source":"crm",
        "click_ids":{"fbclid":{"value":"IwAR0-Kept","seen_at":0}}}"#;
    let shown = preview::run(&config(), kept.as_bytes(), None, NOW).expect("readable").shown;
    let of_meta = |one: &&Value| one["platform"] == "meta";
    let meta = shown.as_array().and_then(|all| all.iter().find(of_meta)).expect("Meta's");
    let click = &meta["attribution"]["clicks"][0];
    assert_eq!((&click["parameter"], &click["seen_at"]), (&Value::from("fbclid"), &Value::Null), "{meta}");
}

#[test]
fn several_events_are_shown_as_each_by_itself() {
    let config = config();
    let show = |input: &str| preview::run(&config, input.as_bytes(), None, NOW).expect("readable");
    let one = |name: &str| fs::read_to_string(root().join("events").join(name)).expect("an event");
    let (full, lead) = (one("purchase_full.json"), one("lead_from_the_crm.json"));
    let expected = Value::Array(vec![show(&full).shown, show(&lead).shown]);
    for input in [format!("[{full},{lead}]"), format!(" {{\"events\":[{full},{lead}]}}")] {
        let preview = show(&input);
        assert_eq!(preview.shown, expected, "{input}");
        assert!(preview.whole);
    }
    assert_eq!(show(r#"{"events":[]}"#).shown, Value::Array(Vec::new()));
}

#[test]
fn a_bad_event_among_several_does_not_sink_its_neighbours() {
    let config = config();
    let lead = r#"{"event":"Lead","propertis":{"value":1}}"#;
    let bad = r#"{"event":"Lead","properties":{"value":"jane"}}"#;
    for input in [format!("[{bad},{lead},7]"), format!("{{\"events\":[{bad},{lead},7]}}")] {
        let preview = preview::run(&config, input.as_bytes(), None, NOW).expect("a list");
        let shown = preview.shown.as_array().expect("a list");
        assert!(!preview.whole && shown.len() == 3, "{shown:?}");
        let error = shown[0]["error"].as_str().expect("an error in its place");
        assert!(error.starts_with("properties.value: ") && !error.contains("jane"), "{error}");
        assert_eq!(shown[1].as_array().map(Vec::len), Some(config.destinations.len()));
        assert_eq!(shown[2]["error"], "event: expected an object");
        assert_eq!(preview.warnings, ["events[1]: propertis: unknown field, ignored"]);
    }
    // One event by itself is refused as a whole, and so is what is no list.
    for input in [bad, "7", r#"{"events":7}"#, "[", ""] {
        assert!(preview::run(&config, input.as_bytes(), None, NOW).is_err(), "{input}");
    }
    let single = preview::run(&config, lead.as_bytes(), None, NOW).expect("an event");
    assert_eq!(single.warnings, ["propertis: unknown field, ignored"]);
}

#[test]
fn there_is_an_answer_for_each_event_and_no_other() {
    let (events, requests) = (names("events"), names("requests"));
    assert_eq!(events, requests);
    assert!(events.len() >= 40, "{} events", events.len());
}

#[test]
fn every_platform_gets_some_and_leaves_some_out() {
    let answers: Vec<Value> = names("requests").iter().map(|name| answer(name)).collect();
    for kind in ALL {
        let of = |answer: &Value| {
            let all = answer.as_array().expect("a list").iter();
            all.filter(|one| one["platform"] == kind.name).cloned().collect::<Vec<Value>>()
        };
        let shown: Vec<Value> = answers.iter().flat_map(of).collect();
        assert_eq!(shown.len(), answers.len(), "{} is in the configuration once", kind.name);
        assert!(
            shown.iter().any(|one| !one["requests"].as_array().expect("a list").is_empty()),
            "{}",
            kind.name
        );
        assert!(shown.iter().any(|one| one["skipped"].is_string()), "{}", kind.name);
    }
}

/// Raw personal data goes in; none may come out, whatever the platform.
#[test]
fn no_answer_holds_raw_personal_data_or_a_secret() {
    let raw = ["jane", "doe", "555-0", "5550123", "5550199", "79460958", "élodie", "müller", "secret-of"];
    for name in names("requests") {
        let text = answer(&name).to_string().to_lowercase();
        for piece in raw {
            assert!(!text.contains(piece), "{name} shows {piece:?}");
        }
    }
}

fn config() -> Config {
    let loaded = config::load(&root().join("anytrack.toml"), ALL).unwrap_or_else(|error| panic!("{error}"));
    loaded.config
}

fn answer(name: &str) -> Value {
    let text = fs::read_to_string(root().join("requests").join(name)).expect("an answer");
    serde_json::from_str(&text).expect("JSON")
}

fn names(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).expect("a folder");
    entries.map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8")).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/preview")
}
