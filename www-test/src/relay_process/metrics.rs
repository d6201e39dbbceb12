//! Reads the relay's `/metrics` (the OpenMetrics text format) as far as tests ask for it.

use std::collections::BTreeMap;

/// Values by their full name with labels, such as `anytrack_pending{destination="meta"}`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    /// Reads the text. Lines that are not samples are passed over.
    pub fn read(text: &str) -> Self {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let pairs = samples.filter_map(|line| line.rsplit_once(' '));
        Self(pairs.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?))).collect())
    }

    /// The value of a counter without labels, such as `accept_failures_total`; nought when it never counted.
    pub fn count(&self, name: &str) -> f64 {
        self.0.get(&format!("anytrack_{name}")).copied().unwrap_or(0.0)
    }

    /// The value of a destination's gauge, such as `pending`; nought when it was never set.
    pub fn of(&self, name: &str, destination: &str) -> f64 {
        self.0.get(&format!("anytrack_{name}{{destination=\"{destination}\"}}")).copied().unwrap_or(0.0)
    }

    /// How many attempts at a destination came to this outcome.
    pub fn outcomes(&self, destination: &str, outcome: &str) -> f64 {
        self.sum("outcomes_total", destination, &format!("outcome=\"{outcome}\""))
    }

    /// How many events a destination's platform later found to be so.
    pub fn findings(&self, destination: &str, reason: &str) -> f64 {
        self.sum("findings_total", destination, &format!("reason=\"{reason}\""))
    }

    fn sum(&self, name: &str, destination: &str, label: &str) -> f64 {
        let wanted = [format!("destination=\"{destination}\""), label.to_owned()];
        let start = format!("anytrack_{name}{{");
        let matching = self.0.iter().filter(|(name, _)| name.starts_with(&start));
        matching
            .filter(|(name, _)| wanted.iter().all(|label| name.contains(label)))
            .map(|(_, value)| value)
            .sum()
    }

    /// Whether no destination has anything left to read or to retry.
    pub fn is_idle(&self) -> bool {
        let waiting =
            |name: &str| name.starts_with("anytrack_backlog{") || name.starts_with("anytrack_pending{");
        let mut gauges = self.0.iter().filter(|(name, _)| waiting(name)).peekable();
        gauges.peek().is_some() && gauges.all(|(_, value)| *value == 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# TYPE anytrack_pending gauge\nanytrack_pending{destination=\"meta\"} 3\n\
        anytrack_backlog{destination=\"meta\"} 0\n\
        anytrack_outcomes_total{destination=\"meta\",outcome=\"retry\"} 7\n# EOF\n";

    #[test]
    fn samples_are_read_by_name_and_label() {
        let metrics = Metrics::read(TEXT);
        assert_eq!((metrics.of("pending", "meta"), metrics.of("pending", "webhook")), (3.0, 0.0));
        assert_eq!((metrics.outcomes("meta", "retry"), metrics.outcomes("meta", "delivered")), (7.0, 0.0));
    }

    #[test]
    fn idle_means_nothing_waits() {
        assert!(!Metrics::read(TEXT).is_idle());
        assert!(Metrics::read(&TEXT.replace("} 3", "} 0")).is_idle());
        assert!(!Metrics::read("").is_idle(), "a relay that says nothing is not known to be idle");
    }
}
