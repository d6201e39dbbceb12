//! Formats of the ad platforms' own first-party cookies: what each hides, and how Meta's two are built.
//!
//! Owns reading them without regular expressions and building `_fbc` and `_fbp` where no pixel did. Leaves to
//! `click_id` which cookie carries which click id, and to the platforms what they send. A value in the wrong shape
//! is `None`: a platform refuses or distrusts a wrong cookie, while it never misses one.

use crate::percent;
use crate::time::{SECOND_MS, UnixMs};

/// Meta's `_fbc` or `_fbp`, taken apart: `fb.<subdomain index>.<creation, ms>.<payload>[.<appendix>]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta<'a> {
    /// Labels of the cookie's domain less one: `example.com` is 1.
    pub subdomain_index: u32,
    /// When the click id was first seen, or the browser id made.
    pub created_at: UnixMs,
    /// The `fbclid` in `_fbc`, a random number in `_fbp`; case-sensitive.
    pub payload: &'a str,
    /// Which of Meta's libraries wrote it. Kept when found, never invented.
    pub appendix: Option<&'a str>,
}

/// Reads `_fbc` or `_fbp`: 4 or 5 parts, the first `fb`, two of digits, the payload not empty, an appendix that is
/// one. facebook/capi-param-builder, `ParamBuilder` (read 2026-11-27).
pub fn meta(value: &str) -> Option<Meta<'_>> {
    let mut parts = value.split('.');
    if parts.next()? != "fb" {
        return None;
    }
    let subdomain_index = digits(parts.next()?)?.parse().ok()?;
    let created_at = UnixMs(digits(parts.next()?)?.parse().ok()?);
    let payload = parts.next().filter(|part| is_token(part))?;
    let appendix = parts.next();
    if parts.next().is_some() || appendix.is_some_and(|appendix| !is_appendix(appendix)) {
        return None;
    }
    Some(Meta { subdomain_index, created_at, payload, appendix })
}

/// Whether `text` names one of Meta's libraries: two letters for its language, or eight for that, its version and
/// what it did.
fn is_appendix(text: &str) -> bool {
    match text.len() {
        2 => matches!(text, "AQ" | "Ag" | "Aw" | "BA" | "BQ" | "Bg"),
        8 => is_token(text),
        _ => false,
    }
}

/// Builds `_fbc` for a click id first seen at `seen_at`; `None` when the id cannot stand in the cookie.
///
/// Subdomain index 1 is what a server uses that has no cookie to go by. One wrong `fbc` makes Meta refuse the
/// whole batch (subcode 2804001), so a doubtful one is left out.
pub fn fbc(subdomain_index: u32, seen_at: UnixMs, fbclid: &str) -> Option<String> {
    // A dot would make a fifth part, an appendix that is none.
    let fits = is_token(fbclid) && !fbclid.contains('.') && seen_at.0 >= 0;
    fits.then(|| format!("fb.{subdomain_index}.{}.{fbclid}", seen_at.0))
}

/// Builds `_fbp` for a browser that has none. `random` is drawn once per browser; Meta's own libraries draw
/// below 2^31 - 1.
pub fn fbp(subdomain_index: u32, created_at: UnixMs, random: u32) -> String {
    format!("fb.{subdomain_index}.{}.{random}", created_at.0.max(0))
}

/// A click id in one of Google's older cookies, `GCL.<Unix seconds>.<id>`: the last part, and when it was written.
pub fn gcl(value: &str) -> Option<(&str, UnixMs)> {
    let (seconds, rest) = value.strip_prefix("GCL.")?.split_once('.')?;
    let id = rest.rsplit('.').next().filter(|id| is_token(id))?;
    Some((id, from_seconds(seconds)?))
}

/// A click id in one of Google's newer cookies, `2.1.k<id>$i<Unix seconds>…`, `$` perhaps as `%24`.
pub fn gcl_keyed(value: &str) -> Option<(&str, Option<UnixMs>)> {
    let (_, rest) = value.split_at_checked(percent::find(value, ".k")?)?;
    let (id, tail) = field(rest.get(2..)?);
    let (seconds, _) = field(tail?.strip_prefix('i')?);
    is_token(id).then(|| (id, from_seconds(seconds)))
}

/// The client id in `_ga`: `GA1.<n>.<random>.<Unix seconds>` gives the last two parts, a custom id all that
/// follows the second dot.
pub fn ga_client_id(value: &str) -> Option<&str> {
    let (version, rest) = value.split_once('.')?;
    let (_, id) = rest.split_once('.')?;
    digits(version.strip_prefix("GA")?)?;
    let mut ends = id.rmatch_indices('.');
    let last_two = ends.nth(1).and_then(|(dot, _)| id.get(dot + 1..)).unwrap_or(id);
    let usual = last_two.split('.').count() == 2 && last_two.split('.').all(|part| digits(part).is_some());
    let id = if usual { last_two } else { id };
    is_token(id).then_some(id)
}

