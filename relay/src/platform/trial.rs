//! Trials: how an account is tried out with an event that nobody caused.
//!
//! Few platforms have a way that counts nothing. Some only show test events apart and count them like all others, most have
//! nothing of the kind. Owns the difference; what to send and what to say of the answer is `doctor`'s.

use super::Built;

/// A platform's way to try an account out.
#[derive(Debug)]
pub enum Trial {
    /// It has none: a test event would count.
    None,
    /// This is checked like any event, and counts nothing.
    Checked(Built),
    /// This is shown apart, and counts all the same or may do so.
    Shown {
        /// What is sent.
        built: Built,
        /// Where it is shown.
        place: &'static str,
    },
    /// The same, once the settings have the code under which it is shown.
    NeedsCode {
        /// Where the platform gives one out.
        place: &'static str,
    },
}

/// Where Meta and TikTok give out test codes and show what comes under them.
pub(super) const TEST_EVENTS: &str = "Events Manager, Test events";
