//! An operator's commands, through the built program, on the store of a relay that runs and of one that does not.

mod running;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use running::{KEY, Running, stored};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

const PROGRAM: &str = env!("CARGO_BIN_EXE_anytrack-relay");

/// Runs a command on the store in this directory: its exit code, its output, its errors.
async fn command(directory: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(PROGRAM);
    command
        .args(arguments)
        .arg("--config")
        .arg(directory.join("anytrack.toml"))
        .current_dir(directory)
        .env_clear();
    let ran = tokio::task::spawn_blocking(move || command.output().expect("the program runs"));
    let ran = ran.await.expect("the program ends");
    let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8").trim().to_owned();
    (ran.status.code().expect("an exit code"), text(ran.stdout), text(ran.stderr))
}

/// A destination that answers with the status it is told, and hands on the bodies it gets.
async fn destination(status: &Arc<AtomicU16>) -> (String, mpsc::UnboundedReceiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (sender, bodies) = mpsc::unbounded_channel();
    let status = status.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut bytes = Vec::new();
            let body = loop {
                let mut chunk = [0; 4096];
                let read = socket.read(&mut chunk).await.unwrap_or(0);
                bytes.extend_from_slice(&chunk[..read]);
                let text = String::from_utf8_lossy(&bytes);
                let body = text.split_once("\r\n\r\n").and_then(|(_, body)| serde_json::from_str(body).ok());
                let asked = text.starts_with("GET ") && text.ends_with("\r\n\r\n");
                if body.is_some() || asked || read == 0 {
                    break body;
                }
            };
            let code = status.load(Ordering::SeqCst);
            let answer = format!("HTTP/1.1 {code} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _ = socket.write_all(answer.as_bytes()).await;
            if let Some(body) = body {
                let _ = sender.send(body);
            }
        }
    });
    let table = format!(
        "[[destination]]\nname = \"crm\"\nsite = \"shop\"\nplatform = \"webhook\"\n\
         url = \"http://127.0.0.1:{port}/in\"\nsecret = \"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3\"\nallow_private = true\n"
    );
    (table, bodies)
}

const PURCHASE: &str = r#"{"event":"Purchase","visitor_id":"visitor-of-jo","user":{"email":"jo@example.com"},
    "properties":{"value":5,"currency":"EUR","order_id":"77"}}"#;

#[tokio::test]
async fn a_person_is_erased_from_a_relay_that_runs() {
    let relay = Running::start("").await;
    assert_eq!(relay.track(PURCHASE).await.status, 202);
    let other = PURCHASE.replace("77", "78").replace("jo", "eve");
    assert_eq!(relay.track(&other).await.status, 202);
    let directory = relay.directory.path().to_owned();
    let (code, said, _) = command(&directory, &["erase", "--email", " JO@example.com"]).await;
    assert_eq!((code, said.as_str()), (0, "erased: 1 visitor and 1 event"));
    let (code, _, error) = command(&directory, &["erase"]).await;
    assert_eq!((code, error.starts_with("name the person")), (1, true), "{error}");
    let directory = relay.stop().await;
    let digest = shared::Sha256Hex::of("jo@example.com").to_hex();
    for file in std::fs::read_dir(directory.path()).expect("readable") {
        let bytes = std::fs::read(file.expect("a file").path()).expect("readable");
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(&digest) && !text.contains("visitor-of-jo"));
    }
    // The same command when no relay runs.
    let (code, said, _) = command(directory.path(), &["erase", "--visitor", "visitor-of-eve"]).await;
    assert_eq!((code, said.as_str()), (0, "erased: 1 visitor and 1 event"));
}

