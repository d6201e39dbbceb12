//! What an operator is told about single calls and events of one kind, and not again with each of them.
//!
//! The circuit tells of a destination that is down. What is wrong with a part of one comes with every event of that part.

use std::collections::HashMap;
use std::sync::Mutex;

use shared::UnixMs;
use shared::time::HOUR_MS;

/// What has been told, and when.
#[derive(Debug, Default)]
pub struct Complaints(Mutex<HashMap<String, UnixMs>>);

impl Complaints {
    /// Whether a complaint is to be told now: it is new, or was told an hour ago and still stands.
    pub fn is_due(&self, call: &str, reason: &str, now: UnixMs) -> bool {
        // Platforms number their answers. What follows the number is advice of ours, which the words before it have called for.
        let end = NUMBERS.into_iter().filter_map(|number| reason.find(number)).min();
        let what = &reason[..end.unwrap_or(reason.len())];
        let Ok(mut told) = self.0.lock() else { return true };
        told.retain(|_, at| (0..HOUR_MS).contains(&now.since(*at)));
        if told.len() >= MOST {
            return false;
        }
        let what = format!("{call} {what}");
        let is_due = !told.contains_key(&what);
        if is_due {
            told.insert(what, now);
        }
        is_due
    }
}

/// What comes before the number of an answer, in the reasons that platforms make of it.
const NUMBERS: [&str; 2] = [" (request ", " (trace "];
/// Most different complaints within an hour.
const MOST: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_told_once_an_hour() {
        let complaints = Complaints::default();
        let due = |call: &str, reason: &str, minutes: i64| {
            complaints.is_due(call, reason, UnixMs(1_795_435_200_000 + minutes * 60_000))
        };
        assert!(due("upload", "invalid_grant (request A1)", 0));
        assert!(!due("upload", "invalid_grant (request B2)", 59));
        assert!(due("adjust", "invalid_grant (request A1)", 59));
        assert!(due("upload", "no rights", 59));
        assert!(due("upload", "invalid_grant (request C3)", 60));
        // Microsoft's words.
        let refused = |trace: &str, minutes| {
            let reason = format!(
                "Microsoft error OfflineConversionNameInvalid: no such goal (trace {trace}); check the goal named in \
                 `offline.conversions`"
            );
            due("offline", &reason, minutes)
        };
        assert!(refused("0f3c1b2a-4d5e-6f70-8192-a3b4c5d6e7f8", 61));
        assert!(!refused("1f3c1b2a-4d5e-6f70-8192-a3b4c5d6e7f8", 61));
        let told = (0..2 * MOST).filter(|number| due("upload", &number.to_string(), 61)).count();
        assert_eq!(told, MOST - 4);
    }
}
