//! The workshop's command line: the shop to look at, the demo.

use clap::{Parser, Subcommand};
use www_test::shop::{Shop, Snippet};

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
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    match Arguments::parse().command {
        Command::Shop => {
            let shop = Shop::open(Snippet::none()).await?;
            #[expect(clippy::print_stdout, reason = "the address is this command's output")]
            {
                println!("{}", shop.origin());
            }
            tokio::signal::ctrl_c().await
        }
    }
}
