//! `[site.token]`: whether the site's own server signs who may report from a browser.

use super::super::advice::Advice;
use super::super::error::Fault;
use super::super::reader::{Section, Text};
use super::super::secrets::{self, Form};
use super::super::{SiteToken, TokenMode};
use super::Placed;
use crate::secret::Secret;

/// Reads the table, if it is there.
pub(super) fn site_token(
    section: Option<Section<'_, '_>>,
    literal: &mut Option<Placed>,
) -> Option<SiteToken> {
    let mut section = section?;
    let secret = section.required("secret", SECRET_EXPECTED);
    let secret = secret.map(|text| secret_of(text, &section, literal));
    let previous = section.text("previous_secret", "a text").map(|text| secret_of(text, &section, literal));
    let mode = section.parsed("mode", MODE_EXPECTED, mode).unwrap_or(TokenMode::Require);
    section.close();
    Some(SiteToken { secret: secret?, previous_secret: previous, mode })
}

const SECRET_EXPECTED: &str = "what the site's server signs with; `openssl rand -hex 32` makes one";
const MODE_EXPECTED: &str = "`require`, `report` or `off`";
/// Secrets shorter than this draw advice, as API keys do.
const SAFE: usize = 16;

fn secret_of(text: Text, section: &Section<'_, '_>, literal: &mut Option<Placed>) -> Secret {
    let Text { value, key, at, referred, .. } = text;
    let value = secrets::checked(section.notes, &key, at, value, Form::default());
    if value.trim().is_empty() {
        // Everybody could sign with it.
        let expected = SECRET_EXPECTED.to_owned();
        section.notes.fault(&key, at, Fault::Invalid { expected, found: None });
    } else if value.len() < SAFE {
        section.notes.advise(&key, at, Advice::ShortKey { least: SAFE });
    }
    if !referred && literal.is_none() {
        *literal = Some(Placed { key, at });
    }
    Secret::new(value)
}

fn mode(text: &str) -> Option<TokenMode> {
    match text {
        "require" => Some(TokenMode::Require),
        "report" => Some(TokenMode::Report),
        "off" => Some(TokenMode::Off),
        _ => None,
    }
}
