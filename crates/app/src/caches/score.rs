//! The score of the served model on the present test data.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use common::Config;
use common::ledger::FileStamp;
use scoring::{DeployedScore, score_release};

use crate::snapshot::Snapshot;

/// The last score, kept while the model and the test files are unchanged.
#[derive(Default)]
pub(crate) struct ScoreCache {
    last: Mutex<Option<(Inputs, Arc<DeployedScore>)>>,
    /// Requests wait for this lock without a thread. Waiting threads would be missing elsewhere.
    pub(crate) turn: tokio::sync::Mutex<()>,
}

/// What the score depends on.
#[derive(PartialEq)]
struct Inputs {
    release: String,
    model_digest: String,
    test_files: Vec<(PathBuf, FileStamp)>,
}

impl ScoreCache {
    /// The score of a snapshot, computed by one caller at a time.
    pub(crate) fn score(
        &self,
        config: &Config,
        snapshot: &Snapshot,
    ) -> anyhow::Result<Arc<DeployedScore>> {
        let mut cached = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let inputs = Inputs::now(config, snapshot)?;
        if let Some((of, score)) = cached.as_ref()
            && *of == inputs
        {
            return Ok(Arc::clone(score));
        }
        let Snapshot {
            manifest, model, ..
        } = snapshot;
        let score = Arc::new(score_release(config, manifest, model)?);
        // If a file changed meanwhile, it is unknown which content was scored.
        if Inputs::now(config, snapshot)? == inputs {
            *cached = Some((inputs, Arc::clone(&score)));
        }
        Ok(score)
    }

    /// Lets every caller wait until the result is dropped.
    #[cfg(test)]
    pub(crate) fn hold_up(&self) -> impl Sized + '_ {
        self.last.lock().unwrap()
    }
}

impl Inputs {
    fn now(config: &Config, snapshot: &Snapshot) -> anyhow::Result<Self> {
        let listing = dataset::list(std::slice::from_ref(&config.test_folder))?;
        Ok(Self {
            release: snapshot.release.clone(),
            model_digest: snapshot.manifest.model_digest().to_owned(),
            test_files: listing
                .files
                .into_iter()
                .map(|file| (file.path, file.stamp))
                .collect(),
        })
    }
}
