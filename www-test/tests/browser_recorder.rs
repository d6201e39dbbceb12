//! The recorder really sees what a browser sends: the proof that a test which finds nothing has looked.

use std::process::Command;

use www_test::browser::Browser;
use www_test::recorder::{Gate, Recorder, Secret};
use www_test::shop::{Shop, Snippet};

const SECRET: &str = "first.buyer@shop.example";

/// Ways in which a page could let a text slip, each of which has to be noticed.
const SLIPS: [(&str, &str); 8] = [
    ("plain body", "fetch('/slip', { method: 'POST', body: 'x=' + secret })"),
    ("address", "fetch('/slip?e=' + encodeURIComponent(secret.toUpperCase()))"),
    ("base64", "fetch('/slip', { method: 'POST', body: btoa('{\"a\":1,\"email\":\"' + secret + '\"}') })"),
    ("header", "fetch('/slip', { headers: { 'x-note': secret } })"),
    ("beacon", "navigator.sendBeacon('/slip', JSON.stringify({ email: secret }))"),
    (
        "UTF-16",
        "fetch('/slip', { method: 'POST', body: new Uint8Array(Uint16Array.from(secret, c => c.charCodeAt(0)).buffer) })",
    ),
    ("form", "fetch('/slip', { method: 'POST', body: new URLSearchParams({ email: secret }) })"),
    ("picture", "new Image().src = '/slip?p=' + [...secret].reverse().join('')"),
];

#[tokio::test]
async fn every_way_to_let_a_text_slip_is_noticed() {
    let shop = Shop::open(Snippet::none()).await.unwrap();
    for (name, script) in SLIPS {
        let recorder = Recorder::start().await.unwrap();
        let browser = Browser::start(Some(&recorder.authority())).await.unwrap();
        browser.goto(&shop.url("/thanks")).await.unwrap();
        assert!(recorder.sightings(&[Secret::new("email", SECRET)]).is_empty(), "{name}: clean before");
        browser.eval(&format!("const secret = '{SECRET}'; {script}")).await.unwrap();
        recorder.wait_for(|all| all.iter().any(|one| one.url.contains("/slip")).then_some(())).await.unwrap();
        assert!(!recorder.sightings(&[Secret::new("email", SECRET)]).is_empty(), "{name} was not noticed");
        browser.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_held_gate_delays_and_a_refusing_one_breaks() {
    let shop = Shop::open(Snippet::none()).await.unwrap();
    let other = Shop::open(Snippet::none()).await.unwrap();
    let recorder = Recorder::start().await.unwrap();
    let browser = Browser::start(Some(&recorder.authority())).await.unwrap();
    browser.goto(&shop.url("/thanks")).await.unwrap();
    let fetch = |mark: &str| {
        format!(
            "window.{mark} = 0; fetch('{}', {{ mode: 'no-cors' }}).then(() => {mark} = 'came', () => {mark} = 'broke')",
            other.url("/shop.css")
        )
    };
    recorder.gate(&other.origin(), Gate::Refused);
    browser.eval(&fetch("refused")).await.unwrap();
    assert_eq!(browser.wait_until("window.refused").await.unwrap(), "broke");
    recorder.gate(&other.origin(), Gate::Held);
    browser.eval(&fetch("held")).await.unwrap();
    recorder
        .wait_for(|all| {
            (all.iter()
                .filter(|one| one.url.ends_with("/shop.css") && one.url.starts_with(&other.origin()))
                .count()
                > 1)
            .then_some(())
        })
        .await
        .unwrap();
    assert_eq!(browser.eval("return window.held").await.unwrap(), 0, "nothing comes through a held gate");
    recorder.gate(&other.origin(), Gate::Open);
    assert_eq!(browser.wait_until("window.held").await.unwrap(), "came");
    browser.close().await.unwrap();
}

#[tokio::test]
async fn nothing_outside_this_machine_can_be_reached() {
    let shop = Shop::open(Snippet::none()).await.unwrap();
    let recorder = Recorder::start().await.unwrap();
    let browser = Browser::start(Some(&recorder.authority())).await.unwrap();
    browser.goto(&shop.url("/thanks")).await.unwrap();
    browser.eval("window.left = []; for (const url of ['https://shop.example/', 'http://shop.example/']) fetch(url, { mode: 'no-cors' }).then(() => left.push('came'), () => left.push('broke'))").await.unwrap();
    browser.wait_until("left.length === 2").await.unwrap();
    assert_eq!(browser.eval("return left").await.unwrap(), serde_json::json!(["broke", "broke"]));
    let tunnels = recorder.exchanges().into_iter().filter(|one| one.url == "shop.example:443").count();
    assert!(tunnels > 0, "the attempt is recorded");
    browser.close().await.unwrap();
}

#[tokio::test]
async fn a_dropped_browser_leaves_no_process() {
    let browser = Browser::start(None).await.unwrap();
    let group = browser.process_group();
    assert!(!living(group).is_empty(), "it runs");
    drop(browser);
    // SIGKILL is not instant; asking `ps` again is.
    let gone = async {
        while !living(group).is_empty() {
            tokio::task::yield_now().await
        }
    };
    tokio::time::timeout(www_test::browser::PATIENCE, gone).await.expect("every process of the group ends");
}

/// Processes of a group that are not mere entries in a table any more.
fn living(group: u32) -> Vec<String> {
    let listed = Command::new("ps").args(["-eo", "pgid=,stat=,pid="]).output().expect("ps runs");
    let text = String::from_utf8(listed.stdout).expect("ps prints text");
    let group = group.to_string();
    text.lines()
        .filter(|line| {
            let mut words = line.split_whitespace();
            words.next() == Some(&group) && !words.next().unwrap_or_default().starts_with('Z')
        })
        .map(str::to_owned)
        .collect()
}
