//! What all requests share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use common::Config;

use crate::access::Gate;
use crate::access_log::AccessLog;
use crate::connection::OpenConnections;
use crate::in_flight::InFlight;
use crate::metrics::Metrics;
use crate::routes::{RunFiguresCache, ScoreCache, StoredAnswer};
use crate::snapshot::ModelStore;
use crate::work::Work;

/// The configuration, the live model, and what is counted and kept over all requests.
pub(crate) struct AppState {
    pub(crate) config: Config,
    pub(crate) gate: Gate,
    pub(crate) models: Arc<ModelStore>,
    pub(crate) scores: ScoreCache,
    pub(crate) summary: StoredAnswer,
    pub(crate) diagnostics: StoredAnswer,
    pub(crate) runs: RunFiguresCache,
    pub(crate) metrics: Metrics,
    /// `None` where nobody reads one.
    pub(crate) log: Option<AccessLog>,
    pub(crate) in_flight: Arc<InFlight>,
    pub(crate) connections: OpenConnections,
    pub(crate) work: Work,
    /// Answers that are being streamed.
    pub(crate) streams: Arc<AtomicUsize>,
    /// Whether the server is being stopped.
    pub(crate) is_draining: AtomicBool,
}

impl AppState {
    pub(crate) fn new(config: Config, gate: Gate) -> Self {
        let models = ModelStore::new(&config);
        // So that the first request finds it.
        models.look();
        Self {
            gate,
            models: Arc::new(models),
            scores: ScoreCache::default(),
            summary: StoredAnswer::default(),
            diagnostics: StoredAnswer::default(),
            runs: RunFiguresCache::default(),
            metrics: Metrics::new(),
            log: None,
            in_flight: InFlight::new(config.api.limits.in_flight_bytes),
            connections: OpenConnections::default(),
            work: Work::new(),
            streams: Arc::default(),
            is_draining: AtomicBool::new(false),
            config,
        }
    }

    /// Whether the server has anything to do besides the request that asks.
    pub(crate) fn is_busy(&self) -> bool {
        self.metrics.requests_in_flight() > 1
            || self.work.is_running()
            || self.streams.load(Ordering::Relaxed) > 0
    }

    /// Reads the live release and the keys again.
    pub(crate) fn read_anew(&self) {
        self.models.look_anew();
        if let Some(file) = &self.config.api.keys_file
            && let Err(error) = self.gate.read_keys_again(file)
        {
            tracing::error!("the keys are left as they were: {error:#}");
        }
    }
}
