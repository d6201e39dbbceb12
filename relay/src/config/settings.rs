//! Hands a platform its part of a `[[destination]]` table, or a source its part of a `[[source]]` table, and says in this
//! house's words what it did not like. What is said here of platforms holds for sources, too.
//!
//! A platform stops at the first mistake. To tell an operator all of them at once, a mistake is noted, taken out of
//! the way, and the platform asked again; its reader is pure, so asking is free. An answer that came about with
//! such help is thrown away.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::advice::Advice;
use super::error::Fault;
use super::files;
use super::notes::Notes;
use super::reader::{Node, Text, join, kind, text};
use super::shape::Shape;
use super::spot::{self, Numbers};
use super::suggest::nearest;
use crate::platform::{Key, SettingError};
use crate::secret::MASK;

/// A platform's own keys, on their way to it.
pub(super) struct Own<'n> {
    notes: &'n Notes<'n>,
    /// The destination's key from the top.
    path: String,
    span: Range<usize>,
    table: DeTable<'static>,
    /// Keys every destination has, for suggestions.
    shared: Vec<&'static str>,
    /// Keys about which something was said already.
    told: BTreeSet<String>,
    /// Values no message may show.
    secrets: Vec<String>,
    /// The number of each item of a list by where it begins, for when the ones before it are gone.
    numbers: Numbers,
    /// Where the first secret stands that is written out in the file.
    pub(super) literal_secret: Option<(String, usize)>,
}

impl<'n> Own<'n> {
    /// The keys of the destination at `path`, none yet.
    pub(super) fn new(
        notes: &'n Notes<'n>,
        path: String,
        span: Range<usize>,
        shared: Vec<&'static str>,
    ) -> Self {
        let (told, secrets, numbers) = (BTreeSet::new(), Vec::new(), Numbers::new());
        Self {
            notes,
            path,
            span,
            table: DeTable::new(),
            shared,
            told,
            secrets,
            numbers,
            literal_secret: None,
        }
    }

    /// Takes the keys over, references filled in, files read.
    pub(super) fn take_over(&mut self, table: DeTable<'_>, keys: &[Key], directory: &Path) {
        for (key, node) in table {
            let name = key.get_ref().clone().into_owned();
            let full = join(&self.path, &name);
            let problems = self.notes.problems();
            let value = match keys.iter().find(|known| known.name == name) {
                Some(Key { file: true, .. }) => self.file(&full, &node, directory),
                Some(_) | None => self.full(&full, &name, node),
            };
            if self.notes.problems() > problems {
                self.told.insert(name.clone());
            }
            self.table.insert(Spanned::new(key.span(), name.into()), value);
        }
    }

