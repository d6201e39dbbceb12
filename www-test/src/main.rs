//! The command line of the test house: the shop to look at, the demo to watch or to check.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use www_test::shop::{Shop, Snippet};
use www_test::stage::{Build, StageError};
use www_test::{bench, demo, fire, sandbox, speed};

/// A small shop with the tag on it, and what proves that it works.
#[derive(Debug, Parser)]
#[command(name = "www-test", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Open the shop alone, without a tag, to look at its pages.
    Shop,
    /// Play the platforms until interrupted.
    Sandbox(sandbox::Args),
    /// Measure relay and tag, and print one table; build with --release.
    Bench(bench::Args),
    /// Kill relays under load while every destination fails, and reckon what became of the events.
    Fire(fire::Args),
    /// Measure the tag against one in plain JavaScript, in a browser.
    TagSpeed,
    /// Open the shop with relay and stand-in platforms, and show events as they are delivered.
    Demo(DemoArguments),
}

#[derive(Debug, Args)]
struct DemoArguments {
    /// Walk from an ad to a purchase in a headless browser, judge what the platforms received, and end.
    #[arg(long)]
    check: bool,
    /// Directory with the tag's build; default `dist/tag` of this workspace.
    #[arg(long, value_name = "DIR")]
    tag_assets: Option<PathBuf>,
    /// The relay's program; default the one built beside this program.
    #[arg(long, value_name = "FILE")]
    relay: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let done: Result<bool, Box<dyn std::error::Error>> = match Arguments::parse().command {
        Command::Shop => shop().await.map_err(Into::into),
        Command::Sandbox(arguments) => sandbox::run(arguments).await.map(|()| true).map_err(Into::into),
        Command::Bench(arguments) => bench::run(arguments).await.map(|()| true).map_err(Into::into),
        Command::Fire(arguments) => under_fire(arguments).await.map_err(Into::into),
        Command::TagSpeed => tag_speed().await.map_err(Into::into),
        Command::Demo(arguments) => run_demo(arguments).await.map_err(Into::into),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

async fn shop() -> Result<bool, StageError> {
    let shop = Shop::open(Snippet::none()).await.map_err(StageError::Port)?;
    #[expect(clippy::print_stdout, reason = "the address is this command's output")]
    {
        println!("{}", shop.origin());
    }
    interrupted().await;
    Ok(true)
}

async fn under_fire(arguments: fire::Args) -> Result<bool, fire::FireError> {
    let report = fire::run(arguments).await?;
    #[expect(clippy::print_stdout, reason = "the reckoning is this command's output")]
    {
        println!("{report}");
    }
    Ok(report.holds())
}

async fn tag_speed() -> Result<bool, speed::SpeedError> {
    let report = speed::measure(&Build::of_workspace()).await?;
    #[expect(clippy::print_stdout, reason = "the report is this command's output")]
    {
        println!("{report}");
    }
    Ok(report.holds())
}

async fn run_demo(arguments: DemoArguments) -> Result<bool, StageError> {
    let own = Build::of_workspace();
    let build = Build {
        relay: arguments.relay.unwrap_or(own.relay),
        tag_assets: arguments.tag_assets.unwrap_or(own.tag_assets),
    };
    if arguments.check {
        return demo::check(&build).await;
    }
    demo::live(&build, interrupted()).await?;
    Ok(true)
}

/// Resolves at the first interrupt; a system that cannot say so ends at once.
async fn interrupted() {
    let _ended = tokio::signal::ctrl_c().await;
}

#[expect(clippy::print_stderr, reason = "a command says on standard error why it failed")]
fn complain(error: &dyn std::error::Error) {
    eprint!("error: {error}");
    let mut cause = error.source();
    while let Some(inner) = cause {
        eprint!(": {inner}");
        cause = inner.source();
    }
    eprintln!();
}
