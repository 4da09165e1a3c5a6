//! The manifest of a release: what it holds, which data its model was fitted to, and where it
//! came from.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::layout::names;
use crate::ledger::DataPosition;
use crate::{Failure, Layout, files};

/// The version written, and the newest one read.
pub const VERSION: u32 = 1;

/// What a release says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this file's form.
    pub version: u32,
    /// Number of the release, six digits.
    pub release: String,
    /// The run that made it; `None` when it was deployed by hand.
    pub run: Option<i64>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The release that was live before it.
    pub parent: Option<String>,
    /// F1 of its model on the test data.
    pub score: f64,
    /// SHA-256 of each of its other files, by name.
    pub files: BTreeMap<String, String>,
    /// The data its model was fitted to.
    pub data: DataPosition,
}

impl Manifest {
    /// Reads the manifest in a release's folder.
    pub fn read(release_folder: &Path) -> anyhow::Result<Self> {
        let path = release_folder.join(names::MANIFEST);
        let unusable = |problem: String| {
            Failure::input_output(format!("{} cannot be used: {problem}", path.display()))
        };
        let Some(bytes) = files::read_if_present(&path)? else {
            return Err(unusable("it is missing".into()).into());
        };
        let manifest: Self =
            serde_json::from_slice(&bytes).map_err(|error| unusable(error.to_string()))?;
        if manifest.version > VERSION {
            return Err(unusable(format!(
                "it is of version {}, this program reads up to {VERSION}",
                manifest.version
            ))
            .into());
        }
        Ok(manifest)
    }

    /// The manifest of the live release; `None` when nothing is deployed.
    pub fn of_live_release(layout: &Layout) -> anyhow::Result<Option<Self>> {
        let current = layout.current();
        if current.symlink_metadata().is_err() {
            return Ok(None);
        }
        Self::read(&current)
            .context("the live release is damaged; go back with `deployment --rollback ID`")
            .map(Some)
    }

    /// SHA-256 of the model file.
    pub fn model_digest(&self) -> &str {
        self.files.get(names::MODEL).map_or("", String::as_str)
    }
}
