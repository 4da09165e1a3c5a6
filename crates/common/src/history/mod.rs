//! The history store: runs, findings, durations, and the ledger.
//!
//! One SQLite file in the state folder, written under the run lock and read by all programs. Values
//! of stages, such as run records, are stored as JSON: their types live in the crates that produce
//! them. A transaction of the history is a commit point of the pipeline.

mod alert_rows;
mod change_rows;
mod damage;
pub mod documents;
mod estimate_rows;
mod integrity;
mod ledger_rows;
mod open;
mod run_pages;
mod run_rows;
mod schema;
mod score_rows;
mod seal;
mod stage_rows;
mod stage_timer;
mod store;

pub use self::alert_rows::{OpenCondition, StoredAlert, WaitingAlert};
pub use self::change_rows::{ChangeByHand, ChangeKind, NewChange};
pub(crate) use self::damage::{Damaged, check_pages};
pub use self::damage::{is_damage, with_remedy};
pub(crate) use self::open::{open_database, open_to_read, with_suffix};
pub use self::run_rows::{LastRun, StoredRun};
pub use self::score_rows::StoredScore;
pub use self::stage_rows::{STAGES, StageDuration};
pub use self::stage_timer::StageTimer;
pub use self::store::History;

#[cfg(test)]
mod tests;
