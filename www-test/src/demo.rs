//! The demo: a shop with the tag on it, a relay, and stand-ins for the platforms, started together.
//!
//! Without `--check` it prints where the shop is and, live, what each platform received, until it is interrupted.
//! With `--check` it walks the journey in a headless browser, prints what the platforms received, judges it
//! ([`checks`]), has conversions reported from where no tag is ([`elsewhere`]), and ends. Owns collecting the evidence; leaves building relay and tag to `cargo xtask demo`.

pub mod checks;
pub mod elsewhere;
pub mod expected;
mod print;
pub mod side_by_side;

use std::path::Path;
use std::time::Duration;

use crate::browser::PATIENCE;
use crate::delivered;
use crate::journey;
use crate::sandbox::exchange::Recorded;
use crate::stage::{Build, Servers, Stage, StageError};
use checks::{Check, Evidence};

/// Starts everything and shows events as they are delivered, until `stop` resolves.
///
/// # Errors
/// When something does not start.
pub async fn live(build: &Build, stop: impl Future<Output = ()>) -> Result<(), StageError> {
    let (servers, shop) = Servers::start(build).await?;
    print::addresses(&shop, &servers);
    tokio::select! {
        () = stop => {}
        () = show(&servers) => {}
    }
    servers.stop().await?;
    print::farewell();
    Ok(())
}

/// Prints every request that reaches a platform, for ever.
async fn show(servers: &Servers) {
    let mut last = 0;
    loop {
        let newer = |records: &[Recorded]| {
            let new: Vec<Recorded> =
                records.iter().filter(|one| one.request.number > last).cloned().collect();
            (!new.is_empty()).then_some(new)
        };
        // An hour without an event is no error; the wait is simply begun again.
        let new = servers.wait_for("the next event", Duration::from_secs(3_600), newer).await;
        for record in new.unwrap_or_default() {
            print::record(&record);
            last = record.request.number;
        }
    }
}

/// Walks the journey, prints what the platforms received and what is to be said about it. Answers whether all is well.
///
/// # Errors
/// When something does not start or the shop cannot be walked through.
pub async fn check(build: &Build) -> Result<bool, StageError> {
    let stage = Stage::with(build).await?;
    print::addresses(&stage.shop, &stage.servers);
    let evidence = collect(&stage).await?;
    stage.strike().await?;
    // Another visitor, other servers: what the first one did must not help.
    let stage = Stage::with(build).await?;
    let elsewhere = elsewhere::check(&stage).await?;
    stage.strike().await?;
    print::received(&evidence.records);
    print::purchases(&evidence.records);
    let checks: Vec<Check> = checks::all(&evidence).into_iter().chain(elsewhere).collect();
    print::verdict(&checks);
    Ok(checks.iter().all(|check| check.faults.is_empty()))
}

/// Walks the journey and collects everything that can be known about it afterwards.
///
/// # Errors
/// When the shop cannot be walked through.
pub async fn collect(stage: &Stage) -> Result<Evidence, StageError> {
    let receipt = journey::walk(&stage.browser, &stage.shop).await?;
    // What never arrives is for the checks to say, with names; here it only ends the wait.
    let _complete = stage.servers.wait_for("every event everywhere", PATIENCE, complete).await;
    Ok(Evidence {
        receipt,
        records: stage.servers.records(),
        leaks: stage.recorder.sightings(&journey::secrets()),
        requests: stage.recorder.exchanges().len(),
        written: written(stage.servers.folder()),
        exceptions: stage.browser.exceptions().await?,
        webhook_secret: stage.servers.webhook_secret().to_owned(),
    })
}

fn complete(records: &[Recorded]) -> Option<()> {
    checks::platforms().all(|(name, events)| delivered::at(name, records).len() >= events).then_some(())
}

/// Every file below a folder: the relay's store with its journal, its configuration and its log.
fn written(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| {
            let path = entry.path();
            if path.is_dir() {
                return written(&path);
            }
            let name = entry.file_name().to_string_lossy().into_owned();
            std::fs::read(&path).map(|bytes| vec![(name, bytes)]).unwrap_or_default()
        })
        .collect()
}
