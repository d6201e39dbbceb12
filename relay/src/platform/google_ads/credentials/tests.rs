//! Tokens: the assertion against a signature that OpenSSL made, the form, and every answer.

use std::time::Duration;

use super::*;

/// A key made for this test alone (`openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048`).
const KEY: &str = include_str!("test_key.pem");
const NOW: UnixMs = UnixMs(1_795_435_200_000);

/// The assertion of the claims below, signed by `openssl dgst -sha256 -sign test_key.pem`.
const ASSERTION: &str = include_str!("test_assertion.txt");

fn key_file(kind: &str, key: &str) -> Secret {
    let json = serde_json::json!({
        "type": kind,
        "project_id": "example-project",
        "private_key_id": "0123456789abcdef0123456789abcdef01234567",
        "private_key": key,
        "client_email": "relay@example-project.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    });
    Secret::new(json.to_string())
}

fn address() -> Url {
    Url::parse(TOKEN_ADDRESS).expect("an address")
}

fn machine(adjusts: bool) -> GoogleCredentials {
    let account = ServiceAccount::read(&key_file("service_account", KEY)).expect("a key");
    GoogleCredentials::new(Login::ServiceAccount(account), adjusts, address())
}

fn person() -> GoogleCredentials {
    let login = Login::User {
        client_id: "123-abc.apps.example".into(),
        client_secret: Secret::new("GOCSPX-a&b"),
        refresh_token: Secret::new("1//refresh/token"),
    };
    GoogleCredentials::new(login, false, address())
}

#[test]
fn an_assertion_is_signed_as_openssl_signs_it() {
    let form = machine(false).request(None, NOW).body.expose();
    let head = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
    assert_eq!(form, format!("{head}{}", ASSERTION.trim_end()));
}

#[test]
fn an_assertion_names_every_scope_that_is_needed() {
    let form = machine(true).request(None, NOW).body.expose();
    let claims = form.split('.').nth(1).expect("three parts");
    let claims = URL_SAFE_NO_PAD.decode(claims).expect("base64url");
    let claims: serde_json::Value = serde_json::from_slice(&claims).expect("JSON");
    assert_eq!(claims["scope"], format!("{DATA_MANAGER} {ADS}"));
    assert_eq!(claims["exp"].as_i64(), Some(NOW.seconds() + 3_600));
}

#[test]
fn a_refresh_token_is_exchanged_by_form() {
    let request = person().request(None, NOW);
    assert_eq!(
        request.body.expose(),
        "grant_type=refresh_token&client_id=123-abc.apps.example&client_secret=GOCSPX-a%26b\
         &refresh_token=1%2F%2Frefresh%2Ftoken"
    );
    assert_eq!(
        request.body.masked(),
        "grant_type=refresh_token&client_id=123-abc.apps.example&client_secret=********\
         &refresh_token=********"
    );
    assert_eq!((request.method, request.url.as_str()), ("POST", TOKEN_ADDRESS));
    assert_eq!(request.headers[0].value.masked(), "application/x-www-form-urlencoded");
}

#[test]
fn nothing_prints_the_key() {
    let shown = format!("{:?}", machine(false));
    assert!(shown.contains("relay@example-project") && !shown.contains("PRIVATE"), "{shown}");
}

#[test]
fn a_key_file_is_one_or_is_refused() {
    let check = |json: &Secret, expected| {
        assert_eq!(ServiceAccount::read(json).err(), Some(expected));
    };
    check(&Secret::new("key.json"), KeyProblem::NotAKeyFile);
    check(&Secret::new("{}"), KeyProblem::NotAKeyFile);
    check(&key_file("authorized_user", KEY), KeyProblem::NotAKeyFile);
    check(&key_file("service_account", "no key"), KeyProblem::NotAKey);
    let damaged = KEY.replacen('A', "B", 40);
    check(&key_file("service_account", &damaged), KeyProblem::NotAKey);
}

fn answer(status: u16, body: &str) -> Response {
    Response::Answer { status, retry_after: None, headers: Vec::new(), body: body.into() }
}

#[test]
fn a_token_ends_five_minutes_early() {
    let check = |seconds: i64, left: i64| {
        let body =
            format!(r#"{{"access_token":"ya29.example","expires_in":{seconds},"token_type":"Bearer"}}"#);
        let grant = person().read(&answer(200, &body), NOW).expect("granted");
        assert_eq!(grant.access.expose(), "ya29.example");
        assert_eq!((grant.until.since(NOW), grant.refresh.is_none()), (left * 1_000, true));
    };
    check(3_599, 3_299);
    check(600, 300);
    check(60, 30);
}

#[test]
fn every_refusal_has_its_outcome() {
    let check = |status, body: &str, expected: &str, words: &str| {
        for credentials in [person(), machine(false)] {
            let outcome = credentials.read(&answer(status, body), NOW).expect_err("no token");
            assert_eq!(outcome.tag(), expected, "{status} {body}");
            assert!(format!("{outcome:?}").contains(words), "{outcome:?}");
        }
    };
    check(
        400,
        r#"{"error":"invalid_grant","error_description":"Bad Request"}"#,
        "unauthorized",
        "invalid_grant",
    );
    check(401, r#"{"error":"invalid_client"}"#, "unauthorized", "invalid_client");
    check(400, r#"{"error":"invalid_scope"}"#, "unauthorized", "invalid_scope");
    check(403, r#"{"error":"access_denied"}"#, "unauthorized", "access_denied");
    check(429, r#"{"error":"rate_limit_exceeded"}"#, "retry", "rate_limit");
    check(500, r#"{"error":"internal_failure"}"#, "retry", "internal_failure");
    check(503, "", "retry", "503");
    check(404, "<html>", "unauthorized", "404");
    check(418, "", "unauthorized", "418");
    check(200, "<html>", "retry", "without a token");
    check(200, r#"{"access_token":"","expires_in":3599}"#, "retry", "without a token");
    check(200, r#"{"access_token":"x"}"#, "retry", "without a token");
}

#[test]
fn no_answer_is_asked_again() {
    let outcome = person().read(&Response::NoAnswer("timed out".into()), NOW).expect_err("no token");
    assert!(matches!(outcome, Outcome::Retry { at_least, .. } if at_least == Duration::from_secs(1)));
}

#[test]
fn advice_says_what_to_do() {
    let advice = |credentials: &GoogleCredentials, error| {
        let body = format!(r#"{{"error":"{error}"}}"#);
        format!("{:?}", credentials.read(&answer(400, &body), NOW).expect_err("no token"))
    };
    assert!(advice(&person(), "invalid_grant").contains("consent again"));
    assert!(advice(&person(), "invalid_client").contains("oauth.client_id"));
    assert!(advice(&machine(false), "invalid_grant").contains("clock"));
}
