//! Hands a platform its part of a `[[destination]]` table, or a source its part of a `[[source]]` table, and says in this
//! house's words what it did not like. What is said here of platforms holds for sources, too.
//!
//! A platform stops at the first mistake. To tell an operator all of them at once, a mistake is noted, taken out of
//! the way, and the platform asked again; its reader is pure, so asking is free. Where a key has to be there, `stand_in` has
//! values to try. An answer that came about with such help is thrown away.
//!
//! Leaves the way of the keys from the file to here to `take_over`.

mod take_over;

use std::collections::BTreeSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Fault;
use super::notes::Notes;
use super::quote::{is_secret, is_word};
use super::reader::{Node, join, kind, shown};
use super::secrets::Form;
use super::shape::{Shape, in_words};
use super::spot::{self, Numbers};
use super::stand_in::{self, StandIns};
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
    /// What is known of the secret that the key holds which is taken over.
    form: Form,
    /// The number of each item of a list by where it begins, for when the ones before it are gone.
    numbers: Numbers,
    /// What stands for keys that were missing or wrong.
    stand_ins: StandIns,
    /// Whether a value was taken out of the way: what is then missing may not be missing in the file.
    set_aside: bool,
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
            form: Form::default(),
            numbers,
            stand_ins: StandIns::default(),
            set_aside: false,
            literal_secret: None,
        }
    }

    /// Sets the platform or source up, or notes everything that keeps it from that. `keys` are its documented ones.
    pub(super) fn configure<T>(
        &mut self,
        keys: &[Key],
        configure: impl Fn(Node<'static>) -> Result<T, SettingError>,
    ) -> Option<T> {
        // Every round takes a mistake away or tries another stand-in; a document that needs more is beyond help.
        for _ in 0..MISTAKES {
            let own = Spanned::new(self.span.clone(), DeValue::Table(self.table.clone()));
            let again = match configure(own) {
                Ok(ready) => return self.told.is_empty().then_some(ready),
                Err(SettingError::Invalid { key, expected }) => self.refused(key, &expected),
                Err(SettingError::Shape(error)) => {
                    let at = error.span().unwrap_or_else(|| self.span.clone());
                    self.misshapen(error.message(), &at, keys)
                }
            };
            if !again {
                return None;
            }
        }
        None
    }

    /// Notes a value that reads but is not valid, and takes it out of the way. Answers whether it is worth asking again.
    fn refused(&mut self, key: &str, expected: &str) -> bool {
        let (top, inner) = key.split_once('.').map_or((key, None), |(top, inner)| (top, Some(inner)));
        if self.table.get(top).is_some_and(|value| stand_in::is_at(&value.span())) {
            return self.stand_in(top);
        }
        let there = match (self.table.get(top).map(Spanned::get_ref), inner) {
            (Some(DeValue::Table(table)), Some(inner)) => table.contains_key(inner),
            (found, inner) => found.is_some() && inner.is_none(),
        };
        // A list may only be empty because what was in it was wrong, and a key be called for because another was.
        if !self.is_told_below(key) && (there || !self.set_aside) {
            let (at, found) = (self.place(key), self.word_at(top, inner));
            let found = found.filter(|found| !expected.contains(found));
            self.tell(key, at, Fault::Refused { expected: self.masked(expected), found });
        }
        self.set_aside = true;
        let gone = match inner {
            None => self.table.remove(top),
            Some(inner) => match self.table.get_mut(top).map(Spanned::get_mut) {
                Some(DeValue::Table(table)) => table.remove(inner),
                Some(_) | None => None,
            },
        };
        gone.is_some() || self.stand_in(top)
    }

    /// Puts the next stand-in into the place of a key. Answers whether there is one.
    fn stand_in(&mut self, key: &str) -> bool {
        let Some(value) = self.stand_ins.next(key) else { return false };
        let at = value.span();
        self.table.remove(key);
        self.table.insert(Spanned::new(at, key.to_owned().into()), value);
        true
    }

    /// Does the same with a key that is missing, unknown or of the wrong kind; what is said of a stand-in is for nobody.
    fn misshapen(&mut self, message: &str, at: &Range<usize>, keys: &[Key]) -> bool {
        if !stand_in::is_at(at) {
            return self.mend(Shape::read(message), at, keys);
        }
        let key = self.find(at).into_iter().next();
        key.is_some_and(|key| self.stand_in(&key))
    }

    /// Notes a mistake and takes it out of the way. Answers whether it is worth asking again.
    fn mend(&mut self, shape: Shape, at: &Range<usize>, keys: &[Key]) -> bool {
        let path = self.find(at);
        let top = path.first().cloned();
        match (shape, top) {
            (Shape::Missing(key), None) => {
                if !self.is_told_below(&key) {
                    self.tell(&key, self.span.start, missing(&key, keys));
                }
                self.stand_in(&key)
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
            (Shape::Expected(expected), Some(top)) => {
                let found = self.kind_at(at);
                self.tell(&path.join("."), at.start, Fault::WrongType { expected, found });
                self.take_away(top, at)
            }
            (Shape::NoneOf(words), Some(top)) => {
                let fault = self.none_of(&words, &path, at);
                self.tell(&path.join("."), at.start, fault);
                self.take_away(top, at)
            }
            (Shape::NoneOf(words), None) => {
                let expected = in_words(&words);
                self.tell("", at.start, Fault::WrongType { expected, found: "something else" });
                false
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
                self.tell(&key, at.start, Fault::Refused { expected: self.masked(&message), found: None });
                spot::cut(&mut self.table, at)
            }
        }
    }

    /// Takes the value at `at` below the key `top` out of the way.
    fn take_away(&mut self, top: String, at: &Range<usize>) -> bool {
        self.told.insert(top);
        self.set_aside = true;
        spot::cut(&mut self.table, at)
    }

    /// The fault of a word that is none of `words`; it is quoted where it is like one of them, too.
    fn none_of(&self, words: &[String], path: &[String], at: &Range<usize>) -> Fault {
        let text = match spot::value(&self.table, at) {
            Some(DeValue::String(text)) => text.to_string(),
            Some(other) => {
                let found = kind(other).to_owned();
                return Fault::NoneOf { expected: in_words(words), found, near: None };
            }
            // A key that is none of them.
            None => path.last().cloned().unwrap_or_default(),
        };
        let open = !self.is_hidden(&text, path.iter().map(String::as_str));
        let near = nearest(&text, words.iter().map(String::as_str)).filter(|_| open).map(str::to_owned);
        let found = if open && (near.is_some() || is_word(&text)) {
            format!("`{}`", shown(&text))
        } else {
            "another text".to_owned()
        };
        Fault::NoneOf { expected: in_words(words), found, near }
    }

    /// The text of a key, if a message may show it.
    fn word_at(&self, top: &str, inner: Option<&str>) -> Option<String> {
        let value = self.table.get(top)?.get_ref();
        let value = inner.map_or(Some(value), |inner| value.get(inner).map(Spanned::get_ref))?;
        let text = value.as_str().filter(|text| is_word(text))?;
        let hidden = self.is_hidden(text, std::iter::once(top).chain(inner));
        (!hidden).then(|| text.to_owned())
    }

    /// Whether a text is secret, or from the environment or a file.
    fn is_hidden<'k>(&self, text: &str, mut path: impl Iterator<Item = &'k str>) -> bool {
        path.any(is_secret) || self.secrets.iter().any(|secret| secret == text)
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

    /// A message of the platform without the secrets it may quote. What is shorter than any secret may be part of a word.
    fn masked(&self, message: &str) -> String {
        let secrets = self.secrets.iter().filter(|secret| secret.chars().count() >= SHORTEST_MASKED);
        secrets.fold(message.to_owned(), |message, secret| message.replace(secret.as_str(), MASK))
    }
}

/// The fault of a key that is not there, with what the platform's documentation says of it.
fn missing(name: &str, keys: &[Key]) -> Fault {
    let meaning = keys.iter().find(|key| key.name == name).map_or("a value", |key| key.meaning);
    Fault::Missing { expected: meaning.to_owned() }
}

/// In a message of a platform, fewer characters than this are letters of its words.
const SHORTEST_MASKED: usize = 6;

/// Most times a platform is asked, for each mistake and each stand-in once: enough for any destination with hope left.
const MISTAKES: usize = 64;
