//! A request as data: what would be sent, with secrets that do not print, and the answer it got.
//!
//! Owns [`Text`], the one way a secret gets into a header or a body: the sender exposes it, everybody else
//! sees a mask. Leaves sending to `distribute` and showing to `preview`.

use std::time::Duration;

use serde::Serialize;
use zeroize::Zeroizing;

use crate::secret::{MASK, Secret};

/// One HTTP request, described. The address holds no secret unless the platform leaves no choice.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Full address.
    pub url: url::Url,
    /// Headers besides `Host` and `Content-Length`.
    pub headers: Vec<Header>,
    /// Body.
    pub body: Body,
    /// Whether the address must not lie in a private network (see [`super::address::is_public`]).
    pub public_only: bool,
}

impl Request {
    /// Whether it needs an access token that must be fetched. Such tokens stand in headers only, for that is where
    /// every platform takes them.
    pub fn needs_token(&self) -> bool {
        self.headers
            .iter()
            .flat_map(|header| &header.value.0)
            .any(|part| matches!(part, Part::AccessToken(_)))
    }

    /// Puts an access token in its place; a later one replaces it.
    pub fn authorize(&mut self, token: &Secret) {
        for part in self.headers.iter_mut().flat_map(|header| &mut header.value.0) {
            if let Part::AccessToken(place) = part {
                *place = Some(token.clone());
            }
        }
    }
}

/// One header.
#[derive(Clone, Debug)]
pub struct Header {
    /// Name in lower case.
    pub name: &'static str,
    /// Value, a secret one after a plain prefix (`Bearer `).
    pub value: Text,
}

impl Header {
    /// A header from its name and value.
    pub fn new(name: &'static str, value: impl Into<Text>) -> Self {
        Self { name, value: value.into() }
    }

    /// `content-type: application/json`.
    pub fn json() -> Self {
        Self::new("content-type", "application/json")
    }

    /// `authorization: Bearer …`.
    pub fn bearer(token: &Secret) -> Self {
        Self::new("authorization", Text::from("Bearer ").secret(token))
    }
}

impl Header {
    /// `authorization: Bearer` and the access token that is fetched when the request is sent.
    pub fn bearer_to_fetch() -> Self {
        Self::new("authorization", Text::from("Bearer ").access_token())
    }
}

/// A request's body. Its `Content-Type` stands among the headers.
#[derive(Clone, Debug)]
pub enum Body {
    /// None at all.
    Empty,
    /// JSON text.
    Json(Text),
    /// A form, already encoded.
    Form(Text),
}

impl Body {
    /// The bytes that go on the wire, as text; empty for [`Body::Empty`].
    pub fn expose(&self) -> String {
        self.text().map(Text::expose).unwrap_or_default()
    }

    /// The text that may be shown; empty for [`Body::Empty`].
    pub fn masked(&self) -> String {
        self.text().map(Text::masked).unwrap_or_default()
    }

    fn text(&self) -> Option<&Text> {
        match self {
            Self::Empty => None,
            Self::Json(text) | Self::Form(text) => Some(text),
        }
    }
}

/// A text with secrets in some places. Only the rest of it prints.
#[derive(Clone, Debug, Default)]
pub struct Text(Vec<Part>);

/// A piece of a [`Text`]. `Debug` is safe because a [`Secret`] masks itself.
#[derive(Clone, Debug)]
enum Part {
    Plain(String),
    Secret(Secret),
    /// The place of an access token, empty until it is fetched.
    AccessToken(Option<Secret>),
}

impl Text {
    /// `value` as JSON, compact.
    pub fn json(value: &impl Serialize) -> Self {
        let json = serde_json::to_string(value);
        Self::from(json.expect("request structs have text keys only, and those always write as JSON"))
    }

    /// The same text with a secret after it.
    #[must_use]
    pub fn secret(mut self, secret: &Secret) -> Self {
        self.0.push(Part::Secret(secret.clone()));
        self
    }

    /// The same text with the place of an access token after it, which [`Request::authorize`] fills.
    #[must_use]
    pub fn access_token(mut self) -> Self {
        self.0.push(Part::AccessToken(None));
        self
    }

    /// The same text with more plain text after it.
    #[must_use]
    pub fn plain(mut self, text: impl Into<String>) -> Self {
        self.0.push(Part::Plain(text.into()));
        self
    }

