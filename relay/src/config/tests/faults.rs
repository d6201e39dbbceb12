//! The words an operator reads: broken configurations and exactly the lines they lead to. Those of `[[destination]]` tables are
//! in `destination_faults`, those of `[[source]]` tables in `source_faults`, those about secrets in `secret_faults`.

use super::{OWN, SITE, read, right};

/// The lines a broken document leads to, without the file's name.
pub(super) fn check(text: &str, expected: &[&str]) {
    let said = match read(text, false) {
        Ok(_) => panic!("nothing is wrong with\n{text}"),
        Err(error) => error.to_string(),
    };
    let said: Vec<&str> =
        said.lines().map(|line| line.strip_prefix("a.toml:").expect("names the file")).collect();
    assert_eq!(said, expected, "{text}");
}

/// A document with a right site before `text`; what follows starts on line 3.
pub(super) fn after_site(text: &str, expected: &[&str]) {
    check(&format!("{SITE}{text}"), expected);
}

/// A document with a right site and a destination whose own keys are `text`, from line 7 on.
pub(super) fn in_destination(text: &str, expected: &[&str]) {
    after_site(
        &format!("[[destination]]\nname = \"e\"\nsite = \"shop\"\nplatform = \"echo\"\n{text}"),
        expected,
    );
}

#[test]
fn mistakes_of_toml_itself_name_line_and_column() {
    check("[server\n", &["1:8: not valid TOML: unclosed table, expected `]`"]);
    check(
        "a = 1\na = 2\nb = \n",
        &[
            "2:1: not valid TOML: duplicate key",
            "3:5: not valid TOML: string values must be quoted, expected literal string",
        ],
    );
    check("key = 'ü' x", &["1:11: not valid TOML: unexpected key or value, expected newline, `#`"]);
}

#[test]
fn a_collector_is_named_by_its_address() {
    let expected =
        "expected the address of an OTLP collector that speaks HTTP, such as `http://127.0.0.1:4318`";
    after_site("[telemetry]\n", &[&format!("3: telemetry.traces: missing; {expected}")]);
    after_site(
        "[telemetry]\ntraces = \"127.0.0.1:4318\"\nsample_percent = 101\nsample = 5\n",
        &[
            &format!("4: telemetry.traces: {expected}, found `127.0.0.1:4318`"),
            "5: telemetry.sample_percent: expected a whole number from 0 to 100, found 101",
            "6: telemetry.sample: unknown key; known here: traces, authorization, sample_percent",
        ],
    );
}

#[test]
fn unknown_keys_are_errors_with_a_guess() {
    after_site("[sever]\n", &["3: sever: unknown key; did you mean `server`?"]);
    after_site(
        "[server]\nlisten-on = \"x\"\nlisen = 1\n",
        &[
            "4: server.listen-on: unknown key; did you mean `listen`?",
            "5: server.lisen: unknown key; did you mean `listen`?",
        ],
    );
    after_site(
        "[store]\ncolour = 1\n",
        &[
            "4: store.colour: unknown key; known here: engine, path, dedup_days, log_days, visitor_days, dead_days",
        ],
    );
    after_site(
        "[server]\nrate_limit = { per_clint = 1 }\n",
        &["4: server.rate_limit.per_clint: unknown key; did you mean `per_client`?"],
    );
    after_site("orgins = []\n", &["3: site.shop.orgins: unknown key; did you mean `origins`?"]);
    after_site(
        "merge_window = { Purchase = '30s', Refund = '30s' }\n",
        &["3: site.shop.merge_window.Refund: expected the name of a conversion; refunds are never held back"],
    );
    after_site(
        "\"a\\u0007b\" = 1\n[tag]\nasset = 'x'\n",
        &[
            "3: site.shop.\"a\\u{7}b\": unknown key; known here: key, origins, api_keys, cookie_domain, \
         consent_required, country, merge_window, shared_identities, token, tag",
            "5: tag.asset: unknown key; did you mean `assets`?",
        ],
    );
}

