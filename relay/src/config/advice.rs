//! Advice: what a configuration may say but its operator hardly means. Never stops the relay.

use super::error::Note;

/// Advice about a place in the file.
pub type Warning = Note<Advice>;

/// One thing to think about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Advice {
    /// Nobody can send from a browser.
    #[error(
        "no origins, so events from browsers are refused; list the site's pages as `https://shop.example`"
    )]
    NoOrigins,
    /// Everything between browser and relay is readable on the way.
    #[error("http, so cookies and events travel unencrypted; put a TLS proxy in front and write https here")]
    PlainHttp,
    /// A secret readable on the way.
    #[error("http to another machine, so the authorization travels unencrypted; use https")]
    PlainTraces,
    /// The snippet would point to a place only this machine reaches.
    #[error("not set, so snippets point to {public_url}; write the address browsers use")]
    NoPublicUrl {
        /// What is used instead.
        public_url: String,
    },
    /// Nothing leaves.
    #[error("no destinations, so events are stored and go nowhere; add a [[destination]]")]
    NoDestinations,
    /// Nothing of one site leaves.
    #[error("no [[destination]] is this site's, so its events are stored and go nowhere")]
    NoDestinationHere,
    /// Clicks would be told that are forgotten.
    #[error(
        "longer than a visitor who does not come back is remembered (`visitor_days` in [store] is {visitor_days}), so older clicks are \
         found only where the browser still sends them; raise that, or lower this"
    )]
    ForgottenBefore {
        /// How long the relay remembers.
        visitor_days: u32,
    },
    /// Everyone would share one address, and one rate limit.
    #[error("a proxy on this machine is not trusted, so all visitors share its address; add `127.0.0.1/32`")]
    UntrustedProxy,
    /// A stop would cut off what has been sent.
    #[error(
        "a stop may be over before `{destination}` has answered, so that what was sent goes again and may count twice, and from the stop on nothing more is sent there; write {least_ms} or more, or give the destination a shorter `timeout_ms`"
    )]
    HastyStop {
        /// The destination with the longest wait.
        destination: String,
        /// How long a stop must be allowed to take, in milliseconds.
        least_ms: u64,
    },
    /// The same, where the proxy reaches the relay by another way than this machine's own.
    #[error(
        "https is ended by a proxy, and none that can reach `listen` is trusted, so all visitors share its address; add its network"
    )]
    NoProxyTrusted,
    /// A client may name any address as its own.
    #[error(
        "believes every address of {network}, so a client may choose the address that limits, places and `allowed_ips` go by; name the proxy's own network"
    )]
    AnybodyTrusted {
        /// The network that is hardly a proxy's.
        network: String,
    },
    /// The browser would take the relay for somebody else.
    #[error(
        "none of them is under the domain of `public_url`, so browsers refuse the visitor cookie as a third party's; give the relay an \
         address under the site's own domain"
    )]
    ForeignRelay,
    /// The browser would drop the cookie.
    #[error("browsers drop the visitor cookie unless the host of `public_url` is this domain or below it")]
    ForeignCookieDomain,
    /// The tag lets go what no destination takes.
    #[error(
        "the site's `consent_required` holds events without an answer back all the same; leave it out, or ask everywhere"
    )]
    HeldBack,
    /// Nobody says in which country a visitor is.
    #[error(
        "no `country_header`, and time zones do not tell these regions from the rest, so visitors everywhere are asked; \
         name the header"
    )]
    NoCountry,
    /// A secret in a file that others read.
    #[error(
        "holds a secret while every account of this machine may read the file; run `chmod 640` or use ${{NAME}}"
    )]
    ReadableSecret,
    /// A key file that others read.
    #[error("every account of this machine may read this key file; run `chmod 640` on it")]
    ReadableKeyFile,
    /// An API key that can be guessed.
    #[error("shorter than {least} characters, so it can be guessed; make one with `openssl rand -hex 32`")]
    ShortKey {
        /// Length from which a key is safe.
        least: usize,
    },
    /// A secret in quotes of its own.
    #[error(
        "stands in quotes, which are part of it here; take them away, also in the file for `--env-file`, which keeps them"
    )]
    QuotedSecret,
    /// A reference without its braces.
    #[error("looks like the name of an environment variable; the variable's value is written `${{NAME}}`")]
    NoReference,
    /// A secret that is probably another one.
    #[error("does not begin with `{begins}`, so it is hardly the secret that belongs here")]
    UnlikelySecret {
        /// What the right one begins with.
        begins: &'static str,
    },
    /// A destination that is still being tried out.
    #[error("{effect}; take it out when you are done")]
    TriedOut {
        /// What becomes of its events meanwhile.
        effect: &'static str,
    },
    /// A name of an event that is not standard but looks like one.
    #[error("event names are case-sensitive; the standard event is `{standard}`")]
    NotQuiteStandard {
        /// The standard name.
        standard: &'static str,
    },
}
