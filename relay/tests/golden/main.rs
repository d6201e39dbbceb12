//! Golden tests: what every platform is sent for events a person can read, and what each of its answers
//! means.
//!
//! A case is a folder, `golden/<platform>/<case>/`, and data only: `event.json` or `events.json` (the
//! internal event, user data hashed), `settings.toml` (the destination's own keys, and `endpoint` and
//! `events` where wanted), `now.txt` (optional), `request.http` (every request in full, secrets masked),
//! `skips.json`, and for each `response-<name>.http` its `outcome-<name>.json`. `UPDATE_GOLDEN=1 cargo test
//! -p relay --test golden` writes what is expected; the review reads the difference.
//!
//! `contract` holds what must be true of every platform for any event and any answer.

mod case;
mod contract;
#[path = "../expected/mod.rs"]
mod expected;
mod http_text;

use std::collections::BTreeSet;

use case::{Case, root};
use expected::{check, folders};
use relay::platform::{ALL, Kind};
use serde_json::json;

/// What every platform must have an answer to, in request or in skip.
const CASES: [&str; 12] = [
    "expired_token",
    "full_batch",
    "lead",
    "no_identifier",
    "page_view",
    "partial_failure",
    "purchase",
    "restricted_consent",
    "server_error",
    "throttled",
    "too_old",
    "unreadable_answer",
];

/// Cases that are about an answer and so must hold one.
const ANSWERED: [&str; 5] =
    ["expired_token", "partial_failure", "server_error", "throttled", "unreadable_answer"];

#[test]
fn every_platform_has_every_case() {
    for kind in ALL {
        let there: BTreeSet<String> = folders(&root().join(kind.name)).into_iter().collect();
        let missing: Vec<_> = CASES.iter().filter(|case| !there.contains(**case)).collect();
        assert!(missing.is_empty(), "{}: no case {missing:?}", kind.name);
    }
    let known: BTreeSet<String> = ALL.iter().map(|kind| kind.name.to_owned()).collect();
    let folders: BTreeSet<String> = folders(&root()).into_iter().collect();
    assert_eq!(folders, known, "one folder for each platform of the registry");
}

#[test]
fn every_case_about_an_answer_holds_one() {
    for kind in ALL {
        for name in ANSWERED {
            let case = Case::read(kind, name);
            assert!(!case.responses.is_empty(), "{}/{name}: no response-*.http", kind.name);
        }
    }
}

#[test]
fn requests_are_what_the_files_say() {
    each_case(|case| {
        let built = case.build();
        let requests = built.requests.iter().map(http_text::request).collect::<Vec<_>>();
        let requests = (!requests.is_empty()).then(|| requests.join("\n###\n\n"));
        check(&case.folder.join("request.http"), requests.as_deref());
        let skips: Vec<_> = built
            .skips
            .iter()
            .map(|(place, skip)| {
                let mut row = json!({ "event": place, "reason": skip.reason.tag(), "detail": skip.detail });
                if let Some(until) = skip.until {
                    row["until"] = json!(until.rfc3339());
                }
                row
            })
            .collect();
        let skips = (!skips.is_empty()).then(|| pretty(&json!(skips)));
        check(&case.folder.join("skips.json"), skips.as_deref());
    });
}

#[test]
fn answers_mean_what_the_files_say() {
    each_case(|case| {
        let built = case.build();
        let (call, events) = built.requests.first().map_or(("", 0), |first| (first.call, first.events.len()));
        for (name, response) in &case.responses {
            assert!(events > 0, "{}: an answer, but no request", case.folder.display());
            let outcomes = case.platform.read(call, response, events, case.now);
            assert_eq!(outcomes.len(), events, "one outcome for each event");
            let outcomes = http_text::outcomes(&outcomes);
            check(&case.folder.join(format!("outcome-{name}.json")), Some(&pretty(&outcomes)));
        }
    });
}

#[test]
fn no_file_shows_a_secret() {
    each_case(|case| {
        for planned in case.build().requests {
            let shown = http_text::request(&planned) + &format!("{planned:?}");
            for secret in case.secrets() {
                assert!(!shown.contains(&secret), "{}: a secret is shown", case.folder.display());
            }
        }
    });
}

fn each_case(check: impl Fn(&Case)) {
    for kind in ALL {
        for name in folders(&root().join(kind.name)) {
            check(&Case::read(kind, &name));
        }
    }
}

fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

/// The settings of a platform's `purchase` case, which is the plainest.
fn plain(kind: &Kind) -> Case {
    Case::read(kind, "purchase")
}
