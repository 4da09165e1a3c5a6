//! Notices: problems that a person has to fix, but that do not stop a run.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A problem that a person has to fix, but that does not stop a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Notice {
    /// Kind of problem.
    pub kind: NoticeKind,
    /// Folder or path that the notice is about. Empty if there can be only one notice of its kind.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// The problem as a sentence.
    pub what: String,
}

/// Kinds of problems.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// An entry of an input folder cannot be read.
    Unreadable,
    /// A rebuild of finaldata.csv waits for a file that cannot be read.
    DeferredRebuild,
    /// An input folder holds no CSV file.
    EmptyFolder,
    /// A file has no target column, but a column with nearly that name.
    MisspeltTarget,
    /// Nothing is deployed, and no ingested row has a label.
    NoLabels,
    /// A model is deployed, and the test data is missing.
    NoTestData,
    /// The predictions that waited for a label were lost.
    LostPredictions,
}

impl Notice {
    /// What a person should do, for the line `next` of a run's text.
    pub(crate) fn action(&self) -> String {
        let place = &self.place;
        match self.kind {
            NoticeKind::Unreadable | NoticeKind::DeferredRebuild => {
                format!("make {place} readable")
            }
            NoticeKind::EmptyFolder => format!("put CSV files into {place}"),
            NoticeKind::MisspeltTarget => format!("correct the header of {place}"),
            NoticeKind::NoLabels => "add files with known outcomes".into(),
            NoticeKind::NoTestData => {
                format!("put a CSV file with known outcomes into {place}")
            }
            NoticeKind::LostPredictions => {
                "find out what else changes the state folder, as predictions were lost".into()
            }
        }
    }

    /// Identity of the notice: kind and place. Details that change from run to run are left out,
    /// such as an error of the operating system.
    pub fn key(&self) -> String {
        format!("{}: {}", self.kind.name(), self.place)
    }
}

impl NoticeKind {
    fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::DeferredRebuild => "deferred rebuild",
            Self::EmptyFolder => "empty folder",
            Self::MisspeltTarget => "misspelt target",
            Self::NoLabels => "no labels",
            Self::NoTestData => "no test data",
            Self::LostPredictions => "lost predictions",
        }
    }
}
