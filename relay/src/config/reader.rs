//! Takes typed values out of a TOML table and notes what is missing, of the wrong kind, or read by nobody.
//!
//! A [`Section`] is a table on its way to a type. Every `take`-like method answers a usable value, a default or
//! `None`, and has noted whatever was wrong; the caller goes on, so that one mistake does not hide the next.

use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::error::Fault;
use super::expand;
use super::notes::Notes;
use super::quote::has_room_for_secrets;
use super::suggest::nearest;

/// A value with its place in the file.
pub(super) type Node<'i> = Spanned<DeValue<'i>>;

/// A text of the file, references filled in.
pub(super) struct Text {
    /// The value.
    pub(super) value: String,
    /// The key from the top.
    pub(super) key: String,
    /// Where it stands.
    pub(super) at: usize,
    /// What the file says, fit for a message: never what the environment says.
    pub(super) written: String,
    /// Whether part of it came from the environment.
    pub(super) referred: bool,
}

/// A table being read.
pub(super) struct Section<'n, 'i> {
    /// Where what is wrong goes.
    pub(super) notes: &'n Notes<'n>,
    /// The key of the table itself, from the top; empty for the document.
    pub(super) path: String,
    /// Where the table stands.
    pub(super) span: Range<usize>,
    table: DeTable<'i>,
    known: Vec<&'static str>,
}

impl<'n, 'i> Section<'n, 'i> {
    pub(super) fn new(notes: &'n Notes<'n>, path: String, span: Range<usize>, table: DeTable<'i>) -> Self {
        Self { notes, path, span, table, known: Vec::new() }
    }

    /// The full name of a key of this table.
    pub(super) fn key(&self, key: &str) -> String {
        join(&self.path, key)
    }

    /// Whether a key is there and has not been taken yet.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Where the value of a key stands that has not been taken yet.
    pub(super) fn place(&self, key: &str) -> Option<usize> {
        self.table.get(key).map(|value| value.span().start)
    }

    /// Takes a value out, whatever it is.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Node<'i>> {
        self.known.push(key);
        self.table.remove(key)
    }

    /// Notes what is wrong with a key of this table.
    pub(super) fn fault(&self, key: &str, at: usize, fault: Fault) {
        self.notes.fault(&self.key(key), at, fault);
    }

    /// Notes that a key must be there and is not.
    pub(super) fn missing(&self, key: &str, expected: &str) {
        self.fault(key, self.span.start, Fault::Missing { expected: expected.to_owned() });
    }

    /// A text.
    pub(super) fn text(&mut self, key: &'static str, expected: &str) -> Option<Text> {
        let node = self.take(key)?;
        text(self.notes, self.key(key), &node, expected)
    }

    /// A text that must be there.
    pub(super) fn required(&mut self, key: &'static str, expected: &str) -> Option<Text> {
        if !self.has(key) {
            self.known.push(key);
            self.missing(key, expected);
            return None;
        }
        self.text(key, expected)
    }

    /// A text that means something.
    pub(super) fn parsed<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(key, expected)?;
        text.parsed(self.notes, expected, parse)
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, key: &'static str, expected: &str) -> Option<Vec<Text>> {
        let node = self.take(key)?;
        let DeValue::Array(items) = node.get_ref() else {
            self.wrong_type(key, &node, &format!("a list of which each is {expected}"));
            return None;
        };
        let named = |(place, item)| text(self.notes, format!("{}[{place}]", self.key(key)), item, expected);
        Some(items.iter().enumerate().filter_map(named).collect())
    }

    /// A whole number within `range`, or `default`.
    pub(super) fn whole<T>(&mut self, key: &'static str, range: RangeInclusive<T>, default: T) -> T
    where
        T: Copy + PartialOrd + TryFrom<i64>,
        i64: TryFrom<T>,
    {
        let Some(node) = self.take(key) else { return default };
        let DeValue::Integer(written) = node.get_ref() else {
            self.wrong_type(key, &node, "a whole number");
            return default;
        };
        let number = integer(written).and_then(|number| T::try_from(number).ok());
        if let Some(number) = number.filter(|number| range.contains(number)) {
            return number;
        }
        let bound = |limit: T| i64::try_from(limit).unwrap_or(i64::MAX);
        let (least, most) = (bound(*range.start()), bound(*range.end()));
        self.fault(
            key,
            node.span().start,
            Fault::OutOfRange { least, most, found: shown(&written.to_string()) },
        );
        default
    }

    /// True or false, or `default`.
    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        let Some(node) = self.take(key) else { return default };
        if let DeValue::Boolean(flag) = node.get_ref() {
            return *flag;
        }
        self.wrong_type(key, &node, "true or false");
        default
    }

    /// A table inside this one.
    pub(super) fn section(&mut self, key: &'static str) -> Option<Section<'n, 'i>> {
        let node = self.take(key)?;
        self.inside(key, node)
    }

    /// A table inside this one, taken out already.
    pub(super) fn inside(&self, key: &str, node: Node<'i>) -> Option<Section<'n, 'i>> {
        let span = node.span();
        match node.into_inner() {
            DeValue::Table(table) => Some(Section::new(self.notes, self.key(key), span, table)),
            other => {
                self.wrong_type(key, &Spanned::new(span, other), "a table");
                None
            }
        }
    }

    /// The tables of a list such as `[[site]]`, each called `site.NAME` after its key `name`, else `site[0]`.
    pub(super) fn sections(&mut self, key: &'static str, name: &str) -> Vec<Section<'n, 'i>> {
        let Some(node) = self.take(key) else { return Vec::new() };
        if node.get_ref().as_array().is_none() {
            self.wrong_type(key, &node, &format!("a list of tables, each under `[[{key}]]`"));
        }
        let DeValue::Array(items) = node.into_inner() else { return Vec::new() };
        let label = |place: usize, item: &Node<'_>| match item
            .get_ref()
            .get(name)
            .and_then(|name| name.get_ref().as_str())
        {
            Some(name) if !name.is_empty() => join(&self.key(key), name),
            Some(_) | None => format!("{}[{place}]", self.key(key)),
        };
        let labelled = items.into_iter().enumerate().map(|(place, item)| (label(place, &item), item));
        labelled.filter_map(|(label, item)| root(self.notes, label, item)).collect()
    }

    /// Notes a value of the wrong kind.
    pub(super) fn wrong_type(&self, key: &str, node: &Node<'_>, expected: &str) {
        self.fault(key, node.span().start, wrong_type(node, expected));
    }

    /// The rest of the table, for whoever reads keys this house does not know, with the keys read so far.
    pub(super) fn into_rest(self) -> (DeTable<'i>, Vec<&'static str>) {
        (self.table, self.known)
    }

    /// Ends the reading: whatever is left is a key nobody knows.
    pub(super) fn close(self) {
        for key in self.table.keys() {
            let name = key.get_ref();
            let near = nearest(name, self.known.iter().copied()).map(str::to_owned);
            let known = self.known.iter().map(|known| (*known).to_owned()).collect();
            self.fault(name, key.span().start, Fault::UnknownKey { near, known });
        }
    }
}

