//! The live model: one immutable snapshot, replaced when `current` points elsewhere.
//!
//! Requests only take the snapshot. Checking the link, loading and verifying happen outside of
//! requests. If a release is unusable or `current` is missing, the previous model stays, and later
//! checks try again.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use actix_web::http::header::HeaderValue;
use anyhow::Context;
use common::layout::names;
use common::ledger::FileStamp;
use common::manifest::PublishedManifests;
use common::schema::Feature;
use common::{Config, Layout, Manifest, Schema};
use deployment::{Release, live_target};
use jiff::Timestamp;
use model::Model;

use crate::error::ApiError;
use crate::work::MonitoringCheck;

/// A model with everything needed to serve it.
pub(crate) struct Snapshot {
    /// Name of its release.
    pub(crate) release: String,
    /// Name of its release as a header value.
    pub(crate) header: HeaderValue,
    /// Manifest of its release.
    pub(crate) manifest: Manifest,
    /// The model.
    pub(crate) model: Model,
    /// Columns of requests: the model's columns, with the id column and the rules of the
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
    /// Limits the checks that `/readyz` asks for.
    pub(crate) check: MonitoringCheck,
    loaded: AtomicU64,
    unusable: AtomicU64,
    /// The files of the served release when they were checked last.
    checked: Mutex<Option<CheckedFiles>>,
}

/// The files of a release, and whether they are whole.
struct CheckedFiles {
    release: String,
    stamps: Vec<Option<FileStamp>>,
    are_whole: bool,
}

/// Target of `current`, or why it cannot be read.
type Target = Result<Option<PathBuf>, String>;

/// Identity of the release that `current` points at.
#[derive(Clone, PartialEq)]
struct LiveIdentity {
    target: Target,
    /// Stamp of the manifest. A release rebuilt under the same name has another stamp.
    stamp: Option<FileStamp>,
}

struct State {
    /// The release that the other fields describe; `None` before the first check.
    identity: Option<LiveIdentity>,
    snapshot: Option<Arc<Snapshot>>,
    /// True if the live release is the one in the snapshot.
    is_live: bool,
    /// Why the live release is unusable; `None` if it is usable.
    failure: Option<String>,
}

/// Whether a release that was seen before is loaded again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Retry {
    Never,
    /// Only if it was unusable.
    AfterFailure,
}

/// Metrics of the model.
#[derive(Debug, Default)]
pub(crate) struct ModelMetrics {
    /// The release that is served.
    pub(crate) served: Option<ServedModelMetrics>,
    /// True if that is the live release.
    pub(crate) is_live: bool,
    /// Number of releases that were loaded.
    pub(crate) loaded: u64,
    /// Number of releases that were unusable.
    pub(crate) unusable: u64,
}

/// Metrics of a release.
#[derive(Debug)]
pub(crate) struct ServedModelMetrics {
    pub(crate) release: String,
    pub(crate) created_at: Timestamp,
    pub(crate) score: f64,
}

/// Readiness of the model, for `/readyz`.
pub(crate) struct Readiness {
    /// The release that is served.
    pub(crate) release: Option<String>,
    /// True if it is the live release.
    pub(crate) is_live: bool,
}

