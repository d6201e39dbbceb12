//! The sandbox over real sockets: replies, misbehaviour byte by byte, the shut port, the control API.

use std::io::ErrorKind;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::trouble::{Mode, Order};
use super::*;

const SOON: Duration = Duration::from_secs(10);

fn lead(id: &str) -> Value {
    json!({ "event_name": "Lead", "event_time": clock::now().seconds(), "event_id": id,
            "action_source": "website", "event_source_url": "https://shop.example/",
            "user_data": { "external_id": "user-42" } })
}

fn post(path: &str, body: &Value) -> String {
    let body = body.to_string();
    format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn leads(ids: &[&str]) -> String {
    let data: Vec<Value> = ids.iter().map(|id| lead(id)).collect();
    post("/v25.0/1234567890/events", &json!({ "access_token": "t", "data": data }))
}

/// Everything the sandbox says to one request until it closes, or how the connection broke.
async fn exchange(sandbox: &Sandbox, request: &str) -> Result<String, ErrorKind> {
    let talk = async {
        let mut socket = TcpStream::connect(sandbox.address()).await?;
        socket.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    tokio::time::timeout(SOON, talk).await.expect("an end in time").map_err(|error| error.kind())
}

fn body(answer: &str) -> Value {
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head");
    serde_json::from_str(body).expect("json")
}

#[tokio::test]
async fn a_good_batch_counts_once_however_often_it_comes() {
    let sandbox = Sandbox::start().await.expect("starts");
    for _ in 0..2 {
        let answer = exchange(&sandbox, &leads(&["a", "b"])).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert_eq!(body(&answer)["events_received"], 2);
    }
    let tally = Tally { requests: 2, counted: 2, duplicates: 2, ..Tally::default() };
    assert_eq!(sandbox.counted("meta"), tally);
    assert_eq!(sandbox.read(|state| state.times_counted("meta").get("a").copied()), Some(1));
}

#[tokio::test]
async fn each_complaint_reaches_the_wire_and_nothing_counts() {
    let sandbox = Sandbox::start().await.expect("starts");
    let check = async |mode, status: &str, code: u32| {
        sandbox.fail(Order::times("meta", mode, 1));
        let answer = exchange(&sandbox, &leads(&["a"])).await.expect("an answer");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        assert_eq!(body(&answer)["error"]["code"], code);
    };
    check(Mode::TooManyRequests { retry_after_s: 9 }, "429", 80_004).await;
    check(Mode::Throttled, "400", 80_004).await;
    check(Mode::ServerError { status: 502 }, "502", 2).await;
    check(Mode::Transient, "500", 2).await;
    check(Mode::TokenExpired, "401", 190).await;
    assert_eq!(sandbox.counted("meta"), Tally { requests: 5, disturbed: 5, ..Tally::default() });
}

#[tokio::test]
async fn each_misbehaviour_reaches_the_wire() {
    let sandbox = Sandbox::start().await.expect("starts");
    let check = async |mode: Mode, counts: u64, expected: &dyn Fn(&Result<String, ErrorKind>) -> bool| {
        sandbox.reset();
        sandbox.fail(Order::times("meta", mode, 1));
        let answer = exchange(&sandbox, &leads(&["a"])).await;
        assert!(expected(&answer), "{mode:?}: {answer:?}");
        assert_eq!(sandbox.counted("meta").counted, counts, "{mode:?}");
    };
    let whole = |answer: &Result<String, ErrorKind>| {
        answer.as_ref().is_ok_and(|text| text.starts_with("HTTP/1.1 200") && text.ends_with('}'))
    };
    check(Mode::Reset, 0, &|answer| *answer == Err(ErrorKind::ConnectionReset)).await;
    check(Mode::Close, 0, &|answer| *answer == Ok(String::new())).await;
    check(Mode::Slow { drip_ms: 1 }, 1, &whole).await;
    check(Mode::WrongLength, 1, &whole).await;
    check(Mode::HalfBody, 1, &|answer| answer.as_ref().is_ok_and(|text| !text.ends_with('}'))).await;
    check(Mode::Garbage, 0, &|answer| answer.as_ref().is_ok_and(|text| text.contains("text/html"))).await;
}

#[tokio::test]
async fn a_lost_answer_counts_and_is_never_given() {
    let sandbox = Sandbox::start().await.expect("starts");
    let check = async |mode, counts| {
        sandbox.reset();
        sandbox.fail(Order::times("meta", mode, 1));
        let mut socket = TcpStream::connect(sandbox.address()).await.expect("connects");
        socket.write_all(leads(&["a"]).as_bytes()).await.expect("sent");
        sandbox
            .wait_until("the request", SOON, |state| state.counted("meta").requests == 1)
            .await
            .expect("arrives");
        assert_eq!(sandbox.counted("meta").counted, counts);
        let silent = tokio::time::timeout(Duration::from_millis(50), socket.read_u8()).await;
        assert!(silent.is_err(), "{silent:?}");
    };
    check(Mode::LoseAnswer, 1).await;
    check(Mode::Hang, 0).await;
}

#[tokio::test]
async fn poison_sinks_its_batch_and_no_other() {
    let sandbox = Sandbox::start().await.expect("starts");
    sandbox.fail(Order::forever("meta", Mode::Poison { code: 2_804_048 }));
    let answer = exchange(&sandbox, &leads(&["a", "poison-1", "b"])).await.expect("an answer");
    assert_eq!(body(&answer)["error"]["error_subcode"], 2_804_048);
    exchange(&sandbox, &leads(&["a", "b"])).await.expect("an answer");
    assert_eq!(sandbox.counted("meta").counted, 2);
}

#[tokio::test]
async fn a_shut_port_refuses_and_an_open_one_serves_again() {
    let sandbox = Sandbox::start().await.expect("starts");
    let mut lingering = TcpStream::connect(sandbox.address()).await.expect("connects");
    for _ in 0..3 {
        sandbox.shut().await;
        assert_eq!(exchange(&sandbox, &leads(&["a"])).await, Err(ErrorKind::ConnectionRefused));
        sandbox.open().await;
        exchange(&sandbox, &leads(&["a"])).await.expect("an answer");
    }
    let mut waste = Vec::new();
    let ended = tokio::time::timeout(SOON, lingering.read_to_end(&mut waste)).await;
    assert!(ended.is_ok(), "a connection survived the shut port");
    assert_eq!(sandbox.counted("meta"), Tally { requests: 3, counted: 1, duplicates: 2, ..Tally::default() });
}

#[tokio::test]
async fn the_control_api_does_what_the_handle_does() {
    let sandbox = Sandbox::start().await.expect("starts");
    let get = |route: &str| format!("GET /_control/{route} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let order = json!({ "platform": "meta", "mode": "throttled", "times": 1 });
    exchange(&sandbox, &post("/_control/fail", &order)).await.expect("an answer");
    exchange(&sandbox, &leads(&["a"])).await.expect("an answer");
    exchange(&sandbox, &leads(&["a"])).await.expect("an answer");
    let counted = body(&exchange(&sandbox, &get("counted")).await.expect("an answer"));
    assert_eq!(counted["meta"]["counted"], 1);
    assert_eq!(counted["meta"]["events"][0]["event_id"], "a");
    let requests = body(&exchange(&sandbox, &get("requests?platform=meta")).await.expect("an answer"));
    assert_eq!(
        requests[0]["outcome"],
        json!({ "verdict": "disturbed", "mode": "throttled", "counted": 0, "duplicates": 0 })
    );
    assert_eq!(requests[1]["body"]["data"][0]["event_id"], "a");
    let last = body(&exchange(&sandbox, &get("requests?last=1")).await.expect("an answer"));
    assert_eq!(last.as_array().map(Vec::len), Some(1));
    exchange(&sandbox, &post("/_control/reset", &Value::Null)).await.expect("an answer");
    assert_eq!(sandbox.counted("meta"), Tally::default());
    let wrong = json!({ "platform": "myspace", "mode": "hang" });
    let answer = exchange(&sandbox, &post("/_control/fail", &wrong)).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("not played here"), "{answer}");
}

#[tokio::test]
async fn the_control_api_shuts_the_port_for_a_while() {
    let sandbox = Sandbox::start().await.expect("starts");
    let until = async |refused: bool| {
        let turned = async {
            while TcpStream::connect(sandbox.address()).await.is_err() != refused {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SOON, turned).await.expect("the port turns in time");
    };
    // The port may be shut before the answer is out, so the answer is not asked for.
    let _answer = exchange(&sandbox, &post("/_control/shut", &json!({ "for_ms": 200 }))).await;
    until(true).await;
    until(false).await;
    let answer = exchange(&sandbox, &post("/_control/shut", &json!({}))).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("for_ms"), "{answer}");
}

#[tokio::test]
async fn memory_is_bounded_when_asked() {
    let settings = Settings { keep_requests: 2, ..Settings::default() };
    let sandbox = Sandbox::start_with(&settings).await.expect("starts");
    for id in ["a", "b", "c"] {
        exchange(&sandbox, &leads(&[id])).await.expect("an answer");
    }
    let numbers: Vec<u64> = sandbox.requests("meta").iter().map(|record| record.request.number).collect();
    assert_eq!(numbers, [2, 3]);
    assert_eq!(sandbox.counted("meta").counted, 3);
}

#[tokio::test]
async fn only_this_machine_can_reach_it() {
    let settings = Settings { listen: SocketAddr::from(([0, 0, 0, 0], 0)), ..Settings::default() };
    assert!(matches!(Sandbox::start_with(&settings).await, Err(SandboxError::NotLoopback { .. })));
}

#[tokio::test]
async fn a_vain_wait_says_how_things_stand() {
    let sandbox = Sandbox::start().await.expect("starts");
    let vain = sandbox.wait_until("a miracle", Duration::from_millis(1), |_| false).await;
    let words = vain.expect_err("no miracle").to_string();
    assert!(words.contains("a miracle") && words.contains("meta"), "{words}");
}
