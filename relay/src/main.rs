//! The relay's program: its command line, and nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    relay::cli::main()
}