#[test]
fn the_server_is_checked() {
    let check = |line: &str, expected: &[&str]| after_site(&format!("[server]\n{line}\n"), expected);
    let listen = "expected an address and a port such as `127.0.0.1:8080`";
    check("listen = \"127.0.0.1\"", &[&format!("4: server.listen: {listen}, found `127.0.0.1`")]);
    check("listen = \"127.0.0.1:99999\"", &[&format!("4: server.listen: {listen}, found `127.0.0.1:99999`")]);
    check("listen = 8080", &[&format!("4: server.listen: {listen}, found a whole number")]);
    let url = "4: server.public_url: expected the relay's public address without a path, such as \
               `https://t.shop.example`, found";
    check("public_url = \"t.shop.example\"", &[&format!("{url} `t.shop.example`")]);
    check("public_url = \"https://t.shop.example/x\"", &[&format!("{url} `https://t.shop.example/x`")]);
    check(
        "trusted_proxies = [\"10.0.0.0/8\", \"10.0.0.0/40\", \"::1\"]",
        &[
            "4: server.trusted_proxies[1]: expected a network or address such as `10.0.0.0/8` or `127.0.0.1`, \
         found `10.0.0.0/40`",
        ],
    );
    check(
        "trusted_proxies = \"10.0.0.0/8\"",
        &[
            "4: server.trusted_proxies: expected a list of which each is a network or address such as `10.0.0.0/8` or `127.0.0.1`, found a text",
        ],
    );
    check(
        "max_connections = 0",
        &["4: server.max_connections: expected a whole number from 1 to 1000000, found 0"],
    );
    check(
        "header_timeout_ms = 99999999999999999999999",
        &[
            "4: server.header_timeout_ms: expected a whole number from 100 to 3600000, found 99999999999999999999999",
        ],
    );
    check("max_body_bytes = \"1 MB\"", &["4: server.max_body_bytes: expected a whole number, found a text"]);
    check("rate_limit = 5", &["4: server.rate_limit: expected a table, found a whole number"]);
    check(
        "rate_limit = { per_client = -1 }",
        &["4: server.rate_limit.per_client: expected a whole number from 0 to 1000000, found -1"],
    );
}

#[test]
fn store_and_tag_are_checked() {
    after_site(
        "[store]\nengine = \"redis\"\nlog_days = 0\npath = \" \"\nvisitor_days = 500",
        &[
            "4: store.engine: expected `sqlite`, found `redis`",
            "5: store.log_days: expected a whole number from 1 to 3650, found 0",
            "6: store.path: expected the path of a file such as `data/anytrack.db`, found ` `",
            "7: store.visitor_days: expected a whole number from 1 to 400, found 500",
        ],
    );
    after_site(
        "[store]\npath = 'data/'",
        &["4: store.path: expected the path of a file such as `data/anytrack.db`, found `data/`"],
    );
    let directory = env!("CARGO_MANIFEST_DIR");
    let error =
        read(&format!("{SITE}[store]\npath = '{directory}'"), false).expect_err("a directory is no file");
    assert!(error.to_string().starts_with("a.toml:4: store.path: expected the path of a file"), "{error}");
    after_site("[tag]\nassets = true", &["4: tag.assets: expected a path, found true or false"]);
}

#[test]
fn a_first_pause_is_no_longer_than_the_longest() {
    after_site(
        "[delivery]\nbackoff_base_ms = 300001",
        &[
            "4: delivery.backoff_base_ms: expected no more than `backoff_cap_ms`, which is 300000, found `300001`",
        ],
    );
    // Whoever lowers the longest pause need not know of the first.
    let delivery = right(&format!("{SITE}[delivery]\nbackoff_cap_ms = 10")).config.delivery;
    assert_eq!((delivery.backoff_base_ms, delivery.backoff_cap_ms), (1_000, 10));
}

#[test]
fn sites_are_checked() {
    check("", &["1: site: missing; expected at least one [[site]] with a key"]);
    check(
        "[site]\nkey = 'shop'",
        &["1: site: expected a list of tables, each under `[[site]]`, found a table"],
    );
    check("site = [1]", &["1: site[0]: expected a table, found a whole number"]);
    check(
        "[[site]]\n",
        &["1: site[0].key: missing; expected the name the tag and destinations use for this site"],
    );
    let name = "expected a name of 1 to 64 letters, digits, `-`, `_` or `.`";
    check("[[site]]\nkey = 'my shop'", &[&format!("2: site.\"my shop\".key: {name}, found `my shop`")]);
    after_site(SITE, &["4: site.shop.key: site key `shop` is taken since line 2; choose another"]);
    let origin =
        "expected a scheme and host without a path or wildcard such as `https://shop.example`, found";
    after_site(
        "origins = ['https://shop.example', 'https://shop.example/cart',\n '*']",
        &[
            &format!("3: site.shop.origins[1]: {origin} `https://shop.example/cart`"),
            &format!("4: site.shop.origins[2]: {origin} `*`"),
        ],
    );
    after_site(
        "cookie_domain = 'com'\ncountry = 'GBR'\nconsent_required = 'yes'",
        &[
            "3: site.shop.cookie_domain: expected a domain such as `shop.example`, found `com`",
            "4: site.shop.country: expected a country's two letters such as `GB` (ISO 3166-1), found `GBR`",
            "5: site.shop.consent_required: expected true or false, found a text",
        ],
    );
}

