//! A clock for waiting: the wall clock, but one that never goes back.
//!
//! When is tried again is written down as a time of the wall clock, so that it holds across restarts. If that clock is set
//! back by a day, everything would wait for a day more. So a worker waits by this clock: it goes on from where the other
//! was before it went back, and is the same again once that has caught up. What platforms are told is none of its business.

use std::sync::{Mutex, PoisonError};

use shared::UnixMs;

/// A clock that never goes back.
#[derive(Debug)]
pub struct Steady {
    wall: fn() -> UnixMs,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    /// The latest time it has told.
    told: UnixMs,
    /// How far it is ahead of the wall clock.
    ahead_ms: i64,
}

impl Steady {
    /// Like this one, from now on.
    pub fn new(wall: fn() -> UnixMs) -> Self {
        Self { wall, state: Mutex::new(State { told: wall(), ahead_ms: 0 }) }
    }

    /// Now; never earlier than it was.
    pub fn now(&self) -> UnixMs {
        let wall = (self.wall)();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if wall >= state.told {
            *state = State { told: wall, ahead_ms: 0 };
        } else if wall.plus(state.ahead_ms) >= state.told {
            state.told = wall.plus(state.ahead_ms);
        } else {
            state.ahead_ms = state.told.since(wall);
        }
        state.told
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    static WALL: AtomicI64 = AtomicI64::new(1_000);

    #[test]
    fn it_goes_on_where_the_wall_clock_goes_back() {
        let clock = Steady::new(|| UnixMs(WALL.load(Ordering::SeqCst)));
        let check = |wall, expected| {
            WALL.store(wall, Ordering::SeqCst);
            assert_eq!(clock.now(), UnixMs(expected), "when the wall clock says {wall}");
        };
        check(1_000, 1_000);
        check(1_500, 1_500);
        // Back by a thousand, and on from there.
        check(500, 1_500);
        check(600, 1_600);
        // Back once more.
        check(100, 1_600);
        check(130, 1_630);
        // The wall clock is right again, or ahead.
        check(1_700, 1_700);
        check(90_000, 90_000);
        check(90_001, 90_001);
    }
}
