//! Under fire: the relay is killed at random under load, again and again, while every destination fails in a way of its
//! own; then all is well, and every event that was acknowledged has been delivered or lies in the dead letter with a reason.
//!
//! The test runs a few rounds; `cargo xtask fire` runs a hundred. Owns the failures of a round and the reckoning. The dead
//! letter is read as an operator would, with `anytrack-relay dead list`.

pub mod clients;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::Duration;

use serde_json::json;
use shared::event_id;
use tokio::process::Command;
use tokio::time::sleep;

use crate::bench::chance::Chance;
use crate::bench::event::{from_server, from_tag, purchase};
use crate::relay_process::{Bed, META_TOKEN, Metrics, RelayError, Settings, WEBHOOK_SECRET};
use crate::sandbox::state::Tally;
use crate::sandbox::trouble::{Mode, Order, POISON};
use crate::sandbox::{NotInTime, Sandbox, SandboxError, Settings as SandboxSettings, clock};
use crate::stage::accounts;
use clients::{Clients, Load};

const CONNECTIONS: usize = 16;

/// A destination under fire.
struct Target {
    name: &'static str,
    /// Whether the platform counts a repeated event once. Two cannot: they are told no event id.
    tells_repeats: bool,
    /// The platform's own code of a refused event, where it has one.
    poison: u32,
    /// Whether it is believed by its status alone, so that a portal's page in its place passes for success.
    by_status: bool,
}

const TARGETS: [Target; 7] = [
    Target { name: "meta", tells_repeats: true, poison: 2_804_048, by_status: false },
    Target { name: "google-ads", tells_repeats: true, poison: 2_804_048, by_status: false },
    Target { name: "tiktok", tells_repeats: true, poison: 40_002, by_status: false },
    Target { name: "microsoft", tells_repeats: true, poison: 2_804_048, by_status: false },
    Target { name: "outbrain", tells_repeats: false, poison: 2_804_048, by_status: true },
    Target { name: "taboola", tells_repeats: false, poison: 2_804_048, by_status: true },
    Target { name: "webhook", tells_repeats: true, poison: 2_804_048, by_status: true },
];

/// The ways to fail, so ordered that neighbours differ.
const MODES: [Mode; 13] = [
    Mode::TooManyRequests { retry_after_s: 0 },
    Mode::Hang,
    Mode::ServerError { status: 503 },
    Mode::LoseAnswer,
    Mode::Reset,
    Mode::Transient,
    Mode::Slow { drip_ms: 2 },
    Mode::TokenExpired,
    Mode::HalfBody,
    Mode::Garbage,
    Mode::Throttled,
    Mode::Close,
    Mode::WrongLength,
];

/// `www-test fire`.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Args {
    /// How often the relay is killed.
    #[arg(long, default_value_t = 100)]
    rounds: usize,
    /// How long the last relay may take to deliver what was left behind, in seconds.
    #[arg(long, default_value_t = 600)]
    drain_s: u64,
    /// Where chance begins; the clock when it is not said.
    #[arg(long)]
    seed: Option<u64>,
}

impl Args {
    /// So many rounds, and so long to deliver the rest.
    pub fn new(rounds: usize, drain: Duration) -> Self {
        Self { rounds, drain_s: drain.as_secs(), seed: None }
    }
}

