//! The live model: one immutable snapshot, replaced when `current` points elsewhere.
//!
//! Each request compares one link; loading happens only when it has changed, once, and off the
//! server's workers. A release that cannot be used leaves the model before it in place.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use actix_web::web;
use common::schema::Feature;
use common::{Config, Layout, Schema};
use deployment::{Release, live_target};
use training::Model;

use crate::error::ApiError;

/// A model as it is served.
pub(crate) struct Snapshot {
    /// The release it belongs to.
    pub(crate) release: String,
    /// The model.
    pub(crate) model: Model,
    /// The columns that a request has to bring: the model's, with the id and the ranges of the
    /// configuration.
    pub(crate) schema: Schema,
}

/// Holds the snapshot that is served now.
pub(crate) struct ModelStore {
    layout: Layout,
    configured: Schema,
    state: RwLock<State>,
    /// Held while a release is loaded, so that it is loaded once.
    loading: Mutex<()>,
}

/// Where `current` points, or why that cannot be read.
type Target = Result<Option<PathBuf>, String>;

struct State {
    /// The target that the rest was made for; `None` before the first look.
    seen: Option<Target>,
    snapshot: Option<Arc<Snapshot>>,
    /// Whether the snapshot is that of the live release.
    is_live: bool,
}

/// What `/readyz` says of the model.
pub(crate) struct Readiness {
    /// The release that is served.
    pub(crate) release: Option<String>,
    /// Whether that is the live one.
    pub(crate) is_live: bool,
}

impl ModelStore {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            layout: config.layout.clone(),
            configured: config.schema.clone(),
            state: RwLock::new(State {
                seen: None,
                snapshot: None,
                is_live: false,
            }),
            loading: Mutex::new(()),
        }
    }

    /// The snapshot of the live release, or of the last one that could be loaded.
    pub(crate) async fn current(self: &Arc<Self>) -> Result<Arc<Snapshot>, ApiError> {
        self.refresh().await?;
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.snapshot.clone().ok_or(ApiError::NoModel)
    }

    /// Whether predictions can be made, and by which release.
    pub(crate) async fn readiness(self: &Arc<Self>) -> Result<Readiness, ApiError> {
        self.refresh().await?;
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        Ok(Readiness {
            release: state.snapshot.as_ref().map(|it| it.release.clone()),
            is_live: state.is_live,
        })
    }

    async fn refresh(self: &Arc<Self>) -> Result<(), ApiError> {
        if self.has_seen(&self.target()) {
            return Ok(());
        }
        let store = Arc::clone(self);
        Ok(web::block(move || store.reload()).await?)
    }

    fn target(&self) -> Target {
        live_target(&self.layout).map_err(|error| format!("{error:#}"))
    }

    fn has_seen(&self, target: &Target) -> bool {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.seen.as_ref() == Some(target)
    }

    fn reload(&self) {
        let _loading = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        let target = self.target();
        if self.has_seen(&target) {
            return;
        }
        let loaded = match &target {
            Ok(None) => Ok(None),
            Ok(Some(target)) => self.load(target).map(Some),
            Err(problem) => Err(anyhow::anyhow!("{problem}")),
        };
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.seen = Some(target);
        state.is_live = matches!(loaded, Ok(Some(_)));
        match loaded {
            Ok(snapshot) => {
                match &snapshot {
                    Some(it) => tracing::info!(release = it.release, "model loaded"),
                    None => tracing::info!("nothing is deployed yet"),
                }
                state.snapshot = snapshot.map(Arc::new);
            }
            Err(error) => {
                let kept = state.snapshot.as_ref().map_or("none", |it| &it.release);
                tracing::error!(kept, "the live release cannot be used: {error:#}");
            }
        }
    }

    /// Loads what `target` names, relative to the production folder.
    fn load(&self, target: &Path) -> anyhow::Result<Snapshot> {
        let release = Release::open(&self.layout.production().join(target))?;
        let model = release.verify()?;
        Ok(Snapshot {
            release: release.name().to_owned(),
            schema: requested(&self.configured, &model.schema),
            model,
        })
    }
}

/// A model's columns as a request has to bring them: what a value may be is the configuration's
/// word, here as in ingestion, so that a range changed since the model was fitted holds at once.
fn requested(configured: &Schema, model: &Schema) -> Schema {
    let mut schema = Schema {
        id: configured.id.clone(),
        ..model.clone()
    };
    for feature in &mut schema.features {
        let same = |other: &&Feature| other.name == feature.name;
        if let Some(configured) = configured.features.iter().find(same) {
            feature.range = configured.range;
        }
    }
    schema
}
