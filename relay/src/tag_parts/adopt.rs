//! `[site.tag.adopt]`: what the site already tells others, adopted as events.
//!
//! What each source's calls mean is in `tag/js/parts/adopt`; here is only which of them are listened to and whom our id
//! is given. The names a site adds are free, ours are checked as those of any event.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use shared::identity::Field;
use shared::{limits, scrub};

use super::{Part, told};
use crate::platform::{Key, SettingError};

/// The part.
pub(super) const PART: Part = Part {
    name: "adopt",
    summary: "adopts events of the data layer and of pixels, and gives pixels our event ids",
    keys: &[
        Key::optional("data_layer", "e-commerce events pushed to Google's data layer; default true"),
        Key::optional("gtag", "events told to `gtag`; default true"),
        Key::optional("fbq", "events told to Meta's pixel, which is given our id with each; default true"),
        Key::optional("ttq", "events told to TikTok's pixel, which is given our id with each; default true"),
        Key::optional(
            "uetq",
            "events told to Microsoft's tag, which is given our id with each; default true",
        ),
        Key::optional("anytrack", "`AnyTrack('trigger', …)` of the hosted tag; default true"),
        Key::optional("layer", "name of the data layer; default `\"dataLayer\"`"),
        Key::optional(
            "events",
            "`{ newsletter = \"Lead\", sign_up = false }`: their name → ours, or not adopted",
        ),
        Key::optional("properties", "further properties to take, by name; default none"),
        Key::optional(
            "user_data",
            "`true`: the person told to `gtag`, a pixel or `AnyTrack` is hashed and used; default false",
        ),
        Key::optional(
            "pixels",
            "pixels given our id without being adopted: `google`, `meta`, `tiktok`, `microsoft`, `pinterest`, \
             `snapchat`, `reddit`, `linkedin`, `x`; default none",
        ),
        Key::optional(
            "forward",
            "pixels told of `anytrack.track` once the tag has sent the event: `meta`, `tiktok`, `microsoft`, \
             `google`; default none",
        ),
    ],
    configure: |settings| settings.read().and_then(Own::checked).map(|own| told(&own)),
};

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
struct Own {
    data_layer: bool,
    gtag: bool,
    fbq: bool,
    ttq: bool,
    uetq: bool,
    anytrack: bool,
    layer: String,
    events: BTreeMap<String, Ours>,
    properties: Vec<String>,
    user_data: bool,
    pixels: Vec<Pixel>,
    forward: Vec<Told>,
}

/// What an event of theirs is here.
#[derive(Serialize)]
#[serde(untagged)]
enum Ours {
    /// `false`: none.
    Switch(bool),
    /// Our name.
    Name(String),
}

impl<'de> Deserialize<'de> for Ours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NameOrFalse)
    }
}

/// Takes a name that the relay takes, or `false`.
struct NameOrFalse;

impl Visitor<'_> for NameOrFalse {
    type Value = Ours;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "our name of the event, 1 to {} bytes, or false to leave it out", limits::EVENT_NAME)
    }

    fn visit_bool<E: Error>(self, on: bool) -> Result<Ours, E> {
        if on { Err(E::invalid_value(Unexpected::Bool(on), &self)) } else { Ok(Ours::Switch(on)) }
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Ours, E> {
        if name.trim().is_empty() || name.len() > limits::EVENT_NAME {
            return Err(E::invalid_value(Unexpected::Str(name), &self));
        }
        Ok(Ours::Name(name.to_owned()))
    }
}

/// A pixel that can be given an id.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Pixel {
    Google,
    Meta,
    TikTok,
    Microsoft,
    Pinterest,
    Snapchat,
    Reddit,
    LinkedIn,
    X,
}

/// A pixel that can be told of our events.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Told {
    Meta,
    TikTok,
    Microsoft,
    Google,
}

impl Default for Own {
    fn default() -> Self {
        Self {
            data_layer: true,
            gtag: true,
            fbq: true,
            ttq: true,
            uetq: true,
            anytrack: true,
            layer: "dataLayer".to_owned(),
            events: BTreeMap::new(),
            properties: Vec::new(),
            user_data: false,
            pixels: Vec::new(),
            forward: Vec::new(),
        }
    }
}

impl Own {
    /// The settings, when no text in them would be a property that the relay then refuses.
    fn checked(self) -> Result<Self, SettingError> {
        let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$');
        if self.layer.is_empty() || !self.layer.chars().all(word) {
            let expected = "expected the name of a global variable such as \"dataLayer\"";
            return Err(SettingError::invalid("layer", expected));
        }
        if let Some(name) =
            self.properties.iter().find(|name| Field::named(name).is_some() || scrub::names_person(name))
        {
            let expected = format!(
                "expected properties of events; `{name}` is personal data, which `user_data = true` takes to be hashed"
            );
            return Err(SettingError::invalid("properties", expected));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::settings;
    use super::*;

    #[test]
    fn nothing_said_adopts_everything_and_gives_and_tells_nothing_further() {
        let told = (PART.configure)(settings("")).expect("settings");
        let expected = json!({
            "data_layer": true, "gtag": true, "fbq": true, "ttq": true, "uetq": true, "anytrack": true,
            "layer": "dataLayer", "events": {}, "properties": [], "user_data": false, "pixels": [], "forward": [],
        });
        assert_eq!(told, expected);
    }

    #[test]
    fn what_is_said_is_told_as_it_is_or_refused() {
        let told = (PART.configure)(settings(
            "fbq = false\npixels = [\"tiktok\", \"linkedin\", \"x\"]\nforward = [\"google\"]\n\
             events = { newsletter = \"Lead\", purchase = false }\nproperties = [\"plan\"]",
        ))
        .expect("settings");
        assert_eq!(told["fbq"], false);
        assert_eq!(told["pixels"], json!(["tiktok", "linkedin", "x"]));
        assert_eq!(told["events"], json!({ "newsletter": "Lead", "purchase": false }));
        let check = |text: &'static str, expected: &str| {
            let error = (PART.configure)(settings(text)).expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        };
        check("layer = \"a.b\"", "`layer`: expected the name of a global variable");
        check("layer = \"\"", "`layer`");
        for events in ["events = { a = true }", "events = { a = \" \" }", "events = { a = 5 }"] {
            check(events, "expected our name of the event, 1 to 50 bytes, or false to leave it out");
        }
        check("properties = [\"plan\", \"email\"]", "`email` is personal data");
        check("properties = [\"phone_number\"]", "`phone_number` is personal data");
        check("pixels = [\"myspace\"]", "myspace");
        check("forward = [\"pinterest\"]", "pinterest");
    }
}
