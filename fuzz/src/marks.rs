//! Small texts: addresses, queries, cookies, a person's values, times, amounts, forwarded addresses, host names.
//!
//! An input is one text, read as each of them.

use std::net::{IpAddr, Ipv4Addr};

use relay::collect::{client_address, cookie};
use relay::distribute::http_client::retry_after;
use shared::identity::{Clear, Field, Form, Raw, normalise};
use shared::money::Currency;
use shared::{Hashes, UnixMs, click_id, scrub, vendor_cookie, visitor};

use crate::stage::NOW;

/// Reads a text as everything it could be.
pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    address(text);
    cookies(text);
    person(text);
    instant(text);
    network(text);
}

fn address(text: &str) {
    let clean = scrub::url(text);
    assert!(!scrub::looks_like_email(&clean), "{clean}");
    assert_eq!(scrub::url(&clean), clean, "cleaning twice equals once");
    assert!(clean.len() <= text.len() + 1, "cleaning adds nothing but a dash");
    for (spec, value) in click_id::from_query(text) {
        assert!(click_id::valid(spec, &value), "{}: {value:?}", spec.param);
        let encoded: String =
            url::form_urlencoded::Serializer::new(String::new()).append_pair(spec.param, &value).finish();
        let again = click_id::from_query(&encoded);
        assert!(again.iter().any(|(known, same)| known.param == spec.param && *same == value), "{encoded}");
    }
}

fn cookies(text: &str) {
    let names = click_id::REGISTRY.iter().flat_map(|spec| spec.cookies.iter().map(|(name, _)| *name));
    for name in names {
        if let Some((spec, found)) = click_id::from_cookie(name, text) {
            assert!(click_id::valid(spec, &found.value), "{name}: {:?}", found.value);
        }
    }
    if let Some(meta) = vendor_cookie::meta(text) {
        let end = meta.appendix.map(|appendix| format!(".{appendix}")).unwrap_or_default();
        let written = format!("fb.{}.{}.{}{end}", meta.subdomain_index, meta.created_at.0, meta.payload);
        assert_eq!(vendor_cookie::meta(&written), Some(meta), "{written}");
        let built = vendor_cookie::fbc(meta.subdomain_index, meta.created_at, meta.payload);
        assert!(built.is_none_or(|built| vendor_cookie::meta(&built).is_some()));
    }
    let readers: [fn(&str) -> Option<&str>; 6] = [
        vendor_cookie::ga_client_id,
        vendor_cookie::ga_session_id,
        vendor_cookie::uet_id,
        vendor_cookie::rdt_uuid,
        vendor_cookie::scid,
        vendor_cookie::ttp,
    ];
    for id in readers.into_iter().filter_map(|read| read(text)) {
        assert!(!id.is_empty() && id.bytes().all(|b| b.is_ascii_graphic()), "{id:?}");
    }
    if let Some(value) = cookie::value(text, visitor::VISITOR_COOKIE) {
        assert!(!value.contains(';') && text.contains(value));
    }
}

/// A normal form is its own normal form, and a digest is the sender's.
fn person(text: &str) {
    let raw = Raw::new(text);
    for field in Field::ALL {
        // The national forms of a telephone number are no input without their country any more.
        for form in field.forms().iter().filter(|form| !matches!(form, Form::Digits | Form::Tiktok)) {
            for country in [None, Some("GB"), Some("US")] {
                let Some(once) = normalise(field, *form, &raw, country) else { continue };
                // Composed already: a mark whose blank was removed may stand where composing anew would move it.
                let twice = normalise(field, *form, &Raw::prepared(&once, &once.to_lowercase()), country);
                assert_eq!(twice.as_deref(), Some(once.as_str()), "{field:?} {form:?}");
            }
        }
        if let Some(hashes) = Hashes::of(field, &raw, Some("DE")) {
            let json = serde_json::to_string(&hashes).expect("written");
            assert_eq!(serde_json::from_str::<Hashes>(&json).expect("read"), hashes);
        }
        if let Some(clear) = Clear::of(field, &raw) {
            assert!(!clear.is_empty() && !clear.contains('@'), "{field:?}: {clear:?}");
        }
    }
}

fn instant(text: &str) {
    if let Some(time) = UnixMs::parse_rfc3339(text) {
        assert_eq!(UnixMs::parse_rfc3339(&time.rfc3339()), Some(time), "{text}");
    }
    if let Some(code) = Currency::parse(text) {
        assert_eq!(Currency::parse(code.as_str()), Some(code));
    }
    let _ = retry_after(text, NOW);
}

fn network(text: &str) {
    let stranger = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));
    let trusted = ["127.0.0.1/32".parse().expect("a network"), "10.0.0.0/8".parse().expect("a network")];
    let lines = || text.lines().map(str::as_bytes);
    assert_eq!(client_address::client(stranger, lines(), &trusted), stranger, "a stranger is not believed");
    let client = client_address::client(IpAddr::V4(Ipv4Addr::LOCALHOST), lines(), &trusted);
    assert_eq!(client_address::parse(&client_address::text(client)), Some(client));
    if let Some(domain) = cookie::shared_domain("t.shop.example", text) {
        assert!(
            "t.shop.example".ends_with(&domain) && text.ends_with(&domain) && domain.contains('.'),
            "{domain}"
        );
    }
}

/// Some of each kind; more are in the corpus.
pub fn seeds() -> Vec<Vec<u8>> {
    let texts = [
        "https://shop.example/p?utm_source=a%20b&gclid=Cj0-_x&fbclid=IwAR_aem_Z&email=jane%40example.com#top",
        "gclid=Cj0KCQiA&ttclid=E.C.P.x&msclkid=0123456789abcdef0123456789abcdef&ScCid=018f4e7a-0000-7000-8000-000000000001",
        "fb.1.1795400000100.ExampleClickId_aem_Zz9.AQIAAQEA",
        "GCL.1795430000.Cj0KCQiA-example",
        "2.1.kCj0KCQiA-example$i1795430000",
        "GS2.1.s1795430000$o3$g1",
        "GA1.1.1122334455.1795430000",
        "{\"twclid\":\"2-abc\"}",
        "a=1; _at_vid=0199c2a0-7b1c-7cc3-98c4-dc0c0c07398f; _fbp=fb.1.1795400000123.1122334455",
        "Jane.DOE+promo@Example.COM",
        "020 7946 0958",
        "São Paulo",
        "Dr. Ada O'Neill-Lovelace",
        "1990-04-23",
        "SW1A 1AA",
        "2026-11-20T15:05:09.250+01:00",
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "1.2.3.4, 203.0.113.9:81, \"[2001:db8::17]:443\", 10.0.0.7",
        "www.shop.example",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}
