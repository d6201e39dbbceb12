//! `[site.tag]`: what the tag does on one site's pages, and the tables of the parts it loads there.

use std::path::Path;

use http::HeaderName;

use super::super::advice::Advice;
use super::super::reader::Section;
use super::super::settings::Own;
use super::super::{Asking, MadeCookie, PageViews, Refusing, SiteTag};
use super::{site_regions, unknown};
use crate::tag_parts::{self, Chosen, Part, Settings};

/// Reads the table, if it is there.
pub(super) fn site_tag(
    section: Option<Section<'_, '_>>,
    consent_required: bool,
    directory: &Path,
) -> SiteTag {
    let mut tag = SiteTag::plain(consent_required);
    let Some(mut section) = section else { return tag };
    let said = section.has("consent");
    let asking = asking(&mut section, consent_required);
    tag.regions = site_regions::regions(&mut section, asking, said);
    tag.country_header = section.parsed("country_header", HEADER_EXPECTED, header);
    tag.signals = named(&mut section, "signals", "signal", &SIGNALS).unwrap_or(tag.signals);
    tag.page_views = section.parsed("page_views", PAGE_VIEWS_EXPECTED, page_views).unwrap_or(tag.page_views);
    tag.make_cookies =
        named(&mut section, "make_cookies", "cookie the relay can make", &COOKIES).unwrap_or_default();
    tag.parts = tag_parts::ALL.iter().filter_map(|kind| part(&mut section, kind, directory)).collect();
    section.close();
    // Whoever listens to a consent manager waits for what it says.
    let waits = tag.parts.iter().any(|part| part.name == "cmp");
    tag.consent = asking.unwrap_or(if waits { Asking::Required } else { tag.consent });
    tag
}

const ASKING_EXPECTED: &str = "`granted`, `required` or `regional`";
const HEADER_EXPECTED: &str = "a header's name such as `cf-ipcountry`";
const PAGE_VIEWS_EXPECTED: &str = "`history`, `hash`, `load` or `off`";
const SIGNALS: [(&str, Refusing); 2] = [("gpc", Refusing::Gpc), ("dnt", Refusing::Dnt)];
const COOKIES: [(&str, MadeCookie); 4] = [
    ("_fbp", MadeCookie::Fbp),
    ("_fbc", MadeCookie::Fbc),
    ("_uetvid", MadeCookie::Uetvid),
    ("_ga", MadeCookie::Ga),
];

fn asking(section: &mut Section<'_, '_>, consent_required: bool) -> Option<Asking> {
    let notes = section.notes;
    let text = section.text("consent", ASKING_EXPECTED)?;
    let asking = text.parsed(notes, ASKING_EXPECTED, |text| match text {
        "granted" => Some(Asking::Granted),
        "required" => Some(Asking::Required),
        "regional" => Some(Asking::Regional),
        _ => None,
    })?;
    if consent_required && asking != Asking::Required {
        notes.advise(&text.key, text.at, Advice::HeldBack);
    }
    Some(asking)
}

fn header(text: &str) -> Option<HeaderName> {
    HeaderName::try_from(text).ok()
}

fn page_views(text: &str) -> Option<PageViews> {
    match text {
        "history" => Some(PageViews::History),
        "hash" => Some(PageViews::Hash),
        "load" => Some(PageViews::Load),
        "off" => Some(PageViews::Off),
        _ => None,
    }
}

/// A list of names, each once.
fn named<T: Copy + PartialEq>(
    section: &mut Section<'_, '_>,
    key: &'static str,
    kind: &'static str,
    all: &[(&'static str, T)],
) -> Option<Vec<T>> {
    let notes = section.notes;
    let known = || all.iter().map(|(name, _)| *name);
    let texts = section.texts(key, &format!("one of `{}`", known().collect::<Vec<_>>().join("`, `")))?;
    let mut found = Vec::new();
    for text in texts {
        match all.iter().find(|(name, _)| *name == text.value) {
            Some((_, value)) if found.contains(value) => {}
            Some((_, value)) => found.push(*value),
            None => notes.fault(&text.key, text.at, unknown(kind, &text, known())),
        }
    }
    Some(found)
}

/// A part whose table is there, set up.
fn part(section: &mut Section<'_, '_>, kind: &Part, directory: &Path) -> Option<Chosen> {
    let table = section.section(kind.name)?;
    let (notes, path, span) = (table.notes, table.path.clone(), table.span.clone());
    let (rest, known) = table.into_rest();
    let mut own = Own::new(notes, path, span, known);
    own.take_over(rest, kind.keys, directory);
    let settings = own.configure(kind.keys, |own| (kind.configure)(Settings { own }))?;
    Some(Chosen { name: kind.name, settings })
}
