//! Passes over rows that a distributed SQL engine holds.
//!
//! A stage asks a [`dataset::Table`] for values. If the table is on a [`SqlEngine`], each value is one
//! or a few SQL statements, whose answers are sums: the number of cells that travel grows with the
//! square of the number of columns, and not with the number of rows. Only samples of rows travel.
//!
//! `sql` writes the statements and does no I/O. [`SqlEngine`] asks a [`Connection`] and computes the
//! values from the answers. [`load`] brings the rows of finaldata.csv to the engine. The feature `flight`
//! adds the connection over Arrow Flight SQL, with the sixty crates that it needs; without it this crate is
//! small.
//!
//! Limit: numbers beyond about 1e150 make sums of squares overflow. The answer of the SQL engine is then an
//! error.

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
pub use stored_rows::{
    EngineInput, FinalRows, ReadFile, ReadInput, StoredRows, contains_each, examine, load,
    load_input, lost_input, read_input,
};
