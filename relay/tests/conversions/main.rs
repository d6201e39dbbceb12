//! Conversions from several reporters: what is one conversion, whose click it has, and who is told of it.
#![expect(clippy::unwrap_used, reason = "in a test an unexpected answer ends it, helpers included")]

mod clicks;
mod consent;
mod erasure;
mod kept;
mod overtaken;
mod refunds;
mod reporters;
mod shop;
mod told;
