//! The manifest of a release: what it holds, which data its model was fitted to, and where it
//! came from.

use std::collections::BTreeMap;
use std::ffi::OsStr;
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
    /// 95 % interval of that F1; releases of older programs have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_interval: Option<[f64; 2]>,
    /// SHA-256 of each of its other files, by name.
    pub files: BTreeMap<String, String>,
    /// The data its model was fitted to.
    pub data: DataPosition,
    /// What its model answered when it was published; releases of older programs have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<SampleAnswer>,
}

/// What a model says of one row of its training data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleAnswer {
    /// The features in schema order; `None` stands for a missing value.
    pub row: Vec<Option<SampleCell>>,
    /// The probability of class 1.
    pub probability: f64,
}

/// A cell of such a row.
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

    /// What makes it unusable, if anything does; names of it become paths.
    fn flaw(&self) -> Option<&'static str> {
        if !is_release_name(&self.release) || !self.parent.iter().all(|name| is_release_name(name))
        {
            return Some("its release or parent is no number");
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

fn is_release_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_that_leads_elsewhere_or_says_nonsense_is_refused() {
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
            answers: Vec::new(),
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
