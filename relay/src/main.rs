//! The relay's program: its command line, and nothing else.

use std::process::ExitCode;

/// Much of an event is allocated on one thread and freed on another; the system's allocator spends a fifth of an
/// event's time on handing memory between threads, this one little.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    relay::cli::main()
}