impl ModelStore {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            layout: config.layout.clone(),
            configured: config.schema.clone(),
            state: RwLock::new(State {
                identity: None,
                snapshot: None,
                is_live: false,
                failure: None,
            }),
            loading: Mutex::new(()),
            check: MonitoringCheck::default(),
            loaded: AtomicU64::new(0),
            unusable: AtomicU64::new(0),
            checked: Mutex::new(None),
        }
    }

    /// The snapshot of the live release, or of the last one that could be loaded.
    pub(crate) fn current(&self) -> Result<Arc<Snapshot>, ApiError> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.snapshot.clone().ok_or(ApiError::NoModel)
    }

    /// Readiness, and the release that serves.
    pub(crate) fn readiness(&self) -> Readiness {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        Readiness {
            release: state.snapshot.as_ref().map(|it| it.release.clone()),
            is_live: state.is_live,
        }
    }

    /// The metrics of the model.
    pub(crate) fn metrics(&self) -> ModelMetrics {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        ModelMetrics {
            served: state.snapshot.as_ref().map(|it| ServedModelMetrics {
                release: it.release.clone(),
                created_at: it.manifest.created_at,
                score: it.manifest.score,
            }),
            is_live: state.is_live,
            loaded: self.loaded.load(Ordering::Relaxed),
            unusable: self.unusable.load(Ordering::Relaxed),
        }
    }

    /// Checks where `current` points, and loads a new release.
    pub(crate) fn refresh(&self) {
        if !self.is_known(&self.current_identity()) {
            self.reload(Retry::Never);
        }
    }

    /// Like [`Self::refresh`], and also retries a release that could not be loaded: the reason may be
    /// gone.
    pub(crate) fn refresh_or_retry(&self) {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let retry = if state.failure.is_some() {
            Retry::AfterFailure
        } else {
            Retry::Never
        };
        drop(state);
        if retry == Retry::AfterFailure || !self.is_known(&self.current_identity()) {
            self.reload(retry);
        }
    }

    /// Loads the release that `current` points at, even if it was loaded before: it may have been
    /// repaired.
    pub(crate) fn force_reload(&self) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.identity = None;
        drop(state);
        self.reload(Retry::Never);
    }

    /// True if the files of the served release are still whole: damage may come after they were loaded. They are
    /// read only if a stamp changed, and only if `may_read` allows the memory for it; otherwise they count as
    /// whole.
    pub(crate) fn is_whole_on_disk(&self, may_read: impl FnOnce(&Path) -> bool) -> bool {
        let Ok(served) = self.current() else {
            return true;
        };
        let folder = self.layout.release(&served.release);
        let stamps = stamps(&folder, &served.manifest);
        // Held while the files are read, so that they are read once.
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        let known = checked.as_ref();
        let known = known.filter(|it| it.release == served.release && it.stamps == stamps);
        if let Some(known) = known {
            return known.are_whole;
        }
        if !may_read(&folder) {
            return true;
        }
        let whole = PublishedManifests::read(&self.layout)
            .and_then(|published| Release::open_published(&folder, &published))
            .and_then(|release| release.verify());
        if let Err(error) = &whole {
            tracing::error!("the live release is damaged on disk: {error:#}");
        }
        let are_whole = whole.is_ok();
        *checked = Some(CheckedFiles {
            release: served.release.clone(),
            stamps,
            are_whole,
        });
        are_whole
    }

    /// Lets every load wait until the result is dropped.
    #[cfg(test)]
    pub(crate) fn block_until_dropped(&self) -> impl Sized + '_ {
        self.loading.lock().unwrap()
    }

    fn current_identity(&self) -> LiveIdentity {
        let target = live_target(&self.layout).map_err(|error| format!("{error:#}"));
        let stamp = target.as_ref().ok().and_then(|target| {
            let folder = self.layout.production().join(target.as_ref()?);
            // Errors of the file are reported when it is read.
            let metadata = fs::metadata(folder.join(names::MANIFEST)).ok()?;
            Some(FileStamp::of(&metadata))
        });
        LiveIdentity { target, stamp }
    }

    fn is_known(&self, now: &LiveIdentity) -> bool {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.identity.as_ref() == Some(now)
    }

    fn reload(&self, retry: Retry) {
        let _loading = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        // Read before loading: later changes are seen at the next check.
        let now = self.current_identity();
        let is_known = self.is_known(&now);
        if is_known && retry == Retry::Never {
            return;
        }
        let loaded = match &now.target {
            Ok(None) => Ok(None),
            Ok(Some(target)) => self.load(target).map(Some),
            Err(problem) => Err(anyhow::anyhow!("{problem}")),
        };
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.identity = Some(now);
        state.is_live = matches!(loaded, Ok(Some(_)));
        let failure_before = state.failure.take();
        match loaded {
            Ok(Some(snapshot)) => {
                self.loaded.fetch_add(1, Ordering::Relaxed);
                tracing::info!(release = snapshot.release, "model loaded");
                state.snapshot = Some(Arc::new(snapshot));
            }
            Ok(None) => match &state.snapshot {
                // The disk may be unavailable for a moment only. The model in memory stays usable.
                Some(kept) => {
                    tracing::error!(
                        kept = kept.release,
                        "the link to the live release is missing"
                    );
                }
                None => tracing::info!("nothing is deployed yet"),
            },
            Err(error) => {
                let failure = format!("{error:#}");
                // A known error is not logged twice a second.
                if !is_known || failure_before.as_ref() != Some(&failure) {
                    self.unusable.fetch_add(1, Ordering::Relaxed);
                    let kept = state.snapshot.as_ref().map_or("none", |it| &it.release);
                    tracing::error!(kept, "the live release cannot be used: {failure}");
                }
                state.failure = Some(failure);
            }
        }
    }

    /// Loads the release at `target`, a path relative to the production folder.
    fn load(&self, target: &Path) -> anyhow::Result<Snapshot> {
        let release = Release::open(&self.layout.production().join(target))?;
        let model = release.verify()?;
        Ok(Snapshot {
            release: release.name().to_owned(),
            header: HeaderValue::from_str(release.name())
                .context("the release's name is not a valid header value")?,
            manifest: release.manifest,
            schema: request_schema(&self.configured, &model.schema),
            model,
        })
    }
}

/// The stamps of the files of a release, in the order of its manifest; `None` for a file that is missing.
fn stamps(folder: &Path, manifest: &Manifest) -> Vec<Option<FileStamp>> {
    let stamp = |name: &String| {
        let metadata = fs::metadata(folder.join(name)).ok()?;
        Some(FileStamp::of(&metadata))
    };
    manifest.files.keys().map(stamp).collect()
}

/// The columns that requests must send: those of the model, with the rules of the configuration. As
/// in ingestion, a rule that changed after training applies at once.
fn request_schema(configured: &Schema, model: &Schema) -> Schema {
    let mut schema = Schema {
        id: configured.id.clone(),
        ..model.clone()
    };
    for feature in &mut schema.features {
        // A rule for a number cannot apply to a category, nor the other way round.
        let same =
            |other: &&Feature| other.name == feature.name && other.kind.is_same_kind(&feature.kind);
        if let Some(configured) = configured.features.iter().find(same) {
            feature.kind = configured.kind.clone();
        }
    }
    schema
}
