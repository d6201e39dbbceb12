//! `export`: the event log as JSON Lines or CSV, page by page, also while a relay runs.
//!
//! JSON Lines hold the whole event as it is stored (user data hashed) with its number and time of arrival. CSV holds
//! what people make tables of.

use std::io::Write;

use clap::{Args, ValueEnum};
use serde_json::json;
use shared::UnixMs;

use super::store::{StoreCommandError, in_order, look, sites};
use crate::config::Config;
use crate::store::Logged;

/// What is exported, and how.
#[derive(Args, Debug)]
#[group(skip)]
pub(super) struct Export {
    /// How to write it
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// Only this site [default: all]
    #[arg(long, value_name = "KEY")]
    site: Option<String>,
    /// Events that arrived at this time or later, RFC 3339
    #[arg(long, value_name = "TIME", value_parser = super::source_test::time)]
    from: Option<UnixMs>,
    /// Events that arrived before this time, RFC 3339
    #[arg(long, value_name = "TIME", value_parser = super::source_test::time)]
    to: Option<UnixMs>,
    /// Only events of this name
    #[arg(long, value_name = "NAME")]
    event: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One JSON object a line
    #[default]
    Jsonl,
    /// A table with a line of headings
    Csv,
}

/// Writes every event that fits.
pub(super) fn run(config: &Config, export: &Export, output: impl Write) -> Result<(), StoreCommandError> {
    let sites = sites(config, export.site.as_deref())?;
    in_order(export.from, export.to)?;
    let look = look(config)?;
    let mut sheet = Sheet::new(export.format, output)?;
    let mut after = export.from.map_or(Ok(0), |from| look.before(from))?;
    let fits = |logged: &&Logged| {
        sites.iter().any(|site| **site == *logged.site)
            && export.from.is_none_or(|from| logged.received >= from)
            && export.to.is_none_or(|to| logged.received < to)
            && export.event.as_ref().is_none_or(|name| *name == logged.event.event)
    };
    loop {
        let page = look.events(after, PAGE)?;
        let Some(last) = page.last() else { return Ok(sheet.end()?) };
        after = last.seq;
        for logged in page.iter().filter(fits) {
            sheet.write(logged)?;
        }
    }
}

/// Where rows go.
enum Sheet<W: Write> {
    Lines(W),
    Table(Box<csv::Writer<W>>),
}

impl<W: Write> Sheet<W> {
    fn new(format: Format, output: W) -> std::io::Result<Self> {
        Ok(match format {
            Format::Jsonl => Self::Lines(output),
            Format::Csv => {
                let mut table = csv::Writer::from_writer(output);
                table.write_record(COLUMNS)?;
                Self::Table(Box::new(table))
            }
        })
    }

    fn write(&mut self, logged: &Logged) -> std::io::Result<()> {
        match self {
            Self::Lines(output) => {
                let Logged { seq, site, received, event } = logged;
                let line = json!({ "seq": seq, "site": &**site, "received": received.0, "event": &**event });
                writeln!(output, "{line}")
            }
            Self::Table(table) => Ok(table.write_record(cells(logged))?),
        }
    }

    fn end(self) -> std::io::Result<()> {
        match self {
            Self::Lines(mut output) => output.flush(),
            Self::Table(mut table) => table.flush(),
        }
    }
}

const COLUMNS: [&str; 14] = [
    "seq",
    "received",
    "time",
    "site",
    "event",
    "event_id",
    "source",
    "visitor_id",
    "order_id",
    "value",
    "currency",
    "click_ids",
    "campaign",
    "url",
];

fn cells(logged: &Logged) -> [String; 14] {
    let Logged { seq, site, received, event } = logged;
    let text = |text: &Option<String>| harmless(text.as_deref().unwrap_or_default());
    let clicks: Vec<String> =
        event.click_ids.iter().map(|(name, id)| format!("{name}={}", id.value)).collect();
    let json_text = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let source = serde_json::to_value(event.source).map(json_text).unwrap_or_default();
    [
        seq.to_string(),
        received.rfc3339(),
        event.time.rfc3339(),
        harmless(site),
        harmless(&event.event),
        harmless(&event.event_id),
        source,
        text(&event.visitor_id),
        text(&event.properties.order_id),
        event.properties.value.map(|value| value.to_string()).unwrap_or_default(),
        event.properties.currency.map(|currency| currency.as_str().to_owned()).unwrap_or_default(),
        harmless(&clicks.join(" ")),
        text(&event.campaign.as_ref().and_then(|campaign| campaign.name.clone())),
        text(&event.page.url),
    ]
}

/// A text that a spreadsheet shows and does not run: what begins like a formula gets an apostrophe in front
/// (OWASP, "CSV Injection", read 2026-11-27).
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

/// Events read at once.
const PAGE: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_a_formula() {
        for (text, expected) in
            [("=1+1", "'=1+1"), ("@cmd", "'@cmd"), ("-2", "'-2"), ("Purchase", "Purchase"), ("", "")]
        {
            assert_eq!(harmless(text), expected);
        }
    }
}
