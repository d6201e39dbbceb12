//! One case: its folder read into what the platform needs, and its expectations held against what comes out.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use relay::platform::{Built, Kind, Outgoing, Platform, Response, Settings};
use serde_json::Value;
use shared::{Event, UnixMs};
use toml::de::{DeTable, DeValue};

use crate::expected::text;
use crate::http_text;

/// A case, read.
pub(crate) struct Case {
    /// Where it lies.
    pub(crate) folder: PathBuf,
    /// The platform, set up by the case's settings.
    pub(crate) platform: Box<dyn Platform>,
    /// The events, oldest first.
    pub(crate) events: Vec<Event>,
    /// The time of the test.
    pub(crate) now: UnixMs,
    /// Answers by name.
    pub(crate) responses: Vec<(String, Response)>,
    names: BTreeMap<String, String>,
    settings: String,
}

impl Case {
    /// Reads `golden/<platform>/<name>/`.
    pub(crate) fn read(kind: &Kind, name: &str) -> Self {
        let folder = root().join(kind.name).join(name);
        let settings = text(&folder.join("settings.toml"));
        let read = read_settings(&settings);
        let names = read.names.clone();
        let platform = (kind.configure)(read).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let now = match fs::read_to_string(folder.join("now.txt")) {
            Ok(text) => UnixMs::parse_rfc3339(text.trim()).expect("now.txt: RFC 3339"),
            Err(_) => NOW,
        };
        let (events, responses) = (read_events(&folder), read_responses(&folder));
        Self { folder, platform, events, now, responses, names, settings }
    }

    /// What the platform makes of the events.
    pub(crate) fn build(&self) -> Built {
        let outgoing: Vec<_> = self.events.iter().map(|event| self.outgoing(event)).collect();
        self.platform.build(&outgoing, self.now)
    }

    /// The texts of the settings that must never be shown.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let table: toml::Table = toml::from_str(&self.settings).expect("read before");
        let mut secrets = Vec::new();
        collect_secrets(&table, &mut secrets);
        secrets
    }

    fn outgoing<'a>(&'a self, event: &'a Event) -> Outgoing<'a> {
        Outgoing {
            event,
            site: "shop",
            renamed: self.names.get(&event.event).map(String::as_str),
            order_renamed: None,
        }
    }
}

/// Every text under a name of a secret, at any depth; of a key file, its private key.
fn collect_secrets(table: &toml::Table, secrets: &mut Vec<String>) {
    for (key, value) in table {
        match value {
            toml::Value::Table(inner) => collect_secrets(inner, secrets),
            toml::Value::String(text) if ["token", "secret"].iter().any(|word| key.ends_with(word)) => {
                secrets.push(text.clone());
            }
            toml::Value::String(text) => {
                if let Ok(file) = serde_json::from_str::<Value>(text)
                    && let Some(private) = file["private_key"].as_str()
                {
                    secrets.push(private.to_owned());
                }
            }
            _ => {}
        }
    }
}

/// Where the platforms' folders lie.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The time of the tests, unless a case has its own: a quiet Monday noon.
pub(crate) const NOW: UnixMs = UnixMs(1_795_435_200_000);

/// Settings as the relay's `config` hands them over: the keys of all destinations apart from the platform's
/// own.
fn read_settings(text: &str) -> Settings {
    // Settings outlive the file they were read from; so does this text, as long as the test runs.
    let text: &'static str = text.to_owned().leak();
    let parsed = DeTable::parse(text).expect("settings.toml: well-formed TOML");
    let (span, mut table) = (parsed.span(), parsed.into_inner());
    let mut take = |key| table.remove(key).map(toml::Spanned::into_inner);
    let endpoint = match take("endpoint") {
        Some(DeValue::String(text)) => Some(url::Url::parse(&text).expect("endpoint: an address")),
        _ => None,
    };
    let names = match take("events") {
        Some(DeValue::Table(names)) => names.into_iter().map(name).collect(),
        _ => BTreeMap::new(),
    };
    Settings { own: toml::Spanned::new(span, DeValue::Table(table)), endpoint, names }
}

fn name(
    (ours, theirs): (toml::Spanned<std::borrow::Cow<'_, str>>, toml::Spanned<DeValue<'_>>),
) -> (String, String) {
    match theirs.into_inner() {
        DeValue::String(theirs) => (ours.into_inner().into_owned(), theirs.into_owned()),
        other => panic!("events: a switched-off event never reaches a platform: {other:?}"),
    }
}

/// `event.json`, or `events.json`: a list, or `{"repeat":n,"event":{…}}` with `{n}` counting up in its texts.
fn read_events(folder: &Path) -> Vec<Event> {
    let (path, many) = match folder.join("events.json") {
        path if path.exists() => (path, true),
        _ => (folder.join("event.json"), false),
    };
    let json: Value =
        serde_json::from_str(&text(&path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let events = match json {
        Value::Array(events) if many => events,
        Value::Object(object) if many => {
            let times = object["repeat"].as_u64().expect("repeat: a number");
            let pattern = object["event"].to_string();
            let nth = |n: u64| {
                serde_json::from_str(&pattern.replace("{n}", &n.to_string())).expect("JSON as before")
            };
            (1..=times).map(nth).collect()
        }
        event => vec![event],
    };
    let event =
        |json| serde_json::from_value(json).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    events.into_iter().map(event).collect()
}

fn read_responses(folder: &Path) -> Vec<(String, Response)> {
    let files = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("readable").path());
    let mut responses: Vec<_> = files
        .filter_map(|path| {
            let file = path.file_name()?.to_str()?.to_owned();
            let name = file.strip_prefix("response-")?.strip_suffix(".http")?;
            Some((name.to_owned(), http_text::response(&text(&path))))
        })
        .collect();
    responses.sort_by(|(a, _), (b, _)| a.cmp(b));
    responses
}
