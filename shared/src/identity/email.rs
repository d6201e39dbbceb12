//! E-mail: five normal forms, because platforms disagree about blanks, dots, `+tag` and other characters.
//!
//! Owns the rules of `../shared/platforms`, section 4 of each dossier. An address that cannot be one is refused,
//! never hashed: a hash of rubbish matches nobody and lowers the platform's trust in the rest.

use super::character::{is_invisible, is_letter, without_blanks};
use super::{Form, Raw};

/// The address in `form`; `None` when the text is no address under that form's rule.
pub(super) fn normalise(form: Form, raw: &Raw<'_>) -> Option<String> {
    match form {
        Form::Compact => mailbox(&without_blanks(&raw.lower)?).map(str::to_owned),
        Form::Google => google(&without_blanks(&raw.lower)?),
        Form::Microsoft => rebuild(plain(&raw.lower)?, |c| c != '.'),
        Form::Reddit => rebuild(plain(&raw.lower)?, |c| c.is_ascii_digit() || is_letter(c)),
        Form::Plain
        | Form::E164
        | Form::Digits
        | Form::Tiktok
        | Form::Ga4
        | Form::Pinterest
        | Form::Exact => mailbox(&raw.lower).map(str::to_owned),
    }
}

/// An address whose local part has no dot in front, at the end or after another (RFC 5321, `Dot-string`; Meta's
/// parameter builder refuses these too). Where the dots go anyhow they do no harm, so only these forms ask.
fn mailbox(text: &str) -> Option<&str> {
    let (local, _) = halves(text)?;
    if local.split('.').any(str::is_empty) { None } else { plain(text) }
}

/// Checks that `text` looks like an address: one `@`, something before it, a domain with a dot and no empty label,
/// nothing that stands in no address.
fn plain(text: &str) -> Option<&str> {
    let (_, domain) = halves(text)?;
    let host = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    let dotted = domain.contains('.') && domain.split('.').all(|label| !label.is_empty());
    (dotted && domain.chars().all(host) && !text.contains(is_foreign)).then_some(text)
}

/// What stands in no address: blanks, invisible characters and what belongs to a mail header or a link
/// (`Jane <jane@…>`, `mailto:`). Such a text is refused, not taken apart: no platform asks for that.
fn is_foreign(c: char) -> bool {
    let header = matches!(c, '<' | '>' | '(' | ')' | '[' | ']' | ',' | ';' | ':' | '\\' | '"');
    header || c.is_whitespace() || is_invisible(c)
}

/// Google: one `@` with something on both sides; dots and `+tag` go for Gmail only, whose domain stays as typed.
/// Data Manager API, "Format user data" (developers.google.com/data-manager, read 2026-11-23).
fn google(text: &str) -> Option<String> {
    let (local, domain) = halves(text)?;
    if text.contains(is_foreign) {
        None
    } else if matches!(domain, "gmail.com" | "googlemail.com") {
        rebuild_halves(local, domain, |c| c != '.')
    } else {
        Some([local, "@", domain].concat())
    }
}

/// Cuts the local part at the first `+` and keeps only its `wanted` characters, for every domain.
fn rebuild(text: &str, wanted: impl Fn(char) -> bool) -> Option<String> {
    let (local, domain) = halves(text)?;
    rebuild_halves(local, domain, wanted)
}

fn rebuild_halves(local: &str, domain: &str, wanted: impl Fn(char) -> bool) -> Option<String> {
    let untagged = local.split('+').next().unwrap_or(local);
    let mut address: String = untagged.chars().filter(|c| wanted(*c)).collect();
    if address.is_empty() {
        return None;
    }
    address.push('@');
    address.push_str(domain);
    Some(address)
}

/// What stands before and after the only `@`, neither empty.
fn halves(text: &str) -> Option<(&str, &str)> {
    let (local, domain) = text.split_once('@')?;
    (!local.is_empty() && !domain.is_empty() && !domain.contains('@')).then_some((local, domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, expected: [&str; 5]) {
        let forms = [Form::Plain, Form::Compact, Form::Google, Form::Microsoft, Form::Reddit];
        for (form, expected) in forms.into_iter().zip(expected) {
            let normal = normalise(form, &Raw::new(raw)).unwrap_or_default();
            assert_eq!(normal, expected, "{raw:?} as {form:?}");
        }
    }

    #[test]
    fn every_platform_gets_its_own_form() {
        check(
            " J.Doe_1+News@GMAIL.com ",
            [
                "j.doe_1+news@gmail.com",
                "j.doe_1+news@gmail.com",
                "jdoe_1@gmail.com",
                "jdoe_1@gmail.com",
                "jdoe1@gmail.com",
            ],
        );
        check(
            "j.doe+a@example.com",
            [
                "j.doe+a@example.com",
                "j.doe+a@example.com",
                "j.doe+a@example.com",
                "jdoe@example.com",
                "jdoe@example.com",
            ],
        );
    }

    #[test]
    fn a_blank_inside_goes_only_where_the_platform_says_so() {
        check("a @ b.co", ["", "a@b.co", "a@b.co", "", ""]);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for raw in ["", "quinn", "@example.com", "jane.doe@", "a@b@c.de", "a\u{200b}@b.co", "a\0@b.co"] {
            check(raw, [""; 5]);
        }
        for raw in ["a@b..co", "a@.co", "a@co.", "a@b_c.co", "a@b/c.co"] {
            assert_eq!(normalise(Form::Plain, &Raw::new(raw)), None, "{raw:?}");
        }
        for raw in ["Jane <a@b.co>", "mailto:a@b.co", "a@b.co,", "a:b@c.co", "\"a b\"@c.co"] {
            check(raw, [""; 5]);
        }
    }

    #[test]
    fn a_misplaced_dot_is_refused_unless_the_dots_go() {
        check("..x.y+1@example.com", ["", "", "..x.y+1@example.com", "xy@example.com", "xy@example.com"]);
        check("x..y@gmail.com", ["", "", "xy@gmail.com", "xy@gmail.com", "xy@gmail.com"]);
        check("x.@example.com", ["", "", "x.@example.com", "x@example.com", "x@example.com"]);
    }

    #[test]
    fn google_takes_a_domain_without_a_dot_and_the_others_do_not() {
        check("root@localhost", ["", "", "root@localhost", "", ""]);
    }

    #[test]
    fn a_local_part_that_becomes_empty_is_refused() {
        check(
            "+promo@example.com",
            ["+promo@example.com", "+promo@example.com", "+promo@example.com", "", ""],
        );
        check("..+x@gmail.com", [""; 5]);
        check("$_@example.com", ["$_@example.com", "$_@example.com", "$_@example.com", "$_@example.com", ""]);
    }
}
