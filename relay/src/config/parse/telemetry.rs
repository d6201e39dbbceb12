//! `[telemetry]`: where traces go. A table that occurs once and may be left out; then there are none.

use http::HeaderValue;
use url::Url;

use super::super::Collector;
use super::super::origin::is_loopback;
use super::super::reader::{Section, Text};
use super::Placed;
use crate::config::advice::Advice;
use crate::config::error::Fault;
use crate::config::secrets::{self, Form};
use crate::secret::Secret;

/// Reads the table, if it is there.
pub(super) fn telemetry(section: Option<Section<'_, '_>>, literal: &mut Option<Placed>) -> Option<Collector> {
    let mut section = section?;
    let address = section.required("traces", EXPECTED);
    let authorization = section.text("authorization", AUTHORIZATION_EXPECTED);
    let sample_percent = section.whole("sample_percent", 0..=100, 100);
    let url = address.and_then(|address| {
        let url = address.parsed(section.notes, EXPECTED, endpoint)?;
        if authorization.is_some() && url.scheme() == "http" && !is_loopback(&url) {
            section.notes.advise(&address.key, address.at, Advice::PlainTraces);
        }
        Some(url)
    });
    let authorization = authorization.map(|text| {
        let Text { value, key, at, referred, .. } = text;
        let value = secrets::checked(section.notes, &key, at, value, Form::default());
        // With a line break in it no request could be made.
        if value.trim().is_empty() || HeaderValue::from_str(&value).is_err() {
            let expected = AUTHORIZATION_EXPECTED.to_owned();
            section.notes.fault(&key, at, Fault::Invalid { expected, found: None });
        }
        if !referred && literal.is_none() {
            *literal = Some(Placed { key, at });
        }
        Secret::new(value)
    });
    section.close();
    Some(Collector { url: url?, authorization, sample_percent })
}

const AUTHORIZATION_EXPECTED: &str = "the value of the header, one line such as `Bearer …`";
const EXPECTED: &str = "the address of an OTLP collector that speaks HTTP, such as `http://127.0.0.1:4318`";

/// The address for traces below a collector's own
/// (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/#endpoint-urls-for-otlphttp>, read 2026-11-27).
fn endpoint(text: &str) -> Option<Url> {
    let mut url = Url::parse(text.trim()).ok()?;
    let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    let fits =
        matches!(url.scheme(), "http" | "https") && url.has_host() && plain && url.fragment().is_none();
    if !fits {
        return None;
    }
    let path = format!("{}/v1/traces", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_go_below_the_collectors_address() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(endpoint(text).as_ref().map(Url::as_str), expected, "{text}");
        };
        check("http://127.0.0.1:4318", Some("http://127.0.0.1:4318/v1/traces"));
        check("https://otlp.example/otlp/", Some("https://otlp.example/otlp/v1/traces"));
        for wrong in [
            "127.0.0.1:4318",
            "grpc://otlp.example",
            "https://k:v@otlp.example",
            "https://otlp.example?k=v",
            "",
        ] {
            check(wrong, None);
        }
    }
}
