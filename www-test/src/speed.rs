//! How fast the tag is, against a tag in plain JavaScript that sends the same body, by turns in one run.
//!
//! Owns the measuring and its two bounds: with 50 ms of network delay, from the snippet's first statement to the first event sent at
//! most 20 ms more than the twin; and on a processor four times slower no task over 50 ms more than a page has with the twin
//! or with neither, and no layout shift. Differences and counts of one run, because everything shares one machine. Which of
//! the time in long frames was the tag's own script is told as well. The pages are `timed`, `timed-twin` and `timed-bare`.

use std::fmt;

use serde_json::Value;

use crate::browser::BrowserError;
use crate::stage::{Build, Stage, StageError};

/// Network delay of every request, in milliseconds.
const DELAY_MS: u32 = 50;
/// How much later than the twin's the first event may leave, in milliseconds.
const MOST_MORE_MS: f64 = 20.0;
/// How many times slower the processor is made for the second half.
const SLOWER: u32 = 4;
/// Runs of each page.
const RUNS: usize = 15;
/// How many more of the visits may have a long task: another program takes the processor when it likes.
const SPARE: usize = 1;
/// A landing with a click and a campaign.
const LANDING: &str = "?fbclid=IwAR0-timed&utm_source=news&utm_campaign=spring";

/// What was measured.
#[derive(Debug, Default)]
pub struct Report {
    tag: Vec<f64>,
    twin: Vec<f64>,
    /// Longest task of each run over 50 ms, 0 where there was none: with the tag, with the twin, with neither.
    long_with: Vec<f64>,
    long_twin: Vec<f64>,
    long_bare: Vec<f64>,
    /// The tag's own longest piece of script in a frame over 50 ms (Long Animation Frames), 0 where there was none.
    piece: f64,
    shift: f64,
    same_body: bool,
}

/// Why there is no figure.
#[derive(Debug, thiserror::Error)]
pub enum SpeedError {
    /// Relay, shop or browser do not start.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// The browser refused.
    #[error(transparent)]
    Browser(#[from] BrowserError),
}

impl Report {
    /// Every run of: time to the first event sent, the same of the twin, and how much more the former is, in milliseconds; and
    /// how many more of the visits had a long task on the slow processor than without the tag.
    pub fn figures(&self) -> [Vec<f64>; 4] {
        let more = self.tag.iter().zip(&self.twin).map(|(tag, twin)| tag - twin).collect();
        let long = longs(&self.long_with) as f64 - self.longs_without() as f64;
        [self.tag.clone(), self.twin.clone(), more, vec![long]]
    }

    /// How many of the visits had a long task without the tag, on the page of the two that had more.
    fn longs_without(&self) -> usize {
        longs(&self.long_twin).max(longs(&self.long_bare))
    }