#[test]
fn what_the_tag_does_on_a_site_is_checked() {
    after_site(
        "[site.tag]\nbaner = true\n[site.tag.cpm]\n[site.tag.cmp]\ngoogle = 'yes'\ngogle = true\n",
        &[
            "4: site.shop.tag.baner: unknown key; known here: consent, consent_regions, country_header, signals, \
             page_views, make_cookies, cmp, adopt, auto",
            "5: site.shop.tag.cpm: unknown key; did you mean `cmp`?",
            "7: site.shop.tag.cmp.google: expected true or false, found a text",
            "8: site.shop.tag.cmp.gogle: unknown key; did you mean `google`?",
        ],
    );
    after_site(
        "[site.tag]\nconsent = 'no'\ncountry_header = 'a b'\nsignals = ['gcp']\npage_views = 'all'\n\
         make_cookies = ['_ttp']\n[site.tag.cmp]\ntcf_purposes = { ads = [1] }\n\
         tcf_special_features = { ad_storage = [0, 1, 13], ad_user_data = ['1'] }\ntcf_vendor = 99999999",
        &[
            "4: site.shop.tag.consent: expected `granted`, `required` or `regional`, found `no`",
            "5: site.shop.tag.country_header: expected a header's name such as `cf-ipcountry`, found `a b`",
            "6: site.shop.tag.signals[0]: unknown signal `gcp`; did you mean `gpc`?",
            "7: site.shop.tag.page_views: expected `history`, `hash`, `load` or `off`, found `all`",
            "8: site.shop.tag.make_cookies[0]: unknown cookie the relay can make `_ttp`; known here: _fbp, _fbc, _uetvid, _ga",
            "10: site.shop.tag.cmp.tcf_purposes: expected purposes among ad_storage, ad_user_data, ad_personalization, \
             found `ads`",
            "11: site.shop.tag.cmp.tcf_special_features.ad_storage[0]: expected a whole number from 1 to 2, found 0",
            "11: site.shop.tag.cmp.tcf_special_features.ad_storage[2]: expected a whole number from 1 to 2, found 13",
            "11: site.shop.tag.cmp.tcf_special_features.ad_user_data[0]: expected a whole number from 1 to 2, found a text",
            "12: site.shop.tag.cmp.tcf_vendor: expected a whole number from 1 to 65535, found 99999999",
        ],
    );
    after_site("tag = 5", &["3: site.shop.tag: expected a table, found a whole number"]);
}

#[test]
fn the_regions_of_a_tag_are_checked() {
    let code = "expected a country's two capital letters such as `BR` (ISO 3166-1), or `EEA`, found";
    let whole = "expected a whole country, since neither `country_header` nor a time zone tells the parts of one apart, found";
    after_site(
        "[site.tag]\nconsent = 'regional'\ncountry_header = 'cf-ipcountry'\n\
         consent_regions = [\n'EEA',\n'UK',\n'US-CA',\n'Atlantis',\n'${TOKEN}',\n5\n]",
        &[
            &format!("8: site.shop.tag.consent_regions[1]: {code} `UK`; did you mean `GB`?"),
            &format!("9: site.shop.tag.consent_regions[2]: {whole} `US-CA`; did you mean `US`?"),
            &format!("10: site.shop.tag.consent_regions[3]: {code} `Atlantis`"),
            &format!("11: site.shop.tag.consent_regions[4]: {code} `${{TOKEN}}`"),
            "12: site.shop.tag.consent_regions[5]: expected a country's two capital letters such as `BR` (ISO 3166-1), or \
             `EEA`, found a whole number",
        ],
    );
    after_site(
        "[site.tag]\nconsent = 'regional'\nconsent_regions = []",
        &[
            "5: site.shop.tag.consent_regions: expected at least one region; to ask nowhere, write `consent = \"granted\"`",
        ],
    );
    let beside = "expected `consent = \"regional\"` beside it, without which nobody goes by this list";
    for (consent, line) in [("", 4), ("consent = 'required'\n", 5), ("consent = 'granted'\n", 5)] {
        let text = format!("[site.tag]\n{consent}consent_regions = ['EEA']");
        after_site(&text, &[&format!("{line}: site.shop.tag.consent_regions: {beside}")]);
    }
    // Where `consent` is wrong itself, that is all there is to say.
    after_site(
        "[site.tag]\nconsent = 'region'\nconsent_regions = ['EEA']",
        &["4: site.shop.tag.consent: expected `granted`, `required` or `regional`, found `region`"],
    );
}

