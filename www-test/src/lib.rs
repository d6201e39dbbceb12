//! Test pages, sandbox and drivers.

pub mod sandbox;
