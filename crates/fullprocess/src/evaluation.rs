//! The evaluation: scores the deployed model on the present data, as evidence for the decision.

use std::borrow::Cow;
use std::cell::OnceCell;

use anyhow::Context;
use common::ledger::{FileStatus, Ledger};
use common::{Config, Failure, History, Manifest};
use dataset::passes::label_counts;
use dataset::{Fingerprint, FingerprintKey, FingerprintSet, Selection, Table, TestData};
use deployment::Release;
use ingestion::{Ingested, IngestedRows};
use model::Model;
use record::{DeployedModel, Evidence};
use scoring::ConfusionMatrix;
use serde::{Deserialize, Serialize};

/// Name of the history document with the deployed model's confusion matrix on all rows.
const PREDICTIONS: &str = "predictions of all rows";

/// The data of a run.
pub(crate) struct RunData {
    pub(crate) ledger: Ledger,
    pub(crate) key: FingerprintKey,
    /// The ledger before this run. Its rows are read from disk only when needed.
    earlier: Ledger,
    /// The rows that this run appended.
    appended: IngestedRows,
    all: OnceCell<Table>,
    /// Fingerprints of all rows; `None` if they must be read from disk.
    known_fingerprints: Option<FingerprintSet>,
}

/// A table and a selection of its rows.
pub(crate) struct SelectedRows<'a> {
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
            earlier: ledger.clone(),
            ledger,
            key,
            appended: IngestedRows::new(&config.schema),
            all: OnceCell::new(),
            known_fingerprints: None,
        })
    }

    /// The data after an ingestion.
    pub(crate) fn of(ingested: Ingested) -> Self {
        Self {
            ledger: ingested.ledger,
            key: ingested.key,
            earlier: ingested.before,
            appended: ingested.rows,
            all: OnceCell::new(),
            known_fingerprints: Some(ingested.known),
        }
    }

    /// All rows. Rows of earlier runs are read from disk at the first call.
    pub(crate) fn all(&self, config: &Config) -> anyhow::Result<&Table> {
        if self.earlier.rows == 0 {
            return Ok(&self.appended.table);
        }
        if let Some(all) = self.all.get() {
            return Ok(all);
        }
        let mut all = dataset::load_final_data(config, &self.earlier)?;
        all.extend(&self.appended.table);
        Ok(self.all.get_or_init(|| all))
    }

    /// For each test row, true if the ingested data contains the row.
    pub(crate) fn contains_each(
        &self,
        config: &Config,
        test: &TestData,
    ) -> anyhow::Result<Vec<bool>> {
        if let Some(known) = &self.known_fingerprints {
            match known.contains_each(&test.fingerprints) {
                Ok(found) => return Ok(found),
                Err(error) => tracing::warn!("{error:#}"),
            }
        }
        let all = dataset::load_fingerprints(config, &self.ledger, &self.key)?;
        Ok(scoring::seen_rows(&test.fingerprints, all))
    }

    /// Fingerprints of the newest rows. They include all rows that were never evaluated.
    pub(crate) fn newest_fingerprints(
        &self,
        config: &Config,
    ) -> anyhow::Result<Cow<'_, [Fingerprint]>> {
        if self.ledger.evaluated_rows >= self.earlier.rows {
            return Ok(Cow::Borrowed(&self.appended.fingerprints));
        }
        dataset::load_fingerprints(config, &self.ledger, &self.key).map(Cow::Owned)
    }

    /// The rows from index `first` on.
    pub(crate) fn rows_from(
        &self,
        config: &Config,
        first: u64,
    ) -> anyhow::Result<SelectedRows<'_>> {
        let (table, first) = match first.checked_sub(self.earlier.rows) {
            Some(behind) => (&self.appended.table, behind),
            None => (self.all(config)?, first),
        };
        Ok(SelectedRows {
            table,
            selection: Selection::rows(first as usize..table.rows()),
        })
    }

    /// The rows that were never evaluated.
    pub(crate) fn new_rows(&self, config: &Config) -> anyhow::Result<SelectedRows<'_>> {
        self.rows_from(config, self.ledger.evaluated_rows)
    }
}

impl SelectedRows<'_> {
    /// Number of selected rows with a label.
    pub(crate) fn labelled(&self) -> Result<u64, Failure> {
        Ok(label_counts(self.table, &self.selection)?.labelled())
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
    let Some(live) = live else {
        return Ok(Evidence {
            rows: data.ledger.rows,
            rejected_files: rejected_files(&data.ledger),
            labelled_rows: data.rows_from(config, 0)?.labelled()?,
            new_rows: new.selection.rows.len() as u64,
            new_labelled_rows: new.labelled()?,
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
        labelled_rows: on_all_rows.rows(),
        new_rows: new.selection.rows.len() as u64,
        new_labelled_rows: new.labelled()?,
        on_new_rows: scoring::score(&live.model, new.table, &new.selection)?,
        on_all_rows: (on_all_rows.rows() > 0).then(|| on_all_rows.into()),
        ..Evidence::default()
    })
}

/// Upper limit of rejected files that are named one by one.
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

/// Confusion matrix of a model on the labelled rows. It is stored, so that the next run counts only
/// the rows added since.
#[derive(Serialize, Deserialize)]
struct StoredConfusion {
    model: String,
    data: String,
    confusion: ConfusionMatrix,
}

fn confusion_on_all_rows(
    config: &Config,
    history: &History,
    live: &LiveRelease,
    data: &RunData,
) -> anyhow::Result<ConfusionMatrix> {
    let stored: Option<StoredConfusion> = history.document(PREDICTIONS)?;
    let stored = stored.filter(|stored| stored.model == live.manifest().model_digest());
    let (counted, first) = match stored {
        Some(stored) if stored.data == data.ledger.digest => return Ok(stored.confusion),
        Some(stored) if stored.data == data.earlier.digest => (stored.confusion, data.earlier.rows),
        _ => (ConfusionMatrix::default(), 0),
    };
    let rows = data.rows_from(config, first)?;
    let of_rows = scoring::confusion(&live.model, rows.table, &rows.selection)?;
    let confusion = counted.plus(of_rows);
    let updated = StoredConfusion {
        model: live.manifest().model_digest().to_owned(),
        data: data.ledger.digest.clone(),
        confusion,
    };
    history.save_document(PREDICTIONS, &updated)?;
    Ok(confusion)
}
