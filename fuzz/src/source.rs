//! Webhooks and postbacks of every kind of source.
//!
//! An input is a line that names a recorded case (`stripe/purchase`), whose settings are taken, and a request as HTTP
//! text. It is read as if its signature had been right, too: what a shop sends is foreign all the same.

use std::collections::HashMap;
use std::sync::LazyLock;

use relay::collect::sources::recorded::Recorded;
use relay::collect::sources::take::Proof;
use relay::collect::sources::{ALL, Kind};
use relay::config::Config;
use serde_json::Value;
use shared::Event;

use crate::check;
use crate::seeds::{files, name, read, recorded, text};
use crate::stage::{NOW, configure};

/// Tries a request at a source.
pub fn run(bytes: &[u8]) {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return };
    let (case, request) = bytes.split_at(end);
    let Some(config) = std::str::from_utf8(case).ok().and_then(|case| CONFIGS.get(case)) else { return };
    let Ok(request) = Recorded::read(request.get(1..).unwrap_or_default()) else { return };
    let source = config.sources.first().expect("the configuration has one");
    for proof in [Proof::Needed, Proof::Waived] {
        if let Ok((shown, _)) = request.show(config, source, proof, NOW) {
            sound(&shown);
        }
    }
}

/// What is shown holds together, and its events are as every event.
fn sound(shown: &Value) {
    let events = shown["events"].as_array().expect("a list");
    assert_eq!(shown["result"] == "stored", !events.is_empty());
    assert!(shown["answer"]["status"].as_u64().is_some_and(|status| status < 500), "{}", shown["answer"]);
    for word in ["reason", "refused", "warnings", "answer"] {
        check::shown(&shown[word].to_string());
    }
    for event in events {
        let event: Event = serde_json::from_value(event.clone()).expect("an event");
        check::event(&event);
    }
}

/// The recorded requests.
pub fn seeds() -> Vec<Vec<u8>> {
    let request = |(kind, case): (&Kind, String)| {
        let request = read(&recorded(&format!("sources/{}/{case}/request.http", kind.name)));
        [format!("{}/{case}\n", kind.name).as_bytes(), &request].concat()
    };
    cases().map(request).collect()
}

/// A configuration for every recorded case, by its name.
static CONFIGS: LazyLock<HashMap<String, Config>> = LazyLock::new(|| {
    let config = |(kind, case): (&Kind, String)| {
        let own = recorded(&format!("sources/{}/{case}/settings.toml", kind.name));
        let usual = recorded(&format!("sources/{}/settings.toml", kind.name));
        let settings = text(if own.exists() { &own } else { &usual });
        let config = configure(&format!(
            "[server]\npublic_url = \"https://t.shop.example\"\n[[site]]\nkey = \"shop\"\ncountry = \"US\"\n
            [[source]]\nname = \"{0}\"\nsite = \"shop\"\nkind = \"{0}\"\n{settings}",
            kind.name
        ));
        (format!("{}/{case}", kind.name), config)
    };
    cases().map(config).collect()
});

/// Every recorded case with its kind.
fn cases() -> impl Iterator<Item = (&'static Kind, String)> {
    ALL.iter().flat_map(|kind| {
        let requests = files(&recorded(&format!("sources/{}", kind.name))).into_iter();
        requests
            .filter(|path| name(path) == "request.http")
            .filter_map(move |path| Some((kind, name(path.parent()?).to_owned())))
    })
}
