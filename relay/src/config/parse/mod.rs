//! From the text of a configuration to its types: the document as a whole, and what its parts must agree on.

mod destination;
mod server;
mod site;
mod site_events;
mod site_regions;
mod site_tag;
mod site_token;
mod source;
mod telemetry;

use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::DeTable;

use super::advice::Advice;
use super::error::{ConfigError, Fault};
use super::expand::Variables;
use super::notes::Notes;
use super::reader::{Section, Text, join};
use super::suggest::nearest;
use super::{Config, Destination, Loaded, Server};
use crate::platform::Kind;
use destination::Destinations;
use site::Sites;

/// A configuration's text and what is known around it.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    /// The file's name, for messages.
    pub file: &'a str,
    /// What is in it.
    pub text: &'a str,
    /// The directory relative paths start from.
    pub directory: &'a Path,
    /// Where the tag's files are when the configuration does not say.
    pub assets: &'a Path,
    /// Whether accounts other than the owner's may read the file.
    pub readable_by_others: bool,
}

/// Turns a document into a configuration, with the platforms of `kinds` and the values of `variables`.
///
/// # Errors
/// When anything in it is wrong; then with everything that is, by line.
pub fn parse(
    document: &Document<'_>,
    kinds: &[Kind],
    variables: Variables<'_>,
) -> Result<Loaded, ConfigError> {
    let notes = Notes::new(document.file, document.text, variables);
    let config = syntax(document.text, &notes).map(|table| read(table, document, kinds, &notes));
    let (problems, warnings) = notes.finish();
    match config {
        Some(config) if problems.is_empty() => Ok(Loaded { config, warnings }),
        Some(_) | None => Err(ConfigError::Invalid { problems }),
    }
}

/// The document's table, or `None` with every mistake of the TOML noted, the first of each line.
fn syntax<'i>(text: &'i str, notes: &Notes<'_>) -> Option<Spanned<DeTable<'i>>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut last = 0;
    for error in &errors {
        let at = error.span().unwrap_or(0..0).start;
        let line = notes.line(at);
        if line != last {
            notes.syntax(at, error.message());
        }
        last = line;
    }
    errors.is_empty().then_some(table)
}

fn read(table: Spanned<DeTable<'_>>, document: &Document<'_>, kinds: &[Kind], notes: &Notes<'_>) -> Config {
    let mut root = Section::new(notes, String::new(), 0..0, table.into_inner());
    let server = root.section("server");
    let stop_at = |server: &Section<'_, '_>| server.place("shutdown_timeout_ms").unwrap_or(server.span.start);
    let stop_at = server.as_ref().map_or(0, stop_at);
    let server = server::server(server, notes);
    let delivery = server::delivery(root.section("delivery"), notes);
    let store = server::store(root.section("store"), document.directory);
    let tag = server::tag(root.section("tag"), document);
    let sites = site::sites(&mut root, &server, document.directory);
    let sources = source::sources(&mut root, &sites, store.dedup_days, document.directory);
    let destinations =
        destination::destinations(&mut root, &sites, kinds, document.directory, delivery, store.visitor_days);
    let mut traced = None;
    let collector = telemetry::telemetry(root.section("telemetry"), &mut traced);
    root.close();

    advise_on_stop(&server, stop_at, &destinations.all, notes);
    advise_on_ends(&sites, &destinations, notes);
    let literal = sites.literal_secret.or(sources.literal_secret).or(destinations.literal_secret).or(traced);
    if let Some(Placed { key, at }) = literal.filter(|_| document.readable_by_others) {
        notes.advise(&key, at, Advice::ReadableSecret);
    }
    let (sites, sources, destinations) = (sites.all, sources.all, destinations.all);
    Config { server, delivery, store, tag, sites, sources, destinations, collector }
}

/// Says when an orderly stop is over before a request to a platform must be.
fn advise_on_stop(server: &Server, at: usize, destinations: &[Destination], notes: &Notes<'_>) {
    let Some(slowest) = destinations.iter().max_by_key(|destination| destination.timeout_ms) else { return };
    let least_ms = slowest.timeout_ms.saturating_add(RECORDING_MS);
    if server.shutdown_timeout_ms < least_ms {
        let advice = Advice::HastyStop { destination: slowest.name.clone(), least_ms };
        notes.advise("server.shutdown_timeout_ms", at, advice);
    }
}

/// What writing down takes after the last answer.
const RECORDING_MS: u64 = 1_000;

/// Says which events go nowhere.
fn advise_on_ends(sites: &Sites, destinations: &Destinations, notes: &Notes<'_>) {
    if destinations.tables == 0 {
        return notes.advise("destination", 0, Advice::NoDestinations);
    }
    for (site, Placed { key, at }) in sites.all.iter().zip(&sites.placed) {
        if !destinations.all.iter().any(|destination| destination.site == site.key) {
            notes.advise(key, *at, Advice::NoDestinationHere);
        }
    }
}

/// A key and where its value stands.
pub(super) struct Placed {
    key: String,
    at: usize,
}

/// A path of the configuration: relative ones start from the directory of the file.
fn path(section: &mut Section<'_, '_>, key: &'static str, directory: &Path) -> Option<PathBuf> {
    let parse = |text: &str| (!text.trim().is_empty()).then(|| directory.join(text));
    section.parsed(key, "a path", parse)
}

/// Checks a name that appears in addresses, logs, metrics and the store.
fn name(text: &Text, notes: &Notes<'_>) -> Option<String> {
    let plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    let fits = |name: &str| (1..=NAME).contains(&name.len()) && plain(name);
    text.parsed(notes, NAME_EXPECTED, |name| fits(name).then(|| name.to_owned()))
}

/// Longest name of a site or destination.
const NAME: usize = 64;
const NAME_EXPECTED: &str = "a name of 1 to 64 letters, digits, `-`, `_` or `.`";

/// The site a table belongs to.
fn site_of(section: &mut Section<'_, '_>, sites: &Sites) -> Option<String> {
    let text = section.required("site", "the key of a [[site]]")?;
    let known = || sites.keys.iter().map(String::as_str);
    if known().any(|key| key == text.value) {
        return Some(text.value);
    }
    // The site that is meant may be the one whose key is at fault, which is told already.
    if !sites.unnamed {
        section.notes.fault(&text.key, text.at, unknown("site", &text, known()));
    }
    None
}

/// Notes the keys that were probably meant to be the one that says how all the others are read.
fn misspelt(wanted: &'static str, rest: &DeTable<'_>, path: &str, notes: &Notes<'_>) {
    for key in rest.keys() {
        if let Some(near) = nearest(key.get_ref(), [wanted]) {
            let fault = Fault::UnknownKey { near: Some(near.to_owned()), known: Vec::new() };
            notes.fault(&join(path, key.get_ref()), key.span().start, fault);
        }
    }
}

/// The fault of a name that is not one of `known`.
fn unknown<'a>(kind: &'static str, text: &Text, known: impl Iterator<Item = &'a str> + Clone) -> Fault {
    let near = nearest(&text.value, known.clone()).map(str::to_owned);
    Fault::UnknownName { kind, found: text.written.clone(), near, known: known.map(str::to_owned).collect() }
}

/// Notes that a name was given before.
fn taken(kind: &'static str, text: &Text, first: usize, notes: &Notes<'_>) {
    let (name, line) = (text.written.clone(), notes.line(first));
    notes.fault(&text.key, text.at, Fault::Taken { kind, name, line });
}
