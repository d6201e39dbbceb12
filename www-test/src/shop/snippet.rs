//! The snippet a customer pastes: the relay's own text, and what pages with a strict policy add to it.
//!
//! The text comes from `anytrack-relay snippet`; [`Snippet::plain`] is the form of the documentation for when no
//! relay is at hand (pages drawn without one).

use url::Url;

/// A snippet, ready to paste.
#[derive(Clone, Debug)]
pub struct Snippet {
    html: String,
    relay_origin: String,
    policy: String,
}

impl Snippet {
    /// A snippet as the relay printed it, for a relay at `relay_url`.
    pub fn printed(html: impl Into<String>, relay_url: &str) -> Self {
        Self { html: html.into(), relay_origin: origin(relay_url), policy: String::new() }
    }

    /// The same beside a policy, for the page that takes over what the relay's command prints of it.
    pub fn under(self, policy: impl Into<String>) -> Self {
        Self { policy: policy.into(), ..self }
    }

    /// The documented form: a stub that keeps calls until the script is there, and the script.
    pub fn plain(relay_url: &str, site: &str) -> Self {
        let origin = origin(relay_url);
        let html = format!(
            "<script>{STUB}</script>\n<script async src=\"{origin}/tag.js\" data-site=\"{site}\"></script>"
        );
        Self { html, relay_origin: origin, policy: String::new() }
    }

    /// No snippet at all, only functions that do nothing, so that pages can be looked at without a relay.
    pub fn none() -> Self {
        Self { html: format!("<script>{STUB}</script>"), relay_origin: String::new(), policy: String::new() }
    }

    /// The markup.
    pub fn html(&self) -> &str {
        &self.html
    }

    /// The markup with a nonce on every script, for a page whose policy asks for one.
    pub fn with_nonce(&self, nonce: &str) -> String {
        self.html.replace("<script", &format!("<script nonce=\"{nonce}\""))
    }

    /// The same with an attribute on every script, as a customer adds `data-consent="required"`.
    #[must_use]
    pub fn with_attribute(self, attribute: &str) -> Self {
        Self { html: self.html.replace("<script", &format!("<script {attribute}")), ..self }
    }

    /// The policy it stands under on the page that has one of its own.
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// The origin that `script-src` and `connect-src` have to allow.
    pub fn relay_origin(&self) -> &str {
        &self.relay_origin
    }
}

/// An address that cannot be read is kept: the page then shows what was given.
fn origin(address: &str) -> String {
    Url::parse(address).map_or_else(|_| address.to_owned(), |url| url.origin().ascii_serialization())
}

/// Takes every call of the public surface and keeps it for a tag that may come; answers with empty text.
const STUB: &str = "window.anytrack=window.anytrack||{q:[]};['track','identify','page','consent','ready','reset',\
'visitorId','clickId'].forEach(function(n){anytrack[n]=anytrack[n]||function(){anytrack.q.push([n,arguments]);\
return ''}});";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_reaches_every_script() {
        let snippet = Snippet::plain("http://127.0.0.1:9/", "shop");
        assert_eq!(snippet.relay_origin(), "http://127.0.0.1:9");
        assert_eq!(snippet.with_nonce("n1").matches("<script nonce=\"n1\"").count(), 2);
        assert!(snippet.html().contains("src=\"http://127.0.0.1:9/tag.js\" data-site=\"shop\""));
    }
}
