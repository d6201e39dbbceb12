//! The command line: reads the arguments, calls the room that does the work, and turns its answer into an exit code.
//!
//! One file per command. A command answers with an error instead of printing it, so all errors look the same.

mod arguments;
mod dead;
mod erase;
mod export;
mod hash;
mod import;
mod postback_url;
mod preview;
mod print;
mod recover;
mod site_token;
mod snippet;
mod source_test;
mod store;
mod trace_id;

use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use shared::UnixMs;

use self::arguments::{Arguments, Command};
use crate::collect::sources::take::Proof;
use crate::config::{self, ConfigError, Loaded};
use crate::telemetry::{self, LogFormat, TelemetryError};
use crate::{clock, doctor, platform, serve};

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    #[error(transparent)]
    Serve(#[from] serve::Error),
    #[error(transparent)]
    Preview(#[from] preview::PreviewError),
    #[error(transparent)]
    SourceTest(#[from] source_test::SourceTestError),
    #[error(transparent)]
    Store(#[from] store::StoreCommandError),
    #[error(transparent)]
    Import(#[from] import::ImportCommandError),
    #[error(transparent)]
    Snippet(#[from] snippet::SnippetError),
    #[error(transparent)]
    SiteToken(#[from] site_token::SiteTokenError),
    #[error("standard input or output failed: {0}")]
    Stream(#[from] io::Error),
}

/// How a command ended that was not stopped by an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    /// Everything.
    Whole,
    /// Some of the input was wrong, and said so in its place.
    InPart,
}

/// Runs the program with the process's own arguments.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help that nobody reads to its end is no failure.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE));
        }
    };
    let as_json = matches!(arguments.command, Command::Serve { log_format: LogFormat::Json, .. });
    match run(arguments.command) {
        Ok(Done::Whole) => ExitCode::SUCCESS,
        Ok(Done::InPart) => ExitCode::FAILURE,
        Err(CliError::Stream(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) if as_json => {
            telemetry::tell_as_json(&error);
            ExitCode::FAILURE
        }
        Err(error) => {
            print::message(error);
            ExitCode::FAILURE
        }
    }
}

/// Exit code of wrong usage.
const USAGE: u8 = 2;

fn run(command: Command) -> Result<Done, CliError> {
    match command {
        Command::Serve { config, log_format } => serve(&config.path, log_format),
        Command::Check { config } => check(&config.path),
        Command::Doctor { config, send_test } => doctor(&config.path, send_test),
        Command::Preview { config, destination, event } => {
            let Loaded { config, .. } = load(&config.path)?;
            let preview::Answer { shown, warnings, whole } =
                preview::run(&config, &event, destination.as_deref(), clock::now())?;
            for warning in warnings {
                print::message(format_args!("warning: {warning}"));
            }
            print::result(shown)?;
            Ok(if whole { Done::Whole } else { Done::InPart })
        }
        Command::SourceTest { config, source, unsigned, at } => {
            let Loaded { config, .. } = load(&config.path)?;
            let proof = if unsigned { Proof::Waived } else { Proof::Needed };
            let (shown, whole) = source_test::run(&config, &source, proof, at.unwrap_or_else(clock::now))?;
            print::result(shown)?;
            Ok(if whole { Done::Whole } else { Done::InPart })
        }
        Command::PostbackUrl { config, source } => {
            let Loaded { config, .. } = load(&config.path)?;
            print::result(postback_url::run(&config, &source)?)?;
            Ok(Done::Whole)
        }
        Command::Import { config, import } => {
            let Loaded { config, .. } = load(&config.path)?;
            let (said, whole) = import::run(&config, &import, clock::now())?;
            print::result(said)?;
            Ok(if whole { Done::Whole } else { Done::InPart })
        }
        Command::Erase { config, who } => told(on_store(&config.path, |config, _| erase::run(config, &who))?),
        Command::Dead { config, what } => {
            told(on_store(&config.path, |config, now| dead::run(config, &what, now))?)
        }
        Command::Replay { config, replay } => {
            told(on_store(&config.path, |config, now| dead::replay(config, &replay, now))?)
        }
        Command::Backup { config, to } => {
            on_store(&config.path, |config, _| store::back_up(config, &to))?;
            told(format_args!("{}: written and checked", to.display()))
        }
        Command::Recover { config } => {
            let (said, whole) = recover::run(&load(&config.path)?.config)?;
            print::result(said)?;
            Ok(if whole { Done::Whole } else { Done::InPart })
        }
        Command::Export { config, export } => {
            on_store(&config.path, |config, _| export::run(config, &export, print::output()))?;
            Ok(Done::Whole)
        }
        Command::Hash => hash(),
        Command::Snippet { config, site, gtm, npm } => {
            let Loaded { config, .. } = load(&config.path)?;
            let form = match (gtm, npm) {
                (true, _) => snippet::Form::TagManager,
                (_, true) => snippet::Form::Package,
                _ => snippet::Form::Page,
            };
            let snippet = snippet::for_site(&config, &site, form)?;
            print::result(&snippet.text)?;
            print::message(&snippet.policy);
            Ok(Done::Whole)
        }
        Command::SiteToken { config, wanted } => {
            told(site_token::run(&load(&config.path)?.config, &wanted, clock::now())?)
        }
        Command::TraceId { config, wanted } => told(trace_id::run(&load(&config.path)?.config, &wanted)?),
    }
}

/// Does a command's work on the store of a configuration.
fn on_store<T>(
    path: &Path,
    work: impl FnOnce(&config::Config, UnixMs) -> Result<T, store::StoreCommandError>,
) -> Result<T, CliError> {
    let Loaded { config, .. } = load(path)?;
    let now = clock::now();
    Ok(store::as_the_relay_says(&config, now, work(&config, now))?)
}

fn load(path: &Path) -> Result<Loaded, ConfigError> {
    config::load(path, platform::ALL)
}

fn serve(path: &Path, log_format: LogFormat) -> Result<Done, CliError> {
    let variable = config::env::LOG_FILTER;
    let filter = telemetry::filter(config::env::variable(variable).as_deref(), variable)?;
    let Loaded { config, warnings } = load(path)?;
    telemetry::start(log_format, filter)?;
    for warning in warnings {
        tracing::warn!(
            file = warning.file,
            line = warning.place.line(),
            key = warning.key,
            "{}",
            warning.what
        );
    }
    serve::run(config)?;
    Ok(Done::Whole)
}

fn check(path: &Path) -> Result<Done, CliError> {
    let Loaded { config, warnings } = load(path)?;
    for warning in warnings {
        print::message(format_args!("warning: {warning}"));
    }
    store::as_the_relay_says(&config, clock::now(), store::not_damaged(&config))?;
    let sites = counted(config.sites.len(), "site");
    let destinations = counted(config.destinations.len(), "destination");
    let sources = match config.sources.len() {
        0 => String::new(),
        some => format!(", {}", counted(some, "source")),
    };
    print::result(format_args!("{}: ok: {sites}, {destinations}{sources}", path.display()))?;
    Ok(Done::Whole)
}

/// Prints a result, unless there is nothing to say.
fn told(result: impl std::fmt::Display) -> Result<Done, CliError> {
    let text = result.to_string();
    if !text.is_empty() {
        print::result(text)?;
    }
    Ok(Done::Whole)
}

fn doctor(path: &Path, send_test: bool) -> Result<Done, CliError> {
    let Loaded { config, warnings } = load(path)?;
    let mut whole = true;
    print::result(format_args!(
        "{:<8}configuration: {}",
        if warnings.is_empty() { "ok" } else { "note" },
        path.display()
    ))?;
    for warning in warnings {
        print::result(format_args!("{:<8}configuration: {warning}", "note"))?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let found = runtime.block_on(doctor::examine(&config, send_test, clock::now));
    for doctor::Finding { state, area, said } in found {
        whole &= state != doctor::State::Bad;
        print::result(format_args!("{:<8}{area}: {said}", state.word()))?;
    }
    Ok(if whole { Done::Whole } else { Done::InPart })
}

fn counted64(number: u64, noun: &str) -> String {
    counted(usize::try_from(number).unwrap_or(usize::MAX), noun)
}

fn counted(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

fn hash() -> Result<Done, CliError> {
    let wrong = hash::run(&mut io::BufReader::new(io::stdin().lock()), &mut print::output())?;
    Ok(if wrong == 0 { Done::Whole } else { Done::InPart })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        assert_eq!([0, 1, 2].map(|n| counted(n, "site")), ["0 sites", "1 site", "2 sites"]);
    }
}
