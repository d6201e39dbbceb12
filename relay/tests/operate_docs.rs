//! The pages for who runs the relay: metrics are all described, the dashboard asks for none that is not there, and what is
//! shown of limits is what the program does.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use relay::config::{self, Document};
use relay::metrics::Metrics;
use relay::platform;
use relay::store::{Backlog, Backlogs};

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operate").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every metric as Prometheus names it: counters end in `_total`.
fn metrics() -> BTreeSet<String> {
    // A family nobody has counted in is not written.
    let metrics = Metrics::default();
    metrics.received("shop", "accepted", 1);
    metrics.request("events", 202);
    metrics.source("mugs", "stored");
    metrics.site_token("shop", "good");
    metrics.spans("sent", 1);
    metrics.outcome("meta", "delivered");
    metrics.finding("meta", "any", 1);
    metrics.skipped("meta", "any");
    metrics.dead("meta", 1);
    metrics.match_quality("meta", 5.0);
    metrics.destination_up("meta", true);
    metrics.call_up("microsoft", "offline", true);
    let text = metrics.text(&Backlogs::from([("meta".to_owned(), Backlog::default())]));
    let described = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    described
        .map(|line| match line.split_once(' ') {
            Some((name, "counter")) => format!("{name}_total"),
            Some((name, _)) => name.to_owned(),
            None => panic!("{line}"),
        })
        .collect()
}

/// Every name that begins like one of ours, without what Prometheus appends to histograms.
fn named(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
    let words = text.split(|c: char| !is_name(c)).filter(|word| word.starts_with("anytrack_"));
    words.map(|word| word.trim_end_matches("_bucket").to_owned()).collect()
}

#[test]
fn the_page_and_the_dashboard_name_the_metrics_that_there_are() {
    let there = metrics();
    let page = page("metrics.md");
    let rows: BTreeSet<String> =
        page.lines().filter(|line| line.starts_with("| `")).flat_map(named).collect();
    assert_eq!(rows, there, "one row for each");
    assert!(named(&page).is_subset(&there), "{:?}", named(&page).difference(&there));
}

/// The first cells of the table below a heading of the page about metrics.
fn values(page: &str, heading: &str) -> BTreeSet<String> {
    let (_, section) = page.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("{heading}"));
    let section = section.split("\n## ").next().unwrap_or_default();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned));
    // The head names the label itself.
    names.filter(|name| !matches!(name.as_str(), "result" | "outcome" | "reason")).collect()
}

/// The words that `tag` answers in this part of a source file.
fn tags(file: &str, of: &str) -> BTreeSet<String> {
    let text = source(file);
    let (_, part) = text.split_once(&format!("\nimpl {of} {{\n")).unwrap_or_else(|| panic!("{of}"));
    let part = part.split("\n}\n").next().unwrap_or_default();
    part.lines()
        .filter_map(|line| line.split_once("=> \"")?.1.strip_suffix("\","))
        .map(str::to_owned)
        .collect()
}

