//! Recorded requests: what every source makes of deliveries as its sender makes them.
//!
//! A case is a folder, `sources/<kind>/<case>/`, and data only: `request.http` (as recorded, signature and all),
//! `settings.toml` (the source's own keys, where they differ from those in `<kind>/settings.toml`), `now.txt` (optional),
//! `answer.json` (how the request ended and what its sender is told) and `events.json` (what would be stored).
//! `UPDATE_GOLDEN=1 cargo test -p relay --test sources` writes the last two; the review reads the difference.
//!
//! `hostile` holds what must be true of every source for any bytes.

mod case;
#[path = "../expected/mod.rs"]
mod expected;
mod hostile;

use std::collections::BTreeSet;

use case::{Case, root};
use expected::{check, folders};
use relay::collect::sources::ALL;
use relay::collect::sources::postback::NETWORKS;
use relay::collect::sources::take::Proof;
use serde_json::{Value, json};

/// What every source has an answer to.
const CASES: [&str; 3] = ["purchase", "unused", "wrong_signature"];
/// Those that say by themselves that money was given back.
const REFUNDING: [&str; 6] = ["shopify", "woocommerce", "stripe", "postback", "clickbank", "digistore24"];

#[test]
fn every_source_has_every_case() {
    for kind in ALL {
        let there: BTreeSet<String> = folders(&root().join(kind.name)).into_iter().collect();
        let refund = REFUNDING.contains(&kind.name).then_some("refund");
        let missing: Vec<_> = CASES.into_iter().chain(refund).filter(|case| !there.contains(*case)).collect();
        assert!(missing.is_empty(), "{}: no case {missing:?}", kind.name);
    }
    let known: BTreeSet<String> = ALL.iter().map(|kind| kind.name.to_owned()).collect();
    let folders: BTreeSet<String> = folders(&root()).into_iter().collect();
    assert_eq!(folders, known, "one folder for each kind of the registry");
}

#[test]
fn every_network_has_a_recorded_postback() {
    let there = folders(&root().join("postback"));
    for network in NETWORKS.iter().filter(|network| !["custom", "everflow"].contains(&network.name)) {
        assert!(there.contains(&format!("network_{}", network.name)), "{}: no case", network.name);
    }
}

#[test]
fn requests_become_what_the_files_say() {
    each_case(|case| {
        let (mut shown, _) = case.show(Proof::Needed);
        let events = shown["events"].take();
        let events = events.as_array().filter(|events| !events.is_empty());
        let events = events.map(|events| pretty(&json!(events)));
        check(&case.folder.join("events.json"), events.as_deref());
        let answer = json!({
            "result": shown["result"], "reason": shown["reason"], "refused": shown["refused"],
            "warnings": shown["warnings"], "answer": shown["answer"],
        });
        check(&case.folder.join("answer.json"), Some(&pretty(&answer)));
    });
}

#[test]
fn nothing_personal_and_no_secret_is_shown() {
    each_case(|case| {
        let (shown, _) = case.show(Proof::Waived);
        let shown = shown.to_string().to_lowercase();
        for raw in PERSONAL {
            assert!(!shown.contains(raw), "{}: {raw}", case.folder.display());
        }
        for secret in case.secrets() {
            assert!(!shown.contains(&secret.to_lowercase()), "{}: a secret", case.folder.display());
        }
    });
}

/// A request is the same events however often it comes, and whenever.
#[test]
fn a_repeat_is_the_same_events() {
    each_case(|case| {
        let ids = |shown: &Value| -> Vec<(String, String)> {
            let events = shown["events"].as_array().expect("a list").iter();
            events.map(|event| (event["event"].to_string(), event["event_id"].to_string())).collect()
        };
        let first = ids(&case.show(Proof::Waived).0);
        let later = ids(&case.later(60_000).show(Proof::Waived).0);
        assert_eq!(first, later, "{}", case.folder.display());
        assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), first.len(), "{}", case.folder.display());
    });
}

/// Of the made-up people in the recorded requests.
const PERSONAL: [&str; 6] = ["jane.doe", "example.com", "lovelace", "555-01", "5550123", "main street"];

fn each_case(check: impl Fn(&Case)) {
    for kind in ALL {
        let cases = folders(&root().join(kind.name));
        assert!(!cases.is_empty());
        cases.iter().for_each(|name| check(&Case::read(kind, name)));
    }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
