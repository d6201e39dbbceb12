//! Doctor: is this machine, this store and every destination fit for what the configuration asks of them?
//!
//! Looks and asks and changes nothing; an event is sent only where that is asked for (`send_test`). Owns what is looked at
//! and the advice that follows, also what a relay that runs says of its store (`running`); leaves the configuration's own mistakes to
//! `config` and printing to the command line.

mod place;
mod running;
mod send_test;

use std::path::Path;
use std::time::Duration;

use shared::event::STANDARD_EVENTS as STANDARD;
use shared::{Event, UnixMs};

use crate::collect::assets::Assets;
use crate::collect::read::{self, Defaults};
use crate::config::{Config, Destination};
use crate::distribute::HttpClient;
use crate::distribute::http_client::http_date;
use crate::distribute::plan::plan;
use crate::platform::{Body, Outcome, Request, Response};
use crate::store::sqlite::{Look, OpenError};

pub(crate) use self::running::trouble_of;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How it is.
    pub state: State,
    /// What was looked at.
    pub area: String,
    /// What was found, and what to do.
    pub said: String,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Good,
    /// Works, and could be better.
    Advice,
    /// Does not work.
    Bad,
    /// Could not be tried without consequences.
    Untried,
}

impl State {
    /// A word for the screen.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Advice => "note",
            Self::Bad => "BAD",
            Self::Untried => "untried",
        }
    }
}

fn finding(state: State, area: impl Into<String>, said: impl Into<String>) -> Finding {
    Finding { state, area: area.into(), said: said.into() }
}

/// Looks at everything, and with `test_events` sends some to each destination that has a way to take them as such.
pub async fn examine(config: &Config, test_events: bool, now: fn() -> UnixMs) -> Vec<Finding> {
    let client = HttpClient::new(Duration::from_millis(config.delivery.request_timeout_ms));
    let trouble = running::trouble(config.server.listen, &client, now()).await;
    // What lies under the name may not be what a relay in trouble works on.
    let is_known = trouble.is_none();
    let store = trouble.map_or_else(|| store(&config.store.path), |said| finding(State::Bad, STORE, said));
    let mut found = vec![store, disk(&config.store.path)];
    found.extend(place::place(&config.store.path));
    found.push(tag(&config.tag.assets));
    if config.destinations.is_empty() {
        found.push(finding(
            State::Advice,
            "destinations",
            "there are none, so events are stored and go nowhere",
        ));
    }
    let mut clock = None;
    for destination in &config.destinations {
        let client = HttpClient::new(Duration::from_millis(destination.timeout_ms));
        let (reached, date) = reach(destination, &client, now).await;
        clock = clock.or(date.map(|date| (date, now())));
        found.push(reached);
        found.push(credentials(destination, &client, now).await);
        if test_events {
            found.push(send_test::send(destination, &client, now).await);
        }
        if is_known {
            found.extend(backlog(&config.store.path, destination));
        }
    }
    found.push(clock_finding(clock));
    found
}

