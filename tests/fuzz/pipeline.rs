//! A small pipeline with ingested data, which tests copy and damage.

use std::fs;
use std::path::{Path, PathBuf};

use common::{Config, History, files};
use dataset::FingerprintKey;
use tempfile::TempDir;

/// A pipeline in a temporary folder.
pub(crate) struct Pipeline {
    folder: TempDir,
    pub(crate) config: Config,
}

/// The header of the input.
pub(crate) const HEADER: &str = "client,x,y,left";

impl Pipeline {
    /// A pipeline with empty folders.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let text = r#"{"input_folder_path":"in","output_folder_path":"out","test_data_path":"test",
            "output_model_path":"models","prod_deployment_path":"prod","state_folder_path":"state",
            "schema":{"id":"client","features":["x",{"name":"y","min":-1000,"max":1e6}],
                "target":"left"},"ingestion":{"settle_seconds":0}}"#;
        let config = Config::parse(&folder.path().join("config.json"), text).expect("a config");
        for name in ["in", "test", "out", "state"] {
            files::create_folder(&folder.path().join(name)).expect("a folder");
        }
        Self { folder, config }
    }

    /// A pipeline with one ingested file, whose first two rows are evaluated. The key is always the
    /// same.
    pub(crate) fn ingested() -> Self {
        let pipeline = Self::new();
        let layout = &pipeline.config.layout;
        files::replace_private(&layout.fingerprint_key(), &[7; 16]).expect("a key");
        let rows = "a,1,2,0\nb,3,,1\nbad,x,2,0\nc,5,6,\n";
        pipeline.write("in/a.csv", format!("{HEADER}\n{rows}").as_bytes());
        ingestion::run(&pipeline.config).expect("an ingestion");
        let key = FingerprintKey::load(layout).expect("a key").expect("a key");
        let history = History::open(layout).expect("a history");
        let ledger = history.ledger().expect("a ledger");
        let mut rows = Vec::new();
        let read = dataset::each_fingerprint(&pipeline.config, &ledger, &key, 0..2, |block| {
            rows.extend_from_slice(block);
            Ok(())
        });
        read.expect("the data");
        let judged = ingestion::mark_evaluated(layout, &ledger, &rows, 2).expect("a ledger");
        history.save_ledger(&judged).expect("a saved ledger");
        pipeline
    }

    /// A copy of the pipeline.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::new();
        for folder in ["in", "out", "state", "state/row.fingerprints"] {
            files::create_folder(&copy.path(folder)).expect("a folder");
            for entry in fs::read_dir(self.path(folder)).expect("a folder") {
                let from = entry.expect("an entry").path();
                if from.is_file() {
                    let name = from.file_name().expect("a name");
                    fs::copy(&from, copy.path(folder).join(name)).expect("a copy");
                }
            }
        }
        copy
    }

    /// A path within the pipeline's folder.
    pub(crate) fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Writes a file as a foreign program would.
    pub(crate) fn write(&self, relative: &str, content: &[u8]) {
        write(&self.path(relative), content);
    }
}

/// Writes a file as a foreign program would.
#[expect(
    clippy::disallowed_methods,
    reason = "a test plays the foreign program"
)]
pub(crate) fn write(path: &Path, content: &[u8]) {
    fs::write(path, content).expect("a file");
}