/// Why there is no reckoning.
#[derive(Debug, thiserror::Error)]
pub enum FireError {
    /// The relay.
    #[error(transparent)]
    Relay(#[from] RelayError),
    /// The platforms.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// Not everything arrived.
    #[error(transparent)]
    NotInTime(#[from] NotInTime),
    /// The dead letter could not be read.
    #[error("the dead letter of {destination} cannot be read: {said}")]
    DeadLetter {
        /// Whose.
        destination: &'static str,
        /// What the command said.
        said: String,
    },
}

/// What became of the events at one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reckoned {
    /// The destination.
    pub name: &'static str,
    /// Events that the relay acknowledged.
    pub acknowledged: usize,
    /// Of those, how many the platform has counted.
    pub delivered: usize,
    /// Of those, how many it counted more than once.
    pub twice: usize,
    /// Arrivals that the platform knew already.
    pub duplicates: u64,
    /// Events in the dead letter.
    pub dead: usize,
    /// Requests that were disturbed.
    pub disturbed: u64,
    /// What must not be: an event that is neither delivered nor dead, one without a reason, one too many.
    pub wrong: Vec<String>,
}

/// A whole run.
#[derive(Clone, Debug)]
pub struct Report {
    /// Where chance began.
    pub seed: u64,
    /// How often the relay was killed.
    pub kills: usize,
    /// By destination.
    pub destinations: Vec<Reckoned>,
}

impl Report {
    /// Whether everything is as it must be.
    pub fn holds(&self) -> bool {
        self.destinations.iter().all(|reckoned| reckoned.wrong.is_empty())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} kills, seed {}", self.kills, self.seed)?;
        writeln!(
            f,
            "destination   acknowledged  delivered  dead  counted twice  repeats  disturbed requests"
        )?;
        for one in &self.destinations {
            let Reckoned { name, acknowledged, delivered, dead, twice, duplicates, disturbed, wrong } = one;
            writeln!(
                f,
                "{name:<13} {acknowledged:>12} {delivered:>10} {dead:>5} {twice:>14} {duplicates:>8} {disturbed:>19}"
            )?;
            for wrong in wrong.iter().take(5) {
                writeln!(f, "  wrong: {wrong}")?;
            }
        }
        Ok(())
    }
}

/// Kills relays under fire, then reckons.
///
/// # Errors
/// When the relay or the platforms do not start, or the events are not all settled in time.
pub async fn run(args: Args) -> Result<Report, FireError> {
    let seed = args.seed.unwrap_or_else(|| clock::now().0.unsigned_abs());
    let mut chance = Chance::new(seed);
    let sandbox = sandbox().await?;
    let bed = Bed::make(&settings(&sandbox.url())).await?;
    let clients = Clients::start(bed.address(), CONNECTIONS, &mut chance, load);
    for round in 0..args.rounds {
        set_fire(&sandbox, round, &mut chance);
        let relay = bed.start().await?;
        clients.acknowledge(usize::try_from(chance.below(120)).unwrap_or(0)).await;
        sleep(Duration::from_micros(chance.below(500_000))).await;
        relay.kill().await?;
    }
    set_fire(&sandbox, args.rounds, &mut chance);
    let relay = bed.start().await?;
    let acknowledged = clients.stop().await;
    sandbox.recover();
    poison(&sandbox);
    relay
        .wait_for_metrics("done with everything", Duration::from_secs(args.drain_s), Metrics::is_idle)
        .await?;
    let mut destinations = Vec::new();
    for target in &TARGETS {
        let dead = dead_letters(&bed, target.name).await?;
        destinations.push(reckon(target, &sandbox, &acknowledged, &dead));
    }
    relay.stop(Duration::from_secs(30)).await?;
    Ok(Report { seed, kills: args.rounds, destinations })
}

/// Every platform, as strict as they come, remembering no more than they count.
async fn sandbox() -> Result<Sandbox, SandboxError> {
    Sandbox::start_with(&SandboxSettings {
        meta_tokens: vec![META_TOKEN.to_owned()],
        webhook_secret: Some(WEBHOOK_SECRET.to_owned()),
        keep_requests: 0,
        ..SandboxSettings::default()
    })
    .await
}

/// A relay that knows them all, with a patience of milliseconds.
fn settings(sandbox: &str) -> Settings {
    Settings {
        meta: Some(sandbox.to_owned()),
        webhook: Some(sandbox.to_owned()),
        more: accounts(sandbox),
        visitor_id_as_external_id: true,
        request_timeout_ms: 300,
        ..Settings::default()
    }
}

