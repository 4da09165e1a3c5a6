//! State shared by all requests.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use common::Config;

use crate::access::AccessControl;
use crate::access_log::AccessLog;
use crate::caches::{ListPageCache, ListPlaces, RunMetricsCache, ScoreCache, StoredAnswer};
use crate::connection::OpenConnections;
use crate::in_flight::InFlight;
use crate::metrics::{Load, Metrics};
use crate::snapshot::ModelStore;
use crate::streams::Streams;
use crate::work::Work;

/// The configuration, the live model, counters and caches.
pub(crate) struct AppState {
    pub(crate) config: Config,
    pub(crate) access: AccessControl,
    pub(crate) models: Arc<ModelStore>,
    pub(crate) scores: ScoreCache,
    pub(crate) summary: StoredAnswer,
    pub(crate) diagnostics: StoredAnswer,
    pub(crate) risks: ListPageCache,
    pub(crate) risk_places: ListPlaces,
    pub(crate) runs: RunMetricsCache,
    pub(crate) metrics: Metrics,
    /// `None` if requests are not logged.
    pub(crate) log: Option<AccessLog>,
    pub(crate) in_flight: Arc<InFlight>,
    pub(crate) connections: OpenConnections,
    pub(crate) work: Work,
    pub(crate) streams: Streams,
    /// True while the server is stopping.
    pub(crate) is_draining: AtomicBool,
}

/// Time limit for the first model. A stalled disk must not keep the server from its health checks.
const FIRST_LOAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Loads the live release. A load that takes too long goes on, and its model is served later.
fn load_first(models: &Arc<ModelStore>) {
    let (until_end, ended) = mpsc::channel::<()>();
    let loading = Arc::clone(models);
    let load = move || {
        let _until_end = until_end;
        loading.refresh();
    };
    let started = thread::Builder::new().name("first-load".into()).spawn(load);
    match started {
        Err(error) => tracing::error!(%error, "failed to start loading the live release"),
        Ok(_) => {
            if ended.recv_timeout(FIRST_LOAD_TIMEOUT) == Err(RecvTimeoutError::Timeout) {
                tracing::error!(
                    "loading the live release takes long; the server starts without it"
                );
            }
        }
    }
}

impl AppState {
    pub(crate) fn new(config: Config, access: AccessControl) -> Self {
        let models = Arc::new(ModelStore::new(&config));
        // Loaded now, so that the first request finds a model.
        load_first(&models);
        Self {
            access,
            models,
            scores: ScoreCache::default(),
            summary: StoredAnswer::default(),
            diagnostics: StoredAnswer::default(),
            risks: ListPageCache::default(),
            risk_places: ListPlaces::default(),
            runs: RunMetricsCache::default(),
            metrics: Metrics::new(),
            log: None,
            in_flight: InFlight::new(config.api.limits.in_flight_bytes),
            connections: OpenConnections::default(),
            work: Work::new(),
            streams: Streams::new(),
            is_draining: AtomicBool::new(false),
            config,
        }
    }

    /// True if the server has work besides the asking request.
    pub(crate) fn is_busy(&self) -> bool {
        self.metrics.requests_in_flight() > 1 || self.work.is_running() || self.streams.is_running()
    }

    /// The load of the server.
    pub(crate) fn load(&self) -> Load {
        Load {
            bytes: self.in_flight.used(),
            max_bytes: self.config.api.limits.in_flight_bytes,
            waiting: self.work.waiting() + self.streams.waiting(),
            connections: self.connections.count(),
        }
    }

    /// Reads the live release and the keys again.
    pub(crate) fn reload(&self) {
        self.models.force_reload();
        if let Some(file) = &self.config.api.keys_file
            && let Err(error) = self.access.reload_keys(file)
        {
            tracing::error!("the keys are left as they were: {error:#}");
        }
    }
}