fn source(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_page_names_every_value_of_the_labels_and_no_other() {
    let page = page("metrics.md");
    for (heading, file, of) in [
        ("Results of sources", "collect/sources/answer.rs", "Settled<'_>"),
        ("Outcomes", "platform/outcome.rs", "Outcome"),
        ("Reasons of skips", "platform/outcome.rs", "SkipReason"),
    ] {
        let there = tags(file, of);
        assert!(there.len() > 5, "{file} was read: {there:?}");
        assert_eq!(values(&page, heading), there, "{heading}");
    }
    let text = source("platform/google_ads/diagnostics.rs");
    let code = text.split("#[cfg(test)]").next().unwrap_or_default().lines();
    let code = code.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let is_reason =
        |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let there: BTreeSet<String> =
        code.split('"').skip(1).step_by(2).filter(is_reason).map(str::to_owned).collect();
    assert_eq!(values(&page, "Reasons of findings"), there);
}

#[test]
fn what_an_alert_asks_the_increase_of_is_there_before_the_first_count() {
    let metrics = Metrics::default();
    metrics.begin(["shop"], ["meta"]);
    let text = metrics.text(&Backlogs::new());
    let page = page("metrics.md");
    let asked: Vec<&str> =
        page.split("increase(").skip(1).filter_map(|rest| rest.split('[').next()).collect();
    assert!(!asked.is_empty(), "the page was read");
    for series in asked {
        let (name, label) = series.split_once('{').unwrap_or((series, ""));
        let is_it = |line: &str| line.starts_with(name) && line.contains(label.trim_end_matches('}'));
        assert!(text.lines().any(is_it), "{series} in\n{text}");
    }
}

#[test]
fn the_composed_relay_answers_where_metrics_are_scraped() {
    let port = after(&page("compose.yaml"), "ports: [\"127.0.0.1:");
    let (port, _) = port.split_once(':').expect("a port");
    assert!(page("metrics.md").contains(&format!("targets: [\"127.0.0.1:{port}\"]")), "{port}");
}

#[test]
fn the_dashboard_shows_every_metric() {
    let text = page("grafana.json");
    let dashboard: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let asked: BTreeSet<String> = panels
        .iter()
        .flat_map(|panel| named(panel["targets"][0]["expr"].as_str().expect("a query")))
        .collect();
    assert_eq!(asked, metrics());
}

/// What follows `key` in a line of a page.
fn after(page: &str, key: &str) -> String {
    let line = page.lines().find_map(|line| line.trim().strip_prefix(key));
    line.unwrap_or_else(|| panic!("{key}")).trim().to_owned()
}

/// How long requests, deliveries and traces may take when the relay is told to stop, in milliseconds.
fn longest_stop() -> u64 {
    let text = "[server]\npublic_url = \"https://t.shop.example\"\n[[site]]\nkey = \"shop\"\n";
    let document = Document {
        file: "anytrack.toml",
        text,
        directory: Path::new(""),
        assets: Path::new(""),
        readable_by_others: false,
    };
    let config = config::parse(&document, platform::ALL, &|_: &str| None).expect("good").config;
    config.server.shutdown_timeout_ms * 2 + 2_000
}

#[test]
fn whoever_stops_the_relay_waits_as_long_as_that_takes() {
    let unit: u64 = after(&page("anytrack-relay.service"), "TimeoutStopSec=").parse().expect("seconds");
    let grace = after(&page("compose.yaml"), "stop_grace_period:");
    let grace: u64 = grace.strip_suffix('s').and_then(|text| text.parse().ok()).expect("seconds");
    assert!(unit * 1_000 > longest_stop() && grace * 1_000 > longest_stop(), "{unit} s, {grace} s");
}

#[test]
fn the_composed_container_is_the_one_that_was_tried() {
    let (compose, dockerfile) = (page("compose.yaml"), page("Dockerfile"));
    for line in ["read_only: true", "cap_drop: [ALL]", "security_opt: [\"no-new-privileges:true\"]"] {
        assert!(compose.lines().any(|found| found.trim() == line), "{line}");
    }
    let mounts: Vec<&str> = compose.lines().filter_map(|line| line.trim().strip_prefix("- ")).collect();
    let volume = format!("data:{}", after(&dockerfile, "VOLUME"));
    let command: Vec<String> = serde_json::from_str(&after(&dockerfile, "CMD")).expect("a list");
    let path = command.iter().skip_while(|word| *word != "--config").nth(1).expect("a path");
    let configuration = format!("./anytrack.toml:{path}:ro");
    assert!(mounts.contains(&volume.as_str()) && mounts.contains(&configuration.as_str()), "{mounts:?}");
}

/// Every test in the Rust files of a folder, by name.
fn functions(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            functions(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap_or_default();
            // What follows `#[test]`, or `#[tokio::test(…)]`; a property has arguments.
            let tests = ["#[test]", "#[tokio::test"].into_iter().flat_map(|mark| text.split(mark).skip(1));
            let heads = tests.filter_map(|rest| rest.split_once("fn ")?.1.split_once('('));
            found.extend(heads.map(|(name, _)| name.to_owned()));
        }
    }
}

/// Every row of every table of a page ends with the names of tests that there are.
fn every_line_names_a_test(page: &str, heads: &[&str]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = fs::read_to_string(root.join("docs").join(page)).expect("the page");
    let mut there = BTreeSet::new();
    for folder in ["fuzz/tests", "relay/src", "relay/tests", "shared/src", "www-test/tests"] {
        functions(&root.join(folder), &mut there);
    }
    let is_row = |line: &&str| line.starts_with("| ") && !heads.iter().any(|head| line.starts_with(head));
    let rows: Vec<&str> = page.lines().filter(is_row).collect();
    assert!(rows.len() > 10, "the page was read");
    for row in rows {
        let tests = row.trim_end_matches('|').rsplit('|').next().expect("a last cell");
        let named: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "{row}");
        for name in named {
            assert!(there.contains(name), "there is no test {name}");
        }
    }
}

#[test]
fn every_line_of_the_threat_model_names_a_test_that_there_is() {
    every_line_names_a_test("security.md", &["| who |", "| who sends what |"]);
}

#[test]
fn every_line_of_what_goes_wrong_names_a_test_that_there_is() {
    every_line_names_a_test("operate/faults.md", &["| what happens |"]);
}
