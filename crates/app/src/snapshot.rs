//! The live model: one immutable snapshot, replaced when `current` points elsewhere.
//!
//! Requests take the snapshot and nothing else; looking at the link, loading and verifying happen
//! beside them. A release that cannot be used leaves the model before it in place, and is tried
//! again at the next looks.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use actix_web::http::header::HeaderValue;
use anyhow::Context;
use common::layout::names;
use common::ledger::FileStamp;
use common::schema::Feature;
use common::{Config, Layout, Manifest, Schema};
use deployment::{Release, live_target};
use jiff::Timestamp;
use model::Model;

use crate::error::ApiError;
use crate::work::Glance;

/// A model as it is served.
pub(crate) struct Snapshot {
    /// The release it belongs to.
    pub(crate) release: String,
    /// The same for answers.
    pub(crate) header: HeaderValue,
    /// What that release says of itself.
    pub(crate) manifest: Manifest,
    /// The model.
    pub(crate) model: Model,
    /// The columns that a request has to bring: the model's, with the id and the rules of the
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
    /// Limits the looks that `/readyz` asks for.
    pub(crate) glance: Glance,
    loaded: AtomicU64,
    refused: AtomicU64,
}

/// Where `current` points, or why that cannot be read.
type Target = Result<Option<PathBuf>, String>;

/// What there is to load.
#[derive(Clone, PartialEq)]
struct Seen {
    target: Target,
    /// Of the manifest: a release that was made anew under the same name has another.
    stamp: Option<FileStamp>,
}

struct State {
    /// What the rest was made for; `None` before the first look.
    seen: Option<Seen>,
    snapshot: Option<Arc<Snapshot>>,
    /// Whether the snapshot is that of the live release.
    is_live: bool,
    /// Why the live release cannot be used, where it cannot.
    refusal: Option<String>,
}

/// Whether what was seen already is loaded once more.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    No,
    /// Where it could not be used.
    Refused,
}

/// What the metrics say of the model.
#[derive(Debug, Default)]
pub(crate) struct ModelFigures {
    /// The release that is served.
    pub(crate) served: Option<ServedFigures>,
    /// Releases that were taken up.
    pub(crate) loaded: u64,
    /// Releases that could not be used.
    pub(crate) refused: u64,
}

/// What the metrics say of a release.
#[derive(Debug)]
pub(crate) struct ServedFigures {
    pub(crate) release: String,
    pub(crate) created_at: Timestamp,
    pub(crate) score: f64,
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
                refusal: None,
            }),
            loading: Mutex::new(()),
            glance: Glance::default(),
            loaded: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// The snapshot of the live release, or of the last one that could be loaded.
    pub(crate) fn current(&self) -> Result<Arc<Snapshot>, ApiError> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.snapshot.clone().ok_or(ApiError::NoModel)
    }

    /// Whether predictions can be made, and by which release.
    pub(crate) fn readiness(&self) -> Readiness {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        Readiness {
            release: state.snapshot.as_ref().map(|it| it.release.clone()),
            is_live: state.is_live,
        }
    }

    /// What the metrics show.
    pub(crate) fn figures(&self) -> ModelFigures {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        ModelFigures {
            served: state.snapshot.as_ref().map(|it| ServedFigures {
                release: it.release.clone(),
                created_at: it.manifest.created_at,
                score: it.manifest.score,
            }),
            loaded: self.loaded.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }

    /// Looks where `current` points, and loads what is new there.
    pub(crate) fn look(&self) {
        if !self.has_seen(&self.seen_now()) {
            self.reload(Again::No);
        }
    }

    /// Looks likewise, and tries again what could not be loaded: the reason may have passed.
    pub(crate) fn look_again(&self) {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let again = if state.refusal.is_some() {
            Again::Refused
        } else {
            Again::No
        };
        drop(state);
        if again == Again::Refused || !self.has_seen(&self.seen_now()) {
            self.reload(again);
        }
    }

    /// Loads what `current` points at, also when it did so before: a release may have been mended.
    pub(crate) fn look_anew(&self) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.seen = None;
        drop(state);
        self.reload(Again::No);
    }

    fn seen_now(&self) -> Seen {
        let target = live_target(&self.layout).map_err(|error| format!("{error:#}"));
        let stamp = target.as_ref().ok().and_then(|target| {
            let folder = self.layout.production().join(target.as_ref()?);
            // What is wrong with the file is said when it is read.
            let metadata = fs::metadata(folder.join(names::MANIFEST)).ok()?;
            Some(FileStamp::of(&metadata))
        });
        Seen { target, stamp }
    }

    fn has_seen(&self, now: &Seen) -> bool {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.seen.as_ref() == Some(now)
    }

    fn reload(&self, again: Again) {
        let _loading = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        // Before loading: what changes meanwhile is seen at the next look.
        let now = self.seen_now();
        let has_seen = self.has_seen(&now);
        if has_seen && again == Again::No {
            return;
        }
        let loaded = match &now.target {
            Ok(None) => Ok(None),
            Ok(Some(target)) => self.load(target).map(Some),
            Err(problem) => Err(anyhow::anyhow!("{problem}")),
        };
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.seen = Some(now);
        state.is_live = matches!(loaded, Ok(Some(_)));
        let refused_before = state.refusal.take();
        match loaded {
            Ok(Some(snapshot)) => {
                self.loaded.fetch_add(1, Ordering::Relaxed);
                tracing::info!(release = snapshot.release, "model loaded");
                state.snapshot = Some(Arc::new(snapshot));
            }
            Ok(None) => {
                tracing::info!("nothing is deployed yet");
                state.snapshot = None;
            }
            Err(error) => {
                let refusal = format!("{error:#}");
                // What is known already is not told twice a second.
                if !has_seen || refused_before.as_ref() != Some(&refusal) {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                    let kept = state.snapshot.as_ref().map_or("none", |it| &it.release);
                    tracing::error!(kept, "the live release cannot be used: {refusal}");
                }
                state.refusal = Some(refusal);
            }
        }
    }

    /// Loads what `target` names, relative to the production folder.
    fn load(&self, target: &Path) -> anyhow::Result<Snapshot> {
        let release = Release::open(&self.layout.production().join(target))?;
        let model = release.verify()?;
        Ok(Snapshot {
            release: release.name().to_owned(),
            header: HeaderValue::from_str(release.name())
                .context("the release's name cannot stand in a header")?,
            manifest: release.manifest,
            schema: requested(&self.configured, &model.schema),
            model,
        })
    }
}

/// A model's columns as a request has to bring them: what a value may be is the configuration's
/// word, here as in ingestion, so that a rule changed since the model was fitted holds at once.
fn requested(configured: &Schema, model: &Schema) -> Schema {
    let mut schema = Schema {
        id: configured.id.clone(),
        ..model.clone()
    };
    for feature in &mut schema.features {
        // What a model reads as a number it cannot read as a text.
        let same = |other: &&Feature| other.name == feature.name && other.kind.is_as(&feature.kind);
        if let Some(configured) = configured.features.iter().find(same) {
            feature.kind = configured.kind.clone();
        }
    }
    schema
}
