//! `[site.tag]`: what the tag does on one site's pages, and the tables of the parts it loads there.

use std::path::Path;

use super::super::SiteTag;
use super::super::reader::Section;
use super::super::settings::Own;
use crate::tag_parts::{self, Chosen, Part, Settings};

/// Reads the table, if it is there.
pub(super) fn site_tag(section: Option<Section<'_, '_>>, directory: &Path) -> SiteTag {
    let Some(mut section) = section else { return SiteTag::default() };
    let parts = tag_parts::ALL.iter().filter_map(|kind| part(&mut section, kind, directory)).collect();
    section.close();
    SiteTag { parts }
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
