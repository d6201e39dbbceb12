//! The vocabulary every other crate speaks: event, click ids, identity, consent, money, time and the wire.
//!
//! Owns the meaning and the normal forms of what AnyTrack carries, once for the browser tag and the relay.
//! Leaves to others: everything that touches the world. There is no I/O, no clock, no randomness and no
//! environment here, so the same code runs in a browser (wasm32) and on a server.

pub mod attribution;
pub mod bytes;
pub mod click_id;
pub mod consent;
pub mod event;
pub mod event_id;
pub mod identity;
pub mod limits;
pub mod money;
mod percent;
pub mod properties;
pub mod scrub;
pub mod time;
pub mod touch;
pub mod vendor_cookie;
pub mod visitor;
pub mod wire;
pub mod words;

pub use attribution::{Attribution, Evidence, Unmatched};
pub use consent::{Consent, Purpose, Signal};
pub use event::{Campaign, ClickId, Context, Event, Page, Source};
pub use identity::{Hashes, Sha256Hex, UserData};
pub use properties::{Item, Properties, Scalar};
pub use time::UnixMs;
