//! The sheet: every value that was measured, as one table for the screen, as JSON, and as the table of the page.
//!
//! A value is the median of its rounds, with the lowest and the highest beside it. What is measured anew replaces what
//! stood there; the rest of an earlier sheet of the same machine stays, so that a table can be put together in parts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use shared::UnixMs;

use super::figures::{Figure, Section};
use super::machine::Machine;

/// A median and how far its rounds lie apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Reading {
    value: f64,
    low: f64,
    high: f64,
}

impl Reading {
    /// Of at least one sample; nothing of none.
    fn of(samples: &[f64]) -> Option<Self> {
        let value = middle(samples)?;
        let low = samples.iter().copied().fold(value, f64::min);
        let high = samples.iter().copied().fold(value, f64::max);
        Some(Self { value, low, high })
    }
}

/// The median; nothing of nothing.
pub(super) fn middle(samples: &[f64]) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = sorted.get(sorted.len() / 2)?;
    Some(f64::midpoint(sorted[(sorted.len() - 1) / 2], *upper))
}

/// One section's values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Part {
    /// The day it was measured.
    date: String,
    /// How the relay was built.
    #[serde(default)]
    build: String,
    figures: BTreeMap<String, Row>,
}

/// A value as a reader of the JSON wants it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Row {
    #[serde(flatten)]
    reading: Reading,
    unit: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    goal: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    met: Option<bool>,
}

/// Everything that was measured on one machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Sheet {
    machine: Machine,
    sections: BTreeMap<String, Part>,
    #[serde(skip)]
    now: Now,
}

/// The run that measures.
#[derive(Clone, Debug, Default, PartialEq)]
struct Now {
    measured: BTreeSet<Section>,
    date: String,
    build: &'static str,
}

impl Sheet {
    /// For a machine, and a relay built in this way; `earlier` is kept as far as it is of the same machine.
    pub(super) fn new(machine: Machine, build: &'static str, earlier: Option<Self>, now: UnixMs) -> Self {
        let kept = earlier.filter(|earlier| earlier.machine.is_same(&machine));
        let date = now.rfc3339().chars().take_while(|letter| *letter != 'T').collect();
        let sections = kept.map(|kept| kept.sections).unwrap_or_default();
        Self { machine, sections, now: Now { measured: BTreeSet::new(), date, build } }
    }

    /// Forgets a section that is about to be measured.
    pub(super) fn begin(&mut self, section: Section) {
        self.sections.remove(section.name());
    }

    /// Writes down the samples of a figure. One without any samples stays unknown.
    ///
    /// # Panics
    /// When the section has no such figure.
    pub(super) fn put(&mut self, section: Section, key: &str, samples: &[f64]) {
        let known = section.figures().iter().find(|figure| figure.key == key);
        let figure = known.unwrap_or_else(|| panic!("{} has no figure {key}", section.name()));
        let Now { measured, date, build } = &mut self.now;
        measured.insert(section);
        let part = self.sections.entry(section.name().to_owned()).or_default();
        part.date.clone_from(date);
        part.build = (*build).to_owned();
        part.figures.extend(Reading::of(samples).map(|reading| (key.to_owned(), Row::of(figure, reading))));
    }

    /// The figures of a section that have no value.
    #[cfg(test)]
    pub(super) fn unknown(&self, section: Section) -> Vec<&'static str> {
        let unknown = section.figures().iter().filter(|figure| self.row(section, figure).is_none());
        unknown.map(|figure| figure.key).collect()
    }

    /// The JSON, for people's eyes as well.
    pub(super) fn json(&self) -> String {
        // Strings, numbers and maps of strings always serialise.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    fn row(&self, section: Section, figure: &Figure) -> Option<&Row> {
        self.sections.get(section.name())?.figures.get(figure.key)
    }

    /// When a section was measured, and of what.
    fn origin(&self, section: Section) -> Option<String> {
        let Part { date, build, .. } = self.sections.get(section.name())?;
        let of_the_relay = section != Section::Tag;
        Some(if of_the_relay { format!(" ({date}, {build})") } else { format!(" ({date})") })
    }

    /// The table of the page: all figures there are, also those that were not measured.
    pub(super) fn markdown(&self) -> String {
        let mut text = format!("{}.\n", self.machine);
        for section in Section::ALL {
            text.push_str(&format!("\n**{}**", section.heading()));
            text.push_str(&self.origin(section).unwrap_or_default());
            text.push_str("\n\n| what | unit | median | lowest to highest | goal |\n|---|---|--:|--:|---|\n");
            for figure in section.figures() {
                let [value, spread, goal] = cells(figure, self.row(section, figure));
                let Figure { words, unit, .. } = figure;
                text.push_str(&format!("| {words} | {unit} | {value} | {spread} | {goal} |\n"));
            }
        }
        text
    }
}

impl Row {
    fn of(figure: &Figure, reading: Reading) -> Self {
        Self {
            reading,
            unit: figure.unit.to_owned(),
            goal: figure.goal.map(|goal| goal.to_string()),
            met: figure.goal.map(|goal| goal.is_met(reading.value)),
        }
    }
}

