//! The contracts that the nine programs share, and the file operations below them.
//!
//! What belongs here: the configuration, contracts between programs, file I/O that keeps these
//! contracts, and the command-line frame. Contracts are the schema, the layout of every path, the
//! ledger and the history. File I/O covers atomic replacement, the lock and the artifact envelope.
//! The frame of all nine programs includes progress on a terminal. The clock is here because tests
//! make it jump. An item enters only if two crates need it today and it names no model, server or
//! picture.
//!
//! What stays out: rows and their statistics (crate `dataset`), and everything a stage produces
//! (the stage's own crate).

pub mod artifact;
pub mod cli;
pub mod clock;
pub mod config;
pub mod digest;
pub mod exit;
mod faults;
pub mod files;
pub mod history;
mod json_schema;
pub mod json_text;
pub mod layout;
pub mod ledger;
pub mod lock;
mod log_queue;
pub mod manifest;
pub mod numbers;
pub mod person;
pub mod progress;
pub mod regular;
pub mod schema;
mod visible;
pub mod waiting_rows;

pub use config::Config;
pub use exit::Failure;
pub use faults::before_pass;
pub use history::History;
pub use json_schema::DateTime;
pub use layout::Layout;
pub use ledger::Ledger;
pub use lock::RunLock;
pub use log_queue::LogQueue;
pub use manifest::Manifest;
pub use schema::Schema;
pub use visible::{is_invisible, visible};
pub use waiting_rows::WaitingRows;
