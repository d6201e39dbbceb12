//! What is printed for a page: the snippet with its policy, and a token; and the number of an event's trace.

use std::fs;

use crate::place::{Place, RIGHT};

const TEMPLATE: &str =
    "load('__ORIGIN__','__SITE__','__WASM__','__WASM_INTEGRITY__','__TAG__','__TAG_INTEGRITY__')\n";
const MANIFEST: &str = r#"{"files":[{"name":"tag.0a1b.wasm","sha384":"AbC+/=","raw":1},{"name":"tag.2c3d.js","sha384":"dEf="}],
    "wasm":"tag.0a1b.wasm","tag_js_hashed":"tag.2c3d.js","budget":2}"#;

fn with_assets(template: &str, manifest: &str) -> Place {
    let place = Place::with(&RIGHT.replace("[[site]]", "[tag]\nassets = \"built\"\n[[site]]"));
    place.write("built/snippet.js", template);
    place.write("built/manifest.json", manifest);
    place
}

#[test]
fn snippet_is_ready_to_paste_and_its_policy_stands_aside() {
    let ran = with_assets(TEMPLATE, MANIFEST).run(&["snippet", "--site", "shop"], b"");
    let script =
        "load('https://t.shop.example','shop','tag.0a1b.wasm','sha384-AbC+/=','tag.2c3d.js','sha384-dEf=')";
    assert_eq!((ran.code, ran.output), (Some(0), format!("<script>{script}</script>\n")));
    for words in [
        "script-src 'wasm-unsafe-eval' https://t.shop.example 'sha256-",
        "connect-src https://t.shop.example;\n",
        "nonce",
        "\n  tag.2c3d.js  sha384-dEf=\n  tag.0a1b.wasm  sha384-AbC+/=",
    ] {
        assert!(ran.errors.contains(words), "{words}: {}", ran.errors);
    }
}

#[test]
fn snippet_says_what_the_tag_does_on_the_site() {
    let place = with_assets(TEMPLATE, MANIFEST);
    let text = fs::read_to_string(place.path("anytrack.toml")).unwrap();
    let check = |more: &str, expected: &str| {
        place.write("anytrack.toml", &format!("{text}\n{more}\n"));
        let ran = place.run(&["snippet", "--site", "shop"], b"");
        assert!(ran.output.starts_with(&format!("<script{expected}>load(")), "{more}: {ran:?}");
    };
    check("[site.tag]", "");
    check("[site.tag.cmp]", " data-parts data-consent=\"required\"");
    check("[site.tag]\nconsent = \"granted\"\n[site.tag.cmp]", " data-parts");
    check("[site.tag]\nconsent = \"regional\"", " data-parts data-consent=\"required\"");
    check("[site.tag]\nsignals = []\npage_views = \"load\"", " data-signals=\"\" data-auto-page=\"load\"");
    check("[site.tag]\nsignals = [\"gpc\", \"dnt\"]", " data-signals=\"gpc dnt\"");
    check("consent_required = true", " data-consent=\"required\"");
}

/// Google Tag Manager keeps no attribute of a script that it writes into the page.
#[test]
fn snippet_for_a_tag_manager_sets_its_attributes_itself() {
    let place = with_assets(TEMPLATE, MANIFEST);
    let text = fs::read_to_string(place.path("anytrack.toml")).unwrap();
    place.write(
        "anytrack.toml",
        &format!("{text}\n[site.tag]\nconsent = \"regional\"\nsignals = []\npage_views = \"off\"\n"),
    );
    let ran = place.run(&["snippet", "--gtm", "--site", "shop"], b"");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.output.starts_with("<script>\n") && ran.output.ends_with("\n</script>\n"), "{}", ran.output);
    for line in [
        "  script.setAttribute(\"data-parts\", \"\");\n",
        "  script.setAttribute(\"data-consent\", \"required\");\n",
        "  script.setAttribute(\"data-signals\", \"\");\n",
        "  script.setAttribute(\"data-auto-page\", \"false\");\n",
        "  script.text = \"load('https://t.shop.example','shop','tag.0a1b.wasm','sha384-AbC+/=','tag.2c3d.js','sha384-dEf=')\";\n",
    ] {
        assert!(ran.output.contains(line), "{line}: {}", ran.output);
    }
    let both = ran.errors.lines().find(|line| line.contains("script-src 'wasm")).unwrap_or_default();
    assert_eq!(
        both.matches("'sha256-").count(),
        2,
        "the printed script and the one it makes: {}",
        ran.errors
    );
    assert_eq!(place.run(&["snippet", "--gtm", "--npm", "--site", "shop"], b"").code, Some(2));
}

