//! The evaluation: scores the deployed model on the present data, as evidence for the decision.

use std::cell::OnceCell;

use anyhow::Context;
use common::config::TrainingWindow;
use common::ledger::{FileStatus, Ledger, SampledRows};
use common::{Config, Failure, History, Manifest};
use dataset::passes::LabelCounts;
use dataset::passes::label_counts;
use dataset::{
    Fingerprint, FingerprintKey, FingerprintSet, LoadedRows, RowNumbers, Selection, Table,
    TestData, max_loaded_rows,
};
use deployment::Release;
use ingestion::{Ingested, IngestedRows};
use model::Model;
use record::{AllRows, DeployedModel, Evidence};
use scoring::{ClientSums, ConfusionMatrix};
use serde::{Deserialize, Serialize};

use crate::engine;

/// Name of the history document with the deployed model's confusion matrix on all rows.
const CONFUSION_DOCUMENT: &str = "predictions of all rows";

/// The data of a run.
pub(crate) struct RunData {
    pub(crate) ledger: Ledger,
    pub(crate) key: FingerprintKey,
    /// The ledger before this run. Rows of earlier runs are read from disk only when needed.
    earlier: Ledger,
    /// The rows that this run appended. `None` if they do not fit into memory.
    appended: Option<AppendedRows>,
    all: OnceCell<LoadedRows>,
    /// Number of the first row since the drift; `None` if no regime is open.
    drift: Option<u64>,
    /// Fingerprints of all rows; `None` if they must be read from disk.
    known_fingerprints: Option<FingerprintSet>,
}

/// The rows that a run appended.
struct AppendedRows {
    rows: LoadedRows,
    fingerprints: Vec<Fingerprint>,
}

/// Rows and a selection of them.
pub(crate) struct SelectedRows<'a> {
    pub(crate) rows: &'a LoadedRows,
    /// Number of rows of finaldata.csv in this range. The selection has fewer if it is a sample.
    n_rows: u64,
    pub(crate) table: &'a Table,
    pub(crate) selection: Selection,
}

/// The live release with its model.
pub(crate) struct LiveRelease {
    pub(crate) release: Release,
    pub(crate) model: Model,
}

impl RunData {
    /// The committed data.
    ///
    /// Returns an error if the fingerprint key is missing: with a new key, evaluated rows would not
    /// be recognised.
    pub(crate) fn load(config: &Config, ledger: Ledger) -> anyhow::Result<Self> {
        let key = match FingerprintKey::load(&config.layout)? {
            Some(key) => key,
            None if ledger.rows == 0 => FingerprintKey::PUBLIC,
            None => {
                return Err(Failure::input_output(format!(
                    "{} is missing: run `ingestion`, which creates a new one",
                    config.layout.fingerprint_key().display()
                ))
                .into());
            }
        };
        Ok(Self {
            appended: Some(AppendedRows::of(
                IngestedRows::new(&config.schema),
                ledger.rows,
            )),
            earlier: ledger.clone(),
            ledger,
            key,
            all: OnceCell::new(),
            drift: None,
            known_fingerprints: None,
        })
    }

    /// The data after an ingestion.
    pub(crate) fn of(ingested: Ingested) -> Self {
        Self {
            ledger: ingested.ledger,
            key: ingested.key,
            appended: ingested
                .rows
                .map(|rows| AppendedRows::of(rows, ingested.before.rows)),
            earlier: ingested.before,
            all: OnceCell::new(),
            drift: None,
            known_fingerprints: Some(ingested.known),
        }
    }

    /// The data after an ingestion on an engine. Since the state `earlier`, rows were only appended.
    pub(crate) fn on_engine(ledger: Ledger, earlier: Ledger, key: FingerprintKey) -> Self {
        Self {
            ledger,
            key,
            earlier,
            appended: None,
            all: OnceCell::new(),
            drift: None,
            known_fingerprints: None,
        }
    }

    /// Sets the first row since the drift. If memory has no room for all rows, rows from there on are
    /// preferred. Must be called before rows are read.
    pub(crate) fn prefer_since_drift(&mut self, first: Option<u64>) {
        self.drift = first;
    }

