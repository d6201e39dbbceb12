//! Import: events out of a file, such as a CRM's export of last month's deals.
//!
//! Each line passes the same reader as an event of `POST /v1/track`, so raw customer data is hashed here and goes no
//! further; what fails is written to a report with its line and reason, and nothing else suffers. An event without an id
//! and without an order gets an id that follows from its line: a file may be imported again, in part or whole, and
//! every event counts once.
//!
//! Rooms: `records` (lines and tables of a file, by place), `columns` (a table's headings as the event's fields), `run`
//! (batches, the report, and where to go on after an interruption). Leaves storing to whoever takes the orders.

mod columns;
mod records;
pub mod run;

pub use columns::ColumnsError;
pub use records::{Format, NoEvent, Place, Record, Records, RecordsError};
pub use run::{Counts, Import, ImportError};