#[test]
fn the_parts_of_a_tag_name_each_mistake_in_its_place() {
    let ours = "expected our name of the event, 1 to 50 bytes, or false to leave it out";
    let address =
        "expected a host in lower case, perhaps with the beginning of a path, such as `shop.example/go/`";
    let pixels = "expected one of `google`, `meta`, `tiktok`, `microsoft`, `pinterest`, `snapchat`, `reddit`, `linkedin`, `x`";
    after_site(
        "[site.tag.adopt]\nlayer = 'a.b'\npixels = ['x', 'tiktoc']\nproperties = ['plan', 'email']\n\
         [site.tag.adopt.events]\na = true\nb = 5\nc = ' '\nd = false\n",
        &[
            "4: site.shop.tag.adopt.layer: expected the name of a global variable such as \"dataLayer\", found `a.b`",
            &format!("5: site.shop.tag.adopt.pixels[1]: {pixels}, found `tiktoc`; did you mean `tiktok`?"),
            "6: site.shop.tag.adopt.properties: expected properties of events; `email` is personal data, which \
             `user_data = true` takes to be hashed",
            &format!("8: site.shop.tag.adopt.events.a: {ours}, found true or false"),
            &format!("9: site.shop.tag.adopt.events.b: {ours}, found a whole number"),
            &format!("10: site.shop.tag.adopt.events.c: {ours}, found a text"),
        ],
    );
    let networks = "`everflow`, `tune`, `cake`, `impact`, `cj`, `awin`, `shareasale`, `clickbank`, `digistore24`, `maxbounty`, \
                    `affise`, `partnerize`, `rakuten`, `commissionfactory`, `buygoods`, `konnektive`, `stripe`, `shopify`";
    after_site(
        "[site.tag.auto]\ndomains = ['shop.example', 'Shop.example']\nexclude = ['/go']\n\
         [[site.tag.auto.rules]]\naddress = 'a b'\n\
         [[site.tag.auto.rules]]\naddress = 'a.example'\nnetwork = 'evenflow'\nparameter = 'a=b'\nvalue = 'order'\n\
         [[site.tag.auto.rules]]\naddress = 'a.example'\nnetwork = 'cj'\nvalue = 'visitor'\n",
        &[
            "4: site.shop.tag.auto.domains[1]: expected a host in lower case such as `shop.example`, which stands for all \
             below it, found `Shop.example`",
            &format!("5: site.shop.tag.auto.exclude[0]: {address}, found `/go`"),
            &format!("7: site.shop.tag.auto.rules[0].address: {address}, found `a b`"),
            &format!(
                "10: site.shop.tag.auto.rules[1].network: expected one of {networks}, found `evenflow`; did you mean `everflow`?"
            ),
            "11: site.shop.tag.auto.rules[1].parameter: expected up to 64 letters, digits or `_-.[]`, found `a=b`",
            "12: site.shop.tag.auto.rules[1].value: expected `click` or `visitor`, found `order`",
            "13: site.shop.tag.auto.rules[2]: a network takes the id it is for; leave out `value` or `network`",
        ],
    );
}

#[test]
fn api_keys_are_checked_and_never_shown() {
    let weak = "expected visible ASCII characters without blanks; make one with `openssl rand -hex 32`";
    after_site(
        "api_keys = ['', 'a key with blanks in it', 5]",
        &[
            &format!("3: site.shop.api_keys[0]: {weak}"),
            &format!("3: site.shop.api_keys[1]: {weak}"),
            "3: site.shop.api_keys[2]: expected a text, found a whole number",
        ],
    );
    after_site(
        "api_keys = ['${API_KEY}']\n[[site]]\nkey = 'b'\napi_keys = ['key-from-the-environment']",
        &["6: site.b.api_keys[0]: this API key is in use since line 3; make another, for example with \
         `openssl rand -hex 32`"],
    );
}

#[test]
fn references_to_the_environment_are_checked_everywhere() {
    in_destination(
        "account = '1'\naccess_token = \"${NO_TOKEN}\"\nfoo = 1",
        &[
            "8: destination.e.access_token: environment variable NO_TOKEN is not set; export it or write the value here",
            "9: destination.e.foo: unknown key; known here: account, access_token, retries, oauth, name, site, \
         platform, consent, look_back_days, timeout_ms, events, endpoint",
        ],
    );
    in_destination(
        "account = \"${NOPE}\"\naccess_token = \"${BLANK}\"",
        &[
            "7: destination.e.account: environment variable NOPE is not set; export it or write the value here",
            "8: destination.e.access_token: environment variable BLANK is blank; give it a value or write the value here",
        ],
    );
    in_destination(
        &format!("{OWN}oauth = {{ client_id = \"${{A}}\" }}"),
        &[
            "9: destination.e.oauth.client_id: environment variable A is not set; export it or write the value here",
        ],
    );
    let reference = "`${` must be followed by a variable's name and `}`, as in `${NAME}`; write `$${` for the \
                     characters themselves";
    after_site("api_keys = ['${API KEY}']", &[&format!("3: site.shop.api_keys[0]: {reference}")]);
    // A message quotes the file, never the environment.
    after_site(
        "[server]\nlisten = '${ADDRESS}'",
        &["4: server.listen: expected an address and a port such as `127.0.0.1:8080`, found `${ADDRESS}`"],
    );
}