#[test]
fn snippet_for_the_package_is_its_call() {
    // It needs none of the tag's files.
    let place = Place::with(RIGHT);
    let check = |more: &str, expected: &str| {
        place.write("anytrack.toml", &format!("{RIGHT}\n{more}\n"));
        let ran = place.run(&["snippet", "--npm", "--site", "shop"], b"");
        let call = format!("init({{ relay: \"https://t.shop.example\", site: \"shop\"{expected} }});\n");
        assert_eq!((ran.code, ran.output), (Some(0), call), "{more}");
        assert!(
            ran.errors.contains("script-src 'wasm-unsafe-eval' https://t.shop.example;\n"),
            "{}",
            ran.errors
        );
    };
    check("", "");
    check("consent_required = true", ", consent: \"required\"");
    check("[site.tag]\nconsent = \"regional\"", ", parts: true, consent: \"required\"");
    check(
        "[site.tag]\nsignals = [\"gpc\", \"dnt\"]\npage_views = \"off\"",
        ", signals: \"gpc dnt\", pageViews: \"off\"",
    );
}

#[test]
fn snippet_says_what_is_missing() {
    let check = |place: &Place, site: &str, expected: &str| {
        let ran = place.run(&["snippet", "--site", site], b"");
        assert_eq!((ran.code, ran.output.as_str()), (Some(1), ""));
        assert!(ran.errors.contains(expected), "{expected}: {}", ran.errors);
    };
    let place = with_assets(TEMPLATE, MANIFEST);
    check(&place, "shp", "there is no site `shp`; known: shop");
    fs::remove_file(place.path("built/snippet.js")).unwrap();
    check(&place, "shop", "run `cargo xtask build`, or set `assets` under [tag]");
    check(&with_assets("__NEW__", MANIFEST), "shop", "unknown placeholder __NEW__");
    check(&with_assets(TEMPLATE, "{}"), "shop", "not a manifest of the tag's build");
    check(&with_assets(TEMPLATE, &MANIFEST.replace("tag.0a", "'+x")), "shop", "`wasm` is not a file name");
    let hash = MANIFEST.replace("AbC", "'");
    check(&with_assets(TEMPLATE, &hash), "shop", "`sha384 of the wasm file` is not an integrity hash");
    let unlisted = MANIFEST.replace("\"name\":\"tag.2c3d.js\"", "\"name\":\"other.js\"");
    check(
        &with_assets(TEMPLATE, &unlisted),
        "shop",
        "`sha384 of the tag_js_hashed file` is not an integrity hash",
    );
}

#[test]
fn trace_id_prints_the_number_of_an_events_trace() {
    let place = Place::with("[[site]]\nkey = \"shop\"\n");
    let ran = place.run(&["trace-id", "--site", "shop", "Purchase-88121"], b"");
    // By `printf 'trace\0shop\0Purchase-88121' | sha256sum`.
    assert_eq!((ran.code, ran.output.as_str()), (Some(0), "ed7aa88cfac06c77ffba7744faaa77f6\n"));
    assert!(place.run(&["trace-id", "--site", "shp", "x"], b"").errors.contains("there is no site `shp`"));
}

#[test]
fn site_token_prints_what_the_sites_server_would_write() {
    let (place, secret) = (Place::with(RIGHT), "secret-of-the-site-0123456789");
    let unsigned = place.run(&["site-token", "--site", "shop"], b"");
    assert!(unsigned.errors.contains("add `secret` under [site.token]"), "{unsigned:?}");
    assert!(place.run(&["site-token", "--site", "shp"], b"").errors.contains("there is no site `shp`"));
    let text = format!("{RIGHT}\n[site.token]\nsecret = \"{secret}\"\n");
    let ran = Place::with(&text).run(&["site-token", "--site", "shop", "--hours", "1"], b"");
    let token = ran.output.trim();
    let until: i64 = token.split('~').nth(1).expect("a time").parse().expect("seconds");
    assert_eq!(token, relay::collect::site_token::make(&relay::secret::Secret::new(secret), "shop", until));
    assert!((3_500..=3_600).contains(&(until - relay::clock::now().seconds())), "{until}");
}
