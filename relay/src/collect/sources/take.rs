//! The way from a request to events, which `serve` and `source-test` both go. Pure.
//!
//! Authenticate, read, check each event as `read` checks those of our own API, complete it as a server's event, and
//! leave out what is older than the memory of ids: it could be a repeat that nobody would notice.

use shared::{Event, UnixMs, event_id, time};

use super::reading::{Denied, Found, Reading, Unreadable};
use super::{Answer, Inbound, Settled};
use crate::collect::read::{self, Defaults, Understood};
use crate::config;
use crate::enrich;

/// What a request became.
#[derive(Debug, Default)]
pub struct Taken {
    /// Events ready to be stored.
    pub events: Vec<Event>,
    /// Why there are none, or not all one might expect.
    pub ignored: Option<&'static str>,
    /// Whether the log should tell of what is ignored or noted: an event was lost to its age, or sender and source may not fit.
    pub is_odd: bool,
    /// Why events failed the checks, one reason for each.
    pub refused: Vec<String>,
    /// What an operator should know of events that passed.
    pub notes: Vec<String>,
    /// What was left out of the events that passed.
    pub warnings: Vec<String>,
    /// The answer this request asks for, when it is not the usual one.
    pub answer: Option<Answer>,
}

/// Why there is nothing to take.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// Not believed.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Not understood.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

impl NotTaken {
    /// For the source's answer.
    pub fn settled(&self) -> Settled<'_> {
        match self {
            Self::Denied(why) => Settled::Denied(why),
            Self::Unreadable(why) => Settled::Unreadable(why),
        }
    }
}

impl Taken {
    /// How the request ends once its events, if any, are stored.
    pub fn settled(&self) -> Settled<'static> {
        if !self.events.is_empty() {
            Settled::Stored
        } else if self.refused.is_empty() {
            Settled::Ignored
        } else {
            Settled::Refused
        }
    }
}

/// Whether a request must prove where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It must.
    Needed,
    /// It is shown, not stored, and its signature may be missing.
    Waived,
}

/// What the request means at this source. `country` is the site's, for national phone numbers.
pub fn take(
    source: &config::Source,
    country: Option<&str>,
    request: &Inbound<'_>,
    proof: Proof,
) -> Result<Taken, NotTaken> {
    if proof == Proof::Needed {
        source.source.authenticate(request)?;
    }
    let reading = source.source.read(request)?;
    let Reading { events, ignored, is_odd, refused, notes, answer } = reading;
    let refused = refused.into_iter().map(str::to_owned).collect();
    let mut taken = Taken { ignored, is_odd, refused, notes, answer, ..Taken::default() };
    let remembered = request.now.plus(-i64::from(source.dedup_days) * time::DAY_MS);
    for found in events {
        add(found, country, request.now, remembered, &mut taken);
    }
    Ok(taken)
}

fn add(found: Found, country: Option<&str>, now: UnixMs, remembered: UnixMs, taken: &mut Taken) {
    let Found { draft, since } = found;
    // Every id follows from the facts, so there is no use for randomness: the id that would be minted shows that none did.
    let defaults = Defaults { now, source: None, country, random: [0; 10] };
    let minted = event_id::uuid_v7(now.0, defaults.random);
    match read::draft(draft, defaults) {
        Ok(Understood { event, .. }) if event.event_id == minted => taken.refused.push(NO_ID.to_owned()),
        Ok(Understood { event, .. }) if since.unwrap_or(event.time) < remembered => {
            taken.ignored = Some(TOO_OLD);
            taken.is_odd = true;
        }
        Ok(Understood { mut event, warnings }) => {
            enrich::from_server(&mut event, now);
            taken.events.push(event);
            taken.warnings.extend(warnings);
        }
        Err(error) => taken.refused.push(error.to_string()),
    }
}

