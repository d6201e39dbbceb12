//! The desk between page and module: a question is laid here, and its answer.
//!
//! Texts travel through memory that both know, and the calls themselves carry numbers only. wasm-bindgen's own way,
//! a text to a call, brings an allocator here and copying code on both sides: 2 kB compressed in all.

use std::cell::RefCell;

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

/// Where the question goes.
pub(crate) fn question() -> *const u8 {
    DESK.with_borrow(|desk| desk.question.as_ptr())
}

/// Where the answer stands.
pub(crate) fn answer() -> *const u8 {
    DESK.with_borrow(|desk| desk.answer.as_ptr())
}

/// Answers the question of `length` bytes by `rule`, which is given the question, memory for its answer and memory to
/// work in, and gives the answer's length.
pub(crate) fn ask(length: usize, rule: impl FnOnce(&[u8], &mut [u8], &mut [u8]) -> usize) -> usize {
    DESK.with_borrow_mut(|Desk { question, answer, room }| {
        rule(question.get(..length).unwrap_or_default(), answer, room)
    })
}
