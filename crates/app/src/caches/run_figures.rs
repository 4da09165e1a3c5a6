//! The figures of runs that `/metrics` shows.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use common::Config;

use crate::metrics::RunMetrics;
use crate::work::MonitoringCheck;

/// Figures of runs from the last successful read; used while the history cannot be read.
#[derive(Default)]
pub(crate) struct RunMetricsCache {
    known: Mutex<Arc<RunMetrics>>,
    /// Limits the reads that requests ask for.
    pub(crate) check: MonitoringCheck,
}

impl RunMetricsCache {
    /// Reads the history; the old figures stay if that fails.
    pub(crate) fn read(&self, config: &Config) {
        match RunMetrics::read(config, common::clock::now()) {
            Ok(figures) => *self.lock() = Arc::new(figures),
            Err(error) => tracing::warn!("the last figures of the runs are used again: {error:#}"),
        }
    }

    /// The figures of the last successful read.
    pub(crate) fn known(&self) -> Arc<RunMetrics> {
        Arc::clone(&self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Arc<RunMetrics>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
