//! The input that all examinations of the doctor share.

use common::{Config, History};
use jiff::Timestamp;

use super::lock_state::LockState;
use super::report::Findings;

/// Input of all examinations.
pub(super) struct ExaminedPipeline<'a> {
    pub(super) config: &'a Config,
    pub(super) now: Timestamp,
    pub(super) lock: &'a LockState,
    pub(super) history: &'a anyhow::Result<Option<History>>,
}

/// One examination; returns a short summary.
pub(super) type Examine<'a> =
    &'a dyn Fn(&ExaminedPipeline<'_>, &mut Findings) -> anyhow::Result<String>;

impl ExaminedPipeline<'_> {
    /// The history; `None` if it is missing or unreadable. Only the examination of the history
    /// reports an unreadable history.
    pub(super) fn history(&self) -> Option<&History> {
        self.history.as_ref().ok()?.as_ref()
    }

    /// Summary of an examination that needs a history and has none.
    pub(super) fn without_history(&self) -> String {
        match self.history {
            Ok(_) => "none yet".into(),
            Err(_) => "unknown without the history".into(),
        }
    }

    /// True if a run is working now.
    pub(super) fn is_working(&self) -> bool {
        self.lock.holder.is_some()
    }
}