impl Text {
    /// What the text means, or a note that it means nothing.
    pub(super) fn parsed<T>(
        &self,
        notes: &Notes<'_>,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let meaning = parse(&self.value);
        if meaning.is_none() {
            let found = Some(self.written.clone()).filter(|written| !has_room_for_secrets(written));
            notes.fault(&self.key, self.at, Fault::Invalid { expected: expected.to_owned(), found });
        }
        meaning
    }
}

fn root<'n, 'i>(notes: &'n Notes<'n>, path: String, node: Node<'i>) -> Option<Section<'n, 'i>> {
    let span = node.span();
    match node.into_inner() {
        DeValue::Table(table) => Some(Section::new(notes, path, span, table)),
        other => {
            let node = Spanned::new(span.clone(), other);
            notes.fault(&path, span.start, wrong_type(&node, "a table"));
            None
        }
    }
}

/// A value that should be a text, with its references filled in.
pub(super) fn text(notes: &Notes<'_>, key: String, node: &Node<'_>, expected: &str) -> Option<Text> {
    let at = node.span().start;
    let DeValue::String(written) = node.get_ref() else {
        notes.fault(&key, at, wrong_type(node, expected));
        return None;
    };
    match expand::expand(written, notes.variables) {
        Ok(value) => {
            Some(Text { value, key, at, written: shown(written), referred: expand::refers(written) })
        }
        Err(faults) => {
            faults.into_iter().for_each(|fault| notes.fault(&key, at, fault));
            None
        }
    }
}

fn wrong_type(node: &Node<'_>, expected: &str) -> Fault {
    Fault::WrongType { expected: expected.to_owned(), found: kind(node.get_ref()) }
}

/// What kind of value this is, with its article.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn integer(written: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(written.as_str(), written.radix()).ok()
}

/// A key below a table; a key that is no bare key of TOML stands in quotes.
pub(super) fn join(path: &str, key: &str) -> String {
    let bare = !key.is_empty()
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    let key = if bare { key.to_owned() } else { format!("\"{}\"", shown(key)) };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

/// A text of the file as a message may show it: on one line, without control characters, and not endless.
pub(super) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).flat_map(escaped).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// Most characters of the file a message quotes.
const SHOWN: usize = 80;

fn escaped(letter: char) -> Vec<char> {
    if letter.is_control() { letter.escape_default().collect() } else { vec![letter] }
}