/// Median, spread, and the goal with whether it is met.
fn cells(figure: &Figure, row: Option<&Row>) -> [String; 3] {
    let goal = |verdict: &str| figure.goal.map(|goal| format!("{goal}: {verdict}")).unwrap_or_default();
    let Some(Row { reading: Reading { value, low, high }, met, .. }) = row else {
        return ["not measured".to_owned(), String::new(), goal("unknown")];
    };
    let spread = if low == high { String::new() } else { format!("{} to {}", short(*low), short(*high)) };
    [short(*value), spread, goal(if *met == Some(false) { "missed" } else { "met" })]
}

/// Three digits that matter, or whole numbers with marks between the thousands.
fn short(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && size < 10.0 {
        return format!("{value:.2}");
    }
    if size != 0.0 && size < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut marked = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            marked.push(',');
        }
        marked.push(digit);
    }
    marked
}

/// Shows what was measured now, and only that.
impl fmt::Display for Sheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.machine)?;
        for section in Section::ALL {
            let Some(part) = self.sections.get(section.name()) else { continue };
            if !self.now.measured.contains(&section) {
                continue;
            }
            write!(f, "\n\n{}{}", section.heading(), self.origin(section).unwrap_or_default())?;
            for figure in section.figures() {
                let Some(row) = part.figures.get(figure.key) else { continue };
                let [value, spread, goal] = cells(figure, Some(row));
                let Figure { words, unit, .. } = figure;
                let line = format!("  {words:<62}{value:>10} {unit:<28} {spread:>20}  {goal}");
                write!(f, "\n{}", line.trim_end())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet() -> Sheet {
        let mut sheet = Sheet::new(Machine::default(), "release build", None, UnixMs(1_795_183_509_123));
        sheet.put(Section::Ingest, "relay.1", &[31_000.0, 29_500.4, 40_000.0]);
        sheet.put(Section::Ingest, "ratio.1", &[0.4, 0.5]);
        sheet.put(Section::Ingest, "cpu.1", &[]);
        sheet
    }

    #[test]
    fn the_median_stands_between_the_lowest_and_the_highest() {
        let text = sheet().to_string();
        for line in [
            "relay, 1 event a request   31,000 events/s 29,500 to 40,000",
            "relay ÷ bare handler, 1 event a request 0.45 0.40 to 0.50 at least 0.5: missed",
        ] {
            let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(text.lines().any(|there| words(there) == words(line)), "{line} in {text}");
        }
        assert!(!text.contains("µs CPU"), "what has no samples is not shown: {text}");
    }

    #[test]
    fn the_json_says_whether_a_goal_is_met_and_reads_back() {
        let json: serde_json::Value = serde_json::from_str(&sheet().json()).expect("JSON");
        let ratio = &json["sections"]["ingest"]["figures"]["ratio.1"];
        assert_eq!((ratio["value"].as_f64(), ratio["met"].as_bool()), (Some(0.45), Some(false)));
        assert_eq!(json["sections"]["ingest"]["date"], "2026-11-20");
        let read: Sheet = serde_json::from_value(json).expect("a sheet");
        assert_eq!((read.machine, read.sections), (sheet().machine, sheet().sections));
    }

    #[test]
    fn what_is_measured_anew_replaces_its_section_only() {
        let mut later = Sheet::new(Machine::default(), "trained build", Some(sheet()), UnixMs(0));
        later.put(Section::Tag, "size", &[13.9]);
        assert!(later.json().contains("ratio.1") && later.json().contains("\"size\""));
        assert!(later.to_string().contains("brotli") && !later.to_string().contains("events/s"));
        later.put(Section::Road, "busy.cpu", &[30.0]);
        for origin in ["(2026-11-20, release build)", "(1970-01-01)", "(1970-01-01, trained build)"] {
            assert!(later.markdown().contains(origin), "{origin}");
        }
        later.begin(Section::Ingest);
        assert!(!later.json().contains("ratio.1"));
    }

    #[test]
    fn the_page_has_a_row_for_every_figure() {
        let page = sheet().markdown();
        assert!(
            page.contains("| relay, 1 event a request | events/s | 31,000 | 29,500 to 40,000 |  |"),
            "{page}"
        );
        assert!(
            page.contains("| CPU, a million ÷ 100,000 |  | not measured |  | at most 1.1: unknown |"),
            "{page}"
        );
        let figures: usize = Section::ALL.iter().map(|section| section.figures().len()).sum();
        let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| what |"));
        assert_eq!(rows.count(), figures);
    }

    #[test]
    fn numbers_are_as_long_as_they_mean_something() {
        let check = |value, text| assert_eq!(short(value), text);
        check(0.0, "0");
        check(0.4999, "0.50");
        check(14.04, "14.0");
        check(123.4, "123");
        check(1_234_567.0, "1,234,567");
    }
}
