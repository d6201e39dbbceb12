//! E-mail: five normal forms, because platforms disagree about blanks, dots, `+tag` and other characters.
//!
//! Owns the rules that each platform documents. An address that cannot be one is refused, never hashed: a hash of
//! rubbish matches nobody and lowers the platform's trust in the rest.

use super::Form;
use super::character::{BLANK, DOT, HEADER, INVISIBLE, SYMBOL, has, keep};

/// The address in `form`; empty when the text is no address under that form's rule.
pub(super) fn normalise(form: Form, lower: &str) -> String {
    // Google: one `@` with something on both sides; dots and `+tag` go for Gmail only, whose domain stays as typed.
    // Data Manager API, "Format user data" (developers.google.com/data-manager, read 2026-11-23).
    let google = form == Form::Google;
    let text = keep(lower, if google || form == Form::Compact { BLANK } else { 0 });
    let unwanted = if google { INVISIBLE } else { INVISIBLE | BLANK | HEADER };
    let Some((local, domain)) = halves(&text) else { return String::new() };
    if has(&text, unwanted) || !google && !dotted(domain) {
        return String::new();
    }
    let drop = match form {
        Form::Google if matches!(domain, "gmail.com" | "googlemail.com") => DOT,
        Form::Microsoft => DOT,
        Form::Reddit => BLANK | SYMBOL,
        Form::Plain
        | Form::Compact
        | Form::Google
        | Form::E164
        | Form::Digits
        | Form::Tiktok
        | Form::Ga4
        | Form::Pinterest
        | Form::Exact => return text,
    };
    let end = local.bytes().position(|b| b == b'+').unwrap_or(local.len());
    let mut address = keep(local.get(..end).unwrap_or_default(), drop);
    if !address.is_empty() {
        address.push('@');
        address.push_str(domain);
    }
    address
}

/// What stands before and after the only `@`, neither empty.
fn halves(text: &str) -> Option<(&str, &str)> {
    let at = text.bytes().position(|b| b == b'@')?;
    let (local, domain) = (text.get(..at)?, text.get(at + 1..)?);
    (at > 0 && !domain.is_empty() && !domain.bytes().any(|b| b == b'@')).then_some((local, domain))
}

/// Whether there is a dot, and something before, between and after all dots.
fn dotted(domain: &str) -> bool {
    let mut label = 0;
    let mut dots = 0;
    for byte in domain.bytes() {
        if byte != b'.' {
            label += 1;
        } else if label == 0 {
            return false;
        } else {
            label = 0;
            dots += 1;
        }
    }
    dots > 0 && label > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Raw;

    fn check(raw: &str, expected: [&str; 5]) {
        let forms = [Form::Plain, Form::Compact, Form::Google, Form::Microsoft, Form::Reddit];
        for (form, expected) in forms.into_iter().zip(expected) {
            let normal = normalise(form, &Raw::new(raw).lower);
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
        for raw in ["a@b..co", "a@.co", "a@co.", "Jane <a@b.co>", "a@b.co,", "a:b@c.co"] {
            assert_eq!(normalise(Form::Plain, &Raw::new(raw).lower), "", "{raw:?}");
        }
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
        check("..+x@gmail.com", ["..+x@gmail.com", "..+x@gmail.com", "", "", ""]);
        check("$_@example.com", ["$_@example.com", "$_@example.com", "$_@example.com", "$_@example.com", ""]);
    }
}
