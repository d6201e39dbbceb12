//! One small page per behaviour, each named for it, at `/case/NAME`.
//!
//! Two are served under a strict Content-Security-Policy, one that allows WebAssembly and one that does not, and one under
//! whatever policy was pasted along with the snippet; the others have none, as most shops. All scripts carry a nonce either way, so that a page can change its policy.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;

use super::Snippet;
use super::page::Fill;

/// What the page's policy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// No policy header, as most shops.
    None,
    /// The policy of the documentation: nonces, the relay's host, `wasm-unsafe-eval`.
    AllowsWasm,
    /// The same without `wasm-unsafe-eval`: compiling a module is a `CompileError`.
    ForbidsWasm,
    /// The one that was pasted with the snippet, word for word.
    Pasted,
}

/// Name, policy and text of every case.
pub const CASES: [(&str, Policy, &str); 23] = [
    ("plain", Policy::None, include_str!("../../pages/cases/plain.html")),
    ("early", Policy::None, include_str!("../../pages/cases/early.html")),
    ("leave", Policy::None, include_str!("../../pages/cases/leave.html")),
    ("beacon", Policy::None, include_str!("../../pages/cases/beacon.html")),
    ("no-beacon", Policy::None, include_str!("../../pages/cases/no-beacon.html")),
    ("hostile", Policy::None, include_str!("../../pages/cases/hostile.html")),
    ("storage-denied", Policy::None, include_str!("../../pages/cases/storage-denied.html")),
    ("signals", Policy::None, include_str!("../../pages/cases/signals.html")),
    ("consent-manager", Policy::None, include_str!("../../pages/cases/consent-manager.html")),
    ("auto-links", Policy::None, include_str!("../../pages/cases/auto-links.html")),
    ("auto-forms", Policy::None, include_str!("../../pages/cases/auto-forms.html")),
    ("auto-attributes", Policy::None, include_str!("../../pages/cases/auto-attributes.html")),
    ("autotag", Policy::None, include_str!("../../pages/cases/autotag.html")),
    ("crossing", Policy::None, include_str!("../../pages/cases/crossing.html")),
    ("adopt", Policy::AllowsWasm, include_str!("../../pages/cases/adopt.html")),
    ("adopt-early", Policy::None, include_str!("../../pages/cases/adopt-early.html")),
    ("adopt-own", Policy::None, include_str!("../../pages/cases/adopt-own.html")),
    ("csp-allows-wasm", Policy::AllowsWasm, include_str!("../../pages/cases/csp-allows-wasm.html")),
    ("csp-forbids-wasm", Policy::ForbidsWasm, include_str!("../../pages/cases/csp-forbids-wasm.html")),
    ("timed", Policy::None, include_str!("../../pages/cases/timed.html")),
    ("timed-twin", Policy::None, include_str!("../../pages/cases/timed-twin.html")),
    ("timed-bare", Policy::None, include_str!("../../pages/cases/timed-bare.html")),
    ("csp-pasted", Policy::Pasted, include_str!("../../pages/cases/csp-pasted.html")),
];

/// The case called `name`, with its policy, or `None`.
pub(super) fn render(name: &str, snippet: &Snippet) -> Option<Response<Full<Bytes>>> {
    let (_, policy, text) = CASES.iter().find(|(known, _, _)| *known == name)?;
    let nonce = next_nonce();
    // A pasted snippet is as it was printed, for its hash to fit; its nonce is its own affair.
    let pasted = *policy == Policy::Pasted;
    let markup = if pasted { snippet.html().to_owned() } else { snippet.with_nonce(&nonce) };
    let html = Fill::new(text).markup("snippet", &markup).text("nonce", &nonce).done();
    let mut response = super::file(StatusCode::OK, super::HTML, html);
    let header = if pasted {
        HeaderValue::from_str(snippet.policy()).ok()
    } else {
        policy.header(&nonce, snippet.relay_origin())
    };
    if let Some(value) = header {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, value);
    }
    Some(response)
}

impl Policy {
    /// The header's value. What it leaves out is refused: no `unsafe-inline`, no `unsafe-eval`, no other host.
    fn header(self, nonce: &str, relay: &str) -> Option<HeaderValue> {
        let wasm = match self {
            Self::None | Self::Pasted => return None,
            Self::AllowsWasm => " 'wasm-unsafe-eval'",
            Self::ForbidsWasm => "",
        };
        let text = format!(
            "default-src 'none'; script-src 'self' 'nonce-{nonce}' {relay}{wasm}; connect-src {relay}; \
             img-src 'self' {relay}; base-uri 'none'; form-action 'none'"
        );
        HeaderValue::from_str(&text).ok()
    }
}

/// A test page's nonce has to be fresh, not secret: nobody attacks it.
fn next_nonce() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("case{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_differ_in_wasm_only() {
        let header =
            |policy: Policy| policy.header("n", "http://127.0.0.1:9").map(|value| format!("{value:?}"));
        let allows = header(Policy::AllowsWasm).expect("a policy");
        let forbids = header(Policy::ForbidsWasm).expect("a policy");
        assert_eq!(allows.replace(" 'wasm-unsafe-eval'", ""), forbids);
        assert_ne!(allows, forbids);
        assert_eq!(header(Policy::None), None);
    }

    #[test]
    fn every_case_is_filled_and_has_its_nonce() {
        let snippet = Snippet::plain("http://127.0.0.1:9", "shop");
        for (name, policy, text) in CASES {
            // Two are there to compare with pages that have our tag.
            let other = name.starts_with("timed-");
            assert_ne!(text.contains("{{snippet}}"), other, "{name}: the snippet");
            assert_eq!(
                text.matches("<script").count(),
                text.matches("<script nonce=").count() + 1,
                "{name}: all but watch.js carry the nonce"
            );
            let response = render(name, &snippet).expect(name);
            assert_eq!(
                response.headers().contains_key(header::CONTENT_SECURITY_POLICY),
                policy != Policy::None
            );
        }
        assert!(render("unheard-of", &snippet).is_none());
    }
}
