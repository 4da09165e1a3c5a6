//! The figures of runs that `/metrics` shows.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use common::Config;

use crate::metrics::RunFigures;
use crate::work::MonitoringCheck;

/// Figures of runs from the last successful read; used while the history cannot be read.
#[derive(Default)]
pub(crate) struct RunFiguresCache {
    known: Mutex<Arc<RunFigures>>,
    /// Limits the reads that requests ask for.
    pub(crate) check: MonitoringCheck,
}

impl RunFiguresCache {
    /// Reads the history; the old figures stay if that fails.
    pub(crate) fn read(&self, config: &Config) {
        match RunFigures::read(config, common::clock::now()) {
            Ok(figures) => *self.lock() = Arc::new(figures),
            Err(error) => tracing::warn!("the figures of runs are given again: {error:#}"),
        }
    }

    /// The figures of the last successful read.
    pub(crate) fn known(&self) -> Arc<RunFigures> {
        Arc::clone(&self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Arc<RunFigures>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