/// One to five purchases that every platform has a use for, some of them poison.
fn load(chance: &mut Chance) -> Load {
    let now = clock::now();
    let count = if chance.below(3) == 0 { 1 + chance.below(5) } else { 1 };
    let mut ids = Vec::new();
    let events: Vec<_> = (0..count)
        .map(|_| {
            let id = event_id::uuid_v7(now.0, chance.ten_bytes());
            let id = if chance.below(40) == 0 { format!("{POISON}{id}") } else { id };
            ids.push(id.clone());
            let mut event = purchase(&id, Some(&id), now);
            for click in ["fbclid", "gclid", "ttclid", "tblci", "dicbo"] {
                event["click_ids"][click] =
                    json!({ "value": format!("{click}-{id}"), "seen_at": now.0 - 60_000 });
            }
            event["click_ids"]["msclkid"] =
                json!(format!("{:016x}{:016x}", chance.number(), chance.number()));
            event
        })
        .collect();
    let request = if chance.below(2) == 0 { from_tag(&events, now) } else { from_server(&events) };
    Load { request, ids }
}

/// Every destination fails in another way than its neighbours, for ever or for some requests.
fn set_fire(sandbox: &Sandbox, round: usize, chance: &mut Chance) {
    sandbox.recover();
    for (nth, target) in TARGETS.iter().enumerate() {
        let mode = MODES[(round * 3 + nth * 5) % MODES.len()];
        // What is believed by its status takes a portal's page for a yes; that is known and not what this is about.
        let mode = if target.by_status && mode == Mode::Garbage { Mode::Reset } else { mode };
        let for_ever = chance.below(3) > 0 && !matches!(mode, Mode::Slow { .. });
        let times = 1 + u32::try_from(chance.below(30)).unwrap_or(0);
        sandbox.fail(if for_ever {
            Order::forever(target.name, mode)
        } else {
            Order::times(target.name, mode, times)
        });
    }
    poison(sandbox);
}

/// Every destination refuses the events that are poison, as far as nothing else befalls it.
fn poison(sandbox: &Sandbox) {
    for target in &TARGETS {
        sandbox.fail(Order::forever(target.name, Mode::Poison { code: target.poison }));
    }
}

/// The dead letter of a destination: event ids and reasons.
async fn dead_letters(bed: &Bed, destination: &'static str) -> Result<HashMap<String, String>, FireError> {
    let failed = |said: String| FireError::DeadLetter { destination, said };
    let listed = Command::new(bed.binary())
        .args(["dead", "list", "--limit", "1000000", "--destination", destination, "--config"])
        .arg(bed.configuration())
        .output()
        .await
        .map_err(|error| failed(error.to_string()))?;
    if !listed.status.success() {
        return Err(failed(String::from_utf8_lossy(&listed.stderr).into_owned()));
    }
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let letter = |line: &str| {
        let mut fields = line.split('\t').skip(3);
        Some((fields.next()?.to_owned(), fields.next()?.to_owned()))
    };
    Ok(text.lines().filter_map(letter).collect())
}

/// Compares what was acknowledged with what a platform counted and what was given up.
fn reckon(
    target: &Target,
    sandbox: &Sandbox,
    acknowledged: &[String],
    dead: &HashMap<String, String>,
) -> Reckoned {
    let name = target.name;
    let Tally { duplicates, disturbed, refused, .. } = sandbox.counted(name);
    sandbox.read(|state| {
        let counted = state.times_counted(name);
        let mut wrong = Vec::new();
        let (mut delivered, mut twice) = (0, 0);
        for id in acknowledged {
            match (counted.get(id.as_str()).copied().unwrap_or(0), dead.get(id)) {
                (0, None) => wrong.push(format!("{id} is neither delivered nor in the dead letter")),
                (0, Some(reason)) if reason.is_empty() => {
                    wrong.push(format!("{id} was given up without a reason"))
                }
                (0, Some(_)) => {}
                (times, _) => {
                    delivered += 1;
                    twice += usize::from(times > 1);
                    if times > 1 && target.tells_repeats {
                        wrong.push(format!("{id} counted {times} times"));
                    }
                }
            }
        }
        let known: HashSet<&str> = acknowledged.iter().map(String::as_str).collect();
        wrong.extend(
            counted.keys().filter(|id| !known.contains(**id)).map(|id| format!("nobody reported {id}")),
        );
        if refused > 0 {
            wrong.push(format!("{refused} requests were not what the platform takes"));
        }
        let acknowledged = acknowledged.len();
        Reckoned { name, acknowledged, delivered, twice, duplicates, dead: dead.len(), disturbed, wrong }
    })
}
