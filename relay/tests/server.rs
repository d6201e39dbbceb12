//! The relay as its senders see it: routes, answers, cookies, limits and the orderly stop, over real sockets.
//!
//! Each test starts a relay of its own on a free port with a store in a temporary directory. Requests are bytes, so
//! that broken ones can be sent as well as good ones.

mod running;

use std::time::Duration;

use relay::pipeline::Steps;
use relay::store::sqlite::SqliteStore;
use relay::store::{Incoming, Store, Verdict};
use running::{Answer, KEY, Running, stored};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;
use tokio::time::timeout;

/// What none of the limits set here should come near, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn an_event_is_on_disk_when_it_is_acknowledged() {
    let relay = Running::start("").await;
    let answer =
        relay.track(r#"{"event":"Purchase","properties":{"order_id":"1","value":1,"currency":"EUR"}}"#).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (202, r#"{"accepted":1,"duplicates":0,"rejected":[]}"#)
    );
    assert_eq!(stored(relay.directory.path()), 1);
    relay.stop().await;
}

#[tokio::test]
async fn the_same_conversion_counts_once_from_wherever_it_comes() {
    let relay = Running::start("").await;
    let purchase = r#"{"event":"Purchase","event_id":"from-server","properties":{"order_id":"7"}}"#;
    assert_eq!(relay.track(purchase).await.json()["accepted"], 1);
    assert_eq!(relay.track(purchase).await.json()["duplicates"], 1);
    let from_page = relay.page(r#"[{"event":"Purchase","properties":{"order_id":"7"}}]"#).await;
    assert_eq!(from_page.json()["duplicates"], 1, "{from_page:?}");
    let directory = relay.stop().await;
    let relay = Running::start_in(directory, "").await;
    assert_eq!(relay.track(purchase).await.json()["duplicates"], 1, "also after a restart");
    relay.stop().await;
}

#[tokio::test]
async fn a_bad_event_does_not_sink_its_neighbours() {
    let relay = Running::start("").await;
    let answer = relay
        .track(r#"{"events":[{"event":"Lead"},{"event":"Lead","properties":{"value":"x"}},{},{"event":"Lead","typo":1}]}"#)
        .await;
    let receipt = answer.json();
    assert_eq!((answer.status, &receipt["accepted"]), (202, &serde_json::json!(2)));
    assert_eq!(receipt["rejected"][0]["index"], 1);
    assert!(
        receipt["rejected"][0]["reason"].as_str().expect("a reason").starts_with("properties"),
        "{receipt}"
    );
    assert_eq!(receipt["rejected"][1]["index"], 2);
    assert_eq!(
        receipt["warnings"][0],
        serde_json::json!({"index":3,"reason":"typo: unknown field, ignored"})
    );
    relay.stop().await;
}

#[tokio::test]
async fn what_stands_beside_events_and_says_nothing_there_is_refused() {
    let relay = Running::start("").await;
    let check = |answer: &Answer, field: &str| {
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.body.contains(field) && answer.body.contains("put it into each event"), "{answer:?}");
    };
    let denial = r#""consent":{"ad_storage":"denied"}"#;
    check(&relay.track(&format!(r#"{{{denial},"events":[{{"event":"Lead"}}]}}"#)).await, "consent");
    check(&relay.track(r#"{"event":"Purchase","events":[]}"#).await, "event");
    let page = format!(r#"{{"v":1,"site":"shop",{denial},"events":[{{"event":"Lead"}}]}}"#);
    check(&relay.post("/v1/events", "origin: https://shop.example\r\n", &page).await, "consent");
    relay.stop().await;
}

#[tokio::test]
async fn asking_for_the_head_of_the_pixel_is_no_visit() {
    let relay = Running::start("").await;
    let head = "HEAD /v1/pixel.gif?site=shop HTTP/1.1\r\nhost: t\r\nreferer: https://shop.example/\r\nconnection: close\r\n\r\n";
    let answer = relay.send(head.as_bytes()).await;
    assert_eq!((answer.status, answer.header("set-cookie")), (200, None));
    assert_eq!(stored(relay.stop().await.path()), 0);
}

#[tokio::test]
async fn the_visitor_cookie_is_set_by_the_server() {
    let relay = Running::start("").await;
    let answer = relay.page(r#"[{"event":"PageView","visitor_id":"v-1"}]"#).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(
        answer.header("set-cookie"),
        Some("_at_vid=v-1; Path=/; Max-Age=34560000; Domain=shop.example; Secure; SameSite=Lax")
    );
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://shop.example"));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    let denied = r#"[{"event":"PageView","visitor_id":"v-1","consent":{"ad_storage":"denied"}}]"#;
    let expired = "_at_vid=; Path=/; Max-Age=0; Domain=shop.example; Secure; SameSite=Lax";
    assert_eq!(relay.page(denied).await.header("set-cookie"), Some(expired));
    relay.stop().await;
}

#[tokio::test]
async fn a_page_may_read_why_it_is_refused_and_a_strange_page_may_not() {
    let relay = Running::start("").await;
    let refused = relay.page("17").await;
    assert_eq!(
        (refused.status, refused.header("access-control-allow-origin")),
        (400, Some("https://shop.example"))
    );
    let body = r#"{"v":1,"site":"shop","events":[]}"#;
    let strange = relay.post("/v1/events", "origin: https://evil.example\r\n", body).await;
    assert_eq!((strange.status, strange.header("access-control-allow-origin")), (403, None));
    relay.stop().await;
}

#[tokio::test]
async fn whoever_is_not_allowed_is_told_why() {
    let relay = Running::start("").await;
    let body = r#"{"v":1,"site":"shop","events":[{"event":"Lead"}]}"#;
    let check = |answer: Answer, status: u16, word: &str| {
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.json()["error"].as_str().expect("an error").contains(word), "{answer:?}");
    };
    check(relay.post("/v1/events", "origin: https://evil.example\r\n", body).await, 403, "origin");
    check(relay.post("/v1/events", "", &body.replace("shop", "nope")).await, 403, "unknown site");
    check(relay.post("/v1/track", "", "{}").await, 401, "API key");
    check(relay.post("/v1/track", "authorization: Bearer wrong\r\n", "{}").await, 401, "API key");
    check(relay.get("/v1/track").await, 405, "POST");
    check(relay.get("/nope").await, 404, "no such address");
    check(relay.post("/v1/nope", "", "{}").await, 404, "no such address");
    check(relay.post("/v1/events", "content-encoding: gzip\r\n", body).await, 415, "uncompressed");
    relay.stop().await;
}

#[tokio::test]
async fn rubbish_is_refused_by_its_byte_or_its_field() {
    let relay = Running::start("").await;
    let check = |answer: Answer, status: u16, word: &str| {
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.body.contains(word), "{answer:?}");
    };
    check(relay.track("{\"event\":x}").await, 400, "at byte 9");
    check(relay.track("").await, 400, "at byte 0");
    check(relay.track(&"[".repeat(100_000)).await, 400, "malformed JSON");
    check(relay.track(&format!("{}{}", "[".repeat(100_000), "]".repeat(100_000))).await, 202, "rejected");
    check(relay.page("17").await, 400, "malformed JSON");
    check(relay.post("/v1/events", "", r#"{"site":"shop","events":[]}"#).await, 400, "v: expected 1");
    check(relay.track(&format!("[{}]", vec!["{}"; 501].join(","))).await, 400, "at most 500");
    let mut bad_text = format!(
        "POST /v1/track HTTP/1.1\r\nhost: t\r\nauthorization: Bearer {KEY}\r\ncontent-length: 3\r\n\r\n"
    )
    .into_bytes();
    bad_text.extend_from_slice(b"{\xff}");
    check(relay.send(&bad_text).await, 400, "first bad byte is at 1");
    // A body that announces too much is refused without being sent.
    let announced = format!(
        "POST /v1/track HTTP/1.1\r\nhost: t\r\nauthorization: Bearer {KEY}\r\ncontent-length: 10000000\r\n\r\n"
    );
    check(relay.send(announced.as_bytes()).await, 413, "larger than");
    let flood: String = (0..200).map(|n| format!("x-{n}: 1\r\n")).collect();
    assert_eq!(
        relay.send(format!("GET /healthz HTTP/1.1\r\nhost: t\r\n{flood}\r\n").as_bytes()).await.status,
        431
    );
    assert_eq!(relay.get("/healthz").await.body, "ok\n");
    relay.stop().await;
}

#[tokio::test]
async fn a_slow_body_is_cut_off() {
    let relay = Running::start("body_timeout_ms = 100").await;
    let begun = format!(
        "POST /v1/track HTTP/1.1\r\nhost: t\r\nauthorization: Bearer {KEY}\r\ncontent-length: 100\r\n\r\n{{"
    );
    let answer = relay.send(begun.as_bytes()).await;
    assert_eq!((answer.status, answer.header("connection")), (408, Some("close")));
    relay.stop().await;
}

#[tokio::test]
async fn a_client_that_reads_no_answer_loses_its_place() {
    let relay = Running::start("answer_timeout_ms = 100\nmax_connections = 1").await;
    let socket = TcpSocket::new_v4().expect("a socket");
    // Little room, so that it is soon full.
    socket.set_recv_buffer_size(4096).expect("room");
    let mut deaf = socket.connect(relay.address).await.expect("a connection");
    let requests = "GET /metrics HTTP/1.1\r\nhost: t\r\n\r\n".repeat(100);
    let cut_off = async { while deaf.write_all(requests.as_bytes()).await.is_ok() {} };
    timeout(PATIENCE, cut_off).await.expect("it is cut off");
    // Its end of the connection is still there; the only place is not.
    let served = timeout(PATIENCE, relay.get("/healthz")).await.expect("its place is free");
    assert_eq!(served.status, 200);
    drop(deaf);
    relay.stop().await;
}

#[tokio::test]
async fn a_client_that_sends_too_often_is_told_when_to_come_back() {
    let relay = Running::start("rate_limit = { per_client = 1, per_site = 0 }").await;
    assert_eq!(relay.page(r#"[{"event":"A"},{"event":"B"}]"#).await.status, 202);
    let answer = relay.page(r#"[{"event":"C"}]"#).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("1")));
    relay.stop().await;
}

#[tokio::test]
async fn health_readiness_and_metrics_answer() {
    let relay = Running::start("").await;
    relay.track(r#"{"event":"Lead"}"#).await;
    assert_eq!(relay.get("/healthz").await.status, 200);
    assert_eq!(relay.get("/readyz").await.body, "ready\n");
    let metrics = relay.get("/metrics").await;
    assert!(
        metrics.body.contains("anytrack_events_total{site=\"shop\",result=\"accepted\"} 1"),
        "{}",
        metrics.body
    );
    relay.stop().await;
}

#[tokio::test]
async fn what_alerts_count_is_there_before_the_first_count() {
    let table = "[[destination]]\nname = \"crm\"\nsite = \"shop\"\nplatform = \"webhook\"\n\
         url = \"http://127.0.0.1:9/in\"\nsecret = \"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3\"\nallow_private = true\n";
    let relay = Running::start(table).await;
    let metrics = relay.get("/metrics").await.body;
    for line in [
        "anytrack_events_total{site=\"shop\",result=\"rejected\"} 0",
        "anytrack_outcomes_total{destination=\"crm\",outcome=\"unauthorized\"} 0",
        "anytrack_given_up_total{destination=\"crm\"} 0",
    ] {
        assert!(metrics.contains(line), "{line} in\n{metrics}");
    }
    relay.stop().await;
}

#[tokio::test]
async fn a_page_without_scripts_is_seen_by_its_pixel() {
    let relay = Running::start("").await;
    let request =
        "GET /v1/pixel.gif?site=shop HTTP/1.1\r\nhost: t\r\nreferer: https://shop.example/?gclid=abc\r\n\r\n";
    let answer = relay.send(request.as_bytes()).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("image/gif")));
    assert!(answer.header("set-cookie").is_some_and(|cookie| cookie.starts_with("_at_vid=")));
    assert_eq!(stored(relay.directory.path()), 1);
    // Whoever denied on an earlier page is given nothing.
    let denied = request.replace("\r\n\r\n", "\r\ncookie: a=b; _at_c=d--\r\n\r\n");
    let answer = relay.send(denied.as_bytes()).await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("set-cookie").is_none_or(|cookie| cookie.starts_with("_at_vid=;")), "{answer:?}");
    relay.stop().await;
}

#[tokio::test]
async fn a_site_s_module_names_the_parts_it_asks_for() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).expect("written");
    write(
        "manifest.json",
        r#"{"files":[{"name":"tag.cmp.00ff00ff.js","type":"text/javascript","hashed":true,"sha384":"A"}],
            "parts":{"cmp":"tag.cmp.00ff00ff.js","debug":"tag.debug.11ee11ee.js"}}"#,
    );
    write("tag.cmp.00ff00ff.js", "export default () => {};");
    let extra = "[tag]\nassets = \".\"\n[[site]]\nkey = \"with.parts\"\n[site.tag.cmp]\ngoogle = false";
    let relay = Running::start_in(directory, extra).await;
    let module = relay.get("/v1/site/with.parts.js").await;
    for (name, expected) in [
        ("content-type", "text/javascript"),
        ("cache-control", "public, max-age=300"),
        ("access-control-allow-origin", "*"),
        ("cross-origin-resource-policy", "cross-origin"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(module.header(name), Some(expected), "{name}");
    }
    let list = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    let line = list(&module.body);
    assert!(
        line.starts_with(r#"const parts = [["cmp","../../tag.cmp.00ff00ff.js",{"google":false"#),
        "{line}"
    );
    let etag = module.header("etag").expect("an entity tag").to_owned();
    let again = format!(
        "GET /v1/site/with.parts.js HTTP/1.1\r\nhost: x\r\nif-none-match: {etag}\r\nconnection: close\r\n\r\n"
    );
    assert_eq!(relay.send(again.as_bytes()).await.status, 304);

    let plain = relay.get("/v1/site/shop.js").await;
    assert_eq!((plain.status, list(&plain.body).as_str()), (200, "const parts = [];"));
    assert_ne!(plain.header("etag"), Some(etag.as_str()));
    let overlay = relay.get("/v1/site/shop.js?debug").await;
    assert_eq!(list(&overlay.body), r#"const parts = [["debug","../../tag.debug.11ee11ee.js",{}]];"#);
    for unknown in ["/v1/site/other.js", "/v1/site/shop", "/v1/site/"] {
        let refused = relay.get(unknown).await;
        assert_eq!(refused.status, 404, "{unknown}");
        assert_eq!(
            refused.header("access-control-allow-origin"),
            Some("*"),
            "a page may read why: {unknown}"
        );
    }
    let told = relay.get("/v1/site/other.js?debug").await;
    assert_eq!((told.status, told.header("access-control-allow-origin")), (200, Some("*")));
    assert_eq!(told.header("cache-control"), Some("no-store"), "it may be known soon");
    assert_eq!(
        list(&told.body),
        r#"const parts = [["debug","../../tag.debug.11ee11ee.js",{"unknown":true}]];"#
    );
    relay.stop().await;
}

#[tokio::test]
async fn a_site_that_asks_by_region_hears_the_country_from_its_proxy() {
    let directory = tempfile::tempdir().expect("a directory");
    let manifest = r#"{"files":[],"parts":{"region":"tag.region.00ff00ff.js"}}"#;
    std::fs::write(directory.path().join("manifest.json"), manifest).expect("written");
    let extra = "[tag]\nassets = \".\"\n[[site]]\nkey = \"asks\"\n[site.tag]\nconsent = \"regional\"\n\
                 country_header = \"cf-ipcountry\"";
    let relay = Running::start_in(directory, extra).await;
    let check = async |header: &str, expected: &str| {
        let request =
            format!("GET /v1/site/asks.js HTTP/1.1\r\nhost: x\r\n{header}connection: close\r\n\r\n");
        let module = relay.send(request.as_bytes()).await;
        let mut lines = module.body.lines();
        assert_eq!(lines.next(), Some(r#"const parts = [["region","../../tag.region.00ff00ff.js",{}]];"#));
        assert_eq!(lines.next(), Some(expected), "{header}");
        assert_eq!(module.header("cache-control"), Some("private, max-age=300"));
    };
    check("cf-ipcountry: US\r\n", "const country = \"US\";").await;
    check("cf-ipcountry: XX\r\n", "const country = null;").await;
    check("cf-ipcountry: \"}\r\n", "const country = null;").await;
    check("", "const country = null;").await;
    relay.stop().await;
}

#[tokio::test]
async fn a_site_s_own_regions_reach_the_part_that_asks() {
    let directory = tempfile::tempdir().expect("a directory");
    let manifest = r#"{"files":[],"parts":{"region":"tag.region.00ff00ff.js"}}"#;
    std::fs::write(directory.path().join("manifest.json"), manifest).expect("written");
    let extra = "[tag]\nassets = \".\"\n[[site]]\nkey = \"asks\"\n[site.tag]\nconsent = \"regional\"\n\
                 consent_regions = [\"EEA\", \"BR\"]";
    let relay = Running::start_in(directory, extra).await;
    let module = relay.get("/v1/site/asks.js").await;
    let expected = r#"const parts = [["region","../../tag.region.00ff00ff.js",{"regions":["EEA","BR"]}]];"#;
    assert_eq!(module.body.lines().next(), Some(expected));
    relay.stop().await;
}

#[tokio::test]
async fn who_comes_without_a_visitor_id_is_given_one() {
    let relay = Running::start("").await;
    let check = async |event: &str, expected: bool| {
        let body = format!(r#"{{"v":1,"site":"shop","events":[{event}]}}"#);
        let answer = relay.post("/v1/events", "origin: https://shop.example\r\n", &body).await;
        let set = answer.head.lines().any(|line| line.starts_with("set-cookie: _at_vid=0"));
        assert_eq!((answer.status, set), (202, expected), "{event}");
    };
    check(r#"{"event":"PageView"}"#, true).await;
    check(r#"{"event":"PageView","consent":{"ad_storage":"denied"}}"#, false).await;
    // By its order it may be of a visitor who is known.
    check(r#"{"event":"Purchase","properties":{"order_id":"7"}}"#, false).await;
    relay.stop().await;
}

/// A site that wants all cookies made that the relay can make.
const MAKES: &str = "[[site]]\nkey = \"makes\"\n\
                     origins = [\"https://makes.example\", \"https://shop.example\"]\n\
                     [site.tag]\nmake_cookies = [\"_fbp\", \"_fbc\", \"_uetvid\", \"_ga\"]";

/// The cookies of platforms that an answer sets to an event of [`MAKES`].
async fn made(relay: &Running, origin: &str, headers: &str, event: &str) -> Vec<String> {
    let body = format!(r#"{{"v":1,"site":"makes","events":[{event}]}}"#);
    let answer = relay.post("/v1/events", &format!("origin: {origin}\r\n{headers}"), &body).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let lines = answer.head.lines().filter_map(|line| line.strip_prefix("set-cookie: ").map(str::to_owned));
    lines.filter(|line| !line.starts_with("_at_vid=")).collect()
}

const SHOP: &str = "https://shop.example";

#[tokio::test]
async fn cookies_of_platforms_are_made_once_and_only_with_consent() {
    let relay = Running::start(MAKES).await;
    let lines = made(&relay, SHOP, "", r#"{"event":"PageView","visitor_id":"v-1"}"#).await;
    assert_eq!(lines.len(), 3, "no click, so no cookie of one: {lines:?}");
    assert!(lines[0].starts_with("_fbp=fb.1."), "{lines:?}");
    assert!(
        lines[0].ends_with("; Path=/; Max-Age=7776000; Domain=shop.example; Secure; SameSite=Lax"),
        "{lines:?}"
    );
    assert!(lines[1].starts_with("_uetvid=") && lines[2].starts_with("_ga=GA1.1."), "{lines:?}");

    let with = r#"{"event":"PageView","cookies":{"_fbp":"fb.1.1.1","_ga":"GA1.1.1.2"}}"#;
    let none = Vec::<String>::new();
    assert_eq!(made(&relay, SHOP, "cookie: _uetvid=x\r\n", with).await, none, "what is there stays");
    let foreign = made(&relay, "https://makes.example", "", r#"{"event":"PageView"}"#).await;
    assert_eq!(foreign, none, "the page would never see them");
    relay.stop().await;
}

#[tokio::test]
async fn requests_of_one_first_visit_are_given_the_same_cookies() {
    let relay = Running::start(MAKES).await;
    let visit = async |name: &str, visitor: &str| {
        let event = format!(r#"{{"event":"{name}","visitor_id":"{visitor}"}}"#);
        made(&relay, SHOP, "", &event).await
    };
    let visitor = "0199c2a0-7b1c-7cc3-98c4-dc0c0c07398f";
    let lines = visit("PageView", visitor).await;
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].starts_with(&format!("_fbp=fb.1.{}.", 0x0199_c2a0_7b1c_i64)), "{lines:?}");
    assert_eq!(visit("ViewContent", visitor).await, lines);
    let others = visit("PageView", "0199c2a0-7b1c-7cc3-98c4-dc0c0c073990").await;
    for (line, other) in lines.iter().zip(&others) {
        assert_ne!(line, other, "another visitor's");
    }
    relay.stop().await;
}

#[tokio::test]
async fn a_click_of_metas_is_kept_as_its_pixel_would() {
    let relay = Running::start(MAKES).await;
    let clicked = async |cookie: &str| {
        let seen = relay::clock::now().0 - 1000;
        let event = format!(
            r#"{{"event":"PageView","click_ids":{{"fbclid":{{"value":"IwAR0_aem_Zz9","seen_at":{seen}}}}}}}"#
        );
        let headers = format!("cookie: _fbp=x; _uetvid=x; _ga=x{cookie}\r\n");
        (seen, made(&relay, SHOP, &headers, &event).await)
    };
    for other in ["", "; _fbc=fb.1.5.Older"] {
        let (seen, lines) = clicked(other).await;
        let rest = "Path=/; Max-Age=7776000; Domain=shop.example; Secure; SameSite=Lax";
        assert_eq!(lines, [format!("_fbc=fb.1.{seen}.IwAR0_aem_Zz9; {rest}")], "{other}");
    }
    assert_eq!(clicked("; _fbc=fb.2.5.IwAR0_aem_Zz9.AQ").await.1, Vec::<String>::new(), "its own stays");
    relay.stop().await;
}

#[tokio::test]
async fn whoever_denies_loses_the_cookies_that_were_made() {
    let relay = Running::start(MAKES).await;
    let denied = r#"{"event":"PageView","visitor_id":"v-1","consent":{"ad_user_data":"denied"}}"#;
    let mut lines = made(&relay, SHOP, "", denied).await;
    let kept = "_at_c=-d-; Path=/; Max-Age=34560000; Domain=shop.example; Secure; SameSite=Lax";
    assert_eq!(lines.pop().as_deref(), Some(kept), "for longer than Safari lets a script keep a denial");
    let over = |name: &str| format!("{name}=; Path=/; Max-Age=0; Domain=shop.example; Secure; SameSite=Lax");
    assert_eq!(lines, ["_fbp", "_fbc", "_uetvid", "_ga"].map(over));
    let foreign = made(&relay, "https://makes.example", "", denied).await;
    assert_eq!(foreign, [kept.replace(" Domain=shop.example;", "")], "where none were made");
    relay.stop().await;
}

#[tokio::test]
async fn events_that_a_tag_dropped_are_counted() {
    let relay = Running::start("").await;
    let body = r#"{"v":1,"site":"shop","dropped":30,"events":[{"event":"Lead"}]}"#;
    assert_eq!(relay.post("/v1/events", "origin: https://shop.example\r\n", body).await.status, 202);
    let metrics = relay.get("/metrics").await.body;
    assert!(metrics.contains(r#"result="dropped_by_tag"} 30"#), "{metrics}");
    relay.stop().await;
}

#[tokio::test]
async fn an_event_older_than_the_memory_for_repeats_is_refused_and_its_neighbour_is_not() {
    let relay = Running::start("").await;
    let days_ago = |days: i64| relay::clock::now().0 - days * 86_400_000;
    let body = format!(
        r#"{{"v":1,"site":"shop","sent_at":{},"events":[{{"event":"Lead","time":{}}},{{"event":"Lead","time":{}}}]}}"#,
        relay::clock::now().0,
        days_ago(31),
        days_ago(29),
    );
    let answer = relay.post("/v1/events", "origin: https://shop.example\r\n", &body).await;
    let receipt = answer.json();
    assert_eq!((answer.status, receipt["accepted"].as_u64()), (202, Some(1)), "{receipt}");
    assert_eq!(
        receipt["rejected"],
        serde_json::json!([{"index":0,"reason":"time: older than store.dedup_days, so it could be a repeat"}])
    );
    relay.stop().await;
}

#[tokio::test]
async fn a_conversion_that_was_held_when_the_relay_died_goes_out_after_the_next_start() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("waits.toml");
    let text = "[[site]]\nkey = \"shop\"\nmerge_window = { Purchase = \"10m\" }\n";
    std::fs::write(&path, text).expect("written");
    let config = relay::config::load(&path, relay::platform::ALL).expect("a good configuration").config;
    let store =
        SqliteStore::open(&directory.path().join("anytrack.db"), Steps::new(&config)).expect("a store");
    let json = r#"{"event":"Purchase","event_id":"held","time":1000,"source":"server"}"#;
    let event: shared::Event = serde_json::from_str(json).expect("an event");
    let incoming = Incoming { site: "shop".into(), received: shared::UnixMs(1000), event: event.into() };
    assert_eq!(store.append(vec![incoming]).await.expect("held"), [Verdict::Held]);
    // It ends without a word, as a relay that is killed.
    drop(store);

    let relay = Running::start_in(directory, "").await;
    let mut tries = 0;
    while stored(relay.directory.path()) == 0 && tries < 2000 {
        relay.get("/healthz").await;
        tries += 1;
    }
    assert_eq!(stored(relay.directory.path()), 1);
    relay.stop().await;
}