    /// All rows, or a sample of them if they need more memory than the configuration allows. Rows of
    /// earlier runs are read from disk at the first call. With a distributed engine, the engine has all
    /// rows: the first call sends it the rows that it lacks.
    pub(crate) fn all(&self, config: &Config) -> anyhow::Result<&LoadedRows> {
        if config.engine.is_none()
            && self.earlier.rows == 0
            && let Some(appended) = &self.appended
        {
            return Ok(&appended.rows);
        }
        if let Some(all) = self.all.get() {
            return Ok(all);
        }
        let appended = self.appended.as_ref().map(|it| &it.rows.table);
        if let Some(all) = engine::load(config, &self.ledger, &self.earlier, appended)? {
            return Ok(self.all.get_or_init(|| all));
        }
        let max_rows = max_loaded_rows(config);
        let all = match &self.appended {
            Some(appended) if self.ledger.rows <= max_rows as u64 => {
                let recent = self.earlier.rows;
                let mut all = dataset::load_within(config, &self.earlier, max_rows, recent)?;
                all.table.extend(&appended.rows.table);
                all
            }
            // The sample is the same as after an ingestion by hand.
            _ => dataset::load_within(config, &self.ledger, max_rows, self.first_recent(config))?,
        };
        Ok(self.all.get_or_init(|| all))
    }

    /// Number of the first row that a decision needs: the first new row, the first row since the drift, or
    /// the first row of the configured training window, whichever comes first.
    fn first_recent(&self, config: &Config) -> u64 {
        let ledger = &self.ledger;
        let window = match config.training.window {
            TrainingWindow::Batches(count) => training::first_row_of_last(&ledger.batches(), count),
            TrainingWindow::Auto | TrainingWindow::All => ledger.evaluated_rows,
        };
        window
            .min(ledger.evaluated_rows)
            .min(self.drift.unwrap_or(ledger.evaluated_rows))
    }

    /// Counts of the labels of the rows from number `first` on. The counts are exact even if memory holds
    /// only a sample.
    pub(crate) fn labels_from(&self, config: &Config, first: u64) -> anyhow::Result<LabelCounts> {
        let rows = self.rows_from(config, first)?;
        match rows.sample() {
            None => Ok(label_counts(rows.table, &rows.selection)?),
            Some(_) => dataset::count_labels(config, &self.ledger, first..self.ledger.rows),
        }
    }

    /// For each test row, true if the ingested data contains the row.
    pub(crate) fn contains_each(
        &self,
        config: &Config,
        test: &TestData,
    ) -> anyhow::Result<Vec<bool>> {
        if config.ingests_on_engine() {
            return engine::contains_each(config, &self.ledger, test);
        }
        if let Some(known) = &self.known_fingerprints {
            match known.contains_each(&test.fingerprints) {
                Ok(found) => return Ok(found),
                Err(error) => tracing::warn!("{error:#}"),
            }
        }
        dataset::find_in_final_data(config, &self.ledger, &self.key, &test.fingerprints)
    }

    /// The ledger with all rows evaluated. Their fingerprints are written; the caller commits.
    pub(crate) fn mark_evaluated(&self, config: &Config) -> anyhow::Result<Ledger> {
        let (ledger, rows) = (&self.ledger, self.ledger.rows);
        if config.ingests_on_engine() {
            // An engine has no fingerprints under the key of this machine. Evaluated rows are those of the
            // first files.
            return Ok(Ledger {
                evaluated_rows: rows,
                ..ledger.clone()
            });
        }
        match &self.appended {
            Some(appended) if ledger.evaluated_rows >= self.earlier.rows => {
                ingestion::mark_evaluated(&config.layout, ledger, &appended.fingerprints, rows)
            }
            _ => ingestion::mark_rows_evaluated(config, ledger, &self.key, rows),
        }
    }

