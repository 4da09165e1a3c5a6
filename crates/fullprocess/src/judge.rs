//! Gathering the evidence: the deployed model on the data that is there now.

use std::borrow::Cow;
use std::cell::OnceCell;

use anyhow::Context;
use common::ledger::{FileStatus, Ledger};
use common::{Config, Failure, History, Manifest};
use dataset::{Fingerprint, FingerprintKey, FingerprintSet, Selection, Table, TestData};
use deployment::Release;
use ingestion::{Ingested, LaidRows};
use model::Model;
use record::{DeployedModel, Evidence};
use scoring::ConfusionMatrix;
use serde::{Deserialize, Serialize};

/// The document of how the deployed model predicts all rows.
const PREDICTIONS: &str = "predictions of all rows";

/// The data that a run works on.
pub(crate) struct Data {
    pub(crate) ledger: Ledger,
    pub(crate) key: FingerprintKey,
    /// The ledger of the rows that are read only when they are asked for.
    before: Ledger,
    /// The rows behind those.
    last: LaidRows,
    all: OnceCell<Table>,
    /// Which rows there are; `None` where all are read.
    known: Option<FingerprintSet>,
}

/// Rows of the data, and the table that they stand in.
pub(crate) struct Rows<'a> {
    pub(crate) table: &'a Table,
    pub(crate) selection: Selection,
}

/// The live release with its model.
pub(crate) struct Live {
    pub(crate) release: Release,
    pub(crate) model: Model,
}

impl Data {
    /// The ingested data as it is committed.
    ///
    /// An error without the key of its fingerprints: rows judged under another would not be known
    /// again.
    pub(crate) fn load(config: &Config, ledger: Ledger) -> anyhow::Result<Self> {
        let key = match FingerprintKey::load(&config.layout)? {
            Some(key) => key,
            None if ledger.rows == 0 => FingerprintKey::PUBLIC,
            None => {
                return Err(Failure::input_output(format!(
                    "{} is missing: run `ingestion`, a new one is drawn",
                    config.layout.fingerprint_key().display()
                ))
                .into());
            }
        };
        Ok(Self {
            before: ledger.clone(),
            ledger,
            key,
            last: LaidRows::new(&config.schema),
            all: OnceCell::new(),
            known: None,
        })
    }

    /// What an ingestion came to.
    pub(crate) fn of(ingested: Ingested) -> Self {
        Self {
            ledger: ingested.ledger,
            key: ingested.key,
            before: ingested.before,
            last: ingested.rows,
            all: OnceCell::new(),
            known: Some(ingested.known),
        }
    }

    /// All rows; those that an earlier run took in are read here, once.
    pub(crate) fn all(&self, config: &Config) -> anyhow::Result<&Table> {
        if self.before.rows == 0 {
            return Ok(&self.last.table);
        }
        if let Some(all) = self.all.get() {
            return Ok(all);
        }
        let mut all = dataset::load_final_data(config, &self.before)?;
        all.extend(&self.last.table);
        Ok(self.all.get_or_init(|| all))
    }

    /// For each test row whether it is one of these.
    pub(crate) fn holds_each(&self, config: &Config, test: &TestData) -> anyhow::Result<Vec<bool>> {
        if let Some(known) = &self.known {
            match known.contains_each(&test.fingerprints) {
                Ok(found) => return Ok(found),
                Err(error) => tracing::warn!("{error:#}"),
            }
        }
        let all = dataset::load_fingerprints(config, &self.ledger, &self.key)?;
        Ok(scoring::seen_rows(&test.fingerprints, all))
    }

    /// The identities of the last rows, of those at least that were never judged.
    pub(crate) fn last_fingerprints(
        &self,
        config: &Config,
    ) -> anyhow::Result<Cow<'_, [Fingerprint]>> {
        if self.ledger.judged_rows >= self.before.rows {
            return Ok(Cow::Borrowed(&self.last.fingerprints));
        }
        dataset::load_fingerprints(config, &self.ledger, &self.key).map(Cow::Owned)
    }

    /// The rows from this one on.
    pub(crate) fn rows_from(&self, config: &Config, first: u64) -> anyhow::Result<Rows<'_>> {
        let (table, first) = match first.checked_sub(self.before.rows) {
            Some(behind) => (&self.last.table, behind),
            None => (self.all(config)?, first),
        };
        Ok(Rows {
            table,
            selection: Selection::rows(first as usize..table.rows()),
        })
    }

    /// The rows that were never judged.
    pub(crate) fn new_rows(&self, config: &Config) -> anyhow::Result<Rows<'_>> {
        self.rows_from(config, self.ledger.judged_rows)
    }
}

