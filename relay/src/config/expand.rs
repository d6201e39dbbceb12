//! `${NAME}` in the text of a value becomes the environment variable of that name; `$${` stands for `${` itself.
//!
//! A variable that is unset or blank is an error: an empty token would only fail later, at the platform.

use super::error::Fault;

/// Answers the value of a variable, if it is set.
pub(super) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Whether a text refers to the environment at all.
pub(super) fn refers(text: &str) -> bool {
    text.replace("$${", "").contains("${")
}

/// The text with every reference filled in, or everything that is wrong with its references.
pub(super) fn expand(text: &str, variables: Variables<'_>) -> Result<String, Vec<Fault>> {
    let mut full = String::with_capacity(text.len());
    let mut faults = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, reference) = (&rest[..at], &rest[at + 2..]);
        if let Some(before) = before.strip_suffix('$') {
            full.push_str(before);
            full.push_str("${");
            rest = reference;
            continue;
        }
        full.push_str(before);
        let Some((name, after)) = reference.split_once('}').filter(|(name, _)| is_name(name)) else {
            faults.push(Fault::Reference);
            break;
        };
        match value(name, variables) {
            Ok(value) => full.push_str(&value),
            Err(fault) => faults.push(fault),
        }
        rest = after;
    }
    full.push_str(rest);
    if faults.is_empty() { Ok(full) } else { Err(faults) }
}

fn value(name: &str, variables: Variables<'_>) -> Result<String, Fault> {
    let value = variables(name).ok_or_else(|| Fault::Unset { name: name.to_owned() })?;
    if value.trim().is_empty() { Err(Fault::Blank { name: name.to_owned() }) } else { Ok(value) }
}

/// Whether this can be the name of a variable, by the rule of POSIX (Base Definitions, 8.1) and lower case too.
pub(super) fn is_name(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(name: &str) -> Option<String> {
        match name {
            "TOKEN" => Some("t0ken".to_owned()),
            "NESTED" => Some("${TOKEN}".to_owned()),
            "BLANK" => Some(" \t".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn references_are_filled_in() {
        let check = |text, expected: &str| {
            assert_eq!(expand(text, &variables).as_deref(), Ok(expected), "{text}");
        };
        check("plain", "plain");
        check("", "");
        check("${TOKEN}", "t0ken");
        check("Bearer ${TOKEN}, twice ${TOKEN}.", "Bearer t0ken, twice t0ken.");
        check("$${TOKEN}", "${TOKEN}");
        check("$$${TOKEN}", "$${TOKEN}");
        check("$ 5 and $TOKEN", "$ 5 and $TOKEN");
        check("ü${TOKEN}ü", "üt0kenü");
        // What a variable holds is a value, not a template.
        check("${NESTED}", "${TOKEN}");
    }

    #[test]
    fn references_that_lead_nowhere_are_named() {
        let check = |text, expected: &[Fault]| {
            assert_eq!(expand(text, &variables), Err(expected.to_vec()), "{text}");
        };
        let unset = |name: &str| Fault::Unset { name: name.to_owned() };
        check("${NOPE}", &[unset("NOPE")]);
        check("${A}-${B}", &[unset("A"), unset("B")]);
        check("${BLANK}", &[Fault::Blank { name: "BLANK".to_owned() }]);
        check("${TOKEN", &[Fault::Reference]);
        check("${}", &[Fault::Reference]);
        check("${TO KEN}", &[Fault::Reference]);
        check("${1ST}", &[Fault::Reference]);
    }

    #[test]
    fn a_literal_is_told_from_a_reference() {
        assert!(refers("x${TOKEN}") && refers("$${A} ${B}"));
        assert!(!refers("secret") && !refers("$${A}") && !refers("$A"));
    }

    proptest::proptest! {
        #[test]
        fn text_without_references_stays_as_it_is(text in "[^$]{0,40}") {
            proptest::prop_assert_eq!(expand(&text, &variables), Ok(text));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[${}A-C ü]{0,24}") {
            let _ = expand(&text, &variables);
        }
    }
}
