//! One case: its folder read into a configured source and a request.

use std::fs;
use std::path::{Path, PathBuf};

use relay::collect::sources::Kind;
use relay::collect::sources::recorded::Recorded;
use relay::collect::sources::take::Proof;
use relay::config::{self, Config, Document};
use relay::platform;
use serde_json::Value;
use shared::UnixMs;

use crate::expected::text;

/// A case, read.
pub(crate) struct Case {
    /// Where it lies.
    pub(crate) folder: PathBuf,
    /// The request's text.
    pub(crate) request: Vec<u8>,
    config: Config,
    settings: String,
    now: UnixMs,
}

impl Case {
    /// Reads `sources/<kind>/<name>/`.
    pub(crate) fn read(kind: &Kind, name: &str) -> Self {
        let folder = root().join(kind.name).join(name);
        let own = fs::read_to_string(folder.join("settings.toml"));
        let settings = own.unwrap_or_else(|_| text(&root().join(kind.name).join("settings.toml")));
        let now = match fs::read_to_string(folder.join("now.txt")) {
            Ok(text) => UnixMs::parse_rfc3339(text.trim()).expect("now.txt: RFC 3339"),
            Err(_) => NOW,
        };
        let request = folder.join("request.http");
        let request = fs::read(&request).unwrap_or_else(|error| panic!("{}: {error}", request.display()));
        Self { config: configure(kind, &settings), folder, request, settings, now }
    }

    /// Whether it is a case of this kind of source.
    pub(crate) fn is_of(&self, kind: &str) -> bool {
        self.folder.parent().is_some_and(|folder| folder.ends_with(kind))
    }

    /// The same case at another time, in milliseconds later.
    pub(crate) fn later(&self, ms: i64) -> Self {
        let Self { folder, request, config, settings, now } = self;
        let (folder, request) = (folder.clone(), request.clone());
        Self { folder, request, config: config.clone(), settings: settings.clone(), now: now.plus(ms) }
    }

    /// What the source makes of the request.
    pub(crate) fn show(&self, proof: Proof) -> (Value, bool) {
        self.show_bytes(&self.request, proof)
            .unwrap_or_else(|| panic!("{}: no request", self.folder.display()))
    }

    /// What the source makes of any text that is a request.
    pub(crate) fn show_bytes(&self, bytes: &[u8], proof: Proof) -> Option<(Value, bool)> {
        Recorded::read(bytes).ok()?.show(&self.config, &self.config.sources[0], proof, self.now).ok()
    }

    /// The texts of the settings that must never be shown.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let table: toml::Table = toml::from_str(&self.settings).expect("read before");
        let auth = table.get("auth").and_then(toml::Value::as_table).into_iter().flatten();
        let secret = |key: &str| ["token", "secret", "password"].iter().any(|word| key.contains(word));
        let texts = table.iter().chain(auth).filter(|(key, _)| secret(key));
        texts.filter_map(|(_, value)| value.as_str()).chain([FROM_OUTSIDE]).map(str::to_owned).collect()
    }
}

/// A relay with one site and this source.
fn configure(kind: &Kind, settings: &str) -> Config {
    let text = format!(
        "[server]\npublic_url = \"https://t.shop.example\"\n[[site]]\nkey = \"shop\"\ncountry = \"US\"\n
        [[source]]\nname = \"{0}\"\nsite = \"shop\"\nkind = \"{0}\"\n{settings}",
        kind.name
    );
    let document = Document {
        file: "settings.toml",
        text: &text,
        directory: Path::new(""),
        assets: Path::new(""),
        readable_by_others: false,
    };
    let variable = |_: &str| Some(FROM_OUTSIDE.to_owned());
    config::parse(&document, platform::ALL, &variable).unwrap_or_else(|error| panic!("{error}")).config
}

/// Where the sources' folders lie.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sources")
}

/// The value of every variable.
const FROM_OUTSIDE: &str = "a-value-from-the-environment";

/// The time of the tests, unless a case has its own: a quiet Monday noon.
const NOW: UnixMs = UnixMs(1_795_435_200_000);
