//! An engine for passes that has the rows in a distributed SQL engine.
//!
//! A stage asks a [`dataset::Table`] for values. If the table is on a [`SqlEngine`], each value is one
//! or a few SQL statements, whose answers are sums: the number of cells that travel grows with the
//! square of the number of columns, and not with the number of rows. Only samples of rows travel.
//!
//! `sql` writes the statements and does no I/O. [`SqlEngine`] asks a [`Connection`] and makes the
//! values of the answers. [`load`] brings the rows of finaldata.csv to the engine. The feature `flight`
//! adds the connection over Arrow Flight SQL, with the sixty crates that it needs; without it this crate is
//! small.
//!
//! Limits: a number beyond 1e150 is refused, because its square overflows.

mod answer;
mod dialect;
mod engine;
#[cfg(feature = "flight")]
mod flight;
mod source;
mod sql;
mod stored_rows;

pub use answer::{Answer, Cell, Connection};
pub use dialect::Dialect;
pub use engine::SqlEngine;
#[cfg(feature = "flight")]
pub use flight::{FlightConnection, FlightSettings, Unanswered};
pub use source::{Column, Relation, Source};
pub use stored_rows::{FinalRows, StoredRows, examine, load};
