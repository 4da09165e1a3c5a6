//! The score of the served model on the present test data.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use common::Config;
use common::ledger::FileStamp;
use jiff::Timestamp;
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
    test_files: Vec<TestFile>,
}

/// A file of the test data.
#[derive(PartialEq)]
struct TestFile {
    path: PathBuf,
    stamp: FileStamp,
    /// Time of the last change, in seconds since 1970 and nanoseconds. Unlike the time of the stamp,
    /// no program can set it.
    changed: (i64, i64),
}

/// Time after a change in which the system may give a further change the same time.
const UNSETTLED: i64 = 1;

impl ScoreCache {
    /// The score of a snapshot, computed by one caller at a time.
    pub(crate) fn score(
        &self,
        config: &Config,
        snapshot: &Snapshot,
    ) -> anyhow::Result<Arc<DeployedScore>> {
        let mut cached = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let began = Timestamp::now().as_second();
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
        if inputs.are_settled(began) && Inputs::now(config, snapshot)? == inputs {
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
                .map(|file| TestFile::of(file.path, file.stamp))
                .collect::<anyhow::Result<_>>()?,
        })
    }

    /// True if a change after `now` would give a file another time.
    fn are_settled(&self, now: i64) -> bool {
        let mut files = self.test_files.iter();
        // A time far in the future comes from a wrong clock.
        files.all(|file| (now - file.changed.0).abs() > UNSETTLED)
    }
}

impl TestFile {
    fn of(path: PathBuf, stamp: FileStamp) -> anyhow::Result<Self> {
        let context = || format!("failed to read the metadata of {}", path.display());
        let metadata = std::fs::metadata(&path).with_context(context)?;
        Ok(Self {
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            path,
            stamp,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{File, FileTimes, OpenOptions};
    use std::io::Write;
    use std::path::Path;

    use super::*;

    fn read(path: &Path) -> TestFile {
        let stamp = FileStamp::of(&path.metadata().unwrap());
        TestFile::of(path.to_owned(), stamp).unwrap()
    }

    #[test]
    fn a_rewrite_of_equal_size_and_time_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.csv");
        common::files::replace(&path, b"a,1\n").unwrap();
        let before = read(&path);
        let modified = path.metadata().unwrap().modified().unwrap();
        let is_seen = || {
            let mut file: File = OpenOptions::new().write(true).open(&path).unwrap();
            file.write_all(b"b,2\n").unwrap();
            file.set_times(FileTimes::new().set_modified(modified))
                .unwrap();
            let after = read(&path);
            assert!(after.stamp == before.stamp);
            after != before
        };
        // The clock of a file system ticks a few hundred times a second.
        assert!((0..1_000_000).any(|_| is_seen()));
    }

    #[test]
    fn a_score_is_kept_once_a_further_change_would_show() {
        let inputs = |seconds: &[i64]| Inputs {
            release: String::new(),
            model_digest: String::new(),
            test_files: seconds
                .iter()
                .map(|changed| TestFile {
                    path: PathBuf::new(),
                    stamp: FileStamp::default(),
                    changed: (*changed, 999_999_999),
                })
                .collect(),
        };
        assert!(inputs(&[]).are_settled(100));
        assert!(inputs(&[50, 98, 300]).are_settled(100));
        for unsettled in [99, 100, 101] {
            assert!(!inputs(&[50, unsettled]).are_settled(100), "{unsettled}");
        }
    }
}
