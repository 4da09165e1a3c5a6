//! The location of every file of the pipeline.
//!
//! The configuration names folders; the file names in them are fixed and defined only here.

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

/// File names that occur in more than one folder.
pub mod names {
    /// The model file.
    pub const MODEL: &str = "trainedmodel.msgpack";
    /// F1 of the model on the test data.
    pub const SCORE: &str = "latestscore.txt";
    /// The ingested files, one per line.
    pub const INGESTED_FILES: &str = "ingestedfiles.txt";
    /// Picture of the model's confusion matrix.
    pub const CONFUSION_MATRIX: &str = "confusionmatrix.png";
    /// The points that a model gives to a client, for people.
    pub const SCORECARD: &str = "scorecard.csv";
    /// The clients without a label, those to call first at the top.
    pub const RISK_RANKING: &str = "riskranking.csv";
    /// Content and origin of a release.
    pub const MANIFEST: &str = "manifest.json";
    /// The report of a run or of a release, as one HTML file.
    pub const REPORT: &str = "report.html";
}

const FINAL_DATA: &str = "finaldata.csv";
const REJECTED_ROWS: &str = "rejectedrows.csv";
const API_RETURNS: &str = "apireturns.txt";
const API_RETURNS_JSON: &str = "apireturns.json";
const CURRENT: &str = "current";
const HISTORY_SEAL: &str = "history.db-seal";
const FINGERPRINT_KEY: &str = "fingerprint.key";
const INGESTION_CARRY: &str = "ingestion.carry";

/// The files that runs replace as a whole, in the folders that runs clean up.
const REPLACED: [&str; 15] = [
    names::MODEL,
    names::SCORE,
    names::INGESTED_FILES,
    names::CONFUSION_MATRIX,
    names::SCORECARD,
    names::REPORT,
    names::RISK_RANKING,
    FINAL_DATA,
    REJECTED_ROWS,
    API_RETURNS,
    API_RETURNS_JSON,
    CURRENT,
    HISTORY_SEAL,
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

    /// The names of ingested files, in ingestion order.
    pub fn ingested_files(&self) -> PathBuf {
        self.output.join(names::INGESTED_FILES)
    }

    /// Each rejected row with its place and reason.
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

    /// The picture that the program `reporting` draws.
    pub fn confusion_matrix(&self) -> PathBuf {
        self.models.join(names::CONFUSION_MATRIX)
    }

    /// The answers of the API, for people.
    pub fn api_returns(&self) -> PathBuf {
        self.models.join(API_RETURNS)
    }

    /// The answers of the API, for programs.
    pub fn api_returns_json(&self) -> PathBuf {
        self.models.join(API_RETURNS_JSON)
    }

    /// The call list of the last ranking.
    pub fn risk_ranking(&self) -> PathBuf {
        self.models.join(names::RISK_RANKING)
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

    /// Fingerprints of the evaluated rows.
    pub fn evaluated_fingerprints(&self) -> PathBuf {
        self.state.join("judged.fingerprints")
    }

    /// The rows that wait for a late label, and their predictions.
    pub fn predictions(&self) -> PathBuf {
        self.state.join("predictions.db")
    }

    /// Predictions of an earlier program, which [`Self::predictions`] replaced. `generation` counts the
    /// versions of the file.
    pub fn awaiting_labels(&self, generation: u64) -> PathBuf {
        self.state.join(format!("awaiting-{generation}.labels"))
    }

    /// True for the name of a file of [`Self::awaiting_labels`].
    pub fn is_awaiting_labels(name: &OsStr) -> bool {
        let name = name
            .to_str()
            .and_then(|name| name.strip_prefix("awaiting-"));
        let number = name.and_then(|name| name.strip_suffix(".labels"));
        number.is_some_and(|number| number.parse::<u64>().is_ok())
    }

    /// True for the name of a file that runs replace. Only the temporary files of these names are
    /// removed by runs.
    pub fn is_replaced(name: &OsStr) -> bool {
        REPLACED.iter().any(|replaced| name == *replaced) || Self::is_awaiting_labels(name)
    }

    /// State from which appending to finaldata.csv continues.
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

    /// The candidate that a run refused. It is kept so that later rows show whether the refusal was
    /// right.
    pub fn refused_candidate(&self, run: i64) -> PathBuf {
        self.run_folder(run).join(names::MODEL)
    }

    /// A separate pipeline inside `scratch`.
    pub fn in_scratch(scratch: &Path) -> Self {
        Self {
            output: scratch.join("output"),
            models: scratch.join("models"),
            production: scratch.join("production"),
            state: scratch.join("state"),
        }
    }
}
