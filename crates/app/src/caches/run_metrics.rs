//! The metrics of runs, for `/metrics`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use common::Config;

use crate::metrics::RunMetrics;
use crate::work::MonitoringCheck;

/// Metrics of runs from the last successful read; used while the history cannot be read.
#[derive(Default)]
pub(crate) struct RunMetricsCache {
    known: Mutex<Arc<RunMetrics>>,
    /// Limits the reads that requests ask for.
    pub(crate) check: MonitoringCheck,
}

impl RunMetricsCache {
    /// Reads the history; the old metrics stay if that fails.
    pub(crate) fn read(&self, config: &Config) {
        match RunMetrics::read(config, common::clock::now()) {
            Ok(metrics) => *self.lock() = Arc::new(metrics),
            Err(error) => tracing::warn!("the last metrics of the runs are used again: {error:#}"),
        }
    }

    /// The metrics of the last successful read.
    pub(crate) fn known(&self) -> Arc<RunMetrics> {
        Arc::clone(&self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Arc<RunMetrics>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
