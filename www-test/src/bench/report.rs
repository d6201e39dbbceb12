//! The benchmark's report: both figures of the same run, their ratio, latencies, processor time and memory.

use std::fmt;
use std::time::Duration;

use super::load::Round;

/// What was measured.
pub(super) struct Report {
    connections: u16,
    seconds: u64,
    deliver: bool,
    pub(super) bare: Vec<Round>,
    pub(super) relay: Vec<Round>,
    pub(super) bare_bytes: Option<u64>,
    pub(super) relay_bytes: Option<u64>,
}

impl Report {
    pub(super) fn new(connections: u16, seconds: u64, deliver: bool) -> Self {
        let (bare, relay) = (Vec::new(), Vec::new());
        Self { connections, seconds, deliver, bare, relay, bare_bytes: None, relay_bytes: None }
    }
}

/// Requests a second over all rounds.
fn rate(rounds: &[Round]) -> f64 {
    let seconds: f64 = rounds.iter().map(|round| round.length.as_secs_f64()).sum();
    let requests: usize = rounds.iter().map(|round| round.requests).sum();
    if seconds > 0.0 { requests as f64 / seconds } else { 0.0 }
}

/// Processor time of the server for one request, in microseconds.
fn cpu_us(rounds: &[Round]) -> Option<f64> {
    let cpu: Duration = rounds.iter().map(|round| round.cpu).sum::<Option<_>>()?;
    let requests: usize = rounds.iter().map(|round| round.requests).sum();
    (requests > 0).then(|| cpu.as_secs_f64() * 1e6 / requests as f64)
}

/// The latency below which a share of all requests was answered.
fn quantile(rounds: &[Round], share: f64) -> Duration {
    let mut all: Vec<Duration> = rounds.iter().flat_map(|round| &round.latencies).copied().collect();
    all.sort_unstable();
    let last = all.len().saturating_sub(1);
    all.get((last as f64 * share).round() as usize).copied().unwrap_or_default()
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, rounds: &[Round], bytes: Option<u64>) -> fmt::Result {
    let (half, most) =
        (quantile(rounds, 0.5).as_secs_f64() * 1e3, quantile(rounds, 0.99).as_secs_f64() * 1e3);
    let known = |figure: Option<f64>| figure.map_or_else(|| "?".to_owned(), |figure| format!("{figure:.1}"));
    let (cpu, memory) = (known(cpu_us(rounds)), known(bytes.map(|bytes| bytes as f64 / 1_048_576.0)));
    write!(f, "{name:<22}{:>10.0}{half:>10.2}{most:>10.2}{cpu:>9}{memory:>9}   ", rate(rounds))?;
    for round in rounds {
        write!(f, " {:.0}", rate(std::slice::from_ref(round)))?;
    }
    writeln!(f)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let delivery =
            if self.deliver { "delivering to two sandboxes meanwhile" } else { "without destinations" };
        writeln!(f, "single-event requests of about 900 bytes, {} keep-alive connections", self.connections)?;
        writeln!(
            f,
            "rounds of {} s in turn; the relay with fsync before the answer, {delivery}",
            self.seconds
        )?;
        let columns = ["", "requests/s", "p50 ms", "p99 ms", "µs CPU", "RSS MB"];
        let [name, rate_of, half, most, cpu, memory] = columns;
        writeln!(f, "{name:<22}{rate_of:>10}{half:>10}{most:>10}{cpu:>9}{memory:>9}    by round")?;
        line(f, "bare hyper handler", &self.bare, self.bare_bytes)?;
        line(f, "relay", &self.relay, self.relay_bytes)?;
        let bare = rate(&self.bare);
        let ratio = if bare > 0.0 { rate(&self.relay) / bare } else { 0.0 };
        write!(f, "ratio {ratio:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(milliseconds: &[u64], seconds: u64) -> Round {
        let latencies = milliseconds.iter().map(|ms| Duration::from_millis(*ms)).collect();
        let cpu = Some(Duration::from_micros(25));
        Round { requests: milliseconds.len(), length: Duration::from_secs(seconds), latencies, cpu }
    }

    #[test]
    fn the_report_holds_both_figures_and_their_ratio() {
        let mut report = Report::new(64, 5, false);
        report.bare = vec![round(&[1, 2, 3, 4], 1), round(&[1, 1, 1, 1], 1)];
        report.relay = vec![round(&[10, 20], 1)];
        report.relay_bytes = Some(3 * 1_048_576);
        let text = report.to_string();
        assert!(text.ends_with("ratio 0.50"), "{text}");
        assert!(
            text.contains("relay                          2     20.00     20.00     12.5      3.0"),
            "{text}"
        );
    }

    #[test]
    fn a_quantile_is_taken_over_all_rounds() {
        let rounds = [round(&[1, 2, 3], 1), round(&[4, 5], 1)];
        assert_eq!(quantile(&rounds, 0.5), Duration::from_millis(3));
        assert_eq!(quantile(&rounds, 0.99), Duration::from_millis(5));
        assert_eq!(quantile(&[], 0.5), Duration::ZERO);
    }
}