    /// The rows from number `first` on, or a sample of them.
    pub(crate) fn rows_from(
        &self,
        config: &Config,
        first: u64,
    ) -> anyhow::Result<SelectedRows<'_>> {
        let rows = match &self.appended {
            Some(appended) if first >= self.earlier.rows => &appended.rows,
            _ => self.all(config)?,
        };
        let table = &rows.table;
        Ok(SelectedRows {
            rows,
            n_rows: self.ledger.rows.saturating_sub(first),
            table,
            selection: Selection::rows(rows.numbers.position(first)..table.rows()),
        })
    }

    /// The rows that were never evaluated.
    pub(crate) fn new_rows(&self, config: &Config) -> anyhow::Result<SelectedRows<'_>> {
        self.rows_from(config, self.ledger.evaluated_rows)
    }
}

impl SelectedRows<'_> {
    /// The sample that the rows are from; `None` if these are all rows of the range.
    pub(crate) fn sample(&self) -> Option<SampledRows> {
        let rows = self.selection.rows.len() as u64;
        self.rows.sample.filter(|_| rows < self.n_rows)
    }

    /// Sentence that says that only a sample of the new rows was evaluated. `None` if all were.
    pub(crate) fn note_of_sample(&self) -> Option<String> {
        let sample = SampledRows {
            rows: self.selection.rows.len() as u64,
            of: self.n_rows,
            ..self.sample()?
        };
        Some(format!(
            "the new rows were evaluated on {sample}; counts of rows and labels are exact"
        ))
    }
}

impl AppendedRows {
    /// The rows after the first `before` rows of finaldata.csv.
    fn of(rows: IngestedRows, before: u64) -> Self {
        Self {
            rows: LoadedRows {
                table: rows.table,
                numbers: RowNumbers::From(before),
                sample: None,
            },
            fingerprints: rows.fingerprints,
        }
    }
}

impl LiveRelease {
    /// The live release; `None` when nothing is deployed.
    ///
    /// Returns an error if the release is damaged, if the link to it is missing, or if the model's
    /// columns differ from the configured ones.
    pub(crate) fn load(config: &Config) -> anyhow::Result<Option<Self>> {
        let remedy = "`fullprocess --doctor` names the command that repairs it";
        let Some(release) = Release::live(&config.layout)
            .with_context(|| format!("the live release is damaged; {remedy}"))?
        else {
            deployment::check_live_link(&config.layout)?;
            return Ok(None);
        };
        let model = release
            .verify()
            .with_context(|| format!("release {} is damaged; {remedy}", release.name()))?;
        if !model.fits_schema(&config.schema) {
            return Err(Failure::configuration(format!(
                "release {} reads the columns {} and predicts {}, but the schema names {} and {}: \
                 correct the schema, or deploy a model for it by hand (ingestion, training, scoring, deployment)",
                release.name(),
                model.schema.features_as_text(),
                model.schema.target,
                config.schema.features_as_text(),
                config.schema.target
            ))
            .into());
        }
        Ok(Some(Self { release, model }))
    }

    pub(crate) fn manifest(&self) -> &Manifest {
        &self.release.manifest
    }
}

/// Scores the deployed model on the new rows and on all rows.
pub(crate) fn evaluate(
    config: &Config,
    history: &History,
    live: Option<&LiveRelease>,
    data: &RunData,
) -> anyhow::Result<Evidence> {
    let new = data.new_rows(config)?;
    let ledger = &data.ledger;
    let new_rows = ledger.rows.saturating_sub(ledger.evaluated_rows);
    let new_labels = data.labels_from(config, ledger.evaluated_rows)?;
    let new_labelled_rows = new_labels.labelled();
    let Some(live) = live else {
        return Ok(Evidence {
            rows: ledger.rows,
            rejected_files: rejected_files(ledger),
            labelled_rows: match ledger.evaluated_rows {
                0 => new_labelled_rows,
                _ => data.labels_from(config, 0)?.labelled(),
            },
            new_rows,
            new_labelled_rows,
            ..Evidence::default()
        });
    };
    let on_all_rows = confusion_on_all_rows(config, history, live, data)?;
    Ok(Evidence {
        deployed: Some(DeployedModel {
            release: live.release.name().to_owned(),
            score: live.manifest().score,
            score_interval: live.manifest().score_interval,
        }),
        rows: data.ledger.rows,
        labelled_rows: on_all_rows.confusion.rows(),
        new_rows,
        new_labelled_rows,
        new_positive_rows: new.sample().map(|_| new_labels.positives),
        on_new_rows: scoring::score(&live.model, new.table, &new.selection)?,
        on_all_rows: on_all_rows.performance(),
        ..Evidence::default()
    })
}

