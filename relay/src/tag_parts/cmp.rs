//! `[site.tag.cmp]`: consent as the page's consent manager tells it to others.
//!
//! What the three interfaces mean for our purposes is in `tag/js/parts/cmp.js`; here is only which of them are listened to.

use serde::{Deserialize, Serialize};

use super::{Part, told};
use crate::platform::Key;

/// The part.
pub(super) const PART: Part = Part {
    name: "cmp",
    summary: "takes consent from the page's consent manager",
    keys: &[Key::optional("google", "listen to Google's Consent Mode in `dataLayer`; default true")],
    configure: |settings| settings.read().map(|own: Own| told(&own)),
};

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
struct Own {
    google: bool,
}

impl Default for Own {
    fn default() -> Self {
        Self { google: true }
    }
}
