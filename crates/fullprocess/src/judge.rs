//! Gathering the evidence: the deployed model on the data that is there now.

use anyhow::Context;
use common::ledger::Ledger;
use common::{Config, Failure, Manifest, Schema};
use dataset::{FingerprintKey, Selection, Table};
use deployment::Release;
use training::Model;

use crate::decide::{DeployedModel, Evidence};

/// The data that a run works on.
pub(crate) struct Data {
    pub(crate) ledger: Ledger,
    pub(crate) table: Table,
    pub(crate) key: FingerprintKey,
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
        let table = dataset::load_final_data(config, &ledger, &key)?;
        Ok(Self { ledger, table, key })
    }

    /// The rows that were never judged.
    pub(crate) fn new_rows(&self) -> Selection {
        Selection::rows(self.ledger.judged_rows as usize..self.table.rows())
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
            let names = |schema: &Schema| schema.feature_names().collect::<Vec<_>>().join(", ");
            return Err(Failure::configuration(format!(
                "release {} reads the columns {} and predicts {}, the schema names {} and {}: \
                 correct the schema, or deploy a model for it by hand (ingestion, training, scoring, deployment)",
                release.name(),
                names(&model.schema),
                model.schema.target,
                names(&config.schema),
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
pub(crate) fn judge(live: Option<&Live>, data: &Data) -> Evidence {
    let new = data.new_rows();
    let known = |rows: &Selection| {
        let labels = &data.table.labels[rows.rows.clone()];
        labels.iter().filter(|label| label.is_some()).count() as u64
    };
    let score =
        |rows: &Selection| live.and_then(|live| scoring::score(&live.model, &data.table, rows));
    Evidence {
        deployed: live.map(|live| DeployedModel {
            release: live.release.name().to_owned(),
            score: live.manifest().score,
        }),
        rows: data.table.rows() as u64,
        labelled_rows: known(&data.table.all()),
        new_rows: new.rows.len() as u64,
        new_labelled_rows: known(&new),
        on_new_rows: score(&new),
        on_all_rows: score(&data.table.all()),
    }
}
