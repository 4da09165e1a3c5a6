//! The rows that wait for a late label, in `predictions.db`: one table, and one rule that pairs a
//! label with its row.
//!
//! The table has each unlabelled row of finaldata.csv, with its prediction once a run has made one.
//! Ingestion adds rows in the order of finaldata.csv and pairs the labels. A row with its label stays
//! until a run has evaluated the row that brought the label. A predicted row whose file is gone stays
//! too: its label may still come.
//!
//! The table follows the history: it holds the digest of the finaldata.csv that it belongs to, and the
//! ledger says which labels are evaluated. So no transaction spans both files. A table of another
//! finaldata.csv is rebuilt from all rows, and keeps its predictions.
//!
//! The history has the digest of the table. The table contains sums of hashes of its rows. A table with
//! another digest counts as lost. So does a table whose rows do not match their sums when they are read.

mod loss;
mod pairing;
mod problem;
mod state;
mod statements;
mod store;
mod sums;
#[cfg(test)]
mod tests;

pub use self::loss::DamagedPredictions;
pub use self::pairing::{ArrivingRow, Pair};
pub use self::problem::TableProblem;
pub use self::store::{LabelledPrediction, RowPrediction, WaitingPrediction, WaitingRows};