    /// The text of the file a value names, or the value itself where it is that text already. Secret either way.
    fn file(&mut self, path: &str, node: &Node<'_>, directory: &Path) -> Node<'static> {
        let contents = match text(self.notes, path.to_owned(), node, "the path of a file") {
            Some(Text { value, referred, key, at, .. }) if value.trim_start().starts_with('{') => {
                if !referred && self.literal_secret.is_none() {
                    self.literal_secret = Some((key, at));
                }
                Some(value)
            }
            Some(Text { value, written, key, at, .. }) => match files::read(directory, &value, &written) {
                Ok(contents) => {
                    if contents.readable_by_others {
                        self.notes.advise(&key, at, Advice::ReadableKeyFile);
                    }
                    Some(contents.text)
                }
                Err(fault) => {
                    self.notes.fault(&key, at, fault);
                    None
                }
            },
            None => None,
        };
        self.secrets.extend(contents.clone());
        let contents = contents.unwrap_or_else(|| STAND_IN.to_owned());
        Spanned::new(node.span(), DeValue::String(contents.into()))
    }

    /// A value that owns its text, references filled in.
    fn full(&mut self, path: &str, name: &str, node: Node<'_>) -> Node<'static> {
        let span = node.span();
        let value = match node.get_ref() {
            DeValue::String(_) => DeValue::String(self.text(path, name, &node).into()),
            DeValue::Boolean(flag) => DeValue::Boolean(*flag),
            DeValue::Datetime(time) => DeValue::Datetime(*time),
            DeValue::Integer(number) => self.number(name, number.to_string()),
            DeValue::Float(number) => self.number(name, number.to_string()),
            DeValue::Array(_) | DeValue::Table(_) => self.nested(path, name, node.into_inner()),
        };
        Spanned::new(span, value)
    }

    fn nested(&mut self, path: &str, name: &str, value: DeValue<'_>) -> DeValue<'static> {
        match value {
            DeValue::Array(items) => {
                let named =
                    items.into_iter().enumerate().map(|(place, item)| (format!("{path}[{place}]"), item));
                let full = named.map(|(path, item)| self.full(&path, name, item));
                let full = full.collect::<DeArray<'static>>();
                self.numbers.extend(full.iter().enumerate().map(|(place, item)| (item.span().start, place)));
                DeValue::Array(full)
            }
            DeValue::Table(table) => {
                let mut full = DeTable::new();
                for (key, item) in table {
                    let name = key.get_ref().clone().into_owned();
                    let item = self.full(&join(path, &name), &name, item);
                    full.insert(Spanned::new(key.span(), name.into()), item);
                }
                DeValue::Table(full)
            }
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => DeValue::Boolean(false),
        }
    }

    /// A text, filled in. One whose references fail becomes a stand-in; the configuration is refused anyway.
    fn text(&mut self, path: &str, name: &str, node: &Node<'_>) -> String {
        let Some(Text { value, referred, key, at, .. }) = text(self.notes, path.to_owned(), node, "a text")
        else {
            return STAND_IN.to_owned();
        };
        if referred || is_secret(name) {
            self.secrets.push(value.clone());
        }
        if is_secret(name) && !referred && self.literal_secret.is_none() {
            self.literal_secret = Some((key, at));
        }
        value
    }

    /// A number that owns its digits.
    ///
    /// `toml` offers no way to make one but to parse it from text that lives as long; so these few bytes, once for
    /// each number of a configuration that is read once, are never given back.
    fn number(&mut self, name: &str, digits: String) -> DeValue<'static> {
        if is_secret(name) {
            self.secrets.push(digits.clone());
        }
        match DeValue::parse(Box::leak(digits.into_boxed_str())) {
            Ok(value) => value.into_inner(),
            Err(_) => DeValue::Boolean(false),
        }
    }

    /// Sets the platform or source up, or notes everything that keeps it from that. `keys` are its documented ones.
    pub(super) fn configure<T>(
        &mut self,
        keys: &[Key],
        configure: impl Fn(Node<'static>) -> Result<T, SettingError>,
    ) -> Option<T> {
        // Every round takes one mistake away; a document that has more than this is beyond help.
        for _ in 0..MISTAKES {
            let own = Spanned::new(self.span.clone(), DeValue::Table(self.table.clone()));
            match configure(own) {
                Ok(ready) => return self.told.is_empty().then_some(ready),
                // A list may only be empty because what was in it was wrong.
                Err(SettingError::Invalid { key, .. }) if self.is_told_below(key) => return None,
                Err(SettingError::Invalid { key, expected }) => {
                    let at = self.place(key);
                    self.tell(key, at, Fault::Refused { expected: self.masked(&expected) });
                    return None;
                }
                Err(SettingError::Shape(error)) => {
                    let at = error.span().unwrap_or_else(|| self.span.clone());
                    if !self.mend(Shape::read(error.message()), &at, keys) {
                        return None;
                    }
                }
            }
        }
        None
    }

    /// Notes a mistake and takes it out of the way. Answers whether it is worth asking again.
    fn mend(&mut self, shape: Shape, at: &Range<usize>, keys: &[Key]) -> bool {
        let path = self.find(at);
        let top = path.first().cloned();
        match (shape, top) {
            (Shape::Missing(key), None) => {
                self.tell(&key, self.span.start, missing(&key, keys));
                let stand_in = Spanned::new(NOWHERE, DeValue::String(STAND_IN.into()));
                self.table.insert(Spanned::new(NOWHERE, key.into()), stand_in).is_none()
            }
            (Shape::Missing(key), Some(_)) => {
                let table = path.join(".");
                // A key that is missing may be the one that was misspelt.
                if self.is_told_below(&table) {
                    return spot::cut(&mut self.table, at);
                }
                let whole = format!("{table}.{key}");
                self.tell(&whole, at.start, missing(&whole, keys));
                spot::cut(&mut self.table, at)
            }
            (Shape::Unknown(key, known), _) => {
                let fault = self.unknown(&key, known, path.len() <= 1);
                self.tell(&path.join("."), at.start, fault);
                spot::cut(&mut self.table, at)
            }
            // A stand-in of the wrong kind: the rest of the platform's settings cannot be looked over.
            (Shape::Expected(_), _) if *at == NOWHERE => false,
            (Shape::Expected(expected), Some(top)) => {
                let found = self.kind_at(at);
                self.tell(&path.join("."), at.start, Fault::WrongType { expected, found });
                self.told.insert(top.clone());
                spot::cut(&mut self.table, at)
            }
            (Shape::Expected(expected), None) => {
                self.tell("", at.start, Fault::WrongType { expected, found: "something else" });
                false
            }
            (Shape::Other(message), _) => {
                let key = path.join(".");
                // What is wrong with a table may only be that a mistake was taken out of it.
                if self.is_told_below(&key) {
                    return spot::cut(&mut self.table, at);
                }
                self.tell(&key, at.start, Fault::Refused { expected: self.masked(&message) });
                spot::cut(&mut self.table, at)
            }
        }
    }

    /// Whether something was said about a key inside this one.
    fn is_told_below(&self, key: &str) -> bool {
        self.told.iter().any(|told| told.strip_prefix(key).is_some_and(|rest| rest.starts_with(['.', '['])))
    }

    fn unknown(&self, key: &str, mut known: Vec<String>, top: bool) -> Fault {
        if top {
            known.extend(self.shared.iter().map(|key| (*key).to_owned()));
        }
        let near = nearest(key, known.iter().map(String::as_str)).map(str::to_owned);
        Fault::UnknownKey { near, known }
    }

    /// Notes something about a key of the platform, once.
    fn tell(&mut self, key: &str, at: usize, fault: Fault) {
        if self.told.insert(key.to_owned()) {
            let path =
                key.split('.').filter(|part| !part.is_empty()).fold(self.path.clone(), |path, part| {
                    let (name, number) = part.split_at(part.find('[').unwrap_or(part.len()));
                    format!("{}{number}", join(&path, name))
                });
            self.notes.fault(&path, at, fault);
        }
    }

    /// The keys that lead to the key or value at `span`.
    fn find(&self, span: &Range<usize>) -> Vec<String> {
        spot::find(&self.table, span, &self.numbers)
    }

    fn kind_at(&self, span: &Range<usize>) -> &'static str {
        spot::value(&self.table, span).map_or("something else", kind)
    }

    /// Where a key named by the platform stands; the table itself when it is not there.
    fn place(&self, key: &str) -> usize {
        let mut parts = key.split('.');
        let top = parts.next().and_then(|top| self.table.get(top));
        let found =
            parts.fold(top, |value, part| value.and_then(|value| value.get_ref().get(part)).or(value));
        found.map_or(self.span.start, |value| value.span().start)
    }

    /// A message of the platform without the secrets it may quote.
    fn masked(&self, message: &str) -> String {
        let secrets = self.secrets.iter().filter(|secret| !secret.trim().is_empty());
        secrets.fold(message.to_owned(), |message, secret| message.replace(secret.as_str(), MASK))
    }
}

/// The fault of a key that is not there, with what the platform's documentation says of it.
fn missing(name: &str, keys: &[Key]) -> Fault {
    let meaning = keys.iter().find(|key| key.name == name).map_or("a value", |key| key.meaning);
    Fault::Missing { expected: meaning.to_owned() }
}

/// Whether a key's name says that its value is secret.
fn is_secret(name: &str) -> bool {
    ["token", "secret", "password", "api_key", "private_key"].iter().any(|word| name.contains(word))
}

/// What stands for a value that could not be had, while the rest is looked over.
const STAND_IN: &str = "stand-in";

/// Where a stand-in stands: at no place of any file.
const NOWHERE: Range<usize> = usize::MAX..usize::MAX;

/// Most mistakes that are looked for in one destination.
const MISTAKES: usize = 32;
