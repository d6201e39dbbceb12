//! Everything that proves the tag and the relay together: a shop to visit, a recorder between browser and network,
//! a browser driver, stand-ins for the platforms, the relay as a process, and the demo that joins them.
//!
//! Owns no product code. Uses only what a customer has: the snippet, the JavaScript surface, the relay's binary,
//! its routes and its configuration file.

pub mod bench;
pub mod browser;
pub mod delivered;
pub mod demo;
pub mod fire;
pub mod journey;
pub mod loopback;
pub mod ports;
pub mod recorder;
pub mod relay_process;
pub mod sandbox;
pub mod shop;
pub mod speed;
pub mod stage;
