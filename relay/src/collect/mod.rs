//! Collect: the door. Authenticates the sender, bounds what comes in, and turns every dialect into one event.
//!
//! Rooms: `http` (connections, limits, routes), `browser` (the tag's `POST /v1/events` and the visitor cookie),
//! `server_api` (`POST /v1/track`), `assets` (the tag's own files), `read`, `marks`, `raw_event` and `raw_user` (foreign JSON → event, raw
//! personal data → hashes), `client_address`, `rate_limit`, `reply`. Raw personal data never leaves this room.

pub mod assets;
pub mod batch;
pub mod browser;
pub mod client_address;
pub mod cookie;
pub mod http;
mod marks;
mod random;
pub mod rate_limit;
mod raw_event;
pub mod raw_user;
pub mod read;
pub mod reply;
pub mod server_api;
