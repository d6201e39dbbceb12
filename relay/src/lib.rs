//! The relay: takes events from the tag and from servers, finds their click, and delivers each to every platform.
//!
//! Five rooms, walked once, forward: [`collect`] → [`attribute`] → [`enrich`] → [`deduplicate`] → [`distribute`].
//! The first four are joined in [`pipeline`] and end in one transaction of the [`store`]; the fifth reads the
//! store's log, one worker per destination. Owns the start and the orderly stop of all of it ([`serve`]).

pub mod admin;
pub mod aging;
pub mod attribute;
pub mod cli;
pub mod clock;
pub mod collect;
pub mod config;
pub mod deduplicate;
pub mod distribute;
pub mod doctor;
pub mod enrich;
pub mod import;
pub mod merge;
pub mod metrics;
pub mod orders;
pub mod pipeline;
pub mod platform;
pub mod preview;
pub mod rules;
pub mod secret;
pub mod serve;
pub mod store;
pub mod tag_parts;
pub mod telemetry;
#[cfg(test)]
pub(crate) mod testing;
pub mod traces;
