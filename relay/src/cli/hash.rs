//! `hash`: what each platform would be given for a piece of personal data, line by line.
//!
//! Runs the code the relay runs. Input is streamed and bounded, so a file of any size can be piped through, and a
//! wrong line costs only itself. Nothing raw is repeated in an error.

use std::io::{self, BufRead, BufReader, Read, Write};

use serde::ser::{SerializeMap, SerializeStruct};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use shared::identity::{Field, Given, PLATFORMS, Raw, for_platform};

/// Longest line, in bytes, without its end.
const LINE: usize = 1 << 20;

/// Answers every line of `input` on `output`, and at the end how many were wrong.
pub(super) fn run(input: &mut BufReader<impl Read>, output: &mut impl Write) -> io::Result<usize> {
    let (mut number, mut wrong) = (0_usize, 0);
    let mut line = Vec::new();
    while read_line(input, &mut line)? {
        number += 1;
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match Question::read(&line) {
            Ok(question) => serde_json::to_writer(&mut *output, &Answer { question: &question })?,
            Err(error) => {
                wrong += 1;
                let text = format!("line {number}: {error}");
                serde_json::to_writer(&mut *output, &Refusal { error: &text })?;
            }
        }
        output.write_all(b"\n")?;
        // Whoever asks line by line gets each answer at once; whoever pipes a file through pays no call per line.
        if input.buffer().is_empty() {
            output.flush()?;
        }
    }
    output.flush()?;
    Ok(wrong)
}

/// Reads up to the next line end. A longer line is read to its end but kept only as far as to be recognised.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let most = u64::try_from(LINE + 1).unwrap_or(u64::MAX);
    if input.by_ref().take(most).read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    if line.len() > LINE && line.last() != Some(&b'\n') {
        input.skip_until(b'\n')?;
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok(true)
}

/// One line of the input.
struct Question {
    field: Field,
    raw: String,
    country: Option<String>,
}

/// Why a line has no answer.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum LineError {
    #[error("longer than {LINE} bytes")]
    TooLong,
    #[error("not valid UTF-8")]
    NotText,
    #[error(
        "not JSON, from column {column} on; expected an object such as {{\"field\":\"email\",\"raw\":\"…\"}}"
    )]
    NotJson { column: usize },
    #[error("expected an object such as {{\"field\":\"email\",\"raw\":\"…\"}}")]
    NotObject,
    #[error("`{key}` is missing")]
    Missing { key: &'static str },
    #[error("`{key}` must be a string")]
    NotString { key: &'static str },
    #[error("unknown key; only `field`, `raw` and `country` are read")]
    UnknownKey,
    #[error("unknown `field`; known: {}", Field::ALL.map(Field::name).join(", "))]
    UnknownField,
    #[error("`country` must be two letters, such as GB")]
    Country,
}

impl Question {
    fn read(line: &[u8]) -> Result<Self, LineError> {
        if line.len() > LINE {
            return Err(LineError::TooLong);
        }
        let text = std::str::from_utf8(line).map_err(|_| LineError::NotText)?;
        let value =
            serde_json::from_str(text).map_err(|error| LineError::NotJson { column: error.column() })?;
        let Value::Object(mut object) = value else { return Err(LineError::NotObject) };
        let field = string(&mut object, "field")?.ok_or(LineError::Missing { key: "field" })?;
        let field = Field::named(&field).ok_or(LineError::UnknownField)?;
        let raw = string(&mut object, "raw")?.ok_or(LineError::Missing { key: "raw" })?;
        let country = string(&mut object, "country")?.map(country).transpose()?;
        if object.is_empty() { Ok(Self { field, raw, country }) } else { Err(LineError::UnknownKey) }
    }
}

fn string(object: &mut Map<String, Value>, key: &'static str) -> Result<Option<String>, LineError> {
    match object.remove(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(LineError::NotString { key }),
    }
}

fn country(text: String) -> Result<String, LineError> {
    let letters = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    if letters { Ok(text.to_ascii_uppercase()) } else { Err(LineError::Country) }
}

#[derive(Serialize)]
struct Refusal<'a> {
    error: &'a str,
}

/// The answer to a question, as it is written: keys in the order of the documentation.
struct Answer<'a> {
    question: &'a Question,
}

impl Serialize for Answer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Question { field, raw, country } = self.question;
        let raw = Raw::new(raw);
        let given = |platform| for_platform(platform, *field, &raw, country.as_deref());
        let all = PLATFORMS.map(|platform| (platform, given(platform)));
        let mut answer = serializer.serialize_struct("Answer", 3)?;
        answer.serialize_field("field", field.name())?;
        answer.serialize_field("platforms", &Hashed(&all))?;
        answer.serialize_field("plain", &Plain(&all))?;
        answer.end()
    }
}