impl Rows<'_> {
    /// How many there are whose class is known.
    fn labelled(&self) -> u64 {
        let labels = &self.table.labels[self.selection.rows.clone()];
        labels.iter().filter(|label| label.is_some()).count() as u64
    }
}

impl Live {
    /// The live release; `None` when nothing is deployed.
    ///
    /// An error when it is damaged, or reads other columns than the configuration names.
    pub(crate) fn load(config: &Config) -> anyhow::Result<Option<Self>> {
        let remedy = "go back with `deployment --rollback ID`, `fullprocess --doctor` names one that is whole";
        let Some(release) = Release::live(&config.layout)
            .with_context(|| format!("the live release is damaged; {remedy}"))?
        else {
            return Ok(None);
        };
        let model = release
            .verify()
            .with_context(|| format!("release {} is damaged; {remedy}", release.name()))?;
        if !model.fits_schema(&config.schema) {
            return Err(Failure::configuration(format!(
                "release {} reads the columns {} and predicts {}, the schema names {} and {}: \
                 correct the schema, or deploy a model for it by hand (ingestion, training, scoring, deployment)",
                release.name(),
                model.schema.features_in_words(),
                model.schema.target,
                config.schema.features_in_words(),
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
pub(crate) fn judge(
    config: &Config,
    history: &History,
    live: Option<&Live>,
    data: &Data,
) -> anyhow::Result<Evidence> {
    let new = data.new_rows(config)?;
    let Some(live) = live else {
        return Ok(Evidence {
            rows: data.ledger.rows,
            rejected_files: rejected_files(&data.ledger),
            labelled_rows: data.rows_from(config, 0)?.labelled(),
            new_rows: new.selection.rows.len() as u64,
            new_labelled_rows: new.labelled(),
            ..Evidence::default()
        });
    };
    let on_all_rows = predictions(config, history, live, data)?;
    Ok(Evidence {
        deployed: Some(DeployedModel {
            release: live.release.name().to_owned(),
            score: live.manifest().score,
            score_interval: live.manifest().score_interval,
        }),
        rows: data.ledger.rows,
        labelled_rows: on_all_rows.rows(),
        new_rows: new.selection.rows.len() as u64,
        new_labelled_rows: new.labelled(),
        on_new_rows: scoring::score(&live.model, new.table, &new.selection),
        on_all_rows: (on_all_rows.rows() > 0).then(|| on_all_rows.into()),
        ..Evidence::default()
    })
}

/// Rejected files that are named one by one.
const MAX_NAMED_FILES: usize = 5;

/// The rejected files, where none has a row; the first ones by name.
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

/// How a model predicts the labelled rows of some data; kept, so that the next run counts only
/// the rows that came since.
#[derive(Serialize, Deserialize)]
struct Predictions {
    model: String,
    data: String,
    confusion: ConfusionMatrix,
}

fn predictions(
    config: &Config,
    history: &History,
    live: &Live,
    data: &Data,
) -> anyhow::Result<ConfusionMatrix> {
    let kept: Option<Predictions> = history.document(PREDICTIONS)?;
    let kept = kept.filter(|kept| kept.model == live.manifest().model_digest());
    let (counted, first) = match kept {
        Some(kept) if kept.data == data.ledger.digest => return Ok(kept.confusion),
        Some(kept) if kept.data == data.before.digest => (kept.confusion, data.before.rows),
        _ => (ConfusionMatrix::default(), 0),
    };
    let rows = data.rows_from(config, first)?;
    let confusion = counted.plus(scoring::confusion(&live.model, rows.table, &rows.selection));
    let counted = Predictions {
        model: live.manifest().model_digest().to_owned(),
        data: data.ledger.digest.clone(),
        confusion,
    };
    history.save_document(PREDICTIONS, &counted)?;
    Ok(confusion)
}
