//! The vectors of every platform dossier, as data in `vectors/<platform>.json`, against the code that `serve` runs.
//!
//! A row names what `platform` must be given for a raw value: the normal form and its SHA-256 (`clear`: the text
//! itself), or nothing when both are null. `wrong` marks a digest that must never come out, `form` a form that is
//! computed though the server call takes none, `base64` the other spelling of the digest. A row whose field is
//! none of ours (an IP address, a device id) pins the digest alone.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use shared::identity::{Field, Form, Given, PLATFORMS, Raw, Take, for_platform, normalise, taken_by};
use shared::{Hashes, Sha256Hex};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    platform: String,
    field: String,
    raw: String,
    country: Option<String>,
    normalised: Option<String>,
    sha256: Option<String>,
    #[serde(default)]
    wrong: bool,
    #[serde(default)]
    clear: bool,
    form: Option<Form>,
    base64: Option<String>,
    note: String,
}

#[test]
fn every_platform_is_given_what_its_dossier_says() {
    let mut checked = 0;
    for platform in PLATFORMS.into_iter().filter(|name| *name != "webhook") {
        for row in rows(platform) {
            assert_eq!(row.platform, platform);
            let place = format!("{platform} {} {:?} ({})", row.field, row.raw, row.note);
            match Field::named(&row.field) {
                Some(field) => check(&row, field, &place),
                None => assert_eq!(digest_of(&row), row.sha256, "{place}"),
            }
            checked += 1;
        }
    }
    assert!(checked >= 400, "only {checked} rows were found");
}

fn rows(platform: &str) -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/vectors/{platform}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn digest_of(row: &Row) -> Option<String> {
    row.normalised.as_deref().map(|normal| Sha256Hex::of(normal).to_hex())
}

fn check(row: &Row, field: Field, place: &str) {
    let raw = Raw::new(&row.raw);
    let country = row.country.as_deref();
    let given = for_platform(&row.platform, field, &raw, country);
    if row.clear {
        assert_eq!(given, row.normalised.clone().map_or(Given::Nothing, Given::Clear), "{place}");
        return;
    }
    if row.sha256.is_some() {
        assert_eq!(digest_of(row), row.sha256, "{place}: the row contradicts itself");
    }
    let expected = row.sha256.as_deref().map(|hex| Sha256Hex::parse(hex).expect("64 digits"));
    let (form, digest) = match (taken_by(&row.platform, field), row.form) {
        (Take::Nothing, Some(form)) => {
            assert_eq!(given, Given::Nothing, "{place}");
            (form, Hashes::of(field, &raw, country).and_then(|hashes| hashes.get(field, form)))
        }
        (Take::Hashed(form), None) => (form, digest(&given)),
        (Take::Nothing | Take::Clear, None) => {
            assert_eq!(given, Given::Nothing, "{place}");
            assert_eq!(expected, None, "{place}: a digest is expected where none is taken");
            return;
        }
        (take, form) => panic!("{place}: the row asks for {form:?}, the platform takes {take:?}"),
    };
    let normal = normalise(field, form, &raw, country);
    if row.wrong {
        assert_ne!(normal, row.normalised, "{place}");
        assert_ne!(digest, expected, "{place}");
    } else {
        assert_eq!(normal, row.normalised, "{place}");
        assert_eq!(digest, expected, "{place}");
    }
    if let (Some(base64), Some(digest)) = (&row.base64, digest) {
        assert_eq!(&base64_of(&digest.to_hex()), base64, "{place}");
    }
}

fn digest(given: &Given) -> Option<Sha256Hex> {
    match given {
        Given::Hashed(digest) => Some(*digest),
        Given::Nothing => None,
        Given::Clear(text) => panic!("{text:?} was given in clear"),
    }
}

/// Standard padded base64 of the bytes that `hex` writes.
fn base64_of(hex: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes: Vec<u32> =
        (0..hex.len()).step_by(2).map(|at| u32::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect();
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0, |word, byte| word << 8 | byte) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let sextet = (word >> (18 - 6 * place)) & 63;
            text.push(if place > chunk.len() { '=' } else { char::from(ALPHABET[sextet as usize]) });
        }
    }
    text
}
