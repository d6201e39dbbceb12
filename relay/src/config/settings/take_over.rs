//! Takes the keys of a `[[destination]]`, a `[[source]]` or a part of the tag over from the file: references filled in, files
//! read, secrets looked at, names of events compared with the standard ones. Leaves what the keys mean to whoever is set up.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::super::advice::Advice;
use super::super::quote::is_secret;
use super::super::reader::{Node, Text, join, text};
use super::super::secrets::{self, Form};
use super::super::stand_in::STAND_IN;
use super::super::{event_name, files};
use super::Own;
use crate::platform::Key;

impl Own<'_> {
    /// Takes the keys over, references filled in, files read.
    pub(in crate::config) fn take_over(&mut self, table: DeTable<'_>, keys: &[Key], directory: &Path) {
        for (key, node) in table {
            let name = key.get_ref().clone().into_owned();
            let full = join(&self.path, &name);
            let problems = self.notes.problems();
            let known = keys.iter().find(|known| known.name == name);
            self.form = known.map(Form::of).unwrap_or_default();
            let value = match known {
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
                    let inner = key.get_ref().clone().into_owned();
                    let path = join(path, &inner);
                    if event_name::are_keys(name) {
                        event_name::advise(self.notes, &path, key.span().start, &inner);
                    }
                    // The keys of such a table are foreign; where one says itself what it holds, the text is looked at below.
                    let ours = event_name::are_values(name) && !event_name::are_values(&inner);
                    if let Some(event) = item.get_ref().as_str().filter(|_| ours) {
                        event_name::advise(self.notes, &path, item.span().start, event);
                    }
                    let item = self.full(&path, &inner, item);
                    full.insert(Spanned::new(key.span(), inner.into()), item);
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
        if event_name::are_values(name) {
            event_name::advise(self.notes, &key, at, &value);
        }
        let value =
            if is_secret(name) { secrets::checked(self.notes, &key, at, value, self.form) } else { value };
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
}
