//! `[[site]]`: whose events the relay takes.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::super::advice::Advice;
use super::super::error::Fault;
use super::super::notes::Notes;
use super::super::origin::{base_url, cookie_domain, covers, origin, surely_apart};
use super::super::reader::{Section, Text};
use super::super::secrets::{self, Form};
use super::super::{Server, Site};
use super::{Placed, name, site_events, site_tag, site_token, taken};
use crate::secret::Secret;

/// The sites, and what else has to be known of them.
#[derive(Default)]
pub(super) struct Sites {
    pub(super) all: Vec<Site>,
    /// Where each of them stands.
    pub(super) placed: Vec<Placed>,
    /// Every key given, also of sites that are wrong otherwise: a destination may name them.
    pub(super) keys: Vec<String>,
    /// Whether a site has no good key, so that nobody can say which keys there are.
    pub(super) unnamed: bool,
    /// The first API key written out in the file.
    pub(super) literal_secret: Option<Placed>,
}

/// What was given before, and where.
#[derive(Default)]
struct Given {
    names: HashMap<String, usize>,
    api_keys: Vec<(Secret, usize)>,
}

/// Reads every `[[site]]`.
pub(super) fn sites(root: &mut Section<'_, '_>, server: &Server, directory: &Path) -> Sites {
    let (some, problems) = (root.has("site"), root.notes.problems());
    let tables = root.sections("site", "key");
    if !some {
        root.missing("site", "at least one [[site]] with a key");
    }
    let (mut sites, mut given) = (Sites::default(), Given::default());
    sites.unnamed = root.notes.problems() > problems;
    for table in tables {
        let placed = Placed { key: table.path.clone(), at: table.span.start };
        if let Some(site) = site(table, server, directory, &mut given, &mut sites) {
            sites.all.push(site);
            sites.placed.push(placed);
        }
    }
    sites
}

fn site(
    mut section: Section<'_, '_>,
    server: &Server,
    directory: &Path,
    given: &mut Given,
    sites: &mut Sites,
) -> Option<Site> {
    let notes = section.notes;
    let key = section.required("key", "the name the tag and destinations use for this site");
    let key = key.and_then(|text| site_key(&text, notes, given));
    sites.unnamed |= key.is_none();
    sites.keys.extend(key.clone());
    let origins = origins(&mut section, server);
    let api_keys = api_keys(&mut section, given, &mut sites.literal_secret);
    let cookie_domain = cookie(&mut section, server);
    let consent_required = section.flag("consent_required", false);
    let country = section.parsed("country", COUNTRY_EXPECTED, country);
    let merge_window = site_events::merge_window(&mut section);
    let shared_identities = site_events::shared_identities(&mut section, country.as_deref());
    let token = site_token::site_token(section.section("token"), &mut sites.literal_secret);
    let tag = site_tag::site_tag(section.section("tag"), consent_required, directory);
    section.close();
    Some(Site {
        key: Arc::from(key?),
        origins,
        api_keys,
        cookie_domain,
        consent_required,
        merge_window,
        shared_identities,
        country,
        token,
        tag,
    })
}

const ORIGIN_EXPECTED: &str = "a scheme and host without a path or wildcard such as `https://shop.example`";
const COOKIE_EXPECTED: &str = "a domain such as `shop.example`";
const COUNTRY_EXPECTED: &str = "a country's two letters such as `GB` (ISO 3166-1)";
/// API keys shorter than this draw advice: 16 characters of 6 bits each are 96 bits, out of reach of guessing.
const SAFE_API_KEY: usize = 16;

fn site_key(text: &Text, notes: &Notes<'_>, given: &mut Given) -> Option<String> {
    let key = name(text, notes)?;
    if let Some(first) = given.names.get(&key) {
        taken("site key", text, *first, notes);
        return None;
    }
    given.names.insert(key.clone(), text.at);
    Some(key)
}

fn origins(section: &mut Section<'_, '_>, server: &Server) -> Vec<String> {
    let (notes, at) = (section.notes, section.place("origins").unwrap_or(section.span.start));
    let texts = section.texts("origins", ORIGIN_EXPECTED).unwrap_or_default();
    if texts.is_empty() {
        notes.advise(&section.key("origins"), at, Advice::NoOrigins);
    }
    let mut origins: Vec<String> = Vec::new();
    for origin in texts.iter().filter_map(|text| text.parsed(notes, ORIGIN_EXPECTED, origin)) {
        if !origins.contains(&origin) {
            origins.push(origin);
        }
    }
    let pages: Vec<_> = origins.iter().filter_map(|origin| base_url(origin)).collect();
    if !pages.is_empty() && pages.iter().all(|page| surely_apart(page, &server.public_url)) {
        notes.advise(&section.key("origins"), at, Advice::ForeignRelay);
    }
    origins
}

fn api_keys(section: &mut Section<'_, '_>, given: &mut Given, literal: &mut Option<Placed>) -> Vec<Secret> {
    let notes = section.notes;
    let texts = section.texts("api_keys", "a text").unwrap_or_default();
    let mut keys = Vec::new();
    for Text { value, key, at, referred, .. } in texts {
        if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_graphic()) {
            notes.fault(&key, at, Fault::NoKey);
        } else if let Some((_, first)) = given.api_keys.iter().find(|(other, _)| other.matches(&value)) {
            notes.fault(&key, at, Fault::KeyTaken { line: notes.line(*first) });
        } else {
            if value.len() < SAFE_API_KEY {
                notes.advise(&key, at, Advice::ShortKey { least: SAFE_API_KEY });
            }
            secrets::advise(notes, &key, at, &value, Form::default());
            let secret = Secret::new(value);
            given.api_keys.push((secret.clone(), at));
            keys.push(secret);
        }
        if !referred && literal.is_none() {
            *literal = Some(Placed { key, at });
        }
    }
    keys
}

fn cookie(section: &mut Section<'_, '_>, server: &Server) -> Option<String> {
    let notes = section.notes;
    let text = section.text("cookie_domain", COOKIE_EXPECTED)?;
    let domain = text.parsed(notes, COOKIE_EXPECTED, cookie_domain)?;
    let host = server.public_url.host_str().unwrap_or_default();
    if !covers(&domain, host) {
        notes.advise(&text.key, text.at, Advice::ForeignCookieDomain);
    }
    Some(domain)
}

fn country(text: &str) -> Option<String> {
    let letters = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    letters.then(|| text.to_ascii_uppercase())
}
