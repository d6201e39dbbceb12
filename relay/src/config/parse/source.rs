//! `[[source]]`: who reports by webhook or postback. Reads the keys all sources share; a kind reads its own.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::super::Source;
use super::super::reader::Section;
use super::super::settings::Own;
use super::site::Sites;
use super::{Placed, misspelt, name, site_of, taken, unknown};
use crate::collect::sources::{self, Kind, Settings};

/// The sources, and what else has to be known of them.
#[derive(Default)]
pub(super) struct Sources {
    pub(super) all: Vec<Source>,
    /// The first secret written out in the file.
    pub(super) literal_secret: Option<Placed>,
}

/// Reads every `[[source]]`.
pub(super) fn sources(
    root: &mut Section<'_, '_>,
    sites: &Sites,
    dedup_days: u32,
    directory: &Path,
) -> Sources {
    let (mut all, mut names) = (Sources::default(), HashMap::new());
    for table in root.sections("source", "name") {
        let source = source(table, sites, dedup_days, directory, &mut names, &mut all.literal_secret);
        all.all.extend(source);
    }
    all
}

fn source(
    mut section: Section<'_, '_>,
    sites: &Sites,
    dedup_days: u32,
    directory: &Path,
    names: &mut HashMap<String, usize>,
    literal: &mut Option<Placed>,
) -> Option<Source> {
    let name = source_name(&mut section, names);
    let site = site_of(&mut section, sites);
    let kind = kind(&mut section);
    let (notes, path, span) = (section.notes, section.path.clone(), section.span.clone());
    let (rest, known) = section.into_rest();
    // Without a kind nobody can say which of the other keys are right.
    let Some(kind) = kind else {
        misspelt("kind", &rest, &path, notes);
        return None;
    };
    let mut own = Own::new(notes, path, span, known);
    own.take_over(rest, kind.keys, directory);
    if literal.is_none() {
        *literal = own.literal_secret.take().map(|(key, at)| Placed { key, at });
    }
    let source = own.configure(kind.keys, |own| (kind.configure)(Settings { own }))?;
    Some(Source {
        name: name?,
        site: Arc::from(site?),
        kind_name: kind.name,
        door: kind.door,
        source: Arc::from(source),
        dedup_days,
    })
}

fn source_name(section: &mut Section<'_, '_>, names: &mut HashMap<String, usize>) -> Option<String> {
    let notes = section.notes;
    let text = section.required("name", "a name of its own for this source, the last part of its address")?;
    let name = name(&text, notes)?;
    if let Some(first) = names.get(&name) {
        taken("source", &text, *first, notes);
        return None;
    }
    names.insert(name.clone(), text.at);
    Some(name)
}

fn kind(section: &mut Section<'_, '_>) -> Option<&'static Kind> {
    let known = || sources::ALL.iter().map(|kind| kind.name);
    let expected = format!("a kind of source: {}", known().collect::<Vec<_>>().join(", "));
    let text = section.required("kind", &expected)?;
    let kind = sources::ALL.iter().find(|kind| kind.name == text.value);
    if kind.is_none() {
        section.notes.fault(&text.key, text.at, unknown("kind of source", &text, known()));
    }
    kind
}