/// Whether the store opens and holds together.
fn store(path: &Path) -> Finding {
    let area = STORE;
    match Look::open(path) {
        Err(OpenError::Inaccessible { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            let said = format!("{} is not there yet; `serve` makes it", path.display());
            finding(State::Advice, area, said)
        }
        Err(error) => finding(State::Bad, area, error.to_string()),
        Ok(look) => match look.check() {
            Ok(()) => finding(State::Good, area, format!("{} holds together", path.display())),
            Err(error) => finding(State::Bad, area, error.to_string()),
        },
    }
}

/// What waits for a destination and what it gave up, where there is a store to look into.
fn backlog(path: &Path, destination: &Destination) -> Option<Finding> {
    let area = format!("{}: backlog", destination.name);
    let (waiting, reason) = match Look::open(path).ok()?.backlog(&destination.name) {
        Ok(counted) => counted,
        Err(error) => return Some(finding(State::Bad, area, error.to_string())),
    };
    let dead = match waiting.dead {
        0 => String::new(),
        dead => {
            format!("; given up: {dead}, see `anytrack-relay dead list --destination {}`", destination.name)
        }
    };
    let unread = waiting.head - waiting.cursor;
    let said = match reason {
        Some(reason) => {
            format!(
                "{} wait for another try, {unread} are not read yet; last trouble: {reason}{dead}",
                waiting.pending
            )
        }
        None => format!("none wait for another try, {unread} are not read yet{dead}"),
    };
    let well = waiting.pending == 0 && waiting.dead == 0;
    Some(finding(if well { State::Good } else { State::Advice }, area, said))
}

/// Whether there is room to write.
fn disk(path: &Path) -> Finding {
    let area = "disk";
    let folder = folder_of(path);
    match rustix::fs::statvfs(folder) {
        Err(error) => finding(State::Bad, area, format!("{}: {error}", folder.display())),
        Ok(disk) => room(disk.f_bavail.saturating_mul(disk.f_frsize)),
    }
}

/// The folder in which a file lies, or will.
fn folder_of(file: &Path) -> &Path {
    file.ancestors().skip(1).find(|folder| folder.is_dir()).unwrap_or(Path::new("."))
}

fn room(free: u64) -> Finding {
    let megabytes = free / 1_000_000;
    let state = if free < LEAST_FREE {
        State::Bad
    } else if free < MUCH_FREE {
        State::Advice
    } else {
        State::Good
    };
    let more = match state {
        State::Good | State::Untried => "",
        State::Advice => {
            "; a busy shop writes about a gigabyte in a million events, so make room or keep fewer days (`log_days`)"
        }
        State::Bad => "; without room nothing is accepted: make some now",
    };
    finding(state, "disk", format!("{megabytes} MB free{more}"))
}

/// Whether the tag's files are there.
fn tag(assets: &Path) -> Finding {
    match Assets::load(assets) {
        Ok(_) => finding(State::Good, "tag", format!("{} is complete", assets.display())),
        Err(error) => finding(State::Bad, "tag", error.to_string()),
    }
}

/// Whether a destination's server answers at all, and what time it has.
async fn reach(
    destination: &Destination,
    client: &HttpClient,
    now: fn() -> UnixMs,
) -> (Finding, Option<UnixMs>) {
    let area = format!("{}: reach", destination.name);
    let Some(request) = knock(destination, now()) else {
        let said = "no event is configured to go there, so its address is not known";
        return (finding(State::Advice, area, said), None);
    };
    let host = request.url.host_str().unwrap_or_default().to_owned();
    match client.send(&request, now()).await {
        // Any answer to a request that means nothing shows that the way is open.
        Response::Answer { headers, .. } => {
            let date = headers.iter().find(|(name, _)| name == "date").and_then(|(_, date)| http_date(date));
            (finding(State::Good, area, format!("{host} answers")), date)
        }
        Response::NotSent(reason) | Response::NoAnswer(reason) => {
            let said = format!(
                "{host}: {reason}; check name resolution, the firewall and the proxy of this machine"
            );
            (finding(State::Bad, area, said), None)
        }
    }
}

/// A request to the server that gets this destination's events, which means nothing to it.
fn knock(destination: &Destination, now: UnixMs) -> Option<Request> {
    let events: Vec<Event> = STANDARD.iter().filter_map(|name| sample(name, now)).collect();
    let planned = events.iter().flat_map(|event| plan(destination, &[event], now).requests).next()?;
    let mut url = planned.request.url;
    url.set_path("/");
    url.set_query(None);
    let public_only = planned.request.public_only;
    Some(Request { method: "GET", url, headers: Vec::new(), body: Body::Empty, public_only })
}

/// An event that every platform has a use for.
fn sample(name: &str, now: UnixMs) -> Option<Event> {
    let name = serde_json::Value::from(name);
    let json = format!(
        r#"{{"event":{name},"event_id":"doctor-{now}","page":{{"url":"https://shop.example/"}},
            "click_ids":{{"fbclid":"sample","gclid":"sample","ttclid":"sample","tblci":"sample","ob_click_id":"sample",
                          "msclkid":"0f3c1b2a4d5e6f708192a3b4c5d6e7f8"}},
            "user":{{"email":"sample@example.com"}},"context":{{"ip":"8.8.8.8","user_agent":"Mozilla/5.0 (anytrack-relay doctor)"}},
            "properties":{{"value":1,"currency":"EUR","order_id":"sample-1","order_value":2,
                           "items":[{{"id":"sample","price":1,"quantity":1}}]}},
            "consent":{{"ad_storage":"granted","ad_user_data":"granted","ad_personalization":"granted"}}}}"#,
        now = now.0,
    );
    let defaults = Defaults { now, source: None, country: None, random: [0; 10] };
    read::event_with_warnings(&json, defaults).ok().map(|understood| understood.event)
}

