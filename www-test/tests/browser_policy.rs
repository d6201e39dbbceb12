//! The Content-Security-Policy that `snippet` prints, applied word for word: it is enough for everything, and nothing in it
//! is there for show.

use serde_json::json;
use www_test::shop::Snippet;
use www_test::stage::Stage;

/// What a page allows itself, before anything of ours is added.
const OWN: &str = "default-src 'none'; base-uri 'none'; form-action 'none'";

/// The two directives as printed, each with the word that names it.
fn printed(policy: &str) -> (String, String) {
    let line = |name: &str| {
        let found = policy.lines().map(str::trim).find(|line| line.starts_with(name)).expect("it is printed");
        found.trim_end_matches(';').to_owned()
    };
    (line("script-src "), line("connect-src "))
}

/// Opens the page with this snippet and policy, and answers whether an event arrives at the platform, and which
/// directives were violated.
async fn arrives(
    stage: &Stage,
    html: String,
    policy: String,
    event: &str,
    query: &str,
) -> (bool, serde_json::Value) {
    stage.shop.paste(Snippet::printed(html, &stage.servers.relay_url()).under(policy));
    stage.browser.goto(&stage.shop.url(&format!("/case/csp-pasted{query}"))).await.expect("the page opens");
    let call = format!(
        "if (window.anytrack) anytrack.track('{event}', {{ email: 'first.buyer@shop.example' }}, {{ event_id: '{event}' }})"
    );
    stage.browser.eval(&call).await.expect("track() never throws");
    let outcome = format!(
        "window.__violations.length || (window.__seen.some(({{ event_id, state }}) => event_id == '{event}' && state == 'sent') \
         && (!'{query}' || document.querySelector('anytrack-inspect')))"
    );
    stage.browser.wait_until(&outcome).await.expect("the event leaves or is stopped");
    let violations = stage.browser.eval("return window.__violations").await.expect("watch.js is on the page");
    if violations == json!([]) {
        let delivered = stage.wait_for("meta", event).await;
        let hash = "0f3d0ff69300dc1374a6eed0d7283458cf57d1b333467239ffbe6a88fd3b292f"; // first.buyer@shop.example
        assert_eq!(delivered.at("/user_data/em"), &json!([hash]), "{event}");
        return (true, violations);
    }
    (false, violations)
}

#[tokio::test]
async fn the_printed_policy_is_enough_with_hash_nonce_and_strict_dynamic() {
    let stage = Stage::set().await.unwrap();
    let (html, policy) = stage.servers.printed_snippet().await.unwrap();
    let (script, connect) = printed(&policy);
    let hash = script.split_whitespace().last().unwrap();
    let nonce = script.replace(hash, "'nonce-n0'");
    let with_nonce = html.replace("<script", "<script nonce=\"n0\"");
    // There, hosts and 'self' count for nothing; the page's own script has the nonce as well.
    let strict = format!("{} 'strict-dynamic'", nonce.replace(&stage.servers.relay_url(), ""));
    let cases = [
        ("Hash", &html, script.replacen("script-src", "script-src 'self'", 1)),
        ("Nonce", &with_nonce, nonce.replacen("script-src", "script-src 'self'", 1)),
        ("Strict", &with_nonce, strict),
    ];
    for (event, html, script) in cases {
        for query in ["", "?anytrack_debug=1"] {
            let event = format!("{event}{}", query.len());
            let policy = format!("{OWN}; {script}; {connect}");
            assert_eq!(
                arrives(&stage, html.clone(), policy, &event, query).await,
                (true, json!([])),
                "{event}"
            );
        }
    }
    stage.strike().await.unwrap();
}

#[tokio::test]
async fn each_word_of_the_printed_policy_is_needed() {
    let stage = Stage::set().await.unwrap();
    let (html, policy) = stage.servers.printed_snippet().await.unwrap();
    let (script, connect) = printed(&policy);
    let words: Vec<&str> = script.split_whitespace().skip(1).collect();
    assert_eq!(words.len(), 3, "{script}");
    for (place, word) in words.iter().enumerate() {
        let less = script.replace(word, "").replacen("script-src", "script-src 'self'", 1);
        let policy = format!("{OWN}; {less}; {connect}");
        let (_, violations) = arrives(&stage, html.clone(), policy, &format!("Less{place}"), "").await;
        assert_ne!(violations, json!([]), "without {word} the browser complains");
    }
    let policy = format!("{OWN}; {}", script.replacen("script-src", "script-src 'self'", 1));
    let (_, violations) = arrives(&stage, html, policy, "LessConnect", "").await;
    assert_ne!(violations, json!([]), "without connect-src the browser complains");
    stage.strike().await.unwrap();
}
