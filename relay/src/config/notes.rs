//! Everything there is to say about one document, gathered while it is read and put in the order of its lines.

use std::cell::RefCell;
use std::fmt;

use super::advice::{Advice, Warning};
use super::error::{Fault, Note, Place, Problem};
use super::expand::Variables;

/// What is said so far about one document, and what every reader of it needs.
///
/// Readers of nested tables share one of these, hence the cells.
pub(super) struct Notes<'a> {
    file: &'a str,
    text: &'a str,
    /// The environment, for references.
    pub(super) variables: Variables<'a>,
    problems: RefCell<Vec<(usize, Problem)>>,
    warnings: RefCell<Vec<(usize, Warning)>>,
}

impl<'a> Notes<'a> {
    pub(super) fn new(file: &'a str, text: &'a str, variables: Variables<'a>) -> Self {
        Self { file, text, variables, problems: RefCell::default(), warnings: RefCell::default() }
    }

    /// Records what is wrong with `key` at byte `at`.
    pub(super) fn fault(&self, key: &str, at: usize, what: Fault) {
        let note = self.note(Place::Line(self.line(at)), key, what);
        self.problems.borrow_mut().push((at, note));
    }

    /// Records a mistake of the TOML itself, at byte `at`.
    pub(super) fn syntax(&self, at: usize, description: &str) {
        let what = Fault::Syntax { description: description.to_owned() };
        let line = self.line(at);
        let column = self.before(at).chars().rev().take_while(|letter| *letter != '\n').count() + 1;
        let note = self.note(Place::Character(line, column), "", what);
        self.problems.borrow_mut().push((at, note));
    }

    /// Records advice about `key` at byte `at`.
    pub(super) fn advise(&self, key: &str, at: usize, what: Advice) {
        let note = self.note(Place::Line(self.line(at)), key, what);
        self.warnings.borrow_mut().push((at, note));
    }

    /// The line of byte `at`, from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        1 + self.before(at).matches('\n').count()
    }

    /// How many problems there are so far.
    pub(super) fn problems(&self) -> usize {
        self.problems.borrow().len()
    }

    /// Everything that was recorded, in the file's order.
    pub(super) fn finish(self) -> (Vec<Problem>, Vec<Warning>) {
        (in_order(self.problems.into_inner()), in_order(self.warnings.into_inner()))
    }

    fn note<T: fmt::Display>(&self, place: Place, key: &str, what: T) -> Note<T> {
        Note { file: self.file.to_owned(), place, key: key.to_owned(), what }
    }

    /// The text before byte `at`; a place inside a character or behind the end counts as the nearest before it.
    fn before(&self, at: usize) -> &'a str {
        let mut end = at.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        &self.text[..end]
    }
}

/// Notes in the order of their places, and of their making where they share one.
fn in_order<T>(mut notes: Vec<(usize, T)>) -> Vec<T> {
    notes.sort_by_key(|(at, _)| *at);
    notes.into_iter().map(|(_, note)| note).collect()
}
