//! The manifest of a release: its content, its training data and its origin.

mod published;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::layout::names;
use crate::ledger::DataPosition;
use crate::{Failure, Layout, files};

pub use self::published::PublishedManifests;

/// Version that is written, and the newest one that is read.
pub const VERSION: u32 = 1;

/// Description of a release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Format version of the file.
    pub version: u32,
    /// Name of the release: its number, with at least six digits.
    pub release: String,
    /// The run that made the release; `None` when it was deployed by hand.
    pub run: Option<i64>,
    /// When the release was made.
    pub created_at: Timestamp,
    /// The release that was live before it.
    pub parent: Option<String>,
    /// F1 of its model on the test data.
    pub score: f64,
    /// 95 % interval of that F1; absent in releases of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_interval: Option<[f64; 2]>,
    /// SHA-256 of each of its other files, by name.
    pub files: BTreeMap<String, String>,
    /// The data that its model was fitted to.
    pub data: DataPosition,
    /// Sample predictions at the time of publication; absent in releases of older programs.
    #[serde(rename = "answers", default, skip_serializing_if = "Vec::is_empty")]
    pub sample_predictions: Vec<SamplePrediction>,
}

/// The prediction for one row of the training data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SamplePrediction {
    /// The features in schema order; `None` is a missing value.
    pub row: Vec<Option<SampleCell>>,
    /// The probability of the positive label.
    pub probability: f64,
}

/// A cell of a sample row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SampleCell {
    /// A number.
    Number(f64),
    /// A level of a category.
    Level(String),
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
                "it is of version {}, this program reads up to {VERSION}: use the newer program",
                manifest.version
            ))
            .into());
        }
        match manifest.flaw() {
            Some(flaw) => Err(unusable(flaw.into()).into()),
            None => Ok(manifest),
        }
    }

    /// First flaw that makes the manifest unusable, if any. Its names become paths.
    fn flaw(&self) -> Option<&'static str> {
        if !is_release_name(&self.release) || !self.parent.iter().all(|name| is_release_name(name))
        {
            return Some("its release or parent is not a number");
        }
        if !(0.0..=1.0).contains(&self.score) {
            return Some("its score is not from 0 to 1");
        }
        let is_plain = |name: &String| Path::new(name).file_name() == Some(OsStr::new(name));
        if !self.files.keys().all(is_plain) {
            return Some("it names files outside of the release");
        }
        None
    }

    /// The manifest of the live release; `None` when nothing is deployed. An error if the history knows
    /// that another manifest was published.
    pub fn of_live_release(layout: &Layout) -> anyhow::Result<Option<Self>> {
        let current = layout.current();
        let folder = match fs::read_link(&current) {
            Ok(target) => layout.production().join(target),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == ErrorKind::InvalidInput => current,
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("failed to read the link {}", current.display()));
            }
        };
        let published = PublishedManifests::read(layout)?;
        let checked = || {
            // The manifest is read before its checksum is compared, because errors of reading are more
            // precise.
            let manifest = Self::read(&folder)?;
            published.check(&folder)?;
            anyhow::Ok(manifest)
        };
        checked()
            .context("the live release is damaged; `fullprocess --doctor` names the command that repairs it")
            .map(Some)
    }

    /// SHA-256 of the model file.
    pub fn model_digest(&self) -> &str {
        self.files.get(names::MODEL).map_or("", String::as_str)
    }
}

fn is_release_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_with_foreign_paths_or_impossible_values_is_rejected() {
        let folder = tempfile::tempdir().unwrap();
        let whole = Manifest {
            version: VERSION,
            release: "000002".into(),
            run: None,
            created_at: Timestamp::UNIX_EPOCH,
            parent: Some("000001".into()),
            score: 0.5,
            score_interval: None,
            files: BTreeMap::from([(names::MODEL.into(), "00".into())]),
            data: DataPosition::default(),
            sample_predictions: Vec::new(),
        };
        let read = |manifest: &Manifest| {
            let bytes = serde_json::to_vec(manifest).unwrap();
            files::replace(&folder.path().join(names::MANIFEST), &bytes).unwrap();
            Manifest::read(folder.path())
        };
        assert_eq!(read(&whole).unwrap(), whole);
        let spoilt = |spoil: fn(&mut Manifest)| {
            let mut manifest = whole.clone();
            spoil(&mut manifest);
            read(&manifest).unwrap_err().to_string()
        };
        for text in [
            spoilt(|manifest| manifest.release = "../../elsewhere".into()),
            spoilt(|manifest| manifest.parent = Some("..".into())),
            spoilt(|manifest| manifest.score = 1.5),
            spoilt(|manifest| drop(manifest.files.insert("/dev/zero".into(), String::new()))),
            spoilt(|manifest| drop(manifest.files.insert("a/b".into(), String::new()))),
            spoilt(|manifest| manifest.version = VERSION + 1),
        ] {
            assert!(text.contains("manifest.json cannot be used: "), "{text}");
        }
    }
}
