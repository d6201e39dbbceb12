//! Match quality: from 0 to 10, how well a platform can match an event to a person, by what it was really sent.
//!
//! A platform lists its signals, each with points and with whether its own pages rank it or the points are our
//! judgement; the score is the sum of those present, ten at most. No platform publishes numbers, only an order, so
//! points are always ours where they are finer than that order. Pure; showing and counting belong to `preview` and
//! `metrics`.

/// One thing a platform matches people by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal {
    /// The platform's own name for it.
    pub name: &'static str,
    /// What it adds to the score, in tenths of a point.
    pub tenths: u8,
    /// Where its rank comes from.
    pub basis: Basis,
}

/// Where the rank of a signal comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The platform's pages rank it against its neighbours in the table.
    Documented,
    /// The platform takes it and says nothing of its weight; the rank is our judgement.
    Ours,
}

impl Signal {
    /// A signal whose rank the platform documents.
    pub const fn documented(name: &'static str, tenths: u8) -> Self {
        Self { name, tenths, basis: Basis::Documented }
    }

    /// A signal whose rank is our judgement.
    pub const fn ours(name: &'static str, tenths: u8) -> Self {
        Self { name, tenths, basis: Basis::Ours }
    }
}

/// How well one event can be matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quality {
    tenths: u8,
    signals: Vec<&'static str>,
}

impl Quality {
    /// The score of an event that carries the signals for which `sent` answers true.
    pub fn of(signals: &[Signal], sent: impl Fn(&str) -> bool) -> Self {
        let present: Vec<&Signal> = signals.iter().filter(|signal| sent(signal.name)).collect();
        let sum: u32 = present.iter().map(|signal| u32::from(signal.tenths)).sum();
        let tenths = u8::try_from(sum.min(BEST.into())).unwrap_or(BEST);
        Self { tenths, signals: present.into_iter().map(|signal| signal.name).collect() }
    }

    /// From 0 to 10, in steps of a tenth.
    pub fn score(&self) -> f64 {
        f64::from(self.tenths) / 10.0
    }

    /// The signals that were sent, in the order of the platform's table.
    pub fn signals(&self) -> &[&'static str] {
        &self.signals
    }
}

/// The best score, in tenths.
const BEST: u8 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNALS: [Signal; 3] =
        [Signal::documented("click", 60), Signal::ours("email", 45), Signal::ours("ip", 5)];

    #[test]
    fn the_score_is_the_sum_up_to_ten() {
        let check = |sent: &[&str], score: f64| {
            let quality = Quality::of(&SIGNALS, |name| sent.contains(&name));
            assert_eq!((quality.score(), quality.signals()), (score, sent));
        };
        check(&[], 0.0);
        check(&["ip"], 0.5);
        check(&["click", "ip"], 6.5);
        check(&["click", "email"], 10.0);
    }

    #[test]
    fn more_signals_never_lower_the_score() {
        for kind in super::super::ALL {
            let names: Vec<&str> = kind.signals.iter().map(|signal| signal.name).collect();
            let unique: std::collections::BTreeSet<&&str> = names.iter().collect();
            assert_eq!(unique.len(), names.len(), "{}: a signal is listed twice", kind.name);
            for count in 1..=names.len() {
                let score = |n: usize| Quality::of(kind.signals, |name| names[..n].contains(&name)).score();
                assert!(score(count) >= score(count - 1), "{}", kind.name);
            }
        }
    }
}
