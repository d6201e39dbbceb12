//! The relay's program.
fn main() {}
