//! The arguments: every command with its options and its help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use shared::UnixMs;

use super::{dead, erase, export, import, site_token, source_test, trace_id};
use crate::telemetry::LogFormat;

/// Delivers conversions from the tag, servers and webhooks to ad platforms.
#[derive(Debug, Parser)]
#[command(name = "anytrack-relay", version, after_help = EXIT_CODES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  not done, or done in part: standard error (for `hash`, `source-test` and several events of `preview`, the output itself) says why
  2  wrong usage: unknown command or option

Environment:
  ANYTRACK_LOG  what `serve` logs, such as `warn` or `info,relay=debug` [default: info]
  Every ${NAME} in the configuration is read from the environment.";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the relay
    #[command(after_help = EXIT_CODES)]
    Serve {
        #[command(flatten)]
        config: ConfigFile,
        /// How to write the log
        #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
        log_format: LogFormat,
    },
    /// Check the configuration; every mistake is named with file, line and key
    #[command(after_help = EXIT_CODES)]
    Check {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Look at store, disk, tag, clock and every destination; says what to do
    #[command(after_help = EXIT_CODES)]
    Doctor {
        #[command(flatten)]
        config: ConfigFile,
        /// Also send each destination events, where its platform has a way to take them as a test
        #[arg(long)]
        send_test: bool,
    },
    /// Print, as JSON, the requests an event would lead to; nothing is sent or stored, secrets are masked
    ///
    /// Of several events it prints a list of the answers to each; one that cannot be read becomes {"error":"..."}, the others
    /// are still shown. Fields that were ignored are named on standard error.
    #[command(after_help = EXIT_CODES)]
    Preview {
        #[command(flatten)]
        config: ConfigFile,
        /// Only this destination
        #[arg(long, value_name = "NAME")]
        destination: Option<String>,
        /// A file with one event, a list or { "events": [...] } as for POST /v1/track; `-` reads standard input
        #[arg(value_name = "EVENT.json", default_value = "-")]
        event: PathBuf,
    },
    /// Print, as JSON, what a recorded webhook or postback would become; nothing is stored
    ///
    /// Reads the request as HTTP text from standard input: request line, headers, an empty line, body.
    #[command(after_help = EXIT_CODES)]
    SourceTest {
        #[command(flatten)]
        config: ConfigFile,
        /// Name of the source
        #[arg(value_name = "NAME")]
        source: String,
        /// Do not ask for a signature or token
        #[arg(long)]
        unsigned: bool,
        /// When the request arrived, RFC 3339; some signatures hold for minutes only [default: now]
        #[arg(long, value_name = "TIME", value_parser = source_test::time)]
        at: Option<UnixMs>,
    },
    /// Print the address to paste at the sender of a source, with its token and the network's placeholders
    ///
    /// The token is a secret of the source: show the address to nobody but the network.
    #[command(after_help = EXIT_CODES)]
    PostbackUrl {
        #[command(flatten)]
        config: ConfigFile,
        /// Name of the source
        #[arg(value_name = "NAME")]
        source: String,
    },
    /// Take events out of a CSV or JSON Lines file; may be repeated, goes on where it stopped
    #[command(after_help = EXIT_CODES)]
    Import {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        import: import::Import,
    },
    /// Remove a person everywhere, also while the relay runs
    #[command(after_help = EXIT_CODES)]
    Erase {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        who: erase::Who,
    },
    /// Look at and handle the events a destination gave up
    #[command(after_help = EXIT_CODES)]
    Dead {
        #[command(flatten)]
        config: ConfigFile,
        #[command(subcommand)]
        what: dead::Dead,
    },
    /// Send settled events of a time span to a destination once more
    ///
    /// A platform counts an event twice that it took longer ago than its dedup window (two days at Meta).
    #[command(after_help = EXIT_CODES)]
    Replay {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        replay: dead::Replay,
    },
    /// Write a checked copy of the store to a new file, also while the relay runs
    #[command(after_help = EXIT_CODES)]
    Backup {
        #[command(flatten)]
        config: ConfigFile,
        /// The new file
        #[arg(value_name = "FILE")]
        to: PathBuf,
    },
    /// Save what can be read of a damaged store into a new one in its place; the relay must be stopped
    ///
    /// The damaged file is kept beside it under a dated name. Needs as much room on the disk as the store takes.
    #[command(after_help = EXIT_CODES)]
    Recover {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Write the event log as JSON Lines or CSV
    #[command(after_help = EXIT_CODES)]
    Export {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        export: export::Export,
    },
    /// Print what each platform would be given for a piece of personal data
    ///
    /// Reads JSON lines such as {"field":"phone","raw":"020 7946 0958","country":"GB"} and writes one JSON line
    /// for each. A line that cannot be read becomes {"error":"line 3: ..."}; the others are still done.
    #[command(after_help = EXIT_CODES)]
    Hash,
    /// Print the snippet to paste into the pages of a site, and on standard error the CSP it needs
    #[command(after_help = EXIT_CODES)]
    Snippet {
        #[command(flatten)]
        config: ConfigFile,
        /// Key of the site
        #[arg(long, value_name = "KEY")]
        site: String,
        /// For a Custom HTML tag of Google Tag Manager, which drops the attributes of scripts
        #[arg(long, conflicts_with = "npm")]
        gtm: bool,
        /// Print the call of the npm package's `init` instead, with what the configuration says of the site
        #[arg(long)]
        npm: bool,
    },
    /// Print a token of a site as its server would make it, to try `[site.token]` out
    ///
    /// It stands where the site's key stands in the page (data-site). Your server makes its own; docs/site-token.md shows how.
    #[command(after_help = EXIT_CODES)]
    SiteToken {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        wanted: site_token::Wanted,
    },
    /// Print the number of an event's trace, for a collector that `[telemetry]` names
    #[command(after_help = EXIT_CODES)]
    TraceId {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        wanted: trace_id::Wanted,
    },
}

#[derive(Args, Debug)]
pub(super) struct ConfigFile {
    /// The configuration
    #[arg(long = "config", value_name = "FILE", default_value = "anytrack.toml", global = true)]
    pub(super) path: PathBuf,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_of_the_arguments_is_sound() {
        Arguments::command().debug_assert();
    }
}
