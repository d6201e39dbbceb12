//! What a sender shows instead of a signature: a token or a name and password in a header, or a token in the address.
//!
//! Everything is compared in constant time. These prove who sends, not what: whoever reads them once can send anything,
//! so a signature is better where the sender offers one.

use url::form_urlencoded;

use super::{Denied, Inbound, signature};
use crate::secret::Secret;

const AUTHORIZATION: &str = "Authorization";

/// Checks `Authorization: Bearer <token>`.
pub(super) fn bearer(request: &Inbound<'_>, token: &Secret, key: &'static str) -> Result<(), Denied> {
    let sent = credentials(request, "bearer").is_some_and(|sent| token.matches(sent));
    if sent { Ok(()) } else { Err(Denied::WrongHeader { header: AUTHORIZATION, key }) }
}

/// Checks `Authorization: Basic <base64 of user:password>`.
pub(super) fn basic(
    request: &Inbound<'_>,
    user: &str,
    password: &Secret,
    key: &'static str,
) -> Result<(), Denied> {
    let sent = credentials(request, "basic").and_then(signature::from_base64);
    let sent = sent.and_then(|bytes| String::from_utf8(bytes).ok());
    let expected = Secret::new(format!("{user}:{}", password.expose()));
    let right = sent.is_some_and(|sent| expected.matches(&sent));
    if right { Ok(()) } else { Err(Denied::WrongHeader { header: AUTHORIZATION, key }) }
}

/// Checks a parameter of the address.
pub(super) fn parameter(
    request: &Inbound<'_>,
    name: &str,
    token: &Secret,
    key: &'static str,
) -> Result<(), Denied> {
    let right = request.parameters().any(|(known, sent)| known == name && token.matches(&sent));
    if right { Ok(()) } else { Err(Denied::WrongToken { key }) }
}

/// That parameter as the sender's address must have it.
pub(super) fn in_address(name: &str, token: &Secret) -> String {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    format!("{}={}", encoded(name), encoded(token.expose()))
}

fn credentials<'a>(request: &Inbound<'a>, scheme: &str) -> Option<&'a str> {
    let (sent, rest) = request.header(AUTHORIZATION)?.split_once(' ')?;
    sent.eq_ignore_ascii_case(scheme).then(|| rest.trim())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{headers, webhook};
    use super::*;

    #[test]
    fn a_header_lets_in() {
        let check = |line: &str, bearing: bool, basics: bool| {
            let headers = headers(&[("authorization", line)]);
            let request = webhook(&headers, "");
            assert_eq!(bearer(&request, &Secret::new("t0ken"), "token").is_ok(), bearing, "{line}");
            assert_eq!(basic(&request, "jane", &Secret::new("pa:ss"), "password").is_ok(), basics, "{line}");
        };
        check("Bearer t0ken", true, false);
        check("bearer  t0ken ", true, false);
        check("Bearer t0kem", false, false);
        check("Bearer", false, false);
        check("t0ken", false, false);
        // printf 'jane:pa:ss' | base64
        check("Basic amFuZTpwYTpzcw==", false, true);
        check("Basic amFuZTpwYTpzcw", false, true);
        check("Basic amFuZTpwYXNz", false, false);
        check("Basic //79", false, false);
        let none = headers(&[]);
        assert!(bearer(&webhook(&none, ""), &Secret::new("t"), "token").is_err());
    }

    #[test]
    fn a_parameter_lets_in() {
        let none = headers(&[]);
        let check = |target: &str, expected: bool| {
            let request = Inbound { target, ..webhook(&none, "") };
            assert_eq!(
                parameter(&request, "token", &Secret::new("a b"), "token").is_ok(),
                expected,
                "{target}"
            );
        };
        check("/v1/webhook/f?token=a%20b", true);
        check("/v1/webhook/f?x=1&token=a+b", true);
        check("/v1/webhook/f?token=", false);
        check("/v1/webhook/a%20b", false);
    }

    #[test]
    fn the_address_that_is_given_out_lets_in() {
        let (none, token) = (headers(&[]), Secret::new("a b&c=d#ü"));
        let target = format!("/v1/webhook/f?{}", in_address("to ken", &token));
        assert_eq!(target, "/v1/webhook/f?to+ken=a+b%26c%3Dd%23%C3%BC");
        let request = Inbound { target: &target, ..webhook(&none, "") };
        assert_eq!(parameter(&request, "to ken", &token, "token"), Ok(()));
    }
}
