//! What all requests share.

use std::sync::Arc;

use common::Config;

use crate::routes::{ScoreCache, StoredAnswer};
use crate::snapshot::ModelStore;

/// The configuration, the live model, and the answers kept for repetition.
pub(crate) struct AppState {
    pub(crate) config: Config,
    pub(crate) models: Arc<ModelStore>,
    pub(crate) scores: ScoreCache,
    pub(crate) summary: StoredAnswer,
    pub(crate) diagnostics: StoredAnswer,
}

impl AppState {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            models: Arc::new(ModelStore::new(&config)),
            scores: ScoreCache::default(),
            summary: StoredAnswer::default(),
            diagnostics: StoredAnswer::default(),
            config,
        }
    }
}
