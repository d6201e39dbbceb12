//! Tests of the click-id registry and of its readers.

use proptest::prelude::*;

use super::*;

#[test]
fn every_parameter_and_cookie_has_one_line() {
    let mut cookies = Vec::new();
    for (at, spec) in REGISTRY.iter().enumerate() {
        for other in &REGISTRY[..at] {
            assert!(!spec.param.eq_ignore_ascii_case(other.param), "{} stands twice", spec.param);
        }
        for (cookie, _) in spec.cookies {
            assert!(!cookies.contains(cookie), "{cookie} would be read by its first owner only");
            assert!(!AD_COOKIES.contains(cookie), "{cookie} is named twice");
            cookies.push(cookie);
        }
        assert!(spec.days > 0 && find(spec.param).is_some());
    }
    for param in GOOGLE_EXCLUSIVE.into_iter().chain(GOOGLE_LABELS) {
        assert!(find(param).is_some(), "{param}");
    }
}

#[test]
fn names_keep_their_case_but_for_snapchat() {
    assert_eq!(find("sccid").map(|spec| spec.param), Some("ScCid"));
    assert_eq!(find("SCCID").map(|spec| spec.param), Some("ScCid"));
    assert!(find("GCLID").is_none());
    assert!(find("utm_source").is_none());
}

#[test]
fn an_address_loses_its_click_ids_and_nothing_else() {
    let check = |url: &str, expected: &str| assert_eq!(stripped(url), expected, "{url}");
    check("https://shop.example/?a=1&tblci=GiA1#tblciGiA1", "https://shop.example/?a=1");
    check("https://shop.example/#tblciGiA1", "https://shop.example/");
    check("https://shop.example/?ttclid=E.C.P.1#top", "https://shop.example/#top");
    check("https://shop.example/?a=1&b", "https://shop.example/?a=1&b");
    check("https://shop.example/thanks", "https://shop.example/thanks");
}

fn check_valid(param: &str, value: &str, expected: bool) {
    let spec = find(param).expect("a registered parameter");
    assert_eq!(valid(spec, value), expected, "{param}={value}");
}

#[test]
fn placeholders_are_no_click_ids() {
    for value in [
        "{click_id}",
        "{{ob_click_id}}",
        "${CLICK_ID}",
        "%clickid%",
        "[[clickid]]",
        "!!!clickRef!!!",
        "!!afftrack!!",
        "#s2#",
        "__CLICKID__",
        "--CLICK-ID--",
        "<click id>",
        "OPTIONAL",
        "Replace",
        "null",
        "undefined",
        "",
        "with blank",
        "é",
        "a\nb",
        "jane@example.com",
    ] {
        check_valid("fbclid", value, false);
    }
    for value in ["IwAR0_-x", "a#b", "100%", "50%25", "-_-", "nullable", "a--b", "__half"] {
        check_valid("fbclid", value, true);
    }
}

#[test]
fn shapes_are_kept() {
    let uuid = "0b6f2f0e-5a3c-4c55-9d1e-6f2b9a7c1d34";
    check_valid("msclkid", "0f3c1b2a4d5e6f708192a3b4c5d6e7f8", true);
    check_valid("msclkid", uuid, true);
    check_valid("msclkid", "0f3c", false);
    check_valid("ScCid", uuid, true);
    check_valid("ScCid", "junk", false);
    check_valid("li_fat_id", uuid, true);
    check_valid("fbclid", &"x".repeat(500), true);
    check_valid("fbclid", &"x".repeat(501), false);
    check_valid("ttclid", &"x".repeat(1000), true);
    check_valid("ttclid", &"x".repeat(1001), false);
    check_valid("gad_campaignid", "21900000001", true);
    check_valid("gad_campaignid", "abc", false);
    check_valid("click_id", "GiA0exampleClickId1234", true);
    check_valid("click_id", "clk-77", false);
    check_valid("atclid", "0123456789abcdefghjkmnpq", true);
    check_valid("atclid", "a.b", false);
}

#[test]
fn a_query_gives_its_click_ids_decoded_once() {
    let check = |query: &str, expected: &[(&str, &str)]| {
        let found = from_query(query);
        let found: Vec<_> = found.iter().map(|(spec, value)| (spec.param, value.as_str())).collect();
        assert_eq!(found, expected, "{query}");
    };
    check(
        "?utm_source=x&fbclid=IwAR0_aem_Zz9&gclid=Cj0-abc",
        &[("fbclid", "IwAR0_aem_Zz9"), ("gclid", "Cj0-abc")],
    );
    check("epik=dj0yJnU%3D", &[("epik", "dj0yJnU=")]);
    check("epik=dj0y%253D", &[("epik", "dj0y%3D")]);
    check("fbclid=first&fbclid=second", &[("fbclid", "first")]);
    check("fbclid={fbclid}&fbclid=second", &[("fbclid", "second")]);
    check("fbclid=&gclid", &[]);
    check("fbclid=a+b", &[]);
    check("fbclid=%ff", &[]);
    check("SCCID=0B6F2F0E-5a3c-4c55-9d1e-6f2b9a7c1d34", &[("ScCid", "0B6F2F0E-5a3c-4c55-9d1e-6f2b9a7c1d34")]);
    check("", &[]);
}

