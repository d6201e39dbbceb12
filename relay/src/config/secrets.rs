//! What can be told of a secret by looking at it: some cannot be right, some are hardly meant. Nothing of one is quoted.
//!
//! A secret with one character too many, which nobody sees, is refused by its platform at best; at worst every webhook is
//! denied. Such characters come from the file that the environment is made of: a service of systemd takes the quotes around a
//! value off, `--env-file` of Podman and Docker keeps them, and the CR of a line that was written on Windows as well.

use super::advice::Advice;
use super::error::Fault;
use super::expand;
use super::notes::Notes;
use crate::platform::Key;

/// What is known of a secret before it is seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Form {
    /// Whether blanks at its ends may be part of it.
    blanks: bool,
    /// What it begins with if it is right; empty where nobody knows.
    begins: &'static str,
}

impl Form {
    /// What the documentation of its key says.
    pub(super) fn of(key: &Key) -> Self {
        Self { blanks: key.blanks, begins: key.begins }
    }
}

/// The secret without what cannot be part of it at its ends, which is noted. Whether an empty one will do is said by whoever
/// is given it.
pub(super) fn checked(notes: &Notes<'_>, key: &str, at: usize, secret: String, form: Form) -> String {
    let foreign = |c: char| c.is_control() || (c.is_whitespace() && !(form.blanks && c == ' '));
    let bare = secret.trim_matches(foreign);
    if bare.len() < secret.len() && !bare.is_empty() {
        notes.fault(key, at, Fault::SecretEnds);
        return bare.to_owned();
    }
    advise(notes, key, at, &secret, form);
    secret
}

/// Notes what may be right and hardly is.
pub(super) fn advise(notes: &Notes<'_>, key: &str, at: usize, secret: &str, form: Form) {
    if secret.trim().is_empty() {
        return;
    }
    if is_quoted(secret) {
        notes.advise(key, at, Advice::QuotedSecret);
    } else if secret.strip_prefix('$').is_some_and(expand::is_name) {
        notes.advise(key, at, Advice::NoReference);
    } else if !secret.starts_with(form.begins) {
        notes.advise(key, at, Advice::UnlikelySecret { begins: form.begins });
    }
}

fn is_quoted(text: &str) -> bool {
    text.len() > 1 && ['"', '\''].into_iter().any(|quote| text.starts_with(quote) && text.ends_with(quote))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of a secret, how many faults there are and what is advised.
    fn seen(secret: &str, form: Form) -> (String, usize, Vec<Advice>) {
        let variables = |_: &str| None;
        let notes = Notes::new("a.toml", "", &variables);
        let left = checked(&notes, "secret", 0, secret.to_owned(), form);
        let (problems, warnings) = notes.finish();
        assert!(problems.iter().all(|problem| problem.what == Fault::SecretEnds));
        (left, problems.len(), warnings.into_iter().map(|warning| warning.what).collect())
    }

    #[test]
    fn what_nobody_sees_at_an_end_is_refused() {
        for secret in ["s3cret\r", "s3cret\r\n", " s3cret", "s3cret\t", "\u{a0}s3cret", "\u{7f}s3cret "] {
            assert_eq!(seen(secret, Form::default()), ("s3cret".to_owned(), 1, vec![]), "{secret:?}");
        }
        for secret in ["s3cret", "s3 cret", "a", "", " ", "\r\n"] {
            assert_eq!(seen(secret, Form::default()), (secret.to_owned(), 0, vec![]), "{secret:?}");
        }
    }

    #[test]
    fn a_blank_may_be_part_of_some() {
        let form = Form { blanks: true, ..Form::default() };
        assert_eq!(seen(" s3cret ", form), (" s3cret ".to_owned(), 0, vec![]));
        assert_eq!(seen(" s3cret \r", form), (" s3cret ".to_owned(), 1, vec![]));
    }

    #[test]
    fn what_is_hardly_meant_is_said() {
        let form = Form { begins: "whsec_", ..Form::default() };
        let check = |secret: &str, form, advice: &[Advice]| {
            assert_eq!(seen(secret, form), (secret.to_owned(), 0, advice.to_vec()), "{secret}");
        };
        check("\"s3cret\"", Form::default(), &[Advice::QuotedSecret]);
        check("'whsec_s3cret'", form, &[Advice::QuotedSecret]);
        check("$META_ACCESS_TOKEN", Form::default(), &[Advice::NoReference]);
        check("sk_live_s3cret", form, &[Advice::UnlikelySecret { begins: "whsec_" }]);
        check("whsec_s3cret", form, &[]);
        for fine in ["\"", "'s3cret\"", "s3c'ret", "$5 a day", "${A}", "$", "a$B"] {
            check(fine, Form::default(), &[]);
        }
    }
}