const NO_ID: &str = "no id or order id, so a repeat would count again";
const TOO_OLD: &str = "older than store.dedup_days, so it could be a repeat";

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::testing::{NOW, headers, webhook};
    use super::super::{Door, Draft, Source};
    use super::*;

    /// Reports what the body names: an order of now, one without an id, one of long ago, or nothing.
    #[derive(Debug)]
    struct Echo;

    impl Source for Echo {
        fn authenticate(&self, request: &Inbound<'_>) -> Result<(), Denied> {
            request.header("x-token").map(|_| ()).ok_or(Denied::WrongToken { key: "token" })
        }

        fn read(&self, request: &Inbound<'_>) -> Result<Reading, Unreadable> {
            let text =
                std::str::from_utf8(request.body).map_err(|_| Unreadable::Body { expected: "text" })?;
            let mut reading = Reading::default();
            for word in text.split_ascii_whitespace() {
                let mut found = Found::about("Lead", word, Some(request.now));
                match word {
                    "old" => found.draft.time = Some(request.now.plus(-8 * time::DAY_MS)),
                    "listed" => found.since = Some(request.now.plus(-8 * time::DAY_MS)),
                    "nameless" => found.draft = Draft { event: Some("Lead".to_owned()), ..Draft::default() },
                    "ordered" => {
                        found.draft.event_id = None;
                        found.draft.properties.order_id = Some("7".to_owned());
                    }
                    "overlong" => {
                        found.draft.event_id = None;
                        found.draft.properties.order_id = Some("7".repeat(129));
                    }
                    "addressed" => {
                        found.draft.event_id = None;
                        found.draft.properties.order_id = Some("jane@example.com".to_owned());
                    }
                    "bad" => found.draft.event = Some(" ".to_owned()),
                    "future" => found.draft.time = Some(request.now.plus(time::DAY_MS)),
                    _ => {}
                }
                reading.events.push(found);
            }
            Ok(reading)
        }
    }

    fn taken(body: &str, token: &[(&'static str, &str)], proof: Proof) -> Result<Taken, NotTaken> {
        let source = config::Source {
            name: "echo".to_owned(),
            site: Arc::from("shop"),
            kind_name: "echo",
            door: Door::Webhook,
            source: Arc::new(Echo),
            dedup_days: 7,
        };
        take(&source, None, &webhook(&headers(token), body), proof)
    }

    fn check(body: &str, ids: &[&str], result: &str) -> Taken {
        let taken = taken(body, &[("x-token", "t")], Proof::Needed).expect("taken");
        let found: Vec<&str> = taken.events.iter().map(|event| event.event_id.as_str()).collect();
        assert_eq!((found.as_slice(), taken.settled().tag()), (ids, result), "{body}");
        taken
    }

    #[test]
    fn an_event_counts_only_if_a_repeat_would_be_noticed() {
        check("a b", &["Lead-a", "Lead-b"], "stored");
        check("ordered", &["Lead-7"], "stored");
        assert_eq!(check("overlong", &[], "refused").refused, [NO_ID]);
        assert_eq!(check("addressed", &[], "refused").refused, [NO_ID]);
        for old in ["old", "listed"] {
            let taken = check(old, &[], "ignored");
            assert_eq!((taken.ignored, taken.is_odd), (Some(TOO_OLD), true), "{old}: the log says it");
        }
        assert!(check("old a", &["Lead-a"], "stored").is_odd);
        assert!(!check("a", &["Lead-a"], "stored").is_odd);
        assert_eq!(check("nameless", &[], "refused").refused, [NO_ID]);
        assert_eq!(check("future", &["Lead-future"], "stored").events[0].time, NOW);
    }

    #[test]
    fn a_bad_event_does_not_sink_its_neighbours() {
        let taken = check("a bad nameless b", &["Lead-a", "Lead-b"], "stored");
        assert_eq!(taken.refused.len(), 2);
        check("bad", &[], "refused");
        check("", &[], "ignored");
    }

    #[test]
    fn nothing_is_read_before_it_is_believed() {
        let denied = taken("a", &[], Proof::Needed).expect_err("no token");
        assert_eq!(denied.settled().tag(), "denied");
        assert_eq!(taken("a", &[], Proof::Waived).expect("shown only").events.len(), 1);
    }
}
