//! The figures: what is measured, in which unit, and which of them have a goal. One row of the table each.
//!
//! Owns the words and the goals. A measurement gives values under these keys; the page `docs/performance.md` has exactly
//! these rows.

/// A group of figures that are measured together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// Taking events in.
    Ingest,
    /// How soon a sender is answered.
    Latency,
    /// From the door to six platforms.
    Road,
    /// What the process holds.
    Memory,
    /// Working off what could not be delivered.
    Drain,
    /// What a larger store costs.
    Growth,
    /// The browser's side.
    Tag,
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// Its name in the JSON, unique within its section.
    pub key: &'static str,
    /// What it is.
    pub words: &'static str,
    /// Of its value.
    pub unit: &'static str,
    /// What it should be.
    pub goal: Option<Goal>,
}

/// What a figure should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

impl Goal {
    /// Whether a value reaches it.
    pub fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(f, "at least {bound}"),
            Self::AtMost(bound) => write!(f, "at most {bound}"),
        }
    }
}

impl Section {
    /// Every section, in the table's order.
    pub const ALL: [Self; 7] =
        [Self::Ingest, Self::Latency, Self::Road, Self::Memory, Self::Drain, Self::Growth, Self::Tag];

    /// Its name on the command line and in the JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Latency => "latency",
            Self::Road => "road",
            Self::Memory => "memory",
            Self::Drain => "drain",
            Self::Growth => "growth",
            Self::Tag => "tag",
        }
    }

    /// Its heading in the table.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Ingest => "Taking events in, against a bare hyper handler that reads the same bodies",
            Self::Latency => "From sending an event to its receipt",
            Self::Road => "The whole road: taken in, stored, delivered to six platforms",
            Self::Memory => "Memory of the relay's process",
            Self::Drain => "Working off a backlog of a million conversions",
            Self::Growth => "The cost of an event in a growing store",
            Self::Tag => "The tag",
        }
    }

    /// Its figures.
    pub const fn figures(self) -> &'static [Figure] {
        match self {
            Self::Ingest => &INGEST,
            Self::Latency => &LATENCY,
            Self::Road => &ROAD,
            Self::Memory => &MEMORY,
            Self::Drain => &DRAIN,
            Self::Growth => &GROWTH,
            Self::Tag => &TAG,
        }
    }
}

const fn plain(key: &'static str, words: &'static str, unit: &'static str) -> Figure {
    Figure { key, words, unit, goal: None }
}

const fn with_goal(key: &'static str, words: &'static str, unit: &'static str, goal: Goal) -> Figure {
    Figure { key, words, unit, goal: Some(goal) }
}

const INGEST: [Figure; 20] = [
    plain("relay.1", "relay, 1 event a request", "events/s"),
    plain("bare.1", "bare handler, 1 event a request", "events/s"),
    with_goal("ratio.1", "relay ÷ bare handler, 1 event a request", "", Goal::AtLeast(0.5)),
    plain("cpu.1", "relay, 1 event a request", "µs CPU/event"),
    plain("bare_cpu.1", "bare handler, 1 event a request", "µs CPU/event"),
    plain("relay.1.crowd", "relay, 1 event a request, four times the connections", "events/s"),
    plain("bare.1.crowd", "bare handler, 1 event a request, four times the connections", "events/s"),
    with_goal(
        "ratio.1.crowd",
        "relay ÷ bare handler, 1 event a request, four times the connections",
        "",
        Goal::AtLeast(0.5),
    ),
    plain("cpu.1.crowd", "relay, 1 event a request, four times the connections", "µs CPU/event"),
    plain("bare_cpu.1.crowd", "bare handler, 1 event a request, four times the connections", "µs CPU/event"),
    plain("relay.10", "relay, 10 events a request", "events/s"),
    plain("bare.10", "bare handler, 10 events a request", "events/s"),
    plain("ratio.10", "relay ÷ bare handler, 10 events a request", ""),
    plain("cpu.10", "relay, 10 events a request", "µs CPU/event"),
    plain("bare_cpu.10", "bare handler, 10 events a request", "µs CPU/event"),
    plain("relay.100", "relay, 100 events a request", "events/s"),
    plain("bare.100", "bare handler, 100 events a request", "events/s"),
    plain("ratio.100", "relay ÷ bare handler, 100 events a request", ""),
    plain("cpu.100", "relay, 100 events a request", "µs CPU/event"),
    plain("bare_cpu.100", "bare handler, 100 events a request", "µs CPU/event"),
];

