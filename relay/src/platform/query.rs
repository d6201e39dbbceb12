//! Queries: the part of an address after the question mark, for platforms that take a conversion there.
//!
//! Owns the encoding: every byte that is not unreserved (RFC 3986, section 2.3) becomes `%` and two upper-case
//! digits, a blank `%20` and never `+`, so that a value arrives byte for byte whoever decodes it. A parameter without
//! a value is left out, never sent empty.

use std::fmt::{Display, Write};

use url::Url;

/// A query, written from left to right.
#[derive(Debug, Default)]
pub(super) struct Query(String);

impl Query {
    /// The same query with one more parameter. `name` is written as it is.
    #[must_use]
    pub(super) fn with(mut self, name: &'static str, value: impl Display) -> Self {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(name);
        self.0.push('=');
        encode(&value.to_string(), &mut self.0);
        self
    }

    /// The same query with one more parameter, where there is a value.
    #[must_use]
    pub(super) fn with_some(self, name: &'static str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// `address` with this query.
    pub(super) fn of(self, address: &Url) -> Url {
        let mut url = address.clone();
        url.set_query(Some(&self.0));
        url
    }
}

fn encode(value: &str, query: &mut String) {
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                query.push(char::from(byte));
            }
            _ => {
                let _infallible = write!(query, "%{byte:02X}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(value: &str) -> String {
        let address = Url::parse("https://ads.example/log").expect("an address");
        let url = Query::default().with("click-id", value).of(&address);
        url.query().expect("a query").to_owned()
    }

    #[test]
    fn every_byte_is_kept_or_encoded() {
        let check = |value: &str, expected: &str| assert_eq!(query(value), format!("click-id={expected}"));
        check("v2-7f3c.0a_91~be", "v2-7f3c.0a_91~be");
        check("GiA0AbC", "GiA0AbC");
        check("a b+c", "a%20b%2Bc");
        check("a=b&c;d,e", "a%3Db%26c%3Bd%2Ce");
        check("a/b?c#d@e:f", "a%2Fb%3Fc%23d%40e%3Af");
        check("100%25", "100%2525");
        check("!*'()[]{}|^`\"<>\\$", "%21%2A%27%28%29%5B%5D%7B%7D%7C%5E%60%22%3C%3E%5C%24");
        check("Größe €", "Gr%C3%B6%C3%9Fe%20%E2%82%AC");
        check("\u{0}\n\u{7f}", "%00%0A%7F");
    }

    #[test]
    fn parameters_stand_in_the_order_they_were_added() {
        let address = Url::parse("https://ads.example/log").expect("an address");
        let none: Option<u8> = None;
        let query = Query::default().with("b", 1).with_some("c", none).with_some("a", Some("x y"));
        assert_eq!(query.of(&address).as_str(), "https://ads.example/log?b=1&a=x%20y");
    }

    proptest::proptest! {
        #[test]
        fn a_value_comes_back_byte_for_byte(value in ".{0,60}") {
            let query = query(&value);
            let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).collect();
            proptest::prop_assert_eq!(pairs, [("click-id".into(), value.into())]);
        }
    }
}
