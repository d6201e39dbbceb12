//! Test pages, sandbox and drivers.
