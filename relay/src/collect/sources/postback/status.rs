//! How far a conversion has got at its network, and the words by which networks say so.

use serde::Deserialize;

use super::fields::key;

/// How far a conversion has got at its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It counts.
    Approved,
    /// It will count unless something is found against it.
    Pending,
    /// It does not count, or no longer.
    Rejected,
    /// Nothing that concerns us.
    Ignored,
}

/// What a status means wherever it is not said otherwise.
pub(super) fn customary(word: &str) -> Option<Status> {
    let word = key(word);
    let is_one_of = |words: &[&str]| words.contains(&word.as_str());
    if is_one_of(APPROVED) {
        Some(Status::Approved)
    } else if is_one_of(PENDING) {
        Some(Status::Pending)
    } else if is_one_of(REJECTED) {
        Some(Status::Rejected)
    } else {
        None
    }
}

/// Words by key.
const APPROVED: &[&str] = &[
    "approved",
    "approve",
    "confirmed",
    "accepted",
    "paid",
    "payable",
    "locked",
    "valid",
    "validated",
    "success",
    "successful",
    "completed",
    "complete",
];

/// Words by key.
const PENDING: &[&str] = &[
    "pending",
    "hold",
    "onhold",
    "held",
    "new",
    "open",
    "waiting",
    "tentative",
    "unconfirmed",
    "processing",
    "inreview",
    "underreview",
];

/// Words by key.
const REJECTED: &[&str] = &[
    "rejected",
    "reject",
    "declined",
    "decline",
    "disapproved",
    "reversed",
    "cancel",
    "cancelled",
    "canceled",
    "invalid",
    "void",
    "voided",
    "refunded",
    "refund",
    "chargeback",
    "deleted",
    "trash",
    "denied",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn customary_states() {
        let check = |text: &str, expected| assert_eq!(customary(text), expected, "{text}");
        check("Approved", Some(Status::Approved));
        check("SUCCESS", Some(Status::Approved));
        check("completed", Some(Status::Approved));
        check("PENDING", Some(Status::Pending));
        check("on hold", Some(Status::Pending));
        check("On_Hold", Some(Status::Pending));
        check("Under review", Some(Status::Pending));
        check("reversed", Some(Status::Rejected));
        check("1", None);
        check("lead", None);
    }

    #[test]
    fn a_word_is_written_as_it_is_compared() {
        for word in [APPROVED, PENDING, REJECTED].concat() {
            assert_eq!(key(word), word);
        }
    }
}
