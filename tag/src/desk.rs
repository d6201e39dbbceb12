//! The desk between page and module: a question is laid here, and its answer.
//!
//! Texts travel through memory that both know, and the calls themselves carry numbers only. wasm-bindgen's own way,
//! a text to a call, brings an allocator here and copying code on both sides: 2 kB compressed in all.

use std::cell::RefCell;

use crate::text::Answer;

/// Bytes of a question, and of an answer. A longer question is cut by the page, and what an answer has no room for is
/// left out: all cookies of a site and an address's parameters stay far below.
const SIDE: usize = 1 << 17;
/// Bytes of memory to work in.
const ROOM: usize = 1 << 17;

#[repr(C)]
struct Desk {
    question: [u8; SIDE],
    answer: [u8; SIDE],
    room: [u8; ROOM],
}

thread_local! {
    // All zeros, so it takes no byte of the module's file.
    static DESK: RefCell<Desk> =
        const { RefCell::new(Desk { question: [0; SIDE], answer: [0; SIDE], room: [0; ROOM] }) };
}

/// Where the question goes. The answer stands [`SIDE`] bytes further, as `js/rules.js` knows.
pub(crate) fn question() -> *const u8 {
    DESK.with_borrow(|desk| desk.question.as_ptr())
}

/// How a question is answered: the question, a number that belongs to it, the answer to put together, and memory to
/// work in.
pub(crate) type Rule = fn(&[u8], f64, &mut Answer<'_>, &mut [u8]);

/// Answers the question of `length` bytes and gives the answer's length. Called by pointer and never inlined, so that
/// the desk's own code is there once.
#[inline(never)]
pub(crate) fn ask(length: usize, number: f64, rule: Rule) -> usize {
    DESK.with_borrow_mut(|Desk { question, answer, room }| {
        let mut answer = Answer::new(answer);
        rule(question.get(..length).unwrap_or_default(), number, &mut answer, room);
        answer.length()
    })
}
