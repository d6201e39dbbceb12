//! `doctor --send-test` against the sandbox: each platform is sent a test event in the way it has, and what it said is told.

use std::process::Command;

use www_test::relay_process::{Bed, SITE, Settings};
use www_test::sandbox::google_ads::Client;
use www_test::sandbox::{Sandbox, Settings as SandboxSettings};

const CODE: &str = "TEST12345";

/// A destination of this name with these keys.
fn table(name: &str, platform: &str, url: &str, keys: &str) -> String {
    format!(
        "\n[[destination]]\nname = \"{name}\"\nsite = \"{SITE}\"\nplatform = \"{platform}\"\nendpoint = \"{url}\"\n{keys}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_sends_test_events_where_a_platform_has_a_way_to_take_them() {
    let client =
        Client { id: "the-client".into(), secret: "the-secret".into(), refresh_token: "the-refresh".into() };
    let tokens = vec!["right-token".to_owned()];
    let sandbox =
        SandboxSettings { google_client: Some(client), meta_tokens: tokens, ..SandboxSettings::default() };
    let sandbox = Sandbox::start_with(&sandbox).await.expect("the platforms start");
    let url = sandbox.url();
    let meta = |token: &str| {
        format!("pixel_id = \"1234567890\"\naccess_token = \"{token}\"\ntest_event_code = \"{CODE}\"")
    };
    let tiktok = "pixel_code = \"C0EXAMPLE0PIXEL0CODE\"\naccess_token = \"t\"";
    let google = "operating_account = \"4445556666\"\nconversion_actions = { Purchase = \"7001\", Lead = \"7002\", Qualified = \"7003\" }\n\
                  oauth = { client_id = \"the-client\", client_secret = \"the-secret\", refresh_token = \"the-refresh\" }";
    let more = [
        table("meta-right", "meta", &url, &meta("right-token")),
        table("meta-wrong", "meta", &url, &meta("wrong-token")),
        table(
            "meta-purchases",
            "meta",
            &url,
            &format!("{}\nevents = {{ PageView = false }}", meta("right-token")),
        ),
        table("tiktok-coded", "tiktok", &url, &format!("{tiktok}\ntest_event_code = \"{CODE}\"")),
        table("tiktok-plain", "tiktok", &url, tiktok),
        table("google", "google-ads", &url, google),
    ];
    let settings = Settings { more: more.concat(), webhook: Some(url), ..Settings::default() };
    let bed = Bed::make(&settings).await.expect("a bed");
    let run = |flags: &'static [&'static str]| {
        let mut command = Command::new(bed.binary());
        command.arg("doctor").arg("--config").arg(bed.configuration()).args(flags);
        let ran = tokio::task::block_in_place(|| command.output()).expect("the doctor runs");
        String::from_utf8(ran.stdout).expect("text")
    };
    assert!(!run(&[]).contains("test event:"), "nobody asked for one");
    assert_eq!((sandbox.counted("meta").counted, sandbox.counted("tiktok").counted), (0, 0));

    let said = run(&["--send-test"]);
    for (name, state, words) in [
        (
            "meta-right",
            "ok",
            "a PageView was taken: look for it under Events Manager, Test events; expect it to count",
        ),
        ("meta-wrong", "BAD", "refused: "),
        ("meta-purchases", "untried", "no PageView goes there"),
        ("tiktok-coded", "ok", "a PageView was taken"),
        ("tiktok-plain", "untried", "into `test_event_code`"),
        ("google", "ok", "Purchase, Lead and Qualified were checked and would be taken; nothing was counted"),
        ("webhook", "untried", "no test mode"),
    ] {
        let line = said.lines().find(|line| line.contains(&format!("{name}: test event: ")));
        let line = line.unwrap_or_else(|| panic!("{name}: {said}"));
        assert!(line.starts_with(state) && line.contains(words), "{line}");
    }
    assert!(!said.contains("wrong-token"), "{said}");
    // What was sent went as a test, and Google counted nothing.
    let of = |platform: &str, path: &str| -> Vec<serde_json::Value> {
        let records = sandbox.requests(platform);
        let posted = records
            .iter()
            .filter(|record| record.request.method == "POST" && record.request.path.contains(path));
        posted.filter_map(|record| record.request.json()).collect()
    };
    let coded = |body: &serde_json::Value| body["test_event_code"] == CODE;
    assert!(of("meta", "events").iter().all(coded) && of("tiktok", "track").iter().all(coded));
    let checked = of("google-ads", "ingest");
    assert_eq!(checked.len(), 3, "each conversion action is tried");
    assert!(checked.iter().all(|body| body["validateOnly"] == true), "{checked:?}");
    assert_eq!(sandbox.counted("google-ads").counted, 0);
    assert_eq!((sandbox.counted("meta").counted, sandbox.counted("tiktok").counted), (1, 1));
    assert_eq!(sandbox.counted("webhook").counted, 0);
}