/// The session id in `_ga_<stream>`: `GS1.<n>.<id>.…`, or `GS2.<n>.s<id>$o…` with its fields in any order and `$`
/// perhaps as `%24`. Observed by many, documented by nobody, so read leniently.
pub fn ga_session_id(value: &str) -> Option<&str> {
    let mut parts = value.splitn(3, '.');
    let version = parts.next()?;
    let depth = parts.next()?;
    if depth.is_empty() || !depth.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
        return None;
    }
    let third = parts.next()?;
    match version {
        "GS1" => digits(third.split('.').next()?),
        "GS2" => {
            let mut rest = third.split('.').next();
            while let Some((first, tail)) = rest.map(field) {
                if let Some(id) = first.strip_prefix('s').and_then(digits) {
                    return Some(id);
                }
                rest = tail;
            }
            None
        }
        _ => None,
    }
}

/// Microsoft's visitor or session id in `_uetvid` or `_uetsid`: 32 hexadecimal digits; newer tags append parts
/// after a `|`, which must not be sent.
pub fn uet_id(value: &str) -> Option<&str> {
    let id = value.split('|').next()?;
    let id = percent::find(id, "%7C").and_then(|end| id.get(..end)).unwrap_or(id);
    (id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())).then_some(id)
}

/// Reddit's browser id in `_rdt_uuid`, `<ms>.<uuid>`: only the part after the dot is sent.
pub fn rdt_uuid(value: &str) -> Option<&str> {
    let (created, uuid) = value.split_once('.')?;
    digits(created)?;
    is_uuid(uuid).then_some(uuid)
}

/// Snapchat's `_scid`: once a UUID, today a token of some 32 characters; anything else draws a warning.
pub fn scid(value: &str) -> Option<&str> {
    let token = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    ((16..=64).contains(&value.len()) && value.bytes().all(token)).then_some(value)
}

/// TikTok's `_ttp`: 27 letters and digits, or a ULID with `_.tt.<n>` and perhaps a time. The whole value is sent.
pub fn ttp(value: &str) -> Option<&str> {
    let token = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    ((16..=100).contains(&value.len()) && value.bytes().all(token)).then_some(value)
}

/// Whether `text` is a UUID with its dashes, in either case.
pub fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// The field at the start of `text`, and what follows the `$` (or `%24`) after it.
fn field(text: &str) -> (&str, Option<&str>) {
    let split = |mark: &str| {
        let at = percent::find(text, mark)?;
        Some((text.get(..at)?, text.get(at + mark.len()..)))
    };
    split("$").or_else(|| split("%24")).unwrap_or((text, None))
}

fn from_seconds(text: &str) -> Option<UnixMs> {
    let seconds: i64 = digits(text)?.parse().ok()?;
    seconds.checked_mul(SECOND_MS).map(UnixMs)
}

/// `text` when it is made of digits and not empty.
fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then_some(text)
}

