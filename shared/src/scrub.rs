//! Keeps raw personal data out of addresses and texts.
//!
//! Sites put e-mail addresses into links and forms that submit by `GET` put whole persons there. Platforms forbid
//! it, and so do we: this module takes such values out of an address and says whether a text may pass. It removes
//! only what it recognises; click ids, parameters' order and encoding stay byte for byte. A bare `name` is left
//! alone (products and lists have names too), and so is a telephone number whose parameter does not say what it is.

use crate::{bytes, percent};

/// `url` without the values that look like an e-mail address or whose parameter is named for personal data.
///
/// A parameter keeps its name and loses its value. An address in the path becomes `-`, so that no two slashes meet;
/// a user and password before the host go.
pub fn url(url: &str) -> String {
    let suspicious = may_hold_email(url);
    if suspicious || names_any_personal_data(url) { cleaned(url, suspicious) } else { url.to_owned() }
}

/// Whether nothing in an address can be an e-mail address and no parameter is named for a person, so that [`url`] would
/// only copy it. So are nearly all.
pub fn is_clean(url: &str) -> bool {
    !may_hold_email(url) && !names_any_personal_data(url)
}

/// The same, step by step. Where nothing can be an e-mail address, nothing is searched for one.
fn cleaned(url: &str, suspicious: bool) -> String {
    let mut clean = String::with_capacity(url.len());
    let mut rest = authority(url, &mut clean);
    let mut in_parameters = false;
    let mut in_personal_value = false;
    loop {
        let end = rest.find(is_delimiter);
        let (token, tail) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, ""));
        let delimiter = tail.bytes().next();
        rest = tail.get(1..).unwrap_or_default();
        if !in_personal_value {
            if !suspicious || !looks_like_email(token) {
                clean.push_str(token);
            } else if !in_parameters {
                clean.push('-');
            }
        }
        match delimiter {
            Some(b'&' | b'#') => in_personal_value = false,
            Some(b'=') if !in_personal_value => {
                clean.push('=');
                in_personal_value = in_parameters && names_personal_data(token.as_bytes());
                continue;
            }
            Some(_) => {}
            None => return clean,
        }
        in_parameters |= matches!(delimiter, Some(b'?' | b'#'));
        if let Some(byte) = delimiter.filter(|_| !in_personal_value) {
            clean.push(char::from(byte));
        }
    }
}

/// Whether an e-mail address stands anywhere in `text`, plain or percent-encoded any number of times.
pub fn looks_like_email(text: &str) -> bool {
    if !may_hold_email(text) {
        return false;
    }
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..MOST_ENCODINGS {
        if contains_email(&bytes) {
            return true;
        }
        let decoded = percent::bytes(&bytes, false);
        if decoded == bytes {
            return false;
        }
        bytes = decoded;
    }
    // Nobody encodes so often without something to hide.
    true
}

/// Whether the sign of an e-mail address is there, plain or as the percent sign that may encode it.
fn may_hold_email(text: &str) -> bool {
    bytes::any(text.as_bytes(), |byte| (byte == b'@') | (byte == b'%'))
}

/// Whether any parameter of an address is named for personal data.
fn names_any_personal_data(url: &str) -> bool {
    let bytes = url.as_bytes();
    let Some(start) = bytes.iter().position(|byte| matches!(byte, b'?' | b'#')) else { return false };
    let mut name = start + 1;
    bytes.iter().enumerate().skip(name).any(|(at, byte)| {
        if !is_delimiter(char::from(*byte)) {
            return false;
        }
        let word = bytes.get(name..at).unwrap_or_default();
        name = at + 1;
        *byte == b'=' && names_personal_data(word)
    })
}

/// What ends a step of the path, a parameter's name or its value.
fn is_delimiter(c: char) -> bool {
    matches!(c, '/' | '?' | '#' | '&' | '=' | ';')
}

/// The text of a custom property, unless it holds an e-mail address.
pub fn text(text: &str) -> Option<&str> {
    (!looks_like_email(text)).then_some(text)
}

