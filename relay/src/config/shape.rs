//! What serde's words about a platform's settings mean, so that they can be said in ours and without the values.
//!
//! serde quotes the value it did not like (``invalid type: integer `5`, expected a string``), and that value may
//! be a token somebody forgot to put in quotes. Its messages have a fixed form (`serde::de::Error`); what does not
//! fit the form is passed on with every secret masked.

/// What a message of serde says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A field is not there.
    Missing(String),
    /// A field that nobody reads, and those that are read.
    Unknown(String, Vec<String>),
    /// A value of the wrong kind: what belongs there.
    Expected(String),
    /// A word that is none of a few, and these.
    NoneOf(Vec<String>),
    /// Anything else, word for word.
    Other(String),
}

impl Shape {
    /// Reads a message.
    pub(super) fn read(message: &str) -> Self {
        if let Some(rest) = message.strip_prefix("missing field ") {
            return Self::Missing(between(rest).first().cloned().unwrap_or_default());
        }
        if let Some(rest) = message.strip_prefix("unknown field ") {
            let mut names = between(rest).into_iter();
            return Self::Unknown(names.next().unwrap_or_default(), names.collect());
        }
        if WORD_WANTED.iter().any(|start| message.starts_with(start)) {
            return Self::Expected("a text".to_owned());
        }
        if let Some((_, expected)) =
            message.strip_prefix("unknown variant ").and_then(|rest| rest.rsplit_once("`, expected "))
        {
            return Self::NoneOf(between(expected));
        }
        let quotes_value = VALUE_QUOTED.iter().any(|start| message.starts_with(start));
        match message.rsplit_once(", expected ") {
            Some((_, expected)) if quotes_value => Self::Expected(plain(expected)),
            Some(_) | None => Self::Other(message.to_owned()),
        }
    }
}

/// How the messages begin that quote a value.
const VALUE_QUOTED: [&str; 3] = ["invalid type: ", "invalid value: ", "invalid length "];

/// How `toml` says that something else stands where a word of a few belongs.
const WORD_WANTED: [&str; 2] = ["wanted string or table", "wanted exactly 1 element, "];

/// Everything between back quotes.
fn between(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Words that may stand in a place: the form of serde's own messages.
pub(super) fn in_words(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [one] => one.clone(),
        [one, other] => format!("{one} or {other}"),
        more => format!("one of {}", more.join(", ")),
    }
}

/// Rust's names of types in words.
fn plain(expected: &str) -> String {
    match expected {
        "a string" | "str" | "string" => "a text".to_owned(),
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number of 0 or more".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a table".to_owned(),
        other if other.starts_with("struct ") => "a table".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_understood() {
        let check = |message, expected: Shape| assert_eq!(Shape::read(message), expected, "{message}");
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        check("missing field `pixel_id`", Shape::Missing("pixel_id".into()));
        check("unknown field `x`, expected `a`", Shape::Unknown("x".into(), names(&["a"])));
        check("unknown field `x`, expected one of `a`, `b`", Shape::Unknown("x".into(), names(&["a", "b"])));
        check("unknown field `x`, there are no fields", Shape::Unknown("x".into(), vec![]));
        check("invalid type: integer `5`, expected a string", Shape::Expected("a text".into()));
        check(
            "invalid type: string \"a, expected b\", expected u32",
            Shape::Expected("a whole number of 0 or more".into()),
        );
        check("invalid type: string \"x\", expected struct Oauth", Shape::Expected("a table".into()));
        check("unknown variant `x`, expected `a` or `b`", Shape::NoneOf(names(&["a", "b"])));
        check("unknown variant `x`, expected one of `a`, `b`, `c`", Shape::NoneOf(names(&["a", "b", "c"])));
        // The word itself may look like the rest of the message.
        check("unknown variant `x`, expected `y`, expected `a` or `b`", Shape::NoneOf(names(&["a", "b"])));
        check("wanted string or table", Shape::Expected("a text".into()));
        check("wanted exactly 1 element, found 0 elements", Shape::Expected("a text".into()));
        check("must be even", Shape::Other("must be even".into()));
    }
}
