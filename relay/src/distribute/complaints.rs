//! What an operator is told about single calls and events of one kind, and not again with each of them.
//!
//! The circuit tells of a destination that is down. What is wrong with a part of one comes with every event of that part.

use std::collections::HashMap;
use std::sync::Mutex;

use shared::UnixMs;
use shared::time::HOUR_MS;

/// What has been told, and when. Remarks have a room of their own: however many a platform makes of events it took, they leave
/// room for what must be fixed.
#[derive(Debug, Default)]
pub struct Complaints {
    troubles: Mutex<HashMap<String, UnixMs>>,
    /// Those of each call.
    remarks: Mutex<HashMap<String, Vec<Told>>>,
}

/// A remark that was told.
#[derive(Debug)]
struct Told {
    at: UnixMs,
    /// What it was about.
    parts: Vec<String>,
}

impl Complaints {
    /// Whether a complaint is to be told now: it is new, or was told an hour ago and still stands.
    pub fn is_due(&self, call: &str, reason: &str, now: UnixMs) -> bool {
        let Ok(mut told) = self.troubles.lock() else { return true };
        told.retain(|_, at| is_fresh(*at, now));
        if told.len() >= MOST {
            return false;
        }
        let what = format!("{call} {}", without_number(reason));
        let is_due = !told.contains_key(&what);
        if is_due {
            told.insert(what, now);
        }
        is_due
    }

    /// Whether a remark on events that were taken is to be told now: something in it, such as the name of a field, was not told
    /// of this call within the hour.
    pub fn is_remark_due(&self, call: &str, remark: &str, now: UnixMs) -> bool {
        let remark = without_number(remark);
        let list = remark.split_once(": ").map_or(remark, |(_, list)| list);
        let parts: Vec<String> = list.split([',', ';']).map(|part| part.trim().to_owned()).collect();
        let Ok(mut remarks) = self.remarks.lock() else { return true };
        let told = remarks.entry(call.to_owned()).or_default();
        told.retain(|told| is_fresh(told.at, now));
        let is_new = |part: &String| !told.iter().any(|told| told.parts.contains(part));
        let is_due = told.len() < MOST_REMARKS && parts.iter().any(is_new);
        if is_due {
            told.push(Told { at: now, parts });
        }
        is_due
    }
}

/// Whether what was told then needs not be told again.
fn is_fresh(at: UnixMs, now: UnixMs) -> bool {
    (0..HOUR_MS).contains(&now.since(at))
}

/// Platforms number their answers. What follows the number is advice of ours, which the words before it have called for.
fn without_number(reason: &str) -> &str {
    let end = NUMBERS.into_iter().filter_map(|number| reason.find(number)).min();
    &reason[..end.unwrap_or(reason.len())]
}

/// What comes before the number of an answer, in the reasons that platforms make of it.
const NUMBERS: [&str; 2] = [" (request ", " (trace "];
/// Most different complaints within an hour.
const MOST: usize = 50;
/// Most remarks on one call within an hour.
const MOST_REMARKS: usize = 5;

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

    #[test]
    fn remarks_are_few_and_leave_room_for_complaints() {
        let complaints = Complaints::default();
        let due = |call: &str, remark: &str, minutes: i64| {
            complaints.is_remark_due(call, remark, UnixMs(1_795_435_200_000 + minutes * 60_000))
        };
        let dropped = |fields: &str| format!("Microsoft dropped these fields of some events: {fields}");
        assert!(due("events", &dropped("em, ph"), 0));
        for known in ["ph", "em", "em, ph"] {
            assert!(!due("events", &dropped(known), 59), "{known}");
        }
        assert!(due("events", &dropped("em, items"), 59));
        assert!(due("page_revenue", &dropped("em"), 59), "of another call");
        assert!(due("events", &dropped("ph"), 60), "an hour later");
        let told = (0..2 * MOST).filter(|number| due("events", &dropped(&number.to_string()), 60)).count();
        assert_eq!(told, MOST_REMARKS - 2);
        assert!(complaints.is_due("events", "no rights", UnixMs(1_795_435_200_000 + 60 * 60_000)));
    }
}