/// Copies scheme and host without user and password, and gives what follows them.
fn authority<'a>(url: &'a str, clean: &mut String) -> &'a str {
    let split = percent::find(url, "://").and_then(|at| Some((url.get(..at)?, url.get(at + 3..)?)));
    let Some((scheme, after)) = split else { return url };
    if !scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')) {
        return url;
    }
    let end = after.find(['/', '?', '#']).unwrap_or(after.len());
    let (host, rest) = after.split_at_checked(end).unwrap_or((after, ""));
    let host = host.rsplit('@').next().unwrap_or(host);
    clean.push_str(scheme);
    clean.push_str("://");
    clean.push_str(if looks_like_email(host) { "-" } else { host });
    rest
}

/// Whether a name says that its value is personal: `email`, `user[email]`, `billing_first_name` …
pub fn names_person(name: &str) -> bool {
    names_personal_data(name.as_bytes())
}

/// The same of a parameter's name, as it stands in an address.
fn names_personal_data(name: &[u8]) -> bool {
    // Only an encoded name has to be decoded: blanks are no letters, however they are written.
    let decoded = name.contains(&b'%').then(|| percent::bytes(name, true));
    let letters = decoded.as_deref().unwrap_or(name).iter().filter(|b| b.is_ascii_alphabetic());
    let mut word = [0; LONGEST_NAME];
    let mut length = 0;
    for letter in letters {
        let Some(place) = word.get_mut(length) else { return false };
        *place = letter.to_ascii_lowercase();
        length += 1;
    }
    let word = word.get(..length).unwrap_or_default();
    let owners = ["user", "customer", "billing", "shipping", "contact", "your", "my", "input"];
    // A `name` alone is a thing's, with an owner before it somebody's (`your-name`, `billing_name`); a user's is an account's.
    matches!(
        word,
        b"customername" | b"billingname" | b"shippingname" | b"contactname" | b"yourname" | b"myname"
    ) || is_personal(word)
        || owners.into_iter().find_map(|owner| word.strip_prefix(owner.as_bytes())).is_some_and(is_personal)
}

/// Whether a name, in lower case and letters only, is one of a personal value. As a pattern, of which only names of the
/// same length are looked at.
const fn is_personal(name: &[u8]) -> bool {
    matches!(
        name,
        b"email"
            | b"mail"
            | b"emailaddress"
            | b"useremail"
            | b"phone"
            | b"phonenumber"
            | b"telephone"
            | b"tel"
            | b"mobile"
            | b"mobilephone"
            | b"firstname"
            | b"fname"
            | b"givenname"
            | b"lastname"
            | b"lname"
            | b"surname"
            | b"familyname"
            | b"fullname"
            | b"dateofbirth"
            | b"birthdate"
            | b"birthday"
            | b"dob"
            | b"password"
    )
}

/// Whether something before an `@` and a domain with a top level after it stand in `bytes`.
fn contains_email(bytes: &[u8]) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b >= 0x80;
    let local = |b: u8| word(b) || b"._%+-'~!$*".contains(&b);
    bytes.iter().enumerate().filter(|(_, b)| **b == b'@').any(|(at, _)| {
        let after = bytes.get(at + 1..).unwrap_or_default();
        let domain = after.split(|b| !(word(*b) || matches!(b, b'.' | b'-'))).next().unwrap_or_default();
        let mut labels = domain.split(|b| *b == b'.');
        let named = labels.next().is_some_and(|label| !label.is_empty());
        let top =
            |label: &[u8]| label.len() >= 2 && label.first().is_some_and(|b| word(*b) && !b.is_ascii_digit());
        at > 0 && local(bytes[at - 1]) && named && labels.any(top)
    })
}

/// How often a value may be percent-encoded before it is taken for a hidden one.
const MOST_ENCODINGS: usize = 8;

