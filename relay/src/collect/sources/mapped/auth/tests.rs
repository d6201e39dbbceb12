//! Every way in, with right and wrong proofs; signatures are computed apart from this code.

use super::super::super::testing::{headers, webhook};
use super::*;

fn auth(text: &str) -> Auth {
    let written: Written = toml::from_str(text).expect("well-formed");
    written.check().expect("right settings")
}

#[track_caller]
fn check(settings: &str, sent: &[(&'static str, &str)], body: &str, now: i64, expected: Result<(), Denied>) {
    let headers = headers(sent);
    let request = Inbound { now: UnixMs(now * 1000), ..webhook(&headers, body) };
    assert_eq!(auth(settings).check(&request), expected, "{settings} {sent:?}");
}

const NO_HEADER: Denied = Denied::WrongHeader { header: "Authorization", key: "auth" };

#[test]
fn tokens_and_passwords() {
    let bearer = "type = 'bearer'\ntoken = 't0ken'";
    check(bearer, &[("authorization", "Bearer t0ken")], "", 0, Ok(()));
    check(bearer, &[("authorization", "Bearer other")], "", 0, Err(NO_HEADER));
    check(bearer, &[], "", 0, Err(NO_HEADER));
    let own = "type = 'header'\nname = 'X-Relay-Token'\ntoken = 't0ken'";
    check(own, &[("x-relay-token", "t0ken")], "", 0, Ok(()));
    check(own, &[("x-relay-token", "")], "", 0, Err(Denied::WrongHeader { header: "token", key: "auth" }));
    let basic = "type = 'basic'\nuser = 'jane'\npassword = 'pa:ss'";
    check(basic, &[("authorization", "Basic amFuZTpwYTpzcw==")], "", 0, Ok(()));
    check(basic, &[("authorization", "Basic amFuZTpwYXNz")], "", 0, Err(NO_HEADER));
    let query = "type = 'query'\ntoken = 't0ken'";
    check(query, &[], "", 0, Err(Denied::WrongToken { key: "auth" }));
}

/// Computed apart from this code: `printf %s 'body' | openssl dgst -sha256 -hmac k`, and with `-binary | base64`.
#[test]
fn signatures_of_the_body() {
    let hex = "c6d811ef3aeb02437cd423f1abe13209041864630bdc4e2c04def5c7b0031a23";
    let base64 = "xtgR7zrrAkN81CPxq+EyCQQYZGML3E4sBN71x7ADGiM=";
    let plain = "type = 'hmac'\nsecret = 'k'\nheader = 'X-Signature'";
    check(plain, &[("x-signature", hex)], "body", 0, Ok(()));
    check(plain, &[("x-signature", &hex.to_uppercase())], "body", 0, Ok(()));
    check(plain, &[("x-signature", hex)], "Body", 0, Err(WRONG));
    check(plain, &[("x-signature", base64)], "body", 0, Err(WRONG));
    check(plain, &[], "body", 0, Err(Denied::Unsigned { header: "signature" }));
    let coded = format!("{plain}\nprefix = 'sha256='\nencoding = 'base64'");
    check(&coded, &[("x-signature", &format!("sha256={base64}"))], "body", 0, Ok(()));
    check(&coded, &[("x-signature", base64)], "body", 0, Err(WRONG));
}

/// `printf %s '1795420800:body' | openssl dgst -sha256 -hmac k`, the same with the time in milliseconds.
#[test]
fn signatures_with_a_time_grow_old() {
    let at = 1_795_420_800;
    let timed = "type = 'hmac'\nsecret = 'k'\nheader = 'X-Signature'\nsigned = '{timestamp}:{body}'\ntimestamp_header = 'X-Time'";
    let sent = [
        ("x-signature", "c1e30b098e824649ab59ac1a1e2a69a5174651a368d2f98f88d95b54b07ddd2f"),
        ("x-time", "1795420800"),
    ];
    check(timed, &sent, "body", at, Ok(()));
    check(timed, &sent, "body", at + 300, Ok(()));
    check(timed, &sent, "body", at + 301, Err(Denied::Stale { seconds: 301 }));
    check(timed, &sent, "body", at - 301, Err(Denied::Stale { seconds: 301 }));
    check(&format!("{timed}\ntolerance_s = 10"), &sent, "body", at + 11, Err(Denied::Stale { seconds: 11 }));
    check(timed, &[sent[0], ("x-time", "1795420801")], "body", at, Err(WRONG));
    check(timed, &sent[..1], "body", at, Err(WRONG));
    let millis = [
        ("x-signature", "cc543d7bfc8bb9f35adf95d8bc85c430672ffda12d6004d8266883b2c4d19349"),
        ("x-time", "1795420800000"),
    ];
    check(timed, &millis, "body", at + 300, Ok(()));
    check(timed, &millis, "body", at + 301, Err(Denied::Stale { seconds: 301 }));
}

/// The example of the Standard Webhooks specification.
#[test]
fn standard_webhooks_are_those_of_the_specification() {
    let settings = "type = 'standard_webhooks'\nsecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'";
    let id = ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek");
    let (at, time) = (1_614_265_330, ("webhook-timestamp", "1614265330"));
    let signed = ("webhook-signature", "v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    let body = r#"{"test": 2432232314}"#;
    check(settings, &[id, time, signed], body, at, Ok(()));
    check(settings, &[id, time, signed], "{}", at, Err(WRONG));
    check(settings, &[id, time, ("webhook-signature", "v1a,g0hM9SsE")], body, at, Err(WRONG));
    check(settings, &[id, time, signed], body, at + 301, Err(Denied::Stale { seconds: 301 }));
    check(settings, &[time, signed], body, at, Err(Denied::Unsigned { header: "webhook-id" }));
}

#[test]
fn settings_that_cannot_be_are_named() {
    for (text, words) in [
        ("type = 'bearer'", "`auth.token`"),
        ("type = 'bearer'\ntoken = ' '", "`auth.token`"),
        ("type = 'bearer'\ntoken = 't'\nuser = 'u'", "`auth.user`: not used"),
        ("type = 'header'\ntoken = 't'", "`auth.name`"),
        ("type = 'header'\nname = 'a b'\ntoken = 't'", "`auth.name`"),
        ("type = 'basic'\nuser = 'a:b'\npassword = 'p'", "`auth.user`"),
        ("type = 'hmac'\nsecret = 's'\nheader = 'X'\nsigned = '{timestamp}'", "`auth.signed`"),
        (
            "type = 'hmac'\nsecret = 's'\nheader = 'X'\nsigned = '{timestamp}.{body}'",
            "`auth.timestamp_header`",
        ),
        ("type = 'hmac'\nsecret = 's'\nheader = 'X'\ntimestamp_header = 'T'", "`auth.timestamp_header`"),
        ("type = 'standard_webhooks'\nsecret = 'abc'", "`auth.secret`"),
    ] {
        let written: Written = toml::from_str(text).expect("well-formed");
        let error = written.check().expect_err(text).to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn a_template_is_taken_apart() {
    let text = |text: &str| Part::Text(text.to_owned());
    assert_eq!(parts("{body}"), [Part::Body]);
    assert_eq!(
        parts("v0:{timestamp}:{body}!"),
        [text("v0:"), Part::Timestamp, text(":"), Part::Body, text("!")]
    );
    assert_eq!(parts("{x}"), [text("{x}")]);
}