#[tokio::test]
async fn a_site_may_erase_its_visitors_by_its_own_key() {
    let relay = Running::start("").await;
    relay.track(PURCHASE).await;
    let delete = |path: &str, key: &str| {
        format!("DELETE {path} HTTP/1.1\r\nhost: t\r\nauthorization: Bearer {key}\r\n\r\n").into_bytes()
    };
    assert_eq!(relay.send(&delete("/v1/visitors/visitor-of-jo", "wrong")).await.status, 401);
    assert_eq!(relay.send(&delete("/v1/visitors/%2e%2e", KEY)).await.status, 400);
    let answer = relay.send(&delete("/v1/visitors/visitor-of-jo", KEY)).await;
    assert_eq!((answer.status, answer.json()), (200, serde_json::json!({ "visitors": 1, "events": 1 })));
    let again = relay.send(&delete("/v1/visitors/visitor-of-jo", KEY)).await;
    assert_eq!((again.status, again.json()), (200, serde_json::json!({ "visitors": 0, "events": 0 })));
}

#[tokio::test]
async fn dead_letters_and_settled_events_are_sent_again_by_a_relay_that_runs() {
    let status = Arc::new(AtomicU16::new(400));
    let (table, mut bodies) = destination(&status).await;
    let relay = Running::start(&table).await;
    relay.track(PURCHASE).await;
    assert_eq!(bodies.recv().await.expect("sent")["event"]["event"], "Purchase");
    let directory = relay.directory.path().to_owned();
    let listed = loop {
        let (code, listed, errors) = command(&directory, &["dead", "list", "--destination", "crm"]).await;
        assert_eq!(code, 0, "{errors}");
        if !listed.is_empty() {
            break listed;
        }
    };
    assert!(listed.starts_with("1\t") && listed.contains("\tPurchase\tPurchase-77\t"), "{listed}");
    let (code, of_all, errors) = command(&directory, &["dead", "list"]).await;
    assert_eq!((code, of_all), (0, format!("crm\t{listed}")), "{errors}");
    let (_, shown, _) = command(&directory, &["dead", "show", "--destination", "crm", "1"]).await;
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(shown["event"]["event_id"], "Purchase-77");

    status.store(200, Ordering::SeqCst);
    let (code, _, errors) = command(&directory, &["dead", "retry", "--destination", "crm", "9"]).await;
    assert!(code == 1 && errors.contains("no dead letter"), "{errors}");
    let (_, said, _) = command(&directory, &["dead", "retry", "--destination", "crm", "--all"]).await;
    assert_eq!(said, "1 event in hand again");
    assert_eq!(bodies.recv().await.expect("sent again")["event"]["event_id"], "Purchase-77");

    let span = ["--from", "2020-01-01T00:00:00Z", "--to", "2100-01-01T00:00:00Z"];
    let replay =
        |more: &'static [&'static str]| [&["replay", "--destination", "crm"], &span[..], more].concat();
    let (_, said, _) = command(&directory, &replay(&["--dry-run"])).await;
    assert_eq!(said, "1 event would be sent again");
    let (_, said, _) = command(&directory, &replay(&["--event", "Lead"])).await;
    assert_eq!(said, "0 events in hand again");
    let (_, said, _) = command(&directory, &replay(&[])).await;
    assert_eq!(said, "1 event in hand again");
    assert_eq!(bodies.recv().await.expect("sent once more")["event"]["event_id"], "Purchase-77");

    status.store(400, Ordering::SeqCst);
    command(&directory, &replay(&[])).await;
    bodies.recv().await.expect("refused again");
    let dropped = loop {
        let (_, said, _) = command(&directory, &["dead", "drop", "--destination", "crm", "--all"]).await;
        if said != "0 events taken away" {
            break said;
        }
    };
    assert_eq!(dropped, "1 event taken away");
}

