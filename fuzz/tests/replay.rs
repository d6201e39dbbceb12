//! Every target on everything that is known, and on a little that is made up from it.
//!
//! The same functions as libFuzzer runs (`cargo xtask fuzz`), without its coverage and within seconds. What it ever found
//! is in `corpus/`, so it cannot come back.

use std::collections::BTreeSet;
use std::panic::catch_unwind;

use fuzz::{TARGETS, Target, seeds};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

#[test]
fn what_is_known_holds() {
    let mut failed = Vec::new();
    for target in TARGETS {
        let seeds = seeds::of(&target);
        assert!(!seeds.is_empty(), "{}: nothing to begin with", target.name);
        let fails = |seed: &&Vec<u8>| catch_unwind(|| (target.run)(seed)).is_err();
        let shown = |seed: &Vec<u8>| format!("{}: {:?}", target.name, String::from_utf8_lossy(seed));
        failed.extend(seeds.iter().filter(fails).map(shown));
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Each target has a program, and each program its part of the manifest.
#[test]
fn every_target_has_its_program() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(root.join("fuzz_targets")).expect("a folder");
    let files: BTreeSet<String> =
        files.map(|file| file.expect("readable").file_name().into_string().expect("UTF-8")).collect();
    assert_eq!(files, TARGETS.iter().map(|target| format!("{}.rs", target.name)).collect());
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).expect("a manifest");
    for target in TARGETS {
        assert!(manifest.contains(&format!("name = \"{}\"\npath = \"fuzz_targets/{0}.rs\"", target.name)));
    }
}

#[test]
fn orders_that_are_made_up_hold() {
    made_up("admin", 500);
}

#[test]
fn answers_that_are_made_up_hold() {
    made_up("answer", 3_000);
}

#[test]
fn configurations_that_are_made_up_hold() {
    made_up("config", 1_500);
}

#[test]
fn deliveries_that_are_made_up_hold() {
    made_up("delivery", 400);
}

#[test]
fn imports_that_are_made_up_hold() {
    made_up("import", 400);
}

#[test]
fn marks_that_are_made_up_hold() {
    made_up("marks", 2_000);
}

#[test]
fn requests_that_are_made_up_hold() {
    made_up("request", 1_500);
}

#[test]
fn webhooks_that_are_made_up_hold() {
    made_up("source", 2_500);
}

#[test]
fn landings_that_are_made_up_hold() {
    made_up("tag", 2_000);
}

/// Damages what is known, always in the same ways.
fn made_up(name: &str, cases: u32) {
    let target = TARGETS.into_iter().find(|target| target.name == name).expect("a target");
    let seeds = seeds::of(&target);
    let input = (any::<prop::sample::Index>(), prop::collection::vec(damage(), 1..5));
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let rng = prop::test_runner::TestRng::deterministic_rng(config.rng_algorithm);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let result = runner.run(&input, |(seed, damages)| {
        let mut bytes = seeds[seed.index(seeds.len())].clone();
        damages.iter().for_each(|damage| damage.apply(&mut bytes, &seeds));
        tried(&target, &bytes)
    });
    result.unwrap_or_else(|error| panic!("{name}: {error}"));
}

fn tried(target: &Target, bytes: &[u8]) -> Result<(), TestCaseError> {
    let shown = String::from_utf8_lossy(bytes).into_owned();
    catch_unwind(|| (target.run)(bytes)).map_err(|_| TestCaseError::fail(format!("{shown:?}")))
}

/// One way to spoil an input.
#[derive(Clone, Debug)]
enum Damage {
    /// Bytes in the place of others.
    Replace { at: f64, length: usize, with: Vec<u8> },
    /// A value of JSON, or of an address, in the place of another.
    Value { place: prop::sample::Index, with: &'static str },
    /// A piece of another input.
    Splice { at: f64, other: prop::sample::Index, from: f64, length: usize },
    /// A piece once more.
    Repeat { at: f64, length: usize, times: usize },
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let span = |bytes: &[u8], at: f64, length: usize| {
            let from = (bytes.len() as f64 * at) as usize;
            from..(from + length).min(bytes.len())
        };
        match self {
            Self::Replace { at, length, with } => {
                let span = span(bytes, *at, *length);
                bytes.splice(span, with.iter().copied());
            }
            Self::Value { place, with } => {
                let marks = bytes.iter().enumerate().filter(|(_, byte)| matches!(byte, b':' | b'='));
                let starts: Vec<usize> = marks.map(|(at, _)| at + 1).collect();
                let Some(from) = starts.get(place.index(starts.len().max(1))) else { return };
                let end = bytes[*from..].iter().position(|byte| b",}]&;\n".contains(byte));
                let end = end.map_or(bytes.len(), |length| from + length);
                bytes.splice(*from..end, with.bytes());
            }
            Self::Splice { at, other, from, length } => {
                let other = &seeds[other.index(seeds.len())];
                let piece = other[span(other, *from, *length)].to_vec();
                let span = span(bytes, *at, piece.len());
                bytes.splice(span, piece);
            }
            Self::Repeat { at, length, times } => {
                let span = span(bytes, *at, *length);
                let piece = bytes[span.clone()].repeat(*times);
                bytes.splice(span, piece);
            }
        }
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = || 0.0..1.0_f64;
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..8),
        "[\\[\\]{}:,\"0-9a-z.@%\n -]{0,12}".prop_map(String::into_bytes),
        "\\PC{0,6}".prop_map(String::into_bytes),
    ];
    prop_oneof![
        3 => (at(), 0..20_usize, bytes).prop_map(|(at, length, with)| Damage::Replace { at, length, with }),
        3 => (any::<prop::sample::Index>(), prop::sample::select(VALUES.to_vec()))
            .prop_map(|(place, with)| Damage::Value { place, with }),
        1 => (at(), any::<prop::sample::Index>(), at(), 1..200_usize)
            .prop_map(|(at, other, from, length)| Damage::Splice { at, other, from, length }),
        1 => (at(), 1..40_usize, 0..60_usize).prop_map(|(at, length, times)| Damage::Repeat { at, length, times }),
    ]
}

/// Values where another kind is expected, or none.
const VALUES: [&str; 24] = [
    "null",
    "true",
    "-1",
    "0",
    "1e999",
    "0.1e-400",
    "18446744073709551616",
    "9223372036854775807",
    "-9223372036854775808",
    "\"\"",
    "\"x\"",
    "\" \\u0000\\r\\n\"",
    "\"jane.doe@example.com\"",
    "jane.doe%40example.com",
    "[]",
    "{}",
    "[null,{},[1]]",
    "[\"jane.doe@example.com\"]",
    "{\"plain\":null}",
    "\"9999-12-31T23:59:60Z\"",
    "\"0000-01-01T00:00:00Z\"",
    "%ff%00",
    "\"\\ud800\"",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
];
