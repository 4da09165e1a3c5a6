//! The score of the served model on the present test data.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use common::ledger::FileStamp;
use common::{Config, clock};
use scoring::{DeployedScore, score_release};

use crate::snapshot::Snapshot;

/// The last score, kept while the model and the test files are unchanged.
#[derive(Default)]
pub(crate) struct ScoreCache {
    last: Mutex<Option<(Inputs, Arc<DeployedScore>)>>,
    /// Requests wait for this lock without a thread, so that they take no threads from other
    /// requests.
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
    /// Also has the change time, which no program can set.
    stamp: FileStamp,
}

/// Seconds after a change within which a further change may get the same timestamp.
const TIMESTAMP_RESOLUTION_SECONDS: i64 = 1;
const NANOSECONDS: i64 = 1_000_000_000;

impl ScoreCache {
    /// The score of a snapshot, computed by one caller at a time.
    pub(crate) fn score(
        &self,
        config: &Config,
        snapshot: &Snapshot,
    ) -> anyhow::Result<Arc<DeployedScore>> {
        let mut cached = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let began = clock::now().as_second();
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
    pub(crate) fn block_until_dropped(&self) -> impl Sized + '_ {
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
                .map(|file| TestFile {
                    path: file.path,
                    stamp: file.stamp,
                })
                .collect(),
        })
    }

    /// True if a change after `now` would give each file another timestamp.
    fn are_settled(&self, now: i64) -> bool {
        let mut files = self.test_files.iter();
        // A time far in the future comes from a wrong clock.
        files.all(|file| {
            (now - file.stamp.changed.div_euclid(NANOSECONDS)).abs() > TIMESTAMP_RESOLUTION_SECONDS
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{File, FileTimes, OpenOptions};
    use std::io::Write;
    use std::path::Path;

    use super::*;

    fn read(path: &Path) -> FileStamp {
        FileStamp::of(&path.metadata().unwrap())
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
            assert!(after.size == before.size && after.modified == before.modified);
            after != before
        };
        // The clock of a file system ticks a few hundred times a second.
        assert!((0..1_000_000).any(|_| is_seen()));
    }

    #[test]
    fn a_score_is_cached_once_a_further_change_would_be_noticed() {
        let inputs = |seconds: &[i64]| Inputs {
            release: String::new(),
            model_digest: String::new(),
            test_files: seconds
                .iter()
                .map(|changed| TestFile {
                    path: PathBuf::new(),
                    stamp: FileStamp {
                        changed: *changed * NANOSECONDS + 999_999_999,
                        ..FileStamp::default()
                    },
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