/// Maximum number of rejected files that are named.
const MAX_NAMED_FILES: usize = 5;

/// Names and reasons of the first rejected files; empty if any file has rows.
fn rejected_files(ledger: &Ledger) -> Vec<String> {
    if ledger.rows > 0 {
        return Vec::new();
    }
    let rejected = ledger.files.iter().filter_map(|file| {
        let reason = file.reason.as_ref()?;
        (file.status == FileStatus::Rejected)
            .then(|| format!("{}/{}: {reason}", file.folder, file.name))
    });
    let mut named: Vec<String> = rejected.collect();
    if named.len() > MAX_NAMED_FILES {
        let more = named.len() - MAX_NAMED_FILES;
        named.truncate(MAX_NAMED_FILES);
        named.push(format!("and {more} more"));
    }
    named
}

/// Confusion matrix of a model on the labelled rows. The matrix is stored, so that the next run counts only
/// the rows added since.
#[derive(Serialize, Deserialize)]
struct StoredConfusion {
    model: String,
    data: String,
    confusion: ConfusionMatrix,
    /// Sums by client for the interval of F1. `None` where memory held only a sample of the rows.
    true_positives: Option<ClientSums>,
    /// True if the document may have sums by client. Documents of older programs lack them, so the rows are
    /// counted again.
    #[serde(default)]
    by_client: bool,
}

impl StoredConfusion {
    fn of_no_rows(model: &str) -> Self {
        Self {
            model: model.to_owned(),
            data: String::new(),
            confusion: ConfusionMatrix::default(),
            true_positives: Some(ClientSums::default()),
            by_client: true,
        }
    }

    fn performance(&self) -> Option<AllRows> {
        let interval = self.true_positives.as_ref();
        (self.confusion.rows() > 0).then(|| AllRows {
            f1_interval: interval.and_then(scoring::f1_interval_by_client),
            ..self.confusion.into()
        })
    }
}

fn confusion_on_all_rows(
    config: &Config,
    history: &History,
    live: &LiveRelease,
    data: &RunData,
) -> anyhow::Result<StoredConfusion> {
    let stored: Option<StoredConfusion> = history.document(CONFUSION_DOCUMENT)?;
    let digest = live.manifest().model_digest();
    let stored = stored.filter(|stored| stored.by_client && stored.model == digest);
    // Sums that a sample left out are known once memory has room for all rows.
    let has_room = config.engine.is_some() || data.ledger.rows <= max_loaded_rows(config) as u64;
    let stored = stored.filter(|stored| stored.true_positives.is_some() || !has_room);
    let (counted, first) = match stored {
        Some(stored) if stored.data == data.ledger.digest => return Ok(stored),
        Some(stored) if stored.data == data.earlier.digest => (stored, data.earlier.rows),
        _ => (StoredConfusion::of_no_rows(digest), 0),
    };
    let rows = data.rows_from(config, first)?;
    let counted = match rows.sample() {
        None => {
            let (table, rows) = (rows.table, &rows.selection);
            let of_rows = scoring::true_positives(&live.model, table, rows)?;
            StoredConfusion {
                confusion: counted
                    .confusion
                    .plus(scoring::confusion(&live.model, table, rows)?),
                true_positives: counted
                    .true_positives
                    .map(|sums| [sums, of_rows].into_iter().sum()),
                ..counted
            }
        }
        Some(_) => {
            let mut confusion = counted.confusion;
            let wanted = first..data.ledger.rows;
            dataset::each_block(config, &data.ledger, wanted, |block| {
                let of_block = scoring::confusion(&live.model, block, &block.all())?;
                confusion = confusion.plus(of_block);
                Ok(())
            })?;
            StoredConfusion {
                confusion,
                true_positives: None,
                ..counted
            }
        }
    };
    let updated = StoredConfusion {
        data: data.ledger.digest.clone(),
        ..counted
    };
    history.save_document(CONFUSION_DOCUMENT, &updated)?;
    Ok(updated)
}
