//! What of a file a message may quote: never what is secret by its key, nor what may be a secret in the wrong place.

/// Whether a key's name says that its value is secret.
pub(super) fn is_secret(name: &str) -> bool {
    ["token", "secret", "password", "api_key", "private_key"].iter().any(|word| name.contains(word))
}

/// Whether a text can hardly be a secret that was put into the wrong place: those are longer, or have other characters.
pub(super) fn is_word(text: &str) -> bool {
    text.chars().count() < SECRET && text.chars().all(|c| c.is_alphanumeric() || " _-.".contains(c))
}

/// Whether a text that is no secret by its key may hold one all the same: addresses have room for a password before `@` and
/// for a key behind `?`.
pub(super) fn has_room_for_secrets(text: &str) -> bool {
    text.contains(['@', '?'])
}

/// From so many characters on, a text may be a token.
const SECRET: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_by_its_key() {
        for name in ["access_token", "secret", "client_secret", "password", "api_keys"] {
            assert!(is_secret(name), "{name}");
        }
        assert!(!is_secret("pixel_id") && !is_secret("client_id"));
    }

    #[test]
    fn an_address_has_room_for_secrets() {
        for text in ["https://a:b@c.example", "a:b@c.example:80", "https://a.example/?key=b", "//a.example?b"]
        {
            assert!(has_room_for_secrets(text), "{text}");
        }
        assert!(!has_room_for_secrets("https://a.example/b#c") && !has_room_for_secrets("127.0.0.1:80"));
    }

    #[test]
    fn what_may_be_a_token_is_no_word() {
        for word in ["", "one", "12-34", "presentment", "a word. or two"] {
            assert!(is_word(word), "{word}");
        }
        for other in ["sixteen-letters.", "https://a.b/c", "a=b", "whsec_/x", "line\nend"] {
            assert!(!is_word(other), "{other}");
        }
    }
}