/// Letters of the longest name there is, an owner's before it.
const LONGEST_NAME: usize = 20;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn personal_values_go_and_everything_else_stays() {
        let check = |raw: &str, expected: &str| assert_eq!(url(raw), expected, "{raw}");
        for untouched in [
            "",
            "https://shop.example/",
            "https://shop.example/p?utm_source=a%20b&gclid=Cj0-_x&fbclid=IwAR_aem_Z&a=&b#top",
            "https://shop.example/@maker/x;v=1?name=Lamp&q=a+b&&=;x",
            "https://shop.example/pkg@1.2.3?at=@home&half=a@b",
            "/relative?x=%zz%",
            "https://shop.example/?mailing=1&telescope=2&subphone=3",
            "https://shop.example/?name=lamp&item_name=lamp&username=1",
        ] {
            check(untouched, untouched);
        }
        check("https://s.example/?a=1&e=jane@example.com&b=2", "https://s.example/?a=1&e=&b=2");
        check("https://s.example/?e=jane%40example.com#x", "https://s.example/?e=#x");
        check("https://s.example/?e=jane%2540example.com", "https://s.example/?e=");
        check("https://s.example/?q=to+jane@example.com+now", "https://s.example/?q=");
        check("https://s.example/?jane@example.com", "https://s.example/?");
        check("https://s.example/?email=j=a/n?e;x&b=2", "https://s.example/?email=&b=2");
        check("?First_Name=Jane&gclid=x&user%5Bphone%5D=1", "?First_Name=&gclid=x&user%5Bphone%5D=");
        check("?your-name=Jane+Doe&billing_name=Jane&ok=1", "?your-name=&billing_name=&ok=1");
        check("https://s.example/#/thanks?email=x&ok=1", "https://s.example/#/thanks?email=&ok=1");
        check("https://s.example/#email=x&ok=1", "https://s.example/#email=&ok=1");
        check("https://s.example/bye/jane@example.com/now", "https://s.example/bye/-/now");
        check("https://jane:secret@s.example/x", "https://s.example/x");
        check("mailto:jane@example.com", "-");
        check(
            "https://s.example/?next=https://s.example/?e=a@b.co%26x",
            "https://s.example/?next=https://s.example/?e=",
        );
        check("https://s.example/?x=jane@b%C3%BCcher.example%ff", "https://s.example/?x=");
    }

    #[test]
    fn addresses_are_recognised() {
        for text in ["jane@example.com", "Jane <jane.doe+x@mail.example.co.uk>", "ä@ö.example", "a%40b.co"]
        {
            assert!(looks_like_email(text), "{text}");
        }
        assert!(looks_like_email("x%25252525252525252525"), "encoded ten times");
        for text in ["", "@handle", "a@b", "lamp @ shop.example", "pkg@1.2.3", "a@.com", "100%", "%2525%40"] {
            assert!(!looks_like_email(text), "{text}");
            assert_eq!(super::text(text), Some(text));
        }
        assert_eq!(super::text("write to jane@example.com"), None);
    }

    fn foreign_url() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "[a-z@%:/?#&=;.]{0,6}",
            Just("jane@example.com".to_owned()),
            Just("a%40b.co".to_owned()),
            Just("%25".to_owned()),
            Just("40b.co".to_owned()),
            Just("email=".to_owned()),
            Just("://".to_owned()),
            any::<String>(),
        ];
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_address_survives(raw in foreign_url()) {
            let clean = url(&raw);
            prop_assert!(!looks_like_email(&clean), "{}", clean);
        }

        #[test]
        fn what_is_passed_on_at_once_is_what_every_step_passes_on(raw in foreign_url()) {
            prop_assert_eq!(url(&raw), cleaned(&raw, true));
        }

        #[test]
        fn cleaning_twice_equals_once(raw in foreign_url()) {
            let clean = url(&raw);
            prop_assert_eq!(url(&clean), clean);
        }

        #[test]
        fn clean_addresses_stay_byte_for_byte(path in "[a-z0-9/._-]{0,20}", id in "[A-Za-z0-9_-]{0,40}") {
            let raw = format!("https://shop.example/{path}?gclid={id}&x=%20+&fbclid={id}#{path}");
            prop_assert_eq!(url(&raw), raw);
        }
    }
}
