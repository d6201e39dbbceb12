//! The parameters of a postback: out of its query and out of a body that is a form or JSON, cleaned.
//!
//! Networks replace placeholders in a text their user wrote, so what arrives is what happened to be written: plus signs
//! that were meant, letters in another encoding, a parameter twice, and placeholders nobody replaced. A value that cannot be
//! meant is as good as absent. Holds raw personal data until `conversion` has taken it, so it does not print.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::super::Inbound;
use super::name::Name;

/// The parameters of one postback, in their order: query first, then body.
pub(super) struct Fields(Vec<Field>);

struct Field {
    /// As it was written; inside JSON the path, with dots.
    name: String,
    /// For comparing.
    key: String,
    value: Zeroizing<String>,
}

impl Fields {
    /// Everything a request carries, within bounds. What its content type claims is not looked at: senders do not mean it.
    pub(super) fn read(request: &Inbound<'_>) -> Self {
        let mut fields = Self(Vec::new());
        fields.form(request.query().as_bytes());
        let body = request.body.trim_ascii();
        match json_object(body) {
            Some(members) => fields.json(members),
            None => fields.form(body),
        }
        fields
    }

    /// Every usable value under a name, in their order.
    pub(super) fn every(&self, name: &Name) -> impl Iterator<Item = &str> {
        self.all(name).map(str::trim).filter(|value| is_meant(value))
    }

    /// A telephone: a blank before its digits was a plus sign, which in a query stands for a blank.
    pub(super) fn phone<'a>(&self, names: impl IntoIterator<Item = &'a Name>) -> Option<String> {
        let value = names.into_iter().find_map(|name| self.all(name).find(|value| is_meant(value.trim())))?;
        let digits =
            value.strip_prefix(' ').filter(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
        Some(digits.map_or_else(|| value.trim().to_owned(), |digits| format!("+{}", digits.trim_end())))
    }

    /// Whether one of these names came with a placeholder that was not replaced.
    pub(super) fn unreplaced<'a>(&self, names: impl IntoIterator<Item = &'a Name>) -> bool {
        names.into_iter().any(|name| self.all(name).any(is_placeholder))
    }

    /// Every usable parameter by the name it was written with.
    pub(super) fn written(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.0.iter().map(|field| (field.name.as_str(), field.value.trim()));
        pairs.filter(|(_, value)| is_meant(value))
    }

    /// The values of one name: a parameter's own, or that of a member inside JSON.
    fn all(&self, name: &Name) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |field| name.fits(&field.key)).map(|field| field.value.as_str())
    }

    fn add(&mut self, name: String, value: Zeroizing<String>) {
        if self.0.len() < MOST_FIELDS && name.len() <= LONGEST && value.len() <= LONGEST {
            self.0.push(Field { key: key(&name), name, value });
        }
    }

    fn form(&mut self, text: &[u8]) {
        for (name, value) in form_urlencoded::parse(text).take(MOST_FIELDS) {
            let value = Zeroizing::new(value.into_owned());
            self.add(name.into_owned(), value);
        }
    }

    /// The members of an object and of the objects inside it, the outer ones first.
    fn json(&mut self, members: BTreeMap<String, &RawValue>) {
        let mut level = vec![(String::new(), members)];
        for _ in 0..DEEPEST {
            let mut inner = Vec::new();
            for (path, members) in level {
                for (name, raw) in members {
                    let name = if path.is_empty() { name } else { format!("{path}.{name}") };
                    match json_object(raw.get().as_bytes()) {
                        Some(members) if inner.len() < MOST_FIELDS => inner.push((name, members)),
                        Some(_) => {}
                        None => self.scalar(name, raw.get()),
                    }
                }
            }
            level = inner;
        }
    }

    fn scalar(&mut self, name: String, json: &str) {
        match json.as_bytes().first() {
            Some(b'"') => {
                if let Ok(text) = serde_json::from_str::<String>(json) {
                    self.add(name, Zeroizing::new(text));
                }
            }
            // A number keeps its digits: an id may be longer than any number type.
            Some(b'0'..=b'9' | b'-' | b't' | b'f') => self.add(name, Zeroizing::new(json.to_owned())),
            Some(_) | None => {}
        }
    }
}

/// A name or word as it is compared.
pub(super) fn key(name: &str) -> String {
    let marks = ['_', '-', ' '];
    name.chars().filter(|letter| !marks.contains(letter)).map(|letter| letter.to_ascii_lowercase()).collect()
}

fn json_object(bytes: &[u8]) -> Option<BTreeMap<String, &RawValue>> {
    if bytes.first() == Some(&b'{') { serde_json::from_slice(bytes).ok() } else { None }
}

/// Whether somebody meant this value.
fn is_meant(value: &str) -> bool {
    // U+FFFD stands where bytes were no UTF-8: what was written is not known.
    !value.is_empty() && !value.contains('\u{fffd}') && !is_nothing(value) && !is_placeholder(value)
}

/// Words by which programs and manuals write that there is nothing.
fn is_nothing(value: &str) -> bool {
    ["null", "undefined", "none", "n/a", "optional", "replace", "replaceme"].contains(&key(value).as_str())
}

