//! Distribute: reads the log once per destination and delivers every event, or says why not.
//!
//! Rooms: [`plan`] decides what a destination gets (consent, switches, the clicks that [`look_back`] leaves it, the
//! platform's own requests), `restate` how an order stands that goes again, [`round`] sends one handful of events and settles what became of each, `search` finds those for
//! whose sake a request is refused whole, [`courier`] carries a request with the token that [`access`] keeps, no faster than
//! [`pace`] lets it, [`circuit`] remembers how a destination is doing, [`apart`] the same of single calls, [`portion`] how much each
//! answers at once, [`complaints`] what the operator was told of parts of it, [`schedule`] says how long to wait, [`steady`] by
//! which clock, [`stop`] whether there is time for another request, [`worker`] ties them to the store, [`http_client`] is the only sender and [`resolve`] says to which
//! addresses.
//! A destination has one worker and shares nothing with the others, so one that is down delays nobody.

pub mod access;
pub mod apart;
pub mod circuit;
pub mod complaints;
pub mod courier;
pub mod http_client;
pub mod inquiry;
pub mod look_back;
pub mod pace;
pub mod plan;
pub mod portion;
pub mod resolve;
mod restate;
pub mod round;
pub mod schedule;
mod search;
pub mod steady;
pub mod stop;
pub mod worker;

pub use http_client::HttpClient;
pub use worker::Worker;