#[tokio::test]
async fn a_file_is_imported_once_however_often_it_is_given() {
    let relay = Running::start("").await;
    let directory = relay.directory.path().to_owned();
    let rows: String =
        (0..1200).map(|row| format!("Lead,2026-11-20T10:00:00Z,p{row}@example.com,,\n")).collect();
    let table = format!("event,time,email,value,currency\n{rows}Purchase,,x@example.com,1,EUR\n");
    std::fs::write(directory.join("deals.csv"), table).expect("written");
    for expected in [
        "1200 events accepted, 0 known already, 1 line refused, 0 warnings",
        "0 events accepted, 1200 known already, 1 line refused, 0 warnings",
    ] {
        let (code, said, errors) = command(&directory, &["import", "deals.csv"]).await;
        assert_eq!((code, said.lines().next()), (1, Some(expected)), "{errors}");
    }
    let report = std::fs::read_to_string(directory.join("deals.csv.report.jsonl")).expect("a report");
    let line: Value = serde_json::from_str(report.trim()).expect("one line of JSON");
    assert_eq!((&line["line"], &line["what"]), (&1202.into(), &"rejected".into()));
    assert!(!directory.join("deals.csv.progress").exists());
    let directory = relay.stop().await;
    assert_eq!(stored(directory.path()), 1200);
    // Into the store itself; and a table that is not understood is refused as a whole.
    std::fs::write(
        directory.path().join("more.jsonl"),
        r#"{"event":"Lead","time":1795183509123,"emial":"x"}"#,
    )
    .expect("written");
    let (code, said, errors) = command(directory.path(), &["import", "more.jsonl"]).await;
    assert_eq!(code, 0, "{errors}");
    assert!(said.starts_with("1 event accepted, 0 known already, 0 lines refused, 1 warning"), "{said}");
    std::fs::write(directory.path().join("bad.csv"), "event,time,emial\nLead,1795183509123,x\n")
        .expect("written");
    let (code, _, errors) = command(directory.path(), &["import", "bad.csv"]).await;
    assert!(code == 1 && errors.contains("unknown columns: emial"), "{errors}");
}

#[tokio::test]
async fn a_backup_and_an_export_are_made_while_the_relay_runs() {
    let relay = Running::start("").await;
    relay.track(PURCHASE).await;
    let directory = relay.directory.path().to_owned();
    let (code, said, errors) = command(&directory, &["backup", "copy.db"]).await;
    assert_eq!((code, said.as_str()), (0, "copy.db: written and checked"), "{errors}");
    let (code, _, errors) = command(&directory, &["backup", "copy.db"]).await;
    let refused = "copy.db exists already, and a backup never overwrites a file; choose another name";
    assert_eq!((code, errors.as_str()), (1, refused));
    relay.track(&PURCHASE.replace("77", "=78")).await;
    let (_, lines, _) = command(&directory, &["export"]).await;
    let ids: Vec<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["event"]["event_id"].to_string())
        .collect();
    assert_eq!(ids, ["\"Purchase-77\"", "\"Purchase-=78\""]);
    let (_, table, _) = command(&directory, &["export", "--format", "csv"]).await;
    assert!(table.starts_with("seq,received,time,site,event,") && table.contains(",'=78,"), "{table}");
    let copy = rusqlite::Connection::open(directory.join("copy.db")).expect("the copy opens");
    let count: i64 = copy.query_row("SELECT count(*) FROM log", [], |row| row.get(0)).expect("a count");
    assert_eq!(count, 1);
}

#[tokio::test]
async fn the_doctor_says_what_works_and_what_does_not() {
    let status = Arc::new(AtomicU16::new(200));
    let (table, _bodies) = destination(&status).await;
    let gone = table.replace("\"crm\"", "\"gone\"").replace("/in", "/out");
    let port = table.split("127.0.0.1:").nth(1).and_then(|rest| rest.split('/').next()).expect("a port");
    // Nobody listens at port 1.
    let gone = gone.replace(&format!(":{port}/"), ":1/");
    let relay = Running::start(&format!("{table}{gone}")).await;
    assert_eq!(relay.get("/readyz").await.status, 200);
    let (code, said, _) = command(relay.directory.path(), &["doctor"]).await;
    assert_eq!(code, 1, "{said}");
    let line = |area: &str| {
        said.lines().find(|line| line.contains(area)).unwrap_or_else(|| panic!("{area}: {said}"))
    };
    assert!(line("crm: reach").starts_with("ok "), "{said}");
    assert!(
        line("gone: reach").starts_with("BAD ") && line("gone: reach").contains("no connection"),
        "{said}"
    );
    assert!(line("crm: backlog").starts_with("ok ") && line("crm: backlog").contains("none wait"), "{said}");
    assert!(line("store:").starts_with("ok ") && line("disk:").contains("MB free"), "{said}");
    assert!(line("tag:").starts_with("BAD ") && line("tag:").contains("cargo xtask build"), "{said}");
}
