//! Collect: the door. Authenticates the sender, bounds what comes in, and turns every dialect into one event.
//!
//! Rooms: `http` (connections, limits, routes), `threads` (what they run on), `outlet` (answers that nobody takes), `browser`
//! (the tag's `POST /v1/events` and the visitor cookie), `made_cookie` (those of platforms), `server_api` (`POST /v1/track`),
//! `sources` (webhooks and postbacks), `assets` (the tag's own files), `site_module` (which parts of the tag a site asks for),
//! `read`, `marks`, `raw_event`, `draft` and `raw_user` (foreign data → event, raw personal data → hashes), `client_address`,
//! `rate_limit`, `turned_away` (what the log is told of those), `not_stored` (and of a store in trouble), `reply`. Raw personal data
//! never leaves this room.

pub mod assets;
pub mod batch;
pub mod browser;
pub mod client_address;
pub mod cookie;
pub mod draft;
pub mod http;
mod made_cookie;
mod marks;
mod not_stored;
mod outlet;
mod random;
pub mod rate_limit;
mod raw_event;
pub mod raw_user;
pub mod read;
pub mod reply;
pub mod server_api;
mod site_module;
pub mod site_token;
pub mod sources;
pub mod threads;
pub mod turned_away;
