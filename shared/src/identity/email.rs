//! E-mail: five normal forms, because platforms disagree about blanks, dots, `+tag` and other characters.
//!
//! Owns the rules that each platform documents. An address that cannot be one is refused, never hashed: a hash of
//! rubbish matches nobody and lowers the platform's trust in the rest.

use super::Form;
use super::character::{BLANK, DOT, HEADER, INVISIBLE, Room, SYMBOL, has};
use crate::words::{listed, split};

/// The address in `form`; nothing when the text is no address under that form's rule.
pub(super) fn normalise<'a>(form: Form, lower: &'a [u8], room: &mut Room<'a>) -> Option<&'a [u8]> {
    // Google: one `@` with something on both sides; dots and `+tag` go for Gmail only, whose domain stays as typed.
    // Data Manager API, "Format user data" (developers.google.com/data-manager, read 2026-11-23).
    let google = form == Form::Google;
    let text = if google || form == Form::Compact { room.keep(lower, BLANK) } else { lower };
    let (local, domain) = split(text, b'@')?;
    // Blanks, invisible characters and what belongs to a mail header or a link (`Jane <jane@…>`, `mailto:`) stand in
    // no address. Such a text is refused, not taken apart: no platform asks for that.
    if local.is_empty() || domain.is_empty() || has(text, INVISIBLE | BLANK | HEADER) {
        return None;
    }
    let host = |b: &u8| *b >= 0x80 || b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
    let plain = dots(domain).is_some_and(|dots| dots > 0) && domain.iter().all(host);
    if if google { split(domain, b'@').is_some() } else { !plain } {
        return None;
    }
    let drop = match form {
        Form::Google if listed("gmail.com googlemail.com", domain) => DOT,
        Form::Microsoft => DOT,
        Form::Reddit => BLANK | SYMBOL,
        Form::Google => return Some(text),
        // No dot in front, at the end or after another (RFC 5321, `Dot-string`; Meta's parameter builder refuses
        // these too). Where the dots go anyhow they do no harm, so only these forms ask.
        Form::Plain
        | Form::Compact
        | Form::E164
        | Form::Digits
        | Form::Tiktok
        | Form::Ga4
        | Form::Pinterest
        | Form::Exact => return dots(local).map(|_| text),
    };
    let untagged = split(local, b'+').map_or(local, |(before, _)| before);
    let local = room.keep(untagged, drop);
    (!local.is_empty()).then(|| room.join(local, b"@", domain))
}

/// How many dots there are, if something stands before, between and after them.
#[inline(never)]
fn dots(text: &[u8]) -> Option<usize> {
    let (mut dots, mut before) = (0, b'.');
    for byte in text {
        if *byte == b'.' {
            dots += 1;
            if before == b'.' {
                return None;
            }
        }
        before = *byte;
    }
    (before != b'.').then_some(dots)
}

#[cfg(test)]
mod tests {
    use crate::identity::{Field, Form, Raw, normalise};

    fn check(raw: &str, expected: [&str; 5]) {
        let forms = [Form::Plain, Form::Compact, Form::Google, Form::Microsoft, Form::Reddit];
        for (form, expected) in forms.into_iter().zip(expected) {
            let normal = normalise(Field::Email, form, &Raw::new(raw), None).unwrap_or_default();
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
            assert_eq!(normalise(Field::Email, Form::Plain, &Raw::new(raw), None), None, "{raw:?}");
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
