//! What must hold for any bytes: nothing panics, nothing unsigned is believed, and every event that comes out is one.

use std::sync::LazyLock;

use proptest::prelude::*;
use relay::collect::sources::take::Proof;
use relay::collect::sources::{ALL, Kind};

use crate::case::{Case, root};
use crate::expected::folders;

/// Recorded requests of every kind.
static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let of = |kind: &'static Kind| {
        let names = folders(&root().join(kind.name)).into_iter();
        names.take(OF_EACH_KIND).map(move |name| Case::read(kind, &name))
    };
    ALL.iter().flat_map(of).collect()
});

/// Requests of one kind are read in the same way, so a few stand for all.
const OF_EACH_KIND: usize = 8;

/// Whether the case proves its body, not only who sends it.
fn signs_its_body(case: &Case) -> bool {
    let text = String::from_utf8_lossy(&case.request).to_lowercase();
    let head = text.lines().skip(1).take_while(|line| !line.is_empty());
    let names = head.filter_map(|line| line.split_once(':').map(|(name, _)| name.to_owned()));
    names.into_iter().any(|name| name.contains("signature") || name.contains("hmac"))
}

/// What is shown holds together.
fn sound(case: &Case, bytes: &[u8], proof: Proof) -> Result<(), TestCaseError> {
    let Some((shown, _)) = case.show_bytes(bytes, proof) else { return Ok(()) };
    let events = shown["events"].as_array().expect("a list");
    for event in events {
        prop_assert!(event["event_id"].as_str().is_some_and(|id| id.len() <= shared::limits::EVENT_ID));
        prop_assert!(event["properties"]["value"].is_null() || event["properties"]["value"].is_number());
    }
    prop_assert_eq!(shown["result"] == "stored", !events.is_empty());
    // Only the store can fail in a way that is ours.
    prop_assert!(
        shown["answer"]["status"].as_u64().is_some_and(|status| status < 500),
        "{}",
        shown["answer"]
    );
    Ok(())
}

/// JSON of any shape: the names of the recorded bodies with values of other kinds.
fn odd_value() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "null",
        "true",
        "-1",
        "1e999",
        "\"\"",
        "\"x\"",
        "[]",
        "{}",
        "[null,{},[1]]",
        "18446744073709551616",
        "\"\\u0000\"",
        "{\"amount\":{}}",
        "\"9999-99-99T99:99:99Z\"",
        "9223372036854775807",
    ])
}

/// A parameter with a name that means something and a value that may not.
fn odd_parameter() -> impl Strategy<Value = String> {
    let names = [
        "atclid",
        "payout",
        "currency",
        "transaction_id",
        "order_id",
        "event",
        "goal",
        "status",
        "ts",
        "email",
        "x_a",
        "phone",
    ];
    let values = prop_oneof![
        "[!-~&&[^ ]]{0,40}",
        "(%[0-9a-fA-F]{2}){0,30}",
        "[0-9.,+-]{0,24}",
        "[0-9a-v]{24}",
        Just("9".repeat(300)),
        Just("Refund".to_owned()),
        Just("rejected".to_owned()),
    ];
    (prop::sample::select(names.to_vec()), values).prop_map(|(name, value)| format!("{name}={value}"))
}

proptest! {
    // Each sample is tried on every recorded request.
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_bytes_make_a_source_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        for case in CASES.iter() {
            let head = case.request.windows(2).position(|two| two == b"\n\n").map_or(0, |at| at + 2);
            let bytes = [&case.request[..head], &body].concat();
            sound(case, &bytes, Proof::Waived)?;
            sound(case, &bytes, Proof::Needed)?;
        }
    }

    #[test]
    fn no_damage_to_a_request_makes_it_panic(at in 0.0..1.0_f64, length in 0..30_usize, with in "[\\[\\]{}:,\"0-9a-z.\n -]{0,12}") {
        for case in CASES.iter() {
            let from = (case.request.len() as f64 * at) as usize;
            let to = (from + length).min(case.request.len());
            let bytes = [&case.request[..from], with.as_bytes(), &case.request[to..]].concat();
            sound(case, &bytes, Proof::Waived)?;
            sound(case, &bytes, Proof::Needed)?;
        }
    }

    #[test]
    fn any_header_may_hold_anything(line in any::<prop::sample::Index>(), value in "[ -~]{0,80}") {
        for case in CASES.iter() {
            let head = case.request.windows(2).position(|two| two == b"\n\n").unwrap_or(case.request.len());
            let text = String::from_utf8_lossy(&case.request[..head]).into_owned();
            let mut lines: Vec<&str> = text.lines().collect();
            let changed = line.index(lines.len().max(2) - 1) + 1;
            let name = lines[changed].split_once(':').map_or("x", |(name, _)| name);
            let header = format!("{name}: {value}");
            lines[changed] = &header;
            let bytes = [lines.join("\n").as_bytes(), &case.request[head..]].concat();
            sound(case, &bytes, Proof::Waived)?;
            sound(case, &bytes, Proof::Needed)?;
        }
    }

    #[test]
    fn any_query_is_a_query(query in prop::collection::vec(odd_parameter(), 0..20), body in "[ -~]{0,60}") {
        let query = query.join("&");
        for case in CASES.iter().filter(|case| case.is_of("postback")) {
            let text = format!("POST /v1/postback/postback?token=made-up-token-0123456789&{query} HTTP/1.1\n\n{body}");
            sound(case, text.as_bytes(), Proof::Needed)?;
        }
    }

    #[test]
    fn any_field_may_be_of_any_kind(place in any::<prop::sample::Index>(), value in odd_value()) {
        for case in CASES.iter() {
            let text = String::from_utf8_lossy(&case.request).into_owned();
            let colons: Vec<usize> = text.match_indices("\":").map(|(at, _)| at + 2).collect();
            if colons.is_empty() {
                continue;
            }
            let from = colons[place.index(colons.len())];
            let rest = &text[from..];
            let to = from + rest.find([',', '}', ']']).unwrap_or(rest.len());
            sound(case, format!("{}{value}{}", &text[..from], &text[to..]).as_bytes(), Proof::Waived)?;
        }
    }

    #[test]
    fn a_changed_body_is_not_believed(byte in any::<u8>(), place in any::<prop::sample::Index>()) {
        for case in CASES.iter().filter(|case| signs_its_body(case)) {
            let (before, _) = case.show(Proof::Needed);
            let head = case.request.windows(2).position(|two| two == b"\n\n").map_or(0, |at| at + 2);
            let mut bytes = case.request.clone();
            let at = head + place.index((bytes.len() - head).max(1));
            // The line end after the body is the file's, not the body's.
            if before["result"] == "stored" && at + 1 < bytes.len() && bytes[at] != byte {
                bytes[at] = byte;
                let shown = case.show_bytes(&bytes, Proof::Needed).expect("still a request").0;
                prop_assert_eq!(&shown["result"], "denied", "{}", case.folder.display());
            }
        }
    }
}
