//! The candidate: fitted, scored, and held against the deployed model, all in memory.

use common::Config;
use dataset::{Table, TestData};
use scoring::{Comparison, Contest, Metrics, UnseenTest};
use training::{FitSettings, Model};

use crate::judge::{Data, Live};

/// A fitted model with its score on the test data.
pub(crate) struct Candidate {
    pub(crate) model: Model,
    pub(crate) metrics: Metrics,
    pub(crate) score: f64,
}

/// The test data, and what somebody should know about it.
pub(crate) struct Test {
    pub(crate) data: TestData,
    pub(crate) warnings: Vec<String>,
    /// Test rows that neither model was fitted to.
    pub(crate) unseen: Table,
}

impl Test {
    /// Reads the test data and finds the rows that a model was fitted to.
    pub(crate) fn load(config: &Config, data: &Data) -> anyhow::Result<Self> {
        let test = dataset::load_test_data(&config.test_folder, &config.schema, &data.key)?;
        let judged =
            ingestion::judged_fingerprints(&config.layout, data.ledger.judged_fingerprints)?;
        let seen = scoring::seen_rows(
            &test.table,
            data.table.fingerprints.iter().copied().chain(judged),
        );
        let n_seen = seen.iter().filter(|seen| **seen).count();
        let mut warnings = scoring::test_data_warnings(&test);
        if n_seen > 0 {
            warnings.push(format!(
                "{n_seen} rows of the test data are also input rows; the gate leaves them out"
            ));
        }
        let unseen = test.table.filtered(|row| !seen[row]);
        Ok(Self {
            data: test,
            warnings,
            unseen,
        })
    }

    fn n_seen(&self) -> u64 {
        (self.data.table.rows() - self.unseen.rows()) as u64
    }
}

/// Scores a fitted model on the test data.
pub(crate) fn score(model: Model, test: &Test) -> anyhow::Result<Candidate> {
    let (score, metrics) = scoring::score_on_test(&model, &test.data)?;
    Ok(Candidate {
        model,
        metrics,
        score,
    })
}

/// The candidate beside the deployed model, on rows that neither was fitted to.
pub(crate) fn compare(
    config: &Config,
    candidate: &Candidate,
    live: &Live,
    data: &Data,
    test: &Test,
) -> anyhow::Result<Comparison> {
    let settings = FitSettings {
        c: config.training.c,
    };
    let contest = Contest {
        candidate: &candidate.model,
        incumbent: &live.model,
        table: &data.table,
        new_rows: data.new_rows().rows,
        test: Some(UnseenTest {
            table: &test.unseen,
            left_out: test.n_seen(),
        }),
    };
    scoring::compare(&settings, &contest)
}
