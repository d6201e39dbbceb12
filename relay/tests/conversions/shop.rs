//! A shop, mostly with a store in memory: events go in as public JSON, and what each destination would be sent comes out.

use std::future::Future;
use std::path::Path;

use relay::collect::read::{Defaults, event as read};
use relay::config::{self, Config};
use relay::distribute::plan::plan;
use relay::pipeline::Steps;
use relay::store::memory::MemoryStore;
use relay::store::sqlite::SqliteStore;
use relay::store::{Erased, Incoming, Store, Verdict};
use relay::{attribute, platform};
use serde_json::Value;
use shared::{Event, UnixMs, UserData};
use tempfile::TempDir;

/// When the tests begin: 2026-11-20T14:05:09Z.
pub(crate) const NOW: i64 = 1_795_183_509_000;

/// One site, its destinations and its store.
pub(crate) struct Shop {
    config: Config,
    store: Box<dyn Store>,
    /// Goes when the shop does.
    _folder: TempDir,
}

impl Shop {
    /// A shop whose `[[site]]` has these keys besides its own, with these destinations behind it.
    pub(crate) fn open(site: &str, destinations: &str) -> Self {
        Self::with(site, destinations, |_, steps| Box::new(MemoryStore::new(steps)))
    }

    /// The same with a store on disk.
    pub(crate) fn on_disk(site: &str, destinations: &str) -> Self {
        Self::with(site, destinations, |folder, steps| {
            Box::new(SqliteStore::open(&folder.join("events.db"), steps).unwrap())
        })
    }

    fn with(site: &str, destinations: &str, open_store: impl FnOnce(&Path, Steps) -> Box<dyn Store>) -> Self {
        let text =
            format!("[[site]]\nkey = \"shop\"\norigins = [\"https://shop.example\"]\n{site}\n{destinations}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("anytrack.toml");
        std::fs::write(&path, text).unwrap();
        let config = config::load(&path, platform::ALL).unwrap().config;
        let store = open_store(folder.path(), Steps::new(&config));
        Self { config, store, _folder: folder }
    }

    /// Takes an event that arrives `at` milliseconds after the beginning. One without a time happened then.
    pub(crate) fn take(&self, at: i64, json: &str) -> Verdict {
        let now = UnixMs(NOW + at);
        let defaults = Defaults { now, source: None, country: None, random: [1; 10] };
        let event = read(json, defaults).unwrap().event;
        let incoming = Incoming { site: "shop".into(), received: now, event: event.into() };
        run(self.store.append(vec![incoming])).unwrap()[0]
    }

    /// Erases whoever is known by what is hashed here.
    pub(crate) fn erase(&self, user: &UserData) -> Erased {
        run(self.store.erase("shop", attribute::person(user))).unwrap()
    }

    /// What is noted under a key.
    pub(crate) fn note(&self, key: &str) -> Option<String> {
        run(self.store.note("shop", key)).unwrap()
    }

    /// Releases what is due `at` milliseconds after the beginning.
    pub(crate) fn release(&self, at: i64) -> usize {
        run(self.store.release(UnixMs(NOW + at), usize::MAX)).unwrap()
    }

    /// The log, oldest first.
    pub(crate) fn log(&self) -> Vec<Event> {
        let logged = run(self.store.read(0, usize::MAX)).unwrap();
        logged.into_iter().map(|logged| (*logged.event).clone()).collect()
    }

    /// What a destination is sent: the events' ids, or the reasons why not.
    pub(crate) fn sent_to(&self, name: &str) -> Vec<String> {
        let destination = self.config.destinations.iter().find(|one| one.name == name).unwrap();
        let told = |event: &Event| {
            let built = plan(destination, &[event], UnixMs(NOW));
            match built.skips.first() {
                Some((_, skip)) => skip.reason.tag().to_owned(),
                None => event.event_id.clone(),
            }
        };
        self.log().iter().map(told).collect()
    }

    /// Every destination, and address and body of what it is sent of the newest event `at` milliseconds
    /// after the beginning, or why nothing.
    pub(crate) fn newest_everywhere(&self, at: i64) -> Vec<(&str, String)> {
        let newest = self.log().pop().unwrap();
        let told = |destination: &config::Destination| {
            let built = plan(destination, &[&newest], UnixMs(NOW + at));
            let request = |planned: &platform::Planned| {
                format!("{} {}", planned.request.url, planned.request.body.masked())
            };
            let skips = built.skips.iter().map(|(_, skip)| format!("{}: {}", skip.reason.tag(), skip.detail));
            built.requests.iter().map(request).chain(skips).collect()
        };
        self.config.destinations.iter().map(|one| (one.name.as_str(), told(one))).collect()
    }

    /// The bodies of the requests that take these events together.
    pub(crate) fn sent_together(&self, name: &str, events: &[&Event]) -> Vec<String> {
        let destination = self.config.destinations.iter().find(|one| one.name == name).unwrap();
        let built = plan(destination, events, UnixMs(NOW));
        built.requests.iter().map(|planned| planned.request.body.masked()).collect()
    }

    /// The bodies a destination is sent.
    pub(crate) fn bodies(&self, name: &str) -> Vec<Value> {
        let destination = self.config.destinations.iter().find(|one| one.name == name).unwrap();
        let log = self.log();
        let built = plan(destination, &log.iter().collect::<Vec<_>>(), UnixMs(NOW));
        let body = |text: String| serde_json::from_str(&text).unwrap();
        built.requests.iter().map(|planned| body(planned.request.body.masked())).collect()
    }
}

/// Runs a store's future.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// A webhook destination with more keys.
pub(crate) fn webhook(name: &str, more: &str) -> String {
    format!(
        "[[destination]]\nname = \"{name}\"\nsite = \"shop\"\nplatform = \"webhook\"\n\
         url = \"https://hooks.example/{name}\"\nsecret = \"a text of 16 byte\"\n{more}\n"
    )
}
