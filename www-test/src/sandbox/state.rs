//! Everything the sandbox knows: players, orders for trouble, books, records. And the one decision per request.
//!
//! Owns what is counted when an answer is spoilt. Leaves sockets to `server`, waiting to [`super::Sandbox`].

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde_json::{Value, json};
use shared::UnixMs;

use super::Settings;
use super::exchange::{Answer, Arrived, Recorded, Reply, Taken, Verdict};
use super::ledger::Ledger;
use super::player::{self, Player};
use super::script::Script;
use super::trouble::{Mode, Order, POISON, Troubles};

/// What the server does with a request.
#[derive(Debug)]
pub(super) enum Play {
    /// A proper reply.
    Reply(Reply),
    /// Misbehaviour.
    Script(Script),
}

/// One platform's figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests that were read whole.
    pub requests: u64,
    /// Requests the platform refused by its own rules.
    pub refused: u64,
    /// Requests disturbed on order.
    pub disturbed: u64,
    /// Events counted after the platform's own deduplication.
    pub counted: u64,
    /// Arrivals of events the platform knew already.
    pub duplicates: u64,
}

/// The sandbox's memory.
pub struct State {
    players: Vec<Box<dyn Player>>,
    troubles: Troubles,
    ledgers: BTreeMap<&'static str, Ledger>,
    tallies: BTreeMap<&'static str, Tally>,
    records: VecDeque<Recorded>,
    keep_requests: usize,
    keep_events: bool,
    numbers: u64,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("tallies", &self.tallies).field("records", &self.records.len()).finish()
    }
}

impl State {
    pub(super) fn new(settings: &Settings) -> Self {
        let mut state = Self {
            players: player::all(settings),
            troubles: Troubles::default(),
            ledgers: BTreeMap::new(),
            tallies: BTreeMap::new(),
            records: VecDeque::new(),
            keep_requests: settings.keep_requests,
            keep_events: settings.keep_events,
            numbers: 0,
        };
        state.reset();
        state
    }

    /// Forgets everything and lifts every order.
    pub(super) fn reset(&mut self) {
        self.troubles.lift();
        self.records.clear();
        let names: Vec<&'static str> = self.players.iter().map(|player| player.platform()).collect();
        self.ledgers = names.iter().map(|name| (*name, Ledger::default())).collect();
        self.tallies = names.iter().map(|name| (*name, Tally::default())).collect();
    }

    pub(super) fn order(&mut self, order: Order) {
        self.troubles.add(order);
    }

    pub(super) fn recover(&mut self) {
        self.troubles.lift();
    }

    /// Whether a platform of this name is played.
    pub fn plays(&self, platform: &str) -> bool {
        self.ledgers.contains_key(platform)
    }

    /// Decides what happens to a request, counts it and records it.
    pub(super) fn receive(&mut self, mut request: Arrived, now: UnixMs) -> Play {
        self.numbers += 1;
        request.number = self.numbers;
        request.at = now;
        let Some(at) = self.players.iter().position(|player| player.matches(&request)) else {
            self.record(request, None, Verdict::Unknown);
            return Play::Reply(Reply::json(404, &json!({ "error": "no platform has this address" })));
        };
        let player = &self.players[at];
        let platform = player.platform();
        let answer = player.answer(&request, now);
        let (play, verdict) = match self.troubles.next(platform, is_poisoned(&answer)) {
            None => self.proper(at, answer, now),
            Some(mode) => self.disturbed(at, mode, answer, &request, now),
        };
        self.tally(platform, &verdict);
        self.record(request, Some(platform), verdict);
        play
    }

    fn proper(&mut self, player: usize, answer: Answer, now: UnixMs) -> (Play, Verdict) {
        match answer {
            Answer::Refused { reply, reason } => (Play::Reply(reply), Verdict::Refused { reason }),
            Answer::Took { reply, events } => {
                let (counted, duplicates) = self.enter(player, events, now);
                (Play::Reply(reply), Verdict::Accepted { counted, duplicates })
            }
        }
    }

