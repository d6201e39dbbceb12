//! Test pages, sandbox and drivers.

pub mod bench;
pub mod relay_process;
pub mod sandbox;
