//! Randomness for ids, drawn from the system in portions.
//!
//! An id takes ten bytes, and asking the system for so few costs more than all else there is to an id. Owns the
//! portion each thread has in hand. For ids only, which are no secrets: what was drawn stays in memory until used.

use std::cell::RefCell;

/// Bytes drawn at once: enough for 51 ids.
const PORTION: usize = 510;

/// What a thread has in hand, and how much of it is used.
struct Portion {
    bytes: [u8; PORTION],
    used: usize,
}

thread_local! {
    static PORTION_IN_HAND: RefCell<Portion> = const { RefCell::new(Portion { bytes: [0; PORTION], used: PORTION }) };
}

/// Ten random bytes, none of which is given twice.
pub(super) fn ten_bytes() -> [u8; 10] {
    PORTION_IN_HAND.with_borrow_mut(|portion| {
        if portion.used >= PORTION {
            // The system's source does not fail once it is seeded; if it did, ids would still differ by their time.
            let _ = getrandom::fill(&mut portion.bytes);
            portion.used = 0;
        }
        let mut ten = [0; 10];
        let rest = portion.bytes.iter_mut().skip(portion.used);
        ten.iter_mut().zip(rest).for_each(|(taken, byte)| *taken = std::mem::take(byte));
        portion.used += ten.len();
        ten
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_bytes_come_twice() {
        let drawn: HashSet<[u8; 10]> = (0..1000).map(|_| ten_bytes()).collect();
        assert_eq!(drawn.len(), 1000);
    }
}