/// Whether `text` is visible ASCII and not empty, as every id in a cookie is.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meta_cookies_have_four_or_five_parts() {
        let check = |value, expected: Option<(u32, i64, &'static str, Option<&'static str>)>| {
            let expected = expected.map(|(subdomain_index, ms, payload, appendix)| Meta {
                subdomain_index,
                created_at: UnixMs(ms),
                payload,
                appendix,
            });
            assert_eq!(meta(value), expected, "{value}");
        };
        check(
            "fb.1.1795400000100.ExampleClickId_aem_Zz9",
            Some((1, 1_795_400_000_100, "ExampleClickId_aem_Zz9", None)),
        );
        check("fb.1.1795400000123.1122334455", Some((1, 1_795_400_000_123, "1122334455", None)));
        check("fb.2.1.Ab.AQ", Some((2, 1, "Ab", Some("AQ"))));
        check("fb.1.1.Ab.AQECAQEB", Some((1, 1, "Ab", Some("AQECAQEB"))));
        for wrong in
            ["", "fb", "fb.1.1", "fb.1.1.", "gb.1.1.a", "fb.x.1.a", "fb.1.x.a", "fb..1.a", "fb.1.1.a.b.c"]
        {
            check(wrong, None);
        }
        check("fb.1.99999999999999999999.a", None);
        check("fb.1.1.a b", None);
        // What is no appendix of Meta's makes the cookie none of Meta's.
        for wrong in ["fb.1.1.a.", "fb.1.1.a.invalid", "fb.1.1.a.Zz", "fb.1.1.a.AQECAQEB2"] {
            check(wrong, None);
        }
    }

    #[test]
    fn meta_cookies_are_built_or_left_out() {
        let at = UnixMs(1_795_400_000_100);
        assert_eq!(
            fbc(1, at, "ExampleClickId_aem_Zz9").as_deref(),
            Some("fb.1.1795400000100.ExampleClickId_aem_Zz9")
        );
        for wrong in ["", "a.b", "a b", "é"] {
            assert_eq!(fbc(1, at, wrong), None, "{wrong:?}");
        }
        assert_eq!(fbc(1, UnixMs(-1), "a"), None);
        assert_eq!(fbp(1, UnixMs(1_795_400_000_123), 1_122_334_455), "fb.1.1795400000123.1122334455");
    }

    #[test]
    fn google_click_cookies() {
        assert_eq!(
            gcl("GCL.1795183000.EXAMPLEgclid_abc-123"),
            Some(("EXAMPLEgclid_abc-123", UnixMs(1_795_183_000_000)))
        );
        assert_eq!(gcl("GCL.1795183000.x.last"), Some(("last", UnixMs(1_795_183_000_000))));
        for wrong in ["", "GCL", "GCL.1", "GCL.1.", "GCL.x.id", "2.1.kid$i1"] {
            assert_eq!(gcl(wrong), None, "{wrong:?}");
        }
        let at = Some(UnixMs(1_795_183_000_000));
        assert_eq!(gcl_keyed("2.1.kExample_Id-1$i1795183000"), Some(("Example_Id-1", at)));
        assert_eq!(gcl_keyed("2.1.k1$i1795183000$u42"), Some(("1", at)));
        assert_eq!(gcl_keyed("2.1.kExample%24i1795183000%24u4"), Some(("Example", at)));
        assert_eq!(gcl_keyed("2.1.kExample$ix"), Some(("Example", None)));
        for wrong in ["", "2.1.k$i1", "2.1.kabc", "2.1.kabc$u1", "GCL.1.abc"] {
            assert_eq!(gcl_keyed(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn analytics_ids() {
        let client = |value, expected| assert_eq!(ga_client_id(value), expected, "{value}");
        client("GA1.1.1840201934.1763640001", Some("1840201934.1763640001"));
        client("GA1.1-2.1840201934.1763640001", Some("1840201934.1763640001"));
        client("GA1.2.3.1840201934.1763640001", Some("1840201934.1763640001"));
        client("GA1.1.custom-id", Some("custom-id"));
        client("GA1.1.a.b.c", Some("a.b.c"));
        for wrong in ["", "GA1", "GA1.1", "GA1.1.", "GS1.1.5", "XX.1.2.3"] {
            client(wrong, None);
        }
        let session = |value, expected| assert_eq!(ga_session_id(value), expected, "{value}");
        session("GS1.1.1692011434.3.1.1692011474.0.0.0", Some("1692011434"));
        session("GS2.1.s1748934661$o208$g1$t1748935291$j60$l0$h0", Some("1748934661"));
        session("GS2.1.s1748934661%24o208%24g1", Some("1748934661"));
        session("GS2.1-2.o208$s1748934661", Some("1748934661"));
        for wrong in ["", "GS1.1", "GS1.1.abc", "GS2.1.1748934661", "GS3.1.s1", "GS1.x.1"] {
            session(wrong, None);
        }
    }

    #[test]
    fn ids_of_the_others() {
        let hex = "5a1c9e30b7d411f0a4d28f2b6c1e7d90";
        assert_eq!(uet_id(hex), Some(hex));
        assert_eq!(uet_id(&format!("{hex}|abc|1")), Some(hex));
        assert_eq!(uet_id(&format!("{hex}%7Cabc")), Some(hex));
        assert_eq!(uet_id("5a1c"), None);

        let uuid = "4d2f9c1e-7a35-4b58-9c0e-5f0f4d6a1b22";
        assert_eq!(rdt_uuid(&format!("1795356309000.{uuid}")), Some(uuid));
        assert_eq!(rdt_uuid(uuid), None);
        assert_eq!(rdt_uuid("1795356309000.x"), None);

        assert_eq!(scid("Qx7v37_zuv1SXuKUBc2dhjNzq2dDb0Ab"), Some("Qx7v37_zuv1SXuKUBc2dhjNzq2dDb0Ab"));
        assert_eq!(scid(uuid), Some(uuid));
        assert_eq!(scid("short"), None);
        assert_eq!(scid("with space in the value"), None);

        for value in [
            "01JQ4Z8M3T9V7K2R5W6X0Y1ABC_.tt.1",
            "2abcdefghijklmnopqrstuvwxyz",
            "01JQ4Z8M3T9V7K2R5W6X0Y1ABC_.tt.1.1795400000123",
        ] {
            assert_eq!(ttp(value), Some(value));
        }
        assert_eq!(ttp(""), None);
    }
}