/// The digest each platform is given, or null.
struct Hashed<'a>(&'a [(&'static str, Given)]);

impl Serialize for Hashed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(platform, given)| match given {
            Given::Hashed(digest) => (platform, Some(digest)),
            Given::Nothing | Given::Clear(_) => (platform, None),
        }))
    }
}

/// What the platforms are given that take the value in clear.
struct Plain<'a>(&'a [(&'static str, Given)]);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (platform, given) in self.0 {
            match given {
                Given::Clear(value) => map.serialize_entry(platform, value)?,
                Given::Nothing | Given::Hashed(_) => {}
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(input: &[u8]) -> (usize, Vec<Value>) {
        let mut output = Vec::new();
        let wrong = run(&mut BufReader::new(input), &mut output).unwrap();
        let lines = String::from_utf8(output).unwrap();
        (wrong, lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    #[test]
    fn every_platform_is_answered_in_its_place() {
        let (wrong, lines) = answers(b"{\"field\":\"email\",\"raw\":\"jo@example.com\"}\n");
        assert_eq!((wrong, lines.len()), (0, 1));
        assert_eq!(lines[0]["field"], "email");
        let platforms = lines[0]["platforms"].as_object().unwrap();
        assert_eq!(platforms.len(), PLATFORMS.len());
        assert!(PLATFORMS.iter().all(|platform| platforms.contains_key(*platform)));
        assert!(lines[0]["plain"].is_object());
    }

    #[test]
    fn what_a_platform_is_given_appears_once() {
        let digest = shared::Sha256Hex::of("x");
        let all =
            [("meta", Given::Hashed(digest)), ("x", Given::Nothing), ("ga4", Given::Clear("london".into()))];
        let hashed = serde_json::to_value(Hashed(&all)).unwrap();
        assert_eq!(hashed, serde_json::json!({ "meta": digest.to_hex(), "x": null, "ga4": null }));
        assert_eq!(serde_json::to_value(Plain(&all)).unwrap(), serde_json::json!({ "ga4": "london" }));
    }

    #[test]
    fn a_wrong_line_says_so_and_costs_only_itself() {
        let check = |line: &[u8], expected: &str| {
            let mut input = b"\n{\"field\":\"city\",\"raw\":\"London\"}\n".to_vec();
            input.extend_from_slice(line);
            input.extend_from_slice(b"\r\n{\"field\":\"city\",\"raw\":\"Paris\"}");
            let (wrong, lines) = answers(&input);
            assert_eq!((wrong, lines.len()), (1, 3), "{expected}");
            assert_eq!(lines[1]["error"].as_str().unwrap(), format!("line 3: {expected}"));
            assert!(lines[0]["platforms"].is_object() && lines[2]["platforms"].is_object());
        };
        let object = "expected an object such as {\"field\":\"email\",\"raw\":\"…\"}";
        check(b"[1]", object);
        check(b"{\"field\":", &format!("not JSON, from column 10 on; {object}"));
        check(b"{\"field\":\"email\"}", "`raw` is missing");
        check(b"{\"raw\":\"x\"}", "`field` is missing");
        check(b"{\"field\":\"email\",\"raw\":5}", "`raw` must be a string");
        check(b"{\"field\":7,\"raw\":\"x\"}", "`field` must be a string");
        check(
            b"{\"field\":\"city\",\"raw\":\"x\",\"country\":\"GBR\"}",
            "`country` must be two letters, such as GB",
        );
        check(
            b"{\"field\":\"city\",\"raw\":\"x\",\"jo@example.com\":1}",
            "unknown key; only `field`, `raw` and `country` are read",
        );
        check(b"{\"field\":\"city\",\"raw\":\"\xff\"}", "not valid UTF-8");
        let fields = "email, phone, first_name, last_name, gender, birth_date, street, city, region, postal_code, \
                      country, external_id";
        check(b"{\"field\":\"e-mail\",\"raw\":\"x\"}", &format!("unknown `field`; known: {fields}"));
        check("x".repeat(3 * LINE).as_bytes(), "longer than 1048576 bytes");
    }

    #[test]
    fn a_line_of_exactly_the_limit_is_read() {
        let frame = "{\"field\":\"city\",\"raw\":\"\"}".len();
        let check = |more: usize, wrong| {
            let line = format!("{{\"field\":\"city\",\"raw\":\"{}\"}}\n", "x".repeat(LINE - frame + more));
            assert_eq!(answers(line.as_bytes()).0, wrong, "{more}");
        };
        check(0, 0);
        check(1, 1);
    }

    proptest::proptest! {
        #[test]
        fn no_input_makes_it_fail(input in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let (wrong, lines) = answers(&input);
            let asked = input.split(|byte| *byte == b'\n').filter(|line| !line.iter().all(u8::is_ascii_whitespace));
            proptest::prop_assert_eq!(lines.len(), asked.count());
            proptest::prop_assert!(wrong <= lines.len());
        }
    }
}