#[test]
fn cookies_give_the_click_id_and_when_it_was_seen() {
    let check = |name: &str, value: &str, expected: Option<(&str, &str, Option<i64>)>| {
        let found = from_cookie(name, value);
        let found =
            found.as_ref().map(|(spec, found)| (spec.param, &*found.value, found.seen_at.map(|at| at.0)));
        assert_eq!(found, expected, "{name}={value}");
    };
    check("_fbc", "fb.1.1795400000100.IwAR_aem", Some(("fbclid", "IwAR_aem", Some(1_795_400_000_100))));
    check(
        "_fbc",
        "fb.1.1795400000100.IwAR_aem.AQECAQEB",
        Some(("fbclid", "IwAR_aem", Some(1_795_400_000_100))),
    );
    check("_gcl_aw", "GCL.1795183000.Cj0", Some(("gclid", "Cj0", Some(1_795_183_000_000))));
    check("_gcl_gb", "GCL.1795183000.Cj0", Some(("wbraid", "Cj0", Some(1_795_183_000_000))));
    check("_gcl_ag", "2.1.kCj0$i1795183000", Some(("gbraid", "Cj0", Some(1_795_183_000_000))));
    check("_gcl_dc", "GCL.1795183000.Cj0", Some(("dclid", "Cj0", Some(1_795_183_000_000))));
    check("_gcl_gs", "2.1.k1$i1795183000$u4", Some(("gad_source", "1", Some(1_795_183_000_000))));
    check("FPGCLAW", "2.1.kCj0$i1795183000", Some(("gclid", "Cj0", Some(1_795_183_000_000))));
    check("FPGCLAG", "2.1.kCj0%24i1795183000", Some(("gbraid", "Cj0", Some(1_795_183_000_000))));
    check("FPGCLGB", "2.1.kCj0$i1795183000", Some(("wbraid", "Cj0", Some(1_795_183_000_000))));
    let hex = "0f3c1b2a4d5e6f708192a3b4c5d6e7f8";
    check("_uetmsclkid", "_uet0f3c1b2a4d5e6f708192a3b4c5d6e7f8", Some(("msclkid", hex, None)));
    check("_uetmsclkid", hex, None);
    check("uet_msclkid", hex, Some(("msclkid", hex, None)));
    check("_epik", "dj0yJnU%3D", Some(("epik", "dj0yJnU=", None)));
    check("ttclid", "E.C.P.Example", Some(("ttclid", "E.C.P.Example", None)));
    check("_twclid", "%7B%22twclid%22%3A%222-3n4%22%2C%22v%22%3A1%7D", Some(("twclid", "2-3n4", None)));
    check("twclid", "2-3n4", Some(("twclid", "2-3n4", None)));
    check("outbrain_cid", "v2-7f3c", Some(("ob_click_id", "v2-7f3c", None)));
    check("_fbc", "fb.1.x.y", None);
    check("_fbp", "fb.1.1795400000100.1", None);
}

#[test]
fn cookies_worth_sending() {
    for name in ["_fbp", "_fbc", "_ttp", "_ga", "_ga_ABC123", "_uetvid", "_gcl_aw", "_scid", "li_fat_id"] {
        assert!(wanted_cookie(name), "{name}");
    }
    for name in ["_ga_", "session", "PHPSESSID", "_at_vid", "_gcl_au", "_FBP", ""] {
        assert!(!wanted_cookie(name), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_query_or_cookie_panics(text in any::<String>(), shaped in "[GCLfb2.1k$i%a-f0-9&={}_]{0,40}") {
        for spec in REGISTRY {
            for (name, _) in spec.cookies {
                for value in [&text, &shaped] {
                    if let Some((spec, found)) = from_cookie(name, value) {
                        prop_assert!(valid(spec, &found.value));
                    }
                }
            }
            for (spec, value) in from_query(&format!("{}={shaped}&{text}", spec.param)) {
                prop_assert!(valid(spec, &value));
            }
        }
    }

    #[test]
    fn an_id_survives_the_query_byte_for_byte(id in "[A-Za-z0-9_.~-]{1,80}") {
        prop_assume!(find("fbclid").is_some_and(|spec| valid(spec, &id)));
        let found = from_query(&format!("a=b&fbclid={id}&c=d"));
        prop_assert_eq!(found.first().map(|(_, value)| value.as_str()), Some(id.as_str()));
    }
}