    fn disturbed(
        &mut self,
        player: usize,
        mode: Mode,
        answer: Answer,
        request: &Arrived,
        now: UnixMs,
    ) -> (Play, Verdict) {
        let (mut reply, events) = match answer {
            Answer::Took { reply, events } => (reply, events),
            Answer::Refused { reply, .. } => (reply, Vec::new()),
        };
        let (counted, duplicates) =
            if mode.takes_events() { self.enter(player, events, now) } else { (0, 0) };
        if let Some(complaint) = mode.complaint() {
            reply = self.players[player].complain(complaint, request);
        }
        let verdict = Verdict::Disturbed { mode: mode.name(), counted, duplicates };
        let play = Script::of(mode, &reply).map_or(Play::Reply(reply), Play::Script);
        (play, verdict)
    }

    fn enter(&mut self, player: usize, events: Vec<Taken>, now: UnixMs) -> (usize, usize) {
        let player = &self.players[player];
        let ledger = self.ledgers.entry(player.platform()).or_default();
        if !self.keep_events {
            return ledger.count(events.len());
        }
        ledger.enter(events, player.dedup_window_ms(), now)
    }

    fn tally(&mut self, platform: &'static str, verdict: &Verdict) {
        let tally = self.tallies.entry(platform).or_default();
        tally.requests += 1;
        match verdict {
            Verdict::Accepted { .. } | Verdict::Unknown => {}
            Verdict::Refused { .. } => tally.refused += 1,
            Verdict::Disturbed { .. } => tally.disturbed += 1,
        }
    }

    fn record(&mut self, request: Arrived, platform: Option<&'static str>, verdict: Verdict) {
        if self.keep_requests == 0 {
            return;
        }
        if self.records.len() == self.keep_requests {
            self.records.pop_front();
        }
        self.records.push_back(Recorded { request, platform, verdict });
    }

    /// A platform's figures; all nought for one that is not played.
    pub fn counted(&self, platform: &str) -> Tally {
        let mut tally = self.tallies.get(platform).copied().unwrap_or_default();
        if let Some(ledger) = self.ledgers.get(platform) {
            tally.counted = ledger.counted();
            tally.duplicates = ledger.duplicates();
        }
        tally
    }

    /// A platform's books.
    pub fn ledger(&self, platform: &str) -> Option<&Ledger> {
        self.ledgers.get(platform)
    }

    /// How often each event id counted at a platform.
    pub fn times_counted(&self, platform: &str) -> HashMap<&str, u32> {
        self.ledgers.get(platform).map(Ledger::by_id).unwrap_or_default()
    }

    /// The recorded requests, oldest first, of one platform or of all.
    pub fn requests<'a>(&'a self, platform: Option<&'a str>) -> impl Iterator<Item = &'a Recorded> {
        self.records.iter().filter(move |record| platform.is_none() || record.platform == platform)
    }

    /// Figures by platform, and how often each event counted, for the control API.
    pub(super) fn counted_json(&self) -> Value {
        let platforms = self.ledgers.iter().map(|(name, ledger)| {
            let tally = self.counted(name);
            let events: Vec<Value> = ledger
                .entries()
                .map(|entry| {
                    json!({ "event": entry.name, "event_id": entry.id,
                            "counted": entry.counted, "arrived": entry.arrived })
                })
                .collect();
            let figures = json!({
                "requests": tally.requests, "refused": tally.refused, "disturbed": tally.disturbed,
                "counted": tally.counted, "duplicates": tally.duplicates, "events": events,
            });
            ((*name).to_owned(), figures)
        });
        Value::Object(platforms.collect())
    }
}

fn is_poisoned(answer: &Answer) -> bool {
    match answer {
        Answer::Took { events, .. } => events.iter().any(|event| event.id.starts_with(POISON)),
        Answer::Refused { .. } => false,
    }
}
