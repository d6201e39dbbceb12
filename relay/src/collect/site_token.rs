//! Site tokens: proof that a page was made by the site's own server, for sites that want more than an `Origin` header.
//!
//! The server writes `key~expiry~mac` where the site's key stands (`data-site`): seconds since 1970, and the HMAC-SHA256 of
//! `key~expiry` in hexadecimal. The tag sends it wherever it sends the key, so it needs not know of it. `~` is in no key.
//! Whoever forges events must fetch a page of the site for it, again and again, and is seen there. A token names no
//! visitor: whoever comes without a cookie gets one made out to nobody in particular, so naming some would prove nothing.
//! Owns reading, judging and making tokens; what a bad one costs is the route's.

use shared::UnixMs;
use shared::time::DAY_MS;

use super::sources::signature::{hmac_sha256, is_hex_of};
use crate::config::SiteToken;
use crate::secret::Secret;

/// What a request shows of its page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// A token of the site's, in force.
    Good,
    /// No token.
    Missing,
    /// A token that the site did not make.
    Wrong,
    /// A token of the site's that is over.
    Expired,
    /// A token of the site's that would be good for longer than [`LONGEST_DAYS`].
    TooLong,
}

impl Shown {
    /// A stable short name for metrics.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Missing => "missing",
            Self::Wrong => "wrong",
            Self::Expired => "expired",
            Self::TooLong => "too_long",
        }
    }
}

/// The site's key, and what follows it.
pub fn split(site: &str) -> (&str, Option<&str>) {
    site.split_once(SEPARATOR).map_or((site, None), |(key, token)| (key, Some(token)))
}

/// Judges what followed the key. The time is believed only after the signature.
pub fn judge(settings: &SiteToken, key: &str, token: Option<&str>, now: UnixMs) -> Shown {
    let Some(token) = token else { return Shown::Missing };
    let Some((until, mac)) = token.split_once(SEPARATOR) else { return Shown::Wrong };
    let by = |secret: &Secret| is_hex_of(mac, &hmac_sha256(secret, &[signed(key, until).as_bytes()]));
    if !(by(&settings.secret) || settings.previous_secret.as_ref().is_some_and(by)) {
        return Shown::Wrong;
    }
    match until.parse::<i64>() {
        Err(_) => Shown::Wrong,
        Ok(until) if until <= now.seconds() => Shown::Expired,
        Ok(until) if until > now.plus(LONGEST_DAYS * DAY_MS).seconds() => Shown::TooLong,
        Ok(_) => Shown::Good,
    }
}

/// What a server writes in place of the site's key: good until this second.
pub fn make(secret: &Secret, key: &str, until: i64) -> String {
    let signed = signed(key, &until.to_string());
    let mac = hmac_sha256(secret, &[signed.as_bytes()]);
    let hex: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{signed}{SEPARATOR}{hex}")
}

fn signed(key: &str, until: &str) -> String {
    format!("{key}{SEPARATOR}{until}")
}

/// Between key, time and signature: in no key, and needs no escaping in an address.
const SEPARATOR: char = '~';
/// A token is short-lived; what is good for longer than this is a mistake of whoever signs.
pub const LONGEST_DAYS: i64 = 7;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TokenMode;

    const NOW: UnixMs = UnixMs(1_795_183_509_123);
    /// Of `shop~1795269909` under `secret-of-the-site-0123456789`, by OpenSSL 3.0.
    const MAC: &str = "c351ba2eb282be3d0672e11c42bdcd8f991f11b851a7d54d1e4cd11835be0327";

    fn settings(previous: Option<&str>) -> SiteToken {
        SiteToken {
            secret: Secret::new("secret-of-the-site-0123456789"),
            previous_secret: previous.map(Secret::new),
            mode: TokenMode::Require,
        }
    }

    #[test]
    fn a_token_is_what_openssl_says() {
        let made = make(&settings(None).secret, "shop", 1_795_269_909);
        assert_eq!(made, format!("shop~1795269909~{MAC}"));
        assert_eq!(split(&made), ("shop", Some(&made[5..])));
        assert_eq!(split("shop"), ("shop", None));
    }

    #[test]
    fn only_a_token_of_the_site_and_of_now_is_good() {
        let check = |token: Option<&str>, expected: Shown| {
            assert_eq!(judge(&settings(None), "shop", token, NOW), expected, "{token:?}");
        };
        let of = |key: &str, until: i64| {
            let made = make(&settings(None).secret, key, until);
            made.split_once('~').expect("a token").1.to_owned()
        };
        let now = NOW.seconds();
        check(None, Shown::Missing);
        check(Some(&of("shop", now + 86_400)), Shown::Good);
        check(Some(&of("shop", now + 1)), Shown::Good);
        check(Some(&of("shop", now)), Shown::Expired);
        check(Some(&of("shop", now + LONGEST_DAYS * 86_400 + 1)), Shown::TooLong);
        check(Some(&of("other", now + 86_400)), Shown::Wrong);
        check(Some(&of("shop", now + 86_400).replace(&now.to_string()[..4], "9999")), Shown::Wrong);
        for wrong in ["", "~", "1795269909", "1795269909~", "1795269909~00", "x~y", "~~~"] {
            check(Some(wrong), Shown::Wrong);
        }
    }

    #[test]
    fn the_secret_before_is_taken_while_it_is_replaced() {
        let old = make(&Secret::new("secret-of-yesterday-0123456789"), "shop", NOW.seconds() + 60);
        let token = split(&old).1;
        assert_eq!(judge(&settings(None), "shop", token, NOW), Shown::Wrong);
        let settings = settings(Some("secret-of-yesterday-0123456789"));
        assert_eq!(judge(&settings, "shop", token, NOW), Shown::Good);
    }

    proptest::proptest! {
        #[test]
        fn nothing_but_a_signature_is_good(token in ".{0,120}") {
            let shown = judge(&settings(None), "shop", Some(&token), NOW);
            proptest::prop_assert_eq!(shown, Shown::Wrong);
        }
    }
}
