//! The contracts that the nine programs share, and the file operations beneath them.
//!
//! What belongs here: configuration, a contract between two programs (the schema, the layout of
//! every path, the ledger, the history), or file I/O that keeps those contracts (atomic
//! replacement, the lock, the artifact envelope), and the shell that all nine binaries wear,
//! progress on a terminal included.
//! An item enters only if two crates need it today and it names no model, server or picture.
//!
//! What stays out: rows and their statistics (crate `dataset`), and everything a stage produces
//! (the stage's own crate).

pub mod artifact;
pub mod cli;
pub mod config;
pub mod digest;
pub mod exit;
mod faults;
pub mod files;
pub mod history;
pub mod layout;
pub mod ledger;
pub mod lock;
mod log_queue;
pub mod manifest;
pub mod progress;
pub mod regular;
pub mod schema;

pub use config::Config;
pub use exit::Failure;
pub use history::History;
pub use layout::Layout;
pub use ledger::Ledger;
pub use lock::RunLock;
pub use log_queue::LogQueue;
pub use manifest::Manifest;
pub use schema::Schema;
