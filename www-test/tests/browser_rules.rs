//! Where a rule is written twice, in Rust for the relay and in JavaScript for the tag, both give the same, byte for
//! byte, on whatever a page or an attacker may come up with.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use shared::scrub;
use www_test::browser::Browser;

/// Addresses near enough to the real thing to reach every branch.
fn address() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z@%:/?#&=;.+_ -]{0,6}",
        "%[0-9a-fA-F]{2}",
        "[ -~]{0,4}",
        "[äß漢＠．é😀\u{80}\u{ff}]{1,2}",
        any::<String>(),
        prop::sample::select(vec![
            "https://",
            "://",
            "jane@example.com",
            "a%40b.co",
            "a%2540b.co",
            "%25",
            "40b.co",
            "jane:secret@",
            "email=",
            "user%5Bemail%5D=",
            "useremail=",
            "First_Name=",
            "billing-last-name=",
            "address=",
            "name=",
            "your-name=",
            "username=",
            "Phone=",
            "tel=",
            "dob=",
            "x%25252525252525252525",
            "@b.ü",
            "ü@ö.äü",
            "a@b.c",
            "a@b.1c",
            "a@-.c-",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..9).prop_map(|pieces| pieces.concat())
}

#[tokio::test]
async fn the_tag_cleans_addresses_as_the_relay_does() {
    let mut runner = TestRunner::default();
    let addresses: Vec<String> = (0..4_000)
        .map(|_| address().new_tree(&mut runner).expect("the strategy refuses nothing").current())
        .collect();
    let module = include_str!("../../tag/js/scrub.js").replace("export const", "const");
    let script = format!("{module}; return {}.map((a) => [scrub(a), holdsAddress(a)]);", json!(addresses));
    let browser = Browser::start(None).await.unwrap();
    let answers = browser.eval(&script).await.unwrap();
    browser.close().await.unwrap();
    let answers = answers.as_array().expect("a list");
    assert_eq!(answers.len(), addresses.len());
    for (address, answer) in addresses.iter().zip(answers) {
        assert_eq!(answer[0], Value::from(scrub::url(address)), "{address:?}");
        assert_eq!(answer[1], Value::from(scrub::looks_like_email(address)), "{address:?}");
    }
    let changed = addresses.iter().filter(|address| scrub::url(address) != **address).count();
    assert!(changed > 500, "only {changed} addresses had anything to clean");
}
