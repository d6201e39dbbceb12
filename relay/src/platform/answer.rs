//! Answers: what every platform's answers have in common, before and beside their own words.
//!
//! Owns the waits each kind of trouble deserves, what a missing answer means, the HTTP statuses that mean the
//! same everywhere, and [`quote`], through which foreign words pass before they may become a reason. Leaves a
//! platform's codes and bodies to its own file.

use std::time::Duration;

use super::{Outcome, Response};

/// Shortest wait after being told to slow down.
pub(super) const THROTTLED: Duration = Duration::from_secs(60);
/// Shortest wait after trouble that passes by itself.
pub(super) const TRANSIENT: Duration = Duration::from_secs(1);

/// Longest piece of a platform's own words in a reason, in bytes.
const QUOTE_BYTES: usize = 300;
/// Longest code that is believed to be one.
const CODE_BYTES: usize = 100;
/// A run of token characters this long may be a token or a digest of personal data, and is masked.
const SECRET_RUN: usize = 32;

/// An answer that did arrive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer<'a> {
    /// HTTP status.
    pub(super) status: u16,
    /// `Retry-After`.
    pub(super) retry_after: Option<Duration>,
    /// Body.
    pub(super) body: &'a [u8],
}

/// The answer, or the outcome of there being none. Without an answer the request may still have been taken
/// (a timeout after sending is ambiguous), so the only right thing is to repeat it under the same event id.
pub(super) fn arrived(response: &Response) -> Result<Answer<'_>, Outcome> {
    match response {
        Response::Answer { status, retry_after, headers: _, body } => {
            Ok(Answer { status: *status, retry_after: *retry_after, body })
        }
        Response::NotSent(why) => Err(transient(None, format!("no connection: {}", quote(why)))),
        Response::NoAnswer(why) => Err(transient(None, format!("no answer: {}", quote(why)))),
    }
}

/// The same outcome for each of `events`.
pub(super) fn each(events: usize, outcome: &Outcome) -> Vec<Outcome> {
    vec![outcome.clone(); events]
}

/// Trouble that passes by itself.
pub(super) fn transient(after: Option<Duration>, reason: String) -> Outcome {
    Outcome::Retry { after, at_least: TRANSIENT, reason }
}

/// Being told to slow down.
pub(super) fn throttled(after: Option<Duration>, reason: String) -> Outcome {
    Outcome::Retry { after, at_least: THROTTLED, reason }
}

/// A request refused whole for something in it: of several events one may be the culprit, a lone one is.
pub(super) fn refused(events: usize, reason: String) -> Outcome {
    if events > 1 { Outcome::Split { reason } } else { Outcome::Rejected { reason } }
}

/// What a status means where the body says nothing the platform documents. Not for 2xx, which never fail.
pub(super) fn by_status(answer: Answer<'_>, events: usize, reason: String) -> Outcome {
    match answer.status {
        // 404 and 405: the address itself is wrong, which no event can help.
        401 | 403 | 404 | 405 | 407 | 410 => Outcome::Unauthorized { reason },
        408 | 425 => transient(answer.retry_after, reason),
        429 => throttled(answer.retry_after, reason),
        400..=499 => refused(events, reason),
        // The address has moved, or something between us and the platform answers in its place. Nothing was
        // taken. A redirect is not followed, because it could lead credentials and data astray.
        300..=399 => Outcome::Unauthorized { reason: format!("{reason}; redirects are not followed") },
        _ => transient(answer.retry_after, reason),
    }
}

/// Foreign words made fit for a reason: one line, bounded, and without anything that may be a token, a digest
/// or an e-mail address (Meta repeats a malformed access token in its message).
pub(super) fn quote(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let safe: Vec<String> = words.map(mask_word).collect();
    let line = safe.join(" ");
    match shared::limits::clip(&line, QUOTE_BYTES) {
        whole if whole.len() == line.len() => line,
        cut => format!("{cut} …"),
    }
}

/// A code in a platform's own capitals (`INVALID_ARGUMENT`), which may be as long as a token and is none; anything else
/// is quoted.
pub(super) fn code(text: &str) -> String {
    let capitals = text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if capitals && text.contains('_') && text.len() <= CODE_BYTES { text.to_owned() } else { quote(text) }
}

fn mask_word(word: &str) -> String {
    if word.contains('@') {
        return crate::secret::MASK.to_owned();
    }
    let token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let mut safe = String::new();
    for run in word.split_inclusive(|c| !token(c)) {
        let body = run.trim_end_matches(|c| !token(c));
        safe.push_str(if body.len() >= SECRET_RUN { crate::secret::MASK } else { body });
        safe.push_str(&run[body.len()..]);
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_words_lose_what_must_not_be_shown() {
        let check = |text: &str, expected: &str| assert_eq!(quote(text), expected);
        check("Invalid parameter", "Invalid parameter");
        check("two\r\nlines\tand\u{0}a null", "two lines and a null");
        check(
            "Malformed access token EAABexampleexampleexampleexampleexample",
            "Malformed access token ********",
        );
        check("jane.doe@example.com is unknown", "******** is unknown");
        check("'c3374bcfe3572e09f37602e0e179782352c5e117a4a3767824abbaa21bbdef8b', no", "'********', no");
        check("https://developers.example/docs/graph-api", "https://developers.example/docs/graph-api");
        check("", "");
    }

    #[test]
    fn a_long_code_is_no_token() {
        let check = |text: &str, expected: &str| assert_eq!(code(text), expected);
        check("DESTINATION_ACCOUNT_NOT_ENABLED_FOR_LEADS", "DESTINATION_ACCOUNT_NOT_ENABLED_FOR_LEADS");
        check("Destination_ACCOUNT_NOT_ENABLED_FOR_LEADS", "********");
        check("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMN", "********");
        check("", "");
    }

    #[test]
    fn foreign_words_are_bounded() {
        let quoted = quote(&"wörd ".repeat(1000));
        assert!(quoted.len() <= QUOTE_BYTES + " …".len() && quoted.ends_with(" …"), "{quoted}");
    }

    #[test]
    fn statuses_mean_the_same_everywhere() {
        let check = |status, events, expected| {
            let answer = Answer { status, retry_after: None, body: b"" };
            assert_eq!(by_status(answer, events, String::new()).tag(), expected, "{status}");
        };
        check(302, 1, "unauthorized");
        check(400, 1, "rejected");
        check(400, 2, "split");
        check(401, 2, "unauthorized");
        check(404, 2, "unauthorized");
        check(408, 2, "retry");
        check(413, 2, "split");
        check(429, 2, "retry");
        check(500, 2, "retry");
        check(599, 2, "retry");
        check(100, 2, "retry");
        check(0, 2, "retry");
    }

    #[test]
    fn no_answer_is_tried_again() {
        for response in [Response::NotSent("refused".into()), Response::NoAnswer("timed out".into())] {
            let outcome = arrived(&response).expect_err("there is no answer");
            assert!(
                matches!(outcome, Outcome::Retry { after: None, at_least: TRANSIENT, .. }),
                "{outcome:?}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn quoting_never_panics_and_never_grows(text in ".{0,400}") {
            let quoted = quote(&text);
            proptest::prop_assert!(!quoted.contains(['\n', '\r', '\0']) && quoted.len() <= QUOTE_BYTES + " …".len());
        }
    }
}
