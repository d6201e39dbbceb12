//! Real damage to a real store: what the relay says of it, and what `recover` saves.

mod damage;
mod pages;
#[path = "../running/mod.rs"]
mod running;
mod words;