    /// A JSON object with one more member, whose value is a secret.
    ///
    /// The secret is escaped here, so any text is safe. The object must end in its closing brace and have at
    /// least one member, which [`Text::json`] of a struct with a required field grants.
    #[must_use]
    pub fn with_secret_member(mut self, name: &str, secret: &Secret) -> Self {
        if let Some(Part::Plain(object)) = self.0.last_mut() {
            debug_assert!(object.ends_with('}') && !object.ends_with("{}"), "an object with a member");
            object.pop();
            object.push_str(&format!(",\"{name}\":\""));
        }
        self.secret(&escaped(secret)).plain("\"}")
    }

    /// The text that goes on the wire.
    pub fn expose(&self) -> String {
        self.concat(Secret::expose)
    }

    /// The text that may be shown.
    pub fn masked(&self) -> String {
        self.concat(|_| MASK)
    }

    fn concat<'a>(&'a self, show: impl Fn(&'a Secret) -> &'a str) -> String {
        let parts = self.0.iter().map(|part| match part {
            Part::Plain(text) => text.as_str(),
            Part::Secret(secret) | Part::AccessToken(Some(secret)) => show(secret),
            Part::AccessToken(None) => MASK,
        });
        parts.collect()
    }
}

impl<T: Into<String>> From<T> for Text {
    fn from(text: T) -> Self {
        Self(vec![Part::Plain(text.into())])
    }
}

/// What came back, or did not.
#[derive(Clone, Debug)]
pub enum Response {
    /// An answer.
    Answer {
        /// HTTP status.
        status: u16,
        /// `Retry-After`, resolved to a span.
        retry_after: Option<Duration>,
        /// Other headers, names in lower case.
        headers: Vec<(String, String)>,
        /// Body; of a success empty where it broke off, came too late or is larger than the client reads.
        body: Vec<u8>,
    },
    /// No connection came about: nothing was sent.
    NotSent(String),
    /// The request may have arrived, the answer did not (timeout, reset; cut short, unless it is a success): ambiguous.
    NoAnswer(String),
}

/// A secret as it stands between the quotes of a JSON string.
fn escaped(secret: &Secret) -> Secret {
    let quoted = serde_json::to_string(secret.expose()).expect("every text writes as a JSON string");
    let quoted = Zeroizing::new(quoted);
    Secret::new(&quoted[1..quoted.len() - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_leaves_only_by_expose() {
        let header = Header::bearer(&Secret::new("hunter2"));
        assert_eq!(header.value.expose(), "Bearer hunter2");
        assert_eq!(header.value.masked(), "Bearer ********");
        assert!(!format!("{header:?}").contains("hunter2"), "{header:?}");
    }

    #[test]
    fn a_json_body_can_hold_a_secret_and_is_json_either_way() {
        let object = serde_json::json!({ "data": [1] });
        let body = Body::Json(Text::json(&object).with_secret_member("token", &Secret::new("a\"b\\c\n")));
        assert_eq!(body.masked(), r#"{"data":[1],"token":"********"}"#);
        let sent: serde_json::Value = serde_json::from_str(&body.expose()).expect("valid JSON");
        assert_eq!(sent["token"], "a\"b\\c\n");
        assert!(!format!("{body:?}").contains("a\\\"b"), "{body:?}");
    }

    #[test]
    fn an_access_token_is_filled_in_once_it_is_there() {
        let url = "https://ads.example/v1".parse().expect("an address");
        let headers = vec![Header::json(), Header::bearer_to_fetch()];
        let mut request = Request { method: "POST", url, headers, body: Body::Empty, public_only: false };
        assert!(request.needs_token());
        assert_eq!(request.headers[1].value.masked(), "Bearer ********");
        request.authorize(&Secret::new("ya29.ended"));
        request.authorize(&Secret::new("ya29.example"));
        assert_eq!(request.headers[1].value.expose(), "Bearer ya29.example");
        assert_eq!(request.headers[1].value.masked(), "Bearer ********");
        assert!(!format!("{request:?}").contains("ya29"));
    }

    #[test]
    fn no_body_is_an_empty_text() {
        assert_eq!((Body::Empty.expose(), Body::Empty.masked()), (String::new(), String::new()));
    }
}
