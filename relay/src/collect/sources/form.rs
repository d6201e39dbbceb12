//! Bodies of forms: `multipart/form-data` (RFC 7578) and `application/x-www-form-urlencoded`, as texts by name.
//!
//! Files and parts without a name are passed over. Nothing of a multipart body is copied, and copies that decoding makes
//! wipe themselves, because a form is personal data.

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::Inbound;

/// The fields of a form. Holds raw personal data, so it does not print.
pub(super) struct Form<'a>(Vec<(String, Value<'a>)>);

enum Value<'a> {
    Borrowed(&'a str),
    Decoded(Zeroizing<String>),
}

impl<'a> Form<'a> {
    /// The form in a body, if its content type says that it is one.
    pub(super) fn read(request: &Inbound<'a>) -> Option<Self> {
        let kind = request.header("content-type")?;
        let (media, parameters) = kind.split_once(';').unwrap_or((kind, ""));
        match media.trim().to_ascii_lowercase().as_str() {
            "multipart/form-data" => Some(Self(multipart(request.body, boundary(parameters)?))),
            "application/x-www-form-urlencoded" => {
                let value = |value: Cow<'a, str>| match value {
                    Cow::Borrowed(text) => Value::Borrowed(text),
                    Cow::Owned(text) => Value::Decoded(Zeroizing::new(text)),
                };
                let fields = request.form().map(|(name, text)| (name.into_owned(), value(text)));
                Some(Self(fields.take(MOST_FIELDS).collect()))
            }
            _ => None,
        }
    }

    /// The first field of this name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.fields().find(|(known, _)| *known == name).map(|(_, text)| text)
    }

    /// Names and texts, in their order.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| match value {
            Value::Borrowed(text) => (name.as_str(), *text),
            Value::Decoded(text) => (name.as_str(), text.as_str()),
        })
    }
}

/// More fields than any form that a person fills in.
const MOST_FIELDS: usize = 500;

/// The boundary among a content type's parameters.
fn boundary(parameters: &str) -> Option<&str> {
    let named = parameters.split(';').filter_map(|pair| pair.trim().split_once('='));
    let found =
        named.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("boundary"))?.1.trim_matches('"');
    (1..=70).contains(&found.len()).then_some(found)
}

fn multipart<'a>(body: &'a [u8], boundary: &str) -> Vec<(String, Value<'a>)> {
    let delimiter = [b"\r\n--", boundary.as_bytes()].concat();
    // The first one may stand at the very beginning, without a line before it.
    let mut rest = match body.strip_prefix(&delimiter[2..]) {
        Some(rest) => rest,
        None => match find(body, &delimiter) {
            Some(at) => body.get(at + delimiter.len()..).unwrap_or_default(),
            None => return Vec::new(),
        },
    };
    let mut fields = Vec::new();
    // What comes after the last delimiter is `--`; a part that is never closed is cut off.
    while let (Some(end), true) = (find(rest, &delimiter), fields.len() < MOST_FIELDS) {
        let (part, after) = rest.split_at(end);
        fields.extend(field(part));
        rest = after.get(delimiter.len()..).unwrap_or_default();
    }
    fields
}

/// The name and text of a part: headers, an empty line, the value.
fn field(part: &[u8]) -> Option<(String, Value<'_>)> {
    let part = part.strip_prefix(b"\r\n")?;
    let end = find(part, b"\r\n\r\n")?;
    let (head, value) = (std::str::from_utf8(part.get(..end)?).ok()?, part.get(end + 4..)?);
    let disposition = head
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .find_map(|(name, value)| name.trim().eq_ignore_ascii_case("content-disposition").then_some(value))?;
    let parameter = |name: &str| {
        let pairs = disposition.split(';').filter_map(|pair| pair.trim().split_once('='));
        pairs
            .into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim_matches('"'))
    };
    if parameter("filename").is_some() {
        return None;
    }
    Some((parameter("name")?.to_owned(), Value::Borrowed(std::str::from_utf8(value).ok()?)))
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{headers, webhook};
    use super::*;

    #[track_caller]
    fn check(kind: &str, body: &str, expected: &[(&str, &str)]) {
        let headers = headers(&[("content-type", kind)]);
        let form = Form::read(&webhook(&headers, body)).expect("a form");
        assert_eq!(form.fields().collect::<Vec<_>>(), expected, "{body:?}");
    }

    const MULTIPART: &str = "multipart/form-data; boundary=----x1";

    #[test]
    fn the_parts_of_a_form_are_found() {
        let body = "------x1\r\nContent-Disposition: form-data; name=\"formID\"\r\n\r\n42\r\n\
            ------x1\r\ncontent-type: text/plain\r\ncontent-disposition: form-data; name=raw\r\n\r\n{\"a\":\r\n--1}\r\n\
            ------x1\r\nContent-Disposition: form-data; name=\"cv\"; filename=\"cv.txt\"\r\n\r\nfile\r\n------x1--\r\n";
        check(MULTIPART, body, &[("formID", "42"), ("raw", "{\"a\":\r\n--1}")]);
        check(
            "Multipart/Form-Data; charset=utf-8; Boundary=\"----x1\"",
            &format!("preamble\r\n{body}"),
            &[("formID", "42"), ("raw", "{\"a\":\r\n--1}")],
        );
    }

    #[test]
    fn what_is_broken_has_no_parts() {
        for body in [
            "",
            "------x1",
            "------x1--",
            "------x1\r\n\r\n\r\n",
            "------x1\r\nname: x\r\n\r\n1\r\n------x1--",
        ] {
            check(MULTIPART, body, &[]);
        }
        let cut = "------x1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n------x1\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n2";
        check(MULTIPART, cut, &[("a", "1")]);
    }

    #[test]
    fn only_forms_are_forms() {
        check("application/x-www-form-urlencoded", "a=b%20c&a=2&d", &[("a", "b c"), ("a", "2"), ("d", "")]);
        for kind in
            ["application/json", "multipart/form-data", "multipart/form-data; boundary=", "text/plain"]
        {
            let headers = headers(&[("content-type", kind)]);
            assert!(Form::read(&webhook(&headers, "a=b")).is_none(), "{kind}");
        }
        assert!(Form::read(&webhook(&headers(&[]), "a=b")).is_none());
    }
}
