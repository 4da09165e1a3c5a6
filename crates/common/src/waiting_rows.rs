//! The rows that wait for a late label, in `predictions.db`: one table, and one rule that pairs a
//! label with its row.
//!
//! The table has the unlabelled rows of finaldata.csv, the newest ten million at most, each with its
//! prediction once a run has made one. Ingestion adds rows in the order of finaldata.csv and pairs the
//! labels. A row whose label has arrived stays until a run has evaluated that label. A predicted row whose
//! file is gone stays too: its label may still come.
//!
//! The table follows the history: it holds the digest of the finaldata.csv that it belongs to, and the
//! ledger says which labels are evaluated. So no transaction spans both files. A table of another
//! finaldata.csv is rebuilt from all rows, and keeps its predictions.
//!
//! The table stores counts, and sums of the hashes of its rows. The history has a digest of these. A table
//! whose counts and sums have another digest counts as lost. So does a table whose rows do not match the
//! sums when they are read.

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
