//! Orders of an operator's command at the socket beside the database.
//!
//! An input is lines, as one connection brings them, to a relay with an empty store. Whoever writes there is the relay's own
//! user; still no order may break the relay that serves everybody, nor leave an event that cannot be read back.

use std::sync::{Arc, LazyLock};

use relay::admin::order::{Order, Report};
use relay::admin::socket;
use relay::config::Config;
use relay::pipeline::Steps;
use relay::store::memory::MemoryStore;
use relay::store::{Person, Store};
use shared::{Event, UnixMs, limits};

use crate::check;
use crate::seeds::{files, recorded, text};
use crate::stage::{NOW, configure, destinations, runtime};

/// Carries out every order, and reads what is there then.
pub fn run(bytes: &[u8]) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Steps::new(&CONFIG)));
    runtime(async {
        for line in bytes.split_inclusive(|byte| *byte == b'\n').take(MOST_ORDERS) {
            let answer = socket::answer(store.as_ref(), line).await.expect("a report is written");
            let (end, text) = answer.split_last().expect("a line");
            assert!(*end == b'\n' && !text.contains(end), "one line");
            match serde_json::from_slice(text).expect("reads back") {
                Report::Refused(reason) => check::line(&reason),
                Report::Erased(_) | Report::Stored { .. } | Report::Moved(_) => {}
            }
        }
        let logged = store.read(0, limits::BATCH).await.expect("readable");
        for logged in &logged {
            let json = serde_json::to_string(&*logged.event).expect("every event is written");
            let read: Event = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
            assert_eq!(read, *logged.event, "reads back as it was: {json}");
        }
    });
}

/// One order of each kind.
pub fn seeds() -> Vec<Vec<u8>> {
    let events = files(&recorded("golden")).into_iter().filter(|path| path.ends_with("event.json"));
    let events: Vec<Event> = events.filter_map(|path| serde_json::from_str(&text(&path)).ok()).collect();
    let append =
        |events: &[Event]| Order::Append { site: SITE.to_owned(), received: NOW, events: events.to_vec() };
    let person = Person {
        visitors: vec!["0199c2a0-7b1c-7cc3-98c4-dc0c0c07398f".to_owned()],
        keys: vec![format!("em:{DIGEST}")],
        digests: vec![DIGEST.to_owned()],
        most_visitors: 20,
    };
    let destination = || "meta".to_owned();
    let others = [
        Order::Erase { site: SITE.to_owned(), person },
        Order::Requeue { destination: destination(), events: vec![1, 2], due: UnixMs(NOW.0 + 1) },
        Order::Discard { destination: destination(), events: vec![1] },
    ];
    let written = |orders: &[Order]| -> Vec<u8> {
        let line = |order| serde_json::to_string(order).expect("an order is written") + "\n";
        orders.iter().map(line).collect::<String>().into_bytes()
    };
    let appends: Vec<Order> = events.chunks(12).map(append).collect();
    let all: Vec<Order> = [append(&events[..events.len().min(2)])].into_iter().chain(others).collect();
    appends.iter().map(|order| written(std::slice::from_ref(order))).chain([written(&all)]).collect()
}

static CONFIG: LazyLock<Config> = LazyLock::new(|| configure(&destinations()));

/// The site of `preview`'s configuration.
const SITE: &str = "shop";
/// A made-up digest.
const DIGEST: &str = "c3374bcfe3572e09f37602e0e179782352c5e117a4a3767824abbaa21bbdef8b";
/// Orders tried in one input.
const MOST_ORDERS: usize = 16;
