//! Where every file of the pipeline lives.
//!
//! The configuration names folders; the names in them are fixed and written here only.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The folders of one pipeline, all absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub(crate) output: PathBuf,
    pub(crate) models: PathBuf,
    pub(crate) production: PathBuf,
    pub(crate) state: PathBuf,
}

/// File names that stand in more than one folder.
pub mod names {
    /// The model envelope.
    pub const MODEL: &str = "trainedmodel.msgpack";
    /// F1 of the model on the test data.
    pub const SCORE: &str = "latestscore.txt";
    /// The ingested files, one a line.
    pub const INGESTED_FILES: &str = "ingestedfiles.txt";
    /// The picture of the model's confusion matrix.
    pub const CONFUSION_MATRIX: &str = "confusionmatrix.png";
    /// What a release holds and where it came from.
    pub const MANIFEST: &str = "manifest.json";
}

const FINAL_DATA: &str = "finaldata.csv";
const REJECTED_ROWS: &str = "rejectedrows.csv";
const API_RETURNS: &str = "apireturns.txt";
const API_RETURNS_JSON: &str = "apireturns.json";
const CURRENT: &str = "current";
const FINGERPRINT_KEY: &str = "fingerprint.key";
const INGESTION_CARRY: &str = "ingestion.carry";

/// The files that are replaced whole in the folders that a run sweeps.
const REPLACED: [&str; 11] = [
    names::MODEL,
    names::SCORE,
    names::INGESTED_FILES,
    names::CONFUSION_MATRIX,
    FINAL_DATA,
    REJECTED_ROWS,
    API_RETURNS,
    API_RETURNS_JSON,
    CURRENT,
    FINGERPRINT_KEY,
    INGESTION_CARRY,
];

impl Layout {
    /// `output_folder_path`.
    pub fn output(&self) -> &Path {
        &self.output
    }

    /// The deduplicated union of the accepted rows.
    pub fn final_data(&self) -> PathBuf {
        self.output.join(FINAL_DATA)
    }

    /// The ingested file names in ingestion order.
    pub fn ingested_files(&self) -> PathBuf {
        self.output.join(names::INGESTED_FILES)
    }

    /// Each refused row with its place and reason.
    pub fn rejected_rows(&self) -> PathBuf {
        self.output.join(REJECTED_ROWS)
    }

    /// `output_model_path`.
    pub fn models(&self) -> &Path {
        &self.models
    }

    /// The candidate.
    pub fn candidate_model(&self) -> PathBuf {
        self.models.join(names::MODEL)
    }

    /// The candidate's F1 on the test data.
    pub fn candidate_score(&self) -> PathBuf {
        self.models.join(names::SCORE)
    }

    /// The picture that `reporting` draws by hand.
    pub fn confusion_matrix(&self) -> PathBuf {
        self.models.join(names::CONFUSION_MATRIX)
    }

    /// What the API answered, for people.
    pub fn api_returns(&self) -> PathBuf {
        self.models.join(API_RETURNS)
    }

    /// What the API answered, for programs.
    pub fn api_returns_json(&self) -> PathBuf {
        self.models.join(API_RETURNS_JSON)
    }

    /// `prod_deployment_path`.
    pub fn production(&self) -> &Path {
        &self.production
    }

    /// The releases, one folder each.
    pub fn releases(&self) -> PathBuf {
        self.production.join("releases")
    }

    /// The folder of one release.
    pub fn release(&self, name: &str) -> PathBuf {
        self.releases().join(name)
    }

    /// The link to the live release.
    pub fn current(&self) -> PathBuf {
        self.production.join(CURRENT)
    }

    /// `state_folder_path`.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The history store.
    pub fn history(&self) -> PathBuf {
        self.state.join("history.db")
    }

    /// The lock of the commands that write.
    pub fn run_lock(&self) -> PathBuf {
        self.state.join("run.lock")
    }

    /// The secret key of the row fingerprints.
    pub fn fingerprint_key(&self) -> PathBuf {
        self.state.join(FINGERPRINT_KEY)
    }

    /// Fingerprints of the rows that were judged.
    pub fn judged_fingerprints(&self) -> PathBuf {
        self.state.join("judged.fingerprints")
    }

    /// Predictions for rows whose class is awaited; the number counts up.
    pub fn awaiting_labels(&self, generation: u64) -> PathBuf {
        self.state.join(format!("awaiting-{generation}.labels"))
    }

    /// Whether a file of the state folder with this name is one of [`Self::awaiting_labels`].
    pub fn is_awaiting_labels(name: &OsStr) -> bool {
        let name = name
            .to_str()
            .and_then(|name| name.strip_prefix("awaiting-"));
        let number = name.and_then(|name| name.strip_suffix(".labels"));
        number.is_some_and(|number| number.parse::<u64>().is_ok())
    }

    /// Whether a name is that of a file which a run replaces, in whichever folder: only their
    /// temporary files are a run's to remove.
    pub fn is_replaced(name: &OsStr) -> bool {
        REPLACED.iter().any(|replaced| name == *replaced) || Self::is_awaiting_labels(name)
    }

    /// What appending to finaldata.csv continues from.
    pub fn ingestion_carry(&self) -> PathBuf {
        self.state.join(INGESTION_CARRY)
    }

    /// Fingerprints of the ingested rows, in several files.
    pub fn row_fingerprints(&self) -> PathBuf {
        self.state.join("row.fingerprints")
    }

    /// The reports of the runs, one folder each.
    pub fn runs(&self) -> PathBuf {
        self.state.join("runs")
    }

    /// The report folder of one run.
    pub fn run_folder(&self, run: i64) -> PathBuf {
        self.runs().join(format!("{run:06}"))
    }

    /// A pipeline of its own beneath `scratch`.
    pub fn in_scratch(scratch: &Path) -> Self {
        Self {
            output: scratch.join("output"),
            models: scratch.join("models"),
            production: scratch.join("production"),
            state: scratch.join("state"),
        }
    }

    /// The same, but with the releases of another pipeline.
    pub fn with_releases_of(self, other: &Self) -> Self {
        Self {
            production: other.production.clone(),
            ..self
        }
    }
}
