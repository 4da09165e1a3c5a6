//! Pipelines with traces of earlier runs, of time and of accidents.

use std::fs;
use std::sync::LazyLock;

use common::{Config, History};
use jiff::Timestamp;
use serde_json::Value;

use crate::tree::Tree;
use crate::workspace::{Workspace, outcome};

impl Workspace {
    /// A pipeline with the sample data, after a cold start. The run happens once per process.
    pub(crate) fn after_cold_start() -> Self {
        static STARTED: LazyLock<Tree> = LazyLock::new(|| {
            let workspace = Workspace::with_sample_data();
            assert_eq!(outcome(&workspace.fullprocess()), "cold_start");
            workspace.tree()
        });
        Self::from_tree(&STARTED)
    }

    /// A pipeline with the releases 1 and 2; release 2 is live. Its runs happen once per process.
    pub(crate) fn after_redeployment() -> Self {
        static REDEPLOYED: LazyLock<Tree> = LazyLock::new(|| {
            let mut workspace = Workspace::after_cold_start();
            workspace.set_input(&["sourcedata"]);
            assert_eq!(outcome(&workspace.fullprocess()), "redeployed");
            workspace.tree()
        });
        Self::from_tree(&REDEPLOYED)
    }

    /// The configuration as the programs read it.
    pub(crate) fn configuration(&self) -> Config {
        Config::load(&self.path("config.json")).expect("a configuration")
    }

    /// Opens the history for reading.
    pub(crate) fn history(&self) -> History {
        let history = History::read(&self.configuration().layout);
        history
            .expect("the history can be read")
            .expect("there is a history")
    }

    /// Opens the history for writing, as a run does.
    pub(crate) fn open_history(&self) -> History {
        History::open(&self.configuration().layout).expect("a history")
    }

    /// The record of the last run.
    pub(crate) fn last_record(&self) -> Value {
        let runs = self.run("fullprocess", &["--history", "--json"]).json();
        runs[0].clone()
    }

    /// Adds a run like `record` to the history. It began at `time`, and also ended then if it has
    /// an outcome.
    pub(crate) fn add_run(&self, time: Timestamp, outcome: Option<&str>, record: &Value) {
        let history = self.open_history();
        let run = history.begin_run(time, record).expect("a run");
        if let Some(outcome) = outcome {
            history
                .finish_run(run, time, outcome, record)
                .expect("an end");
        }
    }

    /// Changes one bit in the middle of a file.
    pub(crate) fn damage(&self, path: &str) {
        let mut bytes = fs::read(self.path(path)).expect("a file");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        self.write(path, bytes);
    }
}

/// Marks this history as one of format version 99.
pub(crate) fn of_a_newer_program(history: &[u8]) -> Vec<u8> {
    let mut newer = history.to_vec();
    // The offset at which SQLite stores the application's version number.
    newer[60..64].copy_from_slice(&99_u32.to_be_bytes());
    newer
}
