//! From an event's JSON to the requests that would leave the house for it, at every platform.

use std::sync::LazyLock;

use relay::collect::read::{self, Defaults};
use relay::config::Config;
use relay::enrich;
use relay::preview;
use serde_json::Value;
use shared::scrub;
use url::Url;

use crate::check;
use crate::seeds::{files, read as bytes_of, recorded};
use crate::stage::{NOW, configure, destinations};

/// Reads an event, and shows what it would become.
pub fn run(bytes: &[u8]) {
    if check::names_a_secret(bytes) {
        return;
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let defaults = Defaults { now: NOW, source: None, country: Some("US"), random: [7; 10] };
        match read::event_with_warnings(text, defaults) {
            Ok(mut understood) => {
                enrich::from_server(&mut understood.event, NOW);
                check::event(&understood.event);
                understood.warnings.iter().for_each(|warning| check::line(warning));
            }
            Err(error) => check::line(&error.to_string()),
        }
    }
    match preview::run(&CONFIG, bytes, None, NOW) {
        Ok(preview) => requests(&preview.shown),
        Err(error) => check::shown(&error.to_string()),
    }
}

/// Every request can be sent, and holds neither a secret nor an e-mail address.
fn requests(shown: &Value) {
    let requests =
        shown.as_array().into_iter().flatten().filter_map(|one| one["requests"].as_array()).flatten();
    for request in requests {
        Url::parse(request["url"].as_str().expect("text")).expect("an address");
        for (name, value) in request["headers"].as_object().into_iter().flatten() {
            check::line(&format!("{name}: {}", value.as_str().expect("text")));
        }
        let body = request["body"].to_string();
        assert!(!body.contains("secret-of"), "a secret: {body}");
        // The user agent is sent as it came, and is the only thing that may name somebody's address.
        if scrub::looks_like_email(&body) {
            assert!(body.contains("gent"), "an e-mail address: {body}");
        }
    }
}

/// The events of `preview`'s tests.
pub fn seeds() -> Vec<Vec<u8>> {
    files(&recorded("preview/events")).iter().map(|path| bytes_of(path)).collect()
}

static CONFIG: LazyLock<Config> = LazyLock::new(|| configure(&destinations()));
