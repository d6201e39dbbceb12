//! The relay's program: its command line, and nothing else.

use std::process::ExitCode;

/// Events are allocated on the workers and freed on the store's writer; the system's allocator spends a fifth of an
/// event's time on handing memory between threads, this one next to nothing.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    relay::cli::main()
}
