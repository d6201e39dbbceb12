//! The relay that inputs meet: one site, a source of every kind, a destination of every platform.

use std::path::Path;

use relay::config::{self, Config, Document};
use relay::platform;
use shared::UnixMs;

use crate::seeds::{recorded, text};

/// The time of the recorded requests: a quiet Monday noon.
pub(crate) const NOW: UnixMs = UnixMs(1_795_435_200_000);

/// The value of every variable of the environment. No message may hold it.
pub(crate) const FROM_OUTSIDE: &str = "a-value-from-the-environment";

/// The configuration of a text.
pub(crate) fn configure(text: &str) -> Config {
    parse(text).unwrap_or_else(|error| panic!("{error}")).config
}

/// The same, for a text that may be wrong.
pub(crate) fn parse(text: &str) -> Result<config::Loaded, config::ConfigError> {
    let document = Document {
        file: "anytrack.toml",
        text,
        directory: Path::new("/nowhere"),
        assets: Path::new("/nowhere"),
        readable_by_others: true,
    };
    config::parse(&document, platform::ALL, &|_| Some(FROM_OUTSIDE.to_owned()))
}

/// One destination of each platform, as `preview`'s tests have them.
pub(crate) fn destinations() -> String {
    text(&recorded("preview/anytrack.toml"))
}

/// Runs to its end what waits for nobody outside.
pub(crate) fn runtime<T>(future: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime needs nothing but memory");
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}
