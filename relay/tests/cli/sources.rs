//! Trying sources out, and what `check` says of them.

use crate::place::{Place, RIGHT, ran};

const SOURCE: &str = r#"
[[source]]
name = "pay"
site = "shop"
kind = "stripe"
secret = "${API_KEY}"
"#;

#[test]
fn source_test_shows_what_a_request_would_become() {
    let place = Place::with(&format!("{RIGHT}{SOURCE}"));
    assert!(place.run(&["check"], b"").output.ends_with(": ok: 1 site, 0 destinations, 1 source\n"));
    let body = r#"{"object":"event","type":"checkout.session.completed","created":1795420800,"livemode":true,
        "data":{"object":{"id":"cs_1","payment_status":"paid","amount_total":5990,"currency":"eur",
        "customer_details":{"email":"jane.doe@example.com"}}}}"#;
    // Computed apart from this program: HMAC-SHA256 of the time, a dot and the body, with the key of the environment.
    let signature = "6741a258bc2a3f5ea35b2672f41b8e7f7e0568712730f40ac6daf06b6603102c";
    let request = |headers: &str| format!("POST /v1/webhook/pay HTTP/1.1\nHost: t\n{headers}\n{body}");
    let signed = request(&format!("Stripe-Signature: t=1795420800,v1={signature}\n"));
    let at = ["source-test", "pay", "--at", "2026-11-23T08:00:30Z"];
    let ran = place.run(&at, signed.as_bytes());
    assert_eq!((ran.code, ran.errors.as_str()), (Some(0), ""), "{}", ran.output);
    for part in
        [r#""result": "stored""#, r#""event_id": "Purchase-cs_1""#, r#""value": 59.9"#, r#""status": 200"#]
    {
        assert!(ran.output.contains(part), "{part}: {}", ran.output);
    }
    assert!(!ran.output.contains("jane.doe") && !ran.output.contains("key-from"), "{}", ran.output);
    assert!(!place.path("data").exists(), "nothing is stored");

    let late = place.run(&["source-test", "pay", "--at", "2026-11-24T08:00:30Z"], signed.as_bytes());
    assert_eq!(late.code, Some(1));
    assert!(
        late.output.contains(r#""result": "denied""#) && late.output.contains("a replay"),
        "{}",
        late.output
    );
    let unsigned = [&at[..], &["--unsigned"]].concat();
    assert_eq!(place.run(&unsigned, request("").as_bytes()).code, Some(0));
}

#[test]
fn source_test_names_what_it_cannot_use() {
    let place = Place::with(&format!("{RIGHT}{SOURCE}"));
    let check = |arguments: &[&str], input: &[u8], expected: &str| {
        assert_eq!(place.run(arguments, input), ran(1, "", expected), "{arguments:?}");
    };
    check(&["source-test", "x"], b"", "there is no source `x`; known: pay\n");
    let first = "standard input: the first line is no request line; expected one such as `POST /v1/webhook/shop HTTP/1.1`\n";
    check(&["source-test", "pay"], b"{}", first);
    let method = "standard input: this source does not take the method of the request; it takes POST\n";
    check(&["source-test", "pay"], b"GET /v1/webhook/pay HTTP/1.1\n\n", method);
    let place = Place::with(RIGHT);
    let none = "there is no source `pay`; the configuration has none; add a [[source]]\n";
    assert_eq!(place.run(&["source-test", "pay"], b""), ran(1, "", none));
}

#[test]
fn postback_url_is_ready_to_paste() {
    let sources = "[[source]]\nname = 'net'\nsite = 'shop'\nkind = 'postback'\nnetwork = 'maxbounty'\ntoken = '${API_KEY}'\n";
    let place = Place::with(&format!("{RIGHT}{SOURCE}{sources}"));
    let url = "https://t.shop.example/v1/postback/net?token=key-from-the-environment&atclid=#S2#&payout=#RATE#&offer=#CAMPAIGN_ID#&s1=#S1#\n";
    assert_eq!(place.run(&["postback-url", "net"], b""), ran(0, url, ""));
    let webhook = "https://t.shop.example/v1/webhook/pay\n";
    assert_eq!(place.run(&["postback-url", "pay"], b""), ran(0, webhook, ""));
    let none = "there is no source `x`; known: pay, net\n";
    assert_eq!(place.run(&["postback-url", "x"], b""), ran(1, "", none));
}

/// Whoever shows a token in the address finds it in the address to paste.
#[test]
fn the_address_of_a_webhook_carries_its_token() {
    let check = |lines: &str, query: &str| {
        let source = format!("[[source]]\nname = 'form'\nsite = 'shop'\n{lines}\n");
        let ran = Place::with(&format!("{RIGHT}{source}")).run(&["postback-url", "form"], b"");
        assert_eq!(
            ran,
            self::ran(0, &format!("https://t.shop.example/v1/webhook/form{query}\n"), ""),
            "{lines}"
        );
    };
    check("kind = 'jotform'\ntoken = '${API_KEY}'", "?token=key-from-the-environment");
    let json = |auth: &str| {
        format!("kind = 'json'\nauth = {{ {auth} }}\n[[source.rule]]\nevent = 'Lead'\nid = 'id'")
    };
    check(&json("type = 'query', name = 'tk', token = 'a b&c'"), "?tk=a+b%26c");
    check(&json("type = 'query', token = '${API_KEY}'"), "?token=key-from-the-environment");
    check(&json("type = 'bearer', token = '${API_KEY}'"), "");
}

#[test]
fn check_says_what_a_postback_source_lacks() {
    let check = |lines: &str, expected: &str| {
        let source = format!("[[source]]\nname = 'net'\nsite = 'shop'\nkind = 'postback'\n{lines}\n");
        let ran = Place::with(&format!("{RIGHT}{source}")).run(&["check"], b"");
        assert!(ran.code == Some(1) && ran.errors.contains(expected), "{lines}: {}", ran.errors);
    };
    check("", "source.net.token: missing");
    check("token = 'short'", "source.net.token: ");
    check("token = '${API_KEY}'\nnetwork = 'cj'", "CJ calls no postback for publishers");
    check("token = '${API_KEY}'\nnetwrk = 'tune'", "did you mean `network`");
    check("token = '${API_KEY}'\nevents = { ftd = 1 }", "source.net.events.ftd: ");
    check("token = '${API_KEY}'\nparameters = { payot = 'a' }", "source.net.parameters.payot: ");
}