const LATENCY: [Figure; 8] = [
    plain("half.rate", "half load: requests sent at fixed times, whatever comes back", "requests/s"),
    plain("half.p50", "half load: one of two answered within", "ms"),
    with_goal("half.p99", "half load: 99 of 100 answered within", "ms", Goal::AtMost(5.0)),
    plain("half.p999", "half load: 999 of 1,000 answered within", "ms"),
    plain("full.rate", "full load: each connection sends again once it is answered", "requests/s"),
    plain("full.p50", "full load: one of two answered within", "ms"),
    plain("full.p99", "full load: 99 of 100 answered within", "ms"),
    plain("full.p999", "full load: 999 of 1,000 answered within", "ms"),
];

const ROAD: [Figure; 3] = [
    with_goal("busy.cpu", "as fast as they come", "µs CPU/event and destination", Goal::AtMost(60.0)),
    plain("busy.rate", "as fast as they come", "events/s at each of six"),
    plain("calm.cpu", "100 conversions a second", "µs CPU/event and destination"),
];

const MEMORY: [Figure; 4] = [
    plain("idle", "idle", "MB"),
    plain("load", "most while taking in and delivering at full load", "MB"),
    with_goal(
        "backlog",
        "a million conversions wait for six platforms that are down",
        "MB",
        Goal::AtMost(64.0),
    ),
    plain("filling", "most while these came in", "MB"),
];

const DRAIN: [Figure; 9] = [
    plain("meta", "meta has all", "s"),
    plain("google-ads", "google-ads has all", "s"),
    plain("tiktok", "tiktok has all", "s"),
    plain("microsoft", "microsoft has all", "s"),
    plain("outbrain", "outbrain has all", "s"),
    plain("taboola", "taboola has all", "s"),
    plain("all", "all six have all", "s"),
    plain("cpu", "relay", "µs CPU/event and destination"),
    plain("memory", "most memory meanwhile", "MB"),
];

const GROWTH: [Figure; 10] = [
    plain("cpu.5", "at 100,000 events", "µs CPU/event"),
    plain("cpu.6", "at a million events", "µs CPU/event"),
    plain("cpu.7", "at ten million events", "µs CPU/event"),
    with_goal("cpu_ratio.6", "CPU, a million ÷ 100,000", "", Goal::AtMost(1.1)),
    with_goal("cpu_ratio.7", "CPU, ten million ÷ 100,000", "", Goal::AtMost(1.1)),
    plain("bytes.5", "at 100,000 events", "bytes on disk/event"),
    plain("bytes.6", "at a million events", "bytes on disk/event"),
    plain("bytes.7", "at ten million events", "bytes on disk/event"),
    with_goal("bytes_ratio.6", "bytes, a million ÷ 100,000", "", Goal::AtMost(1.1)),
    with_goal("bytes_ratio.7", "bytes, ten million ÷ 100,000", "", Goal::AtMost(1.1)),
];

const TAG: [Figure; 5] = [
    with_goal("size", "snippet, script and module", "kB of brotli", Goal::AtMost(14.0)),
    plain("beacon", "snippet to first event sent, 50 ms of network delay", "ms"),
    plain("twin", "the same in plain JavaScript without a module", "ms"),
    with_goal("more", "what the tag takes longer", "ms", Goal::AtMost(20.0)),
    with_goal(
        "long",
        "visits with a task over 50 ms on a processor 4 times slower, beyond those without the tag",
        "of 15",
        Goal::AtMost(1.0),
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_can_be_told_from_the_others() {
        for section in Section::ALL {
            let figures = section.figures();
            for (place, figure) in figures.iter().enumerate() {
                let twin = |other: &Figure| {
                    other.key == figure.key || (other.words, other.unit) == (figure.words, figure.unit)
                };
                assert!(!figures[..place].iter().any(twin), "{} {}", section.name(), figure.key);
            }
        }
    }

    #[test]
    fn a_goal_is_met_at_its_bound() {
        let check = |goal: Goal, value, met| assert_eq!(goal.is_met(value), met, "{goal}: {value}");
        check(Goal::AtLeast(0.5), 0.5, true);
        check(Goal::AtLeast(0.5), 0.49, false);
        check(Goal::AtMost(60.0), 60.0, true);
        check(Goal::AtMost(60.0), 60.1, false);
    }
}