/// Whether a placeholder of some network stands in it: `{payout}`, `#price#`, `!!!clickRef!!!`, `[[name]]`, `%name%`,
/// `<name>`, or one of those encoded once more.
pub(super) fn is_placeholder(value: &str) -> bool {
    let between = |open: &str, close: &str| {
        let rest = value.split_once(open).map(|(_, rest)| rest);
        rest.and_then(|rest| rest.split_once(close)).is_some_and(|(word, _)| !word.is_empty())
    };
    let bare = |mark: char, shortest: usize| {
        let parts: Vec<&str> = value.split(mark).collect();
        let between = parts.iter().skip(1).take(parts.len().saturating_sub(2));
        between.into_iter().any(|word| {
            let plain = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            plain && word.len() >= shortest && word.starts_with(|first: char| first.is_ascii_alphabetic())
        })
    };
    between("{", "}")
        || between("[[", "]]")
        || between("<", ">")
        || between("!!", "!!")
        || between("%7B", "%7D")
        || between("%7b", "%7d")
        || bare('#', 1)
        // Two letters or digits after a percent sign are an escape.
        || bare('%', 3)
}

/// Most parameters read of one postback. Templates have about ten.
const MOST_FIELDS: usize = 256;
/// Longest name or value, in bytes; what is longer is no parameter of ours.
const LONGEST: usize = 4096;
/// How deep members are looked for in JSON.
const DEEPEST: usize = 4;

#[cfg(test)]
mod tests {
    use super::super::super::testing::{headers, webhook};
    use super::*;

    fn read(query: &str, body: &str) -> Fields {
        let (none, target) = (headers(&[]), format!("/v1/postback/x?{query}"));
        Fields::read(&Inbound { target: &target, ..webhook(&none, body) })
    }

    fn first<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
        fields.every(&Name::given(name)).next()
    }

    #[test]
    fn a_name_matches_in_any_case_with_or_without_marks() {
        let check = |query: &str| assert_eq!(first(&read(query, ""), "click_id"), Some("a b"), "{query}");
        for name in ["click_id", "clickid", "clickId", "CLICK-ID", "Click_Id", "%63lick_id"] {
            check(&format!("{name}=a+b"));
            check(&format!("{name}=&x&{name}=a%20b&{name}=c"));
        }
    }

    #[test]
    fn what_nobody_meant_is_absent() {
        for value in [
            "{payout}",
            "%7Bpayout%7D",
            "%257Bpayout%257D",
            "a_{sub1}",
            "%23price%23",
            "%23s2%23%23s3%23",
            "!!!clickRef!!!",
            "!!afftrack!!",
            "[[name]]",
            "%25name%25",
            "%name%",
            "<SUBID>",
            "OPTIONAL",
            "replace",
            "REPLACE_ME",
            "null",
            "undefined",
            "",
            "+",
            "%ff",
            "a%C3b",
        ] {
            assert_eq!(first(&read(&format!("payout={value}"), ""), "payout"), None, "{value}");
            let again = read(&format!("payout={value}&payout=7"), "");
            assert_eq!(first(&again, "payout"), Some("7"), "{value}");
        }
        for value in ["{}", "a!!", "##", "50%25", "a#b", "<", "50%25 off 20%25", "M%25C3%25BCller"] {
            let fields = read(&format!("offer={}", value.replace('#', "%23")), "");
            assert!(first(&fields, "offer").is_some(), "{value}");
        }
        let payout = [Name::given("payout")];
        assert!(read("payout={payout}", "").unreplaced(&payout) && !read("payout=", "").unreplaced(&payout));
    }

    #[test]
    fn a_body_is_a_form_or_json_whatever_it_is_called() {
        assert_eq!(first(&read("", "payout=1&click_id=a%2Bb"), "click_id"), Some("a+b"));
        let json = r#" {"payout":12.50,"id":18446744073709551616,"deep":{"click_id":"a","payout":"9"},"on":true,"no":null,"l":[1]}"#;
        let fields = read("event=Lead", json);
        assert_eq!((first(&fields, "payout"), first(&fields, "clickid")), (Some("12.50"), Some("a")));
        assert_eq!(
            (first(&fields, "deep.payout"), first(&fields, "id")),
            (Some("9"), Some("18446744073709551616"))
        );
        assert_eq!(
            (first(&fields, "on"), first(&fields, "no"), first(&fields, "event")),
            (Some("true"), None, Some("Lead"))
        );
        assert_eq!(first(&read("payout=2", r#"{"payout":3}"#), "payout"), Some("2"), "the query goes first");
    }

    #[test]
    fn a_telephone_keeps_its_plus() {
        let check = |query: &str, expected: &str| {
            assert_eq!(read(query, "").phone(&[Name::given("phone")]).as_deref(), Some(expected), "{query}");
        };
        check("phone=+12025550123", "+12025550123");
        check("phone=%2B12025550123", "+12025550123");
        check("phone=020+7946+0958", "020 7946 0958");
    }

    #[test]
    fn there_is_a_bound_on_everything() {
        let many: String = (0..MOST_FIELDS + 9).map(|n| format!("a{n}=1&")).collect();
        assert_eq!(read(&many, "b=1").written().count(), MOST_FIELDS);
        assert_eq!(first(&read(&format!("a={}", "x".repeat(LONGEST + 1)), ""), "a"), None);
        let nested = format!("{}1{}", "{\"a\":".repeat(60), "}".repeat(60));
        assert_eq!(first(&read("", &nested), "a"), None);
    }
}