    /// Whether both bounds hold.
    pub fn holds(&self) -> bool {
        self.same_body
            && median(&self.tag) - median(&self.twin) <= MOST_MORE_MS
            && longs(&self.long_with) <= self.longs_without() + SPARE
            && self.shift == 0.0
    }
}

/// Measures.
///
/// # Errors
/// When something does not start, or the browser refuses.
pub async fn measure(build: &Build) -> Result<Report, SpeedError> {
    let stage = Stage::with(build).await?;
    let mut report = Report { same_body: true, ..Report::default() };
    stage.browser.slow_network(DELAY_MS).await?;
    for _ in 0..RUNS {
        let (tag, body) = first_sent(&stage, "timed").await?;
        let (twin, twins) = first_sent(&stage, "timed-twin").await?;
        report.tag.push(tag);
        report.twin.push(twin);
        report.same_body &= shape(&body) == shape(&twins);
    }
    stage.browser.slow_processor(SLOWER).await?;
    for _ in 0..RUNS {
        let bare = slowly(&stage, "timed-bare").await?;
        let twin = slowly(&stage, "timed-twin").await?;
        let tag = slowly(&stage, "timed").await?;
        report.long_bare.push(bare.longest);
        report.long_twin.push(twin.longest);
        report.long_with.push(tag.longest);
        report.piece = report.piece.max(tag.piece);
        report.shift += tag.shift;
    }
    stage.strike().await?;
    Ok(report)
}

/// Opens a page as a first visit and gives the milliseconds to the first event it sends, and that body.
async fn first_sent(stage: &Stage, page: &str) -> Result<(f64, Value), SpeedError> {
    open(stage, page).await?;
    let took = stage.browser.wait_until("window.__took").await?;
    let body = stage.browser.text("window.__body").await?;
    Ok((took.as_f64().unwrap_or(f64::NAN), serde_json::from_str(&body).unwrap_or_default()))
}

/// What a visit on a slow processor showed.
struct Slow {
    longest: f64,
    piece: f64,
    shift: f64,
}

/// Opens a page as a first visit and looks back on it, once it has nothing more to do.
async fn slowly(stage: &Stage, page: &str) -> Result<Slow, SpeedError> {
    open(stage, page).await?;
    let sends = page != "timed-bare";
    let done = format!(
        "document.readyState == 'complete' && (window.__took || !{sends}) && (window.__idle || (requestIdleCallback(() => {{ window.__idle = true; }}), false))"
    );
    stage.browser.wait_until(&done).await?;
    let seen = stage.browser.eval("return [window.__long, window.__piece, window.__shift]").await?;
    let number = |place: usize| seen[place].as_f64().unwrap_or(f64::NAN);
    Ok(Slow { longest: number(0), piece: number(1), shift: number(2) })
}

async fn open(stage: &Stage, page: &str) -> Result<(), SpeedError> {
    stage.browser.forget().await?;
    Ok(stage.browser.goto(&stage.shop.url(&format!("/case/{page}{LANDING}"))).await?)
}

/// The names of everything in a body, in order of their names.
fn shape(body: &Value) -> Vec<String> {
    let mut names = Vec::new();
    let mut open = vec![(String::new(), body)];
    while let Some((path, value)) = open.pop() {
        match value {
            Value::Object(members) => {
                open.extend(members.iter().map(|(name, value)| (format!("{path}/{name}"), value)))
            }
            Value::Array(values) => open.extend(values.iter().map(|value| (format!("{path}/0"), value))),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => names.push(path),
        }
    }
    names.sort();
    names
}

/// How many of the visits had a task over 50 ms.
fn longs(longest: &[f64]) -> usize {
    longest.iter().filter(|task| **task > 0.0).count()
}

fn median(values: &[f64]) -> f64 {
    part(values, 2)
}

/// The value below which the given part of all is: 2 is the median, 10 gives the ninth tenth.
fn part(values: &[f64], of: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() - sorted.len().div_ceil(of)).copied().unwrap_or(f64::NAN)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "snippet to first event sent, {DELAY_MS} ms network delay, {RUNS} first visits each, by turns:"
        )?;
        for (name, values) in [("plain JavaScript", &self.twin), ("the tag", &self.tag)] {
            writeln!(
                f,
                "  {name:<18}median {:>5.0} ms, nine of ten within {:>5.0} ms",
                median(values),
                part(values, 10)
            )?;
        }
        let more = median(&self.tag) - median(&self.twin);
        writeln!(f, "  the tag takes {more:.0} ms more; at most {MOST_MORE_MS:.0} are allowed")?;
        writeln!(f, "  both bodies have the same fields: {}", self.same_body)?;
        writeln!(
            f,
            "processor {SLOWER} times slower, {RUNS} first visits each, by turns: visits with a task over 50 ms"
        )?;
        for (name, values) in [
            ("no tag at all", &self.long_bare),
            ("plain JavaScript", &self.long_twin),
            ("the tag", &self.long_with),
        ] {
            let longest = values.iter().copied().fold(0.0, f64::max);
            writeln!(f, "  {name:<18}{:>3}, the longest {longest:>4.0} ms", longs(values))?;
        }
        writeln!(f, "  the tag's own longest piece of script in a long frame: {:.0} ms", self.piece)?;
        write!(f, "  layout shift: {}", self.shift)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let check =
            |values: &[f64], middle, tenth| assert_eq!((median(values), part(values, 10)), (middle, tenth));
        check(&[3.0, 1.0, 2.0], 2.0, 3.0);
        check(&[1.0], 1.0, 1.0);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_shape_is_names_without_values() {
        assert_eq!(
            shape(&json!({ "a": 1, "b": [{ "c": "x" }] })),
            shape(&json!({ "b": [{ "c": "y" }], "a": 2 }))
        );
        assert_ne!(shape(&json!({ "a": 1 })), shape(&json!({ "b": 1 })));
    }

    #[test]
    fn a_report_holds_within_its_bounds_only() {
        let report = |more: f64, long: &[f64]| Report {
            tag: vec![100.0 + more],
            twin: vec![100.0],
            long_with: long.to_vec(),
            long_twin: vec![0.0, 0.0, 70.0],
            long_bare: vec![0.0; 3],
            piece: 0.0,
            shift: 0.0,
            same_body: true,
        };
        assert!(report(20.0, &[0.0; 3]).holds());
        assert!(!report(21.0, &[0.0; 3]).holds());
        assert!(report(0.0, &[60.0, 0.0, 60.0]).holds());
        assert!(!report(0.0, &[60.0; 3]).holds());
        assert!(!Report { shift: 0.1, ..report(0.0, &[0.0; 3]) }.holds());
        assert!(!Report { same_body: false, ..report(0.0, &[0.0; 3]) }.holds());
    }
}