/// Whether a destination's access token can be fetched, where one is.
async fn credentials(destination: &Destination, client: &HttpClient, now: fn() -> UnixMs) -> Finding {
    let area = format!("{}: credentials", destination.name);
    let Some(credentials) = destination.platform.credentials() else {
        let said = "this platform says only with an event whether it takes them; `--send-test` sends one where it has a way to \
                    take it as a test";
        return finding(State::Untried, area, said);
    };
    if credentials.origin().is_some() {
        let said = "asking would use up the refresh token that the relay keeps; the relay's log says when it is refused";
        return finding(State::Untried, area, said);
    }
    let response = client.send(&credentials.request(None, now()), now()).await;
    match credentials.read(&response, now()) {
        Ok(_) => finding(State::Good, area, "an access token is granted"),
        Err(Outcome::Retry { reason, .. } | Outcome::Later { reason, .. }) => {
            finding(State::Bad, area, format!("not now: {reason}"))
        }
        Err(
            Outcome::Unauthorized { reason }
            | Outcome::Misconfigured { reason }
            | Outcome::Rejected { reason }
            | Outcome::Split { reason },
        ) => finding(State::Bad, area, format!("refused: {reason}")),
        Err(Outcome::Delivered) => finding(State::Bad, area, "the answer makes no sense"),
    }
}

/// Whether our clock is right, by the first server that told its own.
fn clock_finding(clock: Option<(UnixMs, UnixMs)>) -> Finding {
    let area = "clock";
    let Some((theirs, ours)) = clock else {
        return finding(State::Untried, area, "no destination told the time");
    };
    let seconds = ours.since(theirs) / 1_000;
    if seconds.abs() <= WRONG_CLOCK_SECONDS {
        return finding(State::Good, area, "agrees with a platform's to the minute");
    }
    let said = format!(
        "{} seconds {} a platform's: events get wrong times and signatures fail; run NTP",
        seconds.abs(),
        if seconds > 0 { "ahead of" } else { "behind" }
    );
    finding(State::Bad, area, said)
}

/// What is looked at first.
const STORE: &str = "store";
/// Below this nothing can be relied upon.
const LEAST_FREE: u64 = 100_000_000;
/// Below this the day can be foreseen.
const MUCH_FREE: u64 = 2_000_000_000;
/// Webhook signatures hold for five minutes; a minute leaves room.
const WRONG_CLOCK_SECONDS: i64 = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_a_wrong_clock_are_bad() {
        assert_eq!(
            [1, 1_000_000_000, 9_000_000_000].map(|free| room(free).state),
            [State::Bad, State::Advice, State::Good]
        );
        let check = |ours: i64, expected: State| {
            assert_eq!(clock_finding(Some((UnixMs(1_000_000), UnixMs(ours)))).state, expected, "{ours}");
        };
        check(1_030_000, State::Good);
        check(1_090_000, State::Bad);
        check(800_000, State::Bad);
        assert_eq!(clock_finding(None).state, State::Untried);
    }

    #[test]
    fn a_directory_is_no_store() {
        let directory = tempfile::tempdir().unwrap();
        let Finding { state, said, .. } = store(directory.path());
        assert!(state == State::Bad && said.contains(": is a directory; check the path"), "{said}");
    }

    #[test]
    fn every_standard_event_can_be_a_sample() {
        for name in STANDARD {
            assert!(sample(name, UnixMs(1_795_183_509_123)).is_some(), "{name}");
        }
    }
}
